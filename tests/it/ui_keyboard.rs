//! The whole main job without a mouse.

use crate::common::app::{focused, press, type_text, wait, window};
use egui::{Key, Modifiers};
use std::collections::BTreeSet;
use std::fs;
use tuneplan::app::Command;
use tuneplan::app::command::LookCommand;
use tuneplan::app::page::Page;

#[test]
fn tab_reaches_every_kind_of_control() {
    let mut harness = window();
    let mut reached = BTreeSet::new();
    for _ in 0..400 {
        press(&mut harness, Modifiers::NONE, Key::Tab);
        if let Some(name) = focused(&harness) {
            reached.insert(name);
        }
    }
    for name in [
        "File",
        "History",
        "Untitled plan",
        "New plan",
        "GB",
        "View",
        "Present",
        "Start",
        "Steps",
        "Find a setting",
        "Rank slider",
        "Training",
        "Both",
        "Tensors",
    ] {
        assert!(reached.contains(name), "{name} is not reached: {reached:#?}");
    }
    let any = |part: &str| reached.iter().any(|name| name.contains(part));
    for part in ["of the peak", "of End of forward", " row, ", "Micro-batch", "Optimizer", "Double quantization"] {
        assert!(any(part), "nothing like {part} is reached: {reached:#?}");
    }
}

#[test]
fn the_main_job_from_template_to_saved_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("review.plan.ron");
    let mut harness = window();
    harness.state_mut().send(Command::Look(LookCommand::Page(Page::Start)));
    harness.run_ok();
    // To the first template with Tab, and into it with Enter.
    for _ in 0..60 {
        press(&mut harness, Modifiers::NONE, Key::Tab);
        if focused(&harness).is_some_and(|name| name.starts_with("Template: 8B LoRA")) {
            break;
        }
    }
    press(&mut harness, Modifiers::NONE, Key::Enter);
    assert_eq!(harness.state().state().document.plan.name, "8B LoRA on 80 GB");
    press(&mut harness, Modifiers::COMMAND, Key::K);
    type_text(&mut harness, "sequence 8192");
    press(&mut harness, Modifiers::NONE, Key::Enter);
    assert_eq!(harness.state().state().document.plan.batch.sequence_length, 8192);
    press(&mut harness, Modifiers::COMMAND, Key::Z);
    press(&mut harness, Modifiers::COMMAND | Modifiers::SHIFT, Key::Z);
    press(&mut harness, Modifiers::COMMAND, Key::K);
    type_text(&mut harness, "save by path");
    press(&mut harness, Modifiers::NONE, Key::Enter);
    type_text(&mut harness, &path.display().to_string());
    press(&mut harness, Modifiers::NONE, Key::Enter);
    wait(&mut harness, |app| !app.state().document.is_dirty());
    assert!(fs::read_to_string(&path).unwrap().contains("sequence_length: 8192"));
    // One more change is one line of the file.
    let before = fs::read_to_string(&path).unwrap();
    press(&mut harness, Modifiers::COMMAND, Key::K);
    type_text(&mut harness, "rank 64");
    press(&mut harness, Modifiers::NONE, Key::Enter);
    press(&mut harness, Modifiers::COMMAND, Key::S);
    wait(&mut harness, |app| !app.state().document.is_dirty());
    let after = fs::read_to_string(&path).unwrap();
    let differing = before.lines().zip(after.lines()).filter(|(a, b)| a != b).count();
    assert_eq!((differing, before.lines().count()), (1, after.lines().count()));
}
