//! Whether the fine-tuned model is cheaper at the requests that the team expects: a fact of the rules.

use super::{BreakEven, Crossing, break_even};
use crate::plan::decision::Answers;

/// Whether fine-tuning is the cheapest of the ways that can be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pays {
    /// Cheaper than every other way, at the far end of the range too.
    Yes,
    /// Some other way is cheaper, at the near end of the range too.
    No,
    /// The expected requests lie within the range of a crossing.
    WithinTheRange,
    /// Prices or the requests a month are not typed.
    Unknown,
}

impl Pays {
    /// Word in JSON.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Yes => "pays",
            Self::No => "does-not-pay",
            Self::WithinTheRange => "within-the-range",
            Self::Unknown => "unknown",
        }
    }
}

/// Whether it pays for the costs in `answers`.
pub fn pays(answers: &Answers) -> Pays {
    answers.costs.as_ref().map_or(Pays::Unknown, |costs| break_even(costs).pays(costs.uncertainty))
}

impl BreakEven {
    /// Whether it pays at the expected requests; `uncertainty` of the sums, as it made the ranges.
    pub fn pays(&self, uncertainty: f64) -> Pays {
        let requests = self.requests_per_month;
        if requests <= 0.0 || self.against.is_empty() {
            return Pays::Unknown;
        }
        let each: Vec<Pays> = self.against.iter().map(|against| at(against.crossing, requests, uncertainty)).collect();
        if each.contains(&Pays::No) {
            Pays::No
        } else if each.iter().all(|pays| *pays == Pays::Yes) {
            Pays::Yes
        } else {
            Pays::WithinTheRange
        }
    }
}

fn at(crossing: Crossing, requests: f64, uncertainty: f64) -> Pays {
    let doubt = uncertainty.clamp(0.0, 0.9);
    match crossing {
        Crossing::Always => Pays::Yes,
        Crossing::Never => Pays::No,
        Crossing::From { low, .. } if requests < low => Pays::No,
        Crossing::From { high: Some(high), .. } if requests >= high => Pays::Yes,
        Crossing::UpTo(most) if requests <= most * (1.0 - doubt) / (1.0 + doubt) => Pays::Yes,
        Crossing::UpTo(most) if requests > most * (1.0 + doubt) / (1.0 - doubt) => Pays::No,
        Crossing::From { .. } | Crossing::UpTo(_) => Pays::WithinTheRange,
    }
}
