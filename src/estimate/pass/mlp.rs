//! Feed-forward part of a layer.

use super::LayerPass;
use super::linear::{linear, linear_owned, product};
use crate::architecture::{Activation, DenseMlp, Linear, LinearRole, Mlp, Moe};
use crate::estimate::tape::{Maker, Tape, Tensor};

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
        tape.now(Maker::FeedForward);
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
    let inner = pass.sub_norm(tape, inner);
    let Some(down) = pass.role(LinearRole::Down) else { return inner };
    let y = linear_owned(pass, tape, inner, down);
    tape.drop(x);
    y
}

/// The activation function; `x` stays.
pub fn activate(pass: &LayerPass<'_>, tape: &mut Tape, x: Tensor, activation: Activation) -> Tensor {
    tape.now(Maker::FeedForward);
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
    let trained = [pass.trained, false];
    // Router: logits, their softmax in FP32, the chosen weights.
    tape.now(Maker::FeedForward);
    let gate_values = hidden.saturating_mul(moe.experts);
    let router = pass.linears.iter().find(|map| map.role == LinearRole::Router);
    let logits = match router.and_then(|map| folded(pass, tape, map)) {
        Some(folded) => {
            let logits = tape.matmul(x, folded, tokens.saturating_mul(moe.experts));
            tape.drop(folded);
            logits
        }
        None => product(setup, tape, x, tokens.saturating_mul(moe.experts), gate_values, trained, 0, setup.outer_width),
    };
    let wide = tape.cast(logits, 4);
    let probabilities = tape.softmax(wide, wide.width, setup.softmax_workspace);
    tape.drop(wide);
    tape.drop(logits);
    let weights = tape.unary(probabilities, routed, 4, true);
    tape.drop(probabilities);
    // Tokens in the order of their experts.
    let gathered = tape.unary(x, routed.saturating_mul(hidden), x.width, true);
    let wide_out = if expert.gated { expert.intermediate.saturating_mul(2) } else { expert.intermediate };
    let both = experts(pass, tape, gathered, [hidden, wide_out]);
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
    let out = experts(pass, tape, inner, [expert.intermediate, hidden]);
    tape.drop(inner);
    let weighted = tape.mul(out, weights);
    tape.drop(out);
    tape.drop(weights);
    // Back in the order of tokens, summed over a token's experts; in FP32 as the weights are.
    let restored = tape.unary(weighted, weighted.count, weighted.width, true);
    tape.drop(weighted);
    let sum = tape.unary(restored, tokens.saturating_mul(hidden), restored.width, false);
    let mut y = tape.cast_owned(sum, x.width);
    tape.drop(restored);
    // The gathered tokens stay a local of the experts' forward.
    tape.drop(gathered);
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

/// Grouped product of every token with the stacked matrices `inputs → outputs` of its experts.
///
/// With LoRA on the experts PEFT folds the update into a copy of the whole stack for each forward, which the product
/// keeps for backward.
fn experts(pass: &LayerPass<'_>, tape: &mut Tape, x: Tensor, [inputs, outputs]: [u64; 2]) -> Tensor {
    let setup = pass.setup;
    let rows = x.count.checked_div(inputs).unwrap_or(0);
    let count = rows.saturating_mul(outputs);
    let map =
        pass.linears.iter().find(|map| map.stacked_experts && map.in_features == inputs && map.out_features == outputs);
    let stack = map.map_or(0, |map| map.copies).saturating_mul(inputs).saturating_mul(outputs);
    let folded = map.and_then(|map| folded(pass, tape, map));
    match folded {
        Some(folded) => {
            let y = tape.matmul(x, folded, count);
            tape.drop(folded);
            y
        }
        None => product(setup, tape, x, count, stack, [pass.trained, false], 0, setup.width),
    }
}

/// The weight of an adapted linear layer with the update folded in, where the method does so.
fn folded(pass: &LayerPass<'_>, tape: &mut Tape, map: &Linear) -> Option<Tensor> {
    let wanted = pass.adapted && pass.setup.adapts(map);
    if wanted { pass.setup.trained.adapter.folded(pass, tape, map) } else { None }
}
