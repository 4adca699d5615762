//! Memory at the peak and through the phases as an SVG picture: the same figures, colours and order as on screen.

use super::Charts;
use crate::estimate::{ByComponent, Component};
use crate::units::Bytes;
use std::fmt::Write as _;

/// Size of the picture, in SVG units.
const WIDTH: f64 = 1200.0;
const HEIGHT: f64 = 640.0;
const MARGIN: f64 = 40.0;
/// Place and height of the bar.
const BAR_TOP: f64 = 130.0;
const BAR_HEIGHT: f64 = 64.0;
/// Where the columns of the phases stand.
const COLUMNS_TOP: f64 = 280.0;
const COLUMNS_BOTTOM: f64 = 560.0;
/// Where the list of components begins.
const LIST_LEFT: f64 = 660.0;
/// Narrowest piece that carries its figure.
const LABELLED: f64 = 56.0;
/// Width of the twin pattern strokes' tile.
const TILE: f64 = 6.0;

/// The picture as a text.
pub fn memory_svg(charts: &Charts) -> String {
    let colours = &charts.colours;
    let mut out = String::new();
    let _ = writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" \
         font-family=\"Pretendard, Inter, Helvetica, Arial, sans-serif\" role=\"img\">"
    );
    let estimate = &charts.estimate;
    let _ = writeln!(out, "<title>{}</title>", escape(&charts.title));
    patterns(&mut out);
    let _ = writeln!(out, "<rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"{}\"/>", colours.ground);
    text(&mut out, MARGIN, 48.0, 24.0, "bold", &colours.text, "start", &charts.title);
    let by = if charts.author.is_empty() { String::new() } else { format!(" · {}", charts.author) };
    text(&mut out, MARGIN, 74.0, 15.0, "normal", &colours.muted, "start", &format!("{}{by}", charts.model));
    let verdict = format!("{}: {}", estimate.fit.word(), estimate.verdict_figures(charts.unit));
    text(&mut out, MARGIN, 106.0, 17.0, "bold", &colours.text, "start", &verdict);
    bar(&mut out, charts);
    columns(&mut out, charts);
    list(&mut out, charts);
    out.push_str("</svg>\n");
    out
}

/// Stripes as a second cue beside colour, for every other component.
fn patterns(out: &mut String) {
    let _ = writeln!(
        out,
        "<defs><pattern id=\"stripes\" width=\"{TILE}\" height=\"{TILE}\" patternUnits=\"userSpaceOnUse\" \
         patternTransform=\"rotate(45)\"><line x1=\"0\" y1=\"0\" x2=\"0\" y2=\"{TILE}\" stroke=\"#000\" \
         stroke-opacity=\"0.25\" stroke-width=\"2\"/></pattern></defs>"
    );
}

fn bar(out: &mut String, charts: &Charts) {
    let estimate = &charts.estimate;
    let total = estimate.at_peak.total();
    let most = total.max(estimate.capacity.unwrap_or_default()).0.max(1) as f64;
    let width = WIDTH - 2.0 * MARGIN;
    let x = |bytes: u64| MARGIN + width * bytes as f64 / most;
    let mut from = 0;
    for component in Component::ALL {
        let bytes = estimate.at_peak.get(component);
        if bytes == Bytes::ZERO {
            continue;
        }
        let (left, right) = (x(from), x(from + bytes.0));
        piece(out, charts, component, bytes, [left, BAR_TOP, right - left, BAR_HEIGHT]);
        if right - left >= LABELLED {
            let ink = ink_on(colour(charts, component));
            text(out, left + 8.0, BAR_TOP + 38.0, 15.0, "bold", ink, "start", &bytes.number(charts.unit));
        }
        from += bytes.0;
    }
    if let Some(capacity) = estimate.capacity {
        let at = x(capacity.0);
        let over = &charts.colours.over;
        let _ = writeln!(
            out,
            "<line x1=\"{at:.1}\" y1=\"{:.1}\" x2=\"{at:.1}\" y2=\"{:.1}\" stroke=\"{over}\" stroke-width=\"2.5\"/>",
            BAR_TOP - 6.0,
            BAR_TOP + BAR_HEIGHT + 6.0
        );
        let label = format!("{} capacity", capacity.display(charts.unit));
        text(out, at, BAR_TOP + BAR_HEIGHT + 24.0, 13.0, "normal", over, "end", &label);
    }
}

fn columns(out: &mut String, charts: &Charts) {
    let estimate = &charts.estimate;
    text(out, MARGIN, COLUMNS_TOP - 24.0, 15.0, "bold", &charts.colours.text, "start", "Phases, tensors");
    let most = estimate.phases.iter().map(|phase| phase.total().0).max().unwrap_or(1).max(1) as f64;
    let room = (LIST_LEFT - 2.0 * MARGIN) / estimate.phases.len().max(1) as f64;
    for (i, phase) in estimate.phases.iter().enumerate() {
        let left = MARGIN + room * i as f64 + room * 0.12;
        let top = column(out, charts, &phase.components, left, room * 0.76, most);
        let weight = if i == estimate.peak { "bold" } else { "normal" };
        let middle = left + room * 0.38;
        let figure = phase.total().display(charts.unit);
        text(out, middle, top - 8.0, 14.0, weight, &charts.colours.text, "middle", &figure);
        text(out, middle, COLUMNS_BOTTOM + 22.0, 13.0, weight, &charts.colours.muted, "middle", phase.kind.label());
    }
}

/// One column; its top.
fn column(out: &mut String, charts: &Charts, amounts: &ByComponent, left: f64, width: f64, most: f64) -> f64 {
    let mut bottom = COLUMNS_BOTTOM;
    for component in Component::ALL {
        let bytes = amounts.get(component);
        let height = (COLUMNS_BOTTOM - COLUMNS_TOP) * bytes.0 as f64 / most;
        if bytes > Bytes::ZERO {
            piece(out, charts, component, bytes, [left, bottom - height, width, height]);
        }
        bottom -= height;
    }
    bottom
}

fn list(out: &mut String, charts: &Charts) {
    let estimate = &charts.estimate;
    let unit = charts.unit.symbol();
    text(out, LIST_LEFT, COLUMNS_TOP - 24.0, 15.0, "bold", &charts.colours.text, "start", "Components at the peak");
    text(out, WIDTH - MARGIN, COLUMNS_TOP - 24.0, 13.0, "normal", &charts.colours.muted, "end", unit);
    let mut y = COLUMNS_TOP;
    for component in Component::ALL {
        let bytes = estimate.at_peak.get(component);
        if bytes == Bytes::ZERO {
            continue;
        }
        piece(out, charts, component, bytes, [LIST_LEFT, y - 11.0, 13.0, 13.0]);
        text(out, LIST_LEFT + 22.0, y, 14.0, "normal", &charts.colours.text, "start", component.label());
        text(out, WIDTH - MARGIN, y, 14.0, "bold", &charts.colours.text, "end", &bytes.number(charts.unit));
        y += 26.0;
    }
    text(out, LIST_LEFT + 22.0, y, 14.0, "bold", &charts.colours.text, "start", "Sum");
    let sum = estimate.at_peak.total().number(charts.unit);
    text(out, WIDTH - MARGIN, y, 14.0, "bold", &charts.colours.text, "end", &sum);
}

/// A named rectangle with its colour and, for every other component, its stripes.
fn piece(out: &mut String, charts: &Charts, component: Component, bytes: Bytes, [x, y, width, height]: [f64; 4]) {
    let name = format!("{}, {}", component.label(), bytes.display(charts.unit));
    let fills = [Some(colour(charts, component)), is_striped(component).then_some("url(#stripes)")];
    for fill in fills.into_iter().flatten() {
        let _ = writeln!(
            out,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{fill}\"><title>{}</title></rect>",
            escape(&name)
        );
    }
}

fn is_striped(component: Component) -> bool {
    Component::ALL.iter().position(|other| *other == component).is_some_and(|place| place % 2 == 1)
}

fn colour(charts: &Charts, component: Component) -> &str {
    charts.colours.series.get(&component).map_or(charts.colours.muted.as_str(), String::as_str)
}

/// Black or white, whichever is further from `#RRGGBB` in luma (ITU-R BT.601 weights).
fn ink_on(colour: &str) -> &'static str {
    let channel = |at: usize| colour.get(at..at + 2).and_then(|hex| u32::from_str_radix(hex, 16).ok()).unwrap_or(0);
    let luma = 299 * channel(1) + 587 * channel(3) + 114 * channel(5);
    if luma > 128_000 { "#000000" } else { "#FFFFFF" }
}

#[allow(clippy::too_many_arguments, reason = "a text has this many attributes")]
fn text(out: &mut String, x: f64, y: f64, size: f64, weight: &str, fill: &str, anchor: &str, content: &str) {
    let _ = writeln!(
        out,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size}\" font-weight=\"{weight}\" fill=\"{fill}\" \
         text-anchor=\"{anchor}\">{}</text>",
        escape(content)
    );
}

/// Plan names are anything; control characters are not allowed in XML at all.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}') => out.push(' '),
            c => out.push(c),
        }
    }
    out
}
