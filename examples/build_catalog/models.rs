//! Rows of `models.csv` as entries: each becomes the `config.json` of its class and goes through the program's own reader.

use super::tables::Row;
use anyhow::{Context as _, Result, ensure};
use serde_json::{Map, Value, json};
use tuneplan::architecture::config::from_config;
use tuneplan::architecture::{Flag, NativeDtype};
use tuneplan::catalog::{Alias, ModelEntry};

pub fn alias(row: &Row) -> Result<Alias> {
    Ok(Alias { name: row.owned("name")?, model: row.owned("model")?, source: row.owned("source")? })
}

pub fn model(row: &Row) -> Result<ModelEntry> {
    let id = row.owned("id")?;
    let mut architecture = from_config(&config(row)?).with_context(|| id.clone())?;
    architecture.native_dtype = native(row.text("native_dtype")?);
    let has_tower = row.yes_no("tower")? == Some(true);
    if has_tower {
        // The entry is the text model; that the checkpoint has more is said of it wherever it is named.
        architecture.flags.retain(|flag| *flag != Flag::TextModelOnly);
    }
    let params_total = row.count("params_total")?.context("no `params_total`")?;
    let verified = row.text("verified")? == "yes";
    let counted = architecture.parameters().total;
    ensure!(counted == params_total, "{id}: {counted} parameters counted, {params_total} stated");
    Ok(ModelEntry {
        id,
        family: row.owned("family")?,
        release: row.owned("release")?,
        licence: row.owned("licence")?,
        architecture,
        trained_in: None,
        params_total,
        params_whole: row.count("params_multimodal")?,
        has_tower,
        listed: row.count("listed")?.unwrap_or(0),
        verified,
        verified_how: row.owned("verified_how")?,
        source: row.owned("source")?,
        notes: row.owned("notes")?,
    })
}

/// The format a model was trained in, where its files have another: id and format.
pub fn trained_in(row: &Row) -> Result<(String, NativeDtype)> {
    ensure!(!row.text("source")?.is_empty(), "no source");
    Ok((row.owned("model")?, native(row.text("format")?)))
}

/// A format as `config.json` calls it.
fn native(word: &str) -> NativeDtype {
    match word {
        "float32" => NativeDtype::Fp32,
        "float16" => NativeDtype::Fp16,
        "bfloat16" => NativeDtype::Bf16,
        "float8_e4m3fn" => NativeDtype::Fp8,
        _ if word.contains("mxfp4") => NativeDtype::Mxfp4,
        _ => NativeDtype::Unknown,
    }
}

/// The row as the `config.json` of its class.
fn config(row: &Row) -> Result<Map<String, Value>> {
    let class = row.text("architecture")?;
    let mut config = Map::new();
    config.insert("architectures".to_owned(), json!([class]));
    let counts = [
        ("hidden_size", "hidden_size"),
        ("num_hidden_layers", "num_hidden_layers"),
        ("num_attention_heads", "num_attention_heads"),
        ("num_key_value_heads", "num_key_value_heads"),
        ("head_dim", "head_dim"),
        ("intermediate_size", "intermediate_size"),
        ("intermediate_size", "ffn_dim"),
        ("intermediate_size", "ffn_hidden_size"),
        ("intermediate_size", "n_inner"),
        ("vocab_size", "vocab_size"),
        ("max_position_embeddings", "max_position_embeddings"),
        ("num_experts", "num_experts"),
        ("num_experts", "num_local_experts"),
        ("num_experts", "n_routed_experts"),
        ("num_experts_per_tok", "num_experts_per_tok"),
        ("num_experts_per_tok", "top_k_experts"),
        ("moe_intermediate_size", "moe_intermediate_size"),
        ("n_shared_experts", "n_shared_experts"),
        ("shared_expert_intermediate_size", "shared_expert_intermediate_size"),
        ("first_k_dense_replace", "first_k_dense_replace"),
        ("kv_lora_rank", "kv_lora_rank"),
        ("qk_nope_head_dim", "qk_nope_head_dim"),
        ("qk_rope_head_dim", "qk_rope_head_dim"),
        ("v_head_dim", "v_head_dim"),
        ("global_head_dim", "global_head_dim"),
        ("num_global_key_value_heads", "num_global_key_value_heads"),
        ("num_kv_shared_layers", "num_kv_shared_layers"),
        ("linear_num_key_heads", "linear_num_key_heads"),
        ("linear_num_value_heads", "linear_num_value_heads"),
        ("linear_head_dim", "linear_key_head_dim"),
        ("linear_head_dim", "linear_value_head_dim"),
    ];
    for (column, key) in counts {
        if let Some(count) = row.count(column)? {
            config.insert(key.to_owned(), json!(count));
        }
    }
    // An empty cell means: queries are projected directly.
    config.insert("q_lora_rank".to_owned(), json!(row.count("q_lora_rank")?));
    for (column, key) in [("tie_word_embeddings", "tie_word_embeddings"), ("lm_head_bias", "lm_head_bias")] {
        config.insert(key.to_owned(), json!(row.yes_no(column)? == Some(true)));
    }
    let mlp_bias = row.yes_no("mlp_bias")? == Some(true);
    config.insert("mlp_bias".to_owned(), json!(mlp_bias));
    config.insert("use_bias".to_owned(), json!(mlp_bias));
    config.insert("enable_bias".to_owned(), json!(mlp_bias));
    let attention_bias = row.text("attention_bias")?;
    config.insert("attention_bias".to_owned(), json!(attention_bias != "none"));
    config.insert("use_qkv_bias".to_owned(), json!(attention_bias.starts_with("qkv")));
    config.insert("qkv_bias".to_owned(), json!(attention_bias.starts_with("qkv")));
    windows(row, &mut config)?;
    class_specials(row, class, &mut config)?;
    // What the columns cannot say, in the words of the class.
    let extra = row.text("extra")?.trim();
    if !extra.is_empty() {
        config.extend(serde_json::from_str::<Map<String, Value>>(extra).context("`extra`")?);
    }
    Ok(config)
}

/// `5:1 sliding:full` → the list of layer types; `full` → no window.
fn windows(row: &Row, config: &mut Map<String, Value>) -> Result<()> {
    let layers = row.count("num_hidden_layers")?.unwrap_or(0);
    let pattern = row.text("attention_pattern")?;
    let window = row.count("sliding_window")?;
    let mut insert = |key: &str, value: Value| config.insert(key.to_owned(), value);
    let kinds = match pattern.split_once(' ') {
        _ if pattern == "sliding" => (1, 0, "sliding_attention"),
        Some((ratio, "sliding:full")) => ratio_of(ratio, "sliding_attention")?,
        Some((ratio, "linear:full")) => ratio_of(ratio, "linear_attention")?,
        Some((ratio, what)) if what.starts_with("chunked") => ratio_of(ratio, "chunked_attention")?,
        _ => {
            insert("sliding_window", Value::Null);
            return Ok(());
        }
    };
    let (first, second, word) = kinds;
    let types: Vec<&str> =
        (0..layers).map(|i| if i % (first + second) < first { word } else { "full_attention" }).collect();
    insert("layer_types", json!(types));
    insert("sliding_window", json!(window));
    insert("use_sliding_window", json!(true));
    Ok(())
}

fn ratio_of(ratio: &str, word: &'static str) -> Result<(u64, u64, &'static str)> {
    let (first, second) = ratio.split_once(':').context("a pattern such as 5:1 was expected")?;
    Ok((first.parse()?, second.parse()?, word))
}

/// What the table says in other columns or in words.
fn class_specials(row: &Row, class: &str, config: &mut Map<String, Value>) -> Result<()> {
    let id = row.text("id")?;
    let mut insert = |key: &str, value: Value| config.insert(key.to_owned(), value);
    match class {
        "FalconForCausalLM" => {
            let kv_heads = row.count("num_key_value_heads")?.unwrap_or(1);
            insert("num_kv_heads", json!(kv_heads));
            insert("new_decoder_architecture", json!(kv_heads > 1));
            insert("multi_query", json!(kv_heads == 1));
        }
        "StableLmForCausalLM" if id.contains("12b") => {
            insert("use_parallel_residual", json!(true));
            insert("qk_layernorm", json!(true));
        }
        "Gemma4ForCausalLM" => {
            // The small ones have per-layer embeddings, share keys and values, and double the MLP where they do.
            let shares = row.count("num_kv_shared_layers")?.unwrap_or(0) > 0;
            insert("hidden_size_per_layer_input", json!(if shares { 256 } else { 0 }));
            insert("use_double_wide_mlp", json!(id.contains("E2B")));
            insert("attention_k_eq_v", json!(row.count("num_global_key_value_heads")?.is_some()));
            insert("enable_moe_block", json!(row.count("num_experts")?.is_some()));
            insert("num_experts_per_tok", json!(row.count("num_experts_per_tok")?));
        }
        "Llama4ForCausalLM" => {
            insert("attention_chunk_size", json!(8192));
        }
        _ => {}
    }
    Ok(())
}
