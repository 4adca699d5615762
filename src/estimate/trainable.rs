//! Every parameter tensor that receives a gradient, by method, with its exact shape.
//!
//! Shapes follow Hugging Face PEFT 0.21 for the methods it has, and the papers for the rest.

use super::setup::Setup;
use super::shape::{Part, layer_tensors, outer_tensors};
use crate::architecture::{Layer, Linear};

/// Trained tensors of one shape.
#[derive(Clone, Copy, Debug)]
pub struct TrainedTensor {
    /// Outer dimension.
    pub rows: u64,
    /// Inner dimension; 1 for a vector.
    pub columns: u64,
    /// How many.
    pub copies: u64,
    /// Bytes of one value.
    pub width: u64,
    /// Where it stands.
    pub place: Place,
    /// Parts of it with one step size each in Adam-mini: heads of queries and keys, rows of other matrices, vectors whole.
    pub blocks: u64,
    /// It is added to the base model rather than part of it.
    pub added: bool,
}

/// Where a trained tensor stands; optimizers treat the ends of a model otherwise than its layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a layer, or in an adapter.
    Layer,
    /// The weight of an embedding module.
    Table,
    /// The output head, or a vector outside the layers.
    Head,
}

impl TrainedTensor {
    /// Whether it is a matrix of a layer or of an adapter.
    pub const fn is_matrix_of_layer(&self) -> bool {
        self.columns > 1 && matches!(self.place, Place::Layer)
    }

    /// Values of one copy.
    pub const fn values_each(&self) -> u64 {
        self.rows.saturating_mul(self.columns)
    }

    /// Values of all copies.
    pub const fn values(&self) -> u64 {
        self.values_each().saturating_mul(self.copies)
    }

    /// Bytes of all copies.
    pub const fn bytes(&self) -> u64 {
        self.values().saturating_mul(self.width)
    }
}

/// Calls `visit` for every trained tensor.
pub fn trained_tensors(setup: &Setup<'_>, visit: &mut impl FnMut(TrainedTensor)) {
    let trained = &setup.trained;
    let hidden = setup.architecture.hidden_size;
    let code = setup.architecture.model_code.as_str();
    // Layers are counted from the last; groups are kinds, so the last ones are taken from the last kind.
    let mut remaining = trained.layers;
    for group in setup.architecture.layers.iter().rev() {
        let whole = remaining.min(group.count);
        remaining -= whole;
        if whole > 0 || trained.biases {
            layer_tensors(&group.layer, hidden, code, |tensor| {
                let bias = tensor.part == Part::Bias;
                let layers = if bias && trained.biases { group.count } else { whole };
                if layers > 0 {
                    visit(TrainedTensor {
                        rows: tensor.rows,
                        columns: tensor.columns,
                        copies: tensor.copies.saturating_mul(layers),
                        width: if matches!(tensor.part, Part::Linear | Part::Experts) {
                            setup.width
                        } else {
                            setup.outer_width
                        },
                        place: Place::Layer,
                        blocks: tensor.blocks,
                        added: false,
                    });
                }
            });
        }
        adapter_tensors(setup, &group.layer, |tensor| {
            visit(TrainedTensor { copies: tensor.copies.saturating_mul(group.count), ..tensor });
        });
    }
    outer(setup, visit);
}

/// Calls `visit` for every trained tensor outside the layers.
pub fn outer(setup: &Setup<'_>, visit: &mut dyn FnMut(TrainedTensor)) {
    let trained = &setup.trained;
    outer_tensors(setup.architecture, setup.ends, |tensor| {
        let wanted = match tensor.part {
            Part::Embedding | Part::EmbeddingExtra => trained.embedding,
            Part::Head | Part::HeadBias => trained.head,
            Part::FinalNorm => trained.final_norm,
            _ => false,
        };
        if wanted {
            visit(TrainedTensor {
                rows: tensor.rows,
                columns: tensor.columns,
                copies: tensor.copies,
                width: setup.outer_width,
                place: match tensor.part {
                    Part::Embedding => Place::Table,
                    Part::EmbeddingExtra if tensor.columns > 1 => Place::Table,
                    _ => Place::Head,
                },
                blocks: tensor.blocks,
                // PEFT keeps the frozen original and trains a copy (`modules_to_save`).
                added: modules_to_save(setup) && tensor.part != Part::FinalNorm,
            });
        }
    });
    let architecture = setup.architecture;
    if trained.head && !trained.embedding && setup.is_tied() {
        // A tied head that is trained alone becomes a matrix of its own.
        visit(TrainedTensor {
            rows: architecture.vocab_size,
            columns: architecture.embedding.width,
            copies: 1,
            width: setup.outer_width,
            place: Place::Head,
            blocks: architecture.vocab_size,
            added: true,
        });
    }
    trained.adapter.outer_tensors(setup, visit);
}

/// Whether trained embeddings and heads are copies beside the frozen originals, as PEFT makes them.
pub fn modules_to_save(setup: &Setup<'_>) -> bool {
    setup.trained.adapter.targets().is_some()
}

/// Tensors that the method adds to one layer.
pub fn adapter_tensors(setup: &Setup<'_>, layer: &Layer, mut visit: impl FnMut(TrainedTensor)) {
    let modules = &setup.trained.adapter;
    if modules.targets().is_some() {
        each_adapted(setup, layer, |linear| modules.linear_tensors(&linear, &mut visit));
    }
    modules.layer_tensors(setup.architecture.hidden_size, &mut visit);
}

/// Calls `visit` for each linear layer of a layer that the method adapts.
pub fn each_adapted(setup: &Setup<'_>, layer: &Layer, mut visit: impl FnMut(Linear)) {
    layer.each_linear(setup.architecture.hidden_size, &setup.architecture.model_code, |linear| {
        if setup.adapts(&linear) {
            visit(linear);
        }
    });
}

/// Sums over the trained tensors.
#[derive(Clone, Copy, Debug, Default)]
pub struct TrainedTotals {
    /// Values with a gradient.
    pub values: u64,
    /// Their bytes as parameters.
    pub bytes: u64,
    /// Values beside the base model.
    pub added_values: u64,
    /// Their bytes.
    pub added_bytes: u64,
    /// Bytes of the largest tensor.
    pub largest_bytes: u64,
}

/// Adds the trained tensors up.
pub fn totals(setup: &Setup<'_>) -> TrainedTotals {
    let mut sum = TrainedTotals::default();
    trained_tensors(setup, &mut |tensor| {
        sum.values = sum.values.saturating_add(tensor.values());
        sum.bytes = sum.bytes.saturating_add(tensor.bytes());
        sum.largest_bytes = sum.largest_bytes.max(tensor.values_each().saturating_mul(tensor.width));
        if tensor.added {
            sum.added_values = sum.added_values.saturating_add(tensor.values());
            sum.added_bytes = sum.added_bytes.saturating_add(tensor.bytes());
        }
    });
    sum
}
