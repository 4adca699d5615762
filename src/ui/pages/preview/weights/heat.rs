//! Layers down, formats across: how well each layer bears each format.

use super::super::layer_row;
use super::WeightsState;
use crate::architecture::checkpoint::layer_index;
use crate::lab::TensorReport;
use crate::lab::tally::Tally;
use crate::tasks::weighing::Weighing;
use crate::theme::{space, type_size};
use crate::ui::View;
use egui::{Align2, Color32, FontId, Pos2, Rect, RichText, Sense, Stroke, StrokeKind, Ui, Vec2};
use std::collections::BTreeMap;

/// Room for the names of layers.
const LEFT: f32 = 72.0;
/// Room for the names of formats, which stand upright.
const ABOVE: f32 = 92.0;
/// Decibels at which the colour is faintest and strongest.
const RANGE_DB: (f64, f64) = (5.0, 50.0);

/// Reports of each layer; `None` is outside of the layers.
fn by_layer(weighing: &Weighing) -> BTreeMap<Option<u64>, Vec<&TensorReport>> {
    let mut layers: BTreeMap<Option<u64>, Vec<&TensorReport>> = BTreeMap::new();
    for report in &weighing.reports {
        layers.entry(layer_index(&report.name).map(|(layer, _)| layer)).or_default().push(report.as_ref());
    }
    layers
}

/// Draws the map. A click chooses a format, and the tensor of the layer that does worst in it.
pub fn heat_ui(ui: &mut Ui, view: &View<'_>, state: &mut WeightsState, weighing: &Weighing) {
    let layers: Vec<(Option<u64>, Vec<&TensorReport>)> = by_layer(weighing).into_iter().collect();
    let Some(first) = weighing.reports.first() else { return };
    let codecs: Vec<_> = first.tried.iter().map(|(codec, _)| *codec).collect();
    let row = layer_row(layers.len());
    let size = Vec2::new(ui.available_width(), ABOVE + row * layers.len() as f32);
    let (whole, response) = ui.allocate_exact_size(size, Sense::click());
    let area = Rect::from_min_max(whole.min + Vec2::new(LEFT, ABOVE), whole.max);
    let column = area.width() / codecs.len().max(1) as f32;
    let cell = |layer: usize, codec: usize| {
        let corner = area.min + Vec2::new(codec as f32 * column, layer as f32 * row);
        Rect::from_min_size(corner, Vec2::new(column, row)).shrink(0.5)
    };
    let font = FontId::proportional(type_size::small());
    for (place, codec) in codecs.iter().enumerate() {
        let bottom = Pos2::new(cell(0, place).center().x, area.top() - 4.0);
        let ink = if *codec == state.codec { view.tokens.text.0 } else { view.tokens.muted.0 };
        let text = ui.painter().layout_no_wrap(codec.name().to_owned(), font.clone(), ink);
        // Turned a quarter to the left about its start, it runs upwards from the column.
        let start = bottom - Vec2::new(text.size().y / 2.0, 0.0);
        let shape = egui::epaint::TextShape::new(start, text, ink).with_angle(-std::f32::consts::FRAC_PI_2);
        ui.painter().add(shape);
    }
    let mut worst: Option<(f64, String)> = None;
    for (place, (layer, reports)) in layers.iter().enumerate() {
        let name = layer.map_or_else(|| "outside".to_owned(), |layer| format!("layer {layer}"));
        if row >= type_size::small() || place.is_multiple_of(4) {
            let at = Pos2::new(area.left() - 6.0, cell(place, 0).center().y);
            ui.painter().text(at, Align2::RIGHT_CENTER, &name, font.clone(), view.tokens.muted.0);
        }
        for (index, codec) in codecs.iter().enumerate() {
            let tally = together(reports, index);
            ui.painter().rect_filled(cell(place, index), 1, shade(view, tally.as_ref()));
            if *codec == state.codec
                && let Some(db) = tally.as_ref().and_then(Tally::sqnr_db)
                && worst.as_ref().is_none_or(|(least, _)| db < *least)
            {
                worst = Some((db, name.clone()));
            }
        }
    }
    if let Some(place) = codecs.iter().position(|codec| *codec == state.codec)
        && !layers.is_empty()
    {
        let frame = cell(0, place).union(cell(layers.len() - 1, place)).expand(1.0);
        ui.painter().rect_stroke(frame, 2, Stroke::new(1.5, view.tokens.text.0), StrokeKind::Outside);
    }
    let said = worst.map_or_else(
        || format!("{}: nothing to compare", state.codec.name()),
        |(db, name)| format!("{}: {name} bears it worst, {db:.1} dB", state.codec.name()),
    );
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, format!("Layers by formats. {said}")));
    let under = response.hover_pos().filter(|pointer| area.contains(*pointer)).map(|pointer| {
        let place = pointer - area.min;
        let layer = ((place.y / row) as usize).min(layers.len().saturating_sub(1));
        (layer, ((place.x / column) as usize).min(codecs.len().saturating_sub(1)))
    });
    if let Some((layer, codec)) = under {
        let (name, reports) = (&layers[layer].0, &layers[layer].1);
        if response.clicked() {
            state.codec = codecs[codec];
            let decibels = |report: &&&TensorReport| {
                let tried = report.tried.get(codec).and_then(|(_, tried)| tried.as_ref().ok());
                tried.and_then(|tried| tried.errors.sqnr_db()).unwrap_or(f64::INFINITY)
            };
            let least = reports.iter().min_by(|a, b| decibels(a).total_cmp(&decibels(b)));
            state.tensor = least.map(|report| report.index).or(state.tensor);
        }
        let mut lines = vec![format!(
            "{}, {}",
            name.map_or_else(|| "Outside of the layers".to_owned(), |layer| format!("Layer {layer}")),
            codecs[codec].name()
        )];
        for report in reports {
            let short = layer_index(&report.name).map_or(report.name.as_str(), |(_, rest)| rest);
            let words = match &report.tried[codec].1 {
                Ok(tried) => tried.errors.sqnr_db().map_or_else(|| "no error".to_owned(), |db| format!("{db:.1} dB")),
                Err(error) => error.to_string(),
            };
            lines.push(format!("{short}: {words}"));
        }
        response.on_hover_text_at_pointer(lines.join("\n"));
    }
    ui.add_space(space::xs());
    ui.label(RichText::new(said).small());
    ui.label(
        RichText::new(
            "Stronger colour: less error. Grey: no row fits the format. A click looks at the worst tensor of a layer.",
        )
        .small()
        .color(view.tokens.muted.0),
    );
}

/// Errors of several tensors in the format at `place`; `None` where none of them takes it.
fn together(reports: &[&TensorReport], place: usize) -> Option<Tally> {
    let mut sum: Option<Tally> = None;
    for report in reports {
        if let Some((_, Ok(tried))) = report.tried.get(place) {
            sum.get_or_insert_with(Tally::default).merge(&tried.errors);
        }
    }
    sum
}

/// Colour of a cell; `None`: no tensor takes the format.
fn shade(view: &View<'_>, errors: Option<&Tally>) -> Color32 {
    match errors.map(|errors| (errors, errors.sqnr_db())) {
        None => view.tokens.raised.0,
        // Nothing was lost.
        Some((_, None)) => view.tokens.accent.0,
        Some((_, Some(db))) => {
            let share = ((db - RANGE_DB.0) / (RANGE_DB.1 - RANGE_DB.0)).clamp(0.0, 1.0) as f32;
            view.tokens.panel.0.lerp_to_gamma(view.tokens.accent.0, 0.08 + 0.92 * share)
        }
    }
}
