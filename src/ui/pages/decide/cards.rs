//! Cards beside the question or step they bear on: folded, a title each.

use super::note_ui;
use crate::decide::cards::{Card, Words, of_question, of_step};
use crate::plan::decision::questions::Step;
use crate::text::Language;
use crate::theme::type_size;
use crate::ui::View;
use egui::{CollapsingHeader, FontId, RichText, Ui};

/// Cards of a question, under its row.
pub fn of_question_ui(ui: &mut Ui, view: &View<'_>, id: &str) {
    for card in of_question(id) {
        card_ui(ui, view, card);
    }
}

/// Cards of the step as a whole.
pub fn of_step_ui(ui: &mut Ui, view: &View<'_>, step: Step) {
    for card in of_step(step) {
        card_ui(ui, view, card);
    }
}

fn card_ui(ui: &mut Ui, view: &View<'_>, card: &'static Card) {
    let in_language = |words: &'static Words| match view.state.settings.language {
        Language::English => words.en.as_str(),
        Language::Korean => words.ko.as_str(),
    };
    let title = RichText::new(in_language(&card.title)).font(FontId::proportional(type_size::small()));
    CollapsingHeader::new(title).id_salt(("card", card.id.as_str())).show(ui, |ui| {
        ui.add(egui::Label::new(in_language(&card.text)).wrap());
        note_ui(ui, view, &card.source);
    });
}
