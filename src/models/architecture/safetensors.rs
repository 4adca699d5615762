//! Headers of safetensors files. The tensor data is not read here.
//!
//! Layout: eight bytes with the header's length, the header as JSON, the data. Every size is checked before it is used.

use super::files::ReadError;
use super::tensors::Tensor;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use std::collections::HashSet;
use std::fmt;
use std::io::Read;
use std::marker::PhantomData;
use std::path::Path;

/// Largest header that is read; the format's own library has the same limit.
const MAX_HEADER_BYTES: u64 = 100_000_000;

/// Most tensors of a file or an index; the largest models have some hundred thousand.
const MAX_ENTRIES: usize = 300_000;

/// Reads the header of one file.
pub fn read_header(path: &Path) -> Result<Vec<Tensor>, ReadError> {
    let (mut file, file_bytes) = super::files::open(path)?;
    parse_header(path, file_bytes, &mut file)
}

/// Reads the header from the first bytes of a file of `file_bytes`; `path` names it in messages.
pub fn parse_header(path: &Path, file_bytes: u64, file: &mut impl Read) -> Result<Vec<Tensor>, ReadError> {
    let io = |error: std::io::Error| ReadError::io(path, &error);
    let mut length = [0; 8];
    file.read_exact(&mut length)
        .map_err(|_error| ReadError::at(path, 0, "shorter than the eight bytes every safetensors file begins with"))?;
    if &length == b"version " {
        let text = "a pointer of Git LFS, not the weights; `git lfs pull` fetches them";
        return Err(ReadError::missing(path, text));
    }
    let header_bytes = u64::from_le_bytes(length);
    if header_bytes > MAX_HEADER_BYTES {
        let text = format!("a header of {header_bytes} bytes is announced; {MAX_HEADER_BYTES} is the most");
        return Err(ReadError::at(path, 0, text));
    }
    if header_bytes.saturating_add(8) > file_bytes {
        let text =
            format!("a header of {header_bytes} bytes is announced, but the file has {file_bytes}: it is cut off");
        return Err(ReadError::at(path, 0, text));
    }
    let mut text = vec![0; header_bytes as usize];
    file.read_exact(&mut text).map_err(io)?;
    let header: UniqueMap<Entry> = serde_json::from_slice(&text).map_err(|error| {
        ReadError::at(path, 8 + byte_offset(&text, error.line(), error.column()), format!("header: {error}"))
    })?;
    let data_bytes = file_bytes - 8 - header_bytes;
    let mut spans = Vec::with_capacity(header.0.len());
    let mut tensors = Vec::with_capacity(header.0.len());
    for (name, entry) in header.0 {
        // The one key that is no tensor.
        let Entry::Tensor { dtype, shape, data_offsets } = entry else { continue };
        let wrong = |what: &str| ReadError::at(path, 8, format!("tensor `{name}`: {what}"));
        let [begin, end] = data_offsets;
        if begin > end || end > data_bytes {
            return Err(wrong(&format!("its data ({begin} to {end}) lies outside the file's {data_bytes} data bytes")));
        }
        let values = shape
            .iter()
            .try_fold(1_u64, |product, size| product.checked_mul(*size))
            .ok_or_else(|| wrong("its shape has more values than can be counted"))?;
        let (dtype, bits) = format_of(&dtype).ok_or_else(|| wrong(&format!("unknown format `{dtype}`")))?;
        let expected = values.checked_mul(bits).map(|bits| bits.div_ceil(8));
        if expected != Some(end - begin) {
            return Err(wrong(&format!("shape {shape:?} in {dtype} does not take the {} bytes it has", end - begin)));
        }
        spans.push((begin, end));
        tensors.push(Tensor { name, dtype, shape, values, bytes: end - begin, start: 8 + header_bytes + begin });
    }
    spans.sort_unstable();
    if spans.windows(2).any(|pair| pair[1].0 < pair[0].1) {
        return Err(ReadError::at(path, 8, "two tensors share the same data"));
    }
    Ok(tensors)
}

/// The format's name and the bits of one value.
fn format_of(dtype: &str) -> Option<(&'static str, u64)> {
    const FORMATS: [(&str, u64); 22] = [
        ("F64", 64),
        ("I64", 64),
        ("U64", 64),
        ("C64", 64),
        ("F32", 32),
        ("I32", 32),
        ("U32", 32),
        ("F16", 16),
        ("BF16", 16),
        ("I16", 16),
        ("U16", 16),
        ("F8_E4M3", 8),
        ("F8_E5M2", 8),
        ("F8_E8M0", 8),
        ("F8_E4M3FNUZ", 8),
        ("F8_E5M2FNUZ", 8),
        ("I8", 8),
        ("U8", 8),
        ("BOOL", 8),
        ("F6_E2M3", 6),
        ("F6_E3M2", 6),
        ("F4", 4),
    ];
    FORMATS.iter().find(|(name, _)| *name == dtype).copied()
}

/// Bytes before a place that serde_json gives as line and column.
fn byte_offset(text: &[u8], line: usize, column: usize) -> u64 {
    let before: usize = text.split(|byte| *byte == b'\n').take(line.saturating_sub(1)).map(|line| line.len() + 1).sum();
    (before + column.saturating_sub(1)) as u64
}

/// What a key of the header stands for.
enum Entry {
    /// A tensor.
    Tensor { dtype: String, shape: Vec<u64>, data_offsets: [u64; 2] },
    /// `__metadata__`: text for people.
    Metadata,
}

#[derive(Deserialize)]
struct TensorEntry {
    dtype: String,
    shape: Vec<u64>,
    data_offsets: [u64; 2],
}

/// A JSON object in file order. A map would swallow a second entry of the same name; this refuses it.
pub struct UniqueMap<V>(pub Vec<(String, V)>);

/// How the value of a key is read.
pub trait FromEntry<'de>: Sized {
    /// Reads the value that stands under `name`.
    fn read<M: MapAccess<'de>>(name: &str, map: &mut M) -> Result<Self, M::Error>;
}

impl<'de> FromEntry<'de> for Entry {
    fn read<M: MapAccess<'de>>(name: &str, map: &mut M) -> Result<Self, M::Error> {
        if name == "__metadata__" {
            map.next_value::<serde::de::IgnoredAny>()?;
            return Ok(Self::Metadata);
        }
        let TensorEntry { dtype, shape, data_offsets } = map.next_value()?;
        Ok(Self::Tensor { dtype, shape, data_offsets })
    }
}

impl<'de> FromEntry<'de> for String {
    fn read<M: MapAccess<'de>>(_name: &str, map: &mut M) -> Result<Self, M::Error> {
        map.next_value()
    }
}

impl<'de, V: FromEntry<'de>> Deserialize<'de> for UniqueMap<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<V>(PhantomData<V>);
        impl<'de, V: FromEntry<'de>> Visitor<'de> for Entries<V> {
            type Value = UniqueMap<V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<UniqueMap<V>, M::Error> {
                let mut entries = Vec::new();
                while let Some(name) = map.next_key::<String>()? {
                    if entries.len() >= MAX_ENTRIES {
                        return Err(serde::de::Error::custom(format!(
                            "over {MAX_ENTRIES} tensors, more than any model"
                        )));
                    }
                    let value = V::read(&name, &mut map)?;
                    entries.push((name, value));
                }
                let mut names = HashSet::with_capacity(entries.len());
                if let Some((name, _)) = entries.iter().find(|(name, _)| !names.insert(name.as_str())) {
                    return Err(serde::de::Error::custom(format!("`{name}` is there twice")));
                }
                Ok(UniqueMap(entries))
            }
        }
        deserializer.deserialize_map(Entries(PhantomData))
    }
}
