//! A tree as YAML that PyYAML reads as it is meant: words that look like numbers or switches are quoted.

use super::table::Value;
use super::tree::{Node, quoted};
use crate::scalar::{Scalar, plain};

/// The whole file.
pub fn text(root: &Node, comments: &[String]) -> String {
    let mut out = super::command::commented(comments, "# ");
    if let Node::Map(map) = root {
        write_map(map, 0, &mut out);
    }
    out
}

fn write_map(map: &[(String, Node)], depth: usize, out: &mut String) {
    for (key, node) in map {
        out.push_str(&"  ".repeat(depth));
        write_entry(key, node, depth, out);
    }
}

fn write_entry(key: &str, node: &Node, depth: usize, out: &mut String) {
    out.push_str(&word(key));
    out.push(':');
    match node {
        Node::Leaf(value, comment) => {
            out.push(' ');
            out.push_str(&scalar(value));
            if !comment.is_empty() {
                out.push_str("  # ");
                out.push_str(comment);
            }
            out.push('\n');
        }
        Node::Map(map) => {
            out.push('\n');
            write_map(map, depth + 1, out);
        }
        Node::List(list) => {
            out.push('\n');
            for node in list {
                let Node::Map(map) = node else { continue };
                for (at, (key, node)) in map.iter().enumerate() {
                    out.push_str(&"  ".repeat(depth + 1));
                    out.push_str(if at == 0 { "- " } else { "  " });
                    write_entry(key, node, depth + 2, out);
                }
            }
        }
    }
}

pub fn scalar(value: &Value) -> String {
    match value {
        Value::Text(text) => word(text),
        Value::List(list) => format!("[{}]", list.iter().map(scalar).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

/// A word, quoted where YAML would take it for something else.
fn word(text: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "_-./+ =;()".contains(c);
    // What begins with a digit may be a number, a date or a base-60 number.
    let starts =
        text.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '/')) || text.starts_with("./");
    let switch = text.len() == 1 || !matches!(plain(text), Scalar::Text(_));
    if starts && !switch && text.chars().all(safe) && !text.ends_with(' ') { text.to_owned() } else { quoted(text) }
}
