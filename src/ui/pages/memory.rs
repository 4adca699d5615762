//! Where the memory goes: verdict, bar, phases, table.

use crate::app::command::{Command, Commands};
use crate::estimate::{Estimate, Subject};
use crate::plan::Workload;
use crate::plan::edit::PlanEdit;
use crate::plan::field::FieldValue;
use crate::ui::theme::{RADIUS, bold, space, type_size};
use crate::ui::widgets::component_table::ComponentTable;
use crate::ui::widgets::memory_bar::MemoryBar;
use crate::ui::widgets::phase_chart::PhaseChart;
use crate::ui::widgets::segmented::{self, Segment, segmented_ui};
use crate::ui::widgets::segments::Touched;
use crate::ui::{View, card, card_head};
use egui::{Align, Layout, Margin, RichText, Ui};

/// Least and greatest height of the phase chart.
const CHART_HEIGHT: std::ops::RangeInclusive<f32> = 276.0..=640.0;
/// What stands above and around the phase chart.
const BESIDE_CHART: f32 = 440.0;
/// Room that the verdict's sentence needs beside the choice of workload.
const BESIDE_VERDICT: f32 = 380.0;
/// Room for three lines of verdict.
const VERDICT_HEIGHT_WIDE: f32 = 58.0;
/// Room for five lines of verdict.
const VERDICT_HEIGHT: f32 = 88.0;
/// From here on neither sentence of the verdict takes a second line.
const ONE_LINE_VERDICT: f32 = 640.0;
/// Narrower than this, chart and table stand one under the other.
const SIDE_BY_SIDE: f32 = 600.0;

/// Draws the page.
pub fn memory_ui(ui: &mut Ui, view: &View<'_>, out: &mut Commands) {
    verdict_card_ui(ui, view, out);
    ui.add_space(space::XS);
    let mut touched = bar_card_ui(ui, view, out);
    ui.add_space(space::XS);
    if ui.available_width() >= SIDE_BY_SIDE {
        ui.spacing_mut().item_spacing.x = space::M;
        ui.columns(2, |columns| {
            touched = touched.or(phases_card_ui(&mut columns[0], view, out));
            touched = touched.or(table_card_ui(&mut columns[1], view, out));
        });
    } else {
        touched = touched.or(phases_card_ui(ui, view, out));
        ui.add_space(space::XS);
        touched = touched.or(table_card_ui(ui, view, out));
    }
    // One place decides for all charts: what no chart touches any more is let go.
    if touched.hovered != view.state.session.hovered {
        out.push(Command::Hover(touched.hovered));
    }
}

const WORKLOADS: [Segment<Workload>; 2] = [
    Segment { value: Workload::Training, label: "Training", help: "One training step." },
    Segment { value: Workload::Inference, label: "Inference", help: "One request: prompt and generation." },
];

/// The sentence that rules the screen.
fn verdict_card_ui(ui: &mut Ui, view: &View<'_>, out: &mut Commands) {
    let color = view.computed.estimate.as_ref().map_or(view.tokens.over.0, |found| view.tokens.verdict(found.fit));
    let card = egui::Frame::new()
        .fill(view.tokens.panel.0)
        .stroke(egui::Stroke::new(1.0, view.tokens.line.0))
        .corner_radius(RADIUS)
        .inner_margin(Margin { left: 20, right: 16, top: 14, bottom: 14 })
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            let control = segmented::width(ui, &WORKLOADS);
            if ui.available_width() >= control + BESIDE_VERDICT {
                ui.horizontal(|ui| {
                    let room = ui.available_width() - control - space::L;
                    ui.allocate_ui_with_layout(egui::vec2(room, 0.0), Layout::left_to_right(Align::Center), |ui| {
                        verdict_ui(ui, view, color);
                    });
                    ui.with_layout(Layout::right_to_left(Align::Center), |ui| workload_ui(ui, view, out));
                });
            } else {
                ui.horizontal(|ui| verdict_ui(ui, view, color));
                ui.add_space(space::XS);
                workload_ui(ui, view, out);
            }
        });
    // A stripe in the verdict's colour, seen from the back of a room.
    let rect = card.response.rect;
    let stripe = egui::Rect::from_min_max(rect.min, egui::pos2(rect.left() + 5.0, rect.bottom()));
    let round = egui::CornerRadius { nw: RADIUS, sw: RADIUS, ne: 0, se: 0 };
    ui.painter().rect_filled(stripe, round, color);
}

fn workload_ui(ui: &mut Ui, view: &View<'_>, out: &mut Commands) {
    if let Some(new) = segmented_ui(ui, &WORKLOADS, view.state.document.plan.workload, view.tokens) {
        let id = match new {
            Workload::Training => "training",
            Workload::Inference => "inference",
        };
        out.push(Command::Edit(PlanEdit::Set("workload", FieldValue::Id(id.to_owned()))));
    }
}

fn verdict_ui(ui: &mut Ui, view: &View<'_>, color: egui::Color32) {
    let word = view.computed.estimate.as_ref().map_or("No estimate", |estimate| estimate.fit.word());
    ui.label(RichText::new(word).font(bold(type_size::FIGURE)).color(color));
    ui.add_space(space::S);
    ui.vertical(|ui| {
        // The charts below stay where they are while the words change.
        let width = ui.available_width();
        ui.set_min_height(if width >= ONE_LINE_VERDICT {
            0.0
        } else if width >= BESIDE_VERDICT {
            VERDICT_HEIGHT_WIDE
        } else {
            VERDICT_HEIGHT
        });
        ui.spacing_mut().item_spacing.y = space::XS;
        match &view.computed.estimate {
            Some(estimate) => {
                let figures = format!("{}{}", estimate.verdict_figures(view.unit()), device_name(view));
                ui.label(RichText::new(figures).font(bold(type_size::TITLE)));
                ui.label(RichText::new(estimate.verdict_reason(view.unit())).color(view.tokens.muted.0));
            }
            None => {
                let why = view.computed.diagnostics.first().map_or("", |first| first.message.as_str());
                ui.label(why);
            }
        }
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
pub fn bar_card_ui(ui: &mut Ui, view: &View<'_>, out: &mut Commands) -> Touched {
    let Some(estimate) = &view.computed.estimate else { return Touched::default() };
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
        report(touched, out);
        touched
    })
}

/// Phases of a step.
pub fn phases_card_ui(ui: &mut Ui, view: &View<'_>, out: &mut Commands) -> Touched {
    let Some(estimate) = &view.computed.estimate else { return Touched::default() };
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
            height: card_height(ui, &table(estimate, view)),
        };
        let touched = chart.show(ui, view.tokens);
        report(touched.piece, out);
        if let Some(phase) = touched.phase.and_then(|index| estimate.phases.get(index)) {
            out.push(Command::Select(Subject::Phase(phase.kind)));
        }
        touched.piece
    })
}

/// The same figures as a table.
pub fn table_card_ui(ui: &mut Ui, view: &View<'_>, out: &mut Commands) -> Touched {
    let Some(estimate) = &view.computed.estimate else { return Touched::default() };
    card(ui, view.tokens, |ui| {
        card_head(ui, "Components", &format!("{} · share", view.unit().symbol()));
        let table = table(estimate, view);
        let bottom = ui.cursor().top() + card_height(ui, &table);
        let touched = table.show(ui, view.tokens);
        // As high as the chart beside it.
        ui.add_space((bottom - ui.cursor().top()).max(0.0));
        report(touched.component, out);
        if touched.textbook {
            out.push(Command::Select(Subject::Textbook));
        }
        touched.component
    })
}

fn table<'a>(estimate: &'a Estimate, view: &View<'_>) -> ComponentTable<'a> {
    ComponentTable {
        amounts: &estimate.at_peak,
        textbook: estimate.textbook,
        unit: view.unit(),
        marked: view.state.session.hovered,
    }
}

/// Height of chart and table, which stand side by side: what a tall window leaves, so that they are seen from afar.
fn card_height(ui: &Ui, table: &ComponentTable<'_>) -> f32 {
    let left = ui.clip_rect().height() - BESIDE_CHART;
    table.height().max(left.clamp(*CHART_HEIGHT.start(), *CHART_HEIGHT.end()))
}

/// A click opens the component's explanation.
fn report(touched: Touched, out: &mut Commands) {
    if let Some(component) = touched.clicked {
        out.push(Command::Select(Subject::Component(component)));
    }
}
