//! Several devices: what each of them holds, phase by phase.
//!
//! A device's part of the model — its heads, its columns, its experts, its layers, its tokens — is a smaller model,
//! and one step of that is replayed as for a single device (module `local`). What data-parallel devices cut among
//! themselves is cut tensor by tensor (`shares`), and what sharing itself costs is added: gathered layers, buckets,
//! micro-batches that wait in a pipeline (`rank`). Devices that hold the same are computed once.

use super::{ByComponent, Component, Detail, Estimate, Fit, Inputs, Phase, overhead, peak_of, textbook, trainable};
use super::{TrainedParameters, setup::Setup, trainable::TrainedTotals};
use crate::explained::Interval;
use crate::plan::Workload;
use crate::units::Bytes;
use layout::Layout;

mod explain;
pub mod formulas;
mod gathered;
pub mod layout;
mod local;
mod phases;
mod rank;
mod shares;
mod terms;
pub mod timeline;
mod waiting;

pub use terms::{Held, How, Item, Term, What};

/// What NCCL's communicators and staging buffers take beside the allocator, in MiB: low, expected and high of what is
/// commonly seen for one to four groups of devices.
const NCCL_MIB: [u64; 3] = [128, 512, 2048];

/// Devices that hold the same.
#[derive(Clone, Debug, PartialEq)]
pub struct RankGroup {
    /// The first of them, counted from 0.
    pub rank: u64,
    /// How many, in a row.
    pub ranks: u64,
    /// Pipeline stage, from 0.
    pub stage: u64,
    /// First and number of the layers of each piece of the model they hold.
    pub layers: Vec<(u64, u64)>,
    /// Sequences of their micro-batch.
    pub micro_batch: u64,
    /// Forward passes of a piece that wait for their backward at once.
    pub in_flight: u64,
    /// Phases in time order.
    pub phases: Vec<Phase>,
    /// Index of the phase that decides.
    pub peak: usize,
    /// What is held at the peak, with the runtime overhead.
    pub at_peak: ByComponent,
    /// Tensor bytes.
    pub tensors: Interval,
    /// Reserved by the allocator.
    pub reserved: Interval,
    /// Whole process.
    pub process: Interval,
    /// Host memory of each of them.
    pub host: Bytes,
    /// Disk space of each of them.
    pub disk: Bytes,
    /// What is cut, repeated or elsewhere.
    pub held: Vec<Held>,
    /// Terms of the peak: they sum to the tensors.
    pub terms: Vec<Term>,
}

impl RankGroup {
    /// `0`, or `0–3`.
    pub fn name(&self) -> String {
        if self.ranks == 1 {
            self.rank.to_string()
        } else {
            format!("{}–{}", self.rank, self.rank.saturating_add(self.ranks - 1))
        }
    }

    /// The phase that decides.
    pub fn peak_phase(&self) -> Option<&Phase> {
        self.phases.get(self.peak)
    }
}

/// Every device of a plan that shares work.
#[derive(Clone, Debug, PartialEq)]
pub struct Devices {
    /// The degrees as they work out.
    pub layout: Layout,
    /// Groups of equal devices in the order of their ranks.
    pub groups: Vec<RankGroup>,
    /// Index of the group that needs most.
    pub worst: usize,
}

impl Devices {
    /// The group that needs most.
    pub fn worst_group(&self) -> Option<&RankGroup> {
        self.groups.get(self.worst)
    }

    /// Host memory of all devices together.
    pub fn host_total(&self) -> Bytes {
        let sum = self.groups.iter().map(|group| group.host.0.saturating_mul(group.ranks)).fold(0, u64::saturating_add);
        Bytes(sum)
    }
}

/// The estimate of a plan that shares work: the device that needs most stands for all. `None` where nothing is shared.
pub(super) fn estimate(inputs: &Inputs<'_>, detail: Detail) -> Option<Estimate> {
    let plan = inputs.plan;
    let layout = Layout::of(plan, &inputs.architecture);
    if layout.is_single(plan) {
        return None;
    }
    let setup = Setup::new(inputs);
    let groups = groups(inputs, &layout, &setup);
    let worst = worst_of(&groups);
    let devices = Devices { layout, groups, worst };
    let group = devices.worst_group()?;
    let capacity = overhead::capacity(inputs);
    let trained =
        if plan.workload == Workload::Training { trainable::totals(&setup) } else { TrainedTotals::default() };
    let model = setup.parameters();
    let mut estimate = Estimate {
        parameters: TrainedParameters {
            total: model.total.saturating_add(trained.added_values),
            trainable: trained.values,
            added: trained.added_values,
        },
        model,
        phases: group.phases.clone(),
        peak: group.peak,
        at_peak: group.at_peak,
        tensors: group.tensors,
        reserved: group.reserved,
        process: group.process,
        host: group.host,
        capacity,
        calibration: None,
        fit: Fit::of(group.process, capacity, inputs.knowledge()),
        knowledge: inputs.knowledge(),
        gaps: inputs.gaps(),
        textbook: textbook::bytes(&setup, inputs, model.total, trained.values),
        derivations: Vec::new(),
        stages: Vec::new(),
        devices: None,
    };
    if detail == Detail::Explained {
        estimate.derivations = explain::derivations(&setup, inputs, &devices, &estimate);
    }
    estimate.devices = Some(Box::new(devices));
    Some(estimate)
}

/// Every group of equal devices.
fn groups(inputs: &Inputs<'_>, layout: &Layout, whole: &Setup<'_>) -> Vec<RankGroup> {
    let runs = layout.batches(inputs.plan);
    let mut groups: Vec<RankGroup> = Vec::new();
    for stage in layout.stages() {
        let of_stage = groups.len();
        for &(first, count, micro_batch) in &runs {
            let inner = layout.tensor.saturating_mul(layout.context);
            let rank = stage.saturating_mul(layout.per_stage()).saturating_add(first.saturating_mul(inner));
            let ranks = count.saturating_mul(inner);
            let known = groups[of_stage..].iter().find(|group| group.micro_batch == micro_batch).cloned();
            let group = known.unwrap_or_else(|| group(inputs, layout, whole, stage, micro_batch));
            groups.push(RankGroup { rank, ranks, ..group });
        }
    }
    groups
}

fn group(inputs: &Inputs<'_>, layout: &Layout, whole: &Setup<'_>, stage: u64, micro_batch: u64) -> RankGroup {
    let local = local::local(inputs.plan, &inputs.architecture, layout, stage, micro_batch);
    let found = rank::rank(inputs, layout, &local, stage, whole);
    let phases: Vec<Phase> = found.phases.iter().map(terms::PhaseTerms::phase).collect();
    let peak = peak_of(&phases);
    let (bytes, mut at_peak) =
        phases.get(peak).map_or((Bytes::ZERO, ByComponent::default()), |phase| (phase.total(), phase.components));
    let tensors = overhead::tensors(bytes, inputs.profile, whole.is_approximate() || found.approximate);
    let reserved = overhead::reserved(tensors, super::lasting(&phases), inputs.profile);
    let process =
        overhead::beside_trainer(inputs, overhead::process(reserved, inputs.profile), super::lasting(&phases));
    let process = with_communicators(process, layout);
    let knowledge = inputs.knowledge();
    let [tensors, reserved, process] = [tensors, reserved, process].map(|answer| overhead::widened(answer, knowledge));
    *at_peak.get_mut(Component::Runtime) = process.expected.saturating_sub(bytes);
    RankGroup {
        rank: 0,
        ranks: 1,
        stage,
        layers: local.pieces,
        micro_batch,
        in_flight: layout.in_flight(stage),
        peak,
        at_peak,
        tensors,
        reserved,
        process,
        host: Bytes(found.host),
        disk: Bytes(found.disk),
        held: found.held,
        terms: found.phases.into_iter().nth(peak).map(|phase| phase.terms).unwrap_or_default(),
        phases,
    }
}

/// Whether a plan's devices hold buffers for talking to each other.
pub(super) fn communicates(inputs: &Inputs<'_>) -> bool {
    let layout = Layout::of(inputs.plan, &inputs.architecture);
    !layout.is_single(inputs.plan) && layout.talks()
}

/// Those buffers, expected.
pub(super) const fn communicators() -> Bytes {
    Bytes::mib(NCCL_MIB[1])
}

/// Devices that talk to each other hold buffers for it.
fn with_communicators(process: Interval, layout: &Layout) -> Interval {
    if !layout.talks() {
        return process;
    }
    let [low, expected, high] = NCCL_MIB.map(Bytes::mib);
    Interval { low: process.low + low, expected: process.expected + expected, high: process.high + high }
}

/// Index of the group that needs most; the first of equals.
fn worst_of(groups: &[RankGroup]) -> usize {
    let mut worst = 0;
    for (index, group) in groups.iter().enumerate() {
        if groups.get(worst).is_some_and(|held| group.process.expected > held.process.expected) {
            worst = index;
        }
    }
    worst
}
