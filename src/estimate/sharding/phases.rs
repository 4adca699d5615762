//! The phases of one device, from its parts.

use super::gathered::Gathered;
use super::layout::Layout;
use super::terms::Term;
use super::terms::{PhaseTerms, term, tidy};
use crate::estimate::step::{Moment, StepPeaks};
use crate::estimate::{Component, PhaseKind};
use crate::plan::{Plan, Strategy};

/// Everything of one device, of which phases are made.
pub struct Parts<'a> {
    pub layout: &'a Layout,
    pub plan: &'a Plan,
    pub weights: u64,
    pub constants: u64,
    pub adapters: u64,
    pub state: u64,
    pub gradients: Gradients,
    pub update: u64,
    pub gathered: Gathered,
    pub again: u64,
    pub buffers: u64,
    pub buckets: u64,
    pub ids: u64,
}

/// Gradients by when they are there.
#[derive(Clone, Copy, Default)]
pub struct Gradients {
    /// From step to step, or over the whole of it.
    pub lasting: u64,
    /// Shards that backward makes, all there at its end.
    pub shards: u64,
    /// Of the unit that backward is in.
    pub unit: u64,
    /// In the update.
    pub update: u64,
}

impl Parts<'_> {
    pub fn lasting(&self) -> Vec<Term> {
        let cut = self.layout.shard > 1 && self.layout.strategy.shards_weights();
        vec![
            term(
                Component::Weights,
                "Kept weights",
                if cut { "Σ ⌈weights / devices⌉" } else { "Σ weights" },
                self.weights,
            ),
            term(Component::QuantizationConstants, "Scales, on every device", "not cut", self.constants),
            term(Component::Adapters, "Kept adapters", "", self.adapters),
            term(Component::OptimizerState, "Kept state", "", self.state),
            term(Component::Gradients, "Gradient buckets", "all buckets = all gradients", self.buckets),
        ]
    }

    pub fn training_phases(&self, step: &StepPeaks) -> Vec<PhaseTerms> {
        let gradients = self.gradients;
        let load = PhaseTerms { kind: PhaseKind::Load, place: "before the first step", terms: tidy(self.lasting()) };
        let forward = self.phase(PhaseKind::Forward, step.forward, gradients.lasting, "From earlier passes");
        // Early in backward no shard is made yet; at its end all are.
        let made = gradients.shards.saturating_sub(gradients.lasting.min(gradients.shards));
        let loss = self.phase(PhaseKind::Backward, step.loss, gradients.lasting, "From earlier passes");
        let mut early = self.phase(PhaseKind::Backward, step.early, gradients.lasting, "From earlier passes");
        let mut late = self.phase(PhaseKind::Backward, step.late, gradients.lasting, "From earlier passes");
        for phase in [&mut early, &mut late] {
            phase.terms.push(term(
                Component::Temporaries,
                "The layer after, not yet released",
                "kept by one recomputed layer",
                self.again,
            ));
            phase.terms.push(term(
                Component::Gradients,
                "Of the unit in backward",
                "before they are averaged and cut",
                gradients.unit,
            ));
        }
        late.terms.push(term(Component::Gradients, "Shards", "Σ ⌈gradients / devices⌉", made));
        let layers = if late.total() > early.total() { late } else { early };
        let backward = if layers.total() > loss.total() { layers } else { loss };
        let mut update = self.lasting();
        update.push(term(Component::Gradients, "Of this device's share", "", gradients.update));
        update.push(term(Component::Temporaries, "Copies of the update", "", self.update));
        update.push(term(Component::Temporaries, "Token ids, labels, mask", "tokens × 8 each", self.ids));
        let update = PhaseTerms { kind: PhaseKind::OptimizerStep, place: "in the update", terms: tidy(update) };
        [load, forward, backward, update]
            .into_iter()
            .map(|phase| PhaseTerms { terms: tidy(phase.terms), ..phase })
            .collect()
    }

    pub fn phase(&self, kind: PhaseKind, moment: Moment, lasting: u64, title: &'static str) -> PhaseTerms {
        let in_loss = matches!(moment.place, "in the loss" | "in the last norm" | "in the head");
        let gathered = if in_loss { self.gathered.in_loss } else { self.gathered.in_layer };
        let mut terms = self.lasting();
        terms.push(term(Component::Gradients, title, "", lasting));
        terms.push(term(Component::Gradients, "Made in backward", "", moment.gradients));
        terms.push(term(Component::Activations, "Kept for backward", "", moment.saved));
        terms.push(term(Component::Logits, "Logits and loss", "", moment.logits));
        terms.push(term(Component::Temporaries, "Gathered weights", gather_formula(self.layout, self.plan), gathered));
        terms.push(term(Component::Temporaries, "Communication buffers", "", self.buffers));
        terms.push(term(Component::Temporaries, "Working set of the layer", "", moment.temporary));
        terms.push(term(Component::Temporaries, "Token ids, labels, mask", "tokens × 8 each", self.ids));
        PhaseTerms { kind, place: moment.place, terms }
    }
}

pub const fn gather_formula(layout: &Layout, plan: &Plan) -> &'static str {
    match layout.strategy {
        Strategy::Zero3 => "weights × gathered at most / values",
        _ if plan.parallelism.prefetch_units == 0 => "outside the layers + one layer",
        _ => "outside the layers + (1 + ahead) × largest layer",
    }
}
