//! What a method puts beside the weights of the model: small modules with tensors, a place in the forward pass and a
//! price. One file a method; the estimate, its formulas, the time and the pictures ask [`AdapterModules`] alone.

use super::pass::{LayerPass, linear};
use super::picture::{BlockDrawn, KeptBeside, OuterVectors, Row};
use super::setup::Setup;
use super::tape::{Tape, Tensor};
use super::trainable::{Place, TrainedTensor};
use crate::architecture::{Layer, Linear};
use crate::explained::{Explained, Term};
use crate::plan::{Method, Targets};
use std::ops::Deref;

mod bottleneck;
mod ia3;
mod lora;
mod oft;
mod prefix;
mod prompt;
mod vera;

/// The modules of a method. A method that adds nothing is [`Adapter::None`].
#[derive(Clone, Copy)]
pub enum Adapter<'a> {
    /// None.
    None,
    /// LoRA and its relatives.
    Lora(lora::LoraModules<'a>),
    /// Scaling vectors.
    Ia3(ia3::Ia3Vectors<'a>),
    /// Bottlenecks after attention and MLP.
    Bottleneck(bottleneck::Bottleneck),
    /// Trainable vectors before the input.
    Prompt(prompt::PromptVectors),
    /// Trainable keys and values.
    Prefix(prefix::PrefixVectors),
    /// Shared random matrices, trained vectors.
    Vera(vera::VeraVectors<'a>),
    /// Orthogonal blocks.
    Oft(oft::OftBlocks<'a>),
}

impl<'a> Adapter<'a> {
    /// What `method` adds.
    pub fn of(method: &'a Method) -> Self {
        match method {
            Method::Lora(lora) | Method::Qlora(lora) => Self::Lora(lora::LoraModules::new(lora)),
            Method::Ia3 { targets } => Self::Ia3(ia3::Ia3Vectors { targets }),
            Method::Adapters { bottleneck, dtype } => {
                Self::Bottleneck(bottleneck::Bottleneck { inner: *bottleneck, width: dtype.bytes() })
            }
            Method::PromptTuning { virtual_tokens } => {
                Self::Prompt(prompt::PromptVectors { virtual_tokens: *virtual_tokens, encoder: 0 })
            }
            Method::PTuning { virtual_tokens, encoder_hidden } => {
                Self::Prompt(prompt::PromptVectors { virtual_tokens: *virtual_tokens, encoder: *encoder_hidden })
            }
            Method::PrefixTuning { virtual_tokens } => {
                Self::Prefix(prefix::PrefixVectors { virtual_tokens: *virtual_tokens })
            }
            Method::Vera { rank, targets } => Self::Vera(vera::VeraVectors { rank: *rank, targets }),
            Method::Oft { block_size, targets } => Self::Oft(oft::OftBlocks { block: *block_size, targets }),
            Method::Full
            | Method::BitFit
            | Method::LastLayers { .. }
            | Method::Galore { .. }
            | Method::Blockwise { .. } => Self::None,
        }
    }

    /// Whether there are none.
    pub const fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }
}

impl<'a> Deref for Adapter<'a> {
    type Target = dyn AdapterModules + 'a;

    fn deref(&self) -> &Self::Target {
        match self {
            Self::None => &Nothing,
            Self::Lora(modules) => modules,
            Self::Ia3(modules) => modules,
            Self::Bottleneck(modules) => modules,
            Self::Prompt(modules) => modules,
            Self::Prefix(modules) => modules,
            Self::Vera(modules) => modules,
            Self::Oft(modules) => modules,
        }
    }
}

/// Where trained tensors are told.
pub type Visit<'v> = dyn FnMut(TrainedTensor) + 'v;

/// Everything the estimate asks of the modules of a method. What a method does not say is nothing.
pub trait AdapterModules {
    /// What they are, in a sentence or two.
    fn why(&self) -> &'static str;

    /// Modules of the model they stand beside; `None`: they stand elsewhere.
    fn targets(&self) -> Option<&Targets> {
        None
    }

    /// Whether the replay of them was held against traces operator by operator.
    fn is_traced(&self) -> bool {
        false
    }

    // Tensors

    /// Tensors beside one linear layer of one layer, all its copies together.
    fn linear_tensors(&self, _linear: &Linear, _visit: &mut Visit<'_>) {}

    /// Tensors in one layer that belong to no linear layer.
    fn layer_tensors(&self, _hidden: u64, _visit: &mut Visit<'_>) {}

    /// Tensors outside the layers.
    fn outer_tensors(&self, _setup: &Setup<'_>, _visit: &mut Visit<'_>) {}

    /// Values beside one copy of a linear layer as a formula, where it says more than the shapes do.
    fn formula(&self, _linear: &Linear) -> Option<Term> {
        None
    }

    /// Frozen tensors that come along.
    fn frozen(&self, _setup: &Setup<'_>) -> Option<Explained> {
        None
    }

    /// Values of those, in FP32.
    fn frozen_values(&self, _setup: &Setup<'_>) -> u64 {
        0
    }

    // The forward pass

    /// Tokens put before every sequence.
    fn virtual_tokens(&self) -> u64 {
        0
    }

    /// Keys and values put before every sequence in every layer.
    fn prefix_tokens(&self) -> u64 {
        0
    }

    /// The adapted linear layer applied to `x`, which stays with the caller.
    fn linear(&self, pass: &LayerPass<'_>, tape: &mut Tape, x: Tensor, linear: &Linear) -> Tensor {
        linear::base(pass, tape, x, linear)
    }

    /// The weight of adapted stacked experts with the update folded in.
    fn folded(&self, _pass: &LayerPass<'_>, _tape: &mut Tape, _linear: &Linear) -> Option<Tensor> {
        None
    }

    /// What follows attention or MLP; lets go of `h`.
    fn after_block(&self, _pass: &LayerPass<'_>, _tape: &mut Tape, h: Tensor) -> Tensor {
        h
    }

    /// Keys or values of `width` values a token, as attention sees them; lets go of `x`.
    fn before_attention(&self, _pass: &LayerPass<'_>, _tape: &mut Tape, x: Tensor, _width: u64) -> Tensor {
        x
    }

    // Time

    /// Multiply-adds of one token beside one copy of an adapted linear layer.
    fn linear_products(&self, _linear: &Linear) -> f64 {
        0.0
    }

    /// Multiply-adds of one token in one layer, beside no linear layer.
    fn layer_products(&self, _hidden: u64) -> f64 {
        0.0
    }

    /// Whether these are all their operations.
    fn counts_all_operations(&self) -> bool {
        true
    }

    /// Operations of one pass for one adapted linear layer, whatever the tokens.
    fn pass_operations(&self, _linear: &Linear) -> f64 {
        0.0
    }

    /// Values of one token that are read and written beside one copy of an adapted linear layer.
    fn linear_traffic(&self, _linear: &Linear) -> f64 {
        0.0
    }

    // Pictures

    /// What becomes of the weight of an adapted linear layer; `weight` draws the weight itself.
    fn drawn(&self, _linear: &Linear, weight: &dyn Fn(Row) -> Row) -> Drawn {
        Drawn { row: weight(Row::default()), formula: "y = W·x".to_owned(), note: String::new() }
    }

    /// Formula and remark at a weight that is left alone, where the modules stand elsewhere.
    fn elsewhere(&self) -> Option<(&'static str, String)> {
        None
    }

    /// Whether the gradient of what stands beside a linear layer needs what goes into it.
    fn needs_input(&self, _linear: &Linear) -> bool {
        false
    }

    /// Small tensors kept beside adapted linear layers of these names.
    fn kept_beside(&self, _names: &str) -> Option<KeptBeside> {
        None
    }

    /// Values of one token of those beside one linear layer.
    fn kept_values(&self, _linear: &Linear) -> u64 {
        0
    }

    /// What stands after attention and after the MLP.
    fn block_drawn(&self, _hidden: u64) -> Option<BlockDrawn> {
        None
    }

    /// Vectors that go into attention: their name, how many, values of each.
    fn attention_vectors(&self, _layer: &Layer) -> Option<(&'static str, u64, u64)> {
        None
    }

    /// What stands outside the layers.
    fn outer_vectors(&self, _setup: &Setup<'_>) -> Vec<OuterVectors> {
        Vec::new()
    }
}

/// A weight with what the method does to it.
pub struct Drawn {
    /// Matrices and signs.
    pub row: Row,
    /// The same as a formula.
    pub formula: String,
    /// What is special about it.
    pub note: String,
}

/// No modules.
struct Nothing;

impl AdapterModules for Nothing {
    fn why(&self) -> &'static str {
        "The method adds nothing: it trains weights of the model."
    }

    fn is_traced(&self) -> bool {
        true
    }
}

/// A trained tensor beside the model.
const fn added(rows: u64, columns: u64, copies: u64, width: u64) -> TrainedTensor {
    TrainedTensor { rows, columns, copies, width, place: Place::Layer, blocks: rows, added: true }
}
