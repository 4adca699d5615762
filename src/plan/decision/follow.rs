//! What follows from a decision, as it is kept in the plan: stages with their data, the evaluation, the budget.

use crate::units::{grouped, share_words, significant};
use serde::{Deserialize, Serialize};

/// What follows from a decision.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Follow {
    /// What is trained, in order; empty: nothing is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<PlannedStage>,
    /// Where: `own-weights`, `hosted` or `either`; empty where nothing is trained.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub place: String,
    /// Ids of what must be true first and was not settled.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub first: Vec<String>,
    /// How it is measured.
    pub evaluation: PlannedEvaluation,
    /// What it may cost, where prices were typed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<PlannedBudget>,
}

/// Training of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PlannedStage {
    /// Id of the outcome that asks for it.
    pub outcome: String,
    /// Id of the plan's kind of fine-tuning.
    pub kind: String,
    /// What one example looks like.
    pub example: String,
    /// Examples at hand, as far as they were counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub examples_have: Option<u64>,
    /// Examples to begin with; 0: raw text, by its tokens.
    pub examples_first: u64,
}

/// How the result is measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PlannedEvaluation {
    /// Examples that see the step to the target; 0: not known without a score and a target.
    pub examples: u64,
    /// What counts as right.
    pub metric: String,
    /// Share that is good enough, 0 to 1; 0: not said.
    pub target: f64,
    /// When to stop.
    pub stop: String,
}

/// Sums of the typed prices.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PlannedBudget {
    /// Currency of the sums.
    pub currency: String,
    /// Once: data, runs, evaluation.
    pub once: f64,
    /// A month: devices that wait, retraining.
    pub per_month: f64,
    /// Months over which it was compared.
    pub months: f64,
}

impl PlannedStage {
    /// Kind, example and counts in a line.
    pub fn words(&self) -> String {
        let have = self.examples_have.map_or_else(String::new, |count| format!(", {} at hand", grouped(count)));
        match self.examples_first {
            0 => format!("{}: {}", self.kind, self.example),
            first => format!("{}: {}; {} to begin with{have}", self.kind, self.example, grouped(first)),
        }
    }
}

impl PlannedEvaluation {
    /// Size, metric, target and when to stop in a line.
    pub fn words(&self) -> String {
        let size = match self.examples {
            0 => "size not known yet".to_owned(),
            count => format!("{} examples", grouped(count)),
        };
        let metric =
            if self.metric.is_empty() { "what counts as right is not written down" } else { self.metric.as_str() };
        let target = if self.target > 0.0 { format!(", target {}", share_words(self.target)) } else { String::new() };
        format!("{size}; {metric}{target}; {}", self.stop)
    }
}

impl PlannedBudget {
    /// Sums in a line.
    pub fn words(&self) -> String {
        let (once, month) = (significant(self.once), significant(self.per_month));
        format!("{once} {0} once and {month} {0} a month over {1} months", self.currency, significant(self.months))
    }
}

/// Label and value of each part, for comparing; the same labels for every decision.
pub fn rows(follow: Option<&Follow>) -> Vec<(&'static str, String)> {
    let dash = || "–".to_owned();
    let stages = |follow: &Follow| follow.stages.iter().map(PlannedStage::words).collect::<Vec<_>>().join("; ");
    let said = |text: String| if text.is_empty() { "–".to_owned() } else { text };
    vec![
        ("Stages and their data", follow.map_or_else(dash, |follow| said(stages(follow)))),
        ("Evaluation plan", follow.map_or_else(dash, |follow| follow.evaluation.words())),
        ("Budget", follow.and_then(|follow| follow.budget.as_ref()).map_or_else(dash, PlannedBudget::words)),
    ]
}
