//! The main job as a person does it, through the names a screen reader has: no display, no GPU.

use crate::common;

use egui::{Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};
use tuneplan::app::command::{Command, MessageCommand};
use tuneplan::desktop::runtime::Runtime;
use tuneplan::desktop::window::App;
use tuneplan::estimate::Component;
use tuneplan::plan::{ModelSource, file};
use tuneplan::theme::Theme;
use tuneplan::units::Bytes;

fn window<'a>() -> Harness<'a, App> {
    common::builder(Theme::Dark, [1600.0, 1000.0])
        .with_max_steps(32)
        .build_eframe(|cc| App::new(&cc.egui_ctx, Runtime::new(None, || ()), None))
}

/// Steps until `done`; work on other threads may take a moment.
fn wait_for(harness: &mut Harness<'_, App>, what: &str, done: impl Fn(&App) -> bool) {
    let patience = Instant::now() + Duration::from_secs(20);
    while !done(harness.state()) {
        assert!(Instant::now() < patience, "{what} never came");
        std::thread::sleep(Duration::from_millis(5));
        harness.step();
    }
    harness.run_ok();
}

fn choose_menu(harness: &mut Harness<'_, App>, menu: &str, item: &str) {
    harness.get_by_label(menu).click();
    harness.run_ok();
    harness.get_by_label_contains(item).click();
    harness.run_ok();
}

fn type_path(harness: &mut Harness<'_, App>, hint: &str, path: &Path, action: &str) {
    let field = harness.get_by_label(hint);
    field.focus();
    field.type_text(&path.display().to_string());
    harness.run_ok();
    harness.get_by_label(action).click();
    harness.run_ok();
}

fn set_number(harness: &mut Harness<'_, App>, label: &str, number: f64) {
    let control = harness
        .get_all_by_label(label)
        .find(|node| node.accesskit_node().role() == egui::accesskit::Role::SpinButton)
        .unwrap_or_else(|| panic!("no number called {label}"));
    control.set_value_accesskit(number);
    harness.run_ok();
}

fn rank(app: &App) -> u64 {
    app.state().document.plan.method.method.lora().map_or(0, |lora| lora.rank)
}

fn adapters(app: &App) -> Bytes {
    app.computed().estimate.as_ref().map_or(Bytes::ZERO, |estimate| estimate.at_peak.get(Component::Adapters))
}

/// SmolLM2-135M's shape, as its `config.json` gives it.
const CONFIG: &str = r#"{"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 576,
"intermediate_size": 1536, "num_hidden_layers": 30, "num_attention_heads": 9, "num_key_value_heads": 3,
"vocab_size": 49152, "max_position_embeddings": 8192, "tie_word_embeddings": true, "torch_dtype": "bfloat16"}"#;

#[test]
fn open_a_config_change_the_rank_undo_save_and_reopen() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.json");
    fs::write(&config, CONFIG).unwrap();
    let plan = folder.path().join("review.plan.ron");

    let mut harness = window();
    harness.run_ok();
    harness.get_by_label("Open model by path…").click();
    harness.run_ok();
    type_path(&mut harness, "Path of a config.json, .safetensors, .gguf or a model folder", &config, "Open");
    wait_for(&mut harness, "the model", |app| {
        matches!(app.state().document.plan.model.source, ModelSource::File { .. })
    });
    // 134,515,008 parameters is the published count; the adapters come on top.
    let estimate = harness.state().computed().estimate.clone().unwrap();
    assert_eq!(estimate.model.total, 134_515_008);

    let before = adapters(harness.state());
    set_number(&mut harness, "Rank", 32.0);
    assert_eq!(rank(harness.state()), 32);
    assert_eq!(adapters(harness.state()).0, before.0 * 2, "adapters grow with the rank");
    harness.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    harness.run_ok();
    assert_eq!(rank(harness.state()), 16);
    assert_eq!(adapters(harness.state()), before);

    choose_menu(&mut harness, "File", "Save by path…");
    type_path(&mut harness, "Path to save to; .plan.ron is added", &plan, "Save");
    wait_for(&mut harness, "the saved file", |app| app.state().document.path.is_some());
    assert!(!harness.state().state().document.is_dirty());
    let first = fs::read_to_string(&plan).unwrap();

    set_number(&mut harness, "Sequence length, tokens", 4096.0);
    harness.key_press_modifiers(Modifiers::COMMAND, Key::S);
    harness.run_ok();
    wait_for(&mut harness, "the second save", |app| !app.state().document.is_dirty());
    let second = fs::read_to_string(&plan).unwrap();
    let changed: Vec<(&str, &str)> = first.lines().zip(second.lines()).filter(|(a, b)| a != b).collect();
    assert_eq!(first.lines().count(), second.lines().count());
    assert_eq!(changed.len(), 1, "one changed setting is one changed line: {changed:?}");
    assert_eq!(changed[0].1.trim(), "sequence_length: 4096,");

    let mut again = window();
    again.run_ok();
    choose_menu(&mut again, "File", "Open plan by path…");
    type_path(&mut again, "Path of a .plan.ron file", &plan, "Open");
    wait_for(&mut again, "the reopened plan", |app| app.state().document.path.is_some());
    assert_eq!(again.state().state().document.plan, harness.state().state().document.plan);
}

#[test]
fn a_broken_plan_is_named_with_its_line_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("broken.plan.ron");
    let text = "(\n  schema: 1,\n  batch: (micro_batch: 4,\n";
    fs::write(&broken, text).unwrap();
    let mut harness = window();
    harness.run_ok();
    choose_menu(&mut harness, "File", "Open plan by path…");
    type_path(&mut harness, "Path of a .plan.ron file", &broken, "Open");
    wait_for(&mut harness, "the message", |app| app.state().session.messages.latest().is_some());
    let message = harness.state().state().session.messages.latest().cloned().unwrap();
    assert!(message.is_error() && message.text.contains("broken.plan.ron:3:10"), "{}", message.text);
    assert_eq!(harness.state().state().document.path, None);
    assert_eq!(fs::read_to_string(&broken).unwrap(), text);
}

#[test]
fn every_segment_can_be_found_by_name_and_explains_itself() {
    let mut harness = window();
    harness.run_ok();
    let estimate = harness.state().computed().estimate.clone().unwrap();
    for component in Component::ALL {
        let bytes = estimate.at_peak.get(component);
        if bytes == Bytes::ZERO {
            continue;
        }
        let name = format!("{}, {}", component.label(), bytes.display(tuneplan::units::ByteUnit::GiB));
        assert!(harness.query_all_by_label_contains(&name).next().is_some(), "{name}");
    }
    harness.get_by_label_contains("Weights row").click();
    harness.run_ok();
    let selected = harness.state().state().session.selected;
    assert_eq!(selected, Some(tuneplan::estimate::Subject::Component(Component::Weights)));
}

#[test]
fn settings_that_do_not_apply_are_not_shown() {
    let mut harness = window();
    harness.run_ok();
    assert!(harness.query_all_by_label("Alpha").next().is_some());
    harness.get_by_label("Inference").click();
    harness.run_ok();
    assert!(harness.query_all_by_label("Alpha").next().is_none());
    assert!(harness.query_all_by_label_contains("New tokens").next().is_some());
    harness.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    harness.run_ok();
    assert!(harness.query_all_by_label("Alpha").next().is_some());
}

#[test]
fn closing_with_changes_asks_first() {
    let mut harness = window();
    harness.run_ok();
    set_number(&mut harness, "Rank", 64.0);
    harness.key_press_modifiers(Modifiers::COMMAND, Key::Q);
    harness.run_ok();
    assert!(harness.query_by_label("Save the changes?").is_some());
    harness.get_by_label("Cancel").click();
    harness.run_ok();
    assert!(harness.query_by_label("Save the changes?").is_none());
    assert_eq!(rank(harness.state()), 64);
    assert!(!harness.state().state().session.closing);
}

#[test]
fn the_unit_switch_changes_every_figure() {
    let mut harness = window();
    harness.run_ok();
    let process = harness.state().computed().estimate.as_ref().unwrap().process.expected;
    let shown = |unit| process.display(unit);
    assert!(harness.query_all_by_label(&shown(tuneplan::units::ByteUnit::GiB)).next().is_some());
    harness.key_press_modifiers(Modifiers::COMMAND, Key::G);
    harness.run_ok();
    assert!(harness.query_all_by_label(&shown(tuneplan::units::ByteUnit::GB)).next().is_some());
}

#[test]
fn the_file_written_by_the_window_is_the_canonical_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    let mut harness = window();
    harness.run_ok();
    choose_menu(&mut harness, "File", "Save by path…");
    type_path(&mut harness, "Path to save to; .plan.ron is added", &path, "Save");
    wait_for(&mut harness, "the file", |app| app.state().document.path.is_some());
    let text = fs::read_to_string(folder.path().join("a.plan.ron")).unwrap();
    assert_eq!(text, file::write(&harness.state().state().document.plan, &[]));
}

#[test]
fn a_typed_path_is_confirmed_with_the_enter_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b.plan.ron");
    fs::write(&path, file::write(&tuneplan::plan::Plan::default(), &[])).unwrap();
    let mut harness = window();
    harness.run_ok();
    harness.key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::O);
    harness.run_ok();
    // The field has the focus: nothing is clicked.
    harness.event(egui::Event::Text(path.display().to_string()));
    harness.run_ok();
    harness.key_press(Key::Enter);
    harness.run_ok();
    wait_for(&mut harness, "the plan", |app| app.state().document.path.is_some());
    assert_eq!(harness.state().state().document.path.as_deref(), Some(path.as_path()));
}

#[test]
fn the_escape_key_goes_back() {
    let mut harness = window();
    harness.run_ok();
    set_number(&mut harness, "Rank", 64.0);
    harness.key_press_modifiers(Modifiers::COMMAND, Key::W);
    harness.run_ok();
    assert!(harness.query_by_label("Save the changes?").is_some());
    harness.key_press(Key::Escape);
    harness.run_ok();
    assert!(harness.query_by_label("Save the changes?").is_none());
    assert_eq!(rank(harness.state()), 64);
}

#[test]
fn what_went_wrong_is_shown_in_full_until_it_is_dismissed() {
    let mut harness = window();
    harness.run_ok();
    let long = "a path that goes on and on/".repeat(12);
    harness.state_mut().send(Command::Message(MessageCommand::Tell(long.clone())));
    harness.run_ok();
    assert!(harness.query_by_label(&long).is_some());
    harness.get_by_label("Dismiss").click();
    harness.run_ok();
    assert!(harness.query_by_label(&long).is_none());
}

#[test]
fn a_text_that_is_not_understood_is_said_and_changes_nothing() {
    let mut harness = window();
    harness.run_ok();
    let before = harness.state().state().document.plan.clone();
    let field = harness
        .get_all_by_label("Price, per device-hour")
        .find(|node| node.accesskit_node().role() == egui::accesskit::Role::TextInput)
        .unwrap();
    field.focus();
    field.type_text("cheap");
    harness.run_ok();
    harness.key_press(Key::Enter);
    harness.run_ok();
    let message = harness.state().state().session.messages.latest().cloned().unwrap();
    assert!(message.is_error() && message.text.starts_with("Price"), "{}", message.text);
    assert_eq!(harness.state().state().document.plan, before);
}

#[test]
fn a_drag_of_a_slider_moves_the_bar_in_the_same_frame() {
    let mut harness = window();
    harness.run_ok();
    let process = |harness: &Harness<'_, App>| harness.state().computed().estimate.as_ref().unwrap().process.expected;
    let before = process(&harness);
    let slider = harness.get_by_label("Sequence length slider");
    slider.scroll_to_me();
    harness.run_ok();
    let rect = harness.get_by_label("Sequence length slider").rect();
    let start = rect.center();
    harness.drag_at(start);
    harness.step();
    harness.hover_at(egui::Pos2::new(rect.right() - 2.0, start.y));
    // One frame, no more: what it shows is what the plan says.
    harness.step();
    let after = process(&harness);
    assert!(after > before, "{after} over {before}");
    assert_eq!(harness.state().computed().key, harness.state().state().key());
    let shown = after.display(tuneplan::units::ByteUnit::GiB);
    assert!(harness.query_all_by_label(&shown).next().is_some(), "{shown} is on screen in that frame");
    harness.drop_at(egui::Pos2::new(rect.right() - 2.0, start.y));
    harness.run_ok();
    harness.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    harness.run_ok();
    assert_eq!(process(&harness), before, "one drag is one step");
}

#[test]
fn a_figure_of_the_catalogue_is_edited_marked_and_reset() {
    let mut harness = window();
    harness.run_ok();
    let capacity = |harness: &Harness<'_, App>| harness.state().computed().estimate.as_ref().unwrap().capacity.unwrap();
    let catalogue = capacity(&harness);
    let field = harness
        .get_all_by_label("Device memory, MiB")
        .find(|node| node.accesskit_node().role() == egui::accesskit::Role::TextInput)
        .unwrap();
    assert_eq!(field.accesskit_node().value().as_deref(), Some("24,074 MiB"));
    field.scroll_to_me();
    harness.run_ok();
    let field = harness
        .get_all_by_label("Device memory, MiB")
        .find(|node| node.accesskit_node().role() == egui::accesskit::Role::TextInput)
        .unwrap();
    field.focus();
    harness.run_ok();
    harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
    harness.event(egui::Event::Text("40,960 MiB".to_owned()));
    harness.run_ok();
    harness.key_press(Key::Enter);
    harness.run_ok();
    assert_eq!(harness.state().state().document.plan.hardware.memory_mib, Some(40_960));
    assert_eq!(capacity(&harness), Bytes::mib(40_960));
    harness.get_by_label("Reset Device memory").click();
    harness.run_ok();
    assert_eq!(capacity(&harness), catalogue);
}
