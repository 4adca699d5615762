//! What can be kept of a run: adapter, merged model, report, a line in the plan.

use super::trials::edited;
use crate::app::command::{Command, Commands, FileCommand};
use crate::app::state::PathPurpose;
use crate::plan::MAX_TRIALS;
use crate::tasks::tuning::{Product, Tuning};
use crate::ui::View;
use egui::{Label, RichText, Ui};

/// Draws the buttons.
pub fn keep_ui(ui: &mut Ui, view: &View<'_>, tuning: &Tuning, out: &mut Commands) {
    if tuning.is_running() {
        return;
    }
    ui.horizontal_wrapped(|ui| {
        let adapter = "A new folder in the format of Hugging Face PEFT; nothing is overwritten.";
        save_ui(ui, ("Save adapter…", adapter), PathPurpose::SaveProduct(Product::Adapter), out);
        let merged = "A new folder with the merged model as safetensors; nothing is overwritten.";
        save_ui(ui, ("Save merged model…", merged), PathPurpose::SaveProduct(Product::Merged), out);
        save_ui(ui, ("Save report…", "A Markdown file with settings, figures and answers."), PathPurpose::SaveRun, out);
    });
    ui.horizontal_wrapped(|ui| {
        let trials = &view.state.document.plan.measured.trials;
        match tuning.trial(&view.state.session.today) {
            Some(trial) if trials.contains(&trial) => {
                ui.add(Label::new(RichText::new("The result is in the plan.").color(view.tokens.muted.0)).extend());
            }
            Some(trial) if trials.len() < MAX_TRIALS => {
                let keep = ui.button("Put the result into the plan");
                if keep.on_hover_text("One dated line under what was measured; Undo takes it out again.").clicked() {
                    let lines = trials.iter().chain([&trial]).map(ToString::to_string).collect();
                    out.push(edited(lines, "Keep result of preview"));
                }
            }
            _ => {}
        }
    });
}

/// The button of the dialog, and beside it the one of a typed path.
fn save_ui(ui: &mut Ui, (title, help): (&str, &str), purpose: PathPurpose, out: &mut Commands) {
    if ui.button(title).on_hover_text(help).clicked() {
        out.push(Command::File(FileCommand::PickFile(purpose)));
    }
    let typed = ui.button("By path…");
    let name = format!("{} by path…", title.trim_end_matches('…'));
    typed.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &name));
    if typed.on_hover_text("Type or paste the path.").clicked() {
        out.push(Command::File(FileCommand::AskPath(purpose)));
    }
}
