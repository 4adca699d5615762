//! Weight error against what the model says: one does not tell the other.

use super::WeightsState;
use crate::app::command::{Command, Commands};
use crate::app::state::PathPurpose;
use crate::tasks::measuring::Measuring;
use crate::tasks::weighing::Weighing;
use crate::theme::{space, type_size};
use crate::ui::View;
use crate::ui::widgets::log_axes::LogAxes;
use crate::units::significant;
use egui::{Align2, FontId, Pos2, Rangef, Rect, RichText, Sense, Stroke, Ui, Vec2};

/// Height of the picture.
const HEIGHT: f32 = 260.0;
/// Rises of the loss below this are drawn at the foot: they are within the noise of so short a text.
const LEAST_RISE: f64 = 1e-4;
/// Room left between names, so that none touches another.
const APART: f32 = 1.0;

/// Draws the picture, or how to get one.
pub fn quality_ui(ui: &mut Ui, view: &View<'_>, state: &mut WeightsState, weighing: &Weighing, out: &mut Commands) {
    let measuring = view.state.session.measuring.as_ref().filter(|held| held.number == weighing.number);
    if weighing.model.is_some() {
        ui.horizontal_wrapped(|ui| {
            let pick = ui.button("Measure on a text…");
            if pick.on_hover_text("Plain text such as the model was made for; the model needs its config.json and tokenizer.json beside the weights.").clicked() {
                out.push(Command::PickFile(PathPurpose::MeasureText));
            }
            let typed = ui.button("By path…");
            typed.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, "Measure on a text by path…"));
            if typed.on_hover_text("Type or paste the path of the text.").clicked() {
                out.push(Command::AskPath(PathPurpose::MeasureText));
            }
        });
    }
    let Some(measuring) = measuring else {
        let words = if weighing.model.is_some() {
            "A text goes through the model as it is stored and in every format: how far the outputs of its linear layers \
             move, and how the loss rises."
        } else {
            "Follows once all weights are examined."
        };
        ui.label(RichText::new(words).color(view.tokens.muted.0));
        return;
    };
    if let Some(refused) = &measuring.refused {
        ui.colored_label(view.tokens.over.0, refused);
    }
    progress_ui(ui, view, measuring);
    if let Some(stored) = measuring.stored.filter(|_| !measuring.found.is_empty()) {
        picture_ui(ui, view, state, weighing, (measuring, stored));
    }
}

fn progress_ui(ui: &mut Ui, view: &View<'_>, measuring: &Measuring) {
    let text = measuring.text.as_ref().map_or_else(
        || "text such as the model was made from".to_owned(),
        |path| path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned()),
    );
    let words = match (measuring.running, measuring.stored) {
        (true, None) => {
            format!("On {text}: outputs of layer {} of {} compared", measuring.layers.0, measuring.layers.1)
        }
        (true, Some(_)) => format!("On {text}: {} formats run", measuring.found.len()),
        (false, Some(stored)) => format!("On {text}; the stored model has {stored:.4} nats per token"),
        (false, None) => return,
    };
    ui.horizontal(|ui| {
        if measuring.running {
            ui.spinner();
        }
        ui.label(RichText::new(words).color(view.tokens.muted.0));
    });
}

/// Rise of the loss over relative weight error, a mark for each format.
fn picture_ui(
    ui: &mut Ui,
    view: &View<'_>,
    state: &mut WeightsState,
    weighing: &Weighing,
    (measuring, stored): (&Measuring, f64),
) {
    let marks: Vec<_> = weighing.totals[0]
        .iter()
        .filter(|total| total.tensors > 0 && total.left == 0)
        .filter_map(|total| {
            let loss = measuring.of(total.codec)?.loss.as_ref().ok()?;
            Some((total.codec, total.errors.relative(), loss - stored))
        })
        .collect();
    let most = marks.iter().map(|mark| mark.2).fold(LEAST_RISE * 10.0, f64::max);
    let up = Rangef::new(LEAST_RISE.log10() as f32, (most.log10() + 0.15) as f32);
    let (whole, response) = ui.allocate_exact_size(Vec2::new(ui.available_width(), HEIGHT), Sense::click());
    let name = format!("Rise of the loss against weight error of {} formats", marks.len());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, &name));
    let least = marks.iter().map(|mark| mark.1).filter(|error| *error > 0.0).fold(0.1, f64::min);
    let axes = LogAxes::inside(whole, Rangef::new(least.log10() as f32 - 0.2, 0.2), up);
    let names = ["Σ error² / Σ weight² →", "rise of the loss per token, nats ↑"];
    axes.draw(ui, view.tokens, names, significant);
    let font = FontId::proportional(type_size::small());
    let mut taken: Vec<Rect> = Vec::new();
    let mut nearest: Option<(f32, usize, Pos2)> = None;
    for (index, (codec, error, rise)) in marks.iter().enumerate() {
        let at = axes.at(error.max(least), rise.max(LEAST_RISE));
        let chosen = *codec == state.codec;
        let ink = if chosen { view.tokens.accent.0 } else { view.tokens.muted.0 };
        ui.painter().circle_filled(at, if chosen { 5.0 } else { 3.5 }, ink);
        let text = ui.painter().layout_no_wrap(codec.name().to_owned(), font.clone(), ink);
        // To the right, to the left, above or below: wherever nothing stands yet.
        let places = [
            (Align2::LEFT_CENTER, Vec2::new(7.0, 0.0)),
            (Align2::RIGHT_CENTER, Vec2::new(-7.0, 0.0)),
            (Align2::CENTER_BOTTOM, Vec2::new(0.0, -6.0)),
            (Align2::CENTER_TOP, Vec2::new(0.0, 6.0)),
        ];
        let free = places.into_iter().map(|(align, by)| align.anchor_size(at + by, text.size())).find(|rect| {
            axes.area.contains_rect(*rect) && !taken.iter().any(|other| other.expand(APART).intersects(*rect))
        });
        if let Some(rect) = free {
            ui.painter().galley(rect.min, text, ink);
            taken.push(rect);
        }
        taken.push(Rect::from_center_size(at, Vec2::splat(8.0)));
        if let Some(pointer) = response.hover_pos() {
            let distance = pointer.distance(at);
            if nearest.is_none_or(|(least, ..)| distance < least) {
                nearest = Some((distance, index, at));
            }
        }
    }
    if let Some((_, index, at)) = nearest.filter(|(distance, ..)| *distance < 40.0) {
        let (codec, error, rise) = &marks[index];
        ui.painter().circle_stroke(at, 7.0, Stroke::new(1.5, view.tokens.text.0));
        if response.clicked() {
            state.codec = *codec;
        }
        let words = format!(
            "{}: relative squared weight error {error:.2e}, loss {}{:.4} nats per token",
            codec.name(),
            if *rise < 0.0 { "−" } else { "+" },
            rise.abs()
        );
        response.on_hover_text_at_pointer(words);
    }
    ui.add_space(space::xs());
    let words = format!(
        "Marks on one height say equally much, however far apart their weight errors are. Rises below {LEAST_RISE} stand at \
         the foot. A click chooses a format."
    );
    ui.label(RichText::new(words).small().color(view.tokens.muted.0));
}
