//! What the rules look at: answers and counts boiled down to four values.
//!
//! A share counts as "mostly" when Wilson's lower end is above a half, and as "present" when it is above a quarter; an
//! interval no wider than ten points is taken as it is seen. Below the needed count a fact is undecided, and so is every
//! verdict that rests on it.

use super::break_even::{Pays, pays};
use super::stats::{Interval, kappa_interval, wilson};
use crate::plan::decision::{AnswerForm, Answers, Evaluation, Retrieval, Tasks};
use serde::Deserialize;

pub mod kinds;
pub mod shares;
mod versions;

pub use kinds::{Kinds, PRESENT};
pub use shares::{Proportion, proportions};

/// Examples at which most see whether fine-tuning helps: start with about 50 well-crafted ones (Huyen, 2025, ch. 8).
pub const ENOUGH_EXAMPLES: u64 = 50;
/// Most examples in a prompt: usually between 1 and 50 (Huyen, 2025, ch. 7).
pub const FULL_PROMPT: u64 = 50;
/// Static tokens from which vendors cache a prompt's head where no least length was typed (OpenAI's documentation, 2026).
pub const LONG_PROMPT_TOKENS: u64 = 1024;
/// Agreement called substantial (Landis & Koch, 1977).
pub const GOOD_KAPPA: f64 = 0.61;
/// Half the width of the score's interval from which a target inside it is missed or met by a point at most.
pub const NEAR: f64 = 0.01;

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

    /// Whether it is settled.
    pub const fn is_known(self) -> bool {
        matches!(self, Self::Yes | Self::No)
    }

    /// Both hold.
    const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Yes, Self::Yes) => Self::Yes,
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Undecided, _) | (_, Self::Undecided) => Self::Undecided,
            _ => Self::Unknown,
        }
    }

    /// One of the two holds.
    const fn or(self, other: Self) -> Self {
        self.not().and(other.not()).not()
    }

    const fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            open => open,
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
    NearTarget: "the score is within a point of the target", ["evaluation.correct", "evaluation.examples", "evaluation.target"];
    TargetProvable: "a target below 100 %, which a sample can show to be met", ["evaluation.target"];
    VersionMeets: "a kept version of the prompt meets the target on the same set", ["prompts", "evaluation.examples", "evaluation.correct", "evaluation.target"];
    VersionBetter: "a kept version of the prompt scores better on the same set than what is in use", ["prompts", "evaluation.examples", "evaluation.correct"];
    FromRealUse: "its examples come from real use", ["evaluation.from_real_use"];
    PromptsVersioned: "prompt versions are kept and scored", ["prompts"];
    InstructionsClear: "the instructions are clear", ["instructions_clear"];
    ExamplesTried: "examples in the prompt were tried", ["prompts"];
    PromptFull: "the prompt holds as many examples as it can, or all there are", ["prompts", "examples"];
    Classifies: "an answer is one of a set of labels", ["answer_kind"];
    Extracts: "an answer is spans or fields of the input", ["answer_kind"];
    FailuresRead: "enough wrong answers were read", ["failures.missing", "failures.format", "failures.wrong_label", "failures.reasoning", "failures.unclear_task"];
    UnsafeAnswers: "unsafe answers were counted", ["failures.unsafe"];
    InformationMostly: "most failures are of information", ["failures.missing", "failures.outdated", "failures.private", "failures.retrieval_miss"];
    BehaviourMostly: "most failures are of behaviour", ["failures.format", "failures.off_topic", "failures.style", "failures.unsafe", "failures.ignored_context"];
    BothKinds: "failures are of information and of behaviour", ["failures.missing", "failures.outdated", "failures.private", "failures.retrieval_miss", "failures.format", "failures.off_topic", "failures.style", "failures.unsafe", "failures.ignored_context"];
    InformationFails: "information fails, alone or beside behaviour", ["failures.missing", "failures.outdated", "failures.private", "failures.retrieval_miss"];
    FormatOnly: "most failures of behaviour are of format, and decoding is free", ["failures.format", "constrained_decoding"];
    LabelsMostly: "most failures are wrong labels or spans", ["failures.wrong_label"];
    FormFails: "what fails is form: behaviour that no grammar mends, or labels", ["failures.style", "failures.off_topic", "failures.unsafe", "failures.ignored_context", "failures.wrong_label"];
    ReasoningMostly: "most failures are of reasoning", ["failures.reasoning"];
    UnclearMostly: "most failures are of an unclear task or broken input", ["failures.unclear_task", "failures.input_error"];
    InputMostly: "most failures are of broken input", ["failures.input_error"];
    NoMajority: "no kind is most of the failures", ["failures.missing", "failures.format", "failures.wrong_label", "failures.reasoning", "failures.unclear_task"];
    Retrieves: "facts are retrieved", ["retrieval"];
    RetrievesTerms: "facts are retrieved by terms", ["retrieval"];
    RetrievesVectors: "facts are retrieved by embeddings", ["retrieval"];
    IdealContextFails: "it fails with the ideal context too", ["ideal_context_fails"];
    FactsChange: "facts change or must be cited", ["facts_change"];
    LongInputsFail: "long inputs fail and short ones do not", ["long_inputs_fail"];
    WholeInput: "the whole input is needed at once", ["whole_input"];
    LongerWindow: "a base with a longer window succeeds", ["longer_window"];
    ExamplesEnough: "there are enough good examples", ["examples"];
    ExamplesForTwo: "there are enough good examples for two customers", ["examples"];
    MayTrain: "they may be used for training", ["rights"];
    LabelsAgree: "annotators agree on the labels", ["agreement", "agreement_examples"];
    PreferencePairs: "one of several right answers is preferred, and enough pairs show it", ["preference", "preference_pairs"];
    RawDomain: "the domain's language is foreign to the base, and there is plenty of raw text", ["domain_language", "raw_text"];
    RawText: "there is plenty of raw text", ["raw_text"];
    FillIn: "text is filled in between", ["fill_in"];
    TasksTogether: "several tasks have their data in one place", ["tasks"];
    TasksApart: "several tasks have separate data or models", ["tasks"];
    PerTenant: "each customer has a task", ["tasks"];
    StrongerHelps: "a stronger base succeeds and may answer in production", ["stronger_model", "stronger_serves", "in_house"];
    StrongerTeaches: "a stronger base succeeds and its outputs may train another", ["stronger_model", "teacher_allowed"];
    TooExpensive: "a request costs too much or is too slow", ["too_expensive"];
    Cacheable: "a long head of the prompt is not cached yet", ["static_tokens", "caching"];
    TuningPays: "the tuned model is cheaper at the requests a month", ["costs"];
    TeacherAllowed: "the model's outputs may train another", ["teacher_allowed"];
    OtherTasks: "other tasks must not get worse", ["other_tasks"];
    Owner: "named people will keep it alive", ["owner"];
    VendorRetires: "somebody else can retire the base model", ["vendor_retires"];
    InHouse: "data stays in house or the model runs on a device", ["in_house"];
    Budget: "there is a budget", ["budget"];
    InterestOnly: "interest is the only reason", ["interest_only"];
}

/// Every fact of `answers`, in the order of [`Fact::ALL`].
pub fn facts(answers: &Answers) -> Vec<Holds> {
    let kinds = Kinds::of(answers);
    Fact::ALL.iter().map(|fact| holds(*fact, answers, &kinds)).collect()
}

fn holds(fact: Fact, answers: &Answers, kinds: &Kinds) -> Holds {
    match fact {
        Fact::EvaluationExists => {
            answers.evaluation.examples.map_or(Holds::Unknown, |examples| yes_or_no(examples > 0))
        }
        Fact::TargetMet => target_met(&answers.evaluation),
        Fact::NearTarget => near_target(&answers.evaluation),
        Fact::TargetProvable => answers.evaluation.target.map_or(Holds::Unknown, |target| yes_or_no(target < 1.0)),
        Fact::VersionMeets => versions::meets(answers),
        Fact::VersionBetter => versions::better(answers),
        Fact::FromRealUse => answered(answers.evaluation.from_real_use),
        Fact::PromptsVersioned => answers.prompts.as_ref().map_or(Holds::Unknown, |all| yes_or_no(all.len() >= 2)),
        Fact::InstructionsClear => answered(answers.instructions_clear),
        Fact::ExamplesTried => examples_tried(answers),
        Fact::PromptFull => prompt_full(answers),
        Fact::Classifies => chosen(answers.answer_kind, AnswerForm::Label),
        Fact::Extracts => chosen(answers.answer_kind, AnswerForm::Spans),
        Fact::FailuresRead => kinds.are_read(),
        Fact::UnsafeAnswers => answers.failures.unsafe_answer.map_or(Holds::Unknown, |count| yes_or_no(count > 0)),
        Fact::InformationMostly => kinds.mostly(kinds.information),
        Fact::BehaviourMostly => kinds.mostly(kinds.behaviour),
        Fact::BothKinds => kinds.both(),
        Fact::InformationFails => kinds.mostly(kinds.information).or(kinds.both()),
        Fact::FormatOnly => format_only(answers, kinds),
        Fact::LabelsMostly => kinds.mostly(kinds.labels),
        Fact::FormFails => {
            let behaviour = kinds.mostly(kinds.behaviour).and(not_yes(kinds.both()));
            behaviour.and(not_yes(format_only(answers, kinds))).or(kinds.mostly(kinds.labels))
        }
        Fact::ReasoningMostly => kinds.mostly(kinds.reasoning),
        Fact::UnclearMostly => kinds.mostly(kinds.unclear),
        Fact::InputMostly => kinds.mostly(kinds.input),
        Fact::NoMajority => kinds.no_majority(),
        Fact::Retrieves => answers.retrieval.map_or(Holds::Unknown, |how| yes_or_no(how != Retrieval::Nothing)),
        Fact::RetrievesTerms => chosen(answers.retrieval, Retrieval::Terms),
        Fact::RetrievesVectors => chosen(answers.retrieval, Retrieval::Vectors),
        Fact::IdealContextFails => answered(answers.ideal_context_fails),
        Fact::FactsChange => answered(answers.facts_change),
        Fact::LongInputsFail => answered(answers.long_inputs_fail),
        Fact::WholeInput => answered(answers.whole_input),
        Fact::LongerWindow => answered(answers.longer_window),
        Fact::ExamplesEnough => enough(answers.examples),
        Fact::ExamplesForTwo => match answers.examples {
            // How the examples are shared out among customers is not asked, so no count is beyond doubt.
            Some(examples) if examples < 2 * ENOUGH_EXAMPLES => Holds::No,
            Some(_) => Holds::Undecided,
            None => Holds::Unknown,
        },
        Fact::MayTrain => answered(answers.rights),
        Fact::LabelsAgree => labels_agree(answers),
        Fact::PreferencePairs => answered(answers.preference).and(enough(answers.preference_pairs)),
        Fact::RawDomain => answered(answers.domain_language).and(answered(answers.raw_text)),
        Fact::RawText => answered(answers.raw_text),
        Fact::FillIn => answered(answers.fill_in),
        Fact::TasksTogether => chosen(answers.tasks, Tasks::Together),
        Fact::TasksApart => chosen(answers.tasks, Tasks::Apart),
        Fact::PerTenant => chosen(answers.tasks, Tasks::PerTenant),
        Fact::StrongerHelps => stronger_helps(answers),
        Fact::StrongerTeaches => answered(answers.stronger_model).and(answered(answers.teacher_allowed)),
        Fact::TooExpensive => answered(answers.too_expensive),
        Fact::Cacheable => cacheable(answers),
        Fact::TuningPays => match pays(answers) {
            Pays::Yes => Holds::Yes,
            Pays::No => Holds::No,
            Pays::WithinTheRange => Holds::Undecided,
            Pays::Unknown => Holds::Unknown,
        },
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

/// Whether a fact has not been seen to hold.
const fn not_yes(holds: Holds) -> Holds {
    yes_or_no(!matches!(holds, Holds::Yes))
}

fn chosen<T: PartialEq + Copy>(answer: Option<T>, wanted: T) -> Holds {
    answer.map_or(Holds::Unknown, |answer| yes_or_no(answer == wanted))
}

fn enough(count: Option<u64>) -> Holds {
    count.map_or(Holds::Unknown, |count| yes_or_no(count >= ENOUGH_EXAMPLES))
}

/// Most of behaviour is format, and no grammar holds it yet.
fn format_only(answers: &Answers, kinds: &Kinds) -> Holds {
    match answers.constrained_decoding {
        Some(true) => Holds::No,
        _ => kinds.mostly_format(),
    }
}

fn score(evaluation: &Evaluation) -> Option<(Interval, f64)> {
    let (correct, examples, target) = (evaluation.correct?, evaluation.examples?, evaluation.target?);
    Some((wilson(correct, examples)?, target))
}

fn target_met(evaluation: &Evaluation) -> Holds {
    match score(evaluation) {
        None => Holds::Unknown,
        Some((interval, target)) if interval.low >= target => Holds::Yes,
        Some((interval, target)) if interval.high < target => Holds::No,
        Some(_) => Holds::Undecided,
    }
}

/// The interval holds the target and is so narrow that no sensible number of labels would settle on which side it is.
fn near_target(evaluation: &Evaluation) -> Holds {
    match (target_met(evaluation), score(evaluation)) {
        (Holds::Undecided, Some((interval, _))) => yes_or_no(interval.high - interval.low <= 2.0 * NEAR),
        (Holds::Yes | Holds::No, _) => Holds::No,
        _ => Holds::Unknown,
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

/// As many examples inside as a prompt usually takes, or as there are.
fn prompt_full(answers: &Answers) -> Holds {
    let Some(versions) = &answers.prompts else { return Holds::Unknown };
    let inside = versions.iter().filter_map(|version| version.examples).max().unwrap_or(0);
    let all = answers.examples.map_or(FULL_PROMPT, |examples| examples.min(FULL_PROMPT));
    yes_or_no(inside > 0 && inside >= all)
}

/// By the interval of the kappa; without a number of examples a low kappa is still a warning, and a high one no proof.
fn labels_agree(answers: &Answers) -> Holds {
    let Some(kappa) = answers.agreement else { return Holds::Unknown };
    match answers.agreement_examples.and_then(|examples| kappa_interval(kappa, examples)) {
        Some(interval) if interval.low >= GOOD_KAPPA => Holds::Yes,
        Some(interval) if interval.high < GOOD_KAPPA => Holds::No,
        None if kappa < GOOD_KAPPA => Holds::No,
        _ => Holds::Undecided,
    }
}

/// Where data stays in house, a stronger base is taken to serve only if somebody says so.
fn stronger_helps(answers: &Answers) -> Holds {
    let serves = match (answers.stronger_serves, answers.in_house) {
        (Some(serves), _) => serves,
        (None, in_house) => in_house != Some(true),
    };
    answered(answers.stronger_model).and(yes_or_no(serves))
}

/// A head long enough for the vendor that is not cached, as far as anybody said.
fn cacheable(answers: &Answers) -> Holds {
    let least = answers.costs.as_ref().and_then(|costs| costs.cache.as_ref()).map_or(0, |cache| cache.least_tokens);
    let least = if least == 0 { LONG_PROMPT_TOKENS } else { least };
    let is_long = answers.static_tokens.map_or(Holds::Unknown, |tokens| yes_or_no(tokens >= least));
    is_long.and(yes_or_no(answers.caching != Some(true)))
}
