//! The matrices and vectors of a layer, as the model's code names and splits them.

use crate::architecture::{Architecture, Attention, Layer, LinearRole, NormKind};

/// Vectors of one norm: weight and bias.
pub const fn norm_vectors(kind: NormKind) -> u64 {
    match kind {
        NormKind::Rms | NormKind::RmsGemma | NormKind::LayerNoBias => 1,
        NormKind::Layer => 2,
        NormKind::LayerNoParams => 0,
    }
}

/// Vectors of a layer that are no linear layer, as (values of one vector, how many).
const fn vectors(layer: &Layer, hidden: u64) -> [(u64, u64); 3] {
    [
        (hidden, layer.norms.saturating_mul(norm_vectors(layer.norm))),
        (layer.attention_extra_params(), 1),
        (layer.extra_params, 1),
    ]
}

/// One shape of parameter tensor of the base model: `rows × columns` (`columns` 1 for a vector), `copies` of them.
#[derive(Clone, Copy, Debug)]
pub struct BaseTensor {
    /// Outer dimension.
    pub rows: u64,
    /// Inner dimension.
    pub columns: u64,
    /// How many.
    pub copies: u64,
    /// Parts that Adam-mini gives one step size each (Zhang et al., 2024): heads of queries and keys, rows of other
    /// matrices, values of biases; other vectors are one.
    pub blocks: u64,
    /// What it is.
    pub part: Part,
}

/// What a parameter tensor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Token table.
    Embedding,
    /// Position table and other always-used input parameters.
    EmbeddingExtra,
    /// A linear layer of a layer, which 4- and 8-bit loads quantize.
    Linear,
    /// Routed experts stacked in one tensor.
    Experts,
    /// A bias of a layer.
    Bias,
    /// Norms and other vectors of a layer.
    Vector,
    /// Norm before the head.
    FinalNorm,
    /// Output head of its own.
    Head,
    /// Bias of the head.
    HeadBias,
}

/// Heads of a projection of queries or keys.
const fn heads(layer: &Layer, role: LinearRole) -> Option<u64> {
    match (&layer.attention, role) {
        (Attention::Softmax(shape), LinearRole::Query) => Some(shape.heads),
        (Attention::Softmax(shape), LinearRole::Key) => Some(shape.kv_heads),
        _ => None,
    }
}

/// Calls `visit` for every parameter tensor of one layer.
pub fn layer_tensors(layer: &Layer, hidden: u64, code: &str, mut visit: impl FnMut(BaseTensor)) {
    layer.each_linear(hidden, code, |linear| {
        if linear.stacked_experts {
            // One three-dimensional tensor for all experts.
            let columns = linear.in_features.saturating_mul(linear.copies);
            let rows = linear.out_features;
            visit(BaseTensor { rows, columns, copies: 1, blocks: rows, part: Part::Experts });
        } else if linear.role == LinearRole::Router {
            let (rows, columns) = (linear.out_features, linear.in_features);
            visit(BaseTensor { rows, columns, copies: 1, blocks: rows, part: Part::Vector });
        } else {
            let (rows, columns) = (linear.out_features, linear.in_features);
            let blocks = heads(layer, linear.role).unwrap_or(rows);
            visit(BaseTensor { rows, columns, copies: linear.copies, blocks, part: Part::Linear });
        }
        if linear.bias {
            let rows = linear.out_features;
            visit(BaseTensor { rows, columns: 1, copies: linear.copies, blocks: rows, part: Part::Bias });
        }
    });
    for (values, copies) in vectors(layer, hidden) {
        if values > 0 && copies > 0 {
            visit(BaseTensor { rows: values, columns: 1, copies, blocks: 1, part: Part::Vector });
        }
    }
}

/// Which ends of the model a device holds; all but a pipeline stage hold both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// Token table and what else stands before the layers.
    pub table: bool,
    /// Last norm, head and loss.
    pub head: bool,
    /// Rows of a head that stands in place of the vocabulary's.
    pub classes: Option<u64>,
}

impl Ends {
    /// The whole model.
    pub const WHOLE: Self = Self { table: true, head: true, classes: None };
}

/// Calls `visit` for every parameter tensor outside the layers that stands at one of `ends`.
pub fn outer_tensors(architecture: &Architecture, ends: Ends, mut visit: impl FnMut(BaseTensor)) {
    all_outer_tensors(architecture, ends.classes, |tensor| {
        let there = match tensor.part {
            Part::Embedding | Part::EmbeddingExtra => ends.table,
            _ => ends.head,
        };
        if there {
            visit(tensor);
        }
    });
}

fn all_outer_tensors(architecture: &Architecture, classes: Option<u64>, mut visit: impl FnMut(BaseTensor)) {
    let one = |rows, columns, part| BaseTensor { rows, columns, copies: 1, blocks: rows, part };
    let embedding = &architecture.embedding;
    visit(one(architecture.vocab_size, embedding.width, Part::Embedding));
    if embedding.position_rows > 0 {
        visit(one(embedding.position_rows, embedding.width, Part::EmbeddingExtra));
    }
    let rest = embedding.extra_params.saturating_add(architecture.other_params);
    if rest > 0 {
        visit(one(rest, 1, Part::EmbeddingExtra));
    }
    let norms = norm_vectors(architecture.final_norm);
    if norms > 0 {
        let rows = architecture.hidden_size;
        visit(BaseTensor { rows, columns: 1, copies: norms, blocks: 1, part: Part::FinalNorm });
    }
    if let Some(rows) = classes {
        visit(one(rows, architecture.hidden_size, Part::Head));
        return;
    }
    if !architecture.head.tied {
        visit(one(architecture.vocab_size, embedding.width, Part::Head));
    }
    if architecture.head.bias {
        visit(one(architecture.vocab_size, 1, Part::HeadBias));
    }
}
