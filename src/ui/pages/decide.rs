//! Whether to fine-tune at all: the adaptation path fills in as one answers, the recommendation stands beside it.

use crate::app::command::{Command, Commands};
use crate::plan::decision::Decision;
use crate::plan::decision::questions::Step;
use crate::plan::edit::PlanEdit;
use crate::theme::{bold, space, type_size};
use crate::ui::widgets::segmented::{Segment, segmented_ui};
use crate::ui::{UiState, View, card};
use egui::{RichText, ScrollArea, TextEdit, Ui};

mod advice;
mod cards;
mod costs;
mod going;
mod intervals;
mod next;
mod path;
mod prompts;
mod questions;
mod rules;
mod tally;

/// Least height of the columns before the page scrolls as a whole.
const LEAST_HEIGHT: f32 = 360.0;
/// Narrower than this the recommendation stands above the questions.
const TWO_COLUMNS: f32 = 900.0;
/// Share of the width that the questions take.
const LEFT_SHARE: f32 = 0.56;

/// What the left column shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sheet {
    /// Questions of the chosen step.
    #[default]
    Questions,
    /// Examples to be labelled.
    Tally,
    /// Break-even.
    Costs,
    /// Stages, bands, serving.
    Going,
    /// All rules.
    Rules,
}

/// What is looked at and typed.
#[derive(Clone, Debug)]
pub struct DecideState {
    /// Sheet of the left column.
    pub sheet: Sheet,
    /// Step whose questions are shown.
    pub step: Step,
    /// Who labels.
    pub annotator: String,
    /// Example that is shown, from 0.
    pub example: usize,
    /// Shares whose difference is to be seen, in per cent.
    pub wanted: [f64; 2],
    /// Questions that were passed over in the card of the next one.
    pub passed: Vec<&'static str>,
    /// Question that the card asked last.
    pub asked: Option<&'static str>,
    /// It was answered there, so the focus goes on to the next.
    pub answered_here: bool,
    /// What was typed for the day of the decision and is none.
    pub bad_day: Option<String>,
    /// Text being typed, with the name of its place.
    pub typing: Option<(String, String)>,
}

impl Default for DecideState {
    fn default() -> Self {
        Self {
            sheet: Sheet::Questions,
            step: Step::Evaluate,
            annotator: String::new(),
            example: 0,
            wanted: [70.0, 80.0],
            passed: Vec::new(),
            asked: None,
            answered_here: false,
            bad_day: None,
            typing: None,
        }
    }
}

const SHEETS: [Segment<Sheet>; 5] = [
    Segment {
        value: Sheet::Questions,
        label: "Questions",
        help: "The questions of the chosen step; each can be skipped.",
    },
    Segment {
        value: Sheet::Tally,
        label: "Tally",
        help: "Read examples one by one and label each with a key; several people's labels are compared.",
    },
    Segment {
        value: Sheet::Costs,
        label: "Break-even",
        help: "Fine-tuning against long prompts and retrieval, over requests a month.",
    },
    Segment { value: Sheet::Going, label: "Stages", help: "Stages, usual ranges of the settings, serving." },
    Segment { value: Sheet::Rules, label: "All rules", help: "Every rule with its conditions and source." },
];

/// Draws the page.
pub fn decide_ui(ui: &mut Ui, view: &View<'_>, ui_state: &mut UiState, out: &mut Commands) {
    let height = ui.clip_rect().height();
    let top = ui.cursor().top();
    card(ui, view.tokens, |ui| path::path_ui(ui, view, &mut ui_state.decide));
    ui.add_space(space::xs());
    if ui.available_width() < TWO_COLUMNS {
        advice::advice_ui(ui, view, &mut ui_state.decide, out);
        ui.add_space(space::s());
        sheet_ui(ui, view, &mut ui_state.decide, out);
        return;
    }
    if ui_state.decide.sheet == Sheet::Rules {
        // All rules are to be read on one screen.
        sheet_ui(ui, view, &mut ui_state.decide, out);
        return;
    }
    // Both columns scroll by themselves, so that the recommendation stays in sight.
    let left = (height - (ui.cursor().top() - top) - space::xs()).max(LEAST_HEIGHT);
    let width = ui.available_width() - space::m();
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = space::m();
        column_ui(ui, "decide-left", [width * LEFT_SHARE, left], |ui| sheet_ui(ui, view, &mut ui_state.decide, out));
        column_ui(ui, "decide-right", [width * (1.0 - LEFT_SHARE), left], |ui| {
            advice::advice_ui(ui, view, &mut ui_state.decide, out);
        });
    });
}

fn column_ui(ui: &mut Ui, name: &str, [width, height]: [f32; 2], content: impl FnOnce(&mut Ui)) {
    ui.vertical(|ui| {
        ui.set_width(width);
        ScrollArea::vertical().id_salt(name).max_height(height).auto_shrink(false).show(ui, |ui| {
            ui.set_width(width - space::s());
            content(ui);
        });
    });
}

fn sheet_ui(ui: &mut Ui, view: &View<'_>, state: &mut DecideState, out: &mut Commands) {
    if let Some(sheet) = segmented_ui(ui, &SHEETS, state.sheet, view.tokens) {
        state.sheet = sheet;
    }
    ui.add_space(space::s());
    match state.sheet {
        Sheet::Questions => {
            steady_ui(ui, "next", |ui| next::next_ui(ui, view, state, out));
            steady_ui(ui, "step", |ui| questions::step_ui(ui, view, state, out));
        }
        Sheet::Tally => tally::tally_ui(ui, view, state, out),
        Sheet::Costs => costs::costs_ui(ui, view, state, out),
        Sheet::Going => going::going_ui(ui, view),
        Sheet::Rules => rules::rules_ui(ui, view),
    }
}

/// The path and the recommendation in large type.
pub fn presented_ui(ui: &mut Ui, view: &View<'_>) {
    let mut state = DecideState::default();
    card(ui, view.tokens, |ui| path::path_ui(ui, view, &mut state));
    ui.add_space(space::s());
    advice::presented_ui(ui, view);
}

/// The record of the decision as the plan has it.
fn decision<'v>(view: &View<'v>) -> &'v Decision {
    &view.computed.decided(&view.state.document.plan).decision
}

/// The command that changes the record; changes of the same `what` in one gesture are one step.
fn changed(view: &View<'_>, what: &'static str, change: impl FnOnce(&mut Decision)) -> Command {
    let mut record = decision(view).clone();
    change(&mut record);
    Command::Edit(PlanEdit::Decision { what, decision: Some(Box::new(record)) })
}

/// A line of text that is taken when the focus leaves it; the new text.
fn text_ui(
    ui: &mut Ui,
    state: &mut DecideState,
    name: &str,
    shown: &str,
    hint: &str,
    width: f32,
    lines: usize,
) -> Option<String> {
    let mut text = match &state.typing {
        Some((place, text)) if place == name => text.clone(),
        _ => shown.to_owned(),
    };
    let editor =
        if lines > 1 { TextEdit::multiline(&mut text).desired_rows(lines) } else { TextEdit::singleline(&mut text) };
    let editor = editor.desired_width(width).hint_text(hint);
    // A grid would squeeze it.
    let response = if width.is_finite() { ui.add_sized([width, 24.0], editor) } else { ui.add(editor) };
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::TextInput, true, name));
    if response.changed() {
        state.typing = Some((name.to_owned(), text.clone()));
    }
    let is_typed = matches!(&state.typing, Some((place, _)) if place == name);
    let is_left = response.lost_focus();
    keep_focus(ui, &response);
    if is_left && is_typed {
        state.typing = None;
        // Escape gives the old text back.
        return (!ui.input(|input| input.key_pressed(egui::Key::Escape))).then_some(text);
    }
    None
}

/// Content whose focus stays where it is when what stands above it grows or goes: the ids of its fields follow from the
/// name, which is one of its kind in `ui`, and not from how much was drawn before.
fn steady_ui<R>(ui: &mut Ui, name: impl egui::AsIdSalt, content: impl FnOnce(&mut Ui) -> R) -> R {
    let id = ui.scope_id().with(name);
    ui.scope_builder(egui::UiBuilder::new().scope_id(id), content).inner
}

/// Enter finishes a field and leaves the focus on it, so that Tab goes on from there.
fn keep_focus(ui: &Ui, response: &egui::Response) {
    if response.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter)) {
        response.request_focus();
    }
}

/// Head of a group inside a card.
fn head_ui(ui: &mut Ui, title: &str) {
    ui.label(RichText::new(title).font(bold(type_size::body())));
}

/// Small secondary text that wraps.
fn note_ui(ui: &mut Ui, view: &View<'_>, text: &str) {
    ui.add(egui::Label::new(RichText::new(text).small().color(view.tokens.muted.0)).wrap());
}
