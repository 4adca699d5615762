//! Number formats of weights, gradients and arithmetic.

use crate::catalog::Catalog;

/// Formats arithmetic is done in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the field's standard names")]
pub enum FloatFormat {
    Fp64,
    Fp32,
    Fp16,
    Bf16,
    Fp8,
}

impl FloatFormat {
    /// Bytes of one value.
    pub const fn bytes(self) -> u64 {
        match self {
            Self::Fp64 => 8,
            Self::Fp32 => 4,
            Self::Fp16 | Self::Bf16 => 2,
            Self::Fp8 => 1,
        }
    }
}

/// Number formats.
#[derive(Clone, Debug, PartialEq)]
pub struct Precision {
    /// Format the weights are held in: an id of the format catalogue (`bf16`, `nf4`, `gguf-q4-k`, …).
    pub load_format: String,
    /// The scales of a 4-bit load are quantized again.
    pub double_quantization: bool,
    /// Autocast format of the forward pass; `None` computes in the format the weights are in.
    pub autocast: Option<FloatFormat>,
    /// The optimizer keeps an FP32 copy of 16-bit weights.
    pub fp32_master_weights: bool,
    /// Format of gradients; `None`: that of the weights.
    pub gradient_format: Option<FloatFormat>,
    /// Norms, embeddings and head of a quantized base are upcast to FP32 (PEFT's `prepare_model_for_kbit_training`).
    pub upcast_unquantized: bool,
    /// Format of the key-value cache: an id of the format catalogue.
    pub kv_cache_format: String,
    /// When weights are quantized.
    pub quantize_when: QuantizeWhen,
    /// Free text.
    pub notes: String,
}

impl Precision {
    /// The load format in words, the one way a plan's format is named: `BF16`, `NF4`, `NF4 + DQ` where its scales are
    /// quantized too.
    pub fn load_words(&self, catalog: &Catalog) -> String {
        let name = catalog.format(&self.load_format).map_or(self.load_format.as_str(), |format| format.name.as_str());
        let doubles = self.double_quantization && takes_double_quantization(&self.load_format);
        if doubles { format!("{name} + DQ") } else { name.to_owned() }
    }
}

/// Whether the scales of a load format can be quantized again.
pub fn takes_double_quantization(load_format: &str) -> bool {
    matches!(load_format, "nf4" | "fp4")
}

/// When, if at all, quantization happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum QuantizeWhen {
    /// Not at all, or already quantized when loaded.
    AsLoaded,
    /// After training (PTQ).
    AfterTraining,
    /// Simulated during training (QAT).
    DuringTraining,
    /// The arithmetic of training itself is in few bits.
    LowPrecisionTraining,
}
