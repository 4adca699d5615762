//! Derivations as text and as JSON: the same expression in both.

use crate::explained::{Exactness, Explained, Formula, Line, Value};
use crate::units::ByteUnit;
use serde_json::{Value as Json, json};
use std::fmt::Write as _;

/// Derivations one under the other, parts indented.
pub fn to_text<'a>(all: impl Iterator<Item = &'a Explained>, unit: ByteUnit) -> String {
    let mut text = String::new();
    for explained in all {
        lines(&mut text, explained, 0, unit);
        text.push('\n');
    }
    text
}

fn lines(text: &mut String, explained: &Explained, depth: usize, unit: ByteUnit) {
    let pad = "  ".repeat(depth);
    // Writing to a String cannot fail.
    let trust = explained.exactness().word();
    let _ = writeln!(text, "{pad}{}: {} ({trust})", explained.title(), explained.text(unit));
    if let Some(formula) = explained.formula(unit) {
        let _ = writeln!(text, "{pad}  = {}", formula.text);
        for input in &formula.inputs {
            let _ = writeln!(text, "{pad}    {} = {}{}", input.name, input.text, remark(input));
        }
    } else if !explained.parts().is_empty() {
        let _ = writeln!(text, "{pad}  Sum of the parts below.");
    }
    for (label, sentence) in [("", explained.reason()), ("Source: ", explained.origin())] {
        if !sentence.is_empty() {
            let _ = writeln!(text, "{pad}  {label}{sentence}");
        }
    }
    for part in explained.parts() {
        lines(text, part, depth + 1, unit);
    }
}

/// Gloss and trust of an input, in brackets.
fn remark(input: &Line) -> String {
    let trust = if input.exactness == Exactness::Exact { "" } else { input.exactness.word() };
    let words: Vec<&str> = [input.note.as_str(), trust].into_iter().filter(|word| !word.is_empty()).collect();
    if words.is_empty() { String::new() } else { format!("  ({})", words.join("; ")) }
}

/// A derivation as JSON: plain numbers with their unit beside the text that is shown.
pub fn to_json(explained: &Explained, unit: ByteUnit) -> Json {
    let parts: Vec<Json> = explained.parts().iter().map(|part| to_json(part, unit)).collect();
    let formula = explained.formula(unit);
    let inputs = formula.as_ref().map_or(&[][..], |Formula { inputs, .. }| inputs.as_slice());
    let inputs: Vec<Json> = inputs
        .iter()
        .map(|input| {
            json!({
                "name": input.name,
                "value": number(input.value),
                "unit": input.value.unit(),
                "text": input.text,
                "note": input.note,
                "exact": input.exactness == Exactness::Exact,
            })
        })
        .collect();
    json!({
        "title": explained.title(),
        "value": number(explained.value()),
        "unit": explained.value().unit(),
        "text": explained.text(unit),
        "exact": explained.exactness() == Exactness::Exact,
        "formula": formula.map(|formula| formula.text),
        "inputs": inputs,
        "why": explained.reason(),
        "source": explained.origin(),
        "parts": parts,
    })
}

fn number(value: Value) -> Json {
    match value {
        Value::Bytes(bytes) => json!(bytes.0),
        Value::Count(count) => json!(count),
        Value::Factor(amount) | Value::Quantity(amount, _) | Value::Seconds(amount) => json!(amount),
    }
}
