//! What bar and columns share: a coloured, named, focusable piece with a pattern as second cue.

use super::pattern::Pattern;
use crate::estimate::Component;
use crate::ui::theme::Tokens;
use crate::units::{ByteUnit, Bytes, percent};
use egui::{Color32, CornerRadius, Id, Rangef, Rect, Response, Sense, Stroke, StrokeKind, Ui};

/// Thinnest piece that a pointer can hit, in points.
pub const MIN_HIT: f32 = 8.0;
/// A piece this thick has room for its focus ring inside.
const RING_INSIDE: f32 = 14.0;

/// What was touched in a chart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// Piece under the pointer or with the keyboard focus.
    pub hovered: Option<Component>,
    /// Piece that was clicked.
    pub clicked: Option<Component>,
}

impl Touched {
    /// This, or what was touched elsewhere.
    pub fn or(self, other: Self) -> Self {
        Self { hovered: self.hovered.or(other.hovered), clicked: self.clicked.or(other.clicked) }
    }
}

/// One piece of a chart.
pub struct Piece<'a> {
    /// Component it stands for.
    pub component: Component,
    /// Its amount.
    pub bytes: Bytes,
    /// Sum it is a share of.
    pub total: Bytes,
    /// Where it is painted.
    pub rect: Rect,
    /// Where it is hit: thin pieces are easier to hit than to see.
    pub hit: Rect,
    /// Rounding of its corners.
    pub radius: CornerRadius,
    /// What it is a share of, in words: `the peak`, `end of forward`.
    pub whole: &'a str,
}

impl Piece<'_> {
    /// Paints the piece and makes it hittable, focusable and named.
    pub fn show(&self, ui: &Ui, id: Id, tokens: &Tokens, unit: ByteUnit, touched: &mut Touched) -> Response {
        let response = ui.interact(self.hit, id, Sense::click());
        let name = self.name(unit);
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, name.clone()));
        let fill = tokens.series(self.component);
        ui.painter().rect_filled(self.rect, self.radius, fill);
        Pattern::of(self.component).paint(ui, self.rect, fill);
        if response.hovered() || response.has_focus() {
            touched.hovered = Some(self.component);
        }
        if response.clicked() {
            touched.clicked = Some(self.component);
        }
        response.on_hover_text(name)
    }

    /// Rings the piece if it is marked, under the pointer or has the focus. Called after its neighbours are painted,
    /// so that the ring of a thin piece is whole.
    pub fn ring(&self, ui: &Ui, response: &Response, marked: bool, tokens: &Tokens) {
        let fill = tokens.series(self.component);
        if response.has_focus() {
            ring(ui, self.rect, self.radius, fill, 2.5, tokens);
        } else if marked || response.hovered() {
            ring(ui, self.rect, self.radius, fill, 1.5, tokens);
        }
    }

    /// `Optimizer state, 52.20 GiB, 64 % of the peak`.
    pub fn name(&self, unit: ByteUnit) -> String {
        let share = self.bytes.0 as f64 / self.total.0.max(1) as f64;
        format!("{}, {}, {} of {}", self.component.label(), self.bytes.display(unit), percent(share), self.whole)
    }
}

/// A ring that is seen on the piece's own colour; thin pieces wear it outside, on the ground.
fn ring(ui: &Ui, rect: Rect, radius: CornerRadius, fill: Color32, width: f32, tokens: &Tokens) {
    if rect.width().min(rect.height()) >= RING_INSIDE {
        let stroke = Stroke::new(width, Tokens::text_on(fill));
        ui.painter().rect_stroke(rect.shrink(2.0), radius, stroke, StrokeKind::Inside);
    } else {
        let stroke = Stroke::new(width, tokens.text.0);
        ui.painter().rect_stroke(rect.expand(1.0), radius, stroke, StrokeKind::Outside);
    }
}

/// Where pieces that end at `ends`, ascending, can be hit between `room.min` and `room.max`: each at least [`MIN_HIT`]
/// long (less only where there is no room for all), none over another. Thick pieces give way to thin ones.
pub fn hit_ranges(ends: &[f32], room: Rangef) -> Vec<Rangef> {
    let least = MIN_HIT.min(room.span().max(0.0) / ends.len().max(1) as f32);
    let mut bounds = Vec::with_capacity(ends.len() + 1);
    let mut last = room.min;
    bounds.push(last);
    for end in ends {
        last = end.max(last + least);
        bounds.push(last);
    }
    let mut most = room.max;
    for bound in bounds.iter_mut().skip(1).rev() {
        *bound = bound.min(most);
        most = *bound - least;
    }
    bounds.windows(2).map(|pair| Rangef::new(pair[0], pair[1])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(ends: &[f32], room: Rangef) -> Vec<f32> {
        let ranges = hit_ranges(ends, room);
        for pair in ranges.windows(2) {
            assert!((pair[0].max - pair[1].min).abs() < 1e-3, "{ranges:?} has a gap or overlaps");
        }
        assert!(ranges.iter().all(|range| range.min >= room.min - 1e-3 && range.max <= room.max + 1e-3), "{ranges:?}");
        ranges.into_iter().map(Rangef::span).collect()
    }

    #[test]
    fn thick_pieces_are_hit_where_they_are() {
        assert_eq!(spans(&[100.0, 250.0], Rangef::new(0.0, 400.0)), [100.0, 150.0]);
    }

    #[test]
    fn thin_pieces_take_room_from_their_thick_neighbour() {
        assert_eq!(spans(&[100.0, 101.0, 102.0, 200.0], Rangef::new(0.0, 200.0)), [100.0, 8.0, 8.0, 84.0]);
        // At the end there is room on the left only.
        assert_eq!(spans(&[198.0, 199.0, 200.0], Rangef::new(0.0, 200.0)), [184.0, 8.0, 8.0]);
    }

    #[test]
    fn where_there_is_no_room_it_is_shared() {
        assert_eq!(spans(&[1.0, 2.0, 3.0, 20.0], Rangef::new(0.0, 20.0)), [5.0; 4]);
        assert!(hit_ranges(&[], Rangef::new(0.0, 20.0)).is_empty());
    }
}
