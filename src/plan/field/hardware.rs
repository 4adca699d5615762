//! Fields of the devices. An absent figure means: the catalogue's.

use super::id;
use super::{CatalogKind, Field, FieldKind, FieldValue, Section, always};

const COUNTS: &[u64] = &[1, 2, 4, 8, 16, 32, 64];

pub fn fields() -> Vec<Field> {
    vec![
        catalog_field!(
            id::HARDWARE_ACCELERATOR,
            "accelerator",
            Hardware,
            "Accelerator",
            Accelerator,
            always,
            hardware.accelerator,
            "Device the job runs on; empty: none chosen."
        ),
        integer_field!(
            id::HARDWARE_COUNT,
            "devices",
            Hardware,
            "Devices",
            "devices",
            1..=1_048_576,
            COUNTS,
            always,
            hardware.count,
            "How many of them."
        ),
        optional_field!(
            id::HARDWARE_MEMORY_MIB,
            "memory-mib",
            "Device memory",
            "MiB",
            FieldKind::OptionalInteger { min: 1, max: 1 << 30 },
            Integer(integer),
            hardware.memory_mib,
            "Memory of one device as the driver reports it; edited here it overrides the catalogue."
        ),
        integer_field!(
            id::HARDWARE_RESERVE_MIB,
            "reserve-mib",
            Hardware,
            "Keep free",
            "MiB",
            0..=1_073_741_824,
            &[],
            always,
            hardware.reserve_mib,
            "Memory left to other programs, such as the desktop."
        ),
        optional_field!(
            id::HARDWARE_BANDWIDTH_GB_S,
            "bandwidth-gb-s",
            "Bandwidth",
            "GB/s",
            FieldKind::OptionalDecimal { min: 0.1, max: 1e7 },
            Decimal(decimal),
            hardware.bandwidth_gb_s,
            "Memory bandwidth of one device."
        ),
        optional_field!(
            id::HARDWARE_BF16_TFLOPS,
            "bf16-tflops",
            "16-bit rate",
            "TFLOP/s",
            FieldKind::OptionalDecimal { min: 0.001, max: 1e7 },
            Decimal(decimal),
            hardware.bf16_tflops,
            "Dense 16-bit arithmetic of one device."
        ),
        optional_field!(
            id::HARDWARE_HOST_MEMORY_GIB,
            "host-memory-gib",
            "Host memory",
            "GiB",
            FieldKind::OptionalDecimal { min: 0.1, max: 1e6 },
            Decimal(decimal),
            hardware.host_memory_gib,
            "Memory of the machine beside its devices: loading, saving and offloaded state are compared with it."
        ),
        optional_field!(
            id::HARDWARE_DISK_GB,
            "disk-gb",
            "Free disk",
            "GB",
            FieldKind::OptionalDecimal { min: 0.001, max: 1e9 },
            Decimal(decimal),
            hardware.disk_gb,
            "Free disk of the machine: the checkpoints that are kept are compared with it."
        ),
        text_field!(
            id::HARDWARE_NOTES,
            "hardware-notes",
            Hardware,
            "Notes on the hardware",
            FieldKind::Notes,
            hardware.notes,
            "Why this hardware."
        ),
    ]
}
