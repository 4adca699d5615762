//! Fields of the data: what is read, and how it is written for the model.

use super::id;
use super::{Field, FieldKind, FieldValue, Section, training};

const COUNTS: &[u64] = &[0, 1, 2, 8, 64, 256, 1024];

pub fn fields() -> Vec<Field> {
    vec![
        text_field!(
            id::DATA_DATASET,
            "dataset",
            Data,
            "Dataset",
            FieldKind::Text,
            data.dataset,
            "File, folder or published name of the training data. No figure rests on it; exported files name it."
        ),
        text_field!(
            id::DATA_SPLIT,
            "split",
            Data,
            "Split",
            FieldKind::Text,
            data.split,
            "Part of the dataset that is trained on. No figure rests on it; exported files name it."
        ),
        text_field!(
            id::DATA_TEMPLATE,
            "chat-template",
            Data,
            "Chat template",
            FieldKind::Text,
            data.template,
            "Name or file of the chat template; empty: that of the model. No figure rests on it; exported files name it."
        ),
        integer_field!(
            id::DATA_ADDED_TOKENS,
            "added-tokens",
            Data,
            "Added tokens",
            "tokens",
            0..=1_048_576,
            COUNTS,
            training,
            data.added_tokens,
            "Tokens added to the vocabulary: rows of the token table and of the head, and logits."
        ),
        text_field!(
            id::DATA_NOTES,
            "data-notes",
            Data,
            "Notes on the data",
            FieldKind::Notes,
            data.notes,
            "Where it comes from."
        ),
    ]
}
