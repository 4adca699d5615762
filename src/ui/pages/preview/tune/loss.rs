//! Loss over steps: a line for the examples trained on, marks for those held out.

use crate::preview::record::Record;
use crate::theme::{space, type_size};
use crate::ui::View;
use crate::units::significant;
use egui::{Align2, FontId, Pos2, Rect, Sense, Shape, Stroke, Ui, Vec2};

/// Height of the picture by itself.
pub const HEIGHT: f32 = 220.0;
/// Height beside the table of memory, which is as high.
pub const BESIDE_MEMORY: f32 = 352.0;
/// Room left for the figures of the upright axis.
const LEFT: f32 = 40.0;
/// Room below for those of the level axis.
const BELOW: f32 = 20.0;
/// Lines across.
const LINES: usize = 4;

/// Draws the picture.
pub fn loss_ui(ui: &mut Ui, view: &View<'_>, record: &Record, height: f32) {
    let (whole, response) = ui.allocate_exact_size(Vec2::new(ui.available_width(), height), Sense::hover());
    let area = Rect::from_min_max(whole.min + Vec2::new(LEFT, 4.0), whole.max - Vec2::new(space::s(), BELOW));
    let losses = record.losses.iter().map(|(_, loss)| *loss);
    let all = losses.chain(record.held_out.iter().map(|(_, found)| found.loss));
    let most = all.filter(|loss| loss.is_finite()).fold(0.1_f64, f64::max);
    // A round figure above the largest loss, cut into equal parts.
    let step = [0.05, 0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 2.5, 5.0]
        .into_iter()
        .find(|step| step * LINES as f64 >= most)
        .unwrap_or(most / LINES as f64);
    let top = step * LINES as f64;
    let at = |steps: usize, loss: f64| {
        let across = steps as f32 / record.steps.max(1) as f32;
        let up = (loss / top).max(0.0) as f32;
        Pos2::new(area.left() + area.width() * across, area.bottom() - area.height() * up)
    };
    let painter = ui.painter();
    painter.rect_filled(area, 3, view.tokens.raised.0);
    let font = FontId::proportional(type_size::small());
    for line in 0..=LINES {
        let loss = step * line as f64;
        let y = at(0, loss).y;
        painter.hline(area.x_range(), y, Stroke::new(1.0, view.tokens.line.0));
        let place = Pos2::new(area.left() - 6.0, y);
        painter.text(place, Align2::RIGHT_CENTER, significant(loss), font.clone(), view.tokens.muted.0);
    }
    for (part, align) in [(0, Align2::LEFT_TOP), (1, Align2::CENTER_TOP), (2, Align2::RIGHT_TOP)] {
        let steps = record.steps * part / 2;
        let place = Pos2::new(at(steps, 0.0).x, area.bottom() + 4.0);
        let text = if part == 2 { format!("step {steps}") } else { steps.to_string() };
        painter.text(place, align, text, font.clone(), view.tokens.muted.0);
    }
    // A loss that is no number has no place.
    let line: Vec<Pos2> =
        record.losses.iter().filter(|(_, loss)| loss.is_finite()).map(|(step, loss)| at(*step, *loss)).collect();
    painter.add(Shape::line(line, Stroke::new(1.5, view.tokens.accent.0)));
    let told = record.held_out.iter().filter(|(_, found)| found.loss.is_finite());
    let held_out: Vec<Pos2> = told.map(|(after, found)| at(*after, found.loss)).collect();
    painter.add(Shape::dashed_line(&held_out, Stroke::new(1.5, view.tokens.text.0), 4.0, 4.0));
    for mark in &held_out {
        painter.circle_filled(*mark, 4.0, view.tokens.text.0);
    }
    // Keys, where a falling loss leaves room.
    let keys = [("trained on", view.tokens.accent.0), ("held out", view.tokens.text.0)];
    for (row, (text, ink)) in keys.into_iter().enumerate() {
        let y = area.top() + 14.0 + 18.0 * row as f32;
        painter.hline(area.right() - 96.0..=area.right() - 78.0, y, Stroke::new(2.0, ink));
        painter.text(Pos2::new(area.right() - 72.0, y), Align2::LEFT_CENTER, text, font.clone(), view.tokens.text.0);
    }
    let last = record.losses.last().map_or(0.0, |(_, loss)| *loss);
    let name = format!("Loss over {} steps, now {}", record.losses.len(), significant(last));
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, &name));
    let hovered = response.hover_pos().and_then(|pointer| {
        let share = (pointer.x - area.left()) / area.width().max(1.0);
        let step = (share * record.steps as f32).round().max(0.0) as usize;
        record.losses.iter().filter(|(_, loss)| loss.is_finite()).min_by_key(|(other, _)| other.abs_diff(step))
    });
    if let Some((step, loss)) = hovered {
        let painter = ui.painter();
        painter.vline(at(*step, 0.0).x, area.y_range(), Stroke::new(1.0, view.tokens.edge.0));
        painter.circle_filled(at(*step, *loss), 4.0, view.tokens.accent.0);
        let near = record.held_out.iter().min_by_key(|(after, _)| after.abs_diff(*step));
        let held_out = near.map_or_else(String::new, |(after, found)| {
            format!("\nheld out, after step {after}: {} nats per token", significant(found.loss))
        });
        let tip = format!("Step {step}\ntrained on: {} nats per token{held_out}", significant(*loss));
        response.on_hover_text_at_pointer(tip);
    }
}
