//! The rules as data: `assets/decide/rules.ron`, each with its name and source, all of them readable on one screen.

use super::facts::{Fact, Holds};
use crate::plan::decision::questions::Step;
use serde::Deserialize;
use std::sync::OnceLock;

macro_rules! outcomes {
    ($($name:ident $id:literal $step:ident $label:literal: $words:literal;)*) => {
        /// Where the path can end.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[allow(missing_docs, reason = "`label` and `words` say what each is")]
        pub enum Outcome {
            $($name),*
        }

        impl Outcome {
            /// All, in the order of the path.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Word in files and JSON.
            pub const fn id(self) -> &'static str {
                match self { $(Self::$name => $id),* }
            }

            /// Name on screen.
            pub const fn label(self) -> &'static str {
                match self { $(Self::$name => $label),* }
            }

            /// What to do, in a sentence.
            pub const fn words(self) -> &'static str {
                match self { $(Self::$name => $words),* }
            }

            /// Where on the path it stands.
            pub const fn step(self) -> Step {
                match self { $(Self::$name => Step::$step),* }
            }

            /// The outcome of a word.
            pub fn from_id(id: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|outcome| outcome.id() == id)
            }
        }
    };
}

outcomes! {
    Evaluation "evaluation" Evaluate "Build an evaluation first": "Collect examples from real use, write down what counts as right, and measure.";
    Stay "stay" Prompt "Stay with prompting": "The target is met: keep the prompt, keep measuring.";
    BetterPrompt "better-prompt" Prompt "Better prompt": "Write clear instructions, keep every version and its score on the same examples.";
    MoreExamples "more-examples" Examples "More examples in the prompt": "Put 1 to 50 worked examples that look like real use into the prompt.";
    Caching "caching" Cost "Prompt caching": "Put what never changes at the head of the prompt and have it cached.";
    ConstrainedDecoding "constrained-decoding" Tune "Constrained decoding": "Let a grammar or schema forbid every token that breaks the format.";
    TermRag "term-rag" Retrieve "RAG by terms (BM25)": "Retrieve the facts by terms and put them into the prompt.";
    VectorRag "vector-rag" Retrieve "RAG by embeddings, hybrid": "Add embedding-based retrieval to the term-based one, and measure recall.";
    Sft "sft" Tune "Supervised fine-tuning": "Train on (instruction, response), beginning with a small, well-crafted set.";
    PreferenceTuning "preference-tuning" Tune "Preference tuning": "Train on pairs of a better and a worse answer (DPO, KTO).";
    Distillation "distillation" Cost "Distillation": "Let the present model answer, and train a smaller one on its answers.";
    ContinuedPretraining "continued-pretraining" Tune "Continued pre-training": "Train on cheap raw text of the domain first, on labelled examples after.";
    Infilling "infilling" Tune "Infilling": "Train on (prefix, middle, suffix).";
    LongContext "long-context" Tune "Long-context fine-tuning": "Train on long sequences, and watch that short ones do not get worse.";
    RagAndTuning "rag-and-tuning" Tune "RAG and fine-tuning": "Train on prompts with their retrieved contexts, and compare with retrieval alone.";
    SwitchBase "switch-base" Cost "Another base model": "Take the base model that succeeds, and measure again.";
    MultiTask "multi-task" Tune "Multi-task fine-tuning": "Train on all tasks' data at once, and evaluate every task.";
    Merging "merging" Tune "Merging": "Train separately from the same base, merge the weights, and evaluate every task.";
    TenantAdapters "tenant-adapters" Tune "Adapters per customer": "Keep one base and an adapter for each customer.";
}

impl Outcome {
    /// Whether weights are changed.
    pub const fn is_training(self) -> bool {
        matches!(
            self,
            Self::Sft
                | Self::PreferenceTuning
                | Self::Distillation
                | Self::ContinuedPretraining
                | Self::Infilling
                | Self::LongContext
                | Self::RagAndTuning
                | Self::MultiTask
                | Self::Merging
                | Self::TenantAdapters
        )
    }
}

/// What a rule asks of a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Condition {
    /// It holds.
    Yes(Fact),
    /// It does not hold.
    No(Fact),
    /// It does not hold, is undecided or was skipped.
    NotYes(Fact),
    /// It holds, is undecided or was skipped.
    NotNo(Fact),
    /// Counted, and too few to tell.
    Undecided(Fact),
}

impl Condition {
    /// The fact that is asked about.
    pub const fn fact(self) -> Fact {
        match self {
            Self::Yes(fact) | Self::No(fact) | Self::NotYes(fact) | Self::NotNo(fact) | Self::Undecided(fact) => fact,
        }
    }

    /// Whether it is met.
    pub fn allows(self, holds: Holds) -> bool {
        match self {
            Self::Yes(_) => holds == Holds::Yes,
            Self::No(_) => holds == Holds::No,
            Self::NotYes(_) => holds != Holds::Yes,
            Self::NotNo(_) => holds != Holds::No,
            Self::Undecided(_) => holds == Holds::Undecided,
        }
    }

    /// The condition in words.
    pub fn words(self) -> String {
        let fact = self.fact().words();
        match self {
            Self::Yes(_) => fact.to_owned(),
            Self::No(_) => format!("not: {fact}"),
            Self::NotYes(_) => format!("not yet: {fact}"),
            Self::NotNo(_) => format!("not ruled out: {fact}"),
            Self::Undecided(_) => format!("too few to tell whether {fact}"),
        }
    }
}

/// A rule.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Word in JSON.
    pub id: String,
    /// Name on screen.
    pub name: String,
    /// All of these must be met.
    pub when: Vec<Condition>,
    /// What follows.
    pub outcome: Outcome,
    /// It settles the matter: no rule below it is asked.
    #[serde(default)]
    pub stops: bool,
    /// Why.
    pub reason: String,
    /// Where that is from.
    pub source: String,
}

/// A reason against fine-tuning.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Against {
    /// Word in JSON.
    pub id: String,
    /// Name on screen.
    pub name: String,
    /// All of these must be met; empty: always.
    pub when: Vec<Condition>,
    /// Why.
    pub reason: String,
    /// Who pays for it.
    pub pays: String,
    /// Where that is from.
    pub source: String,
}

/// All rules.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// Rules in the order they are asked.
    pub rules: Vec<Rule>,
    /// Reasons against fine-tuning.
    pub against: Vec<Against>,
}

/// The rules that ship with the program.
pub fn rules() -> &'static Rules {
    static RULES: OnceLock<Rules> = OnceLock::new();
    // A test reads the file, so it is never empty in a release.
    RULES.get_or_init(|| parse(include_str!("../../assets/decide/rules.ron")).unwrap_or_default())
}

fn parse(text: &str) -> Result<Rules, ron::error::SpannedError> {
    ron::from_str(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_reads_and_every_rule_says_why_and_where_from() {
        let read = parse(include_str!("../../assets/decide/rules.ron"));
        assert!(read.is_ok(), "{read:?}");
        let all = rules();
        let mut ids: Vec<&str> = all.rules.iter().map(|rule| rule.id.as_str()).collect();
        ids.extend(all.against.iter().map(|against| against.id.as_str()));
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count, "two rules share an id");
        for rule in &all.rules {
            assert!(!rule.when.is_empty() && !rule.reason.is_empty() && !rule.source.is_empty(), "{}", rule.id);
        }
        for against in &all.against {
            assert!(!against.reason.is_empty() && !against.pays.is_empty() && !against.source.is_empty());
        }
    }
}
