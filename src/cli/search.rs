//! `tuneplan search`: the plans for one model, data and hardware that nothing else is better than.

use super::figures::{changes_json, push_line, to_json};
use super::output::Output;
use super::{Outcome, SearchArgs, load};
use crate::estimate::Inputs;
use crate::figures::gaps_line;
use crate::plan::Plan;
use crate::solve::levers::Risk;
use crate::solve::search::{Choice, Found, Limits, Outcome as Searched, Search};
use crate::solve::{Figures, Known};
use crate::units::{ByteUnit, Bytes, duration, quantity};
use anyhow::{Context as _, Result, bail};
use clap::ArgMatches;
use serde_json::{Value as Json, json};
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

pub fn run(args: &SearchArgs, flags: Option<&ArgMatches>, out: &mut dyn Write, err: &mut dyn Write) -> Result<Outcome> {
    let given = load::given(args.plan.as_deref(), flags, err)?;
    let output = Output::of_changed(args.output.as_deref(), args.plan.as_deref(), args.force, flags)?;
    let plan = &given.plan;
    let known = Known::embedded();
    let limits = limits(args, plan, known)?;
    let search = Search::new(plan, limits, known).map_err(anyhow::Error::msg)?;
    let outcome = search.outcome(&on_all_cores(&search));
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &outcome_json(&outcome, &limits))?;
        writeln!(out)?;
    } else {
        write!(out, "{}{}", text(plan, &outcome, args.top), gaps_line(plan))?;
    }
    if let Some(output) = output {
        let pace = |choice: &&Choice| choice.figures.secs_per_token().unwrap_or(f64::MAX);
        let fastest = outcome.choices.iter().min_by(|a, b| pace(a).total_cmp(&pace(b)));
        let fastest = fastest.with_context(|| format!("there is no plan to write: {}", outcome.words))?;
        output.write(given.text_for(&fastest.plan).as_bytes())?;
        writeln!(err, "wrote {output}")?;
    }
    Ok(Outcome::Done)
}

fn limits(args: &SearchArgs, plan: &Plan, known: Known<'_>) -> Result<Limits> {
    let capacity = || {
        let inputs = Inputs::resolve(plan, known.catalog, known.profiles).ok()?;
        Figures::of(&inputs).capacity
    };
    let memory = match &args.under {
        Some(text) => Some(Bytes::parse(text).map_err(anyhow::Error::msg)?),
        None => capacity(),
    };
    let Some(risk) = Risk::from_word(&args.max_risk) else {
        bail!("--max-risk does not know `{}`; it takes none, low or medium", args.max_risk)
    };
    for (flag, amount) in [("max-hours", args.max_hours), ("max-cost", args.max_cost)] {
        if amount.is_some_and(|amount| !amount.is_finite() || amount < 0.0) {
            bail!("--{flag} takes a number that is not negative");
        }
    }
    Ok(Limits { memory, hours: args.max_hours, money: args.max_cost, risk: Some(risk) })
}

/// Parts go to whichever core is free; the result does not depend on which.
fn on_all_cores(search: &Search<'_>) -> Found {
    let cores = crate::jobs::cores();
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut found = Found::default();
        loop {
            let part = next.fetch_add(1, Ordering::Relaxed);
            if part >= search.parts() {
                return found;
            }
            found.merge(&search.run_part(part));
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (1..cores).map(|_| scope.spawn(worker)).collect();
        let mut found = worker();
        for other in workers {
            // A worker that panicked leaves its parts out; the panic itself is passed on.
            match other.join() {
                Ok(part) => found.merge(&part),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        found
    })
}

fn choice_json(choice: &Choice) -> Json {
    json!({
        "risk": choice.risk.word(),
        "changes": changes_json(&choice.changes),
        "figures": to_json(&choice.figures),
    })
}

fn outcome_json(outcome: &Searched, limits: &Limits) -> Json {
    let tally = &outcome.tally;
    json!({
        "words": outcome.words,
        "limits": {
            "memory_bytes": limits.memory.map(|bytes| bytes.0),
            "hours": limits.hours,
            "money": limits.money,
            "risk": limits.risk.map(Risk::word),
        },
        "estimated_plans": tally.estimated,
        "contradictory_plans": tally.contradictory,
        "plans_left_out_by_risk": tally.too_risky,
        "plans_within_limits": tally.within,
        "tight_plans": tally.tight,
        "plans": outcome.choices.iter().map(choice_json).collect::<Vec<_>>(),
    })
}

fn text(plan: &Plan, outcome: &Searched, top: usize) -> String {
    let mut text = String::new();
    push_line(&mut text, &plan.short_name());
    push_line(&mut text, "");
    push_line(&mut text, &outcome.words);
    if outcome.choices.is_empty() {
        return text;
    }
    push_line(&mut text, "");
    push_line(
        &mut text,
        &format!("{:>12} {:<12} {:>12} {:>14} {:<8} changes", "memory", "verdict", "a step", "cost", "risk"),
    );
    for choice in spread(&outcome.choices, top) {
        let figures = &choice.figures;
        let step = figures.step_secs.map_or_else(|| "–".to_owned(), |secs| duration(secs.expected));
        let money = figures.money.map_or_else(|| "–".to_owned(), |money| quantity(money.expected, &plan.cost.currency));
        let changes: Vec<String> =
            choice.changes.iter().map(|[label, _, after]| format!("{} {after}", label.to_lowercase())).collect();
        let changes = if changes.is_empty() { "the plan as it is".to_owned() } else { changes.join(", ") };
        let memory = figures.memory().display(ByteUnit::GiB);
        let (verdict, risk) = (figures.fit.word(), choice.risk.word());
        push_line(&mut text, &format!("{memory:>12} {verdict:<12} {step:>12} {money:>14} {risk:<8} {changes}"));
    }
    text
}

/// At most `top` of all, evenly over the set, its ends among them.
fn spread(all: &[Choice], top: usize) -> Vec<&Choice> {
    if all.len() <= top || top < 2 {
        return all.iter().take(top).collect();
    }
    (0..top).filter_map(|i| all.get(i * (all.len() - 1) / (top - 1))).collect()
}
