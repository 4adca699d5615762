//! Runtime profiles: what a software stack allocates beside the formulas, as versioned data (`assets/profiles`).

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// A ratio with its band.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RatioBand {
    /// Lower end.
    pub low: f64,
    /// The best single figure.
    pub expected: f64,
    /// Upper end.
    pub high: f64,
}

/// An amount in MiB with its band.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MibBand {
    /// Lower end.
    pub low: u64,
    /// The best single figure.
    pub expected: u64,
    /// Upper end.
    pub high: u64,
}

mod defaults;
mod facts;
mod file;
mod head;

pub use facts::Change;
pub use head::LossHead;

/// What a stack does where a plan does not say; `None`: it leaves the setting alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Defaults {
    /// Word of `runtime.loss`.
    pub loss: Option<String>,
    /// Word of `precision.load_format`, where nothing is quantized.
    pub load_format: Option<String>,
    /// Format in which everything trained is held, whatever the load format says.
    pub trained_format: Option<String>,
    /// Word of `method.adapter_format` on a base in 16 or 32 bits.
    pub adapter_format: Option<String>,
    /// Word of `method.adapter_format` on a quantized base.
    pub quantized_adapter_format: Option<String>,
    /// Word of `precision.autocast`.
    pub autocast: Option<String>,
    /// Word of `optimizer.algorithm`.
    pub optimizer: Option<String>,
    /// Word of `parallelism.offload_activations`.
    pub offload_activations: Option<String>,
    /// Word of `runtime.checkpointing`.
    pub checkpointing: Option<String>,
}

file::profile! {
    /// A software stack of one version.
    @
    /// Display name.
    name: String;
    /// Engine without its version: profiles of one engine are its versions.
    engine: String = String::new();
    /// Versions it was checked with, such as `transformers 5.23, peft 0.21, torch 2.15`.
    versions: String;
    /// Where its figures come from.
    source: String;
    /// The caller keeps the model's outputs (logits) alive through backward.
    keeps_outputs: bool;
    /// 16-bit outputs of an autocast forward are copied to FP32 (accelerate).
    upcasts_outputs: bool;
    /// The embedding output is made to require a gradient when layers are recomputed
    /// (`enable_input_require_grads`), so that backward also goes through the first layer's frozen part.
    inputs_require_gradients: bool;
    /// Experts that are stacked in one tensor are quantized by a 4- or 8-bit load; transformers 5 does not.
    quantizes_stacked_experts: bool;
    /// The prompt's logits are made for every token rather than the last (transformers before 4.46).
    full_prefill_logits: bool;
    /// Bytes per logit at the end of forward with the unfused loss, where the stack differs from the traced code;
    /// `None`: follow the operators.
    forward_logit_bytes: Option<f64> = None;
    /// Bytes per logit in backward with the unfused loss, likewise.
    backward_logit_bytes: Option<f64> = None;
    /// Bytes per logit, forward and backward, with the loss fused on whole logits; `None`: follow the operators.
    fused_logit_bytes: Option<f64> = None;
    /// With FSDP and several passes before a step, gradients of whole units are accumulated (`no_sync`), not shards.
    fsdp_accumulates_whole: bool = false;
    /// With FSDP under mixed precision everything trained is held in FP32.
    fsdp_trains_fp32: bool = false;
    /// Positions for which every layer keeps its own table of sines and cosines (transformers before 4.48); 0: one
    /// table is made in each forward pass.
    rotary_rows_per_layer: u64 = 0;
    /// Keys and values are repeated for their groups of queries before the attention kernel, so that the
    /// memory-efficient kernel takes 32-bit queries too (transformers before 4.48, or with a mask).
    repeats_kv: bool = false;
    /// Keys and values are repeated for their groups before every attention kernel, in 16 bits too (transformers before
    /// 4.55).
    repeats_kv_always: bool = false;
    /// Backward of softmax makes the product of gradient and result first, as on CUDA; off for traces that do not see
    /// what a kernel allocates.
    softmax_workspace: bool = true;
    /// How the stack's default optimizer loop is written: an id of the field `optimizer.implementation`.
    default_implementation: String;
    /// Lion's moment is FP32 whatever the weights are, as bitsandbytes keeps it; lion-pytorch keeps their format.
    lion_in_fp32: bool = true;
    /// Unquantized parts of a quantized base are raised to FP32 by default.
    upcasts_unquantized: bool;
    /// Memory the allocator reserves for what comes and goes, as a multiple of those tensors' peak.
    reserved: RatioBand;
    /// What the process holds beside the allocator: CUDA context, libraries.
    context_mib: MibBand;
    /// Band on the tensors' peak itself: 1 where the traced code is the stack's own.
    tensors: RatioBand;
}

/// All profiles the program knows.
#[derive(Clone, Debug, Default)]
pub struct Profiles {
    /// In the order they are offered.
    pub entries: Vec<RuntimeProfile>,
}

/// The embedded files, in the order they are offered; a file holds one profile or the versions of an engine.
const EMBEDDED: [&str; 13] = [
    include_str!("../../assets/profiles/hf-trainer.ron"),
    include_str!("../../assets/profiles/trl.ron"),
    include_str!("../../assets/profiles/hf-trainer-4.48.ron"),
    include_str!("../../assets/profiles/plain-pytorch.ron"),
    include_str!("../../assets/profiles/axolotl.ron"),
    include_str!("../../assets/profiles/llama-factory.ron"),
    include_str!("../../assets/profiles/torchtune.ron"),
    include_str!("../../assets/profiles/torchtitan.ron"),
    include_str!("../../assets/profiles/litgpt.ron"),
    include_str!("../../assets/profiles/unsloth.ron"),
    include_str!("../../assets/profiles/hf-peft-fp16.ron"),
    include_str!("../../assets/profiles/transformers-4.38.ron"),
    include_str!("../../assets/profiles/transformers-4.51.ron"),
];

/// What the user added, set once when the program starts.
static INSTALLED: OnceLock<Profiles> = OnceLock::new();

/// Largest ratio and largest number of bytes a logit; beyond it a profile is wrong.
const MOST: f64 = 100.0;

impl RuntimeProfile {
    /// Whether its figures can be reckoned with; the error is the key of the one that cannot, and why.
    fn check(&self) -> Result<(), (&'static str, String)> {
        for (key, text) in [("id", &self.id), ("source", &self.source)] {
            if text.trim().is_empty() {
                return Err((key, "it must say something".to_owned()));
            }
        }
        for (key, band) in [("reserved", self.reserved), ("tensors", self.tensors)] {
            let ordered = band.low <= band.expected && band.expected <= band.high;
            if !ordered || !(0.0..=MOST).contains(&band.low) || !(0.0..=MOST).contains(&band.high) {
                return Err((key, format!("it must be low ≤ expected ≤ high, each from 0 to {MOST}")));
            }
        }
        if self.reserved.low < 1.0 {
            let why = "its low end must be at least 1: the allocator reserves all memory that tensors have";
            return Err(("reserved", why.to_owned()));
        }
        if self.tensors.expected < 1.0 {
            let why = "its expected figure must be at least 1: the parts of an estimate are traced, and a stack that may \
                       need less says so with the low end";
            return Err(("tensors", why.to_owned()));
        }
        let context = self.context_mib;
        if context.low > context.expected || context.expected > context.high {
            return Err(("context_mib", "it must be low ≤ expected ≤ high".to_owned()));
        }
        for (key, bytes) in [
            ("forward_logit_bytes", self.forward_logit_bytes),
            ("backward_logit_bytes", self.backward_logit_bytes),
            ("fused_logit_bytes", self.fused_logit_bytes),
        ] {
            if bytes.is_some_and(|bytes| !(0.0..=MOST).contains(&bytes)) {
                return Err((key, format!("it must be from 0 to {MOST} bytes")));
            }
        }
        if let Some(wrong) = self.wrong_default() {
            return Err(wrong);
        }
        let loops = crate::plan::field::words::IMPLEMENTATIONS;
        if !loops.iter().any(|word| word.id == self.default_implementation) {
            let known: Vec<&str> = loops.iter().map(|word| word.id).collect();
            let why = format!("`{}` is none of {}", self.default_implementation, known.join(", "));
            return Err(("default_implementation", why));
        }
        Ok(())
    }
}

impl Profiles {
    /// The profiles that ship with the program. A test parses each file, so none is missing in a release.
    pub fn embedded() -> &'static Self {
        static PROFILES: OnceLock<Profiles> = OnceLock::new();
        PROFILES.get_or_init(|| {
            EMBEDDED.iter().fold(Self::default(), |known, text| known.merged_with(text).unwrap_or(known))
        })
    }

    /// The shipped profiles and the user's: those that [`Profiles::install`] was given when the program started, else
    /// the shipped ones alone.
    pub fn known() -> &'static Self {
        INSTALLED.get().unwrap_or_else(Self::embedded)
    }

    /// Makes `profiles` the known ones until the program ends. Only the first call counts: what was estimated before
    /// it and after it would not agree.
    pub fn install(profiles: Self) {
        // A second call keeps the first.
        let _ = INSTALLED.set(profiles);
    }

    /// A profile by its exact id.
    pub fn get(&self, id: &str) -> Option<&RuntimeProfile> {
        self.entries.iter().find(|profile| profile.id == id)
    }

    /// Profiles of one engine, oldest version first.
    pub fn versions<'a>(&'a self, engine: &'a str) -> impl Iterator<Item = &'a RuntimeProfile> {
        self.entries.iter().filter(move |profile| !engine.is_empty() && profile.engine == engine)
    }

    /// These profiles with a file put over them, of one profile or a list of them: same id replaces, new id adds, and a
    /// profile may build on one that stands before it. The error says line and column.
    pub fn merged_with(&self, text: &str) -> Result<Self, String> {
        let mut merged = self.clone();
        for said in file::read(text)? {
            let place = |key: &str| file::place_of(text, &said.id, key);
            let base = match &said.inherits {
                Some(id) => Some(merged.get(id).ok_or_else(|| {
                    let (line, column) = place("inherits");
                    format!("{line}:{column}: `inherits`: no profile before this one is called `{id}`")
                })?),
                None => None,
            };
            let profile = said.clone().onto(base).map_err(|key| {
                let (line, column) = place("id");
                format!("{line}:{column}: `{key}` is missing, and nothing is inherited")
            })?;
            profile.check().map_err(|(key, why)| {
                let (line, column) = place(key);
                format!("{line}:{column}: `{key}`: {why}")
            })?;
            match merged.entries.iter_mut().find(|known| known.id == profile.id) {
                Some(known) => *known = profile,
                None => merged.entries.push(profile),
            }
        }
        Ok(merged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_embedded_profile_parses_and_has_ordered_bands() {
        let read: usize = EMBEDDED.iter().map(|text| file::read(text).map_or(0, |list| list.len())).sum();
        assert_eq!(Profiles::embedded().entries.len(), read);
        assert!(EMBEDDED.iter().all(|text| file::read(text).is_ok()));
        for profile in &Profiles::embedded().entries {
            for band in [profile.reserved, profile.tensors] {
                assert!(band.low <= band.expected && band.expected <= band.high, "{}", profile.id);
            }
            let context = profile.context_mib;
            assert!(context.low <= context.expected && context.expected <= context.high, "{}", profile.id);
        }
    }
}
