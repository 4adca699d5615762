//! Fields of the optimizer.

use super::id;
use super::words::{ALGORITHMS, IMPLEMENTATIONS, Word as _};
use super::{Field, FieldKind, FieldValue, Section, training};
use crate::plan::{Algorithm, Implementation};

pub fn fields() -> Vec<Field> {
    vec![
        word_field!(id::OPTIMIZER_ALGORITHM, "optimizer", Optimizer, "Optimizer", ALGORITHMS, training, optimizer.algorithm: Algorithm, "Update rule; decides how many values are kept for every trained one."),
        word_field!(id::OPTIMIZER_IMPLEMENTATION, "optimizer-implementation", Optimizer, "Implementation", IMPLEMENTATIONS, training, optimizer.implementation: Implementation, "How the update is written; decides the temporary copies in the step."),
        toggle_field!(
            id::OPTIMIZER_CLIP_GRADIENTS,
            "clip-gradients",
            Optimizer,
            "Clip gradients",
            training,
            optimizer.clip_gradients,
            "Gradients are scaled to a norm before the step."
        ),
        text_field!(
            id::OPTIMIZER_NOTES,
            "optimizer-notes",
            Optimizer,
            "Notes on the optimizer",
            FieldKind::Notes,
            optimizer.notes,
            "Why this optimizer."
        ),
    ]
}
