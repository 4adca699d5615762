//! Failures by kind, and when one of them is most of all.

use crate::decide::facts::Holds;
use crate::decide::stats::wilson;
use crate::plan::decision::{Answers, Failures};

/// A kind of failure is present when even the lower end of its share is above this: a convention of this program.
pub const PRESENT: f64 = 0.25;
/// Half the width of an interval from which a share is taken as it is seen, even where the interval holds the threshold:
/// beyond it more labels would not change what to do first. A convention of this program.
pub const TOLERANCE: f64 = 0.05;

/// Fewest wrong answers that are read before a kind can be most of them: a convention of this program. Husain and Shankar
/// read about a hundred; a handful that agree by chance would pass any interval.
pub const LEAST_READ: u64 = 30;

/// Sums of failures by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kinds {
    /// Missing, outdated, private facts, and texts that retrieval missed.
    pub information: u64,
    /// Format, topic, style, safety, and context that was ignored.
    pub behaviour: u64,
    /// Wrong classes, wrong or missed spans.
    pub labels: u64,
    /// Wrong conclusions.
    pub reasoning: u64,
    /// Unclear tasks and broken inputs.
    pub unclear: u64,
    /// Wrong formats, within behaviour.
    pub format: u64,
    /// Broken inputs, within unclear.
    pub input: u64,
    /// Wrong answers there are, where it is known.
    pub wrong: Option<u64>,
    /// All of them.
    pub total: u64,
    /// Whether anything was counted at all.
    pub counted: bool,
}

impl Kinds {
    /// Sums of the failures; a kind that was skipped counts as none.
    pub fn of(answers: &Answers) -> Self {
        let failures = &answers.failures;
        let evaluation = &answers.evaluation;
        let sum = |counts: &[Option<u64>]| counts.iter().flatten().copied().fold(0, u64::saturating_add);
        let f = failures;
        Self {
            information: sum(&[f.missing, f.outdated, f.private, f.retrieval_miss]),
            behaviour: sum(&[f.format, f.off_topic, f.style, f.unsafe_answer, f.ignored_context]),
            labels: sum(&[f.wrong_label]),
            reasoning: sum(&[f.reasoning]),
            unclear: sum(&[f.unclear_task, f.input_error]),
            format: f.format.unwrap_or(0),
            input: f.input_error.unwrap_or(0),
            wrong: evaluation.examples.zip(evaluation.correct).and_then(|(all, right)| all.checked_sub(right)),
            total: crate::plan::decision::counted_failures(f),
            counted: *failures != Failures::default(),
        }
    }

    /// Name and sum of each kind, in the order of the path.
    pub const fn named(&self) -> [(&'static str, u64); 5] {
        [
            ("Information", self.information),
            ("Behaviour", self.behaviour),
            ("Labels", self.labels),
            ("Reasoning", self.reasoning),
            ("Task or input", self.unclear),
        ]
    }

    /// How many more wrong answers are to be read before a share of them says anything; 0: enough were.
    pub fn unread(&self) -> u64 {
        let most = self.named().into_iter().map(|(_, count)| count).max().unwrap_or(0);
        match self.wrong {
            // Whatever the rest turn out to be, they do not outweigh what was read.
            Some(wrong) if most > wrong / 2 => 0,
            Some(wrong) => LEAST_READ.min(wrong).saturating_sub(self.total),
            None => LEAST_READ.saturating_sub(self.total),
        }
    }

    /// Whether enough wrong answers were read.
    pub fn are_read(&self) -> Holds {
        match (self.counted, self.unread()) {
            (false, _) => Holds::Unknown,
            (true, 0) => Holds::Yes,
            (true, _) => Holds::No,
        }
    }

    /// Whether `count` of all failures is more than half of them.
    pub fn mostly(&self, count: u64) -> Holds {
        self.share(count, self.total, 0.5)
    }

    /// Whether a share of what was read is above a threshold; undecided while too few were read.
    fn share(&self, count: u64, total: u64, threshold: f64) -> Holds {
        match self.are_read() {
            Holds::Yes => above(count, total, threshold),
            Holds::No => Holds::Undecided,
            open => open,
        }
    }

    /// Whether failures of information and of behaviour are both present, one of them in the majority or not.
    pub fn both(&self) -> Holds {
        if !self.counted {
            return Holds::Unknown;
        }
        let present = |count| self.share(count, self.total, PRESENT);
        match (present(self.information), present(self.behaviour)) {
            (Holds::Yes, Holds::Yes) => Holds::Yes,
            (Holds::No, _) | (_, Holds::No) => Holds::No,
            _ => Holds::Undecided,
        }
    }

    /// Whether no kind is more than half, and the two great ones are not both present.
    pub fn no_majority(&self) -> Holds {
        if self.both() == Holds::Yes {
            return Holds::No;
        }
        let all: Vec<Holds> = self.named().iter().map(|(_, count)| self.mostly(*count)).collect();
        if all.contains(&Holds::Yes) {
            Holds::No
        } else if all.iter().all(|holds| *holds == Holds::No) {
            Holds::Yes
        } else {
            all.into_iter().find(|holds| *holds != Holds::No).unwrap_or(Holds::Undecided)
        }
    }

    /// Whether most of behaviour is format.
    pub fn mostly_format(&self) -> Holds {
        self.share(self.format, self.behaviour, 0.5)
    }
}

/// Whether a share is above `threshold`: beyond doubt, or as it is seen where the interval is narrow.
fn above(count: u64, total: u64, threshold: f64) -> Holds {
    match wilson(count, total) {
        Some(interval) if interval.low > threshold => Holds::Yes,
        Some(interval) if interval.high < threshold => Holds::No,
        Some(interval) if interval.high - interval.low <= 2.0 * TOLERANCE => {
            if count as f64 > threshold * total as f64 { Holds::Yes } else { Holds::No }
        }
        // Too few, or none of what is asked about.
        _ => Holds::Undecided,
    }
}
