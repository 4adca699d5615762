//! Measured rows that resemble a plan: what the panel "Accuracy" shows.

use super::Case;
use crate::architecture::Architecture;
use crate::plan::diff::{Change, diff};
use crate::plan::field::id;
use crate::plan::field::{FieldKind, Section};
use crate::plan::{LossKernel, Method, Plan, Workload};

/// A row up to this distance resembles the plan: about a factor of two in size and one setting of weight.
pub const RESEMBLES: f64 = 1.75;

/// A measured row and how far it is from the plan.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Neighbour {
    /// Its place among the rows that were looked at.
    pub index: usize,
    /// 0: the same job. 1 is about a factor of e in one dimension, or another loss kernel.
    pub distance: f64,
}

/// The `count` cases nearest to `plan`, nearest first. Inference and training are never mixed.
///
/// The distance adds, for parameters, tokens, sequence and vocabulary, the logarithm of the ratio, and a fixed step
/// for each setting that changes what is kept: method, checkpointing, attention, loss, quantization, stack.
pub fn nearest<'a>(
    plan: &Plan,
    architecture: &Architecture,
    cases: impl Iterator<Item = &'a Case>,
    count: usize,
) -> Vec<Neighbour> {
    let mut found: Vec<Neighbour> = cases
        .enumerate()
        .filter(|(_, case)| case.plan.workload == plan.workload)
        .filter_map(|(index, case)| Some(Neighbour { index, distance: distance(plan, architecture, case)? }))
        .collect();
    found.sort_by(|a, b| a.distance.total_cmp(&b.distance));
    found.truncate(count);
    found
}

fn distance(plan: &Plan, architecture: &Architecture, case: &Case) -> Option<f64> {
    let crate::plan::ModelSource::File { architecture: other, .. } = &case.plan.model.source else { return None };
    let ratio = |a: u64, b: u64| (a.max(1) as f64 / b.max(1) as f64).ln().abs();
    let tokens = |plan: &Plan| plan.batch.micro_batch.saturating_mul(plan.batch.sequence_length);
    let step = |differs: bool, size: f64| if differs { size } else { 0.0 };
    let (a, b) = (plan, &case.plan);
    let mut sum = ratio(architecture.parameters().total, other.parameters().total)
        + 0.5 * ratio(tokens(a), tokens(b))
        + 0.25 * ratio(a.batch.sequence_length, b.batch.sequence_length)
        + 0.25 * ratio(architecture.vocab_size, other.vocab_size)
        + step(a.runtime.profile != b.runtime.profile, 1.0)
        + step(a.precision.load_format != b.precision.load_format, 0.5)
        + step(a.runtime.attention != b.runtime.attention, 0.25)
        + step(a.is_parallel() != b.is_parallel(), 2.0)
        + 0.5 * ratio(a.hardware.count, b.hardware.count);
    if plan.workload == Workload::Training {
        sum += step(kind(&a.method.method) != kind(&b.method.method), 2.0)
            + step(a.runtime.checkpointing != b.runtime.checkpointing, 1.0)
            + step(a.runtime.loss != b.runtime.loss, loss_step(a.runtime.loss, b.runtime.loss));
    }
    Some(sum)
}

/// Sections whose settings decide what memory a job takes.
const COUNTS: [Section; 8] = [
    Section::Method,
    Section::Objective,
    Section::Precision,
    Section::Optimizer,
    Section::Batch,
    Section::Runtime,
    Section::Hardware,
    Section::Parallelism,
];

/// Settings that bear on memory and are not the same in a measured job as in `plan`, those that weigh most first:
/// `sequence length 8,192, not 2,048`.
pub fn differences(plan: &Plan, case: &Plan) -> Vec<String> {
    let mut changes: Vec<Change> = diff(plan, case)
        .into_iter()
        .filter(|change| {
            change.field.is_some_and(|field| {
                COUNTS.contains(&field.section)
                    && !matches!(field.kind, FieldKind::Notes)
                    && !matches!(
                        field.id,
                        id::HARDWARE_ACCELERATOR | id::HARDWARE_MEMORY_MIB | id::HARDWARE_RESERVE_MIB
                    )
                    && (field.get)(plan).is_some()
                    && (field.get)(case).is_some()
            })
        })
        .collect();
    // Amounts of tokens first, then what is kept of them, then the rest in the order of the file.
    changes.sort_by_key(|change| {
        change.field.map_or(3, |field| match field.section {
            Section::Batch => 0,
            Section::Runtime => 1,
            Section::Method | Section::Objective | Section::Precision => 2,
            _ => 3,
        })
    });
    changes
        .into_iter()
        .map(|change| format!("{} {}, not {}", change.label.to_lowercase(), change.after, change.before))
        .collect()
}

const fn loss_step(a: LossKernel, b: LossKernel) -> f64 {
    if matches!(a, LossKernel::FusedLinear) || matches!(b, LossKernel::FusedLinear) { 1.0 } else { 0.5 }
}

const fn kind(method: &Method) -> u8 {
    match method {
        Method::Full | Method::Galore { .. } => 0,
        Method::Qlora(_) => 1,
        _ => 2,
    }
}
