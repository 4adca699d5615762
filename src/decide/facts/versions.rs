//! Kept versions of the prompt against what is in use: the advice rests on the best there is.

use super::Holds;
use crate::decide::paired::{Verdict, compare};
use crate::decide::stats::wilson;
use crate::plan::decision::{Answers, PromptVersion};

/// Versions that were tried on as many examples as the evaluation set has.
fn on_the_set(answers: &Answers) -> Option<impl Iterator<Item = &PromptVersion>> {
    let examples = answers.evaluation.examples.filter(|examples| *examples > 0)?;
    let versions = answers.prompts.as_ref()?;
    Some(versions.iter().filter(move |version| version.of == examples && version.correct <= examples))
}

/// Whether a version meets the target beyond doubt.
pub(super) fn meets(answers: &Answers) -> Holds {
    let (Some(mut versions), Some(target)) = (on_the_set(answers), answers.evaluation.target) else {
        return Holds::Unknown;
    };
    let reaches = |v: &PromptVersion| wilson(v.correct, v.of).is_some_and(|interval| interval.low >= target);
    if versions.any(reaches) { Holds::Yes } else { Holds::No }
}

/// Whether a version beats the score in use: undecided where chance, or how many answers turned, could explain it.
pub(super) fn better(answers: &Answers) -> Holds {
    let (Some(versions), Some(correct)) = (on_the_set(answers), answers.evaluation.correct) else {
        return Holds::Unknown;
    };
    let Some(best) = versions.max_by_key(|version| version.correct) else { return Holds::No };
    if best.correct <= correct {
        return Holds::No;
    }
    let present = PromptVersion { correct, of: best.of, ..PromptVersion::default() };
    // `lost` is about the version before it, not about what is in use.
    let step = compare(&present, &PromptVersion { lost: None, ..best.clone() });
    match step.map(|step| step.verdict) {
        Some(Verdict::Better) => Holds::Yes,
        _ => Holds::Undecided,
    }
}
