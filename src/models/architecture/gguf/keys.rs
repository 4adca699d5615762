//! llama.cpp's names for architectures and hyperparameters, as a configuration of the class they stand for.

use crate::architecture::config::from_config;
use crate::architecture::files::ReadError;
use crate::architecture::infer::{Hints, shape_of};
use crate::architecture::tensors::Tensor;
use crate::architecture::{Architecture, Flag};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// Class of transformers that llama.cpp's architecture name stands for.
fn model_type(name: &str, has_experts: bool) -> Option<&'static str> {
    Some(match name {
        "llama" if has_experts => "mixtral",
        "llama" => "llama",
        "llama4" => "llama4_text",
        "mistral3" => "ministral3",
        "qwen2" | "qwen2vl" => "qwen2",
        "qwen3" | "qwen3vl" => "qwen3",
        "qwen2moe" => "qwen2_moe",
        "qwen3moe" => "qwen3_moe",
        "gemma" => "gemma",
        "gemma2" => "gemma2",
        "gemma3" => "gemma3_text",
        "phi2" => "phi",
        "phi3" => "phi3",
        "gpt2" => "gpt2",
        "gptneox" => "gpt_neox",
        "falcon" => "falcon",
        "bloom" => "bloom",
        "starcoder" => "gpt_bigcode",
        "starcoder2" => "starcoder2",
        "stablelm" => "stablelm",
        "olmo" => "olmo",
        "olmo2" => "olmo2",
        "olmoe" => "olmoe",
        "phimoe" => "phimoe",
        "ernie4_5" => "ernie4_5",
        "cohere2" => "cohere2",
        "command-r" => "cohere",
        "granite" => "granite",
        "smollm3" => "smollm3",
        "deepseek2" => "deepseek_v3",
        "gpt-oss" => "gpt_oss",
        _ => return None,
    })
}

/// The file's metadata as the configuration of the class it stands for.
pub fn architecture(
    path: &Path,
    metadata: &BTreeMap<String, Value>,
    tensors: &[Tensor],
) -> Result<Architecture, ReadError> {
    let name = metadata.get("general.architecture").and_then(Value::as_str).unwrap_or_default();
    if name.is_empty() {
        return Err(ReadError::whole(
            path,
            "no `general.architecture` in its metadata: which model it is cannot be told",
        ));
    }
    let get = |key: &str| metadata.get(&format!("{name}.{key}"));
    // Some files give one number for each layer; the first speaks for all.
    let number = |key: &str| get(key).and_then(|value| value.as_u64().or_else(|| value.get(0)?.as_u64()));
    let has = |tensor: &str| tensors.iter().any(|found| found.name == tensor);
    let experts = number("expert_count").filter(|count| *count > 0);
    let class = model_type(name, experts.is_some());
    let mut config = Map::new();
    config.insert("model_type".to_owned(), json!(class.unwrap_or(name)));
    let pairs = [
        ("embedding_length", "hidden_size"),
        ("block_count", "num_hidden_layers"),
        ("attention.head_count", "num_attention_heads"),
        ("attention.head_count_kv", "num_key_value_heads"),
        ("attention.head_count_kv", "num_kv_heads"),
        ("attention.key_length", "head_dim"),
        ("feed_forward_length", "intermediate_size"),
        ("feed_forward_length", "n_inner"),
        ("feed_forward_length", "ffn_hidden_size"),
        ("context_length", "max_position_embeddings"),
        ("expert_count", "num_experts"),
        ("expert_count", "num_local_experts"),
        ("expert_count", "n_routed_experts"),
        ("expert_used_count", "num_experts_per_tok"),
        ("expert_feed_forward_length", "moe_intermediate_size"),
        ("expert_shared_feed_forward_length", "shared_expert_intermediate_size"),
        ("expert_shared_count", "n_shared_experts"),
        ("leading_dense_block_count", "first_k_dense_replace"),
        ("attention.q_lora_rank", "q_lora_rank"),
        ("attention.kv_lora_rank", "kv_lora_rank"),
        ("rope.dimension_count", "qk_rope_head_dim"),
        ("attention.sliding_window", "sliding_window"),
    ];
    for (key, target) in pairs {
        if let Some(count) = number(key) {
            config.insert(target.to_owned(), json!(count));
        }
    }
    if class == Some("deepseek_v3") {
        deepseek(&mut config, &number);
    }
    if matches!(class, Some("olmoe" | "gpt_oss" | "phimoe" | "mixtral" | "llama4_text")) {
        let width = number("expert_feed_forward_length").or_else(|| number("feed_forward_length"));
        config.insert("intermediate_size".to_owned(), json!(width));
    }
    if class == Some("llama4_text") {
        config.insert("intermediate_size_mlp".to_owned(), json!(number("feed_forward_length")));
        config.insert("interleave_moe_layer_step".to_owned(), json!(number("interleave_moe_layer_step")));
    }
    let vocabulary =
        tensors.iter().find(|tensor| tensor.name == "token_embd.weight").and_then(|tensor| tensor.shape.first());
    config.insert("vocab_size".to_owned(), json!(vocabulary.copied().or_else(|| number("vocab_size"))));
    // The converter writes the tied head of these two a second time.
    let tied = matches!(class, Some("gpt2" | "bloom")) || !has("output.weight");
    let attention_bias = has("blk.0.attn_q.bias") || has("blk.0.attn_qkv.bias");
    let yes_no = |key: &str| get(key).and_then(Value::as_bool);
    let kv_heads = number("attention.head_count_kv");
    let switches = [
        ("tie_word_embeddings", tied),
        ("attention_bias", attention_bias),
        ("use_qkv_bias", attention_bias),
        ("qkv_bias", attention_bias),
        ("bias", attention_bias),
        ("use_bias", attention_bias),
        ("mlp_bias", has("blk.0.ffn_up.bias")),
        ("lm_head_bias", has("output.bias")),
        ("use_qk_norm", has("blk.0.attn_q_norm.weight")),
        ("qk_layernorm", has("blk.0.attn_q_norm.weight")),
        ("new_decoder_architecture", kv_heads.is_some_and(|heads| heads > 1)),
        ("multi_query", kv_heads == Some(1)),
        ("use_parallel_residual", yes_no("use_parallel_residual").unwrap_or(!has("blk.0.ffn_norm.weight"))),
    ];
    config.extend(switches.into_iter().map(|(key, yes)| (key.to_owned(), Value::Bool(yes))));
    let hints = Hints {
        heads: number("attention.head_count"),
        head_dim: number("attention.key_length"),
        experts_per_token: number("expert_used_count"),
    };
    let read = from_config(&config);
    if class.is_some() {
        return read.map_err(|error| ReadError::whole(path, format!("metadata: {error}")));
    }
    // Of a code this program does not know the tensors tell more, unless Llama's layout comes out at the same total.
    let shape = shape_of(tensors, name, hints);
    match (read, shape) {
        (Ok(mut guess), Some(shape)) if guess.parameters().total == shape.parameters().total => {
            if !guess.flags.iter().any(|flag| matches!(flag, Flag::UnknownModelCode(_))) {
                guess.flags.push(Flag::UnknownModelCode(name.to_owned()));
            }
            Ok(guess)
        }
        (read, Some(shape)) => {
            Ok(Architecture { max_positions: read.ok().and_then(|guess| guess.max_positions), ..shape })
        }
        (_, None) => {
            let text = format!("unknown architecture `{name}`, and no tensor `token_embd.weight` to go by");
            Err(ReadError::whole(path, text))
        }
    }
}

/// DeepSeek's heads: llama.cpp gives the whole key width and the rotary part of it.
fn deepseek(config: &mut Map<String, Value>, number: &dyn Fn(&str) -> Option<u64>) {
    let rotary = number("rope.dimension_count").unwrap_or(64);
    let key = number("attention.key_length_mla").or_else(|| number("attention.key_length"));
    let value = number("attention.value_length_mla").or_else(|| number("attention.value_length"));
    config.insert("qk_nope_head_dim".to_owned(), json!(key.map(|key| key.saturating_sub(rotary))));
    config.insert("v_head_dim".to_owned(), json!(value));
    if number("attention.q_lora_rank").is_none() {
        config.insert("q_lora_rank".to_owned(), Value::Null);
    }
}
