//! Time and cost: how long, where the time goes, what it comes to, always as a range.

use crate::estimate::time::{Spent, TimeEstimate, TimeKind, TimeSubject};
use crate::explained::Band;
use crate::figures::Pace;
use crate::plan::Workload;
use crate::theme::{Tokens, bold, space, type_size};
use crate::ui::widgets::derivation::derivation_ui;
use crate::ui::widgets::pattern::Pattern;
use crate::ui::widgets::segments::{Piece, Stack, Way};
use crate::ui::{UiState, View, card, card_head};
use crate::units::{duration, grouped, percent, quantity, significant};
use egui::{Align, Color32, CornerRadius, Layout, RichText, Sense, Ui, Vec2};

/// Height of the bar.
const BAR: f32 = 36.0;
/// Least width of a figure with its name and range.
const FIGURE: f32 = 160.0;

/// Draws the page.
pub fn time_ui(ui: &mut Ui, view: &View<'_>, ui_state: &mut UiState) {
    let Some(pace) = &view.computed.pace else {
        card(ui, view.tokens, |ui| ui.label("Choose a model that is known to see how long it takes."));
        return;
    };
    let time = match &pace.time {
        Ok(time) => time,
        Err(missing) => {
            card(ui, view.tokens, |ui| ui.label(missing.advice()));
            return;
        }
    };
    card(ui, view.tokens, |ui| {
        card_head(ui, "Speed", "expected, and range");
        figures_ui(ui, |ui| pace_ui(ui, view, ui_state, time));
    });
    ui.add_space(space::xs());
    card(ui, view.tokens, |ui| {
        let of = if time.workload == Workload::Training { "one step" } else { "one request" };
        card_head(ui, "Where the time goes", of);
        bar_ui(ui, view.tokens, ui_state, time);
    });
    ui.add_space(space::xs());
    card(ui, view.tokens, |ui| {
        let whole = if time.workload == Workload::Training { "The run" } else { "An hour of serving" };
        card_head(ui, whole, "devices only");
        run_ui(ui, view, ui_state, pace);
    });
    ui.add_space(space::xs());
    let subject = ui_state.time_subject.unwrap_or(TimeSubject::Step);
    if let Some(explained) = pace.derivation(subject).or_else(|| pace.derivation(TimeSubject::Step)) {
        card(ui, view.tokens, |ui| derivation_ui(ui, explained, view.unit(), view.tokens));
    }
}

fn pace_ui(ui: &mut Ui, view: &View<'_>, ui_state: &mut UiState, time: &TimeEstimate) {
    let training = time.workload == Workload::Training;
    let rate = if training { "Tokens a second" } else { "Generated tokens a second" };
    figure_ui(ui, view.tokens, ui_state, TimeSubject::Rate, rate, time.tokens_per_sec, |x| quantity(x, "tokens/s"));
    let step = if training { "One optimizer step" } else { "One request" };
    figure_ui(ui, view.tokens, ui_state, TimeSubject::Step, step, time.step_secs, duration);
    if training {
        let label = "Model FLOPs utilisation";
        figure_ui(ui, view.tokens, ui_state, TimeSubject::Utilisation, label, time.mfu, percent);
    }
}

/// Name, figure and range, one under the other; a click explains it.
fn figure_ui(
    ui: &mut Ui,
    tokens: &Tokens,
    ui_state: &mut UiState,
    subject: TimeSubject,
    label: &str,
    band: Band,
    text: impl Fn(f64) -> String,
) {
    ui.vertical(|ui| {
        ui.spacing_mut().item_spacing.y = 2.0;
        ui.set_min_width(FIGURE);
        if ui.link(label).on_hover_text("Show how this comes about.").clicked() {
            ui_state.time_subject = Some(subject);
        }
        ui.label(RichText::new(text(band.expected)).font(bold(type_size::title())));
        let range = format!("{} to {}", text(band.low), text(band.high));
        ui.label(RichText::new(range).small().color(tokens.muted.0));
    });
}

/// Figures beside each other where there is room.
fn figures_ui(ui: &mut Ui, content: impl FnOnce(&mut Ui)) {
    let wide = ui.available_width() >= 3.0 * (FIGURE + space::l());
    if wide {
        ui.horizontal_top(content);
    } else {
        ui.vertical(content);
    }
}

/// Colour of a cause, taken from the components' so that neighbours differ.
fn color(tokens: &Tokens, kind: TimeKind) -> Color32 {
    use crate::estimate::Component as C;
    tokens.series(match kind {
        TimeKind::Matrix | TimeKind::Prompt => C::Weights,
        TimeKind::Attention => C::Activations,
        TimeKind::Operators | TimeKind::Generation => C::Logits,
        TimeKind::Dequantization => C::QuantizationConstants,
        TimeKind::Launch => C::Runtime,
        TimeKind::Optimizer => C::OptimizerState,
        TimeKind::Communication => C::Gradients,
        TimeKind::Bubble => C::Temporaries,
        TimeKind::Data => C::KvCache,
    })
}

/// The expected seconds as a stacked bar, and each part in words.
fn bar_ui(ui: &mut Ui, tokens: &Tokens, ui_state: &mut UiState, time: &TimeEstimate) {
    let whole = time.step_secs.expected.max(f64::MIN_POSITIVE);
    let (bar, _) = ui.allocate_exact_size(Vec2::new(ui.available_width(), BAR), Sense::hover());
    let mut sum = 0.0;
    let piece = |part: &Spent| {
        sum += part.secs;
        Piece {
            id: part.kind.label(),
            words: part_words(part.kind, part.secs, whole),
            fill: color(tokens, part.kind),
            pattern: Pattern::Plain,
            end: (sum / whole) as f32 * bar.width(),
            marked: false,
        }
    };
    let stack = Stack {
        id: ui.scope_id().with("time-bar"),
        room: bar,
        way: Way::Right,
        pieces: time.spent.iter().map(piece).collect(),
        corners: |_, _, _| CornerRadius::ZERO,
    };
    let clicked = stack.show(ui, tokens).clicked;
    if let Some(part) = clicked.and_then(|place| time.spent.get(place)) {
        ui_state.time_subject = Some(TimeSubject::Kind(part.kind));
    }
    ui.add_space(space::xs());
    for part in &time.spent {
        ui.horizontal(|ui| {
            let (swatch, _) = ui.allocate_exact_size(Vec2::splat(10.0), Sense::hover());
            ui.painter().rect_filled(swatch, 2, color(tokens, part.kind));
            if ui.link(part.kind.label()).on_hover_text("Show how this comes about.").clicked() {
                ui_state.time_subject = Some(TimeSubject::Kind(part.kind));
            }
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                ui.label(format!("{}, {}", duration(part.secs), percent(part.secs / whole)));
            });
        });
    }
}

fn part_words(kind: TimeKind, secs: f64, whole: f64) -> String {
    format!("{}, {}, {} of the time", kind.label(), duration(secs), percent(secs / whole))
}

fn run_ui(ui: &mut Ui, view: &View<'_>, ui_state: &mut UiState, pace: &Pace) {
    let Some(run) = &pace.run else { return };
    let tokens = view.tokens;
    if let (Some(steps), Some(hours)) = (run.steps, run.hours) {
        let hours_text = |hours: f64| duration(hours * 3600.0);
        figure_ui(ui, tokens, ui_state, TimeSubject::Hours, "Duration", hours, hours_text);
        let trained = significant(run.tokens.unwrap_or_default());
        ui.label(format!("{} steps over {trained} tokens", grouped(steps)));
    }
    if let Some(energy) = run.energy_kwh {
        figure_ui(ui, tokens, ui_state, TimeSubject::Energy, "Energy", energy, |x| quantity(x, "kWh"));
    }
    if let Some(money) = run.money {
        figure_ui(ui, tokens, ui_state, TimeSubject::Money, "Cost", money, |x| {
            format!("{} {}", significant(x), run.currency)
        });
        let dated = if run.price_date.is_empty() { "no day given" } else { &run.price_date };
        ui.label(RichText::new(format!("Price as of: {dated}")).small().color(tokens.muted.0));
    }
    for missing in &run.missing {
        ui.label(missing.advice());
    }
}
