//! Many plans that differ in their optimizer only: one replay of the step for all of them.
//!
//! The step's course, weights and trained tensors do not depend on the optimizer's algorithm; its state does not depend
//! on batch, checkpointing, loss or attention. A search over all of them computes each once and puts them together by
//! the same code as [`estimate`](super::estimate()), so that the result is the same to the byte.

use super::calibration::calibrated;
use super::inference::GenerationPeaks;
use super::optimizer::{OptimizerBytes, optimizer};
use super::setup::Setup;
use super::time::PassesAlone;
use super::{Inputs, Replayed, assembled, lasting, overhead, peak_of, phases};
use crate::estimate::Phase;
use crate::explained::Interval;
use crate::plan::{Plan, Workload};
use crate::units::Bytes;

/// A training plan on one device without its optimizer.
pub struct Replay {
    replayed: Replayed,
    approximate: bool,
    time: Option<PassesAlone>,
}

/// What the optimizer of a plan keeps and allocates.
#[derive(Clone, Copy)]
pub struct OptimizerState(OptimizerBytes);

/// Figures of one plan of many: its memory with the band, expected seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quick {
    /// Whole process, with its band.
    pub process: Interval,
    /// Seconds of an optimizer step; `None`: a figure of the device is missing.
    pub step_secs: Option<f64>,
    /// Tokens of an optimizer step.
    pub tokens_per_step: u64,
}

/// Whether the plan's step can be replayed once for all optimizers: it trains, on one device, and shares nothing.
pub fn is_alone(plan: &Plan) -> bool {
    plan.workload == Workload::Training && !plan.is_parallel() && plan.stages.len() < 2
}

impl OptimizerState {
    /// Of a plan: the same for every batch, checkpointing, loss and attention.
    pub fn of(inputs: &Inputs<'_>) -> Self {
        Self(optimizer(&Setup::new(inputs)))
    }
}

impl Replay {
    /// Of a plan for which [`is_alone`] holds: the same for every optimizer that runs, or does not run, in backward.
    pub fn of(inputs: &Inputs<'_>) -> Self {
        let setup = Setup::new(inputs);
        Self {
            replayed: Replayed::of(&setup, inputs),
            approximate: setup.is_approximate(),
            time: PassesAlone::of(inputs, &setup).ok(),
        }
    }

    /// The plan of `inputs`, of which this is the replay and `state` the optimizer.
    pub fn with(&self, inputs: &Inputs<'_>, state: OptimizerState) -> Quick {
        let setup = Setup::new(inputs);
        let ledger = assembled(&setup, &self.replayed, state.0, GenerationPeaks::default());
        let phases = phases(&setup, &ledger);
        let peak = phases.get(peak_of(&phases)).map_or(Bytes::ZERO, Phase::total);
        let tensors = overhead::tensors(peak, inputs.profile, self.approximate);
        let reserved = overhead::reserved(tensors, lasting(&phases), inputs.profile);
        let process = overhead::process(reserved, inputs.profile);
        let process = overhead::beside_trainer(inputs, process, lasting(&phases));
        let step_secs = self.time.map(|time| time.step_secs(&setup, self.replayed.trained, state.0));
        Quick {
            process: calibrated(inputs.plan, overhead::widened(process, inputs.knowledge())),
            step_secs,
            tokens_per_step: self.time.map_or(0, |time| time.tokens),
        }
    }
}
