//! Cost a month over requests a month: lines, crossings with their ranges, and what is expected.

use crate::decide::break_even::{BreakEven, Crossing, Line, Way};
use crate::estimate::Component;
use crate::theme::{Tokens, type_size};
use crate::ui::View;
use crate::ui::widgets::log_axes::LogAxes;
use crate::units::significant;
use egui::{Align2, Color32, FontId, Rangef, Rect, Sense, Stroke, Ui, Vec2};

/// Height of the chart.
const CHART: f32 = 260.0;
/// Fewest and most requests a month that the chart shows, as powers of ten.
const DECADES: Rangef = Rangef { min: 2.0, max: 9.0 };
/// Points of a line.
const POINTS: usize = 80;

fn color(tokens: &Tokens, way: Way) -> Color32 {
    tokens.series(match way {
        Way::Prompt => Component::Activations,
        Way::Cached => Component::Logits,
        Way::Tuned => Component::Weights,
        Way::Rag => Component::OptimizerState,
    })
}

/// The lines, the crossings with their ranges, and the requests that are expected.
pub fn chart_ui(ui: &mut Ui, view: &View<'_>, found: &BreakEven) {
    let (whole, response) = ui.allocate_exact_size(Vec2::new(ui.available_width(), CHART), Sense::hover());
    let crossings: Vec<String> = found
        .against
        .iter()
        .map(|against| format!("against {} {}", against.other.label().to_lowercase(), against.crossing.words()))
        .collect();
    let name = format!("Cost a month over requests a month. Fine-tuned {}", crossings.join("; "));
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, &name));
    let across = range_across(found);
    let costs: Vec<f64> = found
        .lines
        .iter()
        .flat_map(|line| [across.min, across.max].map(|power| line.at(10_f64.powf(f64::from(power)))))
        .filter(|cost| *cost > 0.0)
        .collect();
    if costs.is_empty() {
        ui.painter().text(
            whole.center(),
            Align2::CENTER_CENTER,
            "Type prices to see the lines",
            FontId::proportional(type_size::body()),
            view.tokens.muted.0,
        );
        return;
    }
    let least = costs.iter().copied().fold(f64::INFINITY, f64::min).log10().floor() as f32;
    let most = costs.iter().copied().fold(0.0, f64::max).log10().ceil() as f32;
    // A little below the lowest figure, so that it does not stand on those of the level axis.
    let up = Rangef::new(least.max(most - 8.0) - 0.4, most.max(least + 1.0));
    // Room for the last figure of the level axis, which is centred on its line.
    legend_ui(ui, view, found);
    let axes = LogAxes::inside(whole.with_max_x(whole.right() - 24.0), across, up);
    axes.draw(ui, view.tokens, ["requests a month", &format!("{} a month", found.currency)], significant);
    for (index, against) in found.against.iter().enumerate() {
        crossing_ui(ui, view, &axes, found, against.crossing, color(view.tokens, against.other), index);
    }
    for line in &found.lines {
        line_ui(ui, view, &axes, line);
    }
    if found.requests_per_month > 0.0 {
        let x = axes.at(found.requests_per_month, 1.0).x;
        let dashes = egui::Shape::dashed_line(
            &[egui::pos2(x, axes.area.top()), egui::pos2(x, axes.area.bottom())],
            Stroke::new(1.5, view.tokens.text.0),
            4.0,
            3.0,
        );
        ui.painter().extend(dashes);
        ui.painter().text(
            egui::pos2(x + 4.0, axes.area.bottom() - 4.0),
            Align2::LEFT_BOTTOM,
            "expected",
            FontId::proportional(type_size::small()),
            view.tokens.text.0,
        );
    }
    if let Some(pointer) = response.hover_pos()
        && let Some([requests, _]) = axes.figures(pointer)
    {
        axes.painter(ui).vline(pointer.x, axes.area.y_range(), Stroke::new(1.0, view.tokens.edge.0));
        let mut tip = vec![format!("{} requests a month", significant(requests))];
        for line in &found.lines {
            tip.push(format!("{}: {} {} a month", line.way.label(), significant(line.at(requests)), found.currency));
        }
        response.on_hover_text_at_pointer(tip.join("\n"));
    }
}

/// A power of ten beyond every crossing and what is expected.
fn range_across(found: &BreakEven) -> Rangef {
    let mut marks: Vec<f64> = found
        .against
        .iter()
        .flat_map(|against| match against.crossing {
            Crossing::From { low, high, expected } => vec![low, high.unwrap_or(expected)],
            Crossing::UpTo(count) => vec![count],
            Crossing::Always | Crossing::Never => Vec::new(),
        })
        .collect();
    marks.extend(Some(found.requests_per_month).filter(|count| *count > 0.0));
    let powers = marks.iter().filter(|count| **count >= 1.0).map(|count| count.log10() as f32);
    let low = powers.clone().fold(f32::INFINITY, f32::min).floor() - 1.0;
    let high = powers.fold(0.0, f32::max).ceil();
    let low = if low.is_finite() { low.clamp(0.0, DECADES.max - 1.0) } else { DECADES.min };
    let high = high.clamp(low + 1.0, 12.0).max(if marks.is_empty() { 6.0 } else { low + 1.0 });
    Rangef::new(low, high)
}

fn line_ui(ui: &Ui, view: &View<'_>, axes: &LogAxes, line: &Line) {
    let points = (0..=POINTS)
        .map(|step| {
            let power = axes.across.min + axes.across.span() * step as f32 / POINTS as f32;
            10_f64.powf(f64::from(power))
        })
        .filter(|requests| line.at(*requests) > 0.0)
        .map(|requests| axes.at(requests, line.at(requests)))
        .collect();
    axes.painter(ui).line(points, Stroke::new(2.5, color(view.tokens, line.way)));
}

/// The range as a band, the expected crossing as a point on both lines.
fn crossing_ui(
    ui: &Ui,
    view: &View<'_>,
    axes: &LogAxes,
    found: &BreakEven,
    crossing: Crossing,
    color: Color32,
    row: usize,
) {
    let Some(tuned) = found.lines.iter().find(|line| line.way == Way::Tuned) else { return };
    let (expected, range) = match crossing {
        Crossing::From { expected, low, high } => (expected, Some((low, high.unwrap_or(f64::INFINITY)))),
        Crossing::UpTo(count) => (count, None),
        Crossing::Always | Crossing::Never => return,
    };
    if let Some((low, high)) = range {
        let (left, right) = (axes.at(low, 1.0).x, axes.at(high, 1.0).x);
        let band = Rect::from_x_y_ranges(left..=right, axes.area.y_range());
        axes.painter(ui).rect_filled(band, 0, color.gamma_multiply(0.14));
    }
    let at = axes.at(expected, tuned.at(expected));
    ui.painter().circle(at, 5.0, view.tokens.panel.0, Stroke::new(2.5, color));
    let font = FontId::proportional(type_size::small());
    // Each on a row of its own at the foot, so that near ones do not cover each other.
    let foot = axes.area.bottom() - (type_size::small() + 6.0) * (row as f32 + 2.0);
    ui.painter().vline(at.x, at.y.min(foot)..=at.y.max(foot), Stroke::new(1.0, color));
    let place = egui::pos2(at.x + 4.0, foot);
    ui.painter().text(place, Align2::LEFT_CENTER, significant(expected), font, view.tokens.text.0);
}

/// Names with their colours, over the chart.
fn legend_ui(ui: &mut Ui, view: &View<'_>, found: &BreakEven) {
    ui.horizontal(|ui| {
        for line in &found.lines {
            let (swatch, _) = ui.allocate_exact_size(Vec2::new(16.0, type_size::small()), Sense::hover());
            ui.painter().hline(swatch.x_range(), swatch.center().y, Stroke::new(2.5, color(view.tokens, line.way)));
            ui.label(egui::RichText::new(line.way.label()).small());
        }
    });
}
