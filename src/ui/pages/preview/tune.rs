//! A preview with the plan's settings: what will run, how it goes, what came out.

use crate::app::command::Commands;
use crate::tasks::tuning::Tuning;
use crate::theme::space;
use crate::ui::{View, card, card_head};
use egui::Ui;

mod answers;
mod ask;
mod bars;
mod keep;
mod learned;
mod loss;
mod memory;
mod progress;
mod trials;

/// Wider than this, loss and memory stand side by side.
const SIDE_BY_SIDE: f32 = 860.0;
/// Share of the width the loss gets.
const LOSS_SHARE: f32 = 0.6;

/// Draws this part of the page.
pub fn tune_ui(ui: &mut Ui, view: &View<'_>, out: &mut Commands) {
    let tuning = view.state.session.tuning.as_deref();
    card(ui, view.tokens, |ui| {
        card_head(ui, "Fine-tune a small model with this plan", "on this machine");
        ask::ask_ui(ui, view, tuning, out);
        if let Some(tuning) = tuning {
            ui.add_space(space::xs());
            progress::progress_ui(ui, view, tuning, out);
        }
    });
    if let Some(tuning) = tuning {
        results_ui(ui, view, tuning, out);
    }
    let trials = &view.state.document.plan.measured.trials;
    if !trials.is_empty() {
        ui.add_space(space::xs());
        card(ui, view.tokens, |ui| {
            card_head(ui, "Previews kept in the plan", "loss per token, in nats");
            trials::trials_ui(ui, view, trials, out);
        });
    }
}

fn results_ui(ui: &mut Ui, view: &View<'_>, tuning: &Tuning, out: &mut Commands) {
    let record = &tuning.record;
    if !record.held_out.is_empty() {
        ui.add_space(space::xs());
        let width = ui.available_width();
        if width >= SIDE_BY_SIDE {
            ui.horizontal_top(|ui| {
                ui.spacing_mut().item_spacing.x = space::xs();
                let loss_width = (width * LOSS_SHARE).floor();
                column_ui(ui, loss_width, |ui| loss_card_ui(ui, view, tuning, loss::BESIDE_MEMORY, out));
                column_ui(ui, width - loss_width - space::xs(), |ui| memory_card_ui(ui, view, tuning));
            });
        } else {
            loss_card_ui(ui, view, tuning, loss::HEIGHT, out);
            ui.add_space(space::xs());
            memory_card_ui(ui, view, tuning);
        }
    }
    if !record.compared.is_empty() {
        ui.add_space(space::xs());
        card(ui, view.tokens, |ui| {
            card_head(ui, "Models compared", "loss per token, in nats · less is better");
            bars::bars_ui(ui, view, &record.compared);
        });
    }
    if !record.updates.is_empty() {
        ui.add_space(space::xs());
        card(ui, view.tokens, |ui| {
            card_head(ui, "Learned updates", "directions of the adapters");
            learned::learned_ui(ui, view, record, out);
        });
    }
    if tuning.kept.is_some() {
        ui.add_space(space::xs());
        card(ui, view.tokens, |ui| {
            card_head(ui, "Save the results", "");
            keep::keep_ui(ui, view, tuning, out);
        });
    }
    if !record.samples.is_empty() {
        ui.add_space(space::xs());
        card(ui, view.tokens, |ui| {
            card_head(ui, "Answers to prompts it was not trained on", "greedy decoding");
            answers::answers_ui(ui, view, record);
        });
    }
}

fn column_ui(ui: &mut Ui, width: f32, content: impl FnOnce(&mut Ui)) {
    ui.vertical(|ui| {
        ui.set_width(width);
        content(ui);
    });
}

fn loss_card_ui(ui: &mut Ui, view: &View<'_>, tuning: &Tuning, height: f32, out: &mut Commands) {
    card(ui, view.tokens, |ui| {
        card_head(ui, "Loss per token", "nats");
        loss::loss_ui(ui, view, &tuning.record, height, out);
    });
}

fn memory_card_ui(ui: &mut Ui, view: &View<'_>, tuning: &Tuning) {
    card(ui, view.tokens, |ui| {
        card_head(ui, "Memory", "of a training step");
        memory::memory_ui(ui, view, &tuning.record);
    });
}
