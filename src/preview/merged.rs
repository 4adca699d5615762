//! The merged model as a folder that other programs load: safetensors, configuration, tokenizer.

use super::config::{Part, unsuitable};
use super::local::LocalModel;
use super::model::{Checkpoint as _, Llama};
use super::{PreviewError, Result};
use crate::lab::source::Source;
use candle_core::{DType, Tensor};
use std::collections::HashMap;
use std::path::Path;

/// Files copied beside the weights where the model has them.
const COPIED: [&str; 7] = [
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "chat_template.jinja",
    "added_tokens.json",
];

/// Writes `merged` with everything else of `model` into `folder`, which must not exist. Matrices stay in the precision
/// they were stored in; what has more is rounded.
pub fn save(folder: &Path, model: &LocalModel, merged: &Llama) -> Result<()> {
    save_with(folder, &model.source, merged, |unfinished| {
        for name in COPIED {
            let from = model.folder.join(name);
            if from.exists() {
                std::fs::copy(from, unfinished.join(name))?;
            }
        }
        Ok(())
    })
}

/// The same of the embedded model, with its `config.json` as text.
pub fn save_embedded(folder: &Path, config: &str, merged: &Llama) -> Result<()> {
    let source = Source::embedded().map_err(|error| unsuitable(error.to_string()))?;
    save_with(folder, &source, merged, |unfinished| std::fs::write(unfinished.join("config.json"), config))
}

fn save_with(
    folder: &Path,
    source: &Source,
    merged: &Llama,
    beside: impl FnOnce(&Path) -> std::io::Result<()>,
) -> Result<()> {
    let failed = |error: String| PreviewError::File { path: folder.display().to_string(), error };
    if folder.exists() {
        return Err(failed("it exists already; choose another name".to_owned()));
    }
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let unfinished =
        tempfile::Builder::new().prefix(".merged-").tempdir_in(parent).map_err(|error| failed(error.to_string()))?;
    let maps: HashMap<String, (usize, Part)> = (0..merged.config.num_hidden_layers)
        .flat_map(|layer| Part::ALL.map(|part| (format!("{}.weight", part.path(layer)), (layer, part))))
        .collect();
    let mut tensors: HashMap<String, Tensor> = HashMap::new();
    for entry in &source.entries {
        let name = &entry.tensor.name;
        let values = match maps.get(name).and_then(|(layer, part)| merged.map(*layer, *part)) {
            Some(weight) => Some(weight.values()?),
            None => source.tensor(name)?,
        };
        let dtype = match entry.tensor.dtype {
            "F32" | "F64" => DType::F32,
            "F16" => DType::F16,
            _ => DType::BF16,
        };
        if let Some(values) = values {
            tensors.insert(name.clone(), values.to_dtype(dtype)?);
        }
    }
    let path = unfinished.path().join("model.safetensors");
    candle_core::safetensors::save(&tensors, path).map_err(|error| failed(error.to_string()))?;
    beside(unfinished.path()).map_err(|error| failed(error.to_string()))?;
    let whole = unfinished.keep();
    std::fs::rename(&whole, folder).map_err(|error| {
        // What was written is of no use under its temporary name.
        let _ = std::fs::remove_dir_all(&whole);
        failed(error.to_string())
    })
}
