//! The picture: verdict, bar, phases, table.

use crate::app::command::{Command, Commands};
use crate::estimate::{Estimate, Subject};
use crate::plan::Workload;
use crate::plan::edit::PlanEdit;
use crate::plan::field::FieldValue;
use crate::ui::theme::{bold, space, type_size};
use crate::ui::widgets::component_table::ComponentTable;
use crate::ui::widgets::memory_bar::MemoryBar;
use crate::ui::widgets::phase_chart::PhaseChart;
use crate::ui::widgets::segments::Touched;
use crate::ui::{View, card, card_head};
use egui::{RichText, Ui};

/// Height of the phase chart.
const CHART_HEIGHT: f32 = 276.0;
/// Narrower than this, chart and table stand one under the other.
const SIDE_BY_SIDE: f32 = 620.0;

/// Everything in the middle.
pub fn centre_ui(ui: &mut Ui, view: &View<'_>, out: &mut Commands) {
    verdict_card_ui(ui, view, out);
    ui.add_space(space::XS);
    bar_card_ui(ui, view, out);
    ui.add_space(space::XS);
    if ui.available_width() >= SIDE_BY_SIDE {
        ui.columns(2, |columns| {
            phases_card_ui(&mut columns[0], view, out);
            table_card_ui(&mut columns[1], view, out);
        });
    } else {
        phases_card_ui(ui, view, out);
        ui.add_space(space::XS);
        table_card_ui(ui, view, out);
    }
}

/// The sentence that rules the screen.
fn verdict_card_ui(ui: &mut Ui, view: &View<'_>, out: &mut Commands) {
    card(ui, view.tokens, |ui| {
        ui.horizontal_wrapped(|ui| match &view.computed.estimate {
            Some(estimate) => verdict_ui(ui, estimate, view),
            None => {
                ui.label(RichText::new("No estimate").font(bold(type_size::FIGURE)).color(view.tokens.over.0));
                let why = view.computed.diagnostics.first().map_or("", |first| first.message.as_str());
                ui.label(why);
            }
        });
        ui.add_space(space::XS);
        ui.horizontal(|ui| {
            for (workload, id, label) in
                [(Workload::Training, "training", "Training"), (Workload::Inference, "inference", "Inference")]
            {
                let chosen = view.state.document.plan.workload == workload;
                if ui.selectable_label(chosen, label).clicked() && !chosen {
                    let edit = PlanEdit::Set("workload", FieldValue::Id(id.to_owned()));
                    out.push(Command::Edit(edit));
                }
            }
        });
    });
}

fn verdict_ui(ui: &mut Ui, estimate: &Estimate, view: &View<'_>) {
    let color = view.tokens.verdict(estimate.fit);
    ui.label(RichText::new(estimate.fit.word()).font(bold(type_size::FIGURE)).color(color));
    ui.add_space(space::S);
    ui.vertical(|ui| {
        let device = device_name(view);
        let figures = format!("{}{device}", estimate.verdict_figures(view.unit()));
        ui.label(RichText::new(figures).font(bold(type_size::TITLE)));
        ui.label(RichText::new(estimate.verdict_reason(view.unit())).color(view.tokens.muted.0));
    });
}

/// ` on one RTX 4090`.
fn device_name(view: &View<'_>) -> String {
    let hardware = &view.state.document.plan.hardware;
    let catalog = crate::catalog::Catalog::embedded();
    match catalog.accelerator(&hardware.accelerator) {
        Some(device) if hardware.count > 1 => format!(" on each of {} × {}", hardware.count, device.name),
        Some(device) => format!(" on one {}", device.name),
        None => String::new(),
    }
}

/// Memory at the peak.
pub fn bar_card_ui(ui: &mut Ui, view: &View<'_>, out: &mut Commands) {
    let Some(estimate) = &view.computed.estimate else { return };
    card(ui, view.tokens, |ui| {
        card_head(ui, "Memory at the peak", &format!("{} · whole process", view.unit().symbol()));
        let bar = MemoryBar {
            amounts: &estimate.at_peak,
            capacity: estimate.capacity,
            ghost: view.computed.ghost,
            unit: view.unit(),
            marked: view.state.session.hovered,
        };
        let touched = bar.show(ui, view.tokens);
        report(touched, view, out);
    });
}

/// Phases of a step.
pub fn phases_card_ui(ui: &mut Ui, view: &View<'_>, out: &mut Commands) {
    let Some(estimate) = &view.computed.estimate else { return };
    card(ui, view.tokens, |ui| {
        let title = match view.state.document.plan.workload {
            Workload::Training => "Through one step",
            Workload::Inference => "Through one request",
        };
        card_head(ui, title, &format!("{} · tensors", view.unit().symbol()));
        let chart = PhaseChart {
            phases: &estimate.phases,
            peak: estimate.peak,
            capacity: estimate.capacity,
            unit: view.unit(),
            marked: view.state.session.hovered,
            height: CHART_HEIGHT,
        };
        let touched = chart.show(ui, view.tokens);
        report(touched.piece, view, out);
        if let Some(phase) = touched.phase.and_then(|index| estimate.phases.get(index)) {
            out.push(Command::Select(Subject::Phase(phase.kind)));
        }
    });
}

/// The same figures as a table.
pub fn table_card_ui(ui: &mut Ui, view: &View<'_>, out: &mut Commands) {
    let Some(estimate) = &view.computed.estimate else { return };
    card(ui, view.tokens, |ui| {
        card_head(ui, "Components", &format!("{} · share", view.unit().symbol()));
        let table = ComponentTable {
            amounts: &estimate.at_peak,
            textbook: estimate.textbook,
            unit: view.unit(),
            marked: view.state.session.hovered,
        };
        let touched = table.show(ui, view.tokens);
        report(touched.component, view, out);
        if touched.textbook {
            out.push(Command::Select(Subject::Textbook));
        }
    });
}

/// Hover marks the same component everywhere; a click opens its explanation.
fn report(touched: Touched, view: &View<'_>, out: &mut Commands) {
    if let Some(component) = touched.clicked {
        out.push(Command::Select(Subject::Component(component)));
    }
    if touched.hovered.is_some() && touched.hovered != view.state.session.hovered {
        out.push(Command::Hover(touched.hovered));
    }
}
