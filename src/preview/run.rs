//! A run: quantize the base, put adapters beside it, train them on examples, compare.

use super::Result;
use super::adamw::AdamWSettings;
use super::attach::{Attached, attach, difference};
use super::base::BaseFormat;
use super::config::{LlamaConfig, unsuitable};
use super::control::Gate;
use super::data::{Data, Sequence, Shuffled, batch};
use super::gradients::Gradients;
use super::lora::{Adapters, LoraSettings, Random};
use super::memory::{Meter, Predicted, predict};
use super::model::{Batch, Checkpoint, Llama, Pass};
use super::ops::{Dropout, FrozenWeight, IGNORED};
use super::optimizer::{Optimizer, OptimizerSettings};
use crate::lab::source::Source;
use crate::quantize::Codec;
use candle_core::Var;
use std::fmt;
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
            base: BaseFormat::Packed(Codec::Nf4),
            lora: LoraSettings::default(),
            optimizer: OptimizerSettings::AdamW(AdamWSettings { learning_rate: 5e-3, ..AdamWSettings::default() }),
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
    /// Mean loss over the answers of the batch, nats a token.
    pub loss: f64,
    /// Tokens that went through, prompts included.
    pub tokens: usize,
}

/// How a model does on examples it was not trained on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HeldOut {
    /// Mean loss over answers, nats a token.
    pub loss: f64,
    /// Answers that greedy decoding gets right to the last token.
    pub exact: usize,
    /// Of so many.
    pub examples: usize,
}

/// One bar of the comparison.
#[derive(Clone, Debug, PartialEq)]
pub struct Compared {
    /// Which model.
    pub name: &'static str,
    /// On the task, held out.
    pub task: HeldOut,
    /// On text such as the base was made from, nats a token: what was forgotten. `None` where there is no such text.
    pub base_text: Option<f64>,
    /// Bytes of its weights as held.
    pub bytes: u64,
}

/// What the adapted model says to a prompt it was not trained on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// What was asked.
    pub prompt: String,
    /// The likeliest answer, token by token.
    pub answer: String,
    /// What should have been answered.
    pub wanted: String,
}

/// A run under way.
pub struct Run {
    pub(super) settings: RunSettings,
    /// The checkpoint, to compare with.
    weights: Arc<dyn Checkpoint>,
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
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").field("settings", &self.settings).field("steps", &self.steps).finish_non_exhaustive()
    }
}

/// The embedded model's weights as a safetensors file.
pub const EMBEDDED_WEIGHTS: &[u8] = include_bytes!("../../assets/preview/base.safetensors");

/// The embedded model's `config.json`.
pub const EMBEDDED_CONFIG: &str = include_str!("../../assets/preview/config.json");

/// The embedded model's shape and weights.
pub fn embedded() -> Result<(LlamaConfig, Arc<dyn Checkpoint>)> {
    let config = LlamaConfig::from_json(EMBEDDED_CONFIG)?;
    let source = Source::embedded().map_err(|error| unsuitable(error.to_string()))?;
    Ok((config, Arc::new(source)))
}

impl Run {
    /// Everything made ready; nothing trained yet.
    ///
    /// # Errors
    /// A checkpoint that lacks weights or has wrong shapes, a format that does not take them, no examples, examples
    /// longer than the model takes.
    pub fn new(config: LlamaConfig, weights: Arc<dyn Checkpoint>, data: Data, settings: RunSettings) -> Result<Self> {
        if data.train.is_empty() || data.held_out.is_empty() {
            return Err(unsuitable("there are no examples to train on, or none to test with".to_owned()));
        }
        let sequences = data.train.iter().chain(&data.held_out);
        let longest = sequences.map(|sequence| sequence.tokens.len()).max().unwrap_or(0);
        let most = config.max_position_embeddings;
        if longest > most {
            return Err(unsuitable(format!("an example has {longest} tokens; the model takes {most}")));
        }
        let meter = Meter::begin();
        let attached = attach(config, &*weights, settings.base, &settings.lora)?;
        let longest = data.train.iter().map(|sequence| sequence.tokens.len()).max().unwrap_or(0);
        let predicted = predict(&attached, &settings, longest * settings.batch.max(1));
        let Attached { model, adapters, start } = attached;
        let variables = adapters.variables();
        let optimizer = Optimizer::new(variables.clone(), settings.optimizer)?;
        let order = Shuffled::new(data.train.len(), settings.seed);
        Ok(Self {
            meter,
            predicted,
            settings,
            weights,
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
    pub fn exported(&self) -> Result<(LoraSettings, Adapters)> {
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

    /// Most bytes the process had beyond those before the model was read; `None` where the system does not tell.
    pub fn peak_growth_bytes(&self) -> Option<u64> {
        self.meter.peak_growth_bytes()
    }

    /// The model with the adapters merged into what the base was held as.
    pub fn merged(&self) -> Result<Llama> {
        self.model.merged(&self.adapters)
    }

    /// Where the weights came from.
    pub fn weights(&self) -> &dyn Checkpoint {
        &*self.weights
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
            let (gradients, found) = self.model.gradients(batch, pass, &self.variables)?;
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
        Ok(Step { number: self.steps, loss, tokens })
    }

    /// How the adapted model does on examples it has not seen.
    pub fn held_out(&self, gate: &Gate<'_>) -> Result<HeldOut> {
        on(&self.model, Pass::with(&self.adapters).under(gate), &self.data.held_out, self.settings.batch)
    }

    /// Greedy answer of the adapted model to the prompt of a held-out example; `None` past the last.
    pub fn sample(&self, index: usize, gate: &Gate<'_>) -> Result<Option<Sample>> {
        let Some(sequence) = self.data.held_out.get(index) else { return Ok(None) };
        let (prompt, wanted) = sequence.tokens.split_at(sequence.prompt());
        let most = (sequence.tokens.len() + 8).min(self.model.config.max_position_embeddings);
        let mut tokens = prompt.to_vec();
        while tokens.len() < most && !tokens.is_empty() {
            let pass = Pass::with(&self.adapters).under(gate);
            let next = self.model.next(&tokens, pass)?.argmax(0)?.to_scalar::<u32>()?;
            if self.data.vocabulary.ends(next) {
                break;
            }
            tokens.push(next);
        }
        let text = |tokens: &[u32]| self.data.vocabulary.text(tokens);
        Ok(Some(Sample { prompt: text(prompt), answer: text(&tokens[prompt.len()..]), wanted: text(wanted) }))
    }

    /// Base, quantized, with adapters, merged, merged and quantized again: `found` gets each as soon as it is known.
    pub fn compare(&self, gate: &Gate<'_>, found: &mut dyn FnMut(Compared)) -> Result<()> {
        let bar = |name, model: &Llama, adapters| -> Result<Compared> {
            let pass = Pass { adapters, ..Pass::default() }.under(gate);
            let text = self.data.base_text.as_ref();
            let base_text = text.map(|text| model.evaluate(text, pass)).transpose()?.map(|text| text.loss);
            Ok(Compared {
                name,
                task: on(model, pass, &self.data.held_out, self.settings.batch)?,
                base_text,
                bytes: model.bytes(),
            })
        };
        let dense = |_, _, weight| Ok(FrozenWeight::Dense(weight));
        found(bar("base", &Llama::new(self.model.config.clone(), &*self.weights, dense)?, None)?);
        // What PiSSA and LoftQ leave of the base is no model without their adapters.
        let plain = match self.start {
            Some(_) => {
                let pack = |_, _, weight| self.settings.base.pack(&weight);
                &Llama::new(self.model.config.clone(), &*self.weights, pack)?
            }
            None => &self.model,
        };
        found(bar("quantized", plain, None)?);
        found(bar("quantized + LoRA", &self.model, Some(&self.adapters))?);
        let merged = self.model.merged(&self.adapters)?;
        found(bar("merged", &merged, None)?);
        let again = merged.packed(|weight| self.settings.base.pack(weight))?;
        found(bar("merged, quantized again", &again, None)?);
        Ok(())
    }
}

/// Loss and exact answers: greedy decoding gives an answer exactly when every token of it is the likeliest after those
/// before. As many go side by side as in training, so that a look needs no more memory than a step.
fn on(model: &Llama, pass: Pass<'_>, sequences: &[Sequence], together: usize) -> Result<HeldOut> {
    let (mut sum, mut counted, mut exact) = (0.0, 0, 0);
    for together in sequences.chunks(together.max(1)) {
        let batch = batch(&together.iter().collect::<Vec<_>>());
        let found = model.evaluate(&batch, pass)?;
        counted += found.counted;
        sum += found.loss * found.counted as f64;
        let rows = found.tokens.chunks(batch.length.max(1)).zip(batch.targets.chunks(batch.length.max(1)));
        let is_exact = |(found, targets): &(&[(f64, bool)], &[u32])| {
            found.iter().zip(*targets).all(|((_, hit), target)| *hit || *target == IGNORED)
        };
        exact += rows.filter(is_exact).count();
    }
    Ok(HeldOut { loss: sum / counted.max(1) as f64, exact, examples: sequences.len() })
}
