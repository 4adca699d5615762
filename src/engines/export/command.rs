//! An argument line, and files of one instruction a line.

use super::rows::Keyed;
use super::table::Value;

/// `comments` as lines behind `mark`: nothing in one ends its line before time.
pub fn commented(comments: &[String], mark: &str) -> String {
    let line = |line: &str| line.chars().map(|c| if ends_lines(c) { ' ' } else { c }).collect::<String>();
    comments.iter().flat_map(|comment| comment.lines()).map(|text| format!("{mark}{}\n", line(text))).collect()
}

/// Controls, and what ends a line in YAML or Python without being a line feed.
fn ends_lines(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// A shell script of one command. With `worded` a switch is `--key true` or `false`, else its name alone.
pub fn text(program: &str, keyed: &[Keyed], comments: &[String], worded: bool) -> String {
    let mut out = format!("#!/bin/sh\n{}", commented(comments, "# "));
    for keyed in keyed.iter().filter(|keyed| !keyed.comment.is_empty()) {
        out.push_str(&commented(&[format!("--{}: {}", keyed.key, keyed.comment)], "# "));
    }
    // Settings of the environment stand before the program, and what needs no name after it.
    let of = |mark: char| keyed.iter().filter(move |keyed| keyed.key.starts_with(mark));
    let settings: Vec<String> = of('$').map(|keyed| format!("{}={}", &keyed.key[1..], word(&keyed.value))).collect();
    let bare: Vec<String> = of('<').map(|keyed| word(&keyed.value)).collect();
    let mut parts = vec![settings.into_iter().chain([program.to_owned()]).chain(bare).collect::<Vec<_>>().join(" ")];
    for keyed in keyed.iter().filter(|keyed| !keyed.key.starts_with(['$', '<'])) {
        match &keyed.value {
            Value::Flag(on) if !worded => {
                if *on {
                    parts.push(format!("--{}", keyed.key));
                }
            }
            Value::List(list) => {
                let words: Vec<String> = list.iter().map(word).collect();
                parts.push(format!("--{} {}", keyed.key, words.join(" ")));
            }
            value => parts.push(format!("--{} {}", keyed.key, word(value))),
        }
    }
    out.push_str(&parts.join(" \\\n  "));
    out.push('\n');
    out
}

/// A line `KEY value` each; a text of several lines stands in three quotes.
pub fn lines(keyed: &[Keyed], comments: &[String]) -> String {
    let mut out = commented(comments, "# ");
    for keyed in keyed {
        if !keyed.comment.is_empty() {
            out.push_str(&commented(std::slice::from_ref(&keyed.comment), "# "));
        }
        let value = match &keyed.value {
            Value::Text(text) if text.contains('\n') => format!("\"\"\"{}\"\"\"", text.replace("\"\"\"", "'''")),
            value => value.to_string(),
        };
        out.push_str(&keyed.key);
        out.push(' ');
        out.push_str(&value);
        out.push('\n');
    }
    out
}

/// A word of a shell, in quotes where it needs them.
pub fn word(value: &Value) -> String {
    let text = value.to_string();
    let safe = |c: char| c.is_ascii_alphanumeric() || "_-./:=+,@%".contains(c);
    if !text.is_empty() && text.chars().all(safe) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}
