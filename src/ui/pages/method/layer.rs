//! The layer from bottom to top of its code: every weight a box, what is trained marked, a click puts it in or out.

use super::{MethodState, explained_ui, kinds_ui, look, state_word};
use crate::app::command::{Command, Commands};
use crate::estimate::picture::{
    LAYER_INPUT, LayerKind, MethodPicture, OuterPart, Piece, PieceState, Step, with_target,
};
use crate::plan::edit::PlanEdit;
use crate::plan::field::FieldValue;
use crate::plan::field::id;
use crate::theme::{Tokens, bold, space, type_size};
use crate::ui::View;
use crate::units::{grouped, percent};
use egui::{CornerRadius, FontId, Pos2, Rect, RichText, Sense, Stroke, StrokeKind, Ui, Vec2};

/// Width of the column with the names of the steps.
const NAMES: f32 = 118.0;
/// Narrower than this, names stand above their boxes.
const SIDE_BY_SIDE: f32 = 400.0;
/// Height of a box.
const BOX_HEIGHT: f32 = 54.0;
/// Width of the stripe that marks what stands beside a frozen weight.
const STRIPE: f32 = 8.0;

/// What is said where a click can change nothing.
const OUT_OF_REACH: &str = "In this model's code it is a plain parameter, which target modules do not reach.";

/// Draws the card.
pub fn layer_ui(ui: &mut Ui, view: &View<'_>, state: &mut MethodState, picture: &MethodPicture, out: &mut Commands) {
    kinds_ui(ui, view, state, &picture.kinds);
    let Some(kind) = picture.kinds.get(state.kind) else { return };
    legend_ui(ui, view.tokens);
    outer_ui(ui, view, state, picture, false, out);
    ui.add_space(space::xs());
    let frame = egui::Frame::new()
        .stroke(Stroke::new(1.0, view.tokens.line.0))
        .corner_radius(6)
        .inner_margin(egui::Margin::same(space::s() as i8));
    frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.label(RichText::new(kind_words(kind)).font(bold(type_size::body())));
        for step in &kind.steps {
            if step.pieces.is_empty() {
                if step.title != LAYER_INPUT {
                    bare_step_ui(ui, view, step);
                }
                continue;
            }
            step_ui(ui, view, step, |ui| {
                for piece in &step.pieces {
                    piece_ui(ui, view, state, piece, out);
                }
            });
        }
    });
    ui.add_space(space::xs());
    outer_ui(ui, view, state, picture, true, out);
    let share = percent(picture.trainable as f64 / picture.base.max(1) as f64);
    let sum = format!(
        "Trained in total: {} values, {share} of the model's {}.",
        grouped(picture.trainable),
        grouped(picture.base)
    );
    ui.label(RichText::new(sum).font(bold(type_size::body())));
    let hint = if view.state.document.plan.method.method.targets().is_some() {
        "Click a linear layer to put it in or out of the target modules."
    } else {
        "Click a box to read what it is."
    };
    explained_ui(ui, view, state.explained[1].as_deref(), hint);
}

/// `32 layers of this kind · 218,112,000 values each · 1,310,720 trained`.
fn kind_words(kind: &LayerKind) -> String {
    let count = if kind.trained_layers > 0 && kind.trained_layers < kind.count {
        format!("{} layers, of which the last {} are trained as drawn", kind.count, kind.trained_layers)
    } else {
        format!("{} layers of this kind", kind.count)
    };
    format!(
        "{count} ({}) · {} values each · {} trained",
        kind.title,
        grouped(kind.base_values),
        grouped(kind.trained_values)
    )
}

fn legend_ui(ui: &mut Ui, tokens: &Tokens) {
    ui.horizontal_wrapped(|ui| {
        for (state, text) in [
            (PieceState::Frozen, "frozen"),
            (PieceState::Trained, "trained itself"),
            (PieceState::Added, "added or adapted"),
        ] {
            let (fill, pattern) = look(state, tokens);
            let (rect, _) = ui.allocate_exact_size(Vec2::new(16.0, 12.0), Sense::hover());
            ui.painter().rect_filled(rect, 2, fill);
            pattern.paint(ui, rect, fill);
            ui.painter().rect_stroke(rect, 2, Stroke::new(1.0, tokens.edge.0), StrokeKind::Inside);
            ui.add(egui::Label::new(RichText::new(text).small().color(tokens.muted.0)).extend());
        }
        let text = RichText::new("· width of a box: log₂ of its outputs").small().color(tokens.muted.0);
        ui.add(egui::Label::new(text).extend());
    });
}

/// A step without weights: attention itself, activations, sums.
fn bare_step_ui(ui: &mut Ui, view: &View<'_>, step: &Step) {
    let text = format!("{}: {}", step.title, step.detail);
    ui.label(RichText::new(text).small().color(view.tokens.muted.0));
}

/// Name of the step left of, or above, its boxes.
fn step_ui(ui: &mut Ui, view: &View<'_>, step: &Step, content: impl FnOnce(&mut Ui)) {
    let name = |ui: &mut Ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        ui.label(step.title);
        ui.label(RichText::new(&step.detail).small().color(view.tokens.muted.0));
    };
    if ui.available_width() < SIDE_BY_SIDE {
        ui.scope(name);
        ui.horizontal_wrapped(content);
        return;
    }
    ui.horizontal_top(|ui| {
        ui.allocate_ui_with_layout(Vec2::new(NAMES, BOX_HEIGHT), egui::Layout::top_down(egui::Align::Min), |ui| {
            ui.set_width(NAMES);
            name(ui);
        });
        ui.horizontal_wrapped(content);
    });
}

/// One weight; a click puts it in or out of the targets where the method has any.
fn piece_ui(ui: &mut Ui, view: &View<'_>, state: &mut MethodState, piece: &Piece, out: &mut Commands) {
    let shape = if piece.columns == 1 {
        grouped(piece.rows)
    } else {
        format!("{} → {}", grouped(piece.columns), grouped(piece.rows))
    };
    let copies = if piece.copies > 1 { format!("{} × ", grouped(piece.copies)) } else { String::new() };
    let trained = match piece.state {
        PieceState::Frozen => "frozen".to_owned(),
        PieceState::Trained => format!("trained {}", grouped(piece.trained_values)),
        _ => format!("+ {}", grouped(piece.trained_values)),
    };
    let lines = [piece.name.clone(), format!("{copies}{shape}"), trained];
    let action = match (piece.target, piece.role) {
        (Some(true), Some(_)) => " Click to take it out of the target modules.",
        (Some(false), Some(_)) => " Click to put it into the target modules.",
        _ => "",
    };
    let name = format!(
        "{}, {copies}{shape}, {}, {} trained values",
        piece.name,
        state_word(piece.state),
        grouped(piece.trained_values)
    );
    let response = box_ui(ui, view.tokens, piece.rows, piece.state, &lines);
    response.widget_info(|| match piece.target {
        Some(on) => egui::WidgetInfo::selected(egui::Role::CheckBox, true, on, name.clone()),
        None => egui::WidgetInfo::labeled(egui::Role::Button, true, name.clone()),
    });
    if response.clicked() {
        state.explained[1] = Some(format!("{name}. {}", explain(piece.state)));
        let plan = &view.state.document.plan;
        if let (Some(role), Some(is_target), Some(targets), Some(architecture)) =
            (piece.role, piece.target, plan.method.method.targets(), view.computed.architecture.as_ref())
        {
            let new = with_target(architecture, targets, (role, &piece.name), !is_target);
            if new == *targets {
                state.explained[1] = Some(format!("{name}. {OUT_OF_REACH}"));
            } else {
                out.push(Command::Edit(PlanEdit::Set(id::METHOD_TARGETS, FieldValue::List(new.ids()))));
            }
        }
    }
    response.on_hover_text_at_pointer(format!("{name}. {}{action}", explain(piece.state)));
}

const fn explain(state: PieceState) -> &'static str {
    match state {
        PieceState::Frozen => "No gradient, no optimizer state: backward only passes through.",
        PieceState::Bias => "Only its bias has a gradient; no input has to be kept for that.",
        PieceState::Adapted => "The weight is frozen; what stands beside it has gradients and optimizer state.",
        PieceState::Trained => "Every value has a gradient and optimizer state.",
        PieceState::Added => "It is not part of the base model and is saved on its own.",
    }
}

/// Embedding, prompt vectors, final norm, head.
fn outer_ui(
    ui: &mut Ui,
    view: &View<'_>,
    state: &mut MethodState,
    picture: &MethodPicture,
    after: bool,
    out: &mut Commands,
) {
    ui.horizontal_wrapped(|ui| {
        for part in picture.outer.iter().filter(|part| part.after_layers == after) {
            outer_part_ui(ui, view, state, part, out);
        }
    });
}

fn outer_part_ui(ui: &mut Ui, view: &View<'_>, state: &mut MethodState, part: &OuterPart, out: &mut Commands) {
    let shape = if part.columns == 1 {
        grouped(part.rows)
    } else {
        format!("{} × {}", grouped(part.rows), grouped(part.columns))
    };
    let is_trained = part.trained_values > 0 || part.trained_elsewhere;
    let piece_state = match (is_trained, part.added) {
        (true, true) => PieceState::Added,
        (true, false) => PieceState::Trained,
        (false, _) => PieceState::Frozen,
    };
    let trained = if part.trained_elsewhere {
        "trained with the embedding".to_owned()
    } else if is_trained {
        format!("trained {}", grouped(part.trained_values))
    } else {
        "frozen".to_owned()
    };
    let lines = [part.name.clone(), shape.clone(), trained];
    let name =
        format!("{}, {shape}, {}, {} trained values", part.name, state_word(piece_state), grouped(part.trained_values));
    let response = box_ui(ui, view.tokens, part.rows, piece_state, &lines);
    response.widget_info(|| match part.switch {
        Some(_) => egui::WidgetInfo::selected(egui::Role::CheckBox, true, is_trained, name.clone()),
        None => egui::WidgetInfo::labeled(egui::Role::Button, true, name.clone()),
    });
    if response.clicked() {
        state.explained[1] = Some(format!("{name}. {}", explain(piece_state)));
        if let Some(field) = part.switch {
            out.push(Command::Edit(PlanEdit::Set(field, FieldValue::Toggle(!is_trained))));
        }
    }
    let action = if part.switch.is_some() { " Click to switch its training." } else { "" };
    response.on_hover_text_at_pointer(format!("{name}. {}{action}", explain(piece_state)));
}

/// A box with three lines; its colour says what is trained, a stripe where only something beside it is.
fn box_ui(ui: &mut Ui, tokens: &Tokens, outputs: u64, state: PieceState, lines: &[String; 3]) -> egui::Response {
    let beside = matches!(state, PieceState::Adapted | PieceState::Bias);
    let (color, pattern) = look(state, tokens);
    let fill = if beside { tokens.raised.0 } else { color };
    let ink = if state == PieceState::Frozen || beside { tokens.text.0 } else { Tokens::text_on(fill) };
    let fonts =
        [bold(type_size::body()), FontId::proportional(type_size::small()), FontId::proportional(type_size::small())];
    let mut galleys = Vec::with_capacity(lines.len());
    for (line, font) in lines.iter().zip(fonts) {
        galleys.push(ui.painter().layout_no_wrap(line.clone(), font, ink));
    }
    let text = galleys.iter().map(|galley| galley.size().x).fold(0.0, f32::max) + 2.0 * space::s();
    let stripe = if beside { STRIPE } else { 0.0 };
    let width = (text + stripe).max(8.0 * (outputs.max(1) as f64).log2() as f32);
    let (rect, response) = ui.allocate_exact_size(Vec2::new(width, BOX_HEIGHT), Sense::click());
    let radius = CornerRadius::same(5);
    ui.painter().rect_filled(rect, radius, fill);
    if beside {
        let place = Rect::from_min_max(rect.min, Pos2::new(rect.left() + STRIPE, rect.bottom()));
        ui.painter().rect_filled(place, CornerRadius { ne: 0, se: 0, ..radius }, color);
        pattern.paint(ui, place, color);
    } else {
        pattern.paint(ui, rect, fill);
    }
    let marked = response.hovered() || response.has_focus();
    let outline = if marked { Stroke::new(2.0, tokens.text.0) } else { Stroke::new(1.0, tokens.edge.0) };
    ui.painter().rect_stroke(rect, radius, outline, StrokeKind::Inside);
    let mut y = rect.top() + 5.0;
    for galley in galleys {
        let at = Pos2::new(rect.left() + space::s() + stripe, y);
        y += galley.size().y;
        if state != PieceState::Frozen && !beside {
            // Plain colour behind the words: no pattern runs through a figure.
            let place = Rect::from_min_size(at, galley.size()).expand2(Vec2::new(3.0, 0.0));
            ui.painter().rect_filled(place, 2, fill);
        }
        ui.painter().galley(at, galley, ink);
    }
    response
}
