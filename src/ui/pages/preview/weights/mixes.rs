//! The best mixes of formats: error against bits a weight, with a slider for the size.

use super::WeightsState;
use crate::app::command::Commands;
use crate::quantize::Codec;
use crate::report::chart::{Axis, Chart, Ink, Look, Mark, Scale, Series};
use crate::tasks::weighing::Weighing;
use crate::theme::space;
use crate::ui::View;
use crate::ui::widgets::plot::{Hit, Plot};
use crate::units::Bytes;
use egui::{RichText, Slider, Ui};
use std::collections::BTreeMap;

/// Height of the picture.
const HEIGHT: f32 = 240.0;
/// Relative squared error at the upper end of the upright axis: all weights at 0, and a bit more.
const MOST_ERROR: f64 = 2.0;
/// The least that says something: 90 dB, far beyond what a kernel of 16 bits keeps.
const LEAST_ERROR: f64 = 1e-9;

/// Draws the curve, the slider and what the mix consists of.
pub fn mixes_ui(ui: &mut Ui, view: &View<'_>, state: &mut WeightsState, weighing: &Weighing, out: &mut Commands) {
    let Some((frontier, kept)) = &weighing.mixes else { return };
    let values = weighing.values().max(1) as f64;
    let weighed: u64 = weighing.linear().map(|report| report.shape.0.saturating_mul(report.shape.1)).sum();
    let weighed = weighed.max(1) as f64;
    let bits = |bits: u64| (bits + kept) as f64 / values;
    let points: Vec<[f64; 2]> = std::iter::once(frontier.start)
        .chain(frontier.steps.iter().map(|step| step.after))
        .map(|mix| [bits(mix.bits), mix.error / weighed])
        .collect();
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return };
    let (least, most) = (first[0], last[0].max(first[0] + 0.1));
    ui.horizontal_wrapped(|ui| {
        ui.label("Bits a weight, the whole model");
        ui.spacing_mut().slider_width = 220.0;
        // The range grows while tensors come in: what was chosen stays.
        let mut bits = state.budget.clamp(least, most);
        let slider = Slider::new(&mut bits, least..=most).max_decimals(2).clamping(egui::SliderClamping::Always);
        let response = ui.add(slider);
        if response.changed() {
            state.budget = bits;
        }
        ui.ctx().accesskit_node_builder(response.id, |node| node.set_label("Bits a weight of the mix"));
        response.on_hover_text("Apple's models of 2024 mix 2- and 4-bit tensors to 3.5 bits a weight.");
    });
    let budget = (state.budget.clamp(least, most) * values) as u64;
    let (chosen, at) = frontier.within(budget.saturating_sub(*kept));
    let mut of_format: BTreeMap<Codec, (usize, u64)> = BTreeMap::new();
    for (report, choice) in weighing.linear().zip(&chosen) {
        if let Some((codec, _)) = report.tried.get(*choice) {
            let entry = of_format.entry(*codec).or_default();
            entry.0 += 1;
            entry.1 += report.shape.0.saturating_mul(report.shape.1);
        }
    }
    let words: Vec<String> =
        of_format.iter().map(|(codec, (tensors, _))| format!("{tensors} in {}", codec.name())).collect();
    let relative = at.error / weighed;
    ui.label(format!(
        "{:.3} bits a weight, {}, mean relative squared error {:.2e} ({:.1} dB): {}",
        bits(at.bits),
        Bytes((at.bits + kept).div_ceil(8)),
        relative,
        -10.0 * relative.max(1e-30).log10(),
        words.join(", ")
    ));
    ui.add_space(space::xs());
    let here = [bits(at.bits), relative];
    let marks = uniform(weighing);
    let tip = |hit: &Hit| {
        let what = match hit.series {
            1 => marks
                .get(hit.index)
                .map_or_else(String::new, |(codec, _)| format!("All linear layers in {}", codec.name())),
            _ => "The best mix of its size".to_owned(),
        };
        let [bits, error] = hit.point;
        format!("{what}\n{bits:.3} bits a weight\nmean relative squared error {error:.2e}")
    };
    Plot::new("mixes", chart(&points, &marks, here), HEIGHT, &tip).show(ui, view.tokens, out);
    ui.label(
        RichText::new(
            "Line: the best mixes of formats, tensor by tensor; no other mix of these formats has less error at its \
             size. Marks: all linear layers in one format. The error of a tensor is relative to its own weights, and \
             counts by its number of values. Least weight error is not yet least loss: try the formats it names on \
             the model.",
        )
        .small()
        .color(view.tokens.muted.0),
    );
}

/// Bits a weight and error of every format that all linear layers take.
fn uniform(weighing: &Weighing) -> Vec<(Codec, [f64; 2])> {
    let mut marks = Vec::new();
    for (place, total) in weighing.totals[0].iter().enumerate() {
        if total.left > 0 || total.tensors == 0 {
            continue;
        }
        let (mut error, mut values) = (0.0, 0.0);
        for report in weighing.linear() {
            if let Some((_, Ok(tried))) = report.tried.get(place) {
                let count = report.shape.0.saturating_mul(report.shape.1) as f64;
                error += tried.errors.relative() * count;
                values += count;
            }
        }
        marks.push((total.codec, [total.bits_per_weight(), error / f64::max(values, 1.0)]));
    }
    marks
}

/// The line of the best mixes, a mark for each format alone, and the chosen mix.
fn chart(points: &[[f64; 2]], marks: &[(Codec, [f64; 2])], here: [f64; 2]) -> Chart {
    let named = Series {
        labels: marks.iter().map(|(codec, _)| codec.name().to_owned()).collect(),
        ..Series::new(
            "all in one format",
            Ink::Muted,
            Look::Marks(Mark::Ring, 3.5),
            marks.iter().map(|(_, point)| *point).collect(),
        )
    };
    // A format that is nearly the stored one has next to no error: below the least that says something the line leaves.
    let errors = || points.iter().chain(&named.points).map(|[_, error]| *error);
    let least = errors().filter(|error| *error >= LEAST_ERROR).fold(0.1, f64::min);
    let below = points.iter().find(|[_, error]| *error < least);
    let beyond = below.map(|[bits, error]| {
        let error = if *error > 0.0 { format!("{error:.0e}") } else { "no error".to_owned() };
        format!("↓ {error} from {bits:.1} bits on")
    });
    let bits = points.iter().chain(&named.points).map(|[bits, _]| *bits);
    Chart {
        title: "A format for each tensor".to_owned(),
        name: format!("Error against bits a weight of {} mixes; at {:.2} bits {:.2e}", points.len(), here[0], here[1]),
        across: Axis::log_around("bits a weight, the whole model", bits),
        up: Axis::new("Σ error² / Σ weight² of a tensor, mean", Scale::Log, [least / 2.0, MOST_ERROR]),
        series: vec![
            Series::new("the best mixes", Ink::Accent, Look::Line, points.to_vec()),
            named,
            Series::new("the chosen mix", Ink::Text, Look::Marks(Mark::Disc, 5.5), vec![here]),
        ],
        rules: Vec::new(),
        beyond,
    }
}
