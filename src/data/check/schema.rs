//! The part of JSON Schema that descriptions of tools use: type, required, enum, properties, items.

use super::values::brief;
use crate::node::Node;

/// Levels that are gone into.
const DEEPEST: usize = 16;

/// The first thing in which a value does not fit a schema.
pub(super) fn fault(value: &Node<'_>, schema: &Node<'_>) -> Option<String> {
    at(value, schema, "", 0)
}

fn at(value: &Node<'_>, schema: &Node<'_>, path: &str, depth: usize) -> Option<String> {
    if depth > DEEPEST || schema.as_map().is_none() {
        return None;
    }
    let here = if path.is_empty() { "it".to_owned() } else { format!("`{path}`") };
    match schema.get("type") {
        Some(Node::Text(wanted)) if !is_of_type(value, wanted) => {
            return Some(format!("{here} is a {}, not of type {}", value.kind(), brief(wanted)));
        }
        Some(Node::List(several))
            if !several.iter().filter_map(Node::as_str).any(|wanted| is_of_type(value, wanted)) =>
        {
            return Some(format!("{here} is a {}, which is not allowed", value.kind()));
        }
        _ => {}
    }
    if let Some(allowed) = schema.get("enum").and_then(Node::as_list)
        && !allowed.iter().any(|allowed| is_equal(allowed, value))
    {
        return Some(format!("{here} is none of the allowed values"));
    }
    if value.as_map().is_some() {
        for name in schema.get("required").and_then(Node::as_list).unwrap_or_default().iter().filter_map(Node::as_str) {
            if value.get(name).is_none() {
                return Some(format!("`{}` is missing", join(path, name)));
            }
        }
    }
    let properties = schema.get("properties").and_then(Node::as_map).unwrap_or_default();
    for (name, schema) in properties {
        if let Some(fault) = value.get(name).and_then(|value| at(value, schema, &join(path, name), depth + 1)) {
            return Some(fault);
        }
    }
    let items = schema.get("items")?;
    value.as_list()?.iter().find_map(|part| at(part, items, &format!("{path}[]"), depth + 1))
}

fn join(path: &str, name: &str) -> String {
    let name = brief(name);
    if path.is_empty() { name } else { format!("{path}.{name}") }
}

fn is_of_type(value: &Node<'_>, wanted: &str) -> bool {
    match wanted {
        "object" => value.as_map().is_some(),
        "array" => value.as_list().is_some(),
        "string" => value.as_str().is_some(),
        "integer" => matches!(value, Node::Whole(_)) || matches!(value, Node::Number(number) if number.fract() == 0.0),
        "number" => matches!(value, Node::Whole(_) | Node::Number(_)),
        "boolean" => matches!(value, Node::Bool(_)),
        "null" => *value == Node::Null,
        // Words of other dialects are not judged.
        _ => true,
    }
}

/// Numbers are equal by value, whole or not.
fn is_equal(a: &Node<'_>, b: &Node<'_>) -> bool {
    let number = |node: &Node<'_>| match node {
        Node::Whole(value) => Some(*value as f64),
        Node::Number(value) => Some(*value),
        _ => None,
    };
    match (number(a), number(b)) {
        (Some(a), Some(b)) => a == b,
        _ => a == b,
    }
}
