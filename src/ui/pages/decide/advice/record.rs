//! The record of the decision: day, reasoning, the step into the plan, the page for a review.

use super::super::{DecideState, changed, decision, head_ui, text_ui};
use crate::app::command::{Command, Commands, FileCommand};
use crate::app::state::PathPurpose;
use crate::decide::Recommendation;
use crate::decide::engine::named;
use crate::decide::rules::Outcome;
use crate::plan::decision::is_date;
use crate::theme::{bold, type_size};
use crate::ui::View;
use egui::{RichText, Ui};

/// Day, reasoning, and the step into the plan.
pub fn record_ui(ui: &mut Ui, view: &View<'_>, found: &Recommendation, state: &mut DecideState, out: &mut Commands) {
    let record = decision(view);
    head_ui(ui, view.text("Decision"));
    if !record.outcomes.is_empty() {
        let taken: Vec<Outcome> = record.outcomes.iter().filter_map(|id| Outcome::from_id(id)).collect();
        ui.add(egui::Label::new(format!("Taken into the plan on {}: {}.", record.date, named(&taken))).wrap());
        if taken != found.outcomes() {
            let text =
                RichText::new("The answers have changed since: they lead elsewhere now.").color(view.tokens.tight.0);
            ui.add(egui::Label::new(text).wrap());
        }
    }
    let hint = "Why, in your own words: what was weighed, who disagreed, when to look again.";
    if let Some(text) = text_ui(ui, state, "Reasoning", &record.reasoning, hint, f32::INFINITY, 3) {
        out.push(changed(view, "reasoning", |record| record.reasoning = text));
    }
    ui.horizontal_wrapped(|ui| {
        let can = !found.is_open();
        let button = ui.add_enabled(can, egui::Button::new(RichText::new(view.text("Into the plan")).font(bold(type_size::body()))));
        let help = "Fills kind, method and number of examples of the plan as one step, and keeps the decision with its evidence, stages, evaluation and budget in the plan file.";
        if button.on_hover_text(help).on_disabled_hover_text(found.verdict.words()).clicked() {
            out.push(Command::TakeDecision);
        }
        let save = ui.button(view.text("Save record…"));
        let help = "One page for a review to sign, as Markdown or HTML.";
        if save.on_hover_text(help).clicked() {
            out.push(Command::File(FileCommand::PickFile(PathPurpose::SaveDecision)));
        }
        let label = ui.label(view.text("Day"));
        let hint = if view.state.session.today.is_empty() { "YYYY-MM-DD" } else { view.state.session.today.as_str() };
        if let Some(text) = text_ui(ui, state, "Day of the decision", &record.date, hint, 96.0, 1) {
            let day = text.trim();
            let is_day = day.is_empty() || is_date(day);
            state.bad_day = (!is_day).then(|| day.to_owned());
            if is_day {
                out.push(changed(view, "date", |record| day.clone_into(&mut record.date)));
            }
        }
        label.on_hover_text("Day of the decision; today where it is left empty.");
    });
    if let Some((path, saved)) = &view.state.session.record_saved
        && **saved == *record
    {
        ui.add(egui::Label::new(format!("{} {}", view.text("Record saved:"), path.display())).wrap());
    }
    if let Some(day) = &state.bad_day {
        let text = format!("“{day}” is no day: write it as YYYY-MM-DD. The day stays as it was.");
        ui.add(egui::Label::new(RichText::new(text).color(view.tokens.over.0)).wrap());
    }
}
