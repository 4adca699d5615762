//! What share of a device's data-sheet figures a step gets, as data with sources (`assets/efficiency`).

use crate::explained::Band;
use serde::Deserialize;
use std::sync::OnceLock;

/// The whole table.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Efficiency {
    /// By kind of chip; the last entry, without any, is for all others.
    pub devices: Vec<DeviceEfficiency>,
    /// Memory traffic of operators that are no matrix product.
    pub traffic: Traffic,
    /// Memory traffic of the loss.
    pub loss_bytes_per_logit: LossTraffic,
    /// Time the host needs to start kernels.
    pub launch: Launch,
    /// Bytes moved per quantized weight and pass by auto-gptq before 0.6.
    pub old_dequantization_bytes: f64,
    /// Where that comes from.
    pub old_dequantization_source: String,
    /// Share of what 16-bit products reach that FP8 products reach of their own rate: scaling and casts come on top.
    pub fp8_share: f64,
    /// Where that comes from.
    pub fp8_source: String,
    /// Share of the bandwidth an update loop gets.
    pub optimizer_share: f64,
    /// Where that comes from.
    pub optimizer_source: String,
    /// Collectives between devices.
    pub communication: Communication,
    /// Generation token by token.
    pub decode: Decode,
    /// Power drawn.
    pub energy: Energy,
    /// What a run takes beside its steps.
    pub overheads: Overheads,
    /// Copies from host to device.
    pub load: Load,
}

/// A kind of chip.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceEfficiency {
    /// Chip generations as the accelerator catalogue names them.
    pub architectures: Vec<String>,
    /// Share of the dense 16-bit peak that large matrix products reach, where the catalogue has no measured rate.
    pub matrix_share: f64,
    /// Share of the peak that flash attention reaches.
    pub attention_share: f64,
    /// Bytes moved per quantized weight and pass to unpack it.
    pub dequantization_bytes: f64,
    /// How much longer the other operators take when the residual stream is FP32.
    pub wide_stream: f64,
    /// Measured time by predicted time.
    pub band: Band,
    /// Where the figures come from.
    pub source: String,
}

/// Memory traffic of operators that are no matrix product.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Traffic {
    /// Bytes moved per byte produced, plain operators.
    pub plain: f64,
    /// The same with fused kernels (Liger, Unsloth, fms foak).
    pub fused: f64,
    /// The same where operators are compiled (`torch.compile`).
    pub compiled: f64,
    /// The same beside an adapted matrix.
    pub adapter: f64,
    /// Bytes moved per score of written-out attention and pass.
    pub scores: f64,
    /// Where the figures come from.
    pub source: String,
}

/// Memory traffic of the loss, in bytes per logit and step.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "named after the loss kernels of the plan")]
pub struct LossTraffic {
    pub unfused: f64,
    pub fused_logits: f64,
    pub fused_linear: f64,
    /// Where the figures come from.
    pub source: String,
}

/// Time the host needs to start kernels.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Launch {
    /// Of one layer in one pass.
    pub layer_secs: f64,
    /// Of one adapted module in one pass.
    pub module_secs: f64,
    /// Of each further expert, as a share of a layer.
    pub expert_share: f64,
    /// Share of it where operators are compiled into fewer kernels.
    pub compiled: f64,
    /// Lower end as a multiple.
    pub low: f64,
    /// Upper end as a multiple.
    pub high: f64,
    /// Where the figures come from.
    pub source: String,
}

/// Collectives between devices.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Communication {
    /// Share of a link's rate in one direction that a ring reaches.
    pub share: Band,
    /// Share of the backward pass that collectives can hide behind.
    pub hidden: Band,
    /// PCIe generation and the rate of one lane in one direction.
    pub pcie_lane_gb_s: Vec<(u32, f64)>,
    /// Rate taken where the catalogue names none.
    pub unknown_gb_s: f64,
    /// Rate of a disk, an assumption.
    pub nvme_gb_s: f64,
    /// Rate at which an update on the host reads and writes its memory, in GB/s.
    pub host_memory_gb_s: f64,
    /// Where the figures come from.
    pub source: String,
}

/// Generation token by token.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decode {
    /// Share of the memory bandwidth that reading weights reaches.
    pub bandwidth_share: f64,
    /// By runtime profile.
    pub stacks: Vec<DecodeStack>,
    /// Any other.
    pub other: DecodeStack,
    /// Of its cache moves those that every sequence costs.
    pub cache_copies: f64,
    /// Load formats whose kernels take that many times as long to start.
    pub formats: Vec<(String, f64)>,
    /// Time of one expert of a layer, where experts are looped over.
    pub expert_secs: f64,
    /// Measured time by predicted time.
    pub band: Band,
    /// Where the figures come from.
    pub source: String,
}

/// How a stack generates.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecodeStack {
    /// Runtime profile.
    pub profile: String,
    /// Host time of one layer and token.
    pub layer_secs: f64,
    /// How often keys and values are moved for one token.
    pub cache_reads: f64,
}

/// Power drawn.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Energy {
    /// Share of the board power.
    pub utilisation: Band,
    /// Where the figures come from.
    pub source: String,
}

/// What a run takes beside its steps.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Overheads {
    /// Until the first step.
    pub start_secs: f64,
    /// For each checkpoint.
    pub checkpoint_secs: f64,
    /// Where the figures come from.
    pub source: String,
}

/// Copies from host to device.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Load {
    /// Share of the link's rate.
    pub share: f64,
    /// Where the figures come from.
    pub source: String,
}

/// Text of the embedded table.
const EMBEDDED: &str = include_str!("../../../assets/efficiency/efficiency.ron");

impl Efficiency {
    /// The table that ships with the program; a test parses it.
    pub fn embedded() -> &'static Self {
        static TABLE: OnceLock<Efficiency> = OnceLock::new();
        TABLE.get_or_init(|| ron::from_str(EMBEDDED).unwrap_or_default())
    }

    /// The entry of a chip generation, else that of all others.
    pub fn device(&self, architecture: &str) -> Option<&DeviceEfficiency> {
        let named = self.devices.iter().find(|entry| entry.architectures.iter().any(|known| known == architecture));
        named.or_else(|| self.devices.last())
    }

    /// How a runtime profile generates.
    pub fn stack(&self, profile: &str) -> &DecodeStack {
        self.decode.stacks.iter().find(|stack| stack.profile == profile).unwrap_or(&self.decode.other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;
    use crate::estimate::profile::Profiles;

    #[test]
    fn the_embedded_table_parses_and_its_bands_are_ordered() {
        let table: Efficiency = ron::from_str(EMBEDDED).unwrap_or_default();
        assert_eq!(&table, Efficiency::embedded());
        assert!(table.devices.len() > 1 && table.devices.iter().all(|entry| entry.matrix_share > 0.0));
        for entry in &table.devices {
            assert!(!entry.source.is_empty() && entry.matrix_share <= 1.0 && entry.attention_share <= 1.0);
            assert!(entry.band.low <= entry.band.expected && entry.band.expected <= entry.band.high);
        }
        for band in [table.communication.share, table.communication.hidden, table.decode.band, table.energy.utilisation]
        {
            assert!(band.low <= band.expected && band.expected <= band.high, "{band:?}");
        }
    }

    #[test]
    fn names_in_the_table_are_those_of_the_catalogues() {
        let table = Efficiency::embedded();
        for name in table.devices.iter().flat_map(|entry| &entry.architectures) {
            assert!(Catalog::embedded().accelerators.iter().any(|device| &device.architecture == name), "{name}");
        }
        for stack in &table.decode.stacks {
            assert!(Profiles::embedded().get(&stack.profile).is_some(), "{}", stack.profile);
        }
        for (format, _) in &table.decode.formats {
            assert!(Catalog::embedded().format(format).is_some(), "{format}");
        }
    }
}
