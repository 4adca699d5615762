//! Rows of `accelerators.csv`, `instances.csv` and `formats.csv` as entries.

use super::tables::{Row, kebab};
use anyhow::{Context as _, Result};
use tuneplan::catalog::{Accelerator, Instance, NumberFormat};

pub fn instance(row: &Row) -> Result<Instance> {
    Ok(Instance {
        name: row.owned("name")?,
        cloud: row.owned("cloud")?,
        accelerator: row.owned("accelerator")?,
        count: row.count("count")?.context("no `count`")?,
        host_memory_gib: row.count("host_memory_gib")?.context("no `host_memory_gib`")?,
        link: row.owned("link")?,
        source: row.owned("source")?,
    })
}

pub fn accelerator(row: &Row) -> Result<Accelerator> {
    let name = row.owned("name")?;
    Ok(Accelerator {
        id: kebab(&name),
        also: row
            .text("also")?
            .split(';')
            .map(str::trim)
            .filter(|name| !name.is_empty())
            .map(ToOwned::to_owned)
            .collect(),
        vendor: row.owned("vendor")?,
        class: row.owned("class")?,
        architecture: row.owned("architecture")?,
        compute_capability: row.owned("compute_capability")?,
        release: row.owned("release")?,
        interconnect: row.owned("interconnect")?,
        tdp_watts: row.number("tdp_w")?,
        memory_gb_marketed: row.number("memory_gb_marketed")?.context("no `memory_gb_marketed`")?,
        memory_mib_driver: row.number("memory_mib_driver")?.map(|mib| mib as u64),
        memory_mib_pytorch: row.count("memory_mib_pytorch")?,
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
        pytorch_source: row.owned("pytorch_source")?,
        confidence: row.owned("confidence")?,
        source: row.owned("source")?,
        notes: row.owned("notes")?,
        name,
    })
}

pub fn format(row: &Row) -> Result<NumberFormat> {
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
