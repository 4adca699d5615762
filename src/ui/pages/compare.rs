//! Plans side by side: the open tabs, what differs, and their memory on one axis.

use crate::app::command::{Command, Commands, FileCommand, MenuCommand};
use crate::app::state::DocumentId;
use crate::estimate::ByComponent;
use crate::plan::Plan;
use crate::solve::Known;
use crate::solve::compare::{Comparison, MOST_PLANS, compare};
use crate::solve::figures::Figures;
use crate::theme::{bold, space, type_size};
use crate::ui::widgets::segments::{self, Stack, Way};
use crate::ui::{View, card, card_head};
use crate::units::Bytes;
use egui::{Button, CornerRadius, Grid, RichText, Sense, Stroke, Ui, Vec2};

/// What was compared, for the revisions it was worked out for.
#[derive(Clone, Debug, Default)]
pub struct CompareState {
    held: Option<Held>,
    /// Revision that is typed; empty: the last commit.
    revision: String,
}

#[derive(Clone, Debug)]
struct Held {
    revisions: Vec<(DocumentId, u64)>,
    found: Comparison,
    /// What each plan holds at its peak.
    parts: Vec<ByComponent>,
}

/// Draws the page: bars and tables of the pinned baseline and the open plans; the first of them is what the others are
/// measured against.
pub fn compare_ui(ui: &mut Ui, view: &View<'_>, state: &mut CompareState, out: &mut Commands) {
    card(ui, view.tokens, |ui| {
        card_head(ui, "Compare", "against the first");
        plans_ui(ui, view, state, out);
    });
}

fn plans_ui(ui: &mut Ui, view: &View<'_>, state: &mut CompareState, out: &mut Commands) {
    revision_ui(ui, view, state, out);
    let plans = plans(view);
    if plans.len() < 2 {
        ui.label(
            "Only one plan is open. Duplicate it and change the copy, or open another file: the tabs are compared, and with them the pinned baseline.",
        );
        if ui.add(Button::new("Duplicate this plan")).clicked() {
            out.push(Command::Menu(MenuCommand::Duplicate));
        }
        return;
    }
    let pins = view.state.session.pins;
    let revisions: Vec<(DocumentId, u64)> =
        view.state.tabs().map(|document| (document.id, document.revision)).chain([(0, pins)]).collect();
    if state.held.as_ref().is_none_or(|held| held.revisions != revisions) {
        let parts = plans.iter().map(|(_, plan)| parts(plan)).collect();
        state.held = Some(Held { revisions, found: compare(&plans, Known::embedded()), parts });
    }
    let Some(Held { found, parts, .. }) = &state.held else { return };
    bars_ui(ui, view, found, parts);
    ui.add_space(space::s());
    table_ui(ui, view, found);
    let count = view.state.tabs().count() + usize::from(view.state.session.baseline.is_some());
    if count > MOST_PLANS {
        muted_ui(ui, view, format!("The first {MOST_PLANS} of {count} plans are compared."));
    }
    for (name, plan) in plans.iter().filter(|(_, plan)| !plan.notes.is_empty()) {
        muted_ui(ui, view, format!("{name}: {}", plan.notes));
    }
}

/// The pinned baseline, where there is one, and the open plans.
fn plans<'a>(view: &View<'a>) -> Vec<(String, &'a Plan)> {
    let pinned = view.state.session.baseline.iter().map(|pinned| (format!("{}, pinned", pinned.title), &pinned.plan));
    let open = view.state.tabs().map(|document| (document.title(), &document.plan));
    pinned.chain(open).take(MOST_PLANS).collect()
}

/// Opens the plan's file as it was in a revision.
fn revision_ui(ui: &mut Ui, view: &View<'_>, state: &mut CompareState, out: &mut Commands) {
    if view.state.document.path.is_none() {
        return;
    }
    ui.horizontal_wrapped(|ui| {
        ui.label("This file in revision");
        let edit = ui.add(egui::TextEdit::singleline(&mut state.revision).desired_width(120.0).hint_text("HEAD"));
        edit.widget_info(|| egui::WidgetInfo::labeled(egui::Role::TextInput, true, "Revision of this file"));
        if ui.add(Button::new("Open beside")).on_hover_text("Read it through git into a tab.").clicked() {
            let typed = state.revision.trim();
            out.push(Command::File(FileCommand::OpenRevision(if typed.is_empty() {
                "HEAD".to_owned()
            } else {
                typed.to_owned()
            })));
        }
    });
    ui.add_space(space::xs());
}

fn parts(plan: &Plan) -> ByComponent {
    let known = Known::embedded();
    // What cannot be estimated has an empty bar; the table says why.
    known.inputs(plan).map_or_else(
        |_| ByComponent::default(),
        |inputs| crate::estimate::estimate(&inputs, crate::estimate::Detail::Numbers).at_peak,
    )
}

/// One bar a plan on one axis, capacities as lines.
fn bars_ui(ui: &mut Ui, view: &View<'_>, found: &Comparison, parts: &[ByComponent]) {
    let figures: Vec<Option<&Figures>> = found.figures.iter().map(|figures| figures.as_ref().ok()).collect();
    let sizes = figures.iter().flatten().flat_map(|figures| [figures.memory(), figures.capacity.unwrap_or_default()]);
    let most = sizes.max().unwrap_or_default().max(Bytes(1));
    for (place, ((name, parts), figures)) in found.names.iter().zip(parts).zip(&figures).enumerate() {
        ui.label(RichText::new(name).font(bold(type_size::body())));
        let (bar, response) = ui.allocate_exact_size(Vec2::new(ui.available_width(), 26.0), Sense::hover());
        let words = figures.map_or_else(
            || format!("{name}: no estimate"),
            |figures| format!("{name}: {}", figures.verdict_words(view.unit())),
        );
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, &words));
        response.on_hover_text_at_pointer(&words);
        ui.painter().rect_filled(bar, 3, view.tokens.raised.0);
        let x = |bytes: Bytes| bar.left() + bar.width() * (bytes.0 as f64 / most.0 as f64) as f32;
        let held = segments::held(parts);
        let stack = Stack {
            id: ui.scope_id().with(("beside-bar", place)),
            room: bar,
            way: Way::Right,
            pieces: segments::pieces(&held, (name, view.unit()), None, view.tokens, |_, sum| x(sum) - bar.left()),
            corners: |_, _, _| CornerRadius::ZERO,
        };
        stack.show(ui, view.tokens);
        if let Some(capacity) = figures.and_then(|figures| figures.capacity) {
            let x = x(capacity).min(bar.right() - 1.0);
            ui.painter().vline(x, bar.y_range(), Stroke::new(2.0, view.tokens.over.0));
        }
        muted_ui(ui, view, words);
    }
}

fn table_ui(ui: &mut Ui, view: &View<'_>, found: &Comparison) {
    let currency = found.currency.clone().unwrap_or_default();
    let columns = found.names.len() + 1;
    let width = (ui.available_width() / columns as f32 - space::l()).max(60.0);
    let grid = Grid::new("compare").num_columns(columns).min_col_width(width).max_col_width(width);
    grid.spacing([space::l(), space::xs()]).striped(true).show(ui, |ui| {
        ui.label("");
        for name in &found.names {
            ui.add(egui::Label::new(RichText::new(name).font(bold(type_size::body()))).truncate());
        }
        ui.end_row();
        for headline in &found.headlines {
            ui.label(headline.label);
            for (index, value) in headline.values.iter().enumerate() {
                let text = value
                    .map_or_else(|| "–".to_owned(), |value| headline.measure.display(value, view.unit(), &currency));
                let change = if index == 0 { None } else { headline.change_words(index, view.unit(), &currency) };
                ui.vertical(|ui| {
                    ui.spacing_mut().item_spacing.y = 0.0;
                    ui.label(text);
                    if let Some(change) = change {
                        ui.label(RichText::new(change).small().color(view.tokens.muted.0));
                    }
                });
            }
            ui.end_row();
        }
        for setting in &found.settings {
            ui.add(egui::Label::new(&setting.label).wrap());
            for value in &setting.values {
                ui.add(egui::Label::new(value).wrap());
            }
            ui.end_row();
        }
    });
    if found.settings.is_empty() {
        muted_ui(ui, view, "No setting differs.");
    }
}

/// Small secondary text that wraps.
fn muted_ui(ui: &mut Ui, view: &View<'_>, text: impl Into<String>) -> egui::Response {
    ui.add(egui::Label::new(RichText::new(text).small().color(view.tokens.muted.0)).wrap())
}
