//! One setting against memory, time or cost: its stops side by side, the figure up.

use super::{Chart as Kind, MEASURES, Measured, Picked, value_words};
use crate::app::command::{Command, Commands};
use crate::estimate::PhaseKind;
use crate::plan::edit::PlanEdit;
use crate::plan::field::field;
use crate::report::chart::{Axis, Chart, Ink, Look, Mark, Rule, Scale, Series, Way};
use crate::solve::figures::Figures;
use crate::solve::sensitivity::{Curve, Point};
use crate::ui::View;
use crate::ui::widgets::memory_bar::step;
use crate::ui::widgets::plot::{Hit, Plot};
use crate::units::{Bytes, duration, quantity};
use egui::Ui;

/// Height of the curve with its axes.
const HEIGHT: f32 = 270.0;

/// What is drawn: a stop and its figure.
type Stop<'a> = (&'a Point, f64);

fn amount(measured: Measured, figures: &Figures) -> Option<f64> {
    match measured {
        Measured::Memory => Some(figures.memory().0 as f64),
        Measured::Time => figures.step_secs.map(|secs| secs.expected),
        Measured::Cost => figures.money.map(|money| money.expected),
    }
}

fn amount_words(view: &View<'_>, measured: Measured, amount: f64) -> String {
    match measured {
        Measured::Memory => Bytes(amount as u64).display(view.unit()),
        Measured::Time => duration(amount),
        Measured::Cost => quantity(amount, &view.state.document.plan.cost.currency),
    }
}

/// Name of the upright axis, and what one of its unit amounts to.
fn upright(view: &View<'_>, measured: Measured, most: f64) -> (String, f64) {
    match measured {
        Measured::Memory => {
            let (symbol, size) = step(view.unit(), Bytes(most as u64));
            (format!("Memory of the whole process, {symbol}"), size as f64)
        }
        Measured::Time => {
            let units = [(1e-3, "ms"), (1.0, "s"), (60.0, "min"), (3600.0, "h")];
            let (size, symbol) = units.into_iter().rev().find(|(size, _)| most >= 2.0 * size).unwrap_or(units[0]);
            (format!("Time of a step, {symbol}"), size)
        }
        Measured::Cost => (format!("Cost of the run, {}", view.state.document.plan.cost.currency), 1.0),
    }
}

/// Name and colour of the phase that decides.
fn phase(phase: Option<PhaseKind>) -> (String, Ink) {
    use crate::estimate::Component as C;
    let name = phase.map_or_else(String::new, |phase| format!("peak: {}", phase.label().to_lowercase()));
    let ink = Ink::Component(match phase {
        Some(PhaseKind::Load | PhaseKind::Preparation | PhaseKind::Merge) | None => C::Weights,
        Some(PhaseKind::Forward | PhaseKind::Prefill | PhaseKind::Scoring | PhaseKind::Evaluation) => C::Activations,
        Some(PhaseKind::Backward) => C::Gradients,
        Some(PhaseKind::OptimizerStep) => C::OptimizerState,
        Some(PhaseKind::Decode | PhaseKind::Rollout) => C::KvCache,
    });
    (name, ink)
}

/// Draws the curve. A click reads a stop; the button below or dragging the ringed point sets one.
pub fn curve_ui(
    ui: &mut Ui,
    view: &View<'_>,
    measured: Measured,
    curve: &Curve,
    picked: &mut Option<Picked>,
    out: &mut Commands,
) {
    let shown: Vec<Stop<'_>> =
        curve.points.iter().filter_map(|point| Some((point, amount(measured, &point.figures)?))).collect();
    if shown.is_empty() {
        ui.label(match measured {
            Measured::Cost => "Type the number of examples under Run and the price of a device-hour under Cost.",
            _ => "The device's figures are not known: choose one under Hardware.",
        });
        return;
    }
    let now = field(curve.field).and_then(|field| (field.get)(&view.state.document.plan));
    let now = shown.iter().position(|(point, _)| now.as_ref() == Some(&point.value));
    let stop = |hit: &Hit| shown.get(hit.point[0] as usize).copied();
    let words = |(point, figure): Stop<'_>| {
        let value = value_words(&point.value, curve.unit);
        let peak = point.figures.peak.map_or_else(String::new, |phase| format!(", peak: {}", phase.label()));
        let clash = if point.contradicts { ", contradicts another setting" } else { "" };
        format!("{} {value}: {}{peak}{clash}", curve.label, amount_words(view, measured, figure))
    };
    let tip = |hit: &Hit| {
        let how = if now == Some(hit.point[0] as usize) {
            "the plan as it is; drag the ringed point to change it"
        } else {
            "a click reads it"
        };
        stop(hit).map_or_else(String::new, |stop| format!("{}\n{how}", words(stop)))
    };
    let (chart, size) = chart(view, measured, curve, &shown, now);
    let mut plot = Plot::new("sensitivity", chart, HEIGHT, &tip);
    plot.handle = now.map(|now| [now as f64, shown[now].1 / size]);
    let read = plot.show(ui, view.tokens, out);
    let set = |hit: &Hit| {
        let point = stop(hit).filter(|_| now != Some(hit.point[0] as usize))?.0;
        Some(PlanEdit::Set(curve.field, point.value.clone()))
    };
    out.extend(read.dragged.as_ref().and_then(set).map(Command::Edit));
    if read.let_go {
        out.push(Command::EndGesture);
    }
    if let Some(hit) = read.clicked
        && let (Some(edit), Some(stop)) = (set(&hit), stop(&hit))
    {
        let set = format!("Set {}", value_words(&stop.0.value, curve.unit));
        *picked = Some(Picked { chart: Kind::Curve, key: view.state.key(), words: words(stop), set, edit });
    }
}

/// The curve, and what a unit of its upright axis amounts to.
fn chart(view: &View<'_>, measured: Measured, curve: &Curve, shown: &[Stop<'_>], now: Option<usize>) -> (Chart, f64) {
    let capacity = curve.capacity.filter(|_| measured == Measured::Memory).map(|bytes| bytes.0 as f64);
    let most = highest(shown, capacity, now) * 1.08;
    let (name, size) = upright(view, measured, most);
    let point = |index: usize| [index as f64, shown[index].1 / size];
    let mut series: Vec<Series> = Vec::new();
    for (index, (stop, _)) in shown.iter().enumerate() {
        let (name, ink) = phase(stop.figures.peak);
        match series.last_mut().filter(|last| last.name == name) {
            Some(run) => run.points.push(point(index)),
            // The way to a stop has the colour of the stop.
            None => {
                let points = index.checked_sub(1).into_iter().chain([index]).map(point).collect();
                series.push(Series::new(name, ink, Look::Line, points));
            }
        }
    }
    // Marks over all lines: where two phases meet, the stop has the colour of its own.
    for (index, (stop, _)) in shown.iter().enumerate() {
        let (name, ink) = phase(stop.figures.peak);
        let size = if now == Some(index) { 5.5 } else { 3.5 };
        series.push(Series::new(name, ink, Look::Marks(Mark::Disc, size), vec![point(index)]));
    }
    let rule = capacity.map(|capacity| Rule {
        label: format!("{} capacity", Bytes(capacity as u64).display(view.unit())),
        ink: Ink::Over,
        way: Way::Level,
        at: capacity / size,
        to: None,
    });
    let beyond = shown.iter().filter(|(_, amount)| *amount > most).max_by(|a, b| a.1.total_cmp(&b.1));
    let beyond = beyond.map(|(point, amount)| {
        format!("↑ {} at {}", amount_words(view, measured, *amount), value_words(&point.value, curve.unit))
    });
    let names = shown.iter().map(|(point, _)| value_words(&point.value, "")).collect();
    let unit = if curve.unit.is_empty() { String::new() } else { format!(", {}", curve.unit) };
    let stops = Scale::Stops { names, own: now };
    let over = format!("{} over {}", MEASURES[measured as usize].label, curve.label);
    let chart = Chart {
        title: over.clone(),
        name: over,
        across: Axis::new(format!("{}{unit}", curve.label), stops, [-0.5, shown.len() as f64 - 0.5]),
        up: Axis::new(name, Scale::Linear, [0.0, most / size]),
        series,
        rules: rule.into_iter().collect(),
        beyond,
    };
    (chart, size)
}

/// Top of the upright axis: with a capacity, what is far beyond it is of no interest and would flatten the rest.
fn highest(shown: &[Stop<'_>], capacity: Option<f64>, now: Option<usize>) -> f64 {
    let all = shown.iter().map(|(_, y)| *y).fold(capacity.unwrap_or(0.0), f64::max);
    let present = now.and_then(|now| shown.get(now)).map_or(0.0, |(_, y)| *y);
    let interest = capacity.map_or(f64::MAX, |capacity| (3.0 * capacity).max(1.5 * present));
    all.min(interest).max(f64::MIN_POSITIVE)
}
