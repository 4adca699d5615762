//! Where the values of a model's tensors come from.

use super::LabError;
use crate::architecture::checkpoint::{Tensor, layer_index, tensor_files, tensors_in};
use crate::files;
use crate::quantize::gguf;
use half::slice::HalfFloatSliceExt as _;
use half::{bf16, f16};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

/// A model whose values can be read.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// What it is, in words.
    pub name: String,
    /// Its tensors, in the order of files and headers.
    pub entries: Vec<Entry>,
    places: Vec<Place>,
}

#[derive(Clone, Debug, PartialEq)]
enum Place {
    File(PathBuf),
    Memory(&'static [u8]),
}

/// A tensor and where its file is.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Name, shape and storage.
    pub tensor: Tensor,
    /// What the lab does with it.
    pub kind: Kind,
    place: usize,
}

/// What the lab does with a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A matrix of a linear layer: formats are tried on it.
    Linear,
    /// The token table or the head: formats are tried on it, but most engines keep it in 16 bits.
    Vocabulary,
    /// Norms, biases and what else is small: stays as it is.
    Small,
    /// Its values cannot be read: packed, integers, or a type without a reader here.
    Unreadable,
}

/// Storage the lab can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    F64,
    F32,
    F16,
    Bf16,
    Gguf(gguf::Kind),
}

impl Encoding {
    fn of(dtype: &str) -> Option<Self> {
        Some(match dtype {
            "F64" => Self::F64,
            "F32" => Self::F32,
            "F16" => Self::F16,
            "BF16" => Self::Bf16,
            other => Self::Gguf(gguf::Kind::from_name(other)?),
        })
    }

    /// Values and bytes of the smallest piece that can be read by itself.
    const fn block(self) -> (u64, u64) {
        match self {
            Self::F64 => (1, 8),
            Self::F32 => (1, 4),
            Self::F16 | Self::Bf16 => (1, 2),
            Self::Gguf(kind) => (kind.block() as u64, kind.block_bytes() as u64),
        }
    }

    /// Values of `bytes`.
    fn decode(self, bytes: &[u8], out: &mut Vec<f32>) {
        match self {
            Self::F64 => out.extend(bytes.as_chunks().0.iter().map(|eight| f64::from_le_bytes(*eight) as f32)),
            Self::F32 => out.extend(bytes.as_chunks().0.iter().map(|four| f32::from_le_bytes(*four))),
            Self::F16 => {
                let halves: Vec<f16> = bytes.as_chunks().0.iter().map(|two| f16::from_le_bytes(*two)).collect();
                out.resize(halves.len(), 0.0);
                halves.convert_to_f32_slice(out);
            }
            Self::Gguf(kind) => {
                out.resize(bytes.len() / kind.block_bytes() * kind.block(), 0.0);
                kind.read_into(bytes, out);
            }
            Self::Bf16 => out.extend(bytes.as_chunks().0.iter().map(|two| bf16::from_le_bytes(*two).to_f32())),
        }
    }
}

/// Least values of a tensor that formats are tried on.
const SMALLEST: u64 = 1024;
/// Least values of a row of such a tensor: narrower ones are no linear layers.
const NARROWEST: u64 = 32;

impl Source {
    /// Opens the model at `path`: a file, an index or a folder. Only headers are read.
    pub fn open(path: &Path) -> Result<Self, LabError> {
        let files = tensor_files(path)?;
        let mut source = Self { name: path.display().to_string(), entries: Vec::new(), places: Vec::new() };
        for file in files {
            let place = source.places.len();
            source.places.push(Place::File(file.path));
            source.add(file.tensors, place);
        }
        Ok(source)
    }

    /// A safetensors file that is part of the program; `name` is what it is, in words.
    pub fn of_memory(name: &str, bytes: &'static [u8]) -> Result<Self, LabError> {
        let mut source = Self { name: name.to_owned(), entries: Vec::new(), places: vec![Place::Memory(bytes)] };
        source.add(tensors_in(name, bytes)?, 0);
        Ok(source)
    }

    fn add(&mut self, tensors: Vec<Tensor>, place: usize) {
        self.entries.extend(tensors.into_iter().map(|tensor| Entry { kind: kind_of(&tensor), tensor, place }));
    }

    /// Entries that formats are tried on, linear layers first, in the order of layers.
    pub fn tried(&self) -> Vec<usize> {
        let mut tried: Vec<usize> = (0..self.entries.len()).filter(|index| self.entries[*index].is_tried()).collect();
        tried.sort_by_key(|index| {
            let entry = &self.entries[*index];
            (entry.kind == Kind::Vocabulary, layer_index(&entry.tensor.name).map(|(layer, _)| layer), *index)
        });
        tried
    }

    /// Reads `count` values from value `first` of a tensor; both must lie on whole blocks of its storage.
    pub fn read(&self, entry: &Entry, first: u64, count: u64) -> Result<Vec<f32>, LabError> {
        let tensor = &entry.tensor;
        let wrong = |message: String| LabError { place: format!("tensor `{}`", tensor.name), message };
        let encoding = Encoding::of(tensor.dtype)
            .ok_or_else(|| wrong(format!("its storage {} cannot be read here", tensor.dtype)))?;
        let (values, bytes) = encoding.block();
        let end = first.checked_add(count).filter(|end| *end <= tensor.values);
        if end.is_none() || !first.is_multiple_of(values) || !count.is_multiple_of(values) {
            return Err(wrong(format!("values {first} to {} are not whole blocks of it", first.saturating_add(count))));
        }
        let start = tensor.start + first / values * bytes;
        let length = (count / values * bytes) as usize;
        let mut out = Vec::with_capacity(count as usize);
        match &self.places[entry.place] {
            Place::Memory(all) => {
                let from = start as usize;
                let bytes = all.get(from..from + length).ok_or_else(|| wrong("its data is cut off".to_owned()))?;
                encoding.decode(bytes, &mut out);
            }
            Place::File(path) => {
                let io =
                    |error: std::io::Error| LabError { place: path.display().to_string(), message: error.to_string() };
                let (mut file, _) = files::open_regular(path)
                    .map_err(|error| LabError { place: path.display().to_string(), message: error.cause() })?;
                file.seek(SeekFrom::Start(start)).map_err(io)?;
                let mut bytes = vec![0; length];
                file.read_exact(&mut bytes).map_err(io)?;
                encoding.decode(&bytes, &mut out);
            }
        }
        Ok(out)
    }

    /// Bytes of all tensors as they are stored.
    pub fn bytes(&self) -> u64 {
        self.entries.iter().map(|entry| entry.tensor.bytes).sum()
    }
}

impl Entry {
    /// Whether formats are tried on it.
    pub const fn is_tried(&self) -> bool {
        matches!(self.kind, Kind::Linear | Kind::Vocabulary)
    }

    /// Rows and values of a row: all sizes but the last make rows.
    pub fn rows_and_columns(&self) -> (u64, u64) {
        let columns = self.tensor.shape.last().copied().unwrap_or(1).max(1);
        (self.tensor.values / columns, columns)
    }

    /// Values its storage cannot be cut within.
    pub(super) fn values_of_a_block(&self) -> u64 {
        Encoding::of(self.tensor.dtype).map_or(1, |encoding| encoding.block().0)
    }
}

fn kind_of(tensor: &Tensor) -> Kind {
    let name = tensor.name.as_str();
    let columns = tensor.shape.last().copied().unwrap_or(0);
    if tensor.shape.len() < 2 || tensor.values < SMALLEST || columns < NARROWEST {
        return Kind::Small;
    }
    if Encoding::of(tensor.dtype).is_none() {
        return Kind::Unreadable;
    }
    let is_vocabulary = [
        "embed_tokens.weight",
        "wte.weight",
        "word_embeddings.weight",
        "embed_in.weight",
        "lm_head.weight",
        "embed_out.weight",
    ]
    .iter()
    .any(|ending| name.ends_with(ending))
        || matches!(name, "token_embd.weight" | "output.weight");
    if is_vocabulary { Kind::Vocabulary } else { Kind::Linear }
}
