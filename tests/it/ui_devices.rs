//! The page of devices through the names a screen reader has.

use crate::common;
use tuneplan::app::command::{Command, LookCommand};

use crate::common::app::{click, send, state, window};
use egui_kittest::kittest::Queryable as _;
use tuneplan::app::page::Page;
use tuneplan::estimate::{Component, Subject};
use tuneplan::plan::edit::PlanEdit;
use tuneplan::plan::field::FieldValue;

#[test]
fn one_device_becomes_two_that_share_the_model() {
    let mut harness = window();
    send(&mut harness, Command::Look(LookCommand::Page(Page::Devices)));
    let alone = harness.state().computed().estimate.clone().unwrap();
    click(&mut harness, "Cut over 2 (FSDP)");
    let plan = state(&harness).document.plan.clone();
    assert_eq!(plan.hardware.count, 2);
    let shared = harness.state().computed().estimate.clone().unwrap();
    let devices = shared.devices.as_ref().unwrap();
    assert!(shared.at_peak.get(Component::Weights) < alone.at_peak.get(Component::Weights));
    // One bar for both devices, its pieces named with the devices.
    assert_eq!(devices.groups.len(), 1);
    let weights = harness.get_by_label_contains("Weights, ");
    weights.click();
    harness.run_ok();
    assert_eq!(state(&harness).session.selected, Some(Subject::Component(Component::Weights)));
    harness.get_by_label("What is shared");
    assert!(harness.get_all_by_label("cut among 2 devices").count() >= 4);
}

#[test]
fn a_pipeline_shows_its_turns() {
    let mut harness = window();
    for id in ["hardware.count", "parallelism.pipeline"] {
        send(&mut harness, Command::Edit(PlanEdit::Set(id, FieldValue::Integer(4))));
    }
    send(&mut harness, Command::Look(LookCommand::Page(Page::Devices)));
    harness.get_by_label("Pipeline schedule");
    harness.get_by_label("Stage 0: 8 forward passes, keeps 4 at once");
    harness.get_by_label("Stage 3: 8 forward passes, keeps 1 at once");
    for stage in 0..4 {
        assert!(harness.get_all_by_label_contains(&format!("of device {stage} · stage {stage}")).count() >= 4);
    }
}

#[test]
fn a_pipeline_is_tidy_at_every_size() {
    for size in [[1000.0, 700.0], [1280.0, 800.0], [1920.0, 1080.0]] {
        let mut harness = window();
        for (id, number) in [("hardware.count", 16), ("parallelism.pipeline", 8), ("parallelism.tensor", 2)] {
            send(&mut harness, Command::Edit(PlanEdit::Set(id, FieldValue::Integer(number))));
        }
        send(&mut harness, Command::Look(LookCommand::Page(Page::Devices)));
        harness.set_size(size.into());
        harness.run_ok();
        common::tidy::assert_tidy(&harness, &format!("{size:?}"));
    }
}
