//! How a published row shared its work among devices, read from what people write.

use super::table::Row;
use crate::plan::field::words::Word as _;
use crate::plan::{FloatFormat, Method, Offload, Plan, Schedule, Strategy, Workload};

/// Whether the figure of a row without a word on it is that of all devices: inference spread over cards.
pub fn is_spread(row: &Row) -> bool {
    row.text("task") == "inference" && row.text("sharding").is_empty() && devices(row) > 1
}

fn devices(row: &Row) -> u64 {
    row.count("num_gpus").ok().flatten().unwrap_or(1)
}

/// `one device`, `fsdp`, `fsdp2 tensor pipeline`, …: for grouping errors.
pub fn sharing(plan: &Plan) -> String {
    let parallel = &plan.parallelism;
    let mut words = Vec::new();
    if parallel.strategy != Strategy::Single {
        words.push(parallel.strategy.id());
    }
    for (degree, word) in [(parallel.tensor, "tensor"), (parallel.context, "context"), (parallel.expert, "expert")] {
        if degree > 1 {
            words.push(word);
        }
    }
    if parallel.pipeline > 1 {
        words.push(if parallel.schedule == Schedule::Sequential { "device_map" } else { "pipeline" });
    }
    if parallel.offload_parameters != Offload::None || parallel.offload_optimizer != Offload::None {
        words.push("offload");
    }
    if words.is_empty() { "one device".to_owned() } else { words.join(" ") }
}

/// Puts the row's sharing into `plan`; `hidden` is the width its libraries derive buckets from.
pub fn share(row: &Row, plan: &mut Plan, hidden: u64, assumptions: &mut Vec<String>) -> Result<(), String> {
    let text = row.text("sharding").to_lowercase();
    let count = devices(row);
    plan.hardware.count = count;
    let parallel = &mut plan.parallelism;
    let full = matches!(plan.method.method, Method::Full);
    match text.as_str() {
        "" | "none" | "none/zero-2" if count == 1 => return Ok(()),
        "" | "none" if plan.workload == Workload::Inference => spread(parallel, count),
        "none" => parallel.strategy = Strategy::Ddp,
        _ if text.contains("device_map") => spread(parallel, count),
        _ if text.contains("fsdp") => {
            let titan = row.text("framework").contains("torchtitan");
            parallel.strategy = if titan { Strategy::Fsdp2 } else { Strategy::Fsdp };
            parallel.tensor = degree(&text, "tp").unwrap_or(1);
            parallel.pipeline = degree(&text, "pp").unwrap_or(1);
            parallel.context = degree(&text, "cp").unwrap_or(1);
            if text.contains("interleaved") {
                parallel.schedule = Schedule::Interleaved;
            }
            parallel.sequence = titan && parallel.tensor > 1;
            if titan && plan.precision.autocast.is_none() {
                // `fully_shard` with parameters in BF16 while they are at work.
                plan.precision.autocast = Some(FloatFormat::Bf16);
            }
            if parallel.pipeline > 1 {
                // torchtitan's default: as many micro-batches as there are stages, pieces counted.
                let pieces = if text.contains("interleaved") { parallel.virtual_stages } else { 1 };
                let most = parallel.pipeline.saturating_mul(pieces).clamp(1, plan.batch.micro_batch.max(1));
                plan.batch.gradient_accumulation = most;
                plan.batch.micro_batch = (plan.batch.micro_batch / most).max(1);
                assumptions.push(format!("the local batch goes through the pipeline in {most} micro-batches"));
            }
            if text.contains("cpu offload") {
                parallel.offload_parameters = Offload::Cpu;
            }
            // Its configurations do not prefetch; `fully_shard` does of itself.
            parallel.prefetch_units = u64::from(titan);
            // accelerate raises trained weights to FP32 when it mixes precision; what is frozen stays.
            plan.precision.fp32_master_weights = full && plan.precision.autocast.is_some();
            plan.precision.upcast_unquantized = false;
        }
        _ if text.contains("zero") => {
            parallel.strategy = if text.contains("zero-3") || (text.contains("zero-2/3") && full) {
                Strategy::Zero3
            } else {
                Strategy::Zero2
            };
            // transformers fills in `auto`.
            parallel.reduce_bucket = hidden.saturating_mul(hidden);
            parallel.prefetch_bucket = hidden.saturating_mul(hidden).saturating_mul(9) / 10;
            plan.precision.upcast_unquantized = false;
        }
        other => {
            let brief: String = other.chars().take(40).collect();
            return Err(format!("sharding “{brief}” is not mapped"));
        }
    }
    Ok(())
}

/// Layers one after another on all devices, no pipelining (`device_map`).
const fn spread(parallel: &mut crate::plan::Parallelism, count: u64) {
    parallel.pipeline = count;
    parallel.schedule = Schedule::Sequential;
}

/// The number after `name`: `tp8`, `cp 4`.
fn degree(text: &str, name: &str) -> Option<u64> {
    text.match_indices(name).find_map(|(at, _)| {
        let before = text[..at].chars().next_back();
        if before.is_some_and(|c| c.is_ascii_alphanumeric()) {
            return None;
        }
        let digits: String = text[at + name.len()..].trim_start().chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok()
    })
}
