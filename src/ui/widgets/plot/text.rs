//! Text inside a chart's area: names of lines and points where nothing else stands.

use super::items::color;
use super::sight::Sight;
use crate::report::chart::{Look, Way};
use crate::theme::{Tokens, type_size};
use egui::{Align2, Color32, FontId, Pos2, Rect, Ui, Vec2};

/// Nearest that what is drawn is looked at, along lines.
const STEP: f32 = 6.0;
/// Most places of one line that are looked at between two points.
const MOST_STEPS: usize = 200;

/// Where in the area something stands already.
pub struct Room {
    frame: Rect,
    texts: Vec<Rect>,
    /// Places of marks and along lines.
    drawn: Vec<Pos2>,
}

impl Room {
    pub fn of(sight: &Sight<'_>) -> Self {
        let frame = *sight.transform.frame();
        let mut drawn = Vec::new();
        for series in sight.chart.series.iter().filter(|series| series.look != Look::Area) {
            let points = series.points.iter().map(|point| sight.at(*point)).filter(|at| at.is_finite());
            let points: Vec<Pos2> = points.collect();
            if matches!(series.look, Look::Line | Look::Thin | Look::Dashed) {
                for pair in points.windows(2) {
                    let steps = ((pair[0].distance(pair[1]) / STEP).ceil() as usize).clamp(1, MOST_STEPS);
                    drawn.extend((0..steps).map(|step| pair[0].lerp(pair[1], step as f32 / steps as f32)));
                }
            }
            drawn.extend(points);
        }
        drawn.retain(|at| frame.contains(*at));
        Self { frame, texts: Vec::new(), drawn }
    }

    /// Takes the first of the places where nothing stands; where `over` says so, one over lines and marks if there is no
    /// other.
    fn take(&mut self, places: &[Rect], over: bool) -> Option<Rect> {
        let inside = |place: &Rect| self.frame.contains_rect(*place);
        let apart = |place: &Rect| !self.texts.iter().any(|text| text.expand(2.0).intersects(*place));
        let bare = |place: &Rect| !self.drawn.iter().any(|at| place.expand(1.0).contains(*at));
        let allowed = || places.iter().filter(|place| inside(place) && apart(place));
        let found = allowed().find(|place| bare(place)).or_else(|| allowed().find(|_| over)).copied()?;
        self.texts.push(found);
        Some(found)
    }
}

/// Writes `words` at the best of `places`, each a corner and the way the text goes from it.
pub fn label_ui(ui: &Ui, room: &mut Room, words: &str, ink: Color32, places: &[(Align2, Pos2)], tokens: &Tokens) {
    let galley = ui.painter().layout_no_wrap(words.to_owned(), FontId::proportional(type_size::small()), ink);
    let places: Vec<Rect> = places.iter().map(|(align, at)| align.anchor_size(*at, galley.size())).collect();
    if let Some(place) = room.take(&places, true) {
        let painter = ui.painter().with_clip_rect(room.frame.intersect(ui.clip_rect()));
        painter.rect_filled(place.expand2(Vec2::new(3.0, 1.0)), 2, tokens.raised.0);
        painter.galley(place.min, galley, ink);
    }
}

/// Names of the lines across the whole area.
pub fn rule_labels(ui: &Ui, room: &mut Room, sight: &Sight<'_>, tokens: &Tokens) {
    let frame = room.frame;
    for rule in sight.chart.rules.iter().filter(|rule| !rule.label.is_empty()) {
        let ink = color(tokens, rule.ink);
        let places = match rule.way {
            Way::Level => {
                let y = sight.at([sight.chart.across.range[0], rule.at]).y;
                let (left, right) = (frame.left() + 6.0, frame.right() - 6.0);
                vec![
                    (Align2::RIGHT_BOTTOM, Pos2::new(right, y - 3.0)),
                    (Align2::LEFT_BOTTOM, Pos2::new(left, y - 3.0)),
                    (Align2::RIGHT_TOP, Pos2::new(right, y + 3.0)),
                    (Align2::LEFT_TOP, Pos2::new(left, y + 3.0)),
                ]
            }
            Way::Upright => {
                let x = sight.at([rule.at, sight.chart.up.range[0]]).x;
                let (top, bottom) = (frame.top() + 4.0, frame.bottom() - 4.0);
                vec![
                    (Align2::LEFT_BOTTOM, Pos2::new(x + 5.0, bottom)),
                    (Align2::RIGHT_BOTTOM, Pos2::new(x - 5.0, bottom)),
                    (Align2::LEFT_TOP, Pos2::new(x + 5.0, top)),
                    (Align2::RIGHT_TOP, Pos2::new(x - 5.0, top)),
                ]
            }
        };
        label_ui(ui, room, &rule.label, ink, &places, tokens);
    }
}

/// Names of the points, beside them, where there is room.
pub fn series_labels(ui: &Ui, room: &mut Room, sight: &Sight<'_>, tokens: &Tokens) {
    for series in &sight.chart.series {
        let ink = color(tokens, series.ink);
        for (name, point) in series.labels.iter().zip(&series.points).filter(|(name, _)| !name.is_empty()) {
            let at = sight.at(*point);
            if !room.frame.contains(at) {
                continue;
            }
            let galley = ui.painter().layout_no_wrap(name.clone(), FontId::proportional(type_size::small()), ink);
            let places = [
                (Align2::LEFT_CENTER, Vec2::new(8.0, 0.0)),
                (Align2::RIGHT_CENTER, Vec2::new(-8.0, 0.0)),
                (Align2::CENTER_BOTTOM, Vec2::new(0.0, -7.0)),
                (Align2::CENTER_TOP, Vec2::new(0.0, 7.0)),
                (Align2::LEFT_BOTTOM, Vec2::new(6.0, -5.0)),
                (Align2::LEFT_TOP, Vec2::new(6.0, 5.0)),
            ];
            let places = places.map(|(align, by)| align.anchor_size(at + by, galley.size()));
            if let Some(place) = room.take(&places, false) {
                ui.painter().galley(place.min, galley, ink);
            }
        }
    }
}
