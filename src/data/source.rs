//! The bytes of a file, whatever it is called: compression is undone, and what is no text is told by its first bytes.

use crate::{DataError, Result, files};
use flate2::read::MultiGzDecoder;
use ruzstd::decoding::StreamingDecoder;
use std::io::{self, BufReader, Cursor, Read};
use std::path::Path;

/// Bytes that a compressed file may become: beyond this, and by more than [`MAX_RATIO`], it is taken for a bomb.
const MAX_UNCHECKED: u64 = 1 << 30;
/// Times that text may shrink. Repetitive text shrinks to a hundredth; what goes further holds nothing to train on.
const MAX_RATIO: u64 = 1000;

/// What a file is packed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// As it is.
    Plain,
    /// gzip.
    Gzip,
    /// Zstandard.
    Zstd,
}

impl Packing {
    /// Word in JSON.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Plain => "none",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}

/// What no reader here takes, told by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreign {
    /// Apache Parquet.
    Parquet,
    /// Apache Arrow.
    Arrow,
    /// UTF-16 or UTF-32.
    Utf16,
    /// Archives and other binary formats, by name.
    Binary(&'static str),
}

impl Foreign {
    /// In words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Parquet => "a Parquet file",
            Self::Arrow => "an Arrow file",
            Self::Utf16 => "UTF-16 or UTF-32 text",
            Self::Binary(what) => what,
        }
    }
}

/// An opened file.
pub struct Source {
    /// Its bytes, unpacked.
    pub reader: Box<dyn Read>,
    /// What it was packed with.
    pub packing: Packing,
    /// Size on the disk, in bytes.
    pub size_bytes: u64,
    /// What it is, where that is nothing that can be read.
    pub foreign: Option<Foreign>,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Source({:?}, {} bytes, {:?})", self.packing, self.size_bytes, self.foreign)
    }
}

/// First bytes that are looked at.
const HEAD: usize = 512;

/// Opens a file.
///
/// # Errors
/// It is not there, no file, damaged at its beginning, or the system refuses.
pub fn open(path: &Path) -> Result<Source> {
    let (file, metadata) = files::open_regular(path)?;
    let told = |error: &io::Error| DataError::File { path: path.display().to_string(), error: files::cause(error) };
    of(Box::new(file), metadata.len()).map_err(|error| told(&error))
}

/// Of bytes as they come, so many in total.
///
/// # Errors
/// They cannot be read, or unpacked.
pub fn of(reader: Box<dyn Read>, size_bytes: u64) -> io::Result<Source> {
    let (head, rest) = peek(reader)?;
    let packing = match head.as_slice() {
        [0x1f, 0x8b, ..] => Packing::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Packing::Zstd,
        _ => Packing::Plain,
    };
    let most = size_bytes.saturating_mul(MAX_RATIO).max(MAX_UNCHECKED);
    let whole = Cursor::new(head).chain(rest);
    let unpacked: Box<dyn Read> = match packing {
        Packing::Plain => Box::new(whole),
        Packing::Gzip => Box::new(Capped { reader: MultiGzDecoder::new(whole), left: most }),
        Packing::Zstd => {
            let decoder = StreamingDecoder::new(BufReader::new(whole));
            let decoder = decoder.map_err(|error| damaged(&error))?;
            Box::new(Capped { reader: decoder, left: most })
        }
    };
    let (head, rest) = peek(unpacked)?;
    let foreign = foreign(&head);
    Ok(Source { reader: Box::new(Cursor::new(head).chain(rest)), packing, size_bytes, foreign })
}

fn damaged(error: &dyn std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the Zstandard file is damaged: {error}"))
}

/// The first bytes, and all that comes after them.
fn peek<R: Read>(mut reader: R) -> io::Result<(Vec<u8>, R)> {
    let mut head = Vec::with_capacity(HEAD);
    reader.by_ref().take(HEAD as u64).read_to_end(&mut head)?;
    Ok((head, reader))
}

/// What the first bytes give away.
fn foreign(head: &[u8]) -> Option<Foreign> {
    match head {
        [b'P', b'A', b'R', b'1', ..] => Some(Foreign::Parquet),
        [b'A', b'R', b'R', b'O', b'W', b'1', ..] | [0xff, 0xff, 0xff, 0xff, ..] => Some(Foreign::Arrow),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [b'{' | b'[', 0, ..] | [0, b'{' | b'[', ..] => Some(Foreign::Utf16),
        [b'P', b'K', 3, 4, ..] => Some(Foreign::Binary("a ZIP archive")),
        [b'B', b'Z', b'h', ..] => Some(Foreign::Binary("a bzip2 archive")),
        [0xfd, b'7', b'z', b'X', b'Z', ..] => Some(Foreign::Binary("an xz archive")),
        [b'%', b'P', b'D', b'F', ..] => Some(Foreign::Binary("a PDF")),
        [b'O', b'R', b'C', ..] => Some(Foreign::Binary("an ORC table")),
        _ if head.get(257..262) == Some(b"ustar") => Some(Foreign::Binary("a tar archive")),
        _ if memchr::memchr_iter(0, head).count() > 4 => Some(Foreign::Binary("a binary file")),
        _ => None,
    }
}

/// Ends with an error where more comes out than may.
struct Capped<R> {
    reader: R,
    left: u64,
}

impl<R: Read> Read for Capped<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(into)?;
        self.left = self.left.checked_sub(count as u64).ok_or_else(|| {
            io::Error::other(format!("it unpacks to over {MAX_RATIO} times its size, which no training data does"))
        })?;
        Ok(count)
    }
}
