//! A switch for on and off.

use crate::theme::Tokens;
use egui::{Pos2, Response, Sense, Stroke, StrokeKind, Ui, Vec2};

/// Size of the switch, in points.
pub const SIZE: Vec2 = Vec2::new(36.0, 20.0);

/// Draws the switch; the response is `clicked` when it should turn.
pub fn toggle_ui(ui: &mut Ui, on: bool, name: &str, tokens: &Tokens) -> Response {
    let (rect, response) = ui.allocate_exact_size(SIZE, Sense::click());
    response.widget_info(|| egui::WidgetInfo::selected(egui::Role::Switch, ui.is_enabled(), on, name));
    let round = SIZE.y / 2.0;
    let (fill, knob) = if on { (tokens.accent.0, tokens.on_accent.0) } else { (tokens.raised.0, tokens.edge.0) };
    let edge = if response.hovered() && !on {
        tokens.text.0
    } else if on {
        tokens.accent.0
    } else {
        tokens.edge.0
    };
    ui.painter().rect(rect, round, fill, Stroke::new(1.0, edge), StrokeKind::Inside);
    let x = if on { rect.right() - round } else { rect.left() + round };
    ui.painter().circle_filled(Pos2::new(x, rect.center().y), round - 4.0, knob);
    if response.has_focus() {
        ui.painter().rect_stroke(rect.expand(3.0), round + 3.0, Stroke::new(2.0, tokens.accent.0), StrokeKind::Inside);
    }
    response
}
