//! A chart as it lies on the screen: what is under the pointer is what is drawn there.

use crate::report::chart::{Chart, Look};
use crate::theme::Tokens;
use egui::{Pos2, Rect, Stroke, Ui};
use egui_plot::{PlotPoint, PlotTransform};

/// How near the pointer must come to a mark to read it.
const REACH: f32 = 24.0;

/// A point that is read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    /// Place of its series.
    pub series: usize,
    /// Its place in the series.
    pub index: usize,
    /// Its values.
    pub point: [f64; 2],
}

/// A chart as it lies on the screen.
pub struct Sight<'a> {
    pub chart: &'a Chart,
    pub transform: PlotTransform,
}

impl Sight<'_> {
    /// Where a pair of values is drawn.
    pub fn at(&self, [x, y]: [f64; 2]) -> Pos2 {
        let place = PlotPoint::new(self.chart.across.place(x), self.chart.up.place(y));
        self.transform.position_from_point(&place)
    }

    /// Paints in the area only.
    pub fn painter(&self, ui: &Ui) -> egui::Painter {
        ui.painter().with_clip_rect(self.transform.frame().intersect(ui.clip_rect()))
    }

    /// All that can be read.
    pub fn hits(&self) -> impl Iterator<Item = Hit> + '_ {
        let read = self.chart.series.iter().enumerate().filter(|(_, series)| series.look != Look::Area);
        read.flat_map(|(series, of)| {
            let points = of.points.iter().enumerate().filter(|(_, point)| point.iter().all(|value| value.is_finite()));
            points.map(move |(index, point)| Hit { series, index, point: *point })
        })
    }

    /// A mark near the pointer, else the point of a line or bar that stands over or under it.
    pub fn nearest(&self, pointer: Pos2) -> Option<Hit> {
        let is_mark = |hit: &Hit| matches!(self.chart.series[hit.series].look, Look::Marks(..));
        let seen = |hit: &Hit| self.transform.frame().expand(1.0).contains(self.at(hit.point));
        let distance = |hit: &Hit| self.at(hit.point).distance(pointer);
        let marks = self.hits().filter(|hit| is_mark(hit) && seen(hit));
        let mark = marks.min_by(|a, b| distance(a).total_cmp(&distance(b))).filter(|hit| distance(hit) <= REACH);
        let is_line = |hit: &Hit| !matches!(self.chart.series[hit.series].look, Look::Marks(..));
        mark.or_else(|| self.nearest_across(pointer, is_line))
    }

    /// Whatever stands nearest over or under the pointer.
    pub fn along(&self, pointer: Pos2) -> Option<Hit> {
        self.nearest_across(pointer, |_| true)
    }

    fn nearest_across(&self, pointer: Pos2, which: impl Fn(&Hit) -> bool) -> Option<Hit> {
        let apart = |hit: &Hit| {
            let at = self.at(hit.point);
            ((at.x - pointer.x).abs(), (at.y - pointer.y).abs())
        };
        self.hits().filter(which).min_by(|a, b| {
            let (a, b) = (apart(a), apart(b));
            a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1))
        })
    }

    /// Shows which point is read: a ring, and an upright line through all that stand over each other.
    pub fn point_out(&self, ui: &Ui, hit: &Hit, tokens: &Tokens) {
        let painter = self.painter(ui);
        let ring = Stroke::new(1.5, tokens.text.0);
        let series = &self.chart.series[hit.series];
        let at = self.at(hit.point);
        match series.look {
            Look::Marks(_, size) => _ = painter.circle_stroke(at, size + 3.5, ring),
            Look::Bars(width) => {
                let half = [hit.point[0] - width / 2.0, hit.point[0] + width / 2.0].map(|x| self.at([x, 0.0]).x);
                let foot = self.at([hit.point[0], 0.0]).y;
                painter.rect_stroke(
                    Rect::from_x_y_ranges(half[0]..=half[1], at.y.min(foot)..=foot),
                    0,
                    ring,
                    egui::StrokeKind::Outside,
                );
            }
            _ => {
                painter.vline(at.x, self.transform.frame().y_range(), Stroke::new(1.0, tokens.edge.0));
                for other in self.hits().filter(|other| other.point[0] == hit.point[0]) {
                    painter.circle(self.at(other.point), 4.0, tokens.raised.0, ring);
                }
            }
        }
    }

    /// The chart with the axes as they are seen now.
    pub fn seen(&self) -> Chart {
        let mut chart = self.chart.clone();
        chart.series.retain(|series| !series.points.is_empty());
        let bounds = self.transform.bounds();
        for (axis, [from, to]) in [
            (&mut chart.across, [bounds.min()[0], bounds.max()[0]]),
            (&mut chart.up, [bounds.min()[1], bounds.max()[1]]),
        ] {
            axis.range = [axis.value(from), axis.value(to)];
        }
        chart
    }
}
