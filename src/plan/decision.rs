//! What was decided before anything is trained: the answers of a design review, their evidence, the outcome and why.
//!
//! Plain data; the rules that turn answers into a recommendation live in [`crate::decide`]. Every answer may be missing:
//! a question that was skipped is not a no.

use crate::units::{counted, grouped};
use serde::{Deserialize, Serialize};

pub mod amounts;
mod contradictions;
mod costs;
mod follow;
mod labels;
pub mod questions;
mod read;
mod write;

pub use contradictions::{contradictions, counted_failures, quoted_later};
pub use costs::{Cache, Costs, RagCosts, TunedCosts};
pub use follow::{Follow, PlannedBudget, PlannedEvaluation, PlannedStage};
pub use labels::{Annotator, LABELS, Label, Tally, label_of};
pub use read::{AnswersError, MAX_BYTES, is_date, problems, read_answers, read_decision};
pub use write::{answers_text, decision_text};

/// A decision as it is kept in the plan.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Decision {
    /// Day of the decision, `YYYY-MM-DD`; empty while it is open.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub date: String,
    /// Ids of the outcomes that were taken into the plan; empty while it is open.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub outcomes: Vec<String>,
    /// Why, in the team's own words.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reasoning: String,
    /// What follows from it, as it was taken into the plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub follow: Option<Follow>,
    /// What was answered.
    pub answers: Answers,
    /// Labels given to examples.
    #[serde(skip_serializing_if = "Tally::is_empty")]
    pub tally: Tally,
}

/// Answers in the order of the adaptation path.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Answers {
    /// The evaluation set and what the present best solution scores on it.
    #[serde(skip_serializing_if = "is_default")]
    pub evaluation: Evaluation,
    /// Prompt versions in the order they were tried; an empty list: none were kept apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompts: Option<Vec<PromptVersion>>,
    /// A person who never saw the task could follow the instructions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instructions_clear: Option<bool>,
    /// Failures counted by kind, the first failure of each answer.
    #[serde(skip_serializing_if = "is_default")]
    pub failures: Failures,
    /// What an answer is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer_kind: Option<AnswerForm>,
    /// How facts are retrieved now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retrieval: Option<Retrieval>,
    /// The answer is wrong even with the right text in the prompt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ideal_context_fails: Option<bool>,
    /// Facts change faster than a model would be trained again, or must be cited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub facts_change: Option<bool>,
    /// Decoding is already constrained to the wanted format.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub constrained_decoding: Option<bool>,
    /// Good labelled examples that may be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub examples: Option<u64>,
    /// Licence, contracts and privacy allow training on them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rights: Option<bool>,
    /// Agreement of annotators on the labels (kappa, −1 to 1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agreement: Option<f64>,
    /// Examples on which the agreement was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agreement_examples: Option<u64>,
    /// Several answers are right and people prefer one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preference: Option<bool>,
    /// Pairs of a better and a worse answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preference_pairs: Option<u64>,
    /// The domain's language or jargon is foreign to the base model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain_language: Option<bool>,
    /// Raw text of the domain, far more than there are labelled examples.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw_text: Option<bool>,
    /// Text is to be filled in between a given beginning and end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fill_in: Option<bool>,
    /// Long inputs fail where short ones of the same kind succeed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub long_inputs_fail: Option<bool>,
    /// The answer needs the whole long input at once, not passages of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub whole_input: Option<bool>,
    /// A base model whose window holds the long inputs succeeds on them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub longer_window: Option<bool>,
    /// A stronger base model, prompted alike, meets the need.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stronger_model: Option<bool>,
    /// The stronger one may answer in production: where the data may go, on the device, at the price.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stronger_serves: Option<bool>,
    /// Quality aside, a request costs too much or takes too long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub too_expensive: Option<bool>,
    /// Tokens at the head of the prompt that are the same in every request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub static_tokens: Option<u64>,
    /// They are already cached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caching: Option<bool>,
    /// The licence of the present model allows training another on its outputs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub teacher_allowed: Option<bool>,
    /// Tasks to be tuned for, and where their data is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tasks: Option<Tasks>,
    /// Other tasks of the same model must not get worse.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_tasks: Option<bool>,
    /// Named people will serve, monitor and retrain the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<bool>,
    /// Somebody else can retire the base model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vendor_retires: Option<bool>,
    /// Data must stay in house, or the model runs offline or on a device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_house: Option<bool>,
    /// There is money for labels, runs and upkeep.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<bool>,
    /// Interest in fine-tuning is the only reason for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interest_only: Option<bool>,
    /// Prices and amounts for the break-even, as they were quoted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub costs: Option<Costs>,
}

/// The evaluation set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Evaluation {
    /// Labelled examples in it; 0: there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub examples: Option<u64>,
    /// What counts as right.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub metric: String,
    /// Examples the present best solution gets right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correct: Option<u64>,
    /// Share that is good enough, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<f64>,
    /// Its examples come from real use, not from a person's imagination.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_real_use: Option<bool>,
}

/// A prompt and what it scored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PromptVersion {
    /// Name under which it is kept.
    pub name: String,
    /// Examples it got right.
    pub correct: u64,
    /// Examples it was tried on.
    pub of: u64,
    /// Worked examples inside the prompt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub examples: Option<u64>,
    /// Examples that the version before it got right and this one does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost: Option<u64>,
}

/// Failures by kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Failures {
    /// A fact the model does not have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing: Option<u64>,
    /// A fact that was true once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outdated: Option<u64>,
    /// A fact that only the organisation has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub private: Option<u64>,
    /// Wrong format or syntax.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<u64>,
    /// Right, but not what was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub off_topic: Option<u64>,
    /// Wrong style or tone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub style: Option<u64>,
    /// Unsafe.
    #[serde(rename = "unsafe", skip_serializing_if = "Option::is_none")]
    pub unsafe_answer: Option<u64>,
    /// A wrong class, or a wrong or missed span or field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wrong_label: Option<u64>,
    /// The facts are there and the conclusion is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<u64>,
    /// The task itself is not clear: people disagree on the right answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unclear_task: Option<u64>,
    /// The input is broken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_error: Option<u64>,
    /// Retrieval did not find a text that is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retrieval_miss: Option<u64>,
    /// The right text was in the prompt and was not used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignored_context: Option<u64>,
}

/// How facts are retrieved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Retrieval {
    /// Not at all.
    Nothing,
    /// By words (BM25).
    Terms,
    /// By embeddings, or both.
    Vectors,
}

/// What an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerForm {
    /// Free text.
    Text,
    /// One of a set of labels.
    Label,
    /// Spans or fields of the input.
    Spans,
}

/// Tasks to be tuned for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tasks {
    /// One.
    One,
    /// Several, their data in one place.
    Together,
    /// Several, their data or models apart.
    Apart,
    /// One for each customer.
    PerTenant,
}

impl Decision {
    /// Everything in words, for comparing: label and value of the outcome, the reasoning, every answer; `–` where there
    /// is nothing. The same labels in the same order for every decision.
    pub fn rows(&self) -> Vec<(&'static str, String)> {
        let said = |text: &str| if text.is_empty() { "–".to_owned() } else { text.to_owned() };
        let mut rows = vec![
            ("Decision", said(&self.outcomes.join(", "))),
            ("Decided on", said(&self.date)),
            ("Reasoning", said(&self.reasoning)),
        ];
        rows.extend(follow::rows(self.follow.as_ref()));
        rows.extend(questions::QUESTIONS.iter().map(|question| (question.label, question.words(&self.answers))));
        rows.extend(amounts::rows(self.answers.costs.as_ref()));
        let given: usize =
            self.tally.annotators.iter().map(|who| who.labels.chars().filter(|letter| *letter != '.').count()).sum();
        let labels = if given == 0 {
            "–".to_owned()
        } else {
            format!("{} by {}", grouped(given as u64), counted(self.tally.annotators.len() as u64, "person", "people"))
        };
        rows.push(("Labels of examples", labels));
        rows
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
