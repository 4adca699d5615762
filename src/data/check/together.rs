//! What is said of a file's rows together: columns, duplicates, lengths, lines that stand everywhere.

use super::chat::{Kind, tell_rarer};
use super::shape::Shape;
use super::{hash_of, pairs};
use crate::checks::{BOILERPLATE, DUPLICATE, LENGTH_SPREAD, MIXED_FORMATS, RAGGED, TWO_ANSWERS, TYPE_CHANGE};
use crate::findings::{Findings, Place, Row};
use crate::node::Node;
use crate::place::Step;
use std::collections::{BTreeMap, HashMap, HashSet};

/// Columns that are followed; more are a list of keys rather than columns.
const MOST_COLUMNS: usize = 200;
/// Rows that are compared with each other: beyond this a file is told not to have been compared whole.
const MOST_COMPARED: usize = 20_000_000;

/// The columns of a file.
#[derive(Debug, Default)]
pub(super) struct Columns {
    by_name: BTreeMap<String, BTreeMap<&'static str, Kind>>,
}

impl Columns {
    pub fn add(&mut self, row: Row<'_>, fields: &Node<'_>) {
        for (key, value) in fields.as_map().unwrap_or_default() {
            if !self.by_name.contains_key(&**key) {
                if self.by_name.len() >= MOST_COLUMNS || key.len() > 200 {
                    continue;
                }
                self.by_name.insert(key.to_string(), BTreeMap::new());
            }
            if let Some(kinds) = self.by_name.get_mut(&**key) {
                kinds.entry(value.kind()).or_default().add(row, &[Step::Key(key)]);
            }
        }
    }

    pub fn finish(&self, rows: u64, findings: &mut Findings) {
        for (name, kinds) in &self.by_name {
            let present: u64 = kinds.values().map(|kind| kind.count).sum();
            if present < rows {
                let detail = || format!("`{}` in {present} of {rows}", super::values::brief(name));
                if let Some(place) = kinds.values().filter_map(|kind| kind.first.first()).min() {
                    findings.at(&RAGGED, place.clone(), detail);
                }
            }
            let mut typed: Vec<(&str, &Kind)> =
                kinds.iter().filter(|(kind, _)| **kind != "null").map(|(kind, found)| (*kind, found)).collect();
            typed.sort_by_key(|(_, found)| std::cmp::Reverse(found.count));
            // What `chosen` or `prompt` is decides the format, and is told there.
            if let [(most, most_found), rest @ ..] = &typed[..] {
                for (kind, found) in rest {
                    tell_rarer(&TYPE_CHANGE, found, most_found, [kind, most], findings);
                }
            }
        }
    }
}

/// The formats of a file's rows.
#[derive(Debug, Default)]
pub(super) struct Shapes {
    by_shape: BTreeMap<Shape, Kind>,
}

impl Shapes {
    pub fn add(&mut self, row: Row<'_>, shape: Shape) {
        self.by_shape.entry(shape).or_default().add(row, &[]);
    }

    /// The most frequent one.
    pub fn main(&self) -> Option<Shape> {
        self.by_shape
            .iter()
            .max_by_key(|(shape, kind)| (kind.count, std::cmp::Reverse(**shape)))
            .map(|(shape, _)| *shape)
    }

    pub fn finish(&self, findings: &mut Findings) {
        let Some(main) = self.main() else { return };
        let all = || {
            let words = self.by_shape.iter().map(|(shape, kind)| format!("{} {}", kind.count, shape.id()));
            words.collect::<Vec<_>>().join(", ")
        };
        // Rows without a known format are told one by one.
        for (_, kind) in self.by_shape.iter().filter(|(shape, _)| **shape != main && **shape != Shape::Unknown) {
            for place in &kind.first {
                findings.at(&MIXED_FORMATS, place.clone(), all);
            }
            findings.of_file(&MIXED_FORMATS, kind.count - kind.first.len() as u64, String::new());
        }
    }
}

/// Rows that were seen, their prompts, and their lengths.
#[derive(Debug, Default)]
pub(super) struct Seen {
    rows: HashSet<u64>,
    prompts: HashMap<u64, u64>,
    /// How many rows have a length of up to 2^n bytes.
    sizes: [u64; 32],
    longest: Option<(usize, Place)>,
}

impl Seen {
    pub fn add(&mut self, row: Row<'_>, fields: &Node<'_>, shape: Shape, findings: &mut Findings) {
        if self.rows.len() >= MOST_COMPARED {
            return;
        }
        let is_new = if row.text.is_empty() {
            self.rows.insert(hash_of(&format!("{fields:?}")))
        } else {
            self.rows.insert(hash_of(row.text.trim_ascii()))
        };
        if !is_new {
            findings.field(&DUPLICATE, row, &[], String::new);
        } else if let Some((prompt, answer)) = prompt_and_answer(fields, shape) {
            let earlier = *self.prompts.entry(prompt).or_insert(answer);
            if earlier != answer {
                findings.field(&TWO_ANSWERS, row, &[], String::new);
            }
        }
        let length = row.text.len();
        self.sizes[(usize::BITS - length.leading_zeros()).min(31) as usize] += 1;
        if self.longest.as_ref().is_none_or(|(longest, _)| length > *longest) {
            self.longest = Some((length, row.place_at(0, String::new())));
        }
    }

    /// A row of over 16 times the median, by lengths in bytes; the median is that of its power of two.
    pub fn finish(&self, findings: &mut Findings) {
        let count: u64 = self.sizes.iter().sum();
        let mut passed = 0;
        let middle = self.sizes.iter().position(|size| {
            passed += size;
            passed * 2 >= count
        });
        if let (Some(middle), Some((longest, place))) = (middle, &self.longest)
            && count >= 8
            && *longest > 4096
            && *longest > 16 << middle
        {
            let detail = || format!("{longest} bytes, and half of the rows have up to {}", 1_u64 << middle);
            findings.at(&LENGTH_SPREAD, place.clone(), detail);
        }
    }
}

/// Hashes of a prompt without case and blanks, and of what answers it.
fn prompt_and_answer(fields: &Node<'_>, shape: Shape) -> Option<(u64, u64)> {
    let mut prompt = Normal::default();
    let answer = match shape {
        Shape::Messages | Shape::ShareGpt => {
            let name = if shape == Shape::Messages { "messages" } else { "conversations" };
            // Later turns depend on the earlier ones.
            let (answer, before) = fields.get(name)?.as_list()?.split_last()?;
            for turn in before {
                prompt.add(turn);
            }
            answer
        }
        Shape::Alpaca => {
            prompt.add(fields.get("instruction")?);
            prompt.add(fields.get("input").unwrap_or(&Node::Null));
            fields.get("output").or_else(|| fields.get("response"))?
        }
        Shape::PromptCompletion => {
            prompt.add(fields.get("prompt")?);
            fields.get("completion")?
        }
        _ => return None,
    };
    let said = match answer.given("content").or_else(|| answer.given("value")).unwrap_or(answer) {
        Node::Text(text) => hash_of(text.trim()),
        other => hash_of(&pairs::said(other)),
    };
    Some((hash_of(&prompt.bytes), said))
}

/// A prompt beyond this is compared as it stands.
const LONG_PROMPT_BYTES: usize = 512;

/// What is said, without case, blanks and punctuation.
#[derive(Default)]
struct Normal {
    bytes: Vec<u8>,
}

impl Normal {
    fn add(&mut self, node: &Node<'_>) {
        match node {
            // Long ones are hardly written twice with other blanks.
            Node::Text(text) if text.len() > LONG_PROMPT_BYTES => self.bytes.extend(text.trim().bytes()),
            Node::Text(text) if text.is_ascii() => {
                self.bytes.extend(text.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_lowercase()));
            }
            Node::Text(text) => self.bytes.extend(pairs::normal(text).bytes()),
            Node::List(parts) => parts.iter().for_each(|part| self.add(part)),
            Node::Map(_) => {
                for name in ["content", "value", "text", "tool_calls", "arguments", "function"] {
                    self.add(node.get(name).unwrap_or(&Node::Null));
                }
            }
            Node::Whole(number) => self.bytes.extend(number.to_string().bytes()),
            Node::Null | Node::Bool(_) | Node::Number(_) => {}
        }
    }
}

/// Lines that stand in many texts.
#[derive(Debug, Default)]
pub(super) struct Lines {
    counts: HashMap<u64, (u64, String)>,
    texts: u64,
}

impl Lines {
    /// Counts the first and last lines of a text, where headers and footers stand.
    pub fn add(&mut self, text: &str) {
        const MOST: usize = 100_000;
        self.texts += 1;
        let long = |line: &&str| line.trim().len() >= 20;
        let begin: Vec<&str> = text.lines().filter(long).take(3).collect();
        let end: Vec<&str> = text.lines().rev().filter(long).take(3).collect();
        let lines: HashSet<&str> = begin.into_iter().chain(end).map(str::trim).collect();
        for line in lines {
            let key = hash_of(line);
            if self.counts.len() < MOST || self.counts.contains_key(&key) {
                self.counts.entry(key).or_insert_with(|| (0, super::values::brief(line))).0 += 1;
            }
        }
    }

    pub fn finish(&self, findings: &mut Findings) {
        let most = self.counts.values().max_by_key(|(count, _)| *count);
        if let Some((count, line)) = most
            && self.texts >= 10
            && count * 5 > self.texts
        {
            findings.of_file(&BOILERPLATE, *count, format!("\"{line}\" in {count} of {}", self.texts));
        }
    }
}
