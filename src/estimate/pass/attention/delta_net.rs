//! Gated delta net: linear attention of hybrid models (Qwen3-Next).

use super::super::linear::linear;
use super::super::{LayerPass, norm};
use crate::architecture::{LinearAttention, LinearRole, NormKind};
use crate::estimate::tape::{Tape, Tensor};

/// Gated delta net: convolution, gates, chunked state update. Sizes follow the chunked kernel of flash-linear-attention;
/// approximate.
pub fn linear_attention(pass: &LayerPass<'_>, tape: &mut Tape, x: Tensor, shape: &LinearAttention) -> Tensor {
    let tokens = pass.setup.tokens;
    let value_values = tokens.saturating_mul(shape.value_width());
    let mut inputs = [x; 4];
    let mut count = 0;
    for map in pass.linears.iter().filter(|map| map.name.starts_with("in_proj")) {
        if let Some(slot) = inputs.get_mut(count) {
            *slot = linear(pass, tape, x, map);
            count += 1;
        }
    }
    let convolved = tape.unary_saving_input(inputs[0], 0);
    let active = tape.unary_saving_input(convolved, 0);
    tape.drop(convolved);
    let lse = tokens.saturating_mul(shape.value_heads).saturating_mul(8);
    let mixed = tape.attention(active, active, active, value_values, lse, None);
    let normed = norm(
        pass.setup,
        tape,
        mixed,
        NormKind::Rms,
        tokens.saturating_mul(shape.value_heads),
        shape.value_head_dim,
        pass.trained,
    );
    let gate = tape.unary_saving_output(mixed);
    let gated = tape.mul(normed, gate);
    tape.drop(gate);
    tape.drop(normed);
    let out = match pass.role(LinearRole::Output) {
        Some(map) => linear(pass, tape, gated, map),
        None => tape.keep(gated),
    };
    tape.drop(gated);
    tape.drop(mixed);
    tape.drop(active);
    for tensor in &inputs[..count] {
        tape.drop(*tensor);
    }
    tape.drop(x);
    out
}
