//! Files held over the window and dropped on it.

use crate::common::app::{state, wait, window};
use egui::{HoveredFile, Shape};
use egui_kittest::Harness;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tuneplan::desktop::window::App;
use tuneplan::plan::{ModelSource, Plan, file};

#[derive(Debug)]
struct Dropped(PathBuf);

impl egui::DroppedFile for Dropped {
    fn path(&self) -> &Path {
        &self.0
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        fs::read(&self.0).map_err(|error| error.to_string())
    }
}

fn drop_file(harness: &mut Harness<'_, App>, path: &Path) {
    harness.input_mut().dropped_files.push(Arc::new(Dropped(path.to_owned())));
    harness.step();
}

fn painted(shape: &Shape, text: &str) -> bool {
    match shape {
        Shape::Text(found) => found.galley.text().contains(text),
        Shape::Vec(shapes) => shapes.iter().any(|shape| painted(shape, text)),
        _ => false,
    }
}

#[test]
fn an_overlay_says_what_a_file_would_do_and_goes_away() {
    let mut harness = window();
    for (name, words) in [("review.plan.ron", "Drop to open the plan"), ("config.json", "Drop to read the model")] {
        harness.input_mut().hovered_files = vec![HoveredFile { path: Some(PathBuf::from(name)), mime: String::new() }];
        harness.step();
        for text in [words, name] {
            assert!(harness.output().shapes.iter().any(|shape| painted(&shape.shape, text)), "{text}");
        }
        harness.input_mut().hovered_files.clear();
        harness.step();
        assert!(!harness.output().shapes.iter().any(|shape| painted(&shape.shape, words)));
    }
}

#[test]
fn dropped_plans_open_and_dropped_models_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let plan_path = folder.path().join("dropped.plan.ron");
    let plan = Plan { name: "Dropped".to_owned(), ..Plan::default() };
    fs::write(&plan_path, file::write(&plan, &[])).unwrap();
    let config = folder.path().join("config.json");
    fs::write(
        &config,
        r#"{"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 576, "intermediate_size": 1536,
        "num_hidden_layers": 30, "num_attention_heads": 9, "num_key_value_heads": 3, "vocab_size": 49152,
        "tie_word_embeddings": true}"#,
    )
    .unwrap();
    let mut harness = window();
    drop_file(&mut harness, &plan_path);
    wait(&mut harness, |app| app.state().document.plan.name == "Dropped");
    drop_file(&mut harness, &config);
    wait(&mut harness, |app| matches!(app.state().document.plan.model.source, ModelSource::File { .. }));
    // Something that is neither is refused with its name and nothing changes.
    let other = folder.path().join("notes.txt");
    fs::write(&other, "no model").unwrap();
    drop_file(&mut harness, &other);
    wait(&mut harness, |app| {
        app.state().session.messages.latest().is_some_and(tuneplan::app::messages::Message::is_error)
    });
    assert!(state(&harness).session.messages.latest().unwrap().text.contains("notes.txt"));
    assert!(matches!(state(&harness).document.plan.model.source, ModelSource::File { .. }));
}
