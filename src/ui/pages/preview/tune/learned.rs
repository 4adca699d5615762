//! What was learned, direction by direction: how many of the adapters' directions are used, and which maps changed most.

use super::super::{ROW, layer_row};
use super::column_ui;
use crate::app::command::Commands;
use crate::preview::config::Part;
use crate::preview::record::Record;
use crate::preview::update::{Update, directions, in_words};
use crate::report::chart::{Axis, Chart, Ink, Look, Scale, Series};
use crate::theme::{space, type_size};
use crate::ui::View;
use crate::ui::widgets::plot::{Hit, Plot};
use crate::units::{percent, significant};
use egui::{Align2, Color32, FontId, Pos2, Rect, RichText, Sense, Ui, Vec2};
use std::collections::BTreeSet;

/// Height of the curves.
const HEIGHT: f32 = 220.0;
/// Room left of the map for the layers.
const LEFT: f32 = 44.0;
/// Share of an update that counts as most of it.
const MOST: f64 = 0.9;
/// Wider than this, curves and map stand side by side.
const SIDE_BY_SIDE: f32 = 720.0;

/// Draws both pictures and what they say.
pub fn learned_ui(ui: &mut Ui, view: &View<'_>, record: &Record, out: &mut Commands) {
    let updates = &record.updates;
    let rank = directions(updates);
    let words = in_words(updates).map_or_else(
        || "Nothing was learned yet: the adapters are where they began.".to_owned(),
        |words| format!("Of the updates ΔW = s·BA, {words}."),
    );
    ui.label(words);
    let width = ui.available_width();
    if width >= SIDE_BY_SIDE {
        ui.horizontal_top(|ui| {
            let each = ((width - space::l()) / 2.0).floor();
            column_ui(ui, each, |ui| curves_ui(ui, view, updates, rank, out));
            ui.add_space(space::l() - ui.spacing().item_spacing.x);
            column_ui(ui, each, |ui| map_ui(ui, view, updates));
        });
    } else {
        curves_ui(ui, view, updates, rank, out);
        map_ui(ui, view, updates);
    }
    let dora = if record.settings.lora.dora { " Lengths of rows, which DoRA trains too, are left out." } else { "" };
    ui.label(
        RichText::new(format!(
            "A line that is high at once: few directions hold most of it, and a lower rank might do (low intrinsic \
             dimension; Aghajanyan et al., 2020). A straight one uses every direction it has.{dora}"
        ))
        .small()
        .color(view.tokens.muted.0),
    );
}

/// Share of each update that its largest directions hold, a faint line for each map and a strong one for their mean.
fn curves_ui(ui: &mut Ui, view: &View<'_>, updates: &[Update], rank: usize, out: &mut Commands) {
    let held: Vec<(String, Vec<f64>)> = updates
        .iter()
        .map(|update| (update.part.path(update.layer), update.held()))
        .filter(|(_, held)| !held.is_empty())
        .collect();
    // Of a rank above a map's shorter side the last directions are missing: nothing more can be held.
    let mean_at = |place: usize| {
        held.iter().map(|(_, held)| held.get(place).copied().unwrap_or(1.0)).sum::<f64>() / held.len().max(1) as f64
    };
    let mean: Vec<f64> = (0..if held.is_empty() { 0 } else { rank }).map(mean_at).collect();
    let line = |held: &[f64]| -> Vec<[f64; 2]> {
        let held = held.iter().enumerate().map(|(place, held)| [(place + 1) as f64, 100.0 * held]);
        std::iter::once([0.0, 0.0]).chain(held).collect()
    };
    let mut series = vec![Series::new("evenly used", Ink::Muted, Look::Dashed, vec![[0.0, 0.0], [rank as f64, 100.0]])];
    series.extend(held.iter().map(|(_, held)| Series::new("each map", Ink::Accent, Look::Thin, line(held))));
    series.push(Series::new("mean", Ink::Accent, Look::Line, line(&mean)));
    let chart = Chart {
        title: "Directions that hold the updates".to_owned(),
        name: format!("Share of {} updates that their largest directions hold", updates.len()),
        across: Axis::new("largest directions", Scale::Count, [-0.02 * rank as f64, 1.02 * rank.max(1) as f64]),
        up: Axis::new("share of the update, %", Scale::Linear, [-2.0, 104.0]),
        series,
        rules: Vec::new(),
        beyond: None,
    };
    let tip = |hit: &Hit| {
        let [directions, share] = hit.point;
        let what = match hit.series.checked_sub(1) {
            None => "an update that used every direction evenly".to_owned(),
            Some(map) => held.get(map).map_or_else(|| "an update, on average".to_owned(), |(name, _)| name.clone()),
        };
        format!("The {directions} largest directions hold {} of\n{what}", percent(share / 100.0))
    };
    Plot::new("learned", chart, HEIGHT, &tip).show(ui, view.tokens, out);
}

/// Layers down, maps across: colour by how much of its norm a map changed, with the directions that hold most of it.
fn map_ui(ui: &mut Ui, view: &View<'_>, updates: &[Update]) {
    let parts: Vec<Part> = updates.iter().map(|update| update.part).collect::<BTreeSet<_>>().into_iter().collect();
    let layers: Vec<usize> = updates.iter().map(|update| update.layer).collect::<BTreeSet<_>>().into_iter().collect();
    let row = layer_row(layers.len());
    let size = Vec2::new(ui.available_width(), ROW + row * layers.len() as f32);
    let (whole, response) = ui.allocate_exact_size(size, Sense::hover());
    let area = Rect::from_min_max(whole.min + Vec2::new(LEFT, ROW), whole.max);
    let column = area.width() / parts.len().max(1) as f32;
    let cell = |layer: usize, part: usize| {
        let corner = area.min + Vec2::new(part as f32 * column, layer as f32 * row);
        Rect::from_min_size(corner, Vec2::new(column, row)).shrink(0.5)
    };
    let font = FontId::proportional(type_size::small());
    for (place, part) in parts.iter().enumerate() {
        let at = Pos2::new(cell(0, place).center().x, area.top() - ROW / 2.0);
        let short = part.name().trim_end_matches("_proj");
        ui.painter().text(at, Align2::CENTER_CENTER, short, font.clone(), view.tokens.muted.0);
    }
    let most = updates.iter().map(Update::relative).fold(1e-12, f64::max);
    let has_text = row >= type_size::small();
    for (place, layer) in layers.iter().enumerate() {
        if has_text || place.is_multiple_of(4) {
            let at = Pos2::new(area.left() - 6.0, cell(place, 0).center().y);
            ui.painter().text(at, Align2::RIGHT_CENTER, format!("layer {layer}"), font.clone(), view.tokens.muted.0);
        }
    }
    let places = |update: &Update| {
        let layer = layers.binary_search(&update.layer).ok()?;
        Some(cell(layer, parts.binary_search(&update.part).ok()?))
    };
    let pointer = response.hover_pos();
    let mut under = None;
    for update in updates {
        let Some(cell) = places(update) else { continue };
        ui.painter().rect_filled(cell, 1, shade(view, update.relative() / most));
        if let Some(count) = update.directions_for(MOST).filter(|_| has_text) {
            let text = count.to_string();
            ui.painter().text(cell.center(), Align2::CENTER_CENTER, text, font.clone(), view.tokens.text.0);
        }
        if pointer.is_some_and(|pointer| cell.contains(pointer)) {
            under = Some(update);
        }
    }
    let changed = updates.iter().max_by(|a, b| a.relative().total_cmp(&b.relative()));
    let said = changed.map_or_else(String::new, |update| {
        format!("{} of layer {} changed most, by {} of its norm", update.part.name(), update.layer, percent(most))
    });
    response
        .widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, format!("Layers by linear layers. {said}")));
    if let Some(update) = under {
        let directions = update.directions_for(MOST).map_or_else(String::new, |count| {
            format!("\n{count} of {} directions hold {} of it", update.values.len(), percent(MOST))
        });
        let values: Vec<String> = update.values.iter().take(4).map(|value| significant(*value)).collect();
        response.on_hover_text_at_pointer(format!(
            "{}\n‖ΔW‖ / ‖W‖ = {}{directions}\nlargest singular values {}",
            update.part.path(update.layer),
            percent(update.relative()),
            values.join(", ")
        ));
    }
    ui.label(RichText::new(format!("{said}. Figures: directions that hold 90 % of an update.")).small());
}

fn shade(view: &View<'_>, share: f64) -> Color32 {
    view.tokens.panel.0.lerp_to_gamma(view.tokens.accent.0, 0.06 + 0.5 * share.clamp(0.0, 1.0) as f32)
}
