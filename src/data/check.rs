//! A file gone through once, row by row: what is in it, and what is wrong with it.

#[cfg(test)]
mod cases;
mod chat;
mod kinds;
pub(crate) mod marks;
mod pairs;
mod schema;
mod shape;
mod syntax;
mod together;
mod tools;
pub(crate) mod values;

pub use shape::Shape;

use crate::checks::{
    ARRAY_IN_JSONL, BLANK_LINES, BOM, BROKEN_PACKING, CRLF, CSV_CELLS, EMPTY, INVALID_UTF8, LONG_LINE,
    NO_FINAL_NEWLINE, NOT_JSON, TOO_LONG, TRUNCATED, UNKNOWN_FORMAT, UNREADABLE, UTF16,
};
use crate::findings::{Finding, Findings, PLACES, Row};
use crate::node::{Node, path_at};
use crate::records::{Layout, Piece, Records, Spot};
use crate::source::{self, Foreign, Packing, Source};
use crate::typos::nearest;
use crate::{files, info};
use chat::{List, Talk, Wanted};
use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hash};
use std::path::{Path, PathBuf};
use together::{Columns, Lines, Seen, Shapes};
use values::{Walk, brief};

/// A row beyond this is told: pyarrow refuses it.
const LONG_ROW_BYTES: usize = 10_000_000;

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
        return of_info(path, read, options);
    }
    run(path, source::open(path).map_err(|error| error.cause()), options)
}

/// Checks bytes that stand for a file of this name.
pub fn check_bytes(path: &Path, bytes: Vec<u8>, options: Options) -> Report {
    let size_bytes = bytes.len() as u64;
    let source = source::of(Box::new(std::io::Cursor::new(bytes)), size_bytes);
    run(path, source.map_err(|error| error.to_string()), options)
}

/// Checks a `dataset_info.json`.
fn of_info(path: &Path, text: Result<String, String>, options: Options) -> Report {
    let mut findings = Findings::new(options.most_places, options.only);
    let rows = match &text {
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

    /// Goes through the file; `false` where it could not be read to its end.
    fn file(&mut self, path: &Path, source: Source, report: &mut Report) -> bool {
        report.packing = source.packing;
        match source.foreign {
            None => {}
            Some(Foreign::Utf16) => {
                let place = Row::of(Spot { line: 1, byte: 0 }, &[]).place_at(0, String::new());
                self.findings.at(&UTF16, place, String::new);
                return false;
            }
            Some(Foreign::Parquet | Foreign::Arrow) => {
                let reason = "Parquet and Arrow are not read yet; write it as JSON lines: \
                              datasets.load_dataset('parquet', data_files=…)['train'].to_json(…)";
                self.findings.of_file(&UNREADABLE, 1, reason.to_owned());
                return false;
            }
            Some(Foreign::Binary(what)) => {
                self.findings.of_file(&UNREADABLE, 1, format!("it is {what}, not text"));
                return false;
            }
        }
        let told = |findings: &mut Findings, error: &std::io::Error| {
            let check = if source.packing == Packing::Plain { &UNREADABLE } else { &BROKEN_PACKING };
            findings.of_file(check, 1, error.to_string());
        };
        let mut records = match Records::new(source.reader) {
            Ok(records) => records,
            Err(error) => {
                told(&mut self.findings, &error);
                return false;
            }
        };
        report.layout = Some(records.layout);
        self.beginning(&records, path);
        let mut was_ended = true;
        let is_whole = loop {
            match records.next() {
                Ok(Some(piece)) => was_ended = self.piece(piece),
                Ok(None) => break true,
                Err(error) => {
                    told(&mut self.findings, &error);
                    break false;
                }
            }
        };
        if self.rows + self.unreadable == 0 && is_whole {
            self.findings.of_file(&EMPTY, 1, String::new());
        } else if !was_ended && !self.findings.has(&TRUNCATED) {
            self.findings.of_file(&NO_FINAL_NEWLINE, 1, String::new());
        }
        is_whole
    }

    fn beginning(&mut self, records: &Records, path: &Path) {
        let start = Row::of(Spot { line: 1, byte: 0 }, &[]);
        if records.has_bom {
            self.findings.at(&BOM, start.place_at(0, String::new()), String::new);
        }
        let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
        let is_named_lines = name.contains(".jsonl") || name.contains(".ndjson");
        if is_named_lines && matches!(records.layout, Layout::Array | Layout::Values) {
            let what = if records.layout == Layout::Array { "one list" } else { "objects over several lines" };
            self.findings.at(&ARRAY_IN_JSONL, start.place_at(0, String::new()), || format!("it holds {what}"));
        }
    }

    /// Checks the next piece; whether its line is ended.
    fn piece(&mut self, piece: Piece<'_>) -> bool {
        match piece {
            Piece::Json { spot, text, is_last } => {
                self.json(Row::of(spot, text), is_last);
                return !is_last;
            }
            Piece::Line { spot, text } => self.line(Row::of(spot, text)),
            Piece::Cells { spot, node, miscounted, not_text } => {
                let row = Row::of(spot, &[]);
                if let Some(cells) = miscounted {
                    let columns = node.as_map().map_or(0, <[_]>::len);
                    let detail = || format!("{cells} cells; {columns} of them have a column");
                    self.findings.at(&CSV_CELLS, row.place_at(0, String::new()), detail);
                }
                if not_text.is_some() {
                    self.findings.at(&INVALID_UTF8, row.place_at(0, String::new()), String::new);
                    self.unreadable += 1;
                } else {
                    Walk::new(row, &mut self.findings, &mut self.argument_keys, true).value(&node, &mut Vec::new());
                    self.row(row, &node);
                }
            }
            Piece::Blank(spot) => {
                self.blank.0 += 1;
                self.blank.1.get_or_insert(spot);
            }
            Piece::TooLong(spot) => {
                self.findings.at(&TOO_LONG, Row::of(spot, &[]).place_at(0, String::new()), String::new);
                self.unreadable += 1;
            }
            Piece::Stray(spot) => {
                let detail = || "nothing behind this place was read".to_owned();
                self.findings.at(&NOT_JSON, Row::of(spot, &[]).place_at(0, String::new()), detail);
                self.unreadable += 1;
            }
            Piece::Unclosed(spot) => {
                let detail = || "the list is not closed".to_owned();
                self.findings.at(&TRUNCATED, Row::of(spot, &[]).place_at(0, String::new()), detail);
            }
        }
        true
    }

    fn line_end<'t>(&mut self, row: Row<'t>) -> Row<'t> {
        let Some(text) = row.text.strip_suffix(b"\r") else { return row };
        self.crlf.0 += 1;
        self.crlf.1.get_or_insert(row.spot);
        Row { text, ..row }
    }

    fn line(&mut self, row: Row<'_>) {
        let row = self.line_end(row);
        match std::str::from_utf8(row.text) {
            Ok(text) => {
                let node = Node::Map(vec![("text".into(), Node::Text(text.into()))]);
                // Its text is no JSON: places are those of the line.
                let bare = Row { text: &[], ..row };
                Walk::new(bare, &mut self.findings, &mut self.argument_keys, true).value(&node, &mut Vec::new());
                self.row(bare, &node);
            }
            Err(error) => {
                self.findings.at(&INVALID_UTF8, row.place_at(error.valid_up_to(), String::new()), String::new);
                self.unreadable += 1;
            }
        }
    }

    fn json(&mut self, row: Row<'_>, is_last: bool) {
        let row = self.line_end(row);
        if row.text.len() > LONG_ROW_BYTES {
            let detail = || format!("{} bytes", row.text.len());
            self.findings.at(&LONG_LINE, row.place_at(0, String::new()), detail);
        }
        let (text, not_text) = syntax::text_of(row.text);
        if let Some(byte) = not_text {
            let detail = || format!("byte 0x{:02x}", row.text[byte]);
            self.findings.at(&INVALID_UTF8, row.place_at(byte, path_at(row.text, byte)), detail);
            self.unreadable += 1;
            return;
        }
        match Node::parse(&text) {
            Ok(node) => self.parsed(row, &node),
            Err(error) => match syntax::without_nan(row, &mut self.findings) {
                None => self.unparsed(row, &error, is_last),
                Some(patched) => {
                    let row = Row { text: &patched, ..row };
                    match std::str::from_utf8(&patched).map(Node::parse) {
                        Ok(Ok(node)) => self.parsed(row, &node),
                        Ok(Err(error)) => self.unparsed(row, &error, is_last),
                        Err(_) => self.unreadable += 1,
                    }
                }
            },
        }
    }

    fn unparsed(&mut self, row: Row<'_>, error: &serde_json::Error, is_last: bool) {
        self.unreadable += 1;
        syntax::tell(row, error, is_last, &mut self.findings);
    }

    fn parsed(&mut self, row: Row<'_>, node: &Node<'_>) {
        let row = Row { has_hints: marks::may_have_any(row.text), ..row };
        if !syntax::is_object(row, node, &mut self.findings) {
            self.unreadable += 1;
            return;
        }
        let looks_at_texts = row.has_hints;
        Walk::new(row, &mut self.findings, &mut self.argument_keys, looks_at_texts).value(node, &mut Vec::new());
        self.row(row, node);
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
