//! The preview: what number formats do to real weights, and what fine-tuning does to a small model, on this machine.

use crate::app::command::Commands;
use crate::theme::space;
use crate::ui::widgets::segmented::{Segment, segmented_ui};
use crate::ui::{UiState, View};
use egui::Ui;

mod tune;
mod weights;

pub use weights::WeightsState;

/// Part of the page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Part {
    /// A preview.
    #[default]
    Tune,
    /// Formats and weights.
    Weights,
}

const PARTS: [Segment<Part>; 2] = [
    Segment { value: Part::Tune, label: "Fine-tune", help: "A small model with this plan's settings, in seconds." },
    Segment { value: Part::Weights, label: "Weights", help: "What each number format does to the weights of a model." },
];

/// What is chosen on the page.
#[derive(Clone, Debug, Default)]
pub struct PreviewState {
    /// Part that is shown.
    pub part: Part,
    /// Formats and weights.
    pub weights: WeightsState,
}

/// Height of a layer's row in the maps of layers.
const ROW: f32 = 18.0;
/// Rows of more layers than this are made lower.
const TALL_ROWS: usize = 24;

/// Height of each row in a map of so many layers, so that a deep model stays on the screen.
fn layer_row(layers: usize) -> f32 {
    if layers > TALL_ROWS { (ROW * TALL_ROWS as f32 / layers as f32).max(5.0) } else { ROW }
}

/// Draws the page.
pub fn preview_ui(ui: &mut Ui, view: &View<'_>, ui_state: &mut UiState, out: &mut Commands) {
    let state = &mut ui_state.preview;
    if let Some(part) = segmented_ui(ui, &PARTS, state.part, view.tokens) {
        state.part = part;
    }
    ui.add_space(space::xs());
    match state.part {
        Part::Tune => tune::tune_ui(ui, view, out),
        Part::Weights => weights::weights_ui(ui, view, &mut state.weights, out),
    }
}
