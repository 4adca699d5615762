//! The decision: every combination of facts, every outcome within reach, files of answers, the record in the plan.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use tuneplan::decide::engine::{outcomes, settle};
use tuneplan::decide::facts::{Fact, Holds, facts};
use tuneplan::decide::recommend;
use tuneplan::decide::rules::Outcome;
use tuneplan::plan::decision::questions::{AnswerKind, AnswerValue, QUESTIONS};
use tuneplan::plan::decision::{Answers, Failures, PromptVersion, Retrieval};

/// A case in which prompting was done as it should be and the target is missed.
fn prompted() -> Answers {
    let mut answers = Answers::default();
    answers.evaluation.examples = Some(400);
    answers.evaluation.correct = Some(240);
    answers.evaluation.target = Some(0.9);
    let version =
        |name: &str, examples| PromptVersion { name: name.to_owned(), correct: 240, of: 400, examples, lost: None };
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
    // 9 of 10 would do for the interval, and 150 answers that nobody read could say otherwise.
    assert_eq!(outcomes(&failing(9, 1)), [Outcome::ReadFailures]);
}

/// Flips name what a team can choose, and each does flip; its neighbour on the way there does not.
#[test]
fn flips_name_what_can_be_chosen_and_do_flip() {
    let answers = Answers { retrieval: Some(Retrieval::Nothing), rights: Some(true), ..failing(10, 90) };
    let found = recommend(&answers);
    let of = |id: &str| found.flips.iter().filter(|flip| flip.question == id).collect::<Vec<_>>();
    // 50 examples are enough by the book, so one fewer than that is where it turns.
    let fewer = of("examples").into_iter().find(|flip| flip.outcomes == [Outcome::MoreExamples]).unwrap();
    assert_eq!((fewer.now.as_str(), fewer.instead.as_str()), ("500 examples", "49 examples"));
    // Eight of them are in the prompt: with no more than those it is full.
    let none_left = of("examples").into_iter().find(|flip| flip.outcomes == [Outcome::CollectExamples]).unwrap();
    assert_eq!(none_left.instead, "8 examples");
    // Nobody would bring fewer about.
    assert!(!fewer.can_be_chosen && !none_left.can_be_chosen);
    let few = recommend(&Answers { examples: Some(30), ..answers.clone() });
    let more = few.flips.iter().find(|flip| flip.question == "examples" && flip.can_be_chosen).unwrap();
    assert_eq!((more.instead.as_str(), more.outcomes.as_slice()), ("50 examples", &[Outcome::Sft][..]));
    let retrieved = of("retrieval").into_iter().find(|flip| flip.outcomes == [Outcome::RagAndTuning]).unwrap();
    assert!(retrieved.can_be_chosen);
    // Nobody chooses how many answers were wrong.
    assert!(found.flips.iter().all(|flip| !flip.question.starts_with("failures.")), "{:?}", found.flips);
    let chosen: Vec<bool> = found.flips.iter().map(|flip| flip.can_be_chosen).collect();
    assert!(chosen.is_sorted_by(|a, b| a >= b), "what can be chosen comes first");
    let skipped = recommend(&failing(21, 9));
    assert!(!skipped.flips.iter().any(|flip| flip.question == "retrieval"), "what was skipped is missing, not a flip");
    assert!(skipped.missing.iter().any(|missing| missing.question == "retrieval"), "{:?}", skipped.missing);
}

#[test]
fn nothing_answered_asks_for_an_evaluation_and_says_so() {
    let found = recommend(&Answers::default());
    assert_eq!(found.outcomes(), [Outcome::Evaluation]);
    assert_eq!(found.missing.first().map(|missing| missing.question), Some("evaluation.examples"));
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
    let outcomes_of = |holds: &[Holds]| -> BTreeSet<Outcome> { settle(holds).outcomes().into_iter().collect() };
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

/// What is asked first decides most often, and what never decides is not asked.
#[test]
fn what_is_asked_stands_in_the_order_of_its_worth() {
    for answers in [Answers::default(), prompted(), failing(21, 9), failing(10, 90)] {
        let found = recommend(&answers);
        let worths: Vec<f64> = found.missing.iter().map(|missing| missing.worth_share).collect();
        assert!(worths.is_sorted_by(|a, b| a >= b), "{worths:?}");
        assert!(worths.iter().all(|worth| (0.0..=1.0).contains(worth)));
    }
    // With the target met and no request too expensive nothing else is read.
    let mut met = prompted();
    met.evaluation.correct = Some(390);
    met.too_expensive = Some(false);
    met.evaluation.from_real_use = Some(true);
    let found = recommend(&met);
    assert_eq!(found.outcomes(), [Outcome::Stay]);
    assert!(found.missing.is_empty(), "{:?}", found.missing);
    // Without counts of failures they are what decides most.
    let mut uncounted = Answers { examples: Some(500), instructions_clear: Some(true), ..prompted() };
    uncounted.evaluation.from_real_use = Some(true);
    let first: Vec<String> = recommend(&uncounted).missing.into_iter().take(2).map(|missing| missing.label).collect();
    assert!(first.contains(&"Failures by kind".to_owned()), "{first:?}");
}

/// Counts that cannot all be true are no evidence: read from a file they are refused, in a plan they are told.
#[test]
fn contradicting_counts_are_told_and_lead_nowhere() {
    let mut answers = failing(5, 500);
    let found = recommend(&answers);
    assert_eq!((found.verdict.id(), found.is_open()), ("contradiction", true));
    assert!(found.contradictions[0].1.contains("505 failures are counted and only 160 answers are wrong"));
    assert!(found.missing.is_empty() && found.flips.is_empty());
    answers = failing(5, 90);
    answers.failures.retrieval_miss = Some(3);
    answers.retrieval = Some(Retrieval::Nothing);
    assert!(recommend(&answers).contradictions[0].1.contains("nothing is retrieved"));
    // 190 of 400, then 240: with 200 turned wrong 250 would have to be right of the 210 that were wrong.
    let mut answers = failing(5, 90);
    let versions = answers.prompts.as_mut().unwrap();
    versions[0].correct = 190;
    versions[1].lost = Some(200);
    assert!(recommend(&answers).contradictions[0].1.contains("the scores allow 0 to 160"));
}

/// A need that is not met holds the outcome back and says what instead; one that is open is named beside it.
#[test]
fn what_is_not_true_holds_an_outcome_back() {
    let held = |change: fn(&mut Answers)| {
        let mut answers = failing(10, 90);
        change(&mut answers);
        let found = recommend(&answers);
        let held: Vec<&str> = found.held.iter().map(|held| held.outcome.id()).collect();
        (found.outcomes(), held.join(", "))
    };
    let sft = || "sft".to_owned();
    assert_eq!(held(|_| ()), (vec![Outcome::Sft], String::new()));
    assert_eq!(held(|a| a.rights = Some(false)), (vec![Outcome::MoreExamples], sft()));
    assert_eq!(held(|a| a.owner = Some(false)), (vec![Outcome::NoTraining], sft()));
    assert_eq!(held(|a| a.interest_only = Some(true)), (vec![Outcome::NoTraining], sft()));
    assert_eq!(held(|a| a.agreement = Some(0.3)), (vec![Outcome::Guideline], sft()));
    // A kappa of five labels proves nothing either way: it is to be settled, and holds nothing.
    let few = |a: &mut Answers| (a.agreement, a.agreement_examples) = (Some(0.5), Some(5));
    assert_eq!(held(few), (vec![Outcome::Sft], String::new()));
    let budget = |a: &mut Answers| (a.budget, a.stronger_model) = (Some(false), Some(true));
    assert_eq!(held(budget), (vec![Outcome::SwitchBase], sft()));
    // A stronger base that may serve comes first, also where labels and money are there.
    assert_eq!(held(|a| a.stronger_model = Some(true)), (vec![Outcome::SwitchBase], sft()));
    let elsewhere = |a: &mut Answers| (a.stronger_model, a.stronger_serves) = (Some(true), Some(false));
    assert_eq!(held(elsewhere), (vec![Outcome::Sft], String::new()));
    let found = recommend(&failing(10, 90));
    let states: Vec<(&str, &str)> =
        found.advice[0].needs.iter().map(|needed| (needed.need.id.as_str(), needed.state.word())).collect();
    assert!(states.contains(&("owner", "to be settled")), "{states:?}");
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
            (
                "(\n  evaluation: (examples: 400, correct: 340),\n  failures: (style: 500),\n)",
                3,
                13,
                "only 60 answers are wrong",
            ),
            ("(retrieval: nothing, failures: (retrieval_miss: 2))", 1, 49, "nothing is retrieved"),
            ("(stronger_model: false, stronger_serves: true)", 1, 42, "no stronger base succeeds"),
            ("(retrieval: nothing, failures: (ignored_context: 2))", 1, 50, "nothing is retrieved"),
            ("(preference: false, preference_pairs: 9)", 1, 39, "no answer is preferred"),
            ("(static_tokens: 0, caching: true)", 1, 29, "a head of no tokens"),
            ("(answer_kind: text, failures: (wrong_label: 2))", 1, 45, "an answer is free text"),
            ("(agreement_examples: 0)", 1, 22, "on no example"),
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
            follow: None,
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
        // Stages, their data, how it is measured and when to stop are in the plan, and are read again from its file.
        let kept = plan.decision.as_ref().unwrap().follow.clone().unwrap();
        let stages: Vec<&str> = kept.stages.iter().map(|stage| stage.example.as_str()).collect();
        assert_eq!(stages, ["(instruction, response)", "(instruction, better answer, worse answer)"]);
        assert_eq!(kept.stages[1].examples_have, Some(300));
        // 60 % to 90 % on the same examples, both versions independent: 2 · … by `samples`, fewer than the 400 there are.
        assert_eq!((kept.evaluation.examples, kept.evaluation.target), (400, 0.9));
        assert!(kept.evaluation.stop.contains("90 %") && kept.evaluation.stop.contains("25, 50 and 100 %"));
        assert!(kept.first.contains(&"owner".to_owned()), "{:?}", kept.first);
        let again = read(&write(&plan, &[])).unwrap();
        assert_eq!((again.plan.decision, again.diagnostics.len()), (plan.decision, 0));
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

    /// One page a review can sign, in both forms; what people typed is text in it, and no file is replaced unasked.
    #[test]
    fn a_record_is_written_for_a_review() {
        use tuneplan::plan::decision::{Decision, read_answers};
        let folder = tempfile::tempdir().unwrap();
        let text = std::fs::read_to_string("tests/fixtures/decide/05-style.ron").unwrap();
        let reasoning = "<script>alert(1)</script> | **bold**".to_owned();
        let record = Decision { answers: read_answers(&text).unwrap(), reasoning, ..Decision::default() };
        let plan = tuneplan::plan::Plan { decision: Some(Box::new(record)), ..Default::default() };
        let path = folder.path().join("a.plan.ron");
        std::fs::write(&path, tuneplan::plan::file::write(&plan, &[])).unwrap();
        let plan = path.to_str().unwrap();
        for ending in ["md", "html"] {
            let page = folder.path().join(format!("record.{ending}"));
            let page = page.to_str().unwrap();
            assert_eq!(decide(&[plan, "--record", page]).0, Outcome::Done);
            let text = std::fs::read_to_string(page).unwrap();
            for words in [
                "Supervised fine-tuning",
                "Why",
                "What must be true first",
                "71 of 80, 89 % (80 % to 94 %)",
                "(instruction, response)",
                "How it is measured",
                "What would change it",
                "Signed",
                "Reviewed by",
            ] {
                assert!(text.contains(words), "{words}\n{text}");
            }
            assert!(!text.contains("<script>") && text.contains("&lt;script"), "{text}");
            assert!(text.len() < 12_000, "{} bytes are no page", text.len());
            assert_eq!(decide(&[plan, "--record", page]).0, Outcome::BadInput);
            assert_eq!(decide(&[plan, "--record", page, "--force"]).0, Outcome::Done);
            let json = decide(&[plan, "--record", page, "--force", "--json"]).1;
            assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok(), "{json}");
        }
        let (outcome, _, said) = decide(&[plan, "--record", folder.path().join("record.pdf").to_str().unwrap()]);
        assert_eq!(outcome, Outcome::BadInput);
        assert!(said.contains(".md or .html"), "{said}");
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
