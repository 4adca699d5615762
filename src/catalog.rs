//! Models, accelerators and number formats with the source of every entry. Embedded; user files add or override.

use crate::architecture::Architecture;
use serde::{Deserialize, Serialize};

/// Everything the program knows by name.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    /// Base models.
    pub models: Vec<ModelEntry>,
    /// Accelerators.
    pub accelerators: Vec<Accelerator>,
    /// Number formats.
    pub formats: Vec<NumberFormat>,
}

/// A base model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelEntry {
    /// `organisation/name`.
    pub id: String,
    /// Family name for grouping.
    pub family: String,
    /// `YYYY-MM`.
    pub release: String,
    /// Licence as stated; confirm on the model card.
    pub licence: String,
    /// Shape.
    pub architecture: Architecture,
    /// Exact unique parameters of the text model, from the source table: the check on `architecture`.
    pub params_total: u64,
    /// Whole check or partial.
    pub verified: bool,
    /// How it was checked.
    pub verified_how: String,
    /// Where the figures come from.
    pub source: String,
    /// Remarks.
    pub notes: String,
}

/// An accelerator. Rates are dense (no sparsity).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Accelerator {
    /// Stable id: lower-case name with dashes, such as `rtx-4090`.
    pub id: String,
    /// Display name.
    pub name: String,
    /// Vendor.
    pub vendor: String,
    /// Class: data-centre, workstation, consumer, …
    pub class: String,
    /// Data-sheet memory in marketing gigabytes.
    pub memory_gb_marketed: f64,
    /// What the driver reports, where a listing was seen.
    pub memory_mib_driver: Option<u64>,
    /// Memory bandwidth.
    pub bandwidth_gb_s: Option<f64>,
    /// Dense BF16 rate with FP32 accumulation.
    pub bf16_tflops: Option<f64>,
    /// Dense FP16 rate.
    pub fp16_tflops: Option<f64>,
    /// Dense FP8 rate.
    pub fp8_tflops: Option<f64>,
    /// FP32 rate.
    pub fp32_tflops: Option<f64>,
    /// Native BF16 arithmetic.
    pub supports_bf16: Option<bool>,
    /// Native FP8 arithmetic.
    pub supports_fp8: Option<bool>,
    /// Price of one device-hour in US dollars, a single dated listing.
    pub usd_per_hour: Option<f64>,
    /// Date of the price, `YYYY-MM-DD`.
    pub price_date: String,
    /// high, medium or low: how sure the row is.
    pub confidence: String,
    /// Where the figures come from.
    pub source: String,
    /// Remarks.
    pub notes: String,
}

/// A number format as storage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NumberFormat {
    /// Stable id: `bf16`, `nf4`, `gguf-q4-k`, …
    pub id: String,
    /// Name as in the source table.
    pub name: String,
    /// scalar float, block float, codebook, integer, ternary, gguf block, gguf file mix, scale type.
    pub kind: String,
    /// Bits of one element without scales.
    pub element_bits: f64,
    /// Bits per weight with scales. For row-scaled formats the scale is [`NumberFormat::row_scale_bits`].
    pub effective_bits: f64,
    /// Values that share one scale.
    pub block_size: Option<u64>,
    /// Bytes of one whole block, where the layout fixes them.
    pub block_bytes: Option<u64>,
    /// Extra bits for each matrix row (per-row INT8: 32), else 0.
    pub row_scale_bits: u64,
    /// A model can be loaded in it.
    pub loadable: bool,
    /// Largest finite value, where the format is a float.
    pub max_finite: Option<f64>,
    /// Where the figures come from.
    pub source: String,
    /// Remarks.
    pub notes: String,
}
