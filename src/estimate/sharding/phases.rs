//! The phases of one device, from its parts.

use super::gathered::Gathered;
use super::terms::Term;
use super::terms::{PhaseTerms, What, term, tidy};
use crate::estimate::PhaseKind;
use crate::estimate::step::{Moment, StepPeaks};

/// Everything of one device, of which phases are made.
pub struct Parts {
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
    /// What those that last are of.
    pub kept: Kept,
}

/// Which gradients last from pass to pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kept {
    /// All, in their own format.
    #[default]
    All,
    /// This device's shard of them.
    Shard,
    /// Those of gathered units, as they are computed with.
    Units,
    /// All, in so many bytes a value.
    Wide(u64),
}

impl Parts {
    pub fn lasting(&self) -> Vec<Term> {
        vec![
            term(What::KeptWeights, self.weights),
            term(What::Scales, self.constants),
            term(What::KeptAdapters, self.adapters),
            term(What::KeptState, self.state),
            term(What::GradientBuckets, self.buckets),
        ]
    }

    pub fn training_phases(&self, step: &StepPeaks) -> Vec<PhaseTerms> {
        let gradients = self.gradients;
        let load = PhaseTerms { kind: PhaseKind::Load, place: "before the first step", terms: tidy(self.lasting()) };
        let forward = self.phase(PhaseKind::Forward, step.forward, gradients.lasting);
        // Early in backward no shard is made yet; at its end all are.
        let made = gradients.shards.saturating_sub(gradients.lasting.min(gradients.shards));
        let loss = self.phase(PhaseKind::Backward, step.loss, gradients.lasting);
        let mut early = self.phase(PhaseKind::Backward, step.early, gradients.lasting);
        let mut late = self.phase(PhaseKind::Backward, step.late, gradients.lasting);
        for phase in [&mut early, &mut late] {
            phase.terms.push(term(What::NextLayer, self.again));
            phase.terms.push(term(What::UnitGradients, gradients.unit));
        }
        late.terms.push(term(What::GradientShards, made));
        let layers = if late.total() > early.total() { late } else { early };
        let backward = if layers.total() > loss.total() { layers } else { loss };
        let mut update = self.lasting();
        update.push(term(What::UpdateGradients, gradients.update));
        update.push(term(What::UpdateCopies, self.update));
        update.push(term(What::TokenIds, self.ids));
        let update = PhaseTerms { kind: PhaseKind::OptimizerStep, place: "in the update", terms: tidy(update) };
        [load, forward, backward, update]
            .into_iter()
            .map(|phase| PhaseTerms { terms: tidy(phase.terms), ..phase })
            .collect()
    }

    pub fn phase(&self, kind: PhaseKind, moment: Moment, lasting: u64) -> PhaseTerms {
        let gathered = if is_in_loss(moment.place) { self.gathered.in_loss } else { self.gathered.in_layer };
        let mut terms = self.lasting();
        terms.push(term(What::EarlierGradients, lasting));
        terms.push(term(What::BackwardGradients, moment.gradients));
        terms.push(term(What::KeptForBackward, moment.saved));
        terms.push(term(What::Logits, moment.logits));
        terms.push(term(What::Gathered, gathered));
        terms.push(term(What::Buffers, self.buffers));
        terms.push(term(What::WorkingSet, moment.temporary));
        terms.push(term(What::TokenIds, self.ids));
        PhaseTerms { kind, place: moment.place, terms }
    }
}

/// Whether a moment stands where no layer works.
pub fn is_in_loss(place: &str) -> bool {
    matches!(place, "in the loss" | "in the last norm" | "in the head")
}
