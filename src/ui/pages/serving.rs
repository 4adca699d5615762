//! Serving: how far batch and context go, what the cache holds, adapters merged against kept apart, merged models.

use crate::app::computed::Serving;
use crate::estimate::serving::{AdapterServing, Largest};
use crate::ui::theme::{Tokens, bold, space, type_size};
use crate::ui::{View, card, card_head};
use crate::units::{ByteUnit, duration, grouped, params_short};
use egui::{Pos2, RichText, Sense, Stroke, Ui, Vec2};

/// Height of the plot.
const PLOT: f32 = 180.0;

/// Draws the page.
pub fn serving_ui(ui: &mut Ui, view: &View<'_>) {
    let Some(found) = view.computed.serving(&view.state.document.plan) else {
        card(ui, view.tokens, |ui| ui.label("Choose a model that is known to see what serving it takes."));
        return;
    };
    card(ui, view.tokens, |ui| {
        card_head(ui, "How far it goes", "all else as in the plan");
        limits_ui(ui, found, view.unit());
    });
    ui.add_space(space::xs());
    card(ui, view.tokens, |ui| {
        card_head(ui, "Adapters: merged or kept apart", "");
        match &found.adapters {
            Some(adapters) => adapters_ui(ui, adapters, view),
            None => {
                ui.label("This method adds nothing that could be kept apart: choose LoRA under Method to compare.");
            }
        }
        ui.label("Textbook case, 4,096 × 4,096 with rank 8 for 100 customers: 1,677,721,600 values merged, 23,330,816 kept apart.");
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

fn limits_ui(ui: &mut Ui, found: &Serving, unit: ByteUnit) {
    let cache = &found.cache;
    ui.label(format!("Largest batch that fits: {}", largest_words(found.largest_batch, "sequences")));
    ui.label(format!("Largest context that fits: {}", largest_words(found.largest_context, "tokens")));
    ui.label(format!("KV cache a token: {}", cache.bytes_per_token.fine(unit)));
    ui.label(format!("KV cache of all sequences at {} tokens: {}", grouped(cache.tokens), cache.whole.fine(unit)));
    for layers in &cache.layers {
        let window = layers.window.map_or(String::new(), |window| format!(", window of {} tokens", grouped(window)));
        let count = grouped(layers.layers);
        let each = layers.bytes_per_token.fine(unit);
        ui.label(format!("{}: {count} layers, {each} a token{window}", layers.kind.label()));
    }
}

fn adapters_ui(ui: &mut Ui, found: &AdapterServing, view: &View<'_>) {
    plot_ui(ui, found, view.tokens);
    let planned = found.planned;
    let switch = |secs: Option<f64>| secs.map_or_else(|| "load bandwidth not known".to_owned(), duration);
    ui.label(format!(
        "{} adapters merged, a model each: {}; switching takes {}",
        grouped(planned.adapters),
        planned.merged.fine(view.unit()),
        switch(found.merged_switch_secs)
    ));
    ui.label(format!(
        "{} adapters kept apart, one base: {}; switching takes {}",
        grouped(planned.adapters),
        planned.separate.fine(view.unit()),
        switch(found.separate_switch_secs)
    ));
}

/// Both amounts over the number of adapters, both axes by powers of ten.
fn plot_ui(ui: &mut Ui, found: &AdapterServing, tokens: &Tokens) {
    let (area, response) = ui.allocate_exact_size(Vec2::new(ui.available_width(), PLOT), Sense::hover());
    let name = "Bytes over 1 to 1,000 adapters: merged grows with each, kept apart hardly";
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, name));
    ui.painter().rect_filled(area, 3, tokens.raised.0);
    let log = |amount: u64| (amount.max(1) as f64).log10();
    let (Some(first), Some(last)) = (found.points.first(), found.points.last()) else { return };
    let low = log(first.separate.0.min(first.merged.0));
    let high = log(last.merged.0.max(last.separate.0)).max(low + 0.1);
    let right = log(last.adapters).max(0.1);
    let at = |adapters: u64, bytes: u64| {
        let x = (log(adapters) / right) as f32;
        let y = ((log(bytes) - low) / (high - low)) as f32;
        Pos2::new(area.left() + 8.0 + x * (area.width() - 16.0), area.bottom() - 8.0 - y * (area.height() - 16.0))
    };
    for (color, merged) in [(tokens.over.0, true), (tokens.accent.0, false)] {
        let line: Vec<Pos2> = found
            .points
            .iter()
            .map(|point| at(point.adapters, if merged { point.merged.0 } else { point.separate.0 }))
            .collect();
        ui.painter().line(line, Stroke::new(2.0, color));
    }
    ui.label(RichText::new("Merged").color(tokens.over.0));
    ui.label(RichText::new("Kept apart").color(tokens.accent.0));
    ui.weak("1 to 1,000 adapters, both axes by powers of ten");
}

/// The number with its unit, or why there is none.
fn largest_words(found: Largest, unit: &str) -> String {
    match found {
        Largest::NoDevice => "no device is chosen, pick one under Hardware".to_owned(),
        Largest::Nothing => "none".to_owned(),
        Largest::Fits(value) => format!("{} {unit}", grouped(value)),
        Largest::Unbounded(value) => format!("over {} {unit}", grouped(value)),
    }
}
