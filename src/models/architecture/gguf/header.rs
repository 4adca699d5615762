//! Reading of the header, every count checked against the bytes the file has left before anything is allocated.

use crate::architecture::files::{ReadError, open};
use crate::architecture::tensors::Tensor;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::Path;

/// Longest text that is kept; longer ones (chat templates) are skipped.
const MAX_TEXT: u64 = 1 << 16;
/// Longest array of numbers that is kept; vocabularies and nested arrays are skipped.
const MAX_ARRAY: u64 = 1024;
/// Most array entries kept over the whole file.
const MAX_KEPT: usize = 1 << 20;
/// Deepest nesting of arrays.
const MAX_DEPTH: usize = 4;
/// Largest header; the vocabulary of a real one takes some ten megabytes.
const MAX_HEADER_BYTES: u64 = 1 << 28;
/// Most tensors; the largest models have some ten thousand.
const MAX_TENSORS: u64 = 300_000;
/// Most metadata pairs; real files have under a hundred.
const MAX_PAIRS: u64 = 10_000;
/// Most entries of an array of texts or arrays; the largest vocabularies have some 300,000.
const MAX_ENTRIES: u64 = 4 << 20;
/// Kind of a text among the kinds of metadata values.
const TEXT: u32 = 8;
/// Most dimensions of a tensor (`GGML_MAX_DIMS` is 4).
const MAX_DIMENSIONS: u32 = 8;

/// What a header says.
pub struct Header {
    /// Metadata by key; texts and arrays of no use for a shape are left out.
    pub metadata: BTreeMap<String, Value>,
    /// Tensors in file order.
    pub tensors: Vec<Tensor>,
}

/// Reads the header of one file.
pub fn read(path: &Path) -> Result<Header, ReadError> {
    let (file, file_bytes) = open(path)?;
    let mut reader = Reader {
        path,
        inner: BufReader::new(file),
        at: 0,
        file_bytes,
        length: file_bytes.min(MAX_HEADER_BYTES),
        kept: 0,
    };
    reader.header()
}

struct Reader<'p> {
    path: &'p Path,
    inner: BufReader<File>,
    at: u64,
    /// Bytes of the whole file.
    file_bytes: u64,
    /// Where the header must have ended.
    length: u64,
    /// Array entries kept so far.
    kept: usize,
}

impl Reader<'_> {
    fn error(&self, message: impl Into<String>) -> ReadError {
        ReadError::at(self.path, self.at, message)
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], ReadError> {
        if self.at >= MAX_HEADER_BYTES {
            return Err(self.error(format!("a header of over {} MiB", MAX_HEADER_BYTES >> 20)));
        }
        let mut bytes = [0; N];
        self.inner.read_exact(&mut bytes).map_err(|_error| self.error("the file ends inside its header"))?;
        self.at += N as u64;
        Ok(bytes)
    }

    fn u32(&mut self) -> Result<u32, ReadError> {
        self.bytes().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, ReadError> {
        self.bytes().map(u64::from_le_bytes)
    }

    fn skip(&mut self, bytes: u64) -> Result<(), ReadError> {
        if bytes > self.length.saturating_sub(self.at) {
            return Err(self.error(format!("{bytes} bytes are announced, the file has fewer left")));
        }
        self.inner.seek_relative(bytes as i64).map_err(|error| ReadError::io(self.path, &error))?;
        self.at += bytes;
        Ok(())
    }

    /// A count of things that take at least `least_bytes` each.
    fn count(&mut self, what: &str, least_bytes: u64) -> Result<u64, ReadError> {
        let count = self.u64()?;
        if count.saturating_mul(least_bytes) > self.length.saturating_sub(self.at) {
            return Err(self.error(format!("{count} {what} are announced, more than the file has room for")));
        }
        Ok(count)
    }

    fn text(&mut self) -> Result<Option<String>, ReadError> {
        let length = self.count("bytes of text", 1)?;
        if length > MAX_TEXT {
            self.skip(length)?;
            return Ok(None);
        }
        let mut bytes = vec![0; length as usize];
        self.inner.read_exact(&mut bytes).map_err(|_error| self.error("the file ends inside a text"))?;
        self.at += length;
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }

    fn name(&mut self, what: &str) -> Result<String, ReadError> {
        self.text()?.ok_or_else(|| self.error(format!("a {what} of over {} KiB", MAX_TEXT >> 10)))
    }

    fn header(&mut self) -> Result<Header, ReadError> {
        if &self.bytes::<4>()? != b"GGUF" {
            return Err(ReadError::at(self.path, 0, "not a GGUF file: it does not begin with GGUF"));
        }
        let version = self.u32()?;
        if !(2..=3).contains(&version) {
            let swapped = version.swap_bytes();
            return Err(self.error(if (2..=3).contains(&swapped) {
                format!("GGUF version {swapped} in big-endian order; convert it to little-endian")
            } else {
                format!("GGUF version {version}; versions 2 and 3 are known")
            }));
        }
        // A tensor info has at least a name length, a dimension count, a type and an offset; a pair a key and a type.
        let tensor_count = self.count("tensors", 24)?;
        if tensor_count > MAX_TENSORS {
            return Err(self.error(format!("{tensor_count} tensors are announced, more than any model has")));
        }
        let pair_count = self.count("metadata pairs", 13)?;
        if pair_count > MAX_PAIRS {
            return Err(self.error(format!("{pair_count} metadata pairs are announced, more than any model has")));
        }
        let mut metadata = BTreeMap::new();
        for _ in 0..pair_count {
            let key = self.name("metadata key")?;
            let kind = self.u32()?;
            let value = self.value(kind, 0)?.unwrap_or(Value::Null);
            if metadata.contains_key(&key) {
                return Err(self.error(format!("metadata key `{key}` is there twice")));
            }
            metadata.insert(key, value);
        }
        let tensors = self.tensors(tensor_count, &metadata)?;
        Ok(Header { metadata, tensors })
    }

    /// One value; `None` where it is too long to be of interest.
    fn value(&mut self, kind: u32, depth: usize) -> Result<Option<Value>, ReadError> {
        let value = match kind {
            0 => json!(self.bytes::<1>()?[0]),
            1 => json!(i8::from_le_bytes(self.bytes()?)),
            2 => json!(u16::from_le_bytes(self.bytes()?)),
            3 => json!(i16::from_le_bytes(self.bytes()?)),
            4 => json!(self.u32()?),
            5 => json!(i32::from_le_bytes(self.bytes()?)),
            6 => json!(f32::from_le_bytes(self.bytes()?)),
            7 => json!(self.bytes::<1>()?[0] != 0),
            TEXT => return Ok(self.text()?.map(Value::String)),
            9 => return self.array(depth),
            10 => json!(self.u64()?),
            11 => json!(i64::from_le_bytes(self.bytes()?)),
            12 => json!(f64::from_le_bytes(self.bytes()?)),
            other => return Err(self.error(format!("unknown kind of metadata value {other}"))),
        };
        Ok(Some(value))
    }

    fn array(&mut self, depth: usize) -> Result<Option<Value>, ReadError> {
        if depth >= MAX_DEPTH {
            return Err(self.error("arrays nested too deeply"));
        }
        let kind = self.u32()?;
        let fixed = match kind {
            0 | 1 | 7 => Some(1),
            2 | 3 => Some(2),
            4..=6 => Some(4),
            10..=12 => Some(8),
            _ => None,
        };
        // A text has at least its length, an array its kind and length.
        let count = self.count("array entries", fixed.unwrap_or(8))?;
        if fixed.is_none() && count > MAX_ENTRIES {
            return Err(self.error(format!("an array of {count} entries is announced, more than any model has")));
        }
        let keep = fixed.is_some() && depth == 0 && count <= MAX_ARRAY && self.kept + count as usize <= MAX_KEPT;
        match fixed {
            Some(_) if keep => {
                self.kept += count as usize;
                let values: Result<Vec<_>, _> = (0..count).map(|_| self.value(kind, depth + 1)).collect();
                Ok(Some(values?.into_iter().flatten().collect()))
            }
            Some(size) => self.skip(count * size).map(|()| None),
            None if kind == TEXT => {
                for _ in 0..count {
                    let length = self.count("bytes of text", 1)?;
                    self.skip(length)?;
                }
                Ok(None)
            }
            None => {
                for _ in 0..count {
                    self.value(kind, depth + 1)?;
                }
                Ok(None)
            }
        }
    }

    fn tensors(&mut self, count: u64, metadata: &BTreeMap<String, Value>) -> Result<Vec<Tensor>, ReadError> {
        let mut tensors = Vec::new();
        let mut names = HashSet::new();
        let mut spans = Vec::new();
        for _ in 0..count {
            let name = self.name("tensor name")?;
            let dimensions = self.u32()?;
            if dimensions > MAX_DIMENSIONS {
                return Err(self.error(format!("tensor `{name}` has {dimensions} dimensions")));
            }
            let mut shape = Vec::new();
            for _ in 0..dimensions {
                shape.push(self.u64()?);
            }
            let kind = self.u32()?;
            let offset = self.u64()?;
            let values = shape
                .iter()
                .try_fold(1_u64, |product, size| product.checked_mul(*size))
                .ok_or_else(|| self.error(format!("tensor `{name}` has more values than can be counted")))?;
            let (dtype, block_values, block_bytes) =
                ggml_type(kind).ok_or_else(|| self.error(format!("tensor `{name}` has the unknown type {kind}")))?;
            let bytes = values
                .is_multiple_of(block_values)
                .then(|| (values / block_values).checked_mul(block_bytes))
                .flatten()
                .ok_or_else(|| self.error(format!("tensor `{name}` does not fill whole blocks of {dtype}")))?;
            if !names.insert(name.clone()) {
                return Err(self.error(format!("tensor `{name}` is there twice")));
            }
            spans.push((offset, bytes, tensors.len()));
            // GGUF lists the fastest dimension first.
            shape.reverse();
            tensors.push(Tensor { name, dtype, shape, values, bytes, start: offset });
        }
        let alignment = metadata.get("general.alignment").and_then(Value::as_u64).filter(|n| *n > 0).unwrap_or(32);
        let data_start = self.at.checked_next_multiple_of(alignment).unwrap_or(u64::MAX);
        self.check_spans(spans, data_start, &tensors)?;
        for tensor in &mut tensors {
            // Checked above: the end lies within the file.
            tensor.start = tensor.start.saturating_add(data_start);
        }
        Ok(tensors)
    }

    fn check_spans(&self, mut spans: Vec<(u64, u64, usize)>, start: u64, tensors: &[Tensor]) -> Result<(), ReadError> {
        spans.sort_unstable();
        let mut free = 0;
        for (offset, bytes, index) in spans {
            let name = &tensors[index].name;
            let end = offset.checked_add(bytes);
            if end.and_then(|end| start.checked_add(end)).is_none_or(|end| end > self.file_bytes) {
                let text = format!("the data of tensor `{name}` lies past the end: the file is cut off");
                return Err(self.error(text));
            }
            if bytes > 0 && offset < free {
                return Err(self.error(format!("the data of tensor `{name}` overlaps that of another")));
            }
            free = free.max(offset + bytes);
        }
        Ok(())
    }
}

/// Name, values and bytes of one block (ggml's type table).
const fn ggml_type(kind: u32) -> Option<(&'static str, u64, u64)> {
    Some(match kind {
        0 => ("F32", 1, 4),
        1 => ("F16", 1, 2),
        2 => ("Q4_0", 32, 18),
        3 => ("Q4_1", 32, 20),
        6 => ("Q5_0", 32, 22),
        7 => ("Q5_1", 32, 24),
        8 => ("Q8_0", 32, 34),
        9 => ("Q8_1", 32, 36),
        10 => ("Q2_K", 256, 84),
        11 => ("Q3_K", 256, 110),
        12 => ("Q4_K", 256, 144),
        13 => ("Q5_K", 256, 176),
        14 => ("Q6_K", 256, 210),
        15 => ("Q8_K", 256, 292),
        16 => ("IQ2_XXS", 256, 66),
        17 => ("IQ2_XS", 256, 74),
        18 => ("IQ3_XXS", 256, 98),
        19 => ("IQ1_S", 256, 50),
        20 => ("IQ4_NL", 32, 18),
        21 => ("IQ3_S", 256, 110),
        22 => ("IQ2_S", 256, 82),
        23 => ("IQ4_XS", 256, 136),
        24 => ("I8", 1, 1),
        25 => ("I16", 1, 2),
        26 => ("I32", 1, 4),
        27 => ("I64", 1, 8),
        28 => ("F64", 1, 8),
        29 => ("IQ1_M", 256, 56),
        30 => ("BF16", 1, 2),
        34 => ("TQ1_0", 256, 54),
        35 => ("TQ2_0", 256, 66),
        39 => ("MXFP4", 32, 17),
        40 => ("NVFP4", 64, 36),
        _ => return None,
    })
}
