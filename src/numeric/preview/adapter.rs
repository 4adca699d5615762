//! Adapters in the format of Hugging Face PEFT: `adapter_model.safetensors` and `adapter_config.json`.
//!
//! Whatever a loader would otherwise guess is written (peft 0.21.2 takes α = 8 and its own target modules in silence);
//! `init_lora_weights` is always true, since other words make peft change the base when it loads the adapter.

use super::config::{LlamaConfig, Part, unsuitable};
use super::export::write_tensors;
use super::lora::{Adapter, Adapters, LoraSettings};
use super::{PreviewError, Result};
use crate::files::{self, NewFolder};
use crate::limits::check_json;
use candle_core::{DType, Device, Var};
use serde_json::json;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// Names of the files in an adapter's folder.
pub const FILES: [&str; 2] = ["adapter_model.safetensors", "adapter_config.json"];

/// Largest `adapter_config.json` that is read; real ones have a kilobyte.
const MAX_BYTES: u64 = 1 << 20;
/// Most values of one; the names of adapted layers are among them.
const MAX_VALUES: usize = 100_000;

/// Name of a factor in the file.
fn key(layer: usize, part: Part, factor: char) -> String {
    format!("base_model.model.{}.lora_{factor}.weight", part.path(layer))
}

/// Name of the lengths of DoRA in the file.
fn magnitude_key(layer: usize, part: Part) -> String {
    format!("base_model.model.{}.lora_magnitude_vector", part.path(layer))
}

/// Names of everything that is trained, in the order of [`Adapters::variables`].
pub fn names(adapters: &Adapters) -> Vec<String> {
    let of = |((layer, part), adapter): (&(usize, Part), &Adapter)| {
        let magnitude = adapter.magnitude.is_some().then(|| magnitude_key(*layer, *part));
        [key(*layer, *part, 'A'), key(*layer, *part, 'B')].into_iter().chain(magnitude)
    };
    adapters.iter().flat_map(of).collect()
}

/// Writes both files into a new folder; `base` is what PEFT loads the base from.
pub fn write(folder: &NewFolder, adapters: &Adapters, settings: &LoraSettings, base: &str) -> Result<()> {
    let mut tensors = HashMap::new();
    for ((layer, part), adapter) in adapters.iter() {
        tensors.insert(key(*layer, *part, 'A'), adapter.a.as_tensor().contiguous()?);
        tensors.insert(key(*layer, *part, 'B'), adapter.b.as_tensor().contiguous()?);
        if let Some(magnitude) = &adapter.magnitude {
            tensors.insert(magnitude_key(*layer, *part), magnitude.as_tensor().contiguous()?);
        }
    }
    write_tensors(folder, FILES[0], &tensors)?;
    folder.write(FILES[1], format!("{:#}\n", config(settings, base)).as_bytes())?;
    Ok(())
}

/// `adapter_config.json`.
fn config(settings: &LoraSettings, base: &str) -> serde_json::Value {
    let mut targets: Vec<&str> = settings.targets.iter().map(|part| part.name()).collect();
    targets.sort_unstable();
    json!({
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base,
        "r": settings.rank,
        "lora_alpha": settings.alpha,
        "lora_dropout": settings.dropout,
        "bias": "none",
        "fan_in_fan_out": false,
        "inference_mode": true,
        "target_modules": targets,
        "modules_to_save": null,
        "use_rslora": settings.rank_stabilized,
        "use_dora": settings.dora,
        "init_lora_weights": true,
        "rank_pattern": {},
        "alpha_pattern": {},
    })
}

/// Reads an adapter for a model of this shape: its settings and factors.
pub fn load(folder: &Path, model: &LlamaConfig) -> Result<(LoraSettings, Adapters)> {
    let settings = settings(&folder.join(FILES[1]))?;
    let path = folder.join(FILES[0]);
    let tensors = super::model::read_weights(&path)?;
    let mut by_place = BTreeMap::new();
    for layer in 0..model.num_hidden_layers {
        for part in &settings.targets {
            let (out, inner) = model.shape_of(*part);
            let stored = |name: String, shape: &[usize]| -> Result<Var> {
                let found = tensors.get(&name).ok_or_else(|| unsuitable(format!("{}: no `{name}`", path.display())))?;
                if found.dims() != shape {
                    let message = format!("{}: `{name}` is {:?} instead of {shape:?}", path.display(), found.dims());
                    return Err(unsuitable(message));
                }
                Ok(Var::from_tensor(&found.to_device(&Device::Cpu)?.to_dtype(DType::F32)?)?)
            };
            let adapter = Adapter {
                a: stored(key(layer, *part, 'A'), &[settings.rank, inner])?,
                b: stored(key(layer, *part, 'B'), &[out, settings.rank])?,
                magnitude: if settings.dora { Some(stored(magnitude_key(layer, *part), &[out])?) } else { None },
            };
            by_place.insert((layer, *part), adapter);
        }
    }
    Ok((settings.clone(), Adapters::of(settings.scale(), by_place)))
}

fn settings(path: &Path) -> Result<LoraSettings> {
    let failed = |error: String| PreviewError::at(path, error);
    let text = files::read_text(path, MAX_BYTES)?;
    check_json(text.as_bytes(), MAX_VALUES).map_err(failed)?;
    let config: serde_json::Value = serde_json::from_str(&text).map_err(|error| failed(error.to_string()))?;
    let number =
        |name: &str| config.get(name).and_then(serde_json::Value::as_f64).ok_or_else(|| failed(format!("no `{name}`")));
    let rank = number("r")? as usize;
    if rank == 0 || rank > 1 << 14 {
        return Err(failed(format!("`r` is {rank}")));
    }
    let names = config
        .get("target_modules")
        .and_then(serde_json::Value::as_array)
        .ok_or_else(|| failed("no list of `target_modules`".to_owned()))?;
    let targets = names
        .iter()
        .map(|name| {
            let part = Part::ALL.into_iter().find(|part| name.as_str() == Some(part.name()));
            part.ok_or_else(|| failed(format!("the target {name} is no linear layer of a Llama-type layer")))
        })
        .collect::<Result<Vec<Part>>>()?;
    let flag = |name: &str| config.get(name).and_then(serde_json::Value::as_bool).unwrap_or(false);
    Ok(LoraSettings {
        rank,
        alpha: number("lora_alpha")?,
        rank_stabilized: flag("use_rslora"),
        dropout: config.get("lora_dropout").and_then(serde_json::Value::as_f64).unwrap_or(0.0),
        dora: flag("use_dora"),
        targets,
        ..LoraSettings::default()
    })
}
