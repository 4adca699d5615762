//! Runtime profiles: what a software stack allocates beside the formulas, as versioned data (`assets/profiles`).

use serde::{Deserialize, Serialize};
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

/// A software stack.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuntimeProfile {
    /// Stable id: `hf-trainer`, `unsloth`, …
    pub id: String,
    /// Display name.
    pub name: String,
    /// Versions it was checked with, such as `transformers 5.23, peft 0.21, torch 2.15`.
    pub versions: String,
    /// Where its figures come from.
    pub source: String,
    /// The caller keeps the model's outputs (logits) alive through backward.
    pub keeps_outputs: bool,
    /// 16-bit outputs of an autocast forward are copied to FP32 (accelerate).
    pub upcasts_outputs: bool,
    /// The embedding output is made to require a gradient when layers are recomputed
    /// (`enable_input_require_grads`), so that backward also goes through the first layer's frozen part.
    pub inputs_require_gradients: bool,
    /// Experts that are stacked in one tensor are quantized by a 4- or 8-bit load; transformers 5 does not.
    pub quantizes_stacked_experts: bool,
    /// The prompt's logits are made for every token rather than the last (transformers before 4.46).
    pub full_prefill_logits: bool,
    /// Bytes per logit at the end of forward with the unfused loss, where the stack differs from the traced code;
    /// `None`: follow the operators.
    pub forward_logit_bytes: Option<f64>,
    /// Bytes per logit in backward with the unfused loss, likewise.
    pub backward_logit_bytes: Option<f64>,
    /// Bytes per logit, forward and backward, with the loss fused on whole logits; `None`: follow the operators.
    pub fused_logit_bytes: Option<f64>,
    /// With FSDP and several passes before a step, gradients of whole units are accumulated (`no_sync`), not shards.
    #[serde(default)]
    pub fsdp_accumulates_whole: bool,
    /// Positions for which every layer keeps its own table of sines and cosines (transformers before 4.48); 0: one
    /// table is made in each forward pass.
    #[serde(default)]
    pub rotary_rows_per_layer: u64,
    /// Keys and values are repeated for their groups of queries before the attention kernel, so that the
    /// memory-efficient kernel takes 32-bit queries too (transformers before 4.48, or with a mask).
    #[serde(default)]
    pub repeats_kv: bool,
    /// Backward of softmax makes the product of gradient and result first, as on CUDA; off for traces that do not see
    /// what a kernel allocates.
    #[serde(default = "on")]
    pub softmax_workspace: bool,
    /// How the stack's default optimizer loop is written: an id of the field `optimizer.implementation`.
    pub default_implementation: String,
    /// Unquantized parts of a quantized base are raised to FP32 by default.
    pub upcasts_unquantized: bool,
    /// Memory the allocator reserves for what comes and goes, as a multiple of those tensors' peak.
    pub reserved: RatioBand,
    /// What the process holds beside the allocator: CUDA context, libraries.
    pub context_mib: MibBand,
    /// Band on the tensors' peak itself: 1 where the traced code is the stack's own.
    pub tensors: RatioBand,
}

const fn on() -> bool {
    true
}

/// All profiles the program knows.
#[derive(Clone, Debug, Default)]
pub struct Profiles {
    /// In the order they are offered.
    pub entries: Vec<RuntimeProfile>,
}

/// The embedded files, in the order they are offered.
const EMBEDDED: [&str; 12] = [
    include_str!("../../assets/profiles/hf-trainer.ron"),
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
        let loops = crate::plan::field::words::IMPLEMENTATIONS;
        if !loops.iter().any(|word| word.id == self.default_implementation) {
            let known: Vec<&str> = loops.iter().map(|word| word.id).collect();
            let why = format!("`{}` is none of {}", self.default_implementation, known.join(", "));
            return Err(("default_implementation", why));
        }
        Ok(())
    }
}

/// Line and column, from 1, of a key in the text of a profile; the beginning where it is not found.
fn place_of(text: &str, key: &str) -> (usize, usize) {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    for (line, number) in text.lines().zip(1..) {
        let code = line.split("//").next().unwrap_or_default();
        for (at, _) in code.match_indices(key) {
            let before = code[..at].chars().next_back().is_some_and(is_word);
            if !before && code[at + key.len()..].trim_start().starts_with(':') {
                return (number, code[..at].chars().count() + 1);
            }
        }
    }
    (1, 1)
}

impl Profiles {
    /// The profiles that ship with the program. A test parses each file, so none is missing in a release.
    pub fn embedded() -> &'static Self {
        static PROFILES: OnceLock<Profiles> = OnceLock::new();
        PROFILES.get_or_init(|| Self { entries: EMBEDDED.iter().filter_map(|text| ron::from_str(text).ok()).collect() })
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

    /// These profiles with one user file put over them: same id replaces, new id adds. The error says line and column.
    pub fn merged_with(&self, text: &str) -> Result<Self, String> {
        let profile: RuntimeProfile = ron::from_str(text).map_err(|error| error.to_string())?;
        profile.check().map_err(|(key, why)| {
            let (line, column) = place_of(text, key);
            format!("{line}:{column}: `{key}`: {why}")
        })?;
        let mut merged = self.clone();
        match merged.entries.iter_mut().find(|known| known.id == profile.id) {
            Some(known) => *known = profile,
            None => merged.entries.push(profile),
        }
        Ok(merged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_embedded_profile_parses_and_has_ordered_bands() {
        assert_eq!(Profiles::embedded().entries.len(), EMBEDDED.len());
        for profile in &Profiles::embedded().entries {
            for band in [profile.reserved, profile.tensors] {
                assert!(band.low <= band.expected && band.expected <= band.high, "{}", profile.id);
            }
            let context = profile.context_mib;
            assert!(context.low <= context.expected && context.expected <= context.high, "{}", profile.id);
        }
    }
}
