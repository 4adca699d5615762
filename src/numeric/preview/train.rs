//! The loop that the command line and the window share: steps, evaluations on held-out examples, samples, the comparison.
//!
//! It tells what happens as it happens, and is stopped through a [`Control`](super::control::Control): what was trained
//! until then stays in the run.

use super::compare::Compared;
use super::control::Gate;
use super::evaluate::HeldOut;
use super::generate::Sample;
use super::run::{Run, Step};
use super::saved::save;
use super::update::Update;
use super::{PreviewError, Result};
use std::path::PathBuf;
use std::time::Duration;

/// How long to train and how often to evaluate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Steps of the whole run; steps that were done before count.
    pub steps: usize,
    /// Steps between two evaluations on the held-out examples.
    pub evaluate_every: usize,
    /// Held-out prompts that are answered at each evaluation.
    pub samples: usize,
    /// Folder that a checkpoint is saved to at each evaluation and when the run is ended, to continue from it.
    pub kept_in: Option<PathBuf>,
}

impl Default for Schedule {
    fn default() -> Self {
        Self { steps: 90, evaluate_every: 20, samples: 1, kept_in: None }
    }
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A step.
    Step(Progress),
    /// An evaluation on the held-out examples after so many steps.
    HeldOut {
        /// Steps done.
        after: usize,
        /// What was found.
        found: HeldOut,
    },
    /// An answer after so many steps.
    Sample {
        /// Steps done.
        after: usize,
        /// Which of the held-out examples, from 0.
        index: usize,
        /// What was said.
        sample: Sample,
    },
    /// A checkpoint was saved after so many steps, or could not be: training continues all the same.
    Kept {
        /// Steps done.
        after: usize,
        /// Why not.
        failure: Option<String>,
    },
    /// One bar of the comparison at the end.
    Compared(Compared),
    /// What training changed, layer by layer: told last, of a run that was ended too.
    Updated(Vec<Update>),
}

/// Where a run is after a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// The step.
    pub step: Step,
    /// Tokens that went through in training since this loop began.
    pub tokens: u64,
    /// Time in training steps since this loop began, without pauses and evaluations.
    pub trained_for: Duration,
    /// Steps done before this loop.
    pub from: usize,
    /// Steps of the whole run.
    pub of: usize,
    /// Most bytes the program has allocated beyond those before the model was read.
    pub peak_growth_bytes: Option<u64>,
}

impl Progress {
    /// Tokens a second in training; `None` before time has passed.
    pub fn tokens_per_second(&self) -> Option<f64> {
        let seconds = self.trained_for.as_secs_f64();
        (seconds > 0.0).then(|| self.tokens as f64 / seconds)
    }

    /// Time the steps that are left will take at the pace so far.
    pub fn time_left(&self) -> Duration {
        let done = self.step.number.saturating_sub(self.from).max(1);
        let left = self.of.saturating_sub(self.step.number);
        Duration::try_from_secs_f64(self.trained_for.as_secs_f64() * left as f64 / done as f64).unwrap_or(Duration::MAX)
    }
}

/// How a loop ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With its last step and the comparison.
    Done,
    /// By its owner; the run has what it had learned until then.
    Cancelled,
}

/// Trains until the schedule's last step or until the gate's control ends it, then compares.
///
/// # Errors
/// What a step, an evaluation or the comparison meets, but for being ended: that is an [`End`].
pub fn train(run: &mut Run, schedule: &Schedule, gate: &Gate<'_>, tell: &mut dyn FnMut(Event)) -> Result<End> {
    let end = match train_and_compare(run, schedule, gate, tell) {
        Ok(()) => End::Done,
        Err(PreviewError::Cancelled) => {
            run.rest();
            keep(run, schedule, tell);
            End::Cancelled
        }
        Err(error) => return Err(error),
    };
    // Factors that are no numbers any more have no picture; what was trained and compared is kept all the same.
    if let Ok(updates) = run.updates() {
        tell(Event::Updated(updates));
    }
    Ok(end)
}

fn train_and_compare(run: &mut Run, schedule: &Schedule, gate: &Gate<'_>, tell: &mut dyn FnMut(Event)) -> Result<()> {
    evaluate(run, schedule, gate, tell)?;
    let from = run.steps();
    let (mut tokens, mut trained_for) = (0_u64, Duration::ZERO);
    while run.steps() < schedule.steps {
        let began = gate.worked();
        let step = run.step(gate)?;
        trained_for += gate.worked().saturating_sub(began);
        tokens = tokens.saturating_add(step.tokens as u64);
        let peak_growth_bytes = run.peak_growth_bytes();
        tell(Event::Step(Progress { step, tokens, trained_for, from, of: schedule.steps, peak_growth_bytes }));
        if step.number.is_multiple_of(schedule.evaluate_every.max(1)) || step.number == schedule.steps {
            evaluate(run, schedule, gate, tell)?;
            keep(run, schedule, tell);
        }
    }
    run.rest();
    run.compare(schedule.samples, gate, &mut |compared| tell(Event::Compared(compared)))
}

fn evaluate(run: &Run, schedule: &Schedule, gate: &Gate<'_>, tell: &mut dyn FnMut(Event)) -> Result<()> {
    let after = run.steps();
    tell(Event::HeldOut { after, found: run.held_out(gate)? });
    for index in 0..schedule.samples {
        let Some(sample) = run.sample(index, gate)? else { break };
        tell(Event::Sample { after, index, sample });
    }
    Ok(())
}

fn keep(run: &Run, schedule: &Schedule, tell: &mut dyn FnMut(Event)) {
    if let Some(folder) = &schedule.kept_in {
        let failure = save(folder, run).err().map(|error| error.to_string());
        tell(Event::Kept { after: run.steps(), failure });
    }
}
