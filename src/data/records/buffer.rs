//! What was read ahead of a file, with the line and byte it stands at.

use super::Spot;
use std::io::{self, Read};

/// Longest row that is held, in bytes. Twelve megabytes occur; a line without end must not fill the memory.
pub const MAX_ROW_BYTES: usize = 64 << 20;
/// Bytes that are read at a time, and looked at to tell what the file is.
const AHEAD: usize = 1 << 20;

/// A piece of the buffer, until something is read again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    /// Where it begins in the file.
    pub spot: Spot,
    start: usize,
    end: usize,
    /// It was longer than [`MAX_ROW_BYTES`], and its text is gone.
    pub is_cut: bool,
}

/// A file being read.
pub(super) struct Buffer {
    reader: Box<dyn Read>,
    bytes: Vec<u8>,
    /// What was passed of `bytes`.
    start: usize,
    spot: Spot,
    has_ended: bool,
}

impl Default for Buffer {
    fn default() -> Self {
        Self::new(Box::new(io::empty()))
    }
}

impl Buffer {
    pub fn new(reader: Box<dyn Read>) -> Self {
        Self { reader, bytes: Vec::new(), start: 0, spot: Spot { line: 1, byte: 0 }, has_ended: false }
    }

    /// What is there and was not passed.
    pub fn rest(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    /// Where the rest begins.
    pub fn spot(&self) -> Spot {
        self.spot
    }

    /// Nothing comes after the rest.
    pub fn is_at_end(&self) -> bool {
        self.has_ended
    }

    pub fn text(&self, span: &Span) -> &[u8] {
        &self.bytes[span.start..span.end]
    }

    /// Reads until so much is there that the file can be told.
    pub fn fill_ahead(&mut self) -> io::Result<()> {
        while self.rest().len() < AHEAD && self.fill()? {}
        Ok(())
    }

    /// Reads more; `false` at the end.
    fn fill(&mut self) -> io::Result<bool> {
        if self.has_ended {
            return Ok(false);
        }
        if self.start > 0 {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        let before = self.bytes.len();
        let mut part = self.reader.by_ref().take(AHEAD as u64);
        part.read_to_end(&mut self.bytes)?;
        self.has_ended = self.bytes.len() - before < AHEAD;
        Ok(self.bytes.len() > before)
    }

    /// Passes over bytes that are there.
    pub fn pass(&mut self, count: usize) {
        let count = count.min(self.rest().len());
        self.spot.line += memchr::memchr_iter(b'\n', &self.rest()[..count]).count() as u64;
        self.spot.byte += count as u64;
        self.start += count;
    }

    /// Passes over blanks and other bytes.
    pub fn pass_blanks(&mut self, others: &[u8]) -> io::Result<()> {
        loop {
            let is_blank = |byte: &&u8| byte.is_ascii_whitespace() || others.contains(*byte);
            let count = self.rest().iter().take_while(is_blank).count();
            self.pass(count);
            if !self.rest().is_empty() || !self.fill()? {
                return Ok(());
            }
        }
    }

    /// The next line without its end, and whether it has none.
    pub fn line(&mut self) -> io::Result<Option<(Span, bool)>> {
        if self.rest().is_empty() && !self.fill()? {
            return Ok(None);
        }
        let spot = self.spot;
        let (mut searched, mut is_cut) = (0, false);
        loop {
            if let Some(at) = memchr::memchr(b'\n', &self.rest()[searched..]) {
                let start = self.start;
                let end = start + searched + at;
                // The one line end in it is the last byte.
                self.start = end + 1;
                self.spot = Spot { line: spot.line + 1, byte: self.spot.byte + (end + 1 - start) as u64 };
                let is_cut = is_cut || end - start > MAX_ROW_BYTES;
                return Ok(Some((Span { spot, start, end, is_cut }, false)));
            }
            searched = self.rest().len();
            if searched > MAX_ROW_BYTES {
                is_cut = true;
                self.pass(searched);
                searched = 0;
            }
            if !self.fill()? {
                let start = self.start;
                let count = self.rest().len();
                self.pass(count);
                return Ok(Some((Span { spot, start, end: start + count, is_cut }, true)));
            }
        }
    }

    /// The next value of JSON, to the end of its brackets; and whether the file ends before it does.
    pub fn value(&mut self) -> io::Result<(Span, bool)> {
        let spot = self.spot;
        let (mut scan, mut at) = (Scan::default(), 0);
        let is_unfinished = loop {
            let (seen, is_done) = scan.run(&self.rest()[at..]);
            at += seen;
            if is_done || at > MAX_ROW_BYTES {
                break false;
            }
            if !self.fill()? {
                break true;
            }
        };
        let is_cut = at > MAX_ROW_BYTES;
        let start = self.start;
        self.pass(at);
        Ok((Span { spot, start, end: start + at, is_cut }, is_unfinished))
    }
}

/// Where within a value a scan stands.
#[derive(Default)]
struct Scan {
    depth: usize,
    in_string: bool,
    is_escaped: bool,
}

impl Scan {
    /// How many of the bytes belong to the value, and whether it ends there.
    fn run(&mut self, bytes: &[u8]) -> (usize, bool) {
        for (at, byte) in bytes.iter().enumerate() {
            if self.in_string {
                let was_escaped = self.is_escaped;
                self.is_escaped = !was_escaped && *byte == b'\\';
                self.in_string = was_escaped || *byte != b'"';
                if !self.in_string && self.depth == 0 {
                    return (at + 1, true);
                }
                continue;
            }
            match byte {
                b'"' => self.in_string = true,
                b'[' | b'{' => self.depth += 1,
                b']' | b'}' if self.depth > 1 => self.depth -= 1,
                b']' | b'}' if self.depth == 1 => return (at + 1, true),
                b',' | b']' | b'}' if self.depth == 0 => return (at, true),
                _ if self.depth == 0 && byte.is_ascii_whitespace() => return (at, true),
                _ => {}
            }
        }
        (bytes.len(), false)
    }
}

impl Read for Buffer {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.rest().is_empty() && !self.fill()? {
            return Ok(0);
        }
        let count = self.rest().len().min(into.len());
        into[..count].copy_from_slice(&self.rest()[..count]);
        self.pass(count);
        Ok(count)
    }
}
