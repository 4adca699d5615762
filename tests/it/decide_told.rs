//! What the decision says beside its outcomes: what is asserted was answered, and what was held back stays apart.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::ffi::OsString;
use tuneplan::cli::{Outcome, run};
use tuneplan::decide::apply::{into_plan, turns_to_running};
use tuneplan::decide::{recommend, record};
use tuneplan::plan::decision::{Answers, Decision, quoted_later, read_answers};
use tuneplan::plan::{Plan, Workload};

fn case(name: &str) -> Answers {
    read_answers(&std::fs::read_to_string(format!("tests/fixtures/decide-cases/{name}.ron")).unwrap()).unwrap()
}

/// A case of the fixtures with more answers behind its last one.
fn with(name: &str, more: &str) -> Answers {
    let text = std::fs::read_to_string(format!("tests/fixtures/decide-cases/{name}.ron")).unwrap();
    read_answers(&format!("{}{more})", text.trim_end().trim_end_matches(')'))).unwrap()
}

fn decision(answers: Answers) -> Decision {
    Decision { answers, date: "2026-02-03".to_owned(), ..Decision::default() }
}

fn page(answers: &Answers) -> String {
    record::to_markdown("p", &decision(answers.clone()), &recommend(answers))
}

const COSTS: &str = "costs: (date: \"2026-01-05\", currency: \"USD\", requests_per_month: 1000, tuned: (data: 7000, run: 10, runs: 2)),";

/// The least that are read is 30, or all there are: by hand 30 − 4 = 26 of 160.
#[test]
fn too_few_that_were_read_are_told_with_how_many_more() {
    let found = recommend(&case("y01-four-failures-read"));
    let missing = found.missing.iter().find(|missing| missing.label == "Failures by kind").unwrap();
    assert_eq!(missing.more, Some(26));
    let said: Vec<&str> = found.drivers.iter().map(|driver| driver.words.as_str()).collect();
    assert!(said.contains(&"4 of 160 wrong answers read: read 26 more"), "{said:?}");
    let counts = |style: u64, wrong: u64| {
        let mut answers = case("y01-four-failures-read");
        answers.failures.style = Some(style);
        let right = 400 - wrong;
        answers.evaluation.correct = Some(right);
        answers.evaluation.target = Some(0.999);
        for version in answers.prompts.as_mut().unwrap() {
            version.correct = right;
        }
        recommend(&answers).headline()
    };
    assert_eq!(counts(29, 160), "Read more failures");
    assert_eq!(counts(30, 160), "Supervised fine-tuning");
    // 21 of 40 are most of them, whatever the other 19 are; 20 are not.
    assert_eq!(counts(20, 40), "Read more failures");
    assert_eq!(counts(21, 40), "Supervised fine-tuning");
}

/// A base that may serve is what training waits for, and where it may not, training is what is left.
#[test]
fn a_stronger_base_that_may_serve_is_a_flip() {
    let found = recommend(&case("y05-stronger-base-beside-labels"));
    let flip = found.flips.iter().find(|flip| flip.question == "stronger_serves").unwrap();
    assert_eq!((flip.instead.as_str(), flip.outcomes[0].id()), ("no", "sft"));
}

/// What is in the way heads what takes its place, and not what would have to be true.
#[test]
fn what_is_held_is_headed_by_what_is_in_the_way() {
    let mut answers = case("c07-telco-tone");
    answers.owner = Some(false);
    let found = recommend(&answers);
    let names: Vec<&str> = found.advice.iter().flat_map(|advice| &advice.rules).map(|rule| rule.name).collect();
    assert_eq!(names, ["Nobody is named to serve, monitor and retrain it"]);
}

#[test]
fn what_was_not_answered_is_not_asserted() {
    let skipped = recommend(&Answers { owner: None, ..case("c07-telco-tone") });
    assert!(skipped.against.iter().all(|against| !against.name.contains("Nobody")));
    assert!(skipped.against.iter().any(|against| against.id == "nobody-owns-it"));
}

/// Sums and conditions of what was held back are none of what is advised.
#[test]
fn what_was_held_back_stays_apart_in_record_and_plan() {
    let answers = with("y05-stronger-base-beside-labels", COSTS);
    let found = recommend(&answers);
    let page = page(&answers);
    assert!(!page.contains("7,0") && !page.contains("Budget"), "{page}");
    let (_, rest) = page.split_once("What must be true first").unwrap();
    let (needs, held) = rest.split_once("What was held back").unwrap();
    assert!(!needs.contains("labels, runs and upkeep"), "{needs}");
    let held = held.lines().nth(2).unwrap();
    assert_eq!(held, "- Supervised fine-tuning: A stronger base that may answer in production does it already");
    let edit = into_plan(&Plan::default(), &decision(answers.clone()), &found).unwrap();
    let mut plan = Plan::default();
    edit.apply(&mut plan).unwrap();
    let follow = plan.decision.unwrap().follow.unwrap();
    assert_eq!(follow.budget, None);
    assert!(!follow.first.contains(&"budget".to_owned()), "{:?}", follow.first);
    // Where it is advised, its sums are there.
    let tuned = with("c07-telco-tone", COSTS);
    assert!(self::page(&tuned).contains("Budget"));
}

/// 4,480 of 5,000 against 90 %: more examples would not tell, so the record asks for none.
#[test]
fn a_score_within_a_point_asks_for_no_more_examples() {
    let answers = case("x41-five-thousand-examples-near-target");
    let found = recommend(&answers);
    assert_eq!(found.samples, None);
    let examples = answers.evaluation.examples.unwrap();
    let size = format!("- {} examples;", tuneplan::units::grouped(examples));
    assert!(page(&answers).contains(&size), "{}", page(&answers));
}

#[test]
fn a_plan_that_turns_to_running_the_model_says_so() {
    let answers = case("y05-stronger-base-beside-labels");
    let found = recommend(&answers);
    let plan = Plan { workload: Workload::Training, ..Plan::default() };
    let edit = into_plan(&plan, &decision(answers.clone()), &found).unwrap();
    assert!(edit.label(&plan).contains("running the model"), "{}", edit.label(&plan));
    let running = Plan { workload: Workload::Inference, ..Plan::default() };
    assert!(!turns_to_running(&running, &found));
    let evaluate = recommend(&Answers::default());
    assert!(!turns_to_running(&plan, &evaluate));
}

#[test]
fn where_answers_contradict_each_other_nothing_is_said_of_what_would_change() {
    let mut answers = case("c07-telco-tone");
    answers.failures.style = Some(100_000);
    let words = recommend(&answers).nothing_missing_words();
    assert!(words.contains("contradict") && !words.starts_with("Nothing"), "{words}");
}

/// A target that no sample can show is told as such, at any size.
#[test]
fn all_right_does_not_show_a_hundred_per_cent() {
    for examples in [5, 400, 1_000_000] {
        let mut answers = case("y11-all-right-of-100-per-cent");
        (answers.evaluation.examples, answers.evaluation.correct) = (Some(examples), Some(examples));
        let found = recommend(&answers);
        assert_eq!(found.headline(), "A target below 100 %", "{examples}");
        assert!(found.proportions[0].advice().is_none_or(|words| words.contains("no number of examples")));
    }
}

#[test]
fn prices_of_the_future_are_refused() {
    let costs = |date: &str| read_answers(&format!("(costs: (date: \"{date}\"))")).unwrap();
    assert!(quoted_later(&costs("2026-02-04"), "2026-02-03").unwrap().contains("2026-02-04"));
    assert_eq!(quoted_later(&costs("2026-02-03"), "2026-02-03"), None);
    assert_eq!(quoted_later(&costs("2026-02-04"), ""), None);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("answers.ron");
    std::fs::write(&path, "(costs: (date: \"2999-01-01\"))").unwrap();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let args = [OsString::from("tuneplan"), OsString::from("decide"), path.into_os_string()];
    assert_eq!(run(args, &mut out, &mut err), Outcome::BadInput);
    assert!(String::from_utf8(err).unwrap().contains("in the future"));
}
