//! Number formats: what a value and a short vector become in few bits, and what the plan's formats can hold.

use super::super::{UiState, View, card, card_head};
use crate::app::command::Commands;
use crate::theme::space;
use egui::Ui;

mod blocks;
mod load;
mod scalars;
pub mod state;

/// Draws the page.
pub fn formats_ui(ui: &mut Ui, view: &View<'_>, ui_state: &mut UiState, out: &mut Commands) {
    let state = &mut ui_state.formats;
    card(ui, view.tokens, |ui| {
        card_head(ui, "One value in every format", "bits to scale");
        scalars::value_ui(ui, view.tokens, state);
    });
    ui.add_space(space::xs());
    card(ui, view.tokens, |ui| {
        card_head(ui, "Range and precision", "magnitude · log₁₀");
        scalars::ranges_ui(ui, view.tokens, state);
    });
    ui.add_space(space::xs());
    card(ui, view.tokens, |ui| {
        card_head(ui, "This plan's formats", "");
        load::load_ui(ui, view, out);
    });
    ui.add_space(space::xs());
    card(ui, view.tokens, |ui| {
        card_head(ui, "What a block format does to a short vector", "");
        blocks::blocks_ui(ui, view.tokens, state);
    });
}
