//! From facts to outcomes: rules in their order, then what each outcome needs.

use super::{Advice, Held, Needed, Reason};
use crate::decide::facts::Holds;
use crate::decide::rules::{NeedState, Outcome, Rule, all_met, rules};

/// What facts come to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settled {
    /// What to do, in the order of the path.
    pub advice: Vec<Advice>,
    /// What is held back.
    pub held: Vec<Held>,
}

impl Settled {
    /// The outcomes that are advised.
    pub fn outcomes(&self) -> Vec<Outcome> {
        self.advice.iter().map(|advice| advice.outcome).collect()
    }
}

/// Rules that hold, in their order; one that stops stands alone.
pub fn fired(holds: &[Holds]) -> Vec<&'static Rule> {
    let mut found = Vec::new();
    for rule in &rules().rules {
        if all_met(&rule.when, holds) {
            found.push(rule);
            if rule.stops {
                break;
            }
        }
    }
    found
}

/// What must be true before `outcome` is acted on.
fn needs(outcome: Outcome, holds: &[Holds]) -> Vec<Needed> {
    let state = |need| Needed { need, state: NeedState::Met };
    rules()
        .needs
        .iter()
        .filter_map(|need| need.state(outcome, holds).map(|found| Needed { state: found, ..state(need) }))
        .collect()
}

/// What takes the place of an outcome with these needs; `None`: nothing holds it.
fn instead(needs: &[Needed], holds: &[Holds]) -> Option<(Outcome, Reason)> {
    let holding = needs.iter().find(|needed| needed.state == NeedState::Unmet && !needed.need.instead.is_empty())?;
    let need = holding.need;
    let instead = need.instead.iter().find(|instead| all_met(&instead.when, holds))?;
    Some((instead.outcome, Reason { id: &need.id, name: &need.unless, reason: &instead.reason, source: &need.source }))
}

/// The outcomes that are advised, a bit each: [`settle`] without its words, for trying many answers.
pub fn outcome_bits(holds: &[Holds]) -> u64 {
    let mut bits = 0;
    for rule in &rules().rules {
        if all_met(&rule.when, holds) {
            bits |= 1 << replaced(rule.outcome, holds) as u32;
            if rule.stops {
                break;
            }
        }
    }
    bits
}

/// The outcome, or what takes its place.
fn replaced(outcome: Outcome, holds: &[Holds]) -> Outcome {
    rules()
        .needs
        .iter()
        .filter(|need| !need.instead.is_empty() && need.state(outcome, holds) == Some(NeedState::Unmet))
        .find_map(|need| need.instead.iter().find(|instead| all_met(&instead.when, holds)))
        .map_or(outcome, |instead| instead.outcome)
}

/// Outcomes of facts, each with its reasons and needs.
pub fn settle(holds: &[Holds]) -> Settled {
    let mut settled = Settled::default();
    let mut advised: Vec<(Outcome, Reason)> = Vec::new();
    for rule in fired(holds) {
        match instead(&needs(rule.outcome, holds), holds) {
            None => advised.push((rule.outcome, rule.into())),
            Some(other) => {
                if !advised.contains(&other) {
                    advised.push(other);
                }
                match settled.held.iter_mut().find(|held| held.outcome == rule.outcome) {
                    Some(held) => held.rules.push(rule.into()),
                    None => settled.held.push(Held {
                        outcome: rule.outcome,
                        rules: vec![rule.into()],
                        needs: needs(rule.outcome, holds),
                    }),
                }
            }
        }
    }
    let mut outcomes: Vec<Outcome> = advised.iter().map(|(outcome, _)| *outcome).collect();
    outcomes.sort_unstable();
    outcomes.dedup();
    settled.advice = outcomes
        .into_iter()
        .map(|outcome| Advice {
            outcome,
            rules: advised.iter().filter(|(other, _)| *other == outcome).map(|(_, reason)| *reason).collect(),
            needs: needs(outcome, holds),
        })
        .collect();
    settled
}
