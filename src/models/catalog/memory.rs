//! How much of a device's memory software may use, and who says so.

use super::Accelerator;

/// Share of a card's data-sheet memory that drivers report, where neither a log nor a listing of the card was seen:
/// listings of other cards lie between 0.93 (ECC in GDDR) and 1.00 of the label, 0.96 is their middle.
const DRIVER_SHARE: f64 = 0.96;
/// Share of its memory that Metal lets a process wire by default on a machine of less than [`ROOMY_GIB`]: 10,922 MiB of 16
/// GiB, 16,384 of 24, 21,845 of 32 (`recommendedMaxWorkingSetSize` as llama.cpp prints it).
const METAL_SHARE_SMALL: f64 = 2.0 / 3.0;
/// Likewise on a larger one: 27,648 MiB of 36 GiB, 49,152 of 64.
const METAL_SHARE: f64 = 0.75;
/// From here Metal gives the larger share.
const ROOMY_GIB: u64 = 36;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// Memory that software may use on one device, and why so much.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Usable {
    /// How many bytes.
    pub bytes: u64,
    /// What it rests on.
    pub limit: Limit,
}

/// What a device's usable memory rests on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit {
    /// Typed into the plan.
    Typed,
    /// What PyTorch was seen to report.
    PyTorch,
    /// What the driver was seen to report.
    Driver,
    /// The label's size in GiB less what the drivers of other cards keep.
    LabelByRule {
        /// Share of the label that is taken.
        share: f64,
    },
    /// What Metal lets a process wire of the machine's memory.
    Wired {
        /// The machine's memory, in bytes.
        memory_bytes: u64,
        /// Share of it.
        share: f64,
    },
}

impl Accelerator {
    /// What software may use of one such device; `typed_mib`: the memory as the plan says it. A discrete card's is its
    /// driver's figure and all usable; an Apple chip's is the machine's, of which Metal gives a share.
    pub fn usable(&self, typed_mib: Option<u64>) -> Usable {
        match (typed_mib, self.memory_mib_pytorch, self.memory_mib_driver) {
            (Some(typed), ..) if self.is_metal() => wired(typed.saturating_mul(MIB)),
            (Some(mib), ..) => Usable { bytes: mib.saturating_mul(MIB), limit: Limit::Typed },
            (None, ..) if self.is_metal() => wired(self.label_bytes()),
            (None, Some(mib), _) => Usable { bytes: mib.saturating_mul(MIB), limit: Limit::PyTorch },
            (None, None, Some(mib)) => Usable { bytes: mib.saturating_mul(MIB), limit: Limit::Driver },
            (None, None, None) => Usable {
                bytes: (self.label_bytes() as f64 * DRIVER_SHARE) as u64,
                limit: Limit::LabelByRule { share: DRIVER_SHARE },
            },
        }
    }

    /// Metal shares the machine's memory among processor and GPU.
    pub fn is_metal(&self) -> bool {
        self.vendor == "Apple"
    }

    /// The label's gigabytes read as GiB, in bytes.
    pub fn label_bytes(&self) -> u64 {
        (self.memory_gb_marketed * GIB as f64) as u64
    }

    /// The label's size as people say it: `24 GB`.
    pub fn memory_label(&self) -> String {
        format!("{} GB", self.memory_gb_marketed)
    }
}

fn wired(memory_bytes: u64) -> Usable {
    let share = if memory_bytes < ROOMY_GIB * GIB { METAL_SHARE_SMALL } else { METAL_SHARE };
    Usable { bytes: (memory_bytes as f64 * share) as u64, limit: Limit::Wired { memory_bytes, share } }
}

impl Limit {
    /// What it rests on, in a sentence.
    pub fn why(self, device: &Accelerator) -> String {
        let label = device.memory_label();
        match self {
            Self::Typed => "The memory is as given in the plan.".to_owned(),
            Self::PyTorch => {
                format!("What PyTorch reports of this device ({}); its label says {label}.", device.pytorch_source)
            }
            Self::Driver => format!(
                "The driver's own figure, from a published listing; PyTorch may see up to 2 % less. The label says {label}."
            ),
            Self::LabelByRule { share } => format!(
                "No log of this device is known: its label of {label} read as GiB, less {:.0} % by rule, as listings of \
                 other cards lack in the middle.",
                (1.0 - share) * 100.0
            ),
            Self::Wired { memory_bytes, share } => format!(
                "Of {:.0} GiB of the machine Metal lets a process wire {:.0} % by default; \
                 `sudo sysctl iogpu.wired_limit_mb=N` raises that until the next start.",
                memory_bytes as f64 / GIB as f64,
                share * 100.0
            ),
        }
    }
}
