//! What follows from the answers of the decision.

use crate::decide::break_even::{BreakEven, break_even};
use crate::decide::tactics::{Tactic, tactics};
use crate::decide::tally::{Agreement, agreement};
use crate::decide::{Recommendation, recommend};
use crate::plan::Plan;
use crate::plan::decision::{Decision, problems};

/// Recommendation and what is shown beside it.
#[derive(Clone, Debug)]
pub struct Decided {
    /// The record; empty where the plan has none yet.
    pub decision: Decision,
    /// What to do and why.
    pub found: Recommendation,
    /// Answers that contradict each other: path and message.
    pub problems: Vec<(String, String)>,
    /// Break-even, where prices were typed.
    pub costs: Option<BreakEven>,
    /// Bands for the plan's settings.
    pub tactics: Vec<Tactic>,
    /// Agreement of the annotators, where there are several.
    pub agreement: Option<Agreement>,
}

impl Decided {
    /// Everything that follows from the answers of a plan.
    pub fn of_plan(plan: &Plan) -> Self {
        let decision = plan.decision.as_deref().cloned().unwrap_or_default();
        Self {
            found: recommend(&decision.answers),
            problems: problems(&decision.answers),
            costs: decision.answers.costs.as_ref().map(break_even),
            tactics: tactics(plan),
            agreement: agreement(&decision.tally),
            decision,
        }
    }
}
