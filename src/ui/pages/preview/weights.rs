//! A model's weights in every format: table of the whole model, map of the layers, one tensor, the best mixes.

use crate::app::command::Commands;
use crate::quantize::Codec;
use crate::theme::space;
use crate::ui::{View, card, card_head};
use egui::{RichText, Ui};

mod heat;
mod mixes;
mod quality;
mod ranks;
mod source;
mod table;
mod tensor;

/// What is chosen.
#[derive(Clone, Debug)]
pub struct WeightsState {
    /// Format that is looked at.
    pub codec: Codec,
    /// Tensor that is looked at: its place among the entries of the model.
    pub tensor: Option<usize>,
    /// What is put into the format.
    pub scope: ScopeChoice,
    /// Bits a weight of the mix.
    pub budget: f64,
}

/// What is put into the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScopeChoice {
    /// Linear maps only.
    Linear,
    /// Token table and head too.
    Vocabulary,
}

impl Default for WeightsState {
    fn default() -> Self {
        Self { codec: Codec::Nf4, tensor: None, scope: ScopeChoice::Linear, budget: 3.5 }
    }
}

/// Draws this part of the page.
pub fn weights_ui(ui: &mut Ui, view: &View<'_>, state: &mut WeightsState, out: &mut Commands) {
    card(ui, view.tokens, |ui| {
        card_head(ui, "Weights in every format", "measured on this machine");
        source::source_ui(ui, view, out);
        let Some(weighing) = &view.state.session.weighing else {
            ui.label(
                RichText::new(
                    "Every matrix of a model is put into each number format and read back: bits, errors, outliers. \
                     The embedded model takes seconds; a file is read piece by piece and never changed.",
                )
                .color(view.tokens.muted.0),
            );
            return;
        };
        source::progress_ui(ui, view, weighing);
        table::table_ui(ui, view, state, weighing);
    });
    let Some(weighing) = view.state.session.weighing.as_ref().filter(|weighing| !weighing.reports.is_empty()) else {
        return;
    };
    let known = |index: &usize| weighing.reports.iter().any(|report| report.index == *index);
    state.tensor = state.tensor.filter(known).or_else(|| weighing.reports.first().map(|report| report.index));
    ui.add_space(space::xs());
    card(ui, view.tokens, |ui| {
        card_head(ui, "Loss and outputs in each format", "measured on a text");
        quality::quality_ui(ui, view, state, weighing, out);
    });
    ui.add_space(space::xs());
    card(ui, view.tokens, |ui| {
        card_head(ui, "Layer by layer", "signal to quantization noise · dB");
        heat::heat_ui(ui, view, state, weighing);
    });
    ui.add_space(space::xs());
    card(ui, view.tokens, |ui| {
        card_head(ui, "One tensor", state.codec.name());
        tensor::tensor_ui(ui, view, state, weighing, out);
        ranks::ranks_ui(ui, view, state, weighing, out);
    });
    ui.add_space(space::xs());
    card(ui, view.tokens, |ui| {
        card_head(ui, "A format for each tensor", "least error at a size");
        mixes::mixes_ui(ui, view, state, weighing, out);
    });
}
