//! Whether what is not known could still change the recommendation: checked, not assumed.

use super::settled::outcome_bits;
use crate::decide::facts::{Fact, Holds};
use crate::decide::rules::{of, rules};

/// Open facts up to which every combination is tried.
const ALL_COMBINATIONS: usize = 9;

/// Open facts that could change what follows from `holds`, as few as were found; empty: it was tried, and no answer does.
///
/// One fact alone is tried first, then two, then all together. Where there are too many for that, all of them are named:
/// that nothing changes is only said where it was seen.
pub fn unsettled(holds: &[Holds]) -> Vec<Fact> {
    let read = rules().facts_read();
    let open: Vec<Fact> = Fact::ALL
        .iter()
        .copied()
        .filter(|fact| matches!(of(holds, *fact), Holds::Unknown | Holds::Undecided))
        .filter(|fact| read.contains(fact))
        .collect();
    let now = outcome_bits(holds);
    let mut tried = holds.to_vec();
    for (index, fact) in open.iter().enumerate() {
        if each(&mut tried, *fact, |tried| outcome_bits(tried) != now) {
            return vec![*fact];
        }
        for other in &open[..index] {
            if each(&mut tried, *fact, |tried| each(tried, *other, |tried| outcome_bits(tried) != now)) {
                return vec![*other, *fact];
            }
        }
    }
    if open.len() > ALL_COMBINATIONS || combined(&mut tried, &open, now) { open } else { Vec::new() }
}

/// Whether `changes` holds with the fact answered either way; `holds` is then as it was.
fn each(holds: &mut [Holds], fact: Fact, mut changes: impl FnMut(&mut [Holds]) -> bool) -> bool {
    let before = of(holds, fact);
    let found = [Holds::Yes, Holds::No].into_iter().any(|answer| {
        set(holds, fact, answer);
        changes(holds)
    });
    set(holds, fact, before);
    found
}

fn set(holds: &mut [Holds], fact: Fact, answer: Holds) {
    if let Some(held) = holds.get_mut(fact as usize) {
        *held = answer;
    }
}

/// Whether any combination of answers changes the outcome, facts left open included.
fn combined(holds: &mut [Holds], open: &[Fact], now: u64) -> bool {
    let Some((first, rest)) = open.split_first() else { return outcome_bits(holds) != now };
    combined(holds, rest, now) || each(holds, *first, |holds| combined(holds, rest, now))
}
