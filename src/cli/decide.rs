//! `tuneplan decide`: from a file of answers to a recommendation, its reasons, what would flip it, what is missing.

use super::figures::push_line;
use super::{DecideArgs, Outcome};
use crate::decide::break_even::{BreakEven, Crossing, break_even};
use crate::decide::engine::named;
use crate::decide::rules::Rule;
use crate::decide::{Recommendation, recommend};
use crate::documents::store;
use crate::files;
use crate::plan::decision::{Answers, MAX_BYTES, read_answers};
use crate::units::share_words;
use crate::units::{grouped, significant};
use anyhow::{Result, bail};
use serde_json::{Value as Json, json};
use std::io::Write;

pub fn run(args: &DecideArgs, out: &mut dyn Write) -> Result<Outcome> {
    let path = args.answers.display();
    if path.to_string().ends_with(".plan.ron") {
        let plan = store::read_plan(&args.answers)?.plan;
        let Some(decision) = plan.decision else {
            bail!("{path}: this plan holds no decision; give a file of answers")
        };
        return print(&decision.answers, args.json, out);
    }
    let text = files::read_text(&args.answers, MAX_BYTES as u64)?;
    let answers = read_answers(&text).map_err(|error| anyhow::anyhow!("{path}:{error}"))?;
    print(&answers, args.json, out)
}

fn print(answers: &Answers, as_json: bool, out: &mut dyn Write) -> Result<Outcome> {
    let found = recommend(answers);
    let costs = answers.costs.as_ref().map(break_even);
    if as_json {
        serde_json::to_writer_pretty(&mut *out, &to_json(&found, costs.as_ref()))?;
        writeln!(out)?;
    } else {
        write!(out, "{}", to_text(&found, answers, costs.as_ref()))?;
    }
    Ok(Outcome::Done)
}

fn rule_json(rule: &Rule) -> Json {
    json!({ "id": rule.id, "name": rule.name, "reason": rule.reason, "source": rule.source })
}

fn to_json(found: &Recommendation, costs: Option<&BreakEven>) -> Json {
    let advice: Vec<Json> = found
        .advice
        .iter()
        .map(|advice| {
            json!({
                "id": advice.outcome.id(),
                "label": advice.outcome.label(),
                "what": advice.outcome.words(),
                "rules": advice.rules.iter().copied().map(rule_json).collect::<Vec<_>>(),
            })
        })
        .collect();
    let drivers: Vec<Json> = found
        .drivers
        .iter()
        .map(|driver| json!({ "fact": driver.fact.words(), "holds": driver.holds.word(), "evidence": driver.words }))
        .collect();
    let flips: Vec<Json> = found
        .flips
        .iter()
        .map(|flip| {
            let outcomes: Vec<&str> = flip.outcomes.iter().map(|outcome| outcome.id()).collect();
            json!({ "question": flip.question, "label": flip.label, "now": flip.now, "instead": flip.instead, "outcomes": outcomes })
        })
        .collect();
    let missing: Vec<Json> = found
        .missing
        .iter()
        .map(|missing| {
            json!({ "question": missing.question, "label": missing.label, "why": missing.why, "more_labels": missing.more })
        })
        .collect();
    let against: Vec<Json> = found
        .against
        .iter()
        .map(|against| {
            json!({ "id": against.id, "name": against.name, "reason": against.reason, "pays": against.pays, "source": against.source })
        })
        .collect();
    let evidence: Vec<Json> = found
        .proportions
        .iter()
        .map(|share| {
            let interval = crate::decide::stats::wilson(share.count, share.total);
            json!({
                "name": share.name,
                "count": share.count,
                "total": share.total,
                "low_share": interval.map(|interval| interval.low),
                "high_share": interval.map(|interval| interval.high),
                "against_share": share.against,
                "distinguishable": share.told,
                "more_labels": share.more,
            })
        })
        .collect();
    let samples = found.samples.map(|samples| {
        json!({
            "before_share": samples.before,
            "after_share": samples.after,
            "unpaired_examples_per_arm": samples.unpaired_per_arm,
            "paired_examples_low": samples.paired.0,
            "paired_examples_high": samples.paired.1,
        })
    });
    json!({
        "verdict": if found.is_open() { "not-enough-evidence" } else { "advice" },
        "outcomes": advice,
        "drivers": drivers,
        "flips": flips,
        "missing": missing,
        "unsettled": found.unsettled.iter().map(|fact| fact.words()).collect::<Vec<_>>(),
        "evidence": evidence,
        "samples": samples,
        "against_fine_tuning": against,
        "break_even": costs.map(costs_json),
    })
}

fn costs_json(costs: &BreakEven) -> Json {
    let lines: Vec<Json> = costs
        .lines
        .iter()
        .map(|line| json!({ "way": line.way.id(), "money_per_month": line.per_month, "money_per_request": line.per_request }))
        .collect();
    let against: Vec<Json> = costs
        .against
        .iter()
        .map(|against| match against.crossing {
            Crossing::From { expected, low, high } => json!({
                "other": against.other.id(), "cheaper": "from",
                "requests_per_month": expected, "low_requests_per_month": low, "high_requests_per_month": high,
            }),
            Crossing::Always => json!({ "other": against.other.id(), "cheaper": "always" }),
            Crossing::UpTo(requests) => {
                json!({ "other": against.other.id(), "cheaper": "up-to", "requests_per_month": requests })
            }
            Crossing::Never => json!({ "other": against.other.id(), "cheaper": "never" }),
        })
        .collect();
    json!({
        "currency": costs.currency,
        "price_date": costs.date,
        "lines": lines,
        "fine_tuning_against": against,
        "missing": costs.missing,
        "counted_as_zero": costs.counted_as_zero,
        "cache_pays_from_uses": costs.cache_pays_from_uses,
    })
}

fn to_text(found: &Recommendation, answers: &Answers, costs: Option<&BreakEven>) -> String {
    let mut text = String::new();
    push_line(&mut text, &found.headline());
    for advice in &found.advice {
        push_line(&mut text, &format!("  {}", advice.outcome.words()));
        for rule in &advice.rules {
            push_line(&mut text, &format!("    {}. {} [{}]", rule.name, rule.reason, rule.source));
        }
    }
    let mut section = |title: &str, lines: Vec<String>| {
        if !lines.is_empty() {
            push_line(&mut text, "");
            push_line(&mut text, title);
            for line in lines {
                push_line(&mut text, &format!("  {line}"));
            }
        }
    };
    let drivers = found.drivers.iter().map(|driver| {
        let evidence = if driver.words.is_empty() { String::new() } else { format!(" ({})", driver.words) };
        format!("{}: {}{evidence}", capital(driver.fact.words()), driver.holds.word())
    });
    section("What drove it", drivers.collect());
    let flips = found
        .flips
        .iter()
        .map(|flip| format!("{}: {} → {}: {}", flip.label, flip.now, flip.instead, named(&flip.outcomes)));
    section("What would flip it", flips.collect());
    let missing = found.missing.iter().map(|missing| format!("{}: {}", missing.label, missing.why));
    let missing = if found.missing.is_empty() { vec![found.nothing_missing_words()] } else { missing.collect() };
    section("Missing evidence", missing);
    let shares = found.proportions.iter().map(|share| format!("{:<24} {}", share.name, share.words()));
    section("Evidence, with 95 % intervals", shares.collect());
    if let Some(samples) = found.samples {
        let line = format!(
            "From {} to {}: {} examples in each of two groups, or {} to {} on the same examples",
            share_words(samples.before),
            share_words(samples.after),
            grouped(samples.unpaired_per_arm.round() as u64),
            grouped(samples.paired.0.round() as u64),
            grouped(samples.paired.1.round() as u64)
        );
        section("To see the wanted difference (95 % confidence, 80 % power)", vec![line]);
    }
    let against =
        found.against.iter().map(|against| format!("{}. {} Pays: {}.", against.name, against.reason, against.pays));
    section("Reasons against fine-tuning that apply", against.collect());
    if let (Some(found), Some(_)) = (costs, &answers.costs) {
        let mut lines: Vec<String> = found
            .lines
            .iter()
            .map(|line| {
                let (month, request) = (significant(line.per_month), significant(line.per_request));
                format!("{:<20} {month} {1} a month + {request} {1} a request", line.way.label(), found.currency)
            })
            .collect();
        lines.extend(found.against.iter().map(|against| {
            format!("Fine-tuned against {}: {}", against.other.label().to_lowercase(), against.crossing.words())
        }));
        lines.extend(found.remarks());
        let title = match found.date.as_str() {
            "" => "Break-even".to_owned(),
            date => format!("Break-even, prices as of {date}"),
        };
        section(&title, lines);
    }
    text
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
