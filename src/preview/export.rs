//! What a run leaves for other programs: an adapter for Hugging Face PEFT, or the merged model.

use super::Result;
use super::adapter;
use super::base_model::{BaseModel, Place};
use super::config::Part;
use super::lora::{Adapters, LoraSettings};
use super::model::{Checkpoint as _, Llama};
use super::new_folder::NewFolder;
use candle_core::{DType, Tensor};
use std::collections::HashMap;
use std::fs::File;
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
            let path = new.folder(BASE)?;
            base.write_companions(&path)?;
            std::fs::write(path.join(WEIGHTS), super::base_model::EMBEDDED_WEIGHTS)
                .map_err(|error| new.failed(error))?;
            absolute(folder).join(BASE)
        }
    };
    adapter::write(&new, adapters, settings, &base_path.display().to_string())?;
    new.write("README.md", &how_to_load(&absolute(folder), &base_path))?;
    new.finish()
}

/// Writes `merged` with everything else of `base` into `folder`, which must not exist. Matrices stay in the precision they
/// were stored in; what has more is rounded.
pub fn save_merged(folder: &Path, base: &BaseModel, merged: &Llama) -> Result<()> {
    let new = NewFolder::at(folder)?;
    let maps: HashMap<String, (usize, Part)> = (0..merged.config.num_hidden_layers)
        .flat_map(|layer| Part::ALL.map(|part| (format!("{}.weight", part.path(layer)), (layer, part))))
        .collect();
    let mut tensors: HashMap<String, Tensor> = HashMap::new();
    for entry in &base.source.entries {
        let name = &entry.tensor.name;
        let values = match maps.get(name).and_then(|(layer, part)| merged.map(*layer, *part)) {
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
    write_tensors(&new.path().join(WEIGHTS), &tensors).map_err(|error| new.failed(error))?;
    base.write_companions(new.path())?;
    new.finish()
}

/// Writes a safetensors file with the mark that transformers looks for.
pub(super) fn write_tensors(path: &Path, tensors: &HashMap<String, Tensor>) -> std::result::Result<(), String> {
    // The crate's own file is readable by its owner alone; this one is to be what any new file is.
    let usual = File::create(path).and_then(|file| file.metadata()).map_err(|error| error.to_string())?.permissions();
    let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    safetensors::serialize_to_file(tensors, Some(metadata), path).map_err(|error| error.to_string())?;
    std::fs::set_permissions(path, usual).map_err(|error| error.to_string())
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
