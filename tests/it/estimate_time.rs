//! Time, energy and money against closed forms and published measurements.

use tuneplan::catalog::Catalog;
use tuneplan::estimate::Inputs;
use tuneplan::estimate::cost::{RunEstimate, RunMissing, run};
use tuneplan::estimate::profile::Profiles;
use tuneplan::estimate::time::{DequantizationKernel, Missing, TimeEstimate, TimeKind, time};
use tuneplan::plan::{Checkpointing, Lora, Method, ModelSource, Plan, Strategy, TargetPart, Targets, Workload};
use tuneplan::validation;

fn plan(model: &str, method: Method, format: &str) -> Plan {
    let mut plan = Plan::default();
    plan.model.source = ModelSource::Catalog(model.to_owned());
    plan.method.method = method;
    format.clone_into(&mut plan.precision.load_format);
    plan.precision.double_quantization = format == "nf4";
    "a100-sxm4-80gb".clone_into(&mut plan.hardware.accelerator);
    plan
}

fn with<T>(plan: &Plan, read: impl FnOnce(&Inputs<'_>) -> T) -> T {
    read(&Inputs::resolve(plan, Catalog::embedded(), Profiles::embedded()).unwrap())
}

fn timed(plan: &Plan) -> TimeEstimate {
    with(plan, |inputs| time(inputs, DequantizationKernel::Current)).unwrap()
}

fn costed(plan: &Plan) -> RunEstimate {
    with(plan, |inputs| run(inputs, &time(inputs, DequantizationKernel::Current).unwrap()))
}

fn near(a: f64, b: f64, share: f64) {
    assert!((a - b).abs() <= share * b.abs(), "{a} is not {b}");
}

/// Weights of Llama-3.1-8B that are in matrix products: 8,030,261,248 less the token table (128,256 × 4,096) and 65
/// norms of 4,096.
const LLAMA_8B_MATRICES: f64 = 8_030_261_248.0 - 525_336_576.0 - 266_240.0;

/// Causal attention of 32 layers of 4,096 at 2,048 tokens: 4·h multiply-adds with (s + 1) / 2 tokens on average.
const LLAMA_8B_ATTENTION: f64 = 32.0 * 4.0 * 4096.0 * 2049.0 / 2.0;

#[test]
fn full_fine_tuning_takes_six_operations_a_weight() {
    let mut plan = plan("meta-llama/Llama-3.1-8B", Method::Full, "bf16");
    plan.runtime.checkpointing = Checkpointing::None;
    let found = timed(&plan);
    let needed = 6.0 * LLAMA_8B_MATRICES + 3.0 * LLAMA_8B_ATTENTION;
    near(found.model_flops_per_token, needed, 1e-9);
    near(found.executed_flops_per_token, needed, 1e-9);
    // Recomputing the layers costs their forward pass again, not the head's.
    plan.runtime.checkpointing = Checkpointing::Full;
    let again = 2.0 * (LLAMA_8B_MATRICES - 525_336_576.0) + LLAMA_8B_ATTENTION;
    near(timed(&plan).executed_flops_per_token, needed + again, 1e-9);
    near(timed(&plan).model_flops_per_token, needed, 1e-9);
}

#[test]
fn frozen_weights_take_four_and_adapters_six() {
    let targets = Targets::Parts(vec![TargetPart::Q, TargetPart::V]);
    let lora = Lora { rank: 8, targets, ..Lora::default() };
    let mut plan = plan("meta-llama/Llama-3.1-8B", Method::Lora(lora), "bf16");
    plan.runtime.checkpointing = Checkpointing::None;
    // Rank 8 beside queries (4,096 to 4,096) and values (4,096 to 1,024) of 32 layers.
    let adapters = 32.0 * 8.0 * (8192.0 + 5120.0);
    let needed = 4.0 * LLAMA_8B_MATRICES + 6.0 * adapters + 3.0 * LLAMA_8B_ATTENTION;
    near(timed(&plan).model_flops_per_token, needed, 1e-9);
}

#[test]
fn a_mixture_counts_the_experts_a_token_meets() {
    let mut plan = plan("mistralai/Mixtral-8x7B-v0.1", Method::Full, "bf16");
    plan.runtime.checkpointing = Checkpointing::None;
    plan.batch.sequence_length = 1;
    // Attention 2·4096² + 2·4096·1024, two of eight experts of 3·4096·14336, a router of 4096·8; a head of 32,000.
    let layer = 2.0 * 4096.0 * 4096.0 + 2.0 * 4096.0 * 1024.0 + 2.0 * 3.0 * 4096.0 * 14336.0 + 4096.0 * 8.0;
    let needed = 6.0 * (32.0 * layer + 32_000.0 * 4096.0) + 3.0 * 32.0 * 4.0 * 4096.0;
    near(timed(&plan).model_flops_per_token, needed, 1e-9);
}

#[test]
fn a_window_bounds_attention() {
    let mut plan = plan("mistralai/Mistral-7B-v0.1", Method::Full, "bf16");
    plan.runtime.checkpointing = Checkpointing::None;
    plan.batch.sequence_length = 8192;
    let attention = |context: f64| 3.0 * 32.0 * 4.0 * 4096.0 * context;
    let found = timed(&plan).model_flops_per_token;
    plan.batch.sequence_length = 1;
    let matrices = timed(&plan).model_flops_per_token - attention(1.0);
    // By brute force: token i sees min(i, 4096) tokens.
    let seen: u64 = (1..=8192_u64).map(|i| i.min(4096)).sum();
    near(found - matrices, attention(seen as f64 / 8192.0), 1e-9);
}

#[test]
fn ranges_are_ordered_and_parts_sum_to_the_step() {
    let methods = [Method::Full, Method::Lora(Lora::default()), Method::Qlora(Lora::default())];
    for method in methods {
        let format = if matches!(method, Method::Qlora(_)) { "nf4" } else { "bf16" };
        for count in [1, 4] {
            let mut plan = plan("Qwen/Qwen2.5-0.5B", method.clone(), format);
            plan.hardware.count = count;
            let found = timed(&plan);
            for band in [found.step_secs, found.tokens_per_sec, found.mfu] {
                assert!(0.0 < band.low && band.low < band.expected && band.expected < band.high, "{band:?}");
            }
            assert!(found.mfu.high < 1.0, "{:?}", found.mfu);
            near(found.spent.iter().map(|part| part.secs).sum(), found.step_secs.expected, 1e-9);
            near(found.tokens_per_sec.low * found.step_secs.high, found.tokens_per_step as f64, 1e-9);
        }
    }
}

#[test]
fn a_slow_loader_is_a_floor_under_the_step() {
    let mut plan = plan("meta-llama/Llama-3.1-8B", Method::Full, "bf16");
    let free = timed(&plan);
    plan.run.loader_tokens_per_sec = Some(100.0);
    let starved = timed(&plan);
    near(starved.tokens_per_sec.expected, 100.0, 1e-9);
    assert!(starved.spent.iter().any(|part| part.kind == TimeKind::Data));
    plan.run.loader_tokens_per_sec = Some(1e9);
    assert_eq!(timed(&plan).step_secs, free.step_secs);
}

#[test]
fn copies_on_several_devices_wait_for_gradients() {
    let mut plan = plan("meta-llama/Llama-3.2-1B", Method::Full, "bf16");
    plan.batch.gradient_accumulation = 1;
    plan.batch.sequence_length = 128;
    let one = timed(&plan);
    plan.hardware.count = 4;
    let four = timed(&plan);
    assert_eq!(four.tokens_per_step, 4 * one.tokens_per_step);
    // A ring over 4 devices sends 2·3/4 of 1,235,814,400 gradients of 2 bytes; NVLink 3 carries 300 GB/s one way, of
    // which at worst half is reached and nothing hides.
    let worst = 2.0 * 0.75 * 1_235_814_400.0 * 2.0 / 300e9 / 0.5;
    let slower = |high: f64| high - one.step_secs.high;
    near(slower(four.step_secs.high), worst, 1e-3);
    assert!(four.step_secs.low >= one.step_secs.low);
    // Sharding sends weights too.
    plan.parallelism.strategy = Strategy::Fsdp;
    assert!(timed(&plan).step_secs.high > four.step_secs.high);
}

#[test]
fn a_pipeline_stands_idle_while_it_fills() {
    let mut plan = plan("meta-llama/Llama-3.1-8B", Method::Full, "bf16");
    plan.hardware.count = 4;
    plan.parallelism.pipeline = 4;
    plan.batch.gradient_accumulation = 12;
    let found = timed(&plan);
    let bubble = found.spent.iter().find(|part| part.kind == TimeKind::Bubble).unwrap().secs;
    let work: f64 = found
        .spent
        .iter()
        .filter(|part| !matches!(part.kind, TimeKind::Optimizer | TimeKind::Communication))
        .map(|part| part.secs)
        .sum();
    // Three of fifteen slots.
    near(bubble / work, 0.2, 1e-9);
}

#[test]
fn hours_energy_and_money_follow_from_the_step() {
    let mut plan = plan("meta-llama/Llama-3.1-8B", Method::Full, "bf16");
    plan.hardware.count = 2;
    plan.batch.micro_batch = 2;
    plan.batch.gradient_accumulation = 4;
    assert_eq!(costed(&plan).missing, [RunMissing::Data, RunMissing::Price]);
    assert_eq!(costed(&plan).hours, None);
    plan.run.examples = Some(10_000);
    plan.run.average_length = Some(500);
    plan.run.epochs = 3.0;
    plan.run.checkpoints = Some(6);
    plan.cost.price_per_device_hour = Some(2.0);
    plan.cost.power_price_per_kwh = Some(0.25);
    let (found, pace) = (costed(&plan), timed(&plan));
    assert_eq!(found.missing, []);
    assert_eq!(found.tokens, Some(15_000_000.0));
    // 2 × 2048 × 4 × 2 tokens a step: 457.8 steps.
    assert_eq!(found.steps, Some(458));
    let hours = |step: f64| (458.0 * step + 300.0 + 6.0 * 60.0) / 3600.0;
    let found_hours = found.hours.unwrap();
    near(found_hours.expected, hours(pace.step_secs.expected), 1e-12);
    near(found_hours.high, hours(pace.step_secs.high), 1e-12);
    // Two boards of 400 W, 60 to 100 % of it.
    let energy = found.energy_kwh.unwrap();
    near(energy.low, 2.0 * 0.4 * 0.6 * found_hours.low, 1e-9);
    near(energy.high, 2.0 * 0.4 * found_hours.high, 1e-9);
    near(found.money.unwrap().expected, 2.0 * 2.0 * found_hours.expected + 0.25 * energy.expected, 1e-9);
    // Tokens said outright go before examples.
    plan.run.tokens = Some(1_000_000);
    assert_eq!(costed(&plan).tokens, Some(3_000_000.0));
}

#[test]
fn what_is_missing_is_said() {
    let mut plan = plan("meta-llama/Llama-3.1-8B", Method::Full, "bf16");
    let missing = |plan: &Plan| with(plan, |inputs| time(inputs, DequantizationKernel::Current)).unwrap_err();
    plan.hardware.accelerator = String::new();
    assert_eq!(missing(&plan), Missing::Device);
    plan.hardware.bf16_tflops = Some(100.0);
    assert_eq!(missing(&plan), Missing::Bandwidth);
    plan.hardware.bandwidth_gb_s = Some(1000.0);
    assert!(timed(&plan).step_secs.expected > 0.0);
    plan.hardware.bf16_tflops = None;
    assert_eq!(missing(&plan), Missing::Rate);
}

#[test]
fn generation_is_bound_by_reading_weights_and_cache() {
    let mut plan = plan("meta-llama/Llama-3.1-8B", Method::Full, "bf16");
    plan.workload = Workload::Inference;
    plan.batch.micro_batch = 1;
    plan.batch.sequence_length = 1000;
    plan.batch.new_tokens = 200;
    let made = timed(&plan).generation.unwrap();
    // Every matrix and norm once (the token table only by rows) and 1,100 tokens of 131,072 bytes, at 80 % of 2,039 GB/s.
    let weights = 2.0 * (8_030_261_248.0 - 525_336_576.0);
    near(made.weight_bytes, weights, 1e-9);
    near(made.cache_bytes, 1100.0 * 131_072.0, 1e-9);
    near(made.bound_token_secs, (weights + 1100.0 * 131_072.0) / (0.8 * 2039e9), 1e-3);
    assert!(made.token_secs >= made.bound_token_secs);
    // Twice the sequences read the weights once.
    plan.batch.micro_batch = 2;
    near(timed(&plan).generation.unwrap().weight_bytes, weights, 1e-9);
}

/// The published throughput columns: what the README says about them.
#[test]
fn published_throughput_is_met() {
    let text = include_str!("../../assets/validation/published-memory.csv");
    let report = validation::validate(text, Catalog::embedded(), Profiles::embedded()).unwrap();
    let pace = report.throughput.unwrap();
    assert!(pace.training.rows > 200 && pace.inference.rows > 80, "{} {}", pace.training.rows, pace.inference.rows);
    assert!(pace.training.median_abs_error.unwrap() < 0.06, "{:?}", pace.training);
    assert!(pace.training.p95_abs_error.unwrap() < 0.5, "{:?}", pace.training);
    assert!(pace.training.within_interval.unwrap() > 0.85, "{:?}", pace.training);
    assert!(pace.inference.median_abs_error.unwrap() < 0.25, "{:?}", pace.inference);
    assert_eq!(pace.rows, pace.predicted + pace.skipped.len());
}

#[test]
fn every_figure_explains_itself() {
    for workload in [Workload::Training, Workload::Inference] {
        let mut plan = plan("meta-llama/Llama-3.1-8B", Method::Lora(Lora::default()), "bf16");
        plan.workload = workload;
        plan.run.examples = Some(1000);
        plan.cost.price_per_device_hour = Some(1.0);
        let found = timed(&plan);
        let explained: Vec<_> = found.derivations.iter().map(|(subject, _)| *subject).collect();
        for part in &found.spent {
            assert!(explained.contains(&tuneplan::estimate::time::TimeSubject::Kind(part.kind)), "{:?}", part.kind);
        }
        for (subject, explained) in found.derivations.iter().chain(&costed(&plan).derivations) {
            assert!(!explained.title.is_empty() && !explained.why.is_empty(), "{subject:?}");
            assert!(!explained.inputs.is_empty(), "{subject:?}");
        }
    }
}
