//! Number formats against each other, the method and the model.

use super::{Found, Severity, is_quantized, set_toggle, set_word};
use crate::architecture::NativeDtype;
use crate::plan::edit::choose_method;
use crate::plan::field::id;
use crate::plan::{FloatFormat, LoraInit, Method, QuantizeWhen, Workload};

pub fn check(found: &mut Found<'_>) {
    let plan = found.plan;
    let load = plan.precision.load_format.as_str();
    if found.context.load_format.is_none() {
        found.push(
            Severity::Error,
            id::PRECISION_LOAD_FORMAT,
            format!("there is no number format `{load}` in the catalogue"),
            Some(("load as BF16", set_word(id::PRECISION_LOAD_FORMAT, "bf16"))),
        );
        return;
    }
    if found.context.load_format.is_some_and(|format| !format.loadable) {
        found.push(
            Severity::Error,
            id::PRECISION_LOAD_FORMAT,
            format!("a model cannot be loaded in {load}: it is a way of computing or a scale, not a storage format"),
            Some(("load as BF16", set_word(id::PRECISION_LOAD_FORMAT, "bf16"))),
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
            id::PRECISION_DOUBLE_QUANTIZATION,
            format!("double quantization works on the scales of 4-bit bitsandbytes blocks; {load} has none"),
            Some(("switch it off", set_toggle(id::PRECISION_DOUBLE_QUANTIZATION, false))),
        );
    }
}

/// FP16 holds values up to 65,504 only: models published in BF16 may overflow in it (domain knowledge 4.3).
fn narrower_than_native(found: &mut Found<'_>) {
    let Some(architecture) = found.context.architecture else { return };
    // What its values were made for: files may be in another format.
    let trained_in = found.context.entry.and_then(|entry| entry.trained_in);
    let is_wide = matches!(trained_in.unwrap_or(architecture.native_dtype), NativeDtype::Bf16 | NativeDtype::Fp32);
    if is_wide && found.plan.precision.load_format == "fp16" {
        let first = if trained_in.is_some() {
            "the model was trained in a format of wider range than its files have"
        } else {
            "the weights were published in a format of wider range"
        };
        found.push(
            Severity::Warning,
            id::PRECISION_LOAD_FORMAT,
            format!("{first}; FP16 overflows above 65,504, and Llama 2 loaded so was visibly worse"),
            Some(("load as BF16", set_word(id::PRECISION_LOAD_FORMAT, "bf16"))),
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
            id::PRECISION_LOAD_FORMAT,
            format!("QLoRA stands on a quantized base, but the load format is {load}"),
            Some(("load as NF4", set_word(id::PRECISION_LOAD_FORMAT, "nf4"))),
        ),
        Method::Lora(_) if quantized => found.push(
            Severity::Warning,
            id::METHOD_KIND,
            format!("LoRA on a base in {load} is QLoRA"),
            Some(("call it QLoRA", set_word(id::METHOD_KIND, "qlora"))),
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
                id::METHOD_KIND,
                format!("weights in {load} cannot be trained themselves; load them in 16 bits, or train adapters"),
                Some(("use QLoRA", choose_method(plan, "qlora"))),
            );
        }
        _ => {}
    }
    if quantized && load.starts_with("gguf") {
        found.push(
            Severity::Warning,
            id::PRECISION_LOAD_FORMAT,
            "GGUF blocks are made for running models; training stacks unpack them to 16 or 32 bits first",
            Some(("load as NF4", set_word(id::PRECISION_LOAD_FORMAT, "nf4"))),
        );
    }
    let when = plan.precision.quantize_when;
    if quantized && matches!(when, QuantizeWhen::DuringTraining | QuantizeWhen::LowPrecisionTraining) {
        found.push(
            Severity::Warning,
            id::PRECISION_QUANTIZE_WHEN,
            format!("quantizing during training starts from unquantized weights; {load} is quantized already"),
            Some(("as loaded", set_word(id::PRECISION_QUANTIZE_WHEN, "as-loaded"))),
        );
    }
    if !quantized && when == QuantizeWhen::AfterTraining && plan.workload == Workload::Training {
        found.push(
            Severity::Note,
            id::PRECISION_QUANTIZE_WHEN,
            "quantizing after training is a job of its own: its memory and time are not in these figures",
            None,
        );
    }
    let init = plan.method.method.lora().map(|lora| lora.init);
    if init == Some(LoraInit::Loftq) && !quantized {
        found.push(
            Severity::Warning,
            id::METHOD_INIT,
            "LoftQ fits the adapter to the quantization error; this base is not quantized",
            Some(("start from zero", set_word(id::METHOD_INIT, "zero"))),
        );
    }
    if init == Some(LoraInit::Pissa) && quantized {
        found.push(
            Severity::Note,
            id::METHOD_INIT,
            "PiSSA takes its initial values from the unquantized weights: they must be there once before the rest is quantized",
            Some(("start from zero", set_word(id::METHOD_INIT, "zero"))),
        );
    }
    if plan.precision.upcast_unquantized && !quantized {
        found.push(
            Severity::Note,
            id::PRECISION_UPCAST_UNQUANTIZED,
            "upcasting norms, embeddings and head is done for quantized bases; here it only costs memory",
            Some(("switch it off", set_toggle(id::PRECISION_UPCAST_UNQUANTIZED, false))),
        );
    }
}

/// Weights that are trained in 16 bits lose updates smaller than their last bit (Micikevicius et al., 2018).
fn trained_in_16_bits(found: &mut Found<'_>) {
    let plan = found.plan;
    let trains_weights = matches!(
        plan.method.method,
        Method::Full | Method::LastLayers { .. } | Method::Galore { .. } | Method::Blockwise { .. }
    );
    if !trains_weights || plan.precision.fp32_master_weights {
        return;
    }
    let fix = Some(("keep an FP32 copy", set_toggle(id::PRECISION_FP32_MASTER_WEIGHTS, true)));
    match plan.precision.load_format.as_str() {
        "fp16" => found.push(
            Severity::Warning,
            id::PRECISION_FP32_MASTER_WEIGHTS,
            "FP16 weights are trained without an FP32 copy: small updates round away, and PyTorch's loss scaling refuses FP16 gradients",
            fix,
        ),
        "bf16" => found.push(
            Severity::Note,
            id::PRECISION_FP32_MASTER_WEIGHTS,
            "BF16 keeps 8 bits of precision: without an FP32 copy updates under 0.2 to 0.4 % of a weight round away",
            fix,
        ),
        _ => {}
    }
}

fn widths(found: &mut Found<'_>) {
    let precision = &found.plan.precision;
    let load = precision.load_format.as_str();
    trained_in_16_bits(found);
    if precision.gradient_format.is_some() {
        found.push(
            Severity::Note,
            id::PRECISION_GRADIENT_FORMAT,
            "PyTorch gives a gradient the format of its weight; another one needs a stack with gradient buffers of its own (Megatron, DeepSpeed)",
            Some(("as the weights", set_word(id::PRECISION_GRADIENT_FORMAT, "as-weights"))),
        );
    }
    if precision.fp32_master_weights && matches!(load, "fp32" | "fp64") {
        found.push(
            Severity::Warning,
            id::PRECISION_FP32_MASTER_WEIGHTS,
            format!("the weights are in {load} already; a second copy in FP32 adds nothing"),
            Some(("switch it off", set_toggle(id::PRECISION_FP32_MASTER_WEIGHTS, false))),
        );
    }
    let has_bf16 = found.context.accelerator.is_none_or(|device| device.supports_bf16 != Some(false));
    if precision.autocast == Some(FloatFormat::Fp16) {
        found.push(
            Severity::Note,
            id::PRECISION_AUTOCAST,
            "FP16 gradients need loss scaling: small ones vanish and values above 65,504 overflow",
            // Devices without BF16 have no other choice.
            has_bf16.then(|| ("autocast to BF16", set_word(id::PRECISION_AUTOCAST, "bf16"))),
        );
    }
    if load == "fp64" {
        found.push(
            Severity::Warning,
            id::PRECISION_LOAD_FORMAT,
            "FP64 is for scientific computing: it doubles FP32's memory and models gain nothing from it",
            Some(("load as BF16", set_word(id::PRECISION_LOAD_FORMAT, "bf16"))),
        );
    }
}
