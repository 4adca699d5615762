//! Fields of how several devices share the work: only there when there are several, or when one was set.

use super::id;
use super::words::{OFFLOADS, SCHEDULES, STRATEGIES, Word as _};
use super::{Field, FieldKind, FieldValue, Section};
use crate::plan::{Offload, Plan, Schedule, Strategy, Workload};

const DEGREES: &[u64] = &[1, 2, 4, 8, 16, 32];
const PIECES: &[u64] = &[1, 2, 3, 4, 5, 6, 8];
/// Most devices along one axis.
const MOST: u64 = 1_048_576;

fn trains(plan: &Plan) -> bool {
    plan.is_parallel() && plan.workload == Workload::Training
}

/// A field that is there when the plan is about several devices; `$value` reads it, `$pattern => $write` sets it.
macro_rules! parallel_field {
    ($id:expr, $flag:literal, $label:literal, $unit:literal, $kind:expr, $applies:expr, $path:ident, $variant:ident($read:ident), $help:literal) => {
        Field {
            id: $id,
            flag: $flag,
            section: Section::Parallelism,
            label: $label,
            unit: $unit,
            help: $help,
            kind: $kind,
            applies: $applies,
            get: |plan| plan.is_parallel().then(|| FieldValue::$variant(plan.parallelism.$path.clone())),
            set: |plan, value| {
                plan.parallelism.$path = value.$read()?.to_owned();
                Ok(())
            },
        }
    };
}

/// The same for a choice.
macro_rules! parallel_word {
    ($id:expr, $flag:literal, $label:literal, $choices:expr, $applies:expr, $path:ident : $type:ty, $help:literal) => {
        Field {
            id: $id,
            flag: $flag,
            section: Section::Parallelism,
            label: $label,
            unit: "",
            help: $help,
            kind: FieldKind::Choice($choices),
            applies: $applies,
            get: |plan| plan.is_parallel().then(|| FieldValue::Id(plan.parallelism.$path.id().to_owned())),
            set: |plan, value| {
                plan.parallelism.$path = value.word::<$type>()?;
                Ok(())
            },
        }
    };
}

const fn degree(steps: &'static [u64]) -> FieldKind {
    FieldKind::Integer { min: 1, max: MOST, steps }
}

const fn values() -> FieldKind {
    FieldKind::Integer { min: 0, max: 1 << 40, steps: &[] }
}

pub fn fields() -> Vec<Field> {
    vec![
        parallel_word!(id::PARALLELISM_STRATEGY, "strategy", "Data parallelism", STRATEGIES, trains, strategy: Strategy, "What the devices that see different data keep of weights, gradients and optimizer state."),
        parallel_field!(
            id::PARALLELISM_SHARD_GROUP,
            "shard-group",
            "Devices per copy",
            "devices",
            degree(DEGREES),
            |plan| trains(plan) && plan.parallelism.strategy == Strategy::HybridShard,
            shard_group,
            Integer(integer),
            "Hybrid sharding: devices that hold one copy of the model together, usually those of one host."
        ),
        parallel_field!(
            id::PARALLELISM_TENSOR,
            "tensor-parallel",
            "Tensor parallel",
            "devices",
            degree(DEGREES),
            Plan::is_parallel,
            tensor,
            Integer(integer),
            "Devices that share every matrix, heads and vocabulary; needs a fast link in every layer."
        ),
        parallel_field!(
            id::PARALLELISM_SEQUENCE,
            "sequence-parallel",
            "Sequence parallel",
            "",
            FieldKind::Toggle,
            |plan| trains(plan) && plan.parallelism.tensor > 1,
            sequence,
            Toggle(toggle),
            "The tensor-parallel devices cut norms and residual stream by tokens instead of repeating them."
        ),
        parallel_field!(
            id::PARALLELISM_CONTEXT,
            "context-parallel",
            "Context parallel",
            "devices",
            degree(DEGREES),
            Plan::is_parallel,
            context,
            Integer(integer),
            "Devices that share the tokens of one sequence; keys and values go round."
        ),
        parallel_field!(
            id::PARALLELISM_EXPERT,
            "expert-parallel",
            "Expert parallel",
            "devices",
            degree(DEGREES),
            Plan::is_parallel,
            expert,
            Integer(integer),
            "Devices that share the routed experts of a mixture; tokens travel to them. They are taken from the data-parallel devices."
        ),
        parallel_field!(
            id::PARALLELISM_PIPELINE,
            "pipeline-parallel",
            "Pipeline stages",
            "stages",
            degree(DEGREES),
            Plan::is_parallel,
            pipeline,
            Integer(integer),
            "Stages the layers are cut into, one device each; the accumulated passes are its micro-batches."
        ),
        parallel_word!(id::PARALLELISM_SCHEDULE, "schedule", "Schedule", SCHEDULES, |plan| plan.is_parallel() && plan.parallelism.pipeline > 1, schedule: Schedule, "Order in which the stages work; decides how many micro-batches wait for backward."),
        parallel_field!(
            id::PARALLELISM_VIRTUAL_STAGES,
            "virtual-stages",
            "Pieces per device",
            "pieces",
            degree(PIECES),
            |plan| plan.is_parallel()
                && plan.parallelism.pipeline > 1
                && plan.parallelism.schedule == Schedule::Interleaved,
            virtual_stages,
            Integer(integer),
            "Interleaved schedule: pieces of the model on each device; less idle time, more waiting activations."
        ),
        parallel_field!(
            id::PARALLELISM_MICRO_BATCHES,
            "micro-batches",
            "Micro-batch by device",
            "sequences",
            FieldKind::Counts { max: 1_048_576 },
            trains,
            micro_batches,
            Counts(counts),
            "Micro-batch of each data-parallel device where they differ, such as 4, 4, 2, 2; empty for the same on all."
        ),
        parallel_word!(id::PARALLELISM_OFFLOAD_OPTIMIZER, "offload-optimizer", "Optimizer state in", OFFLOADS, trains, offload_optimizer: Offload, "Where optimizer state lives and the update is computed."),
        parallel_word!(id::PARALLELISM_OFFLOAD_PARAMETERS, "offload-parameters", "Weights in", OFFLOADS, Plan::is_parallel, offload_parameters: Offload, "Where weights wait between uses; each layer is brought when it is needed."),
        parallel_word!(id::PARALLELISM_OFFLOAD_ACTIVATIONS, "offload-activations", "Activations in", OFFLOADS, trains, offload_activations: Offload, "Where what forward keeps for backward waits."),
        parallel_field!(
            id::PARALLELISM_DDP_BUCKET_MIB,
            "ddp-bucket-mib",
            "Gradient bucket",
            "MiB",
            FieldKind::Integer { min: 1, max: 1 << 20, steps: &[] },
            |plan| trains(plan) && plan.parallelism.strategy == Strategy::Ddp,
            ddp_bucket_mib,
            Integer(integer),
            "Gradients that are averaged in one go. No figure rests on it: buckets hold all gradients, however they are cut."
        ),
        parallel_field!(
            id::PARALLELISM_GRADIENT_AS_BUCKET_VIEW,
            "gradient-as-bucket-view",
            "Gradients in buckets",
            "",
            FieldKind::Toggle,
            |plan| trains(plan) && plan.parallelism.strategy == Strategy::Ddp,
            gradient_as_bucket_view,
            Toggle(toggle),
            "Gradients are views into the buckets (gradient_as_bucket_view); off, both exist."
        ),
        parallel_field!(
            id::PARALLELISM_REDUCE_BUCKET,
            "reduce-bucket",
            "Reduce bucket",
            "values",
            values(),
            |plan| trains(plan) && plan.parallelism.strategy.is_zero(),
            reduce_bucket,
            Integer(integer),
            "Gradients that are averaged in one go (DeepSpeed reduce_bucket_size)."
        ),
        parallel_field!(
            id::PARALLELISM_PREFETCH_BUCKET,
            "prefetch-bucket",
            "Prefetch bucket",
            "values",
            values(),
            |plan| trains(plan) && plan.parallelism.strategy == Strategy::Zero3,
            prefetch_bucket,
            Integer(integer),
            "Weights that are gathered ahead of use (DeepSpeed stage3_prefetch_bucket_size)."
        ),
        parallel_field!(
            id::PARALLELISM_MAX_LIVE,
            "max-live",
            "Gathered at most",
            "values",
            values(),
            |plan| trains(plan) && plan.parallelism.strategy == Strategy::Zero3,
            max_live,
            Integer(integer),
            "Weights that stay gathered at most (DeepSpeed stage3_max_live_parameters)."
        ),
        parallel_field!(
            id::PARALLELISM_PREFETCH_UNITS,
            "prefetch-units",
            "Gathered ahead",
            "units",
            FieldKind::Integer { min: 0, max: 1024, steps: &[] },
            |plan| trains(plan) && plan.parallelism.strategy.is_fsdp(),
            prefetch_units,
            Integer(integer),
            "Units, usually layers, that are gathered while the one before them works."
        ),
    ]
}
