//! A linear layer with whatever the plan puts around it: autocast, quantization, adapters.

use super::LayerPass;
use crate::architecture::Linear;
use crate::estimate::setup::Setup;
use crate::estimate::tape::{Maker, ParamGradient, Tape, Tensor};

/// Applies `linear`, with what the method puts around it, to `x`, which stays with the caller.
pub fn linear(pass: &LayerPass<'_>, tape: &mut Tape, x: Tensor, linear: &Linear) -> Tensor {
    if pass.adapted && pass.setup.adapts(linear) {
        pass.setup.trained.adapter.linear(pass, tape, x, linear)
    } else {
        base(pass, tape, x, linear)
    }
}

/// [`linear`] that lets go of its input.
pub fn linear_owned(pass: &LayerPass<'_>, tape: &mut Tape, x: Tensor, map: &Linear) -> Tensor {
    let y = linear(pass, tape, x, map);
    tape.drop(x);
    y
}

/// The linear layer itself.
pub fn base(pass: &LayerPass<'_>, tape: &mut Tape, x: Tensor, linear: &Linear) -> Tensor {
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
