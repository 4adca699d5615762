//! Builds `assets/catalog/*.ron` from the three source tables.
//!
//! ```sh
//! cargo run --example build_catalog -- DIR_WITH_CSVS [OUT_DIR]
//! ```
//!
//! `DIR_WITH_CSVS` holds `models.csv`, `accelerators.csv` and `formats.csv`. Columns are found by name: one that is
//! missing stops the build. Models' shapes go through the same reader as a `config.json`; a verified row whose
//! parameters do not come out at its stated total stops the build too.
#![allow(clippy::print_stdout, reason = "a command-line tool")]

use anyhow::{Context as _, Result, bail, ensure};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tuneplan::architecture::NativeDtype;
use tuneplan::architecture::config::from_config;
use tuneplan::catalog::{Accelerator, ModelEntry, NumberFormat};

fn main() -> Result<()> {
    let mut args = std::env::args_os().skip(1).map(PathBuf::from);
    let input = args.next().context("usage: build_catalog DIR_WITH_CSVS [OUT_DIR]")?;
    let output = args.next().unwrap_or_else(|| PathBuf::from("assets/catalog"));
    let models = each_row(&input.join("models.csv"), model)?;
    let accelerators = each_row(&input.join("accelerators.csv"), accelerator)?;
    let formats = each_row(&input.join("formats.csv"), format)?;
    unique(models.iter().map(|entry| &entry.id))?;
    unique(accelerators.iter().map(|entry| &entry.id))?;
    unique(formats.iter().map(|entry| &entry.id))?;
    write(&output.join("models.ron"), &models)?;
    write(&output.join("accelerators.ron"), &accelerators)?;
    write(&output.join("formats.ron"), &formats)?;
    println!("{} models, {} accelerators, {} formats", models.len(), accelerators.len(), formats.len());
    Ok(())
}

/// One row of a table, by column name.
struct Row(BTreeMap<String, String>);

impl Row {
    fn text(&self, column: &str) -> Result<&str> {
        self.0.get(column).map(String::as_str).with_context(|| format!("no column `{column}`"))
    }

    fn owned(&self, column: &str) -> Result<String> {
        Ok(self.text(column)?.trim().to_owned())
    }

    fn number(&self, column: &str) -> Result<Option<f64>> {
        match self.text(column)?.trim() {
            "" => Ok(None),
            text => Ok(Some(text.parse().with_context(|| format!("`{column}` is `{text}`, not a number"))?)),
        }
    }

    fn count(&self, column: &str) -> Result<Option<u64>> {
        match self.text(column)?.trim() {
            "" => Ok(None),
            text => Ok(Some(text.parse().with_context(|| format!("`{column}` is `{text}`, not a whole number"))?)),
        }
    }

    /// `None` where the table leaves it open or puts it in words.
    fn yes_no(&self, column: &str) -> Result<Option<bool>> {
        match self.text(column)?.trim() {
            "yes" | "true" => Ok(Some(true)),
            "no" | "false" => Ok(Some(false)),
            _ => Ok(None),
        }
    }
}

fn each_row<T>(path: &Path, build: impl Fn(&Row) -> Result<T>) -> Result<Vec<T>> {
    let mut reader = csv::Reader::from_path(path).with_context(|| format!("cannot read {}", path.display()))?;
    let header = reader.headers()?.clone();
    let mut entries = Vec::new();
    for record in reader.records() {
        let record = record?;
        let row = Row(header.iter().zip(&record).map(|(name, cell)| (name.to_owned(), cell.to_owned())).collect());
        let line = record.position().map_or(0, csv::Position::line);
        entries.push(build(&row).with_context(|| format!("{}:{line}", path.display()))?);
    }
    Ok(entries)
}

fn unique<'a>(ids: impl Iterator<Item = &'a String>) -> Result<()> {
    let mut seen = std::collections::BTreeSet::new();
    for id in ids {
        ensure!(seen.insert(id), "two entries have the id `{id}`");
    }
    Ok(())
}

fn write<T: Serialize>(path: &Path, entries: &[T]) -> Result<()> {
    // One field a line; what lies deeper stays on that line.
    let pretty = ron::ser::PrettyConfig::new().new_line("\n").depth_limit(2).indentor("  ");
    let mut text = ron::ser::to_string_pretty(entries, pretty)?;
    text.push('\n');
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

fn kebab(name: &str) -> String {
    let mut id = String::new();
    for c in name.chars().flat_map(char::to_lowercase) {
        if c.is_ascii_alphanumeric() {
            id.push(c);
        } else if !id.ends_with('-') && !id.is_empty() {
            id.push('-');
        }
    }
    id.trim_end_matches('-').to_owned()
}

// ---------------------------------------------------------------------------------------------------------- models

fn model(row: &Row) -> Result<ModelEntry> {
    let id = row.owned("id")?;
    let mut architecture = from_config(&config(row)?).with_context(|| id.clone())?;
    let dtype = row.text("native_dtype")?;
    architecture.native_dtype = match dtype {
        "float32" => NativeDtype::Fp32,
        "float16" => NativeDtype::Fp16,
        "bfloat16" => NativeDtype::Bf16,
        "float8_e4m3fn" => NativeDtype::Fp8,
        _ if dtype.contains("mxfp4") => NativeDtype::Mxfp4,
        _ => NativeDtype::Unknown,
    };
    let params_total = row.count("params_total")?.context("no `params_total`")?;
    let verified = row.text("verified")? == "yes";
    let counted = architecture.parameters().total;
    if counted != params_total {
        bail!("{id}: {counted} parameters counted, {params_total} stated");
    }
    Ok(ModelEntry {
        id,
        family: row.owned("family")?,
        release: row.owned("release")?,
        licence: row.owned("licence")?,
        architecture,
        params_total,
        verified,
        verified_how: row.owned("verified_how")?,
        source: row.owned("source")?,
        notes: row.owned("notes")?,
    })
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

// ----------------------------------------------------------------------------------------------- accelerators, formats

fn accelerator(row: &Row) -> Result<Accelerator> {
    let name = row.owned("name")?;
    Ok(Accelerator {
        id: kebab(&name),
        vendor: row.owned("vendor")?,
        class: row.owned("class")?,
        architecture: row.owned("architecture")?,
        compute_capability: row.owned("compute_capability")?,
        release: row.owned("release")?,
        interconnect: row.owned("interconnect")?,
        tdp_watts: row.number("tdp_w")?,
        memory_gb_marketed: row.number("memory_gb_marketed")?.context("no `memory_gb_marketed`")?,
        memory_mib_driver: row.number("memory_mib_driver")?.map(|mib| mib as u64),
        bandwidth_gb_s: row.number("bandwidth_gb_s")?,
        bf16_tflops: row.number("bf16_dense_tflops")?,
        fp16_tflops: row.number("fp16_dense_tflops")?,
        fp16_fp16acc_tflops: row.number("fp16_fp16acc_dense_tflops")?,
        fp8_tflops: row.number("fp8_dense_tflops")?,
        int8_tops: row.number("int8_dense_tops")?,
        fp4_tflops: row.number("fp4_dense_tflops")?,
        fp32_tflops: row.number("fp32_tflops")?,
        measured_bf16_tflops: row.number("measured_matmul_bf16_tflops")?,
        tflops_basis: row.owned("tflops_basis")?,
        supports_bf16: row.yes_no("supports_bf16")?,
        supports_fp8: row.yes_no("supports_fp8")?,
        usd_per_hour: row.number("cloud_usd_per_hour")?,
        price_date: row.owned("price_date")?,
        price_source: row.owned("price_source")?,
        memory_source: row.owned("memory_driver_source")?,
        confidence: row.owned("confidence")?,
        source: row.owned("source")?,
        notes: row.owned("notes")?,
        name,
    })
}

fn format(row: &Row) -> Result<NumberFormat> {
    let name = row.owned("name")?;
    let kind = row.owned("kind")?;
    let id = match name.as_str() {
        "FP8 E4M3 (E4M3FN)" => "fp8-e4m3".to_owned(),
        "NF4" => "nf4".to_owned(),
        "NF4 + DQ" => "nf4-dq".to_owned(),
        "FP4 (bitsandbytes)" => "fp4".to_owned(),
        "INT8 (per-row absmax)" => "int8".to_owned(),
        "INT4 (group 128, GPTQ/AWQ style)" => "int4-g128".to_owned(),
        "INT4 (symmetric, group 32)" => "int4-g32".to_owned(),
        "Ternary b1.58 packed (I2_S, 2-bit)" => "ternary-i2s".to_owned(),
        "MXFP4 (E2M1)" => "mxfp4".to_owned(),
        _ => kebab(&name),
    };
    let bits = row.text("effective_bits_per_weight")?.trim();
    // "8 + 32/row_length": the scale of a row is kept apart.
    let (effective_bits, row_scale_bits) = match bits.split_once('+') {
        Some((bits, _)) => (bits.trim().parse()?, 32),
        None => (bits.parse().with_context(|| format!("`effective_bits_per_weight` is `{bits}`"))?, 0),
    };
    let loadable =
        kind != "scale type" && !["tf32", "nf4-dq"].contains(&id.as_str()) && !name.contains("information content");
    Ok(NumberFormat {
        element_bits: row.number("element_bits")?.unwrap_or(effective_bits),
        effective_bits,
        block_size: row.text("block_size")?.trim().parse().ok(),
        block_bytes: row.number("block_bytes")?.map(|bytes| bytes as u64),
        row_scale_bits,
        loadable,
        max_finite: row.number("max_finite")?,
        source: row.owned("source")?,
        notes: row.owned("notes")?,
        id,
        name,
        kind,
    })
}
