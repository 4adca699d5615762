//! One line: file, whether it is saved, last notice, what goes on, what undo would do. What went wrong stands above it
//! in full.

use crate::app::background;
use crate::app::command::{Command, Commands, LookCommand, MessageCommand};
use crate::app::messages::NOTICE_SECS;
use crate::theme::space;
use crate::ui::{UiState, View};
use egui::{Align, Button, Label, Layout, RichText, ScrollArea, Ui};
use std::time::Duration;

/// Height to which the list of errors grows before it scrolls, in points.
const ERRORS_HEIGHT: f32 = 120.0;

/// Draws the line.
pub fn status_ui(ui: &mut Ui, view: &View<'_>, ui_state: &mut UiState, out: &mut Commands) {
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
    let now = match &view.state.session.reading {
        Some(path) => format!("Reading {} …", path.display()),
        None => notice(ui, view, ui_state, out),
    };
    let undo = document.history.undo_label().map(|label| format!("Undo: {label}")).unwrap_or_default();
    let faint = |text: String| Label::new(RichText::new(text).small().color(view.tokens.muted.0)).truncate();
    // Thirds, so that a long path leaves room for the rest; what is cut off shows under the pointer.
    ui.columns(3, |columns| {
        if let [left, middle, right] = columns {
            left.add(faint(saved));
            middle.with_layout(Layout::top_down(Align::Center), |ui| ui.add(faint(now)));
            right.with_layout(Layout::right_to_left(Align::Center), |ui| {
                // As high as the other texts: the line does not grow while something runs.
                ui.spacing_mut().button_padding.y = 0.0;
                ui.spacing_mut().interact_size.y = 0.0;
                let all = background::running(view.state);
                let several = all.len() > 1;
                for running in all {
                    let page = running.page.title();
                    let help = format!("{}. Goes on in the background; a click shows the page {page}.", running.words);
                    // What is to be undone keeps its room where several go on.
                    let words = if several { &running.brief } else { &running.words };
                    let words = RichText::new(words).small().color(view.tokens.accent.0);
                    let button = ui.add(Button::new(words).frame(false));
                    button.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &running.words));
                    if button.on_hover_text(help).clicked() {
                        out.push(Command::Look(LookCommand::Page(running.page)));
                    }
                    ui.add_space(space::s());
                }
                if !undo.is_empty() {
                    ui.add(faint(undo));
                }
            });
        }
    });
}

/// The notice of the moment; it is told to fade once it was shown long enough.
fn notice(ui: &Ui, view: &View<'_>, ui_state: &mut UiState, out: &mut Commands) -> String {
    let Some(notice) = view.state.session.messages.notice(view.state.document.id) else {
        ui_state.notice_since = None;
        return String::new();
    };
    let now = ui.input(|input| input.time);
    let since = match ui_state.notice_since {
        Some((number, since)) if number == notice.number => since,
        _ => now,
    };
    ui_state.notice_since = Some((notice.number, since));
    let left_secs = since + NOTICE_SECS - now;
    if left_secs <= 0.0 {
        out.push(Command::Message(MessageCommand::Fade(notice.number)));
    } else {
        // An idle window is woken once, when it is time.
        ui.ctx().request_repaint_after(Duration::from_secs_f64(left_secs));
    }
    notice.text.clone()
}

/// What went wrong, in full, one under the other, each until it is dismissed.
pub fn errors_ui(ui: &mut Ui, view: &View<'_>, out: &mut Commands) {
    ScrollArea::vertical().max_height(ERRORS_HEIGHT).min_scrolled_height(ERRORS_HEIGHT).show(ui, |ui| {
        for (place, message) in view.state.session.messages.errors(view.state.document.id).enumerate() {
            ui.horizontal_top(|ui| {
                ui.with_layout(Layout::right_to_left(Align::Min), |ui| {
                    let dismiss = ui.button("Dismiss");
                    if place > 0 {
                        // Buttons of one name are told apart by what they dismiss.
                        let label = format!("Dismiss: {}", message.text);
                        dismiss.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &label));
                    }
                    if dismiss.clicked() {
                        out.push(Command::Message(MessageCommand::Dismiss(message.number)));
                    }
                    ui.with_layout(Layout::left_to_right(Align::Min), |ui| {
                        ui.add(Label::new(RichText::new(&message.text).color(view.tokens.over.0)).wrap());
                    });
                });
            });
        }
    });
}
