//! The canonical text of a plan.

use super::{Architecture, Field, FieldKind, FieldValue, ModelSource, Plan, SCHEMA, Section, UnknownKey, fields};
use crate::plan::decision::decision_text;
use std::fmt::Write as _;

/// Comments of a model read from a file.
pub const MODEL_COMMENTS: [&str; 2] =
    ["File the shape was read from; the shape below holds where the file is not.", "Shape of the model as read."];

/// Comment of the record of the decision.
pub const DECISION_COMMENT: &str =
    "Decision: what was answered and decided before training was planned, with its evidence.";

/// Begins a comment that keeps a value which was not understood.
pub const NOT_UNDERSTOOD: &str = "Not understood:";

/// Text of `plan` with `unknown` keys kept at the end of their sections.
pub fn write(plan: &Plan, unknown: &[UnknownKey]) -> String {
    let mut text = String::with_capacity(8 << 10);
    text.push_str("// Tuneplan plan. What a key means stands above it; change it here or in the window.\n(\n");
    let _ = writeln!(text, "    schema: {SCHEMA},");
    for section in Section::ALL {
        let key = section.key();
        let indent = if key.is_empty() { "    " } else { "        " };
        if !key.is_empty() {
            // A plan for one device has nothing to say about several.
            let given = fields().iter().any(|field| field.section == section && (field.get)(plan).is_some());
            if !given && !unknown.iter().any(|kept| kept.section == key) {
                continue;
            }
            let _ = writeln!(text, "    {key}: (");
        }
        if section == Section::Model {
            write_file_model(&mut text, &plan.model.source);
        }
        for field in fields().iter().filter(|field| field.section == section) {
            if let Some(value) = (field.get)(plan) {
                let _ = writeln!(text, "{indent}// {}", comment(field));
                let _ = writeln!(text, "{indent}{}: {},", field.key(), literal(field, &value));
            }
        }
        for kept in unknown.iter().filter(|kept| kept.section == key) {
            write_kept(&mut text, kept, indent);
        }
        if !key.is_empty() {
            text.push_str("    ),\n");
        }
    }
    if let Some(decision) = &plan.decision {
        let _ = writeln!(text, "    // {DECISION_COMMENT}");
        // Line breaks inside texts are escaped, so that only the layout is moved in.
        let _ = writeln!(text, "    decision: {},", decision_text(decision).replace('\n', "\n    "));
    }
    // Sections that a newer or other program added.
    for kept in unknown.iter().filter(|kept| Section::ALL.iter().all(|section| section.key() != kept.section)) {
        write_kept(&mut text, kept, "    ");
    }
    text.push_str(")\n");
    text
}

fn write_kept(text: &mut String, kept: &UnknownKey, indent: &str) {
    if !kept.as_comment {
        let _ = writeln!(text, "{indent}{},", kept.text);
        return;
    }
    for line in kept.text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let _ = writeln!(text, "{indent}// {NOT_UNDERSTOOD} {line}");
    }
}

/// A model read from a file: its path and the shape that was read, so that the plan means the same elsewhere.
fn write_file_model(text: &mut String, source: &ModelSource) {
    let ModelSource::File { path, architecture } = source else { return };
    let _ = writeln!(text, "        // {}", MODEL_COMMENTS[0]);
    let _ = writeln!(text, "        path: {},", quoted(path));
    let _ = writeln!(text, "        // {}", MODEL_COMMENTS[1]);
    let _ = writeln!(text, "        architecture: {},", architecture_text(architecture));
}

fn architecture_text(architecture: &Architecture) -> String {
    let pretty = ron::ser::PrettyConfig::new().new_line("\n").indentor("    ").depth_limit(3);
    let text = ron::ser::to_string_pretty(architecture, pretty).unwrap_or_else(|_error| "()".to_owned());
    text.replace('\n', "\n        ")
}

/// `Label [unit]: help [words]`.
fn comment(field: &Field) -> String {
    let unit = if field.unit.is_empty() { String::new() } else { format!(" [{}]", field.unit) };
    let words = match field.kind {
        FieldKind::Choice(choices) => {
            let ids: Vec<&str> = choices.iter().map(|choice| choice.id).collect();
            format!(" One of {}.", ids.join(", "))
        }
        _ => String::new(),
    };
    format!("{}{unit}: {}{words}", field.label, field.help)
}

fn literal(field: &Field, value: &FieldValue) -> String {
    match value {
        FieldValue::List(lines) if matches!(field.kind, FieldKind::Lines(_)) => {
            let lines: String = lines.iter().map(|line| format!("            {},\n", quoted(line))).collect();
            format!("[\n{lines}        ]")
        }
        FieldValue::Integer(number) => number.to_string(),
        // `{:?}` is the shortest text that reads back as the same number, with a point or an exponent.
        FieldValue::Decimal(number) => format!("{number:?}"),
        FieldValue::Unset => "None".to_owned(),
        FieldValue::Toggle(on) => on.to_string(),
        FieldValue::Id(text) | FieldValue::Text(text) => quoted(text),
        FieldValue::Counts(counts) => {
            format!("[{}]", counts.iter().map(u64::to_string).collect::<Vec<_>>().join(", "))
        }
        FieldValue::List(ids) => format!("[{}]", ids.iter().map(|id| quoted(id)).collect::<Vec<_>>().join(", ")),
    }
}

/// A RON string: raw where it has several lines, so that a diff shows the line that changed.
fn quoted(text: &str) -> String {
    let is_plain = text.chars().all(|c| c == '\n' || c == '\t' || !c.is_control());
    if text.contains('\n') && is_plain && !text.contains("\"#") {
        return format!("r#\"{text}\"#");
    }
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
