//! A small run with the plan's settings: what will run, how it goes, what came out.

use super::{bars, loss};
use crate::app::command::{Command, Commands};
use crate::app::state::PathPurpose;
use crate::app::tuning::{Stage, Tuning, Wish, settings_of, words};
use crate::plan::edit::PlanEdit;
use crate::plan::field::FieldValue;
use crate::plan::{MAX_TRIALS, Trial};
use crate::preview::optimizer::OptimizerSettings;
use crate::preview::run::{RunSettings, Sample};
use crate::ui::theme::{bold, space, type_size};
use crate::ui::{View, card, card_head};
use crate::units::{Bytes, duration, quantity, signed_percent, significant};
use egui::{Button, DragValue, Grid, Label, RichText, Ui, Vec2};

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub struct TuneState {
    /// Steps, learning rate, seed.
    pub wish: Wish,
}

/// Draws this part of the page.
pub fn tune_ui(ui: &mut Ui, view: &View<'_>, state: &mut TuneState, out: &mut Commands) {
    let tuning = view.state.session.tuning.as_deref();
    card(ui, view.tokens, |ui| {
        card_head(ui, "Fine-tune a small model with this plan", "on this machine");
        wish_ui(ui, view, state, tuning, out);
        if let Some(tuning) = tuning {
            ui.add_space(space::xs());
            progress_ui(ui, view, tuning, out);
            memory_ui(ui, view, tuning);
        }
    });
    if let Some(tuning) = tuning.filter(|tuning| !tuning.held_out.is_empty()) {
        ui.add_space(space::xs());
        card(ui, view.tokens, |ui| {
            card_head(ui, "Loss", "nats a token");
            loss::loss_ui(ui, view, tuning);
            held_out_ui(ui, view, tuning);
        });
        if !tuning.samples.is_empty() {
            ui.add_space(space::xs());
            card(ui, view.tokens, |ui| {
                card_head(ui, "Answers to prompts it was not trained on", "");
                samples_ui(ui, view, &tuning.samples);
            });
        }
        if !tuning.compared.is_empty() {
            ui.add_space(space::xs());
            card(ui, view.tokens, |ui| {
                card_head(ui, "Compared", "nats a token · less is better");
                bars::bars_ui(ui, view, &tuning.compared);
            });
        }
        if !tuning.is_running() {
            ui.add_space(space::xs());
            card(ui, view.tokens, |ui| {
                card_head(ui, "Keep it", "");
                keep_ui(ui, view, tuning, out);
            });
        }
    }
    let trials = &view.state.document.plan.measured.trials;
    if !trials.is_empty() {
        ui.add_space(space::xs());
        card(ui, view.tokens, |ui| {
            card_head(ui, "Small runs kept in the plan", "nats a token");
            trials_ui(ui, view, trials, out);
        });
    }
}

/// What would run, and the button.
fn wish_ui(ui: &mut Ui, view: &View<'_>, state: &mut TuneState, tuning: Option<&Tuning>, out: &mut Commands) {
    let (settings, notes) = settings_of(&view.state.document.plan, state.wish);
    ui.add(Label::new(summary(&settings)).wrap());
    for note in notes {
        ui.label(RichText::new(format!("{note}.")).small().color(view.tokens.tight.0));
    }
    if tuning.is_none() {
        ui.label(
            RichText::new(
                "The embedded model of 3.2 million parameters learns to turn order sentences into JSON. It shows what the \
                 method, the format of the base and the settings of the adapters do; it says nothing about how well a \
                 large model will learn your task.",
            )
            .small()
            .color(view.tokens.muted.0),
        );
    }
    let running = tuning.is_some_and(Tuning::is_running);
    ui.horizontal_wrapped(|ui| {
        let number = |ui: &mut Ui, label: &'static str, help: &str, value: DragValue<'_>| {
            ui.add(Label::new(label).extend());
            let response = ui.add(value).on_hover_text(help);
            ui.ctx().accesskit_node_builder(response.id, |node| node.set_label(label));
        };
        let wish = &mut state.wish;
        number(ui, "Steps", "Optimizer steps.", DragValue::new(&mut wish.steps).range(1..=5000).speed(0.5));
        let rate = DragValue::new(&mut wish.learning_rate).range(1e-6..=1.0).speed(1e-4).max_decimals(6);
        number(ui, "Learning rate", "Constant; the plan has none. A small model takes more than a large one.", rate);
        number(ui, "Seed", "Of adapters, examples and their order.", DragValue::new(&mut wish.seed).speed(0.1));
        let text = if running { "Run anew" } else { "Run" };
        if ui.add(Button::new(text)).on_hover_text("Takes some twenty seconds and leaves a core free.").clicked() {
            out.push(Command::Tune(state.wish));
        }
    });
}

/// `NF4 + DQ base, LoRA r 16 α 32 on all seven linear maps, AdamW, 1 × 8 sequences a step`.
fn summary(settings: &RunSettings) -> String {
    let lora = &settings.lora;
    let on = if lora.targets.len() == 7 {
        "all linear maps".to_owned()
    } else {
        lora.targets.iter().map(|part| part.name()).collect::<Vec<_>>().join(", ")
    };
    let optimizer = match settings.optimizer {
        OptimizerSettings::AdamW(_) => "AdamW",
        OptimizerSettings::Sgd(_) => "SGD",
    };
    let scaling = if lora.rank_stabilized { ", α / √r" } else { "" };
    let dropout = if lora.dropout > 0.0 { format!(", dropout {}", lora.dropout) } else { String::new() };
    format!(
        "Base in {}{scaling}{dropout}, on {on}; {optimizer}; {} × {} sequences a step",
        words(settings),
        settings.batch,
        settings.accumulation
    )
}

fn progress_ui(ui: &mut Ui, view: &View<'_>, tuning: &Tuning, out: &mut Commands) {
    let done = tuning.progress.map_or(0, |progress| progress.step.number);
    let words = match &tuning.stage {
        Stage::Preparing => "Quantizing the base…".to_owned(),
        Stage::Training => format!("step {done} of {}", tuning.steps),
        Stage::Paused => format!("paused after step {done} of {}", tuning.steps),
        Stage::Comparing => "comparing the models…".to_owned(),
        Stage::Done => format!("{done} steps done"),
        Stage::Stopped => format!("stopped after step {done} of {}", tuning.steps),
        Stage::Failed(error) => {
            ui.colored_label(view.tokens.over.0, format!("It could not go on: {error}"));
            return;
        }
    };
    ui.horizontal_wrapped(|ui| {
        if tuning.is_running() {
            let paused = tuning.stage == Stage::Paused;
            if ui.button(if paused { "Resume" } else { "Pause" }).clicked() {
                out.push(Command::PauseTuning(!paused));
            }
            if ui.button("Stop").on_hover_text("Within a step; what was learned is kept.").clicked() {
                out.push(Command::StopTuning);
            }
        }
        ui.add(egui::ProgressBar::new(done as f32 / tuning.steps.max(1) as f32).desired_width(160.0));
        ui.add(Label::new(words).extend());
        if let Some(progress) = &tuning.progress {
            let mut figures = Vec::new();
            figures.extend(progress.tokens_per_second().map(|pace| quantity(pace, "tokens/s")));
            if tuning.stage == Stage::Training {
                figures.push(format!("{} left", duration(progress.time_left(0).as_secs_f64())));
            }
            ui.add(Label::new(RichText::new(figures.join(", ")).color(view.tokens.muted.0)).extend());
        }
    });
}

/// Memory expected and measured.
fn memory_ui(ui: &mut Ui, view: &View<'_>, tuning: &Tuning) {
    let Some(expected) = tuning.expected_bytes else { return };
    let words = tuning.measured_bytes.map_or_else(
        || "not measured on this system".to_owned(),
        |measured| {
            let error = expected as f64 / measured.max(1) as f64 - 1.0;
            format!("measured {}, the prediction is {} off", Bytes(measured), signed_percent(error))
        },
    );
    let label =
        ui.label(RichText::new(format!("Memory: predicted {}; {words}", Bytes(expected))).color(view.tokens.muted.0));
    label.on_hover_text(
        "Predicted: frozen weights, adapters, their gradients and optimizer state, what forward keeps for backward, logits \
         and working memory of this runtime. Measured: the most this process has had beyond what it had before the run, \
         the window's own doings included.",
    );
}

fn held_out_ui(ui: &mut Ui, view: &View<'_>, tuning: &Tuning) {
    let (Some((_, first)), Some((after, last))) = (tuning.held_out.first(), tuning.held_out.last()) else { return };
    let now = if *after == 0 {
        "before training".to_owned()
    } else {
        format!("before, {} after {after} steps", significant(last.loss))
    };
    ui.label(format!(
        "Held-out answers: loss {} {now}; {} of {} exact to the last token",
        significant(first.loss),
        last.exact,
        last.examples
    ));
    ui.label(RichText::new("Prompts are masked: only tokens of the answers count.").small().color(view.tokens.muted.0));
}

fn samples_ui(ui: &mut Ui, view: &View<'_>, samples: &[Sample]) {
    Grid::new("samples").num_columns(2).spacing(Vec2::new(space::l(), space::xs())).show(ui, |ui| {
        for sample in samples {
            for (label, text) in [("asked", &sample.prompt), ("answered", &sample.answer), ("wanted", &sample.wanted)] {
                ui.label(RichText::new(label).small().color(view.tokens.muted.0));
                let mut text = RichText::new(text.trim()).monospace();
                if label == "answered" {
                    text = text.color(if sample.answer == sample.wanted {
                        view.tokens.fits.0
                    } else {
                        view.tokens.text.0
                    });
                }
                ui.add(Label::new(text).wrap());
                ui.end_row();
            }
            ui.end_row();
        }
    });
}

fn keep_ui(ui: &mut Ui, view: &View<'_>, tuning: &Tuning, out: &mut Commands) {
    ui.horizontal_wrapped(|ui| {
        if tuning.trained.is_some() {
            let save = ui.button("Save adapter…");
            if save.on_hover_text("A new folder in the format of Hugging Face PEFT; nothing is overwritten.").clicked()
            {
                out.push(Command::PickFile(PathPurpose::SaveAdapter));
            }
            if ui.button("Save by path…").on_hover_text("Type the path of a new folder.").clicked() {
                out.push(Command::AskPath(PathPurpose::SaveAdapter));
            }
        }
        let trials = &view.state.document.plan.measured.trials;
        match tuning.trial(&view.state.session.today) {
            Some(trial) if trials.contains(&trial) => {
                ui.add(Label::new(RichText::new("The result is in the plan.").color(view.tokens.muted.0)).extend());
            }
            Some(trial) if trials.len() < MAX_TRIALS => {
                let keep = ui.button("Put the result into the plan");
                if keep.on_hover_text("One dated line under what was measured; Undo takes it out again.").clicked() {
                    let lines = trials.iter().chain([&trial]).map(ToString::to_string).collect();
                    out.push(edited(lines, "Keep result of small run"));
                }
            }
            _ => {}
        }
    });
}

fn edited(lines: Vec<String>, label: &str) -> Command {
    let set = PlanEdit::Set("measured.trials", FieldValue::List(lines));
    Command::Edit(PlanEdit::Group(vec![set], label.to_owned()))
}

fn trials_ui(ui: &mut Ui, view: &View<'_>, trials: &[Trial], out: &mut Commands) {
    Grid::new("trials").striped(true).spacing(Vec2::new(space::l(), space::xs())).show(ui, |ui| {
        for head in ["Held-out loss", "Exact", "Base text", "What", ""] {
            ui.label(RichText::new(head).small().color(view.tokens.muted.0));
        }
        ui.end_row();
        for (index, trial) in trials.iter().enumerate() {
            let change = RichText::new(format!("{:.3} → {:.3}", trial.loss[0], trial.loss[1]));
            ui.label(change.font(bold(type_size::body())));
            ui.label(format!("{} of {}", trial.exact[0], trial.exact[1]));
            let text = trial.text.map_or_else(|| "–".to_owned(), |[before, after]| format!("{before:.3} → {after:.3}"));
            ui.label(text).on_hover_text("Loss on text such as the base was made from: what was forgotten.");
            ui.add(Label::new(&trial.note).wrap());
            let remove = ui.small_button("Remove");
            let name = format!("Remove small run {}", index + 1);
            remove.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &name));
            if remove.clicked() {
                let rest = trials.iter().enumerate().filter(|(other, _)| *other != index);
                out.push(edited(rest.map(|(_, trial)| trial.to_string()).collect(), "Remove small run"));
            }
            ui.end_row();
        }
    });
}
