//! Other answers a question could have had, the nearest first.

use crate::decide::rules::Outcome;
use crate::plan::decision::questions::{AnswerKind, AnswerValue, Question};
use crate::plan::decision::{Answers, PromptVersion, problems};

/// Counts are tried one by one this far to either side, then in growing steps.
const NEAR: u64 = 50;
/// Largest count that is tried.
const FAR: u64 = 1_000_000;

/// Every other answer that makes sense beside the rest: in words, with all answers.
pub fn of(question: &Question, answers: &Answers) -> Vec<(String, Answers)> {
    if question.kind == AnswerKind::Prompts {
        return prompts(answers);
    }
    let present = (question.get)(answers);
    // Another size of the set with the same score would be another measurement, not another answer.
    if question.id == "evaluation.examples" && !matches!(present, AnswerValue::Skipped | AnswerValue::Count(0)) {
        let mut none = answers.clone();
        (none.evaluation.examples, none.evaluation.correct) = (Some(0), None);
        return vec![("none".to_owned(), none)];
    }
    let known = problems(answers);
    values(question.kind, &present)
        .into_iter()
        .filter(|value| *value != present)
        .map(|value| {
            let mut changed = answers.clone();
            (question.set)(&mut changed, &value);
            (question.in_words(&value), changed)
        })
        // A count that contradicts the others is no answer that could be given; what was wrong before, such as prices
        // without a day, says nothing of it.
        .filter(|(_, changed)| problems(changed).iter().all(|problem| known.contains(problem)))
        .collect()
}

fn values(kind: AnswerKind, present: &AnswerValue) -> Vec<AnswerValue> {
    match kind {
        AnswerKind::YesNo => vec![AnswerValue::YesNo(true), AnswerValue::YesNo(false)],
        AnswerKind::Choice(choices) => choices.iter().map(|(id, _)| AnswerValue::Choice(id)).collect(),
        AnswerKind::Count => {
            let now = match present {
                AnswerValue::Count(count) => *count,
                _ => 0,
            };
            let mut steps: Vec<u64> = (1..=NEAR).collect();
            let mut step = NEAR;
            while step < FAR {
                step += step / 8;
                steps.push(step);
            }
            let mut values = vec![AnswerValue::Count(0)];
            for step in steps {
                values.extend(now.checked_sub(step).map(AnswerValue::Count));
                values.push(AnswerValue::Count(now.saturating_add(step)));
            }
            // Steps alone leap over what lies between a large count and a few.
            values.extend((1..64).map(|halves| now >> halves).take_while(|count| *count > 0).map(AnswerValue::Count));
            // None at all is the farthest answer, unless it is the nearest.
            if now > NEAR {
                values.rotate_left(1);
            }
            values
        }
        AnswerKind::Number { min, max } => {
            let now = match present {
                AnswerValue::Number(number) => *number,
                _ => max,
            };
            let rounded = |steps: i32| ((now * 100.0).round() + f64::from(steps)) / 100.0;
            (0..=200)
                .flat_map(|step| [rounded(-step), rounded(step)])
                .filter(|number| (min..=max).contains(number))
                .map(AnswerValue::Number)
                .collect()
        }
        AnswerKind::Text | AnswerKind::Prompts => Vec::new(),
    }
}

/// Of a count that leads to `outcomes`: the one nearest to the present answer that does, in words.
pub fn nearest(question: &Question, answers: &Answers, changed: &Answers, outcomes: &[Outcome]) -> Option<String> {
    if question.id == "evaluation.examples" {
        return None;
    }
    let AnswerValue::Count(mut far) = (question.get)(changed) else { return None };
    let mut near = match (question.get)(answers) {
        AnswerValue::Count(count) => count,
        _ => 0,
    };
    let leads = |count: u64| {
        let mut changed = answers.clone();
        (question.set)(&mut changed, &AnswerValue::Count(count));
        super::outcomes(&changed) == outcomes
    };
    while near.abs_diff(far) > 1 {
        let middle = u64::midpoint(near, far);
        if leads(middle) {
            far = middle;
        } else {
            near = middle;
        }
    }
    leads(far).then(|| question.in_words(&AnswerValue::Count(far)))
}

/// None kept; two scored; one of them with examples.
fn prompts(answers: &Answers) -> Vec<(String, Answers)> {
    let present = answers.prompts.as_ref();
    let with = |prompts: Vec<PromptVersion>| Answers { prompts: Some(prompts), ..answers.clone() };
    let version = |name: &str, examples| PromptVersion {
        name: name.to_owned(),
        correct: 1,
        of: 1,
        examples: Some(examples),
        lost: None,
    };
    let mut all = Vec::new();
    if present.is_none_or(|versions| !versions.is_empty()) {
        all.push(("none kept".to_owned(), with(Vec::new())));
    }
    let kept = present.cloned().unwrap_or_default();
    if kept.len() < 2 {
        let two = kept.iter().cloned().chain([version("a", 0), version("b", 0)]).collect();
        all.push(("two or more, scored, without examples inside".to_owned(), with(two)));
    }
    if !kept.iter().any(|version| version.examples.is_some_and(|count| count > 0)) {
        let more = kept.into_iter().chain([version("a", 0), version("b", 5)]).collect();
        all.push(("two or more, scored, one with examples inside".to_owned(), with(more)));
    }
    all
}
