//! What a run has told so far, kept for a picture, a report or the plan.

use super::compare::{Compared, Variant};
use super::evaluate::HeldOut;
use super::generate::Sample;
use super::job::Prepared;
use super::run::RunSettings;
use super::train::{Event, Progress};
use super::update::Update;

/// A run as it was told.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// What is run.
    pub settings: RunSettings,
    /// Steps of the whole run.
    pub steps: usize,
    /// What was known when it was ready.
    pub prepared: Option<Prepared>,
    /// Steps with the loss per token on their examples, in nats.
    pub losses: Vec<(usize, f64)>,
    /// Steps with how it did on examples it was not trained on.
    pub held_out: Vec<(usize, HeldOut)>,
    /// The last answers, by example.
    pub samples: Vec<Sample>,
    /// The last step.
    pub progress: Option<Progress>,
    /// Models of the comparison.
    pub compared: Vec<Compared>,
    /// What training changed, linear layer by linear layer, once it rests.
    pub updates: Vec<Update>,
    /// Why the last checkpoint could not be saved.
    pub not_kept: Option<String>,
}

impl Record {
    /// Of a run that has told nothing yet.
    pub const fn new(settings: RunSettings, steps: usize) -> Self {
        Self {
            settings,
            steps,
            prepared: None,
            losses: Vec::new(),
            held_out: Vec::new(),
            samples: Vec::new(),
            progress: None,
            compared: Vec::new(),
            updates: Vec::new(),
            not_kept: None,
        }
    }

    /// Takes in what happened.
    pub fn take(&mut self, event: Event) {
        match event {
            Event::Step(progress) => {
                self.losses.push((progress.step.number, progress.step.loss));
                self.progress = Some(progress);
            }
            Event::HeldOut { after, found } => {
                // A run that continues evaluates again where it stopped.
                self.held_out.retain(|(other, _)| *other != after);
                self.held_out.push((after, found));
            }
            Event::Sample { index, sample, .. } => {
                self.samples.truncate(index);
                self.samples.push(sample);
            }
            Event::Kept { failure, .. } => self.not_kept = failure,
            Event::Compared(compared) => {
                self.compared.retain(|other| other.variant != compared.variant);
                self.compared.push(compared);
            }
            Event::Updated(updates) => self.updates = updates,
        }
    }

    /// One of the compared models.
    pub fn of(&self, variant: Variant) -> Option<&Compared> {
        self.compared.iter().find(|compared| compared.variant == variant)
    }

    /// Bytes of memory a step was predicted to need.
    pub fn predicted_bytes(&self) -> Option<u64> {
        Some(self.prepared.as_ref()?.predicted.total_bytes())
    }

    /// Most bytes the process had beyond those before the run; where the system tells.
    pub fn measured_bytes(&self) -> Option<u64> {
        self.progress?.peak_growth_bytes
    }

    /// Steps done.
    pub fn done(&self) -> usize {
        let resumed_at = self.prepared.as_ref().map_or(0, |prepared| prepared.resumed_at);
        self.progress.map_or(resumed_at, |progress| progress.step.number)
    }
}
