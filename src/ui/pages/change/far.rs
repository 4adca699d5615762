//! How far settings go, which model, how few devices, which accelerator: each answer is one click.

use super::{apply_ui, change_words, muted_ui};
use crate::app::changes::Changes;
use crate::app::command::Commands;
use crate::plan::edit::PlanEdit;
use crate::solve::largest::{Ending, Question, Solution};
use crate::theme::{bold, space, type_size};
use crate::ui::View;
use egui::{RichText, Ui};

/// Answers shown of a question that has several.
const SHOWN: usize = 3;
/// How far it fits, and how far it is tight.
const BOTH_ENDS: usize = 2;

/// Draws the questions that mean something for the plan.
pub fn far_ui(ui: &mut Ui, view: &View<'_>, found: &Changes, out: &mut Commands) {
    for solution in found.solutions.iter().filter(|solution| solution.ending != Ending::NoSuchSetting) {
        ui.label(RichText::new(solution.question.label()).font(bold(type_size::body())));
        ui.add(egui::Label::new(&solution.words).wrap());
        let several = matches!(solution.question, Question::Model | Question::Devices | Question::Accelerator);
        for candidate in solution.candidates.iter().take(if several { SHOWN } else { BOTH_ENDS }) {
            answer_ui(ui, view, solution, candidate, out);
        }
        ui.add_space(space::xs());
    }
}

fn answer_ui(
    ui: &mut Ui,
    view: &View<'_>,
    solution: &Solution,
    candidate: &crate::solve::largest::Candidate,
    out: &mut Commands,
) {
    let Some(edit) = &candidate.edit else { return };
    ui.horizontal_top(|ui| {
        let label = format!("{}: {}", solution.question.label(), candidate.value);
        let edit = PlanEdit::Group(vec![edit.clone()], label.clone());
        apply_ui(ui, "Take", &format!("Take {label}"), &edit, out);
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = 2.0;
            ui.add(
                egui::Label::new(format!("{}: {}", candidate.value, candidate.after.verdict_words(view.unit()))).wrap(),
            );
            muted_ui(ui, view, change_words(&candidate.changes));
        });
    });
}
