//! What one stop of each setting moves: a bar to both sides of the plan.

use super::{Chart, Picked, value_words};
use crate::app::command::{Command, Commands};
use crate::plan::edit::PlanEdit;
use crate::plan::field::field;
use crate::solve::sensitivity::Swing;
use crate::theme::type_size;
use crate::ui::View;
use crate::ui::widgets::segments::EASY_HIT;
use crate::units::Bytes;
use egui::{Align2, FontId, Pos2, Rect, Sense, Stroke, Ui, Vec2};

/// Settings that are shown.
const SWINGS: usize = 8;
/// Height of a row.
const ROW: f32 = 20.0;
/// Room for the settings' names.
const NAME: f32 = 130.0;
/// Room for a figure at the end of a bar.
const FIGURE: f32 = 56.0;

/// Draws the bars. A click reads one, a double-click sets its value.
pub fn tornado_ui(ui: &mut Ui, view: &View<'_>, swings: &[Swing], picked: &mut Option<Picked>, out: &mut Commands) {
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
    let font = FontId::proportional(type_size::small());
    for swing in swings.iter().take(SWINGS) {
        ui.horizontal(|ui| {
            let label = ui.add_sized([NAME, ROW], egui::Label::new(swing.label).truncate());
            label.on_hover_text(swing.label);
            let (bar, _) = ui.allocate_exact_size(Vec2::new(ui.available_width(), ROW), Sense::hover());
            let middle = bar.center().x;
            let room = (bar.width() / 2.0 - FIGURE).max(4.0);
            ui.painter().vline(middle, bar.y_range(), Stroke::new(1.0, view.tokens.edge.0));
            let unit = field(swing.field).map_or("", |field| field.unit);
            let reach_of = |end: &Option<(_, Bytes)>| end.as_ref().map_or(0.0, |(_, bytes)| distance(*bytes));
            // Where both stops move the memory the same way, one lies above the other.
            let same_side = reach_of(&swing.below) * reach_of(&swing.above) > 0.0;
            let whole = bar.y_range().shrink(3.0);
            let halves = [egui::Rangef::new(whole.min, bar.center().y), egui::Rangef::new(bar.center().y, whole.max)];
            for (place, (side, end)) in [("below", &swing.below), ("above", &swing.above)].into_iter().enumerate() {
                let Some((value, bytes)) = end else { continue };
                let reach = (distance(*bytes) / far) as f32 * room;
                let rows = if same_side { halves[place] } else { whole };
                let rect = Rect::from_x_y_ranges(middle.min(middle + reach)..=middle.max(middle + reach), rows);
                // Hit where it is drawn; a short one a little beyond its end too.
                let out_to = middle + if reach < 0.0 { reach.min(-EASY_HIT) } else { reach.max(EASY_HIT) };
                let touch = Rect::from_x_y_ranges(middle.min(out_to)..=middle.max(out_to), rows);
                let response = ui.interact(touch, ui.scope_id().with((swing.field, side)), Sense::click());
                let sign = if reach < 0.0 { "−" } else { "+" };
                let change = Bytes(distance(*bytes).abs() as u64);
                let value_text = value_words(value, unit);
                let words = format!("{} {value_text}: {sign}{}", swing.label, change.display(view.unit()));
                response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &words));
                ui.painter().rect_filled(rect, 2, if reach < 0.0 { view.tokens.fits.0 } else { view.tokens.tight.0 });
                if response.hovered() || response.has_focus() {
                    ui.painter().rect_stroke(rect, 2, Stroke::new(1.5, view.tokens.text.0), egui::StrokeKind::Outside);
                }
                let (at, align) = if reach < 0.0 {
                    (middle + reach - 4.0, Align2::RIGHT_CENTER)
                } else {
                    (middle + reach + 4.0, Align2::LEFT_CENTER)
                };
                let text = format!("{sign}{}", change.number(view.unit()));
                if !same_side || place == 0 {
                    ui.painter().text(Pos2::new(at, bar.center().y), align, text, font.clone(), view.tokens.muted.0);
                }
                let edit = PlanEdit::Set(swing.field, value.clone());
                let set = format!("{} {value_text}", swing.label);
                if response.double_clicked() {
                    out.push(Command::Edit(edit));
                    *picked = None;
                } else if response.clicked() {
                    let (key, set) = (view.state.key(), format!("Set {set}"));
                    *picked = Some(Picked { chart: Chart::Tornado, key, words: words.clone(), set, edit });
                }
                response.on_hover_text_at_pointer(format!("{words}\ndouble-click to set {set}"));
            }
        });
    }
}
