//! The page of the preview, driven by accessible names: a model file through all formats.

use crate::common;
use tuneplan::app::command::{LookCommand, RunCommand, WeightsCommand};

use crate::common::app::{click, dismiss_all, send, state, wait};
use crate::common::tidy::{assert_cards_inside, assert_tidy};
use crate::common::two_layers::model;
use egui::accesskit::Role;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use std::path::PathBuf;
use tuneplan::app::Command;
use tuneplan::app::page::Page;
use tuneplan::desktop::runtime::Runtime;
use tuneplan::desktop::window::App;
use tuneplan::plan::edit::PlanEdit;
use tuneplan::plan::field::FieldValue;
use tuneplan::quantize::Codec;
use tuneplan::tasks::tuning::{Product, Stage, Tuning};
use tuneplan::theme::Theme;

fn has(harness: &Harness<'_, App>, text: &str) -> bool {
    harness.query_all_by_label_contains(text).next().is_some()
}

fn opened<'a>() -> Harness<'a, App> {
    // Tall enough that nothing has to be scrolled to.
    let mut harness = common::builder(Theme::Dark, [1600.0, 2600.0])
        .with_max_steps(32)
        .build_eframe(|cc| App::new(&cc.egui_ctx, Runtime::new(None, || ()), None));
    send(&mut harness, Command::Look(LookCommand::Page(Page::Preview)));
    harness
}

/// The page with the part about weights.
fn weights<'a>() -> Harness<'a, App> {
    let mut harness = opened();
    click(&mut harness, "Weights");
    harness
}

#[test]
fn a_model_file_is_shown_in_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let path = model(folder.path());
    let mut harness = weights();
    assert!(has(&harness, "put into each number format and read back"), "the empty state says what will happen");
    assert_tidy(&harness, "empty");
    click(&mut harness, "By path…");
    harness
        .get_by_role_and_label(Role::TextInput, "Path of a .safetensors or .gguf file, or of a model folder")
        .type_text(&path.display().to_string());
    harness.run_ok();
    click(&mut harness, "Examine");
    wait(&mut harness, |app| app.state().session.weighing.as_ref().is_some_and(|weighing| !weighing.running));
    let weighing = state(&harness).session.weighing.as_ref().unwrap();
    assert_eq!(weighing.refused, None);
    assert_eq!((weighing.reports.len(), weighing.progress.full), (2, 2));
    for codec in Codec::ALL {
        assert!(harness.query_all_by_label(codec.name()).next().is_some(), "{}", codec.name());
    }
    assert!(has(&harness, "64 × 256 values; standard deviation σ "));
    assert!(has(&harness, "Layers by formats. NF4: layer "));
    assert_tidy(&harness, "examined");
    click(&mut harness, "INT8 rows");
    assert!(has(&harness, "In INT8 rows: 0.02 MiB, "));
    click(&mut harness, "What ranks recover");
    wait(&mut harness, |app| {
        let ranks = app.state().session.weighing.as_ref().and_then(|weighing| weighing.ranks.as_ref());
        ranks.is_some_and(|ranks| ranks.found.is_some())
    });
    // 64 directions of equal size, more or less: half of the energy lies in nearly half of them.
    assert!(has(&harness, "half of the weights' energy lies in 2"));
    let slider = harness.get_by_role_and_label(Role::Slider, "Bits a weight of the mix");
    slider.set_value_accesskit(9.0);
    harness.run_ok();
    assert!(has(&harness, "bits a weight, "));
    assert_tidy(&harness, "mixed");
}

#[test]
fn what_cannot_be_examined_is_said() {
    let mut harness = weights();
    send(&mut harness, Command::Weights(WeightsCommand::Examine(Some(PathBuf::from("no such model")))));
    wait(&mut harness, |app| app.state().session.weighing.as_ref().is_some_and(|weighing| !weighing.running));
    assert!(has(&harness, "no such model"));
    assert_tidy(&harness, "refused");
}

#[test]
fn stopping_keeps_what_was_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = model(folder.path());
    let mut harness = weights();
    send(&mut harness, Command::Weights(WeightsCommand::Examine(Some(path))));
    wait(&mut harness, |app| {
        app.state().session.weighing.as_ref().is_some_and(|weighing| !weighing.reports.is_empty())
    });
    send(&mut harness, Command::Weights(WeightsCommand::Stop));
    // What the stopped work still tells is dropped, and so is what an earlier one tells.
    let found = state(&harness).session.weighing.as_ref().unwrap().reports.len();
    std::thread::sleep(std::time::Duration::from_millis(50));
    harness.run_ok();
    let weighing = state(&harness).session.weighing.as_ref().unwrap();
    assert!(!weighing.running);
    assert_eq!(weighing.reports.len(), found);
}

fn tuning<'h>(harness: &'h Harness<'_, App>) -> &'h Tuning {
    state(harness).session.tuning.as_deref().unwrap()
}

fn is_over(app: &App) -> bool {
    app.state().session.tuning.as_ref().is_some_and(|tuning| !tuning.is_running())
}

#[test]
fn a_run_is_paused_stopped_saved_and_kept_in_the_plan() {
    let mut harness = opened();
    // The default plan is QLoRA with rank 16 and double quantization; as many sequences a step, but side by side.
    for (field, count) in [("batch.micro_batch", 8), ("batch.gradient_accumulation", 1)] {
        send(&mut harness, Command::Edit(PlanEdit::Set(field, FieldValue::Integer(count))));
    }
    assert!(has(&harness, "Base in NF4 + DQ, LoRA r 16 α 32, on all linear layers; AdamW; 8 × 1 sequences a step"));
    assert_tidy(&harness, "before");
    click(&mut harness, "Run");
    wait(&mut harness, |app| {
        app.state().session.tuning.as_ref().is_some_and(|tuning| !tuning.record.losses.is_empty())
    });
    click(&mut harness, "Pause");
    assert_eq!(tuning(&harness).stage, Stage::Paused);
    // Another page, and back: the run is where it was.
    send(&mut harness, Command::Look(LookCommand::Page(Page::Memory)));
    send(&mut harness, Command::Look(LookCommand::Page(Page::Preview)));
    assert!(has(&harness, "Paused after step "));
    assert_tidy(&harness, "paused");
    click(&mut harness, "Resume");
    let steps = tuning(&harness).record.losses.len();
    wait(&mut harness, |app| {
        app.state().session.tuning.as_ref().is_some_and(|tuning| tuning.record.losses.len() > steps)
    });
    click(&mut harness, "Stop");
    wait(&mut harness, is_over);
    assert_eq!(tuning(&harness).stage, Stage::Stopped);
    assert!(has(&harness, "Stopped after step "));
    assert!(has(&harness, "Predicted "));
    // Seven linear layers in each of four layers have learned something.
    assert!(has(&harness, "(the median of 28 linear layers)"));
    assert!(has(&harness, "changed most, by "));
    for width in [1024.0, 1280.0, 1400.0, 1920.0, 1600.0] {
        harness.set_size(egui::Vec2::new(width, 2600.0));
        harness.run_ok();
        assert_tidy(&harness, &format!("stopped, {width} wide"));
        assert_cards_inside(&harness, Theme::Dark.tokens(), &format!("stopped, {width} wide"));
    }

    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("adapter");
    send(&mut harness, Command::Run(RunCommand::SaveProduct(Product::Adapter, target.clone())));
    wait(&mut harness, |app| app.state().session.messages.latest().is_some());
    for name in ["adapter_model.safetensors", "adapter_config.json"] {
        assert!(target.join(name).is_file(), "{name}: {:?}", state(&harness).session.messages);
    }
    let before = std::fs::read(target.join("adapter_config.json")).unwrap();
    dismiss_all(&mut harness);
    send(&mut harness, Command::Run(RunCommand::SaveProduct(Product::Adapter, target.clone())));
    wait(&mut harness, |app| app.state().session.messages.latest().is_some());
    assert!(state(&harness).session.messages.latest().unwrap().is_error(), "nothing is overwritten");
    assert_eq!(std::fs::read(target.join("adapter_config.json")).unwrap(), before);

    click(&mut harness, "Put the result into the plan");
    let trials = &state(&harness).document.plan.measured.trials;
    assert_eq!(trials.len(), 1);
    assert!(trials[0].note.contains("embedded model, NF4 + DQ, LoRA r 16 α 32"), "{}", trials[0].note);
    assert!(has(&harness, "The result is in the plan."));
    assert_tidy(&harness, "kept");
    click(&mut harness, "Remove preview 1");
    assert!(state(&harness).document.plan.measured.trials.is_empty());
}
