//! The table itself.

use super::{AnswerKind, AnswerValue, Question, Step};
use crate::plan::decision::{AnswerForm, Retrieval, Tasks};

/// Words for the ways to retrieve facts.
const RETRIEVALS: &[(&str, &str)] =
    &[("nothing", "Not at all"), ("terms", "By terms (BM25)"), ("vectors", "By embeddings, or both")];
/// Words for what an answer is.
const ANSWERS: &[(&str, &str)] =
    &[("text", "Free text"), ("label", "One of a set of labels"), ("spans", "Spans or fields of the input")];
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
    choice!(
        "answer_kind",
        Prompt,
        "What an answer is",
        answer_kind,
        ANSWERS,
        ["text" = AnswerForm::Text, "label" = AnswerForm::Label, "spans" = AnswerForm::Spans],
        "A label or a span can come from a classifier or a small encoder, which cost a fraction of a generated text."
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
        "failures.wrong_label",
        Failures,
        "Wrong label",
        "failures",
        failures.wrong_label,
        "Labels: a wrong class, or a wrong or missed span, though the input says it."
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
    choice!(
        "retrieval",
        Retrieve,
        "Retrieval in use now",
        retrieval,
        RETRIEVALS,
        ["nothing" = Retrieval::Nothing, "terms" = Retrieval::Terms, "vectors" = Retrieval::Vectors],
        "Term-based retrieval is the place to start; embeddings come later and complicate inference."
    ),
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
        "longer_window",
        Retrieve,
        "A base with a longer window succeeds",
        longer_window,
        "Another base holds the whole input and answers it: the nearest way before any training for length."
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
        "Examples that show the wanted behaviour, counted in all and not for each customer; about 50 well-crafted ones for a task show whether more will help."
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
        "Cohen's or Fleiss' kappa of two or more people on the labels that would be trained on."
    ),
    count!(
        "agreement_examples",
        Tune,
        "Agreement measured on",
        "examples",
        agreement_examples,
        "Examples that all of them labelled: the more there are, the less the kappa is off."
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
    choice!(
        "tasks",
        Tune,
        "Tasks to be tuned for",
        tasks,
        TASKS,
        ["one" = Tasks::One, "together" = Tasks::Together, "apart" = Tasks::Apart, "per_tenant" = Tasks::PerTenant],
        "Several tasks can be trained together, one after the other (which forgets), separately and merged, or as adapters."
    ),
    yes_no!(
        "stronger_model",
        Cost,
        "A stronger base model succeeds",
        stronger_model,
        "Prompted alike, on the same evaluation set."
    ),
    yes_no!(
        "stronger_serves",
        Cost,
        "The stronger base may answer in production",
        stronger_serves,
        "Where the data may go, on the device, at the price. Skipped, it is taken as no where data stays in house."
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
