//! The recommendation: what to do, what must be true first, what drove it, what would flip it, what to find out next.

use super::{DecideState, head_ui, note_ui};
use crate::app::command::Commands;
use crate::decide::Recommendation;
use crate::decide::engine::Needed;
use crate::decide::rules::NeedState;
use crate::theme::{bold, space, type_size};
use crate::ui::{View, card};
use egui::{RichText, Ui};

mod evidence;
mod record;

use evidence::{drivers_ui, flips_ui, missing_ui};

/// Needs that are listed before the rest is folded.
const NEEDS: usize = 5;

/// Draws the column.
pub fn advice_ui(ui: &mut Ui, view: &View<'_>, state: &mut DecideState, out: &mut Commands) {
    let found = &view.computed.decided(&view.state.document.plan).found;
    card(ui, view.tokens, |ui| {
        headline_ui(ui, view, found);
        for advice in &found.advice {
            ui.add(egui::Label::new(advice.outcome.words()).wrap());
            for rule in &advice.rules {
                ui.add(egui::Label::new(RichText::new(rule.reason).color(view.tokens.muted.0)).wrap());
                note_ui(ui, view, &format!("Rule: {}. Source: {}.", rule.name, rule.source));
            }
        }
        if found.is_open() {
            ui.add(egui::Label::new(found.verdict.explained()).wrap());
            for (_, message) in &found.contradictions {
                ui.add(egui::Label::new(RichText::new(message).color(view.tokens.over.0)).wrap());
            }
        }
        held_ui(ui, view, found);
        needs_ui(ui, view, found);
    });
    ui.add_space(space::xs());
    card(ui, view.tokens, |ui| record::record_ui(ui, view, found, state, out));
    ui.add_space(space::xs());
    card(ui, view.tokens, |ui| {
        head_ui(ui, view.text("Missing evidence"));
        missing_ui(ui, view, found, state);
        ui.add_space(space::s());
        head_ui(ui, view.text("What drove it"));
        drivers_ui(ui, view, found);
        ui.add_space(space::s());
        head_ui(ui, view.text("What would flip it"));
        flips_ui(ui, view, found, state);
    });
    ui.add_space(space::xs());
    card(ui, view.tokens, |ui| {
        let title =
            if found.trains() { "Reasons against training, and who pays" } else { "If you train anyway: who pays" };
        head_ui(ui, view.text(title));
        against_ui(ui, view, found);
    });
}

fn headline_ui(ui: &mut Ui, view: &View<'_>, found: &Recommendation) {
    ui.label(RichText::new(view.text("Recommendation")).small().color(view.tokens.muted.0));
    let ink = if found.is_open() { view.tokens.tight.0 } else { view.tokens.text.0 };
    let text = RichText::new(found.headline()).font(bold(type_size::figure())).color(ink);
    ui.add(egui::Label::new(text).wrap());
}

/// What something that is not true holds back, and where training is done.
fn held_ui(ui: &mut Ui, view: &View<'_>, found: &Recommendation) {
    for held in &found.held {
        let text = format!("Held back: {}. {}.", held.outcome.label(), held.by());
        ui.add(egui::Label::new(RichText::new(text).color(view.tokens.tight.0)).wrap());
    }
    if let Some(place) = found.place {
        ui.add(egui::Label::new(format!("{}. {}", place.place.label(), place.reason)).wrap());
        note_ui(ui, view, &format!("Source: {}.", place.source));
    }
}

/// What must be true first of what is advised, each once: what is not met, what is to be settled, what is met.
fn needs_ui(ui: &mut Ui, view: &View<'_>, found: &Recommendation) {
    let mut all: Vec<&Needed> = Vec::new();
    for needed in found.advice.iter().flat_map(|advice| &advice.needs) {
        if !all.iter().any(|other| other.need.id == needed.need.id) {
            all.push(needed);
        }
    }
    if all.is_empty() {
        return;
    }
    ui.add_space(space::xs());
    head_ui(ui, view.text("What must be true first"));
    // What an answer can settle stands before what somebody has to look at.
    all.sort_by_key(|needed| (needed.state, needed.need.must.is_none()));
    let (first, rest) = all.split_at(all.len().min(NEEDS));
    for needed in first {
        need_ui(ui, view, needed);
    }
    if !rest.is_empty() {
        egui::CollapsingHeader::new(format!("{} more", rest.len())).id_salt("more-needs").show(ui, |ui| {
            for needed in rest {
                need_ui(ui, view, needed);
            }
        });
    }
}

fn need_ui(ui: &mut Ui, view: &View<'_>, needed: &Needed) {
    let (sign, ink) = match needed.state {
        NeedState::Unmet => ("✗", view.tokens.tight.0),
        NeedState::Open => ("○", view.tokens.text.0),
        NeedState::Met => ("✓", view.tokens.text.0),
    };
    let text = format!("{sign} {} – {}", needed.need.name.trim_end_matches('.'), view.text(needed.state.word()));
    let hover = format!("{} [{}]", needed.need.reason, needed.need.source);
    ui.add(egui::Label::new(RichText::new(text).color(ink)).wrap()).on_hover_text(hover);
}

fn against_ui(ui: &mut Ui, view: &View<'_>, found: &Recommendation) {
    for against in &found.against {
        ui.add(egui::Label::new(&against.name).wrap()).on_hover_text(&against.reason);
        note_ui(ui, view, &format!("{} Pays: {}.", against.reason, against.pays.to_lowercase()));
    }
}

/// Headline, reasons, drivers and flips in large type.
pub fn presented_ui(ui: &mut Ui, view: &View<'_>) {
    let found = &view.computed.decided(&view.state.document.plan).found;
    card(ui, view.tokens, |ui| {
        headline_ui(ui, view, found);
        for rule in found.advice.iter().flat_map(|advice| &advice.rules) {
            ui.add(egui::Label::new(rule.reason).wrap());
            note_ui(ui, view, rule.source);
        }
    });
    ui.add_space(space::xs());
    ui.columns(2, |columns| {
        if let [left, right] = columns {
            card(left, view.tokens, |ui| {
                head_ui(ui, "What drove it");
                drivers_ui(ui, view, found);
            });
            card(right, view.tokens, |ui| {
                head_ui(ui, if found.is_open() { "Missing evidence" } else { "What would flip it" });
                let mut nowhere = DecideState::default();
                if found.is_open() {
                    missing_ui(ui, view, found, &mut nowhere);
                } else {
                    flips_ui(ui, view, found, &mut nowhere);
                }
            });
        }
    });
}
