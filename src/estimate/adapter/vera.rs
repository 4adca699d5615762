//! VeRA (Kopiczko et al. 2023): frozen random matrices shared by all layers, two trained vectors beside each matrix.

use super::{AdapterModules, Drawn, Visit, added};
use crate::architecture::Linear;
use crate::estimate::pass::{LayerPass, linear};
use crate::estimate::picture::{KeptBeside, PieceState, Row};
use crate::estimate::setup::Setup;
use crate::estimate::tape::{Maker, Tape, Tensor};
use crate::estimate::trainable::each_adapted;
use crate::explained::{Explained, Term};
use crate::plan::Targets;

/// Two vectors for each adapted matrix.
#[derive(Clone, Copy)]
pub struct VeraVectors<'a> {
    /// Rank of the shared matrices.
    pub rank: u64,
    /// Adapted modules.
    pub targets: &'a Targets,
}

/// The largest input and output that the shared matrices serve.
fn widest(setup: &Setup<'_>) -> (u64, u64) {
    let (mut widest_in, mut widest_out) = (0, 0);
    for group in &setup.architecture.layers {
        each_adapted(setup, &group.layer, |linear| {
            widest_in = widest_in.max(linear.in_features);
            widest_out = widest_out.max(linear.out_features);
        });
    }
    (widest_in, widest_out)
}

impl AdapterModules for VeraVectors<'_> {
    fn why(&self) -> &'static str {
        "Trained vectors; the frozen random matrices are shared."
    }

    fn targets(&self) -> Option<&Targets> {
        Some(self.targets)
    }

    fn linear_tensors(&self, linear: &Linear, visit: &mut Visit<'_>) {
        visit(added(linear.out_features, 1, linear.copies, 4));
        visit(added(self.rank, 1, linear.copies, 4));
    }

    /// Rank × largest input and largest output × rank.
    fn frozen(&self, setup: &Setup<'_>) -> Option<Explained> {
        let (widest_in, widest_out) = widest(setup);
        let sides = Term::count("widest in", widest_in) + Term::count("widest out", widest_out);
        let rank = Term::count("r", self.rank).note("rank");
        Some(Explained::bytes("Shared random matrices", rank * sides * Term::from(4)))
    }

    fn frozen_values(&self, setup: &Setup<'_>) -> u64 {
        let (widest_in, widest_out) = widest(setup);
        self.rank.saturating_mul(widest_in.saturating_add(widest_out))
    }

    /// `y + λ_b ⊙ B(λ_d ⊙ A(x))` with frozen A and B in FP32.
    fn linear(&self, pass: &LayerPass<'_>, tape: &mut Tape, x: Tensor, linear: &Linear) -> Tensor {
        let y = linear::base(pass, tape, x, linear);
        let setup = pass.setup;
        tape.now(Maker::Adapters);
        let rows = x.count.checked_div(linear.in_features).unwrap_or(0);
        let wide = tape.cast(x, 4);
        let frozen = [false, false];
        let into = linear.in_features.saturating_mul(self.rank);
        let a = linear::product(setup, tape, wide, rows.saturating_mul(self.rank), into, frozen, 0, 4);
        let scaled = tape.mul_param(a, self.rank, 4, true);
        tape.drop(a);
        let count = rows.saturating_mul(linear.out_features);
        let out_of = self.rank.saturating_mul(linear.out_features);
        let b = linear::product(setup, tape, scaled, count, out_of, frozen, 0, 4);
        tape.drop(scaled);
        let update = tape.mul_param(b, linear.out_features, 4, true);
        tape.drop(b);
        let sum = tape.add(y, update);
        tape.drop(update);
        let out = tape.cast_owned(sum, y.width);
        tape.drop(y);
        tape.drop(wide);
        out
    }

    fn linear_products(&self, linear: &Linear) -> f64 {
        self.rank as f64 * linear.in_features.saturating_add(linear.out_features) as f64
    }

    fn linear_traffic(&self, linear: &Linear) -> f64 {
        linear.in_features as f64 + 3.0 * linear.out_features as f64
    }

    fn drawn(&self, linear: &Linear, weight: &dyn Fn(Row) -> Row) -> Drawn {
        let (d, k) = (linear.out_features, linear.in_features);
        let shared = "Random, frozen, shared by all matrices of this shape.";
        let row = weight(Row::default())
            .sign("+")
            .matrix("b", d, 1, PieceState::Added, "Learned scale of every output, started at 0.")
            .sign("⊙")
            .matrix("B", d, self.rank, PieceState::Frozen, shared)
            .sign("·")
            .matrix("d", self.rank, 1, PieceState::Added, "Learned scale of every rank.")
            .sign("⊙")
            .matrix("A", self.rank, k, PieceState::Frozen, shared);
        let note = "VeRA trains two vectors; the random matrices are drawn from a seed and shared.";
        Drawn { row, formula: "y = W·x + b ⊙ B·(d ⊙ A·x)".to_owned(), note: note.to_owned() }
    }

    fn kept_beside(&self, names: &str) -> Option<KeptBeside> {
        Some(KeptBeside { name: format!("A·x and B·x of {names}"), for_input: true })
    }

    fn kept_values(&self, _linear: &Linear) -> u64 {
        self.rank.saturating_mul(2)
    }
}
