//! The base model: where its shape comes from.

use crate::architecture::Architecture;

/// Base model and remarks on it.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// Where its shape comes from.
    pub source: ModelSource,
    /// Free text.
    pub notes: String,
}

/// Where the shape of the model comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum ModelSource {
    /// A row of the catalogue, by id.
    Catalog(String),
    /// A file or folder, with the shape read from it, so that the plan means the same where the file is not.
    File {
        /// Path as the user gave it.
        path: String,
        /// Shape read from it.
        architecture: Box<Architecture>,
    },
    /// Typed by hand: a Llama-like shape.
    Typed(HandShape),
}

/// The few numbers a person types to describe a model.
#[derive(Clone, Debug, PartialEq)]
pub struct HandShape {
    /// Width of the residual stream.
    pub hidden_size: u64,
    /// Decoder layers.
    pub layers: u64,
    /// Query heads.
    pub heads: u64,
    /// Key and value heads.
    pub kv_heads: u64,
    /// Width of a head.
    pub head_dim: u64,
    /// Inner width of the MLP (of one expert where there are experts).
    pub intermediate_size: u64,
    /// Vocabulary rows.
    pub vocab_size: u64,
    /// Head shares the token embedding.
    pub tied: bool,
    /// Gate × up (three matrices) or two matrices.
    pub gated_mlp: bool,
    /// Routed experts; 0 for a dense model.
    pub experts: u64,
    /// Experts a token goes through.
    pub experts_per_token: u64,
}

impl Default for HandShape {
    /// Llama 3.1 8B, so that a person starts from figures that fit together.
    fn default() -> Self {
        Self {
            hidden_size: 4096,
            layers: 32,
            heads: 32,
            kv_heads: 8,
            head_dim: 128,
            intermediate_size: 14336,
            vocab_size: 128_256,
            tied: false,
            gated_mlp: true,
            experts: 0,
            experts_per_token: 2,
        }
    }
}
