//! What to change: what makes the plan fit, single changes with what each saves and costs, how far settings go.

use crate::app::changes::Changes;
use crate::app::command::{Command, Commands};
use crate::plan::edit::PlanEdit;
use crate::solve::figures::Figures;
use crate::solve::levers::combine::time_words;
use crate::theme::space;
use crate::ui::widgets::segmented::{Segment, segmented_ui};
use crate::ui::{UiState, View, card, card_head};
use egui::{Button, RichText, Ui};
use std::collections::BTreeSet;

mod answer;
mod far;
mod fit;
mod levers;
mod search;

/// Part of the page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Part {
    /// Single changes and sets of them.
    #[default]
    Levers,
    /// The whole space of plans.
    Search,
    /// How the plan answers to its settings.
    Answers,
}

const PARTS: [Segment<Part>; 3] = [
    Segment { value: Part::Levers, label: "Levers", help: "What makes it fit, and what each change saves and costs." },
    Segment {
        value: Part::Search,
        label: "Search",
        help: "Every sensible combination: which plans nothing is better than.",
    },
    Segment { value: Part::Answers, label: "Sensitivity", help: "How memory, time and cost answer to a setting." },
];

/// What is chosen on the page.
#[derive(Clone, Debug, Default)]
pub struct ChangeState {
    /// Levers that are ticked, by id.
    pub ticked: BTreeSet<&'static str>,
    /// The lever under the pointer, or with the focus.
    pub looked_at: Option<&'static str>,
    /// Part that is shown.
    pub part: Part,
    /// Limits of the search, and what is chosen of it.
    pub search: search::SearchState,
    /// Setting that is varied.
    pub answer: answer::AnswerState,
}

/// Draws the page.
pub fn change_ui(ui: &mut Ui, view: &View<'_>, ui_state: &mut UiState, out: &mut Commands) {
    if let Some(part) = segmented_ui(ui, &PARTS, ui_state.change.part, view.tokens) {
        ui_state.change.part = part;
    }
    ui.add_space(space::xs());
    let state = &mut ui_state.change;
    match state.part {
        Part::Levers => levers_part_ui(ui, view, ui_state, out),
        Part::Search => card(ui, view.tokens, |ui| {
            card_head(ui, "Search over all plans", "those that no other plan beats");
            search::search_ui(ui, view, &mut state.search, out);
        }),
        Part::Answers => card(ui, view.tokens, |ui| {
            card_head(ui, "Sensitivity to a setting", "all else as in the plan");
            answer::answer_ui(ui, view, &mut state.answer, out);
        }),
    }
}

fn levers_part_ui(ui: &mut Ui, view: &View<'_>, ui_state: &mut UiState, out: &mut Commands) {
    match &view.state.session.changes {
        None => card(ui, view.tokens, |ui| {
            ui.horizontal(|ui| {
                ui.spinner();
                ui.label("Looking for what to change…");
            });
        }),
        Some((_, Err(why))) => card(ui, view.tokens, |ui| {
            ui.label(format!("There is nothing to change yet: {why}"));
        }),
        // What was found for the plan before the last edit stays on screen until the new answer is there.
        Some((_, Ok(found))) => found_ui(ui, view, ui_state, found, out),
    }
}

fn found_ui(ui: &mut Ui, view: &View<'_>, ui_state: &mut UiState, found: &Changes, out: &mut Commands) {
    card(ui, view.tokens, |ui| {
        card_head(ui, "Make it fit", "cheapest first");
        fit::fit_ui(ui, view, found, out);
    });
    ui.add_space(space::xs());
    card(ui, view.tokens, |ui| {
        card_head(ui, "Changes that save memory", &format!("{} · whole process", view.unit().symbol()));
        levers::levers_ui(ui, view, &mut ui_state.change, found, out);
    });
    ui.add_space(space::xs());
    card(ui, view.tokens, |ui| {
        card_head(ui, "Largest values that fit", "all else as in the plan");
        far::far_ui(ui, view, found, out);
    });
}

/// A button that applies `edit` as one step, named for a screen reader.
fn apply_ui(ui: &mut Ui, text: &str, name: &str, edit: &PlanEdit, out: &mut Commands) {
    let button = ui.add(Button::new(text));
    button.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, name));
    if button.clicked() {
        out.push(Command::Edit(edit.clone()));
    }
}

/// `Rank 16 → 8, Optimizer AdamW → AdamW 8-bit`.
fn change_words(changes: &[[String; 3]]) -> String {
    let one = |[label, before, after]: &[String; 3]| format!("{label} {before} → {after}");
    changes.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// `30 % more time`, or nothing where the device's figures are not known.
fn time(change: Option<f64>) -> String {
    change.map_or_else(|| "time not known".to_owned(), time_words)
}

/// The phase that decides afterwards.
fn peak_words(after: &Figures) -> String {
    after.peak.map_or_else(String::new, |peak| format!("{}, {}", peak.label().to_lowercase(), after.place))
}

/// Small secondary text that wraps.
fn muted_ui(ui: &mut Ui, view: &View<'_>, text: impl Into<String>) -> egui::Response {
    ui.add(egui::Label::new(RichText::new(text).small().color(view.tokens.muted.0)).wrap())
}
