//! Dotted keys as a tree, in the order they were given; `name[0].key` is an entry of a list.

use super::rows::Keyed;
use super::table::Value;
use std::fmt::Write as _;

/// A value of a file.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// A single value, or a list of such, with a comment.
    Leaf(Value, String),
    /// Keys in order.
    Map(Vec<(String, Self)>),
    /// Tables in order.
    List(Vec<Self>),
}

/// The tree of all keys. A key given twice is written once, with the last value.
pub fn of(keyed: &[Keyed]) -> Node {
    let mut root = Node::Map(Vec::new());
    for keyed in keyed {
        // `~` is a point inside a name.
        let segments: Vec<String> = keyed.key.split('.').map(|segment| segment.replace('~', ".")).collect();
        put(&mut root, &segments, Node::Leaf(keyed.value.clone(), keyed.comment.clone()));
    }
    root
}

fn put(node: &mut Node, segments: &[String], leaf: Node) {
    let Some((first, rest)) = segments.split_first() else {
        *node = leaf;
        return;
    };
    let (name, index) = match first.split_once('[') {
        Some((name, index)) => (name, index.trim_end_matches(']').parse::<usize>().ok()),
        None => (first.as_str(), None),
    };
    if !matches!(node, Node::Map(_)) {
        *node = Node::Map(Vec::new());
    }
    let Node::Map(map) = node else { return };
    let at = map.iter().position(|(key, _)| key == name).unwrap_or_else(|| {
        map.push((name.to_owned(), Node::Map(Vec::new())));
        map.len() - 1
    });
    let Some((_, child)) = map.get_mut(at) else { return };
    let Some(index) = index else {
        put(child, rest, leaf);
        return;
    };
    if !matches!(child, Node::List(_)) {
        *child = Node::List(Vec::new());
    }
    let Node::List(list) = child else { return };
    // Tables of this program alone name entries, in order.
    while list.len() <= index.min(64) {
        list.push(Node::Map(Vec::new()));
    }
    if let Some(entry) = list.get_mut(index) {
        put(entry, rest, leaf);
    }
}

/// The tree as JSON.
pub fn json(node: &Node) -> String {
    let mut out = String::new();
    write_json(node, 0, &mut out);
    out.push('\n');
    out
}

fn write_json(node: &Node, depth: usize, out: &mut String) {
    let pad = |depth: usize| "  ".repeat(depth);
    match node {
        Node::Leaf(value, _) => out.push_str(&json_value(value)),
        Node::Map(map) => {
            out.push_str("{\n");
            for (at, (key, child)) in map.iter().enumerate() {
                out.push_str(&pad(depth + 1));
                out.push_str(&quoted(key));
                out.push_str(": ");
                write_json(child, depth + 1, out);
                out.push_str(if at + 1 < map.len() { ",\n" } else { "\n" });
            }
            out.push_str(&pad(depth));
            out.push('}');
        }
        Node::List(list) => {
            out.push_str("[\n");
            for (at, child) in list.iter().enumerate() {
                out.push_str(&pad(depth + 1));
                write_json(child, depth + 1, out);
                out.push_str(if at + 1 < list.len() { ",\n" } else { "\n" });
            }
            out.push_str(&pad(depth));
            out.push(']');
        }
    }
}

/// A single value, or a list of such, as JSON.
pub fn json_value(value: &Value) -> String {
    match value {
        Value::Text(text) => quoted(text),
        Value::List(list) => format!("[{}]", list.iter().map(json_value).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

/// A text in double quotes, as JSON, YAML and Python read it alike.
pub fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            // Controls, and what ends a line in YAML or Python without being a line feed.
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}') => {
                // Writing into a text cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
