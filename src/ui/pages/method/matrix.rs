//! One linear layer and what the method puts around it, drawn to proportion on a logarithmic scale.

use super::{MethodState, explained_ui, look, state_word};
use crate::estimate::picture::{Expression, LayerKind, MatrixTerm, PieceState, Term};
use crate::theme::{Tokens, bold, space, type_size};
use crate::ui::View;
use crate::units::{grouped, percent};
use egui::{Align2, CornerRadius, FontId, Pos2, Rect, RichText, Sense, Stroke, StrokeKind, Ui, Vec2};

/// Points for each doubling of a side.
const DOUBLING: f32 = 7.0;
/// Side of a dimension of one.
const LEAST: f32 = 9.0;
/// Height of the row: the longest side that is drawn.
const TALLEST: f32 = 124.0;
/// Room for the two lines under a matrix.
const CAPTION: f32 = 34.0;

/// Draws the card.
pub fn matrix_ui(ui: &mut Ui, view: &View<'_>, state: &mut MethodState, kind: &LayerKind) {
    let Some(chosen) = chosen(state, kind) else { return };
    ui.horizontal_wrapped(|ui| {
        for expression in &kind.matrices {
            let is_chosen = std::ptr::eq(expression, chosen);
            let response = ui.selectable_label(is_chosen, expression.name);
            let name = format!("Draw {}", expression.name);
            response.widget_info(|| egui::WidgetInfo::selected(egui::Role::RadioButton, true, is_chosen, name.clone()));
            if response.clicked() {
                state.matrix = Some(expression.name);
            }
        }
    });
    ui.add_space(space::s());
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = space::xs();
        for term in &chosen.terms {
            match term {
                Term::Matrix(matrix) => matrix_term_ui(ui, view.tokens, matrix, state),
                Term::Sign(sign) => sign_ui(ui, view.tokens, sign),
            }
        }
    });
    ui.add_space(space::xs());
    ui.label(RichText::new(&chosen.formula).font(bold(type_size::title())));
    ui.label(RichText::new(counts(chosen)).font(bold(type_size::body())));
    ui.label(RichText::new(&chosen.note).color(view.tokens.muted.0));
    explained_ui(ui, view, state.explained[0].as_deref(), "Click a matrix to read what it is.");
}

/// The matrix that was chosen, else the first that the method touches.
fn chosen<'a>(state: &MethodState, kind: &'a LayerKind) -> Option<&'a Expression> {
    let named = state.matrix.and_then(|name| kind.matrices.iter().find(|expression| expression.name == name));
    let touched = || kind.matrices.iter().find(|expression| expression.trained_values > 0);
    named.or_else(touched).or_else(|| kind.matrices.first())
}

/// `Frozen 16,777,216 values · trained 131,072 values · 0.78 % of the matrix`.
fn counts(expression: &Expression) -> String {
    let all: u64 = expression.terms.iter().map(|term| if let Term::Matrix(at) = term { weight(at) } else { 0 }).sum();
    let share = expression.trained_values as f64 / all.max(1) as f64;
    format!(
        "Frozen {} values · trained {} values · {} of W",
        grouped(expression.frozen_values),
        grouped(expression.trained_values),
        percent(share)
    )
}

/// Values of `W` itself.
const fn weight(term: &MatrixTerm) -> u64 {
    if matches!(term.symbol.as_bytes(), b"W") { term.values() } else { 0 }
}

fn side(dimension: u64) -> f32 {
    LEAST + DOUBLING * (dimension.max(1) as f64).log2() as f32
}

fn matrix_term_ui(ui: &mut Ui, tokens: &Tokens, matrix: &MatrixTerm, state: &mut MethodState) {
    let size = Vec2::new(side(matrix.columns), side(matrix.rows).min(TALLEST));
    let small = FontId::proportional(type_size::small());
    let shape = format!("{} × {}", grouped(matrix.rows), grouped(matrix.columns));
    let word = match matrix.state {
        PieceState::Frozen => "frozen",
        _ => "trained",
    };
    let text = |text: &str| ui.painter().layout_no_wrap(text.to_owned(), small.clone(), tokens.muted.0);
    let (shape_galley, word_galley) = (text(&shape), text(word));
    let slot = Vec2::new(size.x.max(shape_galley.size().x).max(word_galley.size().x) + 2.0, TALLEST + CAPTION);
    let (rect, response) = ui.allocate_exact_size(slot, Sense::click());
    let name = format!("{}, {shape}, {}, {} values", matrix.symbol, state_word(matrix.state), grouped(matrix.values()));
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, name.clone()));
    let centre = Pos2::new(rect.center().x, rect.top() + TALLEST / 2.0);
    let body = Rect::from_center_size(centre, size);
    let (fill, pattern) = look(matrix.state, tokens);
    ui.painter().rect_filled(body, CornerRadius::same(2), fill);
    pattern.paint(ui, body, fill);
    let marked = response.hovered() || response.has_focus();
    let outline = if marked { Stroke::new(2.0, tokens.text.0) } else { Stroke::new(1.0, tokens.edge.0) };
    ui.painter().rect_stroke(body, CornerRadius::same(2), outline, StrokeKind::Outside);
    symbol(ui, body, matrix.symbol, fill, tokens);
    let middle = |galley: &egui::Galley| rect.center().x - galley.size().x / 2.0;
    let below = body.bottom() + 4.0;
    let second = below + shape_galley.size().y;
    ui.painter().galley(Pos2::new(middle(&shape_galley), below), shape_galley, tokens.muted.0);
    ui.painter().galley(Pos2::new(middle(&word_galley), second), word_galley, tokens.muted.0);
    let sentence = format!("{name}. {}", matrix.explain);
    if response.clicked() {
        state.explained[0] = Some(sentence.clone());
    }
    response.on_hover_text_at_pointer(sentence);
}

/// The letter, on plain colour; beside what is too thin for it.
fn symbol(ui: &Ui, body: Rect, symbol: &str, fill: egui::Color32, tokens: &Tokens) {
    let ink = Tokens::text_on(fill);
    let galley = ui.painter().layout_no_wrap(symbol.to_owned(), bold(type_size::title()), ink);
    if galley.size().x + 6.0 <= body.width() && galley.size().y <= body.height() {
        let place = Rect::from_center_size(body.center(), galley.size()).expand2(Vec2::new(3.0, 0.0));
        ui.painter().rect_filled(place, 3, fill);
        ui.painter().galley(body.center() - galley.size() / 2.0, galley, ink);
    } else {
        let at = Pos2::new(body.center().x, body.top() - 3.0);
        ui.painter().text(at, Align2::CENTER_BOTTOM, symbol, bold(type_size::title()), tokens.text.0);
    }
}

fn sign_ui(ui: &mut Ui, tokens: &Tokens, sign: &str) {
    let galley = ui.painter().layout_no_wrap(sign.to_owned(), bold(type_size::title()), tokens.text.0);
    let (rect, response) = ui.allocate_exact_size(Vec2::new(galley.size().x, TALLEST + CAPTION), Sense::hover());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, sign));
    let at = Pos2::new(rect.left(), rect.top() + TALLEST / 2.0 - galley.size().y / 2.0);
    ui.painter().galley(at, galley, tokens.text.0);
}
