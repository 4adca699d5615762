//! The page of methods, worked through the names a screen reader has.

use crate::common;
use tuneplan::app::command::LookCommand;

use crate::common::tidy::assert_tidy;
use egui::{Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use tuneplan::app::Command;
use tuneplan::app::page::Page;
use tuneplan::desktop::runtime::Runtime;
use tuneplan::desktop::window::App;
use tuneplan::plan::edit::{PlanEdit, choose_method};
use tuneplan::plan::field::FieldValue;
use tuneplan::plan::{Checkpointing, ModelSource, Plan, TargetPart, Targets};
use tuneplan::theme::Theme;

fn window<'a>(size: [f32; 2], theme: Theme) -> Harness<'a, App> {
    let mut harness = common::builder(theme, size)
        .with_max_steps(32)
        .build_eframe(|cc| App::new(&cc.egui_ctx, Runtime::new(None, || ()), None));
    send(&mut harness, Command::Look(LookCommand::Page(Page::Method)));
    harness
}

/// Tall enough that nothing has to be scrolled to.
fn tall<'a>() -> Harness<'a, App> {
    window([1280.0, 3000.0], Theme::Dark)
}

fn send(harness: &mut Harness<'_, App>, command: Command) {
    harness.state_mut().send(command);
    harness.run_ok();
}

fn plan<'h>(harness: &'h Harness<'_, App>) -> &'h Plan {
    &harness.state().state().document.plan
}

fn choose(harness: &mut Harness<'_, App>, method: &str) {
    let edit = choose_method(plan(harness), method);
    send(harness, Command::Edit(edit));
}

fn set(harness: &mut Harness<'_, App>, field: &'static str, id: &str) {
    send(harness, Command::Edit(PlanEdit::Set(field, FieldValue::Id(id.to_owned()))));
}

fn has(harness: &Harness<'_, App>, text: &str) -> bool {
    harness.query_all_by_label_contains(text).next().is_some()
}

fn click(harness: &mut Harness<'_, App>, text: &str) {
    harness.get_by_label_contains(text).click();
    harness.run_ok();
}

#[test]
fn lora_is_drawn_with_the_models_dimensions() {
    let mut harness = tall();
    assert!(has(&harness, "W, 4,096 × 4,096, frozen, 16,777,216 values"));
    assert!(has(&harness, "B, 4,096 × 16, added and trained, 65,536 values"));
    assert!(has(&harness, "A, 16 × 4,096, added and trained, 65,536 values"));
    assert!(has(&harness, "trained 131,072 values · 0.78 % of W"));
    click(&mut harness, "Draw down_proj");
    assert!(has(&harness, "W, 4,096 × 14,336, frozen, 58,720,256 values"));
    click(&mut harness, "A, 16 × 14,336");
    assert!(has(&harness, "Starts random; its output has only the rank's width."));
    send(&mut harness, Command::Edit(PlanEdit::Set("method.rank", FieldValue::Integer(64))));
    assert!(has(&harness, "A, 64 × 14,336"));
    // Another model, other dimensions.
    let small = ModelSource::Catalog("HuggingFaceTB/SmolLM2-135M".to_owned());
    send(&mut harness, Command::Edit(PlanEdit::Model(small)));
    assert!(has(&harness, "A, 64 × 1,536"));
}

#[test]
fn a_click_on_a_linear_map_is_an_edit_that_can_be_undone() {
    use TargetPart::{Down, K, O, Q, Up, V};
    let mut harness = tall();
    let before = plan(&harness).clone();
    click(&mut harness, "gate_proj, 4,096 → 14,336, adapted, 294,912 trained values");
    let targets = plan(&harness).method.method.targets().unwrap();
    assert_eq!(*targets, Targets::Parts(vec![Q, K, V, O, Up, Down]));
    // 294,912 in each of 32 layers less.
    assert!(has(&harness, &format!("{} values", tuneplan::units::grouped(41_943_040 - 32 * 294_912))));
    assert!(has(&harness, "gate_proj, 4,096 → 14,336, frozen, 0 trained values"));
    harness.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    harness.run_ok();
    assert_eq!(*plan(&harness), before);
    // And with the keyboard.
    harness.get_by_label_contains("v_proj, 4,096 → 1,024, adapted").focus();
    harness.run_ok();
    harness.key_press(Key::Space);
    harness.run_ok();
    assert!(has(&harness, "v_proj, 4,096 → 1,024, frozen"));
    click(&mut harness, "Token embedding, 128,256 × 4,096, frozen");
    assert!(plan(&harness).method.train_embeddings);
    assert!(has(&harness, "Token embedding, 128,256 × 4,096, trained, 525,336,576 trained values"));
}

#[test]
fn every_method_shows_what_it_trains() {
    let mut harness = tall();
    for (method, marks) in [
        ("full", ["q_proj, 4,096 → 4,096, trained, 16,777,216", "Token embedding, 128,256 × 4,096, trained"]),
        ("adapters", ["adapter down, 4,096 → 64, added", "adapter up, 64 → 4,096, added"]),
        ("prompt", ["Prompt vectors, 20 × 4,096, added and trained, 81,920", "q_proj, 4,096 → 4,096, frozen"]),
        ("prefix", ["prefix keys, values, 2,048 → 20, added", "Prefix of all layers, 20 × 65,536, added"]),
        ("p-tuning", ["Prompt encoder, 128 × 4,096, added", "Prompt vectors, 20 × 4,096, added"]),
        ("ia3", ["k_proj, 4,096 → 1,024, adapted, 1,024", "down_proj, 14,336 → 4,096, adapted, 14,336"]),
        ("last-layers", ["of which the last 2 are trained as drawn", "Final norm, 4,096, trained"]),
        ("bitfit", ["q_proj, 4,096 → 4,096, frozen", "Trained in total: 0 values"]),
        ("dora", ["m, 4,096 × 1, added and trained", "W′ = m ⊙ (W + α/r·B·A)"]),
        ("vera", ["b, 4,096 × 1, added and trained", "y = W·x + b ⊙ B·(d ⊙ A·x)"]),
        ("oft", ["R, 4,096 × 32, added and trained", "y = W·R·x"]),
        ("galore", ["G, 128 × 4,096, frozen", "GaLore trains every value"]),
        ("blockwise", ["Only 2 layers at a time", "of which the last 2 are trained"]),
    ] {
        choose(&mut harness, method);
        for mark in marks {
            assert!(has(&harness, mark), "{method}: {mark}");
        }
    }
}

#[test]
fn what_is_kept_changes_with_method_and_checkpointing() {
    let mut harness = tall();
    set(&mut harness, "runtime.checkpointing", "none");
    // 2,048 tokens × 4,096 values × 2 bytes.
    assert!(has(
        &harness,
        "normed input of q_proj, k_proj, v_proj, 2,048 × 4,096, 16.0 MiB, kept for weight gradients"
    ));
    assert!(has(&harness, "gate and up, 2,048 × 28,672, 112.0 MiB, kept for input gradients"));
    choose(&mut harness, "prompt");
    assert!(has(&harness, "normed input, 2,048 × 4,096, 16.0 MiB, not kept") || has(&harness, "normed input, 2,068"));
    assert!(has(&harness, "kept for input gradients"));
    harness.get_by_label("Full").click();
    harness.run_ok();
    assert_eq!(plan(&harness).runtime.checkpointing, Checkpointing::Full);
    assert!(has(&harness, "kept as the checkpoint"));
    assert!(has(&harness, "recomputed for input gradients"));
    assert!(!has(&harness, ", kept for input gradients"));
    click(&mut harness, "layer input, 2,0");
    assert!(has(&harness, "The layer is computed again from it"));
    harness.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    harness.run_ok();
    assert_eq!(plan(&harness).runtime.checkpointing, Checkpointing::None);
    set(&mut harness, "workload", "inference");
    assert!(has(&harness, "Inference runs the forward pass only"));
}

#[test]
fn models_with_several_kinds_of_layers_show_each() {
    let mut harness = tall();
    let mixed = ModelSource::Catalog("google/gemma-2-9b".to_owned());
    send(&mut harness, Command::Edit(PlanEdit::Model(mixed)));
    click(&mut harness, "× attention over the last 4,096 tokens");
    assert!(has(&harness, "layers of this kind (attention over the last 4,096 tokens"));
}

#[test]
fn the_page_is_tidy_at_every_size() {
    for size in [[512.0, 350.0], [640.0, 480.0], [1024.0, 700.0], [1280.0, 800.0], [1280.0, 1400.0], [1920.0, 1080.0]] {
        for theme in [Theme::Light, Theme::Contrast] {
            let mut harness = window(size, theme);
            assert_tidy(&harness, &format!("{size:?}"));
            for method in ["full", "vera", "dora", "adapters", "prefix"] {
                choose(&mut harness, method);
                assert_tidy(&harness, &format!("{method} at {size:?}"));
            }
        }
    }
}
