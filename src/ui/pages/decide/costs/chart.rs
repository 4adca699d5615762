//! Cost a month over requests a month: lines, crossings with their ranges, and what is expected.

use crate::app::command::Commands;
use crate::decide::break_even::{BreakEven, Crossing, Way};
use crate::estimate::Component;
use crate::report::chart::{Axis, Chart, Ink, Look, Mark, Rule, Scale, Series, Way as Stands};
use crate::theme::type_size;
use crate::ui::View;
use crate::ui::widgets::plot::{Hit, Plot};
use crate::units::{grouped, significant};
use egui::{Align2, FontId, Sense, Ui, Vec2};

/// Height of the chart, and with what stands over it.
const CHART: f32 = 260.0;
const WHOLE: f32 = 296.0;
/// Powers of ten of requests a month where nothing is expected and nothing crosses, and the most.
const USUAL: [f64; 2] = [2.0, 6.0];
const MOST: f64 = 12.0;
/// Points of a line in a power of ten: round figures of two digits.
const POINTS: i32 = 24;

const fn ink(way: Way) -> Ink {
    Ink::Component(match way {
        Way::Prompt => Component::Activations,
        Way::Cached => Component::Logits,
        Way::Tuned => Component::Weights,
        Way::Rag => Component::OptimizerState,
    })
}

/// The lines, the crossings with their ranges, and the requests that are expected; as high as that where nothing can be
/// drawn yet.
pub fn chart_ui(ui: &mut Ui, view: &View<'_>, found: &BreakEven, out: &mut Commands) {
    let Some(chart) = chart(found) else {
        let (rect, _) = ui.allocate_exact_size(Vec2::new(ui.available_width(), WHOLE), Sense::hover());
        let font = FontId::proportional(type_size::body());
        let words = "Type prices to see the lines";
        ui.painter().text(rect.center(), Align2::CENTER_CENTER, words, font, view.tokens.muted.0);
        return;
    };
    let tip = |hit: &Hit| {
        let requests = hit.point[0];
        let mut tip = vec![format!("{} requests a month", significant(requests))];
        for line in &found.lines {
            tip.push(format!("{}: {} {} a month", line.way.label(), significant(line.at(requests)), found.currency));
        }
        tip.join("\n")
    };
    ui.allocate_ui(Vec2::new(ui.available_width(), WHOLE), |ui| {
        ui.set_min_height(WHOLE);
        Plot::new("break-even", chart, CHART, &tip).show(ui, view.tokens, out);
    });
}

/// `None`: no line has a cost.
fn chart(found: &BreakEven) -> Option<Chart> {
    let [low, high] = decades(found);
    let [from, to] = [low, high].map(|power| 10_f64.powf(power));
    let costs = found.lines.iter().flat_map(|line| [line.at(from), line.at(to)]).filter(|cost| *cost > 0.0);
    let (least, most) = costs.fold((f64::INFINITY, 0.0_f64), |(least, most), cost| (least.min(cost), most.max(cost)));
    if most <= 0.0 {
        return None;
    }
    let series = found.lines.iter().map(|line| {
        let steps = (low * f64::from(POINTS)).floor() as i32..=(high * f64::from(POINTS)).ceil() as i32;
        let requests = steps.map(|step| round(10_f64.powf(f64::from(step) / f64::from(POINTS))));
        let points = requests.map(|requests| [requests, line.at(requests)]).filter(|[_, cost]| *cost > 0.0).collect();
        Series::new(line.way.label(), ink(line.way), Look::Line, points)
    });
    let mut series: Vec<Series> = series.collect();
    let mut rules = Vec::new();
    let tuned = found.lines.iter().find(|line| line.way == Way::Tuned);
    for against in &found.against {
        let (expected, range) = match against.crossing {
            Crossing::From { expected, low, high } => (expected, Some((low, high.unwrap_or(to * 10.0)))),
            Crossing::UpTo(count) => (count, None),
            Crossing::Always | Crossing::Never => continue,
        };
        let ink = ink(against.other);
        if let Some((low, high)) = range {
            rules.push(Rule { label: String::new(), ink, way: Stands::Upright, at: low, to: Some(high) });
        }
        let point = [expected, tuned.map_or(0.0, |tuned| tuned.at(expected))];
        let mark = Series::new(against.other.label(), ink, Look::Marks(Mark::Ring, 5.0), vec![point]);
        series.push(Series { labels: vec![grouped(expected.round() as u64)], ..mark });
    }
    if found.requests_per_month > 0.0 {
        let label = format!("expected, {}", significant(found.requests_per_month));
        rules.push(Rule { label, ink: Ink::Text, way: Stands::Upright, at: found.requests_per_month, to: None });
    }
    let crossings = found
        .against
        .iter()
        .map(|against| format!("against {} {}", against.other.label().to_lowercase(), against.crossing.words()));
    let crossings: Vec<String> = crossings.collect();
    Some(Chart {
        title: "Break-even".to_owned(),
        name: format!("Cost a month over requests a month. Fine-tuned {}", crossings.join("; ")),
        across: Axis::new("requests a month", Scale::Log, [from, to]),
        // Eight powers at most: far below, a line says nothing of where it crosses another.
        up: Axis::log_around(format!("{} a month", found.currency), [least.max(most / 1e8), most].into_iter()),
        series,
        rules,
        beyond: None,
    })
}

/// A power of ten beyond every crossing and what is expected.
fn decades(found: &BreakEven) -> [f64; 2] {
    let crossings = found.against.iter().flat_map(|against| match against.crossing {
        Crossing::From { low, high, expected } => vec![low, high.unwrap_or(expected)],
        Crossing::UpTo(count) => vec![count],
        Crossing::Always | Crossing::Never => Vec::new(),
    });
    let all = crossings.chain(std::iter::once(found.requests_per_month)).filter(|count| *count >= 1.0).map(f64::log10);
    let (low, high) = all.fold((f64::INFINITY, 0.0_f64), |(low, high), power| (low.min(power), high.max(power)));
    if low > high {
        return USUAL;
    }
    let low = (low.floor() - 1.0).clamp(0.0, MOST - 1.0);
    // A little beyond, so that what is expected does not stand on the edge.
    [low, (high + 0.3).ceil().clamp(low + 1.0, MOST)]
}

/// To two digits: what is read off a line is a round figure.
fn round(requests: f64) -> f64 {
    let unit = 10_f64.powf(requests.log10().floor() - 1.0);
    (requests / unit).round() * unit
}
