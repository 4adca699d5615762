//! A decision on one page, as Markdown and as HTML, that a review can read and sign.

use super::break_even::break_even;
use super::engine::{Recommendation, named};
use super::follow::follow;
use super::rules::NeedState;
use crate::plan::decision::PlannedStage;
use crate::plan::decision::{Decision, PlannedBudget};
use std::fmt::Write as _;

/// Flips and open questions that a page has room for.
const LISTED: usize = 4;
/// Drivers that a page has room for.
const DRIVERS: usize = 8;

/// A page: a title and headed lists.
struct Page {
    title: String,
    /// Label and text, above the lists.
    facts: Vec<(&'static str, String)>,
    parts: Vec<(&'static str, Vec<String>)>,
}

/// The page of a decision of the plan `name`.
fn page(name: &str, decision: &Decision, found: &Recommendation) -> Page {
    let answers = &decision.answers;
    let follow = follow(answers, found);
    let said = |text: &str| if text.is_empty() { "–".to_owned() } else { text.to_owned() };
    let mut facts = vec![("Plan", said(name)), ("Day", said(&decision.date)), ("Recommendation", found.headline())];
    if let Some(place) = found.place.filter(|_| found.trains()) {
        facts.push(("Where", format!("{}. {}", place.place.label(), place.reason)));
    }
    if !found.held.is_empty() {
        let held: Vec<_> = found.held.iter().map(|held| held.outcome).collect();
        facts.push(("Held back", named(&held)));
    }
    facts.push(("In the team's words", said(&decision.reasoning)));
    let mut parts = vec![(
        "Why",
        found
            .advice
            .iter()
            .flat_map(|advice| {
                advice.rules.iter().map(|why| format!("{}: {} [{}]", advice.outcome.label(), why.reason, why.source))
            })
            .collect(),
    )];
    if found.is_open() {
        let contradictions = found.contradictions.iter().map(|(_, message)| message.clone());
        let words = found.verdict.explained().to_owned();
        parts = vec![("Why there is no advice", std::iter::once(words).chain(contradictions).collect())];
    }
    parts.push(("What must be true first", needs(found)));
    parts.push(("What was held back, and by what", held(found)));
    let drivers = found.drivers.iter().take(DRIVERS).map(|driver| {
        let evidence = if driver.words.is_empty() { String::new() } else { format!(" ({})", driver.words) };
        format!("{}: {}{evidence}", driver.fact.words(), driver.holds.word())
    });
    parts.push(("What it rests on, shares with 95 % intervals", drivers.collect()));
    parts.push(("Stages and their data", follow.stages.iter().map(PlannedStage::words).collect()));
    parts.push(("How it is measured", vec![follow.evaluation.words()]));
    let mut money: Vec<String> = follow.budget.iter().map(PlannedBudget::words).collect();
    if let Some(costs) = answers.costs.as_ref().filter(|_| found.trains() || found.held.is_empty()) {
        let crossings = break_even(costs).against.into_iter();
        money.extend(
            crossings.map(|a| format!("fine-tuned against {}: {}", a.other.label().to_lowercase(), a.crossing.words())),
        );
        money.push(format!("prices as of {}", said(&costs.date)));
    }
    parts.push(("Budget and break-even", money));
    let chosen = found.flips.iter().filter(|flip| flip.can_be_chosen).take(LISTED);
    let chosen = chosen
        .map(|flip| format!("{}: {} → {}: {}", flip.label, short(&flip.now), flip.instead, named(&flip.outcomes)));
    parts.push(("What would change it", chosen.collect()));
    let missing = found.missing.iter().take(LISTED).map(|missing| format!("{}: {}", missing.label, missing.why));
    parts.push(("What is not known", missing.collect()));
    let against =
        found.against.iter().filter(|_| found.trains()).map(|against| format!("{}. {}", against.name, against.reason));
    parts.push(("Reasons against that apply", against.collect()));
    parts.retain(|(_, lines)| !lines.is_empty());
    Page { title: "Record of a decision: prompt, retrieve or fine-tune".to_owned(), facts, parts }
}

/// Each need of what is advised once, those that are not settled first.
fn needs(found: &Recommendation) -> Vec<String> {
    let mut seen: Vec<(&str, NeedState)> = Vec::new();
    for needed in found.advice.iter().flat_map(|advice| &advice.needs) {
        if !seen.iter().any(|(name, _)| *name == needed.need.name) {
            seen.push((&needed.need.name, needed.state));
        }
    }
    seen.sort_by_key(|(_, state)| *state);
    seen.into_iter().map(|(name, state)| format!("{name} ({})", state.word())).collect()
}

/// Each outcome that is held back with what holds it.
fn held(found: &Recommendation) -> Vec<String> {
    found.held.iter().map(|held| format!("{}: {}", held.outcome.label(), held.by())).collect()
}

/// The first words of an answer that fills lines.
fn short(text: &str) -> String {
    const LONGEST: usize = 60;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{} …", &text[..end]),
        None => text.to_owned(),
    }
}

const SIGNED: [&str; 3] = ["Decided by", "Reviewed by", "To be looked at again on"];

/// The page as Markdown.
pub fn to_markdown(name: &str, decision: &Decision, found: &Recommendation) -> String {
    let page = page(name, decision, found);
    // What people typed is text, not markup.
    let plain = |text: &str| {
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        line.replace('\\', "\\\\").replace('|', "\\|").replace('*', "\\*").replace('`', "\\`").replace('<', "&lt;")
    };
    let mut text = format!("# {}\n\n| | |\n|---|---|\n", page.title);
    for (label, value) in &page.facts {
        let _ = writeln!(text, "| **{label}** | {} |", plain(value));
    }
    for (head, lines) in &page.parts {
        let _ = writeln!(text, "\n## {head}\n");
        for line in lines {
            let _ = writeln!(text, "- {}", plain(line));
        }
    }
    let _ = writeln!(text, "\n## Signed\n\n| | name | day |\n|---|---|---|");
    for who in SIGNED {
        let _ = writeln!(text, "| {who} | | |");
    }
    text
}

/// The page as HTML without anything from elsewhere.
pub fn to_html(name: &str, decision: &Decision, found: &Recommendation) -> String {
    let page = page(name, decision, found);
    let mut text = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{0}</title><style>{STYLE}</style></head><body>\n<h1>{0}</h1>\n<table>\n",
        escaped(&page.title)
    );
    for (label, value) in &page.facts {
        let _ = writeln!(text, "<tr><th>{}</th><td>{}</td></tr>", escaped(label), escaped(value));
    }
    text.push_str("</table>\n");
    for (head, lines) in &page.parts {
        let _ = writeln!(text, "<h2>{}</h2>\n<ul>", escaped(head));
        for line in lines {
            let _ = writeln!(text, "<li>{}</li>", escaped(line));
        }
        text.push_str("</ul>\n");
    }
    text.push_str("<h2>Signed</h2>\n<table class=\"signed\">\n<tr><th></th><th>name</th><th>day</th></tr>\n");
    for who in SIGNED {
        let _ = writeln!(text, "<tr><th>{who}</th><td></td><td></td></tr>");
    }
    text.push_str("</table>\n</body></html>\n");
    text
}

const STYLE: &str = "@page{size:A4;margin:14mm}body{font:10pt/1.3 sans-serif;max-width:180mm;margin:8mm auto}h1{font-size:14pt;margin:0 0 6pt}h2{font-size:10.5pt;margin:8pt 0 2pt}ul{margin:0;padding-left:14pt}table{border-collapse:collapse;width:100%}th{text-align:left;vertical-align:top;width:32mm;font-weight:600}td,th{padding:1pt 4pt}.signed td,.signed th{border:0.5pt solid #888;height:18pt}";

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
