//! The plan against its device.

use super::{Found, Severity, set_number, set_word};
use crate::catalog::{Accelerator, Limit};
use crate::plan::field::id;
use crate::plan::{FloatFormat, QuantizeWhen, StatePlace, Workload};

pub fn check(found: &mut Found<'_>) {
    let plan = found.plan;
    let id = plan.hardware.accelerator.as_str();
    if id.is_empty() {
        return;
    }
    let Some(device) = found.context.accelerator else {
        if plan.hardware.memory_mib.is_none() {
            found.push(
                Severity::Warning,
                id::HARDWARE_ACCELERATOR,
                format!("there is no accelerator `{id}` in the catalogue; choose another or give its memory"),
                Some(("choose none", set_word(id::HARDWARE_ACCELERATOR, ""))),
            );
        }
        return;
    };
    let trains = plan.workload == Workload::Training;
    if device.supports_bf16 == Some(false) && trains && plan.precision.autocast == Some(FloatFormat::Bf16) {
        found.push(
            Severity::Warning,
            id::PRECISION_AUTOCAST,
            format!("{} has no BF16 arithmetic; it would be emulated or refused", device.name),
            Some(("autocast to FP16", set_word(id::PRECISION_AUTOCAST, "fp16"))),
        );
    } else if device.supports_bf16 == Some(false) && plan.precision.load_format == "bf16" {
        found.push(
            Severity::Note,
            id::PRECISION_LOAD_FORMAT,
            format!("{} has no BF16 arithmetic: the weights are stored so, and converted at every use", device.name),
            None,
        );
    }
    if device.supports_fp8 == Some(false) && plan.precision.load_format.starts_with("fp8") {
        found.push(
            Severity::Warning,
            id::PRECISION_LOAD_FORMAT,
            format!("{} has no FP8 arithmetic; weights would be converted at every use", device.name),
            Some(("load as BF16", set_word(id::PRECISION_LOAD_FORMAT, "bf16"))),
        );
    }
    if trains && device.fp8_tflops.is_none() && plan.precision.quantize_when == QuantizeWhen::LowPrecisionTraining {
        found.push(
            Severity::Warning,
            id::PRECISION_QUANTIZE_WHEN,
            format!("no FP8 rate of {} is known: products are timed in 16 bits", device.name),
            None,
        );
    }
    usable(found, device);
    reserve(found, device);
    if device.vendor != "NVIDIA" && plan.optimizer.algorithm.state_place() == StatePlace::Paged && trains {
        found.push(
            Severity::Warning,
            id::OPTIMIZER_ALGORITHM,
            format!("paged optimizers rest on CUDA unified memory; {} is no NVIDIA device", device.name),
            Some(("use AdamW 8-bit", set_word(id::OPTIMIZER_ALGORITHM, "adamw-8bit"))),
        );
    }
}

/// What a capacity that nobody has seen reported rests on.
fn usable(found: &mut Found<'_>, device: &Accelerator) {
    let limit = device.usable(found.plan.hardware.memory_mib).limit;
    if matches!(limit, Limit::LabelByRule { .. } | Limit::Wired { .. }) {
        let why = limit.why(device);
        found.push(Severity::Note, id::HARDWARE_ACCELERATOR, why.trim_end_matches('.'), None);
    }
}

fn reserve(found: &mut Found<'_>, device: &Accelerator) {
    let hardware = &found.plan.hardware;
    let capacity_mib = device.usable(hardware.memory_mib).bytes >> 20;
    if hardware.reserve_mib > 0 && hardware.reserve_mib >= capacity_mib {
        found.push(
            Severity::Error,
            id::HARDWARE_RESERVE_MIB,
            format!("{} MiB are kept free of {} MiB; nothing is left", hardware.reserve_mib, capacity_mib),
            Some(("keep nothing free", set_number(id::HARDWARE_RESERVE_MIB, 0))),
        );
    }
}
