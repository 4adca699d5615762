//! Derivations: every figure built from the factors it rests on, with its reason and source.
//!
//! Nothing here is handed a result: a formula is put together from what the numbers are computed from, and gives value,
//! text and trust alike ([`crate::explained`]). That it comes to the estimate's own figure is held by a test.

use super::setup::Setup;
use super::step::Moment;
use super::{Component, Derivation, Estimate, Inputs, Ledger, PhaseKind, Subject};
use crate::explained::{Exactness, Explained, Value};
use crate::units::Bytes;

pub(super) mod method;
pub(super) mod moment;
mod totals;
pub(super) mod weights;

/// The code the operators were traced from.
pub(super) const TRACED: &str =
    "operators of transformers 5.23, peft 0.21 and torch 2.15, replayed with sizes (assets/validation)";

/// Derivations of everything in `estimate`.
pub(super) fn derivations(
    setup: &Setup<'_>,
    inputs: &Inputs<'_>,
    ledger: &Ledger,
    estimate: &Estimate,
) -> Vec<Derivation> {
    let kind = peak_kind(estimate);
    let moment = moment_of(ledger, kind);
    let replay = Exactness::rough(setup.is_approximate());
    let mut out = Vec::with_capacity(24);
    for component in Component::ALL {
        let explained = match component {
            Component::Weights => weights::weights(setup),
            Component::QuantizationConstants => weights::constants(setup),
            Component::Adapters => method::adapters(setup),
            Component::Gradients => method::gradients(setup, ledger, kind, moment, replay),
            Component::OptimizerState => method::optimizer_state(setup),
            Component::Activations => moment::activations(setup, moment, replay),
            Component::Logits => moment::logits(setup, inputs, kind, moment, replay),
            Component::KvCache => moment::cache(setup, inputs, kind, cache_of(ledger, kind)),
            Component::Temporaries => moment::temporaries(setup, kind, moment, replay),
            Component::Runtime => continue,
        };
        out.push(Derivation { subject: Subject::Component(component), explained });
    }
    totals_of(setup, inputs, estimate, replay, &mut out);
    out
}

/// Derivations of runtime overhead, phases, answers and counts, behind those of the components in `out`; `replay`: how
/// sure the replayed moments are.
pub(super) fn totals_of(
    setup: &Setup<'_>,
    inputs: &Inputs<'_>,
    estimate: &Estimate,
    replay: Exactness,
    out: &mut Vec<Derivation>,
) {
    let at_peak = |component| {
        let is = |derivation: &&Derivation| derivation.subject == Subject::Component(component);
        out.iter().find(is).map_or(Exactness::Exact, |derivation| derivation.explained.exactness())
    };
    let peak = peak_kind(estimate);
    let sure = |component, kind| if kind == peak { at_peak(component) } else { trust(setup, replay, component, kind) };
    let phases: Vec<Explained> = estimate.phases.iter().map(|phase| totals::phase(phase, sure)).collect();
    let answers = totals::Answers::of(inputs, estimate, &phases);
    let mut add = |subject, explained| out.push(Derivation { subject, explained });
    add(Subject::Component(Component::Runtime), answers.runtime());
    for (phase, explained) in estimate.phases.iter().zip(phases) {
        add(Subject::Phase(phase.kind), explained);
    }
    add(Subject::Reserved, answers.reserved());
    add(Subject::Process, answers.process());
    add(Subject::Tensors, answers.tensors);
    if estimate.capacity.is_some() {
        add(Subject::Capacity, totals::capacity(inputs));
    }
    if estimate.host > Bytes::ZERO && estimate.devices.is_none() {
        add(Subject::Host, method::host_memory(setup));
    }
    add(Subject::Textbook, totals::textbook(setup, inputs, estimate));
    add(Subject::Parameters, totals::parameters(setup, estimate));
    add(Subject::Trainable, totals::trainable(setup, estimate));
}

fn peak_kind(estimate: &Estimate) -> PhaseKind {
    estimate.phases.get(estimate.peak).map_or(PhaseKind::Load, |phase| phase.kind)
}

/// What comes and goes at the peak of a phase.
fn moment_of(ledger: &Ledger, kind: PhaseKind) -> Moment {
    match kind {
        PhaseKind::Load => Moment::default(),
        PhaseKind::OptimizerStep => Moment { place: "in the update", ..Moment::default() },
        PhaseKind::Forward => ledger.step.forward,
        PhaseKind::Backward => ledger.step.backward,
        PhaseKind::Prefill => ledger.generation.prefill,
        PhaseKind::Decode => ledger.generation.decode,
        PhaseKind::Rollout | PhaseKind::Scoring | PhaseKind::Evaluation | PhaseKind::Preparation | PhaseKind::Merge => {
            let own = ledger.beside.iter().find(|beside| beside.kind == kind);
            own.map_or_else(Moment::default, |beside| beside.moment)
        }
    }
}

/// What a phase of training caches.
fn cache_of(ledger: &Ledger, kind: PhaseKind) -> u64 {
    ledger.beside.iter().find(|beside| beside.kind == kind).map_or(0, |beside| beside.cache)
}

/// How sure a component is in a phase of which only its figure is shown; `replay`: how sure replayed moments are.
fn trust(setup: &Setup<'_>, replay: Exactness, component: Component, kind: PhaseKind) -> Exactness {
    let replayed = if matches!(kind, PhaseKind::Load | PhaseKind::OptimizerStep) { Exactness::Exact } else { replay };
    match component {
        Component::Weights => Exactness::rough(matches!(setup.storage, super::storage::Storage::Mean(_))),
        Component::QuantizationConstants | Component::Adapters | Component::OptimizerState => Exactness::Exact,
        Component::Gradients | Component::Activations | Component::Temporaries => replayed,
        Component::Logits => replayed.max(Exactness::rough(moment::logits_are_fitted(setup))),
        Component::KvCache => Exactness::rough(setup.trained.adapter.prefix_tokens() > 0),
        Component::Runtime => Exactness::Approximate,
    }
}

/// Memory that a replay of the operators found.
pub(super) fn found(title: &'static str, bytes: u64, exactness: Exactness) -> Explained {
    Explained::found(title, Value::Bytes(Bytes(bytes)), exactness)
}

/// Whether the loss is a kernel whose memory is described rather than traced.
pub(super) fn fused_loss(setup: &Setup<'_>) -> bool {
    setup.training && !setup.head.is_traced()
}
