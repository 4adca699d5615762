//! Prompt tuning (Lester et al. 2021) and p-tuning (Liu et al. 2021): trained vectors before the input.

use super::{AdapterModules, Visit, added};
use crate::estimate::picture::OuterVectors;
use crate::estimate::setup::Setup;
use crate::estimate::trainable::{Place, TrainedTensor};

/// Trained vectors, and the network that makes them.
#[derive(Clone, Copy)]
pub struct PromptVectors {
    /// How many.
    pub virtual_tokens: u64,
    /// Width of the network; 0: none.
    pub encoder: u64,
}

impl AdapterModules for PromptVectors {
    fn why(&self) -> &'static str {
        "Trained vectors before the input."
    }

    fn outer_tensors(&self, setup: &Setup<'_>, visit: &mut Visit<'_>) {
        let (hidden, encoder) = (setup.architecture.hidden_size, self.encoder);
        visit(TrainedTensor { place: Place::Table, ..added(self.virtual_tokens, hidden, 1, 4) });
        if encoder > 0 {
            // Three linear layers of the encoder of PEFT's `PromptEncoder` (MLP).
            visit(added(encoder, hidden, 1, 4));
            visit(added(encoder, encoder, 1, 4));
            visit(added(hidden, encoder, 1, 4));
            visit(added(encoder, 1, 2, 4));
            visit(added(hidden, 1, 1, 4));
        }
    }

    fn virtual_tokens(&self) -> u64 {
        self.virtual_tokens
    }

    fn elsewhere(&self) -> Option<(&'static str, String)> {
        Some(("y = W·x", "The matrix is untouched: only vectors before the input are trained.".to_owned()))
    }

    fn outer_vectors(&self, setup: &Setup<'_>) -> Vec<OuterVectors> {
        let (hidden, encoder) = (setup.architecture.hidden_size, self.encoder);
        let vectors = |name, rows, trained_values| OuterVectors { name, rows, columns: hidden, trained_values };
        let mut all = vec![vectors("Prompt vectors", self.virtual_tokens, self.virtual_tokens.saturating_mul(hidden))];
        if encoder > 0 {
            // Three linear layers with biases: hidden → encoder → encoder → hidden.
            let matrices = hidden.saturating_mul(2).saturating_add(encoder).saturating_mul(encoder);
            let values = matrices.saturating_add(encoder.saturating_mul(2)).saturating_add(hidden);
            all.push(vectors("Prompt encoder", encoder, values));
        }
        all
    }
}
