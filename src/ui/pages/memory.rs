//! Where the memory goes: verdict, bar, phases, table.

use crate::app::command::{Command, Commands, LookCommand};
use crate::app::computed::Against;
use crate::app::page::Page;
use crate::estimate::{Estimate, Fit, Subject};
use crate::plan::Workload;
use crate::plan::edit::PlanEdit;
use crate::plan::field::id;
use crate::plan::field::{FieldKind, FieldValue, field};
use crate::theme::{RADIUS, bold, space, type_size};
use crate::ui::widgets::component_table::ComponentTable;
use crate::ui::widgets::memory_bar::MemoryBar;
use crate::ui::widgets::phase_chart::PhaseChart;
use crate::ui::widgets::segmented::{self, Segment, segmented_ui};
use crate::ui::widgets::segments::Touched;
use crate::ui::{View, card, card_head};
use egui::{Align, Layout, Margin, RichText, Ui};
use std::cmp::Ordering;

/// Least and greatest height of the phase chart.
const CHART_HEIGHT: std::ops::RangeInclusive<f32> = 276.0..=640.0;
/// Height of the phase chart in a picture, which has no window to fill.
const PICTURED_CHART: f32 = 340.0;
/// What stands above and around the phase chart.
const BESIDE_CHART: f32 = 440.0;
/// Wider than this, verdict, sentences and choice of workload stand in one row.
const ONE_ROW_VERDICT: f32 = 900.0;
/// Room for the verdict's sentences at so many points of width: the charts below stay where they are while words change.
const VERDICT_LINES: [(f32, f32); 4] = [(620.0, 42.0), (440.0, 62.0), (330.0, 82.0), (0.0, 102.0)];
/// Narrower than this, chart and table stand one under the other.
const SIDE_BY_SIDE: f32 = 600.0;

/// Whether buttons stand in the cards: a picture and a shared screen have none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Controls {
    /// At work.
    Shown,
    /// In pictures, and while presenting.
    Hidden,
}

/// Draws the page.
pub fn memory_ui(ui: &mut Ui, view: &View<'_>, out: &mut Commands) {
    charts_ui(ui, view, Controls::Shown, out);
}

/// Model, method and workload in a line, for a picture.
pub fn subject(view: &View<'_>) -> String {
    let plan = &view.state.document.plan;
    let method = field(id::METHOD_KIND).map_or("", |field| match (field.kind, (field.get)(plan)) {
        (FieldKind::Choice(choices), Some(FieldValue::Id(id))) => {
            choices.iter().find(|choice| choice.id == id).map_or("", |choice| choice.label)
        }
        _ => "",
    });
    let job = match plan.workload {
        Workload::Training => "training",
        Workload::Inference => "inference",
    };
    let model = plan.model.source.name();
    [model, method, job].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
}

/// The cards of the page.
pub fn charts_ui(ui: &mut Ui, view: &View<'_>, controls: Controls, out: &mut Commands) {
    verdict_card_ui(ui, view, controls, out);
    ui.add_space(space::xs());
    let mut touched = bar_card_ui(ui, view, out);
    ui.add_space(space::xs());
    if let Some(other) = &view.computed.other {
        touched = touched.or(other_card_ui(ui, other, view));
        ui.add_space(space::xs());
    }
    if ui.available_width() >= SIDE_BY_SIDE {
        ui.spacing_mut().item_spacing.x = space::m();
        ui.columns(2, |columns| {
            touched = touched.or(phases_card_ui(&mut columns[0], view, controls, out));
            touched = touched.or(table_card_ui(&mut columns[1], view, controls, out));
        });
    } else {
        touched = touched.or(phases_card_ui(ui, view, controls, out));
        ui.add_space(space::xs());
        touched = touched.or(table_card_ui(ui, view, controls, out));
    }
    // One place decides for all charts: what no chart touches any more is let go.
    if touched.hovered != view.state.session.hovered {
        out.push(Command::Look(LookCommand::Hover(touched.hovered)));
    }
}

/// What the page is about.
#[derive(Clone, Copy, PartialEq)]
enum Shown {
    One(Workload),
    Both,
}

const WORKLOADS: [Segment<Shown>; 3] = [
    Segment { value: Shown::One(Workload::Training), label: "Training", help: "One training step." },
    Segment { value: Shown::One(Workload::Inference), label: "Inference", help: "One request: prompt and generation." },
    Segment { value: Shown::Both, label: "Both", help: "The same plan trained and served, side by side." },
];

/// The sentence that rules the screen.
pub fn verdict_card_ui(ui: &mut Ui, view: &View<'_>, controls: Controls, out: &mut Commands) {
    let color = view.computed.estimate.as_ref().map_or(view.tokens.over.0, |found| view.tokens.verdict(found.fit));
    let card = egui::Frame::new()
        .fill(view.tokens.panel.0)
        .stroke(egui::Stroke::new(1.0, view.tokens.line.0))
        .corner_radius(RADIUS)
        .inner_margin(Margin { left: 20, right: 16, top: 14, bottom: 14 })
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            let shown = controls == Controls::Shown;
            let control = if shown { segmented::width(ui, &WORKLOADS) } else { 0.0 };
            let word = word_width(ui, view);
            let fit = if shown { FIT_BUTTON } else { 0.0 };
            if ui.available_width() >= ONE_ROW_VERDICT.max(word + fit + control + 360.0) {
                ui.horizontal(|ui| {
                    ui.allocate_ui_with_layout(egui::vec2(word, 0.0), Layout::left_to_right(Align::Center), |ui| {
                        ui.set_min_width(word);
                        word_ui(ui, view, color);
                    });
                    let room = ui.available_width() - control - fit - space::l() * 2.0;
                    ui.allocate_ui_with_layout(egui::vec2(room, 0.0), Layout::top_down(Align::Min), |ui| {
                        sentences_ui(ui, view);
                    });
                    if shown {
                        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                            workload_ui(ui, view, out);
                            fit_ui(ui, view, out);
                        });
                    }
                });
                return;
            }
            let beside = ui.available_width() >= word + fit + control + space::l();
            ui.horizontal(|ui| {
                ui.set_min_height(34.0);
                word_ui(ui, view, color);
                if shown {
                    fit_ui(ui, view, out);
                }
                if shown && beside {
                    ui.with_layout(Layout::right_to_left(Align::Center), |ui| workload_ui(ui, view, out));
                }
            });
            sentences_ui(ui, view);
            if shown && !beside {
                ui.add_space(space::xs());
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
    let workload = view.state.document.plan.workload;
    let shown = if view.state.session.both { Shown::Both } else { Shown::One(workload) };
    match segmented_ui(ui, &WORKLOADS, shown, view.tokens) {
        Some(Shown::Both) => out.push(Command::Look(LookCommand::Both(true))),
        Some(Shown::One(new)) => {
            out.push(Command::Look(LookCommand::Both(false)));
            let id = match new {
                Workload::Training => "training",
                Workload::Inference => "inference",
            };
            out.push(Command::Edit(PlanEdit::Set(id::WORKLOAD, FieldValue::Id(id.to_owned()))));
        }
        None => {}
    }
}

/// The same plan with the other workload, on the scale of its own.
fn other_card_ui(ui: &mut Ui, other: &Estimate, view: &View<'_>) -> Touched {
    let what = match view.state.document.plan.workload {
        Workload::Training => "Served: prompt and generation",
        Workload::Inference => "Trained: one step",
    };
    card(ui, view.tokens, |ui| {
        card_head(ui, what, &format!("{} · whole process", view.unit().symbol()));
        let color = view.tokens.verdict(other.fit);
        ui.horizontal_wrapped(|ui| {
            ui.label(RichText::new(view.text(other.fit.word())).font(bold(type_size::title())).color(color));
            ui.label(other.verdict_figures(view.unit()));
        });
        let bar = MemoryBar {
            amounts: &other.at_peak,
            capacity: other.capacity,
            ghost: None,
            unit: view.unit(),
            marked: view.state.session.hovered,
        };
        let touched = ui.push_id("other-workload", |ui| bar.show(ui, view.tokens)).inner;
        // A click would explain the plan's own workload.
        Touched { clicked: None, ..touched }
    })
}

/// The dotted line of the bar by its name, what it comes to, and the way to what differs.
fn baseline_ui(ui: &mut Ui, against: &Against, view: &View<'_>, out: &mut Commands) {
    let here = view.computed.estimate.as_ref().map(|estimate| estimate.needed().expected);
    let words = match (against.process, here) {
        (Some(before), Some(now)) => {
            let delta = match now.cmp(&before) {
                Ordering::Greater => format!("now {} more", (now - before).display(view.unit())),
                Ordering::Less => format!("now {} less", (before - now).display(view.unit())),
                Ordering::Equal => "now the same".to_owned(),
            };
            format!("Dotted line: “{}”, pinned, {}; {delta}.", against.title, before.display(view.unit()))
        }
        _ => format!("“{}” is pinned, but has no estimate.", against.title),
    };
    ui.horizontal_wrapped(|ui| {
        ui.label(RichText::new(words).color(view.tokens.muted.0));
        if ui.button(view.text(Page::Compare.title())).on_hover_text(Page::Compare.help()).clicked() {
            out.push(Command::Look(LookCommand::Page(Page::Compare)));
        }
    });
}

/// Room for the button beside the verdict's word.
const FIT_BUTTON: f32 = 104.0;

/// The word of a verdict.
fn word(view: &View<'_>, fit: Option<Fit>) -> &'static str {
    view.text(fit.map_or("No estimate", Fit::word))
}

/// Width of the widest verdict: nothing beside it moves when the word changes.
fn word_width(ui: &Ui, view: &View<'_>) -> f32 {
    let fits = Fit::ALL.into_iter().map(Some).chain([None]);
    let width = |fit: Option<Fit>| {
        let text = word(view, fit).to_owned();
        ui.painter().layout_no_wrap(text, bold(type_size::figure()), egui::Color32::PLACEHOLDER).size().x
    };
    fits.into_iter().map(width).fold(0.0, f32::max)
}

fn word_ui(ui: &mut Ui, view: &View<'_>, color: egui::Color32) {
    let word = word(view, view.computed.estimate.as_ref().map(|estimate| estimate.fit));
    ui.label(RichText::new(word).font(bold(type_size::figure())).color(color));
}

/// The way out, where the plan does not fit.
fn fit_ui(ui: &mut Ui, view: &View<'_>, out: &mut Commands) {
    let wanted = |fit| matches!(fit, Fit::Tight | Fit::DoesNotFit);
    let too_large = view.computed.estimate.as_ref().is_some_and(|estimate| wanted(estimate.fit));
    if too_large && ui.button("Make it fit…").on_hover_text("Which changes make it fit, and what each costs.").clicked()
    {
        out.push(Command::Look(LookCommand::Page(Page::Change)));
    }
}

/// Figures and reason, in room that does not depend on how long they are.
fn sentences_ui(ui: &mut Ui, view: &View<'_>) {
    ui.vertical(|ui| {
        let width = ui.available_width();
        let height = VERDICT_LINES.into_iter().find(|(least, _)| width >= *least).map_or(0.0, |(_, height)| height);
        ui.set_min_height(height);
        ui.spacing_mut().item_spacing.y = space::xs();
        match &view.computed.estimate {
            Some(estimate) => {
                let figures = format!("{}{}", estimate.verdict_figures(view.unit()), device_name(view));
                ui.add(egui::Label::new(RichText::new(figures).font(bold(type_size::title()))).wrap());
                let reason = RichText::new(estimate.verdict_reason(view.unit())).color(view.tokens.muted.0);
                ui.add(egui::Label::new(reason).wrap());
            }
            None => {
                let why = view.computed.diagnostics.first().map_or("", |first| first.message.as_str());
                ui.add(egui::Label::new(why).wrap());
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

/// What the dashed outline is of.
fn ghost_name(view: &View<'_>) -> &'static str {
    if view.computed.against.is_some() { "baseline" } else { "before" }
}

/// Memory at the peak.
pub fn bar_card_ui(ui: &mut Ui, view: &View<'_>, out: &mut Commands) -> Touched {
    let Some(estimate) = &view.computed.estimate else { return Touched::default() };
    card(ui, view.tokens, |ui| {
        // The parts are as estimated: a factor of the whole says nothing of them.
        let calibrated = estimate.calibration.is_some_and(|found| found.applied);
        let what = if calibrated { "whole process before calibration" } else { "whole process" };
        card_head(ui, view.text("Memory at the peak"), &format!("{} · {what}", view.unit().symbol()));
        let bar = MemoryBar {
            amounts: &estimate.at_peak,
            capacity: estimate.capacity,
            ghost: view.computed.ghost.map(|ghost| (ghost, ghost_name(view))),
            unit: view.unit(),
            marked: view.state.session.hovered,
        };
        let touched = bar.show(ui, view.tokens);
        report(touched, out);
        if let Some(against) = &view.computed.against {
            baseline_ui(ui, against, view, out);
        }
        touched
    })
}

/// Phases of a step.
pub fn phases_card_ui(ui: &mut Ui, view: &View<'_>, controls: Controls, out: &mut Commands) -> Touched {
    let Some(estimate) = &view.computed.estimate else { return Touched::default() };
    card(ui, view.tokens, |ui| {
        let title = match view.state.document.plan.workload {
            Workload::Training => "Through one step",
            Workload::Inference => "Through one request",
        };
        card_head(ui, view.text(title), &format!("{} · tensors", view.unit().symbol()));
        let chart = PhaseChart {
            phases: &estimate.phases,
            peak: estimate.peak,
            capacity: estimate.capacity,
            unit: view.unit(),
            marked: view.state.session.hovered,
            height: card_height(ui, controls, &table(estimate, view)),
        };
        let touched = chart.show(ui, view.tokens);
        report(touched.piece, out);
        if let Some(phase) = touched.phase.and_then(|index| estimate.phases.get(index)) {
            out.push(Command::Look(LookCommand::Select(Subject::Phase(phase.kind))));
        }
        touched.piece
    })
}

/// The same figures as a table.
pub fn table_card_ui(ui: &mut Ui, view: &View<'_>, controls: Controls, out: &mut Commands) -> Touched {
    let Some(estimate) = &view.computed.estimate else { return Touched::default() };
    card(ui, view.tokens, |ui| {
        card_head(ui, view.text("Components"), &format!("{} · share", view.unit().symbol()));
        let table = table(estimate, view);
        let bottom = ui.cursor().top() + card_height(ui, controls, &table);
        let touched = table.show(ui, view.tokens);
        // As high as the chart beside it.
        ui.add_space((bottom - ui.cursor().top()).max(0.0));
        report(touched.component, out);
        if touched.textbook {
            out.push(Command::Look(LookCommand::Select(Subject::Textbook)));
        }
        touched.component
    })
}

fn table<'a>(estimate: &'a Estimate, view: &View<'_>) -> ComponentTable<'a> {
    ComponentTable {
        amounts: &estimate.at_peak,
        textbook: estimate.textbook,
        language: view.state.settings.language,
        unit: view.unit(),
        marked: view.state.session.hovered,
    }
}

/// Height of chart and table, which stand side by side: in the window what a tall one leaves, so that they are seen from
/// afar. A picture is cut to what it holds, so there the height must not follow the room there is.
fn card_height(ui: &Ui, controls: Controls, table: &ComponentTable<'_>) -> f32 {
    let height = match controls {
        Controls::Shown => (ui.clip_rect().height() - BESIDE_CHART).clamp(*CHART_HEIGHT.start(), *CHART_HEIGHT.end()),
        Controls::Hidden => PICTURED_CHART,
    };
    table.height().max(height)
}

/// A click opens the component's explanation.
fn report(touched: Touched, out: &mut Commands) {
    if let Some(component) = touched.clicked {
        out.push(Command::Look(LookCommand::Select(Subject::Component(component))));
    }
}
