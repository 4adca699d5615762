//! Which model is examined, and how far that is.

use crate::app::command::{Command, Commands, FileCommand, WeightsCommand};
use crate::app::state::PathPurpose;
use crate::tasks::weighing::Weighing;
use crate::ui::View;
use crate::units::Bytes;
use egui::{Button, RichText, Ui};

/// Which model, and the button that begins.
pub fn source_ui(ui: &mut Ui, view: &View<'_>, out: &mut Commands) {
    let weighing = view.state.session.weighing.as_ref();
    ui.horizontal_wrapped(|ui| {
        let embedded = ui.button("Examine the embedded model");
        if embedded.on_hover_text("A small byte-level model that comes with the program.").clicked() {
            out.push(Command::Weights(WeightsCommand::Examine(None)));
        }
        let file = ui.button("Examine a file…");
        if file.on_hover_text("A .safetensors or .gguf file; further parts of the model are read too.").clicked() {
            out.push(Command::File(FileCommand::PickFile(PathPurpose::ExamineModel)));
        }
        let path = ui.button("By path…");
        if path.on_hover_text("Type the path of a file or of a model folder.").clicked() {
            out.push(Command::File(FileCommand::AskPath(PathPurpose::ExamineModel)));
        }
        if weighing.is_some_and(|weighing| weighing.running)
            && ui.add(Button::new("Stop")).on_hover_text("What was found stays.").clicked()
        {
            out.push(Command::Weights(WeightsCommand::Stop));
        }
    });
}

/// Draws how far the examination is.
pub fn progress_ui(ui: &mut Ui, view: &View<'_>, weighing: &Weighing) {
    if let Some(refused) = &weighing.refused {
        ui.colored_label(view.tokens.over.0, refused);
    }
    let Some(source) = &weighing.source else {
        if weighing.running {
            ui.horizontal(|ui| {
                ui.spinner();
                ui.label("Reading the headers…");
            });
        }
        return;
    };
    let progress = weighing.progress;
    let looked_at = progress.sampled.max(progress.full);
    // Sums over the model hold something for every matrix from the start.
    let unseen = if looked_at < progress.all { "; the others count as they are stored" } else { "" };
    ui.horizontal_wrapped(|ui| {
        ui.label(format!("{}, {} as stored", source.name, Bytes(source.bytes())));
        if weighing.running {
            ui.add(egui::ProgressBar::new(progress.full as f32 / progress.all.max(1) as f32).desired_width(140.0));
            let words = if looked_at < progress.all {
                format!("{looked_at} of {} matrices looked at{unseen}", progress.all)
            } else {
                format!("{} of {} matrices in full, the others by a sample", progress.full, progress.all)
            };
            ui.label(RichText::new(words).color(view.tokens.muted.0));
        } else if progress.full < progress.all {
            let words = format!("stopped: {} of {} matrices in full{unseen}", progress.full, progress.all);
            ui.label(RichText::new(words).color(view.tokens.tight.0));
        }
    });
}
