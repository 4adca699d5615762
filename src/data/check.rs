//! A file gone through once, row by row: what is in it, and what is wrong with it.

#[cfg(test)]
mod cases;
mod chat;
mod kinds;
pub(crate) mod marks;
mod pairs;
mod pass;
mod schema;
mod shape;
mod syntax;
mod together;
mod tools;
pub(crate) mod values;

pub use shape::Shape;

use crate::checks::{BLANK_LINES, BROKEN_PACKING, CRLF, UNKNOWN_FORMAT, UNREADABLE};
use crate::findings::{Finding, Findings, PLACES, Row};
use crate::node::Node;
use crate::records::{Layout, Spot};
use crate::source::{self, Packing, Source};
use crate::typos::nearest;
use crate::{DataError, files, info};
use chat::{List, Talk, Wanted};
use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hash};
use std::path::{Path, PathBuf};
use together::{Columns, Lines, Seen, Shapes};
use values::brief;

/// What is asked of a check.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Places that are kept of each finding.
    pub most_places: usize,
    /// The one check whose places are wanted.
    pub only: Option<&'static str>,
}

impl Default for Options {
    fn default() -> Self {
        Self { most_places: PLACES, only: None }
    }
}

/// What a check of a file came to.
#[derive(Debug)]
pub struct Report {
    /// The file.
    pub path: PathBuf,
    /// The format of most rows.
    pub shape: Option<Shape>,
    /// How rows lie in it.
    pub layout: Option<Layout>,
    /// What it is packed with.
    pub packing: Packing,
    /// Rows that were read.
    pub rows: u64,
    /// Rows that could not be read.
    pub unreadable: u64,
    /// What was found, the worst first.
    pub findings: Vec<Finding>,
    /// Nothing of it could be checked, or the rest could not be read.
    pub is_unusable: bool,
}

/// Checks a file.
pub fn check(path: &Path, options: Options) -> Report {
    if info::is_info(path) {
        let read = files::read_regular_text(path, info::MAX_BYTES).map_err(|error| error.cause());
        return of_info(path, &read, options);
    }
    run(path, source::open(path).map_err(DataError::cause), options)
}

/// Checks bytes that stand for a file of this name.
pub fn check_bytes(path: &Path, bytes: Vec<u8>, options: Options) -> Report {
    let size_bytes = bytes.len() as u64;
    let source = source::of(Box::new(std::io::Cursor::new(bytes)), size_bytes);
    run(path, source.map_err(|error| error.to_string()), options)
}

/// Checks a `dataset_info.json`.
fn of_info(path: &Path, text: &Result<String, String>, options: Options) -> Report {
    let mut findings = Findings::new(options.most_places, options.only);
    let rows = match text {
        Ok(text) => info::check(text, path.parent().unwrap_or(path), &mut findings),
        Err(reason) => {
            findings.of_file(&UNREADABLE, 1, reason.clone());
            0
        }
    };
    Report {
        path: path.to_owned(),
        shape: None,
        layout: Some(Layout::Values),
        packing: Packing::Plain,
        rows,
        unreadable: 0,
        findings: findings.into_sorted(),
        is_unusable: text.is_err(),
    }
}

fn run(path: &Path, source: Result<Source, String>, options: Options) -> Report {
    let mut checker = Checker::new(path, options);
    let mut report = Report {
        path: path.to_owned(),
        shape: None,
        layout: None,
        packing: Packing::Plain,
        rows: 0,
        unreadable: 0,
        findings: Vec::new(),
        is_unusable: false,
    };
    match source {
        Ok(source) => report.is_unusable = !checker.file(path, source, &mut report),
        Err(reason) => {
            let is_damaged = ["damaged", "corrupt", "gzip", "deflate"].iter().any(|word| reason.contains(word));
            checker.findings.of_file(if is_damaged { &BROKEN_PACKING } else { &UNREADABLE }, 1, reason);
            report.is_unusable = true;
        }
    }
    report.rows = checker.rows;
    report.unreadable = checker.unreadable;
    report.shape = checker.shapes.main();
    report.findings = checker.finish().into_sorted();
    report
}

/// The state of a check.
struct Checker {
    findings: Findings,
    folder: PathBuf,
    rows: u64,
    unreadable: u64,
    shapes: Shapes,
    columns: Columns,
    talk: Talk,
    pairs: pairs::Pairs,
    counts: kinds::Counts,
    seen: Seen,
    lines: Lines,
    blank: (u64, Option<Spot>),
    crlf: (u64, Option<Spot>),
    is_there: HashMap<String, bool>,
    argument_keys: Option<Vec<String>>,
}

impl Checker {
    fn new(path: &Path, options: Options) -> Self {
        Self {
            findings: Findings::new(options.most_places, options.only),
            folder: path.parent().map(Path::to_owned).unwrap_or_default(),
            rows: 0,
            unreadable: 0,
            shapes: Shapes::default(),
            columns: Columns::default(),
            talk: Talk::default(),
            pairs: pairs::Pairs::default(),
            counts: kinds::Counts::default(),
            seen: Seen::default(),
            lines: Lines::default(),
            blank: (0, None),
            crlf: (0, None),
            is_there: HashMap::new(),
            argument_keys: None,
        }
    }

    /// Checks a row by its format.
    fn row(&mut self, row: Row<'_>, fields: &Node<'_>) {
        self.rows += 1;
        let shape = Shape::of(fields);
        self.shapes.add(row, shape);
        self.columns.add(row, fields);
        self.seen.add(row, fields, shape, &mut self.findings);
        match shape {
            Shape::Messages => self.conversation(row, fields, "messages"),
            Shape::ShareGpt => self.conversation(row, fields, "conversations"),
            Shape::Alpaca => self.alpaca(row, fields),
            Shape::PromptCompletion => self.completion(row, fields),
            Shape::Preference => self.pair(row, fields, pairs::TRL),
            Shape::OpenAiPreference => self.pair(row, fields, pairs::OPENAI),
            Shape::Kto => {
                self.label(row, fields);
                if fields.given("messages").is_some() {
                    self.conversation(row, fields, "messages");
                } else if fields.given("completion").is_some() {
                    self.completion(row, fields);
                }
            }
            Shape::Stepwise => self.steps(row, fields),
            Shape::Reward => self.score(row, fields),
            Shape::Tokenized => self.tokens(row, fields),
            Shape::Infilling => self.infilling(row, fields),
            Shape::Text => self.text(row, fields),
            Shape::PromptOnly => {
                if let Some(prompt) = fields.get("prompt").filter(|prompt| prompt.as_list().is_some()) {
                    self.list(row, fields, "prompt", Wanted::Prompt, prompt);
                }
            }
            Shape::Segments => {}
            Shape::Unknown => {
                let keys = fields.as_map().unwrap_or_default().iter().map(|(key, _)| &**key);
                let hint = keys.clone().find_map(|key| {
                    let near = nearest(key, shape::COLUMNS.into_iter())?;
                    Some(format!("`{}`: did you mean `{near}`?", brief(key)))
                });
                let names = || keys.take(8).map(brief).collect::<Vec<_>>().join(", ");
                self.findings
                    .field(&UNKNOWN_FORMAT, row, &[], || hint.unwrap_or_else(|| format!("columns {}", names())));
            }
        }
        self.media(row, fields);
    }

    fn conversation(&mut self, row: Row<'_>, fields: &Node<'_>, name: &str) {
        if let Some(list) = fields.get(name) {
            self.list(row, fields, name, Wanted::Whole, list);
        }
    }

    fn list(&mut self, row: Row<'_>, fields: &Node<'_>, name: &str, wanted: Wanted, list: &Node<'_>) {
        List { row, name, fields, wanted, talk: &mut self.talk, findings: &mut self.findings }.check(list);
    }

    /// Whether a file that a row names is not beside the data file. Addresses and contents are not looked up.
    fn is_missing(&mut self, path: &str) -> bool {
        const MOST: usize = 10_000;
        if path.contains("://") || path.starts_with("data:") || path.len() > 1000 {
            return false;
        }
        if let Some(is_there) = self.is_there.get(path) {
            return !is_there;
        }
        let is_there = self.is_there.len() >= MOST || self.folder.join(path).exists();
        self.is_there.insert(path.to_owned(), is_there);
        !is_there
    }

    fn finish(mut self) -> Findings {
        let findings = &mut self.findings;
        for (check, (count, first)) in [(&BLANK_LINES, self.blank), (&CRLF, self.crlf)] {
            if let Some(spot) = first {
                findings.at(check, Row::of(spot, &[]).place_at(0, String::new()), String::new);
                findings.of_file(check, count - 1, String::new());
            }
        }
        self.shapes.finish(findings);
        self.columns.finish(self.rows, findings);
        self.talk.finish(findings);
        self.pairs.finish(findings);
        self.counts.finish(findings);
        self.seen.finish(findings);
        self.lines.finish(findings);
        self.findings
    }
}

/// A hash that is the same in every run.
fn hash_of<T: Hash + ?Sized>(value: &T) -> u64 {
    foldhash::fast::FixedState::default().hash_one(value)
}
