//! The whole space of facts: no hole, no contradiction, nothing that cannot be reached, nothing that is not read.
//!
//! Facts fall into groups that share no question; each group has the vectors of values that some answers give. The whole
//! space is the product of the groups, far too large to walk, so claims are proved by cases: a claim that is settled by
//! what is fixed so far is not looked at further, and otherwise one group is split by the next open condition.
#![allow(clippy::unwrap_used, clippy::panic)]

use space::{Cases, Space, told};
use std::collections::BTreeSet;
use tuneplan::decide::facts::Fact;
use tuneplan::decide::rules::{Condition, Outcome, Rule, all_met, rules};
use tuneplan::plan::decision::questions::QUESTIONS;

mod space;

#[test]
fn where_everything_is_known_some_rule_holds() {
    let space = Space::new();
    let all = &rules().rules;
    let clauses: Vec<&[Condition]> = all.iter().map(|rule| rule.when.as_slice()).collect();
    let mut steps = 0;
    if let Some(cases) = space.hole(&space.known(), &clauses, &mut steps) {
        panic!("a hole: {}", told(&space.example(&cases)));
    }
    assert!(steps > 100, "{steps} steps prove nothing");
    // Without its last rows the table has holes, and the proof finds one.
    let fewer: Vec<&[Condition]> =
        all.iter().filter(|rule| rule.id != "no-way-yet").map(|rule| rule.when.as_slice()).collect();
    let cases = space.hole(&space.known(), &fewer, &mut steps).expect("a hole where a rule was taken out");
    assert!(all.iter().all(|rule| rule.id == "no-way-yet" || !all_met(&rule.when, &space.example(&cases))));
}

#[test]
fn places_of_training_are_total_too() {
    let space = Space::new();
    let clauses: Vec<&[Condition]> = rules().places.iter().map(|place| place.when.as_slice()).collect();
    assert!(space.hole(&space.all(), &clauses, &mut 0).is_none());
    for (index, place) in rules().places.iter().enumerate() {
        let earlier: Vec<&[Condition]> = clauses[..index].to_vec();
        let cases = space.narrowed(&space.all(), &place.when).unwrap();
        assert!(space.hole(&cases, &earlier, &mut 0).is_some(), "`{}` is never reached", place.id);
    }
}

/// A way to an outcome: a rule, and what holds or does not hold it back.
struct Way {
    name: String,
    rule: &'static Rule,
    /// What holds the rule's outcome back, and which of its alternatives is taken; `None`: nothing does.
    held: Option<(&'static str, usize)>,
    /// Alternatives of conditions beyond the rule's: each list is met together.
    cases: Vec<Cases>,
    outcome: Outcome,
}

/// Every way to every outcome: each rule as it is where nothing holds it back, and what takes its place otherwise.
fn ways(space: &Space) -> Vec<Way> {
    let mut all = Vec::new();
    for (index, rule) in rules().rules.iter().enumerate() {
        let stops: Vec<&[Condition]> =
            rules().rules[..index].iter().filter(|rule| rule.stops).map(|rule| rule.when.as_slice()).collect();
        let Some(start) = space.narrowed(&space.all(), &rule.when) else { continue };
        let mut free = apart(space, start, &stops);
        for need in rules().needs.iter().filter(|need| !need.instead.is_empty() && need.of.contains(rule.outcome)) {
            let must = need.must.unwrap();
            let (mut held, mut passed) = (Vec::new(), Vec::new());
            for cases in &free {
                match space.narrowed(cases, &need.when) {
                    None => passed.push(cases.clone()),
                    Some(asked) => {
                        passed.extend(outside(space, cases, &need.when));
                        let (group, place) = space.places[must.fact() as usize];
                        let is_held = |vector: usize| {
                            let holds = space.groups[group].vectors[vector][place];
                            holds.is_known() && !must.allows(holds)
                        };
                        let (no, yes): (Vec<usize>, Vec<usize>) = asked[group].iter().partition(|&&v| is_held(v));
                        for (part, to) in [(no, &mut held), (yes, &mut passed)] {
                            if !part.is_empty() {
                                let mut cases = asked.clone();
                                cases[group] = part;
                                to.push(cases);
                            }
                        }
                    }
                }
            }
            free = passed;
            for (index, instead) in need.instead.iter().enumerate() {
                let taken: Vec<Cases> = held.iter().filter_map(|cases| space.narrowed(cases, &instead.when)).collect();
                held = held.iter().flat_map(|cases| outside(space, cases, &instead.when)).collect();
                let name = format!("{}, held by {}", rule.id, need.id);
                let held = Some((need.id.as_str(), index));
                all.push(Way { name, rule, held, cases: taken, outcome: instead.outcome });
            }
        }
        all.push(Way { name: rule.id.clone(), rule, held: None, cases: free, outcome: rule.outcome });
    }
    all
}

/// The cases outside of conditions, as parts that do not overlap.
fn outside(space: &Space, cases: &Cases, conditions: &[Condition]) -> Vec<Cases> {
    let (mut inside, mut parts) = (cases.clone(), Vec::new());
    for condition in conditions {
        let (group, met, unmet) = space.split(&inside, *condition);
        if !unmet.is_empty() {
            let mut part = inside.clone();
            part[group] = unmet;
            parts.push(part);
        }
        if met.is_empty() {
            break;
        }
        inside[group] = met;
    }
    parts
}

/// The cases in which none of the clauses holds.
fn apart(space: &Space, cases: Cases, clauses: &[&[Condition]]) -> Vec<Cases> {
    clauses
        .iter()
        .fold(vec![cases], |parts, clause| parts.iter().flat_map(|part| outside(space, part, clause)).collect())
}

fn common(a: &Cases, b: &Cases) -> Option<Cases> {
    let both: Cases = a.iter().zip(b).map(|(a, b)| a.iter().copied().filter(|v| b.contains(v)).collect()).collect();
    both.iter().all(|vectors: &Vec<usize>| !vectors.is_empty()).then_some(both)
}

/// Outcomes that no one may be told at once.
fn contradict(a: Outcome, b: Outcome) -> bool {
    use Outcome::{
        BetterPrompt, Caching, CheaperBase, ClassifierHead, CollectExamples, ConstrainedDecoding, Distillation,
        Evaluation, LongContext, LongerWindow, Merging, MoreExamples, MultiTask, NarrowTask, NoTraining, RagAndTuning,
        Sft, SmallEncoder, SmallModel, SplitFailures, Stay, TenantAdapters, TermRag, VectorRag, WorkedAnswers,
    };
    let alone = [Evaluation, Stay, BetterPrompt];
    let pairs = [
        (TermRag, VectorRag),
        (TermRag, RagAndTuning),
        (VectorRag, RagAndTuning),
        (TermRag, Sft),
        (VectorRag, Sft),
        (Sft, RagAndTuning),
        (Sft, MoreExamples),
        (Sft, CollectExamples),
        (Sft, ConstrainedDecoding),
        (Sft, SplitFailures),
        (MoreExamples, CollectExamples),
        (MoreExamples, RagAndTuning),
        (MoreExamples, MultiTask),
        (MoreExamples, WorkedAnswers),
        (MoreExamples, ClassifierHead),
        (MoreExamples, SmallEncoder),
        (Caching, SmallModel),
        (Distillation, SmallModel),
        (CheaperBase, Distillation),
        (ClassifierHead, SmallEncoder),
        (LongerWindow, LongContext),
        (MultiTask, Merging),
        (MultiTask, TenantAdapters),
        (Merging, TenantAdapters),
        (NarrowTask, RagAndTuning),
    ];
    let stops_training = |a: Outcome, b: Outcome| a == NoTraining && b.is_training();
    alone.contains(&a)
        || alone.contains(&b)
        || pairs.contains(&(a, b))
        || pairs.contains(&(b, a))
        || stops_training(a, b)
        || stops_training(b, a)
}

#[test]
fn no_answers_lead_to_contradicting_outcomes() {
    let space = Space::new();
    let all = ways(&space);
    let mut compared = 0_u64;
    for (index, first) in all.iter().enumerate() {
        for second in all.iter().skip(index + 1) {
            if first.outcome == second.outcome || first.rule.id == second.rule.id {
                continue;
            }
            if !contradict(first.outcome, second.outcome) || first.rule.stops || second.rule.stops {
                continue;
            }
            for a in &first.cases {
                for b in &second.cases {
                    compared += 1;
                    if let Some(both) = common(a, b) {
                        let said = told(&space.example(&both));
                        panic!("`{}` and `{}` meet: {said}", first.name, second.name);
                    }
                }
            }
        }
    }
    assert!(compared > 1000, "{compared}");
}

#[test]
fn every_rule_and_every_outcome_is_reached_by_some_answers() {
    let space = Space::new();
    let all = ways(&space);
    let is_reached = |way: &&Way| !way.cases.is_empty();
    for rule in &rules().rules {
        let reached = all.iter().filter(is_reached).any(|way| way.held.is_none() && way.rule.id == rule.id);
        assert!(reached, "no answers lead to `{}`", rule.id);
    }
    for need in &rules().needs {
        for index in 0..need.instead.len() {
            let held = Some((need.id.as_str(), index));
            let reached = all.iter().filter(is_reached).any(|way| way.held == held);
            assert!(reached, "no answers lead to alternative {index} of `{}`", need.id);
        }
    }
    let never: Vec<&Outcome> =
        Outcome::ALL.iter().filter(|o| !all.iter().filter(is_reached).any(|way| way.outcome == **o)).collect();
    assert!(never.is_empty(), "no rule leads to {never:?}");
}

#[test]
fn every_fact_is_read_and_every_question_is_in_a_fact() {
    let read = rules().facts_read();
    let idle: Vec<&Fact> = Fact::ALL.iter().filter(|fact| !read.contains(fact)).collect();
    assert!(idle.is_empty(), "nothing reads {idle:?}");
    // What counts as right is for people to apply, and nothing to decide by.
    let asked: BTreeSet<&str> = Fact::ALL.iter().flat_map(|fact| fact.questions()).copied().collect();
    let idle: Vec<&str> = QUESTIONS
        .iter()
        .map(|question| question.id)
        .filter(|id| !asked.contains(id) && *id != "evaluation.metric")
        .collect();
    assert!(idle.is_empty(), "no fact is made from {idle:?}");
}

/// Every condition of every rule matters: without it the rule would hold somewhere it does not now.
#[test]
fn no_condition_is_idle() {
    let space = Space::new();
    let lists = rules().rules.iter().map(|rule| (&rule.id, &rule.when));
    let needs = rules().needs.iter().map(|need| (&need.id, &need.when));
    for (id, when) in lists.chain(needs) {
        for (index, condition) in when.iter().enumerate() {
            let others: Vec<Condition> =
                when.iter().enumerate().filter(|(other, _)| *other != index).map(|(_, other)| *other).collect();
            let cases = space.narrowed(&space.all(), &others).unwrap();
            assert!(!space.split(&cases, *condition).2.is_empty(), "{id}: {condition:?} follows from the others");
        }
    }
}

#[test]
fn rules_that_stop_come_first() {
    let stops: Vec<bool> = rules().rules.iter().map(|rule| rule.stops).collect();
    let first_other = stops.iter().position(|stops| !stops).unwrap();
    assert!(stops[first_other..].iter().all(|stops| !stops));
}
