//! From a path to a model: a configuration, safetensors with or without one, a GGUF file, or a folder of these.

use super::config::{ConfigError, MAX_CONFIG_BYTES, as_json, from_config_text};
use super::infer::{Hints, shape_of};
use super::shards::{self, Shards};
use super::tensors::{Tensor, TensorSummary, native_dtype, reconcile};
use super::{Architecture, Flag, NativeDtype, gguf, safetensors};
use crate::files;
use serde_json::Value;
use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};

/// A model as read from a file or folder.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelFile {
    /// What was read, in words.
    pub source: String,
    /// Its shape.
    pub architecture: Architecture,
    /// Its tensors, where there were any.
    pub tensors: Option<TensorSummary>,
}

impl ModelFile {
    /// Remarks a user must see.
    pub fn flags(&self) -> std::slice::Iter<'_, Flag> {
        self.architecture.flags.iter()
    }
}

/// Why a model could not be read: what, where, what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {message}")]
pub struct ReadError {
    /// File, with line and column or the byte offset where there is one.
    pub place: String,
    /// What is wrong and what to do.
    pub message: String,
    /// Weights are not there, or not yet: the configuration beside them can still be read.
    pub weights_missing: bool,
}

impl ReadError {
    /// Weights that are not there, or not yet.
    pub(super) fn missing(path: &Path, message: impl Into<String>) -> Self {
        Self { weights_missing: true, ..Self::whole(path, message) }
    }

    pub(super) fn io(path: &Path, error: &std::io::Error) -> Self {
        Self { place: path.display().to_string(), message: error.to_string(), weights_missing: false }
    }

    pub(super) fn at(path: &Path, byte: u64, message: impl Into<String>) -> Self {
        Self { place: format!("{}: byte {byte}", path.display()), message: message.into(), weights_missing: false }
    }

    pub(super) fn whole(path: &Path, message: impl Into<String>) -> Self {
        Self { place: path.display().to_string(), message: message.into(), weights_missing: false }
    }
}

/// Reads the model at `path`. Only headers are read, never tensor data.
pub fn read(path: &Path) -> Result<ModelFile, ReadError> {
    let metadata = std::fs::metadata(path).map_err(|error| ReadError::io(path, &error))?;
    if metadata.is_dir() {
        return read_folder(path);
    }
    if !metadata.is_file() {
        return Err(ReadError::whole(path, "neither a file nor a folder"));
    }
    let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    if name.ends_with(".safetensors.index.json") {
        return read_shards(folder, &shards::of_index(path)?);
    }
    match name.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "safetensors" => {
            // One shard alone is no model: its siblings belong to it.
            let shards = shards::siblings(path)?;
            if shards.len() > 1 {
                return read_shards(folder, &Shards { files: shards, names: None });
            }
            let tensors = safetensors::read_header(path)?;
            with_tensors(path, format!("safetensors file {}", path.display()), config_of(folder).as_deref(), &tensors)
        }
        "gguf" => gguf::read(path),
        "json" => {
            let architecture = read_config(path)?;
            Ok(ModelFile { source: format!("configuration {}", path.display()), architecture, tensors: None })
        }
        "bin" | "pt" | "pth" => Err(ReadError::whole(
            path,
            "a pickled checkpoint, which is a program; open the config.json beside it instead",
        )),
        _ => Err(ReadError::whole(path, "not a config.json, .safetensors or .gguf file, nor a folder of these")),
    }
}

/// A text that is read whole.
pub(super) fn read_text(path: &Path, most: u64) -> Result<String, ReadError> {
    files::read_text(path, most).map_err(|error| match error {
        files::ReadError::TooLarge { .. } => {
            ReadError::whole(path, format!("over {} MiB: not what its name says", most >> 20))
        }
        files::ReadError::NotText { byte, .. } => ReadError::at(path, byte as u64, "not UTF-8 text, so not JSON"),
        error => ReadError::whole(path, error.cause()),
    })
}

/// A model's file opened to be read in parts, with its size.
pub(super) fn open(path: &Path) -> Result<(File, u64), ReadError> {
    let opened = files::open_regular(path).map_err(|error| ReadError::whole(path, error.cause()))?;
    Ok((opened.0, opened.1.len()))
}

fn config_of(folder: &Path) -> Option<PathBuf> {
    let config = folder.join("config.json");
    config.is_file().then_some(config)
}

fn read_config(path: &Path) -> Result<Architecture, ReadError> {
    from_config_text(&read_text(path, MAX_CONFIG_BYTES)?).map_err(|error| config_error(path, error))
}

fn config_error(path: &Path, error: ConfigError) -> ReadError {
    match error {
        ConfigError::Json { line, column, message } => {
            ReadError { place: format!("{}:{line}:{column}", path.display()), message, weights_missing: false }
        }
        other => ReadError::whole(path, other.to_string()),
    }
}

fn read_folder(folder: &Path) -> Result<ModelFile, ReadError> {
    let config = config_of(folder);
    let read = shards::of_folder(folder).and_then(|shards| {
        let some = !shards.files.is_empty();
        some.then(|| read_shards(folder, &shards)).transpose()
    });
    let why = match read {
        Ok(Some(model)) => return Ok(model),
        Ok(None) => None,
        // Half a download, or one without its large files: the configuration tells the shape, and why that is all is told.
        Err(error) if error.weights_missing && config.is_some() => Some(error),
        Err(error) => return Err(error),
    };
    if let Some(config) = config {
        let mut architecture = read_config(&config)?;
        architecture.flags.extend(why.map(|error| Flag::Note(format!("read from the configuration alone: {error}"))));
        let source = format!("configuration {}", config.display());
        return Ok(ModelFile { source, architecture, tensors: None });
    }
    let ggufs = shards::files_with(folder, "gguf")?;
    match ggufs.as_slice() {
        [] => no_model(folder),
        [first, ..] if shards::siblings(first)?.len() == ggufs.len() => gguf::read(first),
        _ => Err(ReadError::whole(folder, "several .gguf files in this folder; open one of them")),
    }
}

/// A folder without a model of its own: the snapshot of a Hugging Face cache, or a word of what it is.
fn no_model(folder: &Path) -> Result<ModelFile, ReadError> {
    // `models--org--name/snapshots/REVISION`, of several the one that `refs/main` names.
    let revision = files::read_text(&folder.join("refs/main"), 200).ok().map(|text| text.trim().to_owned());
    let named = revision.filter(|revision| !revision.is_empty() && revision.bytes().all(|b| b.is_ascii_alphanumeric()));
    if let Some(snapshot) = named.map(|revision| folder.join("snapshots").join(revision)).filter(|path| path.is_dir()) {
        return read_folder(&snapshot);
    }
    let text = if folder.join("adapter_config.json").is_file() {
        "an adapter, not a model: open the base model that its adapter_config.json names"
    } else if folder.join("params.json").is_file() {
        "params.json is not read; put the config.json of the model beside it"
    } else if !shards::files_with(folder, "bin")?.is_empty() || !shards::files_with(folder, "pth")?.is_empty() {
        "pickled checkpoints alone, which are programs; put the config.json beside them"
    } else {
        "no config.json, .safetensors or .gguf file in this folder"
    };
    Err(ReadError::whole(folder, text))
}

fn read_shards(folder: &Path, shards: &Shards) -> Result<ModelFile, ReadError> {
    let mut tensors = Vec::new();
    let mut ends = Vec::with_capacity(shards.files.len());
    for shard in &shards.files {
        tensors.extend(safetensors::read_header(shard)?);
        ends.push(tensors.len());
    }
    let mut seen: HashMap<&str, usize> = HashMap::with_capacity(tensors.len());
    let mut shard = 0;
    for (i, tensor) in tensors.iter().enumerate() {
        while ends[shard] <= i {
            shard += 1;
        }
        if let Some(first) = seen.insert(&tensor.name, shard) {
            let text = format!("tensor `{}` is in {} too", tensor.name, shards.files[first].display());
            return Err(ReadError::whole(&shards.files[shard], text));
        }
    }
    let unlike = shards.names.as_deref().and_then(|names| difference(names, &seen, &shards.files));
    let plural = if shards.files.len() == 1 { "" } else { "s" };
    let source = format!("folder {} with {} safetensors file{plural}", folder.display(), shards.files.len());
    let mut model = with_tensors(folder, source, config_of(folder).as_deref(), &tensors)?;
    model.architecture.flags.extend(unlike.map(Flag::Mismatch));
    Ok(model)
}

/// How the index and the shards differ, if they do.
fn difference(names: &[(String, String)], seen: &HashMap<&str, usize>, files: &[PathBuf]) -> Option<String> {
    let file_names: Vec<_> = files.iter().map(|file| file.file_name().unwrap_or_default()).collect();
    let (mut present, mut absent) = (0, None);
    for (tensor, file) in names {
        if seen.get(tensor.as_str()).is_some_and(|shard| file_names[*shard] == file.as_str()) {
            present += 1;
        } else if absent.is_none() {
            absent = Some((tensor, file));
        }
    }
    if let Some((tensor, file)) = absent {
        let count = names.len() - present;
        return Some(format!("the index places {count} tensors where they are not, the first is `{tensor}` in {file}"));
    }
    let more = seen.len() - present;
    (more > 0).then(|| format!("the shards hold {more} tensors that the index does not name"))
}

fn with_tensors(
    path: &Path,
    source: String,
    config: Option<&Path>,
    tensors: &[Tensor],
) -> Result<ModelFile, ReadError> {
    let summary = TensorSummary::of(tensors);
    let mut architecture = match config {
        Some(config) => with_config(config, tensors, &summary)?,
        None if summary.packed => {
            let text = "its weights are packed (quantized), so their sizes do not tell the shape of the model; put the \
                        config.json beside it";
            return Err(ReadError::whole(path, text));
        }
        None => {
            let mut architecture = shape_of(tensors, "without config.json", Hints::default()).ok_or_else(|| {
                let text =
                    "no config.json beside it, and no tensor that looks like a token embedding; add the config.json";
                ReadError::whole(path, text)
            })?;
            reconcile(&mut architecture, tensors, &summary);
            architecture
        }
    };
    if architecture.native_dtype == NativeDtype::Unknown && !summary.packed {
        architecture.native_dtype = native_dtype(&summary);
    }
    Ok(ModelFile { source, architecture, tensors: Some(summary) })
}

/// The configuration gives the shape and the tensors the check; of an unknown class the tensors know more.
fn with_config(config: &Path, tensors: &[Tensor], summary: &TensorSummary) -> Result<Architecture, ReadError> {
    let text = read_text(config, MAX_CONFIG_BYTES)?;
    let from_config = from_config_text(&text);
    let unknown_code = match &from_config {
        Ok(architecture) => architecture.flags.iter().find_map(|flag| match flag {
            Flag::UnknownModelCode(code) => Some(code.clone()),
            _ => None,
        }),
        Err(ConfigError::Key { model_code, known: false, .. } | ConfigError::NotDense { model_code, .. }) => {
            Some(model_code.clone())
        }
        Err(_) => None,
    };
    let from_tensors = unknown_code.filter(|_| !summary.packed).and_then(|code| shape_of(tensors, &code, hints(&text)));
    let mut architecture = match (from_config, from_tensors) {
        (Ok(guess), Some(shape)) => {
            // Where a guess in Llama's layout comes out at the same total it says more than the tensors do.
            let equal = guess.parameters().total == shape.parameters().total;
            if equal { guess } else { Architecture { max_positions: guess.max_positions, ..shape } }
        }
        (Err(_), Some(shape)) => shape,
        (Ok(architecture), None) => architecture,
        (Err(error), None) => return Err(config_error(config, error)),
    };
    reconcile(&mut architecture, tensors, summary);
    Ok(architecture)
}

/// What a configuration of an unknown class says that tensors do not.
fn hints(text: &str) -> Hints {
    let Ok(file) = serde_json::from_str::<Value>(&as_json(text)) else { return Hints::default() };
    let keys = file.get("text_config").unwrap_or(&file);
    let count = |names: &[&str]| names.iter().find_map(|name| keys.get(*name)?.as_u64());
    Hints {
        heads: count(&["num_attention_heads", "n_head", "n_heads"]),
        head_dim: count(&["head_dim"]),
        experts_per_token: count(&["num_experts_per_tok", "top_k", "moe_top_k"]),
    }
}
