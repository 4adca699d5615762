//! The page of the decision, by the names a screen reader has.
#![allow(clippy::unwrap_used)]

mod common;

use common::app::{click, focused, press, send, state, type_text};
use egui::{Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use tuneplan::app::Command;
use tuneplan::app::menu::MenuCommand;
use tuneplan::app::page::Page;
use tuneplan::app::runtime::Runtime;
use tuneplan::app::window::App;
use tuneplan::plan::decision::{Decision, read_answers};
use tuneplan::plan::edit::PlanEdit;
use tuneplan::plan::{StageKind, Workload};
use tuneplan::ui::theme::Theme;

fn window<'a>() -> Harness<'a, App> {
    let mut harness = common::builder(Theme::Dark, [1280.0, 1600.0])
        .with_max_steps(32)
        .build_eframe(|cc| App::new(&cc.egui_ctx, Runtime::new(None, || ()), None));
    send(&mut harness, Command::ShowPage(Page::Decide));
    harness
}

fn answer(harness: &mut Harness<'_, App>, case: &str) {
    let text = std::fs::read_to_string(format!("tests/fixtures/decide/{case}.ron")).unwrap();
    let record = Decision { answers: read_answers(&text).unwrap(), ..Decision::default() };
    send(harness, Command::Edit(PlanEdit::Decision { what: "test", decision: Some(Box::new(record)) }));
}

fn has(harness: &Harness<'_, App>, text: &str) -> bool {
    harness.query_all_by_label_contains(text).next().is_some()
}

#[test]
fn nothing_answered_asks_for_an_evaluation() {
    let harness = window();
    assert!(has(&harness, "Build an evaluation first"));
    assert!(has(&harness, "Step Evaluate, 0 of 5 answered, recommended: Build an evaluation first"));
    assert!(has(&harness, "Evaluation set"));
}

#[test]
fn the_path_and_the_recommendation_follow_the_answers() {
    let mut harness = window();
    answer(&mut harness, "05-style");
    assert!(has(&harness, "Supervised fine-tuning"));
    assert!(has(&harness, "Step Fine-tune, 4 of 10 answered, recommended: Supervised fine-tuning"));
    // Wilson of 71 of 80, by hand: 80.0 % to 94.0 %.
    assert!(has(&harness, "71 of 80, 89 % (80 % to 94 %)"));
    answer(&mut harness, "07-not-enough-evidence");
    assert!(has(&harness, "Not enough evidence"));
    assert!(has(&harness, "not distinguishable from 50 % yet"));
    send(&mut harness, Command::Menu(MenuCommand::Present));
    assert!(has(&harness, "Not enough evidence") && has(&harness, "Missing evidence"));
}

#[test]
fn it_is_taken_into_the_plan_as_one_step() {
    let mut harness = window();
    answer(&mut harness, "05-style");
    let before = state(&harness).document.plan.clone();
    // Nobody typed a day, and a test has no today.
    click(&mut harness, "Into the plan");
    assert!(has(&harness, "YYYY-MM-DD"));
    assert_eq!(state(&harness).document.plan, before);
    harness.get_by_label("Day of the decision").focus();
    harness.run_ok();
    type_text(&mut harness, "2026-02-03");
    press(&mut harness, Modifiers::NONE, Key::Tab);
    click(&mut harness, "Into the plan");
    let plan = &state(&harness).document.plan;
    assert_eq!((plan.workload, plan.stages.as_slice()), (Workload::Training, &[StageKind::Supervised][..]));
    assert_eq!(plan.run.examples, Some(600));
    assert_eq!(plan.decision.as_ref().unwrap().outcomes, ["sft"]);
    assert!(has(&harness, "Taken into the plan on 2026-02-03"));
    send(&mut harness, Command::Menu(MenuCommand::Undo));
    let undone = &state(&harness).document.plan;
    assert_eq!(undone.run.examples, before.run.examples);
    assert!(undone.decision.as_ref().unwrap().outcomes.is_empty());
}

#[test]
fn it_can_be_answered_without_a_pointer() {
    let mut harness = window();
    answer(&mut harness, "05-style");
    let reach = |harness: &mut Harness<'_, App>, name: &str| {
        for _ in 0..120 {
            if focused(harness).is_some_and(|found| found.contains(name)) {
                return;
            }
            press(harness, Modifiers::NONE, Key::Tab);
        }
        assert_eq!(focused(harness).as_deref(), Some(name), "the focus never came there");
    };
    reach(&mut harness, "Step Retrieve");
    press(&mut harness, Modifiers::NONE, Key::Enter);
    assert!(has(&harness, "Fails with the ideal context"));
    reach(&mut harness, "Yes");
    press(&mut harness, Modifiers::NONE, Key::Space);
    let answers = &state(&harness).document.plan.decision.as_ref().unwrap().answers;
    assert_eq!(answers.ideal_context_fails, Some(true));
    press(&mut harness, Modifiers::COMMAND, Key::Z);
    let answers = &state(&harness).document.plan.decision.as_ref().unwrap().answers;
    assert_eq!(answers.ideal_context_fails, None);
}

#[test]
fn break_even_asks_for_prices_and_marks_where_lines_cross() {
    let mut harness = window();
    click(&mut harness, "Break-even");
    click(&mut harness, "Type prices");
    assert!(has(&harness, "Prices need the day they were quoted"));
    let mut record = state(&harness).document.plan.decision.as_deref().cloned().unwrap();
    let costs = record.answers.costs.as_mut().unwrap();
    // On paper: 1,200 a month over 12 months is 100; 1,000 tokens at 1 a million save 0.001: 100,000 requests.
    costs.static_tokens = 1000;
    costs.input_price = 1.0;
    costs.tuned.input_price = 1.0;
    costs.tuned.data = 1200.0;
    send(&mut harness, Command::Edit(PlanEdit::Decision { what: "test", decision: Some(Box::new(record)) }));
    assert!(has(&harness, "cheaper from 100,000 requests a month on (60,000 to 166,667)"));
}

#[test]
fn every_rule_and_band_is_shown_with_its_source() {
    let mut harness = window();
    click(&mut harness, "All rules");
    for rule in &tuneplan::decide::rules::rules().rules {
        assert!(has(&harness, &rule.name), "{}", rule.name);
    }
    click(&mut harness, "How to go about it");
    assert!(has(&harness, "Progression path") && has(&harness, "Distillation path"));
    assert!(has(&harness, "OpenAI cookbook"));
}
