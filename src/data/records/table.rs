//! Rows of a table.

use super::buffer::{Buffer, MAX_ROW_BYTES};
use super::{Piece, Spot};
use crate::limits::MAX_COLUMNS;
use crate::node::Node;
use std::borrow::Cow;
use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

/// The rows of a table.
pub(super) struct Table {
    reader: csv::Reader<Fenced>,
    record: csv::ByteRecord,
    columns: Vec<String>,
    /// Bytes since the last row; a quotation mark that is never closed takes all that follows into one cell.
    since: Rc<Cell<usize>>,
    /// Where the table begins in the file.
    from: Spot,
    has_columns: bool,
}

/// Gives a row only so many bytes.
struct Fenced {
    buffer: Buffer,
    since: Rc<Cell<usize>>,
}

impl Read for Fenced {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.buffer.read(into)?;
        self.since.set(self.since.get() + count);
        if self.since.get() > MAX_ROW_BYTES {
            let reason = "a row of the table has over 64 MiB: a quotation mark is not closed";
            return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
        }
        Ok(count)
    }
}

impl Table {
    pub fn new(buffer: Buffer, delimiter: u8) -> Self {
        let since = Rc::new(Cell::new(0));
        let from = buffer.spot();
        let fenced = Fenced { buffer, since: Rc::clone(&since) };
        let reader =
            csv::ReaderBuilder::new().delimiter(delimiter).has_headers(false).flexible(true).from_reader(fenced);
        let record = csv::ByteRecord::new();
        Self { reader, record, columns: Vec::new(), since, from, has_columns: false }
    }

    pub fn bytes_read(&self) -> u64 {
        self.from.byte + self.reader.position().byte()
    }

    pub fn columns(&mut self) -> &[String] {
        let _ = self.header();
        &self.columns
    }

    fn header(&mut self) -> io::Result<()> {
        if !self.has_columns {
            self.has_columns = true;
            if self.reader.read_byte_record(&mut self.record)? {
                let names = self.record.iter().take(MAX_COLUMNS);
                self.columns = names.map(|name| String::from_utf8_lossy(name.trim_ascii()).into_owned()).collect();
            }
        }
        Ok(())
    }

    pub fn next_piece(&mut self) -> io::Result<Option<Piece<'_>>> {
        self.header()?;
        self.since.set(0);
        if !self.reader.read_byte_record(&mut self.record)? {
            return Ok(None);
        }
        let (mut line, mut byte) = self.record.position().map_or((0, 0), |at| (at.line(), at.byte()));
        line += self.from.line - 1;
        byte += self.from.byte;
        let mut not_text = None;
        let cells = self.columns.iter().zip(self.record.iter()).enumerate();
        let fields = cells.map(|(at, (name, cell))| {
            let text = String::from_utf8_lossy(cell);
            if text.contains('\u{fffd}') && std::str::from_utf8(cell).is_err() {
                not_text.get_or_insert(at);
            }
            (Cow::Borrowed(name.as_str()), Node::Text(text))
        });
        let node = Node::Map(fields.collect());
        let miscounted = (self.record.len() != self.columns.len()).then_some(self.record.len());
        Ok(Some(Piece::Cells { spot: Spot { line, byte }, node, miscounted, not_text }))
    }
}
