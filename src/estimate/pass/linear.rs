//! A linear layer with whatever the plan puts around it: autocast, quantization, adapters.

use super::LayerPass;
use crate::architecture::Linear;
use crate::estimate::setup::{Adapter, Setup};
use crate::estimate::tape::{Maker, ParamGradient, Tape, Tensor};
use crate::estimate::trainable::ia3_scales_input;

/// Applies `linear` to `x`, which stays with the caller.
pub fn linear(pass: &LayerPass<'_>, tape: &mut Tape, x: Tensor, linear: &Linear) -> Tensor {
    let setup = pass.setup;
    let adapted = pass.adapted && setup.adapts(linear);
    match setup.trained.adapter {
        Adapter::Lora { lora, width } if adapted => {
            let y = base(pass, tape, x, linear);
            with_lora(setup, tape, x, y, linear, lora, width)
        }
        Adapter::Vera { rank, .. } if adapted => {
            let y = base(pass, tape, x, linear);
            with_vera(setup, tape, x, y, linear, rank)
        }
        Adapter::Ia3 { .. } if adapted => {
            if ia3_scales_input(linear) {
                let scaled = tape.mul_param(x, linear.in_features, 4, true);
                let scaled = tape.cast_owned(scaled, x.width);
                let y = base(pass, tape, scaled, linear);
                tape.drop(scaled);
                y
            } else {
                let y = base(pass, tape, x, linear);
                let scaled = tape.mul_param(y, linear.out_features, 4, true);
                let scaled = tape.cast_owned(scaled, y.width);
                tape.drop(y);
                scaled
            }
        }
        Adapter::Oft { block, .. } if adapted => {
            // The input is rotated block by block with a trained matrix in FP32.
            let wide = tape.cast(x, 4);
            let bytes = linear.in_features.saturating_mul(block).saturating_mul(4);
            let params = [ParamGradient { raw: bytes, kept: bytes / 2, cast: false }, ParamGradient::default()];
            let rotated = tape.matmul_param(wide, None, wide.count, params);
            tape.drop(wide);
            let rotated = tape.cast_owned(rotated, x.width);
            let y = base(pass, tape, rotated, linear);
            tape.drop(rotated);
            y
        }
        _ => base(pass, tape, x, linear),
    }
}

/// [`linear`] that lets go of its input.
pub fn linear_owned(pass: &LayerPass<'_>, tape: &mut Tape, x: Tensor, map: &Linear) -> Tensor {
    let y = linear(pass, tape, x, map);
    tape.drop(x);
    y
}

/// The map itself.
fn base(pass: &LayerPass<'_>, tape: &mut Tape, x: Tensor, linear: &Linear) -> Tensor {
    let setup = pass.setup;
    tape.now(Maker::Projections);
    let rows = x.count.checked_div(linear.in_features).unwrap_or(0);
    let count = rows.saturating_mul(linear.out_features);
    let values = linear.in_features.saturating_mul(linear.out_features);
    if setup.quantizes(linear) && !pass.trained {
        // bitsandbytes computes in 16 bits, dequantizes the weight for each product and keeps nothing.
        let narrow = tape.cast(x, 2);
        let scales = setup.storage.unpacked_scales(linear.out_features, linear.in_features);
        let y = tape.matmul_dequantized(narrow, count, values.saturating_mul(2), scales);
        let out = tape.cast(y, x.width);
        tape.drop(y);
        tape.drop(narrow);
        return out;
    }
    let bias = linear.bias && (pass.trained || setup.trained.biases);
    product(setup, tape, x, count, values, [pass.trained, bias], linear.out_features, setup.width)
}

/// `x · Wᵀ` under autocast or not, for a parameter of `values` values in `width` bytes.
#[allow(
    clippy::too_many_arguments,
    reason = "the sizes of one product; a struct would be made at each of its three calls"
)]
pub fn product(
    setup: &Setup<'_>,
    tape: &mut Tape,
    x: Tensor,
    count: u64,
    values: u64,
    trained: [bool; 2],
    bias_values: u64,
    width: u64,
) -> Tensor {
    let arithmetic = setup.autocast.unwrap_or_else(|| x.width.max(width));
    let narrow = tape.cast(x, arithmetic);
    let copy =
        (setup.autocast.is_some() && width != arithmetic).then(|| tape.cast_param(values, arithmetic, trained[0]));
    let param = |wanted: bool, count: u64| {
        if wanted {
            ParamGradient {
                raw: count.saturating_mul(arithmetic),
                kept: count.saturating_mul(width),
                cast: arithmetic != width,
            }
        } else {
            ParamGradient::default()
        }
    };
    let params = [param(trained[0], values), param(trained[1], bias_values)];
    let y = tape.matmul_param(narrow, copy, count, params);
    if let Some(copy) = copy {
        tape.drop(copy);
    }
    tape.drop(narrow);
    y
}

/// A small trained matrix `inputs → outputs` of an adapter.
pub fn small(setup: &Setup<'_>, tape: &mut Tape, x: Tensor, inputs: u64, outputs: u64, width: u64) -> Tensor {
    let rows = x.count.checked_div(inputs).unwrap_or(0);
    let count = rows.saturating_mul(outputs);
    product(setup, tape, x, count, inputs.saturating_mul(outputs), [true, false], 0, width)
}

/// PEFT's LoRA: `y + B(A(dropout(x))) · scaling`; lets go of `y`, keeps `x`.
fn with_lora(
    setup: &Setup<'_>,
    tape: &mut Tape,
    x: Tensor,
    y: Tensor,
    linear: &Linear,
    lora: &crate::plan::Lora,
    width: u64,
) -> Tensor {
    tape.now(Maker::Adapters);
    let quantized = setup.quantizes(linear) && setup.storage.is_bitsandbytes();
    let y = if quantized {
        // PEFT clones the result of a 4-bit layer before adding to it.
        let copy = tape.copy(y);
        tape.drop(y);
        copy
    } else {
        y
    };
    let wide = if quantized && setup.autocast.is_some() { tape.keep(x) } else { tape.cast(x, width) };
    let dropped = if lora.dropout > 0.0 { tape.dropout(wide) } else { tape.keep(wide) };
    let a = small(setup, tape, dropped, linear.in_features, lora.rank, width);
    tape.drop(dropped);
    let b = small(setup, tape, a, lora.rank, linear.out_features, width);
    tape.drop(a);
    let mut scaled = tape.scale(b);
    tape.drop(b);
    if quantized && setup.autocast.is_none() {
        scaled = tape.cast_owned(scaled, y.width);
    }
    if lora.weight_decomposed {
        scaled = decompose(tape, y, scaled, linear);
    }
    let sum = tape.add(y, scaled);
    tape.drop(scaled);
    let out = tape.cast_owned(sum, y.width);
    tape.drop(y);
    tape.drop(wide);
    out
}

/// DoRA: the norm of `W + scaling·B·A` is taken (a copy of the weight comes and goes), base result and update are
/// multiplied with the learned magnitude over that norm.
fn decompose(tape: &mut Tape, y: Tensor, update: Tensor, linear: &Linear) -> Tensor {
    let values = linear.in_features.saturating_mul(linear.out_features);
    tape.bump(values.saturating_mul(2 * update.width.max(2)));
    let base = tape.mul_param(y, linear.out_features, 4, true);
    let base = tape.cast_owned(base, y.width);
    let scaled = tape.mul_param(update, linear.out_features, 4, true);
    tape.drop(update);
    let sum = tape.add(base, scaled);
    tape.drop(base);
    tape.drop(scaled);
    sum
}

/// VeRA: `y + λ_b ⊙ B(λ_d ⊙ A(x))` with frozen A and B in FP32.
fn with_vera(setup: &Setup<'_>, tape: &mut Tape, x: Tensor, y: Tensor, linear: &Linear, rank: u64) -> Tensor {
    tape.now(Maker::Adapters);
    let rows = x.count.checked_div(linear.in_features).unwrap_or(0);
    let wide = tape.cast(x, 4);
    let frozen = [false, false];
    let into = linear.in_features.saturating_mul(rank);
    let a = product(setup, tape, wide, rows.saturating_mul(rank), into, frozen, 0, 4);
    let scaled = tape.mul_param(a, rank, 4, true);
    tape.drop(a);
    let count = rows.saturating_mul(linear.out_features);
    let b = product(setup, tape, scaled, count, rank.saturating_mul(linear.out_features), frozen, 0, 4);
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
