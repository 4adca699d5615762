//! Multi-head latent attention (DeepSeek).

use super::super::linear::{linear, linear_owned};
use super::super::{LayerPass, norm};
use super::kernel::mix;
use super::{Attended, project};
use crate::architecture::{LatentAttention, LinearRole};
use crate::estimate::tape::{Tape, Tensor};

/// Multi-head latent attention as DeepSeek's class runs it: keys and values of every head are written out.
pub fn latent_attention(pass: &LayerPass<'_>, tape: &mut Tape, x: Tensor, shape: &LatentAttention) -> Tensor {
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
