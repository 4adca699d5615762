//! Time, cost and serving of a plan.

use crate::catalog::Catalog;
use crate::estimate::Inputs;
use crate::estimate::cost::{RunEstimate, run};
use crate::estimate::merging::{Merge, merges};
use crate::estimate::profile::Profiles;
use crate::estimate::serving::{self, AdapterServing, Cache, Largest, Stretch};
use crate::estimate::time::{DequantizationKernel, Missing, TimeEstimate, TimeSubject, time};
use crate::explained::Explained;
use crate::plan::Plan;

/// How long a step takes, and what the run comes to.
#[derive(Clone, Debug)]
pub struct Pace {
    /// The step or request; `Err`: the figure of the device that is missing.
    pub time: Result<TimeEstimate, Missing>,
    /// The run at that pace.
    pub run: Option<RunEstimate>,
}

impl Pace {
    /// Of a resolved plan.
    pub fn of(inputs: &Inputs<'_>) -> Self {
        let time = time(inputs, DequantizationKernel::Current);
        let run = time.as_ref().ok().map(|time| run(inputs, time));
        Self { time, run }
    }

    /// Derivations of all its figures.
    pub fn derivations(&self) -> impl Iterator<Item = &Explained> {
        let time = self.time.iter().flat_map(|time| &time.derivations);
        time.chain(self.run.iter().flat_map(|run| &run.derivations)).map(|(_, explained)| explained)
    }

    /// The derivation of one figure.
    pub fn derivation(&self, subject: TimeSubject) -> Option<&Explained> {
        let time = self.time.iter().flat_map(|time| &time.derivations);
        let mut all = time.chain(self.run.iter().flat_map(|run| &run.derivations));
        all.find(|(found, _)| *found == subject).map(|(_, explained)| explained)
    }

    /// Of a plan; `None` where something it names is not known.
    pub fn of_plan(plan: &Plan) -> Option<Self> {
        Inputs::resolve(plan, Catalog::embedded(), Profiles::known()).ok().map(|inputs| Self::of(&inputs))
    }
}

/// What serving the plan's model comes to. The limits take some hundred estimates: computed only where they are shown.
#[derive(Clone, Debug)]
pub struct Serving {
    /// Key-value cache.
    pub cache: Cache,
    /// Sequences at a time that fit.
    pub largest_batch: Largest,
    /// Tokens of a prompt (or training sequence) that fit.
    pub largest_context: Largest,
    /// Separate adapters against merged ones; `None`: the method has none.
    pub adapters: Option<AdapterServing>,
    /// Merging three fine-tuned copies.
    pub merges: Vec<Merge>,
}

/// Fine-tuned copies of the merging table.
pub const MERGED_MODELS: u64 = 3;

impl Serving {
    /// Of a plan; `None` where something it names is not known.
    pub fn of_plan(plan: &Plan) -> Option<Self> {
        let inputs = Inputs::resolve(plan, Catalog::embedded(), Profiles::known()).ok()?;
        Some(Self {
            cache: serving::cache(&inputs),
            largest_batch: serving::largest(&inputs, Stretch::Batch),
            largest_context: serving::largest(&inputs, Stretch::Context),
            adapters: serving::adapters(&inputs),
            merges: merges(&inputs, MERGED_MODELS),
        })
    }
}
