//! The attention kernel: flash, PyTorch's elementary fallback, and the eager code.

use super::super::LayerPass;
use super::Attended;
use crate::architecture::Attention;
use crate::estimate::tape::{Maker, Tape, Tensor};

/// The attention kernel on `[q, k, v]`, which stay; the result is flat again.
pub fn mix(
    pass: &LayerPass<'_>,
    tape: &mut Tape,
    qkv: [Tensor; 3],
    heads: u64,
    kv_heads: u64,
    out_values: u64,
    window: Option<u64>,
) -> Attended {
    let setup = pass.setup;
    let [q, k, v] = qkv;
    tape.now(Maker::Attention);
    if setup.eager {
        return eager(pass, tape, qkv, heads, kv_heads, out_values);
    }
    if math_kernel(pass, q, heads, kv_heads, window) {
        return math(pass, tape, qkv, heads, kv_heads, out_values).into();
    }
    let width = setup.autocast.unwrap_or(q.width);
    let q16 = tape.cast(q, width);
    let k16 = tape.cast(k, width);
    let v16 = tape.cast(v, width);
    let masked = setup.padded || window.is_some_and(|window| window < setup.sequence);
    let lse = setup.tokens.saturating_mul(heads).saturating_mul(4);
    let mixed = if setup.repeats_kv_always && !masked {
        let groups = heads.checked_div(kv_heads).unwrap_or(1);
        let (k_all, v_all) = (repeat(tape, k16, groups, kv_heads), repeat(tape, v16, groups, kv_heads));
        let mixed = tape.attention(q16, k_all, v_all, out_values, lse, None);
        tape.drop(k_all);
        tape.drop(v_all);
        mixed
    } else if masked {
        // A mask rules the flash kernel out: keys and values are repeated, the mask becomes a bias of scores' shape.
        let groups = heads.checked_div(kv_heads).unwrap_or(1);
        let (k_all, v_all) = (repeat(tape, k16, groups, kv_heads), repeat(tape, v16, groups, kv_heads));
        let scores = setup.batch.saturating_mul(setup.sequence).saturating_mul(setup.sequence);
        let bias = tape.input(scores, width, false);
        tape.bump(scores);
        let mixed = tape.attention(q16, k_all, v_all, out_values, lse, Some(bias));
        tape.drop(bias);
        tape.drop(k_all);
        tape.drop(v_all);
        mixed
    } else {
        tape.attention(q16, k16, v16, out_values, lse, None)
    };
    for tensor in [q16, k16, v16] {
        tape.drop(tensor);
    }
    mixed.into()
}

/// Keys or values for every query head: a copy, unless there is one head, which broadcasts.
fn repeat(tape: &mut Tape, x: Tensor, groups: u64, kv_heads: u64) -> Tensor {
    if groups <= 1 {
        tape.keep(x)
    } else if kv_heads == 1 {
        tape.expand(x, groups)
    } else {
        tape.repeat(x, groups)
    }
}

/// Whether PyTorch falls back to elementary operations: 32-bit queries with grouped heads and no mask, which neither
/// the flash kernel (16 bits) nor the memory-efficient one (no groups) takes.
pub fn math_kernel(pass: &LayerPass<'_>, q: Tensor, heads: u64, kv_heads: u64, window: Option<u64>) -> bool {
    let setup = pass.setup;
    let masked = setup.padded || window.is_some_and(|window| window < setup.sequence);
    setup.autocast.unwrap_or(q.width) > 2 && heads != kv_heads && !masked && !setup.repeats_kv
}

/// `scaled_dot_product_attention` in elementary operations: scaled queries and keys, repeated keys and values, scores
/// and their softmax.
fn math(
    pass: &LayerPass<'_>,
    tape: &mut Tape,
    [q, k, v]: [Tensor; 3],
    heads: u64,
    kv_heads: u64,
    out_values: u64,
) -> Tensor {
    let setup = pass.setup;
    let groups = heads.checked_div(kv_heads).unwrap_or(1);
    let square = setup.sequence.saturating_mul(setup.sequence);
    let scores = setup.batch.saturating_mul(heads).saturating_mul(square);
    let scaled_q = tape.scale(q);
    let mask = tape.input(square, q.width, false);
    let k_all = tape.repeat(k, groups);
    let v_all = tape.repeat(v, groups);
    let scaled_k = tape.scale(k_all);
    let raw = tape.matmul(scaled_q, scaled_k, scores);
    let masked = tape.unary(raw, scores, raw.width, false);
    tape.drop(raw);
    let weights = tape.softmax(masked, masked.width, setup.softmax_workspace);
    tape.drop(masked);
    let mixed = tape.matmul(weights, v_all, out_values);
    for tensor in [scaled_q, scaled_k, weights, v_all, k_all, mask] {
        tape.drop(tensor);
    }
    let flat = tape.copy(mixed);
    tape.drop(mixed);
    flat
}

/// Attention written out in elementary operations.
fn eager(
    pass: &LayerPass<'_>,
    tape: &mut Tape,
    [q, k, v]: [Tensor; 3],
    heads: u64,
    kv_heads: u64,
    out_values: u64,
) -> Attended {
    let setup = pass.setup;
    let dropout = matches!(&pass.layer.attention, Attention::Softmax(shape) if shape.dropout > 0.0);
    let groups = heads.checked_div(kv_heads).unwrap_or(1);
    // Several key heads are copied for their groups in the open; one head broadcasts.
    let (k_all, v_all) = if kv_heads > 1 {
        (repeat(tape, k, groups, kv_heads), repeat(tape, v, groups, kv_heads))
    } else {
        (tape.keep(k), tape.keep(v))
    };
    let broadcast = if kv_heads == 1 { groups } else { 1 };
    // Batched products flatten batch and heads, which copies a view that is no block of its own for the product.
    let flatten = |tape: &mut Tape, x: Tensor, times: u64| {
        let narrow = tape.cast(x, setup.autocast.unwrap_or(x.width));
        let flat = match (setup.batch > 1, times > 1) {
            (true, true) => tape.repeat(narrow, times),
            (true, false) => tape.compact(narrow),
            (false, true) => tape.expand(narrow, times),
            (false, false) => tape.keep(narrow),
        };
        tape.drop(narrow);
        flat
    };
    let scores = setup.batch.saturating_mul(heads).saturating_mul(setup.sequence).saturating_mul(setup.sequence);
    let (q16, k16) = (flatten(tape, q, 1), flatten(tape, k_all, broadcast));
    let raw = tape.matmul(q16, k16, scores);
    tape.drop(q16);
    tape.drop(k16);
    let mut weights = tape.scale(raw);
    tape.drop(raw);
    if setup.architecture.head.softcap && setup.class.caps_scores {
        let divided = tape.scale(weights);
        tape.drop(weights);
        let squashed = tape.unary_saving_output(divided);
        tape.drop(divided);
        weights = tape.scale(squashed);
        tape.drop(squashed);
    }
    // The mask has the width of the residual stream.
    let masked = tape.unary(weights, scores, weights.width.max(setup.stream_width()), false);
    tape.drop(weights);
    // CUDA's softmax reads FP16 and answers FP32 in one kernel; BF16 is copied first (`softmax` of PyTorch's SoftMax.cpp).
    let reads_narrow = setup.fp16 && setup.softmax_workspace && masked.width == 2;
    let wide = tape.cast(masked, if setup.class.narrow_softmax || reads_narrow { masked.width } else { 4 });
    let width = if setup.class.narrow_softmax { masked.width } else { 4 };
    let probabilities = tape.softmax(wide, width, setup.softmax_workspace);
    tape.drop(wide);
    let mut narrow = tape.cast(probabilities, q.width);
    tape.drop(probabilities);
    tape.drop(masked);
    if setup.training && dropout {
        let thinned = tape.dropout(narrow);
        tape.drop(narrow);
        narrow = thinned;
    }
    let (p16, v16) = (flatten(tape, narrow, 1), flatten(tape, v_all, broadcast));
    let mixed = tape.matmul(p16, v16, out_values);
    tape.drop(p16);
    tape.drop(v16);
    let flat = tape.copy(mixed);
    tape.drop(mixed);
    for tensor in [k_all, v_all] {
        tape.drop(tensor);
    }
    Attended { out: flat, weights: Some(narrow) }
}
