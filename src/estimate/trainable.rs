//! Every parameter tensor that receives a gradient, by method, with its exact shape.
//!
//! Shapes follow Hugging Face PEFT 0.21 for the methods it has, and the papers for the rest.

use super::setup::{Adapter, Setup};
use super::shape::{Part, layer_tensors, outer_tensors};
use crate::architecture::{Layer, Linear, LinearRole};

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
    /// It is the weight of an embedding module.
    pub embedding: bool,
    /// It is added to the base model rather than part of it.
    pub added: bool,
}

impl TrainedTensor {
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
                        embedding: false,
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
pub fn outer(setup: &Setup<'_>, visit: &mut impl FnMut(TrainedTensor)) {
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
                embedding: tensor.part == Part::Embedding
                    || (tensor.part == Part::EmbeddingExtra && tensor.columns > 1),
                // PEFT keeps the frozen original and trains a copy (`modules_to_save`).
                added: modules_to_save(setup) && tensor.part != Part::FinalNorm,
            });
        }
    });
    let architecture = setup.architecture;
    if trained.head && !trained.embedding && architecture.head.tied {
        // A tied head that is trained alone becomes a matrix of its own.
        visit(TrainedTensor {
            rows: architecture.vocab_size,
            columns: architecture.embedding.width,
            copies: 1,
            width: setup.outer_width,
            embedding: false,
            added: true,
        });
    }
    let vector = |rows, columns| TrainedTensor { rows, columns, copies: 1, width: 4, embedding: false, added: true };
    let hidden = setup.architecture.hidden_size;
    match setup.trained.adapter {
        Adapter::Prompt { virtual_tokens, encoder } => {
            visit(TrainedTensor { embedding: true, ..vector(virtual_tokens, hidden) });
            if encoder > 0 {
                // Three linear layers of the encoder of PEFT's `PromptEncoder` (MLP).
                visit(vector(encoder, hidden));
                visit(vector(encoder, encoder));
                visit(vector(hidden, encoder));
                visit(TrainedTensor { copies: 2, ..vector(encoder, 1) });
                visit(vector(hidden, 1));
            }
        }
        Adapter::Prefix { virtual_tokens } => {
            let mut width = 0_u64;
            for group in &setup.architecture.layers {
                let (values, _) = group.layer.kv_values_per_token();
                width = width.saturating_add(values.saturating_mul(group.count));
            }
            visit(TrainedTensor { embedding: true, ..vector(virtual_tokens, width) });
        }
        _ => {}
    }
}

/// Whether trained embeddings and heads are copies beside the frozen originals, as PEFT makes them.
pub fn modules_to_save(setup: &Setup<'_>) -> bool {
    matches!(
        setup.trained.adapter,
        Adapter::Lora { .. } | Adapter::Ia3 { .. } | Adapter::Vera { .. } | Adapter::Oft { .. }
    )
}

/// Tensors that the method adds to one layer.
pub fn adapter_tensors(setup: &Setup<'_>, layer: &Layer, mut visit: impl FnMut(TrainedTensor)) {
    let hidden = setup.architecture.hidden_size;
    let matrix =
        |rows, columns, copies, width| TrainedTensor { rows, columns, copies, width, embedding: false, added: true };
    match setup.trained.adapter {
        Adapter::None | Adapter::Prompt { .. } | Adapter::Prefix { .. } => {}
        Adapter::Lora { lora, width } => {
            each_adapted(setup, layer, |linear| {
                // Stacked experts have one pair of factors for all, of rank × experts; gate and up in one doubles the rank.
                let experts = if linear.stacked_experts { linear.copies } else { 1 };
                let copies = linear.copies.checked_div(experts).unwrap_or(1);
                let rank = expert_rank(lora.rank, &linear).saturating_mul(experts);
                visit(matrix(rank, linear.in_features, copies, width));
                visit(matrix(linear.out_features, rank, copies, width));
                if lora.weight_decomposed && !linear.stacked_experts {
                    visit(matrix(linear.out_features, 1, linear.copies, width));
                }
            });
        }
        Adapter::Ia3 { .. } => {
            each_adapted(setup, layer, |linear| {
                // Feed-forward modules are scaled at their input, attention modules at their output.
                let values = if ia3_scales_input(&linear) { linear.in_features } else { linear.out_features };
                visit(matrix(values, 1, linear.copies, 4));
            });
        }
        Adapter::Bottleneck { inner, width } => {
            // Down and up projection with biases, after attention and after the MLP.
            visit(matrix(inner, hidden, 2, width));
            visit(matrix(hidden, inner, 2, width));
            visit(matrix(inner, 1, 2, width));
            visit(matrix(hidden, 1, 2, width));
        }
        Adapter::Vera { rank, .. } => {
            each_adapted(setup, layer, |linear| {
                visit(matrix(linear.out_features, 1, linear.copies, 4));
                visit(matrix(rank, 1, linear.copies, 4));
            });
        }
        Adapter::Oft { block, .. } => {
            each_adapted(setup, layer, |linear| {
                // One skew-symmetric matrix per block of the input: block·(block − 1)/2 values.
                let blocks = linear.in_features.checked_div(block).unwrap_or(0);
                visit(matrix(blocks, block.saturating_mul(block.saturating_sub(1)) / 2, linear.copies, 4));
            });
        }
    }
}

/// Calls `visit` for each linear layer of a layer that the method adapts.
fn each_adapted(setup: &Setup<'_>, layer: &Layer, mut visit: impl FnMut(Linear)) {
    layer.each_linear(setup.architecture.hidden_size, &setup.architecture.model_code, |linear| {
        if setup.adapts(&linear) {
            visit(linear);
        }
    });
}

/// Rank of the factors beside one expert of `linear`: PEFT doubles it where gate and up were two modules.
pub const fn expert_rank(rank: u64, linear: &Linear) -> u64 {
    if linear.stacked_experts && matches!(linear.role, LinearRole::FusedGateUp) { rank.saturating_mul(2) } else { rank }
}

/// Whether IA³ scales what goes into the module rather than what comes out.
pub const fn ia3_scales_input(linear: &Linear) -> bool {
    matches!(linear.role, LinearRole::Down)
}

/// Parameters of the shared frozen matrices of VeRA: rank × largest input and largest output × rank.
pub fn vera_shared_values(setup: &Setup<'_>) -> u64 {
    let Some((rank, widest_in, widest_out)) = vera_widest(setup) else { return 0 };
    rank.saturating_mul(widest_in.saturating_add(widest_out))
}

/// Rank of VeRA's shared matrices, and the largest input and output they serve.
pub fn vera_widest(setup: &Setup<'_>) -> Option<(u64, u64, u64)> {
    let Adapter::Vera { rank, .. } = setup.trained.adapter else { return None };
    let (mut widest_in, mut widest_out) = (0, 0);
    for group in &setup.architecture.layers {
        each_adapted(setup, &group.layer, |linear| {
            widest_in = widest_in.max(linear.in_features);
            widest_out = widest_out.max(linear.out_features);
        });
    }
    Some((rank, widest_in, widest_out))
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
