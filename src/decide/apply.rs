//! A finished decision into the plan, as one step that can be undone.

use super::engine::{Recommendation, Verdict};
use super::follow::{follow, kinds};
use super::rules::Outcome;
use crate::plan::decision::{Decision, is_date};
use crate::plan::edit::{PlanEdit, choose_method};
use crate::plan::field::FieldValue;
use crate::plan::field::id;
use crate::plan::{Method, Plan, Workload};

/// The edit that takes the recommendation of `decision` into `plan`: kinds of fine-tuning, method, number of examples, and
/// the decision with its date and what follows from it. The error says what is to be done first.
pub fn into_plan(plan: &Plan, decision: &Decision, found: &Recommendation) -> Result<PlanEdit, String> {
    if !is_date(&decision.date) {
        return Err("give the day of the decision as YYYY-MM-DD".to_owned());
    }
    match found.verdict {
        Verdict::Advice => {}
        Verdict::NotEnoughEvidence => return Err("there is not enough evidence for a decision yet".to_owned()),
        Verdict::NoRule => return Err("no rule covers these answers, so there is no decision to take".to_owned()),
        Verdict::Contradiction => return Err("the answers contradict each other; correct the counts first".to_owned()),
    }
    let outcomes = found.outcomes();
    let mut edits = vec![];
    let follow = follow(&decision.answers, found);
    let kinds = kinds(&follow);
    if !kinds.is_empty() {
        edits.push(PlanEdit::Set(id::WORKLOAD, FieldValue::Id("training".to_owned())));
        edits.push(PlanEdit::Set(id::STAGES, FieldValue::List(kinds)));
        if let Some(method) = method(plan, decision, &outcomes) {
            edits.push(choose_method(plan, method));
        }
        if let Some(examples) = decision.answers.examples.filter(|examples| *examples > 0) {
            edits.push(PlanEdit::Set(id::RUN_EXAMPLES, FieldValue::Integer(examples)));
        }
    } else if !outcomes.contains(&Outcome::Evaluation) {
        // Nothing is trained: the plan is about running the model.
        edits.push(PlanEdit::Set(id::WORKLOAD, FieldValue::Id("inference".to_owned())));
    }
    let ids = outcomes.iter().map(|outcome| outcome.id().to_owned()).collect();
    let decided = Decision { outcomes: ids, follow: Some(follow), ..decision.clone() };
    edits.push(PlanEdit::Decision { what: "decision", decision: Some(Box::new(decided)) });
    let turned = if turns_to_running(plan, found) { RUNNING_NOW } else { "" };
    Ok(PlanEdit::Group(edits, format!("Decision: {}{turned}", found.headline())))
}

/// Said where a plan for training becomes one for running the model.
const RUNNING_NOW: &str = ", plan set to running the model";

/// Whether taking the recommendation turns a plan for training into one for running the model.
pub fn turns_to_running(plan: &Plan, found: &Recommendation) -> bool {
    let trains_or_waits = found.trains() || found.outcomes().contains(&Outcome::Evaluation);
    plan.workload == Workload::Training && !trains_or_waits
}

/// Adapters for customers, for tasks that must not get worse, and wherever the plan would change every weight on little
/// data; otherwise what the plan has.
fn method(plan: &Plan, decision: &Decision, outcomes: &[Outcome]) -> Option<&'static str> {
    let has_adapters = plan.method.method.lora().is_some();
    let few = |plan: &Plan| plan.run.examples.is_none_or(|examples| examples < 1000);
    let is_full = matches!(plan.method.method, Method::Full);
    let must_come_off = decision.answers.other_tasks == Some(true);
    let wants = outcomes.contains(&Outcome::TenantAdapters) || is_full && (must_come_off || few(plan));
    (wants && !has_adapters).then_some("lora")
}
