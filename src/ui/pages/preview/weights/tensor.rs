//! One tensor: how its values lie, how large the errors are, which columns stand out.

use super::WeightsState;
use crate::app::command::Commands;
use crate::lab::examine::OUTLIER_RATIO;
use crate::lab::tally::{ERROR_BINS, VALUE_BINS, VALUE_REACH, lower_end};
use crate::lab::{TensorReport, Tried};
use crate::report::chart::{Axis, Chart, Ink, Look, Scale, Series};
use crate::tasks::weighing::Weighing;
use crate::theme::space;
use crate::ui::View;
use crate::ui::widgets::plot::{Hit, Plot};
use crate::units::{Bytes, grouped, percent, significant};
use egui::{ComboBox, RichText, Ui};

/// Height of a histogram.
const HEIGHT: f32 = 180.0;
/// Outlier columns that are named.
const NAMED: usize = 6;

/// Draws the tensor that is chosen.
pub fn tensor_ui(ui: &mut Ui, view: &View<'_>, state: &mut WeightsState, weighing: &Weighing, out: &mut Commands) {
    picker_ui(ui, state, weighing);
    let Some(report) = weighing.reports.iter().find(|report| Some(report.index) == state.tensor) else { return };
    let sampled = if report.examined < report.shape.0.saturating_mul(report.shape.1) {
        format!(", by a sample of {}", grouped(report.examined))
    } else {
        String::new()
    };
    ui.label(format!(
        "{} × {} values{sampled}; standard deviation σ {}, largest magnitude {} ({} σ)",
        grouped(report.shape.0),
        grouped(report.shape.1),
        significant(report.sigma),
        significant(f64::from(report.absmax)),
        significant(f64::from(report.absmax) / report.sigma.max(f64::MIN_POSITIVE)),
    ));
    let tried = report.tried.iter().find(|(codec, _)| *codec == state.codec).map(|(_, tried)| tried);
    ui.add_space(space::xs());
    ui.columns(2, |columns| {
        values_ui(&mut columns[0], view, report, out);
        match tried {
            Some(Ok(tried)) => errors_ui(&mut columns[1], view, state, tried, out),
            Some(Err(why)) => {
                columns[1].colored_label(view.tokens.tight.0, format!("{why}."));
            }
            None => {}
        }
    });
    if let Some(Ok(tried)) = tried {
        ui.label(format!(
            "In {}: {}, {} dB, largest error {} σ, cosine {}",
            state.codec.name(),
            Bytes(tried.bits.div_ceil(8)),
            tried.errors.sqnr_db().map_or_else(|| "∞".to_owned(), |db| format!("{db:.2}")),
            significant(f64::from(tried.errors.largest) / report.sigma.max(f64::MIN_POSITIVE)),
            tried.errors.cosine().map_or_else(|| "–".to_owned(), |cosine| format!("{cosine:.6}")),
        ));
    }
    outliers_ui(ui, view, report);
}

fn picker_ui(ui: &mut Ui, state: &mut WeightsState, weighing: &Weighing) {
    let name = |index: Option<usize>| {
        let report = weighing.reports.iter().find(|report| Some(report.index) == index);
        report.map_or_else(|| "Choose a tensor".to_owned(), |report| report.name.clone())
    };
    let width = (ui.available_width() - space::l()).min(420.0);
    let chosen = ComboBox::from_id_salt("tensor").width(width).selected_text(name(state.tensor)).show_ui(ui, |ui| {
        for report in &weighing.reports {
            ui.selectable_value(&mut state.tensor, Some(report.index), &report.name);
        }
    });
    ui.ctx().accesskit_node_builder(chosen.response.id, |node| node.set_label("Tensor"));
}

/// Bars of a histogram; `label` says what a bar stands for when it is pointed at.
#[allow(clippy::too_many_arguments, reason = "an axis and a title of its own for each")]
fn bars_ui(
    ui: &mut Ui,
    view: &View<'_>,
    id: &'static str,
    title: &str,
    across: Axis,
    counts: &[u64],
    label: impl Fn(usize) -> String,
    out: &mut Commands,
) {
    let most = counts.iter().copied().max().unwrap_or(1).max(1) as f64;
    let all: u64 = counts.iter().sum();
    let share = |count: u64| count as f64 / all.max(1) as f64;
    let width = (across.range[1] - across.range[0]) / counts.len().max(1) as f64;
    let bars = counts.iter().enumerate().filter(|(_, count)| **count > 0);
    // What is there at all can be seen.
    let height = |count: u64| 100.0 * share(count).max(most / all.max(1) as f64 / f64::from(HEIGHT));
    let points = bars.clone().map(|(bin, count)| [across.range[0] + (bin as f64 + 0.5) * width, height(*count)]);
    let points = points.collect();
    let bins: Vec<usize> = bars.map(|(bin, _)| bin).collect();
    let chart = Chart {
        title: title.to_owned(),
        name: title.to_owned(),
        across,
        up: Axis::new("share of the values, %", Scale::Linear, [0.0, 108.0 * most / all.max(1) as f64]),
        series: vec![Series::new(title, Ink::Accent, Look::Bars(width * 0.94), points)],
        rules: Vec::new(),
        beyond: None,
    };
    let tip = |hit: &Hit| {
        let Some((bin, count)) = bins.get(hit.index).and_then(|bin| Some((*bin, *counts.get(*bin)?))) else {
            return String::new();
        };
        format!("{}\n{} values, {}", label(bin), grouped(count), percent(share(count)))
    };
    Plot::new(id, chart, HEIGHT, &tip).show(ui, view.tokens, out);
}

fn values_ui(ui: &mut Ui, view: &View<'_>, report: &TensorReport, out: &mut Commands) {
    ui.label(RichText::new("Values").strong());
    let step = 2.0 * VALUE_REACH / VALUE_BINS as f32;
    let label = |bin: usize| {
        let from = bin as f32 * step - VALUE_REACH;
        match bin {
            0 => format!("below {:.2} σ", from + step),
            _ if bin + 1 == VALUE_BINS => format!("above {from:.2} σ"),
            _ => format!("{from:.2} to {:.2} σ", from + step),
        }
    };
    let reach = f64::from(VALUE_REACH);
    let across = Axis::new("distance from the mean, σ", Scale::Linear, [-reach, reach]);
    bars_ui(ui, view, "values", "Histogram of the values", across, &report.values, label, out);
}

fn errors_ui(ui: &mut Ui, view: &View<'_>, state: &WeightsState, tried: &Tried, out: &mut Commands) {
    ui.label(RichText::new(format!("Errors in {}", state.codec.name())).strong());
    let label = |bin: usize| match bin {
        0 => format!("under {} σ, or none", significant(lower_end(1))),
        _ if bin + 1 == ERROR_BINS => format!("over {} σ", significant(lower_end(bin))),
        _ => format!("{} to {} σ", significant(lower_end(bin)), significant(lower_end(bin + 1))),
    };
    // A bin for each doubling, named by its lower end.
    let name = |end: f64| match format!("{end:.0e}") {
        short if end < 0.01 => short,
        short => short.parse::<f64>().map_or(short, |plain| plain.to_string()),
    };
    let names = (0..ERROR_BINS).map(|bin| name(lower_end(bin))).collect();
    let stops = Scale::Stops { names, own: None };
    let across = Axis::new("size of the error, σ, doubling to the right", stops, [-0.5, ERROR_BINS as f64 - 0.5]);
    bars_ui(ui, view, "errors", "Histogram of the sizes of errors", across, &tried.errors.sizes, label, out);
}

fn outliers_ui(ui: &mut Ui, view: &View<'_>, report: &TensorReport) {
    let found = &report.outlier_columns;
    let text = if found.is_empty() {
        format!("No column (input) is over {OUTLIER_RATIO} times the median column.")
    } else {
        let named: Vec<String> = found
            .iter()
            .take(NAMED)
            .map(|outlier| format!("{} ({:.1} ×)", grouped(outlier.column as u64), outlier.ratio))
            .collect();
        let more = if found.len() > NAMED { ", …" } else { "" };
        format!(
            "{} of {} columns (inputs) are over {OUTLIER_RATIO} times the median column: {}{more}",
            grouped(found.len() as u64),
            grouped(report.shape.1),
            named.join(", ")
        )
    };
    ui.label(RichText::new(text).small().color(view.tokens.muted.0)).on_hover_text(
        "By root mean square. A column that stands out makes the scales of its blocks coarse. LLM.int8() looks at \
         activations instead, which weights alone do not tell.",
    );
}
