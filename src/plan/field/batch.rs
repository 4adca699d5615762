//! Fields of the tokens of one step.

use super::id;
use super::words::{PACKINGS, Word as _};
use super::{Field, FieldKind, FieldValue, Section, always, inference, training};
use crate::plan::Packing;

const SIZES: &[u64] = &[1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128];
const LENGTHS: &[u64] = &[
    128, 256, 512, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192, 12288, 16384, 24576, 32768, 49152, 65536, 98304,
    131_072,
];

pub fn fields() -> Vec<Field> {
    vec![
        integer_field!(
            id::BATCH_MICRO_BATCH,
            "micro-batch",
            Batch,
            "Micro-batch",
            "sequences",
            1..=1_048_576,
            SIZES,
            always,
            batch.micro_batch,
            "Sequences in one forward pass on one device; activations and logits grow with it."
        ),
        integer_field!(
            id::BATCH_GRADIENT_ACCUMULATION,
            "gradient-accumulation",
            Batch,
            "Accumulation",
            "passes",
            1..=1_048_576,
            SIZES,
            training,
            batch.gradient_accumulation,
            "Forward passes before one optimizer step; costs time, and above 1 gradients stay alive through the forward pass."
        ),
        integer_field!(
            id::BATCH_SEQUENCE_LENGTH,
            "sequence-length",
            Batch,
            "Sequence length",
            "tokens",
            1..=16_777_216,
            LENGTHS,
            always,
            batch.sequence_length,
            "Tokens of one sequence, or of the prompt; activations and logits grow with it."
        ),
        word_field!(id::BATCH_PACKING, "packing", Batch, "Packing", PACKINGS, training, batch.packing: Packing, "How examples of different length share a batch."),
        integer_field!(
            id::BATCH_NEW_TOKENS,
            "new-tokens",
            Batch,
            "New tokens",
            "tokens",
            0..=16_777_216,
            LENGTHS,
            inference,
            batch.new_tokens,
            "Tokens generated after the prompt; the cache grows with them."
        ),
        text_field!(
            id::BATCH_NOTES,
            "batch-notes",
            Batch,
            "Notes on the batch",
            FieldKind::Notes,
            batch.notes,
            "Why this batch."
        ),
    ]
}
