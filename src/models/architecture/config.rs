//! Hugging Face `config.json` → [`Architecture`].
//!
//! Classes are data: `super::class` reads their descriptions. Missing keys take the class defaults of transformers. A
//! class without a description is never guessed in silence: the result carries `Flag::UnknownModelCode`.

use super::class::KeyError;
use super::{Architecture, NativeDtype};
use crate::limits::check_json;
use choice::Choice;
use nested::Parts;
use serde_json::{Map, Value};
use std::borrow::Cow;
use unlike_dense::unlike_dense;

mod choice;
mod head;
mod known;
mod nested;
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
    let parts = Parts::of(file);
    let Some(choice) = Choice::of(file, &parts) else {
        return Err(ConfigError::NotAModel("it has neither `architectures` nor `model_type`".to_owned()));
    };
    if choice.model_type.is_none()
        && let Some(keys) = unlike_dense(parts.text, &parts)
    {
        return Err(ConfigError::NotDense { model_code: choice.model_code, keys });
    }
    let key_error = |error: KeyError| ConfigError::Key {
        model_code: choice.model_code.clone(),
        known: choice.model_type.is_some(),
        message: error.0,
    };
    let mut architecture = known::read(file, &parts, &choice).map_err(key_error)?;
    architecture.native_dtype = native_dtype(file, parts.text);
    architecture.model_code = choice.model_code;
    Ok(architecture)
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
