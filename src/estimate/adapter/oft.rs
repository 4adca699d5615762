//! OFT (Qiu et al. 2023): the input is rotated block by block with a trained orthogonal matrix.

use super::{AdapterModules, Drawn, Visit, added};
use crate::architecture::Linear;
use crate::estimate::pass::{LayerPass, linear};
use crate::estimate::picture::{PieceState, Row};
use crate::estimate::tape::{ParamGradient, Tape, Tensor};
use crate::plan::Targets;

/// One skew-symmetric matrix for each block of the input.
#[derive(Clone, Copy)]
pub struct OftBlocks<'a> {
    /// Size of a block.
    pub block: u64,
    /// Adapted modules.
    pub targets: &'a Targets,
}

impl OftBlocks<'_> {
    fn blocks(&self, linear: &Linear) -> u64 {
        linear.in_features.checked_div(self.block).unwrap_or(0)
    }

    /// Free values of one block: block·(block − 1)/2.
    const fn free_values(&self) -> u64 {
        self.block.saturating_mul(self.block.saturating_sub(1)) / 2
    }
}

impl AdapterModules for OftBlocks<'_> {
    fn why(&self) -> &'static str {
        "One skew-symmetric matrix per block of the input."
    }

    fn targets(&self) -> Option<&Targets> {
        Some(self.targets)
    }

    fn linear_tensors(&self, linear: &Linear, visit: &mut Visit<'_>) {
        visit(added(self.blocks(linear), self.free_values(), linear.copies, 4));
    }

    fn linear(&self, pass: &LayerPass<'_>, tape: &mut Tape, x: Tensor, linear: &Linear) -> Tensor {
        let wide = tape.cast(x, 4);
        let bytes = linear.in_features.saturating_mul(self.block).saturating_mul(4);
        let params = [ParamGradient { raw: bytes, kept: bytes / 2, cast: false }, ParamGradient::default()];
        let rotated = tape.matmul_param(wide, None, wide.count, params);
        tape.drop(wide);
        let rotated = tape.cast_owned(rotated, x.width);
        let y = linear::base(pass, tape, rotated, linear);
        tape.drop(rotated);
        y
    }

    /// Every input value meets the values of its block.
    fn linear_products(&self, linear: &Linear) -> f64 {
        self.blocks(linear) as f64 * self.block as f64 * self.block as f64
    }

    /// The inverse that makes each block orthogonal (Cayley) is left out.
    fn counts_all_operations(&self) -> bool {
        false
    }

    fn linear_traffic(&self, linear: &Linear) -> f64 {
        2.0 * linear.in_features as f64
    }

    fn drawn(&self, linear: &Linear, weight: &dyn Fn(Row) -> Row) -> Drawn {
        let blocks = self.blocks(linear);
        let explain = format!(
            "{blocks} orthogonal blocks of {0} × {0}; each has {1} free values.",
            self.block,
            self.free_values()
        );
        let rows = blocks.saturating_mul(self.block);
        let row = weight(Row::default()).sign("·").matrix("R", rows, self.block, PieceState::Added, &explain);
        let note = "OFT turns the input without stretching it, block by block.";
        Drawn { row, formula: "y = W·R·x, R orthogonal".to_owned(), note: note.to_owned() }
    }

    fn needs_input(&self, _linear: &Linear) -> bool {
        true
    }
}
