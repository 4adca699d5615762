//! What is said of every value of a row: keys, numbers, nesting, texts.

use super::marks;
use crate::checks::{ARGUMENTS_RAGGED, BIG_INTEGER, DEEP, DUPLICATE_KEY};
use crate::findings::{Findings, Row};
use crate::node::Node;
use crate::place::{Step, is_written_whole};
use std::collections::HashSet;

/// Levels beyond which some loaders stop.
const DEEPEST: usize = 64;
/// Fields that are compared with each other one by one.
const FEW: usize = 24;

/// Goes through a row.
pub(super) struct Walk<'w> {
    pub row: Row<'w>,
    pub findings: &'w mut Findings,
    /// Keys of the first arguments of a call in the file.
    pub argument_keys: &'w mut Option<Vec<String>>,
    /// Whether texts are gone through: nothing in the row makes it needless.
    pub looks_at_texts: bool,
    was_deep: bool,
}

impl<'w> Walk<'w> {
    pub fn new(
        row: Row<'w>,
        findings: &'w mut Findings,
        argument_keys: &'w mut Option<Vec<String>>,
        looks_at_texts: bool,
    ) -> Self {
        Self { row, findings, argument_keys, looks_at_texts, was_deep: false }
    }

    pub fn value<'n>(&mut self, node: &'n Node<'_>, path: &mut Vec<Step<'n>>) {
        match node {
            Node::Map(fields) => {
                self.check_depth(path);
                if let Some(key) = repeated_key(fields.iter().map(|(key, _)| &**key), fields.len()) {
                    path.push(Step::Key(key));
                    self.findings.field(&DUPLICATE_KEY, self.row, path, || format!("`{}`", brief(key)));
                    path.pop();
                }
                if path.last() == Some(&Step::Key("arguments")) {
                    self.arguments(fields, path);
                }
                for (key, value) in fields {
                    path.push(Step::Key(key));
                    self.value(value, path);
                    path.pop();
                }
            }
            Node::List(parts) => {
                self.check_depth(path);
                for (at, part) in parts.iter().enumerate() {
                    // Lists of numbers may be long, and hold nothing to be told.
                    if !matches!(part, Node::Null | Node::Bool(_) | Node::Whole(_)) {
                        path.push(Step::At(at));
                        self.value(part, path);
                        path.pop();
                    }
                }
            }
            Node::Number(number) => {
                let may_be_whole = number.abs() >= 9.2e18 && !self.row.text.is_empty();
                if may_be_whole && is_written_whole(self.row.text, path) {
                    self.findings.field(&BIG_INTEGER, self.row, path, String::new);
                }
            }
            Node::Text(text) if self.looks_at_texts => marks::characters(text, self.row, path, self.findings),
            Node::Null | Node::Bool(_) | Node::Whole(_) | Node::Text(_) => {}
        }
    }

    /// Tables give every row all keys that any row has.
    fn arguments(&mut self, fields: &[(std::borrow::Cow<'_, str>, Node<'_>)], path: &[Step<'_>]) {
        let mut keys: Vec<&str> = fields.iter().map(|(key, _)| &**key).collect();
        keys.sort_unstable();
        match self.argument_keys {
            None => *self.argument_keys = Some(keys.into_iter().map(str::to_owned).collect()),
            Some(first) if *first != keys => {
                self.findings.field(&ARGUMENTS_RAGGED, self.row, path, || brief(&keys.join(", ")));
            }
            Some(_) => {}
        }
    }

    fn check_depth(&mut self, path: &[Step<'_>]) {
        if path.len() >= DEEPEST && !self.was_deep {
            self.was_deep = true;
            self.findings.field(&DEEP, self.row, path, String::new);
        }
    }
}

/// The first key that stands there a second time.
fn repeated_key<'k>(keys: impl Iterator<Item = &'k str> + Clone, count: usize) -> Option<&'k str> {
    if count <= FEW {
        return keys
            .clone()
            .enumerate()
            .find(|(at, key)| keys.clone().take(*at).any(|other| other == *key))
            .map(|(_, key)| key);
    }
    let mut seen = HashSet::with_capacity(count);
    keys.into_iter().find(|key| !seen.insert(*key))
}

/// The beginning of a text, for messages; what would move a terminal's cursor is left out.
pub(crate) fn brief(text: &str) -> String {
    const MOST: usize = 40;
    let mut brief: String = text.chars().take(MOST).map(|sign| if sign.is_control() { ' ' } else { sign }).collect();
    if text.chars().nth(MOST).is_some() {
        brief.push('…');
    }
    brief
}
