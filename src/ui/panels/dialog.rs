//! Questions that wait for an answer.

use crate::app::command::{Answer, Command, Commands};
use crate::app::state::{Dialog, PathPurpose};
use crate::ui::View;
use crate::ui::theme::{bold, space, type_size};
use egui::{Frame, Id, Key, Margin, Modal, RichText, TextEdit, Ui};

/// Draws the open dialog, if any.
pub fn dialog_ui(ui: &Ui, view: &View<'_>, out: &mut Commands) {
    let Some(dialog) = &view.state.session.dialog else { return };
    let frame = Frame::popup(ui.style()).inner_margin(Margin::same(20));
    let modal = Modal::new(Id::unique("dialog")).frame(frame).show(ui.ctx(), |ui| {
        ui.set_max_width(460.0);
        match dialog {
            Dialog::Unsaved(_) => question_ui(
                ui,
                "Save the changes?",
                "The plan has changes that are not in its file.",
                &[("Save", Answer::Save), ("Do not save", Answer::GoOn), ("Cancel", Answer::Cancel)],
                Answer::Save,
                out,
            ),
            Dialog::ChangedOnDisk(path) => question_ui(
                ui,
                "The file changed on disk",
                &format!(
                    "{} is no longer what was opened. Replacing it loses what somebody else wrote.",
                    path.display()
                ),
                &[("Replace it", Answer::GoOn), ("Cancel", Answer::Cancel)],
                Answer::Cancel,
                out,
            ),
            Dialog::Replace(path) => question_ui(
                ui,
                "Replace the file?",
                &format!("{} exists.", path.display()),
                &[("Replace it", Answer::GoOn), ("Cancel", Answer::Cancel)],
                Answer::Cancel,
                out,
            ),
            Dialog::Path(purpose, text) => path_ui(ui, *purpose, text, out),
            Dialog::FileRemarks(remarks) => remarks_ui(ui, remarks, view, out),
        }
    });
    if modal.should_close() {
        out.push(Command::Answer(Answer::Cancel));
    }
}

fn head_ui(ui: &mut Ui, title: &str) {
    ui.label(RichText::new(title).font(bold(type_size::TITLE)));
    ui.add_space(space::XS);
}

/// `safe` is the answer that loses nothing: the Enter key gives it.
fn question_ui(ui: &mut Ui, title: &str, text: &str, answers: &[(&str, Answer)], safe: Answer, out: &mut Commands) {
    head_ui(ui, title);
    ui.label(text);
    ui.add_space(space::M);
    ui.horizontal(|ui| {
        for (label, answer) in answers {
            let button = ui.button(*label);
            if *answer == safe && ui.memory(|memory| memory.focused().is_none()) {
                button.request_focus();
            }
            if button.clicked() {
                out.push(Command::Answer(*answer));
            }
        }
    });
}

fn path_ui(ui: &mut Ui, purpose: PathPurpose, text: &str, out: &mut Commands) {
    let (title, hint, action) = match purpose {
        PathPurpose::OpenPlan => ("Open plan", "Path of a .plan.ron file", "Open"),
        PathPurpose::SavePlan => ("Save plan", "Path to save to; .plan.ron is added", "Save"),
        PathPurpose::OpenModel => {
            ("Open model", "Path of a config.json, .safetensors, .gguf or a model folder", "Open")
        }
    };
    head_ui(ui, title);
    let mut typed = text.to_owned();
    let field = ui.add(TextEdit::singleline(&mut typed).hint_text(hint).desired_width(420.0));
    ui.ctx().accesskit_node_builder(field.id, |node| node.set_label(hint));
    // Before the focus is asked for again: a field that has the focus has not lost it.
    let entered = field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
    if !entered && ui.memory(|memory| memory.focused().is_none()) {
        field.request_focus();
    }
    if field.changed() {
        out.push(Command::TypePath(typed));
    }
    ui.add_space(space::M);
    ui.horizontal(|ui| {
        if ui.button(action).clicked() || entered {
            out.push(Command::Answer(Answer::GoOn));
        }
        if ui.button("Cancel").clicked() {
            out.push(Command::Answer(Answer::Cancel));
        }
    });
}

fn remarks_ui(ui: &mut Ui, remarks: &[String], view: &View<'_>, out: &mut Commands) {
    head_ui(ui, "Remarks on this file");
    egui::ScrollArea::vertical().max_height(260.0).show(ui, |ui| {
        for remark in remarks {
            ui.label(remark);
        }
    });
    if !view.state.document.unknown.is_empty() {
        ui.label("Keys that are not understood are kept when the plan is saved.");
    }
    ui.add_space(space::M);
    ui.horizontal(|ui| {
        if ui.button("Keep them").clicked() {
            out.push(Command::Answer(Answer::Cancel));
        }
        if !view.state.document.unknown.is_empty() && ui.button("Drop unknown keys").clicked() {
            out.push(Command::Answer(Answer::DropUnknown));
        }
    });
}
