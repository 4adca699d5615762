//! Mixtures of experts, latent attention and hybrids with linear attention.

use super::dense::{activation, grouped, layer_count, plain_attention, shell, windows};
use super::keys::{KeyError, Keys};
use crate::architecture::{
    Architecture, Attention, DenseMlp, LatentAttention, Layer, LinearAttention, Mlp, Moe, NormKind, NormPlacement,
    QkNorm, SoftmaxAttention,
};

/// One of the families named in the caller's table.
pub fn build(family: &str, keys: &Keys<'_>) -> Result<Architecture, KeyError> {
    let layers = layer_count(keys)?;
    let mixer = mixers(family, keys)?;
    let norm = match family {
        "phimoe" => NormKind::Layer,
        "qwen3_next" | "qwen3_5_text" | "gemma4_text" => NormKind::RmsGemma,
        _ => NormKind::Rms,
    };
    let mut built = Vec::new();
    for (i, attention) in (0..layers).zip(mixer) {
        let mut layer = Layer {
            attention,
            mlp: mlp(family, keys, i)?,
            norm,
            norms: 2,
            norm_placement: NormPlacement::Pre,
            parallel: false,
            residual_dropout: 0.0,
            extra_params: 0,
        };
        match family {
            // Attention sinks: one value a head.
            "gpt_oss" => layer.extra_params = keys.size("num_attention_heads")?,
            "gemma4_text" => gemma4_extras(keys, i, layers, &mut layer)?,
            _ => {}
        }
        built.push(layer);
    }
    let mut architecture = shell(keys, grouped(built), norm)?;
    if family == "gemma4_text" {
        let width = keys.count_or("hidden_size_per_layer_input", 0)?;
        let all = width.saturating_mul(layers);
        if width > 0 {
            // A second table with one row of `width` for every layer, and the projection into it.
            architecture.embedding.extra_params = keys
                .size("vocab_size_per_layer_input")?
                .saturating_add(architecture.hidden_size)
                .saturating_mul(all)
                .saturating_add(width);
        }
        architecture.embedding.scaled = true;
        architecture.head.softcap = keys.decimal_or("final_logit_softcapping", 0.0) > 0.0;
    }
    Ok(architecture)
}

fn mixers(family: &str, keys: &Keys<'_>) -> Result<Vec<Attention>, KeyError> {
    let layers = layer_count(keys)?;
    match family {
        "deepseek_v2" | "deepseek_v3" => Ok(vec![Attention::Latent(latent(keys)?); layers as usize]),
        "qwen3_next" | "qwen3_5_text" => hybrid(family, keys),
        "gemma4_text" => gemma4_attention(keys),
        _ => {
            let mut attention = plain_attention(keys)?;
            let bias = keys.flag("attention_bias");
            (attention.qkv_bias, attention.o_bias) = match family {
                "qwen2_moe" => (keys.flag("qkv_bias"), false),
                _ => (bias, bias),
            };
            attention.qk_norm = match family {
                "qwen3_moe" => QkNorm::PerHead,
                "olmoe" => QkNorm::Full,
                _ => QkNorm::None,
            };
            let windowed = match family {
                "gpt_oss" => windows(keys, Some(2))?,
                "mixtral" => windows(keys, None)?,
                // Chunks of 8,192 tokens in three of four layers.
                "llama4_text" => {
                    let chunk = keys.count_or("attention_chunk_size", 8192)?;
                    (0..layers).map(|i| Some(chunk).filter(|_| !(i + 1).is_multiple_of(4))).collect()
                }
                _ => vec![None; layers as usize],
            };
            Ok(windowed
                .into_iter()
                .map(|window| Attention::Softmax(SoftmaxAttention { window, ..attention }))
                .collect())
        }
    }
}

fn latent(keys: &Keys<'_>) -> Result<LatentAttention, KeyError> {
    // `null` means queries are projected directly; a file that lacks the key takes the class default.
    let q_lora_rank = if keys.is_null("q_lora_rank") { None } else { keys.count("q_lora_rank")?.filter(|n| *n > 0) };
    Ok(LatentAttention {
        heads: keys.size("num_attention_heads")?,
        q_lora_rank,
        kv_lora_rank: keys.size("kv_lora_rank")?,
        qk_nope_head_dim: keys.size("qk_nope_head_dim")?,
        qk_rope_head_dim: keys.size("qk_rope_head_dim")?,
        v_head_dim: keys.size("v_head_dim")?,
        bias: keys.flag("attention_bias"),
    })
}

/// Three layers of gated delta net, then one of gated attention.
fn hybrid(family: &str, keys: &Keys<'_>) -> Result<Vec<Attention>, KeyError> {
    let mut softmax = plain_attention(keys)?;
    let bias = keys.flag("attention_bias");
    (softmax.qkv_bias, softmax.o_bias) = (bias, bias);
    softmax.qk_norm = QkNorm::PerHead;
    softmax.output_gate = true;
    let linear = LinearAttention {
        key_heads: keys.size("linear_num_key_heads")?,
        value_heads: keys.size("linear_num_value_heads")?,
        key_head_dim: keys.size("linear_key_head_dim")?,
        value_head_dim: keys.size("linear_value_head_dim")?,
        conv_kernel: keys.size("linear_conv_kernel_dim")?,
        fused_in: family == "qwen3_next",
    };
    let types = keys.words("layer_types");
    let period = keys.count("full_attention_interval")?.filter(|n| *n > 0).unwrap_or(4);
    Ok((0..layer_count(keys)?)
        .map(|i| {
            let full = match &types {
                Some(types) => types.get(i as usize) == Some(&"full_attention"),
                None => (i + 1).is_multiple_of(period),
            };
            if full { Attention::Softmax(softmax) } else { Attention::Linear(linear) }
        })
        .collect())
}

fn gemma4_attention(keys: &Keys<'_>) -> Result<Vec<Attention>, KeyError> {
    let mut sliding = plain_attention(keys)?;
    let bias = keys.flag("attention_bias");
    (sliding.qkv_bias, sliding.o_bias) = (bias, bias);
    sliding.qk_norm = QkNorm::PerHead;
    let keys_are_values = keys.flag("attention_k_eq_v");
    let full = SoftmaxAttention {
        head_dim: keys.count_or("global_head_dim", 512)?,
        kv_heads: keys.count("num_global_key_value_heads")?.filter(|_| keys_are_values).unwrap_or(sliding.kv_heads),
        rotary_share: 0.25,
        window: None,
        keys_are_values,
        ..sliding
    };
    let windows = windows(keys, Some(6))?;
    let layers = windows.len() as u64;
    let shared_from = layers.saturating_sub(keys.count_or("num_kv_shared_layers", 0)?);
    Ok((0..layers)
        .zip(windows)
        .map(|(i, window)| {
            // The last layer always sees everything.
            let base = if window.is_none() || i + 1 == layers { full } else { SoftmaxAttention { window, ..sliding } };
            Attention::Softmax(SoftmaxAttention { shares_kv: i >= shared_from, ..base })
        })
        .collect())
}

fn gemma4_extras(keys: &Keys<'_>, i: u64, layers: u64, layer: &mut Layer) -> Result<(), KeyError> {
    let hidden = keys.size("hidden_size")?;
    layer.norms = 4;
    layer.norm_placement = NormPlacement::Sandwich;
    let per_layer = keys.count_or("hidden_size_per_layer_input", 0)?;
    if per_layer > 0 {
        layer.extra_params += 2 * hidden.saturating_mul(per_layer) + hidden;
    }
    if keys.flag("use_double_wide_mlp")
        && i >= layers.saturating_sub(keys.count_or("num_kv_shared_layers", 0)?)
        && let Mlp::Dense(mlp) = &mut layer.mlp
    {
        mlp.intermediate *= 2;
    }
    if let Mlp::Moe(moe) = &layer.mlp {
        // Three more norms around the experts, a scale per channel and one per expert in the router.
        layer.extra_params += 3 * hidden + hidden + moe.experts;
    }
    Ok(())
}

fn mlp(family: &str, keys: &Keys<'_>, i: u64) -> Result<Mlp, KeyError> {
    let act = activation(keys.text("hidden_activation").or_else(|| keys.text("hidden_act")));
    let dense =
        |intermediate: u64| DenseMlp { intermediate, gated: true, fused_gate_up: false, bias: false, activation: act };
    if !is_sparse(family, keys, i)? {
        let key = if family == "llama4_text" { "intermediate_size_mlp" } else { "intermediate_size" };
        return Ok(Mlp::Dense(dense(keys.size(key)?)));
    }
    let width = match family {
        "mixtral" | "olmoe" | "phimoe" | "gpt_oss" | "llama4_text" => keys.size("intermediate_size")?,
        _ => keys.size("moe_intermediate_size")?,
    };
    let shared = match family {
        "qwen2_moe" | "qwen3_next" => Some(keys.size("shared_expert_intermediate_size")?),
        "llama4_text" => Some(width),
        "deepseek_v2" | "deepseek_v3" => {
            keys.count("n_shared_experts")?.filter(|n| *n > 0).map(|n| n.saturating_mul(width))
        }
        // Gemma 4 runs its dense MLP beside the experts.
        "gemma4_text" => Some(keys.size("intermediate_size")?),
        _ => None,
    };
    let experts = match family {
        "deepseek_v2" | "deepseek_v3" => keys.size("n_routed_experts")?,
        "mixtral" | "phimoe" | "gpt_oss" | "llama4_text" | "qwen3_moe" => keys.size("num_local_experts")?,
        _ => keys.size("num_experts")?,
    };
    let per_token = if family == "gemma4_text" { "top_k_experts" } else { "num_experts_per_tok" };
    let experts_per_token = keys.size(per_token)?;
    if experts_per_token > experts {
        return Err(KeyError(format!("`{per_token}` is {experts_per_token}, more than the {experts} experts")));
    }
    Ok(Mlp::Moe(Moe {
        experts,
        experts_per_token,
        expert: DenseMlp { bias: family == "gpt_oss", ..dense(width) },
        shared: shared.map(dense),
        shared_gate: matches!(family, "qwen2_moe" | "qwen3_next"),
        router_bias: family == "gpt_oss",
    }))
}

/// Whether layer `i` routes its tokens.
fn is_sparse(family: &str, keys: &Keys<'_>, i: u64) -> Result<bool, KeyError> {
    Ok(match family {
        "qwen3_5_text" => false,
        "gemma4_text" => keys.flag("enable_moe_block"),
        "deepseek_v2" | "deepseek_v3" => i >= keys.count_or("first_k_dense_replace", 0)?,
        "qwen2_moe" | "qwen3_moe" | "qwen3_next" => {
            let step = keys.count("decoder_sparse_step")?.filter(|n| *n > 0).unwrap_or(1);
            let dense_only = keys.numbers("mlp_only_layers").unwrap_or_default();
            (i + 1).is_multiple_of(step) && !dense_only.contains(&i)
        }
        "llama4_text" => {
            let step = keys.count("interleave_moe_layer_step")?.filter(|n| *n > 0).unwrap_or(1);
            keys.numbers("moe_layers").map_or_else(|| (i + 1).is_multiple_of(step), |layers| layers.contains(&i))
        }
        _ => true,
    })
}
