//! A base model as Hugging Face lays it out: `config.json`, weights, tokenizer and chat template, from a folder or as they
//! come with the program.

use super::config::{LlamaConfig, unsuitable};
use super::{PreviewError, Result};
use crate::data::template::Template;
use crate::data::tokens::Tokens;
use crate::files::{self, NewFolder};
use crate::lab::LabError;
use crate::lab::source::Source;
use crate::limits::check_json;
use serde_json::Value;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Places beyond the longest example, for answers that are longer than those they are compared with.
const SPARE_POSITIONS: usize = 16;

/// Files that other programs want beside the weights.
const COMPANIONS: [&str; 8] = [
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "tokenizer.model",
    "special_tokens_map.json",
    "chat_template.jinja",
    "added_tokens.json",
];

/// Largest of a model's files beside its weights that is read: tokenizers of some 250,000 tokens have some 35 MB.
const fn most_bytes(name: &str) -> u64 {
    if matches!(name.as_bytes(), b"tokenizer.json" | b"tokenizer.model") { 128 << 20 } else { 16 << 20 }
}

/// Most values of `config.json` or `tokenizer_config.json`; the words that a tokenizer adds are among them.
const MAX_VALUES: usize = 500_000;

/// The embedded model's weights as a safetensors file.
pub const EMBEDDED_WEIGHTS: &[u8] = include_bytes!("../../../assets/preview/model.safetensors");

/// Its other files.
const EMBEDDED: [(&str, &str); 3] = [
    ("config.json", include_str!("../../../assets/preview/config.json")),
    ("tokenizer.json", include_str!("../../../assets/preview/tokenizer.json")),
    ("tokenizer_config.json", include_str!("../../../assets/preview/tokenizer_config.json")),
];

/// The embedded model's tensors.
///
/// # Errors
/// Its header does not read, which no build that passes its tests has.
pub fn embedded_source() -> std::result::Result<Source, LabError> {
    Source::of_memory("the embedded model", EMBEDDED_WEIGHTS)
}

/// Where the files of a model are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// They come with the program.
    Embedded,
    /// A folder.
    Folder(PathBuf),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded => f.write_str("embedded model"),
            Self::Folder(folder) => write!(f, "{}", folder.display()),
        }
    }
}

impl Place {
    /// Where a file is or would be, in words for messages.
    fn of(&self, name: &str) -> String {
        match self {
            Self::Embedded => format!("{name} of the embedded model"),
            Self::Folder(folder) => folder.join(name).display().to_string(),
        }
    }

    fn failed(&self, name: &str, error: &impl ToString) -> PreviewError {
        PreviewError::File { path: self.of(name), error: error.to_string() }
    }

    /// A file that need not be there.
    fn optional(&self, name: &str) -> Result<Option<Vec<u8>>> {
        match self {
            Self::Embedded => {
                let found = EMBEDDED.iter().find(|(other, _)| *other == name);
                Ok(found.map(|(_, text)| text.as_bytes().to_vec()))
            }
            Self::Folder(folder) => match files::read_regular(&folder.join(name), most_bytes(name)) {
                Ok(bytes) => Ok(Some(bytes)),
                Err(files::ReadError::Missing(_)) => Ok(None),
                Err(error) => Err(error.into()),
            },
        }
    }

    /// A file of JSON that need not be there.
    fn json(&self, name: &str) -> Result<Option<Value>> {
        let Some(bytes) = self.optional(name)? else { return Ok(None) };
        check_json(&bytes, MAX_VALUES).map_err(|error| self.failed(name, &error))?;
        serde_json::from_slice(&bytes).map(Some).map_err(|error| self.failed(name, &error))
    }
}

/// A base model.
#[derive(Debug)]
pub struct BaseModel {
    /// Where its files are.
    pub place: Place,
    /// Its shape.
    pub config: LlamaConfig,
    /// Its weights, read when they are needed.
    pub source: Arc<Source>,
    /// Its chat template; a plain one where it has none.
    pub template: Template,
    /// Its tokenizer.
    pub tokens: Arc<Tokens>,
}

impl BaseModel {
    /// Reads `config.json`, the headers of the weights, `tokenizer.json` and the chat template of a folder.
    ///
    /// # Errors
    /// A file is missing or damaged, or the model is none that can be run here.
    pub fn open(folder: &Path) -> Result<Self> {
        if !folder.is_dir() {
            let message = "it is no folder; a run needs one with config.json, safetensors and tokenizer.json";
            return Err(PreviewError::File { path: folder.display().to_string(), error: message.to_owned() });
        }
        let source = Source::open(folder).map_err(|error| unsuitable(error.to_string()))?;
        Self::of(Place::Folder(folder.to_owned()), source)
    }

    /// The model that comes with the program.
    pub fn embedded() -> Result<Self> {
        let source = embedded_source().map_err(|error| unsuitable(error.to_string()))?;
        Self::of(Place::Embedded, source)
    }

    fn of(place: Place, source: Source) -> Result<Self> {
        let needed = |name: &str, why: &str| {
            let message = format!("it is missing; {why}");
            place.optional(name)?.ok_or_else(|| place.failed(name, &message))
        };
        let text = needed("config.json", "it says what shape the model has")?;
        check_json(&text, MAX_VALUES).map_err(|error| place.failed("config.json", &error))?;
        let raw: Value = serde_json::from_slice(&text).map_err(|error| place.failed("config.json", &error))?;
        let config = LlamaConfig::from_json(&raw).map_err(|error| place.failed("config.json", &error))?;
        let settings = place.json("tokenizer_config.json")?.unwrap_or(Value::Null);
        let word = |name: &str| {
            let value = settings.get(name)?;
            value.as_str().or_else(|| value.get("content")?.as_str())
        };
        let tokenizer = needed("tokenizer.json", "a run needs the model's own tokenizer")?;
        let tokens = Tokens::from_bytes(&place.of("tokenizer.json"), tokenizer, word("eos_token"), &raw)?;
        let file = place.optional("chat_template.jinja")?;
        let file =
            file.map(String::from_utf8).transpose().map_err(|error| place.failed("chat_template.jinja", &error))?;
        let (name, template) = match &file {
            Some(file) => ("chat_template.jinja", Some(file.as_str())),
            None => ("tokenizer_config.json", settings.get("chat_template").and_then(template_of)),
        };
        let template = Template::new(&place.of(name), template, word("bos_token"), word("eos_token"))?;
        Ok(Self { place, config, source: Arc::new(source), template, tokens: Arc::new(tokens) })
    }

    /// The shape with no more positions than examples of `longest` tokens need.
    pub fn config_for(&self, longest: usize) -> LlamaConfig {
        let most = longest.saturating_add(SPARE_POSITIONS);
        let max_position_embeddings = self.config.max_position_embeddings.min(most);
        LlamaConfig { max_position_embeddings, ..self.config.clone() }
    }

    /// Writes what other programs want beside the weights into a folder, or into one within it.
    pub fn write_companions(&self, folder: &NewFolder, within: &str) -> Result<()> {
        let slash = if within.is_empty() { "" } else { "/" };
        for name in COMPANIONS {
            if let Some(bytes) = self.place.optional(name)? {
                folder.write(&format!("{within}{slash}{name}"), &bytes)?;
            }
        }
        Ok(())
    }
}

/// One template, or the one named `default` of several.
fn template_of(value: &Value) -> Option<&str> {
    let named = |entry: &&Value| entry.get("name").and_then(Value::as_str) == Some("default");
    value.as_str().or_else(|| value.as_array()?.iter().find(named)?.get("template")?.as_str())
}
