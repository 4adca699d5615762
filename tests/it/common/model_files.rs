//! Writers of small model files, after the formats' own descriptions: safetensors
//! (<https://huggingface.co/docs/safetensors>) and GGUF (`docs/gguf.md` of ggml).
#![allow(dead_code, reason = "each test binary uses its share")]

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

/// Name and shape of a tensor, slowest dimension first.
pub type Shape = (String, Vec<u64>);

/// Header bytes (with the length before them) and the number of data bytes of a BF16 safetensors file.
pub fn safetensors_header(tensors: &[Shape]) -> (Vec<u8>, u64) {
    let mut entries = vec![r#""__metadata__":{"format":"pt"}"#.to_owned()];
    let mut offset = 0;
    for (name, shape) in tensors {
        let end = offset + 2 * shape.iter().product::<u64>();
        entries.push(format!(r#""{name}":{{"dtype":"BF16","shape":{shape:?},"data_offsets":[{offset},{end}]}}"#));
        offset = end;
    }
    (safetensors_from_json(&format!("{{{}}}", entries.join(","))), offset)
}

/// A header with any text for its JSON part.
pub fn safetensors_from_json(json: &str) -> Vec<u8> {
    let mut bytes = (json.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(json.as_bytes());
    bytes
}

/// Writes a BF16 safetensors file whose data is a hole in the file: terabytes cost nothing.
pub fn write_sparse(path: &Path, tensors: &[Shape]) {
    let (header, data) = safetensors_header(tensors);
    let mut file = File::create(path).unwrap();
    file.write_all(&header).unwrap();
    file.set_len(header.len() as u64 + data).unwrap();
}

/// Writes `shards` files and their index; returns the names of the files.
pub fn write_sharded(folder: &Path, shards: &[Vec<Shape>]) -> Vec<String> {
    let mut names = Vec::new();
    let mut map = Vec::new();
    for (i, tensors) in shards.iter().enumerate() {
        let name = format!("model-{:05}-of-{:05}.safetensors", i + 1, shards.len());
        write_sparse(&folder.join(&name), tensors);
        map.extend(tensors.iter().map(|(tensor, _)| format!(r#""{tensor}":"{name}""#)));
        names.push(name);
    }
    let index = format!(r#"{{"metadata":{{"total_size":0}},"weight_map":{{{}}}}}"#, map.join(","));
    fs::write(folder.join("model.safetensors.index.json"), index).unwrap();
    names
}

/// Shape of the Llama-layout models below.
#[derive(Clone, Copy)]
pub struct Llama {
    pub layers: u64,
    pub hidden: u64,
    pub heads: u64,
    pub kv_heads: u64,
    pub inner: u64,
    pub vocab: u64,
    pub tied: bool,
}

impl Llama {
    pub const SMALL: Self = Self { layers: 3, hidden: 32, heads: 4, kv_heads: 2, inner: 48, vocab: 100, tied: false };

    pub fn config(&self) -> String {
        let Self { layers, hidden, heads, kv_heads, inner, vocab, tied } = self;
        format!(
            r#"{{"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": {hidden},
            "num_hidden_layers": {layers}, "num_attention_heads": {heads}, "num_key_value_heads": {kv_heads},
            "intermediate_size": {inner}, "vocab_size": {vocab}, "tie_word_embeddings": {tied},
            "torch_dtype": "bfloat16"}}"#
        )
    }

    fn kv(&self) -> u64 {
        self.hidden / self.heads * self.kv_heads
    }

    /// Tensors of layer `i` under the names of transformers.
    pub fn layer(&self, i: u64) -> Vec<Shape> {
        let (h, f, kv) = (self.hidden, self.inner, self.kv());
        [
            ("input_layernorm", vec![h]),
            ("post_attention_layernorm", vec![h]),
            ("self_attn.q_proj", vec![h, h]),
            ("self_attn.k_proj", vec![kv, h]),
            ("self_attn.v_proj", vec![kv, h]),
            ("self_attn.o_proj", vec![h, h]),
            ("mlp.gate_proj", vec![f, h]),
            ("mlp.up_proj", vec![f, h]),
            ("mlp.down_proj", vec![h, f]),
        ]
        .into_iter()
        .map(|(name, shape)| (format!("model.layers.{i}.{name}.weight"), shape))
        .collect()
    }

    /// Tensors outside the layers.
    pub fn outside(&self) -> Vec<Shape> {
        let mut tensors = vec![
            ("model.embed_tokens.weight".to_owned(), vec![self.vocab, self.hidden]),
            ("model.norm.weight".to_owned(), vec![self.hidden]),
        ];
        if !self.tied {
            tensors.push(("lm_head.weight".to_owned(), vec![self.vocab, self.hidden]));
        }
        tensors
    }

    pub fn all(&self) -> Vec<Shape> {
        self.outside().into_iter().chain((0..self.layers).flat_map(|i| self.layer(i))).collect()
    }
}

/// Values of all tensors.
pub fn values(tensors: &[Shape]) -> u64 {
    tensors.iter().map(|(_, shape)| shape.iter().product::<u64>()).sum()
}

/// A GGUF file as it is written.
pub struct Gguf {
    pub version: u32,
    pub tensor_count: Option<u64>,
    pub pair_count: Option<u64>,
    pairs: Vec<u8>,
    pairs_written: u64,
    tensors: Vec<u8>,
    tensors_written: u64,
    data: u64,
}

impl Gguf {
    pub const U8: u32 = 0;
    pub const U32: u32 = 4;
    pub const TEXT: u32 = 8;
    pub const ARRAY: u32 = 9;

    pub const fn new() -> Self {
        Self {
            version: 3,
            tensor_count: None,
            pair_count: None,
            pairs: Vec::new(),
            pairs_written: 0,
            tensors: Vec::new(),
            tensors_written: 0,
            data: 0,
        }
    }

    pub fn text_bytes(text: &str) -> Vec<u8> {
        let mut bytes = (text.len() as u64).to_le_bytes().to_vec();
        bytes.extend_from_slice(text.as_bytes());
        bytes
    }

    /// A pair whose value is given as bytes.
    pub fn raw(mut self, key: &str, kind: u32, value: &[u8]) -> Self {
        self.pairs.extend(Self::text_bytes(key));
        self.pairs.extend(kind.to_le_bytes());
        self.pairs.extend_from_slice(value);
        self.pairs_written += 1;
        self
    }

    pub fn text(self, key: &str, value: &str) -> Self {
        let bytes = Self::text_bytes(value);
        self.raw(key, Self::TEXT, &bytes)
    }

    pub fn number(self, key: &str, value: u32) -> Self {
        self.raw(key, Self::U32, &value.to_le_bytes())
    }

    /// A tensor of ggml type `kind`, `block` values in `block_bytes` bytes; `shape` fastest dimension first.
    pub fn tensor(self, name: &str, shape: &[u64], (kind, block, block_bytes): (u32, u64, u64)) -> Self {
        let offset = self.data;
        let bytes = shape.iter().product::<u64>() / block * block_bytes;
        let mut file = self.tensor_at(name, shape, kind, offset);
        file.data = offset + bytes.next_multiple_of(32);
        file
    }

    pub fn tensor_at(mut self, name: &str, shape: &[u64], kind: u32, offset: u64) -> Self {
        self.tensors.extend(Self::text_bytes(name));
        self.tensors.extend((shape.len() as u32).to_le_bytes());
        for size in shape {
            self.tensors.extend(size.to_le_bytes());
        }
        self.tensors.extend(kind.to_le_bytes());
        self.tensors.extend(offset.to_le_bytes());
        self.tensors_written += 1;
        self
    }

    /// Header, padded; the data would follow.
    pub fn header(&self) -> Vec<u8> {
        let mut bytes = b"GGUF".to_vec();
        bytes.extend(self.version.to_le_bytes());
        bytes.extend(self.tensor_count.unwrap_or(self.tensors_written).to_le_bytes());
        bytes.extend(self.pair_count.unwrap_or(self.pairs_written).to_le_bytes());
        bytes.extend(&self.pairs);
        bytes.extend(&self.tensors);
        bytes.resize(bytes.len().next_multiple_of(32), 0);
        bytes
    }

    pub fn write(&self, path: &Path) {
        let header = self.header();
        let mut file = File::create(path).unwrap();
        file.write_all(&header).unwrap();
        file.set_len(header.len() as u64 + self.data).unwrap();
    }
}
