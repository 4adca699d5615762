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
    /// Free text.
    pub notes: String,
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
