//! The text side of a model: its tokenizer, its chat template, and the special tokens it names.

use crate::fence::patience;
use crate::limits::check_json;
use crate::template::Template;
use crate::tokens::Tokens;
use crate::{DataError, Result, files};
use serde_json::Value;
use std::path::Path;

/// Largest `tokenizer.json`, and largest of the other files.
const MOST_BYTES: [u64; 2] = [128 << 20, 16 << 20];
/// Most values of a JSON file beside it.
const MAX_VALUES: usize = 500_000;

/// A tokenizer with its template.
#[derive(Debug)]
pub struct TextModel {
    /// The tokenizer.
    pub tokens: Tokens,
    /// The chat template, if there is one.
    pub template: Option<Template>,
    /// Its source.
    pub template_source: String,
    /// Begins a text.
    pub bos: Option<Special>,
    /// Ends a text.
    pub eos: Option<Special>,
}

/// A special token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Special {
    /// As text.
    pub word: String,
    /// Its number, where the tokenizer has it.
    pub id: Option<u32>,
}

impl TextModel {
    /// Reads `tokenizer.json`, `tokenizer_config.json` and the chat template of a folder.
    ///
    /// # Errors
    /// There is no `tokenizer.json`, or a file is damaged.
    pub fn open(folder: &Path) -> Result<Self> {
        let at = |name: &str| folder.join(name).display().to_string();
        let json = optional(folder, "tokenizer.json", MOST_BYTES[0])?.ok_or_else(|| DataError::File {
            path: at("tokenizer.json"),
            error: "it is missing; lengths need the model's own tokenizer as a tokenizer.json".to_owned(),
        })?;
        let settings = optional_json(folder, "tokenizer_config.json")?;
        let config = optional_json(folder, "config.json")?;
        let word = |name: &str| {
            let value = settings.get(name)?;
            value.as_str().or_else(|| value.get("content")?.as_str()).map(str::to_owned)
        };
        let (bos, eos) = (word("bos_token"), word("eos_token"));
        let tokens = Tokens::from_bytes(&at("tokenizer.json"), json, eos.as_deref(), &config)?;
        let of_file = optional(folder, "chat_template.jinja", MOST_BYTES[1])?;
        let of_file = of_file
            .map(String::from_utf8)
            .transpose()
            .map_err(|error| DataError::File { path: at("chat_template.jinja"), error: error.to_string() })?;
        let (name, source) = match of_file {
            Some(text) => ("chat_template.jinja", Some(text)),
            None => ("tokenizer_config.json", settings.get("chat_template").and_then(template_of).map(str::to_owned)),
        };
        let template = match &source {
            Some(source) => Some(Template::new(&at(name), Some(source), bos.as_deref(), eos.as_deref())?),
            None => None,
        };
        let special = |word: Option<String>| -> Result<Option<Special>> {
            let Some(word) = word else { return Ok(None) };
            let id = tokens.number(&word, patience(0))?;
            Ok(Some(Special { word, id }))
        };
        let (bos, eos) = (special(bos)?, special(eos)?);
        Ok(Self { tokens, template, template_source: source.unwrap_or_default(), bos, eos })
    }
}

fn optional(folder: &Path, name: &str, most: u64) -> Result<Option<Vec<u8>>> {
    match files::read_regular(&folder.join(name), most) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(files::ReadError::Missing(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// A JSON file that need not be there.
fn optional_json(folder: &Path, name: &str) -> Result<Value> {
    let Some(bytes) = optional(folder, name, MOST_BYTES[1])? else { return Ok(Value::Null) };
    let told = |error: String| DataError::File { path: folder.join(name).display().to_string(), error };
    check_json(&bytes, MAX_VALUES).map_err(told)?;
    serde_json::from_slice(&bytes).map_err(|error| told(error.to_string()))
}

/// One template, or the one named `default` of several.
fn template_of(value: &Value) -> Option<&str> {
    let named = |entry: &&Value| entry.get("name").and_then(Value::as_str) == Some("default");
    value.as_str().or_else(|| value.as_array()?.iter().find(named)?.get("template")?.as_str())
}
