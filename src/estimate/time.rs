//! From a plan to seconds: how long a step or a request takes, where the time goes, and how sure that is.
//!
//! Built from causes: operations over the rate that matrix products and attention reach, bytes over the memory
//! bandwidth, kernels over the host's patience, collectives over links. What share of a data sheet's figure is reached
//! is data with sources (`assets/efficiency`); the result is always a range.

use super::optimizer::{self, OptimizerBytes};
use super::setup::Setup;
use super::trainable::{self, TrainedTotals};
use super::{Detail, Inputs};
use crate::explained::{Band, Explained};
use crate::plan::{FloatFormat, Method, Packing, Plan, QuantizeWhen, StatePlace, Workload};
use device::Device;
use efficiency::Efficiency;
use parallel::{Division, Sent, StateWait};

mod device;
pub mod efficiency;
mod explain;
mod flops;
mod generation;
pub mod links;
mod parallel;
mod step;

pub use generation::Generation;

/// A figure that is missing, so that there is no time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// No accelerator.
    Device,
    /// Its arithmetic rate.
    Rate,
    /// Its memory bandwidth.
    Bandwidth,
}

impl Missing {
    /// What is missing and what to do, in a sentence.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Device => "No device is chosen: pick an accelerator to see how long this takes.",
            Self::Rate => "The 16-bit rate of this device is not known: type it under Hardware, in TFLOP/s.",
            Self::Bandwidth => "The memory bandwidth of this device is not known: type it under Hardware, in GB/s.",
        }
    }
}

/// Which kernels unpack quantized weights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DequantizationKernel {
    /// Those of today: bitsandbytes, Marlin, Triton.
    #[default]
    Current,
    /// auto-gptq 0.5 and older.
    AutoGptq0,
}

/// What time is spent on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TimeKind {
    /// Matrix products with weights.
    Matrix,
    /// Attention.
    Attention,
    /// Norms, activations, casts, loss: bound by memory bandwidth.
    Operators,
    /// Unpacking quantized weights.
    Dequantization,
    /// The host starts kernels more slowly than the chip runs them.
    Launch,
    /// The update.
    Optimizer,
    /// Collectives that do not hide behind backward.
    Communication,
    /// A pipeline that is not full.
    Bubble,
    /// Waiting for data.
    Data,
    /// Inference: the prompt.
    Prompt,
    /// Inference: token by token.
    Generation,
}

impl TimeKind {
    /// Name in JSON.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Matrix => "matrix_products",
            Self::Attention => "attention",
            Self::Operators => "memory_bound_operators",
            Self::Dequantization => "dequantization",
            Self::Launch => "kernel_launch",
            Self::Optimizer => "optimizer",
            Self::Communication => "communication",
            Self::Bubble => "pipeline_bubble",
            Self::Data => "data_loading",
            Self::Prompt => "prompt",
            Self::Generation => "generation",
        }
    }

    /// Name on screen.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Matrix => "Matrix products",
            Self::Attention => "Attention",
            Self::Operators => "Memory-bound operators",
            Self::Dequantization => "Dequantization",
            Self::Launch => "Kernel launch",
            Self::Optimizer => "Optimizer",
            Self::Communication => "Communication",
            Self::Bubble => "Pipeline bubble",
            Self::Data => "Waiting for data",
            Self::Prompt => "Prompt",
            Self::Generation => "Generation",
        }
    }
}

/// Seconds of one kind in a step, expected figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spent {
    /// On what.
    pub kind: TimeKind,
    /// How long, in one step or request.
    pub secs: f64,
}

/// What a time derivation explains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TimeSubject {
    /// Seconds of a step or request.
    Step,
    /// Tokens a second.
    Rate,
    /// One cause.
    Kind(TimeKind),
    /// One generated token.
    Token,
    /// Operations of a token.
    Flops,
    /// Model FLOPs utilisation.
    Utilisation,
    /// Hours of the run.
    Hours,
    /// Energy of the run.
    Energy,
    /// Money of the run.
    Money,
}

/// How long a step (training) or a request (inference) takes.
#[derive(Clone, Debug, PartialEq)]
pub struct TimeEstimate {
    /// Train or only run.
    pub workload: Workload,
    /// Tokens of one optimizer step over all devices; for inference the generated tokens of one device's request.
    pub tokens_per_step: u64,
    /// Seconds of one optimizer step or request.
    pub step_secs: Band,
    /// Tokens a second: trained over all devices, or generated by all of them.
    pub tokens_per_sec: Band,
    /// Where the expected seconds go; they sum to `step_secs.expected`.
    pub spent: Vec<Spent>,
    /// Operations the model needs for a token: forward and backward, or forward only.
    pub model_flops_per_token: f64,
    /// Operations the device computes for it, recomputation included.
    pub executed_flops_per_token: f64,
    /// Model FLOPs utilisation: needed operations over what the data sheet promises in the time.
    pub mfu: Band,
    /// Parts of a request; `None` when training.
    pub generation: Option<Generation>,
    /// Devices.
    pub devices: u64,
    /// Derivations.
    pub derivations: Vec<(TimeSubject, Explained)>,
}

/// Everything the derivations read beside the estimate.
struct Basis<'a> {
    device: Device<'a>,
    table: &'a Efficiency,
    flops: flops::TrainingFlops,
    micro: step::MicroBatch,
    /// Seconds of arithmetic that collectives go along with.
    backward: f64,
    /// Bytes moved to unpack one quantized weight.
    dequantization_bytes: f64,
    band: Band,
    sent: Sent,
    division: Division,
    update_bytes: f64,
}

/// Time of `inputs.plan` on its devices; `Err`: the figure that is missing.
pub fn time(inputs: &Inputs<'_>, kernel: DequantizationKernel) -> Result<TimeEstimate, Missing> {
    time_with(inputs, kernel, Detail::Explained)
}

/// [`time`] with derivations, or with [`Detail::Numbers`] without them: for searches.
pub fn time_with(inputs: &Inputs<'_>, kernel: DequantizationKernel, detail: Detail) -> Result<TimeEstimate, Missing> {
    // The device with the largest micro-batch decides.
    let slowest = inputs.plan.parallelism.micro_batches.iter().copied().max();
    if let Some(largest) = slowest.filter(|&largest| largest > inputs.plan.batch.micro_batch) {
        let mut plan = inputs.plan.clone();
        let usual = std::mem::replace(&mut plan.batch.micro_batch, largest);
        fill(&mut plan.parallelism.micro_batches, usual, plan.hardware.count);
        return time_with(&Inputs { plan: &plan, ..inputs.clone() }, kernel, detail);
    }
    let setup = Setup::new(inputs);
    let table = Efficiency::embedded();
    let device = Device::of(inputs, &setup, table)?;
    Ok(match inputs.plan.workload {
        Workload::Training => training(inputs, &setup, device, table, kernel, detail),
        Workload::Inference => inference(inputs, &setup, device, table, detail),
    })
}

/// Gives every device without a micro-batch of its own the usual one.
fn fill(micro_batches: &mut Vec<u64>, usual: u64, devices: u64) {
    let wanted = usize::try_from(devices.min(1 << 20)).unwrap_or(0);
    while micro_batches.len() < wanted {
        micro_batches.push(usual);
    }
}

/// The device's band, wider for methods and shapes that no measured row is near to.
fn band(setup: &Setup<'_>, device: &Device<'_>) -> Band {
    let band = device.efficiency.band;
    let common = match &setup.plan.method.method {
        Method::Full => true,
        Method::Lora(lora) | Method::Qlora(lora) => !lora.weight_decomposed,
        _ => false,
    };
    let measured =
        !setup.plan.runtime.compile && setup.plan.precision.quantize_when != QuantizeWhen::LowPrecisionTraining;
    if common && measured && !setup.is_approximate() {
        band
    } else {
        Band { low: band.low * 0.85, expected: band.expected, high: band.high * 1.25 }
    }
}

fn training(
    inputs: &Inputs<'_>,
    setup: &Setup<'_>,
    device: Device<'_>,
    table: &Efficiency,
    kernel: DequantizationKernel,
    detail: Detail,
) -> TimeEstimate {
    let plan = inputs.plan;
    let division = Division::of(plan);
    let accumulation = plan.batch.gradient_accumulation.max(1) as f64;
    let (micro, flops) = step::micro_batch(setup, &device, table, kernel, 1.0);
    let (fast, _) = step::micro_batch(setup, &device, table, kernel, table.launch.low);
    let (slow, _) = step::micro_batch(setup, &device, table, kernel, table.launch.high);
    let band = band(setup, &device);

    let (update_bytes, gradient_bytes, trained_bytes) = update_bytes(setup);
    // Devices that share a micro-batch do so in equal parts; a pipeline stands idle while it fills and drains.
    let part = 1.0 / division.shared as f64;
    let idle = 1.0 / (1.0 - division.bubble).max(1e-6);
    let cut = if division.strategy.shards_optimizer() { division.data as f64 } else { 1.0 };
    let update = update_bytes * part / cut / (device.bytes_per_sec * table.optimizer_share);
    let sent = parallel::sent(inputs, setup, &table.communication, &division, gradient_bytes, trained_bytes);
    // What goes out with every micro-batch hides behind all of them, what goes out once behind the last.
    let often = if division.strategy.shards_gradients() { accumulation } else { 1.0 };
    let backward = micro.total() * part * micro.backward_share * often;
    let communication = parallel::exposed(&sent, &table.communication, backward);
    let each = accumulation * part;
    let compute = Band {
        low: fast.total() * each * idle * band.low,
        expected: micro.total() * each * idle * band.expected,
        high: slow.total() * each * idle * band.high,
    };
    let busy = compute.plus(Band::exact(update)).plus(communication);
    let tokens = tokens_per_step(plan, &division);
    // The loader works while the devices do: a step takes no less than its data.
    let floor = plan.run.loader_tokens_per_sec.filter(|&rate| rate > 0.0).map_or(0.0, |rate| tokens as f64 / rate);
    let step_secs = Band { low: busy.low.max(floor), expected: busy.expected.max(floor), high: busy.high.max(floor) };

    let each = each * band.expected;
    let spent = spent(&[
        (TimeKind::Matrix, micro.matrix * each),
        (TimeKind::Attention, micro.attention * each),
        (TimeKind::Operators, micro.traffic * each),
        (TimeKind::Dequantization, micro.dequantization * each),
        (TimeKind::Launch, micro.launch * each),
        (TimeKind::Bubble, micro.total() * each * (idle - 1.0)),
        (TimeKind::Optimizer, update),
        (TimeKind::Communication, communication.expected),
        (TimeKind::Data, step_secs.expected - busy.expected),
    ]);
    let per_micro = plan.batch.micro_batch.saturating_mul(plan.batch.sequence_length).max(1) as f64;
    let needed = flops.model() * accumulation * part / device.flops_per_sec;
    let mut estimate = TimeEstimate {
        workload: Workload::Training,
        tokens_per_step: tokens,
        step_secs,
        tokens_per_sec: step_secs.rate(tokens as f64),
        spent,
        model_flops_per_token: flops.model() / per_micro,
        executed_flops_per_token: flops.executed() / per_micro,
        mfu: step_secs.rate(needed),
        generation: None,
        devices: division.devices,
        derivations: Vec::new(),
    };
    if detail == Detail::Explained {
        let dequantization_bytes = step::dequantization_bytes(&device, table, kernel);
        let basis =
            Basis { device, table, flops, micro, backward, dequantization_bytes, band, sent, division, update_bytes };
        estimate.derivations = explain::training(inputs, setup, &basis, &estimate);
    }
    estimate
}

fn inference(
    inputs: &Inputs<'_>,
    setup: &Setup<'_>,
    device: Device<'_>,
    table: &Efficiency,
    detail: Detail,
) -> TimeEstimate {
    let plan = inputs.plan;
    let made = generation::generation(setup, &device, table, inputs.kv_format, inputs.profile.full_prefill_logits);
    let devices = plan.hardware.count.max(1);
    let band = table.decode.band;
    let expected = made.prefill_secs + made.decode_secs;
    let new = plan.batch.new_tokens.saturating_mul(plan.batch.micro_batch);
    let step_secs = band.times(expected);
    let tokens = setup.tokens.saturating_add(new).max(1) as f64;
    let generated_flops = flops::token(setup, setup.sequence.saturating_add(plan.batch.new_tokens / 2) as f64).total()
        * plan.batch.new_tokens as f64;
    let needed = made.prefill_flops + generated_flops;
    let mut estimate = TimeEstimate {
        workload: Workload::Inference,
        tokens_per_step: new,
        step_secs,
        // Each device answers requests of its own.
        tokens_per_sec: step_secs.rate(new as f64).times(devices as f64),
        spent: spent(&[(TimeKind::Prompt, made.prefill_secs), (TimeKind::Generation, made.decode_secs)]),
        model_flops_per_token: needed / tokens,
        executed_flops_per_token: needed / tokens,
        mfu: step_secs.rate(needed / device.flops_per_sec),
        generation: Some(made),
        devices,
        derivations: Vec::new(),
    };
    if detail == Detail::Explained {
        estimate.derivations = explain::inference(inputs, setup, &device, table, &estimate);
    }
    estimate
}

/// Tokens of one optimizer step over all devices.
fn tokens_per_step(plan: &Plan, division: &Division) -> u64 {
    let own = &plan.parallelism.micro_batches;
    let sequences = if own.is_empty() {
        plan.batch.micro_batch.saturating_mul(division.data)
    } else {
        // Those without a word of their own take the plan's.
        let rest = division.data.saturating_sub(own.len() as u64);
        let said = own.iter().take(usize::try_from(division.data).unwrap_or(usize::MAX));
        said.fold(0_u64, |sum, &batch| sum.saturating_add(batch))
            .saturating_add(rest.saturating_mul(plan.batch.micro_batch))
    };
    sequences.saturating_mul(plan.batch.sequence_length).saturating_mul(plan.batch.gradient_accumulation.max(1))
}

/// Parts that take any time.
fn spent(parts: &[(TimeKind, f64)]) -> Vec<Spent> {
    parts.iter().filter(|(_, secs)| *secs > 0.0).map(|&(kind, secs)| Spent { kind, secs }).collect()
}

/// Bytes an update moves (weights and state read and written, gradients read), of all gradients, of all trained
/// weights.
fn update_bytes(setup: &Setup<'_>) -> (f64, f64, f64) {
    moved_by_update(setup, trainable::totals(setup), optimizer::optimizer(setup))
}

/// The same from trained tensors and state that are known already.
fn moved_by_update(setup: &Setup<'_>, trained: TrainedTotals, state: OptimizerBytes) -> (f64, f64, f64) {
    let gradients = setup
        .plan
        .precision
        .gradient_format
        .map(FloatFormat::bytes)
        .map_or(trained.bytes as f64, |width| trained.values as f64 * width as f64);
    let weights = trained.bytes as f64;
    let moved = match setup.plan.optimizer.algorithm.state_place() {
        StatePlace::Device | StatePlace::Paged => {
            2.0 * weights + 2.0 * state.state.saturating_add(state.host) as f64 + gradients
        }
        // The device moves nothing but what goes over the link.
        StatePlace::Host => 0.0,
    };
    (moved, gradients, weights)
}

/// What a step of a plan on one device takes beside its update: for searches that vary the optimizer.
#[derive(Clone, Copy, Debug)]
pub(super) struct PassesAlone {
    /// Expected seconds of all passes of a step.
    secs: f64,
    /// Bytes a second over the link to the host.
    host_bytes_per_sec: f64,
    /// Bytes a second that an update moves.
    update_bytes_per_sec: f64,
    /// Seconds that the data of a step takes to load.
    floor: f64,
    /// Tokens of a step.
    pub tokens: u64,
}

impl PassesAlone {
    /// Of a training plan that shares nothing.
    pub fn of(inputs: &Inputs<'_>, setup: &Setup<'_>) -> Result<Self, Missing> {
        let table = Efficiency::embedded();
        let device = Device::of(inputs, setup, table)?;
        let (micro, _) = step::micro_batch(setup, &device, table, DequantizationKernel::Current, 1.0);
        let plan = inputs.plan;
        let tokens = tokens_per_step(plan, &Division::of(plan));
        let rate = plan.run.loader_tokens_per_sec.filter(|&rate| rate > 0.0);
        let accumulation = plan.batch.gradient_accumulation.max(1) as f64;
        Ok(Self {
            secs: micro.total() * accumulation * band(setup, &device).expected,
            host_bytes_per_sec: parallel::rates(inputs, &table.communication).1,
            update_bytes_per_sec: device.bytes_per_sec * table.optimizer_share,
            floor: rate.map_or(0.0, |rate| tokens as f64 / rate),
            tokens,
        })
    }

    /// Expected seconds of a step.
    pub fn step_secs(&self, setup: &Setup<'_>, trained: TrainedTotals, state: OptimizerBytes) -> f64 {
        let (moved, gradients, weights) = moved_by_update(setup, trained, state);
        let table = &Efficiency::embedded().communication;
        let host = state.host as f64;
        let wait = StateWait::of(setup.plan, table, self.host_bytes_per_sec, host, gradients, weights);
        (self.secs + moved / self.update_bytes_per_sec + wait.band(table).expected).max(self.floor)
    }
}

/// Share of each sequence that holds tokens of an example: 1 when packed.
pub(super) fn filled_share(plan: &Plan) -> f64 {
    let length = plan.batch.sequence_length.max(1);
    match (plan.batch.packing, plan.run.average_length) {
        (Packing::Padded, Some(average)) => (average.min(length) as f64 / length as f64).clamp(0.0, 1.0),
        _ => 1.0,
    }
}
