//! Rows of published measurements: real GPUs, many stacks, each row as complete as its source.

mod columns;

pub use columns::has_exact_lengths;

use super::table::Row;
use super::words::{Found, one, read_without_remarks};
use super::{Case, parallel, shape, stack};
use crate::catalog::Catalog;
use crate::estimate::profile::{Profiles, RatioBand};
use crate::plan::{
    AttentionKernel, Checkpointing, FloatFormat, Lora, Method, ModelSource, Offload, Plan, Targets, Workload,
};
use crate::units::Bytes;
use columns::{
    ADAPTERS, ATTENTION, CHECKPOINTS, COMPUTE, Lengths, generation, lengths, load_format, metric, optimizer, targets,
};

/// Turns a row into a case; `Err`: why it cannot be.
pub fn case(row: &Row, catalog: &Catalog, profiles: &Profiles) -> Result<Case, String> {
    let metric = metric(row)?;
    let measured = row.number("peak_gib")?.ok_or("no measured peak")?;
    if measured <= 0.0 || measured > 1e6 {
        return Err(format!("a measured peak of {measured} GiB"));
    }
    let model = row.text("model").to_owned();
    let (mut architecture, mut assumptions) =
        shape::architecture(&model, shape::Dimensions::of_published(row)?, catalog)?;
    let mut stack = stack::of(row, profiles)?;
    if lengths(row)?.contains(&Lengths::Vary) {
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

/// The plan of a row, without its model, stack and device.
pub fn plan(row: &Row, implementation: &str, assumptions: &mut Vec<String>) -> Result<Plan, String> {
    let mut plan = Plan::default();
    plan.hardware.accelerator = String::new();
    plan.workload = match row.text("task") {
        "train" => Workload::Training,
        "inference" => Workload::Inference,
        other => return Err(row.unknown("task", other)),
    };
    let training = plan.workload == Workload::Training;
    (plan.precision.load_format, plan.precision.double_quantization) = load_format(row)?;
    plan.precision.autocast = one(row, "compute_dtype", &COMPUTE)?.flatten();
    plan.method.method = if training { method(row, assumptions)? } else { Method::Full };
    plan.batch.micro_batch = row.needed("micro_batch")?;
    plan.batch.sequence_length = row.needed("seq_len")?;
    plan.batch.gradient_accumulation = row.count("grad_accum")?.unwrap_or(1).max(1);
    plan.batch.new_tokens = 0;
    if !training {
        generation(row, &mut plan)?;
    }
    if training {
        if !has_exact_lengths(row)? {
            assumptions.push("every sequence is taken as long as the longest".to_owned());
        }
        if row.text("optimizer").is_empty() {
            assumptions.push("the optimizer is not said; taken as AdamW".to_owned());
        }
    }
    (plan.optimizer.algorithm, plan.optimizer.implementation) = optimizer(row, implementation)?;
    let kept = one(row, "grad_ckpt", &CHECKPOINTS)?;
    if kept.is_none() && training {
        assumptions.push("checkpointing is not said; taken as full".to_owned());
    }
    (plan.runtime.checkpointing, plan.parallelism.offload_activations) =
        kept.unwrap_or((Checkpointing::Full, Offload::None));
    plan.runtime.attention = one(row, "attn", &ATTENTION)?.unwrap_or(AttentionKernel::Sdpa);
    one(row, "completeness", &[("full", ()), ("mostly", ()), ("partial", ())])?;
    Ok(plan)
}

fn method(row: &Row, assumptions: &mut Vec<String>) -> Result<Method, String> {
    let name = row.text("method");
    let quantized = crate::plan::check::is_quantized(&load_format(row)?.0);
    let adapter = |lora: Lora| if quantized { Method::Qlora(lora) } else { Method::Lora(lora) };
    match name.to_lowercase().as_str() {
        "full" if quantized => Err("full fine-tuning of a quantized base".to_owned()),
        "full" => Ok(Method::Full),
        name if name.starts_with("lora + deepspeed") || name.starts_with("lora (multinode") => {
            Ok(adapter(lora(row, assumptions)?))
        }
        "lora" | "qlora" | "qlora (sftrainer)" | "qlora (sfttrainer)" => Ok(adapter(lora(row, assumptions)?)),
        "dora" => Ok(adapter(Lora { weight_decomposed: true, ..lora(row, assumptions)? })),
        _ => Err(row.unknown("method", name)),
    }
}

fn lora(row: &Row, assumptions: &mut Vec<String>) -> Result<Lora, String> {
    let rank = match read_without_remarks(row, "lora_rank", &[("#", false), ("#-#", true)])?.first() {
        Some(Found { meaning: true, .. }) => {
            let low = row.text("lora_rank").split('-').next().and_then(|low| low.trim().parse().ok()).unwrap_or(8);
            assumptions.push(format!("the rank is given as a range; taken as {low}"));
            low
        }
        Some(Found { number: Some(rank), .. }) => *rank,
        _ => {
            assumptions.push("the rank is not said; taken as 8".to_owned());
            8
        }
    };
    let targets = targets(row)?.unwrap_or_else(|| {
        assumptions.push("the adapted modules are not said; taken as all linear layers".to_owned());
        Targets::AllLinear
    });
    let dtype = one(row, "adapter_dtype", &ADAPTERS)?.unwrap_or(FloatFormat::Fp32);
    let dropout = dropout(row.text("notes"));
    Ok(Lora { rank, dropout, targets, dtype, ..Lora::default() })
}

/// `LoRA dropout 0.1` among the remarks.
fn dropout(notes: &str) -> f64 {
    let Some((_, rest)) = notes.split_once("LoRA dropout ") else { return 0.0 };
    let digits: String = rest.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    digits.trim_end_matches('.').parse().ok().filter(|share| (0.0..1.0).contains(share)).unwrap_or(0.0)
}
