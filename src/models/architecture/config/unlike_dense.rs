//! Keys that no plain dense decoder has: with one of them a class that is not known cannot be read as Llama.

use super::nested::Parts;
use serde_json::{Map, Value};

/// Numbers that are above zero only in mixtures of experts, latent attention and state-space layers.
const COUNTS: [&str; 13] = [
    "num_local_experts",
    "n_routed_experts",
    "num_experts",
    "moe_num_experts",
    "moe_intermediate_size",
    "kv_lora_rank",
    "mamba_d_state",
    "mamba_num_heads",
    "mamba_n_heads",
    "ssm_state_size",
    "state_size",
    "conv_L_cache",
    "encoder_layers",
];
/// Keys whose presence alone says it.
const WORDS: [&str; 4] = ["hybrid_override_pattern", "layers_block_type", "moe_layer_freq", "attn_layer_indices"];
/// Layers that are attention with a matrix for each of query, key and value.
const PLAIN_LAYERS: [&str; 2] = ["full_attention", "sliding_attention"];

/// The keys that contradict a dense reading, in words; none where nothing does.
pub fn unlike_dense(text: &Map<String, Value>, parts: &Parts<'_>) -> Option<String> {
    let count = |key: &&str| text.get(*key).and_then(Value::as_f64).is_some_and(|number| number > 0.0);
    let mut found: Vec<String> = COUNTS.iter().filter(|key| count(key)).map(|key| format!("`{key}`")).collect();
    let given = |key: &&str| text.get(*key).is_some_and(|value| !value.is_null());
    found.extend(WORDS.iter().filter(|key| given(key)).map(|key| format!("`{key}`")));
    let is_other = |kind: &Value| kind.as_str().is_some_and(|kind| !PLAIN_LAYERS.contains(&kind));
    let kinds = text.get("layer_types").and_then(Value::as_array);
    if let Some(kind) = kinds.and_then(|kinds| kinds.iter().find(|kind| is_other(kind))).and_then(Value::as_str) {
        found.push(format!("`layer_types` with `{kind}`"));
    }
    if text.get("is_encoder_decoder").and_then(Value::as_bool) == Some(true) {
        found.push("`is_encoder_decoder`".to_owned());
    }
    if !parts.is_nested() && parts.has_towers() {
        found.push("a part beside the language model that is not told apart from it".to_owned());
    }
    (!found.is_empty()).then(|| found.join(", "))
}
