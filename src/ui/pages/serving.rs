//! Serving: the largest batch and context, what the cache holds, adapters merged against separate ones, merged models.

use crate::app::command::Commands;
use crate::estimate::serving::{AdapterServing, ServingPoint, Stretch};
use crate::figures::Serving;
use crate::plan::Workload;
use crate::report::chart::{Axis, Chart, Ink, Look, Scale, Series};
use crate::theme::{bold, space, type_size};
use crate::ui::widgets::plot::{Hit, Plot};
use crate::ui::{View, card, card_head};
use crate::units::{ByteUnit, Bytes, counted, duration, grouped, params_short};
use egui::{RichText, Ui};

/// Height of the plot.
const PLOT: f32 = 220.0;

/// Draws the page.
pub fn serving_ui(ui: &mut Ui, view: &View<'_>, out: &mut Commands) {
    let Some(found) = view.computed.serving(&view.state.document.plan) else {
        card(ui, view.tokens, |ui| ui.label("Choose a model that is known to see what serving it takes."));
        return;
    };
    card(ui, view.tokens, |ui| {
        card_head(ui, "Largest batch and context", "all else as in the plan");
        limits_ui(ui, found, view.state.document.plan.workload, view.unit());
    });
    ui.add_space(space::xs());
    card(ui, view.tokens, |ui| {
        card_head(ui, "Adapters: merged or separate", "");
        match &found.adapters {
            Some(adapters) => adapters_ui(ui, adapters, view, out),
            None => {
                ui.label("This method adds nothing that could be kept separate: choose LoRA under Method to compare.");
            }
        }
        ui.label("Textbook case, 4,096 × 4,096 with rank 8 for 100 customers: 1,677,721,600 values merged, 23,330,816 separate.");
    });
    ui.add_space(space::xs());
    card(ui, view.tokens, |ui| {
        card_head(ui, "Merging fine-tuned models", "size of the result");
        for merge in &found.merges {
            ui.label(RichText::new(merge.method.label()).font(bold(type_size::body())))
                .on_hover_text(merge.method.help());
            ui.label(format!(
                "{} in: {} parameters, {}; memory {} whole, {} tensor by tensor",
                grouped(merge.inputs),
                params_short(merge.result_values),
                merge.result.fine(view.unit()),
                merge.memory_whole.fine(view.unit()),
                merge.memory_lazy.fine(view.unit())
            ));
        }
    });
}

fn limits_ui(ui: &mut Ui, found: &Serving, workload: Workload, unit: ByteUnit) {
    let cache = &found.cache;
    for (stretch, largest) in [(Stretch::Batch, found.largest_batch), (Stretch::Context, found.largest_context)] {
        let words = format!("{}: {}.", stretch.label(workload), largest.words(stretch));
        ui.add(egui::Label::new(words).wrap());
    }
    ui.label(format!("KV cache a token: {}", cache.bytes_per_token.fine(unit)));
    ui.label(format!("KV cache of all sequences at {} tokens: {}", grouped(cache.tokens), cache.whole.fine(unit)));
    for layers in &cache.layers {
        let window = layers.window.map_or(String::new(), |window| format!(", window of {} tokens", grouped(window)));
        let count = grouped(layers.layers);
        let each = layers.bytes_per_token.fine(unit);
        ui.label(format!("{}: {count} layers, {each} a token{window}", layers.kind.label()));
    }
}

fn adapters_ui(ui: &mut Ui, found: &AdapterServing, view: &View<'_>, out: &mut Commands) {
    plot_ui(ui, found, view, out);
    let planned = found.planned;
    let switch = |secs: Option<f64>| secs.map_or_else(|| "load bandwidth not known".to_owned(), duration);
    ui.label(format!(
        "{} merged, a model each: {}; switching takes {}",
        counted(planned.adapters, "adapter", "adapters"),
        planned.merged.fine(view.unit()),
        switch(found.merged_switch_secs)
    ));
    ui.label(format!(
        "{}, one base: {}; switching takes {}",
        counted(planned.adapters, "separate adapter", "separate adapters"),
        planned.separate.fine(view.unit()),
        switch(found.separate_switch_secs)
    ));
}

/// Both amounts over the number of adapters, both axes by powers of ten.
fn plot_ui(ui: &mut Ui, found: &AdapterServing, view: &View<'_>, out: &mut Commands) {
    let (Some(first), Some(last)) = (found.points.first(), found.points.last()) else { return };
    let unit = view.unit();
    let line = |name: &str, ink: Ink, bytes: fn(&ServingPoint) -> Bytes| {
        let points = found.points.iter().map(|point| [point.adapters as f64, bytes(point).in_unit(unit)]).collect();
        Series::new(name, ink, Look::Line, points)
    };
    let series =
        vec![line("merged", Ink::Over, |point| point.merged), line("separate", Ink::Accent, |point| point.separate)];
    let chart = Chart {
        title: "Adapters: merged or separate".to_owned(),
        name: format!(
            "Bytes over 1 to {} adapters: merged from {} to {}, separate from {} to {}",
            grouped(last.adapters),
            first.merged.fine(unit),
            last.merged.fine(unit),
            first.separate.fine(unit),
            last.separate.fine(unit)
        ),
        across: Axis::new("adapters", Scale::Log, [0.9, last.adapters.max(10) as f64 * 1.1]),
        up: Axis::log_around(
            format!("on disk and in memory, {}", unit.symbol()),
            series.iter().flat_map(|series| &series.points).map(|[_, bytes]| *bytes),
        ),
        series,
        rules: Vec::new(),
        beyond: None,
    };
    let tip = |hit: &Hit| {
        let Some(point) = found.points.get(hit.index) else { return String::new() };
        format!(
            "{}\nmerged {}\nseparate {}",
            counted(point.adapters, "adapter", "adapters"),
            point.merged.fine(unit),
            point.separate.fine(unit)
        )
    };
    Plot::new("adapters", chart, PLOT, &tip).show(ui, view.tokens, out);
}
