//! `tuneplan decide`: from a file of answers to a recommendation, its reasons, what would flip it, what is missing.

use super::figures::push_line;
use super::output::Output;
use super::{DecideArgs, Outcome};
use crate::decide::break_even::{BreakEven, break_even};
use crate::decide::engine::{Needed, Verdict, named};
use crate::decide::{Recommendation, recommend, record};
use crate::documents::store;
use crate::files;
use crate::plan::decision::{Answers, Decision, MAX_BYTES, quoted_later, read_answers};
use crate::units::share_words;
use crate::units::{counted, grouped, significant};
use anyhow::{Result, bail};
use clap::ArgMatches;
use std::io::Write;
use std::path::Path;

mod json;

use json::to_json;

pub fn run(args: &DecideArgs, flags: Option<&ArgMatches>, out: &mut dyn Write) -> Result<Outcome> {
    let record = args.record.as_deref().map(|path| page_of(path, args.force, flags)).transpose()?;
    let (name, decision) = read(&args.answers)?;
    let found = recommend(&decision.answers);
    if let Some((form, output)) = record {
        output.write(form(&name, &decision, &found).as_bytes())?;
        if !args.json {
            writeln!(out, "Wrote the record: {output}")?;
        }
    }
    print(&decision.answers, &found, args.json, out)
}

/// Open questions that are printed; all are in the JSON.
const ASKED: usize = 8;

type Form = fn(&str, &Decision, &Recommendation) -> String;

/// How a record of this name is written: by its ending, as Markdown where it has none.
fn page_of<'a>(path: &'a Path, force: bool, flags: Option<&'a ArgMatches>) -> Result<(Form, Output<'a>)> {
    let output = Output::of(path, force, flags)?;
    let ending = path.extension().map(std::ffi::OsStr::to_ascii_lowercase);
    let form: Form = match ending.as_deref().map(std::ffi::OsStr::to_str) {
        None | Some(Some("md")) => record::to_markdown,
        Some(Some("html" | "htm")) => record::to_html,
        _ => bail!("{}: a record is Markdown or HTML; end the name in .md or .html", path.display()),
    };
    Ok((form, output))
}

/// Name and decision of a plan, or answers of a file.
fn read(file: &Path) -> Result<(String, Decision)> {
    let path = file.display();
    if path.to_string().ends_with(".plan.ron") {
        let plan = store::read_plan(file)?.plan;
        let Some(decision) = plan.decision else {
            bail!("{path}: this plan holds no decision; give a file of answers")
        };
        return Ok((plan.name, *decision));
    }
    let text = files::read_text(file, MAX_BYTES as u64)?;
    let answers = read_answers(&text).map_err(|error| anyhow::anyhow!("{path}:{error}"))?;
    if let Some(later) = quoted_later(&answers, &crate::desktop::window::today()) {
        bail!("{path}: {later}")
    }
    let name = file.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    Ok((name, Decision { answers, ..Decision::default() }))
}

fn print(answers: &Answers, found: &Recommendation, as_json: bool, out: &mut dyn Write) -> Result<Outcome> {
    let costs = answers.costs.as_ref().map(break_even);
    if as_json {
        serde_json::to_writer_pretty(&mut *out, &to_json(found, answers, costs.as_ref()))?;
        writeln!(out)?;
    } else {
        write!(out, "{}", to_text(found, answers, costs.as_ref()))?;
    }
    Ok(Outcome::Done)
}

fn to_text(found: &Recommendation, answers: &Answers, costs: Option<&BreakEven>) -> String {
    let mut text = String::new();
    push_line(&mut text, &found.headline());
    if found.is_open() {
        push_line(&mut text, &format!("  {}", found.verdict.explained()));
        for (path, message) in &found.contradictions {
            push_line(&mut text, &format!("  {path}: {message}"));
        }
    }
    for advice in &found.advice {
        push_line(&mut text, &format!("  {}", advice.outcome.words()));
        for rule in &advice.rules {
            push_line(&mut text, &format!("    {}. {} [{}]", rule.name, rule.reason, rule.source));
        }
    }
    for held in &found.held {
        let why: Vec<&str> = held.rules.iter().map(|rule| rule.name).collect();
        push_line(&mut text, &format!("  Held back: {} ({}), by: {}", held.outcome.label(), why.join("; "), held.by()));
    }
    if let Some(place) = found.place {
        push_line(&mut text, &format!("  Where: {}. {} [{}]", place.place.label(), place.reason, place.source));
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
    section("What must be true first", needs_lines(found));
    let drivers = found.drivers.iter().map(|driver| {
        let evidence = if driver.words.is_empty() { String::new() } else { format!(" ({})", driver.words) };
        format!("{}: {}{evidence}", capital(driver.fact.words()), driver.holds.word())
    });
    section("What drove it", drivers.collect());
    let flips = |chosen: bool| -> Vec<String> {
        let of = found.flips.iter().filter(|flip| flip.can_be_chosen == chosen);
        of.map(|flip| format!("{}: {} → {}: {}", flip.label, flip.now, flip.instead, named(&flip.outcomes))).collect()
    };
    section("What would flip it", flips(true));
    section("What would flip it if it were found otherwise", flips(false));
    let (asked, rest) = found.missing.split_at(found.missing.len().min(ASKED));
    let mut missing: Vec<String> =
        asked.iter().map(|m| format!("{} (decides in {}): {}", m.label, share_words(m.worth_share), m.why)).collect();
    if missing.is_empty() {
        missing.push(found.nothing_missing_words());
    } else if !rest.is_empty() {
        missing.push(format!("and {} that decide less often", counted(rest.len() as u64, "question", "questions")));
    }
    if found.verdict != Verdict::Contradiction {
        section("Missing evidence, the most worth knowing first", missing);
    }
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

/// What each outcome that is advised needs, those that are not settled first.
fn needs_lines(found: &Recommendation) -> Vec<String> {
    let mut all: Vec<&Needed> = Vec::new();
    for needed in found.advice.iter().flat_map(|advice| &advice.needs) {
        if !all.iter().any(|other| other.need.id == needed.need.id) {
            all.push(needed);
        }
    }
    all.sort_by_key(|needed| (needed.state, needed.need.must.is_none()));
    all.into_iter().map(|needed| format!("{:<14} {}", needed.state.word(), needed.need.name)).collect()
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
