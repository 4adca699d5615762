//! Counts that cannot all be true: told at entry, and nothing is recommended upon them.

use super::{AnswerForm, Answers, Failures, PromptVersion, Retrieval, is_date};
use crate::units::grouped;

/// Failures of all kinds.
pub fn counted_failures(f: &Failures) -> u64 {
    let information = [f.missing, f.outdated, f.private, f.retrieval_miss];
    let behaviour = [f.format, f.off_topic, f.style, f.unsafe_answer, f.ignored_context];
    let others = [f.wrong_label, f.reasoning, f.unclear_task, f.input_error];
    let all = information.into_iter().chain(behaviour).chain(others);
    all.flatten().fold(0, u64::saturating_add)
}

/// Counts that contradict each other: path and message.
pub fn contradictions(answers: &Answers) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut say = |path: String, message: String| found.push((path, message));
    let evaluation = &answers.evaluation;
    if let (Some(correct), Some(examples)) = (evaluation.correct, evaluation.examples)
        && correct > examples
    {
        let message = format!("{correct} right answers of {examples} examples: correct one of the two counts");
        say("evaluation.correct".to_owned(), message);
    }
    let failures = counted_failures(&answers.failures);
    if let Some(examples) = evaluation.examples.filter(|examples| *examples > 0) {
        let wrong = examples.saturating_sub(evaluation.correct.unwrap_or(0));
        let what = if evaluation.correct.is_some() { "are wrong" } else { "are in the evaluation set" };
        if failures > wrong {
            let (failures, wrong) = (grouped(failures), grouped(wrong));
            let message = format!(
                "{failures} failures are counted and only {wrong} answers {what}: count the first failure of each wrong answer once"
            );
            say("failures".to_owned(), message);
        }
    }
    let missed = answers.failures.retrieval_miss.unwrap_or(0);
    if missed > 0 && answers.retrieval == Some(Retrieval::Nothing) {
        let message = format!(
            "retrieval missed {} texts and nothing is retrieved: correct one of the two answers",
            grouped(missed)
        );
        say("failures.retrieval_miss".to_owned(), message);
    }
    for (path, message) in answers_at_odds(answers) {
        say(path.to_owned(), message);
    }
    let versions = answers.prompts.as_deref().unwrap_or_default();
    for (index, version) in versions.iter().enumerate() {
        if version.correct > version.of {
            let message = format!("prompt `{}` has {} right of {}", version.name, version.correct, version.of);
            say(format!("prompts.{index}.correct"), message);
        }
        let before = index.checked_sub(1).and_then(|before| versions.get(before));
        if let Some(message) = before.and_then(|before| turned(before, version)) {
            say(format!("prompts.{index}.lost"), message);
        }
    }
    found
}

/// What is wrong with the day of the prices, where it lies after `today` (`YYYY-MM-DD`, empty where it is not known).
pub fn quoted_later(answers: &Answers, today: &str) -> Option<String> {
    let date = &answers.costs.as_ref()?.date;
    let is_later = is_date(date) && is_date(today) && date.as_str() > today;
    is_later.then(|| format!("prices as of {date} lie in the future, today is {today}: correct the day of the prices"))
}

/// Single answers that cannot both be true.
fn answers_at_odds(answers: &Answers) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    let ignored = answers.failures.ignored_context.unwrap_or(0);
    if ignored > 0 && answers.retrieval == Some(Retrieval::Nothing) {
        let count = grouped(ignored);
        let message = format!(
            "{count} answers ignored the right text in the prompt and nothing is retrieved: correct one of the two answers"
        );
        found.push(("failures.ignored_context", message));
    }
    let labels = answers.failures.wrong_label.unwrap_or(0);
    if labels > 0 && answers.answer_kind == Some(AnswerForm::Text) {
        let message = format!(
            "{} labels or spans are wrong and an answer is free text, which has none: correct one of the two answers",
            grouped(labels)
        );
        found.push(("failures.wrong_label", message));
    }
    if answers.stronger_model == Some(false) && answers.stronger_serves == Some(true) {
        let message = "no stronger base succeeds and that one may answer in production: leave out the second, or say that one succeeds";
        found.push(("stronger_serves", message.to_owned()));
    }
    let pairs = answers.preference_pairs.unwrap_or(0);
    if pairs > 0 && answers.preference == Some(false) {
        let message = format!(
            "{} pairs of a better and a worse answer, and no answer is preferred: correct one of the two answers",
            grouped(pairs)
        );
        found.push(("preference_pairs", message));
    }
    if answers.static_tokens == Some(0) && answers.caching == Some(true) {
        let message = "a head of no tokens is cached: correct one of the two answers";
        found.push(("caching", message.to_owned()));
    }
    found
}

/// What is impossible about the answers that turned wrong from one version to the next.
fn turned(before: &PromptVersion, version: &PromptVersion) -> Option<String> {
    let lost = version.lost?;
    if before.of != version.of {
        let name = &version.name;
        return Some(format!(
            "prompt `{name}` was tried on another number of examples than `{}`: nothing turned",
            before.name
        ));
    }
    let least = before.correct.saturating_sub(version.correct);
    // What turned right was wrong before, and what turned wrong is wrong now.
    let most = before.correct.min(version.of.saturating_sub(version.correct));
    (!(least..=most).contains(&lost)).then(|| {
        format!(
            "{lost} answers turned wrong from `{}` to `{}`: the scores allow {least} to {most}",
            before.name, version.name
        )
    })
}
