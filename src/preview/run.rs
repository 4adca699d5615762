//! A run: quantize the base, put adapters beside it, train them on examples, compare.

use super::adamw::{AdamW, AdamWSettings};
use super::config::{LlamaConfig, unsuitable};
use super::corpus::Example;
use super::data::{Bytes, Sequence, Shuffled, batch, sequence};
use super::lora::{Adapters, LoraSettings, Random};
use super::model::{Llama, Weights};
use super::ops::{FrozenWeight, IGNORED, Unpack};
use super::pretrain::text_batch;
use super::{PreviewError, Result};
use crate::quantize::{Codec, Packed, Whole};
use candle_core::{Device, Tensor};
use std::sync::Arc;

/// Format the frozen maps are held in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BaseFormat {
    /// As they are, in 32 bits.
    Fp32,
    /// NormalFloat in blocks of 64 (Dettmers et al., 2023).
    Nf4,
}

impl BaseFormat {
    /// Word on the command line: an id of the format catalogue.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Fp32 => "fp32",
            Self::Nf4 => "nf4",
        }
    }

    /// The format of a word.
    pub fn from_id(id: &str) -> Option<Self> {
        [Self::Fp32, Self::Nf4].into_iter().find(|format| format.id() == id)
    }

    /// A map in this format.
    pub fn pack(self, weight: &Tensor) -> Result<FrozenWeight> {
        match self {
            Self::Fp32 => Ok(FrozenWeight::Dense(weight.clone())),
            Self::Nf4 => {
                let shape = weight.dims2()?;
                let values: Vec<f32> = weight.flatten_all()?.to_vec1()?;
                let packed = Codec::Nf4
                    .pack(&values, shape.1, &Whole::of(&values))
                    .map_err(|error| unsuitable(format!("a matrix cannot be quantized: {error}")))?;
                Ok(FrozenWeight::Packed(Arc::new(PackedMatrix { packed, shape })))
            }
        }
    }
}

struct PackedMatrix {
    packed: Packed,
    shape: (usize, usize),
}

impl Unpack for PackedMatrix {
    fn shape(&self) -> (usize, usize) {
        self.shape
    }

    fn unpack(&self) -> Vec<f32> {
        self.packed.values()
    }

    fn bytes(&self) -> u64 {
        self.packed.held_bytes()
    }
}

/// What is run.
#[derive(Clone, Debug, PartialEq)]
pub struct RunSettings {
    /// Format of the base.
    pub base: BaseFormat,
    /// Adapters.
    pub lora: LoraSettings,
    /// Optimizer.
    pub adamw: AdamWSettings,
    /// Sequences in a step.
    pub batch: usize,
    /// Seed of the order of examples.
    pub seed: u64,
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
    /// On text such as the base was made from, nats a byte: what was forgotten.
    pub base_text: f64,
    /// Bytes of its weights as held.
    pub bytes: u64,
}

/// A run under way.
pub struct Run {
    settings: RunSettings,
    original: Llama,
    model: Llama,
    adapters: Adapters,
    optimizer: AdamW,
    train: Vec<Sequence>,
    held_out: Vec<Sequence>,
    order: Shuffled,
    steps: usize,
}

/// The embedded model's weights as a safetensors file.
pub const EMBEDDED_WEIGHTS: &[u8] = include_bytes!("../../assets/preview/base.safetensors");

/// The embedded model's shape and weights.
pub fn embedded() -> Result<(LlamaConfig, Weights)> {
    let config = LlamaConfig::from_json(include_str!("../../assets/preview/config.json"))?;
    let weights =
        candle_core::safetensors::load_buffer(EMBEDDED_WEIGHTS, &Device::Cpu).map_err(PreviewError::Candle)?;
    Ok((config, weights))
}

impl Run {
    /// Everything made ready; nothing trained yet.
    pub fn new(
        config: LlamaConfig,
        weights: &Weights,
        train: &[Example],
        held_out: &[Example],
        settings: RunSettings,
    ) -> Result<Self> {
        if train.is_empty() || held_out.is_empty() {
            return Err(unsuitable("there are no examples to train on, or none to test with".to_owned()));
        }
        let original = Llama::new(config.clone(), weights, |_, weight| Ok(FrozenWeight::Dense(weight)))?;
        let model = Llama::new(config, weights, |_, weight| settings.base.pack(&weight))?;
        let adapters = Adapters::fresh(&model.config, &settings.lora)?;
        let optimizer = AdamW::new(adapters.variables(), settings.adamw)?;
        let tokens = |examples: &[Example]| -> Result<Vec<Sequence>> {
            let all: Vec<Sequence> = examples.iter().map(sequence).collect();
            let longest = all.iter().map(|sequence| sequence.tokens.len()).max().unwrap_or(0);
            let most = model.config.max_position_embeddings;
            if longest > most {
                return Err(unsuitable(format!("an example has {longest} tokens; the model takes {most}")));
            }
            Ok(all)
        };
        let (train, held_out) = (tokens(train)?, tokens(held_out)?);
        let order = Shuffled::new(train.len(), settings.seed);
        Ok(Self { settings, original, model, adapters, optimizer, train, held_out, order, steps: 0 })
    }

    /// The adapters as they are now.
    pub const fn adapters(&self) -> &Adapters {
        &self.adapters
    }

    /// What is run.
    pub const fn settings(&self) -> &RunSettings {
        &self.settings
    }

    /// One optimizer step.
    pub fn step(&mut self) -> Result<Step> {
        let chosen = self.order.take(self.settings.batch.max(1));
        let sequences: Vec<&Sequence> = chosen.iter().filter_map(|index| self.train.get(*index)).collect();
        let batch = batch(&sequences);
        let (loss, found) = self.model.loss(&batch, &self.adapters)?;
        if !found.loss.is_finite() {
            return Err(unsuitable(format!(
                "the loss is {} in step {}: lower the learning rate",
                found.loss,
                self.steps + 1
            )));
        }
        self.optimizer.step(&loss.backward()?)?;
        self.steps += 1;
        Ok(Step { number: self.steps, loss: found.loss, tokens: batch.tokens.len() })
    }

    /// How the adapted model does on examples it has not seen.
    pub fn held_out(&self) -> Result<HeldOut> {
        on(&self.model, Some(&self.adapters), &self.held_out)
    }

    /// Greedy answer of the adapted model to the prompt of a held-out example, with the prompt and the right answer.
    pub fn sample(&self, index: usize) -> Result<Option<[String; 3]>> {
        let Some(sequence) = self.held_out.get(index) else { return Ok(None) };
        let (prompt, answer) = sequence.tokens.split_at(sequence.prompt);
        let mut tokens = prompt.to_vec();
        while tokens.len() < sequence.tokens.len() + 8 && tokens.len() < self.model.config.max_position_embeddings {
            let logits = self.model.logits(&tokens, tokens.len(), Some(&self.adapters))?;
            let last = logits.get(tokens.len() - 1)?.argmax(0)?.to_scalar::<u32>()?;
            if last == Bytes::END {
                break;
            }
            tokens.push(last);
        }
        Ok(Some([Bytes::decode(prompt), Bytes::decode(&tokens[prompt.len()..]), Bytes::decode(answer)]))
    }

    /// Base, quantized, with adapters, merged, merged and quantized again.
    pub fn compare(&self) -> Result<Vec<Compared>> {
        let merged = self.model.merged(&self.adapters)?;
        let again = merged.packed(|weight| self.settings.base.pack(weight))?;
        let all = [
            ("base", &self.original, None),
            ("quantized", &self.model, None),
            ("quantized + LoRA", &self.model, Some(&self.adapters)),
            ("merged", &merged, None),
            ("merged, quantized again", &again, None),
        ];
        all.into_iter()
            .map(|(name, model, adapters)| {
                let text = text_batch(&mut Random(u64::MAX), 16, 128);
                Ok(Compared {
                    name,
                    task: on(model, adapters, &self.held_out)?,
                    base_text: model.evaluate(&text, adapters)?.loss,
                    bytes: model.bytes(),
                })
            })
            .collect()
    }
}

/// Sequences that go through the model side by side.
const TOGETHER: usize = 16;

/// Loss and exact answers: greedy decoding gives an answer exactly when every token of it is the likeliest after those
/// before.
fn on(model: &Llama, adapters: Option<&Adapters>, sequences: &[Sequence]) -> Result<HeldOut> {
    let (mut sum, mut counted, mut exact) = (0.0, 0, 0);
    for together in sequences.chunks(TOGETHER) {
        let batch = batch(&together.iter().collect::<Vec<_>>());
        let found = model.evaluate(&batch, adapters)?;
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
