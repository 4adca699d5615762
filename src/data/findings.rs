//! What checks found: how often, and where first.

use crate::checks::{Check, Severity};
use crate::place::{Step, locate, path_text};
use crate::records::Spot;
use std::collections::BTreeMap;

/// Places that are told of each check.
pub const PLACES: usize = 20;

/// A place of a finding.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Physical line, from 1.
    pub line: u64,
    /// Absolute byte in the file, from 0; of what was unpacked, where the file is packed.
    pub byte: u64,
    /// Path of the field, empty for the whole row.
    pub path: String,
}

/// What one check found.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The check.
    pub check: &'static Check,
    /// How often.
    pub count: u64,
    /// The first places; none where the whole file is meant.
    pub places: Vec<Place>,
    /// Of the first place, or of the file: what exactly.
    pub detail: String,
}

impl Finding {
    /// What is wrong, exactly what, and why it matters, in sentences.
    pub fn message(&self) -> String {
        let Check { what, why, source, .. } = self.check;
        let detail = if self.detail.is_empty() { String::new() } else { format!(": {}", self.detail) };
        format!("{what}{detail}. Why: {why} ({source}).")
    }
}

/// A row while it is checked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row<'a> {
    /// Where it begins.
    pub spot: Spot,
    /// Its text, empty where it is a row of a table.
    pub text: &'a [u8],
    /// Something in it may be a mark, a thought, code or a character to be told.
    pub has_hints: bool,
}

impl<'a> Row<'a> {
    /// Of which nothing is known yet.
    pub const fn of(spot: Spot, text: &'a [u8]) -> Self {
        Self { spot, text, has_hints: true }
    }

    /// A byte of it as a place.
    pub fn place_at(&self, byte: usize, path: String) -> Place {
        let before = &self.text[..byte.min(self.text.len())];
        let lines = memchr::memchr_iter(b'\n', before).count() as u64;
        Place { line: self.spot.line + lines, byte: self.spot.byte + byte as u64, path }
    }
}

/// All that was found in a file.
#[derive(Debug)]
pub struct Findings {
    found: BTreeMap<&'static str, Finding>,
    most_places: usize,
    only: Option<&'static str>,
}

impl Findings {
    /// Keeps so many places of each check; with `only` of that one alone.
    pub fn new(most_places: usize, only: Option<&'static str>) -> Self {
        Self { found: BTreeMap::new(), most_places, only }
    }

    /// Of the whole file.
    pub fn of_file(&mut self, check: &'static Check, count: u64, detail: String) {
        self.entry(check, || detail).count += count;
    }

    /// At a place that is known.
    pub fn at(&mut self, check: &'static Check, place: Place, detail: impl FnOnce() -> String) {
        let most = self.most_places_of(check);
        let finding = self.entry(check, detail);
        finding.count += 1;
        if finding.places.len() < most {
            finding.places.push(place);
        }
    }

    /// At a field of a row.
    pub(crate) fn field(
        &mut self,
        check: &'static Check,
        row: Row<'_>,
        path: &[Step<'_>],
        detail: impl FnOnce() -> String,
    ) {
        self.within(check, row, path, "", detail);
    }

    /// At the first of some words in a field of a row.
    pub(crate) fn within(
        &mut self,
        check: &'static Check,
        row: Row<'_>,
        path: &[Step<'_>],
        word: &str,
        detail: impl FnOnce() -> String,
    ) {
        let most = self.most_places_of(check);
        let finding = self.entry(check, detail);
        finding.count += 1;
        if finding.places.len() < most {
            let begin = if row.text.is_empty() { 0 } else { locate(row.text, path) };
            let rest = row.text.get(begin..).unwrap_or_default();
            let ahead = if word.is_empty() { None } else { memchr::memmem::find(rest, word.as_bytes()) };
            finding.places.push(row.place_at(begin + ahead.unwrap_or(0), path_text(path)));
        }
    }

    fn most_places_of(&self, check: &Check) -> usize {
        if self.only.is_some_and(|only| only != check.id) { 0 } else { self.most_places }
    }

    fn entry(&mut self, check: &'static Check, detail: impl FnOnce() -> String) -> &mut Finding {
        self.found.entry(check.id).or_insert_with(|| Finding { check, count: 0, places: Vec::new(), detail: detail() })
    }

    /// Whether a check found something.
    pub fn has(&self, check: &Check) -> bool {
        self.found.contains_key(check.id)
    }

    /// The worst first, then by their first place, then by id.
    pub fn into_sorted(self) -> Vec<Finding> {
        let mut all: Vec<Finding> = self.found.into_values().collect();
        for finding in &mut all {
            finding.places.sort();
        }
        all.sort_by(|a, b| {
            let key = |finding: &Finding| finding.places.first().map_or((0, 0), |place| (place.line, place.byte));
            b.check
                .severity
                .cmp(&a.check.severity)
                .then_with(|| key(a).cmp(&key(b)))
                .then_with(|| a.check.id.cmp(b.check.id))
        });
        all
    }
}

/// The worst of some findings.
pub fn worst(findings: &[Finding]) -> Option<Severity> {
    findings.iter().map(|finding| finding.check.severity).max()
}
