//! What the tensors of one layer are to it: attention, MLP, experts, norms; the rest is counted and named.

use super::configuration::{Configuration, KeyError, Variables};
use super::value::Value;
use crate::architecture::infer::{
    FUSED_GATE_UP, FUSED_QKV, GATE, KEY, NamedShape, OUTPUT, QUERY, UP, find, inner_width, is_norm, plain_mlp, product,
    settle,
};
use crate::architecture::{
    Activation, Attention, DenseMlp, LatentAttention, Layer, LinearAttention, Mlp, Moe, NormKind, NormPlacement,
    QkNorm, SoftmaxAttention,
};

/// Endings of the second matrix of a plain MLP and of the last one of a gated MLP.
const DOWN: [&str; 9] =
    ["down_proj", "w2", "fc2", "mlp.c_proj", "fc_out", "dense_4h_to_h", "wo", "output_linear", "output.dense"];
/// First matrices of plain MLPs that `UP` has no name for.
const PLAIN_UP: [&str; 2] = ["intermediate.dense", "linear_fc1"];
/// Routers.
const ROUTERS: [&str; 4] = ["gate.weight", "router.weight", "router.proj.weight", "router.classifier.weight"];

/// What the tensors of a class do not show: its `facts`, else what is usual.
pub struct Facts<'c, 'a> {
    pub configuration: &'c Configuration<'a>,
}

impl Facts<'_, '_> {
    /// A fact of layer `i`, if the description has it and it is not null.
    pub fn get(&self, name: &str, i: u64) -> Result<Option<Value>, KeyError> {
        let fact = self.configuration.class().and_then(|class| class.facts.get(name));
        let variables: Variables = [i64::try_from(i).unwrap_or_default(), 0, 0, 0];
        let value = fact.map(|fact| self.configuration.evaluate(fact, &variables)).transpose()?;
        Ok(value.filter(|value| *value != Value::Null))
    }

    /// A whole number: a fact, else a key.
    pub fn number(&self, fact: &str, keys: &[&str], i: u64) -> Result<Option<u64>, KeyError> {
        if let Some(value) = self.get(fact, i)? {
            return Ok(value.whole().and_then(|number| u64::try_from(number).ok()));
        }
        for key in keys {
            let value = self.configuration.key(key)?;
            if let Some(number) = value.whole().and_then(|number| u64::try_from(number).ok()) {
                return Ok(Some(number));
            }
        }
        Ok(None)
    }

    /// Yes or no; absent is no.
    pub fn flag(&self, fact: &str, i: u64) -> Result<bool, KeyError> {
        Ok(self.get(fact, i)?.is_some_and(|value| value.is_true()))
    }

    /// A share or a probability; absent is 0.
    fn share(&self, fact: &str, i: u64) -> Result<f64, KeyError> {
        Ok(self.get(fact, i)?.and_then(|value| value.decimal()).unwrap_or(0.0))
    }

    fn window(&self, i: u64) -> Result<Option<u64>, KeyError> {
        if self.configuration.class().is_some_and(|class| class.facts.contains_key("window")) {
            return Ok(self.number("window", &[], i)?.filter(|window| *window > 0));
        }
        let Value::List(kinds) = self.configuration.key("layer_types")? else { return Ok(None) };
        let kind = usize::try_from(i).ok().and_then(|i| kinds.get(i)).and_then(Value::text);
        let key = match kind {
            Some("sliding_attention") => "sliding_window",
            Some("chunked_attention") => "attention_chunk_size",
            _ => return Ok(None),
        };
        Ok(self.configuration.key(key)?.whole().and_then(|window| u64::try_from(window).ok()).filter(|w| *w > 0))
    }

    fn activation(&self, i: u64) -> Result<Activation, KeyError> {
        let mut name = self.get("activation", i)?;
        for key in ["hidden_activation", "hidden_act", "activation_function", "mlp_hidden_act"] {
            if name.is_none() {
                name = Some(self.configuration.key(key)?).filter(|value| value.text().is_some());
            }
        }
        Ok(activation(name.as_ref().and_then(Value::text)))
    }

    /// Share of each head that is rotated, wherever the class keeps it.
    fn rotary_share(&self, i: u64) -> Result<f64, KeyError> {
        if let Some(share) = self.get("rotary_share", i)? {
            return Ok(share.decimal().unwrap_or(1.0).clamp(0.0, 1.0));
        }
        let file = self.configuration.map();
        let nested = file.get("rope_parameters").and_then(|rope| rope.get("partial_rotary_factor"));
        if let Some(share) = nested.and_then(serde_json::Value::as_f64) {
            return Ok(share.clamp(0.0, 1.0));
        }
        for key in ["partial_rotary_factor", "rotary_pct"] {
            if let Some(share) = self.configuration.key(key)?.decimal() {
                return Ok(share.clamp(0.0, 1.0));
            }
        }
        Ok(self.get("usual_rotary_share", i)?.and_then(|share| share.decimal()).unwrap_or(1.0))
    }
}

/// Which kernel an activation name stands for.
fn activation(name: Option<&str>) -> Activation {
    match name {
        Some("gelu" | "gelu_pytorch_tanh" | "gelu_python") => Activation::Gelu,
        Some("gelu_new" | "gelu_fast" | "bloom_gelu") => Activation::GeluNew,
        Some("relu") => Activation::Relu,
        Some("relu2" | "relu_squared") => Activation::Relu2,
        // SiLU is by far the commonest; an unknown name keeps as much as it does.
        _ => Activation::Silu,
    }
}

/// A layer and the names of its matrices that play none of the parts above.
pub struct Read {
    pub layer: Layer,
    pub unexplained: Vec<String>,
}

/// Layer `i` of these tensors.
pub fn layer(parts: &[NamedShape<'_>], hidden: u64, facts: &Facts<'_, '_>, i: u64) -> Result<Read, KeyError> {
    let stored = parts.iter().map(|(_, shape)| product(shape)).fold(0, u64::saturating_add);
    let own_norm = |name: &str| is_norm(name) && name.matches('.').count() <= 1;
    let norms = |ending: &str| {
        parts.iter().filter(|(name, shape)| *shape == [hidden] && name.ends_with(ending) && own_norm(name)).count()
            as u64
    };
    let norm = match facts.get("norm", i)?.as_ref().and_then(Value::text) {
        Some(name) => norm_kind(name),
        None if norms("bias") > 0 => NormKind::Layer,
        None => NormKind::Rms,
    };
    let norms = facts.number("norms", &[], i)?.unwrap_or_else(|| norms("weight"));
    let placement = match facts.get("placement", i)?.as_ref().and_then(Value::text) {
        Some("post") => NormPlacement::Post,
        Some("sandwich") => NormPlacement::Sandwich,
        None if norms == 4 => NormPlacement::Sandwich,
        _ => NormPlacement::Pre,
    };
    let mut layer = Layer {
        attention: attention(parts, hidden, facts, i)?,
        mlp: mlp(parts, hidden, facts, i)?,
        norm,
        norms,
        norm_placement: placement,
        parallel: facts.flag("parallel", i)?,
        residual_dropout: facts.share("residual_dropout", i)?,
        extra_params: 0,
    };
    settle(&mut layer, hidden, stored);
    let known = facts.flag("known", i)?;
    let unexplained = if known { Vec::new() } else { unexplained(parts, &layer, hidden) };
    Ok(Read { layer, unexplained })
}

fn norm_kind(name: &str) -> NormKind {
    match name {
        "rms_gemma" => NormKind::RmsGemma,
        "layer" => NormKind::Layer,
        "layer_no_bias" => NormKind::LayerNoBias,
        "none" => NormKind::LayerNoParams,
        _ => NormKind::Rms,
    }
}

/// Matrices beyond those the layer's parts have; vectors alone are norms, biases and scales.
fn unexplained(parts: &[NamedShape<'_>], layer: &Layer, hidden: u64) -> Vec<String> {
    let vectors = parts.iter().filter(|(_, shape)| shape.len() < 2).map(|(_, shape)| product(shape));
    if layer.extra_params <= vectors.fold(0, u64::saturating_add) {
        return Vec::new();
    }
    let mut sizes: Vec<u64> = Vec::new();
    layer.each_linear(hidden, "", |linear| sizes.push(linear.weight_params()));
    let mut names = Vec::new();
    for (name, shape) in parts.iter().filter(|(_, shape)| shape.len() >= 2) {
        match sizes.iter().position(|size| *size == product(shape)) {
            Some(known) => drop(sizes.swap_remove(known)),
            None => names.push(name.trim_end_matches(".weight").to_owned()),
        }
    }
    names
}

fn attention(parts: &[NamedShape<'_>], hidden: u64, facts: &Facts<'_, '_>, i: u64) -> Result<Attention, KeyError> {
    let has = |names: &[&str]| find(parts, names, ".weight");
    let heads = facts.number("heads", &["num_attention_heads", "num_heads"], i)?.unwrap_or(0);
    if let (Some(&[wide, rank]), Some(&[narrow, _])) = (has(&["kv_b_proj"]), has(&["kv_a_proj_with_mqa"])) {
        let output = has(&["o_proj"]).map_or(0, |shape| inner_width(shape, hidden));
        let per_head = |width: u64| width.checked_div(heads).unwrap_or(0);
        return Ok(Attention::Latent(LatentAttention {
            heads,
            q_lora_rank: has(&["q_a_proj"]).and_then(|shape| shape.first().copied()),
            kv_lora_rank: rank,
            qk_nope_head_dim: per_head(wide).saturating_sub(per_head(output)),
            qk_rope_head_dim: narrow.saturating_sub(rank),
            v_head_dim: per_head(output),
            bias: find(parts, &["kv_a_proj_with_mqa"], ".bias").is_some(),
        }));
    }
    let fused_in = has(&["in_proj_qkvz"]).is_some();
    if (fused_in || has(&["in_proj_qkv"]).is_some())
        && let Some(&[_, _, conv_kernel]) = has(&["conv1d"])
    {
        let number = |key: &str| Ok::<u64, KeyError>(facts.number("", &[key], i)?.unwrap_or(0));
        return Ok(Attention::Linear(LinearAttention {
            key_heads: number("linear_num_key_heads")?,
            value_heads: number("linear_num_value_heads")?,
            key_head_dim: number("linear_key_head_dim")?,
            value_head_dim: number("linear_value_head_dim")?,
            conv_kernel,
            fused_in,
        }));
    }
    Ok(Attention::Softmax(softmax(parts, hidden, heads, facts, i)?))
}

fn softmax(
    parts: &[NamedShape<'_>],
    hidden: u64,
    heads: u64,
    facts: &Facts<'_, '_>,
    i: u64,
) -> Result<SoftmaxAttention, KeyError> {
    let width = |names: &[&str]| find(parts, names, ".weight").map_or(0, |shape| inner_width(shape, hidden));
    let has_bias = |names: &[&str]| find(parts, names, ".bias").is_some();
    let (output_gate, shares_kv) = (facts.flag("output_gate", i)?, facts.flag("shares_kv", i)?);
    let fused = width(&FUSED_QKV);
    let query = if fused > 0 { width(&OUTPUT) } else { width(&QUERY) / if output_gate { 2 } else { 1 } };
    if query == 0 || heads == 0 {
        return Ok(SoftmaxAttention::PLAIN);
    }
    let head_dim = match facts.number("head_dim", &[], i)? {
        Some(head_dim) => head_dim,
        None => query / heads,
    };
    if head_dim == 0 || !query.is_multiple_of(head_dim) {
        return Ok(SoftmaxAttention::PLAIN);
    }
    let key = if fused > 0 { fused.saturating_sub(query) / 2 } else { width(&KEY) };
    let kv_heads = match facts.number("kv_heads", &[], i)? {
        Some(kv_heads) => kv_heads,
        None => key / head_dim,
    };
    if kv_heads == 0 || !(query / head_dim).is_multiple_of(kv_heads) {
        let text = format!("`num_key_value_heads` is {kv_heads}, which does not divide the {heads} heads");
        return if kv_heads == 0 { Ok(SoftmaxAttention::PLAIN) } else { Err(KeyError(text)) };
    }
    let says_full = facts.get("qk_norm", i)?.as_ref().and_then(Value::text) == Some("full");
    let norm = find(parts, &["q_norm", "q_layernorm", "query_norm", "query_layernorm"], ".weight");
    Ok(SoftmaxAttention {
        heads: query / head_dim,
        kv_heads,
        head_dim,
        fused_qkv: fused > 0,
        qkv_bias: has_bias(if fused > 0 { &FUSED_QKV } else { &QUERY }),
        o_bias: has_bias(&OUTPUT),
        qk_norm: match norm {
            Some([width]) if *width == query && says_full => QkNorm::Full,
            Some([width]) if *width == head_dim && !has_bias(&["q_layernorm", "q_norm"]) => QkNorm::PerHead,
            Some([width]) if *width == query && !has_bias(&["q_layernorm", "q_norm"]) => QkNorm::Full,
            _ => QkNorm::None,
        },
        rotary_share: facts.rotary_share(i)?,
        window: facts.window(i)?,
        output_gate,
        shares_kv,
        keys_are_values: facts.flag("keys_are_values", i)?,
        dropout: facts.share("attention_dropout", i)?,
    })
}

fn mlp(parts: &[NamedShape<'_>], hidden: u64, facts: &Facts<'_, '_>, i: u64) -> Result<Mlp, KeyError> {
    let activation = facts.activation(i)?;
    let routed = |ending: &str| {
        parts.iter().find(|(name, shape)| {
            shape.len() == 3 && name.ends_with(ending) && name.contains("experts.") && !name.contains("shared")
        })
    };
    let dense: Vec<NamedShape<'_>> = parts.iter().filter(|(name, _)| !name.contains("expert")).copied().collect();
    let Some([experts, first, second]) = routed("down_proj").and_then(|(_, shape)| <[u64; 3]>::try_from(*shape).ok())
    else {
        return Ok(Mlp::Dense(dense_mlp(&dense, hidden, activation)));
    };
    let intermediate = if first == hidden { second } else { first };
    let gated = routed("gate_up_proj").is_some();
    let expert = DenseMlp {
        bias: parts.iter().any(|(name, shape)| name.ends_with("experts.down_proj_bias") && shape.len() == 2),
        activation,
        ..plain_mlp(intermediate, gated)
    };
    // An expert of every token: under its own name, or the MLP beside the experts.
    let beside = |name: &'_ str| name.contains("shared_expert");
    let shared: Vec<NamedShape<'_>> =
        parts.iter().filter(|(name, _)| beside(name)).map(|part| within_expert(*part)).collect();
    let shared = [&shared, &dense].into_iter().map(|parts| dense_mlp(parts, hidden, activation));
    let shared = shared.into_iter().find(|mlp| mlp.intermediate > 0);
    let router_bias = parts.iter().any(|(name, shape)| name.ends_with("router.bias") && *shape == [experts]);
    let has_router = parts
        .iter()
        .any(|(name, shape)| ROUTERS.iter().any(|router| name.ends_with(router)) && *shape == [experts, hidden]);
    let per_token_keys =
        ["num_experts_per_tok", "moe_top_k", "top_k_experts", "num_experts_per_token", "moe_k", "top_k"];
    let per_token = facts.number("experts_per_token", &per_token_keys, i)?.unwrap_or(1);
    if !has_router {
        return Ok(Mlp::Dense(plain_mlp(0, false)));
    }
    if per_token > experts {
        return Err(KeyError(format!("`num_experts_per_tok` is {per_token}, more than the {experts} experts")));
    }
    Ok(Mlp::Moe(Moe {
        experts,
        experts_per_token: per_token,
        expert,
        shared,
        shared_gate: parts.iter().any(|(name, _)| name.ends_with("shared_expert_gate.weight")),
        router_bias,
    }))
}

/// `mlp.shared_experts.up_proj.weight` → `up_proj.weight`.
fn within_expert((name, shape): NamedShape<'_>) -> NamedShape<'_> {
    let rest = ["shared_experts.", "shared_expert."].iter().find_map(|part| name.split_once(part));
    (rest.map_or(name, |(_, rest)| rest), shape)
}

fn dense_mlp(parts: &[NamedShape<'_>], hidden: u64, activation: Activation) -> DenseMlp {
    let shape = |names: &[&str]| find(parts, names, ".weight").map_or(0, |shape| inner_width(shape, hidden));
    let has_bias = |names: &[&str]| find(parts, names, ".bias").is_some();
    let fused = shape(&FUSED_GATE_UP).max(shape(&["input_linear"]));
    let down = shape(&DOWN);
    let found = if fused > 0 && fused == down.saturating_mul(2) {
        DenseMlp { fused_gate_up: true, bias: has_bias(&FUSED_GATE_UP), ..plain_mlp(down, true) }
    } else {
        let up = shape(&UP).max(shape(&PLAIN_UP));
        let bias = has_bias(&UP) || has_bias(&PLAIN_UP);
        DenseMlp { bias, ..plain_mlp(up, shape(&GATE) > 0) }
    };
    DenseMlp { activation, ..found }
}
