//! Figures of a plan as JSON and as lines before and after a change.

use crate::estimate::PhaseKind;
use crate::explained::Band;
use crate::solve::Figures;
use crate::units::{ByteUnit, duration, quantity, significant};
use serde_json::{Map, Value as Json, json};

/// Figures as a JSON object; units stand in the names of keys.
pub fn to_json(figures: &Figures) -> Json {
    let band =
        |band: Option<Band>| band.map(|band| json!({ "low": band.low, "expected": band.expected, "high": band.high }));
    let phases: Map<String, Json> =
        figures.phases.iter().map(|(kind, bytes)| (kind.id().to_owned(), json!(bytes.0))).collect();
    json!({
        "process_bytes": {
            "low": figures.process.low.0,
            "expected": figures.process.expected.0,
            "high": figures.process.high.0,
        },
        "tensor_bytes": figures.tensors.0,
        "capacity_bytes": figures.capacity.map(|bytes| bytes.0),
        "verdict": figures.fit.id(),
        "not_known": figures.gaps,
        "peak_phase": figures.peak.map(PhaseKind::id),
        "phases_bytes": phases,
        "trainable": figures.trainable,
        "step_secs": band(figures.step_secs),
        "tokens_per_sec": band(figures.tokens_per_sec),
        "hours": band(figures.hours),
        "money": band(figures.money),
    })
}

/// `changes` as a list of objects.
pub fn changes_json(changes: &[[String; 3]]) -> Json {
    changes
        .iter()
        .map(|[setting, before, after]| json!({ "setting": setting, "before": before, "after": after }))
        .collect()
}

/// `Sequence length 2,048 → 4,096`, one line each.
pub fn changes_text(changes: &[[String; 3]]) -> String {
    changes.iter().map(|[label, before, after]| format!("  {label:<24} {before} → {after}\n")).collect()
}

/// A table of the figures before and after a change.
pub fn before_after(before: &Figures, after: &Figures, currency: &str) -> String {
    let unit = ByteUnit::GiB;
    let mut text = format!("{:<28} {:>16} {:>16}\n", "", "before", "after");
    let mut row = |label: &str, before: String, after: String| {
        push_line(&mut text, &format!("{label:<28} {before:>16} {after:>16}"));
    };
    row("Whole process", before.memory().display(unit), after.memory().display(unit));
    let capacity = |figures: &Figures| figures.capacity.map_or_else(|| "–".to_owned(), |bytes| bytes.display(unit));
    row("Device offers", capacity(before), capacity(after));
    row("Verdict", before.fit.word().to_owned(), after.fit.word().to_owned());
    let peak = |figures: &Figures| figures.peak.map_or("–", |kind| kind.label()).to_owned();
    row("Peak", peak(before), peak(after));
    let shown = |band: Option<Band>, show: &dyn Fn(f64) -> String| {
        band.map_or_else(|| "–".to_owned(), |band| show(band.expected))
    };
    row("Time of a step", shown(before.step_secs, &duration), shown(after.step_secs, &duration));
    let rate = |rate: f64| quantity(rate, "tokens/s");
    row("Pace", shown(before.tokens_per_sec, &rate), shown(after.tokens_per_sec, &rate));
    if before.hours.is_some() || after.hours.is_some() {
        let hours = |hours: f64| format!("{} h", significant(hours));
        row("Hours", shown(before.hours, &hours), shown(after.hours, &hours));
    }
    if before.money.is_some() || after.money.is_some() {
        let money = |money: f64| quantity(money, currency);
        row("Cost", shown(before.money, &money), shown(after.money, &money));
    }
    text
}

/// Adds a line to a page of text.
pub fn push_line(text: &mut String, line: &str) {
    text.push_str(line.trim_end());
    text.push('\n');
}
