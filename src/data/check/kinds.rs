//! Rows that are no conversations and no pairs: instructions, completions, labels, scores, steps, infilling, tokens, texts;
//! and the files that rows refer to.

use super::chat::{Wanted, unfinished};
use super::values::brief;
use super::{Checker, marks};
use crate::checks::{
    BOS, EMPTY_ANSWER, EMPTY_COMPLETION, EMPTY_PROMPT, EMPTY_TEXT, FIELD_TYPE, INFILL_AROUND, INFILL_MIDDLE, KTO_LABEL,
    KTO_ONE_CLASS, KTO_RATIO, MEDIA_COUNT, MEDIA_MISSING, MIXED_MARKS, NO_END, SCORE_SCALE, SCORE_TYPE, STEPS_LENGTH,
    TOKENS_LENGTH, TOKENS_NOTHING, UNFINISHED,
};
use crate::findings::{Findings, PLACES, Place, Row};
use crate::node::Node;
use crate::place::Step;
use marks::Family;
use std::collections::BTreeMap;

/// Counts over a file's rows.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// KTO: desirable and undesirable.
    pub labels: [u64; 2],
    /// Rewards: within 0 to 1, and beyond; where the first of each is.
    scores: [u64; 2],
    score_places: [Vec<Place>; 2],
    /// Texts by the family they are written in.
    families: BTreeMap<Family, (u64, Vec<Place>)>,
    ended: u64,
    unended: Vec<Place>,
}

impl Counts {
    pub fn finish(&self, findings: &mut Findings) {
        let [yes, no] = self.labels;
        let both = yes + no;
        if both > 1 && (yes == 0 || no == 0) {
            findings.of_file(&KTO_ONE_CLASS, both, format!("{yes} true, {no} false"));
        } else if both > 0 && (yes < no || yes * 3 > no * 4) {
            findings.of_file(&KTO_RATIO, both, format!("{yes} true, {no} false"));
        }
        let [small, large] = self.scores;
        if small > 0 && large > 0 {
            let rare = usize::from(large < small);
            // A scale of 0 to 10 has a few below 1 as well.
            if self.scores[rare] * 10 <= small + large && large < small {
                for place in &self.score_places[rare] {
                    findings.at(&SCORE_SCALE, place.clone(), || format!("{small} within 0 to 1, {large} beyond"));
                }
            }
        }
        let most = self.families.iter().max_by_key(|(family, (count, _))| (*count, std::cmp::Reverse(**family)));
        for (family, (count, places)) in &self.families {
            if most.is_some_and(|(most, _)| most != family) {
                let names = || self.families.keys().map(|family| family.name()).collect::<Vec<_>>().join(", ");
                for place in places {
                    findings.at(&MIXED_MARKS, place.clone(), names);
                }
                findings.of_file(&MIXED_MARKS, count - places.len() as u64, String::new());
            }
        }
        if self.ended > 0 {
            for place in &self.unended {
                findings.at(&NO_END, place.clone(), || format!("{} rows have one", self.ended));
            }
        }
    }
}

/// A field that is text with something in it, told where it is not.
fn text<'n>(
    findings: &mut Findings,
    row: Row<'_>,
    fields: &'n Node<'_>,
    name: &str,
    empty: &'static crate::checks::Check,
) -> Option<&'n str> {
    match fields.get(name)? {
        Node::Text(text) if text.trim().is_empty() => {
            findings.field(empty, row, &[Step::Key(name)], || format!("`{name}`"));
            None
        }
        Node::Text(text) => Some(text),
        other => {
            findings.field(&FIELD_TYPE, row, &[Step::Key(name)], || format!("`{name}` is a {}", other.kind()));
            None
        }
    }
}

impl Checker {
    /// Checks an instruction with its answer.
    pub(super) fn alpaca(&mut self, row: Row<'_>, fields: &Node<'_>) {
        let answer = if fields.get("output").is_some() { "output" } else { "response" };
        for (name, empty) in [("instruction", &EMPTY_PROMPT), (answer, &EMPTY_ANSWER)] {
            if let Some(said) = text(&mut self.findings, row, fields, name, empty) {
                marks::in_message(said, row, &[Step::Key(name)], &mut self.findings);
                if name == answer
                    && let Some(reason) = unfinished(said, true)
                {
                    self.findings.field(&UNFINISHED, row, &[Step::Key(name)], || reason);
                }
            }
        }
        for name in ["input", "system"] {
            if let Some(other) = fields.given(name).filter(|value| value.as_str().is_none()) {
                self.findings.field(&FIELD_TYPE, row, &[Step::Key(name)], || format!("`{name}` is a {}", other.kind()));
            }
        }
    }

    /// Checks a prompt and its completion.
    pub(super) fn completion(&mut self, row: Row<'_>, fields: &Node<'_>) {
        match (fields.get("prompt"), fields.get("completion")) {
            (Some(prompt @ Node::List(_)), Some(completion @ Node::List(_))) => {
                self.list(row, fields, "prompt", Wanted::Prompt, prompt);
                self.list(row, fields, "completion", Wanted::Answer, completion);
                if super::pairs::said(completion).trim().is_empty() {
                    self.findings.field(&EMPTY_COMPLETION, row, &[Step::Key("completion")], String::new);
                }
            }
            (Some(Node::Text(_)), Some(completion @ (Node::List(_) | Node::Map(_)))) => {
                let detail = || format!("`prompt` is text, `completion` a {}", completion.kind());
                self.findings.field(&FIELD_TYPE, row, &[Step::Key("completion")], detail);
            }
            _ => {
                let _ = text(&mut self.findings, row, fields, "prompt", &EMPTY_PROMPT);
                let _ = text(&mut self.findings, row, fields, "completion", &EMPTY_COMPLETION);
            }
        }
    }

    /// Checks the label of a KTO row.
    pub(super) fn label(&mut self, row: Row<'_>, fields: &Node<'_>) {
        let name = if fields.given("kto_tag").is_some() { "kto_tag" } else { "label" };
        match fields.get(name) {
            Some(Node::Bool(is_desirable)) => self.counts.labels[usize::from(!*is_desirable)] += 1,
            // A table has text alone.
            Some(Node::Text(word)) if row.text.is_empty() && matches!(&*word.to_lowercase(), "true" | "false") => {
                self.counts.labels[usize::from(word.to_lowercase() == "false")] += 1;
            }
            Some(other) => {
                self.findings.field(&KTO_LABEL, row, &[Step::Key(name)], || format!("it is a {}", other.kind()));
            }
            None => self.findings.field(&KTO_LABEL, row, &[], || "it is missing".to_owned()),
        }
    }

    /// Checks a score.
    pub(super) fn score(&mut self, row: Row<'_>, fields: &Node<'_>) {
        let value = match fields.get("score") {
            Some(Node::Whole(whole)) => Some(*whole as f64),
            Some(Node::Number(number)) => Some(*number),
            Some(Node::Text(word)) if row.text.is_empty() => word.trim().parse().ok(),
            _ => None,
        };
        match value.filter(|value: &f64| value.is_finite()) {
            None => self.findings.field(&SCORE_TYPE, row, &[Step::Key("score")], String::new),
            Some(value) => {
                let at = usize::from(!(0.0..=1.0).contains(&value));
                self.counts.scores[at] += 1;
                if self.counts.score_places[at].len() < PLACES {
                    let byte = crate::place::locate(row.text, &[Step::Key("score")]);
                    self.counts.score_places[at].push(row.place_at(byte, "score".to_owned()));
                }
            }
        }
    }

    /// Checks steps and their labels.
    pub(super) fn steps(&mut self, row: Row<'_>, fields: &Node<'_>) {
        let length = |name: &str| fields.get(name).and_then(Node::as_list).map(<[_]>::len);
        let (steps, labels) = (length("completions"), length("labels"));
        if steps != labels || steps.is_none() || steps == Some(0) {
            let words = |count: Option<usize>| count.map_or_else(|| "no list".to_owned(), |count| count.to_string());
            let detail = || format!("{} steps, {} labels", words(steps), words(labels));
            self.findings.field(&STEPS_LENGTH, row, &[Step::Key("labels")], detail);
        }
    }

    /// Checks what is to be filled in.
    pub(super) fn infilling(&mut self, row: Row<'_>, fields: &Node<'_>) {
        let is_blank = |name: &str| fields.get(name).and_then(Node::as_str).is_none_or(|text| text.trim().is_empty());
        if is_blank("middle") {
            self.findings.field(&INFILL_MIDDLE, row, &[Step::Key("middle")], String::new);
        } else if is_blank("prefix") && is_blank("suffix") {
            self.findings.field(&INFILL_AROUND, row, &[], String::new);
        }
    }

    /// Checks tokens.
    pub(super) fn tokens(&mut self, row: Row<'_>, fields: &Node<'_>) {
        let length = |name: &str| fields.given(name).and_then(Node::as_list).map(<[_]>::len);
        let wanted = length("input_ids");
        for name in ["attention_mask", "labels"] {
            if fields.given(name).is_some() && length(name) != wanted {
                let words =
                    |count: Option<usize>| count.map_or_else(|| "no list".to_owned(), |count| count.to_string());
                let detail = || format!("{} input_ids, {} {name}", words(wanted), words(length(name)));
                self.findings.field(&TOKENS_LENGTH, row, &[Step::Key(name)], detail);
            }
        }
        let labels = fields.given("labels").and_then(Node::as_list).unwrap_or_default();
        if !labels.is_empty() && labels.iter().all(|label| *label == Node::Whole(-100)) {
            self.findings.field(&TOKENS_NOTHING, row, &[Step::Key("labels")], String::new);
        }
    }

    /// Checks a text that is trained whole.
    pub(super) fn text(&mut self, row: Row<'_>, fields: &Node<'_>) {
        let Some(said) = text(&mut self.findings, row, fields, "text", &EMPTY_TEXT) else { return };
        self.lines.add(said);
        let written = marks::written(said);
        if let Some(word) = written.begins {
            self.findings.within(&BOS, row, &[Step::Key("text")], word, || format!("`{word}`"));
        }
        let place = || row.place_at(crate::place::locate(row.text, &[Step::Key("text")]), "text".to_owned());
        if let Some(family) = written.family {
            let (count, places) = self.counts.families.entry(family).or_default();
            *count += 1;
            if places.len() < PLACES {
                places.push(place());
            }
            if written.ends {
                self.counts.ended += 1;
            } else if self.counts.unended.len() < PLACES {
                self.counts.unended.push(place());
            }
        }
    }

    /// Checks pictures, sounds and films that a row refers to.
    pub(super) fn media(&mut self, row: Row<'_>, fields: &Node<'_>) {
        for (name, mark) in [("images", "<image>"), ("videos", "<video>"), ("audios", "<audio>")] {
            let Some(listed) = fields.given(name) else { continue };
            let paths: Vec<&str> = match listed {
                Node::List(parts) => parts.iter().filter_map(path_of).collect(),
                Node::Text(path) => vec![path],
                _ => continue,
            };
            let wanted: usize =
                fields.as_map().unwrap_or_default().iter().map(|(_, value)| count_of(value, mark)).sum();
            // Without any placeholder the parts of messages say where they go.
            if wanted > 0 && wanted != paths.len() {
                let detail = || format!("{wanted} `{mark}`, {} {name}", paths.len());
                self.findings.field(&MEDIA_COUNT, row, &[Step::Key(name)], detail);
            }
            for (at, path) in paths.iter().enumerate() {
                if self.is_missing(path) {
                    let place = [Step::Key(name), Step::At(at)];
                    self.findings.field(&MEDIA_MISSING, row, &place, || format!("`{}`", brief(path)));
                }
            }
        }
    }
}

fn path_of<'n>(node: &'n Node<'_>) -> Option<&'n str> {
    node.as_str().or_else(|| node.get("path").and_then(Node::as_str))
}

/// How often a mark stands in what messages say.
fn count_of(node: &Node<'_>, mark: &str) -> usize {
    match node {
        Node::Text(text) => memchr::memmem::find_iter(text.as_bytes(), mark).count(),
        Node::List(parts) => parts.iter().map(|part| count_of(part, mark)).sum(),
        Node::Map(fields) => fields.iter().map(|(_, value)| count_of(value, mark)).sum(),
        _ => 0,
    }
}
