//! Hugging Face `config.json` → [`Architecture`].
//!
//! Missing keys take the class defaults of transformers 5.23.0. A class this program does not know is never guessed
//! in silence: the result carries [`Flag::UnknownModelCode`].

use super::{Architecture, Flag, NativeDtype};
use crate::limits::check_json;
use keys::{KeyError, Keys, class_defaults, model_type_of_class};
use nested::Parts;
use serde_json::{Map, Value};
use std::borrow::Cow;
use unlike_dense::unlike_dense;

mod dense;
mod head;
mod keys;
mod nested;
mod sparse;
mod unlike_dense;

/// Largest configuration that is read; real ones have a few kilobytes.
pub const MAX_CONFIG_BYTES: u64 = 16 << 20;
/// Most values of one; real ones have some hundred, and those of quantized models some thousand.
const MAX_CONFIG_VALUES: usize = 200_000;

/// Why a configuration cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Not JSON.
    #[error("line {line}, column {column}: not valid JSON: {message}")]
    Json {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
        /// What the parser says.
        message: String,
    },
    /// JSON, but not a model configuration.
    #[error("this is not a model configuration: {0}")]
    NotAModel(String),
    /// A key is missing or wrong.
    #[error("{}", key_words(model_code, *known, message))]
    Key {
        /// Class the configuration is for.
        model_code: String,
        /// Whether this program knows the class; of an unknown one the tensors may tell more.
        known: bool,
        /// Which key and what was expected.
        message: String,
    },
    /// A class this program does not know, with keys that no dense model has: its shape would be a wrong one.
    #[error(
        "{model_code} is a class this program does not know, and {keys} says that it is no plain dense model, so its \
         parameters cannot be counted from the configuration: put its safetensors files beside it, or choose a model of \
         its shape"
    )]
    NotDense {
        /// Class the configuration is for.
        model_code: String,
        /// The keys, in words.
        keys: String,
    },
}

fn key_words(model_code: &str, known: bool, message: &str) -> String {
    if known {
        format!("{model_code}: {message}")
    } else {
        format!(
            "{model_code} is a class this program does not know, and it cannot be read as a plain dense model ({message}): put its \
             safetensors files beside it, or choose a model of its shape"
        )
    }
}

/// Reads the text of a `config.json`.
pub fn from_config_text(text: &str) -> Result<Architecture, ConfigError> {
    check_json(text.as_bytes(), MAX_CONFIG_VALUES).map_err(ConfigError::NotAModel)?;
    let text = as_json(text.trim_start_matches('\u{feff}'));
    let value: Value = serde_json::from_str(&text).map_err(|error| ConfigError::Json {
        line: error.line(),
        column: error.column(),
        message: error.to_string(),
    })?;
    match value {
        Value::Object(map) => from_config(&map),
        _ => Err(ConfigError::NotAModel("it is not a JSON object".to_owned())),
    }
}

/// Reads a parsed configuration.
pub fn from_config(file: &Map<String, Value>) -> Result<Architecture, ConfigError> {
    let outer_class =
        file.get("architectures").and_then(|list| list.get(0)).and_then(Value::as_str).map(ToOwned::to_owned);
    let outer_type = file.get("model_type").and_then(Value::as_str);
    let parts = Parts::of(file);
    let text = parts.text;
    let text_class = text.get("architectures").and_then(|list| list.get(0)).and_then(Value::as_str);

    let model_type = text
        .get("model_type")
        .and_then(Value::as_str)
        .filter(|model_type| class_defaults(canonical_type(model_type)).is_some())
        .or(outer_type)
        .map(canonical_type)
        .filter(|model_type| class_defaults(model_type).is_some())
        .or_else(|| text_class.and_then(model_type_of_class))
        .or_else(|| outer_class.as_deref().and_then(model_type_of_class));
    let model_code = outer_class
        .or_else(|| model_type.and_then(class_defaults).map(|class| class_name(&class.class)))
        .or_else(|| outer_type.map(ToOwned::to_owned));
    let Some(model_code) = model_code else {
        return Err(ConfigError::NotAModel("it has neither `architectures` nor `model_type`".to_owned()));
    };

    let keys = Keys::new(text, model_type.and_then(class_defaults));
    if model_type.is_none()
        && let Some(keys) = unlike_dense(text, &parts)
    {
        return Err(ConfigError::NotDense { model_code, keys });
    }
    let key_error = |error: KeyError| ConfigError::Key {
        model_code: model_code.clone(),
        known: model_type.is_some(),
        message: error.0,
    };
    let mut architecture = build(model_type, &keys).map_err(key_error)?;
    architecture.native_dtype = native_dtype(file, text);
    architecture.max_positions = keys.count("max_position_embeddings").map_err(key_error)?;
    tie(file, &parts, &mut architecture);
    head::take(&model_code, file, &parts, &mut architecture);
    if model_type.is_none() {
        architecture.flags.push(Flag::UnknownModelCode(model_code.clone()));
    }
    if parts.has_towers() || model_code.ends_with("ForConditionalGeneration") {
        architecture.flags.push(Flag::TextModelOnly);
    }
    architecture.model_code = model_code;
    Ok(architecture)
}

/// The tie that is said outside the text part decides (transformers 5.24); where both are said and differ, one is wrong.
fn tie(file: &Map<String, Value>, parts: &Parts<'_>, architecture: &mut Architecture) {
    let said = |part: &Map<String, Value>| part.get("tie_word_embeddings").and_then(Value::as_bool);
    let Some(outer) = said(file).filter(|_| parts.is_nested()) else { return };
    if let Some(inner) = said(parts.text).filter(|inner| *inner != outer) {
        architecture.flags.push(Flag::Contradiction(format!(
            "`tie_word_embeddings` is {outer} outside the text part and {inner} within it; the outer one is taken, as transformers \
             5.24 does"
        )));
    }
    architecture.head.tied = outer;
}

/// Python writes numbers that JSON has not: `Infinity`, `-Infinity` and `NaN` outside texts become `null`.
pub(super) fn as_json(text: &str) -> Cow<'_, str> {
    if !text.contains("Infinity") && !text.contains("NaN") {
        return Cow::Borrowed(text);
    }
    let mut read = String::with_capacity(text.len());
    for (place, piece) in pieces(text) {
        match place {
            Place::Text => read.push_str(piece),
            Place::Code => {
                read.push_str(&piece.replace("-Infinity", "null").replace("Infinity", "null").replace("NaN", "null"));
            }
        }
    }
    Cow::Owned(read)
}

#[derive(Clone, Copy)]
enum Place {
    Code,
    Text,
}

/// A JSON text cut at the quotation marks of its texts, which stay with them.
fn pieces(text: &str) -> Vec<(Place, &str)> {
    let (mut found, mut start, mut place, mut escaped) = (Vec::new(), 0, Place::Code, false);
    for (at, byte) in text.bytes().enumerate() {
        match (place, byte) {
            (Place::Code, b'"') => {
                found.push((place, &text[start..at]));
                (start, place) = (at, Place::Text);
            }
            (Place::Text, _) if escaped => escaped = false,
            (Place::Text, b'\\') => escaped = true,
            (Place::Text, b'"') => {
                found.push((place, &text[start..=at]));
                (start, place) = (at + 1, Place::Code);
            }
            _ => {}
        }
    }
    found.push((place, &text[start..]));
    found
}

/// Old and outer names of a class.
fn canonical_type(model_type: &str) -> &str {
    match model_type {
        "RefinedWeb" | "RefinedWebModel" => "falcon",
        "gemma3" => "gemma3_text",
        "gemma4" => "gemma4_text",
        "llama4" => "llama4_text",
        "qwen3_5" => "qwen3_5_text",
        "mistral3" => "ministral3",
        // Language models that are a known class under another name.
        "qwen2_vl" | "qwen2_vl_text" | "qwen2_5_vl" | "qwen2_5_vl_text" => "qwen2",
        "qwen3_vl" | "qwen3_vl_text" => "qwen3",
        "qwen3_vl_moe" | "qwen3_vl_moe_text" => "qwen3_moe",
        "kimi_k2" => "deepseek_v3",
        other => other,
    }
}

fn class_name(class: &str) -> String {
    match class {
        "GPT2" => "GPT2LMHeadModel".to_owned(),
        _ => format!("{}ForCausalLM", class.strip_suffix("Text").unwrap_or(class)),
    }
}

fn build(model_type: Option<&str>, keys: &Keys<'_>) -> Result<Architecture, KeyError> {
    match model_type {
        Some("gpt2" | "gpt_bigcode" | "gpt_neo" | "gptj" | "gpt_neox" | "bloom" | "opt" | "falcon" | "phi") => {
            dense::classic(model_type.unwrap_or_default(), keys)
        }
        Some(
            "mixtral" | "qwen2_moe" | "qwen3_moe" | "olmoe" | "phimoe" | "gpt_oss" | "llama4_text" | "deepseek_v2"
            | "deepseek_v3" | "qwen3_next" | "qwen3_5_text" | "gemma4_text",
        ) => sparse::build(model_type.unwrap_or_default(), keys),
        Some(known) => dense::llama_like(known, keys),
        None => dense::llama_like("", keys),
    }
}

fn native_dtype(file: &Map<String, Value>, text: &Map<String, Value>) -> NativeDtype {
    let quantization = file.get("quantization_config").and_then(|q| q.get("quant_method")).and_then(Value::as_str);
    match quantization {
        Some("mxfp4") => return NativeDtype::Mxfp4,
        Some("fp8") => return NativeDtype::Fp8,
        _ => {}
    }
    let word = ["dtype", "torch_dtype"]
        .iter()
        .find_map(|key| text.get(*key).or_else(|| file.get(*key)))
        .and_then(Value::as_str)
        .unwrap_or_default();
    match word.trim_start_matches("torch.") {
        "float32" => NativeDtype::Fp32,
        "float16" => NativeDtype::Fp16,
        "bfloat16" => NativeDtype::Bf16,
        "float8_e4m3fn" => NativeDtype::Fp8,
        _ => NativeDtype::Unknown,
    }
}
