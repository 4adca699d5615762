//! Two axes by powers of ten, for charts whose figures are of every order.

use crate::theme::{Tokens, space, type_size};
use egui::{Align2, FontId, Painter, Pos2, Rangef, Rect, Stroke, Ui, Vec2};

/// Room left of the area for the figures of the upright axis.
const LEFT: f32 = 56.0;
/// Room below the area for those of the level axis and its name.
const BELOW: f32 = 36.0;
/// Room above it for the name of the upright axis: inside the area it would stand where marks are.
const ABOVE: f32 = 20.0;

/// An area with both axes.
#[derive(Clone, Copy, Debug)]
pub struct LogAxes {
    /// Where marks are drawn.
    pub area: Rect,
    /// Powers of ten at the left and right end.
    pub across: Rangef,
    /// Powers of ten at the lower and upper end.
    pub up: Rangef,
}

impl LogAxes {
    /// Axes inside `whole`, which also holds their figures.
    pub fn inside(whole: Rect, across: Rangef, up: Rangef) -> Self {
        let area = Rect::from_min_max(whole.min + Vec2::new(LEFT, ABOVE), whole.max - Vec2::new(space::s(), BELOW));
        Self { area, across, up }
    }

    /// Place of a pair of figures above 0; what is beyond an axis is beyond the area, where [`Self::painter`] paints
    /// nothing.
    pub fn at(&self, x: f64, y: f64) -> Pos2 {
        let share = |figure: f64, range: Rangef| {
            let power = figure.max(f64::MIN_POSITIVE).log10() as f32;
            (power - range.min) / range.span().max(f32::EPSILON)
        };
        Pos2::new(
            self.area.left() + self.area.width() * share(x, self.across),
            self.area.bottom() - self.area.height() * share(y, self.up),
        )
    }

    /// Paints inside the area only: a line that goes beyond an axis leaves the picture there.
    pub fn painter(&self, ui: &Ui) -> Painter {
        ui.painter().with_clip_rect(self.area.intersect(ui.clip_rect()))
    }

    /// The figures under `pointer`, if it is in the area.
    pub fn figures(&self, pointer: Pos2) -> Option<[f64; 2]> {
        let figure = |share: f32, range: Rangef| 10_f64.powf(f64::from(range.min + share * range.span()));
        let across = (pointer.x - self.area.left()) / self.area.width().max(1.0);
        let up = (self.area.bottom() - pointer.y) / self.area.height().max(1.0);
        self.area.contains(pointer).then(|| [figure(across, self.across), figure(up, self.up)])
    }

    /// Ground, a line at every power of ten, figures and names. `figure` makes the text of a power of ten.
    pub fn draw(&self, ui: &Ui, tokens: &Tokens, names: [&str; 2], figure: impl Fn(f64) -> String) {
        let painter = ui.painter();
        painter.rect_filled(self.area, 3, tokens.raised.0);
        let font = FontId::proportional(type_size::small());
        let hairline = Stroke::new(1.0, tokens.line.0);
        for amount in ticks(self.up) {
            let y = self.at(1.0, amount).y;
            painter.hline(self.area.x_range(), y, hairline);
            let place = Pos2::new(self.area.left() - 6.0, y);
            painter.text(place, Align2::RIGHT_CENTER, figure(amount), font.clone(), tokens.muted.0);
        }
        for amount in ticks(self.across) {
            let x = self.at(amount, 1.0).x;
            painter.vline(x, self.area.y_range(), hairline);
            let place = Pos2::new(x, self.area.bottom() + 4.0);
            painter.text(place, Align2::CENTER_TOP, figure(amount), font.clone(), tokens.muted.0);
        }
        let below = Pos2::new(self.area.right(), self.area.bottom() + 4.0 + type_size::small() + 4.0);
        painter.text(below, Align2::RIGHT_TOP, names[0], font.clone(), tokens.muted.0);
        let above = self.area.left_top() - Vec2::new(LEFT, ABOVE);
        painter.text(above, Align2::LEFT_TOP, names[1], font, tokens.muted.0);
    }
}

/// Powers of ten inside the range; on a short one twice and five times each too.
fn ticks(range: Rangef) -> Vec<f64> {
    let steps: &[f64] = if range.span() < 2.0 { &[1.0, 2.0, 5.0] } else { &[1.0] };
    let powers = range.min.floor() as i32..=range.max.ceil() as i32;
    let all = powers.flat_map(|power| steps.iter().map(move |step| step * 10_f64.powi(power)));
    all.filter(|amount| range.contains(amount.log10() as f32)).collect()
}
