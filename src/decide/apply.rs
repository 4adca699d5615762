//! A finished decision into the plan, as one step that can be undone.

use super::engine::Recommendation;
use super::rules::Outcome;
use crate::plan::decision::{Decision, is_date};
use crate::plan::edit::{PlanEdit, choose_method};
use crate::plan::field::FieldValue;
use crate::plan::field::id;
use crate::plan::{Method, Plan};

/// The edit that takes the recommendation of `decision` into `plan`: kinds of fine-tuning, method, number of examples, and
/// the decision with its date. The error says what is to be done first.
pub fn into_plan(plan: &Plan, decision: &Decision, found: &Recommendation) -> Result<PlanEdit, String> {
    if !is_date(&decision.date) {
        return Err("give the day of the decision as YYYY-MM-DD".to_owned());
    }
    if found.is_open() {
        return Err("there is not enough evidence for a decision yet".to_owned());
    }
    let outcomes = found.outcomes();
    let mut edits = vec![];
    let stages = stages(&outcomes);
    if !stages.is_empty() {
        let ids = stages.iter().map(|id| (*id).to_owned()).collect();
        edits.push(PlanEdit::Set(id::WORKLOAD, FieldValue::Id("training".to_owned())));
        edits.push(PlanEdit::Set(id::STAGES, FieldValue::List(ids)));
        if let Some(method) = method(plan, &outcomes) {
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
    let decided = Decision { outcomes: ids, ..decision.clone() };
    edits.push(PlanEdit::Decision { what: "decision", decision: Some(Box::new(decided)) });
    Ok(PlanEdit::Group(edits, format!("Decision: {}", found.headline())))
}

/// Kinds of fine-tuning in the order they are done.
fn stages(outcomes: &[Outcome]) -> Vec<&'static str> {
    let order = [
        (Outcome::ContinuedPretraining, "continued-pretraining"),
        (Outcome::Infilling, "infilling"),
        (Outcome::LongContext, "long-context"),
        (Outcome::Sft, "supervised"),
        (Outcome::RagAndTuning, "supervised"),
        (Outcome::MultiTask, "supervised"),
        (Outcome::Merging, "supervised"),
        (Outcome::TenantAdapters, "supervised"),
        (Outcome::PreferenceTuning, "preference"),
        (Outcome::Distillation, "distillation"),
    ];
    let mut stages = Vec::new();
    for (outcome, id) in order {
        if outcomes.contains(&outcome) && !stages.contains(&id) {
            stages.push(id);
        }
    }
    stages
}

/// Adapters for customers and wherever the plan would change every weight on little data; otherwise what the plan has.
fn method(plan: &Plan, outcomes: &[Outcome]) -> Option<&'static str> {
    let has_adapters = plan.method.method.lora().is_some();
    let few = |plan: &Plan| plan.run.examples.is_none_or(|examples| examples < 1000);
    let wants = outcomes.contains(&Outcome::TenantAdapters) || matches!(plan.method.method, Method::Full) && few(plan);
    (wants && !has_adapters).then_some("lora")
}
