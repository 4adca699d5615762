//! Headers of GGUF files (versions 2 and 3): metadata and tensor list. The tensor data is never read.
//!
//! Layout after ggml's `gguf.md`: magic, version, number of tensors, number of metadata pairs, the pairs, the tensor
//! infos, padding, data. Every count is checked against the bytes the file has left before anything is allocated.

use super::config::from_config;
use super::files::{ModelFile, ReadError};
use super::tensors::{Tensor, TensorSummary, reconcile};
use super::{Architecture, Flag};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read as _, Seek as _, SeekFrom};
use std::path::Path;

/// Longest text that is kept; longer ones (chat templates) are skipped.
const MAX_TEXT: u64 = 1 << 16;
/// Longest array that is kept; vocabularies are skipped.
const MAX_ARRAY: u64 = 1024;
/// Deepest nesting of arrays.
const MAX_DEPTH: usize = 4;

/// Reads the model a file describes.
pub fn read(path: &Path) -> Result<ModelFile, ReadError> {
    let file = File::open(path).map_err(|error| ReadError::io(path, &error))?;
    let length = file.metadata().map_err(|error| ReadError::io(path, &error))?.len();
    let mut reader = Reader { path, inner: BufReader::new(file), at: 0, length };
    let (metadata, tensors) = reader.header()?;
    let summary = TensorSummary::of(&tensors);
    let mut architecture = architecture(path, &metadata, &tensors)?;
    reconcile(&mut architecture, &summary);
    let bits = summary.bytes as f64 * 8.0 / summary.values.max(1) as f64;
    architecture.flags.push(Flag::Note(format!("the file holds {bits:.2} bits a weight over all tensors")));
    Ok(ModelFile { source: format!("GGUF file {}", path.display()), architecture, tensors: Some(summary) })
}

struct Reader<'p> {
    path: &'p Path,
    inner: BufReader<File>,
    at: u64,
    length: u64,
}

impl Reader<'_> {
    fn error(&self, message: impl Into<String>) -> ReadError {
        ReadError::at(self.path, self.at, message)
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], ReadError> {
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

    fn header(&mut self) -> Result<(BTreeMap<String, Value>, Vec<Tensor>), ReadError> {
        if &self.bytes::<4>()? != b"GGUF" {
            return Err(ReadError::at(self.path, 0, "not a GGUF file: it does not begin with GGUF"));
        }
        let version = self.u32()?;
        if !(2..=3).contains(&version) {
            return Err(self.error(format!("GGUF version {version}; versions 2 and 3 are known")));
        }
        // A tensor info has at least a name length, a dimension count, a type and an offset; a pair a key and a type.
        let tensor_count = self.count("tensors", 24)?;
        let pair_count = self.count("metadata pairs", 13)?;
        let mut metadata = BTreeMap::new();
        for _ in 0..pair_count {
            let key = self.text()?.ok_or_else(|| self.error("a metadata key of over 64 KiB"))?;
            let kind = self.u32()?;
            if let Some(value) = self.value(kind, 0)?
                && metadata.insert(key.clone(), value).is_some()
            {
                return Err(self.error(format!("metadata key `{key}` is there twice")));
            }
        }
        let tensors = self.tensors(tensor_count, &metadata)?;
        Ok((metadata, tensors))
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
            8 => return Ok(self.text()?.map(Value::String)),
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
        if count > MAX_ARRAY
            && let Some(size) = fixed
        {
            self.skip(count * size)?;
            return Ok(None);
        }
        let mut values = Vec::new();
        for _ in 0..count {
            let value = self.value(kind, depth + 1)?;
            if values.len() < MAX_ARRAY as usize {
                values.extend(value);
            }
        }
        Ok((count <= MAX_ARRAY).then_some(Value::Array(values)))
    }

    fn tensors(&mut self, count: u64, metadata: &BTreeMap<String, Value>) -> Result<Vec<Tensor>, ReadError> {
        let mut tensors = Vec::new();
        let mut names = std::collections::BTreeSet::new();
        let mut spans = Vec::new();
        for _ in 0..count {
            let name = self.text()?.ok_or_else(|| self.error("a tensor name of over 64 KiB"))?;
            let dimensions = self.u32()?;
            if dimensions > 8 {
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
            tensors.push(Tensor { name, dtype: dtype.to_owned(), shape, values, bytes });
        }
        let alignment = metadata.get("general.alignment").and_then(Value::as_u64).filter(|n| *n > 0).unwrap_or(32);
        let data_start = self.at.checked_next_multiple_of(alignment).unwrap_or(u64::MAX);
        self.check_spans(&spans, data_start, &tensors)?;
        Ok(tensors)
    }

    fn check_spans(&mut self, spans: &[(u64, u64, usize)], start: u64, tensors: &[Tensor]) -> Result<(), ReadError> {
        self.length = self.inner.seek(SeekFrom::End(0)).map_err(|error| ReadError::io(self.path, &error))?;
        for (offset, bytes, index) in spans {
            let end = start.checked_add(*offset).and_then(|begin| begin.checked_add(*bytes));
            if end.is_none_or(|end| end > self.length) {
                let name = &tensors[*index].name;
                return Err(self.error(format!("the data of tensor `{name}` lies past the end: the file is cut off")));
            }
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
        _ => return None,
    })
}

/// Class of transformers that llama.cpp's architecture name stands for.
fn model_type(name: &str, has_experts: bool) -> Option<&'static str> {
    Some(match name {
        "llama" if has_experts => "mixtral",
        "llama" => "llama",
        "qwen2" => "qwen2",
        "qwen3" => "qwen3",
        "qwen2moe" => "qwen2_moe",
        "qwen3moe" => "qwen3_moe",
        "gemma" => "gemma",
        "gemma2" => "gemma2",
        "gemma3" => "gemma3_text",
        "phi2" => "phi",
        "phi3" => "phi3",
        "gpt2" => "gpt2",
        "gptneox" => "gpt_neox",
        "falcon" => "falcon",
        "bloom" => "bloom",
        "starcoder2" => "starcoder2",
        "stablelm" => "stablelm",
        "olmo" => "olmo",
        "olmo2" => "olmo2",
        "olmoe" => "olmoe",
        "command-r" => "cohere",
        "granite" => "granite",
        "smollm3" => "smollm3",
        "deepseek2" => "deepseek_v3",
        "gpt-oss" => "gpt_oss",
        _ => return None,
    })
}

/// The file's metadata as the configuration of the class it stands for.
fn architecture(
    path: &Path,
    metadata: &BTreeMap<String, Value>,
    tensors: &[Tensor],
) -> Result<Architecture, ReadError> {
    let name = metadata.get("general.architecture").and_then(Value::as_str).unwrap_or_default();
    if name.is_empty() {
        return Err(ReadError::whole(
            path,
            "no `general.architecture` in its metadata: which model it is cannot be told",
        ));
    }
    let get = |key: &str| metadata.get(&format!("{name}.{key}"));
    // Some files give one number for each layer; the first speaks for all.
    let number = |key: &str| get(key).and_then(|value| value.as_u64().or_else(|| value.get(0)?.as_u64()));
    let has = |tensor: &str| tensors.iter().any(|found| found.name == tensor);
    let experts = number("expert_count").filter(|count| *count > 0);
    let class = model_type(name, experts.is_some());
    let mut config = Map::new();
    config.insert("model_type".to_owned(), json!(class.unwrap_or(name)));
    let pairs = [
        ("embedding_length", "hidden_size"),
        ("block_count", "num_hidden_layers"),
        ("attention.head_count", "num_attention_heads"),
        ("attention.head_count_kv", "num_key_value_heads"),
        ("attention.head_count_kv", "num_kv_heads"),
        ("attention.key_length", "head_dim"),
        ("feed_forward_length", "intermediate_size"),
        ("feed_forward_length", "n_inner"),
        ("feed_forward_length", "ffn_hidden_size"),
        ("context_length", "max_position_embeddings"),
        ("expert_count", "num_experts"),
        ("expert_count", "num_local_experts"),
        ("expert_count", "n_routed_experts"),
        ("expert_used_count", "num_experts_per_tok"),
        ("expert_feed_forward_length", "moe_intermediate_size"),
        ("expert_shared_feed_forward_length", "shared_expert_intermediate_size"),
        ("expert_shared_count", "n_shared_experts"),
        ("leading_dense_block_count", "first_k_dense_replace"),
        ("attention.q_lora_rank", "q_lora_rank"),
        ("attention.kv_lora_rank", "kv_lora_rank"),
        ("rope.dimension_count", "qk_rope_head_dim"),
        ("attention.sliding_window", "sliding_window"),
    ];
    for (key, target) in pairs {
        if let Some(count) = number(key) {
            config.insert(target.to_owned(), json!(count));
        }
    }
    if class == Some("deepseek_v3") {
        deepseek(&mut config, &number);
    }
    if class == Some("olmoe") || class == Some("gpt_oss") {
        let width = number("expert_feed_forward_length").or_else(|| number("feed_forward_length"));
        config.insert("intermediate_size".to_owned(), json!(width));
    }
    let vocabulary = tensors.iter().find(|tensor| tensor.name == "token_embd.weight").map(|tensor| tensor.shape[0]);
    config.insert("vocab_size".to_owned(), json!(vocabulary.or_else(|| number("vocab_size"))));
    config.insert("tie_word_embeddings".to_owned(), json!(!has("output.weight")));
    let attention_bias = has("blk.0.attn_q.bias") || has("blk.0.attn_qkv.bias");
    for key in ["attention_bias", "use_qkv_bias", "bias", "qkv_bias"] {
        config.insert(key.to_owned(), json!(attention_bias));
    }
    config.insert("mlp_bias".to_owned(), json!(has("blk.0.ffn_up.bias")));
    config.insert("use_bias".to_owned(), json!(attention_bias));
    config
        .insert("new_decoder_architecture".to_owned(), json!(number("attention.head_count_kv").is_some_and(|n| n > 1)));
    let mut architecture =
        from_config(&config).map_err(|error| ReadError::whole(path, format!("metadata: {error}")))?;
    if class.is_none() && !architecture.flags.iter().any(|flag| matches!(flag, Flag::UnknownModelCode(_))) {
        architecture.flags.push(Flag::UnknownModelCode(name.to_owned()));
    }
    Ok(architecture)
}

/// DeepSeek's heads: llama.cpp gives the whole key width and the rotary part of it.
fn deepseek(config: &mut Map<String, Value>, number: &dyn Fn(&str) -> Option<u64>) {
    let rotary = number("rope.dimension_count").unwrap_or(64);
    let key = number("attention.key_length_mla").or_else(|| number("attention.key_length"));
    let value = number("attention.value_length_mla").or_else(|| number("attention.value_length"));
    config.insert("qk_nope_head_dim".to_owned(), json!(key.map(|key| key.saturating_sub(rotary))));
    config.insert("v_head_dim".to_owned(), json!(value));
    if number("attention.q_lora_rank").is_none() {
        config.insert("q_lora_rank".to_owned(), Value::Null);
    }
}
