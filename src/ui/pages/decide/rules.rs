//! Every rule on one screen: conditions, outcome, reason, source; those that hold here are marked.

use super::{head_ui, note_ui};
use crate::decide::rules::{Condition, rules};
use crate::ui::theme::{bold, space, type_size};
use crate::ui::{View, card};
use egui::{RichText, Ui};

/// Draws all rules.
pub fn rules_ui(ui: &mut Ui, view: &View<'_>) {
    let found = &view.computed.decided(&view.state.document.plan).found;
    let held: Vec<&str> =
        found.advice.iter().flat_map(|advice| advice.rules.iter().map(|rule| rule.id.as_str())).collect();
    card(ui, view.tokens, |ui| {
        note_ui(
            ui,
            view,
            "Asked from top to bottom; a rule that stops ends the questioning. A share counts as “most” only when the lower end of its 95 % interval is above a half.",
        );
        for rule in &rules().rules {
            ui.add_space(space::xs());
            let holds = held.contains(&rule.id.as_str());
            let mark = if holds { "● " } else { "" };
            let ink = if holds { view.tokens.accent.0 } else { view.tokens.text.0 };
            let title =
                format!("{mark}{} → {}{}", rule.name, rule.outcome.label(), if rule.stops { " (stops)" } else { "" });
            ui.add(egui::Label::new(RichText::new(title).font(bold(type_size::body())).color(ink)).wrap());
            let conditions: Vec<String> = rule.when.iter().map(|condition| Condition::words(*condition)).collect();
            ui.add(egui::Label::new(format!("If {}.", conditions.join("; "))).wrap());
            note_ui(ui, view, &format!("{} {}.", rule.reason, rule.source));
        }
    });
    ui.add_space(space::xs());
    card(ui, view.tokens, |ui| {
        head_ui(ui, "Reasons against fine-tuning");
        for against in &rules().against {
            ui.add_space(space::xs());
            let conditions: Vec<String> = against.when.iter().map(|condition| Condition::words(*condition)).collect();
            let when =
                if conditions.is_empty() { "always".to_owned() } else { format!("if {}", conditions.join("; ")) };
            ui.add(egui::Label::new(format!("{}: {when}.", against.name)).wrap());
            note_ui(
                ui,
                view,
                &format!("{} Pays: {}. {}.", against.reason, against.pays.to_lowercase(), against.source),
            );
        }
    });
}
