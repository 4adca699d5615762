//! Predicted over measured for every shipped row, with the plan's neighbours and the plan itself.

use super::nearest::job;
use crate::app::command::Commands;
use crate::report::chart::{Axis, Chart, Ink, Look, Mark, Rule, Series, Way};
use crate::ui::View;
use crate::ui::widgets::plot::{Hit, Plot};
use crate::units::{Bytes, signed_percent};
use crate::validation::{Evidence, Measured, Neighbour};
use egui::{RichText, Ui};

/// Height of the plot, in points.
const HEIGHT: f32 = 320.0;
/// Errors the shaded strip holds.
const STRIP: f64 = 0.10;
/// Kinds of rows, told apart by colour and shape.
const KINDS: [(&str, Ink, Mark); 3] = [
    ("traced byte by byte", Ink::Accent, Mark::Disc),
    ("published, one device", Ink::Tight, Mark::Square),
    ("published, several devices", Ink::Over, Mark::Triangle),
];
/// Name of the rings.
const NEAREST: &str = "nearest to this plan";

/// Place of a row's kind.
fn kind(measured: &Measured) -> usize {
    match (measured.exact, measured.case.plan.is_parallel()) {
        (true, _) => 0,
        (false, false) => 1,
        (false, true) => 2,
    }
}

/// Draws the plot.
pub fn scatter_ui(ui: &mut Ui, view: &View<'_>, evidence: &Evidence, near: &[Neighbour], out: &mut Commands) {
    let rows_of = |kind_of: usize| evidence.rows.iter().filter(move |row| kind(row) == kind_of);
    let near: Vec<&Measured> = near.iter().filter_map(|found| evidence.rows.get(found.index)).collect();
    let chart = chart(view, evidence, &near);
    // The strip comes first, then the kinds, then the rings.
    let row = |hit: &Hit| match hit.series.checked_sub(1)? {
        ring if ring == KINDS.len() => near.get(hit.index).copied(),
        place => rows_of(place).nth(hit.index),
    };
    let tip = |hit: &Hit| row(hit).map_or_else(String::new, |row| words(row, view));
    Plot::new("scatter", chart, HEIGHT, &tip).show(ui, view.tokens, out);
    let note = "Strip: within ±10 %. On the diagonal a row came out as predicted.";
    ui.label(RichText::new(note).small().color(view.tokens.muted.0));
}

fn point(view: &View<'_>, measured: &Measured) -> [f64; 2] {
    [measured.row.measured_bytes, measured.row.predicted_bytes].map(|bytes| Bytes(bytes).in_unit(view.unit()))
}

fn chart(view: &View<'_>, evidence: &Evidence, near: &[&Measured]) -> Chart {
    let unit = view.unit();
    let planned = view.computed.estimate.as_ref().map(|estimate| estimate.needed().expected);
    let all = || {
        let rows = evidence.rows.iter().flat_map(|row| point(view, row));
        rows.chain(planned.map(|bytes| bytes.in_unit(unit)))
    };
    // Both axes hold the same range, so that equality is the diagonal.
    let across = Axis::log_around(format!("measured, {}", unit.symbol()), all());
    let up = Axis::log_around(format!("predicted, {}", unit.symbol()), all());
    let [low, high] = across.range;
    let corners = [(low, 1.0 - STRIP), (low, 1.0 + STRIP), (high, 1.0 + STRIP), (high, 1.0 - STRIP)];
    let strip = corners.map(|(value, factor)| [value, value * factor]).to_vec();
    let mut series = vec![Series::new("", Ink::Fits, Look::Area, strip)];
    for (place, (name, ink, mark)) in KINDS.into_iter().enumerate() {
        let points = evidence.rows.iter().filter(|row| kind(row) == place).map(|row| point(view, row)).collect();
        series.push(Series::new(name, ink, Look::Marks(mark, 2.6), points));
    }
    let rings = near.iter().map(|row| point(view, row)).collect();
    series.push(Series::new(NEAREST, Ink::Text, Look::Marks(Mark::Ring, 5.0), rings));
    let rules = planned.map(|expected| Rule {
        label: format!("this plan {}", expected.display(unit)),
        ink: Ink::Accent,
        way: Way::Level,
        at: expected.in_unit(unit),
        to: None,
    });
    let rows = evidence.rows.len();
    Chart {
        title: "Predicted against measured".to_owned(),
        name: format!(
            "Predicted over measured memory of {rows} rows on logarithmic axes; the nearest to this plan are ringed"
        ),
        across,
        up,
        series,
        rules: rules.into_iter().collect(),
        beyond: None,
    }
}

fn words(measured: &Measured, view: &View<'_>) -> String {
    let row = &measured.row;
    let bytes = |amount: u64| Bytes(amount).display(view.unit());
    format!(
        "{}\n{}\nmeasured {}, predicted {} ({})\n{}",
        row.model,
        job(&measured.case.plan),
        bytes(row.measured_bytes),
        bytes(row.predicted_bytes),
        signed_percent(row.error),
        if measured.exact { "traced byte by byte" } else { row.source.as_str() }
    )
}
