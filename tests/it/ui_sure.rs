//! The page "Accuracy": measured rows like the plan, and the user's own, by the names a screen reader has.

use crate::common;
use tuneplan::app::command::{LookCommand, MenuCommand};

use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use tuneplan::app::Command;
use tuneplan::app::page::Page;
use tuneplan::desktop::runtime::Runtime;
use tuneplan::desktop::window::App;
use tuneplan::plan::edit::PlanEdit;
use tuneplan::plan::field::FieldValue;
use tuneplan::theme::Theme;
use tuneplan::validation::Evidence;

fn window<'a>() -> Harness<'a, App> {
    let mut harness = common::builder(Theme::Dark, [1280.0, 2600.0])
        .with_max_steps(32)
        .build_eframe(|cc| App::new(&cc.egui_ctx, Runtime::new(None, || ()), None));
    harness.state_mut().send(Command::Look(LookCommand::Page(Page::Sure)));
    // What the background thread reports.
    harness.state_mut().send(Command::Evidence(Evidence::embedded()));
    harness.run_ok();
    harness
}

fn has(harness: &Harness<'_, App>, text: &str) -> bool {
    harness.query_all_by_label_contains(text).next().is_some()
}

fn send(harness: &mut Harness<'_, App>, command: Command) {
    harness.state_mut().send(command);
    harness.run_ok();
}

#[test]
fn the_rows_are_those_of_the_plan() {
    let mut harness = window();
    assert!(has(&harness, "Jobs that resemble this plan"));
    assert!(has(&harness, "QLoRA, NF4"));
    assert!(has(&harness, "There: "), "why a row's figure is another is said");
    assert!(has(&harness, "Predicted over measured memory of 898 rows"));
    assert!(has(&harness, "Textbook + Megatron activations"));
    harness.get_by_label("Show 18 more").click();
    harness.run_ok();
    assert!(has(&harness, "Show fewer"));
    send(&mut harness, Command::Edit(PlanEdit::Set("workload", FieldValue::Id("inference".to_owned()))));
    assert!(!has(&harness, "QLoRA, NF4") && has(&harness, "inference, "), "rows of the other workload went");
    send(&mut harness, Command::Edit(PlanEdit::Set("model.id", FieldValue::Id("deepseek-ai/DeepSeek-V3".to_owned()))));
    assert!(has(&harness, "No measured job resembles this plan"));
}

#[test]
fn a_measurement_is_typed_compared_applied_and_undone() {
    let mut harness = window();
    assert!(has(&harness, "None yet."));
    let type_in = |harness: &mut Harness<'_, App>, text: &str| {
        harness.get_by_label("Measured peaks to add").focus();
        harness.run_ok();
        harness.get_by_label("Measured peaks to add").type_text(text);
        harness.run_ok();
        harness.get_by_label("Add measurement").click();
        harness.run_ok();
    };
    type_in(&mut harness, "about nine");
    assert!(has(&harness, "no measured peak found"));
    // The refused text is left to be mended; what is added stands behind it.
    type_in(&mut harness, "\nprocess 20 GiB: RTX 4090");
    let peak = harness.state().state().document.plan.measured.peaks[0].clone();
    assert!(peak.expected.is_some() && peak.note.starts_with("RTX 4090"), "{peak:?}");
    assert!(has(&harness, "Calibrate × ") && has(&harness, "20.00 GiB instead of"));
    harness.get_by_role_and_label(egui::accesskit::Role::Switch, "Apply the measurements").click();
    harness.run_ok();
    assert!(!harness.state().state().document.plan.measured.calibrate);
    harness.get_by_label("Remove measurement 1").click();
    harness.run_ok();
    assert!(harness.state().state().document.plan.measured.peaks.is_empty());
    send(&mut harness, Command::Menu(MenuCommand::Undo));
    assert_eq!(harness.state().state().document.plan.measured.peaks, [peak]);
}
