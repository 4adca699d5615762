//! From a plan to memory: the maximum over the phases of one step, each phase split into components.
//!
//! Pure: same input, same bytes. Formulas and their evidence stand beside each term in the submodules.

use crate::architecture::{Architecture, ParameterCounts};
use crate::catalog::{Accelerator, NumberFormat};
use crate::explained::{Explained, Interval};
use crate::plan::Plan;
use crate::units::Bytes;
use profile::RuntimeProfile;

pub mod profile;
mod verdict;

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

/// Total, trainable and their ratio.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TrainedParameters {
    /// Base model plus whatever the method adds.
    pub total: u64,
    /// Values that receive gradients.
    pub trainable: u64,
    /// Values the method adds to the base model.
    pub added: u64,
}

/// Whether it fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// The upper end of the whole-process band is under the capacity.
    Fits,
    /// The expected figure is under the capacity, the upper end is not.
    Tight,
    /// The expected figure is over the capacity.
    DoesNotFit,
    /// No accelerator chosen.
    Unknown,
}

/// The answer for one device.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate {
    /// Parameters of model and method.
    pub parameters: TrainedParameters,
    /// Exact counts of the base model.
    pub model: ParameterCounts,
    /// Phases in time order.
    pub phases: Vec<Phase>,
    /// Index of the phase that decides.
    pub peak: usize,
    /// What is held at the peak, with the runtime overhead: sums to `process.expected`.
    pub at_peak: ByComponent,
    /// Tensor bytes: what `torch.cuda.max_memory_allocated` counts.
    pub tensors: Interval,
    /// Reserved by the allocator: `max_memory_reserved`.
    pub reserved: Interval,
    /// Whole process: what `nvidia-smi` shows.
    pub process: Interval,
    /// What one device offers after reserve; `None`: no accelerator chosen.
    pub capacity: Option<Bytes>,
    /// Verdict.
    pub fit: Fit,
    /// The textbook rule's figure for the same plan (`domain.md` 3.3, 3.4).
    pub textbook: Bytes,
    /// Derivations, by component at the peak and for every total; empty with [`Detail::Numbers`].
    pub derivations: Vec<Derivation>,
}

/// What a derivation explains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A component at the peak.
    Component(Component),
    /// The peak of a phase.
    Phase(PhaseKind),
    /// One of the three answers.
    Tensors,
    /// Reserved by the allocator.
    Reserved,
    /// Whole process.
    Process,
    /// Capacity of the device.
    Capacity,
    /// Textbook rule.
    Textbook,
    /// Parameter counts.
    Parameters,
    /// Trainable parameters.
    Trainable,
}

/// A derivation and what it belongs to.
#[derive(Clone, Debug, PartialEq)]
pub struct Derivation {
    /// What is explained.
    pub subject: Subject,
    /// How it came about.
    pub explained: Explained,
}

/// How much to compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Numbers only: for searches.
    Numbers,
    /// With derivations.
    Explained,
}

/// Everything an estimate depends on, resolved from the catalogues.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// Shape of its model.
    pub architecture: &'a Architecture,
    /// Format its weights are loaded in.
    pub load_format: &'a NumberFormat,
    /// Format of its key-value cache.
    pub kv_format: &'a NumberFormat,
    /// Software stack.
    pub profile: &'a RuntimeProfile,
    /// Device; `None`: not chosen.
    pub accelerator: Option<&'a Accelerator>,
}
