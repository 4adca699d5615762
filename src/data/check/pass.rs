//! A file gone through from its beginning to its end: what is said of it and of its rows as they stand there.

use super::values::Walk;
use super::{Checker, Report, marks, syntax};
use crate::checks::{
    ARRAY_IN_JSONL, BOM, BROKEN_PACKING, CSV_CELLS, EMPTY, INVALID_UTF8, LONG_LINE, NO_FINAL_NEWLINE, NOT_JSON,
    TOO_LONG, TRUNCATED, UNREADABLE, UTF16,
};
use crate::findings::{Findings, Row};
use crate::node::Node;
use crate::place::path_at;
use crate::records::{Layout, Piece, Records, Spot};
use crate::source::{Foreign, Packing, Source};
use std::path::Path;

/// A row beyond this is told: pyarrow refuses it.
const LONG_ROW_BYTES: usize = 10_000_000;

impl Checker {
    /// Goes through the file; `false` where it could not be read to its end.
    pub(super) fn file(&mut self, path: &Path, source: Source, report: &mut Report) -> bool {
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
            match records.next_piece() {
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
}
