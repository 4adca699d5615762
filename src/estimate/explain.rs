//! Derivations: every figure with its formula, inputs, reason and source.
//!
//! The parts of a derivation sum to its value. Texts are static; only what depends on the plan is put together.

use super::setup::Setup;
use super::{Component, Derivation, Estimate, Inputs, Ledger, Subject};
use crate::explained::{Exactness, Explained, Input, Value};
use crate::units::Bytes;
use std::borrow::Cow;

mod lasting;
mod moment;
mod totals;

/// The code the operators were traced from.
const TRACED: &str =
    "operators of transformers 5.23, peft 0.21 and torch 2.15, replayed with sizes (assets/validation)";

/// Derivations of everything in `estimate`.
pub(super) fn derivations(
    setup: &Setup<'_>,
    inputs: &Inputs<'_>,
    ledger: &Ledger,
    estimate: &Estimate,
) -> Vec<Derivation> {
    let mut out = Vec::with_capacity(24);
    let mut add = |subject, explained| out.push(Derivation { subject, explained });
    for component in Component::ALL {
        let value = estimate.at_peak.get(component);
        let explained = match component {
            Component::Weights => lasting::weights(setup, inputs, value),
            Component::QuantizationConstants => lasting::constants(setup, inputs, value),
            Component::Adapters => lasting::adapters(setup, value),
            Component::Gradients => lasting::gradients(setup, ledger, value),
            Component::OptimizerState => lasting::optimizer_state(setup, ledger, value),
            Component::Activations => moment::activations(setup, value),
            Component::Logits => moment::logits(setup, estimate, value),
            Component::KvCache => moment::cache(setup, inputs, estimate, value),
            Component::Temporaries => moment::temporaries(ledger, estimate, value),
            Component::Runtime => totals::runtime(inputs, estimate, value),
        };
        add(Subject::Component(component), explained);
    }
    out.extend(shared(setup, inputs, estimate));
    out
}

/// Derivations of runtime overhead, phases, answers and counts, for a plan that shares work.
pub(super) fn totals_of(setup: &Setup<'_>, inputs: &Inputs<'_>, estimate: &Estimate) -> Vec<Derivation> {
    let value = estimate.at_peak.get(Component::Runtime);
    let runtime = Derivation {
        subject: Subject::Component(Component::Runtime),
        explained: totals::runtime(inputs, estimate, value),
    };
    std::iter::once(runtime).chain(shared(setup, inputs, estimate)).collect()
}

fn shared(setup: &Setup<'_>, inputs: &Inputs<'_>, estimate: &Estimate) -> Vec<Derivation> {
    let mut out = Vec::with_capacity(12);
    let mut add = |subject, explained| out.push(Derivation { subject, explained });
    for phase in &estimate.phases {
        add(Subject::Phase(phase.kind), totals::phase(phase));
    }
    add(Subject::Tensors, totals::tensors(inputs, estimate));
    add(Subject::Reserved, totals::reserved(inputs, estimate));
    add(Subject::Process, totals::process(inputs, estimate));
    if let Some(capacity) = estimate.capacity {
        add(Subject::Capacity, totals::capacity(inputs, capacity));
    }
    add(Subject::Textbook, totals::textbook(setup, inputs, estimate));
    add(Subject::Parameters, totals::parameters(setup, estimate));
    add(Subject::Trainable, totals::trainable(setup, estimate));
    out
}

/// A derivation without parts.
pub(super) fn explained(
    title: impl Into<Cow<'static, str>>,
    value: Value,
    formula: &'static str,
    inputs: Vec<Input>,
    why: impl Into<Cow<'static, str>>,
    source: impl Into<Cow<'static, str>>,
) -> Explained {
    Explained {
        title: title.into(),
        value,
        formula: formula.into(),
        inputs,
        why: why.into(),
        source: source.into(),
        exactness: Exactness::Exact,
        parts: Vec::new(),
    }
}

/// A term of a sum: title, bytes, formula and inputs.
pub(super) fn part(
    title: impl Into<Cow<'static, str>>,
    bytes: u64,
    formula: &'static str,
    inputs: Vec<Input>,
) -> Explained {
    explained(title, Value::Bytes(Bytes(bytes)), formula, inputs, "", "")
}

impl Explained {
    /// Marked approximate where `rough`.
    pub(in crate::estimate) fn rough(mut self, rough: bool) -> Self {
        if rough {
            self.exactness = Exactness::Approximate;
        }
        self
    }

    /// With terms; those of no size are left out.
    pub(in crate::estimate) fn with_parts(mut self, parts: Vec<Self>) -> Self {
        self.parts = parts;
        self.parts.retain(|part| part.value != Value::Bytes(Bytes::ZERO));
        self
    }
}
