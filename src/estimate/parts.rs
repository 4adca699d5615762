//! What memory is held for, and the phases of a job.

use crate::units::Bytes;

/// What memory is held for. The order is that of the bar, from lasting to fleeting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "named as they stand on screen")]
pub enum Component {
    Weights,
    QuantizationConstants,
    Adapters,
    Gradients,
    OptimizerState,
    Activations,
    Logits,
    KvCache,
    Temporaries,
    Runtime,
}

impl Component {
    /// All, in the order of the bar.
    pub const ALL: [Self; 10] = [
        Self::Weights,
        Self::QuantizationConstants,
        Self::Adapters,
        Self::Gradients,
        Self::OptimizerState,
        Self::Activations,
        Self::Logits,
        Self::KvCache,
        Self::Temporaries,
        Self::Runtime,
    ];

    /// Name in JSON and CSV.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Weights => "weights",
            Self::QuantizationConstants => "quantization_constants",
            Self::Adapters => "adapters",
            Self::Gradients => "gradients",
            Self::OptimizerState => "optimizer_state",
            Self::Activations => "activations",
            Self::Logits => "logits",
            Self::KvCache => "kv_cache",
            Self::Temporaries => "temporaries",
            Self::Runtime => "runtime",
        }
    }

    /// Name on screen.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Weights => "Weights",
            Self::QuantizationConstants => "Quantization constants",
            Self::Adapters => "Adapters",
            Self::Gradients => "Gradients",
            Self::OptimizerState => "Optimizer state",
            Self::Activations => "Activations",
            Self::Logits => "Logits and loss",
            Self::KvCache => "KV cache",
            Self::Temporaries => "Temporaries",
            Self::Runtime => "Runtime overhead",
        }
    }
}

/// Memory by component.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ByComponent(pub [Bytes; 10]);

impl ByComponent {
    /// The sum.
    pub fn total(&self) -> Bytes {
        self.0.iter().copied().sum()
    }

    /// One component's share.
    pub const fn get(&self, component: Component) -> Bytes {
        self.0[component as usize]
    }

    /// Sets one component's share.
    pub const fn set(&mut self, component: Component, bytes: Bytes) {
        self.0[component as usize] = bytes;
    }

    /// A component's share, to be changed.
    pub const fn get_mut(&mut self, component: Component) -> &mut Bytes {
        &mut self.0[component as usize]
    }
}

/// A stretch of the run with a peak of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PhaseKind {
    /// The model is on the device, nothing runs.
    Load,
    /// Forward pass, up to and with the loss.
    Forward,
    /// Backward pass.
    Backward,
    /// Optimizer step.
    OptimizerStep,
    /// Inference: the prompt goes through.
    Prefill,
    /// Inference: the last token is generated, the cache is full.
    Decode,
    /// Training: the policy generates completions.
    Rollout,
    /// Training: completions are scored without gradients.
    Scoring,
    /// Training: a held-out batch is scored.
    Evaluation,
    /// A 4-bit base is prepared for training.
    Preparation,
    /// Adapters are merged into their base.
    Merge,
}

impl PhaseKind {
    /// Name in JSON and CSV.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Load => "load",
            Self::Forward => "forward",
            Self::Backward => "backward",
            Self::OptimizerStep => "optimizer_step",
            Self::Prefill => "prefill",
            Self::Decode => "decode",
            Self::Rollout => "rollout",
            Self::Scoring => "scoring",
            Self::Evaluation => "evaluation",
            Self::Preparation => "preparation",
            Self::Merge => "merge",
        }
    }

    /// Name on screen.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Load => "Load",
            Self::Forward => "End of forward",
            Self::Backward => "Backward",
            Self::OptimizerStep => "Optimizer step",
            Self::Prefill => "Prompt",
            Self::Decode => "Generation",
            Self::Rollout => "Completions",
            Self::Scoring => "Scoring",
            Self::Evaluation => "Evaluation",
            Self::Preparation => "Preparation",
            Self::Merge => "Merge",
        }
    }
}

/// Peak of one phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Phase {
    /// Which.
    pub kind: PhaseKind,
    /// What is held at its peak (tensors only: [`Component::Runtime`] is 0 here).
    pub components: ByComponent,
    /// Where in the phase the peak stands, for a sentence: `in the loss`, `in the deepest layer`, ….
    pub place: &'static str,
}

impl Phase {
    /// Tensor bytes at the phase's peak.
    pub fn total(&self) -> Bytes {
        self.components.total()
    }
}
