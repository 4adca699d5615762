//! One line: file, whether it is saved, last message, what undo would do. What went wrong stands above it in full.

use crate::app::command::{Command, Commands};
use crate::ui::{UiState, View};
use egui::{Align, Label, Layout, RichText, Ui};

/// Draws the line.
pub fn status_ui(ui: &mut Ui, view: &View<'_>, ui_state: &UiState) {
    let document = &view.state.document;
    // A copy for the day the program stops is no saved file, but worth knowing.
    let copy = if document.is_dirty() && ui_state.has_copy { " · recovery copy kept" } else { "" };
    let locked = if document.read_only { " · read-only file" } else { "" };
    let saved = match (&document.path, document.is_dirty()) {
        (None, false) => "New plan, no file yet".to_owned(),
        (None, true) => format!("Changed, no file yet{copy}"),
        (Some(path), false) => format!("{} · saved{locked}", path.display()),
        (Some(path), true) => format!("{} · unsaved changes{copy}{locked}", path.display()),
    };
    let said = view.state.session.message.as_ref().filter(|message| !message.is_error);
    let now = match (&view.state.session.reading, said) {
        (Some(path), _) => format!("Reading {} …", path.display()),
        (None, Some(message)) => message.text.clone(),
        (None, None) => String::new(),
    };
    let undo = document.history.undo_label().map(|label| format!("Undo: {label}")).unwrap_or_default();
    // Thirds, so that a long path leaves room for the rest; what is cut off shows under the pointer.
    ui.columns(3, |columns| {
        let places = [(saved, Align::Min), (now, Align::Center), (undo, Align::Max)];
        for (ui, (text, align)) in columns.iter_mut().zip(places) {
            if text.is_empty() {
                continue;
            }
            ui.with_layout(Layout::top_down(align), |ui| {
                ui.add(Label::new(RichText::new(text).small().color(view.tokens.muted.0)).truncate());
            });
        }
    });
}

/// What went wrong, in full, until it is dismissed or something else is said.
pub fn error_ui(ui: &mut Ui, text: &str, view: &View<'_>, out: &mut Commands) {
    ui.horizontal_top(|ui| {
        ui.with_layout(Layout::right_to_left(Align::Min), |ui| {
            if ui.button("Dismiss").clicked() {
                out.push(Command::DismissMessage);
            }
            ui.with_layout(Layout::left_to_right(Align::Min), |ui| {
                ui.add(Label::new(RichText::new(text).color(view.tokens.over.0)).wrap());
            });
        });
    });
}
