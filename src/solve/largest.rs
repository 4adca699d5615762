//! How far a setting goes before the plan no longer fits: sequence, micro-batch, rank, context.
//!
//! Memory nearly always grows with these, but not always: state of 8-bit optimizers falls from four bytes a value to
//! one when a tensor reaches 4,096 values (bitsandbytes), and GaLore drops its projector when the rank reaches the
//! matrix. So the end found by doubling and bisection is checked: the next [`WINDOW`] values and a ladder up to the
//! setting's limit are tried, and the search goes on from any that fits.

use super::figures::{Figures, Known, changes, edited, memory_and_fit};
use super::pick;
use crate::estimate::serving::last_that;
use crate::estimate::{Fit, Inputs};
use crate::explained::Interval;
use crate::plan::edit::PlanEdit;
use crate::plan::field::id;
use crate::plan::field::{FieldId, FieldKind, FieldValue, field};
use crate::plan::{Plan, Workload};
use crate::units::{ByteUnit, grouped};

mod question;

pub use question::{Ending, Question};

/// Values above a found end that are tried one by one.
pub const WINDOW: u64 = 512;

/// One way to answer, with what it comes to.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// Value in words: `6,144 tokens`, `H100 SXM5 80GB`.
    pub value: String,
    /// The number, where the answer is one.
    pub number: Option<u64>,
    /// The change; `None` where the plan is so already.
    pub edit: Option<PlanEdit>,
    /// Settings it changes: label, before, after.
    pub changes: Vec<[String; 3]>,
    /// What the changed plan comes to.
    pub after: Figures,
}

impl Candidate {
    /// `edit` applied to `plan`; `None` where it is refused or names something unknown.
    pub(super) fn of(
        plan: &Plan,
        edit: PlanEdit,
        value: String,
        number: Option<u64>,
        known: Known<'_>,
    ) -> Option<Self> {
        let changed = edited(plan, &edit)?;
        let changes = changes(plan, &changed);
        let after = Figures::of_plan(&changed, known).ok()?;
        Some(Self { value, number, edit: (changed != *plan).then_some(edit), changes, after })
    }
}

/// One step too far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beyond {
    /// The value.
    pub value: u64,
    /// Its memory with the band.
    pub process: Interval,
    /// Its verdict: tight, or it does not fit.
    pub fit: Fit,
}

/// The answer to a question.
#[derive(Clone, Debug, PartialEq)]
pub struct Solution {
    /// What was asked.
    pub question: Question,
    /// How it ended.
    pub ending: Ending,
    /// Answers, best first: those that fit, or those that are tight where none fits. Where a setting is stretched, how
    /// far it fits and then how far it is tight.
    pub candidates: Vec<Candidate>,
    /// The plan as it is.
    pub before: Figures,
    /// The next step after the best answer.
    pub beyond: Option<Beyond>,
    /// All of it in a sentence or two.
    pub words: String,
}

impl Solution {
    /// The best answer.
    pub fn best(&self) -> Option<&Candidate> {
        self.candidates.first()
    }

    pub(super) fn without(question: Question, ending: Ending, before: Figures, words: String) -> Self {
        Self { question, ending, candidates: Vec::new(), before, beyond: None, words }
    }
}

/// Answers `question` for `plan`. `Err`: the plan names something unknown, in a sentence.
pub fn solve(plan: &Plan, question: Question, known: Known<'_>) -> Result<Solution, String> {
    let before = Figures::of_plan(plan, known)?;
    Ok(match question {
        Question::Accelerator => pick::accelerator(plan, before, known),
        _ if before.capacity.is_none() => {
            let words = "No accelerator is chosen, so nothing can fit or not: choose one under Hardware, or ask which \
                         accelerators would do.";
            Solution::without(question, Ending::NoDevice, before, words.to_owned())
        }
        Question::Model => pick::model(plan, before, known),
        Question::Devices => pick::devices(plan, before, known),
        Question::SequenceLength | Question::MicroBatch | Question::Rank | Question::Context => {
            stretch(plan, question, None, before, known)
        }
    })
}

/// Stretches a setting up to `most` (its own limit where `None`): the largest value that fits.
pub fn stretched(plan: &Plan, question: Question, most: Option<u64>, known: Known<'_>) -> Result<Solution, String> {
    let before = Figures::of_plan(plan, known)?;
    Ok(stretch(plan, question, most, before, known))
}

fn stretch(plan: &Plan, question: Question, most: Option<u64>, before: Figures, known: Known<'_>) -> Solution {
    let Some((id, least, limit)) = range(plan, question) else {
        let words =
            format!("{}: this plan has no such setting with the method {}.", question.label(), plan.method.method.id());
        return Solution::without(question, Ending::NoSuchSetting, before, words);
    };
    let most = most.map_or(limit, |most| most.min(limit)).max(least);
    let memory = |value: u64| {
        let changed = edited(plan, &edit_for(plan, question, id, value))?;
        let inputs = Inputs::resolve(&changed, known.catalog, known.profiles).ok()?;
        Some(memory_and_fit(&inputs))
    };
    let unit = ByteUnit::GiB;
    let surely = last_fitting(least, most, |value| memory(value).is_some_and(|(_, fit)| fit == Fit::Fits));
    let within = last_fitting(least, most, |value| memory(value).is_some_and(|(_, fit)| fit.is_within()));
    let Some(value) = surely.or(within) else {
        let needed = memory(least).map_or_else(String::new, |(process, _)| process.expected.display(unit));
        let capacity = before.capacity.map_or_else(String::new, |bytes| bytes.display(unit));
        let words = format!(
            "Nothing fits: even {} needs {needed} of {capacity}. Change something else first: Levers says what.",
            question.amount(least),
        );
        return Solution::without(question, Ending::NothingFits, before, words);
    };
    let candidate = |value: u64| {
        Candidate::of(plan, edit_for(plan, question, id, value), question.amount(value), Some(value), known)
    };
    let found = candidate(value);
    let beyond = value
        .checked_add(1)
        .filter(|next| *next <= most)
        .and_then(|next| memory(next).map(|(process, fit)| Beyond { value: next, process, fit }));
    let text = question.amount(value);
    let figures = found.as_ref().map_or_else(String::new, |found| found.after.memory_words(unit));
    let farther = within.filter(|end| surely.is_some_and(|sure| *end > sure));
    let (ending, mut words) = match (surely, beyond) {
        (None, _) => (
            Ending::OnlyTight,
            format!(
                "{}: nothing surely fits; up to {text} it is {} ({figures}).",
                question.label(),
                if found.as_ref().is_some_and(|found| found.after.fit == Fit::CannotSay) {
                    "not sure"
                } else {
                    "tight"
                }
            ),
        ),
        (Some(_), None) => {
            (Ending::EverythingFits, format!("Everything up to the setting's limit of {text} fits ({figures})."))
        }
        (Some(_), Some(next)) => {
            let after = match farther {
                Some(end) => format!("up to {} it is tight", question.amount(end)),
                None => format!(
                    "{} would need {} more than there is",
                    question.amount(next.value),
                    next.process.high.saturating_sub(before.capacity.unwrap_or_default()).display(unit)
                ),
            };
            (Ending::Found, format!("{} that fits: {text} ({figures}); {after}.", question.label()))
        }
    };
    words.push_str(&remarks(plan, question, value, known));
    let candidates = found.into_iter().chain(farther.and_then(candidate)).collect();
    Solution { question, ending, candidates, before, beyond, words }
}

/// Field, least and most of what is stretched.
fn range(plan: &Plan, question: Question) -> Option<(FieldId, u64, u64)> {
    let id: FieldId = match question {
        Question::SequenceLength | Question::Context => id::BATCH_SEQUENCE_LENGTH,
        Question::MicroBatch => id::BATCH_MICRO_BATCH,
        Question::Rank => id::METHOD_RANK,
        _ => return None,
    };
    let field = field(id)?;
    let FieldKind::Integer { min, max, .. } = field.kind else { return None };
    if !(field.applies)(plan) {
        return None;
    }
    match question {
        // The context is prompt and answer: the least is one token before the answer.
        Question::Context if plan.workload == Workload::Inference => {
            Some((id, plan.batch.new_tokens.saturating_add(min), plan.batch.new_tokens.saturating_add(max)))
        }
        _ => Some((id, min, max)),
    }
}

/// The change that makes the stretched setting `value`.
fn edit_for(plan: &Plan, question: Question, id: FieldId, value: u64) -> PlanEdit {
    let set = |id: FieldId, value: u64| PlanEdit::Set(id, FieldValue::Integer(value));
    let own = !plan.parallelism.micro_batches.is_empty();
    let even = PlanEdit::Set(id::PARALLELISM_MICRO_BATCHES, FieldValue::Counts(Vec::new()));
    match question {
        Question::MicroBatch if own => {
            PlanEdit::Group(vec![even, set(id, value)], format!("Micro-batch {} on every device", grouped(value)))
        }
        Question::Context => {
            let length = match plan.workload {
                Workload::Inference => value.saturating_sub(plan.batch.new_tokens),
                Workload::Training => value,
            };
            let mut edits = vec![set(id::BATCH_MICRO_BATCH, 1), set(id, length)];
            if plan.workload == Workload::Training {
                let kept = plan.batch.gradient_accumulation.saturating_mul(plan.batch.micro_batch).min(1 << 20);
                edits.push(set(id::BATCH_GRADIENT_ACCUMULATION, kept));
            }
            if own {
                edits.push(even);
            }
            PlanEdit::Group(edits, format!("Context of {} tokens, one sequence at a time", grouped(value)))
        }
        _ => set(id, value),
    }
}

/// What the number alone does not say.
fn remarks(plan: &Plan, question: Question, value: u64, known: Known<'_>) -> String {
    let mut words = String::new();
    if matches!(question, Question::SequenceLength | Question::Context)
        && let Ok(inputs) = Inputs::resolve(plan, known.catalog, known.profiles)
        && let Some(made_for) = inputs.architecture.max_positions
        && value > made_for
    {
        words = format!(
            " The model was made for {} positions; beyond them its position encoding must be extended.",
            grouped(made_for)
        );
    }
    if question == Question::MicroBatch && plan.workload == Workload::Training {
        let sequences = value.saturating_mul(plan.batch.gradient_accumulation);
        let some = |count: u64, what: &str| format!("{} {what}{}", grouped(count), if count == 1 { "" } else { "s" });
        let passes = match plan.batch.gradient_accumulation {
            1 => "1 pass".to_owned(),
            passes => format!("{} passes", grouped(passes)),
        };
        words = format!(
            " With {passes} accumulated a step sees {} on each device; fewer passes keep it as it was.",
            some(sequences, "sequence")
        );
    }
    words
}

/// The largest of `least` … `most` that `fits`; `None`: none was found.
///
/// Exact where memory grows with the value. Where it falls somewhere, values that fit again are found within
/// [`WINDOW`] above the end and on a ladder of powers of two and their halfway points up to `most`.
pub fn last_fitting(least: u64, most: u64, fits: impl Fn(u64) -> bool) -> Option<u64> {
    if least > most {
        return None;
    }
    let mut found = if fits(least) {
        // Counted from 1 at `least`.
        let steps = last_that(most - least + 1, |step| fits(least + step - 1));
        Some(least + steps - 1)
    } else {
        None
    };
    loop {
        let Some(again) = above(found.map_or(least, |value| value.saturating_add(1)), most, &fits) else {
            return found;
        };
        let rest = last_that(most - again + 1, |step| fits(again + step - 1));
        found = Some(again + rest - 1);
    }
}

/// The largest value from `from` on, of those tried, that fits.
fn above(from: u64, most: u64, fits: &impl Fn(u64) -> bool) -> Option<u64> {
    if from > most {
        return None;
    }
    let mut ladder = vec![most];
    let mut power = from.checked_next_power_of_two().unwrap_or(most);
    while power < most {
        ladder.push(power);
        ladder.push(power.saturating_add(power / 2).min(most));
        power = power.saturating_mul(2);
    }
    ladder.sort_unstable();
    let window = from..=from.saturating_add(WINDOW - 1).min(most);
    ladder.into_iter().rev().find(|value| fits(*value)).or_else(|| window.rev().find(|value| fits(*value)))
}

#[cfg(test)]
mod tests {
    use super::last_fitting;

    #[test]
    fn the_end_is_found_where_memory_grows_and_where_it_does_not() {
        assert_eq!(last_fitting(1, 1 << 20, |value| value <= 77_777), Some(77_777));
        assert_eq!(last_fitting(1, 100, |_| true), Some(100));
        assert_eq!(last_fitting(1, 100, |_| false), None);
        // It fits, does not, and fits again.
        assert_eq!(last_fitting(1, 1000, |value| value <= 10 || (60..=90).contains(&value)), Some(90));
        // The least does not fit, something larger does.
        assert_eq!(last_fitting(1, 65_536, |value| value >= 4096), Some(65_536));
        assert_eq!(last_fitting(257, 300, |value| value <= 280), Some(280));
    }
}
