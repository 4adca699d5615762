//! The whole space of facts: no hole, no contradiction, nothing that cannot be reached, nothing that is not read.
//!
//! Facts fall into groups that share no question; each group has the vectors of values that some answers give. The whole
//! space is the product of the groups, far too large to walk, so claims are proved by cases: a claim that is settled by
//! what is fixed so far is not looked at further, and otherwise one group is split by the next open condition.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeSet;
use tuneplan::decide::facts::{Fact, Holds, facts};
use tuneplan::decide::rules::{Condition, Outcome, Rule, all_met, rules};
use tuneplan::plan::decision::questions::{AnswerKind, AnswerValue, QUESTIONS};
use tuneplan::plan::decision::{AnswerForm, Answers, Costs, Failures, PromptVersion, Retrieval, Tasks, TunedCosts};

/// Facts that share questions, and every vector of their values that some answers give.
struct Group {
    facts: Vec<Fact>,
    vectors: Vec<Vec<Holds>>,
}

/// For each group the vectors that are still possible.
type Cases = Vec<Vec<usize>>;

struct Space {
    groups: Vec<Group>,
    /// Group and place of each fact.
    places: Vec<(usize, usize)>,
}

fn counts_of_failures() -> Vec<Failures> {
    let mut all = vec![Failures::default()];
    for scale in [1, 4, 20, 1000] {
        for parts in 0..4_u64.pow(6) {
            let digit = |place: u32| parts / 4_u64.pow(place) % 4 * scale;
            all.push(Failures {
                missing: Some(2 * digit(0)),
                format: Some(digit(1)),
                style: Some(2 * digit(2)),
                wrong_label: Some(digit(3)),
                reasoning: Some(digit(4)),
                unclear_task: Some(digit(5)),
                ..Failures::default()
            });
        }
    }
    all
}

fn kept_prompts() -> Vec<Option<Vec<PromptVersion>>> {
    let version =
        |examples| PromptVersion { name: "v".to_owned(), correct: 1, of: 2, examples, ..PromptVersion::default() };
    let mut all = vec![None, Some(vec![])];
    for a in [None, Some(0), Some(5), Some(50)] {
        all.push(Some(vec![version(a)]));
        all.extend([None, Some(0), Some(5), Some(50)].map(|b| Some(vec![version(a), version(b)])));
    }
    all
}

const YES_NO_SKIP: [Option<bool>; 3] = [Some(true), Some(false), None];

impl Space {
    fn new() -> Self {
        let mut space = Self { groups: Vec::new(), places: vec![(usize::MAX, 0); Fact::ALL.len()] };
        let mut evaluations = Vec::new();
        for examples in [None, Some(0), Some(5), Some(50), Some(1000), Some(40_000)] {
            for share in [None, Some(0.0), Some(0.5), Some(0.8), Some(1.0)] {
                for target in [None, Some(0.3), Some(0.8), Some(1.0)] {
                    let mut answers = Answers::default();
                    answers.evaluation.examples = examples;
                    answers.evaluation.correct = share.zip(examples).map(|(s, n): (f64, u64)| (s * n as f64) as u64);
                    answers.evaluation.target = target;
                    evaluations.push(answers);
                }
            }
        }
        space.add(&[Fact::EvaluationExists, Fact::TargetMet, Fact::NearTarget], evaluations);

        let mut prompts = Vec::new();
        for kept in kept_prompts() {
            for examples in [None, Some(0), Some(5), Some(49), Some(50), Some(500)] {
                prompts.push(Answers { prompts: kept.clone(), examples, ..Answers::default() });
            }
        }
        let wanted = [Fact::PromptsVersioned, Fact::ExamplesTried, Fact::PromptFull, Fact::ExamplesEnough];
        space.add(&wanted, prompts);

        let mut failures = Vec::new();
        for counts in counts_of_failures() {
            for constrained_decoding in YES_NO_SKIP {
                failures.push(Answers { failures: counts.clone(), constrained_decoding, ..Answers::default() });
            }
        }
        space.add(
            &[
                Fact::InformationMostly,
                Fact::BehaviourMostly,
                Fact::BothKinds,
                Fact::InformationFails,
                Fact::FormatOnly,
                Fact::LabelsMostly,
                Fact::FormFails,
                Fact::ReasoningMostly,
                Fact::UnclearMostly,
                Fact::NoMajority,
            ],
            failures,
        );

        let mut stronger = Vec::new();
        for stronger_model in YES_NO_SKIP {
            for stronger_serves in YES_NO_SKIP {
                for in_house in YES_NO_SKIP {
                    for teacher_allowed in YES_NO_SKIP {
                        let answers = Answers { stronger_model, stronger_serves, ..Answers::default() };
                        stronger.push(Answers { in_house, teacher_allowed, ..answers });
                    }
                }
            }
        }
        space.add(&[Fact::StrongerHelps, Fact::StrongerTeaches, Fact::InHouse, Fact::TeacherAllowed], stronger);

        let ways = [None, Some(Retrieval::Nothing), Some(Retrieval::Terms), Some(Retrieval::Vectors)];
        space.add(
            &[Fact::Retrieves, Fact::RetrievesTerms, Fact::RetrievesVectors],
            ways.map(|retrieval| Answers { retrieval, ..Answers::default() }).into(),
        );
        let forms = [None, Some(AnswerForm::Text), Some(AnswerForm::Label), Some(AnswerForm::Spans)];
        let form = |answer_kind| Answers { answer_kind, ..Answers::default() };
        space.add(&[Fact::Classifies, Fact::Extracts], forms.map(form).into());
        let tasks = [None, Some(Tasks::One), Some(Tasks::Together), Some(Tasks::Apart), Some(Tasks::PerTenant)];
        space.add(
            &[Fact::TasksTogether, Fact::TasksApart, Fact::PerTenant],
            tasks.map(|tasks| Answers { tasks, ..Answers::default() }).into(),
        );

        let (mut pairs, mut raw) = (Vec::new(), Vec::new());
        for one in YES_NO_SKIP {
            for preference_pairs in [None, Some(0), Some(50)] {
                pairs.push(Answers { preference: one, preference_pairs, ..Answers::default() });
            }
            for raw_text in YES_NO_SKIP {
                raw.push(Answers { domain_language: one, raw_text, ..Answers::default() });
            }
        }
        space.add(&[Fact::PreferencePairs], pairs);
        space.add(&[Fact::RawDomain, Fact::RawText], raw);

        let mut agreement = Vec::new();
        for kappa in [None, Some(0.1), Some(0.61), Some(0.95)] {
            for agreement_examples in [None, Some(5), Some(1000)] {
                agreement.push(Answers { agreement: kappa, agreement_examples, ..Answers::default() });
            }
        }
        space.add(&[Fact::LabelsAgree], agreement);

        let mut costs = Vec::new();
        for tokens in [None, Some(10), Some(10_000)] {
            for caching in YES_NO_SKIP {
                for price in [None, Some(0.1), Some(0.9), Some(10.0)] {
                    let tuned = |input_price| TunedCosts { input_price, data: 1200.0, ..TunedCosts::default() };
                    let typed = |price| Costs {
                        requests_per_month: 1e6,
                        static_tokens: 1000,
                        dynamic_tokens: 1000,
                        input_price: 1.0,
                        tuned: tuned(price),
                        ..Costs::default()
                    };
                    costs.push(Answers {
                        static_tokens: tokens,
                        caching,
                        costs: price.map(typed),
                        ..Answers::default()
                    });
                }
            }
        }
        space.add(&[Fact::Cacheable, Fact::TuningPays], costs);

        for fact in Fact::ALL {
            if space.places[*fact as usize].0 == usize::MAX {
                space.add_yes_or_no(*fact);
            }
        }
        space
    }

    fn add(&mut self, wanted: &[Fact], all: Vec<Answers>) {
        let pick = |answers: &Answers| -> Vec<Holds> {
            let found = facts(answers);
            wanted.iter().map(|fact| found[*fact as usize]).collect()
        };
        let vectors: BTreeSet<Vec<Holds>> = all.iter().map(pick).collect();
        for (place, fact) in wanted.iter().enumerate() {
            assert_eq!(self.places[*fact as usize].0, usize::MAX, "{fact:?} is in two groups");
            self.places[*fact as usize] = (self.groups.len(), place);
        }
        self.groups.push(Group { facts: wanted.to_vec(), vectors: vectors.into_iter().collect() });
    }

    /// A fact that is one yes-or-no question.
    fn add_yes_or_no(&mut self, fact: Fact) {
        let [id] = fact.questions() else { panic!("{fact:?} has no group and several questions") };
        let question = QUESTIONS.iter().find(|question| question.id == *id).unwrap();
        assert_eq!(question.kind, AnswerKind::YesNo, "{fact:?} has no group");
        let answered = |yes| {
            let mut answers = Answers::default();
            (question.set)(&mut answers, &AnswerValue::YesNo(yes));
            answers
        };
        self.add(&[fact], vec![Answers::default(), answered(true), answered(false)]);
    }

    fn all(&self) -> Cases {
        self.groups.iter().map(|group| (0..group.vectors.len()).collect()).collect()
    }

    /// Cases in which every fact is known: asked and told.
    fn known(&self) -> Cases {
        let is_known = |vector: &[Holds]| vector.iter().all(|holds| holds.is_known());
        self.groups.iter().map(|g| (0..g.vectors.len()).filter(|&v| is_known(&g.vectors[v])).collect()).collect()
    }

    /// The cases that a condition splits: those in which it is met, and those in which it is not.
    fn split(&self, cases: &Cases, condition: Condition) -> (usize, Vec<usize>, Vec<usize>) {
        let (group, place) = self.places[condition.fact() as usize];
        let (met, unmet) =
            cases[group].iter().partition(|&&vector| condition.allows(self.groups[group].vectors[vector][place]));
        (group, met, unmet)
    }

    /// Whether all conditions are met in every case (`Some(true)`), in none (`Some(false)`), or the first open one.
    fn status(&self, cases: &Cases, conditions: &[Condition]) -> Result<bool, Condition> {
        let mut open = None;
        let mut seen = cases.clone();
        for condition in conditions {
            let (group, met, unmet) = self.split(&seen, *condition);
            if met.is_empty() {
                return Ok(false);
            }
            if !unmet.is_empty() && open.is_none() && !self.split(cases, *condition).2.is_empty() {
                open = Some(*condition);
            }
            seen[group] = met;
        }
        open.map_or(Ok(true), Err)
    }

    /// The cases in which all conditions are met; `None`: there are none.
    fn narrowed(&self, cases: &Cases, conditions: &[Condition]) -> Option<Cases> {
        let mut cases = cases.clone();
        for condition in conditions {
            let (group, met, _) = self.split(&cases, *condition);
            if met.is_empty() {
                return None;
            }
            cases[group] = met;
        }
        Some(cases)
    }

    /// One combination of facts of these cases.
    fn example(&self, cases: &Cases) -> Vec<Holds> {
        let mut holds = vec![Holds::Unknown; Fact::ALL.len()];
        for (group, vectors) in self.groups.iter().zip(cases) {
            for (fact, value) in group.facts.iter().zip(&group.vectors[vectors[0]]) {
                holds[*fact as usize] = *value;
            }
        }
        holds
    }

    /// A case in which none of the clauses holds, found by splitting; `None`: in every case one does.
    fn hole(&self, cases: &Cases, clauses: &[&[Condition]], steps: &mut u64) -> Option<Cases> {
        *steps += 1;
        // The clause with the fewest open conditions is split first.
        let mut best: Option<(usize, Condition)> = None;
        let mut left: Vec<&[Condition]> = Vec::new();
        for clause in clauses {
            match self.status(cases, clause) {
                Ok(true) => return None,
                Ok(false) => {}
                Err(open) => {
                    let count = clause.iter().filter(|condition| !self.split(cases, **condition).2.is_empty()).count();
                    if best.is_none_or(|(fewest, _)| count < fewest) {
                        best = Some((count, open));
                    }
                    left.push(clause);
                }
            }
        }
        let Some((_, open)) = best else { return Some(cases.clone()) };
        let (group, met, unmet) = self.split(cases, open);
        [met, unmet].into_iter().find_map(|part| {
            let mut cases = cases.clone();
            cases[group] = part;
            self.hole(&cases, &left, steps)
        })
    }
}

/// What a set of facts is, in words, for a message.
fn told(holds: &[Holds]) -> String {
    let said = Fact::ALL.iter().filter(|fact| holds[**fact as usize] == Holds::Yes);
    said.map(|fact| fact.words()).collect::<Vec<_>>().join("; ")
}

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
