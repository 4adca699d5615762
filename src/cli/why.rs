//! `tuneplan why`: an out-of-memory message explained by the plan's dimensions.

use super::{Outcome, WhyArgs, load};
use crate::figures;
use crate::plan::Plan;
use crate::solve::Known;
use crate::solve::levers::levers;
use crate::units::ByteUnit;
use crate::why::{Candidate, Why, explain};
use anyhow::{Result, bail};
use clap::ArgMatches;
use clap::parser::ValueSource;
use serde_json::{Value as Json, json};
use std::io::{Read as _, Write};

/// Longest message that is read.
const MAX_BYTES: u64 = 1 << 20;
/// Levers that are shown.
const LEVERS: usize = 5;

pub fn run(args: &WhyArgs, flags: Option<&ArgMatches>, out: &mut dyn Write, err: &mut dyn Write) -> Result<Outcome> {
    let mut bytes = Vec::new();
    std::io::stdin().lock().take(MAX_BYTES).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    if text.trim().is_empty() {
        bail!("no message on standard input: tuneplan why my.plan.ron < message.txt");
    }
    let plan = if says_a_plan(args, flags) { Some(load::given(args.plan.as_deref(), flags, err)?.plan) } else { None };
    let estimate = plan.as_ref().and_then(|plan| figures::of_plan(plan).0);
    let why = explain(&text, plan.as_ref().zip(estimate.as_ref()));
    let saving = plan.as_ref().filter(|_| why.concerns_the_plan()).map_or_else(Vec::new, lever_lines);
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &to_json(&why, &saving))?;
        writeln!(out)?;
    } else {
        write!(out, "{}", to_text(&why, &saving))?;
    }
    Ok(Outcome::Done)
}

/// Whether the job is told: without it the default plan's dimensions would be taken for the user's.
fn says_a_plan(args: &WhyArgs, flags: Option<&ArgMatches>) -> bool {
    let flags_given = flags.is_some_and(|flags| {
        flags.ids().any(|id| id.as_str() != "json" && flags.value_source(id.as_str()) == Some(ValueSource::CommandLine))
    });
    args.plan.is_some() || flags_given
}

/// A lever in words and in JSON.
struct Saving {
    id: &'static str,
    title: String,
    saved_bytes: i128,
}

/// Levers of the plan, best first.
fn lever_lines(plan: &Plan) -> Vec<Saving> {
    let found = levers(plan, Known::embedded()).map_or_else(|_| Vec::new(), |found| found.levers);
    found
        .iter()
        .take(LEVERS)
        .map(|lever| Saving { id: lever.kind.id, title: lever.kind.title.clone(), saved_bytes: lever.saved_bytes })
        .collect()
}

fn joined<'w>(words: impl Iterator<Item = &'w str>) -> Option<String> {
    let words: Vec<&str> = words.collect();
    (!words.is_empty()).then(|| words.join("|"))
}

fn to_json(why: &Why, saving: &[Saving]) -> Json {
    let candidates: Vec<Json> = why
        .candidates
        .iter()
        .map(|candidate| {
            json!({
                "term": candidate.term,
                "factors": candidate.factors,
                "class": candidate.class.word(),
                "moment": joined(candidate.moments.iter().map(|moment| moment.word())),
                "bytes": candidate.bytes,
                "at_another_length": candidate.inferred,
            })
        })
        .collect();
    let levers: Vec<Json> = saving
        .iter()
        .map(|saving| {
            let bytes = i64::try_from(saving.saved_bytes).unwrap_or_default();
            json!({ "id": saving.id, "title": saving.title, "saved_bytes": bytes })
        })
        .collect();
    json!({
        "bytes": why.bytes.map(|bytes| bytes.0),
        "class": joined(why.classes.iter().map(|class| class.word())),
        "moment": joined(why.moments.iter().map(|moment| moment.word())),
        "explained": why.explained,
        "words": why.words,
        "candidates": candidates,
        "levers": levers,
    })
}

fn to_text(why: &Why, saving: &[Saving]) -> String {
    let mut rows = vec![
        ("Asked for", why.bytes.map(|bytes| bytes.fine(ByteUnit::GiB))),
        ("What", joined(why.classes.iter().map(|class| class.word()))),
        ("When", joined(why.moments.iter().map(|moment| moment.word()))),
    ];
    let candidate = |found: &Candidate| ("Candidate", Some(format!("{}: {}", found.factors, found.term)));
    rows.extend(why.candidates.iter().map(candidate));
    rows.extend(saving.iter().map(|saving| ("Lever", Some(saving.title.clone()))));
    let mut lines = vec![why.words.clone()];
    lines.extend(rows.into_iter().filter_map(|(label, words)| Some(format!("{label:<12} {}", words?))));
    lines.join("\n") + "\n"
}
