//! The optimizer: update rule and how its loop is written.

/// Optimizer.
#[derive(Clone, Debug, PartialEq)]
pub struct Optimizer {
    /// Algorithm.
    pub algorithm: Algorithm,
    /// How the update loop is written; decides the temporary copies.
    pub implementation: Implementation,
    /// Gradients are clipped to a norm before the step.
    pub clip_gradients: bool,
    /// Norm to which they are clipped.
    pub max_gradient_norm: f64,
    /// Rank of the projection of APOLLO.
    pub rank: u64,
    /// Highest learning rate; `None`: the stack's own.
    pub learning_rate: Option<f64>,
    /// How the learning rate changes over the run.
    pub schedule: LearningRateSchedule,
    /// Share of the steps over which it rises; `None`: the stack's own.
    pub warmup_share: Option<f64>,
    /// Weight decay; `None`: the stack's own.
    pub weight_decay: Option<f64>,
    /// Free text.
    pub notes: String,
}

impl Default for Optimizer {
    fn default() -> Self {
        Self {
            algorithm: Algorithm::AdamW,
            implementation: Implementation::Fused,
            clip_gradients: true,
            max_gradient_norm: 1.0,
            rank: 1,
            learning_rate: None,
            schedule: LearningRateSchedule::Stack,
            warmup_share: None,
            weight_decay: None,
            notes: String::new(),
        }
    }
}

/// How the learning rate changes over a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LearningRateSchedule {
    /// As the software stack does by itself.
    Stack,
    /// In a line to 0.
    Linear,
    /// Along half a cosine to 0.
    Cosine,
    /// Along half a cosine to a tenth.
    CosineWithFloor,
    /// Not at all, from the first step.
    Constant,
    /// Not at all after a warm-up.
    ConstantWithWarmup,
    /// With the root of the step.
    InverseSquareRoot,
    /// At the end only.
    WarmupStableDecay,
}

/// Update rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the field's standard names")]
pub enum Algorithm {
    Sgd,
    SgdMomentum,
    Adam,
    AdamW,
    AdamW8bit,
    PagedAdamW,
    PagedAdamW8bit,
    Adafactor,
    Lion,
    Lion8bit,
    /// torchao's: moments of 8 bits, a scale for 256.
    TorchaoAdamW8bit,
    /// torchao's: moments of 4 bits, a scale for 128 (Li et al., 2023).
    AdamW4bit,
    /// torchao's: moments in FP8, a scale for 256.
    AdamWFp8,
    /// One second moment for each row or head (Zhang et al., 2024).
    AdamMini,
    /// Averaged weights in place of a schedule (Defazio et al., 2024).
    ScheduleFree,
    /// Moments of randomly projected gradients (Zhu et al., 2024).
    Apollo,
    /// torchao's: state and update on the host, gradients stay on the device.
    OffloadedAdamW,
    /// The same with gradients sent to the host as they come.
    OffloadedAdamWGradients,
    Muon,
    Adagrad,
    RmsProp,
}

/// How the update loop is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Implementation {
    /// One tensor after another.
    ForLoop,
    /// Many tensors in one kernel, with a temporary the size of one moment (PyTorch's default on GPU).
    Foreach,
    /// One kernel, no temporary.
    Fused,
    /// Each weight is updated as soon as its gradient is there; gradients are never all alive.
    InBackward,
}

/// Where state waits between updates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatePlace {
    /// On the device.
    Device,
    /// In host memory, paged in for the update (bitsandbytes).
    Paged,
    /// In host memory, where the update is done too (torchao).
    Host,
}

impl Algorithm {
    /// Moments at one byte a value, or less.
    pub const fn is_8bit(self) -> bool {
        matches!(
            self,
            Self::AdamW8bit
                | Self::PagedAdamW8bit
                | Self::Lion8bit
                | Self::TorchaoAdamW8bit
                | Self::AdamW4bit
                | Self::AdamWFp8
        )
    }

    /// Where its state waits.
    pub const fn state_place(self) -> StatePlace {
        match self {
            Self::PagedAdamW | Self::PagedAdamW8bit => StatePlace::Paged,
            Self::OffloadedAdamW | Self::OffloadedAdamWGradients => StatePlace::Host,
            _ => StatePlace::Device,
        }
    }

    /// Whether PyTorch has it both in a loop over many tensors and in one kernel.
    pub const fn has_foreach_and_fused(self) -> bool {
        matches!(self, Self::Adam | Self::AdamW | Self::Sgd | Self::SgdMomentum)
    }

    /// Whether its library has one loop, so that another implementation means nothing.
    pub const fn has_own_loop(self) -> bool {
        self.is_8bit() || !matches!(self.state_place(), StatePlace::Device) || matches!(self, Self::ScheduleFree)
    }

    /// Whether the peak of its update was traced.
    pub const fn is_traced(self) -> bool {
        matches!(self, Self::Sgd | Self::SgdMomentum | Self::Adam | Self::AdamW | Self::AdamW8bit | Self::Adafactor)
    }
}

impl Optimizer {
    /// Whether a gradient is gone as soon as it was used, so that they are never all alive.
    pub const fn frees_gradients(&self) -> bool {
        matches!(self.implementation, Implementation::InBackward)
            || matches!(self.algorithm, Algorithm::OffloadedAdamWGradients)
    }
}
