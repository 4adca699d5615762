//! The pages of time and serving, by the names a screen reader has.

use crate::common;
use tuneplan::app::command::LookCommand;

use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use tuneplan::app::Command;
use tuneplan::app::page::Page;
use tuneplan::desktop::runtime::Runtime;
use tuneplan::desktop::window::App;
use tuneplan::plan::edit::PlanEdit;
use tuneplan::plan::field::FieldValue;
use tuneplan::theme::Theme;

fn window<'a>(page: Page) -> Harness<'a, App> {
    let mut harness = common::builder(Theme::Dark, [1280.0, 2600.0])
        .with_max_steps(32)
        .build_eframe(|cc| App::new(&cc.egui_ctx, Runtime::new(None, || ()), None));
    harness.state_mut().send(Command::Look(LookCommand::Page(page)));
    harness.run_ok();
    harness
}

fn set(harness: &mut Harness<'_, App>, id: &'static str, value: FieldValue) {
    harness.state_mut().send(Command::Edit(PlanEdit::Set(id, value)));
    harness.run_ok();
}

fn has(harness: &Harness<'_, App>, text: &str) -> bool {
    harness.query_all_by_label_contains(text).next().is_some()
}

#[test]
fn time_says_what_to_type_and_then_what_it_costs() {
    let mut harness = window(Page::Time);
    assert!(has(&harness, "Type the number of examples"));
    assert!(has(&harness, "Type the price of a device-hour"));
    set(&mut harness, "run.examples", FieldValue::Integer(1000));
    set(&mut harness, "cost.price_per_device_hour", FieldValue::Decimal(0.5));
    assert!(has(&harness, "steps over"));
    assert!(has(&harness, "USD"));
    assert!(!has(&harness, "Type the price of a device-hour"));
    harness.get_by_role_and_label(egui::accesskit::Role::Link, "Matrix products").click();
    harness.run_ok();
    assert!(has(&harness, "Matrix products, in one step"));
    set(&mut harness, "hardware.accelerator", FieldValue::Id(String::new()));
    assert!(has(&harness, "No device is chosen"));
}

#[test]
fn serving_compares_adapters_or_says_why_not() {
    let mut harness = window(Page::Serving);
    assert!(has(&harness, "Largest micro-batch of a training step that fits: "));
    // Llama-3.1-8B: 131,072 bytes a token.
    assert!(has(&harness, "KV cache a token: 128 KiB"));
    assert!(has(&harness, "100 separate adapters"));
    assert!(has(&harness, "23,330,816"));
    set(&mut harness, "method.kind", FieldValue::Id("full".to_owned()));
    assert!(has(&harness, "nothing that could be kept separate"));
    set(&mut harness, "hardware.accelerator", FieldValue::Id(String::new()));
    assert!(has(&harness, "no device is chosen"));
}
