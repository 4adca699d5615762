//! Rows of peaks traced from model code: one steady-state training step as HF Trainer does it, or one prefill.

use super::table::Row;
use super::{Case, Metric, shape};
use crate::architecture::{Architecture, Attention};
use crate::catalog::Catalog;
use crate::estimate::PhaseKind;
use crate::estimate::profile::Profiles;
use crate::plan::{
    Algorithm, AttentionKernel, Checkpointing, FloatFormat, Implementation, Lora, LossKernel, Method, ModelSource,
    Packing, Plan, TargetPart, Targets, Workload,
};
use crate::units::Bytes;

/// Turns a row into a case; `Err`: why it cannot be.
pub fn case(row: &Row, catalog: &Catalog, profiles: &Profiles) -> Result<Case, String> {
    if !row.text("error").is_empty() {
        return Err(format!("the row is marked as failed: {}", row.text("error").chars().take(80).collect::<String>()));
    }
    let model = row.text("model").to_owned();
    let (mut architecture, assumptions) = shape::architecture(&model, shape::Dimensions::of_truth(row)?, catalog)?;
    without_unused_windows(&mut architecture);
    let measured = row.needed("peak_bytes")?;
    let inference = row.text("method") == "infer";
    let mut profile = profiles.get("hf-trainer").cloned().ok_or("there is no profile `hf-trainer`")?;
    profile.keeps_outputs = row.flag("keep_outputs", false)?;
    // Rows are traced operator by operator: what a kernel allocates inside is not in them.
    profile.softmax_workspace = false;
    let measured_phase = match row.text("peak_phase") {
        "forward" if inference => Some(PhaseKind::Prefill),
        "forward" => Some(PhaseKind::Forward),
        "backward" => Some(PhaseKind::Backward),
        "optimizer" => Some(PhaseKind::OptimizerStep),
        "" => None,
        other => return Err(row.unknown("peak_phase", other)),
    };
    let mut plan = plan(row)?;
    plan.model.source = ModelSource::File { path: model.clone(), architecture: Box::new(architecture) };
    plan.runtime.profile.clone_from(&profile.id);
    Ok(Case {
        id: row.id(),
        line: row.line,
        source: "truth".to_owned(),
        model,
        plan,
        profile,
        kind: None,
        moment: None,
        metric: Metric::Tensors,
        over_all: false,
        after_prompt: false,
        measured: Bytes(measured),
        measured_phase,
        complete: true,
        assumptions,
    })
}

/// The traced configurations of Mistral and Phi-3 have no window; Gemma's windows alternate and stay.
fn without_unused_windows(architecture: &mut Architecture) {
    if matches!(architecture.model_code.as_str(), "MistralForCausalLM" | "MixtralForCausalLM" | "Phi3ForCausalLM") {
        for group in &mut architecture.layers {
            if let Attention::Softmax(attention) = &mut group.layer.attention {
                attention.window = None;
            }
        }
    }
}

fn plan(row: &Row) -> Result<Plan, String> {
    let mut plan = Plan::default();
    let method = row.text("method");
    plan.workload = if method == "infer" { Workload::Inference } else { Workload::Training };
    plan.method.method = match method {
        "full" | "infer" => Method::Full,
        "lora" => Method::Lora(lora(row)?),
        "qlora" => Method::Qlora(lora(row)?),
        other => return Err(row.unknown("method", other)),
    };
    let weights = weights(row)?;
    plan.precision.load_format = String::from(if method == "qlora" { "nf4" } else { weights });
    plan.precision.double_quantization = method == "qlora" && row.flag("double_quant", true)?;
    plan.precision.autocast = match row.text("amp") {
        "bf16" => Some(FloatFormat::Bf16),
        "fp16" => Some(FloatFormat::Fp16),
        "none" | "" => None,
        other => return Err(row.unknown("amp", other)),
    };
    plan.precision.upcast_unquantized = method == "qlora" && row.flag("kbit_prep", false)?;
    if method != "infer" {
        (plan.optimizer.algorithm, plan.optimizer.implementation) = optimizer(row)?;
    }
    plan.optimizer.clip_gradients = row.flag("clip", true)?;
    plan.batch.micro_batch = row.needed("micro_batch")?;
    plan.batch.sequence_length = row.needed("seq")?;
    plan.batch.gradient_accumulation = row.count("grad_accum")?.unwrap_or(1).max(1);
    plan.batch.packing = if row.flag("padded", false)? { Packing::Padded } else { Packing::Packed };
    plan.batch.new_tokens = 0;
    plan.runtime.loss = LossKernel::Unfused;
    plan.runtime.checkpointing = if row.flag("grad_ckpt", false)? { Checkpointing::Full } else { Checkpointing::None };
    plan.runtime.attention = match row.text("attn") {
        "eager" => AttentionKernel::Eager,
        "sdpa" | "" => AttentionKernel::Sdpa,
        other => return Err(row.unknown("attn", other)),
    };
    plan.hardware.accelerator = String::new();
    Ok(plan)
}

/// Format of the weights.
pub fn weights(row: &Row) -> Result<&str, String> {
    match row.text("weights") {
        known @ ("bf16" | "fp16" | "fp32") => Ok(known),
        other => Err(row.unknown("weights", other)),
    }
}

/// Update rule and loop.
pub fn optimizer(row: &Row) -> Result<(Algorithm, Implementation), String> {
    Ok(match row.text("optimizer") {
        "adamw_fused" => (Algorithm::AdamW, Implementation::Fused),
        "adamw_foreach" => (Algorithm::AdamW, Implementation::Foreach),
        "adamw_forloop" => (Algorithm::AdamW, Implementation::ForLoop),
        "sgd" => (Algorithm::Sgd, Implementation::Foreach),
        "sgd_momentum" => (Algorithm::SgdMomentum, Implementation::Foreach),
        "adafactor" => (Algorithm::Adafactor, Implementation::ForLoop),
        "adamw8bit" => (Algorithm::AdamW8bit, Implementation::ForLoop),
        other => return Err(row.unknown("optimizer", other)),
    })
}

fn lora(row: &Row) -> Result<Lora, String> {
    let targets = match row.text("lora_targets") {
        "qv" => Targets::Parts(vec![TargetPart::Q, TargetPart::V]),
        "attn" => Targets::Parts(vec![TargetPart::Q, TargetPart::K, TargetPart::V, TargetPart::O]),
        "all-linear" | "" => Targets::AllLinear,
        other => return Err(row.unknown("lora_targets", other)),
    };
    // PEFT casts adapters to FP32 unless told not to; on an FP32 base they are FP32 anyway.
    let wide = row.flag("adapter_fp32", true)? || row.text("weights") == "fp32";
    Ok(Lora {
        rank: row.needed("lora_r")?,
        dropout: row.number("lora_dropout")?.unwrap_or(0.0),
        targets,
        dtype: if wide { FloatFormat::Fp32 } else { FloatFormat::Bf16 },
        ..Lora::default()
    })
}
