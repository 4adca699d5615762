//! What the models say to prompts they were not trained on, side by side.

use crate::preview::compare::Variant;
use crate::preview::generate::Sample;
use crate::preview::record::Record;
use crate::theme::space;
use crate::ui::View;
use egui::{Grid, Label, RichText, Ui, Vec2};

/// Draws a block for each prompt.
pub fn answers_ui(ui: &mut Ui, view: &View<'_>, record: &Record) {
    for (index, sample) in record.samples.iter().enumerate() {
        if index > 0 {
            ui.add_space(space::s());
        }
        Grid::new(("answers", index)).num_columns(2).striped(true).spacing(Vec2::new(space::l(), 2.0)).show(ui, |ui| {
            row_ui(ui, view, "Prompt", sample.prompt.trim(), view.tokens.muted.0);
            row_ui(ui, view, "Wanted", &sample.wanted, view.tokens.muted.0);
            let compared: Vec<(Variant, &Sample)> = record
                .compared
                .iter()
                .filter_map(|compared| Some((compared.variant, compared.answers.get(index)?)))
                .collect();
            if compared.is_empty() {
                row_ui(ui, view, "Answer so far", &sample.answer, ink(view, sample));
            }
            for (variant, sample) in compared {
                row_ui(ui, view, variant.name(), &sample.answer, ink(view, sample));
            }
        });
    }
}

/// Right to the last letter, or not.
fn ink(view: &View<'_>, sample: &Sample) -> egui::Color32 {
    if sample.answer.trim() == sample.wanted.trim() { view.tokens.fits.0 } else { view.tokens.text.0 }
}

fn row_ui(ui: &mut Ui, view: &View<'_>, label: &str, text: &str, ink: egui::Color32) {
    ui.label(RichText::new(label).small().color(view.tokens.muted.0));
    let text = if text.trim().is_empty() { "(nothing)" } else { text.trim() };
    ui.add(Label::new(RichText::new(text).monospace().color(ink)).wrap());
    ui.end_row();
}
