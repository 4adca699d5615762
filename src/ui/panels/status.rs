//! One line: file, whether it is saved, last message, what undo would do.

use crate::ui::View;
use egui::{Align, Layout, RichText, Ui};

/// Draws the line.
pub fn status_ui(ui: &mut Ui, view: &View<'_>) {
    let document = &view.state.document;
    ui.horizontal(|ui| {
        let file = document.path.as_ref().map_or_else(|| "not saved yet".to_owned(), |path| path.display().to_string());
        let small = |text: String| RichText::new(text).small().color(view.tokens.muted.0);
        ui.label(small(file));
        ui.label(small(if document.is_dirty() { "changed".to_owned() } else { "no changes".to_owned() }));
        if let Some(path) = &view.state.session.reading {
            ui.label(small(format!("reading {} …", path.display())));
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if let Some(label) = document.history.undo_label() {
                ui.label(small(format!("undo: {label}")));
            }
            if let Some(message) = &view.state.session.message {
                let color = if message.is_error { view.tokens.over.0 } else { view.tokens.text.0 };
                ui.add(egui::Label::new(RichText::new(&message.text).small().color(color)).truncate())
                    .on_hover_text(&message.text);
            }
        });
    });
}
