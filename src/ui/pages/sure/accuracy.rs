//! Errors by kind of row, and those of public formulas beside them.

use crate::theme::{space, type_size};
use crate::ui::View;
use crate::units::percent;
use crate::validation::{Accuracy, Evidence};
use egui::{Grid, RichText, Ui};

/// Draws both tables.
pub fn accuracy_ui(ui: &mut Ui, view: &View<'_>, evidence: &Evidence) {
    let muted = view.tokens.muted.0;
    let head = |text: &str| RichText::new(text).small().color(muted);
    let share = |share: Option<f64>| share.map_or_else(|| "–".to_owned(), percent);
    let names = (ui.available_width() - 250.0).max(120.0);
    let title_ui = |ui: &mut Ui, title: &str| ui.label(RichText::new(title).size(type_size::small()).color(muted));
    title_ui(ui, "Tuneplan");
    Grid::new("classes").num_columns(5).spacing([space::m(), space::xs()]).min_col_width(36.0).show(ui, |ui| {
        for text in ["Rows", "Number", "Median", "95th", "In band"] {
            ui.label(head(text));
        }
        ui.end_row();
        for class in &evidence.classes {
            name_ui(ui, class.name, names, "");
            figures_ui(ui, &class.accuracy, share);
            ui.label(share(class.accuracy.within_interval))
                .on_hover_text(format!("Median width of the band: {}", share(class.accuracy.median_interval_width)));
            ui.end_row();
        }
    });
    ui.add_space(space::s());
    title_ui(ui, "Public formulas on the exact training rows they apply to");
    Grid::new("peers").num_columns(4).spacing([space::m(), space::xs()]).min_col_width(36.0).show(ui, |ui| {
        for text in ["Formula", "Number", "Median", "95th"] {
            ui.label(head(text));
        }
        ui.end_row();
        for found in &evidence.peers {
            name_ui(ui, found.peer.label(), names, found.peer.formula());
            figures_ui(ui, &found.accuracy, share);
            ui.end_row();
        }
    });
    ui.add_space(space::xs());
    let note = "Bands were drawn from these same published rows; a job unlike all of them may lie outside more often.";
    ui.label(RichText::new(note).small().color(muted));
}

fn name_ui(ui: &mut Ui, name: &str, width: f32, help: &str) {
    ui.scope(|ui| {
        ui.set_max_width(width);
        let label = ui.add(egui::Label::new(name).wrap());
        if !help.is_empty() {
            label.on_hover_text(help);
        }
    });
}

fn figures_ui(ui: &mut Ui, accuracy: &Accuracy, share: impl Fn(Option<f64>) -> String) {
    ui.label(accuracy.rows.to_string());
    ui.label(share(accuracy.median_abs_error));
    ui.label(share(accuracy.p95_abs_error));
}
