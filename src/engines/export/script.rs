//! A text with gaps.

use super::command::commented;
use super::rows::Keyed;
use super::table::Value;
use super::tree::{json_value, quoted};

/// Fills the gaps of `text`: `{{head}}` the comments, `{{key}}` a value as it is, `{{"key"}}` a value as Python writes it,
/// `{{name.*}}` every argument under `name`, one a line. A gap of a key that has no value takes its line with it.
pub fn text(text: &str, keyed: &[Keyed], comments: &[String]) -> String {
    let mut out = String::new();
    for line in text.lines() {
        if line.trim() == "{{head}}" {
            out.push_str(&commented(comments, "# "));
            continue;
        }
        if let Some(line) = filled(line, keyed) {
            out.push_str(line.trim_end());
            out.push('\n');
        }
    }
    out
}

fn filled(line: &str, keyed: &[Keyed]) -> Option<String> {
    let mut out = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("{{") {
        let (gap, after) = after.split_once("}}")?;
        out.push_str(before);
        if let Some(name) = gap.strip_suffix(".*") {
            let indent = " ".repeat(before.len());
            let of = keyed.iter().filter_map(|keyed| Some((keyed, keyed.key.strip_prefix(name)?.strip_prefix('.')?)));
            let lines: Vec<String> = of.map(|(keyed, key)| argument(key, keyed)).collect();
            if lines.is_empty() {
                return None;
            }
            out.push_str(&lines.join(&format!("\n{indent}")));
        } else if let Some(key) = gap.strip_prefix('"') {
            let key = key.trim_end_matches('"');
            out.push_str(&python(&keyed.iter().rfind(|keyed| keyed.key == key)?.value));
        } else {
            let value = keyed.iter().rfind(|keyed| keyed.key == gap)?.value.to_string();
            // Further lines of a value stand as deep as its gap.
            let depth = out.len() - out.trim_start().len();
            out.push_str(&value.trim_end().replace('\n', &format!("\n{}", " ".repeat(depth))));
        }
        rest = after;
    }
    out.push_str(rest);
    Some(out)
}

fn argument(key: &str, keyed: &Keyed) -> String {
    let comment = if keyed.comment.is_empty() { String::new() } else { format!("  # {}", keyed.comment) };
    format!("{key}={},{comment}", python(&keyed.value))
}

/// A value as Python writes it; a text that begins with `=` is an expression.
fn python(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Flag(true) => "True".to_owned(),
        Value::Flag(false) => "False".to_owned(),
        Value::Text(text) => text.strip_prefix('=').map_or_else(|| quoted(text), str::to_owned),
        Value::List(list) => format!("[{}]", list.iter().map(python).collect::<Vec<_>>().join(", ")),
        other => json_value(other),
    }
}
