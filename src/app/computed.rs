//! What follows from the plan, kept until the plan changes.

use super::key::Key;
use super::state::{Baseline, State};
use crate::architecture::Architecture;
use crate::catalog::Catalog;
use crate::estimate::picture::MethodPicture;
use crate::estimate::profile::Profiles;
use crate::estimate::{Estimate, Inputs};
use crate::figures::{Decided, FieldCost, Pace, Serving, numbers, of_plan};
use crate::plan::check::Diagnostic;
use crate::plan::{Plan, Workload};
use crate::units::Bytes;
use crate::validation::{Evidence, Neighbour};
use std::cell::OnceCell;

/// Measured rows that are looked at for a plan.
const NEIGHBOURS: usize = 24;

/// Estimate and remarks of one revision of the plan.
#[derive(Clone, Debug)]
pub struct Computed {
    /// What it was computed for.
    pub key: Key,
    /// The estimate; `None` where something the plan names is not known (the remarks say what).
    pub estimate: Option<Estimate>,
    /// The same plan with the other workload, where both are shown.
    pub other: Option<Estimate>,
    /// Contradictions and risks, gravest first.
    pub diagnostics: Vec<Diagnostic>,
    /// Shape of the model in a line: `8,030,261,248 parameters · 32 layers`.
    pub model_line: String,
    /// Shape of the model, where it is known.
    pub architecture: Option<Architecture>,
    /// What the method trains and keeps, as pictures.
    pub picture: Option<MethodPicture>,
    /// Whole process of the baseline, else of the plan before the last change: the ghost in the bar.
    pub ghost: Option<Bytes>,
    /// The baseline behind the ghost.
    pub against: Option<Against>,
    /// What other values of the setting under the pointer would cost.
    pub field_cost: Option<FieldCost>,
    /// Time and cost; `None` where something the plan names is not known.
    pub pace: Option<Pace>,
    /// Measured rows nearest to the plan, once they were asked for.
    near: OnceCell<Vec<Neighbour>>,
    /// What follows from the answers of the decision, once it was asked for.
    decided: OnceCell<Decided>,
    /// Serving, once it was asked for.
    serving: OnceCell<Option<Serving>>,
}

/// The pinned baseline, as the bar's ghost shows it; what differs stands under Compare.
#[derive(Clone, Debug)]
pub struct Against {
    /// Name of the baseline.
    pub title: String,
    /// Its whole process; `None` where it cannot be estimated.
    pub process: Option<Bytes>,
}

impl Computed {
    /// Everything for what `state` shows.
    pub fn of(state: &State) -> Self {
        let plan = &state.document.plan;
        let (estimate, diagnostics, model_line) = of_plan(plan);
        let other = state.session.both.then(|| of_plan(&with_other_workload(plan)).0).flatten();
        let against = state.session.baseline.as_ref().map(Against::new);
        let ghost = match &against {
            Some(against) => against.process,
            None => state.document.history.previous().and_then(numbers).map(|(bytes, _)| bytes),
        };
        let inputs = Inputs::resolve(plan, Catalog::embedded(), Profiles::known()).ok();
        let mut computed = Self {
            key: state.key(),
            estimate,
            other,
            diagnostics,
            model_line,
            picture: inputs.as_ref().map(MethodPicture::of),
            architecture: inputs.map(|inputs| inputs.architecture.into_owned()),
            ghost,
            against,
            field_cost: None,
            pace: Pace::of_plan(plan),
            near: OnceCell::new(),
            decided: OnceCell::new(),
            serving: OnceCell::new(),
        };
        computed.look_at_field(state);
        computed
    }

    /// Measured rows nearest to `plan`, which must be the one this was computed for: worked out at the first question.
    pub fn neighbours(&self, plan: &Plan, evidence: &Evidence) -> &[Neighbour] {
        self.near.get_or_init(|| match &self.architecture {
            Some(architecture) => evidence.nearest(plan, architecture, NEIGHBOURS),
            None => Vec::new(),
        })
    }

    /// What follows from the decision of `plan`, which must be the one this was computed for: worked out at the first
    /// question.
    pub fn decided(&self, plan: &Plan) -> &Decided {
        self.decided.get_or_init(|| Decided::of_plan(plan))
    }

    /// Serving of `plan`, which must be the one this was computed for: worked out at the first question.
    pub fn serving(&self, plan: &Plan) -> Option<&Serving> {
        self.serving.get_or_init(|| Serving::of_plan(plan)).as_ref()
    }

    /// Brings the cost of the setting under the pointer up to date.
    pub fn look_at_field(&mut self, state: &State) {
        let wanted = state.session.hovered_field;
        if self.field_cost.as_ref().map(|cost| cost.field) != wanted {
            self.field_cost = wanted.and_then(|field| FieldCost::of(field, &state.document.plan));
        }
    }
}

impl Against {
    fn new(baseline: &Baseline) -> Self {
        Self { title: baseline.title.clone(), process: numbers(&baseline.plan).map(|(bytes, _)| bytes) }
    }
}

fn with_other_workload(plan: &Plan) -> Plan {
    let mut other = plan.clone();
    other.workload = match plan.workload {
        Workload::Training => Workload::Inference,
        Workload::Inference => Workload::Training,
    };
    other
}
