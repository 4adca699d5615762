//! Dense decoder families.

use super::keys::{KeyError, Keys};
use crate::architecture::{
    Activation, Architecture, Attention, DenseMlp, Embedding, Head, Layer, LayerGroup, Mlp, NativeDtype, NormKind,
    NormPlacement, QkNorm, SoftmaxAttention,
};

/// Everything but the layers, for a rotary model without extras.
pub fn shell(keys: &Keys<'_>, layers: Vec<LayerGroup>, norm: NormKind) -> Result<Architecture, KeyError> {
    let hidden_size = keys.size("hidden_size")?;
    Ok(Architecture {
        model_code: String::new(),
        hidden_size,
        vocab_size: keys.size("vocab_size")?,
        max_positions: None,
        native_dtype: NativeDtype::Unknown,
        embedding: Embedding { width: hidden_size, position_rows: 0, extra_params: 0, scaled: false },
        layers,
        final_norm: norm,
        head: Head { tied: keys.flag("tie_word_embeddings"), bias: keys.flag("lm_head_bias"), softcap: false },
        other_params: 0,
        flags: Vec::new(),
    })
}

/// Heads, key-value heads and head width, with the usual derivations of missing ones.
pub fn plain_attention(keys: &Keys<'_>) -> Result<SoftmaxAttention, KeyError> {
    let heads = keys.size("num_attention_heads")?;
    // `null` in the file means "as many as heads" even where the class default is a number.
    let given = if keys.is_null("num_key_value_heads") { None } else { keys.count("num_key_value_heads")? };
    let kv_heads = given.filter(|n| *n > 0).unwrap_or(heads);
    if !heads.is_multiple_of(kv_heads) {
        return Err(KeyError(format!("`num_key_value_heads` is {kv_heads}, which does not divide the {heads} heads")));
    }
    let given = if keys.is_null("head_dim") { None } else { keys.count("head_dim")? };
    let head_dim = match given.filter(|n| *n > 0) {
        Some(head_dim) => head_dim,
        None => keys.size("hidden_size")? / heads,
    };
    Ok(SoftmaxAttention { heads, kv_heads, head_dim, rotary_share: keys.rotary_share(), ..SoftmaxAttention::PLAIN })
}

/// Which kernel an activation name stands for.
pub fn activation(name: Option<&str>) -> Activation {
    match name {
        Some("gelu" | "gelu_pytorch_tanh" | "gelu_python") => Activation::Gelu,
        Some("gelu_new" | "gelu_fast" | "bloom_gelu") => Activation::GeluNew,
        Some("relu") => Activation::Relu,
        Some("relu2" | "relu_squared") => Activation::Relu2,
        // SiLU is by far the commonest; an unknown name keeps as much as it does.
        _ => Activation::Silu,
    }
}

/// Groups equal layers, by first appearance.
pub fn grouped(layers: impl IntoIterator<Item = Layer>) -> Vec<LayerGroup> {
    let mut groups: Vec<LayerGroup> = Vec::new();
    for layer in layers {
        match groups.iter_mut().find(|group| group.layer == layer) {
            Some(group) => group.count += 1,
            None => groups.push(LayerGroup { count: 1, layer }),
        }
    }
    groups
}

/// Number of layers, capped so that a hostile file cannot make us allocate without end.
pub fn layer_count(keys: &Keys<'_>) -> Result<u64, KeyError> {
    let layers = keys.size("num_hidden_layers")?;
    if layers > 100_000 {
        return Err(KeyError(format!("`num_hidden_layers` is {layers}, more than any model has")));
    }
    Ok(layers)
}

/// Attention window of every layer: `layer_types` where given, else every `period`-th layer is full.
pub fn windows(keys: &Keys<'_>, period: Option<u64>) -> Result<Vec<Option<u64>>, KeyError> {
    let layers = layer_count(keys)?;
    let window = keys.count("sliding_window")?.filter(|n| *n > 0);
    if let Some(types) = keys.words("layer_types") {
        return Ok((0..layers)
            .map(|i| match types.get(i as usize).copied() {
                Some("sliding_attention" | "chunked_attention") => window,
                _ => None,
            })
            .collect());
    }
    let period = keys.count("sliding_window_pattern")?.filter(|n| *n > 0).or(period);
    Ok((0..layers).map(|i| window.filter(|_| period.is_none_or(|period| !(i + 1).is_multiple_of(period)))).collect())
}

/// Llama and the families that differ from it in a few switches.
pub fn llama_like(family: &str, keys: &Keys<'_>) -> Result<Architecture, KeyError> {
    let mut attention = plain_attention(keys)?;
    let bias = keys.flag("attention_bias");
    (attention.qkv_bias, attention.o_bias) = match family {
        "qwen2" => (true, false),
        "glm" => (bias, false),
        "stablelm" => (keys.flag("use_qkv_bias"), false),
        "starcoder2" | "ernie4_5" => (keys.flag("use_bias"), keys.flag("use_bias")),
        _ => (bias, bias),
    };
    attention.fused_qkv = family == "phi3";
    attention.qk_norm = match family {
        "qwen3" | "gemma3_text" => QkNorm::PerHead,
        "olmo2" | "olmo3" => QkNorm::Full,
        _ => QkNorm::None,
    };
    let norm = match family {
        "gemma" | "gemma2" | "gemma3_text" => NormKind::RmsGemma,
        "stablelm" | "starcoder2" => NormKind::Layer,
        "cohere" | "cohere2" => NormKind::LayerNoBias,
        "olmo" => NormKind::LayerNoParams,
        _ => NormKind::Rms,
    };
    let gated = family != "starcoder2";
    let mlp = DenseMlp {
        intermediate: keys.size("intermediate_size")?,
        gated,
        fused_gate_up: matches!(family, "phi3" | "glm"),
        bias: match family {
            "starcoder2" | "ernie4_5" => keys.flag("use_bias"),
            _ => keys.flag("mlp_bias"),
        },
        activation: activation(keys.text("hidden_activation").or_else(|| keys.text("hidden_act"))),
    };
    let placement = match family {
        "olmo2" | "olmo3" => NormPlacement::Post,
        "gemma2" | "gemma3_text" => NormPlacement::Sandwich,
        _ => NormPlacement::Pre,
    };
    let parallel = matches!(family, "cohere" | "cohere2") || family == "stablelm" && keys.flag("use_parallel_residual");
    let norms = match placement {
        NormPlacement::Sandwich => 4,
        _ if parallel => 1,
        _ => 2,
    };
    // Per-head norms of Cohere and StableLM, sub-norms of BitNet: rare, counted but not modelled apart.
    let extra_params = match family {
        "cohere" if keys.flag("use_qk_norm") => attention.query_width() + attention.kv_width(),
        "stablelm" if keys.flag("qk_layernorm") => attention.query_width() + attention.kv_width(),
        "bitnet" => keys.size("hidden_size")? + mlp.intermediate,
        _ => 0,
    };
    let period = match family {
        "gemma2" => Some(2),
        "gemma3_text" => Some(6),
        "cohere2" | "olmo3" => Some(4),
        _ => None,
    };
    // Qwen keeps a window in the file but uses it only when told to.
    let uses_window = !matches!(family, "qwen2" | "qwen3" | "smollm3") || keys.flag("use_sliding_window");
    let layers = windows(keys, period)?.into_iter().map(|window| Layer {
        attention: Attention::Softmax(SoftmaxAttention { window: window.filter(|_| uses_window), ..attention }),
        mlp: Mlp::Dense(mlp),
        norm,
        norms,
        norm_placement: placement,
        parallel,
        residual_dropout: keys.decimal_or("residual_dropout", keys.decimal_or("resid_pdrop", 0.0)),
        extra_params,
    });
    let mut architecture = shell(keys, grouped(layers), norm)?;
    architecture.embedding.scaled = family.starts_with("gemma");
    architecture.head.softcap = family == "gemma2" && keys.decimal_or("final_logit_softcapping", 30.0) > 0.0;
    Ok(architecture)
}

/// Families of before Llama: LayerNorm, plain MLP, biases.
pub fn classic(family: &str, keys: &Keys<'_>) -> Result<Architecture, KeyError> {
    let hidden = keys.size("hidden_size")?;
    let mut attention = plain_attention(keys)?;
    attention.head_dim = hidden / attention.heads;
    attention.dropout = keys.decimal_or("attn_pdrop", keys.decimal_or("attention_dropout", 0.0));
    let mut parallel = false;
    let mut norms = 2;
    let mut mlp = DenseMlp {
        intermediate: 0,
        gated: false,
        fused_gate_up: false,
        bias: true,
        activation: activation(keys.text("activation_function").or_else(|| keys.text("hidden_act"))),
    };
    let mut residual_dropout = keys.decimal_or("resid_pdrop", 0.0);
    match family {
        "gpt2" => {
            (attention.fused_qkv, attention.qkv_bias, attention.o_bias) = (true, true, true);
            attention.rotary_share = 0.0;
            mlp.intermediate = keys.count_or("n_inner", 4 * hidden)?;
        }
        "gpt_bigcode" => {
            (attention.fused_qkv, attention.qkv_bias, attention.o_bias) = (true, true, true);
            attention.kv_heads = if keys.flag("multi_query") { 1 } else { attention.heads };
            attention.rotary_share = 0.0;
            mlp.intermediate = keys.count_or("n_inner", 4 * hidden)?;
        }
        "gpt_neo" => {
            attention.o_bias = true;
            attention.rotary_share = 0.0;
            mlp.intermediate = keys.count_or("intermediate_size", 4 * hidden)?;
            residual_dropout = keys.decimal_or("resid_dropout", 0.0);
        }
        "gptj" => {
            attention.rotary_share =
                keys.count_or("rotary_dim", attention.head_dim)? as f64 / attention.head_dim as f64;
            mlp.intermediate = keys.count_or("n_inner", 4 * hidden)?;
            (parallel, norms) = (true, 1);
        }
        "gpt_neox" => {
            let bias = keys.flag("attention_bias");
            (attention.fused_qkv, attention.qkv_bias, attention.o_bias) = (true, bias, bias);
            mlp.intermediate = keys.size("intermediate_size")?;
            parallel = keys.flag("use_parallel_residual");
            residual_dropout = keys.decimal_or("hidden_dropout", 0.0);
        }
        "bloom" => {
            (attention.fused_qkv, attention.qkv_bias, attention.o_bias) = (true, true, true);
            attention.rotary_share = 0.0;
            mlp.intermediate = 4 * hidden;
            mlp.activation = Activation::GeluNew;
            residual_dropout = keys.decimal_or("hidden_dropout", 0.0);
        }
        "opt" => {
            let bias = keys.flag("enable_bias");
            (attention.qkv_bias, attention.o_bias, mlp.bias) = (bias, bias, bias);
            attention.rotary_share = 0.0;
            mlp.intermediate = keys.size("ffn_dim")?;
            residual_dropout = keys.decimal_or("dropout", 0.0);
        }
        "falcon" => {
            let bias = keys.flag("bias");
            let new = keys.flag("new_decoder_architecture");
            (attention.fused_qkv, attention.qkv_bias, attention.o_bias, mlp.bias) = (true, bias, bias, bias);
            attention.kv_heads = if new {
                keys.count_or("num_kv_heads", attention.heads)?
            } else if keys.flag("multi_query") {
                1
            } else {
                attention.heads
            };
            if keys.flag("alibi") {
                attention.rotary_share = 0.0;
            }
            mlp.intermediate = keys.count_or("ffn_hidden_size", 4 * hidden)?;
            parallel = new || keys.flag("parallel_attn");
            // The code makes both parallel norms when told to, whether or not the old architecture uses them.
            let two = keys.count_or("num_ln_in_parallel_attn", if new { 2 } else { 1 })? == 2;
            norms = if two || !keys.flag("parallel_attn") { 2 } else { 1 };
            residual_dropout = keys.decimal_or("hidden_dropout", 0.0);
        }
        _ => {
            // Phi-1, 1.5 and 2.
            (attention.qkv_bias, attention.o_bias) = (true, true);
            mlp.intermediate = keys.size("intermediate_size")?;
            (parallel, norms) = (true, 1);
        }
    }
    let plain_norm = family == "opt" && keys.get("layer_norm_elementwise_affine").is_some_and(|v| v == false);
    let norm = if plain_norm { NormKind::LayerNoParams } else { NormKind::Layer };
    let layer = Layer {
        attention: Attention::Softmax(attention),
        mlp: Mlp::Dense(mlp),
        norm,
        norms,
        norm_placement: NormPlacement::Pre,
        parallel,
        residual_dropout,
        extra_params: match family {
            "phi" if keys.flag("qk_layernorm") => 4 * attention.head_dim,
            _ => 0,
        },
    };
    let layers: Vec<Layer> = (0..layer_count(keys)?).map(|_| layer.clone()).collect();
    let mut architecture = shell(keys, grouped(layers), norm)?;
    match family {
        "gpt2" | "gpt_bigcode" | "gpt_neo" => {
            architecture.embedding.position_rows = keys.size("max_position_embeddings")?;
        }
        "opt" => {
            // The table has two rows more than positions.
            architecture.embedding.position_rows = keys.size("max_position_embeddings")? + 2;
            let width = keys.count_or("word_embed_proj_dim", hidden)?;
            architecture.embedding.width = width;
            if width != hidden {
                architecture.embedding.extra_params = 2 * width * hidden;
            }
            if !keys.flag("do_layer_norm_before") || keys.flag("_remove_final_layer_norm") {
                architecture.final_norm = NormKind::LayerNoParams;
            }
        }
        "bloom" => architecture.embedding.extra_params = NormKind::Layer.params(hidden),
        "gptj" | "phi" => architecture.head.bias = true,
        _ => {}
    }
    if family == "gpt_neo" {
        alternate_windows(&mut architecture, keys)?;
    }
    Ok(architecture)
}

/// GPT-Neo: half of the layers see a local window.
fn alternate_windows(architecture: &mut Architecture, keys: &Keys<'_>) -> Result<(), KeyError> {
    let window = keys.count_or("window_size", 256)?;
    let Some(all) = architecture.layers.pop() else { return Ok(()) };
    let local = all.count / 2;
    for (count, window) in [(all.count - local, None), (local, Some(window))] {
        let mut layer = all.layer.clone();
        if let Attention::Softmax(attention) = &mut layer.attention {
            attention.window = window;
        }
        if count > 0 {
            architecture.layers.push(LayerGroup { count, layer });
        }
    }
    Ok(())
}
