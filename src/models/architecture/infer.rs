//! A shape from tensors alone, for model codes this program does not know.
//!
//! Totals are exact, layer by layer: what usual names do not explain is counted as the layer's `extra_params`. How the
//! parts work together is a guess, and flagged as one.

use super::tensors::{Part, Tensor, is_head, layer_index, part_of};
use super::{
    Activation, Architecture, Attention, DenseMlp, Embedding, Flag, Head, Layer, LayerGroup, Mlp, Moe, NativeDtype,
    NormKind, NormPlacement, QkNorm, SoftmaxAttention,
};
use std::collections::BTreeMap;

/// Numbers that tensors do not show, from a configuration or metadata.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hints {
    /// Query heads.
    pub heads: Option<u64>,
    /// Width of a head.
    pub head_dim: Option<u64>,
    /// Routed experts a token goes through.
    pub experts_per_token: Option<u64>,
}

/// A layer's tensor: its name behind the layer's number, and its shape.
pub(super) type NamedShape<'a> = (&'a str, &'a [u64]);

pub(super) const EMBEDDINGS: [&str; 7] = [
    "embed_tokens.weight",
    "wte.weight",
    "word_embeddings.weight",
    "tok_embeddings.weight",
    "embed_in.weight",
    "embeddings.weight",
    "token_embd.weight",
];
pub(super) const POSITIONS: [&str; 4] =
    ["wpe.weight", "embed_positions.weight", "position_embd.weight", "position_embeddings.weight"];
pub(super) const QUERY: [&str; 4] = ["q_proj", "wq", "attn_q", "query"];
pub(super) const KEY: [&str; 4] = ["k_proj", "wk", "attn_k", "key"];
pub(super) const OUTPUT: [&str; 11] = [
    "o_proj",
    "wo",
    "attn_output",
    "attn.c_proj",
    "self_attn.out_proj",
    "attention.dense",
    "self_attention.dense",
    "self_attn.dense",
    "attn.out_proj",
    "attention.out_proj",
    "attention.output.dense",
];
pub(super) const FUSED_QKV: [&str; 7] = ["qkv_proj", "query_key_value", "c_attn", "Wqkv", "wqkv", "attn_qkv", "qkv"];
pub(super) const GATE: [&str; 3] = ["gate_proj", "w1", "ffn_gate"];
pub(super) const UP: [&str; 8] = ["up_proj", "w3", "ffn_up", "fc1", "c_fc", "fc_in", "dense_h_to_4h", "wi"];
pub(super) const FUSED_GATE_UP: [&str; 2] = ["gate_up_proj", "gate_up"];
pub(super) const EXPERT_GATE: [&str; 5] =
    ["experts.gate_proj", "experts.w1", "ffn_gate_exps", "experts.gate_up_proj", "ffn_gate"];
pub(super) const EXPERT_DOWN: [&str; 4] = ["experts.down_proj", "experts.w2", "ffn_down_exps", "ffn_down"];

/// The shape the tensors show, under the name `code`; `None` without anything that looks like a token embedding.
pub fn shape_of(tensors: &[Tensor], code: &str, hints: Hints) -> Option<Architecture> {
    let tensors: Vec<&Tensor> = tensors.iter().filter(|tensor| part_of(tensor, None) == Part::Parameter).collect();
    let matrix = |endings: &[&str]| {
        tensors.iter().find(|tensor| {
            tensor.shape.len() == 2
                && endings.iter().any(|ending| tensor.name.ends_with(ending))
                && layer_index(&tensor.name).is_none()
        })
    };
    let embedding = matrix(&EMBEDDINGS)?;
    let (vocab_size, hidden_size) = (embedding.shape[0], embedding.shape[1]);
    let norm = |tensor: &&&Tensor| tensor.shape == [hidden_size] && layer_index(&tensor.name).is_none();
    let final_norms = tensors.iter().filter(norm).count();

    let mut layers: BTreeMap<u64, Vec<NamedShape<'_>>> = BTreeMap::new();
    for tensor in &tensors {
        if let Some((index, name)) = layer_index(&tensor.name) {
            layers.entry(index).or_default().push((name, &tensor.shape));
        }
    }
    let mut kinds: Vec<(Vec<NamedShape<'_>>, u64)> = Vec::new();
    for mut parts in layers.into_values() {
        parts.sort_unstable();
        match kinds.iter_mut().find(|(known, _)| *known == parts) {
            Some((_, count)) => *count += 1,
            None => kinds.push((parts, 1)),
        }
    }
    let layers: Vec<LayerGroup> = kinds
        .iter()
        .map(|(parts, count)| LayerGroup { count: *count, layer: layer(parts, hidden_size, hints) })
        .collect();
    let guessed_routing =
        hints.experts_per_token.is_none() && layers.iter().any(|group| matches!(group.layer.mlp, Mlp::Moe(_)));

    let mut architecture = Architecture {
        model_code: code.to_owned(),
        hidden_size,
        vocab_size,
        max_positions: None,
        native_dtype: NativeDtype::Unknown,
        embedding: Embedding {
            width: hidden_size,
            position_rows: matrix(&POSITIONS)
                .filter(|found| found.shape[1] == hidden_size)
                .map_or(0, |found| found.shape[0]),
            extra_params: 0,
            scaled: false,
        },
        layers,
        final_norm: match final_norms {
            0 => NormKind::LayerNoParams,
            1 => NormKind::Rms,
            _ => NormKind::Layer,
        },
        head: Head { tied: !tensors.iter().any(|tensor| is_head(&tensor.name)), bias: false, softcap: false },
        other_params: 0,
        flags: vec![Flag::UnknownModelCode(code.to_owned())],
    };
    if guessed_routing {
        let text = "how many experts a token goes through is not said; one is assumed";
        architecture.flags.push(Flag::Note(text.to_owned()));
    }
    let total = tensors.iter().map(|tensor| tensor.values).fold(0, u64::saturating_add);
    let counted = architecture.parameters().total;
    if counted > total {
        // Something outside the layers is not what its name says: only the sum is sure.
        architecture.head.tied = true;
        architecture.final_norm = NormKind::LayerNoParams;
        architecture.embedding.position_rows = 0;
    }
    architecture.other_params = total.saturating_sub(architecture.parameters().total);
    Some(architecture)
}

/// One layer; its parameters are exactly those of `parts`.
fn layer(parts: &[NamedShape<'_>], hidden: u64, hints: Hints) -> Layer {
    let stored = parts.iter().map(|(_, shape)| product(shape)).fold(0, u64::saturating_add);
    let norms = parts.iter().filter(|(name, shape)| *shape == [hidden] && name.ends_with("weight") && is_norm(name));
    let norm_biases = parts.iter().any(|(name, shape)| *shape == [hidden] && name.ends_with("bias") && is_norm(name));
    let mut layer = Layer {
        attention: Attention::Softmax(attention(parts, hidden, hints)),
        mlp: mlp(parts, hidden, hints),
        norm: if norm_biases { NormKind::Layer } else { NormKind::Rms },
        norms: norms.count() as u64,
        norm_placement: NormPlacement::Pre,
        parallel: false,
        residual_dropout: 0.0,
        extra_params: 0,
    };
    settle(&mut layer, hidden, stored);
    layer
}

/// Makes what was read of a layer come to the `stored` values: what was taken for a part but is larger than the layer is no
/// such part, and what no part explains counts beside them.
pub(super) fn settle(layer: &mut Layer, hidden: u64, stored: u64) {
    if layer.params(hidden) > stored {
        layer.attention = Attention::Softmax(SoftmaxAttention::PLAIN);
    }
    if layer.params(hidden) > stored {
        layer.mlp = Mlp::Dense(plain_mlp(0, false));
        layer.norms = 0;
    }
    layer.extra_params = stored.saturating_sub(layer.params(hidden));
}

pub(super) fn is_norm(name: &str) -> bool {
    name.contains("norm") || name.contains("ln")
}

pub(super) fn product(shape: &[u64]) -> u64 {
    shape.iter().copied().fold(1, u64::saturating_mul)
}

/// The tensor `….NAME.ending` for the first of `names` that is there.
pub(super) fn find<'a>(parts: &[NamedShape<'a>], names: &[&str], ending: &str) -> Option<&'a [u64]> {
    names.iter().find_map(|name| {
        parts.iter().find_map(|(found, shape)| {
            let module = found.strip_suffix(ending)?;
            let at_border = module.len() == name.len() || module.strip_suffix(name)?.ends_with('.');
            (module.ends_with(name) && at_border && !is_expert(found)).then_some(*shape)
        })
    })
}

pub(super) fn is_expert(name: &str) -> bool {
    name.contains("experts.") || name.contains("shared_expert") || name.contains("_shexp") || name.contains("_exps")
}

/// The side of a matrix that is not the residual stream, whichever way round it is stored.
pub(super) fn inner_width(shape: &[u64], hidden: u64) -> u64 {
    match shape {
        [rows, columns] if *columns == hidden => *rows,
        [rows, columns] if *rows == hidden => *columns,
        _ => 0,
    }
}

fn attention(parts: &[NamedShape<'_>], hidden: u64, hints: Hints) -> SoftmaxAttention {
    let width = |names: &[&str]| find(parts, names, ".weight").map_or(0, |shape| inner_width(shape, hidden));
    let has_bias = |names: &[&str]| find(parts, names, ".bias").is_some();
    let fused = width(&FUSED_QKV);
    let (query, key) = if fused > 0 { (width(&OUTPUT).max(1), 0) } else { (width(&QUERY), width(&KEY)) };
    let key = if fused > 0 { fused.saturating_sub(query) / 2 } else { key };
    if query == 0 || key == 0 {
        return SoftmaxAttention::PLAIN;
    }
    let fits = |dim: &u64| *dim > 0 && query.is_multiple_of(*dim) && key.is_multiple_of(*dim);
    let norm = find(parts, &["q_norm", "attn_q_norm", "q_layernorm", "query_norm"], ".weight").map(product);
    let head_dim = hints
        .head_dim
        .or_else(|| hints.heads.filter(|heads| *heads > 0).map(|heads| query / heads))
        .or(norm.filter(|width| *width < query))
        .filter(fits)
        .or_else(|| [128, 64, 96, 80, 256, 32, 16].into_iter().find(fits))
        .unwrap_or(1);
    SoftmaxAttention {
        heads: query / head_dim,
        kv_heads: key / head_dim,
        head_dim,
        fused_qkv: fused > 0,
        qkv_bias: has_bias(if fused > 0 { &FUSED_QKV } else { &QUERY }),
        o_bias: has_bias(&OUTPUT),
        qk_norm: match norm {
            Some(width) if width == head_dim => QkNorm::PerHead,
            Some(width) if width == query => QkNorm::Full,
            _ => QkNorm::None,
        },
        ..SoftmaxAttention::PLAIN
    }
}

pub(super) const fn plain_mlp(intermediate: u64, gated: bool) -> DenseMlp {
    let activation = if gated { Activation::Silu } else { Activation::Gelu };
    DenseMlp { intermediate, gated, fused_gate_up: false, bias: false, activation }
}

fn mlp(parts: &[NamedShape<'_>], hidden: u64, hints: Hints) -> Mlp {
    if let Some((experts, expert)) = experts(parts, hidden) {
        let experts_per_token = hints.experts_per_token.unwrap_or(1).clamp(1, experts);
        return Mlp::Moe(Moe {
            experts,
            experts_per_token,
            expert,
            shared: None,
            shared_gate: false,
            router_bias: false,
        });
    }
    let width = |names: &[&str]| find(parts, names, ".weight").map_or(0, |shape| inner_width(shape, hidden));
    let fused = width(&FUSED_GATE_UP);
    if fused > 0 {
        return Mlp::Dense(DenseMlp { fused_gate_up: true, ..plain_mlp(fused / 2, true) });
    }
    let gated = width(&GATE) > 0;
    Mlp::Dense(DenseMlp { bias: find(parts, &UP, ".bias").is_some(), ..plain_mlp(width(&UP), gated) })
}

/// Number and shape of the routed experts: one tensor for each, or all stacked in one.
fn experts(parts: &[NamedShape<'_>], hidden: u64) -> Option<(u64, DenseMlp)> {
    let single = |name: &str| {
        // `mlp.experts.7.down_proj.weight`
        let (index, _) = name.split_once("experts.")?.1.split_once('.')?;
        index.parse::<u64>().ok()
    };
    let routed =
        || parts.iter().filter(|(name, _)| is_expert(name) && !name.contains("shared") && !name.contains("_shexp"));
    let named = |name: &str, names: &[&str]| names.iter().any(|wanted| name.contains(wanted));
    if let Some(last) = routed().filter_map(|(name, _)| single(name)).max() {
        let first = |names: &[&str]| {
            routed()
                .find(|(name, _)| single(name) == Some(0) && named(name, names))
                .map(|(_, shape)| inner_width(shape, hidden))
        };
        let intermediate = first(&["down_proj", "w2", "fc2"]).filter(|width| *width > 0)?;
        let gated = first(&["gate_proj", "w1"]).is_some();
        return Some((last.checked_add(1)?, plain_mlp(intermediate, gated)));
    }
    let (_, down) = routed().find(|(name, shape)| shape.len() == 3 && named(name, &EXPERT_DOWN))?;
    let gated = routed().any(|(name, shape)| shape.len() == 3 && named(name, &EXPERT_GATE));
    let intermediate = inner_width(&down[1..], hidden);
    (intermediate > 0 && down[0] > 0).then(|| (down[0], plain_mlp(intermediate, gated)))
}
