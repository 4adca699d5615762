//! From a path to a model: a configuration, safetensors with or without one, a GGUF file, or a folder of these.

use super::config::{ConfigError, MAX_CONFIG_BYTES, from_config_text};
use super::tensors::{Tensor, TensorSummary, native_dtype, reconcile, shape_of};
use super::{Architecture, Flag, NativeDtype, gguf, safetensors};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Largest index that is read; one of a 400-shard model has a few megabytes.
const MAX_INDEX_BYTES: u64 = 64 << 20;

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
}

impl ReadError {
    pub(super) fn io(path: &Path, error: &std::io::Error) -> Self {
        Self { place: path.display().to_string(), message: error.to_string() }
    }

    pub(super) fn at(path: &Path, byte: u64, message: impl Into<String>) -> Self {
        Self { place: format!("{}: byte {byte}", path.display()), message: message.into() }
    }

    pub(super) fn whole(path: &Path, message: impl Into<String>) -> Self {
        Self { place: path.display().to_string(), message: message.into() }
    }
}

/// Reads the model at `path`. Only headers are read, never tensor data.
pub fn read(path: &Path) -> Result<ModelFile, ReadError> {
    let metadata = std::fs::metadata(path).map_err(|error| ReadError::io(path, &error))?;
    if metadata.is_dir() {
        return read_folder(path);
    }
    let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase()).unwrap_or_default();
    if name.ends_with(".safetensors.index.json") {
        read_folder(path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new(".")))
    } else if ending == "safetensors" {
        let tensors = safetensors::read_header(path)?;
        let config = path.with_file_name("config.json");
        let config = config.is_file().then_some(config);
        with_tensors(path, format!("safetensors file {}", path.display()), config.as_deref(), &tensors)
    } else if ending == "gguf" {
        gguf::read(path)
    } else if ending == "json" {
        let architecture = read_config(path)?;
        Ok(ModelFile { source: format!("configuration {}", path.display()), architecture, tensors: None })
    } else {
        Err(ReadError::whole(path, "not a config.json, .safetensors or .gguf file, nor a folder of these"))
    }
}

fn read_text(path: &Path, most: u64) -> Result<String, ReadError> {
    let file = File::open(path).map_err(|error| ReadError::io(path, &error))?;
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes).map_err(|error| ReadError::io(path, &error))?;
    if bytes.len() as u64 > most {
        return Err(ReadError::whole(path, format!("over {} MiB: not what its name says", most >> 20)));
    }
    String::from_utf8(bytes)
        .map_err(|error| ReadError::at(path, error.utf8_error().valid_up_to() as u64, "not UTF-8 text, so not JSON"))
}

fn read_config(path: &Path) -> Result<Architecture, ReadError> {
    from_config_text(&read_text(path, MAX_CONFIG_BYTES)?).map_err(|error| match error {
        ConfigError::Json { line, column, message } => {
            ReadError { place: format!("{}:{line}:{column}", path.display()), message }
        }
        other => ReadError::whole(path, other.to_string()),
    })
}

fn read_folder(folder: &Path) -> Result<ModelFile, ReadError> {
    let config = folder.join("config.json");
    let config = config.is_file().then_some(config);
    let shards = shards_of(folder)?;
    if shards.is_empty() {
        if let Some(config) = config {
            let architecture = read_config(&config)?;
            return Ok(ModelFile {
                source: format!("configuration {}", config.display()),
                architecture,
                tensors: None,
            });
        }
        let ggufs = files_with(folder, "gguf")?;
        return match ggufs.as_slice() {
            [only] => gguf::read(only),
            [] => Err(ReadError::whole(folder, "no config.json, .safetensors or .gguf file in this folder")),
            _ => Err(ReadError::whole(folder, "several .gguf files in this folder; open one of them")),
        };
    }
    let mut tensors = Vec::new();
    let mut names = BTreeSet::new();
    for shard in &shards {
        for tensor in safetensors::read_header(shard)? {
            if !names.insert(tensor.name.clone()) {
                return Err(ReadError::whole(shard, format!("tensor `{}` is in another shard too", tensor.name)));
            }
            tensors.push(tensor);
        }
    }
    let source = format!("folder {} with {} safetensors shards", folder.display(), shards.len());
    with_tensors(folder, source, config.as_deref(), &tensors)
}

/// Safetensors files of a folder: those of the index, else all.
fn shards_of(folder: &Path) -> Result<Vec<PathBuf>, ReadError> {
    #[derive(serde::Deserialize)]
    struct Index {
        weight_map: BTreeMap<String, String>,
    }
    let index = folder.join("model.safetensors.index.json");
    if !index.is_file() {
        return files_with(folder, "safetensors");
    }
    let text = read_text(&index, MAX_INDEX_BYTES)?;
    let parsed: Index = serde_json::from_str(&text).map_err(|error| ReadError {
        place: format!("{}:{}:{}", index.display(), error.line(), error.column()),
        message: format!("not a safetensors index: {error}"),
    })?;
    let names: BTreeSet<&String> = parsed.weight_map.values().collect();
    let mut shards = Vec::with_capacity(names.len());
    for name in names {
        // A plain file name: nothing outside the folder is read because a file says so.
        let plain = !name.is_empty() && !name.contains(['/', '\\', ':', '\0']) && name != ".." && name != ".";
        if !plain {
            return Err(ReadError::whole(&index, format!("it names `{name}`, which is not a file of this folder")));
        }
        let shard = folder.join(name);
        if !shard.is_file() {
            return Err(ReadError::whole(
                &shard,
                "the index names this shard, but it is not there; the download is not complete",
            ));
        }
        shards.push(shard);
    }
    Ok(shards)
}

fn files_with(folder: &Path, ending: &str) -> Result<Vec<PathBuf>, ReadError> {
    let entries = std::fs::read_dir(folder).map_err(|error| ReadError::io(folder, &error))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|found| found == ending) && path.is_file())
        .collect();
    files.sort();
    Ok(files)
}

fn with_tensors(
    path: &Path,
    source: String,
    config: Option<&Path>,
    tensors: &[Tensor],
) -> Result<ModelFile, ReadError> {
    let summary = TensorSummary::of(tensors);
    let architecture = match config {
        Some(config) => {
            let mut architecture = read_config(config)?;
            let unknown = architecture.flags.iter().any(|flag| matches!(flag, Flag::UnknownModelCode(_)));
            match shape_of(tensors, &architecture.model_code).filter(|_| unknown && !summary.packed) {
                // The tensors know better than a guess from a configuration of an unknown class.
                Some(shape) => shape,
                None => {
                    reconcile(&mut architecture, &summary);
                    if architecture.native_dtype == NativeDtype::Unknown {
                        architecture.native_dtype = native_dtype(tensors);
                    }
                    architecture
                }
            }
        }
        None => shape_of(tensors, "without config.json").ok_or_else(|| {
            ReadError::whole(
                path,
                "no config.json beside it, and no tensor that looks like a token embedding; add the config.json",
            )
        })?,
    };
    Ok(ModelFile { source, architecture, tensors: Some(summary) })
}
