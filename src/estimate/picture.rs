//! The method as a picture: which parts of the model are trained, what stands beside them, and which tensors a layer
//! keeps for whom.
//!
//! The same digest as the estimate's is read, so picture and figures cannot differ about what is trained. Kept tensors
//! are those that pass between modules, in the format of the arithmetic; casts, statistics of norms and other
//! operator-level copies are in the estimate only.

use super::Inputs;
use super::optimizer::state_of;
use super::setup::Setup;
use super::shape::{Part, layer_tensors};
use super::trainable::{Place, TrainedTensor, adapter_tensors, trained_tensors};
use crate::architecture::{Attention, Layer, LayerGroup, LinearRole, Mlp};
use crate::plan::field::id;
use crate::units::Bytes;

mod layer;
mod matrix;
mod targets;

pub use layer::added_piece;
pub use matrix::{Expression, MatrixTerm, Row, Term};
pub use targets::with_target;

/// Small tensors that are kept beside adapted linear layers.
pub struct KeptBeside {
    /// What they are.
    pub name: String,
    /// The gradient of the input needs them too.
    pub for_input: bool,
}

/// What a method puts after attention and after the MLP.
pub struct BlockDrawn {
    /// What it computes.
    pub detail: String,
    /// Its matrices.
    pub pieces: Vec<Piece>,
    /// Inner values of one token.
    pub inner: u64,
}

/// Vectors that a method puts outside the layers.
pub struct OuterVectors {
    /// What they are.
    pub name: &'static str,
    /// How many.
    pub rows: u64,
    /// Values of each.
    pub columns: u64,
    /// Trained values, of what makes them among others.
    pub trained_values: u64,
}

/// Everything the page of methods draws.
#[derive(Clone, Debug, PartialEq)]
pub struct MethodPicture {
    /// Kinds of layers, in the order they first appear.
    pub kinds: Vec<LayerKind>,
    /// What stands before and after the layers.
    pub outer: Vec<OuterPart>,
    /// Values with a gradient.
    pub trainable: u64,
    /// Values of the base model.
    pub base: u64,
    /// Tokens in one forward pass on one device.
    pub tokens: u64,
    /// Training rather than inference.
    pub training: bool,
}

/// Layers of one shape.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerKind {
    /// How many there are.
    pub count: u64,
    /// What tells them from the others: `softmax attention, dense MLP`.
    pub title: String,
    /// How many of them have their own weights trained; counted from the last layer.
    pub trained_layers: u64,
    /// A gradient goes through the layer that is drawn.
    pub gradient_flows: bool,
    /// Modules in the order of the forward pass.
    pub steps: Vec<Step>,
    /// Values of one layer of the base model.
    pub base_values: u64,
    /// Trained values of one layer, of which `added_values` stand beside the base model.
    pub trained_values: u64,
    /// Values that the method adds to one layer.
    pub added_values: u64,
    /// Gradients of one layer's trained values.
    pub gradients: Bytes,
    /// Optimizer state of one layer's trained values, with FP32 copies of the weights.
    pub optimizer_state: Bytes,
    /// The matrix picture of each linear layer of the layer.
    pub matrices: Vec<Expression>,
}

/// Title of the step that stands for what comes into the layer.
pub const LAYER_INPUT: &str = "Layer input";

/// A stretch of the layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Name: `Projections`, `Attention`, …
    pub title: &'static str,
    /// What it computes.
    pub detail: String,
    /// Its weights.
    pub pieces: Vec<Piece>,
    /// Tensors that backward needs of it.
    pub kept: Vec<Kept>,
}

/// A weight of a layer, or a module that the method adds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Module name in the model's code, or what is added.
    pub name: String,
    /// Part of the layer, where it is a linear layer.
    pub role: Option<LinearRole>,
    /// Output width.
    pub rows: u64,
    /// Input width; 1 for a vector.
    pub columns: u64,
    /// How many of this shape (experts).
    pub copies: u64,
    /// What is trained of it.
    pub state: PieceState,
    /// Values with a gradient, in the weight or beside it.
    pub trained_values: u64,
    /// It is one of the method's target modules; `None`: the method has none.
    pub target: Option<bool>,
}

/// What is trained of a weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PieceState {
    /// Nothing.
    Frozen,
    /// Only its bias.
    Bias,
    /// Something small beside it; the weight itself stays.
    Adapted,
    /// The weight itself.
    Trained,
    /// It is not part of the base model: the method adds it.
    Added,
}

/// A tensor that backward needs.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    /// What it is.
    pub name: String,
    /// Values of one token.
    pub values_per_token: u64,
    /// Its bytes for all tokens of one forward pass.
    pub bytes: Bytes,
    /// Who needs it.
    pub purpose: Purpose,
    /// What becomes of it.
    pub fate: Fate,
}

/// Who needs a tensor in backward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The gradient of a trained weight: dW = dYᵀ · X needs the input X.
    WeightGradient,
    /// The gradient that is handed on: products, attention and activation functions need what they multiplied.
    InputGradient,
    /// Both.
    Both,
    /// The layer is computed again from it.
    Checkpoint,
    /// Nobody: a frozen weight hands the gradient on with dX = dY · W alone.
    Nobody,
}

/// What becomes of a tensor after the forward pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is kept until backward comes back to the layer.
    Kept,
    /// It is dropped and computed again when backward comes to the layer.
    Recomputed,
    /// It is dropped for good.
    Dropped,
}

/// A part of the model outside its layers, or one that the method adds there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OuterPart {
    /// Name.
    pub name: String,
    /// Outer dimension.
    pub rows: u64,
    /// Inner dimension; 1 for a vector.
    pub columns: u64,
    /// Trained values.
    pub trained_values: u64,
    /// It is the embedding again and trained with it: its values are counted there.
    pub trained_elsewhere: bool,
    /// The method adds it.
    pub added: bool,
    /// It stands after the layers.
    pub after_layers: bool,
    /// Field of the plan that switches its training.
    pub switch: Option<&'static str>,
}

impl MethodPicture {
    /// The picture of a plan.
    pub fn of(inputs: &Inputs<'_>) -> Self {
        let setup = Setup::new(inputs);
        let mut trainable = 0_u64;
        trained_tensors(&setup, &mut |tensor| trainable = trainable.saturating_add(tensor.values()));
        // Layers are trained from the last: groups are kinds, so the last ones are taken from the last kind.
        let mut remaining = setup.trained.layers;
        let mut kinds: Vec<LayerKind> = setup
            .architecture
            .layers
            .iter()
            .rev()
            .map(|group| {
                let own = remaining.min(group.count);
                remaining -= own;
                kind(&setup, group, own)
            })
            .collect();
        kinds.reverse();
        Self {
            kinds,
            outer: outer(&setup),
            trainable,
            base: setup.architecture.parameters().total,
            tokens: setup.tokens,
            training: setup.training,
        }
    }
}

fn kind(setup: &Setup<'_>, group: &LayerGroup, own: u64) -> LayerKind {
    let hidden = setup.architecture.hidden_size;
    let code = setup.architecture.model_code.as_str();
    let in_layers = setup.trained.biases || !setup.trained.adapter.is_none();
    let gradient_flows = setup.training && (own > 0 || in_layers || setup.trained.embedding);
    let mut sums = Sums::default();
    layer_tensors(&group.layer, hidden, code, |tensor| {
        if own > 0 && (tensor.part != Part::Bias || setup.trained.biases || matches_last_layers(setup))
            || tensor.part == Part::Bias && setup.trained.biases
        {
            let quantizable = matches!(tensor.part, Part::Linear | Part::Experts);
            sums.add(
                setup,
                &TrainedTensor {
                    rows: tensor.rows,
                    columns: tensor.columns,
                    copies: tensor.copies,
                    width: if quantizable { setup.width } else { setup.outer_width },
                    place: Place::Layer,
                    blocks: tensor.blocks,
                    added: false,
                },
            );
        }
    });
    adapter_tensors(setup, &group.layer, |tensor| sums.add(setup, &tensor));
    let linears = group.layer.linears(hidden, code);
    LayerKind {
        count: group.count,
        title: title(&group.layer),
        trained_layers: own,
        gradient_flows,
        steps: layer::steps(setup, &group.layer, own > 0, gradient_flows),
        base_values: group.layer.params(hidden),
        trained_values: sums.values,
        added_values: sums.added,
        gradients: Bytes(sums.gradients),
        optimizer_state: Bytes(sums.state),
        matrices: linears.iter().map(|linear| matrix::expression(setup, linear, own > 0)).collect(),
    }
}

/// Whether whole layers are trained, biases included, though `Trained::biases` is off.
const fn matches_last_layers(setup: &Setup<'_>) -> bool {
    setup.trained.layers > 0
}

/// Sums over the trained tensors of a layer.
#[derive(Default)]
struct Sums {
    values: u64,
    added: u64,
    gradients: u64,
    state: u64,
}

impl Sums {
    fn add(&mut self, setup: &Setup<'_>, tensor: &TrainedTensor) {
        let precision = &setup.plan.precision;
        let master = precision.fp32_master_weights && tensor.width < 4;
        let width = if master { 4 } else { tensor.width };
        let copy = if master { tensor.values().saturating_mul(4) } else { 0 };
        let state =
            state_of(setup, tensor, setup.plan.optimizer.algorithm, width).bytes().saturating_mul(tensor.copies);
        let gradient = precision.gradient_format.map_or(tensor.width, crate::plan::FloatFormat::bytes);
        self.values = self.values.saturating_add(tensor.values());
        if tensor.added {
            self.added = self.added.saturating_add(tensor.values());
        }
        self.gradients = self.gradients.saturating_add(tensor.values().saturating_mul(gradient));
        self.state = self.state.saturating_add(state).saturating_add(copy);
    }
}

fn title(layer: &Layer) -> String {
    let attention = match &layer.attention {
        Attention::Softmax(attention) => match attention.window {
            Some(window) => format!("attention over the last {} tokens", crate::units::grouped(window)),
            None if attention.shares_kv => "attention with another layer's keys and values".to_owned(),
            None => "attention".to_owned(),
        },
        Attention::Latent(_) => "latent attention".to_owned(),
        Attention::Linear(_) => "linear attention".to_owned(),
    };
    let mlp = match &layer.mlp {
        Mlp::Dense(_) => "MLP",
        Mlp::Moe(_) => "mixture of experts",
    };
    format!("{attention}, {mlp}")
}

/// Embedding, prompt vectors, final norm, head.
fn outer(setup: &Setup<'_>) -> Vec<OuterPart> {
    let architecture = setup.architecture;
    let hidden = architecture.hidden_size;
    let trained = &setup.trained;
    let beside = !matches!(
        setup.plan.method.method,
        crate::plan::Method::Full | crate::plan::Method::Galore { .. } | crate::plan::Method::Blockwise { .. }
    ) && setup.training;
    let part = |name: &str, rows: u64, columns: u64, is_trained: bool| OuterPart {
        name: name.to_owned(),
        rows,
        columns,
        trained_values: if is_trained { rows.saturating_mul(columns) } else { 0 },
        trained_elsewhere: false,
        added: false,
        after_layers: false,
        switch: None,
    };
    let mut parts = Vec::new();
    for vectors in trained.adapter.outer_vectors(setup) {
        let OuterVectors { name, rows, columns, trained_values } = vectors;
        parts.push(OuterPart { trained_values, added: true, ..part(name, rows, columns, true) });
    }
    let switch = |id: &'static str| beside.then_some(id);
    parts.push(OuterPart {
        switch: switch(id::METHOD_TRAIN_EMBEDDINGS),
        ..part("Token embedding", architecture.vocab_size, architecture.embedding.width, trained.embedding)
    });
    let norm = architecture.final_norm.params(hidden);
    parts.push(OuterPart { after_layers: true, ..part("Final norm", norm, 1, trained.final_norm) });
    let own_head = trained.head && !(architecture.head.tied && trained.embedding);
    let name = if architecture.head.tied { "Head (the embedding again)" } else { "Output head" };
    parts.push(OuterPart {
        after_layers: true,
        trained_elsewhere: architecture.head.tied && trained.embedding,
        switch: switch(id::METHOD_TRAIN_HEAD),
        ..part(name, architecture.vocab_size, architecture.embedding.width, own_head)
    });
    parts
}
