//! The method as pictures with the chosen model's dimensions: one matrix, one layer, and what backward keeps for whom.

use crate::app::command::Commands;
use crate::estimate::picture::PieceState;
use crate::estimate::{Component, picture::LayerKind};
use crate::theme::{Tokens, space};
use crate::ui::widgets::pattern::Pattern;
use crate::ui::{UiState, View, card, card_head};
use egui::{Color32, Label, RichText, Ui};

mod layer;
mod matrix;
mod passes;

/// What is looked at.
#[derive(Clone, Debug, Default)]
pub struct MethodState {
    /// Kind of layer.
    pub kind: usize,
    /// Linear layer whose matrix is drawn; `None`: the first that the method touches.
    pub matrix: Option<&'static str>,
    /// What was clicked last in each card, in words.
    pub explained: [Option<String>; 3],
}

/// Draws the page.
pub fn method_ui(ui: &mut Ui, view: &View<'_>, ui_state: &mut UiState, out: &mut Commands) {
    let Some(picture) = &view.computed.picture else {
        ui.label("Choose a model that is known: then the method is drawn with its dimensions.");
        return;
    };
    let state = &mut ui_state.method;
    state.kind = state.kind.min(picture.kinds.len().saturating_sub(1));
    let Some(kind) = picture.kinds.get(state.kind) else {
        ui.label("This model has no layers to draw.");
        return;
    };
    card(ui, view.tokens, |ui| {
        card_head(ui, matrix_title(view), "sides by log₂");
        matrix::matrix_ui(ui, view, state, kind);
    });
    ui.add_space(space::xs());
    card(ui, view.tokens, |ui| {
        card_head(ui, "What is trained in one layer", "values");
        layer::layer_ui(ui, view, state, picture, out);
    });
    ui.add_space(space::xs());
    card(ui, view.tokens, |ui| {
        card_head(ui, "Forward and backward: what is kept for whom", "one layer");
        passes::passes_ui(ui, view, state, picture, kind, out);
    });
}

fn matrix_title(view: &View<'_>) -> &'static str {
    if view.state.document.plan.method.method.lora().is_some() {
        "LoRA on one matrix"
    } else {
        "The method on one matrix"
    }
}

/// Colour and second cue of what is trained.
fn look(state: PieceState, tokens: &Tokens) -> (Color32, Pattern) {
    match state {
        PieceState::Frozen => (tokens.raised.0, Pattern::Plain),
        PieceState::Bias | PieceState::Trained => (tokens.series(Component::Gradients), Pattern::Rising),
        PieceState::Adapted | PieceState::Added => (tokens.series(Component::Adapters), Pattern::Dots),
    }
}

/// What is trained, in a word.
const fn state_word(state: PieceState) -> &'static str {
    match state {
        PieceState::Frozen => "frozen",
        PieceState::Bias => "bias trained",
        PieceState::Adapted => "adapted",
        PieceState::Trained => "trained",
        PieceState::Added => "added and trained",
    }
}

/// Choice among the kinds of layers, where there are several.
fn kinds_ui(ui: &mut Ui, view: &View<'_>, state: &mut MethodState, kinds: &[LayerKind]) {
    if kinds.len() < 2 {
        return;
    }
    ui.horizontal_wrapped(|ui| {
        for (i, kind) in kinds.iter().enumerate() {
            let name = format!("{} × {}", kind.count, kind.title);
            if ui.selectable_label(state.kind == i, name).clicked() {
                state.kind = i;
            }
        }
        ui.add(Label::new(RichText::new("kinds of layers").small().color(view.tokens.muted.0)).extend());
    });
}

/// The words for what was clicked, at the foot of a card.
fn explained_ui(ui: &mut Ui, view: &View<'_>, text: Option<&str>, hint: &str) {
    ui.add_space(space::xs());
    match text {
        Some(text) => ui.label(text),
        None => ui.label(RichText::new(hint).small().color(view.tokens.muted.0)),
    };
}
