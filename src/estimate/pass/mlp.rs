//! Feed-forward part of a layer.

use super::LayerPass;
use super::linear::{linear, linear_owned, product};
use crate::architecture::{Activation, DenseMlp, LinearRole, Mlp, Moe};
use crate::estimate::tape::{Tape, Tensor};

/// Runs the MLP on `x` and lets go of it.
pub fn mlp(pass: &LayerPass<'_>, tape: &mut Tape, x: Tensor) -> Tensor {
    match &pass.layer.mlp {
        Mlp::Dense(shape) => dense(pass, tape, x, shape),
        Mlp::Moe(moe) => mixture(pass, tape, x, moe),
    }
}

fn dense(pass: &LayerPass<'_>, tape: &mut Tape, x: Tensor, shape: &DenseMlp) -> Tensor {
    let inner = if let Some(map) = pass.role(LinearRole::FusedGateUp) {
        let both = linear(pass, tape, x, map);
        let joined = tape.split(both);
        tape.drop(both);
        let half = both.count / 2;
        let (gate, up) = (tape.piece(joined, half), tape.piece(joined, half));
        tape.drop(joined);
        let active = activate(pass, tape, gate, shape.activation);
        let inner = tape.mul(up, active);
        for tensor in [active, gate, up] {
            tape.drop(tensor);
        }
        inner
    } else if let (true, Some(gate), Some(up)) = (shape.gated, pass.role(LinearRole::Gate), pass.role(LinearRole::Up)) {
        let gate = linear(pass, tape, x, gate);
        let active = activate(pass, tape, gate, shape.activation);
        tape.drop(gate);
        let up = linear(pass, tape, x, up);
        let inner = tape.mul(active, up);
        tape.drop(active);
        tape.drop(up);
        inner
    } else if let Some(up) = pass.role(LinearRole::Up) {
        let wide = linear(pass, tape, x, up);
        let active = activate(pass, tape, wide, shape.activation);
        tape.drop(wide);
        active
    } else {
        return x;
    };
    let Some(down) = pass.role(LinearRole::Down) else { return inner };
    let y = linear_owned(pass, tape, inner, down);
    tape.drop(x);
    y
}

/// The activation function; `x` stays.
pub fn activate(pass: &LayerPass<'_>, tape: &mut Tape, x: Tensor, activation: Activation) -> Tensor {
    match activation {
        Activation::Silu | Activation::Gelu => tape.unary_saving_input(x, 0),
        Activation::Relu => tape.unary_saving_output(x),
        Activation::Relu2 => {
            let positive = tape.unary_saving_output(x);
            let squared = tape.square(positive);
            tape.drop(positive);
            squared
        }
        Activation::GeluNew => gelu_new(pass, tape, x),
    }
}

/// `0.5·x·(1 + tanh(√(2/π)·(x + 0.044715·x³)))` in elementary operations.
/// Autocast takes powers in FP32, and everything after them with it.
fn gelu_new(pass: &LayerPass<'_>, tape: &mut Tape, x: Tensor) -> Tensor {
    let half = tape.scale(x);
    let base = if pass.setup.autocast.is_some() { tape.cast(x, 4) } else { tape.keep(x) };
    let cube = tape.square(base);
    tape.drop(base);
    let scaled = tape.scale(cube);
    tape.drop(cube);
    let inner = tape.add(x, scaled);
    tape.drop(scaled);
    let outer = tape.scale(inner);
    tape.drop(inner);
    let squashed = tape.unary_saving_output(outer);
    tape.drop(outer);
    let shifted = tape.unary(squashed, squashed.count, squashed.width, false);
    tape.drop(squashed);
    let y = tape.mul(half, shifted);
    tape.drop(half);
    tape.drop(shifted);
    y
}

/// Mixture of experts with grouped products: tokens are gathered once per expert they go to.
fn mixture(pass: &LayerPass<'_>, tape: &mut Tape, x: Tensor, moe: &Moe) -> Tensor {
    let setup = pass.setup;
    let tokens = setup.tokens;
    let hidden = setup.architecture.hidden_size;
    let routed = tokens.saturating_mul(moe.experts_per_token);
    let expert = &moe.expert;
    let stored = |inputs: u64, outputs: u64| inputs.saturating_mul(outputs).saturating_mul(moe.experts);
    let trained = [pass.trained, false];
    // Router: logits, their softmax in FP32, the chosen weights.
    let logits = product(
        setup,
        tape,
        x,
        tokens.saturating_mul(moe.experts),
        hidden.saturating_mul(moe.experts),
        trained,
        0,
        setup.outer_width,
    );
    let wide = tape.cast(logits, 4);
    let probabilities = tape.unary_saving_output(wide);
    tape.drop(wide);
    tape.drop(logits);
    let weights = tape.unary(probabilities, routed, x.width, true);
    tape.drop(probabilities);
    // Tokens in the order of their experts.
    let gathered = tape.unary(x, routed.saturating_mul(hidden), x.width, true);
    let wide_out = if expert.gated { expert.intermediate.saturating_mul(2) } else { expert.intermediate };
    let both = product(
        setup,
        tape,
        gathered,
        routed.saturating_mul(wide_out),
        stored(hidden, wide_out),
        trained,
        0,
        setup.width,
    );
    tape.drop(gathered);
    let inner = if expert.gated {
        let joined = tape.split(both);
        let half = both.count / 2;
        let (gate, up) = (tape.piece(joined, half), tape.piece(joined, half));
        tape.drop(joined);
        let active = activate(pass, tape, gate, expert.activation);
        let inner = tape.mul(active, up);
        for tensor in [active, gate, up] {
            tape.drop(tensor);
        }
        inner
    } else {
        activate(pass, tape, both, expert.activation)
    };
    tape.drop(both);
    let out = product(
        setup,
        tape,
        inner,
        routed.saturating_mul(hidden),
        stored(expert.intermediate, hidden),
        trained,
        0,
        setup.width,
    );
    tape.drop(inner);
    let weighted = tape.mul(out, weights);
    tape.drop(out);
    tape.drop(weights);
    let restored = tape.unary(weighted, routed.saturating_mul(hidden), x.width, true);
    tape.drop(weighted);
    let mut y = tape.unary(restored, tokens.saturating_mul(hidden), x.width, false);
    tape.drop(restored);
    if let Some(shared) = &moe.shared {
        let input = tape.keep(x);
        let beside = dense(pass, tape, input, shared);
        let sum = tape.add(y, beside);
        tape.drop(y);
        tape.drop(beside);
        y = sum;
    }
    tape.drop(x);
    y
}
