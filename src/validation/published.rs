//! Rows of published measurements: real GPUs, many stacks, each row as complete as its source.

use super::table::Row;
use super::{Case, Metric, parallel, shape, stack};
use crate::catalog::Catalog;
use crate::estimate::profile::{Profiles, RatioBand};
use crate::plan::{
    Algorithm, AttentionKernel, Checkpointing, FloatFormat, Implementation, Lora, Method, ModelSource, Plan,
    TargetPart, Targets, Workload,
};
use crate::units::Bytes;

/// Turns a row into a case; `Err`: why it cannot be.
pub fn case(row: &Row, catalog: &Catalog, profiles: &Profiles) -> Result<Case, String> {
    let metric = metric(row.text("metric"))?;
    let measured = row.number("peak_gib")?.ok_or("no measured peak")?;
    if measured <= 0.0 || measured > 1e6 {
        return Err(format!("a measured peak of {measured} GiB"));
    }
    let model = row.text("model").to_owned();
    let (mut architecture, mut assumptions) =
        shape::architecture(&model, shape::Dimensions::of_published(row)?, catalog)?;
    let mut stack = stack::of(row, profiles)?;
    let lengths = row.text("seq_kind");
    if ["truncated", "varies", "unpacked"].iter().any(|word| lengths.contains(word)) {
        // Batches of many lengths leave blocks of many sizes: 65 rows of ms-swift reserve a median of 2.9, 1.1 to 4.1 times
        // what comes and goes.
        stack.profile.reserved = RatioBand { low: 1.08, expected: 2.4, high: 4.1 };
    }
    assumptions.extend(stack.assumptions);
    let mut plan = plan(row, &stack.profile.default_implementation, &mut assumptions)?;
    plan.runtime.loss = stack.loss;
    plan.runtime.profile.clone_from(&stack.profile.id);
    if matches!(plan.method.method, Method::Qlora(_)) {
        plan.precision.upcast_unquantized = stack.profile.upcasts_unquantized;
    }
    if stack.after_prompt && plan.precision.load_format.starts_with("fp8") && architecture.head.tied {
        // 0.27, 0.54 and 0.73 GiB more than table and layers need, for 0.6B, 1.7B and 4B: one matrix of 151,936 × hidden.
        architecture.head.tied = false;
        assumptions.push("an FP8 load keeps the tied head as a matrix of its own".to_owned());
    }
    parallel::share(row, &mut plan, architecture.hidden_size, &mut assumptions)?;
    plan.model.source = ModelSource::File { path: model.clone(), architecture: Box::new(architecture) };
    Ok(Case {
        id: row.id(),
        line: row.line,
        source: row.text("source_set").to_owned(),
        model,
        plan,
        profile: stack.profile,
        metric,
        kind: None,
        moment: None,
        over_all: row.text("metric").to_lowercase().contains("sum") || parallel::is_spread(row),
        measured: Bytes((measured * (1_u64 << 30) as f64) as u64),
        after_prompt: stack.after_prompt,
        measured_phase: None,
        complete: row.text("completeness") == "full",
        assumptions,
    })
}

/// What the figure counts; `Err`: it is no measurement of a peak.
fn metric(text: &str) -> Result<Metric, String> {
    let lower = text.to_lowercase();
    let has = |part: &str| lower.contains(part);
    if ["oom", "card size", "bound", "share", "paper", "after load"].iter().any(|part| has(part)) {
        return Err(format!("“{}” is no measured peak", brief(text)));
    }
    Ok(if has("reserved") {
        Metric::Reserved
    } else if has("allocated") {
        Metric::Tensors
    } else {
        Metric::Process
    })
}

/// The plan of a row, without its model, stack and device.
pub fn plan(row: &Row, implementation: &str, assumptions: &mut Vec<String>) -> Result<Plan, String> {
    let mut plan = Plan::default();
    plan.hardware.accelerator = String::new();
    plan.workload = match row.text("task") {
        "train" => Workload::Training,
        "inference" => Workload::Inference,
        other => return Err(format!("the task “{}” is neither train nor inference", brief(other))),
    };
    let training = plan.workload == Workload::Training;
    (plan.precision.load_format, plan.precision.double_quantization) = load_format(row.text("weight_format"))?;
    plan.precision.autocast = autocast(row.text("compute_dtype"));
    plan.method.method = if training { method(row, assumptions)? } else { Method::Full };
    plan.batch.micro_batch = row.needed("micro_batch")?;
    plan.batch.sequence_length = row.needed("seq_len")?;
    plan.batch.gradient_accumulation = row.count("grad_accum")?.unwrap_or(1).max(1);
    plan.batch.new_tokens = if training { 0 } else { generated(row.text("method")) };
    if training {
        if !row.text("seq_kind").contains("exact") && !row.text("seq_kind").contains("fixed") {
            assumptions.push("every sequence is taken as long as the longest".to_owned());
        }
        if row.text("optimizer").is_empty() {
            assumptions.push("the optimizer is not said; taken as AdamW".to_owned());
        }
    }
    (plan.optimizer.algorithm, plan.optimizer.implementation) = optimizer(row.text("optimizer"), implementation);
    plan.runtime.checkpointing = match row.text("grad_ckpt") {
        "none" => Checkpointing::None,
        "selective" => Checkpointing::Selective,
        text if text.starts_with("full") => Checkpointing::Full,
        text if text.starts_with("unsloth") => {
            return Err("checkpoints offloaded to the host are not estimated yet".to_owned());
        }
        _ => {
            if training {
                assumptions.push("checkpointing is not said; taken as full".to_owned());
            }
            Checkpointing::Full
        }
    };
    plan.runtime.attention = if row.text("attn") == "eager" { AttentionKernel::Eager } else { AttentionKernel::Sdpa };
    Ok(plan)
}

fn method(row: &Row, assumptions: &mut Vec<String>) -> Result<Method, String> {
    let name = row.text("method");
    let quantized = crate::plan::check::is_quantized(&load_format(row.text("weight_format"))?.0);
    let adapter = |lora: Lora| if quantized { Method::Qlora(lora) } else { Method::Lora(lora) };
    match name.to_lowercase().as_str() {
        "full" if quantized => Err("full fine-tuning of a quantized base".to_owned()),
        "full" => Ok(Method::Full),
        name if name.starts_with("lora + deepspeed") || name.starts_with("lora (multinode") => {
            Ok(adapter(lora(row, assumptions)?))
        }
        "lora" | "qlora" | "qlora (sftrainer)" | "qlora (sfttrainer)" => Ok(adapter(lora(row, assumptions)?)),
        "dora" => Ok(adapter(Lora { weight_decomposed: true, ..lora(row, assumptions)? })),
        _ => Err(format!("the method “{}” is not mapped", brief(name))),
    }
}

fn lora(row: &Row, assumptions: &mut Vec<String>) -> Result<Lora, String> {
    let digits: String = row.text("lora_rank").chars().take_while(char::is_ascii_digit).collect();
    let rank = if digits.is_empty() {
        assumptions.push("the rank is not said; taken as 8".to_owned());
        8
    } else {
        digits.parse().map_err(|_error| "`lora_rank` is not a number".to_owned())?
    };
    let targets = targets(row.text("lora_targets")).unwrap_or_else(|| {
        assumptions.push("the adapted modules are not said; taken as all linear layers".to_owned());
        Targets::AllLinear
    });
    let wide = !row.text("adapter_dtype").starts_with('b');
    let dropout = dropout(row.text("notes"));
    Ok(Lora {
        rank,
        targets,
        dropout,
        dtype: if wide { FloatFormat::Fp32 } else { FloatFormat::Bf16 },
        ..Lora::default()
    })
}

/// `LoRA dropout 0.1` among the remarks.
fn dropout(notes: &str) -> f64 {
    let Some((_, rest)) = notes.split_once("LoRA dropout ") else { return 0.0 };
    let digits: String = rest.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    digits.trim_end_matches('.').parse().ok().filter(|share| (0.0..1.0).contains(share)).unwrap_or(0.0)
}

/// Modules as people write them; `None` where nothing is recognised.
fn targets(text: &str) -> Option<Targets> {
    let lower = text.to_lowercase();
    if lower.contains("all") {
        return Some(Targets::AllLinear);
    }
    let mut parts = Vec::new();
    for word in lower.split(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
        parts.extend_from_slice(match word {
            "q" | "q_proj" => &[TargetPart::Q],
            "k" | "k_proj" => &[TargetPart::K],
            "v" | "v_proj" => &[TargetPart::V],
            "o" | "o_proj" | "proj" | "dense" => &[TargetPart::O],
            "qkv" | "c_attn" | "w_pack" | "query_key_value" | "qkv_proj" => {
                &[TargetPart::Q, TargetPart::K, TargetPart::V]
            }
            // Qwen 1 calls both output projections so.
            "c_proj" => &[TargetPart::O, TargetPart::Down],
            "gate" | "gate_proj" | "w2" => &[TargetPart::Gate],
            "up" | "up_proj" | "w1" => &[TargetPart::Up],
            "down" | "down_proj" => &[TargetPart::Down],
            "mlp" => &[TargetPart::Gate, TargetPart::Up, TargetPart::Down],
            _ => &[],
        });
    }
    parts.sort_unstable();
    parts.dedup();
    (!parts.is_empty()).then_some(Targets::Parts(parts))
}

fn load_format(text: &str) -> Result<(String, bool), String> {
    let lower = text.to_lowercase();
    let double = lower.contains("dq");
    let id = if lower.starts_with("bf16") || lower.starts_with("bfloat16") {
        "bf16"
    } else if lower.starts_with("fp16") || lower.starts_with("float16") {
        "fp16"
    } else if lower.starts_with("fp32") {
        "fp32"
    } else if lower.starts_with("nf4") {
        "nf4"
    } else if lower.starts_with("fp4") {
        "fp4"
    } else if lower.starts_with("fp8") {
        "fp8-e4m3"
    } else if lower.contains("int8") {
        "int8"
    } else if lower.contains("int4") || lower == "awq" || lower == "gptq" {
        "int4-g128"
    } else {
        return Err(format!("the weight format “{}” is not mapped", brief(text)));
    };
    Ok((id.to_owned(), double))
}

fn autocast(text: &str) -> Option<FloatFormat> {
    if !text.contains("autocast") || text.contains("no autocast") {
        return None;
    }
    Some(if text.starts_with("fp16") { FloatFormat::Fp16 } else { FloatFormat::Bf16 })
}

/// `prefill input + generate 2048` → 2048; the default of `generate` is 50 in these rows.
fn generated(method: &str) -> u64 {
    let Some((_, rest)) = method.split_once("generate ") else { return 50 };
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(50)
}

fn optimizer(text: &str, implementation: &str) -> (Algorithm, Implementation) {
    use crate::plan::field::words::Word as _;
    let lower = text.to_lowercase();
    let default = Implementation::from_id(implementation).unwrap_or(Implementation::Foreach);
    if lower.contains("8bit") {
        (if lower.contains("paged") { Algorithm::PagedAdamW8bit } else { Algorithm::AdamW8bit }, Implementation::Fused)
    } else if lower.contains("paged") {
        (Algorithm::PagedAdamW, Implementation::Fused)
    } else if lower.starts_with("sgd") {
        (Algorithm::Sgd, default)
    } else if lower.contains("foreach") {
        (Algorithm::AdamW, Implementation::Foreach)
    } else if lower.contains("fused") {
        (Algorithm::AdamW, Implementation::Fused)
    } else {
        (Algorithm::AdamW, default)
    }
}

fn brief(text: &str) -> String {
    text.chars().take(40).collect()
}
