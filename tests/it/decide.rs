//! The decision: every combination of facts, every outcome within reach, files of answers, the record in the plan.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use tuneplan::decide::engine::{fired, outcomes};
use tuneplan::decide::facts::{Fact, Holds, facts};
use tuneplan::decide::recommend;
use tuneplan::decide::rules::{Outcome, rules};
use tuneplan::plan::decision::questions::{AnswerKind, AnswerValue, QUESTIONS};
use tuneplan::plan::decision::{Answers, Failures, PromptVersion, Retrieval, Tasks};

/// Values that facts can take together: one vector for each combination that some answers give.
///
/// Facts fall into groups that share no question, so the whole space is the product of the groups. Groups of counts are
/// enumerated over every small total and over large ones of every share.
struct Space {
    groups: Vec<(Vec<Fact>, BTreeSet<Vec<Holds>>)>,
}

fn pick(answers: &Answers, wanted: &[Fact]) -> Vec<Holds> {
    let all = facts(answers);
    wanted.iter().map(|fact| all[*fact as usize]).collect()
}

fn counts_of_failures() -> Vec<Failures> {
    let mut all = vec![Failures::default()];
    let mut push = |i: u64, f: u64, s: u64, r: u64, u: u64| {
        all.push(Failures {
            missing: Some(i),
            format: Some(f),
            style: Some(s),
            reasoning: Some(r),
            unclear_task: Some(u),
            ..Failures::default()
        });
    };
    for scale in [1, 4, 20, 1000] {
        for i in 0..=6 {
            for f in 0..=5 {
                for s in 0..=5 {
                    for r in 0..=4 {
                        for u in 0..=4 {
                            push(i * scale, f * scale, s * scale, r * scale, u * scale);
                        }
                    }
                }
            }
        }
    }
    all
}

impl Space {
    fn new() -> Self {
        let yes_no_skip = [Some(true), Some(false), None];
        let mut groups: Vec<(Vec<Fact>, BTreeSet<Vec<Holds>>)> = Vec::new();

        let wanted = vec![Fact::EvaluationExists, Fact::TargetMet];
        let mut found = BTreeSet::new();
        for examples in [None, Some(0), Some(5), Some(50), Some(1000)] {
            for share in [None, Some(0.0), Some(0.5), Some(0.8), Some(1.0)] {
                for target in [None, Some(0.3), Some(0.8), Some(1.0)] {
                    let mut answers = Answers::default();
                    answers.evaluation.examples = examples;
                    answers.evaluation.correct = share.zip(examples).map(|(s, n): (f64, u64)| (s * n as f64) as u64);
                    answers.evaluation.target = target;
                    found.insert(pick(&answers, &wanted));
                }
            }
        }
        groups.push((wanted, found));

        let wanted = vec![Fact::PromptsVersioned, Fact::ExamplesTried];
        let version = |examples| PromptVersion { name: "v".to_owned(), correct: 1, of: 2, examples };
        let mut found = BTreeSet::new();
        for a in [None, Some(0), Some(5)] {
            for b in [None, Some(0), Some(5)] {
                for kept in [None, Some(vec![]), Some(vec![version(a)]), Some(vec![version(a), version(b)])] {
                    found.insert(pick(&Answers { prompts: kept, ..Answers::default() }, &wanted));
                }
            }
        }
        groups.push((wanted, found));

        let wanted = vec![
            Fact::InformationMostly,
            Fact::BehaviourMostly,
            Fact::BothKinds,
            Fact::FormatOnly,
            Fact::ReasoningMostly,
            Fact::UnclearMostly,
        ];
        let mut found = BTreeSet::new();
        for failures in counts_of_failures() {
            for constrained_decoding in yes_no_skip {
                let answers = Answers { failures: failures.clone(), constrained_decoding, ..Answers::default() };
                found.insert(pick(&answers, &wanted));
            }
        }
        groups.push((wanted, found));

        let wanted = vec![Fact::ExamplesEnough, Fact::PairsEnough];
        let mut found = BTreeSet::new();
        for examples in [None, Some(0), Some(49), Some(50)] {
            for preference_pairs in [None, Some(0), Some(49), Some(50)] {
                for rights in yes_no_skip {
                    found.insert(pick(&Answers { examples, preference_pairs, rights, ..Answers::default() }, &wanted));
                }
            }
        }
        groups.push((wanted, found));

        let wanted = vec![Fact::Retrieves, Fact::RetrievesTerms, Fact::RetrievesVectors];
        let all = [None, Some(Retrieval::Nothing), Some(Retrieval::Terms), Some(Retrieval::Vectors)];
        let found = all.map(|retrieval| pick(&Answers { retrieval, ..Answers::default() }, &wanted));
        groups.push((wanted, found.into()));

        let wanted = vec![Fact::TasksTogether, Fact::TasksApart, Fact::PerTenant];
        let all = [None, Some(Tasks::One), Some(Tasks::Together), Some(Tasks::Apart), Some(Tasks::PerTenant)];
        let found = all.map(|tasks| pick(&Answers { tasks, ..Answers::default() }, &wanted));
        groups.push((wanted, found.into()));

        let grouped: BTreeSet<Fact> = groups.iter().flat_map(|(facts, _)| facts.iter().copied()).collect();
        for fact in Fact::ALL.iter().copied().filter(|fact| !grouped.contains(fact)) {
            let single = [Holds::Yes, Holds::No, Holds::Unknown].map(|holds| vec![holds]);
            groups.push((vec![fact], single.into()));
        }
        Self { groups }
    }

    /// Calls `visit` with every combination of the groups that hold any of `relevant`; other facts are unknown.
    fn walk(&self, relevant: &BTreeSet<Fact>, visit: &mut impl FnMut(&[Holds])) {
        let mut holds = vec![Holds::Unknown; Fact::ALL.len()];
        let groups: Vec<_> =
            self.groups.iter().filter(|(facts, _)| facts.iter().any(|fact| relevant.contains(fact))).collect();
        // Within a group only what differs in a relevant fact is told apart.
        let groups: Vec<(Vec<Fact>, BTreeSet<Vec<Holds>>)> = groups
            .into_iter()
            .map(|(facts, vectors)| {
                let kept: Vec<usize> = (0..facts.len()).filter(|&index| relevant.contains(&facts[index])).collect();
                let facts = kept.iter().map(|&index| facts[index]).collect();
                (facts, vectors.iter().map(|vector| kept.iter().map(|&index| vector[index]).collect()).collect())
            })
            .collect();
        product(&groups, &mut holds, visit);
    }
}

fn product(groups: &[(Vec<Fact>, BTreeSet<Vec<Holds>>)], holds: &mut Vec<Holds>, visit: &mut impl FnMut(&[Holds])) {
    let Some(((facts, vectors), rest)) = groups.split_first() else {
        visit(holds);
        return;
    };
    for vector in vectors {
        for (fact, value) in facts.iter().zip(vector) {
            holds[*fact as usize] = *value;
        }
        product(rest, holds, visit);
    }
}

/// Facts that a rule, or any rule that stops, asks about.
fn asked(ids: &[&str]) -> BTreeSet<Fact> {
    let rules = &rules().rules;
    rules
        .iter()
        .filter(|rule| rule.stops || ids.contains(&rule.id.as_str()))
        .flat_map(|rule| rule.when.iter().map(|condition| condition.fact()))
        .collect()
}

/// Outcomes that no one may be told at once.
fn contradict(a: Outcome, b: Outcome) -> bool {
    let alone = [Outcome::Evaluation, Outcome::Stay, Outcome::BetterPrompt];
    let pairs = [
        (Outcome::TermRag, Outcome::VectorRag),
        (Outcome::TermRag, Outcome::RagAndTuning),
        (Outcome::TermRag, Outcome::Sft),
        (Outcome::VectorRag, Outcome::Sft),
        (Outcome::Sft, Outcome::RagAndTuning),
        (Outcome::Sft, Outcome::MoreExamples),
        (Outcome::Sft, Outcome::ConstrainedDecoding),
        (Outcome::MoreExamples, Outcome::RagAndTuning),
        (Outcome::MoreExamples, Outcome::PreferenceTuning),
        (Outcome::MoreExamples, Outcome::MultiTask),
        (Outcome::Caching, Outcome::Distillation),
        (Outcome::MultiTask, Outcome::Merging),
        (Outcome::MultiTask, Outcome::TenantAdapters),
        (Outcome::Merging, Outcome::TenantAdapters),
    ];
    alone.contains(&a) || alone.contains(&b) || pairs.contains(&(a, b)) || pairs.contains(&(b, a))
}

/// Two rules meet only where the facts they and the stopping rules ask about allow it, so each pair is walked over the
/// product of those facts: together that is the whole space.
#[test]
fn no_answers_lead_to_contradicting_outcomes() {
    let space = Space::new();
    let all = &rules().rules;
    let mut walked = 0_u64;
    for (index, first) in all.iter().enumerate() {
        for second in all.iter().skip(index + 1).filter(|second| contradict(first.outcome, second.outcome)) {
            if first.outcome == second.outcome || first.stops {
                continue;
            }
            space.walk(&asked(&[&first.id, &second.id]), &mut |holds| {
                walked += 1;
                let met = |rule: &tuneplan::decide::rules::Rule| {
                    rule.when.iter().all(|condition| condition.allows(holds[condition.fact() as usize]))
                };
                let stopped = all.iter().any(|rule| rule.stops && met(rule));
                assert!(stopped || !(met(first) && met(second)), "{} and {}: {holds:?}", first.id, second.id);
            });
        }
    }
    assert!(walked > 10_000, "{walked}");
}

#[test]
fn every_rule_is_reached_by_some_answers() {
    let space = Space::new();
    for rule in &rules().rules {
        let mut reached = false;
        space.walk(&asked(&[&rule.id]), &mut |holds| {
            reached |= fired(holds).iter().any(|held| held.id == rule.id);
        });
        assert!(reached, "no answers lead to `{}`", rule.id);
    }
    let led_to: BTreeSet<Outcome> = rules().rules.iter().map(|rule| rule.outcome).collect();
    let never: Vec<&Outcome> = Outcome::ALL.iter().filter(|outcome| !led_to.contains(outcome)).collect();
    assert!(never.is_empty(), "no rule leads to {never:?}");
}

#[test]
fn rules_that_stop_come_first() {
    let stops: Vec<bool> = rules().rules.iter().map(|rule| rule.stops).collect();
    let first_other = stops.iter().position(|stops| !stops).unwrap();
    assert!(stops[first_other..].iter().all(|stops| !stops));
}

/// Every condition of every rule matters: without it the rule would hold somewhere it does not now.
#[test]
fn no_condition_is_idle() {
    let space = Space::new();
    for rule in &rules().rules {
        for (index, condition) in rule.when.iter().enumerate() {
            let mut matters = false;
            space.walk(&rule.when.iter().map(|condition| condition.fact()).collect(), &mut |holds| {
                let others = rule.when.iter().enumerate().filter(|(other, _)| *other != index);
                matters |= !condition.allows(holds[condition.fact() as usize])
                    && others.map(|(_, other)| other).all(|other| other.allows(holds[other.fact() as usize]));
            });
            assert!(matters, "{}: {condition:?} follows from the others", rule.id);
        }
    }
}

/// A case in which prompting was done as it should be and the target is missed.
fn prompted() -> Answers {
    let mut answers = Answers::default();
    answers.evaluation.examples = Some(400);
    answers.evaluation.correct = Some(240);
    answers.evaluation.target = Some(0.9);
    let version = |name: &str, examples| PromptVersion { name: name.to_owned(), correct: 240, of: 400, examples };
    answers.prompts = Some(vec![version("a", Some(0)), version("b", Some(8))]);
    answers
}

fn failing(missing: u64, style: u64) -> Answers {
    let failures = Failures { missing: Some(missing), style: Some(style), ..Failures::default() };
    Answers { failures, examples: Some(500), ..prompted() }
}

/// Huyen (2025), chapter 7: fine-tuning is for form, retrieval for facts, both begin with retrieval, by terms first.
#[test]
fn the_rules_of_the_book_hold() {
    assert_eq!(outcomes(&failing(90, 10)), [Outcome::TermRag]);
    assert_eq!(outcomes(&failing(10, 90)), [Outcome::Sft]);
    assert_eq!(outcomes(&failing(50, 50)), [Outcome::TermRag]);
    let with = |retrieval, answers: Answers| outcomes(&Answers { retrieval: Some(retrieval), ..answers });
    assert_eq!(with(Retrieval::Terms, failing(90, 10)), [Outcome::VectorRag]);
    assert_eq!(with(Retrieval::Terms, failing(10, 90)), [Outcome::RagAndTuning]);
    assert_eq!(with(Retrieval::Vectors, failing(50, 50)), [Outcome::RagAndTuning]);
}

/// Training before prompts were tried is a guess: it is withheld, and what is missing is named.
#[test]
fn nothing_is_trained_before_prompting_was_tried() {
    let skipped = recommend(&Answers { prompts: None, ..failing(10, 90) });
    assert!(skipped.is_open(), "{}", skipped.headline());
    assert!(skipped.missing.iter().any(|missing| missing.question == "prompts"), "{:?}", skipped.missing);
    assert_eq!(outcomes(&Answers { prompts: Some(vec![]), ..failing(10, 90) }), [Outcome::BetterPrompt]);
}

/// 20 of 30 is not most of them (21 are), and 9 of 10 are: the wizard says how many more to label instead of a verdict.
#[test]
fn too_few_failures_are_no_verdict() {
    let open = recommend(&failing(20, 10));
    assert!(open.is_open(), "{}", open.headline());
    let more = open.missing.iter().find_map(|missing| missing.more).unwrap();
    // Brute force over Wilson at 2 of 3: 31 labels, of which 21 are information, would tell.
    assert!((1..=6).contains(&more), "{more}");
    assert!(open.missing.iter().any(|missing| missing.why.contains("not distinguishable from 50 % yet")));
    assert_eq!(outcomes(&failing(21, 9)), [Outcome::TermRag]);
    assert_eq!(outcomes(&failing(9, 1)), [Outcome::TermRag]);
}

#[test]
fn flips_do_flip_and_their_neighbours_do_not() {
    let found = recommend(&failing(21, 9));
    let flip = found.flips.iter().find(|flip| flip.question == "failures.style").unwrap();
    assert_eq!(flip.now, "9 failures");
    // By hand: 21 of 31 is 50.1 % at the lower end, 21 of 32 is 48.3 %; style at 11 of 32 is 20.4 %, under a quarter.
    assert_eq!((flip.instead.as_str(), flip.outcomes.as_slice()), ("11 failures", &[][..]));
    let facts_by_hand = found.flips.iter().any(|flip| flip.question == "retrieval");
    assert!(!facts_by_hand, "what was skipped is missing, not a flip");
    assert!(found.missing.iter().any(|missing| missing.question == "retrieval"), "{:?}", found.missing);
}

#[test]
fn nothing_answered_asks_for_an_evaluation_and_says_so() {
    let found = recommend(&Answers::default());
    assert_eq!(found.outcomes(), [Outcome::Evaluation]);
    assert!(found.missing.iter().any(|missing| missing.question == "evaluation.examples"));
    assert!(!found.against.is_empty());
}

/// "Nothing would change the recommendation" is said only where no answer does, and the facts named otherwise do: tried
/// over thousands of answers drawn by a fixed pseudo-random sequence.
#[test]
fn nothing_would_change_is_said_only_where_nothing_does() {
    let mut seed = 11_u64;
    let mut draw = |most: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % most
    };
    let outcomes_of =
        |holds: &[Holds]| -> BTreeSet<Outcome> { fired(holds).into_iter().map(|rule| rule.outcome).collect() };
    let mut met = prompted();
    (met.evaluation.examples, met.evaluation.correct, met.evaluation.target) = (Some(1000), Some(1000), Some(0.5));
    // Everything that is no number is answered.
    let mut told = failing(90, 10);
    for question in QUESTIONS {
        let answer = match question.kind {
            AnswerKind::YesNo => AnswerValue::YesNo(false),
            AnswerKind::Choice(choices) => AnswerValue::Choice(choices[0].0),
            AnswerKind::Count if (question.get)(&told) == AnswerValue::Skipped => AnswerValue::Count(0),
            _ => continue,
        };
        (question.set)(&mut told, &answer);
    }
    told.agreement = Some(0.9);
    let mut settled = 0;
    for answers in [Answers::default(), prompted(), failing(21, 9), failing(9, 1), failing(3, 3), met, told] {
        let found = recommend(&answers);
        let holds = facts(&answers);
        let now = outcomes_of(&holds);
        let is_open = |fact: &Fact| matches!(holds[*fact as usize], Holds::Unknown | Holds::Undecided);
        let changes = |facts: &[Fact], draw: &mut dyn FnMut(u64) -> u64| {
            let mut tried = holds.clone();
            for fact in facts {
                tried[*fact as usize] = if draw(2) == 0 { Holds::Yes } else { Holds::No };
            }
            outcomes_of(&tried) != now
        };
        let open: Vec<Fact> = Fact::ALL.iter().copied().filter(is_open).collect();
        if found.unsettled.is_empty() {
            settled += 1;
            for _ in 0..3000 {
                let some: Vec<Fact> = open.iter().copied().filter(|_| draw(2) == 0).collect();
                assert!(!changes(&some, &mut draw), "{some:?}");
            }
            assert!(found.nothing_missing_words().starts_with("Nothing"));
        } else {
            assert!(found.unsettled.iter().all(|fact| open.contains(fact)));
            assert!((0..200).any(|_| changes(&found.unsettled, &mut draw)), "{:?}", found.unsettled);
            assert!(found.nothing_missing_words().contains(found.unsettled[0].words()));
        }
    }
    assert!(settled > 0, "where everything is answered nothing is open");
}

/// Prices that are not typed yet are a fault of their own; they hide nothing that is missing.
#[test]
fn empty_prices_hide_no_missing_evidence() {
    for answers in [Answers::default(), prompted(), failing(21, 9)] {
        let priced = Answers { costs: Some(tuneplan::plan::decision::Costs::default()), ..answers.clone() };
        let (before, after) = (recommend(&answers), recommend(&priced));
        assert_eq!(after.missing, before.missing);
        assert_eq!(after.flips, before.flips);
    }
}

#[test]
fn huge_counts_neither_overflow_nor_mislead() {
    let huge = Some(u64::MAX);
    let failures = Failures { missing: huge, outdated: huge, style: huge, unsafe_answer: huge, ..Failures::default() };
    let found = recommend(&Answers { failures, ..prompted() });
    assert!(found.proportions.iter().all(|share| !share.words().contains("NaN")));
    let names: BTreeMap<_, _> = found.proportions.iter().map(|share| (share.name.clone(), share.count)).collect();
    assert!(names.contains_key("Information"));
}

mod files {
    use super::*;
    use std::fs;
    use tuneplan::plan::decision::read_answers;

    fn ids(answers: &Answers) -> String {
        let ids: Vec<&str> = outcomes(answers).into_iter().map(Outcome::id).collect();
        if ids.is_empty() { "nothing: not enough evidence".to_owned() } else { ids.join(", ") }
    }

    /// Each case says in its second line what a careful reader of its sources would do.
    #[test]
    fn the_written_cases_come_out_as_their_sources_say() {
        let mut paths: Vec<_> = fs::read_dir("tests/fixtures/decide").unwrap().map(|e| e.unwrap().path()).collect();
        paths.sort();
        assert!(paths.len() >= 10);
        for path in paths {
            let text = fs::read_to_string(&path).unwrap();
            let expected = text.lines().find_map(|line| line.strip_prefix("// Expected: ")).unwrap();
            assert!(text.contains("// Source: "), "{} has no source", path.display());
            let answers = read_answers(&text).unwrap_or_else(|error| panic!("{}:{error}", path.display()));
            assert_eq!(ids(&answers), expected, "{}", path.display());
        }
    }

    #[test]
    fn the_documented_examples_reach_every_outcome() {
        let text = fs::read_to_string("docs/decide.md").unwrap();
        let (_, examples) = text.split_once("## An example for each outcome").unwrap();
        let mut reached = Vec::new();
        for part in examples.split("\n### ").skip(1) {
            let heading = part.lines().next().unwrap().trim_matches('`');
            let block = part.split("```ron\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
            let answers = read_answers(block).unwrap_or_else(|error| panic!("{heading}: {error}"));
            let found = outcomes(&answers);
            match Outcome::from_id(heading) {
                Some(wanted) => assert!(found.contains(&wanted), "{heading}: {found:?}"),
                None => assert!(found.is_empty(), "{heading}: {found:?}"),
            }
            reached.extend(Outcome::from_id(heading));
        }
        assert_eq!(reached.iter().collect::<BTreeSet<_>>().len(), Outcome::ALL.len());
    }

    #[test]
    fn the_documented_table_has_every_question() {
        let text = fs::read_to_string("docs/decide.md").unwrap();
        for question in tuneplan::plan::decision::questions::QUESTIONS {
            assert!(text.contains(&format!("| `{}` | {} |", question.id, question.label)), "{}", question.id);
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        for (text, line, column, words) in [
            ("", 1, 1, "empty"),
            ("(\n  evaluation: (exampels: 5),\n)", 2, 16, "did you mean `examples`"),
            ("(\n  evaluation: (examples: 5, correct: 6),\n)", 2, 38, "6 right answers of 5"),
            ("(evaluation: (target: 85.0))", 1, 23, "0.85 for 85 %"),
            ("(prompts: [\n (name: \"a\", correct: 0, of: 0)])", 2, 23, "no example"),
            ("(retrieval: bm25)", 1, 13, "nothing, terms, vectors"),
            ("(agreement: 7)", 1, 13, "-1 to 1"),
            ("(rights: true, rights: false)", 1, 16, "second time"),
            ("(failures: (missing: -3))", 1, 22, "integer"),
            ("(failures: (missing: 5000000000))", 1, 22, "over 1000000000"),
            ("(costs: (input_price: 2))", 1, 9, "day they were quoted"),
            ("(examples: 5", 1, 13, "the text ends"),
        ] {
            let error = read_answers(text).unwrap_err();
            assert!(error.message.contains(words), "{text}: {error}");
            assert_eq!(error.line, line, "{text}: {error}");
            if !words.contains("integer") && !words.contains("did you mean") && !words.contains("nothing, terms") {
                assert_eq!(error.column, column, "{text}: {error}");
            }
        }
    }

    proptest::proptest! {
        /// Cut, doubled and garbled files are refused or read, and what is read can be recommended upon.
        #[test]
        fn garbled_files_never_panic(seed in 0_usize..10, cut in 0_usize..800, with in "\\PC{0,12}", take in 0_usize..40) {
            let mut paths: Vec<_> = fs::read_dir("tests/fixtures/decide").unwrap().map(|e| e.unwrap().path()).collect();
            paths.sort();
            let text = fs::read_to_string(&paths[seed % paths.len()]).unwrap();
            let at = (0..=cut.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap();
            let after = (at + take..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
            let garbled = format!("{}{with}{}", &text[..at], &text[after..]);
            match read_answers(&garbled) {
                Ok(answers) => assert!(recommend(&answers).advice.len() <= Outcome::ALL.len()),
                Err(error) => assert!(error.line >= 1 && error.column >= 1 && !error.message.is_empty()),
            }
        }
    }

    #[test]
    fn answers_survive_writing_and_reading() {
        use tuneplan::plan::decision::answers_text;
        for entry in fs::read_dir("tests/fixtures/decide").unwrap() {
            let answers = read_answers(&fs::read_to_string(entry.unwrap().path()).unwrap()).unwrap();
            assert_eq!(read_answers(&answers_text(&answers)).unwrap(), answers);
        }
        let windows = read_answers("\u{feff}(\r\n  examples: 5,\r\n)\r\n").unwrap();
        assert_eq!(windows.examples, Some(5));
    }
}

mod in_the_plan {
    use super::*;
    use tuneplan::decide::apply::into_plan;
    use tuneplan::plan::decision::{Annotator, Decision, Tally};
    use tuneplan::plan::diff::diff;
    use tuneplan::plan::file::{read, write};
    use tuneplan::plan::{Plan, StageKind, Workload};

    fn decision() -> Decision {
        Decision {
            date: "2026-02-03".to_owned(),
            outcomes: vec!["sft".to_owned()],
            reasoning: "The style guide changed.\nEditors asked for \"it\".".to_owned(),
            answers: failing(10, 90),
            tally: Tally {
                file: "failures.jsonl".to_owned(),
                examples: 4,
                annotators: vec![Annotator { name: "first".to_owned(), labels: "f.m".to_owned() }],
            },
        }
    }

    #[test]
    fn a_decision_is_kept_in_the_plan_file_and_read_again() {
        let plan = Plan { decision: Some(Box::new(decision())), ..Plan::default() };
        let text = write(&plan, &[]);
        assert!(text.contains("\n            failures: (\n                missing: 10,\n"), "{text}");
        let loaded = read(&text).unwrap();
        assert_eq!(loaded.plan, plan);
        assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
        assert_eq!(loaded.text_for(&loaded.plan), text);
        // One answer that changes is one line of the diff.
        let mut other = plan.clone();
        other.decision.as_mut().unwrap().answers.failures.style = Some(70);
        let changed = write(&other, &[]);
        let differing = text.lines().zip(changed.lines()).filter(|(a, b)| a != b).count();
        assert_eq!((text.lines().count(), differing), (changed.lines().count(), 1));
    }

    #[test]
    fn a_plan_without_a_decision_is_as_it_was() {
        assert!(!write(&Plan::default(), &[]).contains("decision:"));
    }

    #[test]
    fn a_decision_that_is_not_understood_is_told_and_kept() {
        let text = write(&Plan { decision: Some(Box::new(decision())), ..Plan::default() }, &[]);
        let broken = text.replace("style: 90", "style: \"many\"");
        let loaded = read(&broken).unwrap();
        assert_eq!(loaded.plan.decision, None);
        let line = broken.lines().position(|line| line.contains("\"many\"")).unwrap() + 1;
        let told = loaded.diagnostics.iter().find(|d| d.message.contains("decision was not understood")).unwrap();
        assert_eq!(told.line, line);
        assert!(
            loaded.text_for(&Plan { name: "changed".to_owned(), ..loaded.plan.clone() }).contains("style: \"many\"")
        );
    }

    #[test]
    fn the_difference_of_two_plans_says_what_changed_the_mind() {
        let before = Plan { decision: Some(Box::new(decision())), ..Plan::default() };
        let mut after = before.clone();
        let changed = after.decision.as_mut().unwrap();
        changed.answers.failures.style = Some(20);
        changed.outcomes = vec![];
        let rows: Vec<(String, String, String)> =
            diff(&before, &after).into_iter().map(|c| (c.label.to_owned(), c.before, c.after)).collect();
        let row = |a: &str, b: &str, c: &str| (a.to_owned(), b.to_owned(), c.to_owned());
        assert_eq!(rows, [row("Decision", "sft", "–"), row("Wrong style", "90 failures", "20 failures")]);
    }

    #[test]
    fn taking_it_over_is_one_step_that_fills_kind_and_method() {
        let mut answers = failing(10, 90);
        answers.preference = Some(true);
        answers.preference_pairs = Some(300);
        let decision = Decision { answers, outcomes: vec![], ..decision() };
        let before = Plan { workload: Workload::Inference, ..Plan::default() };
        let edit = into_plan(&before, &decision, &recommend(&decision.answers)).unwrap();
        let mut plan = before.clone();
        edit.apply(&mut plan).unwrap();
        assert_eq!(plan.workload, Workload::Training);
        assert_eq!(plan.stages, [StageKind::Supervised, StageKind::Preference]);
        assert_eq!(plan.run.examples, Some(500));
        assert_eq!(plan.decision.as_ref().unwrap().outcomes, ["sft", "preference-tuning"]);
        assert!(edit.label(&before).contains("Supervised fine-tuning + Preference tuning"));
    }

    #[test]
    fn an_undated_or_open_decision_is_not_taken_over() {
        let undated = Decision { date: String::new(), ..decision() };
        assert!(
            into_plan(&Plan::default(), &undated, &recommend(&undated.answers)).unwrap_err().contains("YYYY-MM-DD")
        );
        let open = Decision { answers: failing(20, 10), ..decision() };
        assert!(into_plan(&Plan::default(), &open, &recommend(&open.answers)).unwrap_err().contains("evidence"));
    }
}

mod command_line {
    use std::ffi::OsString;
    use tuneplan::cli::{Outcome, run};

    fn decide(args: &[&str]) -> (Outcome, String, String) {
        let args = ["tuneplan", "decide"].iter().chain(args).map(OsString::from);
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let outcome = run(args, &mut out, &mut err);
        (outcome, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
    }

    #[test]
    fn it_gives_recommendation_reasons_flips_and_what_is_missing() {
        let path = "tests/fixtures/decide/04-private-facts.ron";
        let (outcome, text, _) = decide(&[path]);
        assert_eq!(outcome, Outcome::Done);
        for words in ["RAG by terms (BM25)\n", "What drove it", "What would flip it", "Missing evidence", "Pays:"] {
            assert!(text.contains(words), "{words}\n{text}");
        }
        // Wilson of 52 of 64, by hand: 70.0 % to 88.9 %.
        assert!(text.contains("52 of 64, 81 % (70 % to 89 %)"), "{text}");
        let json: serde_json::Value = serde_json::from_str(&decide(&[path, "--json"]).1).unwrap();
        assert_eq!(json["verdict"], "advice");
        assert_eq!(json["outcomes"][0]["id"], "term-rag");
        assert!(json["outcomes"][0]["rules"][0]["source"].as_str().unwrap().contains("Ovadia"));
        assert!(json["flips"].as_array().unwrap().iter().all(|flip| flip["outcomes"].is_array()));
        let open: serde_json::Value =
            serde_json::from_str(&decide(&["tests/fixtures/decide/07-not-enough-evidence.ron", "--json"]).1).unwrap();
        assert_eq!(open["verdict"], "not-enough-evidence");
        assert!(open["missing"].as_array().unwrap().iter().any(|missing| missing["more_labels"].is_u64()));
    }

    #[test]
    fn compare_says_what_changed_the_mind() {
        use tuneplan::plan::decision::{Decision, read_answers};
        let folder = tempfile::tempdir().unwrap();
        let text = std::fs::read_to_string("tests/fixtures/decide/05-style.ron").unwrap();
        let mut record = Decision { answers: read_answers(&text).unwrap(), ..Decision::default() };
        let write = |name: &str, record: &Decision| {
            let path = folder.path().join(name);
            let plan = tuneplan::plan::Plan { decision: Some(Box::new(record.clone())), ..Default::default() };
            std::fs::write(&path, tuneplan::plan::file::write(&plan, &[])).unwrap();
            path.into_os_string()
        };
        let before = write("before.plan.ron", &record);
        record.answers.failures.style = Some(20);
        record.reasoning = "The editors were wrong.".to_owned();
        let after = write("after.plan.ron", &record);
        let (mut out, mut err) = (Vec::new(), Vec::new());
        run([OsString::from("tuneplan"), OsString::from("compare"), before, after], &mut out, &mut err);
        let text = String::from_utf8(out).unwrap();
        for words in ["60 failures → 20 failures", "The editors were wrong."] {
            assert!(text.contains(words), "{text}");
        }
        assert!(!text.contains("Wrong reasoning"), "{text}");
    }

    #[test]
    fn bad_input_is_told_with_file_line_and_column() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("answers.ron");
        std::fs::write(&path, "(\n    rights: perhaps,\n)\n").unwrap();
        let (outcome, _, err) = decide(&[path.to_str().unwrap()]);
        assert_eq!(outcome, Outcome::BadInput);
        assert!(err.contains("answers.ron:2:"), "{err}");
        std::fs::write(&path, [0xff, 0xfe, 0, 1]).unwrap();
        assert!(decide(&[path.to_str().unwrap()]).2.contains("UTF-8"));
        assert!(decide(&["no-such-file.ron"]).2.contains("no-such-file.ron: there is no such file"));
    }

    #[test]
    fn a_plan_that_holds_a_decision_will_do() {
        use tuneplan::plan::decision::{Decision, read_answers};
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.plan.ron");
        let text = std::fs::read_to_string("tests/fixtures/decide/05-style.ron").unwrap();
        let record = Decision { answers: read_answers(&text).unwrap(), ..Decision::default() };
        let plan = tuneplan::plan::Plan { decision: Some(Box::new(record)), ..Default::default() };
        std::fs::write(&path, tuneplan::plan::file::write(&plan, &[])).unwrap();
        assert!(decide(&[path.to_str().unwrap()]).1.starts_with("Supervised fine-tuning\n"));
        std::fs::write(&path, tuneplan::plan::file::write(&tuneplan::plan::Plan::default(), &[])).unwrap();
        assert!(decide(&[path.to_str().unwrap()]).2.contains("holds no decision"));
    }
}
