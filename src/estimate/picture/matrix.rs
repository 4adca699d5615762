//! What a method does to one weight matrix, as a row of matrices with signs between them.

use super::PieceState;
use crate::architecture::Linear;
use crate::estimate::adapter::Drawn;
use crate::estimate::setup::Setup;
use crate::plan::Method;

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

/// Matrices and signs from left to right, as they are put down.
#[derive(Default)]
pub struct Row(Vec<Term>);

impl Row {
    /// A matrix of `rows × columns`.
    pub fn matrix(mut self, symbol: &'static str, rows: u64, columns: u64, state: PieceState, explain: &str) -> Self {
        self.0.push(Term::Matrix(MatrixTerm { symbol, rows, columns, state, explain: explain.to_owned() }));
        self
    }

    /// A sign.
    pub fn sign(mut self, sign: impl Into<String>) -> Self {
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
    let w = |row: Row| row.matrix("W", d, k, weight_state, &weight);
    let is_hit = setup.training && setup.adapts(linear);
    let plain = |formula: &str, note: &str| Drawn {
        row: w(Row::default()),
        formula: formula.to_owned(),
        note: note.to_owned(),
    };
    let Drawn { row, formula, note } = if !setup.training {
        plain("y = W·x", "Inference runs the forward pass only: nothing is trained.")
    } else if is_hit {
        setup.trained.adapter.drawn(linear, &w)
    } else if let Some((formula, note)) = setup.trained.adapter.elsewhere() {
        plain(formula, &note)
    } else if own {
        whole_row(setup, linear, &w)
    } else if setup.trained.biases && linear.bias {
        let start = w(Row::default()).sign("·x +");
        let row = start.matrix("b", d, 1, PieceState::Trained, "The bias: all that BitFit trains.");
        let note = "BitFit trains the biases and nothing else.";
        Drawn { row, formula: "y = W·x + b".to_owned(), note: note.to_owned() }
    } else if setup.trained.biases {
        plain("y = W·x", "This linear layer has no bias, so BitFit trains nothing here.")
    } else if setup.trained.adapter.targets().is_some() {
        plain("y = W·x", "Not among the target modules. Click it in the layer below to adapt it.")
    } else {
        plain("y = W·x", "Frozen.")
    };
    let terms = row.0;
    // Of what stands beside a matrix the tensors are counted, not the picture: a rotation has fewer free values than
    // its matrix.
    let drawn = |term: &Term| match term {
        Term::Matrix(matrix) if matrix.state == PieceState::Trained => matrix.values(),
        _ => 0,
    };
    let beside = if is_hit { beside_values(setup, linear).checked_div(linear.copies).unwrap_or(0) } else { 0 };
    let mut trained_values = terms.iter().map(drawn).fold(beside, u64::saturating_add);
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

/// Trained values beside all copies of an adapted linear layer.
pub fn beside_values(setup: &Setup<'_>, linear: &Linear) -> u64 {
    let mut sum = 0_u64;
    setup.trained.adapter.linear_tensors(linear, &mut |tensor| sum = sum.saturating_add(tensor.values()));
    sum
}

/// The weight itself is trained.
fn whole_row(setup: &Setup<'_>, linear: &Linear, w: &impl Fn(Row) -> Row) -> Drawn {
    let (d, k) = (linear.out_features, linear.in_features);
    let drawn = |row, formula: &str, note: String| Drawn { row, formula: formula.to_owned(), note };
    let start = w(Row::default());
    match setup.plan.method.method {
        Method::Galore { rank } if d > rank && k > rank => {
            let (small, large) = (d.min(k), d.max(k));
            let gradient = "Gradient projected to the rank: what the optimizer sees.";
            let projector = "Projector from the gradient's singular vectors.";
            let row = start.sign("− η · P ·").matrix("G", rank, large, PieceState::Frozen, gradient).sign(",").matrix(
                "P",
                small,
                rank,
                PieceState::Frozen,
                projector,
            );
            let note = "GaLore trains every value; only the optimizer's state is of the rank's size.";
            drawn(row, "W ← W − η·P·Adam(G), G = dW projected by P", note.to_owned())
        }
        Method::Blockwise { active_layers } => {
            let note =
                format!("Only {active_layers} layers at a time are trained; which ones changes from time to time.");
            drawn(start, "W ← W − η·Adam(dW)", note)
        }
        Method::LastLayers { layers } => {
            drawn(start, "W ← W − η·Adam(dW)", format!("The last {layers} layers are trained whole."))
        }
        _ => drawn(start, "W ← W − η·Adam(dW)", "Every value is trained.".to_owned()),
    }
}
