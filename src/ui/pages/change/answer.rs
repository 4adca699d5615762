//! How the plan answers to one setting, to batch and length together, and to a step of each setting.

use super::muted_ui;
use crate::app::answers::Answers;
use crate::app::command::{Command, Commands};
use crate::estimate::{Fit, PhaseKind};
use crate::plan::edit::PlanEdit;
use crate::plan::field::{FieldId, FieldValue, field};
use crate::solve::figures::Figures;
use crate::solve::sensitivity::{Curve, HeatMap, Point, Swing, numeric_fields};
use crate::ui::View;
use crate::ui::theme::{space, type_size};
use crate::ui::widgets::segmented::{Segment, segmented_ui};
use crate::units::{Bytes, duration, grouped, quantity};
use egui::{Align2, Color32, ComboBox, FontId, Pos2, Rect, RichText, Sense, Stroke, Ui, Vec2};

/// Height of the curve.
const HEIGHT: f32 = 220.0;
/// Rows of the tornado.
const SWINGS: usize = 8;

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measured {
    /// Memory of the whole process.
    Memory,
    /// Time of an optimizer step.
    Time,
    /// Cost of the run.
    Cost,
}

const MEASURES: [Segment<Measured>; 3] = [
    Segment { value: Measured::Memory, label: "Memory", help: "Expected memory of the whole process." },
    Segment { value: Measured::Time, label: "Time", help: "Seconds of an optimizer step, or of a request." },
    Segment { value: Measured::Cost, label: "Cost", help: "Money of the run, once data and price are typed." },
];

/// What is chosen on this part of the page.
#[derive(Clone, Debug)]
pub struct AnswerState {
    field: FieldId,
    measured: Measured,
    /// What was worked out, and for which revision.
    pub answers: Option<Answers>,
}

impl Default for AnswerState {
    fn default() -> Self {
        Self { field: "batch.sequence_length", measured: Measured::Memory, answers: None }
    }
}

/// Draws curve, heat map and tornado.
pub fn answer_ui(ui: &mut Ui, view: &View<'_>, state: &mut AnswerState, out: &mut Commands) {
    let plan = &view.state.document.plan;
    let fields = numeric_fields(plan);
    if !fields.iter().any(|field| field.id == state.field) {
        state.field = fields.first().map_or("batch.sequence_length", |field| field.id);
    }
    ui.horizontal_wrapped(|ui| {
        ui.label("Setting");
        let shown = field(state.field).map_or(state.field, |field| field.label);
        let combo = ComboBox::from_id_salt("answered-field").selected_text(shown).show_ui(ui, |ui| {
            for field in &fields {
                ui.selectable_value(&mut state.field, field.id, field.label).on_hover_text(field.help);
            }
        });
        combo.response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::ComboBox, true, "Setting that is varied"));
        if let Some(measured) = segmented_ui(ui, &MEASURES, state.measured, view.tokens) {
            state.measured = measured;
        }
    });
    Answers::keep(&mut state.answers, view.state, state.field);
    let Some(answers) = &state.answers else { return };
    match &answers.curve {
        Ok(curve) => curve_ui(ui, view, state.measured, curve, out),
        Err(why) => {
            ui.label(why);
        }
    }
    ui.add_space(space::s());
    if let Ok(map) = &answers.map {
        ui.label(
            RichText::new(format!(
                "Memory over micro-batch (up) and sequence length (across), {}",
                view.unit().symbol()
            ))
            .strong(),
        );
        map_ui(ui, view, map, out);
    }
    ui.add_space(space::s());
    if let Ok(swings) = &answers.swings {
        ui.label(RichText::new("What one step of a setting moves").strong());
        tornado_ui(ui, view, swings, out);
    }
}

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

/// The stops of the setting side by side, the figure up; dragging takes the stop under the pointer.
fn curve_ui(ui: &mut Ui, view: &View<'_>, measured: Measured, curve: &Curve, out: &mut Commands) {
    let shown: Vec<(&Point, f64)> =
        curve.points.iter().filter_map(|point| Some((point, amount(measured, &point.figures)?))).collect();
    if shown.is_empty() {
        ui.label(match measured {
            Measured::Cost => "Type the number of examples under Run and the price of a device-hour under Cost.",
            _ => "The device's figures are not known: choose one under Hardware.",
        });
        return;
    }
    let (whole, response) = ui.allocate_exact_size(Vec2::new(ui.available_width(), HEIGHT), Sense::click_and_drag());
    let name = format!("{} over {}; drag to change the plan", MEASURES[measured as usize].label, curve.label);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, &name));
    let area = Rect::from_min_max(whole.min + Vec2::new(70.0, 8.0), whole.max - Vec2::new(10.0, 24.0));
    ui.painter().rect_filled(area, 3, view.tokens.raised.0);
    let capacity = curve.capacity.filter(|_| measured == Measured::Memory).map(|bytes| bytes.0 as f64);
    let now = field(curve.field).and_then(|field| (field.get)(&view.state.document.plan));
    let most = highest(&shown, capacity, now.as_ref()) * 1.05;
    let step = area.width() / shown.len().max(1) as f32;
    let x = |index: usize| area.left() + (index as f32 + 0.5) * step;
    // What is beyond the axis stands at its end.
    let y = |amount: f64| area.bottom() - (amount / most).min(1.0) as f32 * area.height();
    let font = FontId::proportional(type_size::small());
    for share in [0.0, 0.5, 1.0] {
        let amount = most / 1.05 * share;
        let at = Pos2::new(area.left() - 6.0, y(amount));
        ui.painter().hline(area.x_range(), at.y, Stroke::new(1.0, view.tokens.line.0));
        ui.painter().text(
            at,
            Align2::RIGHT_CENTER,
            amount_words(view, measured, amount),
            font.clone(),
            view.tokens.muted.0,
        );
    }
    let mut label_end = f32::MIN;
    let now_x = shown.iter().position(|(point, _)| now.as_ref() == Some(&point.value)).map(x);
    for (index, (point, amount)) in shown.iter().enumerate() {
        let at = Pos2::new(x(index), y(*amount));
        if let Some((_, before)) = index.checked_sub(1).and_then(|before| shown.get(before)) {
            let from = Pos2::new(x(index - 1), y(*before));
            ui.painter().line_segment([from, at], Stroke::new(2.0, phase_color(view, point.figures.peak)));
        }
        let is_now = now.as_ref() == Some(&point.value);
        ui.painter().circle_filled(at, if is_now { 6.0 } else { 3.5 }, phase_color(view, point.figures.peak));
        if is_now {
            ui.painter().circle_stroke(at, 8.0, Stroke::new(2.0, view.tokens.text.0));
        }
        let text = value_words(&point.value);
        let galley = ui.painter().layout_no_wrap(
            text,
            font.clone(),
            if is_now { view.tokens.text.0 } else { view.tokens.muted.0 },
        );
        let left = at.x - galley.size().x / 2.0;
        // Labels that would touch are left out; the plan's own is always there.
        let at_now = now_x.is_some_and(|now| !is_now && (at.x - now).abs() < galley.size().x + 6.0);
        if (left > label_end + 6.0 && !at_now) || is_now {
            label_end = left + galley.size().x;
            ui.painter().galley(Pos2::new(left, area.bottom() + 5.0), galley, view.tokens.muted.0);
        }
    }
    if let Some(capacity) = capacity {
        let line = egui::Shape::dashed_line(
            &[Pos2::new(area.left(), y(capacity)), Pos2::new(area.right(), y(capacity))],
            Stroke::new(1.5, view.tokens.over.0),
            5.0,
            4.0,
        );
        ui.painter().extend(line);
    }
    let index_at = |pointer: Pos2| (((pointer.x - area.left()) / step).max(0.0) as usize).min(shown.len() - 1);
    if (response.dragged() || response.clicked())
        && let Some((point, _)) = response.interact_pointer_pos().and_then(|at| shown.get(index_at(at)))
        && now.as_ref() != Some(&point.value)
    {
        out.push(Command::Edit(PlanEdit::Set(curve.field, point.value.clone())));
    }
    if response.drag_stopped() {
        out.push(Command::EndGesture);
    }
    let tip = response.hover_pos().and_then(|at| shown.get(index_at(at))).map_or(name, |(point, amount)| {
        let peak = point.figures.peak.map_or("", PhaseKind::label);
        let clash = if point.contradicts { "\ncontradicts another setting" } else { "" };
        format!(
            "{} {} {}\n{}\npeak: {peak}{clash}",
            curve.label,
            value_words(&point.value),
            curve.unit,
            amount_words(view, measured, *amount)
        )
    });
    response.on_hover_text(tip);
    muted_ui(ui, view, "Colour: the phase that decides. Dashed: what the device offers. Drag to change the plan.");
}

/// Top of the upright axis: with a capacity, what is far beyond it is of no interest and would flatten the rest.
fn highest(shown: &[(&Point, f64)], capacity: Option<f64>, now: Option<&FieldValue>) -> f64 {
    let all = shown.iter().map(|(_, y)| *y).fold(capacity.unwrap_or(0.0), f64::max);
    let present = shown.iter().find(|(point, _)| Some(&point.value) == now).map_or(0.0, |(_, y)| *y);
    let interest = capacity.map_or(f64::MAX, |capacity| (3.0 * capacity).max(1.5 * present));
    all.min(interest).max(f64::MIN_POSITIVE)
}

fn value_words(value: &FieldValue) -> String {
    match value {
        FieldValue::Integer(number) => grouped(*number),
        FieldValue::Decimal(number) => number.to_string(),
        _ => String::new(),
    }
}

/// A field of cells in the verdict's colour with their memory; a click takes the pair.
fn map_ui(ui: &mut Ui, view: &View<'_>, map: &HeatMap, out: &mut Commands) {
    let plan = &view.state.document.plan;
    let columns = map.lengths.len().max(1);
    let (left, height) = (44.0, 22.0);
    let width = (ui.available_width() - left) / columns as f32;
    let (whole, _) = ui.allocate_exact_size(
        Vec2::new(ui.available_width(), height * (map.batches.len() as f32 + 1.0)),
        Sense::hover(),
    );
    let font = FontId::proportional(type_size::small() - 1.0);
    for (row, batch) in map.batches.iter().enumerate() {
        let top = whole.bottom() - height * (row as f32 + 2.0);
        let at = Pos2::new(whole.left() + left - 6.0, top + height / 2.0);
        ui.painter().text(at, Align2::RIGHT_CENTER, grouped(*batch), font.clone(), view.tokens.muted.0);
        for (column, length) in map.lengths.iter().enumerate() {
            let Some((bytes, fit)) = map.cell(row, column) else { continue };
            let place = Pos2::new(whole.left() + left + width * column as f32, top);
            let cell = Rect::from_min_size(place, Vec2::new(width, height)).shrink(1.0);
            let response = ui.interact(cell, ui.scope_id().with(("cell", row, column)), Sense::click());
            let words = format!(
                "Micro-batch {}, {} tokens: {}, {}",
                grouped(*batch),
                grouped(*length),
                bytes.display(view.unit()),
                fit.word().to_lowercase()
            );
            response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &words));
            let fill =
                if fit == Fit::NoDevice { view.tokens.raised.0 } else { view.tokens.verdict(fit).gamma_multiply(0.28) };
            ui.painter().rect_filled(cell, 2, fill);
            let chosen = plan.batch.micro_batch == *batch && plan.batch.sequence_length == *length;
            if chosen || response.hovered() || response.has_focus() {
                ui.painter().rect_stroke(
                    cell,
                    2,
                    Stroke::new(if chosen { 2.0 } else { 1.0 }, view.tokens.text.0),
                    egui::StrokeKind::Inside,
                );
            }
            if width > 30.0 {
                ui.painter().text(
                    cell.center(),
                    Align2::CENTER_CENTER,
                    short(bytes, view),
                    font.clone(),
                    view.tokens.text.0,
                );
            }
            if response.clicked() && !chosen {
                let set = |id, number: u64| PlanEdit::Set(id, FieldValue::Integer(number));
                let edits = vec![set("batch.micro_batch", *batch), set("batch.sequence_length", *length)];
                out.push(Command::Edit(PlanEdit::Group(edits, format!("Micro-batch {batch}, {length} tokens"))));
            }
            response.on_hover_text(words);
        }
    }
    for (column, length) in map.lengths.iter().enumerate() {
        let at = Pos2::new(whole.left() + left + width * (column as f32 + 0.5), whole.bottom() - height / 2.0);
        let text = if *length >= 1024 && length.is_multiple_of(1024) {
            format!("{}k", length / 1024)
        } else {
            length.to_string()
        };
        ui.painter().text(at, Align2::CENTER_CENTER, text, font.clone(), view.tokens.muted.0);
    }
    // The contour: the right end of what fits, row by row.
    for (row, last) in map.contour().into_iter().enumerate() {
        let top = whole.bottom() - height * (row as f32 + 2.0);
        let x = whole.left() + left + width * last.map_or(0.0, |last| last as f32 + 1.0);
        ui.painter().vline(x, top..=top + height, Stroke::new(2.0, view.tokens.text.0));
    }
}

/// Three digits at most.
fn short(bytes: Bytes, view: &View<'_>) -> String {
    let amount = bytes.in_unit(view.unit());
    if amount < 9.95 { format!("{amount:.1}") } else { format!("{amount:.0}") }
}

/// A bar for each setting: memory one stop below and one above, around that of the plan.
fn tornado_ui(ui: &mut Ui, view: &View<'_>, swings: &[Swing], out: &mut Commands) {
    let Some(now) = view.computed.estimate.as_ref().map(|estimate| estimate.needed().expected) else { return };
    if swings.is_empty() {
        ui.label("No setting moves the memory.");
        return;
    }
    let distance = |bytes: Bytes| bytes.0 as f64 - now.0 as f64;
    let far = swings
        .iter()
        .flat_map(|swing| swing.below.iter().chain(&swing.above))
        .map(|(_, bytes)| distance(*bytes).abs())
        .fold(1.0, f64::max);
    for swing in swings.iter().take(SWINGS) {
        ui.horizontal(|ui| {
            let label = ui.add_sized([130.0, 20.0], egui::Label::new(swing.label).truncate());
            label.on_hover_text(swing.label);
            let (bar, _) = ui.allocate_exact_size(Vec2::new(ui.available_width(), 20.0), Sense::hover());
            let middle = bar.center().x;
            ui.painter().vline(middle, bar.y_range(), Stroke::new(1.0, view.tokens.edge.0));
            for (side, end) in [("below", &swing.below), ("above", &swing.above)] {
                let Some((value, bytes)) = end else { continue };
                let reach = (distance(*bytes) / far) as f32 * (bar.width() / 2.0 - 4.0);
                let rect = Rect::from_two_pos(
                    Pos2::new(middle, bar.top() + 3.0),
                    Pos2::new(middle + reach, bar.bottom() - 3.0),
                );
                let touch = rect.expand(3.0);
                let response = ui.interact(touch, ui.scope_id().with((swing.field, side)), Sense::click());
                let sign = if reach < 0.0 { "−" } else { "+" };
                let change = Bytes(distance(*bytes).abs() as u64).display(view.unit());
                let words = format!("{} {}: {sign}{change}", swing.label, value_words(value));
                response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &words));
                ui.painter().rect_filled(rect, 2, if reach < 0.0 { view.tokens.fits.0 } else { view.tokens.tight.0 });
                if response.clicked() {
                    out.push(Command::Edit(PlanEdit::Set(swing.field, value.clone())));
                }
                response.on_hover_text(words);
            }
        });
    }
    muted_ui(
        ui,
        view,
        "Left: less memory than now, right: more, for the stop below and the stop above. A click takes it.",
    );
}
