//! Results of previews that the plan keeps.

use crate::app::command::{Command, Commands};
use crate::plan::Trial;
use crate::plan::edit::PlanEdit;
use crate::plan::field::FieldValue;
use crate::plan::field::id;
use crate::theme::{bold, space, type_size};
use crate::ui::View;
use crate::units::signed_percent;
use egui::{Grid, Label, RichText, Ui, Vec2};

/// Draws the table.
pub fn trials_ui(ui: &mut Ui, view: &View<'_>, trials: &[Trial], out: &mut Commands) {
    Grid::new("trials").striped(true).spacing(Vec2::new(space::l(), space::xs())).show(ui, |ui| {
        for head in ["Held-out loss", "Exact", "Base text", "Memory", "What", ""] {
            ui.label(RichText::new(head).small().color(view.tokens.muted.0));
        }
        ui.end_row();
        for (index, trial) in trials.iter().enumerate() {
            let change = RichText::new(format!("{:.3} → {:.3}", trial.loss[0], trial.loss[1]));
            ui.label(change.font(bold(type_size::body())));
            ui.label(format!("{} of {}", trial.exact[0], trial.exact[1]));
            let text = trial.text.map_or_else(|| "–".to_owned(), |[before, after]| format!("{before:.3} → {after:.3}"));
            ui.label(text).on_hover_text("Loss on text such as the base was made from: what was forgotten.");
            match trial.memory {
                Some([measured, predicted]) => {
                    let off = signed_percent(predicted.0 as f64 / measured.0.max(1) as f64 - 1.0);
                    let help = format!("Predicted {predicted}, which is {off} off.");
                    ui.label(measured.to_string()).on_hover_text(help);
                }
                None => _ = ui.label("–"),
            }
            ui.add(Label::new(&trial.note).wrap());
            let remove = ui.small_button("Remove");
            let name = format!("Remove preview {}", index + 1);
            remove.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &name));
            if remove.clicked() {
                let rest = trials.iter().enumerate().filter(|(other, _)| *other != index);
                out.push(edited(rest.map(|(_, trial)| trial.to_string()).collect(), "Remove preview"));
            }
            ui.end_row();
        }
    });
}

/// The edit that puts these lines in place of the plan's.
pub fn edited(lines: Vec<String>, label: &str) -> Command {
    let set = PlanEdit::Set(id::MEASURED_TRIALS, FieldValue::List(lines));
    Command::Edit(PlanEdit::Group(vec![set], label.to_owned()))
}
