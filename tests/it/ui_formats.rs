//! The page of number formats, worked through the names a screen reader has.

use crate::common;
use tuneplan::app::command::LookCommand;

use crate::common::tidy::assert_tidy;
use egui::accesskit::Role;
use egui::{Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use tuneplan::app::Command;
use tuneplan::app::page::Page;
use tuneplan::desktop::runtime::Runtime;
use tuneplan::desktop::window::App;
use tuneplan::plan::edit::PlanEdit;
use tuneplan::plan::field::FieldValue;
use tuneplan::quantize::scalar::ScalarFormat;
use tuneplan::theme::Theme;

fn window<'a>(size: [f32; 2], theme: Theme) -> Harness<'a, App> {
    let mut harness = common::builder(theme, size)
        .with_max_steps(32)
        .build_eframe(|cc| App::new(&cc.egui_ctx, Runtime::new(None, || ()), None));
    harness.state_mut().send(Command::Look(LookCommand::Page(Page::Formats)));
    harness.run_ok();
    harness
}

/// Tall enough that nothing has to be scrolled to.
fn tall<'a>() -> Harness<'a, App> {
    window([1280.0, 3000.0], Theme::Dark)
}

fn has(harness: &Harness<'_, App>, text: &str) -> bool {
    harness.query_all_by_label_contains(text).next().is_some()
}

fn type_value(harness: &mut Harness<'_, App>, text: &str) {
    harness.get_by_role_and_label(Role::TextInput, "Value").focus();
    harness.run_ok();
    harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
    harness.event(egui::Event::Text(text.to_owned()));
    harness.run_ok();
}

fn set_number(harness: &mut Harness<'_, App>, label: &str, role: Role, number: f64) {
    harness.get_by_role_and_label(role, label).set_value_accesskit(number);
    harness.run_ok();
}

#[test]
fn a_typed_value_is_shown_in_every_format_with_what_happened() {
    let mut harness = tall();
    // The textbook's example: 10.1234 becomes 10.125 in 16 bits.
    assert!(harness.get_all_by_label("10.125").count() >= 3, "TF32, BF16 and FP16");
    assert!(has(&harness, "FP16: rounded"));
    type_value(&mut harness, "65520");
    assert!(has(&harness, "FP16: overflow: became infinity"));
    assert!(has(&harness, "FP8 E4M3: overflow: clamped to the largest"));
    assert!(has(&harness, "FP4 E2M1: overflow: clamped to the largest"));
    assert!(has(&harness, "FP32: exact"));
    type_value(&mut harness, "1e-8");
    assert!(has(&harness, "FP16: underflow: became 0"));
    type_value(&mut harness, "−5e−8");
    assert!(has(&harness, "FP16: rounded, subnormal"));
    type_value(&mut harness, "nan");
    assert!(has(&harness, "FP4 E2M1: NaN has no code: became 0"));
    type_value(&mut harness, "seven");
    assert!(has(&harness, "Not a number yet"));
    for format in ScalarFormat::all(1.0) {
        assert!(has(&harness, &format!("{}: ", format.name())), "{}", format.name());
    }
}

#[test]
fn a_flipped_bit_changes_the_value() {
    let mut harness = tall();
    // 10.125 in FP16 is 0 10010 0100010000; without the top exponent bit 2^(2 − 15) · (1 + 272/1024).
    harness.get_by_label("FP16 bit 14, exponent, 1").click();
    harness.run_ok();
    assert!(has(&harness, "FP16 bit 14, exponent, 0"));
    let flipped = 2_f64.powi(-13) * (1.0 + 272.0 / 1024.0);
    assert!(harness.get_all_by_label(&format!("{flipped}")).count() >= 2, "FP64 and FP16 hold {flipped}");
    harness.get_by_label("FP64 bit 63, sign, 0").click();
    harness.run_ok();
    assert!(harness.get_all_by_label(&format!("−{flipped}")).count() >= 2);
}

#[test]
fn bits_are_flipped_with_the_keyboard_alone() {
    let mut harness = tall();
    harness.get_by_label_contains("INT8 bits:").focus();
    harness.run_ok();
    // From the sign two to the right.
    harness.key_press(Key::ArrowRight);
    harness.run_ok();
    harness.key_press(Key::ArrowRight);
    harness.run_ok();
    // 10.1234 of ±16 is code 80 = 0b0101_0000: bit 5 is not set. With it the code is 112.
    assert!(has(&harness, "INT8 bit 5, integer, 0"));
    harness.key_press(Key::Space);
    harness.run_ok();
    assert!(has(&harness, "INT8 bit 5, integer, 1"));
    let value = ScalarFormat::all(16.0)[10].decode(112);
    assert!((value - 112.0 * 16.0 / 127.0).abs() < 1e-12);
    assert!(harness.query_all_by_label(&format!("{value}")).next().is_some(), "{value}");
}

#[test]
fn examples_and_slider_choose_the_value() {
    let mut harness = tall();
    harness.get_by_role_and_label(Role::Button, "449").click();
    harness.run_ok();
    assert!(has(&harness, "FP8 E4M3: rounded"), "449 is nearest to 448");
    // Zero in the middle; half-way to the right is 10^(−10 + 16 / 2).
    set_number(&mut harness, "Value slider, logarithmic", Role::Slider, 0.5);
    assert!(has(&harness, "FP64: exact"));
    assert!(harness.query_all_by_label("0.01").next().is_some());
    set_number(&mut harness, "Value slider, logarithmic", Role::Slider, 0.0);
    assert!(has(&harness, "Ternary: exact"));
    set_number(&mut harness, "Value slider, logarithmic", Role::Slider, -1.0);
    assert!(has(&harness, "FP16: overflow"), "−10⁶");
}

#[test]
fn a_vector_is_quantized_edited_and_compared() {
    let mut harness = tall();
    assert!(has(&harness, "Stored: 1024 bits of 4-bit codes + 128 bits of FP32 absmax: 4.500 bits per weight here"));
    set_number(&mut harness, "Edited value", Role::SpinButton, 5.0);
    assert!(has(&harness, "Value 1: 5 → 5, error 0"), "the largest of its block is kept exactly");
    harness.get_by_label("Undo edits").click();
    harness.run_ok();
    assert!(!has(&harness, "Value 1: 5 →"));
    harness.get_by_label("Q4_K").click();
    harness.run_ok();
    // 6-bit scales and minima of 8 sub-blocks, two FP16 factors.
    assert!(has(&harness, "1024 bits of 4-bit codes + 96 bits of 6-bit scales and minima + 32 bits"));
    harness.get_by_label("32 values").click();
    harness.run_ok();
    assert!(has(&harness, "Q4_K needs rows of a multiple of 256 values"));
    harness.get_by_label("MXFP4").click();
    harness.run_ok();
    assert!(has(&harness, "128 bits of 4-bit codes + 8 bits of 8-bit power-of-two scales: 4.250"));
}

/// Signal to noise ratios in the table, in its order.
fn ratios(harness: &Harness<'_, App>) -> Vec<f64> {
    let head = harness.get_by_label("SQNR, dB").rect();
    let below = harness.get_all_by_role(Role::Label).filter(|node| {
        let rect = node.rect();
        rect.top() > head.bottom() && (rect.left() - head.left()).abs() < 1.0
    });
    below.filter_map(|node| node.accesskit_node().value()?.parse().ok()).collect()
}

#[test]
fn an_outlier_costs_precision() {
    let mut harness = tall();
    let before = ratios(&harness);
    assert_eq!(before.len(), 6, "{before:?}");
    // Published for normal values: NF4 20.7, Q4_K 22.6, MXFP4 18.8, INT8 44.5, INT4 19.4 dB; 256 values scatter.
    for (ratio, published) in before.iter().zip([20.7, 20.7, 22.6, 18.8, 44.5, 19.4]) {
        assert!((ratio - published).abs() < 1.5, "{before:?}");
    }
    // The signal grows with the outlier, so its error is compared instead: the value beside it is drowned.
    set_number(&mut harness, "Outlier, standard deviations", Role::Slider, 40.0);
    harness.get_by_label("INT4 absmax").click();
    harness.run_ok();
    set_number(&mut harness, "Which value to edit", Role::SpinButton, 12.0);
    set_number(&mut harness, "Edited value", Role::SpinButton, 1.0);
    // The step is 40 / 7.
    assert!(has(&harness, "Value 12: 1 → 0, error −1"));
}

#[test]
fn a_load_format_of_less_range_is_warned_about_and_fixed() {
    let mut harness = tall();
    assert!(has(&harness, "none overflows"), "NF4 under its scales");
    let load = PlanEdit::Set("precision.load_format", FieldValue::Id("fp16".to_owned()));
    harness.state_mut().send(Command::Edit(load));
    harness.run_ok();
    assert!(has(&harness, "FP16 overflows above 65,504"));
    assert!(has(&harness, "Loaded in FP16: up to 65504"));
    harness.get_by_label("Fix here: load as BF16").click();
    harness.run_ok();
    assert_eq!(harness.state().state().document.plan.precision.load_format, "bf16");
    assert!(has(&harness, "Every published weight is held exactly"));
    harness.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    harness.run_ok();
    assert_eq!(harness.state().state().document.plan.precision.load_format, "fp16");
}

#[test]
fn the_page_is_tidy_at_every_size() {
    for size in [[512.0, 350.0], [640.0, 480.0], [1024.0, 700.0], [1280.0, 800.0], [1280.0, 1400.0], [1920.0, 1080.0]] {
        for theme in [Theme::Light, Theme::Contrast] {
            let harness = window(size, theme);
            assert_tidy(&harness, &format!("{size:?}"));
        }
    }
}
