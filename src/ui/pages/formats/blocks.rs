//! A short vector before and after each block format.

use super::scalars::word_ui;
use super::state::{FormatsState, OUTLIER_AT, Results, SHOWN, Tried};
use crate::quantize::Codec;
use crate::theme::{Tokens, bold, space, type_size};
use crate::ui::widgets::figures::significant;
use crate::ui::widgets::number;
use crate::ui::widgets::segmented::{Segment, segmented_ui};
use crate::ui::widgets::vector_plot::VectorPlot;
use egui::{RichText, Slider, Ui, Vec2};

const COUNTS: [Segment<usize>; 2] = [
    Segment { value: 32, label: "32 values", help: "One block of MXFP4; too few for Q4_K." },
    Segment { value: 256, label: "256 values", help: "One super-block of Q4_K, four blocks of NF4." },
];

/// Values of a row of a large tensor.
const LARGE_ROW: usize = 4096;
/// Narrower than this, the comparison leaves out what is also said under the plot.
const ALL_COLUMNS: f32 = 440.0;

/// Draws controls, plot and the comparison of formats.
pub fn blocks_ui(ui: &mut Ui, tokens: &Tokens, state: &mut FormatsState) {
    controls_ui(ui, tokens, state);
    let chosen = state.format;
    let selected = state.selected.min(state.vector.count.saturating_sub(1));
    let results = state.results().clone();
    ui.add_space(space::s());
    ui.label(RichText::new(chosen.help()).color(tokens.muted.0));
    let index = SHOWN.iter().position(|format| *format == chosen).unwrap_or_default();
    match &results.formats[index] {
        Ok(tried) => {
            plot_ui(ui, tokens, state, &results, tried, selected);
            storage_ui(ui, tokens, chosen, tried);
        }
        Err(why) => {
            ui.label(RichText::new(format!("{why}.")).color(tokens.tight.0));
        }
    }
    ui.add_space(space::s());
    compare_ui(ui, tokens, state, &results);
}

fn controls_ui(ui: &mut Ui, tokens: &Tokens, state: &mut FormatsState) {
    ui.horizontal_wrapped(|ui| {
        if let Some(count) = segmented_ui(ui, &COUNTS, state.vector.count, tokens) {
            state.vector.count = count;
            state.selected = state.selected.min(count - 1);
            state.vector.edited.retain(|index, _| *index < count);
        }
        word_ui(ui, tokens, "Seed");
        let mut seed = state.vector.seed;
        let response =
            ui.add(number::typed(ui.ctx(), &mut seed).speed(0.1)).on_hover_text("Normal values from this seed.");
        ui.ctx().accesskit_node_builder(response.id, |node| node.set_label("Seed of the values"));
        let drawn = ui.button("New values").on_hover_text("Draw other normal values; edits are dropped.").clicked();
        if drawn || seed != state.vector.seed {
            state.vector.seed = if drawn { seed.wrapping_add(1) } else { seed };
            state.vector.edited.clear();
        }
    });
    ui.horizontal_wrapped(|ui| {
        let help = format!(
            "Value {} becomes this many standard deviations: its whole block pays with a coarser scale.",
            OUTLIER_AT + 1
        );
        word_ui(ui, tokens, "Outlier").on_hover_text(&help);
        ui.spacing_mut().slider_width = 120.0;
        let response = ui.add(Slider::new(&mut state.vector.outlier, 0.0..=40.0).suffix(" σ").max_decimals(1));
        ui.ctx().accesskit_node_builder(response.id, |node| node.set_label("Outlier, standard deviations"));
        response.on_hover_text(help);
        edit_ui(ui, tokens, state);
    });
}

/// The value under the cursor, to be typed.
fn edit_ui(ui: &mut Ui, tokens: &Tokens, state: &mut FormatsState) {
    word_ui(ui, tokens, "Edit value");
    let mut number = state.selected + 1;
    let response = ui.add(number::typed(ui.ctx(), &mut number).range(1..=state.vector.count).speed(0.2));
    ui.ctx().accesskit_node_builder(response.id, |node| node.set_label("Which value to edit"));
    state.selected = number - 1;
    let selected = state.selected;
    let before = state.results().before.get(selected).copied().unwrap_or_default();
    let mut value = before;
    let response = ui.add(number::typed(ui.ctx(), &mut value).range(-1e6..=1e6).speed(0.02).max_decimals(4));
    ui.ctx().accesskit_node_builder(response.id, |node| node.set_label("Edited value"));
    if response.on_hover_text("Or drag in the plot.").changed() && value != before {
        state.vector.edited.insert(selected, value);
    }
    if !state.vector.edited.is_empty()
        && ui.small_button("Undo edits").on_hover_text("Take the drawn values again.").clicked()
    {
        state.vector.edited.clear();
    }
}

fn plot_ui(ui: &mut Ui, tokens: &Tokens, state: &mut FormatsState, results: &Results, tried: &Tried, selected: usize) {
    let plot = VectorPlot {
        before: &results.before,
        after: &tried.after,
        block: state.format.block().unwrap_or(state.vector.count),
        selected,
    };
    let touched = plot.show(ui, tokens);
    if let Some(index) = touched.selected {
        state.selected = index;
    }
    if let Some(value) = touched.dragged_to {
        state.vector.edited.insert(state.selected, value);
    }
    ui.label(
        RichText::new(format!(
            "Stem: before. Bar: after {}. Vertical lines: blocks of {} values that share constants.",
            state.format.name(),
            state.format.block().unwrap_or(state.vector.count)
        ))
        .small()
        .color(tokens.muted.0),
    );
}

/// What is stored, part by part.
fn storage_ui(ui: &mut Ui, tokens: &Tokens, format: Codec, tried: &Tried) {
    let parts: Vec<String> =
        tried.packed.storage().iter().map(|part| format!("{} bits of {}", part.bits, part.what)).collect();
    ui.label(
        RichText::new(format!(
            "Stored: {}: {:.3} bits per weight here, {:.3} in a large tensor.",
            parts.join(" + "),
            tried.packed.bits_per_weight(),
            format.bits_per_weight(LARGE_ROW)
        ))
        .small()
        .color(tokens.muted.0),
    );
}

/// Every format on the same vector.
fn compare_ui(ui: &mut Ui, tokens: &Tokens, state: &mut FormatsState, results: &Results) {
    let head = |ui: &mut Ui, text: &str, help: &str| {
        ui.label(RichText::new(text).small().color(tokens.muted.0)).on_hover_text(help);
    };
    let all_columns = ui.available_width() >= ALL_COLUMNS;
    egui::Grid::new("block-formats").spacing(Vec2::new(space::l(), space::xs())).show(ui, |ui| {
        head(ui, "Format", "Click one to draw it.");
        if all_columns {
            head(ui, "Bits/weight", "With scales and other constants, for this vector.");
        }
        head(ui, "RMS error", "Root of the mean squared error, in standard deviations of the drawn values.");
        if all_columns {
            head(ui, "Largest error", "Largest absolute error of a value.");
        }
        head(ui, "SQNR, dB", "Signal to quantization noise: 6 dB more halve the error.");
        ui.end_row();
        for (format, tried) in SHOWN.into_iter().zip(&results.formats) {
            let is_chosen = format == state.format;
            let mut text = RichText::new(format.name());
            if is_chosen {
                text = text.font(bold(type_size::body()));
            }
            let button = ui.selectable_label(is_chosen, text).on_hover_text(format.help());
            if button.clicked() {
                state.format = format;
            }
            match tried {
                Ok(tried) => {
                    if all_columns {
                        ui.label(format!("{:.3}", tried.packed.bits_per_weight()));
                    }
                    ui.label(significant(tried.error.rms, 3));
                    if all_columns {
                        ui.label(significant(tried.error.largest, 3))
                            .on_hover_text(format!("At value {}.", tried.error.largest_at + 1));
                    }
                    ui.label(tried.error.sqnr_db.map_or_else(|| "–".to_owned(), |db| format!("{db:.1}")));
                }
                Err(why) => {
                    ui.label(RichText::new("needs 256 values").small().color(tokens.muted.0))
                        .on_hover_text(format!("{why}."));
                }
            }
            ui.end_row();
        }
    });
    ui.label(
        RichText::new("Weight error is not model quality: at equal error formats differ in perplexity.")
            .small()
            .color(tokens.muted.0),
    );
}
