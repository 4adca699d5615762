//! A run: quantize the base, put adapters beside it, train them on examples.

use super::Result;
use super::adamw::AdamWSettings;
use super::attach::{Attached, attach, difference};
use super::base_format::BaseFormat;
use super::base_model::BaseModel;
use super::config::unsuitable;
use super::control::Gate;
use super::data::{Data, Shuffled, batch};
use super::evaluate::{HeldOut, held_out};
use super::export::{save_adapter, save_merged};
use super::generate::Sample;
use super::gradients::Gradients;
use super::lora::{Adapters, LoraSettings, Random};
use super::memory::{Meter, Predicted, predict};
use super::model::{Checkpoint, Llama};
use super::ops::Dropout;
use super::optimizer::{Optimizer, OptimizerSettings};
use super::pass::{Batch, Pass};
use super::update::{Update, updates};
use crate::quantize::Codec;
use candle_core::Var;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// What is run.
#[derive(Clone, Debug, PartialEq)]
pub struct RunSettings {
    /// Format of the base.
    pub base: BaseFormat,
    /// Adapters.
    pub lora: LoraSettings,
    /// Optimizer.
    pub optimizer: OptimizerSettings,
    /// Sequences that go through the model side by side.
    pub batch: usize,
    /// Batches whose gradients make one step.
    pub accumulation: usize,
    /// Keep only the inputs of layers and run each again in backward (gradient checkpointing).
    pub recompute: bool,
    /// Seed of the order of examples.
    pub seed: u64,
}

impl Default for RunSettings {
    fn default() -> Self {
        Self {
            base: BaseFormat::Packed(Codec::Nf4Double),
            lora: LoraSettings { rank: 16, alpha: 32.0, ..LoraSettings::default() },
            optimizer: OptimizerSettings::AdamW(AdamWSettings { learning_rate: 3e-3, ..AdamWSettings::default() }),
            batch: 8,
            accumulation: 1,
            recompute: false,
            seed: 1,
        }
    }
}

/// One step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// From 1.
    pub number: usize,
    /// Mean loss per token over the batch's answers, in nats.
    pub loss: f64,
    /// Tokens that went through, prompts included.
    pub tokens: usize,
}

/// A run under way.
pub struct Run {
    pub(super) settings: RunSettings,
    /// What it began from, to compare with.
    base: Arc<BaseModel>,
    pub(super) model: Llama,
    pub(super) adapters: Adapters,
    /// What the adapters began with, where the base was changed for it.
    start: Option<Adapters>,
    pub(super) variables: Vec<Var>,
    pub(super) optimizer: Optimizer,
    pub(super) data: Data,
    pub(super) order: Shuffled,
    pub(super) steps: usize,
    predicted: Predicted,
    meter: Meter,
    /// What the meter showed after the last step before the run first rested.
    peak_growth_bytes: Option<u64>,
    has_rested: bool,
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").field("settings", &self.settings).field("steps", &self.steps).finish_non_exhaustive()
    }
}

impl Run {
    /// Everything made ready; nothing trained yet.
    ///
    /// # Errors
    /// A checkpoint that lacks weights or has wrong shapes, a format that does not take them, no examples, examples
    /// longer than the model takes.
    pub fn new(base: Arc<BaseModel>, data: Data, settings: RunSettings) -> Result<Self> {
        if data.train.is_empty() || data.held_out.is_empty() {
            return Err(unsuitable("there are no examples to train on, or none to test with".to_owned()));
        }
        let sequences = data.train.iter().chain(&data.held_out);
        let longest = sequences.map(|sequence| sequence.tokens.len()).max().unwrap_or(0);
        let most = base.config.max_position_embeddings;
        if longest > most {
            return Err(unsuitable(format!("an example has {longest} tokens; the model takes {most}")));
        }
        let meter = Meter::begin();
        let places = longest.max(data.base_text.as_ref().map_or(0, |text| text.length));
        let attached = attach(base.config_for(places), &*base.source, settings.base, &settings.lora)?;
        let predicted = predict(
            &attached.model.config,
            &settings,
            data.largest_batch(settings.batch),
            rayon::current_num_threads(),
        );
        let Attached { model, adapters, start } = attached;
        let variables = adapters.variables();
        let optimizer = Optimizer::new(variables.clone(), settings.optimizer);
        let order = Shuffled::new(data.train.len(), settings.seed);
        Ok(Self {
            meter,
            peak_growth_bytes: None,
            has_rested: false,
            predicted,
            settings,
            base,
            model,
            adapters,
            start,
            variables,
            optimizer,
            data,
            order,
            steps: 0,
        })
    }

    /// The adapters as they are now.
    pub const fn adapters(&self) -> &Adapters {
        &self.adapters
    }

    /// Settings and factors of an adapter for the checkpoint as it was, whatever base the run changed it into: with PiSSA
    /// and LoftQ what was learned is the difference to the start, of twice the rank (with LoftQ but for what
    /// quantization lost beyond the start's rank).
    fn exported(&self) -> Result<(LoraSettings, Adapters)> {
        match &self.start {
            None => Ok((self.settings.lora.clone(), self.adapters.clone())),
            Some(start) => difference(&self.settings.lora, &self.adapters, start),
        }
    }

    /// What is run.
    pub const fn settings(&self) -> &RunSettings {
        &self.settings
    }

    /// Steps done.
    pub const fn steps(&self) -> usize {
        self.steps
    }

    /// Values that are trained.
    pub fn trained_values(&self) -> u64 {
        self.variables.iter().map(|variable| variable.elem_count() as u64).sum()
    }

    /// Bytes the frozen weights are held in.
    pub fn base_bytes(&self) -> u64 {
        self.model.bytes()
    }

    /// Bytes a training step should need, with the longest examples.
    pub const fn predicted(&self) -> Predicted {
        self.predicted
    }

    /// Most bytes the program has allocated beyond those before the model was read, until the run first rested.
    pub const fn peak_growth_bytes(&self) -> Option<u64> {
        self.peak_growth_bytes
    }

    /// Training rests here: comparing and saving allocate too, and what they do is no training step.
    pub(super) const fn rest(&mut self) {
        self.has_rested |= self.steps > 0;
    }

    /// What training changed in each linear layer, whatever the adapters began with.
    pub fn updates(&self) -> Result<Vec<Update>> {
        updates(&self.model, &self.exported()?.1)
    }

    /// The model with the adapters merged into what the base was held as.
    pub fn merged(&self) -> Result<Llama> {
        self.model.merged(&self.adapters)
    }

    /// The checkpoint.
    pub fn weights(&self) -> &dyn Checkpoint {
        &*self.base.source
    }

    /// Writes the trained adapter into a new folder, in the format of Hugging Face PEFT.
    pub fn save_adapter(&self, folder: &Path) -> Result<()> {
        let (settings, adapters) = self.exported()?;
        save_adapter(folder, &self.base, &settings, &adapters)
    }

    /// Writes the merged model into a new folder.
    pub fn save_merged(&self, folder: &Path) -> Result<()> {
        save_merged(folder, &self.base, &self.merged()?)
    }

    /// One optimizer step. Ended in its middle, it has changed nothing.
    ///
    /// # Errors
    /// The run was ended, or the loss is no number.
    pub fn step(&mut self, gate: &Gate<'_>) -> Result<Step> {
        let mut order = self.order.clone();
        let batches: Vec<Batch> = (0..self.settings.accumulation.max(1))
            .map(|_| {
                let chosen = order.take(self.settings.batch.max(1));
                batch(&chosen.iter().filter_map(|index| self.data.train.get(*index)).collect::<Vec<_>>())
            })
            .collect();
        let pass = Pass { recompute: self.settings.recompute, ..Pass::with(&self.adapters).under(gate) };
        // Every target counts alike, in whichever batch it is.
        let targets: usize = batches.iter().map(Batch::counted).sum();
        let (mut sum, mut loss, mut tokens) = (Gradients::none(self.variables.len()), 0.0, 0);
        for (index, batch) in batches.iter().enumerate() {
            let seed = Random(self.settings.seed ^ 0x5EED).bits() ^ ((self.steps as u64) << 20 | index as u64);
            let rate = self.settings.lora.dropout;
            let pass = Pass { dropout: (rate > 0.0).then_some(Dropout { rate, seed }), ..pass };
            let (gradients, found) = self.model.gradients(batch, pass, self.variables.len())?;
            let share = found.counted as f64 / targets.max(1) as f64;
            loss += found.loss * share;
            tokens += batch.tokens.len();
            if batches.len() == 1 {
                sum = gradients;
            } else {
                sum.add(&gradients, share)?;
            }
        }
        if !loss.is_finite() {
            let number = self.steps + 1;
            return Err(unsuitable(format!("the loss is {loss} in step {number}: lower the learning rate")));
        }
        gate.pass()?;
        self.optimizer.step(&sum)?;
        self.order = order;
        self.steps += 1;
        if !self.has_rested {
            self.peak_growth_bytes = self.meter.peak_growth_bytes();
        }
        Ok(Step { number: self.steps, loss, tokens })
    }

    /// How the adapted model does on examples it has not seen.
    pub fn held_out(&self, gate: &Gate<'_>) -> Result<HeldOut> {
        held_out(&self.model, Pass::with(&self.adapters).under(gate), &self.data.held_out, self.settings.batch)
    }

    /// What the adapted model says to the prompt of a held-out example; `None` past the last.
    pub fn sample(&self, index: usize, gate: &Gate<'_>) -> Result<Option<Sample>> {
        let Some(sequence) = self.data.held_out.get(index) else { return Ok(None) };
        let pass = Pass::with(&self.adapters).under(gate);
        self.model.answer(sequence, &self.data.tokens, pass).map(Some)
    }

    /// Whether the base was changed for the start of the adapters (PiSSA, LoftQ).
    pub const fn has_changed_base(&self) -> bool {
        self.start.is_some()
    }
}
