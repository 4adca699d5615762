//! Token mixing: projections, rotary positions, the attention kernel, output projection.

use super::linear::{linear, linear_owned};
use super::{LayerPass, norm};
use crate::architecture::{
    Attention, LatentAttention, LinearAttention, LinearRole, NormKind, QkNorm, SoftmaxAttention,
};
use crate::estimate::setup::Adapter;
use crate::estimate::tape::{Maker, Tape, Tensor};

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
    let (mut k, mut v) = with_prefix(pass, tape, k, v, shape);
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

/// Prefix tuning puts trained keys and values before the computed ones.
fn with_prefix(
    pass: &LayerPass<'_>,
    tape: &mut Tape,
    k: Tensor,
    v: Tensor,
    shape: &SoftmaxAttention,
) -> (Tensor, Tensor) {
    let Adapter::Prefix { virtual_tokens } = pass.setup.trained.adapter else { return (k, v) };
    let extra = pass.setup.batch.saturating_mul(virtual_tokens).saturating_mul(shape.kv_width());
    let mut join = |x: Tensor| {
        let prefix = tape.input(extra, x.width, pass.adapted);
        let joined = tape.unary(prefix, x.count.saturating_add(extra), x.width, true);
        tape.drop(prefix);
        tape.drop(x);
        joined
    };
    (join(k), join(v))
}

/// The attention kernel on `[q, k, v]`, which stay; the result is flat again.
fn mix(
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
    let mixed = if masked {
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
fn math_kernel(pass: &LayerPass<'_>, q: Tensor, heads: u64, kv_heads: u64, window: Option<u64>) -> bool {
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
    let weights = tape.unary_saving_output(masked);
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
    let wide = tape.cast(masked, if setup.class.narrow_softmax { masked.width } else { 4 });
    let probabilities = tape.unary_saving_output(wide);
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

/// Multi-head latent attention as DeepSeek's class runs it: keys and values of every head are written out.
fn latent_attention(pass: &LayerPass<'_>, tape: &mut Tape, x: Tensor, shape: &LatentAttention) -> Tensor {
    let setup = pass.setup;
    let tokens = setup.tokens;
    let per_token = |width: u64| tokens.saturating_mul(width);
    let named = |name: &str| pass.linears.iter().find(|linear| linear.name == name);
    let head = shape.qk_nope_head_dim.saturating_add(shape.qk_rope_head_dim);
    let query = if let (Some(rank), Some(down), Some(up)) = (shape.q_lora_rank, named("q_a_proj"), named("q_b_proj")) {
        let compressed = linear(pass, tape, x, down);
        let normed = norm(setup, tape, compressed, pass.layer.norm, tokens, rank, pass.trained);
        tape.drop(compressed);
        linear_owned(pass, tape, normed, up)
    } else {
        project(pass, tape, x, LinearRole::Query)
    };
    let Some(down) = named("kv_a_proj_with_mqa") else { return x };
    let Some(up) = named("kv_b_proj") else { return x };
    let compressed = linear(pass, tape, x, down);
    let latent = tape.part(compressed, per_token(shape.kv_lora_rank));
    let position = tape.part(compressed, per_token(shape.qk_rope_head_dim));
    let mut normed = norm(setup, tape, latent, pass.layer.norm, tokens, shape.kv_lora_rank, pass.trained);
    tape.drop(latent);
    let mut position = position;
    if !setup.training {
        normed = tape.move_to_cache(normed);
        position = tape.move_to_cache(position);
    }
    let expanded = linear_owned(pass, tape, normed, up);
    tape.drop(compressed);
    // Rotary part of the queries, and the one rotary key all heads share.
    let q_rope = tape.part(query, per_token(shape.heads.saturating_mul(shape.qk_rope_head_dim)));
    let turned_q = tape.rotary(q_rope, setup.stream_width(), q_rope.count, false);
    tape.drop(q_rope);
    let turned_k = tape.rotary(position, setup.stream_width(), position.count, false);
    tape.drop(position);
    let all = per_token(shape.heads.saturating_mul(head));
    // The halves are joined again: new tensors of full width.
    let q = tape.add(query, turned_q);
    let q = q.resized(all);
    tape.drop(query);
    tape.drop(turned_q);
    let joined = tape.split(expanded);
    let nope = tape.piece(joined, per_token(shape.heads.saturating_mul(shape.qk_nope_head_dim)));
    let v = tape.piece(joined, per_token(shape.heads.saturating_mul(shape.v_head_dim)));
    tape.drop(joined);
    tape.drop(expanded);
    let k = tape.unary(nope, all, nope.width, true);
    tape.drop(nope);
    tape.drop(turned_k);
    let out_values = per_token(shape.heads.saturating_mul(shape.v_head_dim));
    let Attended { out: mixed, weights } = mix(pass, tape, [q, k, v], shape.heads, shape.heads, out_values, None);
    if let Some(weights) = weights {
        tape.drop(weights);
    }
    let out = match pass.role(LinearRole::Output) {
        Some(map) => linear(pass, tape, mixed, map),
        None => tape.keep(mixed),
    };
    for tensor in [mixed, q, k, v, x] {
        tape.drop(tensor);
    }
    out
}

/// Gated delta net: convolution, gates, chunked state update. Sizes follow the chunked kernel of flash-linear-attention;
/// approximate.
fn linear_attention(pass: &LayerPass<'_>, tape: &mut Tape, x: Tensor, shape: &LinearAttention) -> Tensor {
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
