//! Degrees and strategies of several devices against each other, the model and the formats.

use super::{Found, Severity, set_number, set_toggle, set_word};
use crate::architecture::{Architecture, Attention, Mlp};
use crate::plan::edit::PlanEdit;
use crate::plan::field::FieldValue;
use crate::plan::field::id;
use crate::plan::{Offload, Schedule, Strategy, Workload};
use crate::units::grouped;

/// Most devices the field takes.
const MOST_DEVICES: u64 = 1_048_576;

pub fn check(found: &mut Found<'_>) {
    let plan = found.plan;
    if !plan.is_parallel() {
        return;
    }
    let parallel = &plan.parallelism;
    let inner = parallel.tensor.saturating_mul(parallel.context).saturating_mul(parallel.pipeline);
    let data = plan.hardware.count / inner.max(1);
    product(found, inner);
    if let Some(architecture) = found.context.architecture {
        tensor(found, architecture);
        pipeline(found, architecture);
        experts(found, architecture, data.saturating_mul(parallel.context).max(1));
    }
    if plan.workload == Workload::Training {
        data_parallel(found, data.max(1));
        formats(found);
        offload(found);
    }
}

/// Tensor × context × pipeline devices make one copy; copies make the devices.
fn product(found: &mut Found<'_>, inner: u64) {
    let count = found.plan.hardware.count;
    if inner <= count && count.is_multiple_of(inner.max(1)) {
        return;
    }
    let parallel = &found.plan.parallelism;
    let message = format!(
        "tensor {} × context {} × pipeline {} are {} devices for one copy of the model, which do not divide {}",
        parallel.tensor,
        parallel.context,
        parallel.pipeline,
        grouped(inner),
        grouped(count)
    );
    let wanted = count.div_ceil(inner.max(1)).saturating_mul(inner);
    let label = format!("{} devices", grouped(wanted));
    let fix = if wanted <= MOST_DEVICES {
        (label.as_str(), set_number(id::HARDWARE_COUNT, wanted))
    } else {
        let alone = [id::PARALLELISM_TENSOR, id::PARALLELISM_CONTEXT, id::PARALLELISM_PIPELINE];
        let edits = alone.map(|id| set_number(id, 1)).to_vec();
        ("no model parallelism", PlanEdit::Group(edits, "No model parallelism".to_owned()))
    };
    found.push(Severity::Error, id::HARDWARE_COUNT, message, Some(fix));
}

fn tensor(found: &mut Found<'_>, architecture: &Architecture) {
    let degree = found.plan.parallelism.tensor;
    if degree == 1 {
        return;
    }
    let all = || architecture.layers.iter().map(|group| heads(&group.layer.attention));
    let uneven = all().find(|heads| !heads.is_multiple_of(degree));
    if let Some(heads) = uneven {
        let common = all().fold(degree, greatest_common);
        let label = format!("tensor parallel {common}");
        found.push(
            Severity::Error,
            id::PARALLELISM_TENSOR,
            format!("{degree} devices cannot share {heads} heads evenly; the estimate pads them"),
            Some((label.as_str(), set_number(id::PARALLELISM_TENSOR, common))),
        );
    }
    let repeated = architecture
        .layers
        .iter()
        .any(|group| matches!(&group.layer.attention, Attention::Softmax(attention) if attention.kv_heads < degree));
    if repeated && uneven.is_none() {
        found.push(
            Severity::Note,
            id::PARALLELISM_TENSOR,
            "there are fewer key-value heads than tensor-parallel devices: each device holds a copy of one",
            None,
        );
    }
}

/// Heads that are dealt out to devices.
const fn heads(attention: &Attention) -> u64 {
    match attention {
        Attention::Softmax(attention) => attention.heads,
        Attention::Latent(attention) => attention.heads,
        Attention::Linear(attention) => attention.key_heads,
    }
}

fn pipeline(found: &mut Found<'_>, architecture: &Architecture) {
    let plan = found.plan;
    let parallel = &plan.parallelism;
    let (stages, layers) = (parallel.pipeline, architecture.num_layers().max(1));
    if stages == 1 {
        return;
    }
    if stages > layers {
        let label = format!("{layers} stages");
        found.push(
            Severity::Error,
            id::PARALLELISM_PIPELINE,
            format!("{} stages for {layers} layers; a stage needs at least one", grouped(stages)),
            Some((label.as_str(), set_number(id::PARALLELISM_PIPELINE, layers))),
        );
        return;
    }
    let interleaved = parallel.schedule == Schedule::Interleaved;
    let pieces = if interleaved { stages.saturating_mul(parallel.virtual_stages) } else { stages };
    if pieces > layers {
        found.push(
            Severity::Error,
            id::PARALLELISM_VIRTUAL_STAGES,
            format!("{} pieces for {layers} layers; a piece needs at least one", grouped(pieces)),
            Some(("plain 1F1B", set_word(id::PARALLELISM_SCHEDULE, "1f1b"))),
        );
    } else if !layers.is_multiple_of(pieces) {
        found.push(
            Severity::Note,
            id::PARALLELISM_PIPELINE,
            format!("{layers} layers do not divide into {pieces} pieces: the first stages hold one more"),
            None,
        );
    }
    if plan.workload != Workload::Training {
        return;
    }
    let batches = plan.batch.gradient_accumulation;
    if interleaved && !batches.is_multiple_of(stages) {
        found.push(
            Severity::Error,
            id::PARALLELISM_SCHEDULE,
            format!("the interleaved schedule needs micro-batches in multiples of its {stages} stages, not {batches}"),
            Some(("plain 1F1B", set_word(id::PARALLELISM_SCHEDULE, "1f1b"))),
        );
    } else if batches < stages && parallel.schedule != Schedule::Sequential {
        found.push(
            Severity::Note,
            id::BATCH_GRADIENT_ACCUMULATION,
            format!("{batches} micro-batches for {stages} stages: most stages wait most of the time"),
            None,
        );
    }
}

fn experts(found: &mut Found<'_>, architecture: &Architecture, sharers: u64) {
    let degree = found.plan.parallelism.expert;
    if degree == 1 {
        return;
    }
    let experts = architecture.layers.iter().find_map(|group| match &group.layer.mlp {
        Mlp::Moe(moe) => Some(moe.experts),
        Mlp::Dense(_) => None,
    });
    let Some(experts) = experts else {
        found.push(
            Severity::Warning,
            id::PARALLELISM_EXPERT,
            "the model has no routed experts that devices could share",
            Some(("no expert parallelism", set_number(id::PARALLELISM_EXPERT, 1))),
        );
        return;
    };
    let common = greatest_common(greatest_common(degree, experts.max(1)), sharers);
    if common != degree {
        let label = format!("expert parallel {common}");
        found.push(
            Severity::Error,
            id::PARALLELISM_EXPERT,
            format!("{degree} devices must divide both {experts} experts and {sharers} data-parallel devices"),
            Some((label.as_str(), set_number(id::PARALLELISM_EXPERT, common))),
        );
    }
}

fn data_parallel(found: &mut Found<'_>, data: u64) {
    let plan = found.plan;
    let parallel = &plan.parallelism;
    if parallel.strategy == Strategy::Single && data > 1 {
        found.push(
            Severity::Warning,
            id::PARALLELISM_STRATEGY,
            format!(
                "{} devices could see different data, but nothing says how: each is taken to work alone",
                grouped(data)
            ),
            Some(("FSDP", set_word(id::PARALLELISM_STRATEGY, "fsdp"))),
        );
    }
    let sharers = data.saturating_mul(parallel.context);
    if parallel.strategy == Strategy::HybridShard && !sharers.is_multiple_of(parallel.shard_group) {
        let common = greatest_common(parallel.shard_group, sharers);
        let label = format!("groups of {common}");
        found.push(
            Severity::Error,
            id::PARALLELISM_SHARD_GROUP,
            format!("groups of {} do not divide {} devices", parallel.shard_group, grouped(sharers)),
            Some((label.as_str(), set_number(id::PARALLELISM_SHARD_GROUP, common))),
        );
    }
    let given = parallel.micro_batches.len() as u64;
    if given > 0 && given != data {
        found.push(
            Severity::Error,
            id::PARALLELISM_MICRO_BATCHES,
            format!("micro-batches are given for {given} devices; {} see different data", grouped(data)),
            Some(("the same on all", PlanEdit::Set(id::PARALLELISM_MICRO_BATCHES, FieldValue::Counts(Vec::new())))),
        );
    }
    if parallel.sequence && parallel.tensor == 1 {
        found.push(
            Severity::Note,
            id::PARALLELISM_SEQUENCE,
            "sequence parallelism cuts what tensor-parallel devices repeat; with one of them there is nothing to cut",
            Some(("switch it off", set_toggle(id::PARALLELISM_SEQUENCE, false))),
        );
    }
}

/// Quantized weights that are cut.
fn formats(found: &mut Found<'_>) {
    let plan = found.plan;
    let strategy = plan.parallelism.strategy;
    let load = plan.precision.load_format.as_str();
    if !strategy.shards_weights() || !super::is_quantized(load) {
        return;
    }
    if matches!(load, "nf4" | "nf4-dq" | "fp4") {
        found.push(
            Severity::Note,
            id::PARALLELISM_STRATEGY,
            "4-bit weights are cut only if they are stored in the format of the rest (bnb_4bit_quant_storage = \
             torch_dtype); their scales stay on every device",
            None,
        );
    } else {
        found.push(
            Severity::Error,
            id::PARALLELISM_STRATEGY,
            "weights in this format are no plain parameters: neither FSDP nor ZeRO-3 can cut them",
            Some(("DDP", set_word(id::PARALLELISM_STRATEGY, "ddp"))),
        );
    }
    if strategy == Strategy::Fsdp && plan.precision.upcast_unquantized {
        found.push(
            Severity::Warning,
            id::PRECISION_UPCAST_UNQUANTIZED,
            "a flat parameter of FSDP takes one format: norms in FP32 beside 16-bit weights are refused",
            Some(("do not upcast", set_toggle(id::PRECISION_UPCAST_UNQUANTIZED, false))),
        );
    }
}

fn offload(found: &mut Found<'_>) {
    let parallel = &found.plan.parallelism;
    let strategy = parallel.strategy;
    if parallel.offload_parameters != Offload::None && matches!(strategy, Strategy::Zero1 | Strategy::Zero2) {
        found.push(
            Severity::Error,
            id::PARALLELISM_OFFLOAD_PARAMETERS,
            "DeepSpeed moves weights off the device with ZeRO-3 only",
            Some(("keep them there", set_word(id::PARALLELISM_OFFLOAD_PARAMETERS, "none"))),
        );
    }
    let nvme = [
        (id::PARALLELISM_OFFLOAD_OPTIMIZER, parallel.offload_optimizer),
        (id::PARALLELISM_OFFLOAD_PARAMETERS, parallel.offload_parameters),
    ];
    for (id, place) in nvme {
        if place == Offload::Nvme && strategy != Strategy::Zero3 {
            found.push(
                Severity::Error,
                id,
                "only DeepSpeed's ZeRO-3 (ZeRO-Infinity) moves states to a disk",
                Some(("host memory", set_word(id, "cpu"))),
            );
        }
    }
    if strategy.is_fsdp() && parallel.offload_optimizer != Offload::None && parallel.offload_parameters == Offload::None
    {
        found.push(
            Severity::Warning,
            id::PARALLELISM_OFFLOAD_OPTIMIZER,
            "FSDP moves weights, gradients and the update to the host together or not at all",
            Some(("weights too", set_word(id::PARALLELISM_OFFLOAD_PARAMETERS, "cpu"))),
        );
    }
}

const fn greatest_common(mut a: u64, mut b: u64) -> u64 {
    while b > 0 {
        (a, b) = (b, a % b);
    }
    if a == 0 { 1 } else { a }
}
