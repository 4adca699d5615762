//! How to go about it: stages, bands for the plan's settings, serving.

use super::{decision, head_ui, note_ui};
use crate::decide::tactics::{STAGED_PLANS, serving};
use crate::theme::space;
use crate::ui::{View, card, card_head};
use crate::units::{duration, grouped};
use egui::{RichText, Ui};

/// Draws the sheet.
pub fn going_ui(ui: &mut Ui, view: &View<'_>) {
    let decided = view.computed.decided(&view.state.document.plan);
    card(ui, view.tokens, |ui| {
        card_head(ui, "Stages", "");
        for plan in STAGED_PLANS {
            head_ui(ui, plan.name);
            for (index, stage) in plan.stages.iter().enumerate() {
                ui.add(egui::Label::new(format!("{}. {stage}", index + 1)).wrap());
            }
            note_ui(ui, view, plan.source);
            ui.add_space(space::xs());
        }
    });
    ui.add_space(space::xs());
    card(ui, view.tokens, |ui| {
        card_head(ui, "Usual ranges", "against the plan's settings");
        for tactic in &decided.tactics {
            head_ui(ui, tactic.name);
            let plan = if tactic.plan.is_empty() { String::new() } else { format!(" The plan has {}.", tactic.plan) };
            ui.add(egui::Label::new(format!("{}.{plan}", capital(&tactic.band))).wrap());
            if let Some(warning) = &tactic.warning {
                let text = RichText::new(format!("{}.", capital(warning))).color(view.tokens.tight.0);
                ui.add(egui::Label::new(text).wrap());
            }
            note_ui(ui, view, tactic.source);
            ui.add_space(space::xs());
        }
    });
    ui.add_space(space::xs());
    card(ui, view.tokens, |ui| {
        card_head(ui, "Serving", "");
        serving_ui(ui, view);
    });
}

fn serving_ui(ui: &mut Ui, view: &View<'_>) {
    let plan = &view.state.document.plan;
    for advice in serving(&decision(view).answers, plan.run.adapters) {
        ui.add(egui::Label::new(advice.words).wrap());
        note_ui(ui, view, advice.source);
    }
    let Some(adapters) = view.computed.serving(plan).and_then(|found| found.adapters.as_ref()) else {
        note_ui(ui, view, "This plan's method adds nothing that could be kept separate, or its model is not known.");
        return;
    };
    let planned = adapters.planned;
    let switch = |secs: Option<f64>| secs.map_or_else(|| "load bandwidth not known".to_owned(), duration);
    for (name, bytes, secs) in [
        ("merged, a model each", planned.merged, adapters.merged_switch_secs),
        ("separate, one base", planned.separate, adapters.separate_switch_secs),
    ] {
        let count = grouped(planned.adapters);
        let size = bytes.fine(view.unit());
        ui.add(egui::Label::new(format!("{count} adapters {name}: {size}; switching takes {}", switch(secs))).wrap());
    }
    note_ui(ui, view, "From this plan's model and method; the page Serving shows the whole curve.");
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
