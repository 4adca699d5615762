//! Look-up of configuration keys: the file first, then the class default of transformers.

use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// Class defaults of transformers 5.23.0, by `model_type`. A `null` is computed from other keys.
const CLASS_DEFAULTS: &str = include_str!("../../../../assets/catalog/class-defaults.json");

/// What transformers assumes for keys a file does not give.
#[derive(Debug, serde::Deserialize)]
pub struct ClassDefaults {
    /// Class prefix: `Llama` of `LlamaForCausalLM`.
    pub class: String,
    defaults: Map<String, Value>,
    /// Canonical key → the name this class stores it under (`hidden_size` → `n_embd`).
    names: BTreeMap<String, String>,
}

/// Defaults of the class with this `model_type`.
pub fn class_defaults(model_type: &str) -> Option<&'static ClassDefaults> {
    static TABLE: OnceLock<BTreeMap<String, ClassDefaults>> = OnceLock::new();
    // The table is a file of this repository; a test reads it, so it cannot be broken in a release.
    TABLE.get_or_init(|| serde_json::from_str(CLASS_DEFAULTS).unwrap_or_default()).get(model_type)
}

/// `model_type` of the class that begins with `class` (`LlamaForCausalLM` → `llama`).
pub fn model_type_of_class(class: &str) -> Option<&'static str> {
    static TABLE: OnceLock<BTreeMap<String, String>> = OnceLock::new();
    let table = TABLE.get_or_init(|| {
        let all: BTreeMap<String, ClassDefaults> = serde_json::from_str(CLASS_DEFAULTS).unwrap_or_default();
        all.into_iter().map(|(model_type, entry)| (entry.class, model_type)).collect()
    });
    let prefix = class
        .strip_suffix("ForCausalLM")
        .or_else(|| class.strip_suffix("LMHeadModel"))
        .or_else(|| class.strip_suffix("ForConditionalGeneration"))?;
    table.get(prefix).or_else(|| table.get(&format!("{prefix}Text"))).map(String::as_str)
}

/// The keys of one model configuration.
#[derive(Clone, Copy)]
pub struct Keys<'a> {
    file: &'a Map<String, Value>,
    class: Option<&'static ClassDefaults>,
}

/// A key that is missing, of the wrong kind or out of range; the text says which and what was expected.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct KeyError(pub String);

/// No dimension of a real model comes near; keeps every product of three inside 64 bits.
const MAX_DIMENSION: u64 = 1 << 40;

impl<'a> Keys<'a> {
    pub const fn new(file: &'a Map<String, Value>, class: Option<&'static ClassDefaults>) -> Self {
        Self { file, class }
    }

    /// The value as the file gives it (under either name), else the class default; `null` counts as absent.
    pub fn get(&self, key: &str) -> Option<&'a Value> {
        self.in_file(key).or_else(|| {
            let class = self.class?;
            let stored = class.names.get(key).map_or(key, String::as_str);
            class.defaults.get(stored).filter(|value| !value.is_null())
        })
    }

    /// The value only if the file itself gives it.
    pub fn in_file(&self, key: &str) -> Option<&'a Value> {
        let present = |name: &str| self.file.get(name).filter(|value| !value.is_null());
        present(key)
            .or_else(|| present(self.class?.names.get(key)?))
            // transformers reads `dtype` and `torch_dtype` alike, and so on for renamed keys.
            .or_else(|| old_names(key).iter().find_map(|old| present(old)))
    }

    /// The file says `null`, which for some keys means "none" rather than "the default".
    pub fn is_null(&self, key: &str) -> bool {
        self.file.get(key).is_some_and(Value::is_null)
    }

    /// A whole number, if given.
    pub fn count(&self, key: &str) -> Result<Option<u64>, KeyError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let number = value
            .as_u64()
            .or_else(|| value.as_f64().filter(|x| x.fract() == 0.0 && *x >= 0.0 && *x < 1e15).map(|x| x as u64));
        match number {
            Some(number) if number <= MAX_DIMENSION => Ok(Some(number)),
            Some(number) => Err(KeyError(format!("`{key}` is {number}, larger than any model's"))),
            None => Err(KeyError(format!("`{key}` is {}; a whole number was expected", brief(value)))),
        }
    }

    /// A whole number that must be given and be at least 1.
    pub fn size(&self, key: &str) -> Result<u64, KeyError> {
        match self.count(key)? {
            Some(0) => Err(KeyError(format!("`{key}` is 0; at least 1 was expected"))),
            Some(number) => Ok(number),
            None => Err(KeyError(format!("`{key}` is missing"))),
        }
    }

    /// A whole number with a fallback.
    pub fn count_or(&self, key: &str, fallback: u64) -> Result<u64, KeyError> {
        Ok(self.count(key)?.unwrap_or(fallback))
    }

    /// A decimal number with a fallback.
    pub fn decimal_or(&self, key: &str, fallback: f64) -> f64 {
        self.get(key).and_then(Value::as_f64).filter(|x| x.is_finite()).unwrap_or(fallback)
    }

    /// Yes or no; absent is no.
    pub fn flag(&self, key: &str) -> bool {
        self.get(key).is_some_and(|value| value.as_bool().unwrap_or(false))
    }

    /// Text, if given.
    pub fn text(&self, key: &str) -> Option<&'a str> {
        self.get(key).and_then(Value::as_str)
    }

    /// A list of words, if given.
    pub fn words(&self, key: &str) -> Option<Vec<&'a str>> {
        self.get(key)?.as_array()?.iter().map(Value::as_str).collect()
    }

    /// A list of whole numbers, if given.
    pub fn numbers(&self, key: &str) -> Option<Vec<u64>> {
        self.get(key)?.as_array()?.iter().map(Value::as_u64).collect()
    }

    /// Share of each head that is rotated, wherever the class keeps it.
    pub fn rotary_share(&self) -> f64 {
        let nested =
            self.in_file("rope_parameters").and_then(|rope| rope.get("partial_rotary_factor")).and_then(Value::as_f64);
        let top = self.in_file("partial_rotary_factor").or_else(|| self.in_file("rotary_pct")).and_then(Value::as_f64);
        nested.or(top).unwrap_or_else(|| self.decimal_or("partial_rotary_factor", 1.0)).clamp(0.0, 1.0)
    }
}

/// Names that older files use for a key.
fn old_names(key: &str) -> &'static [&'static str] {
    match key {
        "num_kv_heads" => &["n_head_kv"],
        "num_hidden_layers" => &["n_layer", "n_layers", "num_layers"],
        "num_attention_heads" => &["n_head", "n_heads"],
        "hidden_size" => &["n_embed", "n_embd", "d_model"],
        "ffn_hidden_size" | "n_inner" => &["intermediate_size"],
        "num_local_experts" => &["num_experts"],
        "num_experts" => &["num_local_experts", "n_routed_experts"],
        "hidden_activation" => &["hidden_act"],
        _ => &[],
    }
}

fn brief(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() > 40 { text.chars().take(40).chain("…".chars()).collect() } else { text }
}
