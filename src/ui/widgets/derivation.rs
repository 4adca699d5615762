//! A number's derivation: figure, reason, inputs, formula, source.

use crate::explained::{Exactness, Explained};
use crate::theme::{Tokens, bold, space, type_size};
use crate::units::ByteUnit;
use egui::{Align, Layout, RichText, Ui};

/// Draws the derivation.
pub fn derivation_ui(ui: &mut Ui, explained: &Explained, unit: ByteUnit, tokens: &Tokens) {
    ui.label(RichText::new(explained.title.as_ref()).font(bold(type_size::title())));
    ui.label(RichText::new(explained.value.display(unit)).font(bold(type_size::figure())));
    badge_ui(ui, explained.exactness, tokens);
    if !explained.why.is_empty() {
        ui.add_space(space::xs());
        ui.label(RichText::new(explained.why.as_ref()).color(tokens.muted.0));
    }
    if !explained.formula.is_empty() {
        ui.add_space(space::s());
        ui.label(RichText::new(format!("= {}", explained.formula)).font(bold(type_size::body())));
    }
    for input in &explained.inputs {
        row_ui(ui, input.name.as_ref(), input.note.as_ref(), &input.value.display(unit), tokens);
    }
    if !explained.parts.is_empty() {
        ui.add_space(space::s());
        ui.label(RichText::new("Sum of").small().color(tokens.muted.0));
        for part in &explained.parts {
            let note = part.formula.as_ref();
            row_ui(ui, part.title.as_ref(), note, &part.value.display(unit), tokens);
        }
    }
    if !explained.source.is_empty() {
        ui.add_space(space::s());
        ui.label(RichText::new(format!("Source: {}", explained.source)).small().color(tokens.muted.0));
    }
}

/// A word in an outline, so that it is told from the text without its colour.
fn badge_ui(ui: &mut Ui, exactness: Exactness, tokens: &Tokens) {
    let (word, color, help) = match exactness {
        Exactness::Exact => ("exact", tokens.fits.0, "Follows from shapes and formats alone."),
        Exactness::Approximate => ("approximate", tokens.tight.0, "Rests on a fitted or simplified term."),
    };
    egui::Frame::new()
        .stroke(egui::Stroke::new(1.0, color))
        .corner_radius(4)
        .inner_margin(egui::Margin::symmetric(6, 1))
        .show(ui, |ui| ui.label(RichText::new(word).small().color(color)))
        .response
        .on_hover_text(help);
}

/// Name and note left, value right; the name has all the room that the value leaves.
fn row_ui(ui: &mut Ui, name: &str, note: &str, value: &str, tokens: &Tokens) {
    let font = bold(type_size::body());
    let value_width = ui.painter().layout_no_wrap(value.to_owned(), font.clone(), tokens.text.0).size().x.ceil();
    ui.horizontal_top(|ui| {
        let name_width = (ui.available_width() - value_width - space::m()).max(ui.available_width() * 0.3);
        ui.allocate_ui_with_layout(egui::vec2(name_width, 0.0), Layout::top_down(Align::Min), |ui| {
            ui.spacing_mut().item_spacing.y = 0.0;
            ui.set_width(name_width);
            ui.label(name);
            if !note.is_empty() {
                ui.label(RichText::new(note).small().color(tokens.muted.0));
            }
        });
        ui.with_layout(Layout::right_to_left(Align::Min), |ui| ui.label(RichText::new(value).font(font)));
    });
    let (rect, _) = ui.allocate_exact_size(egui::vec2(ui.available_width(), 1.0), egui::Sense::hover());
    ui.painter().hline(rect.x_range(), rect.top(), egui::Stroke::new(1.0, tokens.line.0));
}
