//! Shares of what was counted, each with its interval and with what it takes to tell it from a threshold.

use super::NEAR;
use super::kinds::{Kinds, TOLERANCE};
use crate::decide::stats::{majority_needed, more_until_narrower, more_until_told_from, wilson};
use crate::plan::decision::Answers;
use crate::units::{grouped, share_words};

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
    /// It cannot, and is so near that more labels would not change what to do.
    pub is_narrow: bool,
}

impl Proportion {
    /// A share compared with `against`; at half a width of `tolerance` it is taken as it is seen.
    fn new(name: String, count: u64, total: u64, against: Option<f64>, tolerance: Option<f64>) -> Self {
        let interval = wilson(count, total);
        let told = match (interval, against) {
            (Some(interval), Some(share)) => interval.low > share || interval.high < share,
            _ => true,
        };
        let is_narrow =
            interval.zip(tolerance).is_some_and(|(interval, half)| interval.high - interval.low <= 2.0 * half);
        let more = match against {
            Some(share) if !told && !is_narrow => {
                let narrower = tolerance.and_then(|half| more_until_narrower(count, total, half));
                [more_until_told_from(count, total, share), narrower].into_iter().flatten().min()
            }
            _ => None,
        };
        Self { name, count, total, against, more, told, is_narrow: is_narrow && !told }
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
        if share >= 1.0 {
            return Some(format!("no number of examples shows {against}: set a target below it"));
        }
        if self.is_narrow {
            return Some(format!("as good as {against}: more labels would not change what to do first"));
        }
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
        all.push(Proportion::new("Right now".to_owned(), correct, examples, answers.evaluation.target, Some(NEAR)));
    }
    for version in answers.prompts.iter().flatten() {
        all.push(Proportion::new(format!("Prompt {}", version.name), version.correct, version.of, None, None));
    }
    let kinds = Kinds::of(answers);
    if kinds.counted {
        for (name, count) in kinds.named() {
            all.push(Proportion::new(name.to_owned(), count, kinds.total, Some(0.5), Some(TOLERANCE)));
        }
        if kinds.input > 0 {
            let name = "Broken input".to_owned();
            all.push(Proportion::new(name, kinds.input, kinds.total, Some(0.5), Some(TOLERANCE)));
        }
        if kinds.format > 0 {
            all.push(Proportion::new(
                "Format among behaviour".to_owned(),
                kinds.format,
                kinds.behaviour,
                Some(0.5),
                Some(TOLERANCE),
            ));
        }
    }
    all
}
