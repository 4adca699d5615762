//! Several devices: what each sends, what hides behind backward, what stands idle.

use super::efficiency::Communication;
use super::links::{all_gather_secs, all_reduce_secs, bubble_share, host_gb_s, peer_gb_s};
use super::step::passes;
use crate::architecture::Mlp;
use crate::estimate::optimizer;
use crate::estimate::setup::Setup;
use crate::estimate::{Inputs, storage};
use crate::explained::Band;
use crate::plan::{Offload, Plan, Schedule, StatePlace, Strategy};

/// How the devices of a plan divide the work.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Division {
    /// Devices.
    pub devices: u64,
    /// Groups that work on different examples.
    pub data: u64,
    /// Devices that share one micro-batch: by matrices, tokens or layers.
    pub shared: u64,
    /// What the data-parallel devices cut.
    pub strategy: Strategy,
    /// Share of the time a device stands idle in the pipeline.
    pub bubble: f64,
}

impl Division {
    /// Of a plan. Several devices without a word on how they share are taken as copies.
    pub fn of(plan: &Plan) -> Self {
        let parallelism = &plan.parallelism;
        let devices = plan.hardware.count.max(1);
        let within = parallelism
            .tensor
            .max(1)
            .saturating_mul(parallelism.context.max(1))
            .saturating_mul(parallelism.pipeline.max(1));
        let shared = within.min(devices);
        let data = (devices / shared.max(1)).max(1);
        let strategy = match parallelism.strategy {
            Strategy::Single if data > 1 => Strategy::Ddp,
            strategy => strategy,
        };
        let stages = parallelism.pipeline.clamp(1, devices);
        let micro_batches = plan.batch.gradient_accumulation.max(1);
        let bubble = match parallelism.schedule {
            Schedule::OneForwardOneBackward => bubble_share(stages, micro_batches),
            // Each of the v pieces is v times shorter, and so is the time to fill the pipeline.
            Schedule::Interleaved => {
                bubble_share(stages, micro_batches.saturating_mul(parallelism.virtual_stages.max(1)))
            }
            Schedule::Sequential => 1.0 - 1.0 / stages as f64,
        };
        Self { devices, data, shared, strategy, bubble }
    }
}

/// What one device sends and receives in one step.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sent {
    /// Seconds over a link at its full rate that can hide behind arithmetic: gathers and reductions.
    pub hideable: f64,
    /// Seconds at full rate that the arithmetic waits for: between the halves of a cut matrix, between stages.
    pub blocking: f64,
    /// Seconds to and from the host at full rate.
    pub host: f64,
    /// What the update waits for of state in host memory.
    pub state: StateWait,
    /// Rate of the link in bytes a second.
    pub link_bytes_per_sec: f64,
}

/// Seconds for which an update waits, where state lies in host memory.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StateWait {
    /// On the link, at its full rate.
    pub link: f64,
    /// On the host's own arithmetic, which its memory bounds.
    pub host: f64,
    /// Pages stay on the device where it has room, so that there may be no wait at all.
    pub may_stay: bool,
}

impl StateWait {
    /// Of one update of state that takes `host` bytes of host memory; `link` is the rate to it in bytes a second.
    pub fn of(plan: &Plan, table: &Communication, link: f64, host: f64, gradients: f64, trained: f64) -> Self {
        match plan.optimizer.algorithm.state_place() {
            StatePlace::Device => Self::default(),
            StatePlace::Paged => Self { link: 2.0 * host / link, host: 0.0, may_stay: true },
            // Gradients come and weights go; the host reads and writes all it keeps.
            StatePlace::Host => Self {
                link: (gradients + trained) / link,
                host: 2.0 * host / (table.host_memory_gb_s * 1e9),
                may_stay: false,
            },
        }
    }

    fn times(self, part: f64) -> Self {
        Self { link: self.link * part, host: self.host * part, ..self }
    }

    /// Seconds that an update waits: half and twice what is expected, as nothing of it is measured.
    pub fn band(&self, table: &Communication) -> Band {
        let at = |share: f64| self.link / share.max(0.01) + self.host;
        let low = if self.may_stay { 0.0 } else { 0.5 * at(table.share.high) };
        Band { low, expected: at(table.share.expected), high: 2.0 * at(table.share.low) }
    }
}

/// Rate of the plan's links in bytes a second: to the other devices, and to the host.
pub fn rates(inputs: &Inputs<'_>, table: &Communication) -> (f64, f64) {
    let words = inputs.accelerator.map_or("", |device| device.interconnect.as_str());
    let peer = peer_gb_s(words, table).unwrap_or(table.unknown_gb_s);
    let host = inputs.plan.run.load_gb_s.or_else(|| host_gb_s(words, table)).unwrap_or(table.unknown_gb_s);
    (peer * 1e9, host * 1e9)
}

/// Traffic of one step; `gradient_bytes` and `trained_bytes` are those of the whole model.
pub fn sent(
    inputs: &Inputs<'_>,
    setup: &Setup<'_>,
    table: &Communication,
    division: &Division,
    gradient_bytes: f64,
    trained_bytes: f64,
) -> Sent {
    let parallelism = &inputs.plan.parallelism;
    let accumulation = inputs.plan.batch.gradient_accumulation.max(1) as f64;
    let (link, host) = rates(inputs, table);
    let held = (parallelism.tensor.max(1).saturating_mul(parallelism.pipeline.max(1))).min(division.devices) as f64;
    let gradients = gradient_bytes / held;
    let stored = storage::base_weights(setup);
    let weights = gathered_bytes(setup, stored.values as f64 + stored.constants as f64) / held;
    let trained = trained_bytes / held;
    let data = division.data;
    let mut sent = Sent { link_bytes_per_sec: link, ..Sent::default() };
    sent.hideable = match division.strategy {
        Strategy::Single => 0.0,
        // The last micro-batch of a step sends gradients.
        Strategy::Ddp | Strategy::Zero1 => all_reduce_secs(gradients, data, link),
        Strategy::Zero2 => accumulation * all_gather_secs(gradients, data, link) + all_gather_secs(trained, data, link),
        // Weights are gathered for forward and again for backward, gradients scattered.
        Strategy::Zero3 | Strategy::Fsdp | Strategy::Fsdp2 => {
            accumulation * (2.0 * all_gather_secs(weights, data, link) + all_gather_secs(gradients, data, link))
        }
        Strategy::HybridShard => {
            let group = parallelism.shard_group.clamp(1, data);
            let groups = data / group.max(1);
            accumulation * (2.0 * all_gather_secs(weights, group, link) + all_gather_secs(gradients, group, link))
                + all_reduce_secs(gradients / group as f64, groups, link)
        }
    };
    let layers = setup.layers() as f64;
    let stream = setup.stream_bytes() as f64;
    // Two sums a layer and pass (Shoeybi et al. 2019): after attention and after the MLP.
    let sums = 2.0 * layers * passes(setup) * accumulation;
    sent.blocking += sums * all_reduce_secs(stream, parallelism.tensor, link);
    if parallelism.pipeline > 1 {
        sent.blocking += 2.0 * accumulation * stream / link;
    }
    if parallelism.context > 1 {
        // Keys and values of the others go round once a pass (Liu et al. 2023, ring attention).
        let cached: f64 = setup
            .architecture
            .layers
            .iter()
            .map(|group| group.layer.kv_values_per_token().0 as f64 * group.count as f64)
            .sum();
        let bytes = cached * 2.0 * setup.tokens as f64;
        sent.hideable += accumulation * passes(setup) * all_gather_secs(bytes, parallelism.context, link);
    }
    if parallelism.expert > 1 {
        let routed: f64 = setup
            .architecture
            .layers
            .iter()
            .map(|group| match &group.layer.mlp {
                Mlp::Moe(moe) => group.count as f64 * moe.experts_per_token as f64,
                Mlp::Dense(_) => 0.0,
            })
            .sum();
        // Tokens go to their experts and back.
        sent.blocking +=
            accumulation * passes(setup) * 2.0 * all_gather_secs(routed * stream, parallelism.expert, link);
    }
    let cut = if division.strategy.shards_optimizer() { data.max(1) as f64 } else { 1.0 };
    let kept = optimizer::optimizer(setup).host as f64;
    sent.state = StateWait::of(inputs.plan, table, host, kept, gradient_bytes, trained_bytes).times(1.0 / (held * cut));
    sent.host = host_secs(setup, parallelism, table, host, accumulation, [gradients, trained, weights], data);
    sent
}

/// Bytes that a gather of all weights brings: 16 bits a value under mixed precision, packed where they are quantized.
fn gathered_bytes(setup: &Setup<'_>, stored: f64) -> f64 {
    if setup.autocast.is_some() && setup.width >= 4 { stored / (setup.width as f64 / 2.0) } else { stored }
}

/// Seconds to and from the host.
fn host_secs(
    setup: &Setup<'_>,
    parallelism: &crate::plan::Parallelism,
    table: &Communication,
    host: f64,
    accumulation: f64,
    [gradients, trained, weights]: [f64; 3],
    data: u64,
) -> f64 {
    let rate = |place: Offload| match place {
        Offload::None => f64::INFINITY,
        Offload::Cpu => host,
        Offload::Nvme => host.min(table.nvme_gb_s * 1e9),
    };
    let cut = |cuts: bool| if cuts { data.max(1) as f64 } else { 1.0 };
    let strategy = parallelism.strategy;
    let update = (gradients + trained) / cut(strategy.shards_optimizer()) / rate(parallelism.offload_optimizer);
    let fetched = 2.0 * accumulation * weights / cut(strategy.shards_weights()) / rate(parallelism.offload_parameters);
    let kept = setup.stream_bytes() as f64 * setup.layers() as f64;
    let stashed = 2.0 * accumulation * kept / rate(parallelism.offload_activations);
    update + fetched + stashed
}

/// Seconds that do not hide behind `backward` seconds of arithmetic.
pub fn exposed(sent: &Sent, table: &Communication, backward: f64) -> Band {
    let at = |share: f64, hidden: f64| {
        let share = share.max(0.01);
        (sent.hideable / share + sent.host / share - hidden * backward).max(0.0) + sent.blocking / share
    };
    Band {
        low: at(table.share.high, table.hidden.high),
        expected: at(table.share.expected, table.hidden.expected),
        high: at(table.share.low, table.hidden.low),
    }
    .plus(sent.state.band(table))
}
