//! Preference pairs: two sides, what they have in common, and whether length alone tells them apart.

use super::chat::Wanted;
use super::{Checker, hash_of};
use crate::checks::{
    EQUAL, EQUAL_NORMALIZED, FIELD_TYPE, LENGTH_BIAS, LENGTH_UNCERTAIN, PROMPT_DIFFERS, PROMPT_REPEATED, REVERSED,
    SIDE_EMPTY, SIDE_MISSING,
};
use crate::findings::{Findings, Row};
use crate::node::Node;
use crate::place::Step;
use std::collections::HashSet;

/// What is known of a file's pairs together.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    /// Logarithms of chosen over rejected length, of whole pairs whose sides differ: count, sum, sum of squares.
    ratios: (u64, f64, f64),
    longer: u64,
    seen: HashSet<u64>,
}

/// Names of the two sides.
type Sides = [&'static str; 2];

/// `chosen` and `rejected`.
pub(super) const TRL: Sides = ["chosen", "rejected"];
/// As OpenAI has them.
pub(super) const OPENAI: Sides = ["preferred_output", "non_preferred_output"];

impl Pairs {
    /// Length bias, with the ratio of lengths and its 95 % interval.
    pub fn finish(&self, findings: &mut Findings) {
        let (count, sum, squares) = self.ratios;
        if count < 4 {
            return;
        }
        let n = count as f64;
        let mean = sum / n;
        let variance = ((squares - sum * mean) / (n - 1.0)).max(0.0);
        let half = student(count - 1) * (variance / n).sqrt();
        let is_certain = mean.abs() > half;
        let is_large = mean.abs() >= 1.2_f64.ln();
        let check = match (is_certain && is_large, mean.abs() >= 2.0_f64.ln()) {
            (true, _) => &LENGTH_BIAS,
            (false, true) => &LENGTH_UNCERTAIN,
            (false, false) => return,
        };
        let detail = format!(
            "in {count} pairs the chosen side has {:.2} times the length of the rejected one (geometric mean, 95 % interval \
             {:.2} to {:.2}), and is the longer one in {:.0} %",
            mean.exp(),
            (mean - half).exp(),
            (mean + half).exp(),
            100.0 * self.longer as f64 / n
        );
        findings.of_file(check, count, detail);
    }
}

/// The 97.5 % quantile of Student's t.
fn student(freedom: u64) -> f64 {
    const SMALL: [f64; 30] = [
        12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
        2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
    ];
    let index = usize::try_from(freedom).unwrap_or(usize::MAX).saturating_sub(1);
    SMALL.get(index).copied().unwrap_or(1.96)
}

impl Checker {
    /// Checks a pair.
    pub(super) fn pair(&mut self, row: Row<'_>, fields: &Node<'_>, names: Sides) {
        let sides = names.map(|name| fields.given(name));
        for (name, side) in names.into_iter().zip(sides) {
            match side {
                None => self.findings.field(&SIDE_MISSING, row, &[], || format!("no `{name}`")),
                Some(Node::Text(_) | Node::List(_) | Node::Map(_)) => {}
                Some(other) => {
                    self.findings.field(&FIELD_TYPE, row, &[Step::Key(name)], || format!("it is a {}", other.kind()));
                }
            }
        }
        let [Some(chosen), Some(rejected)] = sides else { return };
        let prompt =
            fields.given("prompt").or_else(|| fields.given("instruction")).or_else(|| fields.given("question"));
        let prompt = prompt.or_else(|| fields.get("input").and_then(|input| input.given("messages")));
        self.lists(row, fields, names, [chosen, rejected]);
        let texts = [said(chosen), said(rejected)];
        for (name, text) in names.into_iter().zip(&texts) {
            if text.trim().is_empty() {
                self.findings.field(&SIDE_EMPTY, row, &[Step::Key(name)], || format!("`{name}`"));
            }
        }
        if texts.iter().any(|text| text.trim().is_empty()) {
            return;
        }
        if chosen == rejected {
            self.findings.field(&EQUAL, row, &[Step::Key(names[1])], String::new);
            return;
        }
        if normal(&texts[0]) == normal(&texts[1]) {
            self.findings.field(&EQUAL_NORMALIZED, row, &[Step::Key(names[1])], String::new);
        }
        self.common(row, prompt, [chosen, rejected], &texts, names);
        let lengths = texts.map(|text| text.chars().count() as f64);
        let ratio = (lengths[0] / lengths[1]).ln();
        let pairs = &mut self.pairs;
        pairs.ratios = (pairs.ratios.0 + 1, pairs.ratios.1 + ratio, pairs.ratios.2 + ratio * ratio);
        pairs.longer += u64::from(ratio > 0.0);
        let prompt = prompt.map(said).unwrap_or_default();
        let [one, other] = [said(chosen), said(rejected)].map(|text| hash_of(&text));
        let key = |first: u64, second: u64| hash_of(&(hash_of(&prompt), first, second));
        if pairs.seen.contains(&key(other, one)) {
            self.findings.field(&REVERSED, row, &[], String::new);
        }
        self.pairs.seen.insert(key(one, other));
    }

    /// Sides that are lists of messages are conversations, or the ends of some.
    fn lists(&mut self, row: Row<'_>, fields: &Node<'_>, names: Sides, sides: [&Node<'_>; 2]) {
        let has_prompt = fields.given("prompt").is_some() || fields.given("input").is_some();
        let wanted = if has_prompt { Wanted::Answer } else { Wanted::Whole };
        for (name, side) in names.into_iter().zip(sides) {
            if side.as_list().is_some() {
                self.list(row, fields, name, wanted, side);
            }
        }
        if let Some(prompt) = fields.given("prompt").filter(|prompt| prompt.as_list().is_some()) {
            self.list(row, fields, "prompt", Wanted::Prompt, prompt);
        }
    }

    fn common(
        &mut self,
        row: Row<'_>,
        prompt: Option<&Node<'_>>,
        sides: [&Node<'_>; 2],
        texts: &[String; 2],
        names: Sides,
    ) {
        match prompt {
            Some(prompt) => {
                let prompt = said(prompt);
                let prompt = prompt.trim();
                if prompt.len() >= 4 && texts.iter().all(|text| text.trim_start().starts_with(prompt)) {
                    self.findings.field(&PROMPT_REPEATED, row, &[Step::Key(names[0])], String::new);
                }
            }
            None => {
                let differs = match sides {
                    [Node::List(one), Node::List(other)] => one.first() != other.first(),
                    [Node::Text(one), Node::Text(other)] => one.chars().next() != other.chars().next(),
                    _ => false,
                };
                if differs {
                    self.findings.field(&PROMPT_DIFFERS, row, &[], String::new);
                }
            }
        }
    }
}

/// All that a value says: its text, or that of its messages.
pub(super) fn said(node: &Node<'_>) -> String {
    match node {
        Node::Text(text) => text.to_string(),
        Node::List(parts) => parts.iter().map(said).collect::<Vec<_>>().join("\n"),
        Node::Map(_) => {
            let said_in = ["content", "value", "text"].iter().find_map(|name| node.given(name));
            let calls = node.given("tool_calls").map(|calls| format!("{calls:?}"));
            said_in.map(said).or(calls).unwrap_or_default()
        }
        _ => String::new(),
    }
}

/// Without case, blanks and punctuation.
pub(super) fn normal(text: &str) -> String {
    text.chars().filter(|sign| sign.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
