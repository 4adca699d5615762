//! What a low rank holds of one tensor and of its error: singular values, and what LoftQ and PiSSA recover.

use super::WeightsState;
use crate::app::command::{Command, Commands};
use crate::lab::low_rank::LowRank;
use crate::tasks::weighing::Weighing;
use crate::theme::{space, type_size};
use crate::ui::View;
use crate::ui::widgets::log_axes::LogAxes;
use crate::units::{percent, significant};
use egui::{Align2, Color32, FontId, Grid, Rangef, RichText, Sense, Shape, Stroke, Ui, Vec2};

/// Height of the picture.
const HEIGHT: f32 = 200.0;

/// Draws the button, or what was found.
pub fn ranks_ui(ui: &mut Ui, view: &View<'_>, state: &WeightsState, weighing: &Weighing, out: &mut Commands) {
    let Some(index) = state.tensor else { return };
    ui.separator();
    let held = weighing.ranks.as_ref().filter(|ranks| (ranks.index, ranks.codec) == (index, state.codec));
    match held.map(|ranks| ranks.found.as_ref()) {
        None => {
            ui.horizontal_wrapped(|ui| {
                let button = ui.button("What ranks recover");
                if button.on_hover_text("Decomposes the matrix (SVD); a large one takes some seconds.").clicked() {
                    out.push(Command::LookAtRanks(index, state.codec));
                }
            });
            ui.label(
                RichText::new(
                    "Singular values of the matrix and of its error, and how much an adapter of rank r could take back.",
                )
                .small()
                .color(view.tokens.muted.0),
            );
        }
        Some(None) => {
            ui.horizontal(|ui| {
                ui.spinner();
                ui.label("Decomposing the matrix…");
            });
        }
        Some(Some(Err(why))) => {
            ui.colored_label(view.tokens.over.0, why);
        }
        Some(Some(Ok(found))) => found_ui(ui, view, found),
    }
}

fn found_ui(ui: &mut Ui, view: &View<'_>, found: &LowRank) {
    let half = found
        .directions_for(0.5)
        .map_or_else(|| format!("more than {}", found.weight_values.len()), |directions| directions.to_string());
    ui.label(format!(
        "In {}, ‖W − Q‖ / ‖W‖ is {}; half of the weights' energy lies in {half} directions",
        found.codec.name(),
        significant(found.plain())
    ));
    picture_ui(ui, view, found);
    Grid::new("ranks").striped(true).spacing(Vec2::new(space::l(), space::xs())).show(ui, |ui| {
        for (head, help) in [
            ("Rank", "r of the adapter."),
            ("Holds of W", "Share of Σ weight² in the r largest directions: what a low rank could say of the weights."),
            ("Error, LoRA", "‖W − Q‖ / ‖W‖: a zero start takes nothing back before it is trained."),
            ("Error, LoftQ", "After its first turn: the adapter starts on the r largest directions of the error."),
            (
                "Error, PiSSA",
                "The adapter starts on the r largest directions of the weights, and the rest is quantized.",
            ),
        ] {
            ui.label(RichText::new(head).small().color(view.tokens.muted.0)).on_hover_text(help);
        }
        ui.end_row();
        for at in &found.recovered {
            ui.label(at.rank.to_string());
            ui.label(percent(at.captured));
            ui.label(significant(found.plain()));
            ui.label(significant(at.loftq));
            ui.label(significant(at.pissa));
            ui.end_row();
        }
    });
    ui.label(
        RichText::new(
            "Fine-tuning works with low ranks because what it must change has few directions (Aghajanyan et al., 2020), \
             not because the weights themselves do.",
        )
        .small()
        .color(view.tokens.muted.0),
    );
}

/// Singular values against their number, both on logarithmic axes.
fn picture_ui(ui: &mut Ui, view: &View<'_>, found: &LowRank) {
    let (whole, response) = ui.allocate_exact_size(Vec2::new(ui.available_width(), HEIGHT), Sense::hover());
    let all = || found.weight_values.iter().chain(&found.error_values).copied().filter(|value| *value > 0.0);
    let (least, most) = (all().fold(f64::INFINITY, f64::min), all().fold(0.0, f64::max));
    if !(least.is_finite() && most > 0.0) {
        return;
    }
    let count = found.weight_values.len().max(2) as f64;
    let across = Rangef::new(-0.03, count.log10() as f32 + 0.03);
    let axes = LogAxes::inside(whole, across, Rangef::new(least.log10() as f32 - 0.1, most.log10() as f32 + 0.1));
    axes.draw(ui, view.tokens, ["direction, from the largest →", "singular value ↑"], significant);
    let font = FontId::proportional(type_size::small());
    let draw = |values: &[f64], ink: Color32, name: &str| {
        let line: Vec<_> = values.iter().enumerate().map(|(i, value)| axes.at((i + 1) as f64, *value)).collect();
        if let Some(end) = line.last() {
            let at = *end + Vec2::new(-4.0, -4.0);
            ui.painter().text(at, Align2::RIGHT_BOTTOM, name, font.clone(), view.tokens.text.0);
        }
        axes.painter(ui).add(Shape::line(line, Stroke::new(2.0, ink)));
    };
    draw(&found.weight_values, view.tokens.accent.0, "weights");
    draw(&found.error_values, view.tokens.tight.0, "error");
    let name = format!("The {} largest singular values of the weights and of the error", found.weight_values.len());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, &name));
    let under = response.hover_pos().map(|pointer| {
        let share = (pointer.x - axes.area.left()) / axes.area.width().max(1.0);
        let power = across.min + share * across.span();
        (10_f32.powf(power).round().max(1.0) as usize - 1).min(found.weight_values.len().saturating_sub(1))
    });
    if let Some(place) = under {
        let of = |values: &[f64]| values.get(place).map_or_else(|| "–".to_owned(), |value| significant(*value));
        let words =
            format!("Direction {}: weights {}, error {}", place + 1, of(&found.weight_values), of(&found.error_values));
        response.on_hover_text_at_pointer(words);
    }
}
