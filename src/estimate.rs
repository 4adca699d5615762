//! From a plan to memory: the maximum over the phases of one step, each phase split into components.
//!
//! Pure: same input, same bytes. Formulas and their evidence stand beside each term in the submodules.

use crate::architecture::{Architecture, Knowledge, ParameterCounts};
use crate::catalog::{Accelerator, NumberFormat};
use crate::explained::{Explained, Interval};
use crate::plan::{Plan, Workload};
use crate::units::Bytes;
use kind::Course;
use moments::Beside;
use optimizer::OptimizerBytes;
use profile::RuntimeProfile;
use setup::Setup;
use std::borrow::Cow;
use step::{Moment, StepPeaks};
use storage::StoredBytes;
use trainable::TrainedTotals;

mod adapter;
pub mod calibration;
mod class;
pub mod cost;
mod explain;
mod fit;
pub mod host;
mod inference;
pub mod kind;
pub mod merging;
mod moments;
mod optimizer;
mod overhead;
mod parts;
mod pass;
pub mod picture;
pub mod profile;
pub mod replay;
mod resolve;
pub mod serving;
mod setup;
mod shape;
pub mod sharding;
mod step;
mod storage;
mod tape;
mod textbook;
pub mod time;
mod trainable;
mod verdict;

pub use fit::Fit;
pub use parts::{ByComponent, Component, Phase, PhaseKind};

/// Total, trainable and their ratio.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TrainedParameters {
    /// Base model plus whatever the method adds.
    pub total: u64,
    /// Values that receive gradients.
    pub trainable: u64,
    /// Values the method adds to the base model.
    pub added: u64,
}

/// The answer for one device.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate {
    /// Parameters of model and method.
    pub parameters: TrainedParameters,
    /// Exact counts of the base model.
    pub model: ParameterCounts,
    /// Phases in time order.
    pub phases: Vec<Phase>,
    /// Index of the phase that decides.
    pub peak: usize,
    /// What is held at the peak, with the runtime overhead: sums to `process.expected`.
    pub at_peak: ByComponent,
    /// Tensor bytes: what `torch.cuda.max_memory_allocated` counts.
    pub tensors: Interval,
    /// Reserved by the allocator: `max_memory_reserved`.
    pub reserved: Interval,
    /// Whole process: what `nvidia-smi` shows.
    pub process: Interval,
    /// What lasts in host memory beside one device: paged and offloaded state. What loading takes there for a while is not
    /// in it.
    pub host: Bytes,
    /// What one device offers after reserve; `None`: no accelerator chosen.
    pub capacity: Option<Bytes>,
    /// What the user's measurements say; `None` without any.
    pub calibration: Option<calibration::Calibration>,
    /// Verdict.
    pub fit: Fit,
    /// How much of the model was read.
    pub knowledge: Knowledge,
    /// What is not known of it, and which kinds of fine-tuning have no model on this stack; a sentence each.
    pub gaps: Vec<String>,
    /// The figure of the textbook rule for the same plan: weights, gradients and optimizer state times fixed bytes.
    pub textbook: Bytes,
    /// Derivations, by component at the peak and for every total; empty with [`Detail::Numbers`].
    pub derivations: Vec<Derivation>,
    /// Every kind of stage, where the plan has several: the figures above are those of the one that needs most.
    pub stages: Vec<StageFigure>,
    /// Every device, where several share the work: the figures above are those of the one that needs most.
    pub devices: Option<Box<sharding::Devices>>,
}

/// One stage of a chain.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StageFigure {
    /// Its kind, in the words of the screen.
    pub kind: &'static str,
    /// Whole process.
    pub process: Interval,
}

/// What a derivation explains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A component at the peak.
    Component(Component),
    /// The peak of a phase.
    Phase(PhaseKind),
    /// One of the three answers.
    Tensors,
    /// Reserved by the allocator.
    Reserved,
    /// Whole process.
    Process,
    /// Capacity of the device.
    Capacity,
    /// Host memory.
    Host,
    /// Textbook rule.
    Textbook,
    /// Whole process times what the user's measurements say.
    Calibrated,
    /// Parameter counts.
    Parameters,
    /// Trainable parameters.
    Trainable,
}

/// A derivation and what it belongs to.
#[derive(Clone, Debug, PartialEq)]
pub struct Derivation {
    /// What is explained.
    pub subject: Subject,
    /// How it came about.
    pub explained: Explained,
}

/// How much to compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Numbers only: for searches.
    Numbers,
    /// With derivations.
    Explained,
}

/// Everything an estimate depends on, resolved from the catalogues by [`Inputs::resolve`].
#[derive(Clone, Debug)]
pub struct Inputs<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// Shape of its model.
    pub architecture: Cow<'a, Architecture>,
    /// Format its weights are loaded in.
    pub load_format: &'a NumberFormat,
    /// Format of its key-value cache.
    pub kv_format: &'a NumberFormat,
    /// Software stack.
    pub profile: &'a RuntimeProfile,
    /// Device; `None`: not chosen.
    pub accelerator: Option<&'a Accelerator>,
    /// What the step runs: the kind of the first stage, until [`estimate`] goes through all of them.
    pub kind: &'static kind::Kind,
    /// Shape of the teacher, where there is one on the device.
    pub second: Option<Cow<'a, Architecture>>,
}

/// Everything the numbers rest on, computed once and read by the derivations too.
struct Ledger {
    weights: StoredBytes,
    trained: TrainedTotals,
    gradients: u64,
    lasting_gradients: u64,
    optimizer: OptimizerBytes,
    adapters: u64,
    inputs: u64,
    rotary_tables: u64,
    step: StepPeaks,
    generation: inference::GenerationPeaks,
    beside: Vec<Beside>,
}

/// The memory of `inputs.plan`: that of the stage that needs most.
fn of_stages(inputs: &Inputs<'_>, detail: Detail) -> Estimate {
    let kinds = if inputs.plan.workload == Workload::Training && inputs.kind.course == Course::Steps {
        kind::kinds(inputs.plan, inputs.profile)
    } else {
        Vec::new()
    };
    if kinds.len() < 2 {
        return of_kind(inputs, detail);
    }
    let mut worst: Option<(usize, Bytes)> = None;
    let stages: Vec<StageFigure> = kinds
        .iter()
        .enumerate()
        .map(|(index, kind)| {
            let process = of_kind(&Inputs { kind, ..inputs.clone() }, Detail::Numbers).process;
            if worst.is_none_or(|(_, most)| process.expected > most) {
                worst = Some((index, process.expected));
            }
            StageFigure { kind: kind.label, process }
        })
        .collect();
    let kind = worst.and_then(|(index, _)| kinds.get(index).copied()).unwrap_or(inputs.kind);
    Estimate { stages, ..of_kind(&Inputs { kind, ..inputs.clone() }, detail) }
}

fn of_kind(inputs: &Inputs<'_>, detail: Detail) -> Estimate {
    let shared = inputs.plan.is_parallel().then(|| sharding::estimate(inputs, detail)).flatten();
    shared.unwrap_or_else(|| on_one_device(inputs, detail))
}

/// The memory of `inputs.plan`: the maximum over the phases of one step (or one generation).
///
/// Pure and total: any plan gives a figure, absurd sizes stop at the largest number.
pub fn estimate(inputs: &Inputs<'_>, detail: Detail) -> Estimate {
    let mut estimate = of_stages(inputs, detail);
    calibration::calibrate(inputs.plan, &mut estimate, detail);
    if estimate.knowledge != Knowledge::Whole || !inputs.models_every_stage() {
        let derivations = std::mem::take(&mut estimate.derivations).into_iter();
        estimate.derivations = derivations
            .map(|Derivation { subject, explained }| Derivation { subject, explained: explained.doubted() })
            .collect();
    }
    estimate
}

fn on_one_device(inputs: &Inputs<'_>, detail: Detail) -> Estimate {
    let setup = Setup::new(inputs);
    let ledger = ledger(&setup, inputs);
    let phases = phases(&setup, &ledger);
    let peak = peak_of(&phases);
    let (tensor_bytes, mut at_peak) =
        phases.get(peak).map_or((Bytes::ZERO, ByComponent::default()), |phase| (phase.total(), phase.components));
    let tensors = overhead::tensors(tensor_bytes, inputs.profile, setup.is_approximate());
    let reserved = overhead::reserved(tensors, lasting(&phases), inputs.profile);
    let process = overhead::beside_trainer(inputs, overhead::process(reserved, inputs.profile), lasting(&phases));
    let knowledge = inputs.knowledge();
    let [tensors, reserved, process] = [tensors, reserved, process].map(|answer| overhead::widened(answer, knowledge));
    *at_peak.get_mut(Component::Runtime) = process.expected.saturating_sub(tensor_bytes);
    let capacity = overhead::capacity(inputs);
    let model = setup.parameters();
    let parameters = TrainedParameters {
        total: model.total.saturating_add(ledger.trained.added_values),
        trainable: ledger.trained.values,
        added: ledger.trained.added_values,
    };
    let mut estimate = Estimate {
        parameters,
        model,
        phases,
        peak,
        at_peak,
        tensors,
        reserved,
        process,
        host: Bytes(ledger.optimizer.host),
        capacity,
        calibration: None,
        fit: Fit::of(process, capacity, inputs.knowledge()),
        knowledge: inputs.knowledge(),
        gaps: inputs.gaps(),
        textbook: textbook::bytes(&setup, inputs, model.total, ledger.trained.values),
        derivations: Vec::new(),
        stages: Vec::new(),
        devices: None,
    };
    if detail == Detail::Explained {
        estimate.derivations = explain::derivations(&setup, inputs, &ledger, &estimate);
    }
    estimate
}

/// What is held from the start to the end: the first phase, before anything runs.
fn lasting(phases: &[Phase]) -> Bytes {
    phases.first().map_or(Bytes::ZERO, Phase::total)
}

fn ledger(setup: &Setup<'_>, inputs: &Inputs<'_>) -> Ledger {
    let steps = setup.training && setup.kind.course == Course::Steps;
    let optimizer = if steps { optimizer::optimizer(setup) } else { OptimizerBytes::default() };
    let generation = if setup.training {
        inference::GenerationPeaks::default()
    } else {
        inference::generation(setup, inputs.kv_format, inputs.profile.full_prefill_logits)
    };
    assembled(setup, &Replayed::of(setup, inputs), optimizer, generation)
}

/// Everything dear about a plan that its optimizer has no part in.
struct Replayed {
    weights: StoredBytes,
    trained: TrainedTotals,
    frozen_extra: u64,
    rotary_tables: u64,
    step: StepPeaks,
    beside: Vec<Beside>,
}

impl Replayed {
    fn of(setup: &Setup<'_>, inputs: &Inputs<'_>) -> Self {
        let steps = setup.training && setup.kind.course == Course::Steps;
        let beside =
            if steps { moments::beside_steps(setup, inputs) } else { moments::alone(setup).into_iter().collect() };
        Self {
            beside: if setup.training { beside } else { Vec::new() },
            weights: storage::all_weights(setup),
            trained: if setup.training { trainable::totals(setup) } else { TrainedTotals::default() },
            frozen_extra: setup.trained.adapter.frozen_values(setup).saturating_mul(4),
            rotary_tables: step::kept_rotary_tables(setup),
            step: if steps { step::training_step(setup) } else { StepPeaks::default() },
        }
    }
}

/// The ledger from what was replayed and what the optimizer keeps.
fn assembled(
    setup: &Setup<'_>,
    replayed: &Replayed,
    optimizer: OptimizerBytes,
    generation: inference::GenerationPeaks,
) -> Ledger {
    let trained = replayed.trained;
    let accumulates = setup.plan.batch.gradient_accumulation > 1;
    let in_backward = setup.plan.optimizer.frees_gradients();
    let ratio = setup.plan.precision.gradient_format.map(crate::plan::FloatFormat::bytes);
    let gradients = match ratio {
        Some(width) => trained.values.saturating_mul(width),
        None => trained.bytes,
    };
    let frozen_extra = if setup.training { replayed.frozen_extra } else { 0 };
    Ledger {
        weights: replayed.weights,
        gradients: if in_backward && !accumulates { trained.largest_bytes } else { gradients },
        lasting_gradients: if setup.training && accumulates { gradients } else { 0 },
        optimizer,
        // A base that is being prepared has no adapters yet.
        adapters: if setup.kind.course == Course::Preparation {
            0
        } else {
            trained.added_bytes.saturating_add(frozen_extra)
        },
        inputs: if setup.kind.course == Course::Steps { setup.batch_bytes() } else { 0 },
        rotary_tables: replayed.rotary_tables,
        step: replayed.step,
        generation,
        beside: replayed.beside.clone(),
        trained,
    }
}

fn phases(setup: &Setup<'_>, ledger: &Ledger) -> Vec<Phase> {
    let mut lasting = ByComponent::default();
    *lasting.get_mut(Component::Weights) = Bytes(ledger.weights.values);
    *lasting.get_mut(Component::QuantizationConstants) = Bytes(ledger.weights.constants);
    *lasting.get_mut(Component::Adapters) = Bytes(ledger.adapters);
    *lasting.get_mut(Component::OptimizerState) = Bytes(ledger.optimizer.state);
    *lasting.get_mut(Component::Temporaries) = Bytes(ledger.rotary_tables);
    let load = Phase { kind: PhaseKind::Load, components: lasting, place: "before the first step" };
    let phase = |kind, moment: Moment, cache: u64| {
        let mut components = lasting;
        *components.get_mut(Component::Gradients) = Bytes(ledger.lasting_gradients.saturating_add(moment.gradients));
        *components.get_mut(Component::Activations) = Bytes(moment.saved);
        *components.get_mut(Component::Logits) = Bytes(moment.logits);
        *components.get_mut(Component::KvCache) = Bytes(cache);
        let fleeting = moment.temporary.saturating_add(ledger.inputs);
        *components.get_mut(Component::Temporaries) = Bytes(fleeting.saturating_add(ledger.rotary_tables));
        Phase { kind, components, place: moment.place }
    };
    if setup.plan.workload == Workload::Inference {
        let generation = &ledger.generation;
        return vec![
            load,
            phase(PhaseKind::Prefill, generation.prefill, generation.prefill_cache),
            phase(PhaseKind::Decode, generation.decode, generation.decode_cache),
        ];
    }
    let step_gradients = ledger.gradients.saturating_sub(ledger.lasting_gradients);
    let step = Moment {
        gradients: step_gradients,
        temporary: ledger.optimizer.step,
        place: "in the update",
        ..Moment::default()
    };
    let mut phases = vec![load];
    if setup.kind.course == Course::Steps {
        phases.push(phase(PhaseKind::Forward, ledger.step.forward, 0));
        phases.push(phase(PhaseKind::Backward, ledger.step.backward, 0));
        phases.push(phase(PhaseKind::OptimizerStep, step, 0));
    }
    phases.extend(ledger.beside.iter().map(|beside| phase(beside.kind, beside.moment, beside.cache)));
    phases
}

/// Index of the largest phase; the earliest of equals.
fn peak_of(phases: &[Phase]) -> usize {
    let mut best = 0;
    for (index, phase) in phases.iter().enumerate() {
        if phases.get(best).is_some_and(|held| phase.total() > held.total()) {
            best = index;
        }
    }
    best
}
