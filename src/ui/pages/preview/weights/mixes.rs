//! The best mixes of formats: error against bits a weight, with a slider for the size.

use super::WeightsState;
use crate::quantize::Codec;
use crate::tasks::weighing::Weighing;
use crate::theme::{space, type_size};
use crate::ui::View;
use crate::ui::widgets::log_axes::LogAxes;
use crate::units::{Bytes, significant};
use egui::{Align2, FontId, Rangef, RichText, Sense, Shape, Slider, Stroke, Ui, Vec2};
use std::collections::BTreeMap;

/// Height of the picture.
const HEIGHT: f32 = 240.0;
/// Relative squared error at the upper end of the upright axis, as a power of ten: all weights at 0, and a bit more.
const MOST_ERROR: f32 = 0.3;
/// How near the pointer must come to a mark.
const REACH: f32 = 14.0;

/// Draws the curve, the slider and what the mix consists of.
pub fn mixes_ui(ui: &mut Ui, view: &View<'_>, state: &mut WeightsState, weighing: &Weighing) {
    let Some((frontier, kept)) = &weighing.mixes else { return };
    let values = weighing.values().max(1) as f64;
    let weighed: u64 = weighing.linear().map(|report| report.shape.0.saturating_mul(report.shape.1)).sum();
    let weighed = weighed.max(1) as f64;
    let bits = |bits: u64| (bits + kept) as f64 / values;
    let points: Vec<(f64, f64)> = std::iter::once(frontier.start)
        .chain(frontier.steps.iter().map(|step| step.after))
        .map(|mix| (bits(mix.bits), mix.error / weighed))
        .collect();
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return };
    let (least, most) = (first.0, last.0.max(first.0 + 0.1));
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
    let (whole, response) = ui.allocate_exact_size(Vec2::new(ui.available_width(), HEIGHT), Sense::hover());
    let name =
        format!("Error against bits a weight of {} mixes; at {:.2} bits {:.2e}", points.len(), bits(at.bits), relative);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, &name));
    let across = Rangef::new((least.log10() - 0.03) as f32, (most.log10() + 0.03) as f32);
    let marks = uniform(weighing);
    let errors = points.iter().chain(marks.iter().map(|(_, place)| place)).map(|(_, error)| *error);
    let least_error = errors.filter(|error| *error > 0.0).fold(0.1, f64::min);
    let axes = LogAxes::inside(whole, across, Rangef::new(least_error.log10() as f32 - 0.2, MOST_ERROR));
    axes.draw(
        ui,
        view.tokens,
        ["bits a weight, the whole model →", "Σ error² / Σ weight² of a tensor, mean ↑"],
        significant,
    );
    let line: Vec<_> = points.iter().map(|(bits, error)| axes.at(*bits, *error)).collect();
    axes.painter(ui).add(Shape::line(line, Stroke::new(2.0, view.tokens.accent.0)));
    uniform_ui(ui, view, &axes, &marks);
    let here = axes.at(bits(at.bits), relative);
    ui.painter().circle_filled(here, 5.0, view.tokens.accent.0);
    ui.painter().circle_stroke(here, 6.5, Stroke::new(1.5, view.tokens.text.0));
    if let Some(pointer) = response.hover_pos() {
        let near = |(_, (bits, error)): &&(Codec, (f64, f64))| axes.at(*bits, *error).distance(pointer);
        let mark = marks.iter().min_by(|a, b| near(a).total_cmp(&near(b))).filter(|mark| near(mark) <= REACH);
        let (what, (bits, error)) = match mark {
            Some((codec, place)) => (format!("All linear layers in {}", codec.name()), *place),
            None => {
                let across = |point: &&(f64, f64)| (axes.at(point.0, 1.0).x - pointer.x).abs();
                let nearest = points.iter().min_by(|a, b| across(a).total_cmp(&across(b)));
                ("The best mix of its size".to_owned(), nearest.copied().unwrap_or(*first))
            }
        };
        let ring = Stroke::new(1.5, view.tokens.text.0);
        axes.painter(ui).circle_stroke(axes.at(bits, error), 5.0, ring);
        response.on_hover_text_at_pointer(format!(
            "{what}\n{bits:.3} bits a weight\nmean relative squared error {error:.2e}"
        ));
    }
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
fn uniform(weighing: &Weighing) -> Vec<(Codec, (f64, f64))> {
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
        marks.push((total.codec, (total.bits_per_weight(), error / f64::max(values, 1.0))));
    }
    marks
}

/// A mark for each of `marks`, named where there is room.
fn uniform_ui(ui: &Ui, view: &View<'_>, axes: &LogAxes, marks: &[(Codec, (f64, f64))]) {
    let font = FontId::proportional(type_size::small());
    let mut last: Vec<egui::Rect> = Vec::new();
    for (codec, (bits, error)) in marks {
        let at = axes.at(*bits, *error);
        if !axes.area.contains(at) {
            continue;
        }
        ui.painter().circle_stroke(at, 3.0, Stroke::new(1.5, view.tokens.muted.0));
        // Names that would lie over another are left to the table.
        let text = ui.painter().layout_no_wrap(codec.name().to_owned(), font.clone(), view.tokens.muted.0);
        let rect = Align2::LEFT_CENTER.anchor_size(at + Vec2::new(6.0, 0.0), text.size());
        if axes.area.contains_rect(rect) && !last.iter().any(|other| other.intersects(rect)) {
            // On plain ground: the line runs under it.
            ui.painter().rect_filled(rect.expand2(Vec2::new(2.0, 0.0)), 2, view.tokens.raised.0);
            ui.painter().galley(rect.min, text, view.tokens.muted.0);
            last.push(rect);
        }
    }
}
