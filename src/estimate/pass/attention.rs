//! Token mixing: projections, rotary positions, the attention kernel, output projection.

use super::linear::linear;
use super::{LayerPass, norm};
use crate::architecture::{Attention, LinearRole, QkNorm, SoftmaxAttention};
use crate::estimate::tape::{Maker, Tape, Tensor};

mod delta_net;
mod kernel;
mod latent;

use delta_net::linear_attention;
use kernel::{math_kernel, mix};
use latent::latent_attention;

/// What the attention block answers.
pub struct Attended {
    /// Its output.
    pub out: Tensor,
    /// Attention weights of the eager code, which the layer holds in a local until it returns.
    pub weights: Option<Tensor>,
}

impl From<Tensor> for Attended {
    fn from(out: Tensor) -> Self {
        Self { out, weights: None }
    }
}

/// Runs the attention block on `x` and lets go of it.
pub fn attention(pass: &LayerPass<'_>, tape: &mut Tape, x: Tensor) -> Attended {
    match &pass.layer.attention {
        Attention::Softmax(shape) => softmax_attention(pass, tape, x, shape),
        Attention::Latent(shape) => latent_attention(pass, tape, x, shape).into(),
        Attention::Linear(shape) => linear_attention(pass, tape, x, shape).into(),
    }
}

fn softmax_attention(pass: &LayerPass<'_>, tape: &mut Tape, x: Tensor, shape: &SoftmaxAttention) -> Attended {
    let setup = pass.setup;
    let tokens = setup.tokens;
    let (q_values, kv_values) = (tokens.saturating_mul(shape.query_width()), tokens.saturating_mul(shape.kv_width()));
    let (q, k, v, gate);
    let mut fused = None;
    if let (true, Some(map)) = (shape.fused_qkv, pass.role(LinearRole::FusedQkv)) {
        let all = linear(pass, tape, x, map);
        (q, k, v) = pieces(pass, tape, all, shape, [q_values, kv_values]);
        gate = None;
        if joins_rotated(pass, shape) {
            // These classes hold the fused projection in a local until attention returns.
            fused = Some(all);
        } else {
            tape.drop(all);
        }
    } else {
        let query = project(pass, tape, x, LinearRole::Query);
        let (query, split) = if shape.output_gate {
            // Query and gate come out of one matrix, head by head.
            let joined = tape.split(query);
            let (query_part, gate_part) = (tape.piece(joined, q_values), tape.piece(joined, q_values));
            tape.drop(joined);
            tape.drop(query);
            (query_part, Some(gate_part))
        } else {
            (query, None)
        };
        gate = split;
        let query = qk_norm(pass, tape, query, shape, shape.heads);
        q = as_heads(tape, query, shape.heads);
        if shape.shares_kv {
            k = tape.input(kv_values, x.width, false);
            v = tape.input(kv_values, x.width, false);
        } else {
            let key = project(pass, tape, x, LinearRole::Key);
            if shape.keys_are_values {
                let value = tape.keep(key);
                v = as_heads(tape, value, shape.kv_heads);
                let key = qk_norm(pass, tape, key, shape, shape.kv_heads);
                k = as_heads(tape, key, shape.kv_heads);
            } else {
                let key = qk_norm(pass, tape, key, shape, shape.kv_heads);
                k = as_heads(tape, key, shape.kv_heads);
                let value = project(pass, tape, x, LinearRole::Value);
                v = as_heads(tape, value, shape.kv_heads);
            }
        }
    }
    let (q, k) = rotate(pass, tape, q, k, shape);
    let modules = &setup.trained.adapter;
    let mut k = modules.before_attention(pass, tape, k, shape.kv_width());
    let mut v = modules.before_attention(pass, tape, v, shape.kv_width());
    if !setup.training {
        // Keys and values are copied into the cache.
        k = tape.move_to_cache(k);
        v = tape.move_to_cache(v);
    }
    let Attended { out: mut mixed, weights } =
        mix(pass, tape, [q, k, v], shape.heads, shape.kv_heads, q_values, shape.window);
    if joins_rotated(pass, shape) && !setup.eager && !math_kernel(pass, q, shape.heads, shape.kv_heads, shape.window) {
        // The kernel answers in the layout of its queries: by heads, so that flattening copies.
        let flat = tape.copy(mixed);
        tape.drop(mixed);
        mixed = flat;
    }
    let mixed = match gate {
        Some(gate) => {
            let open = tape.unary_saving_output(gate);
            tape.drop(gate);
            let gated = tape.mul(mixed, open);
            tape.drop(open);
            tape.drop(mixed);
            gated
        }
        None => mixed,
    };
    let mixed = pass.sub_norm(tape, mixed);
    let out = match pass.role(LinearRole::Output) {
        Some(map) => linear(pass, tape, mixed, map),
        None => tape.keep(mixed),
    };
    for tensor in [Some(mixed), Some(q), Some(k), Some(v), Some(x), fused].into_iter().flatten() {
        tape.drop(tensor);
    }
    Attended { out, weights }
}

/// A projection of `x`, which stays.
fn project(pass: &LayerPass<'_>, tape: &mut Tape, x: Tensor, role: LinearRole) -> Tensor {
    match pass.role(role) {
        Some(map) => linear(pass, tape, x, map),
        None => tape.keep(x),
    }
}

/// Splits heads off and lets go of the flat tensor.
fn as_heads(tape: &mut Tape, x: Tensor, heads: u64) -> Tensor {
    let y = tape.heads(x, heads);
    tape.drop(x);
    y
}

/// Query, key and value out of the fused projection.
fn pieces(
    pass: &LayerPass<'_>,
    tape: &mut Tape,
    all: Tensor,
    shape: &SoftmaxAttention,
    [q_values, kv_values]: [u64; 2],
) -> (Tensor, Tensor, Tensor) {
    let counts = [q_values, kv_values, kv_values];
    let heads = [shape.heads, shape.kv_heads, shape.kv_heads];
    let [q, k, v] = if joins_rotated(pass, shape) && !pass.setup.class.splits_heads_first {
        // Slices of the flat tensor: each gradient is written into a zeroed tensor of the whole width.
        let parts = counts.map(|count| tape.part(all, count));
        let mut out = parts;
        for ((slot, part), heads) in out.iter_mut().zip(parts).zip(heads) {
            *slot = as_heads(tape, part, heads);
        }
        out
    } else if shape.rotary_share > 0.0 {
        // Heads first, then three parts of every head, whose gradients are joined in one copy.
        let by_heads = tape.heads(all, shape.heads);
        let joined = tape.split(by_heads);
        tape.drop(by_heads);
        let out = counts.map(|count| tape.piece(joined, count));
        tape.drop(joined);
        out
    } else {
        let joined = tape.split(all);
        let parts = counts.map(|count| tape.piece(joined, count));
        tape.drop(joined);
        let mut out = parts;
        for ((slot, part), heads) in out.iter_mut().zip(parts).zip(heads) {
            *slot = as_heads(tape, part, heads);
        }
        out
    };
    (q, k, v)
}

/// Whether the class cuts heads into a rotated and a passed part and joins them again, even where nothing is passed;
/// what comes out lies head by head.
fn joins_rotated(pass: &LayerPass<'_>, shape: &SoftmaxAttention) -> bool {
    shape.rotary_share > 0.0 && (shape.rotary_share < 1.0 || pass.setup.class.always_joins_rotated)
}

fn qk_norm(pass: &LayerPass<'_>, tape: &mut Tape, x: Tensor, shape: &SoftmaxAttention, heads: u64) -> Tensor {
    let (rows, values) = match shape.qk_norm {
        QkNorm::None => return x,
        QkNorm::PerHead => (pass.setup.tokens.saturating_mul(heads), shape.head_dim),
        QkNorm::Full => (pass.setup.tokens, heads.saturating_mul(shape.head_dim)),
    };
    let y = norm(pass.setup, tape, x, pass.layer.norm, rows, values, pass.trained);
    tape.drop(x);
    y
}

/// Rotary positions on queries and keys; the unrotated ones go when both are done.
fn rotate(pass: &LayerPass<'_>, tape: &mut Tape, q: Tensor, k: Tensor, shape: &SoftmaxAttention) -> (Tensor, Tensor) {
    if shape.rotary_share <= 0.0 {
        return (q, k);
    }
    tape.now(Maker::Positions);
    let part = shape.rotary_share.min(1.0);
    // cos and sin have the width of the residual stream.
    let wide = pass.setup.class.rotates_in_fp32;
    let width = if wide { 4 } else { pass.setup.stream_width() };
    let (q, k) = if wide { (tape.cast_owned(q, 4), tape.cast_owned(k, 4)) } else { (q, k) };
    let narrow = pass.setup.autocast.unwrap_or(pass.setup.width);
    let rotated = |count: u64| if part >= 1.0 { count } else { (count as f64 * part) as u64 };
    let joins = joins_rotated(pass, shape);
    let turned_q = tape.rotary(q, width, rotated(q.count), joins);
    let turned_k = if shape.shares_kv { tape.keep(k) } else { tape.rotary(k, width, rotated(k.count), joins) };
    tape.drop(q);
    tape.drop(k);
    if wide {
        return (tape.cast_owned(turned_q, narrow), tape.cast_owned(turned_k, narrow));
    }
    (turned_q, turned_k)
}
