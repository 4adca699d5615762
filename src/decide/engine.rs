//! Which rules hold, what holds an outcome back, what drove it, what one answer would flip, what to find out next.

use super::facts::{Fact, Proportion, facts, proportions};
use super::rules::{Against, Need, NeedState, Outcome, Place, PlaceRule, Rule, all_met, of, rules};
use super::stats::{Samples, samples};
use crate::plan::decision::{Answers, contradictions};

mod alternatives;
mod drivers;
mod flips;
mod settled;
mod unsettled;
mod worth;

pub use drivers::Driver;
pub use flips::Flip;
pub use settled::{Settled, fired, settle};
pub use worth::Missing;

/// What follows from answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Recommendation {
    /// Whether there is advice, and if not, why.
    pub verdict: Verdict,
    /// What to do, in the order of the path; empty without a verdict.
    pub advice: Vec<Advice>,
    /// What a rule leads to and something that is not true holds back.
    pub held: Vec<Held>,
    /// Where training is done; `None` where nothing is trained.
    pub place: Option<&'static PlaceRule>,
    /// Counts that contradict each other: path and message.
    pub contradictions: Vec<(String, String)>,
    /// Facts that the rules rested on.
    pub drivers: Vec<Driver>,
    /// Single answers that would change the outcome, those that a team can choose first.
    pub flips: Vec<Flip>,
    /// What is not known and would matter, the most worth knowing first.
    pub missing: Vec<Missing>,
    /// Facts nobody knows that could change the recommendation; empty: it was tried, and no answer does.
    pub unsettled: Vec<Fact>,
    /// Reasons against fine-tuning that apply here.
    pub against: Vec<&'static Against>,
    /// Every share with its interval.
    pub proportions: Vec<Proportion>,
    /// Examples it takes to see the step from the present score to the target.
    pub samples: Option<Samples>,
}

/// Whether there is advice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// There is.
    Advice,
    /// Something that is not known, or counted too rarely, would lead to some.
    NotEnoughEvidence,
    /// Everything is known and no rule holds: a hole in the rules.
    NoRule,
    /// The answers contradict each other, so nothing follows from them.
    Contradiction,
}

impl Verdict {
    /// Word in JSON.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Advice => "advice",
            Self::NotEnoughEvidence => "not-enough-evidence",
            Self::NoRule => "no-rule",
            Self::Contradiction => "contradiction",
        }
    }

    /// Headline where there is no advice.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Advice => "Advice",
            Self::NotEnoughEvidence => "Not enough evidence",
            Self::NoRule => "No rule for these answers",
            Self::Contradiction => "The answers contradict each other",
        }
    }

    /// What that means, in a sentence.
    pub const fn explained(self) -> &'static str {
        match self {
            Self::Advice => "",
            Self::NotEnoughEvidence => "No rule holds on what is known. What is missing stands below.",
            Self::NoRule => {
                "Everything that is asked is answered, and no rule of this program covers it: please report these answers."
            }
            Self::Contradiction => "Counts below cannot all be true. Nothing is recommended until they are corrected.",
        }
    }
}

/// An outcome with the reasons that lead to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Advice {
    /// What to do.
    pub outcome: Outcome,
    /// Why; at least one.
    pub rules: Vec<Reason>,
    /// What must be true first.
    pub needs: Vec<Needed>,
}

/// An outcome that something holds back.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    /// What a rule leads to.
    pub outcome: Outcome,
    /// Why.
    pub rules: Vec<Reason>,
    /// What must be true first; one at least is not met.
    pub needs: Vec<Needed>,
}

impl Held {
    /// What holds it back, in words; the rest of its needs are no conditions of what is advised.
    pub fn by(&self) -> String {
        let unmet = self.needs.iter().filter(|needed| needed.state == NeedState::Unmet);
        let words = unmet.map(|needed| match needed.need.unless.as_str() {
            "" => needed.need.name.trim_end_matches('.'),
            unless => unless,
        });
        words.collect::<Vec<_>>().join("; ")
    }
}

/// Why an outcome follows: a rule, or a need that is not met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason {
    /// Word in JSON.
    pub id: &'static str,
    /// Name on screen.
    pub name: &'static str,
    /// Why.
    pub reason: &'static str,
    /// Where that is from.
    pub source: &'static str,
}

/// Something that must be true first, and whether it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Needed {
    /// What.
    pub need: &'static Need,
    /// Whether it is so.
    pub state: NeedState,
}

impl Recommendation {
    /// Whether there is nothing that can be recommended.
    pub const fn is_open(&self) -> bool {
        self.advice.is_empty()
    }

    /// The outcomes in a line, or why there are none.
    pub fn headline(&self) -> String {
        if self.is_open() { self.verdict.words().to_owned() } else { named(&self.outcomes()) }
    }

    /// The outcomes.
    pub fn outcomes(&self) -> Vec<Outcome> {
        self.advice.iter().map(|advice| advice.outcome).collect()
    }

    /// What stands where no single question is missing: that nothing would change the recommendation, or what could.
    pub fn nothing_missing_words(&self) -> String {
        if self.verdict == Verdict::Contradiction {
            return "What would change the recommendation cannot be said until the answers no longer contradict each other."
                .to_owned();
        }
        if self.unsettled.is_empty() {
            return "Nothing that would change the recommendation: every answer to what is open was tried.".to_owned();
        }
        let facts: Vec<&str> = self.unsettled.iter().map(|fact| fact.words()).collect();
        format!("No answer to a single question, but it is not known whether {}.", facts.join("; whether "))
    }

    /// Whether any outcome changes weights.
    pub fn trains(&self) -> bool {
        self.advice.iter().any(|advice| advice.outcome.is_training())
    }

    /// Where training is done, as far as it is.
    pub fn place(&self) -> Option<Place> {
        self.place.map(|rule| rule.place)
    }
}

/// Names of outcomes in a line.
pub fn named(outcomes: &[Outcome]) -> String {
    if outcomes.is_empty() {
        return Verdict::NotEnoughEvidence.words().to_owned();
    }
    outcomes.iter().map(|outcome| outcome.label()).collect::<Vec<_>>().join(" + ")
}

/// Outcomes of `answers` in the order of the path; none where they contradict each other.
pub fn outcomes(answers: &Answers) -> Vec<Outcome> {
    if !contradictions(answers).is_empty() {
        return Vec::new();
    }
    let bits = settled::outcome_bits(&facts(answers));
    Outcome::ALL.iter().copied().filter(|outcome| bits & (1 << *outcome as u32) != 0).collect()
}

/// The recommendation for `answers`.
pub fn recommend(answers: &Answers) -> Recommendation {
    let holds = facts(answers);
    let contradictions = contradictions(answers);
    let settled = if contradictions.is_empty() { settle(&holds) } else { Settled::default() };
    let now = settled.outcomes();
    let proportions = proportions(answers);
    let applies = |against: &&'static Against| all_met(&against.when, &holds);
    let mut found = Recommendation {
        verdict: Verdict::Advice,
        drivers: drivers::drivers(answers, &settled, &holds),
        place: None,
        flips: Vec::new(),
        missing: Vec::new(),
        unsettled: Vec::new(),
        against: rules().against.iter().filter(applies).collect(),
        // Within a point of the target no number of labels within reason would tell.
        samples: wanted_step(answers).filter(|_| of(&holds, Fact::NearTarget) != super::facts::Holds::Yes),
        advice: settled.advice,
        held: settled.held,
        contradictions,
        proportions,
    };
    let trains = found.trains() || found.held.iter().any(|held| held.outcome.is_training());
    found.place = rules().places.iter().find(|place| trains && all_met(&place.when, &holds));
    if !found.contradictions.is_empty() {
        found.verdict = Verdict::Contradiction;
        return found;
    }
    found.flips = flips::flips(answers, &now);
    found.missing = worth::missing(answers, &found.proportions, &now);
    found.unsettled = unsettled::unsettled(&holds);
    if found.is_open() {
        let is_known = |fact: &Fact| of(&holds, *fact).is_known();
        let is_all_known = rules().facts_read().iter().all(is_known);
        found.verdict = if is_all_known { Verdict::NoRule } else { Verdict::NotEnoughEvidence };
    }
    found
}

fn wanted_step(answers: &Answers) -> Option<Samples> {
    let evaluation = &answers.evaluation;
    let (correct, examples, target) = (evaluation.correct?, evaluation.examples?, evaluation.target?);
    let before = (examples > 0).then(|| correct.min(examples) as f64 / examples as f64)?;
    if target > before { samples(before, target) } else { None }
}

impl From<&'static Rule> for Reason {
    fn from(rule: &'static Rule) -> Self {
        Self { id: &rule.id, name: &rule.name, reason: &rule.reason, source: &rule.source }
    }
}
