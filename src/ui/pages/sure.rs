//! Accuracy: measured jobs like the plan, predicted against measured, errors by kind of row, own measurements.

use crate::app::command::Commands;
use crate::theme::{bold, space, type_size};
use crate::ui::{UiState, View, card, card_head};
use crate::units::percent;
use crate::validation::{Evidence, Neighbour, RESEMBLES};
use egui::{RichText, Ui};

mod accuracy;
mod nearest;
mod own;
mod scatter;

/// What is being typed.
#[derive(Clone, Debug, Default)]
pub struct SureState {
    /// Text with measured peaks.
    pub typed: String,
    /// Why it was not understood.
    pub refused: Option<String>,
    /// All neighbours are listed.
    pub all_listed: bool,
}

/// Draws the page.
pub fn sure_ui(ui: &mut Ui, view: &View<'_>, ui_state: &mut UiState, out: &mut Commands) {
    match view.state.session.evidence {
        None => card(ui, view.tokens, |ui| {
            ui.horizontal(|ui| {
                ui.spinner();
                ui.label("The shipped measurements are being predicted…");
            });
        }),
        Some(evidence) => {
            let near = view.computed.neighbours(&view.state.document.plan, evidence);
            card(ui, view.tokens, |ui| {
                card_head(ui, "Measured jobs like this one", view.unit().symbol());
                sentence_ui(ui, view, evidence, near);
                nearest::table_ui(ui, view, ui_state, evidence, near);
            });
        }
    }
    ui.add_space(space::xs());
    card(ui, view.tokens, |ui| {
        card_head(ui, "Your measurements", "kept in the plan");
        own::own_ui(ui, view, &mut ui_state.sure, out);
    });
    let Some(evidence) = view.state.session.evidence else { return };
    ui.add_space(space::xs());
    card(ui, view.tokens, |ui| {
        card_head(ui, "Predicted against measured", view.unit().symbol());
        let near = view.computed.neighbours(&view.state.document.plan, evidence);
        scatter::scatter_ui(ui, view, evidence, near, out);
    });
    ui.add_space(space::xs());
    card(ui, view.tokens, |ui| {
        card_head(ui, "Error by kind of measurement", "all rows, absolute");
        accuracy::accuracy_ui(ui, view, evidence);
    });
}

/// What the neighbours say, in a sentence.
fn sentence_ui(ui: &mut Ui, view: &View<'_>, evidence: &Evidence, near: &[Neighbour]) {
    let errors = |exact: bool| -> Vec<f64> {
        let alike = near.iter().filter(|found| found.distance <= RESEMBLES);
        let rows = alike.filter_map(|found| evidence.rows.get(found.index)).filter(|row| row.exact == exact);
        let mut errors: Vec<f64> = rows.map(|measured| measured.row.error.abs()).collect();
        errors.sort_by(f64::total_cmp);
        errors
    };
    let parts: Vec<String> = [(false, "measured on a device"), (true, "traced byte by byte")]
        .into_iter()
        .filter_map(|(exact, how)| said(&errors(exact), how))
        .collect();
    let text = if near.is_empty() {
        "No measured job is of this kind: the model is not known, or such a workload was never measured.".to_owned()
    } else if parts.is_empty() {
        "No measured job resembles this plan; the nearest are listed. Rely on the upper end of the band, or measure one step and type it below.".to_owned()
    } else {
        format!("Jobs that resemble this plan: {}.", parts.join("; "))
    };
    ui.label(RichText::new(text).font(bold(type_size::body())).color(view.tokens.text.0));
    ui.add_space(space::xs());
}

/// `7 measured on a device, off by 5.2 % in the median and 30 % at worst`, of ascending errors.
fn said(errors: &[f64], how: &str) -> Option<String> {
    let (middle, worst) = (errors.get(errors.len() / 2)?, errors.last()?);
    let count = errors.len();
    Some(if count == 1 {
        format!("1 {how}, off by {}", percent(*worst))
    } else {
        format!("{count} {how}, off by {} in the median and {} at worst", percent(*middle), percent(*worst))
    })
}
