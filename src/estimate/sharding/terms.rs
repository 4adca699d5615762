//! What a device's estimate is made of: summands of phases, and lines of the table of shares.

use crate::estimate::{ByComponent, Component, Phase, PhaseKind};
use crate::plan::Offload;
use crate::units::Bytes;

/// What a summand of a phase is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "named as they stand on screen")]
pub enum What {
    KeptWeights,
    Scales,
    KeptAdapters,
    KeptState,
    GradientBuckets,
    EarlierGradients,
    BackwardGradients,
    UnitGradients,
    GradientShards,
    UpdateGradients,
    KeptForBackward,
    Logits,
    Cache,
    Gathered,
    Buffers,
    WorkingSet,
    NextLayer,
    UpdateCopies,
    TokenIds,
}

impl What {
    /// Component it belongs to.
    pub const fn component(self) -> Component {
        match self {
            Self::KeptWeights => Component::Weights,
            Self::Scales => Component::QuantizationConstants,
            Self::KeptAdapters => Component::Adapters,
            Self::KeptState => Component::OptimizerState,
            Self::GradientBuckets
            | Self::EarlierGradients
            | Self::BackwardGradients
            | Self::UnitGradients
            | Self::GradientShards
            | Self::UpdateGradients => Component::Gradients,
            Self::KeptForBackward => Component::Activations,
            Self::Logits => Component::Logits,
            Self::Cache => Component::KvCache,
            Self::Gathered
            | Self::Buffers
            | Self::WorkingSet
            | Self::NextLayer
            | Self::UpdateCopies
            | Self::TokenIds => Component::Temporaries,
        }
    }

    /// Name on screen.
    pub const fn title(self) -> &'static str {
        match self {
            Self::KeptWeights => "Kept weights",
            Self::Scales => "Scales, on every device",
            Self::KeptAdapters => "Kept adapters",
            Self::KeptState => "Kept state",
            Self::GradientBuckets => "Gradient buckets",
            Self::EarlierGradients => "From earlier passes",
            Self::BackwardGradients => "Made in this backward pass",
            Self::UnitGradients => "Of the unit in backward, before they are averaged and cut",
            Self::GradientShards => "Shards",
            Self::UpdateGradients => "Of this device's share",
            Self::KeptForBackward => "Kept for backward",
            Self::Logits => "Logits and loss",
            Self::Cache => "Keys and values of this device's layers and heads",
            Self::Gathered => "Gathered weights",
            Self::Buffers => "Communication buffers",
            Self::WorkingSet => "Working set of the layer",
            Self::NextLayer => "The layer after, not yet released",
            Self::UpdateCopies => "Copies of the update",
            Self::TokenIds => "Token ids, labels, mask",
        }
    }
}

/// One summand of a phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term {
    /// What it is.
    pub what: What,
    /// How much.
    pub bytes: Bytes,
}

/// A phase by its terms.
pub struct PhaseTerms {
    pub kind: PhaseKind,
    pub place: &'static str,
    pub terms: Vec<Term>,
}

impl PhaseTerms {
    /// The same by component.
    pub fn phase(&self) -> Phase {
        let mut components = ByComponent::default();
        for term in &self.terms {
            let slot = components.get_mut(term.what.component());
            *slot = Bytes(slot.0.saturating_add(term.bytes.0));
        }
        Phase { kind: self.kind, components, place: self.place }
    }
}

impl PhaseTerms {
    pub fn total(&self) -> u64 {
        self.terms.iter().map(|term| term.bytes.0).fold(0, u64::saturating_add)
    }
}

/// What a line of the table of shares is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "named as they stand on screen")]
pub enum Item {
    Weights,
    Constants,
    Adapters,
    Gradients,
    OptimizerState,
    Activations,
    Gathered,
    Buffers,
}

impl Item {
    /// Name on screen.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Weights => "Weights",
            Self::Constants => "Quantization constants",
            Self::Adapters => "Adapters",
            Self::Gradients => "Gradients",
            Self::OptimizerState => "Optimizer state",
            Self::Activations => "Kept for backward",
            Self::Gathered => "Gathered weights",
            Self::Buffers => "Communication buffers",
        }
    }

    /// Name in JSON.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Weights => "weights",
            Self::Constants => "quantization_constants",
            Self::Adapters => "adapters",
            Self::Gradients => "gradients",
            Self::OptimizerState => "optimizer_state",
            Self::Activations => "kept_for_backward",
            Self::Gathered => "gathered_weights",
            Self::Buffers => "communication_buffers",
        }
    }
}

/// How something is shared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct How {
    /// Devices that share one copy of it by the strategy; 1: each has its own.
    pub sharers: u64,
    /// It is part of a model that is cut already (tensor, expert or pipeline parallel).
    pub model_cut: bool,
    /// Where it waits.
    pub place: Offload,
}

/// A line of the table of shares.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    /// What.
    pub item: Item,
    /// Of the whole model on one device; `None` where it only exists because devices share.
    pub whole: Option<Bytes>,
    /// On this device.
    pub here: Bytes,
    /// How it is shared.
    pub how: How,
}

impl Held {
    /// How it is shared, in words.
    pub fn words(&self) -> String {
        let mut words = Vec::new();
        let how = &self.how;
        if how.model_cut {
            words.push("this device's part".to_owned());
        }
        if how.sharers > 1 {
            words.push(format!("cut among {} devices", how.sharers));
        } else if !how.model_cut {
            words.push(if self.whole.is_some() { "on every device" } else { "its own" }.to_owned());
        }
        match how.place {
            Offload::None => {}
            Offload::Cpu => words.push("in host memory".to_owned()),
            Offload::Nvme => words.push("on disk".to_owned()),
        }
        words.join(", ")
    }
}

pub const fn term(what: What, bytes: u64) -> Term {
    Term { what, bytes: Bytes(bytes) }
}

/// Terms that are there.
pub fn tidy(mut terms: Vec<Term>) -> Vec<Term> {
    terms.retain(|term| term.bytes != Bytes::ZERO);
    terms
}
