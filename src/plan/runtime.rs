//! The software stack: profile and kernels.

/// Software stack.
#[derive(Clone, Debug, PartialEq)]
pub struct Runtime {
    /// Id of a runtime profile (`hf-trainer`, `plain-pytorch`, `unsloth`, …).
    pub profile: String,
    /// What is recomputed in backward.
    pub checkpointing: Checkpointing,
    /// Attention kernel.
    pub attention: AttentionKernel,
    /// Loss kernel.
    pub loss: LossKernel,
    /// The model's code is compiled (`torch.compile`).
    pub compile: bool,
    /// Free text.
    pub notes: String,
}

/// Gradient checkpointing (activation recomputation).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Checkpointing {
    /// Everything is kept.
    None,
    /// Attention and activation functions are recomputed, matrix products kept.
    Selective,
    /// Only the input of each layer is kept.
    Full,
}

/// Attention kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AttentionKernel {
    /// Flash attention or PyTorch SDPA: no sequence × sequence matrix.
    Sdpa,
    /// Written out; keeps the probabilities.
    Eager,
}

/// Loss kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LossKernel {
    /// What the software stack does for this kind of fine-tuning.
    Stack,
    /// Logits, FP32 copy, log-softmax: three vocabulary-sized tensors.
    Unfused,
    /// One kernel on logits that exist once.
    FusedLogits,
    /// Head and loss in chunks; the logits never exist whole (Liger, cut cross-entropy).
    FusedLinear,
}
