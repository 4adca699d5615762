//! Configurations of several parts: which one is the language model, and whether others are left out.

use serde_json::{Map, Value};

/// Where multimodal configurations keep their language model.
const TEXT_PARTS: [&str; 3] = ["text_config", "llm_config", "language_config"];
/// Parts that are no models.
const NO_PARTS: [&str; 2] = ["quantization_config", "generation_config"];
/// What the configuration of a model part has one of.
const SIZES: [&str; 8] =
    ["hidden_size", "num_hidden_layers", "d_model", "embed_dim", "width", "depth", "encoder_layers", "model_type"];

/// A configuration and its language model.
pub struct Parts<'a> {
    /// Keys of the language model.
    pub text: &'a Map<String, Value>,
    is_nested: bool,
    others: Vec<&'a str>,
}

impl<'a> Parts<'a> {
    /// Of a whole file.
    pub fn of(file: &'a Map<String, Value>) -> Self {
        let part = |name: &str, map: &'a Map<String, Value>| map.get(name).and_then(Value::as_object);
        // Models that hear and speak keep the thinking part apart, and the language model within it.
        let (thinker, outer) = match part("thinker_config", file) {
            Some(thinker) => (true, thinker),
            None => (false, file),
        };
        let text = TEXT_PARTS.iter().find_map(|name| Some((*name, part(name, outer)?)));
        let is_model =
            |value: &Value| value.as_object().is_some_and(|map| SIZES.iter().any(|key| map.contains_key(*key)));
        let is_other = |name: &str| {
            let is_text = text.is_some_and(|(text, _)| text == name) || (thinker && name == "thinker_config");
            name.ends_with("_config") && !is_text && !NO_PARTS.contains(&name)
        };
        let of = |map: &'a Map<String, Value>| {
            map.iter().filter(|(name, value)| is_other(name) && is_model(value)).map(|(name, _)| name.as_str())
        };
        let mut others: Vec<&str> = of(file).collect();
        if thinker {
            others.extend(of(outer));
        }
        Self { text: text.map_or(outer, |(_, text)| text), is_nested: text.is_some() || thinker, others }
    }

    /// Whether the language model stands within.
    pub const fn is_nested(&self) -> bool {
        self.is_nested
    }

    /// Names of the parts beside the language model.
    pub fn others(&self) -> impl Iterator<Item = &'a str> {
        self.others.iter().copied()
    }

    /// Whether there are parts beside the language model.
    pub fn has_towers(&self) -> bool {
        !self.others.is_empty()
    }
}
