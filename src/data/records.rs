//! A file's rows as they stand in it: lines, values of JSON one after another, rows of a table, lines of text. Each comes with
//! its physical line, from 1, and its absolute byte, from 0. The file streams: what is held is one row and what was read ahead.

mod buffer;
mod layout;
mod table;

pub use buffer::MAX_ROW_BYTES;
pub use layout::Layout;

use crate::node::Node;
use buffer::{Buffer, Span};
use std::io::{self, Read};
use table::Table;

/// Where a row stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spot {
    /// Physical line, from 1.
    pub line: u64,
    /// Absolute byte, from 0; of what was unpacked, where the file is packed.
    pub byte: u64,
}

/// The next thing of a file.
#[derive(Debug)]
pub enum Piece<'a> {
    /// The text of a row, without the end of its line.
    Json {
        /// Where it begins.
        spot: Spot,
        /// The text.
        text: &'a [u8],
        /// The file ends within it or right after it, without the end of a line.
        is_last: bool,
    },
    /// A row of a table.
    Cells {
        /// Where it begins.
        spot: Spot,
        /// Its cells by the names of the columns.
        node: Node<'a>,
        /// Cells of the row, where they are not as many as columns.
        miscounted: Option<usize>,
        /// A cell that is no UTF-8, from 0.
        not_text: Option<usize>,
    },
    /// A line of text.
    Line {
        /// Where it begins.
        spot: Spot,
        /// The text.
        text: &'a [u8],
    },
    /// A line with nothing or blanks in it.
    Blank(Spot),
    /// A row of over [`MAX_ROW_BYTES`], which was passed over.
    TooLong(Spot),
    /// What stands between the values of a file is none of JSON; nothing after it was read.
    Stray(Spot),
    /// The end of the file is missing: its list was not closed.
    Unclosed(Spot),
}

/// The rows of a file.
pub struct Records {
    buffer: Buffer,
    /// How rows lie in it.
    pub layout: Layout,
    /// It begins with the mark of UTF-8.
    pub has_bom: bool,
    table: Option<Table>,
    is_done: bool,
}

impl std::fmt::Debug for Records {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Records({:?})", self.layout)
    }
}

impl Records {
    /// Of an opened file.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn new(reader: Box<dyn Read>) -> io::Result<Self> {
        let mut buffer = Buffer::new(reader);
        buffer.fill_ahead()?;
        let has_bom = buffer.rest().starts_with(b"\xef\xbb\xbf");
        if has_bom {
            buffer.pass(3);
        }
        let layout = layout::of(buffer.rest(), buffer.is_at_end());
        let mut records = Self { buffer, layout, has_bom, table: None, is_done: false };
        match layout {
            Layout::Array => {
                records.buffer.pass_blanks(b"")?;
                records.buffer.pass(1);
            }
            Layout::Table(delimiter) => {
                let buffer = std::mem::take(&mut records.buffer);
                records.table = Some(Table::new(buffer, delimiter));
            }
            Layout::Lines | Layout::Values | Layout::Text => {}
        }
        Ok(records)
    }

    /// Bytes that were read of it.
    pub fn bytes_read(&self) -> u64 {
        self.table.as_ref().map_or_else(|| self.buffer.spot().byte, Table::bytes_read)
    }

    /// The names of a table's columns.
    pub fn columns(&mut self) -> &[String] {
        self.table.as_mut().map_or(&[], |table| table.columns())
    }

    /// What comes next; `None` at the end.
    ///
    /// # Errors
    /// The file cannot be read further: its compression is damaged, or the system refuses.
    pub fn next_piece(&mut self) -> io::Result<Option<Piece<'_>>> {
        match self.layout {
            Layout::Lines => Ok(self.line()?.map(|line| match line {
                Line::Full(span, is_last) => Piece::Json { spot: span.spot, text: self.buffer.text(&span), is_last },
                Line::Blank(spot) => Piece::Blank(spot),
                Line::TooLong(spot) => Piece::TooLong(spot),
            })),
            Layout::Text => Ok(self.line()?.map(|line| match line {
                Line::Full(span, _) => Piece::Line { spot: span.spot, text: self.buffer.text(&span) },
                Line::Blank(spot) => Piece::Blank(spot),
                Line::TooLong(spot) => Piece::TooLong(spot),
            })),
            Layout::Array | Layout::Values => self.value(),
            Layout::Table(_) => match &mut self.table {
                Some(table) => table.next_piece(),
                None => Ok(None),
            },
        }
    }

    fn line(&mut self) -> io::Result<Option<Line>> {
        let Some((span, is_last)) = self.buffer.line()? else { return Ok(None) };
        Ok(Some(if span.is_cut {
            Line::TooLong(span.spot)
        } else if self.buffer.text(&span).trim_ascii().is_empty() {
            Line::Blank(span.spot)
        } else {
            Line::Full(span, is_last)
        }))
    }

    fn value(&mut self) -> io::Result<Option<Piece<'_>>> {
        if self.is_done {
            return Ok(None);
        }
        let is_array = self.layout == Layout::Array;
        self.buffer.pass_blanks(b",")?;
        let spot = self.buffer.spot();
        match self.buffer.rest().first() {
            None => {
                self.is_done = true;
                return Ok(is_array.then_some(Piece::Unclosed(spot)));
            }
            Some(b']') if is_array => {
                self.buffer.pass(1);
                self.buffer.pass_blanks(b"")?;
                self.is_done = true;
                let spot = self.buffer.spot();
                return Ok((!self.buffer.rest().is_empty()).then_some(Piece::Stray(spot)));
            }
            Some(b']' | b'}' | b':') => {
                self.is_done = true;
                return Ok(Some(Piece::Stray(spot)));
            }
            Some(_) => {}
        }
        let (span, is_last) = self.buffer.value()?;
        if span.is_cut {
            self.is_done = true;
            return Ok(Some(Piece::TooLong(span.spot)));
        }
        Ok(Some(Piece::Json { spot: span.spot, text: self.buffer.text(&span), is_last }))
    }
}

/// A line, before its text is borrowed.
enum Line {
    Full(Span, bool),
    Blank(Spot),
    TooLong(Spot),
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Each piece in short: line, byte, and what it is.
    fn pieces(text: &[u8]) -> (Layout, Vec<String>) {
        let mut records = Records::new(Box::new(io::Cursor::new(text.to_vec()))).unwrap();
        let mut found = Vec::new();
        while let Some(piece) = records.next_piece().unwrap() {
            let text = |text: &[u8]| String::from_utf8_lossy(text).into_owned();
            found.push(match piece {
                Piece::Json { spot, text: json, is_last } => {
                    format!("{}@{} {}{}", spot.line, spot.byte, text(json), if is_last { " last" } else { "" })
                }
                Piece::Cells { spot, node, miscounted, not_text } => {
                    format!("{}@{} {node:?} {miscounted:?} {not_text:?}", spot.line, spot.byte)
                }
                Piece::Line { spot, text: line } => format!("{}@{} {}", spot.line, spot.byte, text(line)),
                Piece::Blank(spot) => format!("{}@{} blank", spot.line, spot.byte),
                Piece::TooLong(spot) => format!("{}@{} long", spot.line, spot.byte),
                Piece::Stray(spot) => format!("{}@{} stray", spot.line, spot.byte),
                Piece::Unclosed(spot) => format!("{}@{} unclosed", spot.line, spot.byte),
            });
        }
        (records.layout, found)
    }

    #[test]
    fn lines_have_their_number_and_byte() {
        let (layout, found) = pieces(b"\xef\xbb\xbf{\"a\":1}\r\n\n  \n{\"a\":2}");
        assert_eq!(layout, Layout::Lines);
        assert_eq!(found, ["1@3 {\"a\":1}\r", "2@12 blank", "3@13 blank", "4@16 {\"a\":2} last"]);
    }

    #[test]
    fn values_of_a_list_or_one_after_another_have_theirs() {
        let (layout, found) = pieces(b"[\n {\"a\":\n  \"]}\"},\n {\"a\":2}\n]\n");
        assert_eq!(layout, Layout::Array);
        assert_eq!(found, ["2@3 {\"a\":\n  \"]}\"}", "4@19 {\"a\":2}"]);
        let (layout, found) = pieces(b"{\n \"a\": 1\n}\n{\n \"a\": 2\n}");
        assert_eq!(layout, Layout::Values);
        assert_eq!(found, ["1@0 {\n \"a\": 1\n}", "4@12 {\n \"a\": 2\n}"]);
        assert_eq!(pieces(b"[{\"a\":1},\n").1, ["1@1 {\"a\":1}", "2@10 unclosed"]);
        assert_eq!(pieces(b"[{\"a\":1}]x").1, ["1@1 {\"a\":1}", "1@9 stray"]);
        assert_eq!(pieces(b"[{\"a\":1}, {\"a").1, ["1@1 {\"a\":1}", "1@10 {\"a last", "1@13 unclosed"]);
    }

    #[test]
    fn tables_and_text_are_told_from_each_other() {
        let (layout, found) = pieces(b"prompt,completion\n\"a,\nb\",c\nd,e,f\n");
        assert_eq!(layout, Layout::Table(b','));
        assert!(found[0].starts_with("2@18 Map([(\"prompt\", Text(\"a,\\nb\"))") && found[0].ends_with("None None"));
        assert!(found[1].starts_with("4@27 ") && found[1].ends_with("Some(3) None"), "{found:?}");
        assert_eq!(pieces(b"prompt\tcompletion\na\tb\n").0, Layout::Table(b'\t'));
        let (layout, found) = pieces("Once, upon a time\nthere was, or so, a pump.\n".as_bytes());
        assert_eq!((layout, found.len()), (Layout::Text, 2));
        assert_eq!(pieces(b"").1, Vec::<String>::new());
    }

    /// A first line that is broken does not make another file of it.
    #[test]
    fn a_faulty_beginning_stays_a_file_of_lines() {
        for first in ["{\"a\": \"b}", "{'a': 1}", "42", "{\"a\":1} {\"a\":2}", "oops"] {
            let (layout, found) = pieces(format!("{first}\n{{\"a\":1}}\n{{\"a\":2}}\n").as_bytes());
            assert_eq!((layout, found.len()), (Layout::Lines, 3), "{first}: {found:?}");
        }
    }

    #[test]
    fn a_long_line_is_passed_over() {
        let mut text = b"{\"a\":1}\n".to_vec();
        text.extend(vec![b'x'; MAX_ROW_BYTES + 1]);
        text.extend(b"\n{\"a\":2}\n");
        let (_, found) = pieces(&text);
        assert_eq!(
            found,
            ["1@0 {\"a\":1}".to_owned(), "2@8 long".to_owned(), format!("3@{} {{\"a\":2}}", MAX_ROW_BYTES + 10)]
        );
    }
}
