//! One setting against memory, time or cost: its stops side by side, the figure up.

use super::{Chart, MEASURES, Measured, Picked, value_words};
use crate::app::command::{Command, Commands};
use crate::estimate::PhaseKind;
use crate::plan::edit::PlanEdit;
use crate::plan::field::field;
use crate::solve::figures::Figures;
use crate::solve::sensitivity::{Curve, Point};
use crate::theme::{space, type_size};
use crate::ui::View;
use crate::ui::widgets::memory_bar::{nice_step, step};
use crate::units::{Bytes, duration, quantity};
use egui::{Align2, Color32, FontId, Pos2, Rect, RichText, Sense, Stroke, Ui, Vec2};

/// Height of the curve with its axes.
const HEIGHT: f32 = 256.0;
/// Room for the figures of the upright axis, its name, and the stops with theirs.
const LEFT: f32 = 52.0;
const ABOVE: f32 = 20.0;
const BELOW: f32 = 38.0;
/// Lines across at most.
const LINES: f64 = 5.0;
/// Side of the square around the marked point that can be dragged.
const HANDLE: f32 = 28.0;

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

/// Colour of the phase that decides.
fn phase_color(view: &View<'_>, phase: Option<PhaseKind>) -> Color32 {
    use crate::estimate::Component as C;
    view.tokens.series(match phase {
        Some(PhaseKind::Load) | None => C::Weights,
        Some(PhaseKind::Forward | PhaseKind::Prefill) => C::Activations,
        Some(PhaseKind::Backward) => C::Gradients,
        Some(PhaseKind::OptimizerStep) => C::OptimizerState,
        Some(PhaseKind::Decode) => C::KvCache,
    })
}

/// Where stops and amounts are drawn.
struct Axes {
    area: Rect,
    /// Amount at the upper end.
    most: f64,
    /// Width of a stop.
    width: f32,
}

impl Axes {
    fn x(&self, index: usize) -> f32 {
        self.area.left() + (index as f32 + 0.5) * self.width
    }

    /// Height of an amount; what is beyond the axis is beyond the area, where it is not painted.
    fn y(&self, amount: f64) -> f32 {
        self.area.bottom() - (amount / self.most) as f32 * self.area.height()
    }
}

/// Draws the curve. A click reads a stop; a double-click sets it, and so does dragging the marked point.
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
    let (whole, response) = ui.allocate_exact_size(Vec2::new(ui.available_width(), HEIGHT), Sense::click());
    let name = format!("{} over {}", MEASURES[measured as usize].label, curve.label);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, &name));
    let capacity = curve.capacity.filter(|_| measured == Measured::Memory).map(|bytes| bytes.0 as f64);
    let now = field(curve.field).and_then(|field| (field.get)(&view.state.document.plan));
    let now = shown.iter().position(|(point, _)| now.as_ref() == Some(&point.value));
    let area = Rect::from_min_max(whole.min + Vec2::new(LEFT, ABOVE), whole.max - Vec2::new(space::s(), BELOW));
    let most = highest(&shown, capacity, now) * 1.06;
    let axes = Axes { area, most, width: area.width() / shown.len() as f32 };
    let index_at = |pointer: Pos2| (((pointer.x - area.left()) / axes.width).max(0.0) as usize).min(shown.len() - 1);
    let under = response.hover_pos().map(index_at);

    upright_ui(ui, view, measured, &axes, whole);
    level_ui(ui, view, curve, &shown, now, &axes, whole);
    if let Some(under) = under {
        ui.painter().vline(axes.x(under), area.y_range(), Stroke::new(1.0, view.tokens.edge.0));
    }
    line_ui(ui, view, measured, curve.unit, &shown, (now, under), &axes);
    if let Some(capacity) = capacity {
        capacity_ui(ui, view, capacity, &axes);
    }
    legend_ui(ui, view, &shown);

    let set = |index: usize| {
        let point = shown.get(index).filter(|_| now != Some(index))?.0;
        Some(PlanEdit::Set(curve.field, point.value.clone()))
    };
    if let Some(now) = now {
        let at = Pos2::new(axes.x(now), axes.y(shown[now].1).max(area.top()));
        let place = Rect::from_center_size(at, Vec2::splat(HANDLE));
        let handle = ui.interact(place, ui.scope_id().with(("curve-handle", curve.field)), Sense::drag());
        if handle.hovered() || handle.dragged() {
            ui.ctx().set_cursor_icon(egui::CursorIcon::ResizeHorizontal);
        }
        if let Some(edit) = handle.interact_pointer_pos().filter(|_| handle.dragged()).and_then(|at| set(index_at(at)))
        {
            out.push(Command::Edit(edit));
        }
        if handle.drag_stopped() {
            out.push(Command::EndGesture);
        }
    }
    let Some(under) = under else { return };
    let (point, figure) = shown[under];
    let value = value_words(&point.value, curve.unit);
    let peak = point.figures.peak.map_or_else(String::new, |phase| format!(", peak: {}", phase.label()));
    let clash = if point.contradicts { ", contradicts another setting" } else { "" };
    let words = format!("{} {value}: {}{peak}{clash}", curve.label, amount_words(view, measured, figure));
    let edit = set(under);
    if response.double_clicked() {
        out.extend(edit.map(Command::Edit));
        *picked = None;
    } else if response.clicked()
        && let Some(edit) = edit
    {
        let key = view.state.key();
        *picked = Some(Picked { chart: Chart::Curve, key, words: words.clone(), set: format!("Set {value}"), edit });
    }
    let how = if now == Some(under) {
        "the plan as it is; drag the ringed point to change it".to_owned()
    } else {
        format!("double-click to set {value}")
    };
    response.on_hover_text_at_pointer(format!("{words}\n{how}"));
}

/// Top of the upright axis: with a capacity, what is far beyond it is of no interest and would flatten the rest.
fn highest(shown: &[Stop<'_>], capacity: Option<f64>, now: Option<usize>) -> f64 {
    let all = shown.iter().map(|(_, y)| *y).fold(capacity.unwrap_or(0.0), f64::max);
    let present = now.and_then(|now| shown.get(now)).map_or(0.0, |(_, y)| *y);
    let interest = capacity.map_or(f64::MAX, |capacity| (3.0 * capacity).max(1.5 * present));
    all.min(interest).max(f64::MIN_POSITIVE)
}

/// Ground, lines at round amounts, their figures, the axis's name with its unit.
fn upright_ui(ui: &Ui, view: &View<'_>, measured: Measured, axes: &Axes, whole: Rect) {
    let painter = ui.painter();
    let font = FontId::proportional(type_size::small());
    painter.rect_filled(axes.area, 3, view.tokens.raised.0);
    let (name, size) = upright(view, measured, axes.most);
    painter.text(whole.left_top(), Align2::LEFT_TOP, name, font.clone(), view.tokens.muted.0);
    let most = axes.most / size;
    let step = nice_step(most / LINES);
    for line in 0..=(most / step).min(LINES * 2.0) as u32 {
        let amount = (f64::from(line) * step * 1000.0).round() / 1000.0;
        let at = Pos2::new(axes.area.left() - 6.0, axes.y(amount * size));
        painter.hline(axes.area.x_range(), at.y, Stroke::new(1.0, view.tokens.line.0));
        painter.text(at, Align2::RIGHT_CENTER, amount.to_string(), font.clone(), view.tokens.muted.0);
    }
}

/// The stops, and the name of the setting with its unit.
fn level_ui(ui: &Ui, view: &View<'_>, curve: &Curve, shown: &[Stop<'_>], now: Option<usize>, axes: &Axes, whole: Rect) {
    let font = FontId::proportional(type_size::small());
    let layout = |index: usize| {
        let ink = if now == Some(index) { view.tokens.text.0 } else { view.tokens.muted.0 };
        ui.painter().layout_no_wrap(value_words(&shown[index].0.value, ""), font.clone(), ink)
    };
    let range = |index: usize, width: f32| {
        let left = (axes.x(index) - width / 2.0).clamp(whole.left(), (whole.right() - width).max(whole.left()));
        egui::Rangef::new(left, left + width)
    };
    // The plan's own is always there; those that would touch it, or one before them, are left out.
    let own = now.map(|now| range(now, layout(now).size().x).expand(6.0));
    let mut taken = f32::MIN;
    for index in 0..shown.len() {
        let galley = layout(index);
        let place = range(index, galley.size().x);
        let meets_own = own.is_some_and(|own| own.intersection(place).span() > 0.0);
        if now == Some(index) || (place.min > taken + 6.0 && !meets_own) {
            taken = place.max;
            ui.painter().galley(Pos2::new(place.min, axes.area.bottom() + 5.0), galley, view.tokens.muted.0);
        }
    }
    let unit = if curve.unit.is_empty() { String::new() } else { format!(", {}", curve.unit) };
    let name = format!("{}{unit} →", curve.label);
    ui.painter().text(whole.right_bottom(), Align2::RIGHT_BOTTOM, name, font, view.tokens.muted.0);
}

/// Line and points; what is beyond the upright axis leaves the area, and its end is told at the edge.
fn line_ui(
    ui: &Ui,
    view: &View<'_>,
    measured: Measured,
    unit: &str,
    shown: &[Stop<'_>],
    (now, under): (Option<usize>, Option<usize>),
    axes: &Axes,
) {
    let clipped = ui.painter().with_clip_rect(axes.area.intersect(ui.clip_rect()));
    let place = |index: usize| Pos2::new(axes.x(index), axes.y(shown[index].1));
    for (index, (point, amount)) in shown.iter().enumerate() {
        let at = place(index);
        let ink = phase_color(view, point.figures.peak);
        if let Some(before) = index.checked_sub(1) {
            clipped.line_segment([place(before), at], Stroke::new(2.0, ink));
        }
        if *amount > axes.most {
            continue;
        }
        ui.painter().circle_filled(at, if now == Some(index) { 6.0 } else { 3.5 }, ink);
        if now == Some(index) {
            ui.painter().circle_stroke(at, 8.0, Stroke::new(2.0, view.tokens.text.0));
        } else if under == Some(index) {
            ui.painter().circle_stroke(at, 6.0, Stroke::new(1.5, view.tokens.text.0));
        }
    }
    let beyond = shown.iter().filter(|(_, amount)| *amount > axes.most).max_by(|a, b| a.1.total_cmp(&b.1));
    if let Some((point, amount)) = beyond {
        let text = format!("↑ {} at {}", amount_words(view, measured, *amount), value_words(&point.value, unit));
        let font = FontId::proportional(type_size::small());
        let galley = ui.painter().layout_no_wrap(text, font, view.tokens.text.0);
        // Left of where the line leaves, so that it covers neither line nor points.
        let below = axes.most * f64::from(1.0 - (galley.size().y + 8.0) / axes.area.height());
        let leaves = shown.iter().position(|(_, amount)| *amount > below).unwrap_or(0);
        let x = match leaves.checked_sub(1) {
            Some(before) => {
                let (from, to) = (shown[before].1, shown[leaves].1);
                egui::lerp(axes.x(before)..=axes.x(leaves), ((below - from) / (to - from)).clamp(0.0, 1.0) as f32)
            }
            None => axes.area.right(),
        };
        let left = (x - 10.0 - galley.size().x).max(axes.area.left() + 4.0);
        let corner = Pos2::new(left, axes.area.top() + 3.0);
        let place = Rect::from_min_size(corner, galley.size()).expand2(Vec2::new(3.0, 1.0));
        ui.painter().rect_filled(place, 2, view.tokens.raised.0);
        ui.painter().galley(corner, galley, view.tokens.text.0);
    }
}

/// What the device offers, as a dashed line with its figure.
fn capacity_ui(ui: &Ui, view: &View<'_>, capacity: f64, axes: &Axes) {
    let y = axes.y(capacity);
    let line = [Pos2::new(axes.area.left(), y), Pos2::new(axes.area.right(), y)];
    ui.painter().extend(egui::Shape::dashed_line(&line, Stroke::new(1.5, view.tokens.over.0), 5.0, 4.0));
    let text = format!("{} capacity", Bytes(capacity as u64).display(view.unit()));
    let font = FontId::proportional(type_size::small());
    let galley = ui.painter().layout_no_wrap(text, font, view.tokens.over.0);
    let place = Rect::from_min_size(Pos2::new(axes.area.left() + 6.0, y + 3.0), galley.size());
    ui.painter().rect_filled(place.expand2(Vec2::new(2.0, 0.0)), 2, view.tokens.raised.0);
    ui.painter().galley(place.min, galley, view.tokens.over.0);
}

/// The phases that decide somewhere on the curve, with their colours.
fn legend_ui(ui: &mut Ui, view: &View<'_>, shown: &[Stop<'_>]) {
    let mut phases: Vec<PhaseKind> = shown.iter().filter_map(|(point, _)| point.figures.peak).collect();
    phases.sort_unstable();
    phases.dedup();
    ui.horizontal_wrapped(|ui| {
        ui.label(RichText::new("Peak in").small().color(view.tokens.muted.0));
        for phase in phases {
            let (swatch, _) = ui.allocate_exact_size(Vec2::new(12.0, type_size::body()), Sense::hover());
            ui.painter().circle_filled(swatch.center(), 4.0, phase_color(view, Some(phase)));
            ui.add(egui::Label::new(RichText::new(phase.label()).small()).extend());
        }
    });
}
