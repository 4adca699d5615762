//! Every rule on one screen, a line each: conditions, outcome, source; those that hold here are marked.

use super::{head_ui, note_ui};
use crate::decide::rules::{Condition, rules};
use crate::theme::{bold, space, type_size};
use crate::ui::{View, card};
use egui::{Color32, FontId, Grid, Label, RichText, Ui};

/// Shares of the width: name, conditions, outcome, source.
const COLUMNS: [f32; 4] = [0.24, 0.4, 0.13, 0.23];

/// Draws all rules.
pub fn rules_ui(ui: &mut Ui, view: &View<'_>) {
    let found = &view.computed.decided(&view.state.document.plan).found;
    let held: Vec<&str> = found.advice.iter().flat_map(|advice| advice.rules.iter().map(|rule| rule.id)).collect();
    card(ui, view.tokens, |ui| {
        head_ui(ui, &format!("Recommendation: {}", found.headline()));
        note_ui(
            ui,
            view,
            "Asked from top to bottom; one that stops (■) ends the questioning; ● holds here. A share counts as most only when the lower end of its 95 % interval is above a half. Point at a line for its reason.",
        );
        table_ui(ui, view, "rules", ["Rule", "If", "Then", "Source"], |row| {
            for rule in &rules().rules {
                let holds = held.contains(&rule.id.as_str());
                let mark = if holds { "● " } else { "" };
                let stops = if rule.stops { " ■" } else { "" };
                row(Row {
                    cells: [
                        format!("{mark}{}{stops}", rule.name),
                        words(&rule.when),
                        rule.outcome.label().to_owned(),
                        rule.source.clone(),
                    ],
                    reason: &rule.reason,
                    holds,
                });
            }
        });
    });
    ui.add_space(space::xs());
    card(ui, view.tokens, |ui| needs_ui(ui, view));
    ui.add_space(space::xs());
    card(ui, view.tokens, |ui| {
        table_ui(ui, view, "against", ["Against fine-tuning", "If", "Who pays", "Source"], |row| {
            for against in &rules().against {
                let holds = found.against.contains(&against);
                let mark = if holds { "● " } else { "" };
                let when = if against.when.is_empty() { "always".to_owned() } else { words(&against.when) };
                row(Row {
                    cells: [format!("{mark}{}", against.name), when, against.pays.clone(), against.source.clone()],
                    reason: &against.reason,
                    holds,
                });
            }
        });
    });
}

/// What must be true first, what is done instead where it is not, and where training is done.
fn needs_ui(ui: &mut Ui, view: &View<'_>) {
    let found = &view.computed.decided(&view.state.document.plan).found;
    let held: Vec<&str> =
        found.held.iter().flat_map(|held| &held.needs).map(|needed| needed.need.id.as_str()).collect();
    table_ui(ui, view, "needs", ["What must be true first", "Asked if", "If not", "Source"], |row| {
        for need in &rules().needs {
            let instead: Vec<&str> = need.instead.iter().map(|instead| instead.outcome.label()).collect();
            let when = if need.when.is_empty() { "always".to_owned() } else { words(&need.when) };
            let instead = if instead.is_empty() { "is only said".to_owned() } else { instead.join(" or ") };
            row(Row {
                cells: [need.name.clone(), when, instead, need.source.clone()],
                reason: &need.reason,
                holds: held.contains(&need.id.as_str()),
            });
        }
    });
    ui.add_space(space::s());
    table_ui(ui, view, "places", ["Where training is done", "If", "Then", "Source"], |row| {
        for place in &rules().places {
            let when = if place.when.is_empty() { "otherwise".to_owned() } else { words(&place.when) };
            row(Row {
                cells: [place.reason.clone(), when, place.place.label().to_owned(), place.source.clone()],
                reason: &place.reason,
                holds: found.place == Some(place),
            });
        }
    });
}

/// A line.
struct Row<'a> {
    cells: [String; 4],
    reason: &'a str,
    holds: bool,
}

fn words(conditions: &[Condition]) -> String {
    conditions.iter().map(|condition| Condition::words(*condition)).collect::<Vec<_>>().join("; ")
}

/// Lines of four cells; every cell shows what does not fit, and the reason, under the pointer.
fn table_ui(ui: &mut Ui, view: &View<'_>, name: &str, heads: [&str; 4], rows: impl FnOnce(&mut dyn FnMut(Row<'_>))) {
    let width = ui.available_width() - 3.0 * space::s();
    let cell_ui = |ui: &mut Ui, index: usize, text: RichText, hover: String| {
        let size = egui::vec2(width * COLUMNS[index], type_size::small() + 3.0);
        ui.allocate_ui_with_layout(size, egui::Layout::left_to_right(egui::Align::Center), |ui| {
            ui.set_width(size.x);
            let response = ui.add(Label::new(text).truncate().selectable(false));
            if !hover.is_empty() {
                response.on_hover_text(hover);
            }
        });
    };
    Grid::new(name).num_columns(4).spacing([space::s(), 2.0]).min_row_height(type_size::small() + 3.0).show(ui, |ui| {
        for (index, head) in heads.into_iter().enumerate() {
            cell_ui(ui, index, RichText::new(head).small().color(view.tokens.muted.0), String::new());
        }
        ui.end_row();
        rows(&mut |row: Row<'_>| {
            for (index, text) in row.cells.iter().enumerate() {
                let (font, ink) = font_of(view, index, row.holds);
                let hover = format!("{text}\n\n{}", row.reason);
                cell_ui(ui, index, RichText::new(text).font(font).color(ink), hover);
            }
            ui.end_row();
        });
    });
}

fn font_of(view: &View<'_>, column: usize, holds: bool) -> (FontId, Color32) {
    let size = type_size::small();
    match column {
        0 if holds => (bold(size), view.tokens.accent.0),
        0 | 2 => (bold(size), view.tokens.text.0),
        3 => (FontId::proportional(size), view.tokens.muted.0),
        _ => (FontId::proportional(size), view.tokens.text.0),
    }
}
