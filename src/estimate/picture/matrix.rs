//! What a method does to one weight matrix, as a row of matrices with signs between them.

use super::PieceState;
use crate::architecture::Linear;
use crate::estimate::setup::{Adapter, Setup};
use crate::estimate::trainable::{expert_rank, ia3_scales_input};
use crate::plan::{LoraScaling, Method};

/// The row for one linear layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression {
    /// Module name of the linear layer.
    pub name: &'static str,
    /// Matrices and signs from left to right.
    pub terms: Vec<Term>,
    /// The same as a formula.
    pub formula: String,
    /// What is special about it, in a sentence.
    pub note: String,
    /// Values of the frozen weight.
    pub frozen_values: u64,
    /// Values with a gradient.
    pub trained_values: u64,
}

/// A matrix or a sign.
#[derive(Clone, Debug, PartialEq)]
pub enum Term {
    /// A matrix.
    Matrix(MatrixTerm),
    /// `+`, `·`, a factor, a bracket.
    Sign(String),
}

/// A matrix of `rows × columns`.
#[derive(Clone, Debug, PartialEq)]
pub struct MatrixTerm {
    /// Letter.
    pub symbol: &'static str,
    /// Outer dimension.
    pub rows: u64,
    /// Inner dimension; 1 for a vector.
    pub columns: u64,
    /// Frozen, trained or added.
    pub state: PieceState,
    /// What it is, in a sentence.
    pub explain: String,
}

impl MatrixTerm {
    /// Values.
    pub const fn values(&self) -> u64 {
        self.rows.saturating_mul(self.columns)
    }
}

/// Collects terms.
struct Row(Vec<Term>);

impl Row {
    fn matrix(mut self, symbol: &'static str, rows: u64, columns: u64, state: PieceState, explain: &str) -> Self {
        self.0.push(Term::Matrix(MatrixTerm { symbol, rows, columns, state, explain: explain.to_owned() }));
        self
    }

    fn sign(mut self, sign: impl Into<String>) -> Self {
        self.0.push(Term::Sign(sign.into()));
        self
    }
}

/// The picture of `linear`; `own`: the layer's own weights are trained.
pub fn expression(setup: &Setup<'_>, linear: &Linear, own: bool) -> Expression {
    let (d, k) = (linear.out_features, linear.in_features);
    let held = if setup.quantizes(linear) { "held quantized" } else { "held as loaded" };
    let weight_state = if own { PieceState::Trained } else { PieceState::Frozen };
    let weight = if own {
        format!("The weight of {}: every value is trained.", linear.name)
    } else {
        format!("The weight of {}: frozen, {held}; no gradient, no optimizer state.", linear.name)
    };
    let start = || Row(Vec::new());
    let w = |row: Row| row.matrix("W", d, k, weight_state, &weight);
    let is_hit = setup.adapts(linear);
    let plain = |formula: &str, note: &str| (w(start()), formula.to_owned(), note.to_owned());
    let (row, formula, note) = match setup.trained.adapter {
        _ if !setup.training => plain("y = W·x", "Inference runs the forward pass only: nothing is trained."),
        Adapter::Lora { lora, .. } if is_hit => lora_row(linear, lora, &w),
        Adapter::Ia3 { .. } if is_hit && ia3_scales_input(linear) => (
            w(start()).sign("·").matrix("l", k, 1, PieceState::Added, "One learned factor for every input value."),
            "y = W·(l ⊙ x)".to_owned(),
            "IA³ scales what goes into a feed-forward matrix: the fewest trained values of all.".to_owned(),
        ),
        Adapter::Ia3 { .. } if is_hit => (
            w(start().matrix("l", d, 1, PieceState::Added, "One learned factor for every output value.").sign("⊙")),
            "y = l ⊙ (W·x)".to_owned(),
            "IA³ scales what comes out of keys and values: the fewest trained values of all.".to_owned(),
        ),
        Adapter::Vera { rank, .. } if is_hit => (
            w(start())
                .sign("+")
                .matrix("b", d, 1, PieceState::Added, "Learned scale of every output, started at 0.")
                .sign("⊙")
                .matrix("B", d, rank, PieceState::Frozen, "Random, frozen, shared by all matrices of this shape.")
                .sign("·")
                .matrix("d", rank, 1, PieceState::Added, "Learned scale of every rank.")
                .sign("⊙")
                .matrix("A", rank, k, PieceState::Frozen, "Random, frozen, shared by all matrices of this shape."),
            "y = W·x + b ⊙ B·(d ⊙ A·x)".to_owned(),
            "VeRA trains two vectors; the random matrices are drawn from a seed and shared.".to_owned(),
        ),
        Adapter::Oft { block, .. } if is_hit => {
            let blocks = k.checked_div(block).unwrap_or(0);
            let explain = format!(
                "{blocks} orthogonal blocks of {block} × {block}; each has {} free values.",
                block.saturating_mul(block.saturating_sub(1)) / 2
            );
            (
                w(start()).sign("·").matrix("R", blocks.saturating_mul(block), block, PieceState::Added, &explain),
                "y = W·R·x, R orthogonal".to_owned(),
                "OFT turns the input without stretching it, block by block.".to_owned(),
            )
        }
        Adapter::Bottleneck { inner, .. } => (
            w(start()),
            "h + U·σ(D·h)".to_owned(),
            format!(
                "The matrix is untouched: two bottlenecks of width {inner} stand behind attention and MLP (see the layer)."
            ),
        ),
        Adapter::Prompt { .. } | Adapter::Prefix { .. } => plain(
            "y = W·x",
            "The matrix is untouched: only vectors before the input, or before keys and values, are trained.",
        ),
        _ if own => whole_row(setup, linear, &w),
        _ if setup.trained.biases && linear.bias => (
            w(start()).sign("·x +").matrix("b", d, 1, PieceState::Trained, "The bias: all that BitFit trains."),
            "y = W·x + b".to_owned(),
            "BitFit trains the biases and nothing else.".to_owned(),
        ),
        _ if setup.trained.biases => plain("y = W·x", "This linear layer has no bias, so BitFit trains nothing here."),
        _ if setup.plan.method.method.targets().is_some() => {
            plain("y = W·x", "Not among the target modules. Click it in the layer below to adapt it.")
        }
        _ => plain("y = W·x", "Frozen."),
    };
    let terms = row.0;
    let sum = |wanted: fn(PieceState) -> bool| {
        terms.iter().fold(0_u64, |sum, term| match term {
            Term::Matrix(matrix) if wanted(matrix.state) => sum.saturating_add(matrix.values()),
            _ => sum,
        })
    };
    let mut trained_values = sum(|state| matches!(state, PieceState::Added | PieceState::Trained));
    if let (Adapter::Oft { block, .. }, true) = (setup.trained.adapter, is_hit && setup.training) {
        // A rotation has fewer free values than its matrix.
        trained_values = k.checked_div(block).unwrap_or(0) * (block.saturating_mul(block.saturating_sub(1)) / 2);
    }
    if own && linear.bias {
        trained_values = trained_values.saturating_add(d);
    }
    Expression {
        name: linear.name,
        frozen_values: if own { 0 } else { d.saturating_mul(k) },
        trained_values,
        terms,
        formula,
        note,
    }
}

fn lora_row(linear: &Linear, lora: &crate::plan::Lora, w: &impl Fn(Row) -> Row) -> (Row, String, String) {
    let (d, k) = (linear.out_features, linear.in_features);
    let rank = expert_rank(lora.rank, linear);
    let root = lora.scaling == LoraScaling::RankStabilized;
    let divisor = if root { (lora.rank as f64).sqrt() } else { lora.rank as f64 };
    let factor = lora.alpha / divisor.max(f64::MIN_POSITIVE);
    let scale = format!("{}", (factor * 1000.0).round() / 1000.0);
    let symbol = if root { "α/√r" } else { "α/r" };
    let row = if lora.weight_decomposed {
        Row(Vec::new())
            .matrix("m", d, 1, PieceState::Added, "Learned length of every row of the sum (DoRA).")
            .sign("⊙ (")
    } else {
        Row(Vec::new())
    };
    let row = w(row)
        .sign(format!("+ {scale} ·"))
        .matrix("B", d, rank, PieceState::Added, "Starts at zero, so that training starts from the base model.")
        .sign("·")
        .matrix("A", rank, k, PieceState::Added, "Starts random; its output has only the rank's width.");
    let (row, formula) = if lora.weight_decomposed {
        (row.sign(") / ‖·‖"), format!("W′ = m ⊙ (W + {symbol}·B·A) / ‖W + {symbol}·B·A‖, {symbol} = {scale}"))
    } else {
        (row, format!("W′ = W + {symbol}·B·A, {symbol} = {scale}"))
    };
    let note = "Merged into W after training it costs no time when serving; kept separate, many adapters share one W.";
    (row, formula, note.to_owned())
}

/// The weight itself is trained.
fn whole_row(setup: &Setup<'_>, linear: &Linear, w: &impl Fn(Row) -> Row) -> (Row, String, String) {
    let (d, k) = (linear.out_features, linear.in_features);
    let start = Row(Vec::new());
    match setup.plan.method.method {
        Method::Galore { rank } if d > rank && k > rank => {
            let (small, large) = (d.min(k), d.max(k));
            (
                w(start)
                    .sign("− η · P ·")
                    .matrix(
                        "G",
                        rank,
                        large,
                        PieceState::Frozen,
                        "Gradient projected to the rank: what the optimizer sees.",
                    )
                    .sign(",")
                    .matrix("P", small, rank, PieceState::Frozen, "Projector from the gradient's singular vectors."),
                "W ← W − η·P·Adam(G), G = dW projected by P".to_owned(),
                "GaLore trains every value; only the optimizer's state is of the rank's size.".to_owned(),
            )
        }
        Method::Blockwise { active_layers } => (
            w(start),
            "W ← W − η·Adam(dW)".to_owned(),
            format!("Only {active_layers} layers at a time are trained; which ones changes from time to time."),
        ),
        Method::LastLayers { layers } => {
            (w(start), "W ← W − η·Adam(dW)".to_owned(), format!("The last {layers} layers are trained whole."))
        }
        _ => (w(start), "W ← W − η·Adam(dW)".to_owned(), "Every value is trained.".to_owned()),
    }
}
