//! What a run leaves for other programs: an adapter for Hugging Face PEFT, or the merged model.

use super::Result;
use super::adapter;
use super::base_model::{BaseModel, Place};
use super::config::Part;
use super::lora::{Adapters, LoraSettings};
use super::model::{Checkpoint as _, Llama};
use crate::files::{NewFolder, cause};
use candle_core::{DType, Tensor};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Name of the weights' file in a model's folder.
const WEIGHTS: &str = "model.safetensors";
/// Folder within an adapter's that holds the embedded base.
const BASE: &str = "base";

/// Writes an adapter into `folder`, which must not exist. The embedded base, which no hub has, is put beside it, so that
/// one line of PEFT loads both.
pub fn save_adapter(folder: &Path, base: &BaseModel, settings: &LoraSettings, adapters: &Adapters) -> Result<()> {
    let new = NewFolder::at(folder)?;
    let base_path = match &base.place {
        Place::Folder(path) => absolute(path),
        Place::Embedded => {
            new.folder(BASE)?;
            base.write_companions(&new, BASE)?;
            new.write(&format!("{BASE}/{WEIGHTS}"), super::base_model::EMBEDDED_WEIGHTS)?;
            absolute(folder).join(BASE)
        }
    };
    adapter::write(&new, adapters, settings, &base_path.display().to_string())?;
    new.write("README.md", how_to_load(&absolute(folder), &base_path).as_bytes())?;
    new.finish()?;
    Ok(())
}

/// Writes `merged` with everything else of `base` into `folder`, which must not exist. Matrices stay in the precision they
/// were stored in; what has more is rounded.
pub fn save_merged(folder: &Path, base: &BaseModel, merged: &Llama) -> Result<()> {
    let new = NewFolder::at(folder)?;
    let linears: HashMap<String, (usize, Part)> = (0..merged.config.num_hidden_layers)
        .flat_map(|layer| Part::ALL.map(|part| (format!("{}.weight", part.path(layer)), (layer, part))))
        .collect();
    let mut tensors: HashMap<String, Tensor> = HashMap::new();
    for entry in &base.source.entries {
        let name = &entry.tensor.name;
        let values = match linears.get(name).and_then(|(layer, part)| merged.linear(*layer, *part)) {
            Some(weight) => Some(weight.values()?),
            None => base.source.tensor(name)?,
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
    write_tensors(&new, WEIGHTS, &tensors)?;
    base.write_companions(&new, "")?;
    new.finish()?;
    Ok(())
}

/// Writes a safetensors file with the mark that transformers looks for.
pub(super) fn write_tensors(folder: &NewFolder, name: &str, tensors: &HashMap<String, Tensor>) -> Result<()> {
    let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    folder.write_with(name, |path| {
        safetensors::serialize_to_file(tensors, Some(metadata), path).map_err(|error| match error {
            safetensors::SafeTensorError::IoError(error) => cause(&error),
            other => other.to_string(),
        })
    })?;
    Ok(())
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn how_to_load(folder: &Path, base: &Path) -> String {
    let folder = folder.display().to_string();
    format!(
        "# A LoRA adapter\n\n\
         Trained by Tuneplan beside the base in `{}`. With peft and transformers:\n\n\
         ```python\n\
         from peft import AutoPeftModelForCausalLM\n\
         from transformers import AutoTokenizer\n\n\
         folder = {folder:?}\n\
         model = AutoPeftModelForCausalLM.from_pretrained(folder)\n\
         tokenizer = AutoTokenizer.from_pretrained(model.peft_config[\"default\"].base_model_name_or_path)\n\
         ```\n\n\
         If the folder was moved, correct `base_model_name_or_path` in `adapter_config.json`.\n",
        base.display()
    )
}
