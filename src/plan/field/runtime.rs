//! Fields of the software stack.

use super::id;
use super::words::{ATTENTION_KERNELS, CHECKPOINTINGS, LOSS_KERNELS, Word as _};
use super::{CatalogKind, Field, FieldKind, FieldValue, Section, always, training};
use crate::plan::{AttentionKernel, Checkpointing, LossKernel};

pub fn fields() -> Vec<Field> {
    vec![
        catalog_field!(
            id::RUNTIME_PROFILE,
            "profile",
            Runtime,
            "Software stack",
            Profile,
            always,
            runtime.profile,
            "Runtime profile: what this stack allocates beside the formulas, with its evidence."
        ),
        word_field!(id::RUNTIME_CHECKPOINTING, "checkpointing", Runtime, "Checkpointing", CHECKPOINTINGS, training, runtime.checkpointing: Checkpointing, "Activations that are recomputed in backward instead of kept."),
        word_field!(id::RUNTIME_ATTENTION, "attention", Runtime, "Attention kernel", ATTENTION_KERNELS, always, runtime.attention: AttentionKernel, "Whether the matrix of every token with every token exists."),
        word_field!(id::RUNTIME_LOSS, "loss", Runtime, "Loss kernel", LOSS_KERNELS, training, runtime.loss: LossKernel, "How often logits of the whole vocabulary exist."),
        toggle_field!(
            id::RUNTIME_COMPILE,
            "compile",
            Runtime,
            "Compile",
            training,
            runtime.compile,
            "The model's code is compiled (torch.compile): fewer kernels that move less memory. Its memory is taken as that of the operators one by one."
        ),
        text_field!(
            id::RUNTIME_NOTES,
            "runtime-notes",
            Runtime,
            "Notes on the runtime",
            FieldKind::Notes,
            runtime.notes,
            "Why this stack."
        ),
    ]
}
