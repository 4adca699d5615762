//! Questions that wait for an answer, and the sheets that lie over the window.

use super::{palette, sheets};
use crate::app::command::{Answer, Command, Commands};
use crate::app::recovery::Recovered;
use crate::app::state::{Dialog, PathPurpose, Picture};
use crate::handover::account::Section;
use crate::plan::Plan;
use crate::plan::diff::diff;
use crate::tasks::tuning::Product;
use crate::theme::{bold, space, type_size};
use crate::ui::{UiState, View};
use egui::text::CCursorRange;
use egui::{Align2, Area, Frame, Id, Key, Margin, Modal, Order, RichText, ScrollArea, TextEdit, Ui};
use std::path::Path;

/// Most differing settings that are listed for one plan.
const MAX_CHANGES: usize = 12;
/// Characters of a value that are shown.
const MAX_VALUE: usize = 60;

/// Most remarks that are listed.
const MAX_REMARKS: usize = 50;

/// Draws the open dialog, if any.
pub fn dialog_ui(ui: &Ui, view: &View<'_>, ui_state: &mut UiState, out: &mut Commands) {
    let Some(dialog) = &view.state.session.dialog else {
        ui_state.palette = palette::PaletteState::default();
        return;
    };
    let width = ui.ctx().content_rect().width() - 48.0;
    let id = Id::unique("dialog");
    let frame = Frame::popup(ui.style()).inner_margin(Margin::same(20));
    let mut modal = Modal::new(id).frame(frame);
    if *dialog == Dialog::Palette {
        // Where one types, results grow downwards.
        let area = Area::new(id).kind(egui::UiKind::Modal).order(Order::Foreground).interactable(true);
        modal = modal.area(area.anchor(Align2::CENTER_TOP, [0.0, 72.0]));
    }
    let modal = modal.show(ui.ctx(), |ui| {
        ui.set_max_width(width.min(if *dialog == Dialog::Shortcuts { 760.0 } else { 520.0 }));
        match dialog {
            Dialog::Palette => palette::palette_ui(ui, view, &mut ui_state.palette, out),
            Dialog::Shortcuts => sheets::shortcuts_ui(ui, view, out),
            Dialog::Settings => sheets::settings_ui(ui, view, out),
            dialog => ask_ui(ui, dialog, view, out),
        }
    });
    if modal.should_close() {
        out.push(Command::Answer(Answer::Cancel));
    }
}

fn ask_ui(ui: &mut Ui, dialog: &Dialog, view: &View<'_>, out: &mut Commands) {
    match dialog {
        Dialog::Unsaved(_) => {
            head_ui(ui, "Save the changes?");
            let title = view.state.document.title();
            ui.label(format!("“{title}” has changes that are not in a file."));
            let document = &view.state.document;
            if document.path.is_some() {
                changes_ui(ui, &document.saved_plan, &document.plan, view);
            }
            let answers = [("Save", Answer::Save), ("Do not save", Answer::GoOn), ("Cancel", Answer::Cancel)];
            answers_ui(ui, &answers, Some(Answer::Save), out);
        }
        Dialog::ChangedOnDisk(path) => {
            head_ui(ui, "The file changed on disk");
            ui.label(format!(
                "{} is no longer what was opened. Replacing it loses what somebody else wrote.",
                path.display()
            ));
            answers_ui(ui, &[("Replace it", Answer::GoOn), ("Cancel", Answer::Cancel)], None, out);
        }
        Dialog::External(path, opened) => {
            head_ui(ui, "The file changed on disk");
            ui.label(format!(
                "{} was written by somebody else. What it says now, against what is open:",
                path.display()
            ));
            changes_ui(ui, &view.state.document.plan, &opened.loaded.plan, view);
            let answers = [("Reload", Answer::GoOn), ("Keep what is open", Answer::Cancel)];
            // It came up by itself, maybe while one was typing: no key that is on its way decides.
            answers_ui(ui, &answers, None, out);
            let what_follows = "Reloading can be undone. Keeping: the next save asks before it replaces the file.";
            ui.label(RichText::new(what_follows).small().color(view.tokens.muted.0));
        }
        Dialog::Replace(path, _) => {
            head_ui(ui, "Replace the file?");
            ui.label(format!("{} exists.", path.display()));
            answers_ui(ui, &[("Replace it", Answer::GoOn), ("Cancel", Answer::Cancel)], None, out);
        }
        Dialog::MissingFolder { folder, path, .. } => {
            head_ui(ui, "Make the folder?");
            ui.label(format!("There is no folder {} to write {} into.", folder.display(), file_name(path)));
            let answers = [("Make the folder and save", Answer::GoOn), ("Back", Answer::Cancel)];
            answers_ui(ui, &answers, Some(Answer::Cancel), out);
        }
        Dialog::Path(purpose, text) => path_ui(ui, *purpose, text, out),
        Dialog::Paste(text) => paste_ui(ui, text, out),
        Dialog::FileRemarks(remarks) => remarks_ui(ui, remarks, view, out),
        Dialog::Imported(summary, sections) => imported_ui(ui, summary, sections, view, out),
        Dialog::Recovered(plans) => recovered_ui(ui, plans, view, out),
        Dialog::Palette | Dialog::Shortcuts | Dialog::Settings => {}
    }
}

pub(super) fn head_ui(ui: &mut Ui, title: &str) {
    ui.label(RichText::new(title).font(bold(type_size::title())));
    ui.add_space(space::xs());
}

/// The last part of a path.
fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// `safe` is the answer that loses nothing: the Enter key gives it. Without one no key decides until a button has the
/// focus.
fn answers_ui(ui: &mut Ui, answers: &[(&str, Answer)], safe: Option<Answer>, out: &mut Commands) {
    ui.add_space(space::m());
    ui.horizontal(|ui| {
        for (label, answer) in answers {
            let button = ui.button(*label);
            if Some(*answer) == safe && ui.memory(|memory| memory.focused().is_none()) {
                button.request_focus();
            }
            if button.clicked() {
                out.push(Command::Answer(*answer));
            }
        }
    });
}

/// Which settings differ, one a line.
fn changes_ui(ui: &mut Ui, before: &Plan, after: &Plan, view: &View<'_>) {
    ui.add_space(space::xs());
    let changes = diff(before, after);
    if changes.is_empty() {
        ui.label(RichText::new("No setting differs: only comments or layout.").color(view.tokens.muted.0));
    }
    for change in changes.iter().take(MAX_CHANGES) {
        ui.horizontal_wrapped(|ui| {
            ui.label(change.label);
            let shown = |text: &str| match text.char_indices().nth(MAX_VALUE) {
                None if text.is_empty() => "(empty)".to_owned(),
                None => text.to_owned(),
                Some((end, _)) => format!("{}…", &text[..end]),
            };
            let text = format!("{} → {}", shown(&change.before), shown(&change.after));
            ui.label(RichText::new(text).font(bold(type_size::body())));
        });
    }
    if changes.len() > MAX_CHANGES {
        ui.label(format!("and {} more", changes.len() - MAX_CHANGES));
    }
}

fn path_ui(ui: &mut Ui, purpose: PathPurpose, text: &str, out: &mut Commands) {
    let (title, hint, action) = match purpose {
        PathPurpose::OpenPlan => ("Open plan", "Path of a .plan.ron file", "Open"),
        PathPurpose::SavePlan => ("Save plan", "Path to save to; .plan.ron is added", "Save"),
        PathPurpose::OpenModel => {
            ("Open model", "Path of a config.json, .safetensors, .gguf or a model folder", "Open")
        }
        PathPurpose::SaveProduct(Product::Adapter) => ("Save adapter", "Path of a new folder", "Save"),
        PathPurpose::SaveProduct(Product::Merged) => ("Save merged model", "Path of a new folder", "Save"),
        PathPurpose::MeasureText => ("Choose a text", "Path of a file of plain text", "Measure"),
        PathPurpose::ChooseBase => {
            ("Choose a base model", "Folder with config.json, safetensors, tokenizer.json", "Choose")
        }
        PathPurpose::ChooseExamples => ("Choose examples", "Path of a .jsonl file", "Choose"),
        PathPurpose::SaveRun => ("Save report of the run", "Path ending in .md", "Save"),
        PathPurpose::ExamineModel => {
            ("Examine weights", "Path of a .safetensors or .gguf file, or of a model folder", "Examine")
        }
        PathPurpose::OpenExamples => ("Open examples or labels", "Path of a .jsonl, .json or .csv file", "Open"),
        PathPurpose::SaveLabels => ("Save labels", "Path ending in .csv", "Save"),
        PathPurpose::SaveDecision => ("Save record", "Path ending in .md or .html", "Save"),
        PathPurpose::SavePicture(Picture::Memory) => ("Save picture", "Path ending in .png or .svg", "Save"),
        PathPurpose::SavePicture(Picture::Chart) => ("Save picture", "Path ending in .png", "Save"),
    };
    head_ui(ui, title);
    let mut typed = text.to_owned();
    let field = ui.add(TextEdit::singleline(&mut typed).hint_text(hint).desired_width(460.0));
    ui.ctx().accesskit_node_builder(field.id, |node| node.set_label(hint));
    // Before the focus is asked for again: a field that has the focus has not lost it.
    let entered = field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
    if !entered && ui.memory(|memory| memory.focused().is_none()) {
        field.request_focus();
        // What is proposed is taken by Enter, changed by an arrow key, or typed over.
        let mut state = TextEdit::load_state(ui.ctx(), field.id).unwrap_or_default();
        state.cursor.set_char_range(Some(CCursorRange::select_all_str(text)));
        state.store(ui.ctx(), field.id);
    }
    if field.changed() {
        out.push(Command::TypePath(typed));
    }
    ui.add_space(space::m());
    ui.horizontal(|ui| {
        if ui.button(action).clicked() || entered {
            out.push(Command::Answer(Answer::GoOn));
        }
        if ui.button("Cancel").clicked() {
            out.push(Command::Answer(Answer::Cancel));
        }
    });
}

fn paste_ui(ui: &mut Ui, text: &str, out: &mut Commands) {
    head_ui(ui, "Paste a config");
    ui.label(
        "The text of a config.json or of a plan, the path of a file, or the name or link of a model of the catalogue.",
    );
    let mut typed = text.to_owned();
    ScrollArea::vertical().max_height(280.0).show(ui, |ui| {
        let hint = "{ \"architectures\": … }";
        let field =
            ui.add(TextEdit::multiline(&mut typed).hint_text(hint).desired_rows(10).desired_width(f32::INFINITY));
        ui.ctx().accesskit_node_builder(field.id, |node| node.set_label("Pasted text"));
        if ui.memory(|memory| memory.focused().is_none()) {
            field.request_focus();
        }
        if field.changed() {
            out.push(Command::TypePath(typed));
        }
    });
    ui.add_space(space::m());
    ui.horizontal(|ui| {
        let submit = egui::KeyboardShortcut::new(egui::Modifiers::COMMAND, Key::Enter);
        let used = ui.button("Use").on_hover_text(ui.ctx().format_shortcut(&submit)).clicked();
        if used || ui.input_mut(|input| input.consume_shortcut(&submit)) {
            out.push(Command::Answer(Answer::GoOn));
        }
        if ui.button("Cancel").clicked() {
            out.push(Command::Answer(Answer::Cancel));
        }
    });
}

fn remarks_ui(ui: &mut Ui, remarks: &[String], view: &View<'_>, out: &mut Commands) {
    head_ui(ui, "Remarks on this file");
    ScrollArea::vertical().max_height(260.0).show(ui, |ui| {
        // The reader tells some and counts the rest; a list from elsewhere is not laid out line by line either.
        for remark in remarks.iter().take(MAX_REMARKS) {
            ui.label(remark);
        }
        if remarks.len() > MAX_REMARKS {
            ui.label(format!("and {} more", remarks.len() - MAX_REMARKS));
        }
    });
    let unknown = !view.state.document.unknown.is_empty();
    if unknown {
        ui.label("Keys that are not understood are kept when the plan is saved.");
    }
    let answers = [("Keep them", Answer::Cancel), ("Drop unknown keys", Answer::Drop)];
    answers_ui(ui, if unknown { &answers } else { &answers[..1] }, Some(Answer::Cancel), out);
}

/// What became of every key of an imported file.
fn imported_ui(ui: &mut Ui, summary: &str, sections: &[Section], view: &View<'_>, out: &mut Commands) {
    head_ui(ui, "Imported configuration");
    ui.label(summary);
    ScrollArea::vertical().max_height(360.0).show(ui, |ui| {
        for section in sections {
            ui.add_space(space::s());
            ui.label(RichText::new(section.title).font(bold(type_size::body())));
            for line in section.lines.iter().take(MAX_REMARKS) {
                ui.add(egui::Label::new(RichText::new(line).color(view.tokens.muted.0)).wrap());
            }
            if section.lines.len() > MAX_REMARKS {
                ui.label(format!("and {} more", section.lines.len() - MAX_REMARKS));
            }
        }
    });
    answers_ui(ui, &[("Go to the plan", Answer::Cancel)], Some(Answer::Cancel), out);
}

fn recovered_ui(ui: &mut Ui, plans: &[Recovered], view: &View<'_>, out: &mut Commands) {
    head_ui(ui, "Unsaved plans were found");
    ui.label("The program ended without saving them. Restoring opens each in a tab; no file is touched.");
    ScrollArea::vertical().max_height(300.0).show(ui, |ui| {
        for plan in plans {
            ui.add_space(space::s());
            let file = plan.path.as_ref().map_or_else(|| "no file".to_owned(), |path| path.display().to_string());
            ui.label(RichText::new(&plan.plan.name).font(bold(type_size::body())));
            ui.label(RichText::new(file).small().color(view.tokens.muted.0));
            match &plan.on_disk {
                Some(loaded) => changes_ui(ui, &loaded.plan, &plan.plan, view),
                None => changes_ui(ui, &Plan::default(), &plan.plan, view),
            }
        }
    });
    let answers = [("Restore", Answer::GoOn), ("Later", Answer::Cancel), ("Discard", Answer::Drop)];
    answers_ui(ui, &answers, Some(Answer::GoOn), out);
}
