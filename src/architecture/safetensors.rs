//! Headers of safetensors files. The tensor data is never read.
//!
//! Layout: eight bytes with the header's length, the header as JSON, the data. Every size is checked before it is used.

use super::files::ReadError;
use super::tensors::Tensor;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

/// Largest header that is read; the format's own library has the same limit.
const MAX_HEADER_BYTES: u64 = 100_000_000;

/// Reads the header of one file.
pub fn read_header(path: &Path) -> Result<Vec<Tensor>, ReadError> {
    let io = |error: std::io::Error| ReadError::io(path, &error);
    let mut file = File::open(path).map_err(io)?;
    let file_bytes = file.metadata().map_err(io)?.len();
    let mut length = [0; 8];
    file.read_exact(&mut length)
        .map_err(|_error| ReadError::at(path, 0, "shorter than the eight bytes every safetensors file begins with"))?;
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
    let header: Header = serde_json::from_slice(&text)
        .map_err(|error| ReadError::at(path, 8 + error.column() as u64, format!("header: {error}")))?;
    let data_bytes = file_bytes - 8 - header_bytes;
    let mut spans = Vec::with_capacity(header.0.len());
    let mut tensors = Vec::with_capacity(header.0.len());
    for (name, entry) in header.0 {
        let wrong = |what: &str| ReadError::at(path, 8, format!("tensor `{name}`: {what}"));
        let [begin, end] = entry.data_offsets;
        if begin > end || end > data_bytes {
            return Err(wrong(&format!("its data ({begin} to {end}) lies outside the file's {data_bytes} data bytes")));
        }
        let values = entry
            .shape
            .iter()
            .try_fold(1_u64, |product, size| product.checked_mul(*size))
            .ok_or_else(|| wrong("its shape has more values than can be counted"))?;
        let bits = dtype_bits(&entry.dtype).ok_or_else(|| wrong(&format!("unknown format `{}`", entry.dtype)))?;
        let expected = values.checked_mul(bits).map(|bits| bits.div_ceil(8));
        if expected != Some(end - begin) {
            return Err(wrong(&format!("its shape needs another number of bytes than the {} it has", end - begin)));
        }
        spans.push((begin, end));
        tensors.push(Tensor { name, dtype: entry.dtype, shape: entry.shape, values, bytes: end - begin });
    }
    spans.sort_unstable();
    if spans.windows(2).any(|pair| pair[1].0 < pair[0].1) {
        return Err(ReadError::at(path, 8, "two tensors share the same data"));
    }
    Ok(tensors)
}

/// Bits of one value.
fn dtype_bits(dtype: &str) -> Option<u64> {
    Some(match dtype {
        "F64" | "I64" | "U64" | "C64" => 64,
        "F32" | "I32" | "U32" => 32,
        "F16" | "BF16" | "I16" | "U16" => 16,
        "F8_E4M3" | "F8_E5M2" | "F8_E8M0" | "I8" | "U8" | "BOOL" | "F8_E4M3FNUZ" | "F8_E5M2FNUZ" => 8,
        "F6_E2M3" | "F6_E3M2" => 6,
        "F4" => 4,
        _ => return None,
    })
}

#[derive(Deserialize)]
struct Entry {
    dtype: String,
    shape: Vec<u64>,
    data_offsets: [u64; 2],
}

/// Tensors in file order. A map would swallow a second tensor of the same name; this refuses it.
struct Header(Vec<(String, Entry)>);

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Header;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of tensors")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Header, M::Error> {
                let mut entries = Vec::new();
                let mut names = std::collections::BTreeSet::new();
                while let Some(name) = map.next_key::<String>()? {
                    if !names.insert(name.clone()) {
                        return Err(serde::de::Error::custom(format!("tensor `{name}` is there twice")));
                    }
                    if name == "__metadata__" {
                        map.next_value::<serde::de::IgnoredAny>()?;
                    } else {
                        entries.push((name, map.next_value()?));
                    }
                }
                Ok(Header(entries))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}
