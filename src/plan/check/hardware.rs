//! The plan against its device.

use super::{Found, Severity, set_word};
use crate::plan::{FloatFormat, Workload};

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
                "hardware.accelerator",
                format!("there is no accelerator `{id}` in the catalogue; choose another or give its memory"),
                Some(("choose none", set_word("hardware.accelerator", ""))),
            );
        }
        return;
    };
    let trains = plan.workload == Workload::Training;
    if device.supports_bf16 == Some(false) && trains && plan.precision.autocast == Some(FloatFormat::Bf16) {
        found.push(
            Severity::Warning,
            "precision.autocast",
            format!("{} has no BF16 arithmetic; it would be emulated or refused", device.name),
            Some(("autocast to FP16", set_word("precision.autocast", "fp16"))),
        );
    }
    if device.supports_fp8 == Some(false) && plan.precision.load_format.starts_with("fp8") {
        found.push(
            Severity::Warning,
            "precision.load_format",
            format!("{} has no FP8 arithmetic; weights would be converted at every use", device.name),
            Some(("load as BF16", set_word("precision.load_format", "bf16"))),
        );
    }
    if plan.hardware.count > 1 {
        found.push(
            Severity::Note,
            "hardware.count",
            "the estimate is for one device that holds the whole model (data parallel); sharding is not modelled yet",
            None,
        );
    }
    if device.vendor != "NVIDIA" && plan.optimizer.algorithm.is_paged() && trains {
        found.push(
            Severity::Warning,
            "optimizer.algorithm",
            format!("paged optimizers rest on CUDA unified memory; {} is no NVIDIA device", device.name),
            Some(("use AdamW 8-bit", set_word("optimizer.algorithm", "adamw-8bit"))),
        );
    }
}
