//! What egui_plot draws of a chart: lines of the grid, series, rules, and how they look in a legend.

use crate::report::chart::{Axis, Chart, Ink, Look, Mark, Rule, Series, Way};
use crate::theme::Tokens;
use egui::{Color32, Rect, Shape, Stroke, Ui, Vec2};
use egui_plot::{Bar, BarChart, GridInput, GridMark, HLine, Line, LineStyle, MarkerShape, PlotPoints, PlotUi, Points};
use egui_plot::{Polygon, Span, VLine};
use std::cell::RefCell;

/// Nearest that lines of the grid stand.
pub const GRID: f32 = 8.0;
/// How much of its colour a strip has.
const STRIP: f32 = 0.16;
/// How much of its colour a faint line has.
const FAINT: f32 = 0.35;

/// Lines of the grid; their figures are kept for [`figure`]. None stands lower than `foot` points above the axis' begin.
pub fn grid(
    axis: &Axis,
    input: &GridInput,
    apart: f32,
    foot: f32,
    kept: &RefCell<Vec<(f64, String)>>,
) -> Vec<GridMark> {
    let point = input.base_step_size / f64::from(GRID);
    let (from, to) = input.bounds;
    let ticks = axis.ticks(from, to, point * f64::from(apart));
    let named = ticks.iter().filter(|tick| tick.at - from >= point * f64::from(foot));
    kept.replace(named.map(|tick| (tick.at, tick.text.clone())).collect());
    ticks.into_iter().map(|tick| GridMark { value: tick.at, step_size: tick.step }).collect()
}

/// Text of a line of the grid.
pub fn figure(kept: &RefCell<Vec<(f64, String)>>, mark: GridMark) -> String {
    let kept = kept.borrow();
    kept.iter().find(|(at, _)| *at == mark.value).map(|(_, text)| text.clone()).unwrap_or_default()
}

/// The colour of this theme.
pub fn color(tokens: &Tokens, ink: Ink) -> Color32 {
    match ink {
        Ink::Accent => tokens.accent.0,
        Ink::Fits => tokens.fits.0,
        Ink::Tight => tokens.tight.0,
        Ink::Over => tokens.over.0,
        Ink::Text => tokens.text.0,
        Ink::Muted => tokens.muted.0,
        Ink::Component(component) => tokens.series(component),
    }
}

pub fn add_series(plot: &mut PlotUi<'_>, chart: &Chart, series: &Series, tokens: &Tokens) {
    let finite = series.points.iter().filter(|point| point.iter().all(|value| value.is_finite()));
    let points: Vec<[f64; 2]> = finite.map(|[x, y]| [chart.across.place(*x), chart.up.place(*y)]).collect();
    let ink = color(tokens, series.ink);
    let line = |points: Vec<[f64; 2]>| Line::new("", PlotPoints::new(points)).color(ink).width(2.0).allow_hover(false);
    match series.look {
        Look::Line => plot.line(line(points)),
        Look::Thin => plot.line(line(points).color(ink.gamma_multiply(FAINT)).width(1.0)),
        Look::Dashed => plot.line(line(points).style(LineStyle::Dashed { length: 5.0 })),
        Look::Marks(mark, size) => {
            let shape = match mark {
                Mark::Disc | Mark::Ring => MarkerShape::Circle,
                Mark::Square => MarkerShape::Square,
                Mark::Triangle => MarkerShape::Up,
            };
            // Shapes of one radius do not look alike large.
            let size = match mark {
                Mark::Disc | Mark::Ring => size,
                Mark::Square | Mark::Triangle => size * 1.25,
            };
            if mark == Mark::Ring {
                // A line of two outlines: what it rings stays in sight.
                for radius in [size, size - 0.8] {
                    let outline = Points::new("", PlotPoints::new(points.clone())).radius(radius).filled(false);
                    plot.points(outline.color(ink).allow_hover(false));
                }
            } else {
                plot.points(
                    Points::new("", PlotPoints::new(points)).shape(shape).color(ink).radius(size).allow_hover(false),
                );
            }
        }
        Look::Bars(width) => {
            let bars =
                points.iter().map(|[x, y]| Bar::new(*x, *y).width(width).fill(ink).stroke(Stroke::NONE)).collect();
            plot.bar_chart(BarChart::new("", bars).color(ink).allow_hover(false));
        }
        Look::Area => {
            let area = Polygon::new("", PlotPoints::new(points)).fill_color(ink.gamma_multiply(STRIP));
            plot.polygon(area.stroke(Stroke::new(0.0, ink)).allow_hover(false));
        }
    }
}

pub fn add_rule(plot: &mut PlotUi<'_>, chart: &Chart, rule: &Rule, tokens: &Tokens) {
    let ink = color(tokens, rule.ink);
    let (axis, of) = match rule.way {
        Way::Upright => (&chart.across, egui_plot::Axis::X),
        Way::Level => (&chart.up, egui_plot::Axis::Y),
    };
    let at = axis.place(rule.at);
    let dashes = LineStyle::Dashed { length: 5.0 };
    match (rule.to, rule.way) {
        (Some(to), _) => {
            let strip = Span::new("", at..=axis.place(to)).axis(of).fill(ink.gamma_multiply(STRIP));
            plot.span(strip.border(Stroke::new(0.0, ink)));
        }
        (None, Way::Level) => plot.hline(HLine::new("", at).color(ink).width(1.5).style(dashes).allow_hover(false)),
        (None, Way::Upright) => plot.vline(VLine::new("", at).color(ink).width(1.5).style(dashes).allow_hover(false)),
    }
}

/// What a series looks like.
pub fn swatch(ui: &Ui, place: Rect, look: Look, ink: Color32, tokens: &Tokens) {
    let painter = ui.painter();
    let (centre, stroke) = (place.center(), Stroke::new(2.0, ink));
    match look {
        Look::Line => _ = painter.hline(place.x_range(), centre.y, stroke),
        Look::Thin => _ = painter.hline(place.x_range(), centre.y, Stroke::new(1.0, ink.gamma_multiply(2.0 * FAINT))),
        Look::Dashed => {
            let ends = [place.left_center(), place.right_center()];
            painter.extend(Shape::dashed_line(&ends, stroke, 4.0, 3.0));
        }
        Look::Marks(Mark::Disc, _) => _ = painter.circle_filled(centre, 4.0, ink),
        Look::Marks(Mark::Ring, _) => _ = painter.circle(centre, 4.0, tokens.panel.0, stroke),
        Look::Marks(Mark::Square, _) => {
            _ = painter.rect_filled(Rect::from_center_size(centre, Vec2::splat(7.5)), 0, ink);
        }
        Look::Marks(Mark::Triangle, _) => {
            let corners = [(0.0, -4.8), (4.4, 3.6), (-4.4, 3.6)].map(|(x, y)| centre + Vec2::new(x, y));
            painter.add(Shape::convex_polygon(corners.to_vec(), ink, Stroke::NONE));
        }
        Look::Bars(_) | Look::Area => {
            let share = if look == Look::Area { STRIP * 2.0 } else { 1.0 };
            painter.rect_filled(Rect::from_center_size(centre, Vec2::new(14.0, 8.0)), 1, ink.gamma_multiply(share));
        }
    }
}
