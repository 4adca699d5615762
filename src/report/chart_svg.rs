//! A chart as an SVG picture, as it is seen: the same axes, lines and marks.

use super::Colours;
use super::chart::{Axis, Chart, Ink, Look, Mark, Rule, Series, Way};
use super::svg::{escape, text};
use std::fmt::Write as _;

/// Size of the picture, and of the area in it, in SVG units.
const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 540.0;
const AREA: [[f64; 2]; 2] = [[96.0, 928.0], [124.0, 460.0]];
/// Nearest that figures stand on the two axes.
const APART: [f64; 2] = [80.0, 32.0];
/// How much of its colour a strip has.
const STRIP: f64 = 0.16;

/// The picture as a text; `plan` is whose it is.
pub fn chart_svg(chart: &Chart, plan: &str, colours: &Colours) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" \
         font-family=\"Pretendard, Inter, Helvetica, Arial, sans-serif\" role=\"img\">\n<title>{}</title>",
        escape(&chart.name)
    );
    let _ = writeln!(out, "<rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"{}\"/>", colours.ground);
    text(&mut out, 24.0, 40.0, 22.0, "bold", &colours.text, "start", &chart.title);
    text(&mut out, 24.0, 64.0, 14.0, "normal", &colours.muted, "start", plan);
    legend(&mut out, chart, colours);
    let picture = Picture { chart, colours };
    let [[left, right], [top, bottom]] = AREA;
    let (width, height) = (right - left, bottom - top);
    let _ = writeln!(
        out,
        "<rect x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\" fill=\"{}\"/>\n<clipPath id=\"area\"><rect \
         x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\"/></clipPath>",
        colours.raised
    );
    picture.axes(&mut out);
    out.push_str("<g clip-path=\"url(#area)\">\n");
    for rule in &chart.rules {
        picture.rule(&mut out, rule);
    }
    for series in &chart.series {
        picture.series(&mut out, series);
    }
    out.push_str("</g>\n</svg>\n");
    out
}

/// Names of the series with their colours, in a row.
fn legend(out: &mut String, chart: &Chart, colours: &Colours) {
    let mut x = 24.0;
    for name in chart.names() {
        let ink = chart.series.iter().find(|series| series.name == name).map_or(Ink::Muted, |series| series.ink);
        let _ = writeln!(out, "<circle cx=\"{:.1}\" cy=\"87\" r=\"5\" fill=\"{}\"/>", x + 5.0, color(colours, ink));
        text(out, x + 16.0, 92.0, 14.0, "normal", &colours.text, "start", name);
        x += 36.0 + 7.6 * name.chars().count() as f64;
    }
}

fn color(colours: &Colours, ink: Ink) -> &str {
    match ink {
        Ink::Accent => &colours.accent,
        Ink::Fits => &colours.fits,
        Ink::Tight => &colours.tight,
        Ink::Over => &colours.over,
        Ink::Text => &colours.text,
        Ink::Muted => &colours.muted,
        Ink::Component(component) => colours.series.get(&component).unwrap_or(&colours.muted),
    }
}

struct Picture<'a> {
    chart: &'a Chart,
    colours: &'a Colours,
}

impl Picture<'_> {
    fn x(&self, value: f64) -> f64 {
        let [[left, right], _] = AREA;
        left + share(&self.chart.across, value) * (right - left)
    }

    fn y(&self, value: f64) -> f64 {
        let [_, [top, bottom]] = AREA;
        bottom - share(&self.chart.up, value) * (bottom - top)
    }

    fn axes(&self, out: &mut String) {
        let [[left, right], [top, bottom]] = AREA;
        let (line, muted) = (&self.colours.hairline, &self.colours.muted);
        let ticks = |axis: &Axis, length: f64, apart: f64| {
            let [from, to] = axis.places();
            axis.ticks(from, to, (to - from) * apart / length)
        };
        for tick in ticks(&self.chart.across, right - left, APART[0]) {
            let x = self.x(self.chart.across.value(tick.at));
            let _ = writeln!(out, "<path d=\"M{x:.1} {top}V{bottom}\" stroke=\"{line}\"/>");
            text(out, x, bottom + 20.0, 13.0, "normal", muted, "middle", &tick.text);
        }
        for tick in ticks(&self.chart.up, bottom - top, APART[1]) {
            let y = self.y(self.chart.up.value(tick.at));
            let _ = writeln!(out, "<path d=\"M{left} {y:.1}H{right}\" stroke=\"{line}\"/>");
            text(out, left - 8.0, y + 4.0, 13.0, "normal", muted, "end", &tick.text);
        }
        text(out, f64::midpoint(left, right), bottom + 44.0, 13.0, "normal", muted, "middle", &self.chart.across.name);
        text(out, 24.0, top - 10.0, 13.0, "normal", muted, "start", &self.chart.up.name);
    }

    fn rule(&self, out: &mut String, rule: &Rule) {
        let [[left, right], [top, bottom]] = AREA;
        let ink = color(self.colours, rule.ink);
        let (at, to) = match rule.way {
            Way::Upright => (self.x(rule.at), rule.to.map(|to| self.x(to))),
            Way::Level => (self.y(rule.at), rule.to.map(|to| self.y(to))),
        };
        let path = match (rule.way, to) {
            (Way::Upright, None) => format!("M{at:.1} {top}V{bottom}"),
            (Way::Level, None) => format!("M{left} {at:.1}H{right}"),
            (Way::Upright, Some(to)) => format!("M{at:.1} {top}H{to:.1}V{bottom}H{at:.1}Z"),
            (Way::Level, Some(to)) => format!("M{left} {at:.1}V{to:.1}H{right}V{at:.1}Z"),
        };
        let look = match to {
            None => format!("stroke=\"{ink}\" stroke-width=\"1.5\" stroke-dasharray=\"5 4\""),
            Some(_) => format!("fill=\"{ink}\" fill-opacity=\"{STRIP}\""),
        };
        let _ = writeln!(out, "<path d=\"{path}\" {look}/>");
        match rule.way {
            Way::Upright => text(out, at + 6.0, bottom - 8.0, 13.0, "normal", ink, "start", &rule.label),
            Way::Level => text(out, right - 8.0, at - 6.0, 13.0, "normal", ink, "end", &rule.label),
        }
    }

    fn series(&self, out: &mut String, series: &Series) {
        let ink = color(self.colours, series.ink);
        let finite = series.points.iter().filter(|point| point.iter().all(|value| value.is_finite()));
        let points: Vec<[f64; 2]> = finite.map(|[x, y]| [self.x(*x), self.y(*y)]).collect();
        let path = || {
            let steps = points.iter().enumerate();
            steps.map(|(i, [x, y])| format!("{}{x:.1} {y:.1}", if i == 0 { 'M' } else { 'L' })).collect::<String>()
        };
        let _ = match series.look {
            Look::Line => writeln!(out, "<path d=\"{}\" fill=\"none\" stroke=\"{ink}\" stroke-width=\"2\"/>", path()),
            Look::Thin => {
                writeln!(out, "<path d=\"{}\" fill=\"none\" stroke=\"{ink}\" stroke-opacity=\"0.35\"/>", path())
            }
            Look::Dashed => writeln!(
                out,
                "<path d=\"{}\" fill=\"none\" stroke=\"{ink}\" stroke-width=\"2\" stroke-dasharray=\"5 3\"/>",
                path()
            ),
            Look::Area => writeln!(out, "<path d=\"{}Z\" fill=\"{ink}\" fill-opacity=\"{STRIP}\"/>", path()),
            Look::Marks(mark, size) => {
                points.iter().try_for_each(|[x, y]| writeln!(out, "{}", marked(mark, *x, *y, f64::from(size), ink)))
            }
            Look::Bars(width) => series.points.iter().try_for_each(|[x, y]| {
                let (left, right) = (self.x(x - width / 2.0), self.x(x + width / 2.0));
                let (top, foot) = (self.y(*y), self.y(0.0));
                writeln!(out, "<path d=\"M{left:.1} {foot:.1}V{top:.1}H{right:.1}V{foot:.1}Z\" fill=\"{ink}\"/>")
            }),
        };
        for (name, [x, y]) in series.labels.iter().zip(&points) {
            text(out, x + 8.0, y + 4.0, 12.0, "normal", ink, "start", name);
        }
    }
}

/// A mark as an element.
fn marked(mark: Mark, x: f64, y: f64, size: f64, ink: &str) -> String {
    match mark {
        Mark::Disc => format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{size}\" fill=\"{ink}\"/>"),
        Mark::Ring => {
            format!(
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{size}\" fill=\"none\" stroke=\"{ink}\" stroke-width=\"2\"/>"
            )
        }
        Mark::Square => {
            let (left, top, side) = (x - size * 0.9, y - size * 0.9, size * 1.8);
            format!("<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{side:.1}\" height=\"{side:.1}\" fill=\"{ink}\"/>")
        }
        Mark::Triangle => {
            let (top, foot, half) = (y - size * 1.25, y + size * 0.65, size * 1.1);
            format!("<path d=\"M{x:.1} {top:.1}L{:.1} {foot:.1}H{:.1}Z\" fill=\"{ink}\"/>", x + half, x - half)
        }
    }
}

/// Share of the axis that lies before a value.
fn share(axis: &Axis, value: f64) -> f64 {
    let [from, to] = axis.places();
    (axis.place(value) - from) / (to - from)
}
