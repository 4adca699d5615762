//! IA³ (Liu et al. 2022): learned factors on keys, values and the inner values of the MLP.

use super::{AdapterModules, Drawn, Visit, added};
use crate::architecture::{Linear, LinearRole};
use crate::estimate::pass::{LayerPass, linear};
use crate::estimate::picture::{KeptBeside, PieceState, Row};
use crate::estimate::tape::{Tape, Tensor};
use crate::plan::Targets;

/// One vector for each scaled module.
#[derive(Clone, Copy)]
pub struct Ia3Vectors<'a> {
    /// Scaled modules.
    pub targets: &'a Targets,
}

/// Feed-forward modules are scaled at their input, attention modules at their output.
const fn scales_input(linear: &Linear) -> bool {
    matches!(linear.role, LinearRole::Down)
}

/// Values of the vector.
const fn values(linear: &Linear) -> u64 {
    if scales_input(linear) { linear.in_features } else { linear.out_features }
}

impl AdapterModules for Ia3Vectors<'_> {
    fn why(&self) -> &'static str {
        "One scaling vector per adapted module."
    }

    fn targets(&self) -> Option<&Targets> {
        Some(self.targets)
    }

    fn linear_tensors(&self, linear: &Linear, visit: &mut Visit<'_>) {
        visit(added(values(linear), 1, linear.copies, 4));
    }

    fn linear(&self, pass: &LayerPass<'_>, tape: &mut Tape, x: Tensor, linear: &Linear) -> Tensor {
        if scales_input(linear) {
            let scaled = tape.mul_param(x, linear.in_features, 4, true);
            let scaled = tape.cast_owned(scaled, x.width);
            let y = linear::base(pass, tape, scaled, linear);
            tape.drop(scaled);
            y
        } else {
            let y = linear::base(pass, tape, x, linear);
            let scaled = tape.mul_param(y, linear.out_features, 4, true);
            let scaled = tape.cast_owned(scaled, y.width);
            tape.drop(y);
            scaled
        }
    }

    /// A product without a sum is half a multiply-add.
    fn linear_products(&self, linear: &Linear) -> f64 {
        0.5 * values(linear) as f64
    }

    fn linear_traffic(&self, linear: &Linear) -> f64 {
        2.0 * values(linear) as f64
    }

    fn drawn(&self, linear: &Linear, weight: &dyn Fn(Row) -> Row) -> Drawn {
        let (d, k) = (linear.out_features, linear.in_features);
        if scales_input(linear) {
            let row = weight(Row::default()).sign("·").matrix(
                "l",
                k,
                1,
                PieceState::Added,
                "One learned factor for every input value.",
            );
            let note = "IA³ scales what goes into a feed-forward matrix: the fewest trained values of all.";
            return Drawn { row, formula: "y = W·(l ⊙ x)".to_owned(), note: note.to_owned() };
        }
        let start = Row::default().matrix("l", d, 1, PieceState::Added, "One learned factor for every output value.");
        let note = "IA³ scales what comes out of keys and values: the fewest trained values of all.";
        Drawn { row: weight(start.sign("⊙")), formula: "y = l ⊙ (W·x)".to_owned(), note: note.to_owned() }
    }

    fn needs_input(&self, linear: &Linear) -> bool {
        scales_input(linear)
    }

    fn kept_beside(&self, names: &str) -> Option<KeptBeside> {
        Some(KeptBeside { name: format!("output of {names} before scaling"), for_input: true })
    }

    fn kept_values(&self, linear: &Linear) -> u64 {
        if scales_input(linear) { 0 } else { linear.out_features }
    }
}
