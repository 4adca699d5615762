//! LoRA and its relatives: settings of the adapter and the modules it stands on.

use super::FloatFormat;

/// Settings of LoRA and its relatives.
#[derive(Clone, Debug, PartialEq)]
pub struct Lora {
    /// Rank r of the two factors.
    pub rank: u64,
    /// Scaling numerator α: the update is α / r · A·B (α / √r with rank-stabilised scaling).
    pub alpha: f64,
    /// Dropout on the adapter's input while training.
    pub dropout: f64,
    /// Adapted modules.
    pub targets: Targets,
    /// Number format of the adapter weights.
    pub dtype: FloatFormat,
    /// How α is divided.
    pub scaling: LoraScaling,
    /// Magnitude and direction are learned separately (DoRA, Liu et al., 2024).
    pub weight_decomposed: bool,
    /// Initialization.
    pub init: LoraInit,
}

/// How α scales the update.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LoraScaling {
    /// α / r.
    Standard,
    /// α / √r (rsLoRA, Kalajdzievski, 2023).
    RankStabilized,
}

/// Initialization of the adapter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LoraInit {
    /// A random, B zero.
    Zero,
    /// Principal singular vectors of the weight (Meng et al., 2024).
    Pissa,
    /// Fitted to the quantization error (Li et al., 2023).
    Loftq,
}

/// Modules a method works on.
#[derive(Clone, Debug, PartialEq)]
pub enum Targets {
    /// Every linear layer except the output head.
    AllLinear,
    /// These parts of each layer; a fused matrix is hit when any of its parts is.
    Parts(Vec<TargetPart>),
    /// Module names of the model's own code.
    Custom(Vec<String>),
}

/// Part of a layer by its usual name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the field's standard names")]
pub enum TargetPart {
    Q,
    K,
    V,
    O,
    Gate,
    Up,
    Down,
}

impl Default for Lora {
    fn default() -> Self {
        Self {
            rank: 16,
            alpha: 32.0,
            dropout: 0.0,
            targets: Targets::AllLinear,
            dtype: FloatFormat::Fp32,
            scaling: LoraScaling::Standard,
            weight_decomposed: false,
            init: LoraInit::Zero,
        }
    }
}
