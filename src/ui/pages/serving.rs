//! Serving: the largest batch and context, what the cache holds, adapters merged against separate ones, merged models.

use crate::estimate::serving::{AdapterServing, ServingPoint, Stretch};
use crate::figures::Serving;
use crate::plan::Workload;
use crate::theme::{bold, space, type_size};
use crate::ui::{View, card, card_head};
use crate::units::{ByteUnit, duration, grouped, params_short, significant};
use egui::{Pos2, RichText, Sense, Stroke, Ui, Vec2};

/// Height of the plot.
const PLOT: f32 = 220.0;

/// Draws the page.
pub fn serving_ui(ui: &mut Ui, view: &View<'_>) {
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
            Some(adapters) => adapters_ui(ui, adapters, view),
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

fn adapters_ui(ui: &mut Ui, found: &AdapterServing, view: &View<'_>) {
    plot_ui(ui, found, view);
    let planned = found.planned;
    let switch = |secs: Option<f64>| secs.map_or_else(|| "load bandwidth not known".to_owned(), duration);
    ui.label(format!(
        "{} adapters merged, a model each: {}; switching takes {}",
        grouped(planned.adapters),
        planned.merged.fine(view.unit()),
        switch(found.merged_switch_secs)
    ));
    ui.label(format!(
        "{} separate adapters, one base: {}; switching takes {}",
        grouped(planned.adapters),
        planned.separate.fine(view.unit()),
        switch(found.separate_switch_secs)
    ));
}

/// Room left of the plot for bytes, and below it for adapters.
const LEFT: f32 = 84.0;
const BELOW: f32 = 22.0;

/// Both amounts over the number of adapters, both axes by powers of ten.
fn plot_ui(ui: &mut Ui, found: &AdapterServing, view: &View<'_>) {
    let tokens = view.tokens;
    let (whole, response) = ui.allocate_exact_size(Vec2::new(ui.available_width(), PLOT), Sense::hover());
    let (Some(first), Some(last)) = (found.points.first(), found.points.last()) else { return };
    let name = format!(
        "Bytes over 1 to {} adapters: merged from {} to {}, separate from {} to {}",
        grouped(last.adapters),
        first.merged.fine(view.unit()),
        last.merged.fine(view.unit()),
        first.separate.fine(view.unit()),
        last.separate.fine(view.unit())
    );
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, &name));
    let area =
        egui::Rect::from_min_max(whole.min + Vec2::new(LEFT, space::s()), whole.max - Vec2::new(space::s(), BELOW));
    ui.painter().rect_filled(area, 3, tokens.raised.0);
    let unit_bytes = view.unit().bytes() as f64;
    let log = |bytes: u64| (bytes.max(1) as f64 / unit_bytes).log10();
    let low = log(first.separate.0.min(first.merged.0)).floor();
    let high = log(last.merged.0.max(last.separate.0)).ceil().max(low + 1.0);
    let right = (last.adapters.max(10) as f64).log10();
    let x = |adapters: f64| area.left() + (adapters.log10() / right) as f32 * area.width();
    let y = |power: f64| area.bottom() - ((power - low) / (high - low)) as f32 * area.height();
    let font = egui::FontId::proportional(type_size::small());
    let hairline = Stroke::new(1.0, tokens.line.0);
    for power in low as i32..=high as i32 {
        let text = format!("{} {}", significant(10_f64.powi(power)), view.unit().symbol());
        let place = Pos2::new(area.left() - 6.0, y(f64::from(power)));
        ui.painter().hline(area.x_range(), place.y, hairline);
        ui.painter().text(place, egui::Align2::RIGHT_CENTER, text, font.clone(), tokens.muted.0);
    }
    for power in 0..=right as i32 {
        let adapters = 10_f64.powi(power);
        let align = if power == 0 {
            egui::Align2::LEFT_TOP
        } else if x(adapters) > area.right() - 20.0 {
            egui::Align2::RIGHT_TOP
        } else {
            egui::Align2::CENTER_TOP
        };
        let what = if power == 0 { " adapter" } else { "" };
        let text = format!("{}{what}", grouped(adapters as u64));
        ui.painter().vline(x(adapters), area.y_range(), hairline);
        ui.painter().text(Pos2::new(x(adapters), area.bottom() + 5.0), align, text, font.clone(), tokens.muted.0);
    }
    for (label, color, merged) in [("Merged", tokens.over.0, true), ("Separate", tokens.accent.0, false)] {
        let amount = |point: &ServingPoint| if merged { point.merged.0 } else { point.separate.0 };
        let line: Vec<Pos2> =
            found.points.iter().map(|point| Pos2::new(x(point.adapters as f64), y(log(amount(point))))).collect();
        // Named at the line, not by its colour alone.
        if let Some(middle) = line.get(line.len() / 2) {
            let place = *middle - Vec2::new(0.0, 6.0);
            ui.painter().text(place, egui::Align2::RIGHT_BOTTOM, label, font.clone(), color);
        }
        ui.painter().line(line, Stroke::new(2.5, color));
    }
    if let Some(pointer) = response.hover_pos() {
        let across = |point: &&ServingPoint| (x(point.adapters as f64) - pointer.x).abs();
        let nearest = found.points.iter().min_by(|a, b| across(a).total_cmp(&across(b))).unwrap_or(first);
        ui.painter().vline(x(nearest.adapters as f64), area.y_range(), Stroke::new(1.0, tokens.edge.0));
        let plural = if nearest.adapters == 1 { "" } else { "s" };
        response.on_hover_text_at_pointer(format!(
            "{} adapter{plural}\nmerged {}\nseparate {}",
            grouped(nearest.adapters),
            nearest.merged.fine(view.unit()),
            nearest.separate.fine(view.unit())
        ));
    }
}
