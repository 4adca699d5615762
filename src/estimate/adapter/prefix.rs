//! Prefix tuning (Li and Liang 2021): trained keys and values before those of every layer.

use super::{AdapterModules, Visit, added};
use crate::architecture::Layer;
use crate::estimate::pass::LayerPass;
use crate::estimate::picture::OuterVectors;
use crate::estimate::setup::Setup;
use crate::estimate::tape::{Tape, Tensor};
use crate::estimate::trainable::{Place, TrainedTensor};

/// Trained keys and values.
#[derive(Clone, Copy)]
pub struct PrefixVectors {
    /// How many of each in every layer.
    pub virtual_tokens: u64,
}

/// Keys and values of one token in all layers.
fn width(setup: &Setup<'_>) -> u64 {
    setup.architecture.layers.iter().fold(0_u64, |sum, group| {
        let (values, _) = group.layer.kv_values_per_token();
        sum.saturating_add(values.saturating_mul(group.count))
    })
}

impl AdapterModules for PrefixVectors {
    fn why(&self) -> &'static str {
        "Trained keys and values in every layer."
    }

    fn outer_tensors(&self, setup: &Setup<'_>, visit: &mut Visit<'_>) {
        visit(TrainedTensor { place: Place::Table, ..added(self.virtual_tokens, width(setup), 1, 4) });
    }

    fn prefix_tokens(&self) -> u64 {
        self.virtual_tokens
    }

    fn before_attention(&self, pass: &LayerPass<'_>, tape: &mut Tape, x: Tensor, width: u64) -> Tensor {
        let extra = pass.setup.batch.saturating_mul(self.virtual_tokens).saturating_mul(width);
        let prefix = tape.input(extra, x.width, pass.adapted);
        let joined = tape.unary(prefix, x.count.saturating_add(extra), x.width, true);
        tape.drop(prefix);
        tape.drop(x);
        joined
    }

    fn elsewhere(&self) -> Option<(&'static str, String)> {
        Some(("y = W·x", "The matrix is untouched: only vectors before keys and values are trained.".to_owned()))
    }

    fn attention_vectors(&self, layer: &Layer) -> Option<(&'static str, u64, u64)> {
        let (width, _) = layer.kv_values_per_token();
        Some(("prefix keys, values", self.virtual_tokens, width))
    }

    fn outer_vectors(&self, setup: &Setup<'_>) -> Vec<OuterVectors> {
        let columns = width(setup);
        let trained_values = self.virtual_tokens.saturating_mul(columns);
        vec![OuterVectors { name: "Prefix of all layers", rows: self.virtual_tokens, columns, trained_values }]
    }
}
