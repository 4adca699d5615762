//! Where a format has values, on a logarithmic axis, and where the chosen value stands.

use super::pattern::Pattern;
use crate::quantize::scalar::ScalarFormat;
use crate::theme::Tokens;
use egui::{CornerRadius, Pos2, Rangef, Rect, Sense, Stroke, Ui, Vec2};

/// Height of the bar.
const HEIGHT: f32 = 14.0;
/// Magnitudes of the axis, as powers of ten: FP32's range with a little beyond. FP64 runs out of it on both sides.
pub const DECADES: Rangef = Rangef { min: -46.0, max: 40.0 };

/// Range of one format.
pub struct RangeBar {
    /// Format.
    pub format: ScalarFormat,
    /// Value to mark.
    pub value: f64,
    /// Width in points.
    pub width: f32,
}

impl RangeBar {
    /// Draws the bar: full precision in plain colour, the subnormal values before it hatched.
    pub fn show(&self, ui: &mut Ui, tokens: &Tokens, name: &str) {
        let (area, response) = ui.allocate_exact_size(Vec2::new(self.width, HEIGHT), Sense::hover());
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, name));
        response.on_hover_text_at_pointer(name);
        ui.painter().rect_filled(area, CornerRadius::same(2), tokens.raised.0);
        let fill = tokens.accent.0;
        let smallest = self.format.smallest();
        let normal = self.format.smallest_normal().unwrap_or(smallest);
        let part = |from: f64, to: f64| Rect::from_x_y_ranges(x(area, from)..=x(area, to), area.y_range().shrink(2.0));
        let subnormal = part(smallest, normal);
        ui.painter().rect_filled(subnormal, 0, fill.gamma_multiply(0.45));
        Pattern::Rising.paint(ui, subnormal, tokens.panel.0);
        ui.painter().rect_filled(part(normal, self.format.largest()), 0, fill);
        if self.value != 0.0 && self.value.is_finite() {
            let x = x(area, self.value.abs());
            // Light and dark side by side are seen on bar and ground.
            ui.painter().vline(x - 1.0, area.y_range(), Stroke::new(1.0, tokens.panel.0));
            ui.painter().vline(x, area.y_range(), Stroke::new(1.5, tokens.text.0));
            ui.painter().circle_filled(Pos2::new(x, area.top() + 1.0), 2.5, tokens.text.0);
        }
    }
}

/// Where a magnitude stands on the axis.
fn x(area: Rect, magnitude: f64) -> f32 {
    let decade = (magnitude.log10() as f32).clamp(DECADES.min, DECADES.max);
    area.left() + area.width() * (decade - DECADES.min) / DECADES.span()
}
