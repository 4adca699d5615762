//! `tuneplan levers`: what to change, with what each change saves and costs.

use super::figures::{before_after, changes_json, changes_text, push_line, to_json};
use super::output::Output;
use super::{LeversArgs, Outcome, load};
use crate::estimate::PhaseKind;
use crate::figures::gaps_line;
use crate::plan::Plan;
use crate::solve::Known;
use crate::solve::figures::edited;
use crate::solve::levers::combine::{Combination, Way, cheapest, time_words};
use crate::solve::levers::{Kind, Lever, Levers, levers};
use crate::units::{ByteUnit, Bytes};
use anyhow::{Result, bail};
use clap::ArgMatches;
use serde_json::{Value as Json, json};
use std::io::Write;

pub fn run(args: &LeversArgs, flags: Option<&ArgMatches>, out: &mut dyn Write, err: &mut dyn Write) -> Result<Outcome> {
    let given = load::given(args.plan.as_deref(), flags, err)?;
    let output = Output::of_changed(args.output.as_deref(), args.plan.as_deref(), args.force, flags)?;
    let plan = &given.plan;
    let known = Known::embedded();
    let found = levers(plan, known).map_err(anyhow::Error::msg)?;
    let way = cheapest(plan, &found, known);
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &all_json(&found, &way))?;
        writeln!(out)?;
    } else {
        write!(out, "{}{}", text(plan, &found, &way), gaps_line(plan))?;
    }
    if let Some(output) = output {
        let Some(best) = way.sets.first() else { bail!("there is no set of changes to write: {}", way.words) };
        let Some(after) = edited(plan, &best.edit) else { bail!("the changes are refused") };
        output.write(given.text_for(&after).as_bytes())?;
        writeln!(err, "wrote {output}")?;
    }
    Ok(Outcome::Done)
}

fn kind_json(kind: &Kind) -> Json {
    json!({
        "id": kind.id,
        "title": kind.title,
        "risk": kind.quality.risk.word(),
        "quality": kind.quality.words,
        "source": kind.quality.source,
    })
}

fn lever_json(lever: &Lever) -> Json {
    json!({
        "lever": kind_json(&lever.kind),
        "changes": changes_json(&lever.changes),
        "saved_bytes": bytes_json(lever.saved_bytes),
        "time_change": lever.time_change,
        "after": to_json(&lever.after),
    })
}

fn set_json(set: &Combination) -> Json {
    json!({
        "levers": set.kinds.iter().map(kind_json).collect::<Vec<_>>(),
        "changes": changes_json(&set.changes),
        "risk": set.risk.word(),
        "saved_bytes": bytes_json(set.saved_bytes),
        "time_change": set.time_change,
        "after": to_json(&set.after),
    })
}

/// Differences of two byte counts, in JSON's range.
fn bytes_json(difference: i128) -> i64 {
    i64::try_from(difference).unwrap_or(if difference < 0 { i64::MIN } else { i64::MAX })
}

fn all_json(found: &Levers, way: &Way) -> Json {
    json!({
        "before": to_json(&found.before),
        "levers": found.levers.iter().map(lever_json).collect::<Vec<_>>(),
        "words": way.words,
        "sets": way.sets.iter().map(set_json).collect::<Vec<_>>(),
    })
}

fn text(plan: &Plan, found: &Levers, way: &Way) -> String {
    let unit = ByteUnit::GiB;
    let before = &found.before;
    let mut text = String::new();
    push_line(&mut text, &plan.short_name());
    push_line(
        &mut text,
        &format!(
            "{}: {}; peak: {}.",
            before.fit.word(),
            before.memory_words(unit),
            before.peak.map_or("none", PhaseKind::label).to_lowercase()
        ),
    );
    push_line(&mut text, "");
    push_line(&mut text, &way.words);
    if let Some(best) = way.sets.first() {
        push_line(&mut text, "");
        text.push_str(&changes_text(&best.changes));
        push_line(&mut text, "");
        text.push_str(&before_after(before, &best.after, &plan.cost.currency));
    }
    if way.sets.len() > 1 {
        push_line(&mut text, "");
        push_line(&mut text, "Other sets:");
        for set in &way.sets[1..] {
            let titles: Vec<&str> = set.kinds.iter().map(|kind| kind.title.as_str()).collect();
            let time = set.time_change.map_or_else(|| "time unknown".to_owned(), time_words);
            let (verdict, memory) = (set.after.fit.word(), set.after.memory_words(unit));
            push_line(
                &mut text,
                &format!("  {verdict}: {} ({memory}; quality risk {}, {time})", titles.join(" + "), set.risk.word()),
            );
        }
    }
    push_line(&mut text, "");
    let head = format!(
        "{:<44} {:>12} {:<12} {:<16} {:>16}  {}",
        "Change", "saves", "then", "peak then", "time", "quality risk"
    );
    push_line(&mut text, &head);
    for lever in &found.levers {
        let saved = Bytes(u64::try_from(lever.saved_bytes).unwrap_or(0));
        let saved = if saved == Bytes::ZERO { "–".to_owned() } else { saved.display(unit) };
        let peak = lever.after.peak.map_or("–", PhaseKind::label);
        let time = lever.time_change.map_or_else(|| "–".to_owned(), time_words);
        let risk = lever.kind.quality.risk.word();
        let (title, verdict) = (&lever.kind.title, lever.after.fit.word());
        push_line(&mut text, &format!("{title:<44} {saved:>12} {verdict:<12} {peak:<16} {time:>16}  {risk}"));
        let source = lever.kind.quality.source;
        let source = if source.is_empty() { String::new() } else { format!(" [{source}]") };
        push_line(&mut text, &format!("    {}{source}", lever.kind.quality.words));
    }
    text
}
