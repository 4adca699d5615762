//! Memory over micro-batch and sequence length: a field of cells.

use super::{Chart, Picked};
use crate::app::command::{Command, Commands};
use crate::estimate::Fit;
use crate::plan::edit::PlanEdit;
use crate::plan::field::FieldValue;
use crate::plan::field::id;
use crate::solve::sensitivity::HeatMap;
use crate::theme::type_size;
use crate::ui::View;
use crate::units::{Bytes, grouped};
use egui::{Align2, Color32, FontId, Pos2, Rect, Sense, Stroke, StrokeKind, Ui, Vec2};

/// Room for the micro-batches.
const LEFT: f32 = 44.0;
/// Height of a row.
const ROW: f32 = 22.0;

/// Draws the cells in the verdict's colour with their memory. A click reads a cell, a double-click sets its pair.
pub fn map_ui(ui: &mut Ui, view: &View<'_>, map: &HeatMap, picked: &mut Option<Picked>, out: &mut Commands) {
    let plan = &view.state.document.plan;
    let columns = map.lengths.len().max(1);
    let width = (ui.available_width() - LEFT) / columns as f32;
    let size = Vec2::new(ui.available_width(), ROW * (map.batches.len() as f32 + 1.0));
    let (whole, _) = ui.allocate_exact_size(size, Sense::hover());
    let font = FontId::proportional(type_size::small() - 1.0);
    let least = map.cells.iter().map(|(bytes, _)| *bytes).min().unwrap_or_default();
    let most = map.cells.iter().map(|(bytes, _)| *bytes).max().unwrap_or_default();
    for (row, batch) in map.batches.iter().enumerate() {
        let top = whole.bottom() - ROW * (row as f32 + 2.0);
        let at = Pos2::new(whole.left() + LEFT - 6.0, top + ROW / 2.0);
        ui.painter().text(at, Align2::RIGHT_CENTER, grouped(*batch), font.clone(), view.tokens.muted.0);
        for (column, length) in map.lengths.iter().enumerate() {
            let Some((bytes, fit)) = map.cell(row, column) else { continue };
            let place = Pos2::new(whole.left() + LEFT + width * column as f32, top);
            let cell = Rect::from_min_size(place, Vec2::new(width, ROW)).shrink(1.0);
            let response = ui.interact(cell, ui.scope_id().with(("cell", row, column)), Sense::click());
            let pair = format!("micro-batch {}, {} tokens", grouped(*batch), grouped(*length));
            let words = format!("M{}: {}, {}", &pair[1..], bytes.display(view.unit()), fit.word().to_lowercase());
            response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &words));
            ui.painter().rect_filled(cell, 2, shade(view, fit, bytes, (least, most)));
            let chosen = plan.batch.micro_batch == *batch && plan.batch.sequence_length == *length;
            if chosen || response.hovered() || response.has_focus() {
                let stroke = Stroke::new(if chosen { 2.0 } else { 1.0 }, view.tokens.text.0);
                ui.painter().rect_stroke(cell, 2, stroke, StrokeKind::Inside);
            }
            if width > 30.0 {
                let text = short(bytes, view);
                ui.painter().text(cell.center(), Align2::CENTER_CENTER, text, font.clone(), view.tokens.text.0);
            }
            let set = |id, number: u64| PlanEdit::Set(id, FieldValue::Integer(number));
            let edit = || {
                let edits = vec![set(id::BATCH_MICRO_BATCH, *batch), set(id::BATCH_SEQUENCE_LENGTH, *length)];
                PlanEdit::Group(edits, format!("M{}", &pair[1..]))
            };
            if response.double_clicked() && !chosen {
                out.push(Command::Edit(edit()));
                *picked = None;
            } else if response.clicked() && !chosen {
                let (key, set) = (view.state.key(), format!("Set {pair}"));
                *picked = Some(Picked { chart: Chart::Map, key, words: words.clone(), set, edit: edit() });
            }
            let how = if chosen { "the plan as it is".to_owned() } else { format!("double-click to set {pair}") };
            response.on_hover_text_at_pointer(format!("{words}\n{how}"));
        }
    }
    for (column, length) in map.lengths.iter().enumerate() {
        let at = Pos2::new(whole.left() + LEFT + width * (column as f32 + 0.5), whole.bottom() - ROW / 2.0);
        let thousands = *length >= 1024 && length.is_multiple_of(1024);
        let text = if thousands { format!("{}k", length / 1024) } else { length.to_string() };
        ui.painter().text(at, Align2::CENTER_CENTER, text, font.clone(), view.tokens.muted.0);
    }
    // The contour: the right end of what fits, row by row.
    for (row, last) in map.contour().into_iter().enumerate() {
        let top = whole.bottom() - ROW * (row as f32 + 2.0);
        let x = whole.left() + LEFT + width * last.map_or(0.0, |last| last as f32 + 1.0);
        ui.painter().vline(x, top..=top + ROW, Stroke::new(2.0, view.tokens.text.0));
    }
}

/// The verdict's colour, stronger where more is needed, so that a map of one verdict still says something.
fn shade(view: &View<'_>, fit: Fit, bytes: Bytes, (least, most): (Bytes, Bytes)) -> Color32 {
    if fit == Fit::NoDevice {
        return view.tokens.raised.0;
    }
    let log = |bytes: Bytes| (bytes.0.max(1) as f64).ln();
    let share = (log(bytes) - log(least)) / (log(most) - log(least)).max(f64::EPSILON);
    view.tokens.verdict(fit).gamma_multiply(0.16 + 0.3 * share.clamp(0.0, 1.0) as f32)
}

/// Three digits at most.
fn short(bytes: Bytes, view: &View<'_>) -> String {
    let amount = bytes.in_unit(view.unit());
    if amount < 9.95 { format!("{amount:.1}") } else { format!("{amount:.0}") }
}
