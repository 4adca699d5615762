//! From a recommendation to what a plan holds of it: stages with their data, how it is measured, what it may cost.

use super::engine::Recommendation;
use super::facts::ENOUGH_EXAMPLES;
use super::rules::{NeedState, Outcome};
use crate::plan::decision::{Answers, Follow, PlannedBudget, PlannedEvaluation, PlannedStage};
use crate::units::share_words;

/// Kinds of fine-tuning in the order they are done, with what one example of each looks like.
const STAGES: [(Outcome, &str, &str); 15] = [
    (Outcome::ContinuedPretraining, "continued-pretraining", "a sequence of raw text"),
    (Outcome::Infilling, "infilling", "(prefix, middle, suffix)"),
    (Outcome::LongContext, "long-context", "a long sequence with its answer"),
    (Outcome::Sft, "supervised", "(instruction, response)"),
    (Outcome::WorkedAnswers, "supervised", "(question, steps, conclusion)"),
    (Outcome::Synthesis, "supervised", "(generated input, checked answer)"),
    (Outcome::SmallModel, "supervised", "(instruction, response)"),
    (Outcome::ClassifierHead, "supervised", "(text, label)"),
    (Outcome::SmallEncoder, "supervised", "(text, spans with their labels)"),
    (Outcome::RagAndTuning, "supervised", "(instruction, retrieved texts, response)"),
    (Outcome::MultiTask, "supervised", "(instruction, response) of every task, mixed"),
    (Outcome::Merging, "supervised", "(instruction, response), a set for each task"),
    (Outcome::TenantAdapters, "supervised", "(instruction, response), a set for each customer"),
    (Outcome::PreferenceTuning, "preference", "(instruction, better answer, worse answer)"),
    (Outcome::Distillation, "distillation", "(input, the teacher's answer)"),
];

/// What follows from a recommendation.
pub fn follow(answers: &Answers, found: &Recommendation) -> Follow {
    let outcomes = found.outcomes();
    let stages = STAGES.iter().filter(|(outcome, ..)| outcomes.contains(outcome)).map(|(outcome, kind, example)| {
        let examples_have = match outcome {
            Outcome::PreferenceTuning => answers.preference_pairs,
            outcome if outcome.is_on_labels() || *outcome == Outcome::Synthesis => answers.examples,
            _ => None,
        };
        let examples_first = if *outcome == Outcome::ContinuedPretraining { 0 } else { ENOUGH_EXAMPLES };
        PlannedStage {
            outcome: outcome.id().to_owned(),
            kind: (*kind).to_owned(),
            example: (*example).to_owned(),
            examples_have,
            examples_first,
        }
    });
    let mut first: Vec<String> = Vec::new();
    for needed in found.advice.iter().flat_map(|advice| &advice.needs) {
        if needed.state != NeedState::Met && !first.contains(&needed.need.id) {
            first.push(needed.need.id.clone());
        }
    }
    Follow {
        stages: stages.collect(),
        place: found.place().filter(|_| found.trains()).map_or_else(String::new, |place| place.id().to_owned()),
        first,
        evaluation: evaluation(answers, found),
        // The sums are those of a tuned model: they are no budget of anything else.
        budget: budget(answers).filter(|_| found.trains()),
    }
}

/// As many examples as see the step to the target, or as there are; when to stop follows from the target and the data.
fn evaluation(answers: &Answers, found: &Recommendation) -> PlannedEvaluation {
    let evaluation = &answers.evaluation;
    let has = evaluation.examples.unwrap_or(0);
    // None where the score is within a point of the target: more would not tell.
    let needed = found.samples.map_or(0, |samples| samples.paired.1.ceil() as u64);
    let target = evaluation.target.unwrap_or(0.0);
    let reached = if target > 0.0 {
        format!("stop when the lower end of the 95 % interval reaches {}", share_words(target))
    } else {
        "no target is set, so nobody can say when to stop".to_owned()
    };
    let data = if found.trains() { ", or when 25, 50 and 100 % of the data no longer raise the score" } else { "" };
    PlannedEvaluation {
        examples: has.max(needed),
        metric: evaluation.metric.clone(),
        target,
        stop: format!("{reached}{data}"),
    }
}

fn budget(answers: &Answers) -> Option<PlannedBudget> {
    let costs = answers.costs.as_ref()?;
    let tuned = &costs.tuned;
    let once = tuned.data + tuned.run * tuned.runs as f64 + tuned.evaluation;
    let retraining = if tuned.retrain_months > 0.0 { tuned.retrain / tuned.retrain_months } else { 0.0 };
    let per_month = tuned.idle_per_month + retraining;
    (once + per_month > 0.0).then(|| PlannedBudget {
        currency: costs.currency.clone(),
        once,
        per_month,
        months: costs.horizon_months,
    })
}

/// Kinds of fine-tuning of the plan, each once, in their order.
pub fn kinds(follow: &Follow) -> Vec<String> {
    let mut kinds: Vec<String> = Vec::new();
    for stage in &follow.stages {
        if !kinds.contains(&stage.kind) {
            kinds.push(stage.kind.clone());
        }
    }
    kinds
}
