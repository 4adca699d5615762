//! The table itself.

use super::{AnswerKind, AnswerValue, Question, Step};
use crate::plan::decision::{Retrieval, Tasks};

macro_rules! yes_no {
    ($id:literal, $step:ident, $label:literal, $($path:ident).+, $help:literal) => {
        Question {
            id: $id, step: Step::$step, label: $label, unit: "", help: $help, kind: AnswerKind::YesNo,
            get: |answers| answers.$($path).+.map_or(AnswerValue::Skipped, AnswerValue::YesNo),
            set: |answers, value| match value {
                AnswerValue::Skipped => answers.$($path).+ = None,
                AnswerValue::YesNo(yes) => answers.$($path).+ = Some(*yes),
                _ => {}
            },
        }
    };
}

macro_rules! count {
    ($id:literal, $step:ident, $label:literal, $unit:literal, $($path:ident).+, $help:literal) => {
        Question {
            id: $id, step: Step::$step, label: $label, unit: $unit, help: $help, kind: AnswerKind::Count,
            get: |answers| answers.$($path).+.map_or(AnswerValue::Skipped, AnswerValue::Count),
            set: |answers, value| match value {
                AnswerValue::Skipped => answers.$($path).+ = None,
                AnswerValue::Count(count) => answers.$($path).+ = Some(*count),
                _ => {}
            },
        }
    };
}

macro_rules! number {
    ($id:literal, $step:ident, $label:literal, $unit:literal, $min:literal, $max:literal, $($path:ident).+, $help:literal) => {
        Question {
            id: $id, step: Step::$step, label: $label, unit: $unit, help: $help,
            kind: AnswerKind::Number { min: $min, max: $max },
            get: |answers| answers.$($path).+.map_or(AnswerValue::Skipped, AnswerValue::Number),
            set: |answers, value| match value {
                AnswerValue::Skipped => answers.$($path).+ = None,
                AnswerValue::Number(number) => answers.$($path).+ = Some(*number),
                _ => {}
            },
        }
    };
}

/// Words for the ways to retrieve facts.
const RETRIEVALS: &[(&str, &str)] =
    &[("nothing", "Not at all"), ("terms", "By terms (BM25)"), ("vectors", "By embeddings, or both")];
/// Words for the tasks.
const TASKS: &[(&str, &str)] = &[
    ("one", "One"),
    ("together", "Several, data in one place"),
    ("apart", "Several, separate data or models"),
    ("per_tenant", "One for each customer"),
];

/// Every question, in the order of the path.
pub static QUESTIONS: &[Question] = &[
    count!(
        "evaluation.examples",
        Evaluate,
        "Evaluation set",
        "examples",
        evaluation.examples,
        "Labelled examples that no prompt was written on; 0 where there are none. Without it nothing below can be told apart."
    ),
    Question {
        id: "evaluation.metric",
        step: Step::Evaluate,
        label: "What counts as right",
        unit: "",
        help: "The metric by which an answer is right or wrong, as two people would apply it alike.",
        kind: AnswerKind::Text,
        get: |answers| {
            let metric = &answers.evaluation.metric;
            if metric.is_empty() { AnswerValue::Skipped } else { AnswerValue::Text(metric.clone()) }
        },
        set: |answers, value| match value {
            AnswerValue::Skipped => answers.evaluation.metric.clear(),
            AnswerValue::Text(text) => answers.evaluation.metric.clone_from(text),
            _ => {}
        },
    },
    count!(
        "evaluation.correct",
        Evaluate,
        "Right now",
        "examples",
        evaluation.correct,
        "Examples of the evaluation set that the present best solution gets right."
    ),
    number!(
        "evaluation.target",
        Evaluate,
        "Good enough",
        "%",
        0.0,
        1.0,
        evaluation.target,
        "Share of right answers at which you would ship."
    ),
    yes_no!(
        "evaluation.from_real_use",
        Evaluate,
        "Examples from real use",
        evaluation.from_real_use,
        "Made-up examples measure made-up use; coverage should mirror what users send."
    ),
    Question {
        id: "prompts",
        step: Step::Prompt,
        label: "Prompt versions",
        unit: "",
        help: "Each version with its score on the same examples: most cases of prompting that does not work are unclear instructions, unrepresentative examples or a vague metric.",
        kind: AnswerKind::Prompts,
        get: |answers| {
            answers.prompts.as_ref().map_or(AnswerValue::Skipped, |versions| {
                let words: Vec<String> = versions
                    .iter()
                    .map(|v| {
                        let inside = v.examples.map_or_else(String::new, |n| format!(" with {n} examples"));
                        format!("{} {}/{}{inside}", v.name, v.correct, v.of)
                    })
                    .collect();
                AnswerValue::Text(if words.is_empty() { "none kept".to_owned() } else { words.join(", ") })
            })
        },
        set: |answers, value| {
            if *value == AnswerValue::Skipped {
                answers.prompts = None;
            }
        },
    },
    yes_no!(
        "instructions_clear",
        Prompt,
        "Instructions are clear",
        instructions_clear,
        "A person who never saw the task could follow the prompt and two of them would answer alike."
    ),
    count!(
        "failures.missing",
        Failures,
        "Fact missing",
        "failures",
        failures.missing,
        "Information: the model does not have the fact."
    ),
    count!(
        "failures.outdated",
        Failures,
        "Fact outdated",
        "failures",
        failures.outdated,
        "Information: it was true when the model was trained."
    ),
    count!(
        "failures.private",
        Failures,
        "Fact private",
        "failures",
        failures.private,
        "Information: only your organisation has it."
    ),
    count!(
        "failures.format",
        Failures,
        "Wrong format",
        "failures",
        failures.format,
        "Behaviour: right, but not parseable or not in the structure asked for."
    ),
    count!(
        "failures.off_topic",
        Failures,
        "Off topic",
        "failures",
        failures.off_topic,
        "Behaviour: right, but not what was asked."
    ),
    count!(
        "failures.style",
        Failures,
        "Wrong style",
        "failures",
        failures.style,
        "Behaviour: right, but in another tone, length or voice."
    ),
    count!(
        "failures.unsafe",
        Failures,
        "Unsafe",
        "failures",
        failures.unsafe_answer,
        "Behaviour: should not have been said."
    ),
    count!(
        "failures.reasoning",
        Failures,
        "Wrong reasoning",
        "failures",
        failures.reasoning,
        "All facts are there and the conclusion is wrong."
    ),
    count!(
        "failures.unclear_task",
        Failures,
        "Task unclear",
        "failures",
        failures.unclear_task,
        "People would not agree on the right answer either."
    ),
    count!(
        "failures.input_error",
        Failures,
        "Input broken",
        "failures",
        failures.input_error,
        "Scan, transcript or parsing went wrong before the model."
    ),
    count!(
        "failures.retrieval_miss",
        Failures,
        "Retrieval missed",
        "failures",
        failures.retrieval_miss,
        "Information: the text is in the collection and was not found."
    ),
    count!(
        "failures.ignored_context",
        Failures,
        "Context ignored",
        "failures",
        failures.ignored_context,
        "Behaviour: the right text was in the prompt and was not used."
    ),
    Question {
        id: "retrieval",
        step: Step::Retrieve,
        label: "Retrieval in use now",
        unit: "",
        help: "Term-based retrieval is the place to start; embeddings come later and complicate inference.",
        kind: AnswerKind::Choice(RETRIEVALS),
        get: |answers| {
            answers.retrieval.map_or(AnswerValue::Skipped, |retrieval| {
                AnswerValue::Choice(match retrieval {
                    Retrieval::Nothing => "nothing",
                    Retrieval::Terms => "terms",
                    Retrieval::Vectors => "vectors",
                })
            })
        },
        set: |answers, value| {
            answers.retrieval = match value {
                AnswerValue::Skipped => None,
                AnswerValue::Choice("nothing") => Some(Retrieval::Nothing),
                AnswerValue::Choice("terms") => Some(Retrieval::Terms),
                AnswerValue::Choice("vectors") => Some(Retrieval::Vectors),
                _ => answers.retrieval,
            }
        },
    },
    yes_no!(
        "ideal_context_fails",
        Retrieve,
        "Fails with the ideal context",
        ideal_context_fails,
        "Paste the right text by hand: if the answer is still wrong, retrieval will not help."
    ),
    yes_no!(
        "facts_change",
        Retrieve,
        "Facts change or must be cited",
        facts_change,
        "Faster than a model would be trained again, or with a source to show."
    ),
    yes_no!(
        "long_inputs_fail",
        Retrieve,
        "Long inputs fail, short ones do not",
        long_inputs_fail,
        "The same question succeeds on a short document and fails on a long one."
    ),
    yes_no!(
        "whole_input",
        Retrieve,
        "The whole input is needed at once",
        whole_input,
        "A summary of all of it, not an answer from a few passages."
    ),
    yes_no!(
        "constrained_decoding",
        Tune,
        "Decoding is constrained already",
        constrained_decoding,
        "A grammar or JSON schema that the decoder cannot leave."
    ),
    count!(
        "examples",
        Tune,
        "Good labelled examples",
        "examples",
        examples,
        "Examples that show the wanted behaviour; about 50 well-crafted ones show whether more will help."
    ),
    yes_no!("rights", Tune, "They may be used for training", rights, "Licence, contracts, privacy and policy."),
    number!(
        "agreement",
        Tune,
        "Agreement of annotators",
        "κ",
        -1.0,
        1.0,
        agreement,
        "Cohen's or Fleiss' kappa on the same examples; the tally below computes it."
    ),
    yes_no!(
        "preference",
        Tune,
        "Several answers are right, one is preferred",
        preference,
        "What is wanted shows in a choice between two answers rather than in one right answer."
    ),
    count!(
        "preference_pairs",
        Tune,
        "Preference pairs",
        "pairs",
        preference_pairs,
        "Prompts with a better and a worse answer."
    ),
    yes_no!(
        "domain_language",
        Tune,
        "The domain's language is foreign to the base",
        domain_language,
        "A language, notation or jargon that the base model hardly saw."
    ),
    yes_no!(
        "raw_text",
        Tune,
        "Plenty of raw text of the domain",
        raw_text,
        "Unlabelled, cheap, and far more than there are labelled examples."
    ),
    yes_no!(
        "fill_in",
        Tune,
        "Text is filled in between",
        fill_in,
        "Editing or code completion between a given beginning and end, which the base model was not trained for."
    ),
    Question {
        id: "tasks",
        step: Step::Tune,
        label: "Tasks to be tuned for",
        unit: "",
        help: "Several tasks can be trained together, one after the other (which forgets), separately and merged, or as adapters.",
        kind: AnswerKind::Choice(TASKS),
        get: |answers| {
            answers.tasks.map_or(AnswerValue::Skipped, |tasks| {
                AnswerValue::Choice(match tasks {
                    Tasks::One => "one",
                    Tasks::Together => "together",
                    Tasks::Apart => "apart",
                    Tasks::PerTenant => "per_tenant",
                })
            })
        },
        set: |answers, value| {
            answers.tasks = match value {
                AnswerValue::Skipped => None,
                AnswerValue::Choice("one") => Some(Tasks::One),
                AnswerValue::Choice("together") => Some(Tasks::Together),
                AnswerValue::Choice("apart") => Some(Tasks::Apart),
                AnswerValue::Choice("per_tenant") => Some(Tasks::PerTenant),
                _ => answers.tasks,
            }
        },
    },
    yes_no!(
        "stronger_model",
        Cost,
        "A stronger base model succeeds",
        stronger_model,
        "Prompted alike, on the same evaluation set."
    ),
    yes_no!("too_expensive", Cost, "A request costs too much or is too slow", too_expensive, "Whatever the quality."),
    count!(
        "static_tokens",
        Cost,
        "Static head of the prompt",
        "tokens",
        static_tokens,
        "Tokens at the beginning that are the same in every request: what can be cached."
    ),
    yes_no!(
        "caching",
        Cost,
        "It is cached already",
        caching,
        "Prompt caching reuses the head at a fraction of its price."
    ),
    yes_no!(
        "teacher_allowed",
        Cost,
        "Its outputs may train another model",
        teacher_allowed,
        "Licences and terms of use of many models forbid it."
    ),
    yes_no!(
        "other_tasks",
        Upkeep,
        "Other tasks must not get worse",
        other_tasks,
        "Gains on one task can cost quality on others."
    ),
    yes_no!(
        "owner",
        Upkeep,
        "Named people serve, watch and retrain it",
        owner,
        "A tuned model needs serving, monitoring and a policy for updates."
    ),
    yes_no!(
        "vendor_retires",
        Upkeep,
        "Somebody else can retire the base model",
        vendor_retires,
        "A hosted base model ends when its vendor says so, and its fine-tunes with it."
    ),
    yes_no!(
        "in_house",
        Upkeep,
        "Data stays in house, or it runs on a device",
        in_house,
        "Privacy, offline use or a device decide where the model can run."
    ),
    yes_no!(
        "budget",
        Upkeep,
        "There is money for labels, runs and upkeep",
        budget,
        "Data comes before the first result, and upkeep after it."
    ),
    yes_no!(
        "interest_only",
        Upkeep,
        "Interest is the only reason",
        interest_only,
        "A fine reason to learn, none to ship."
    ),
];
