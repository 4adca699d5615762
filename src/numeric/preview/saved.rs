//! Saved checkpoints: a run continues from one as if it had never stopped. One holds what is trained, the optimizer's
//! state, the place in the order of examples, the step.
//!
//! Each lies in a folder `step-000040` of its own, which gets that name only when it is whole; then the one before goes.

use super::config::unsuitable;
use super::data::{Place, Shuffled};
use super::export::write_tensors;
use super::run::Run;
use super::{PreviewError, Result, adapter};
use crate::files::{self, NewFolder};
use crate::limits::check_json;
use candle_core::Tensor;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

const TENSORS: &str = "run.safetensors";
const STATE: &str = "run.json";
const PREFIX: &str = "step-";
/// Largest `run.json` that is read; real ones have a kilobyte.
const MAX_STATE_BYTES: u64 = 1 << 20;
/// Most values of one; real ones have some twenty.
const MAX_STATE_VALUES: usize = 10_000;

#[derive(Debug, Serialize, Deserialize)]
struct State {
    steps: usize,
    optimizer_steps: i32,
    place: Place,
    /// What has to be the same for the run to be the same, in words.
    settings: BTreeMap<String, String>,
}

/// Saves a checkpoint in `folder`, which is made if it is not there. The one before stays until this one is whole.
pub fn save(folder: &Path, run: &Run) -> Result<()> {
    files::make_folders(folder)?;
    let whole = folder.join(format!("{PREFIX}{:06}", run.steps));
    if whole.exists() {
        return Ok(());
    }
    let before = all(folder)?;
    let new = NewFolder::at(&whole)?;
    let mut tensors: HashMap<String, Tensor> = HashMap::new();
    let names = adapter::names(&run.adapters);
    for (name, variable) in names.iter().zip(&run.variables) {
        tensors.insert(name.clone(), variable.as_tensor().contiguous()?);
    }
    for (index, kind, tensor) in run.optimizer.state()? {
        if let Some(name) = names.get(index) {
            tensors.insert(format!("{name}.{kind}"), tensor.contiguous()?);
        }
    }
    write_tensors(&new, TENSORS, &tensors)?;
    let state = State {
        steps: run.steps,
        optimizer_steps: run.optimizer.steps(),
        place: run.order.place(),
        settings: described(run),
    };
    let text = serde_json::to_string_pretty(&state).map_err(|error| PreviewError::at(&whole, error))?;
    new.write(STATE, (text + "\n").as_bytes())?;
    new.finish()?;
    for (_, old) in before {
        // One more than needed does no harm.
        let _ = std::fs::remove_dir_all(old);
    }
    Ok(())
}

/// Continues from the newest checkpoint in `folder`; false where there is none.
///
/// # Errors
/// It was made with other settings, data or another model, or it is damaged: the run is as it was.
pub fn resume(folder: &Path, run: &mut Run) -> Result<bool> {
    if !folder.exists() {
        return Ok(false);
    }
    let Some((_, newest)) = all(folder)?.pop() else { return Ok(false) };
    let path = newest.join(STATE);
    let text = files::read_text(&path, MAX_STATE_BYTES)?;
    check_json(text.as_bytes(), MAX_STATE_VALUES).map_err(|error| PreviewError::at(&path, error))?;
    let state: State = serde_json::from_str(&text).map_err(|error| PreviewError::at(&path, error))?;
    let now = described(run);
    if let Some((name, value)) = now.iter().find(|(name, value)| state.settings.get(*name) != Some(*value)) {
        let before = state.settings.get(name).map_or("unknown", String::as_str);
        let message = format!("this checkpoint was saved with another {name}: {before} then, {value} now");
        return Err(PreviewError::at(&newest, message));
    }
    let path = newest.join(TENSORS);
    let mut tensors = super::model::read_weights(&path)?;
    let names = adapter::names(&run.adapters);
    let mut values = Vec::with_capacity(names.len());
    for (name, variable) in names.iter().zip(&run.variables) {
        let found = tensors.remove(name).filter(|found| found.dims() == variable.dims());
        values.push(found.ok_or_else(|| PreviewError::at(&path, format!("`{name}` is missing or has another shape")))?);
    }
    let mut moments = BTreeMap::new();
    for (index, name) in names.iter().enumerate() {
        for kind in run.optimizer.kinds() {
            if let Some(found) = tensors.remove(&format!("{name}.{kind}")) {
                moments.insert((index, *kind), found);
            }
        }
    }
    run.optimizer.restore(&moments, state.optimizer_steps)?;
    for (variable, value) in run.variables.iter().zip(values) {
        variable.set(&value)?;
    }
    run.order = Shuffled::at(run.data.train.len(), state.place);
    run.steps = state.steps;
    Ok(true)
}

/// What lies in a folder, by step.
fn all(folder: &Path) -> Result<Vec<(usize, PathBuf)>> {
    let entries = std::fs::read_dir(folder).map_err(|error| PreviewError::at(folder, error))?;
    let mut all: Vec<(usize, PathBuf)> = entries
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let step = path.file_name()?.to_str()?.strip_prefix(PREFIX)?.parse().ok()?;
            Some((step, path))
        })
        .collect();
    all.sort();
    Ok(all)
}

/// What has to be the same for the run to be the same.
fn described(run: &Run) -> BTreeMap<String, String> {
    let settings = &run.settings;
    let tokens = run.data.train.iter().flat_map(|sequence| sequence.tokens.iter().chain([&u32::MAX]));
    // FNV-1a (Fowler, Noll & Vo), to tell data apart.
    let mark = tokens.fold(0xcbf2_9ce4_8422_2325_u64, |hash, token| {
        token.to_le_bytes().iter().fold(hash, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
    });
    let model = &run.model.config;
    let shape = [model.num_hidden_layers, model.hidden_size, model.intermediate_size, model.vocab_size];
    [
        ("model shape", format!("{} {shape:?}", model.model_type)),
        ("format of the base", settings.base.id().to_owned()),
        ("adapters", format!("{:?}", settings.lora)),
        ("optimizer", format!("{:?}", settings.optimizer)),
        ("batch", format!("{} × {}", settings.batch, settings.accumulation)),
        ("seed", settings.seed.to_string()),
        ("data", format!("{} examples, mark {mark:016x}", run.data.train.len())),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

/// Of a saved tensor that does not fit.
pub(super) fn misfit(name: &str) -> PreviewError {
    unsuitable(format!("the saved {name} has another shape"))
}
