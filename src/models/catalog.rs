//! Models, accelerators and number formats with the source of every entry. Embedded; user files add or override.

use crate::architecture::{Architecture, NativeDtype};
use serde::{Deserialize, Serialize};
use std::sync::OnceLock;

mod devices;
mod instances;
mod memory;
mod names;
mod search;
mod spelling;

pub use devices::DeviceReading;
pub use instances::Instance;
pub use memory::{Limit, Usable};
pub use names::{Alias, ModelReading};
pub use search::Order;
pub use spelling::id_of;

/// Everything the program knows by name.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    /// Base models.
    pub models: Vec<ModelEntry>,
    /// Other names of models with the shape of one of them.
    pub aliases: Vec<Alias>,
    /// Accelerators.
    pub accelerators: Vec<Accelerator>,
    /// Machines that clouds rent.
    pub instances: Vec<Instance>,
    /// Number formats.
    pub formats: Vec<NumberFormat>,
    /// Names of the models, taken apart when the first one is asked for that is no id.
    index: OnceLock<names::Index>,
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
    /// Format it was trained in, where its files have another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trained_in: Option<NativeDtype>,
    /// Exact unique parameters of the text model, from the source table: the check on `architecture`.
    pub params_total: u64,
    /// Parameters of the whole published checkpoint, where it has more than the text model and they were counted.
    #[serde(default)]
    pub params_whole: Option<u64>,
    /// The published checkpoint has parts that see or hear, which `architecture` does not count.
    #[serde(default)]
    pub has_tower: bool,
    /// How many names in the model lists of unsloth, axolotl and LLaMA-Factory (summer 2026) have this shape: what people
    /// use comes first.
    #[serde(default)]
    pub listed: u64,
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
    /// What software calls it, where that is another name.
    #[serde(default)]
    pub also: Vec<String>,
    /// Vendor.
    pub vendor: String,
    /// Class: data-centre, workstation, consumer, …
    pub class: String,
    /// Chip generation.
    pub architecture: String,
    /// CUDA compute capability, where there is one.
    pub compute_capability: String,
    /// `YYYY-MM-DD` or less.
    pub release: String,
    /// Link to other devices.
    pub interconnect: String,
    /// Board power in watts.
    pub tdp_watts: Option<f64>,
    /// Data-sheet memory in marketing gigabytes.
    pub memory_gb_marketed: f64,
    /// What the driver reports, where a listing was seen.
    pub memory_mib_driver: Option<u64>,
    /// What PyTorch (CUDA, ROCm) reports as one device's memory, in MiB, where a log was seen.
    #[serde(default)]
    pub memory_mib_pytorch: Option<u64>,
    /// Memory bandwidth.
    pub bandwidth_gb_s: Option<f64>,
    /// Dense BF16 rate with FP32 accumulation.
    pub bf16_tflops: Option<f64>,
    /// Dense FP16 rate with FP32 accumulation.
    pub fp16_tflops: Option<f64>,
    /// Dense FP16 rate with FP16 accumulation, where it differs (GeForce).
    pub fp16_fp16acc_tflops: Option<f64>,
    /// Dense FP8 rate.
    pub fp8_tflops: Option<f64>,
    /// Dense INT8 rate in 10^12 operations a second.
    pub int8_tops: Option<f64>,
    /// Dense FP4 rate.
    pub fp4_tflops: Option<f64>,
    /// FP32 rate.
    pub fp32_tflops: Option<f64>,
    /// Best measured BF16 matrix multiplication.
    pub measured_bf16_tflops: Option<f64>,
    /// cited, derived or n/a: how sure the rates are.
    pub tflops_basis: String,
    /// Native BF16 arithmetic.
    pub supports_bf16: Option<bool>,
    /// Native FP8 arithmetic.
    pub supports_fp8: Option<bool>,
    /// Price of one device-hour in US dollars, a single dated listing.
    pub usd_per_hour: Option<f64>,
    /// Date of the price, `YYYY-MM-DD`.
    pub price_date: String,
    /// Where the price was listed.
    pub price_source: String,
    /// Where the driver's memory figure was seen.
    pub memory_source: String,
    /// Where PyTorch's memory figure was seen.
    #[serde(default)]
    pub pytorch_source: String,
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

impl Catalog {
    /// The catalogue that ships with the program.
    pub fn embedded() -> &'static Self {
        static CATALOG: OnceLock<Catalog> = OnceLock::new();
        CATALOG.get_or_init(|| {
            // The files are generated by `examples/build_catalog`; a test parses each, so none is empty in a release.
            Self {
                models: ron::from_str(include_str!("../../assets/catalog/models.ron")).unwrap_or_default(),
                aliases: ron::from_str(include_str!("../../assets/catalog/aliases.ron")).unwrap_or_default(),
                accelerators: ron::from_str(include_str!("../../assets/catalog/accelerators.ron")).unwrap_or_default(),
                instances: ron::from_str(include_str!("../../assets/catalog/instances.ron")).unwrap_or_default(),
                formats: ron::from_str(include_str!("../../assets/catalog/formats.ron")).unwrap_or_default(),
                index: OnceLock::new(),
            }
        })
    }

    fn index(&self) -> &names::Index {
        self.index.get_or_init(|| names::Index::of(&self.models, &self.aliases))
    }

    /// The entry with the shape of the model called `name`, by whatever name people know it.
    pub fn model(&self, name: &str) -> Option<&ModelEntry> {
        self.read_model(name).entry()
    }

    /// The accelerator called `name`, where the name leaves no choice.
    pub fn accelerator(&self, name: &str) -> Option<&Accelerator> {
        self.read_accelerator(name).device()
    }

    /// A number format by its exact id.
    pub fn format(&self, id: &str) -> Option<&NumberFormat> {
        self.formats.iter().find(|entry| entry.id == id)
    }

    /// This catalogue with the entries of a user's file put over it: same id replaces, new id adds.
    ///
    /// The text is RON: `(models: […], aliases: […], accelerators: […], instances: […], formats: […])`, each list
    /// optional. The error says line and column.
    pub fn merged_with(&self, text: &str) -> Result<Self, String> {
        #[derive(Deserialize, Default)]
        #[serde(default, deny_unknown_fields)]
        struct UserCatalog {
            models: Vec<ModelEntry>,
            aliases: Vec<Alias>,
            accelerators: Vec<Accelerator>,
            instances: Vec<Instance>,
            formats: Vec<NumberFormat>,
        }
        let user: UserCatalog = ron::from_str(text).map_err(|error| error.to_string())?;
        let mut merged = self.clone();
        merge(&mut merged.models, user.models, |entry| &entry.id);
        merge(&mut merged.aliases, user.aliases, |alias| &alias.name);
        merge(&mut merged.accelerators, user.accelerators, |entry| &entry.id);
        merge(&mut merged.instances, user.instances, |instance| &instance.name);
        merge(&mut merged.formats, user.formats, |entry| &entry.id);
        merged.index = OnceLock::new();
        Ok(merged)
    }
}

fn merge<T>(entries: &mut Vec<T>, user: Vec<T>, id: impl Fn(&T) -> &String) {
    for entry in user {
        match entries.iter_mut().find(|known| id(known) == id(&entry)) {
            Some(known) => *known = entry,
            None => entries.push(entry),
        }
    }
}
