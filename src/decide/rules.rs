//! The rules as data: `assets/decide/rules.ron`, each with its name and source, all of them readable on one screen.

use super::facts::{Fact, Holds};
use ron::extensions::Extensions;
use serde::Deserialize;
use std::sync::OnceLock;

pub use super::outcome::Outcome;

/// What a rule asks of a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Condition {
    /// It holds.
    Yes(Fact),
    /// It does not hold.
    No(Fact),
    /// It does not hold, is undecided or was skipped.
    NotYes(Fact),
    /// It holds, is undecided or was skipped.
    NotNo(Fact),
    /// Counted, and too few to tell.
    Undecided(Fact),
}

impl Condition {
    /// The fact that is asked about.
    pub const fn fact(self) -> Fact {
        match self {
            Self::Yes(fact) | Self::No(fact) | Self::NotYes(fact) | Self::NotNo(fact) | Self::Undecided(fact) => fact,
        }
    }

    /// Whether it is met.
    pub fn allows(self, holds: Holds) -> bool {
        match self {
            Self::Yes(_) => holds == Holds::Yes,
            Self::No(_) => holds == Holds::No,
            Self::NotYes(_) => holds != Holds::Yes,
            Self::NotNo(_) => holds != Holds::No,
            Self::Undecided(_) => holds == Holds::Undecided,
        }
    }

    /// The condition in words.
    pub fn words(self) -> String {
        let fact = self.fact().words();
        match self {
            Self::Yes(_) => fact.to_owned(),
            Self::No(_) => format!("not: {fact}"),
            Self::NotYes(_) => format!("not yet: {fact}"),
            Self::NotNo(_) => format!("not ruled out: {fact}"),
            Self::Undecided(_) => format!("too few to tell whether {fact}"),
        }
    }
}

/// A rule.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Word in JSON.
    pub id: String,
    /// Name on screen.
    pub name: String,
    /// All of these must be met.
    pub when: Vec<Condition>,
    /// What follows.
    pub outcome: Outcome,
    /// It settles the matter: no rule below it is asked.
    #[serde(default)]
    pub stops: bool,
    /// Why.
    pub reason: String,
    /// Where that is from.
    pub source: String,
}

/// A reason against fine-tuning.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Against {
    /// Word in JSON.
    pub id: String,
    /// Name on screen.
    pub name: String,
    /// All of these must be met; empty: always.
    pub when: Vec<Condition>,
    /// Why.
    pub reason: String,
    /// Who pays for it.
    pub pays: String,
    /// Where that is from.
    pub source: String,
}

/// Outcomes that a need is about.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Of {
    /// Whatever changes something.
    Change,
    /// Whatever changes weights.
    Training,
    /// Training on examples that people labelled.
    Labels,
    /// Training on texts of the team, labelled or raw.
    OwnData,
    /// Training on what another model says.
    Teacher,
    /// Whatever retrieves.
    Retrieval,
    /// These.
    Only(Vec<Outcome>),
}

impl Of {
    /// Whether `outcome` is one of them.
    pub fn contains(&self, outcome: Outcome) -> bool {
        match self {
            Self::Change => !matches!(
                outcome,
                Outcome::Stay
                    | Outcome::NoTraining
                    | Outcome::GoodEnough
                    | Outcome::LowerTarget
                    | Outcome::ReadFailures
            ),
            Self::Training => outcome.is_training(),
            Self::Labels => outcome.is_on_labels(),
            Self::OwnData => outcome.is_on_own_data(),
            Self::Teacher => outcome.is_on_teacher(),
            Self::Retrieval => outcome.is_retrieval(),
            Self::Only(outcomes) => outcomes.contains(&outcome),
        }
    }
}

/// Something that must be true before an outcome is acted on.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Need {
    /// Word in JSON.
    pub id: String,
    /// What must be true, in a sentence.
    pub name: String,
    /// What is so where it is not met, as a heading; empty where it holds nothing back.
    #[serde(default)]
    pub unless: String,
    /// Outcomes that need it.
    pub of: Of,
    /// It is asked only where all of these are met; empty: always.
    #[serde(default)]
    pub when: Vec<Condition>,
    /// The fact that says whether it is so; `None`: no answer says it, somebody has to look.
    #[serde(default)]
    pub must: Option<Condition>,
    /// What is done instead where it is not so, the first whose conditions are met; empty: it is only said.
    #[serde(default)]
    pub instead: Vec<Instead>,
    /// Why.
    pub reason: String,
    /// Where that is from.
    pub source: String,
}

/// What takes the place of an outcome that is held.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Instead {
    /// All of these must be met; empty: always.
    #[serde(default)]
    pub when: Vec<Condition>,
    /// What follows.
    pub outcome: Outcome,
    /// Why.
    pub reason: String,
}

/// Whether a need is met; what is in the way comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NeedState {
    /// It is not so.
    Unmet,
    /// Not answered, too few to tell, or for somebody to look at.
    Open,
    /// It is so.
    Met,
}

impl NeedState {
    /// Word on screen and in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Open => "to be settled",
            Self::Unmet => "not met",
        }
    }
}

impl Need {
    /// Whether it is met; `None` where it is not asked.
    pub fn state(&self, outcome: Outcome, holds: &[Holds]) -> Option<NeedState> {
        if !self.of.contains(outcome) || !all_met(&self.when, holds) {
            return None;
        }
        let Some(must) = self.must else { return Some(NeedState::Open) };
        Some(match of(holds, must.fact()) {
            known if must.allows(known) => NeedState::Met,
            Holds::Unknown | Holds::Undecided => NeedState::Open,
            _ => NeedState::Unmet,
        })
    }
}

/// Where training and serving are done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// On weights of one's own.
    OwnWeights,
    /// By a vendor.
    Hosted,
    /// Either, until it is known.
    Either,
}

impl Place {
    /// Word in JSON.
    pub const fn id(self) -> &'static str {
        match self {
            Self::OwnWeights => "own-weights",
            Self::Hosted => "hosted",
            Self::Either => "either",
        }
    }

    /// Name on screen.
    pub const fn label(self) -> &'static str {
        match self {
            Self::OwnWeights => "On open weights of your own",
            Self::Hosted => "Hosted tuning is possible",
            Self::Either => "Hosted or own weights: not settled",
        }
    }
}

/// A rule about the place of training; the first that holds decides.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlaceRule {
    /// Word in JSON.
    pub id: String,
    /// All of these must be met; empty: always.
    pub when: Vec<Condition>,
    /// What follows.
    pub place: Place,
    /// Why.
    pub reason: String,
    /// Where that is from.
    pub source: String,
}

/// Whether all conditions are met.
pub fn all_met(conditions: &[Condition], holds: &[Holds]) -> bool {
    conditions.iter().all(|condition| condition.allows(of(holds, condition.fact())))
}

/// How a fact holds.
pub fn of(holds: &[Holds], fact: Fact) -> Holds {
    holds.get(fact as usize).copied().unwrap_or(Holds::Unknown)
}

/// All rules.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// Rules in the order they are asked.
    pub rules: Vec<Rule>,
    /// What must be true before an outcome is acted on; of several that hold it, the first says what is done instead.
    pub needs: Vec<Need>,
    /// Where training and serving are done.
    pub places: Vec<PlaceRule>,
    /// Reasons against fine-tuning.
    pub against: Vec<Against>,
}

impl Rules {
    /// Every fact that anything in the file reads.
    pub fn facts_read(&self) -> Vec<Fact> {
        let needs = self.needs.iter().flat_map(|need| {
            let instead = need.instead.iter().flat_map(|instead| &instead.when);
            need.when.iter().chain(need.must.as_ref()).chain(instead)
        });
        let rules = self.rules.iter().flat_map(|rule| &rule.when);
        let places = self.places.iter().flat_map(|place| &place.when);
        let mut facts: Vec<Fact> = rules.chain(needs).chain(places).map(|condition| condition.fact()).collect();
        facts.sort_unstable();
        facts.dedup();
        facts
    }
}

/// The rules that ship with the program.
pub fn rules() -> &'static Rules {
    static RULES: OnceLock<Rules> = OnceLock::new();
    // A test reads the file, so it is never empty in a release.
    RULES.get_or_init(|| parse(include_str!("../../assets/decide/rules.ron")).unwrap_or_default())
}

fn parse(text: &str) -> Result<Rules, ron::error::SpannedError> {
    ron::Options::default().with_default_extension(Extensions::IMPLICIT_SOME).from_str(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_reads_and_every_rule_says_why_and_where_from() {
        let read = parse(include_str!("../../assets/decide/rules.ron"));
        assert!(read.is_ok(), "{read:?}");
        let all = rules();
        let mut ids: Vec<&str> = all.rules.iter().map(|rule| rule.id.as_str()).collect();
        ids.extend(all.against.iter().map(|against| against.id.as_str()));
        ids.extend(all.needs.iter().map(|need| need.id.as_str()));
        ids.extend(all.places.iter().map(|place| place.id.as_str()));
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count, "two rules share an id");
        for rule in &all.rules {
            assert!(!rule.when.is_empty() && !rule.reason.is_empty() && !rule.source.is_empty(), "{}", rule.id);
        }
        for need in &all.needs {
            assert!(!need.name.is_empty() && !need.reason.is_empty() && !need.source.is_empty(), "{}", need.id);
            let last = need.instead.last();
            assert!(last.is_none_or(|last| last.when.is_empty()), "{} can hold an outcome and say nothing", need.id);
            assert_eq!(need.instead.is_empty(), need.unless.is_empty(), "{}: a heading where it is not met", need.id);
            assert!(need.instead.is_empty() || need.must.is_some(), "{} holds outcomes and cannot be met", need.id);
        }
        assert!(all.places.last().is_some_and(|place| place.when.is_empty()));
        for against in &all.against {
            assert!(!against.reason.is_empty() && !against.pays.is_empty() && !against.source.is_empty());
        }
    }
}
