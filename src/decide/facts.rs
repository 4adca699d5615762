//! What the rules look at: answers and counts boiled down to four values.
//!
//! A share counts as "mostly" only when Wilson's lower end is above a half, and as "present" when it is above a
//! quarter; below the needed count a fact is undecided, and so is every verdict that rests on it.

use super::stats::{majority_needed, more_until_told_from, wilson};
use crate::plan::decision::{Answers, Failures, Retrieval, Tasks};
use crate::units::grouped;
use crate::units::share_words;
use serde::Deserialize;

/// Examples at which most see whether fine-tuning helps: start with about 50 well-crafted ones (Huyen, 2025, ch. 8).
pub const ENOUGH_EXAMPLES: u64 = 50;
/// Static tokens from which vendors cache a prompt's head (OpenAI's documentation, 2026: 1,024).
pub const LONG_PROMPT_TOKENS: u64 = 1024;
/// Agreement called substantial (Landis & Koch, 1977).
pub const GOOD_KAPPA: f64 = 0.61;
/// A kind of failure is present when even the lower end of its share is above this: a convention of this program.
pub const PRESENT: f64 = 0.25;

/// Whether a fact holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Holds {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// Counted, and too few to tell.
    Undecided,
    /// Not answered.
    Unknown,
}

impl Holds {
    /// All.
    pub const ALL: [Self; 4] = [Self::Yes, Self::No, Self::Undecided, Self::Unknown];

    /// Word on screen.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Undecided => "not distinguishable yet",
            Self::Unknown => "not answered",
        }
    }
}

macro_rules! facts {
    ($($name:ident: $words:literal, [$($question:literal),*];)*) => {
        /// A fact that rules ask about.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[allow(missing_docs, reason = "`words` says what each is")]
        pub enum Fact {
            $($name),*
        }

        impl Fact {
            /// All, in the order of the path.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// What it says, as a half-sentence.
            pub const fn words(self) -> &'static str {
                match self { $(Self::$name => $words),* }
            }

            /// Ids of the questions it is made from.
            pub const fn questions(self) -> &'static [&'static str] {
                match self { $(Self::$name => &[$($question),*]),* }
            }
        }
    };
}

facts! {
    EvaluationExists: "there is an evaluation set", ["evaluation.examples"];
    TargetMet: "the target is met", ["evaluation.correct", "evaluation.examples", "evaluation.target"];
    FromRealUse: "its examples come from real use", ["evaluation.from_real_use"];
    PromptsVersioned: "prompt versions are kept and scored", ["prompts"];
    InstructionsClear: "the instructions are clear", ["instructions_clear"];
    ExamplesTried: "examples in the prompt were tried", ["prompts"];
    InformationMostly: "most failures are of information", ["failures.missing", "failures.outdated", "failures.private", "failures.retrieval_miss"];
    BehaviourMostly: "most failures are of behaviour", ["failures.format", "failures.off_topic", "failures.style", "failures.unsafe", "failures.ignored_context"];
    BothKinds: "failures are of information and of behaviour", ["failures.missing", "failures.outdated", "failures.private", "failures.retrieval_miss", "failures.format", "failures.off_topic", "failures.style", "failures.unsafe", "failures.ignored_context"];
    FormatOnly: "most failures of behaviour are of format, and decoding is free", ["failures.format", "constrained_decoding"];
    ReasoningMostly: "most failures are of reasoning", ["failures.reasoning"];
    UnclearMostly: "most failures are of an unclear task or broken input", ["failures.unclear_task", "failures.input_error"];
    Retrieves: "facts are retrieved", ["retrieval"];
    RetrievesTerms: "facts are retrieved by terms", ["retrieval"];
    RetrievesVectors: "facts are retrieved by embeddings", ["retrieval"];
    IdealContextFails: "it fails with the ideal context too", ["ideal_context_fails"];
    FactsChange: "facts change or must be cited", ["facts_change"];
    LongInputsFail: "long inputs fail and short ones do not", ["long_inputs_fail"];
    WholeInput: "the whole input is needed at once", ["whole_input"];
    ExamplesEnough: "there are enough good examples that may be used", ["examples", "rights"];
    LabelsAgree: "annotators agree on the labels", ["agreement"];
    PreferenceMatters: "several answers are right and one is preferred", ["preference"];
    PairsEnough: "there are enough preference pairs", ["preference_pairs", "rights"];
    DomainLanguage: "the domain's language is foreign to the base model", ["domain_language"];
    RawText: "there is plenty of raw text", ["raw_text"];
    FillIn: "text is filled in between", ["fill_in"];
    TasksTogether: "several tasks have their data in one place", ["tasks"];
    TasksApart: "several tasks have separate data or models", ["tasks"];
    PerTenant: "each customer has a task", ["tasks"];
    StrongerModel: "a stronger base model succeeds", ["stronger_model"];
    TooExpensive: "a request costs too much or is too slow", ["too_expensive"];
    LongPrompt: "the prompt has a long static head", ["static_tokens"];
    Cached: "the prompt's head is cached", ["caching"];
    TeacherAllowed: "the model's outputs may train another", ["teacher_allowed"];
    OtherTasks: "other tasks must not get worse", ["other_tasks"];
    Owner: "named people will keep it alive", ["owner"];
    VendorRetires: "somebody else can retire the base model", ["vendor_retires"];
    InHouse: "data stays in house or the model runs on a device", ["in_house"];
    Budget: "there is a budget", ["budget"];
    InterestOnly: "interest is the only reason", ["interest_only"];
}

/// Sums of failures by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kinds {
    /// Missing, outdated, private facts, and texts that retrieval missed.
    pub information: u64,
    /// Format, topic, style, safety, and context that was ignored.
    pub behaviour: u64,
    /// Wrong conclusions.
    pub reasoning: u64,
    /// Unclear tasks and broken inputs.
    pub unclear: u64,
    /// Wrong formats, within behaviour.
    pub format: u64,
    /// All of them.
    pub total: u64,
    /// Whether anything was counted at all.
    pub counted: bool,
}

impl Kinds {
    /// Sums of `failures`; a kind that was skipped counts as none.
    pub fn of(failures: &Failures) -> Self {
        let sum =
            |counts: &[Option<u64>]| counts.iter().flatten().fold(0, |sum: u64, count| sum.saturating_add(*count));
        let f = failures;
        let information = sum(&[f.missing, f.outdated, f.private, f.retrieval_miss]);
        let behaviour = sum(&[f.format, f.off_topic, f.style, f.unsafe_answer, f.ignored_context]);
        let (reasoning, unclear) = (sum(&[f.reasoning]), sum(&[f.unclear_task, f.input_error]));
        let total =
            [information, behaviour, reasoning, unclear].iter().fold(0, |sum: u64, kind| sum.saturating_add(*kind));
        let counted = *failures != Failures::default();
        Self { information, behaviour, reasoning, unclear, format: f.format.unwrap_or(0), total, counted }
    }

    /// Name and sum of each kind, in the order of the path.
    pub const fn named(&self) -> [(&'static str, u64); 4] {
        [
            ("Information", self.information),
            ("Behaviour", self.behaviour),
            ("Reasoning", self.reasoning),
            ("Task or input", self.unclear),
        ]
    }
}

/// Every fact of `answers`, in the order of [`Fact::ALL`].
pub fn facts(answers: &Answers) -> Vec<Holds> {
    let kinds = Kinds::of(&answers.failures);
    Fact::ALL.iter().map(|fact| holds(*fact, answers, &kinds)).collect()
}

fn holds(fact: Fact, answers: &Answers, kinds: &Kinds) -> Holds {
    let share = |count: u64| mostly(count, kinds.total, kinds.counted);
    match fact {
        Fact::EvaluationExists => {
            answers.evaluation.examples.map_or(Holds::Unknown, |examples| yes_or_no(examples > 0))
        }
        Fact::TargetMet => target_met(answers),
        Fact::FromRealUse => answered(answers.evaluation.from_real_use),
        Fact::PromptsVersioned => answers.prompts.as_ref().map_or(Holds::Unknown, |all| yes_or_no(all.len() >= 2)),
        Fact::InstructionsClear => answered(answers.instructions_clear),
        Fact::ExamplesTried => examples_tried(answers),
        Fact::InformationMostly => share(kinds.information),
        Fact::BehaviourMostly => share(kinds.behaviour),
        Fact::BothKinds => both_kinds(kinds),
        Fact::FormatOnly => format_only(answers, kinds),
        Fact::ReasoningMostly => share(kinds.reasoning),
        Fact::UnclearMostly => share(kinds.unclear),
        Fact::Retrieves => answers.retrieval.map_or(Holds::Unknown, |how| yes_or_no(how != Retrieval::Nothing)),
        Fact::RetrievesTerms => chosen(answers.retrieval, Retrieval::Terms),
        Fact::RetrievesVectors => chosen(answers.retrieval, Retrieval::Vectors),
        Fact::IdealContextFails => answered(answers.ideal_context_fails),
        Fact::FactsChange => answered(answers.facts_change),
        Fact::LongInputsFail => answered(answers.long_inputs_fail),
        Fact::WholeInput => answered(answers.whole_input),
        Fact::ExamplesEnough => usable(answers.examples, answers.rights),
        Fact::LabelsAgree => answers.agreement.map_or(Holds::Unknown, |kappa| yes_or_no(kappa >= GOOD_KAPPA)),
        Fact::PreferenceMatters => answered(answers.preference),
        Fact::PairsEnough => usable(answers.preference_pairs, answers.rights),
        Fact::DomainLanguage => answered(answers.domain_language),
        Fact::RawText => answered(answers.raw_text),
        Fact::FillIn => answered(answers.fill_in),
        Fact::TasksTogether => chosen(answers.tasks, Tasks::Together),
        Fact::TasksApart => chosen(answers.tasks, Tasks::Apart),
        Fact::PerTenant => chosen(answers.tasks, Tasks::PerTenant),
        Fact::StrongerModel => answered(answers.stronger_model),
        Fact::TooExpensive => answered(answers.too_expensive),
        Fact::LongPrompt => {
            answers.static_tokens.map_or(Holds::Unknown, |tokens| yes_or_no(tokens >= LONG_PROMPT_TOKENS))
        }
        Fact::Cached => answered(answers.caching),
        Fact::TeacherAllowed => answered(answers.teacher_allowed),
        Fact::OtherTasks => answered(answers.other_tasks),
        Fact::Owner => answered(answers.owner),
        Fact::VendorRetires => answered(answers.vendor_retires),
        Fact::InHouse => answered(answers.in_house),
        Fact::Budget => answered(answers.budget),
        Fact::InterestOnly => answered(answers.interest_only),
    }
}

const fn yes_or_no(yes: bool) -> Holds {
    if yes { Holds::Yes } else { Holds::No }
}

const fn answered(answer: Option<bool>) -> Holds {
    match answer {
        Some(yes) => yes_or_no(yes),
        None => Holds::Unknown,
    }
}

fn chosen<T: PartialEq + Copy>(answer: Option<T>, wanted: T) -> Holds {
    answer.map_or(Holds::Unknown, |answer| yes_or_no(answer == wanted))
}

/// Enough of them, and allowed. A no to the rights settles it; an open question about them does not.
fn usable(count: Option<u64>, rights: Option<bool>) -> Holds {
    match (count, rights) {
        (_, Some(false)) => Holds::No,
        (Some(count), _) => yes_or_no(count >= ENOUGH_EXAMPLES),
        (None, _) => Holds::Unknown,
    }
}

/// More than half, beyond doubt.
fn mostly(count: u64, total: u64, counted: bool) -> Holds {
    match wilson(count, total) {
        _ if !counted => Holds::Unknown,
        Some(interval) if interval.low > 0.5 => Holds::Yes,
        Some(interval) if interval.high < 0.5 => Holds::No,
        // The interval holds a half, or there is none of what is asked about.
        _ => Holds::Undecided,
    }
}

/// Each of the two is present beyond doubt, and neither is the majority.
fn both_kinds(kinds: &Kinds) -> Holds {
    if !kinds.counted {
        return Holds::Unknown;
    }
    let (Some(information), Some(behaviour)) =
        (wilson(kinds.information, kinds.total), wilson(kinds.behaviour, kinds.total))
    else {
        return Holds::Undecided;
    };
    if information.low > 0.5 || behaviour.low > 0.5 || information.high < PRESENT || behaviour.high < PRESENT {
        Holds::No
    } else if information.low > PRESENT && behaviour.low > PRESENT {
        Holds::Yes
    } else {
        Holds::Undecided
    }
}

/// Most of behaviour is format, and no grammar holds it yet.
fn format_only(answers: &Answers, kinds: &Kinds) -> Holds {
    match answers.constrained_decoding {
        Some(true) => Holds::No,
        _ => mostly(kinds.format, kinds.behaviour, kinds.counted),
    }
}

fn target_met(answers: &Answers) -> Holds {
    let evaluation = &answers.evaluation;
    let (Some(correct), Some(examples), Some(target)) = (evaluation.correct, evaluation.examples, evaluation.target)
    else {
        return Holds::Unknown;
    };
    match wilson(correct, examples) {
        Some(interval) if interval.low >= target => Holds::Yes,
        Some(interval) if interval.high < target => Holds::No,
        _ => Holds::Undecided,
    }
}

fn examples_tried(answers: &Answers) -> Holds {
    let Some(versions) = &answers.prompts else { return Holds::Unknown };
    if versions.iter().any(|version| version.examples.is_some_and(|count| count > 0)) {
        Holds::Yes
    } else if versions.iter().all(|version| version.examples == Some(0)) {
        Holds::No
    } else {
        Holds::Unknown
    }
}

/// A share of counted things, with what it takes to tell it from a threshold.
#[derive(Clone, Debug, PartialEq)]
pub struct Proportion {
    /// What is counted.
    pub name: String,
    /// How many.
    pub count: u64,
    /// Of how many.
    pub total: u64,
    /// The share it is compared with, where there is one.
    pub against: Option<f64>,
    /// About how many more labels tell it from that, where it cannot be told yet and ever will.
    pub more: Option<u64>,
    /// Whether it can be told from that.
    pub told: bool,
}

impl Proportion {
    fn new(name: String, count: u64, total: u64, against: Option<f64>) -> Self {
        let interval = wilson(count, total);
        let told = match (interval, against) {
            (Some(interval), Some(share)) => interval.low > share || interval.high < share,
            _ => true,
        };
        let more = match against {
            Some(share) if !told => more_until_told_from(count, total, share),
            _ => None,
        };
        Self { name, count, total, against, more, told }
    }

    /// `21 of 30, 70 % (52 % to 83 %)`.
    pub fn words(&self) -> String {
        let Some(interval) = wilson(self.count, self.total) else { return "nothing counted".to_owned() };
        let share = self.count.min(self.total) as f64 / self.total as f64;
        format!(
            "{} of {}, {} ({} to {})",
            grouped(self.count),
            grouped(self.total),
            share_words(share),
            share_words(interval.low),
            share_words(interval.high)
        )
    }

    /// What follows where it cannot be told apart: a sentence, or nothing.
    pub fn advice(&self) -> Option<String> {
        let share = self.against.filter(|_| !self.told)?;
        let against = share_words(share);
        Some(match (self.more, majority_needed(self.total)) {
            (Some(more), Some(needed)) if share == 0.5 => format!(
                "not distinguishable from {against} yet: label about {} more ({} of {} would do now)",
                grouped(more),
                grouped(needed),
                grouped(self.total)
            ),
            (Some(more), _) => format!("not distinguishable from {against} yet: label about {} more", grouped(more)),
            (None, _) => format!("not distinguishable from {against}, and no number of labels within reason will tell"),
        })
    }
}

/// Every share the answers contain, in the order of the path.
pub fn proportions(answers: &Answers) -> Vec<Proportion> {
    let mut all = Vec::new();
    if let (Some(correct), Some(examples)) = (answers.evaluation.correct, answers.evaluation.examples) {
        all.push(Proportion::new("Right now".to_owned(), correct, examples, answers.evaluation.target));
    }
    for version in answers.prompts.iter().flatten() {
        all.push(Proportion::new(format!("Prompt {}", version.name), version.correct, version.of, None));
    }
    let kinds = Kinds::of(&answers.failures);
    if kinds.counted {
        for (name, count) in kinds.named() {
            all.push(Proportion::new(name.to_owned(), count, kinds.total, Some(0.5)));
        }
        if kinds.format > 0 {
            all.push(Proportion::new("Format among behaviour".to_owned(), kinds.format, kinds.behaviour, Some(0.5)));
        }
    }
    all
}
