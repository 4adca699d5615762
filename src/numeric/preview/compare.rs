//! The comparison at the end of a run: the base, quantized, with adapters, merged, merged and quantized again.

use super::Result;
use super::base_format::BaseFormat;
use super::config::{LlamaConfig, Part};
use super::control::Gate;
use super::evaluate::{HeldOut, held_out};
use super::generate::Sample;
use super::lora::Adapters;
use super::model::{Checkpoint, Llama};
use super::ops::Weight;
use super::pass::Pass;
use super::run::Run;

/// A model that is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Variant {
    /// The checkpoint as it is.
    Base,
    /// The base in the run's format.
    Quantized,
    /// The same with the trained adapters beside it.
    Adapted,
    /// The adapters added to what the base is read back as.
    Merged,
    /// The merged weights in the run's format.
    Requantized,
}

impl Variant {
    /// All, in the order in which they are made.
    pub const ALL: [Self; 5] = [Self::Base, Self::Quantized, Self::Adapted, Self::Merged, Self::Requantized];

    /// Name on screen.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Base => "Base",
            Self::Quantized => "Quantized",
            Self::Adapted => "Quantized + LoRA",
            Self::Merged => "Merged",
            Self::Requantized => "Merged, quantized again",
        }
    }

    /// Word in JSON.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Quantized => "quantized",
            Self::Adapted => "adapted",
            Self::Merged => "merged",
            Self::Requantized => "requantized",
        }
    }

    /// What it is, in a sentence.
    pub const fn help(self) -> &'static str {
        match self {
            Self::Base => "The weights as they are stored, before training.",
            Self::Quantized => "The base in the run's number format, before training: what quantization alone costs.",
            Self::Adapted => "What was trained: the quantized base with the adapters beside it.",
            Self::Merged => {
                "The adapters added to the weights that the format reads back, in the precision of the base."
            }
            Self::Requantized => {
                "The merged weights put into the format once more: part of what was learned is rounded away."
            }
        }
    }
}

/// One model of the comparison.
#[derive(Clone, Debug, PartialEq)]
pub struct Compared {
    /// Which.
    pub variant: Variant,
    /// On the task, held out.
    pub task: HeldOut,
    /// Loss per token, in nats, on text such as the base was made from: what was forgotten. `None` where there is no such text.
    pub base_text: Option<f64>,
    /// Bytes of its weights on disk, adapters included.
    pub disk_bytes: u64,
    /// Its answers to held-out prompts.
    pub answers: Vec<Sample>,
}

impl Run {
    /// Makes the models one after another; `found` gets each as soon as it is known. `samples` held-out prompts are
    /// answered by each.
    pub fn compare(&self, samples: usize, gate: &Gate<'_>, found: &mut dyn FnMut(Compared)) -> Result<()> {
        let disk = Disk::of(&self.model.config, self.weights(), self.settings.base, self.trained_values());
        let evaluate = |variant, model: &Llama, adapters: Option<&Adapters>| -> Result<Compared> {
            let pass = Pass { adapters, ..Pass::default() }.under(gate);
            let text = self.data.base_text.as_ref();
            let prompts = self.data.held_out.iter().take(samples);
            Ok(Compared {
                variant,
                task: held_out(model, pass, &self.data.held_out, self.settings.batch)?,
                base_text: text.map(|text| model.evaluate(text, pass)).transpose()?.map(|text| text.loss),
                disk_bytes: disk.bytes(variant),
                answers: prompts.map(|prompt| model.answer(prompt, &self.data.tokens, pass)).collect::<Result<_>>()?,
            })
        };
        let config = || self.model.config.clone();
        let dense = |_, _, weight| Ok(Weight::Dense(weight));
        found(evaluate(Variant::Base, &Llama::new(config(), self.weights(), dense)?, None)?);
        // What PiSSA and LoftQ leave of the base is no model without their adapters.
        if self.has_changed_base() {
            let pack = |_, _, weight| self.settings.base.pack(&weight);
            found(evaluate(Variant::Quantized, &Llama::new(config(), self.weights(), pack)?, None)?);
        } else {
            found(evaluate(Variant::Quantized, &self.model, None)?);
        }
        found(evaluate(Variant::Adapted, &self.model, Some(self.adapters()))?);
        let merged = self.merged()?;
        found(evaluate(Variant::Merged, &merged, None)?);
        let again = merged.packed(|weight| self.settings.base.pack(weight))?;
        drop(merged);
        found(evaluate(Variant::Requantized, &again, None)?);
        Ok(())
    }
}

/// Bytes on disk.
#[derive(Clone, Copy, Debug)]
struct Disk {
    /// As the checkpoint stores everything.
    stored: u64,
    /// With the linear layers in the run's format.
    quantized: u64,
    /// The adapters' file, in 32 bits.
    adapters: u64,
}

impl Disk {
    fn of(config: &LlamaConfig, weights: &dyn Checkpoint, base: BaseFormat, trained_values: u64) -> Self {
        let stored = weights.stored_bytes(None);
        let mut quantized = stored;
        for layer in 0..config.num_hidden_layers {
            for part in Part::ALL {
                let (rows, columns) = config.shape_of(part);
                let before = weights.stored_bytes(Some(&format!("{}.weight", part.path(layer))));
                let after = base.disk_bytes_of(rows as u64, columns as u64).unwrap_or(before);
                quantized = quantized.saturating_sub(before).saturating_add(after);
            }
        }
        Self { stored, quantized, adapters: trained_values.saturating_mul(4) }
    }

    const fn bytes(&self, variant: Variant) -> u64 {
        match variant {
            Variant::Base | Variant::Merged => self.stored,
            Variant::Quantized | Variant::Requantized => self.quantized,
            Variant::Adapted => self.quantized.saturating_add(self.adapters),
        }
    }
}
