//! The space of facts as a product of groups, and the proof by cases over it.

use std::collections::BTreeSet;
use tuneplan::decide::facts::{Fact, Holds, facts};
use tuneplan::decide::rules::Condition;
use tuneplan::plan::decision::questions::{AnswerKind, AnswerValue, QUESTIONS};
use tuneplan::plan::decision::{AnswerForm, Answers, Costs, Failures, PromptVersion, Retrieval, Tasks, TunedCosts};

/// Facts that share questions, and every vector of their values that some answers give.
pub struct Group {
    pub facts: Vec<Fact>,
    pub vectors: Vec<Vec<Holds>>,
}

/// For each group the vectors that are still possible.
pub type Cases = Vec<Vec<usize>>;

pub struct Space {
    pub groups: Vec<Group>,
    /// Group and place of each fact.
    pub places: Vec<(usize, usize)>,
}

fn counts_of_failures() -> Vec<Failures> {
    let mut all = vec![Failures::default()];
    for scale in [1, 4, 20, 1000] {
        for parts in 0..4_u64.pow(6) {
            let digit = |place: u32| parts / 4_u64.pow(place) % 4 * scale;
            let counts = Failures {
                missing: Some(2 * digit(0)),
                format: Some(digit(1)),
                style: Some(2 * digit(2)),
                wrong_label: Some(digit(3)),
                reasoning: Some(digit(4)),
                unclear_task: Some(digit(5)),
                ..Failures::default()
            };
            // An unclear task and a broken input are one kind, and only the second has an outcome of its own.
            if digit(5) > 0 {
                all.push(Failures { unclear_task: Some(0), input_error: Some(digit(5)), ..counts.clone() });
            }
            all.push(counts);
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
    pub fn new() -> Self {
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

        let mut versions = Vec::new();
        for kept in [None, Some(0), Some(200), Some(250), Some(390)] {
            for correct in [None, Some(210), Some(240)] {
                for target in [None, Some(0.5), Some(0.9)] {
                    let version = |correct| PromptVersion { correct, of: 400, ..PromptVersion::default() };
                    let mut answers =
                        Answers { prompts: kept.map(|correct| vec![version(correct)]), ..Answers::default() };
                    let evaluation = &mut answers.evaluation;
                    (evaluation.examples, evaluation.correct, evaluation.target) = (Some(400), correct, target);
                    versions.push(answers);
                }
            }
        }
        space.add(&[Fact::VersionMeets, Fact::VersionBetter], versions);
        let target = |target| {
            let mut answers = Answers::default();
            answers.evaluation.target = target;
            answers
        };
        space.add(&[Fact::TargetProvable], [None, Some(0.9), Some(1.0)].map(target).into());
        let unsafe_answers = |unsafe_answer| Answers {
            failures: Failures { unsafe_answer, ..Failures::default() },
            ..Answers::default()
        };
        space.add(&[Fact::UnsafeAnswers], [None, Some(0), Some(3)].map(unsafe_answers).into());
        let examples = |examples| Answers { examples, ..Answers::default() };
        space.add(&[Fact::ExamplesForTwo], [None, Some(60), Some(600)].map(examples).into());

        let mut failures = Vec::new();
        for counts in counts_of_failures() {
            for constrained_decoding in YES_NO_SKIP {
                let answers = Answers { failures: counts.clone(), constrained_decoding, ..Answers::default() };
                // Few that were read are enough where there are no more.
                let mut all_read = answers.clone();
                all_read.evaluation.examples = Some(tuneplan::plan::decision::counted_failures(&counts));
                all_read.evaluation.correct = Some(0);
                failures.extend([answers, all_read]);
            }
        }
        space.add(
            &[
                Fact::FailuresRead,
                Fact::InputMostly,
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

    #[allow(clippy::needless_pass_by_value, reason = "every caller makes the list for this")]
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

    pub fn all(&self) -> Cases {
        self.groups.iter().map(|group| (0..group.vectors.len()).collect()).collect()
    }

    /// Cases in which every fact is known: asked and told.
    pub fn known(&self) -> Cases {
        let is_known = |vector: &[Holds]| vector.iter().all(|holds| holds.is_known());
        self.groups.iter().map(|g| (0..g.vectors.len()).filter(|&v| is_known(&g.vectors[v])).collect()).collect()
    }

    /// The cases that a condition splits: those in which it is met, and those in which it is not.
    pub fn split(&self, cases: &Cases, condition: Condition) -> (usize, Vec<usize>, Vec<usize>) {
        let (group, place) = self.places[condition.fact() as usize];
        let (met, unmet) =
            cases[group].iter().partition(|&&vector| condition.allows(self.groups[group].vectors[vector][place]));
        (group, met, unmet)
    }

    /// Whether all conditions are met in every case (`Some(true)`), in none (`Some(false)`), or the first open one.
    pub fn status(&self, cases: &Cases, conditions: &[Condition]) -> Result<bool, Condition> {
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
    pub fn narrowed(&self, cases: &Cases, conditions: &[Condition]) -> Option<Cases> {
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
    pub fn example(&self, cases: &Cases) -> Vec<Holds> {
        let mut holds = vec![Holds::Unknown; Fact::ALL.len()];
        for (group, vectors) in self.groups.iter().zip(cases) {
            for (fact, value) in group.facts.iter().zip(&group.vectors[vectors[0]]) {
                holds[*fact as usize] = *value;
            }
        }
        holds
    }

    /// A case in which none of the clauses holds, found by splitting; `None`: in every case one does.
    pub fn hole(&self, cases: &Cases, clauses: &[&[Condition]], steps: &mut u64) -> Option<Cases> {
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
pub fn told(holds: &[Holds]) -> String {
    let said = Fact::ALL.iter().filter(|fact| holds[**fact as usize] == Holds::Yes);
    said.map(|fact| fact.words()).collect::<Vec<_>>().join("; ")
}
