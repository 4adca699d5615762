//! Where a run is: buttons, bar, pace, time left, what the file of examples lost.

use crate::app::command::{Command, Commands, RunCommand};
use crate::preview::job::Losses;
use crate::tasks::tuning::{Stage, Tuning};
use crate::ui::View;
use crate::units::{counted, duration, grouped, quantity};
use egui::{Label, ProgressBar, RichText, Ui};

/// Width of the bar.
const BAR: f32 = 160.0;

/// Draws the line, and what is worth knowing below it.
pub fn progress_ui(ui: &mut Ui, view: &View<'_>, tuning: &Tuning, out: &mut Commands) {
    let record = &tuning.record;
    ui.horizontal_wrapped(|ui| {
        if tuning.is_running() {
            let paused = tuning.stage == Stage::Paused;
            if ui.button(if paused { "Resume" } else { "Pause" }).clicked() {
                out.push(Command::Run(RunCommand::Pause(!paused)));
            }
            if ui.button("Stop").on_hover_text("Within a step; what was learned is kept.").clicked() {
                out.push(Command::Run(RunCommand::Stop));
            }
        } else if tuning.kept.is_some() {
            let more = view.state.session.request.steps;
            let text = format!("Continue for {}", steps(more));
            if ui.button(text).on_hover_text("From where it ended, with the same settings.").clicked() {
                out.push(Command::Run(RunCommand::Continue(more)));
            }
        }
        ui.add(ProgressBar::new(record.done() as f32 / record.steps.max(1) as f32).desired_width(BAR));
        ui.add(Label::new(stage(tuning)).extend());
        ui.add(Label::new(RichText::new(figures(tuning)).color(view.tokens.muted.0)).extend());
    });
    if let Stage::Failed(error) = &tuning.stage {
        ui.add(Label::new(RichText::new(format!("The run ended: {error}")).color(view.tokens.over.0)).wrap());
    }
    let Some(prepared) = &record.prepared else { return };
    let (train, held_out) = prepared.examples;
    let mut said = format!(
        "{}; {} to learn from, {} held out; {} values are trained",
        prepared.model,
        counted(train as u64, "example", "examples"),
        grouped(held_out as u64),
        grouped(prepared.trained_values)
    );
    if prepared.plain_template {
        said.push_str("; the model has no chat template, so turns are written as “User: …” and “Assistant: …”");
    }
    ui.add(Label::new(RichText::new(said).small().color(view.tokens.muted.0)).wrap());
    for line in prepared.file.iter().flat_map(Losses::lines) {
        ui.add(Label::new(RichText::new(line).small().color(view.tokens.tight.0)).wrap());
    }
}

fn steps(count: usize) -> String {
    counted(count as u64, "step", "steps")
}

fn stage(tuning: &Tuning) -> String {
    let (done, all) = (tuning.record.done(), tuning.record.steps);
    match &tuning.stage {
        Stage::Preparing => "Reading and quantizing the base…".to_owned(),
        Stage::Training => format!("Step {done} of {all}"),
        Stage::Paused => format!("Paused after step {done} of {all}"),
        Stage::Comparing => "Comparing the models…".to_owned(),
        Stage::Done => format!("{} done", steps(done)),
        Stage::Stopped => format!("Stopped after step {done} of {all}"),
        Stage::Failed(_) => format!("Ended after step {done} of {all}"),
    }
}

/// Pace and time left.
fn figures(tuning: &Tuning) -> String {
    let Some(progress) = &tuning.record.progress else { return String::new() };
    let mut figures = Vec::new();
    figures.extend(progress.tokens_per_second().map(|pace| quantity(pace, "tokens/s")));
    if tuning.stage == Stage::Training {
        let left = progress.time_left();
        if !left.is_zero() {
            figures.push(format!("{} left", duration(left.as_secs_f64())));
        }
    }
    figures.join(", ")
}
