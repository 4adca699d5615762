//! Weight error against what the model says: one does not tell the other.

use super::WeightsState;
use crate::app::command::{Command, Commands, FileCommand};
use crate::app::state::PathPurpose;
use crate::quantize::Codec;
use crate::report::chart::{Axis, Chart, Ink, Look, Mark, Scale, Series};
use crate::tasks::measuring::Measuring;
use crate::tasks::weighing::Weighing;
use crate::theme::space;
use crate::ui::View;
use crate::ui::widgets::plot::{Hit, Plot};
use egui::{RichText, Ui};

/// Height of the picture.
const HEIGHT: f32 = 260.0;
/// Rises of the loss below this are drawn at the foot: they are within the noise of so short a text.
const LEAST_RISE: f64 = 1e-4;
/// Errors below this are none: the format holds what is stored.
const LEAST_ERROR: f64 = 1e-9;

/// Draws the picture, or how to get one.
pub fn quality_ui(ui: &mut Ui, view: &View<'_>, state: &mut WeightsState, weighing: &Weighing, out: &mut Commands) {
    let measuring = view.state.session.measuring.as_ref().filter(|held| held.number == weighing.number);
    if weighing.model.is_some() {
        ui.horizontal_wrapped(|ui| {
            let pick = ui.button("Measure on a text…");
            if pick.on_hover_text("Plain text such as the model was made for; the model needs its config.json and tokenizer.json beside the weights.").clicked() {
                out.push(Command::File(FileCommand::PickFile(PathPurpose::MeasureText)));
            }
            let typed = ui.button("By path…");
            typed.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, "Measure on a text by path…"));
            if typed.on_hover_text("Type or paste the path of the text.").clicked() {
                out.push(Command::File(FileCommand::AskPath(PathPurpose::MeasureText)));
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
        picture_ui(ui, view, state, weighing, (measuring, stored), out);
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
    out: &mut Commands,
) {
    let marks: Vec<_> = weighing.totals[0]
        .iter()
        .filter(|total| total.tensors > 0 && total.left == 0)
        .filter_map(|total| {
            let loss = measuring.of(total.codec)?.loss.as_ref().ok()?;
            Some((total.codec, total.errors.relative(), loss - stored))
        })
        .collect();
    let tip = |hit: &Hit| {
        let Some((codec, error, rise)) = marks.get(hit.index) else { return String::new() };
        let sign = if *rise < 0.0 { "−" } else { "+" };
        let rise = rise.abs();
        format!("{}\nrelative squared weight error {error:.2e}\nloss {sign}{rise:.4} nats per token", codec.name())
    };
    let read = Plot::new("quality", chart(&marks, state.codec), HEIGHT, &tip).show(ui, view.tokens, out);
    if let Some((codec, ..)) = read.clicked.and_then(|hit| marks.get(hit.index)) {
        state.codec = *codec;
    }
    ui.add_space(space::xs());
    let words = format!(
        "Marks on one height say equally much, however far apart their weight errors are. Rises below {LEAST_RISE} stand at \
         the foot. A click chooses a format."
    );
    ui.label(RichText::new(words).small().color(view.tokens.muted.0));
}

/// A mark for each format; that of the chosen one is larger.
fn chart(marks: &[(Codec, f64, f64)], chosen: Codec) -> Chart {
    let most = marks.iter().map(|mark| mark.2).fold(LEAST_RISE * 10.0, f64::max);
    let least = marks.iter().map(|mark| mark.1).filter(|error| *error > LEAST_ERROR).fold(0.1, f64::min);
    let point = |(_, error, rise): &(Codec, f64, f64)| [error.max(least), rise.max(LEAST_RISE)];
    let named = |all: bool, ink: Ink, size: f32| {
        // A mark that is left out has no place; the others keep theirs.
        let place = |mark: &(Codec, f64, f64)| if all || mark.0 == chosen { point(mark) } else { [f64::NAN; 2] };
        let label = |(codec, ..): &(Codec, f64, f64)| {
            if all && *codec == chosen { String::new() } else { codec.name().to_owned() }
        };
        Series {
            labels: marks.iter().map(label).collect(),
            ..Series::new("", ink, Look::Marks(Mark::Disc, size), marks.iter().map(place).collect())
        }
    };
    Chart {
        title: "Rise of the loss against weight error".to_owned(),
        name: format!("Rise of the loss against weight error of {} formats", marks.len()),
        across: Axis::new("Σ error² / Σ weight²", Scale::Log, [least / 1.6, 1.6]),
        up: Axis::new("rise of the loss, nats per token", Scale::Log, [LEAST_RISE / 1.3, most * 1.5]),
        series: vec![named(false, Ink::Accent, 5.5), named(true, Ink::Muted, 3.5)],
        rules: Vec::new(),
        beyond: None,
    }
}
