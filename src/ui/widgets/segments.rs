//! Stacks of named pieces: bars and columns. What is drawn is the one geometry; where a piece is hit follows from it.

use super::pattern::Pattern;
use crate::estimate::{ByComponent, Component};
use crate::theme::Tokens;
use crate::units::{ByteUnit, Bytes, percent};
use egui::{Color32, CornerRadius, Id, Rangef, Rect, Response, Sense, Stroke, StrokeKind, Ui};

/// A piece thinner than this is hard to point at, in points: it is hit beside itself too, where its neighbour is thicker.
pub const EASY_HIT: f32 = 8.0;
/// Thinnest piece that is drawn: what is held can be seen.
pub const LEAST_DRAWN: f32 = 2.0;
/// Share of a thick piece that it may lose to a thin neighbour, at each end.
const LENT: f32 = 0.25;
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

/// Which way a stack grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From the left to the right.
    Right,
    /// From the foot upwards.
    Up,
}

/// One piece of a stack.
pub struct Piece {
    /// Its name, unlike that of any other piece of the stack.
    pub id: &'static str,
    /// What it says: name, amount with its unit, share.
    pub words: String,
    /// Its colour.
    pub fill: Color32,
    /// Second cue beside the colour.
    pub pattern: Pattern,
    /// Distance of its end from the start of the stack, in points.
    pub end: f32,
    /// It is marked in other charts.
    pub marked: bool,
}

/// Pieces one behind the other.
pub struct Stack {
    /// What tells it from other stacks of the same frame.
    pub id: Id,
    /// Where the pieces lie.
    pub room: Rect,
    /// Which way they grow.
    pub way: Way,
    /// In order, from the start; their ends ascend.
    pub pieces: Vec<Piece>,
    /// Rounding of a piece's corners by where it is drawn, and whether it is the last.
    pub corners: fn(room: Rect, piece: Rect, last: bool) -> CornerRadius,
}

/// What was drawn, and what was touched, by place in the stack.
#[derive(Default)]
pub struct Shown {
    /// Where each piece is drawn.
    pub rects: Vec<Rect>,
    /// Piece under the pointer or with the keyboard focus.
    pub hovered: Option<usize>,
    /// Piece that was clicked.
    pub clicked: Option<usize>,
}

impl Shown {
    /// What was touched, where the pieces stand for the components `held`.
    pub fn touched(&self, held: &[(Component, Bytes)]) -> Touched {
        let component = |place: Option<usize>| place.and_then(|place| held.get(place)).map(|(component, _)| *component);
        Touched { hovered: component(self.hovered), clicked: component(self.clicked) }
    }
}

impl Stack {
    /// Paints the pieces and makes them hittable, focusable and named.
    pub fn show(self, ui: &Ui, tokens: &Tokens) -> Shown {
        let length = if self.way == Way::Right { self.room.width() } else { self.room.height() };
        let ends: Vec<f32> = self.pieces.iter().map(|piece| piece.end).collect();
        let drawn = drawn_ranges(&ends, length);
        let drawn_count = drawn.len();
        let mut shown = Shown::default();
        let mut responses = Vec::with_capacity(self.pieces.len());
        for ((piece, drawn), hit) in self.pieces.iter().zip(&drawn).zip(hit_ranges(&drawn, length)) {
            // A hairline between neighbours; pieces thinner than it keep their colour.
            let gap = if drawn.span() > 3.0 { 1.0 } else { 0.0 };
            let rect = self.rect(Rangef::new(drawn.min, drawn.max - gap));
            let place = shown.rects.len();
            let radius = (self.corners)(self.room, rect, place + 1 == drawn_count);
            ui.painter().rect_filled(rect, radius, piece.fill);
            piece.pattern.paint(ui, rect, piece.fill);
            let response = ui.interact(self.rect(hit), self.id.with(piece.id), Sense::click());
            response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, piece.words.clone()));
            if response.hovered() || response.has_focus() {
                shown.hovered = Some(place);
            }
            if response.clicked() {
                shown.clicked = Some(place);
            }
            shown.rects.push(rect);
            responses.push((response, radius));
        }
        // Rings come after all pieces, so that the ring of a thin one is whole.
        for ((piece, rect), (response, radius)) in self.pieces.into_iter().zip(&shown.rects).zip(responses) {
            piece.ring(ui, *rect, radius, &response, tokens);
            response.on_hover_text_at_pointer(piece.words);
        }
        shown
    }

    /// A range along the stack as a place on the screen.
    fn rect(&self, range: Rangef) -> Rect {
        match self.way {
            Way::Right => {
                let left = self.room.left();
                Rect::from_x_y_ranges(left + range.min..=left + range.max, self.room.y_range())
            }
            Way::Up => {
                let foot = self.room.bottom();
                Rect::from_x_y_ranges(self.room.x_range(), foot - range.max..=foot - range.min)
            }
        }
    }
}

impl Piece {
    fn ring(&self, ui: &Ui, rect: Rect, radius: CornerRadius, response: &Response, tokens: &Tokens) {
        if response.has_focus() {
            ring(ui, rect, radius, self.fill, 2.5, tokens);
        } else if self.marked || response.hovered() {
            ring(ui, rect, radius, self.fill, 1.5, tokens);
        }
    }
}

/// What is held at all, in the order of the charts.
pub fn held(amounts: &ByComponent) -> Vec<(Component, Bytes)> {
    let amounts = Component::ALL.into_iter().map(|component| (component, amounts.get(component)));
    amounts.filter(|(_, bytes)| *bytes > Bytes::ZERO).collect()
}

/// Pieces of what is `held`: each says `Optimizer state, 52.20 GiB, 64 % of the peak`. `end` is the distance at which
/// the sum up to and with a component ends.
pub fn pieces(
    held: &[(Component, Bytes)],
    (whole, unit): (&str, ByteUnit),
    marked: Option<Component>,
    tokens: &Tokens,
    end: impl Fn(Component, Bytes) -> f32,
) -> Vec<Piece> {
    let total: Bytes = held.iter().fold(Bytes::ZERO, |sum, (_, bytes)| sum + *bytes);
    let mut sum = Bytes::ZERO;
    let piece = |(component, bytes): &(Component, Bytes)| {
        sum += *bytes;
        let share = percent(bytes.0 as f64 / total.0.max(1) as f64);
        Piece {
            id: component.id(),
            words: format!("{}, {}, {share} of {whole}", component.label(), bytes.display(unit)),
            fill: tokens.series(*component),
            pattern: Pattern::of(*component),
            end: end(*component, sum),
            marked: marked == Some(*component),
        }
    };
    held.iter().map(piece).collect()
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

/// Where pieces that end at `ends`, ascending, are drawn on a stack of `length`: each at least [`LEAST_DRAWN`] long
/// (less only where there is no room for all), none over another.
pub fn drawn_ranges(ends: &[f32], length: f32) -> Vec<Rangef> {
    let least = LEAST_DRAWN.min(length.max(0.0) / ends.len().max(1) as f32);
    let mut bounds = Vec::with_capacity(ends.len() + 1);
    let mut last = 0.0_f32;
    bounds.push(last);
    for end in ends {
        last = end.max(last + least);
        bounds.push(last);
    }
    let mut most = length.max(0.0);
    for bound in bounds.iter_mut().skip(1).rev() {
        *bound = bound.min(most);
        most = *bound - least;
    }
    bounds.windows(2).map(|pair| Rangef::new(pair[0], pair[1])).collect()
}

/// Where pieces that are `drawn` one behind the other are hit: each where it is drawn. Only a thin one beside a thick
/// one, or at the end of them all on a stack of `length`, is hit a little beside itself too, so that it can be pointed at.
pub fn hit_ranges(drawn: &[Rangef], length: f32) -> Vec<Rangef> {
    let thin = |range: &Rangef| range.span() < EASY_HIT;
    let between = |one: &Rangef, other: &Rangef| match (thin(one), thin(other)) {
        (false, true) => (other.center() - EASY_HIT / 2.0).clamp(one.max - LENT * one.span(), one.max),
        (true, false) => (one.center() + EASY_HIT / 2.0).clamp(other.min, other.min + LENT * other.span()),
        _ => other.min,
    };
    let mut from = drawn.first().map_or(0.0, |first| first.min);
    let mut hits = Vec::with_capacity(drawn.len());
    for (place, range) in drawn.iter().enumerate() {
        let to = match drawn.get(place + 1) {
            Some(next) => between(range, next),
            None if thin(range) => (range.center() + EASY_HIT / 2.0).min(length).max(range.max),
            None => range.max,
        };
        hits.push(Rangef::new(from, to));
        from = to;
    }
    hits
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ranges(of: &[(f32, f32)]) -> Vec<Rangef> {
        of.iter().map(|(min, max)| Rangef::new(*min, *max)).collect()
    }

    #[test]
    fn what_is_held_is_drawn_however_little() {
        assert_eq!(drawn_ranges(&[100.0, 250.0], 400.0), ranges(&[(0.0, 100.0), (100.0, 250.0)]));
        let thin = drawn_ranges(&[100.0, 100.1, 100.2, 200.0], 200.0);
        assert_eq!(thin, ranges(&[(0.0, 100.0), (100.0, 102.0), (102.0, 104.0), (104.0, 200.0)]));
        // At the end there is room on the left only.
        assert_eq!(drawn_ranges(&[199.9, 200.0], 200.0), ranges(&[(0.0, 198.0), (198.0, 200.0)]));
        // No room for all: it is shared.
        assert_eq!(drawn_ranges(&[1.0, 2.0, 3.0, 4.0], 4.0).len(), 4);
        assert!(drawn_ranges(&[], 20.0).is_empty());
    }

    #[test]
    fn a_thin_piece_is_hit_four_points_to_both_sides_of_its_middle() {
        // Drawn from 100 to 102: its middle is 101.
        let hits = hit_ranges(&ranges(&[(0.0, 100.0), (100.0, 102.0), (102.0, 200.0)]), 200.0);
        assert_eq!(hits, ranges(&[(0.0, 97.0), (97.0, 105.0), (105.0, 200.0)]));
        // Two beside each other: each on its own half, neither over the other.
        let hits = hit_ranges(&ranges(&[(0.0, 100.0), (100.0, 102.0), (102.0, 104.0), (104.0, 200.0)]), 200.0);
        assert_eq!(hits, ranges(&[(0.0, 97.0), (97.0, 102.0), (102.0, 107.0), (107.0, 200.0)]));
        // The last one reaches beyond itself where there is ground, and never beyond the stack.
        assert_eq!(hit_ranges(&ranges(&[(0.0, 100.0), (100.0, 102.0)]), 400.0)[1], Rangef::new(97.0, 105.0));
        assert_eq!(hit_ranges(&ranges(&[(0.0, 100.0), (100.0, 102.0)]), 102.0)[1], Rangef::new(97.0, 102.0));
    }

    #[test]
    fn thick_pieces_are_hit_where_they_are_drawn() {
        let drawn = ranges(&[(0.0, 100.0), (100.0, 108.0), (108.0, 150.0)]);
        assert_eq!(hit_ranges(&drawn, 400.0), drawn);
        // The seen case: activations drawn from 595 to 606, logits from 607 on, thin ones before.
        let drawn = ranges(&[(0.0, 590.0), (590.0, 592.0), (592.0, 595.0), (595.0, 607.0), (607.0, 800.0)]);
        let hits = hit_ranges(&drawn, 1000.0);
        assert!(hits[3].contains(598.0) && hits[3].contains(604.0) && hits[4].contains(608.0), "{hits:?}");
    }

    proptest! {
        /// A place is hit as what is drawn there, or as a thin piece whose middle is at most four points away.
        #[test]
        fn what_is_hit_is_what_is_drawn(lengths in prop::collection::vec(0.0f32..60.0, 1..14), spare in 0.0f32..100.0) {
            let ends: Vec<f32> = lengths.iter().scan(0.0, |sum, length| { *sum += length; Some(*sum) }).collect();
            let length = ends.last().copied().unwrap_or_default() + spare;
            let drawn = drawn_ranges(&ends, length);
            let hits = hit_ranges(&drawn, length);
            for step in 0..=400 {
                let x = length * step as f32 / 400.0;
                let within = |range: &&Rangef| range.min < x && x < range.max;
                let (Some(at), Some(seen)) = (hits.iter().position(|hit| within(&hit)), drawn.iter().position(|range| within(&range))) else { continue };
                let near = (drawn[at].center() - x).abs() <= EASY_HIT / 2.0 + 1e-3;
                prop_assert!(at == seen || (drawn[at].span() < EASY_HIT && near && drawn[seen].span() >= EASY_HIT), "{x}: {seen} is drawn, {at} is hit; {drawn:?}");
            }
            for (hit, drawn) in hits.iter().zip(&drawn) {
                prop_assert!(hit.span() > 0.0 && hit.contains(drawn.center()), "{drawn:?} is hit at {hit:?}");
            }
        }
    }
}
