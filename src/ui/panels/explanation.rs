//! Why a number is what it is, and how sure it is.

use crate::app::command::{Command, Commands, LookCommand};
use crate::estimate::{Component, Estimate, Subject};
use crate::explained::Interval;
use crate::theme::{bold, space, type_size};
use crate::ui::widgets::derivation::derivation_ui;
use crate::ui::{View, card, section_head};
use crate::units::Bytes;
use egui::{RichText, Ui};

/// Draws the explanation of what is selected, and the three answers.
pub fn explanation_ui(ui: &mut Ui, view: &View<'_>, out: &mut Commands) {
    let Some(estimate) = &view.computed.estimate else {
        ui.label("Choose a model that is known to see where its memory goes.");
        return;
    };
    section_head(ui, view.tokens, view.text("Total memory"));
    card(ui, view.tokens, |ui| {
        for (subject, label, band) in [
            (Subject::Tensors, "Tensors", estimate.tensors),
            (Subject::Reserved, "Reserved", estimate.reserved),
            (Subject::Process, "Whole process", estimate.process),
        ] {
            answer_ui(ui, subject, label, band, view, out);
        }
        if let Some(found) = estimate.calibration.filter(|found| found.applied) {
            answer_ui(ui, Subject::Calibrated, "Calibrated", found.process, view, out);
        }
    });

    section_head(ui, view.tokens, view.text("Why"));
    // What the pointer is on, else what was clicked, else what matters most.
    let hovered = view.state.session.hovered.map(Subject::Component);
    let subject = hovered.or(view.state.session.selected).unwrap_or_else(|| largest(estimate));
    let found = estimate.derivations.iter().find(|derivation| derivation.subject == subject);
    card(ui, view.tokens, |ui| match found {
        Some(derivation) => derivation_ui(ui, &derivation.explained, view.unit(), view.tokens),
        None => {
            ui.label("Nothing of this is held at the peak. Click a segment, a column or a row.");
        }
    });

    section_head(ui, view.tokens, view.text("Parameters"));
    card(ui, view.tokens, |ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        let parameters = estimate.parameters;
        link_ui(ui, Subject::Parameters, "Total", &crate::units::grouped(parameters.total), view, out);
        link_ui(ui, Subject::Trainable, "Trainable", &crate::units::grouped(parameters.trainable), view, out);
        let share = parameters.trainable as f64 / parameters.total.max(1) as f64;
        link_ui(ui, Subject::Trainable, "Share", &crate::units::percent(share), view, out);
        if estimate.capacity.is_some() {
            let capacity = estimate.capacity.unwrap_or_default().display(view.unit());
            link_ui(ui, Subject::Capacity, "Device offers", &capacity, view, out);
        }
        if estimate.host > Bytes::ZERO {
            link_ui(ui, Subject::Host, "Host memory", &estimate.host.display(view.unit()), view, out);
        }
        link_ui(ui, Subject::Textbook, "Textbook rule", &estimate.textbook.display(view.unit()), view, out);
    });
}

/// What a first look should be about.
fn largest(estimate: &Estimate) -> Subject {
    let most = Component::ALL.into_iter().max_by_key(|component| estimate.at_peak.get(*component));
    most.map_or(Subject::Tensors, Subject::Component)
}

fn answer_ui(ui: &mut Ui, subject: Subject, label: &'static str, band: Interval, view: &View<'_>, out: &mut Commands) {
    ui.spacing_mut().item_spacing.y = 0.0;
    link_ui(ui, subject, label, &band.expected.display(view.unit()), view, out);
    let range = if band.low == band.high {
        "no band: exact for this stack".to_owned()
    } else {
        format!("{} to {}", band.low.number(view.unit()), band.high.display(view.unit()))
    };
    ui.label(RichText::new(range).small().color(view.tokens.muted.0));
    ui.add_space(space::s());
}

/// Name left, figure right; a click explains it.
fn link_ui(ui: &mut Ui, subject: Subject, label: &'static str, figure: &str, view: &View<'_>, out: &mut Commands) {
    ui.horizontal(|ui| {
        if ui.link(view.text(label)).on_hover_text("Show how this comes about.").clicked() {
            out.push(Command::Look(LookCommand::Select(subject)));
        }
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            ui.label(RichText::new(figure).font(bold(type_size::body())));
        });
    });
}
