//! Number formats against each other, the method and the model.

use super::{Found, Severity, is_quantized, set_toggle, set_word};
use crate::architecture::NativeDtype;
use crate::plan::edit::choose_method;
use crate::plan::{FloatFormat, LoraInit, Method, Workload};

pub fn check(found: &mut Found<'_>) {
    let plan = found.plan;
    let load = plan.precision.load_format.as_str();
    if found.context.load_format.is_none() {
        found.push(
            Severity::Error,
            "precision.load_format",
            format!("there is no number format `{load}` in the catalogue"),
            Some(("load as BF16", set_word("precision.load_format", "bf16"))),
        );
        return;
    }
    if found.context.load_format.is_some_and(|format| !format.loadable) {
        found.push(
            Severity::Error,
            "precision.load_format",
            format!("a model cannot be loaded in {load}: it is a way of computing or a scale, not a storage format"),
            Some(("load as BF16", set_word("precision.load_format", "bf16"))),
        );
    }
    narrower_than_native(found);
    if plan.workload == Workload::Training {
        method_against_load(found);
        widths(found);
    }
    if plan.precision.double_quantization && !matches!(load, "nf4" | "fp4") {
        found.push(
            Severity::Warning,
            "precision.double_quantization",
            format!("double quantization works on the scales of 4-bit bitsandbytes blocks; {load} has none"),
            Some(("switch it off", set_toggle("precision.double_quantization", false))),
        );
    }
}

/// FP16 holds values up to 65,504 only: models published in BF16 may overflow in it (domain knowledge 4.3).
fn narrower_than_native(found: &mut Found<'_>) {
    let Some(architecture) = found.context.architecture else { return };
    let is_wide = matches!(architecture.native_dtype, NativeDtype::Bf16 | NativeDtype::Fp32);
    if is_wide && found.plan.precision.load_format == "fp16" {
        found.push(
            Severity::Warning,
            "precision.load_format",
            "the weights were published in a format of wider range; FP16 overflows above 65,504, and Llama 2 loaded so was visibly worse",
            Some(("load as BF16", set_word("precision.load_format", "bf16"))),
        );
    }
}

fn method_against_load(found: &mut Found<'_>) {
    let plan = found.plan;
    let load = plan.precision.load_format.as_str();
    let quantized = is_quantized(load);
    match &plan.method.method {
        Method::Qlora(_) if !quantized => found.push(
            Severity::Error,
            "precision.load_format",
            format!("QLoRA stands on a quantized base, but the load format is {load}"),
            Some(("load as NF4", set_word("precision.load_format", "nf4"))),
        ),
        Method::Lora(_) if quantized => found.push(
            Severity::Warning,
            "method.kind",
            format!("LoRA on a base in {load} is QLoRA"),
            Some(("call it QLoRA", set_word("method.kind", "qlora"))),
        ),
        Method::Full
        | Method::BitFit
        | Method::LastLayers { .. }
        | Method::Galore { .. }
        | Method::Blockwise { .. }
            if quantized =>
        {
            found.push(
                Severity::Error,
                "method.kind",
                format!("weights in {load} cannot be trained themselves; load them in 16 bits, or train adapters"),
                Some(("use QLoRA", choose_method(plan, "qlora"))),
            );
        }
        _ => {}
    }
    let init = plan.method.method.lora().map(|lora| lora.init);
    if init == Some(LoraInit::Loftq) && !quantized {
        found.push(
            Severity::Warning,
            "method.init",
            "LoftQ fits the adapter to the quantization error; this base is not quantized",
            Some(("start from zero", set_word("method.init", "zero"))),
        );
    }
    if plan.precision.upcast_unquantized && !quantized {
        found.push(
            Severity::Note,
            "precision.upcast_unquantized",
            "upcasting norms, embeddings and head is done for quantized bases; here it only costs memory",
            Some(("switch it off", set_toggle("precision.upcast_unquantized", false))),
        );
    }
}

fn widths(found: &mut Found<'_>) {
    let precision = &found.plan.precision;
    let load = precision.load_format.as_str();
    if precision.fp32_master_weights && matches!(load, "fp32" | "fp64") {
        found.push(
            Severity::Warning,
            "precision.fp32_master_weights",
            format!("the weights are in {load} already; a second copy in FP32 adds nothing"),
            Some(("switch it off", set_toggle("precision.fp32_master_weights", false))),
        );
    }
    if precision.autocast == Some(FloatFormat::Fp16) {
        found.push(
            Severity::Note,
            "precision.autocast",
            "FP16 gradients need loss scaling: small ones vanish and values above 65,504 overflow",
            Some(("autocast to BF16", set_word("precision.autocast", "bf16"))),
        );
    }
    if load == "fp64" {
        found.push(
            Severity::Warning,
            "precision.load_format",
            "FP64 is for scientific computing: it doubles FP32's memory and models gain nothing from it",
            Some(("load as BF16", set_word("precision.load_format", "bf16"))),
        );
    }
}
