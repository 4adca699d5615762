//! The preview: what number formats do to real weights, and what fine-tuning does to a small model, on this machine.

use crate::app::command::Commands;
use crate::ui::{UiState, View};
use egui::Ui;

mod heat;
mod mixes;
mod tensor;
mod weights;

pub use weights::WeightsState;

/// What is chosen on the page.
#[derive(Clone, Debug, Default)]
pub struct PreviewState {
    /// Formats and weights.
    pub weights: WeightsState,
}

/// Draws the page.
pub fn preview_ui(ui: &mut Ui, view: &View<'_>, ui_state: &mut UiState, out: &mut Commands) {
    weights::weights_ui(ui, view, &mut ui_state.preview.weights, out);
}
