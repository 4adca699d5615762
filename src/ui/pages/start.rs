//! Where to begin: templates, recent plans, ways to bring a model.

use crate::app::command::{Command, Commands};
use crate::plan::{Template, templates};
use crate::ui::theme::{bold, type_size};
use crate::ui::{UiState, View, card, section_head};
use egui::{Label, RichText, Ui};

/// Width a card of a template needs.
const CARD: f32 = 250.0;

/// Draws the page.
pub fn start_ui(ui: &mut Ui, view: &View<'_>, _ui_state: &mut UiState, out: &mut Commands) {
    ui.label(RichText::new("What do you want to fine-tune?").font(bold(type_size::FIGURE)));
    ui.label(
        RichText::new("Begin with a template and change what is yours: the memory follows while you type.")
            .color(view.tokens.muted.0),
    );
    section_head(ui, view.tokens, "Templates");
    let columns = ((ui.available_width() / CARD) as usize).clamp(1, 4);
    for row in templates().chunks(columns) {
        ui.columns(columns, |uis| {
            for (ui, template) in uis.iter_mut().zip(row) {
                template_ui(ui, template, view, out);
            }
        });
    }
}

fn template_ui(ui: &mut Ui, template: &'static Template, view: &View<'_>, out: &mut Commands) {
    card(ui, view.tokens, |ui| {
        ui.label(RichText::new(&template.plan.name).font(bold(type_size::TITLE)));
        ui.add(Label::new(RichText::new(&template.plan.notes).color(view.tokens.muted.0)).wrap());
        if ui.button("Use").clicked() {
            out.push(Command::NewFromTemplate(template.name));
        }
    });
}
