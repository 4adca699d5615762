//! Patterns: the second cue of a series, for eyes and projectors that cannot tell the colours apart.

use crate::estimate::Component;
use crate::theme::Tokens;
use egui::{Color32, Pos2, Rect, Stroke, Ui};

/// Distance between lines or dots, in points.
const STEP: f32 = 7.0;

/// How a component's colour is filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// Plain colour.
    Plain,
    /// Lines that rise to the right.
    Rising,
    /// Lines that fall to the right.
    Falling,
    /// Dots.
    Dots,
}

impl Pattern {
    /// The component's pattern. Neighbours in the bar differ, and so does every pair whose colours come close under a
    /// colour-vision deficiency (`tests/theme.rs` measures it); the components that tend to be largest are plain.
    pub const fn of(component: Component) -> Self {
        match component {
            Component::Weights | Component::OptimizerState | Component::Logits => Self::Plain,
            Component::QuantizationConstants | Component::Gradients | Component::Runtime => Self::Rising,
            Component::Activations | Component::Temporaries => Self::Falling,
            Component::Adapters | Component::KvCache => Self::Dots,
        }
    }

    /// Draws it over `rect`, which is filled with `fill`.
    pub fn paint(self, ui: &Ui, rect: Rect, fill: Color32) {
        if self == Self::Plain || rect.width() < 3.0 || rect.height() < 3.0 {
            return;
        }
        let ink = Tokens::text_on(fill).gamma_multiply(0.26);
        let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
        if self == Self::Dots {
            let (columns, rows) = ((rect.width() / STEP) as usize + 1, (rect.height() / STEP) as usize + 1);
            for row in 0..rows {
                let shift = if row % 2 == 0 { 0.3 } else { 0.8 };
                for column in 0..columns {
                    let at = rect.min + STEP * egui::vec2(column as f32 + shift, row as f32 + 0.5);
                    painter.circle_filled(at, 1.2, ink);
                }
            }
            return;
        }
        let (top, bottom) =
            if self == Self::Rising { (rect.bottom(), rect.top()) } else { (rect.top(), rect.bottom()) };
        let mut x = rect.left() - rect.height();
        while x < rect.right() {
            painter.line_segment([Pos2::new(x, top), Pos2::new(x + rect.height(), bottom)], Stroke::new(1.0, ink));
            x += STEP;
        }
    }
}
