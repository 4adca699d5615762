//! What a low rank holds of one tensor and of its error: singular values, and what LoftQ and PiSSA recover.

use super::WeightsState;
use crate::app::command::{Command, Commands, WeightsCommand};
use crate::lab::low_rank::LowRank;
use crate::report::chart::{Axis, Chart, Ink, Look, Scale, Series};
use crate::tasks::weighing::Weighing;
use crate::theme::space;
use crate::ui::View;
use crate::ui::widgets::plot::{Hit, Plot};
use crate::units::{percent, significant};
use egui::{Grid, RichText, Ui, Vec2};

/// Height of the picture.
const HEIGHT: f32 = 220.0;

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
                    out.push(Command::Weights(WeightsCommand::LookAtRanks(index, state.codec)));
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
        Some(Some(Ok(found))) => found_ui(ui, view, found, out),
    }
}

fn found_ui(ui: &mut Ui, view: &View<'_>, found: &LowRank, out: &mut Commands) {
    let half = found
        .directions_for(0.5)
        .map_or_else(|| format!("more than {}", found.weight_values.len()), |directions| directions.to_string());
    ui.label(format!(
        "In {}, ‖W − Q‖ / ‖W‖ is {}; half of the weights' energy lies in {half} directions",
        found.codec.name(),
        significant(found.plain())
    ));
    picture_ui(ui, view, found, out);
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
fn picture_ui(ui: &mut Ui, view: &View<'_>, found: &LowRank, out: &mut Commands) {
    let line = |name: &str, ink: Ink, values: &[f64]| {
        let values = values.iter().enumerate().filter(|(_, value)| **value > 0.0);
        Series::new(name, ink, Look::Line, values.map(|(place, value)| [(place + 1) as f64, *value]).collect())
    };
    let series =
        vec![line("weights", Ink::Accent, &found.weight_values), line("error", Ink::Tight, &found.error_values)];
    let count = found.weight_values.len().max(2);
    let values = series.iter().flat_map(|series| &series.points).map(|[_, value]| *value);
    let chart = Chart {
        title: "Singular values".to_owned(),
        name: format!("The {} largest singular values of the weights and of the error", found.weight_values.len()),
        across: Axis::new("direction, from the largest", Scale::Log, [0.92, count as f64 * 1.08]),
        up: Axis::log_around("singular value", values),
        series,
        rules: Vec::new(),
        beyond: None,
    };
    let tip = |hit: &Hit| {
        let place = hit.point[0].round().max(1.0) as usize - 1;
        let of = |values: &[f64]| values.get(place).map_or_else(|| "–".to_owned(), |value| significant(*value));
        format!("Direction {}\nweights {}\nerror {}", place + 1, of(&found.weight_values), of(&found.error_values))
    };
    Plot::new("ranks", chart, HEIGHT, &tip).show(ui, view.tokens, out);
}
