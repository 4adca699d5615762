//! How the degrees of a plan work out: who shares what with whom, and how many micro-batches wait where.

use crate::architecture::Architecture;
use crate::plan::{Offload, Plan, Schedule, Strategy, Workload};

/// Stages that are looked at one by one; of more, the last stands for the rest of the middle.
pub const MAX_STAGES: u64 = 128;
/// Runs of equal micro-batches that are told apart.
const MAX_RUNS: usize = 64;

/// The degrees as they work out.
///
/// Devices are numbered as Megatron numbers them: tensor-parallel neighbours first, then context, then data, then
/// pipeline stages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Strategy of the data-parallel devices.
    pub strategy: Strategy,
    /// Devices that share every matrix.
    pub tensor: u64,
    /// Residual stream and norms are cut by tokens.
    pub sequence: bool,
    /// Devices that share the tokens of a sequence.
    pub context: u64,
    /// Devices that share the routed experts.
    pub expert: u64,
    /// Stages of layers.
    pub pipeline: u64,
    /// Pieces of the model a device holds (1 unless interleaved).
    pub pieces: u64,
    /// Order of the stages' work.
    pub schedule: Schedule,
    /// Devices that see different data.
    pub data: u64,
    /// Devices that share one copy of what the strategy cuts.
    pub shard: u64,
    /// Micro-batches of one step.
    pub microbatches: u64,
}

impl Layout {
    /// Degrees of `plan` for a model of this many layers. What does not divide is rounded so that there is always an
    /// answer; [`crate::plan::check`] says what is wrong.
    pub fn of(plan: &Plan, architecture: &Architecture) -> Self {
        let parallel = &plan.parallelism;
        let training = plan.workload == Workload::Training;
        let pipeline = parallel.pipeline.clamp(1, architecture.num_layers().max(1));
        let tensor = parallel.tensor.max(1);
        let context = parallel.context.max(1);
        let interleaved = parallel.schedule == Schedule::Interleaved && pipeline > 1 && training;
        let most_pieces = architecture.num_layers().checked_div(pipeline).unwrap_or(1).max(1);
        let inner = tensor.saturating_mul(context).saturating_mul(pipeline);
        let data = plan.hardware.count.checked_div(inner).unwrap_or(1).max(1);
        let sharers = data.saturating_mul(context);
        let strategy = if training { parallel.strategy } else { Strategy::Single };
        Self {
            strategy,
            tensor,
            sequence: parallel.sequence && tensor > 1 && training,
            context,
            expert: parallel.expert.max(1),
            pipeline,
            pieces: if interleaved { parallel.virtual_stages.clamp(1, most_pieces) } else { 1 },
            schedule: if training { parallel.schedule } else { Schedule::Sequential },
            data,
            shard: match strategy {
                Strategy::Single | Strategy::Ddp => 1,
                Strategy::HybridShard => parallel.shard_group.clamp(1, sharers),
                _ => sharers,
            },
            microbatches: plan.batch.gradient_accumulation.max(1),
        }
    }

    /// Whether nothing is shared: the estimate is that of one device.
    pub fn is_single(&self, plan: &Plan) -> bool {
        let parallel = &plan.parallelism;
        let stays = [parallel.offload_optimizer, parallel.offload_parameters, parallel.offload_activations]
            .iter()
            .all(|&place| place == Offload::None);
        let alone = self.tensor == 1 && self.context == 1 && self.pipeline == 1 && self.expert == 1;
        alone && stays && (self.data == 1 || self.strategy == Strategy::Single)
    }

    /// Devices of one stage.
    pub const fn per_stage(&self) -> u64 {
        self.tensor.saturating_mul(self.context).saturating_mul(self.data)
    }

    /// Whether a device's step is put together by simplified rules rather than replayed as it is.
    pub const fn is_simplified(&self, training: bool) -> bool {
        self.context > 1 || (training && (self.sequence || self.pipeline > 1))
    }

    /// Whether there is more than one device.
    pub const fn talks(&self) -> bool {
        self.per_stage().saturating_mul(self.pipeline) > 1
    }

    /// Stages to look at: all, or the first ones and the last of very many.
    pub fn stages(&self) -> Vec<u64> {
        if self.pipeline <= MAX_STAGES {
            return (0..self.pipeline).collect();
        }
        (0..MAX_STAGES - 1).chain([self.pipeline - 1]).collect()
    }

    /// First and number of the layers of each piece that `stage` holds.
    pub fn layers_of(&self, stage: u64, layers: u64) -> Vec<(u64, u64)> {
        let all = self.pipeline.saturating_mul(self.pieces);
        (0..self.pieces)
            .map(|piece| part(layers, all, piece.saturating_mul(self.pipeline).saturating_add(stage)))
            .collect()
    }

    /// Forward passes of one piece that wait for their backward at `stage` when most do.
    ///
    /// 1F1B: min(p − r, m) (Narayanan et al., 2019). Interleaved with v pieces: 2·(p − r − 1) + (v − 1)·p + 1, at most
    /// m·v (Narayanan et al., 2021; Megatron-LM's warm-up). For the first stage that is L·(1 + (p − 1) / (p·v)) layers
    /// (Korthikanti et al., 2022).
    pub const fn in_flight(&self, stage: u64) -> u64 {
        let (stages, pieces, batches) = (self.pipeline, self.pieces, self.microbatches);
        let after = stages.saturating_sub(stage).saturating_sub(1);
        let waiting = match self.schedule {
            Schedule::Sequential => pieces,
            Schedule::OneForwardOneBackward => after + 1,
            Schedule::Interleaved if pieces == 1 => after + 1,
            Schedule::Interleaved => {
                after.saturating_mul(2).saturating_add((pieces - 1).saturating_mul(stages)).saturating_add(1)
            }
        };
        let most = batches.saturating_mul(pieces);
        if waiting < most { waiting } else { most }
    }

    /// Runs of data-parallel devices with the same micro-batch: (first, how many, micro-batch).
    pub fn batches(&self, plan: &Plan) -> Vec<(u64, u64, u64)> {
        let own = &plan.parallelism.micro_batches;
        let mut runs: Vec<(u64, u64, u64)> = Vec::new();
        for (index, &batch) in (0_u64..).zip(own.iter().take(usize::try_from(self.data).unwrap_or(usize::MAX))) {
            let full = runs.len() == MAX_RUNS;
            match runs.last_mut() {
                Some(last) if last.2 == batch => last.1 += 1,
                Some(last) if full => {
                    // Too many to tell apart: the last run takes the largest of the rest.
                    let (first, count, most) = *last;
                    *last = (first, count + 1, most.max(batch));
                }
                _ => runs.push((index, 1, batch)),
            }
        }
        let given: u64 = runs.iter().map(|run| run.1).sum();
        if given < self.data {
            runs.push((given, self.data - given, plan.batch.micro_batch));
        }
        runs
    }
}

/// Part `index` of `whole` cut into `parts`: start and length; the first ones take what does not divide.
pub fn part(whole: u64, parts: u64, index: u64) -> (u64, u64) {
    let parts = parts.max(1);
    let (base, rest) = (whole / parts, whole % parts);
    let start = base.saturating_mul(index).saturating_add(index.min(rest));
    (start, base + u64::from(index < rest))
}
