//! Icons painted with strokes: sharp at every size, in the colour of the text, and never missing from a font.

use crate::theme::{RADIUS, Tokens};
use egui::{Color32, Painter, Pos2, Rect, Response, Sense, Shape, Stroke, StrokeKind, Ui, Vec2};

/// A picture of a few strokes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "named as they look")]
pub enum Icon {
    Plus,
    Cross,
    Undo,
    Redo,
    Reset,
    Search,
}

/// Side of an icon's button, in points.
pub const BUTTON: f32 = 28.0;

impl Icon {
    /// Strokes in a box from −1 to 1.
    fn strokes(self) -> Vec<Vec<Vec2>> {
        let v = Vec2::new;
        match self {
            Self::Plus => vec![vec![v(-0.7, 0.0), v(0.7, 0.0)], vec![v(0.0, -0.7), v(0.0, 0.7)]],
            Self::Cross => vec![vec![v(-0.6, -0.6), v(0.6, 0.6)], vec![v(-0.6, 0.6), v(0.6, -0.6)]],
            Self::Undo => curved_arrow(-1.0),
            Self::Redo => curved_arrow(1.0),
            Self::Reset => {
                let mut strokes = vec![arc(v(0.0, 0.0), 0.75, -60.0, 220.0)];
                strokes.push(vec![v(-0.1, -0.95), v(0.38, -0.65), v(0.02, -0.22)]);
                strokes
            }
            Self::Search => vec![arc(v(-0.15, -0.15), 0.6, 0.0, 360.0), vec![v(0.3, 0.3), v(0.85, 0.85)]],
        }
    }
}

/// An arrow that turns back to the left (−1) or right (1).
fn curved_arrow(side: f32) -> Vec<Vec<Vec2>> {
    let v = |x: f32, y: f32| Vec2::new(x * side, y);
    let mut back: Vec<Vec2> = vec![v(0.85, -0.25), v(-0.2, -0.25)];
    back.extend(arc(Vec2::new(-0.2, 0.25), 0.5, 270.0, 90.0).into_iter().map(|point| v(point.x, point.y)));
    back.push(v(0.35, 0.75));
    vec![back, vec![v(0.45, -0.65), v(0.85, -0.25), v(0.45, 0.15)]]
}

/// Points of an arc; degrees clockwise from the right.
fn arc(centre: Vec2, radius: f32, from: f32, to: f32) -> Vec<Vec2> {
    const STEPS: u8 = 20;
    (0..=STEPS)
        .map(|step| {
            let angle = (from + (to - from) * f32::from(step) / f32::from(STEPS)).to_radians();
            centre + radius * Vec2::new(angle.cos(), angle.sin())
        })
        .collect()
}

/// Paints an icon into the middle of `rect`.
pub fn paint(painter: &Painter, icon: Icon, rect: Rect, color: Color32) {
    let half = rect.width().min(rect.height()) * 0.28;
    let at = |point: Vec2| -> Pos2 { rect.center() + point * half };
    for stroke in icon.strokes() {
        painter.add(Shape::line(stroke.into_iter().map(at).collect(), Stroke::new(1.6, color)));
    }
}

/// An icon as a named button.
pub fn button_ui(ui: &mut Ui, icon: Icon, name: &str, help: &str, enabled: bool, tokens: &Tokens) -> Response {
    let (rect, response) =
        ui.add_enabled_ui(enabled, |ui| ui.allocate_exact_size(Vec2::splat(BUTTON), Sense::click())).inner;
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, enabled, name));
    if response.hovered() && enabled {
        ui.painter().rect_filled(rect, RADIUS - 2, tokens.raised.0);
    }
    if response.has_focus() {
        ui.painter().rect_stroke(rect, RADIUS - 2, Stroke::new(2.0, tokens.accent.0), StrokeKind::Inside);
    }
    let ink = if enabled { tokens.text.0 } else { tokens.muted.0.gamma_multiply(0.5) };
    paint(ui.painter(), icon, rect, ink);
    response.on_hover_text(help)
}
