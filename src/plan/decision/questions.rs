//! One table of every question: its words, what it takes, where the answer is kept. The window, the reference of
//! `ANSWERS.ron`, the comparison of plans and the search for what would flip a recommendation are made from it.

use super::Answers;

#[macro_use]
mod macros;
mod table;

pub use table::QUESTIONS;

/// Step of the adaptation path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// What right means and how much is.
    Evaluate,
    /// Prompt only, versions kept.
    Prompt,
    /// Examples in the prompt.
    Examples,
    /// How it fails.
    Failures,
    /// Facts are retrieved.
    Retrieve,
    /// Weights are changed.
    Tune,
    /// Cost and latency.
    Cost,
    /// Who keeps it alive.
    Upkeep,
}

impl Step {
    /// All, in the order of the path.
    pub const ALL: [Self; 8] = [
        Self::Evaluate,
        Self::Prompt,
        Self::Examples,
        Self::Failures,
        Self::Retrieve,
        Self::Tune,
        Self::Cost,
        Self::Upkeep,
    ];

    /// Name on screen.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Evaluate => "Evaluate",
            Self::Prompt => "Prompt",
            Self::Examples => "Examples",
            Self::Failures => "Failures",
            Self::Retrieve => "Retrieve",
            Self::Tune => "Fine-tune",
            Self::Cost => "Cost",
            Self::Upkeep => "Upkeep",
        }
    }

    /// What the step is about, in a sentence.
    pub const fn help(self) -> &'static str {
        match self {
            Self::Evaluate => "What is right, how often it is now, and how often is good enough.",
            Self::Prompt => "Prompting alone, each version kept and measured on the same examples.",
            Self::Examples => "Worked examples in the prompt, usually between 1 and 50.",
            Self::Failures => "The first failure of each wrong answer, counted by kind.",
            Self::Retrieve => "Facts are missing: retrieve them, by terms first, by embeddings later.",
            Self::Tune => {
                "Behaviour is wrong: change the weights. Both: retrieve first, then train on retrieved texts."
            }
            Self::Cost => "Quality is there and price or latency is not.",
            Self::Upkeep => "Who serves, watches and retrains it, and who can take the base model away.",
        }
    }
}

/// What a question takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum AnswerKind {
    /// Yes or no.
    YesNo,
    /// A whole number.
    Count,
    /// A number from `min` to `max`.
    Number {
        /// Least.
        min: f64,
        /// Most.
        max: f64,
    },
    /// One of these: word in files, word on screen.
    Choice(&'static [(&'static str, &'static str)]),
    /// A line of text.
    Text,
    /// The list of prompt versions, which has an editor of its own.
    Prompts,
}

/// An answer without its type.
#[derive(Clone, Debug, PartialEq)]
pub enum AnswerValue {
    /// Not answered.
    Skipped,
    /// Yes or no.
    YesNo(bool),
    /// A whole number.
    Count(u64),
    /// A number.
    Number(f64),
    /// A choice's word.
    Choice(&'static str),
    /// A line of text, or the prompt versions in words.
    Text(String),
}

/// A question.
pub struct Question {
    /// Path of the answer in `ANSWERS.ron`: `evaluation.examples`.
    pub id: &'static str,
    /// Step it belongs to.
    pub step: Step,
    /// The question in a few words, as on screen.
    pub label: &'static str,
    /// Unit, or empty.
    pub unit: &'static str,
    /// One or two sentences: what is meant, and why it is asked.
    pub help: &'static str,
    /// What it takes.
    pub kind: AnswerKind,
    /// The present answer.
    pub get: fn(&Answers) -> AnswerValue,
    /// Takes an answer of the kind; one of another kind changes nothing.
    pub set: fn(&mut Answers, &AnswerValue),
}

/// Questions whose answer a team can choose or bring about; the others are found out.
const CHOSEN: [&str; 19] = [
    "evaluation.examples",
    "evaluation.target",
    "evaluation.from_real_use",
    "prompts",
    "instructions_clear",
    "retrieval",
    "constrained_decoding",
    "examples",
    "rights",
    "preference_pairs",
    "raw_text",
    "tasks",
    "stronger_serves",
    "static_tokens",
    "caching",
    "teacher_allowed",
    "owner",
    "budget",
    "interest_only",
];

impl Question {
    /// Whether a team can choose the answer, such as what is retrieved; not how many answers were wrong.
    pub fn can_be_chosen(&self) -> bool {
        CHOSEN.contains(&self.id)
    }

    /// The present answer in words; `–` where there is none.
    pub fn words(&self, answers: &Answers) -> String {
        self.in_words(&(self.get)(answers))
    }

    /// An answer in words.
    pub fn in_words(&self, value: &AnswerValue) -> String {
        let number = match value {
            AnswerValue::Skipped => return "–".to_owned(),
            AnswerValue::YesNo(true) => return "yes".to_owned(),
            AnswerValue::YesNo(false) => return "no".to_owned(),
            AnswerValue::Text(text) => return text.clone(),
            AnswerValue::Choice(id) => {
                let AnswerKind::Choice(choices) = self.kind else { return (*id).to_owned() };
                let label = choices.iter().find(|(word, _)| word == id).map_or(*id, |(_, label)| *label);
                let mut letters = label.chars();
                return letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect());
            }
            AnswerValue::Count(1) => return format!("1 {}", self.unit.trim_end_matches('s')),
            AnswerValue::Count(count) => crate::units::grouped(*count),
            AnswerValue::Number(number) if self.unit == "%" => return crate::units::share_words(*number),
            AnswerValue::Number(number) => format!("{number}"),
        };
        if self.unit.is_empty() { number } else { format!("{number} {}", self.unit) }
    }
}

/// The question with this id.
pub fn question(id: &str) -> Option<&'static Question> {
    QUESTIONS.iter().find(|question| question.id == id)
}
