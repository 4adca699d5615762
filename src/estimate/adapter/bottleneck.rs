//! Bottleneck adapters (Houlsby et al. 2019): down, GELU, up, after attention and after the MLP.

use super::{AdapterModules, Visit, added};
use crate::estimate::pass::{LayerPass, linear};
use crate::estimate::picture::{BlockDrawn, added_piece};
use crate::estimate::tape::{Maker, Tape, Tensor};
use crate::units::grouped;

/// Two bottlenecks a layer.
#[derive(Clone, Copy)]
pub struct Bottleneck {
    /// Inner width.
    pub inner: u64,
    /// Bytes of a value.
    pub width: u64,
}

impl AdapterModules for Bottleneck {
    fn why(&self) -> &'static str {
        "A bottleneck after attention and one after the MLP."
    }

    /// Down and up projection with biases, twice.
    fn layer_tensors(&self, hidden: u64, visit: &mut Visit<'_>) {
        visit(added(self.inner, hidden, 2, self.width));
        visit(added(hidden, self.inner, 2, self.width));
        visit(added(self.inner, 1, 2, self.width));
        visit(added(hidden, 1, 2, self.width));
    }

    fn after_block(&self, pass: &LayerPass<'_>, tape: &mut Tape, h: Tensor) -> Tensor {
        let hidden = pass.setup.architecture.hidden_size;
        tape.now(Maker::Adapters);
        let wide = tape.cast(h, self.width);
        let down = linear::small(pass.setup, tape, wide, hidden, self.inner, self.width);
        let active = tape.unary_saving_input(down, 0);
        tape.drop(down);
        let up = linear::small(pass.setup, tape, active, self.inner, hidden, self.width);
        tape.drop(active);
        tape.drop(wide);
        let up = tape.cast_owned(up, h.width);
        let sum = tape.add(h, up);
        tape.drop(up);
        tape.drop(h);
        sum
    }

    fn layer_products(&self, hidden: u64) -> f64 {
        4.0 * self.inner as f64 * hidden as f64
    }

    fn elsewhere(&self) -> Option<(&'static str, String)> {
        let note = format!(
            "The matrix is untouched: two bottlenecks of width {} stand behind attention and MLP (see the layer).",
            self.inner
        );
        Some(("h + U·σ(D·h)", note))
    }

    fn block_drawn(&self, hidden: u64) -> Option<BlockDrawn> {
        let mut down = added_piece("adapter down", self.inner, hidden);
        down.trained_values = down.trained_values.saturating_add(self.inner);
        let mut up = added_piece("adapter up", hidden, self.inner);
        up.trained_values = up.trained_values.saturating_add(hidden);
        let detail = format!("h + U·σ(D·h) with {} inner values", grouped(self.inner));
        Some(BlockDrawn { detail, pieces: vec![down, up], inner: self.inner })
    }
}
