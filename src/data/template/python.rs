//! What templates expect of Python: its JSON, its dates, and a tag that transformers adds.

use minijinja::Value;
use minijinja::value::ValueKind;
use std::fmt::Write as _;

/// The day that templates are told it is: a file must give the same tokens on every day. Trainers tell theirs.
pub const DATE: &str = "1 December 2026";

/// `strftime` of [`DATE`]; a code that is not known stays as it is.
pub(super) fn date(format: &str) -> String {
    let mut text = String::with_capacity(format.len());
    let mut signs = format.chars();
    while let Some(sign) = signs.next() {
        if sign != '%' {
            text.push(sign);
            continue;
        }
        match signs.next() {
            Some('d') => text.push_str("01"),
            Some('m') => text.push_str("12"),
            Some('Y') => text.push_str("2026"),
            Some('y') => text.push_str("26"),
            Some('b') => text.push_str("Dec"),
            Some('B') => text.push_str("December"),
            Some('a') => text.push_str("Tue"),
            Some('A') => text.push_str("Tuesday"),
            Some('H' | 'M' | 'S') => text.push_str("00"),
            Some(other) => {
                text.push('%');
                text.push(other);
            }
            None => text.push('%'),
        }
    }
    text
}

/// As `json.dumps(value, ensure_ascii=False, indent=…)` writes it.
pub(super) fn json(value: &Value, indent: Option<usize>, is_sorted: bool) -> String {
    let mut text = String::new();
    write_value(value, indent, is_sorted, 0, &mut text);
    text
}

fn write_value(value: &Value, indent: Option<usize>, is_sorted: bool, level: usize, to: &mut String) {
    let separator = |to: &mut String, level: usize| {
        if let Some(indent) = indent {
            to.push('\n');
            to.extend(std::iter::repeat_n(' ', indent * level));
        }
    };
    let between = if indent.is_some() { "," } else { ", " };
    match value.kind() {
        ValueKind::Undefined | ValueKind::None => to.push_str("null"),
        ValueKind::Bool => to.push_str(if value.is_true() { "true" } else { "false" }),
        ValueKind::Number => to.push_str(&number(value)),
        ValueKind::Map => {
            let mut keys: Vec<Value> = value.try_iter().into_iter().flatten().collect();
            if is_sorted {
                keys.sort();
            }
            to.push('{');
            for (at, key) in keys.iter().enumerate() {
                if at > 0 {
                    to.push_str(between);
                }
                separator(to, level + 1);
                string(&key.to_string(), to);
                to.push_str(": ");
                write_value(&value.get_item(key).unwrap_or_default(), indent, is_sorted, level + 1, to);
            }
            if !keys.is_empty() {
                separator(to, level);
            }
            to.push('}');
        }
        ValueKind::Seq | ValueKind::Iterable => {
            to.push('[');
            let mut is_empty = true;
            for part in value.try_iter().into_iter().flatten() {
                if !is_empty {
                    to.push_str(between);
                }
                is_empty = false;
                separator(to, level + 1);
                write_value(&part, indent, is_sorted, level + 1, to);
            }
            if !is_empty {
                separator(to, level);
            }
            to.push(']');
        }
        _ => string(&value.to_string(), to),
    }
}

/// Python writes `1.0` and `1e+30`.
fn number(value: &Value) -> String {
    let text = value.to_string();
    match text.split_once('e') {
        Some((digits, power)) if !power.starts_with('-') => {
            let power = power.trim_start_matches('+');
            format!("{}e+{power:0>2}", digits.trim_end_matches(".0"))
        }
        _ => text,
    }
}

/// Only what JSON asks for is escaped.
fn string(text: &str, to: &mut String) {
    to.push('"');
    for sign in text.chars() {
        match sign {
            '"' => to.push_str("\\\""),
            '\\' => to.push_str("\\\\"),
            '\n' => to.push_str("\\n"),
            '\r' => to.push_str("\\r"),
            '\t' => to.push_str("\\t"),
            '\u{8}' => to.push_str("\\b"),
            '\u{c}' => to.push_str("\\f"),
            control if (control as u32) < 0x20 => {
                let _ = write!(to, "\\u{:04x}", control as u32);
            }
            other => to.push(other),
        }
    }
    to.push('"');
}

/// A template whose `{% generation %}` blocks, which mark what the assistant says, are blocks that Jinja knows.
pub(super) fn without_generation(source: &str) -> String {
    let mut plain = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(at) = rest.find("{%") {
        let (before, tag) = rest.split_at(at);
        plain.push_str(before);
        rest = tag;
        // Behind the mark that opens it: `{%}` closes nothing.
        let Some(length) = tag.get(2..).and_then(|inside| inside.find("%}")) else { break };
        let (tag, after) = tag.split_at(length + 4);
        let inside = tag[2..tag.len() - 2].trim_matches(['-', '+']).trim();
        match inside {
            "generation" => plain.push_str(&tag.replace("generation", "if true")),
            "endgeneration" => plain.push_str(&tag.replace("endgeneration", "endif")),
            _ => plain.push_str(tag),
        }
        rest = after;
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written by Python 3.11: json.dumps({"b": 1.0, "a": [1, "é\n\"", None, True], "c": {}}, ensure_ascii=False).
    #[test]
    fn json_is_pythons() {
        let node = crate::node::Node::parse(r#"{"b": 1.0, "a": [1, "é\n\"", null, true], "c": {}}"#);
        let value = node.map(|node| super::super::bounds::value(&node)).unwrap_or_default();
        assert_eq!(json(&value, None, false), r#"{"b": 1.0, "a": [1, "é\n\"", null, true], "c": {}}"#);
        assert_eq!(
            json(&value, Some(4), true),
            "{\n    \"a\": [\n        1,\n        \"é\\n\\\"\",\n        null,\n        true\n    ],\n    \"b\": 1.0,\n    \"c\": {}\n}"
        );
    }

    #[test]
    fn generation_blocks_become_blocks() {
        let source = "a{%- generation %}b{% endgeneration -%}c{% if generation %}d{% endif %}";
        assert_eq!(without_generation(source), "a{%- if true %}b{% endif -%}c{% if generation %}d{% endif %}");
        // What closes nothing stays as it stands, once.
        for odd in ["a{%}b", "a{% b", "{%", "{%%}"] {
            assert_eq!(without_generation(odd), odd);
        }
        assert_eq!(date("%d %b %Y, %A %q"), "01 Dec 2026, Tuesday %q");
    }
}
