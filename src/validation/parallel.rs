//! How a published row shared its work among devices, read from what people write.

use super::table::Row;
use super::words::read;
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

/// A word of `sharding`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    None,
    Ddp,
    Fsdp,
    Fsdp2,
    Zero2,
    /// ZeRO-3 where all weights are trained, else ZeRO-2.
    Zero2Or3,
    Zero3,
    /// Layers one after another on all devices.
    Spread,
    Tensor,
    Pipeline,
    Context,
    Interleaved,
    Offload,
    /// Part of a stack's own recipe, which its profile has in its figures.
    OfTitan,
    /// Says nothing that changes memory.
    Aside,
}

const WORDS: [(&str, Word); 35] = [
    ("none", Word::None),
    ("none/zero-2", Word::Zero2),
    ("ddp", Word::Ddp),
    ("fsdp", Word::Fsdp),
    ("fsdp #", Word::Fsdp),
    ("fsdp#", Word::Fsdp),
    ("fsdp full-shard", Word::Fsdp),
    ("fsdp2", Word::Fsdp2),
    ("zero-2", Word::Zero2),
    ("zero-2/3", Word::Zero2Or3),
    ("zero-3", Word::Zero3),
    ("deepspeed zero-2", Word::Zero2),
    ("deepspeed zero-2/3", Word::Zero2Or3),
    ("deepspeed zero-3", Word::Zero3),
    ("device_map pipeline", Word::Spread),
    ("device_map", Word::Spread),
    ("naive mp", Word::Aside),
    ("tp#", Word::Tensor),
    ("tp #", Word::Tensor),
    ("pp#", Word::Pipeline),
    ("pp #", Word::Pipeline),
    ("cp#", Word::Context),
    ("cp #", Word::Context),
    ("1f1b", Word::Aside),
    ("interleaved 1f1b", Word::Interleaved),
    ("interleaved", Word::Interleaved),
    ("cpu offload", Word::Offload),
    ("compile", Word::OfTitan),
    ("float8", Word::OfTitan),
    ("asynctp", Word::OfTitan),
    ("async tp", Word::OfTitan),
    ("x", Word::Aside),
    ("# gpus", Word::Aside),
    ("# gpu", Word::Aside),
    ("full-shard", Word::Aside),
];

/// Puts the row's sharing into `plan`; `hidden` is the width its libraries derive buckets from.
pub fn share(row: &Row, plan: &mut Plan, hidden: u64, assumptions: &mut Vec<String>) -> Result<(), String> {
    let text = row.text("sharding").to_lowercase();
    let found = read(row, "sharding", &WORDS)?;
    let has = |wanted| found.iter().any(|word| word.meaning == wanted);
    let degree = |wanted| found.iter().find(|word| word.meaning == wanted).and_then(|word| word.number).unwrap_or(1);
    let titan = row.text("framework").contains("torchtitan");
    if has(Word::OfTitan) && !titan {
        return Err(row.unknown("sharding", &text));
    }
    let count = devices(row);
    plan.hardware.count = count;
    let full = matches!(plan.method.method, Method::Full);
    if has(Word::Fsdp) || has(Word::Fsdp2) {
        let parallel = &mut plan.parallelism;
        parallel.strategy = if titan || has(Word::Fsdp2) { Strategy::Fsdp2 } else { Strategy::Fsdp };
        (parallel.tensor, parallel.pipeline, parallel.context) =
            (degree(Word::Tensor), degree(Word::Pipeline), degree(Word::Context));
        if has(Word::Interleaved) {
            parallel.schedule = Schedule::Interleaved;
        }
        if has(Word::Offload) {
            parallel.offload_parameters = Offload::Cpu;
        }
        fully_sharded(plan, titan, full, assumptions);
        return Ok(());
    }
    if has(Word::Tensor) || has(Word::Pipeline) || has(Word::Context) || has(Word::Offload) {
        // Which part of the state waits on the host, or what is sharded beside, is not said.
        return Err(row.unknown("sharding", &text));
    }
    let parallel = &mut plan.parallelism;
    let deepspeed = has(Word::Zero2) || has(Word::Zero3) || has(Word::Zero2Or3);
    if deepspeed && !(count == 1 && text == "none/zero-2") {
        let third = has(Word::Zero3) || has(Word::Zero2Or3) && full;
        parallel.strategy = if third { Strategy::Zero3 } else { Strategy::Zero2 };
        // transformers fills in `auto`.
        parallel.reduce_bucket = hidden.saturating_mul(hidden);
        parallel.prefetch_bucket = hidden.saturating_mul(hidden).saturating_mul(9) / 10;
        plan.precision.upcast_unquantized = false;
    } else if has(Word::Spread) || count > 1 && plan.workload == Workload::Inference {
        spread(parallel, count);
    } else if has(Word::Ddp) || count > 1 && has(Word::None) {
        parallel.strategy = Strategy::Ddp;
    } else if count > 1 {
        return Err(format!("{count} devices, and `sharding` does not say how they share the work"));
    }
    Ok(())
}

/// What FSDP brings beside its strategy.
fn fully_sharded(plan: &mut Plan, titan: bool, full: bool, assumptions: &mut Vec<String>) {
    let parallel = &mut plan.parallelism;
    parallel.sequence = titan && parallel.tensor > 1;
    if titan && plan.precision.autocast.is_none() {
        // `fully_shard` with parameters in BF16 while they are at work.
        plan.precision.autocast = Some(FloatFormat::Bf16);
    }
    if parallel.pipeline > 1 {
        // torchtitan's default: as many micro-batches as there are stages, pieces counted.
        let pieces = if parallel.schedule == Schedule::Interleaved { parallel.virtual_stages } else { 1 };
        let most = parallel.pipeline.saturating_mul(pieces).clamp(1, plan.batch.micro_batch.max(1));
        plan.batch.gradient_accumulation = most;
        plan.batch.micro_batch = (plan.batch.micro_batch / most).max(1);
        assumptions.push(format!("the local batch goes through the pipeline in {most} micro-batches"));
    }
    // Its configurations do not prefetch; `fully_shard` does of itself.
    parallel.prefetch_units = u64::from(titan);
    // accelerate raises trained weights to FP32 when it mixes precision; what is frozen stays.
    plan.precision.fp32_master_weights = full && plan.precision.autocast.is_some();
    plan.precision.upcast_unquantized = false;
}

/// Layers one after another on all devices, no pipelining (`device_map`).
const fn spread(parallel: &mut crate::plan::Parallelism, count: u64) {
    parallel.pipeline = count;
    parallel.schedule = Schedule::Sequential;
}
