//! Forward and backward through one layer: every tensor that backward needs, for whom, and what becomes of it.

use super::{MethodState, explained_ui};
use crate::app::command::{Command, Commands};
use crate::estimate::picture::{Fate, Kept, LayerKind, MethodPicture, PieceState, Purpose, Step};
use crate::estimate::{Component, PhaseKind};
use crate::plan::edit::PlanEdit;
use crate::plan::field::FieldValue;
use crate::plan::field::id;
use crate::plan::{Checkpointing, Method};
use crate::theme::{Tokens, bold, space, type_size};
use crate::ui::View;
use crate::ui::widgets::pattern::Pattern;
use crate::ui::widgets::segmented::{self, Segment, segmented_ui};
use crate::units::{ByteUnit, Bytes, grouped};
use egui::{Color32, CornerRadius, Label, Pos2, Rect, RichText, Sense, Stroke, StrokeKind, Ui, Vec2};

const CHECKPOINTINGS: [Segment<Checkpointing>; 3] = [
    Segment { value: Checkpointing::None, label: "Keep all", help: "No checkpointing: fastest, most memory." },
    Segment {
        value: Checkpointing::Selective,
        label: "Selective",
        help: "Matrix products stay, the rest is recomputed.",
    },
    Segment {
        value: Checkpointing::Full,
        label: "Full",
        help: "Only the layer's input stays; about a third more time.",
    },
];

/// Share of its column that the longest bar takes, and the most it may be.
const LONGEST: (f32, f32) = (0.36, 320.0);
/// Height of a bar.
const BAR: f32 = 16.0;
/// Width of the columns of names.
const NAMES: f32 = 116.0;
/// Narrower than this, the three columns stand one under the other.
const SIDE_BY_SIDE: f32 = 500.0;

/// Draws the card.
pub fn passes_ui(
    ui: &mut Ui,
    view: &View<'_>,
    state: &mut MethodState,
    picture: &MethodPicture,
    kind: &LayerKind,
    out: &mut Commands,
) {
    if !picture.training {
        ui.label("Inference runs the forward pass only: nothing is kept for a backward pass, only keys and values for the next token.");
        return;
    }
    checkpointing_ui(ui, view, out);
    legend_ui(ui, view.tokens);
    if !kind.gradient_flows {
        ui.label(
            RichText::new(
                "No gradient goes through these layers: nothing in or before them is trained, so nothing is kept.",
            )
            .font(bold(type_size::body())),
        );
    }
    let longest = kind.steps.iter().flat_map(|step| &step.kept).map(|kept| kept.bytes).max().unwrap_or_default();
    let wide = ui.available_width() >= SIDE_BY_SIDE;
    if wide {
        row_ui(
            ui,
            |ui| head(ui, view.tokens, "Forward ↓"),
            |ui| head(ui, view.tokens, "Needed in backward"),
            |ui| head(ui, view.tokens, "Backward ↑"),
        );
    }
    for step in &kind.steps {
        step_ui(ui, view, state, (kind, step), longest, wide);
    }
    sums_ui(ui, view, picture, kind);
    explained_ui(ui, view, state.explained[2].as_deref(), "Click a bar to read what it is.");
}

fn checkpointing_ui(ui: &mut Ui, view: &View<'_>, out: &mut Commands) {
    let chosen = view.state.document.plan.runtime.checkpointing;
    let narrow = ui.available_width() < segmented::width(ui, &CHECKPOINTINGS) + 120.0;
    let content = |ui: &mut Ui| {
        ui.add(Label::new(RichText::new("Checkpointing").color(view.tokens.muted.0)).extend());
        segmented_ui(ui, &CHECKPOINTINGS, chosen, view.tokens)
    };
    let new = if narrow { ui.vertical(content).inner } else { ui.horizontal(content).inner };
    if let Some(new) = new {
        let id = match new {
            Checkpointing::None => "none",
            Checkpointing::Selective => "selective",
            Checkpointing::Full => "full",
        };
        out.push(Command::Edit(PlanEdit::Set(id::RUNTIME_CHECKPOINTING, FieldValue::Id(id.to_owned()))));
    }
}

/// Colour, second cue and words of a purpose.
fn look(purpose: Purpose, tokens: &Tokens) -> (Color32, Pattern, &'static str) {
    match purpose {
        Purpose::WeightGradient => (tokens.series(Component::Gradients), Pattern::Rising, "for weight gradients"),
        Purpose::InputGradient => (tokens.series(Component::Activations), Pattern::Falling, "for input gradients"),
        Purpose::Both => (tokens.series(Component::KvCache), Pattern::Dots, "for both"),
        Purpose::Checkpoint => (tokens.series(Component::Weights), Pattern::Plain, "checkpoint"),
        Purpose::Nobody => (tokens.line.0, Pattern::Plain, "for nobody"),
    }
}

fn legend_ui(ui: &mut Ui, tokens: &Tokens) {
    ui.horizontal_wrapped(|ui| {
        let all = [Purpose::WeightGradient, Purpose::InputGradient, Purpose::Both, Purpose::Checkpoint];
        for purpose in all {
            let (color, pattern, words) = look(purpose, tokens);
            let (rect, _) = ui.allocate_exact_size(Vec2::new(16.0, 12.0), Sense::hover());
            ui.painter().rect_filled(rect, 2, color);
            pattern.paint(ui, rect, color);
            ui.add(Label::new(RichText::new(words).small().color(tokens.muted.0)).extend());
        }
        let (rect, _) = ui.allocate_exact_size(Vec2::new(16.0, 12.0), Sense::hover());
        ui.painter().rect_stroke(rect, 2, Stroke::new(1.5, tokens.text.0), StrokeKind::Inside);
        ui.add(Label::new(RichText::new("outline: recomputed").small().color(tokens.muted.0)).extend());
    });
}

fn head(ui: &mut Ui, tokens: &Tokens, text: &str) {
    ui.label(RichText::new(text).small().color(tokens.muted.0));
}

/// Three columns.
fn row_ui(ui: &mut Ui, forward: impl FnOnce(&mut Ui), kept: impl FnOnce(&mut Ui), backward: impl FnOnce(&mut Ui)) {
    let middle = ui.available_width() - 2.0 * NAMES - 2.0 * space::s();
    ui.horizontal_top(|ui| {
        let mut column = |width: f32, content: &mut dyn FnMut(&mut Ui)| {
            ui.allocate_ui_with_layout(Vec2::new(width, 16.0), egui::Layout::top_down(egui::Align::Min), |ui| {
                ui.set_width(width);
                ui.spacing_mut().item_spacing.y = 2.0;
                content(ui);
            });
        };
        let (mut forward, mut kept, mut backward) = (Some(forward), Some(kept), Some(backward));
        column(NAMES, &mut |ui| _ = forward.take().map(|draw| draw(ui)));
        column(middle, &mut |ui| _ = kept.take().map(|draw| draw(ui)));
        column(NAMES, &mut |ui| _ = backward.take().map(|draw| draw(ui)));
    });
}

fn step_ui(
    ui: &mut Ui,
    view: &View<'_>,
    state: &mut MethodState,
    (kind, step): (&LayerKind, &Step),
    longest: Bytes,
    wide: bool,
) {
    let backward = backward_words(view, kind, step);
    let forward_ui = |ui: &mut Ui| {
        ui.label(step.title).on_hover_text(&step.detail);
    };
    let backward_ui = |ui: &mut Ui| {
        ui.label(RichText::new(backward.0).color(view.tokens.muted.0)).on_hover_text(backward.1);
    };
    let mut kept_ui = |ui: &mut Ui| {
        for kept in &step.kept {
            kept_ui(ui, view, state, kept, longest);
        }
    };
    if wide {
        row_ui(ui, forward_ui, kept_ui, backward_ui);
        let (rect, _) = ui.allocate_exact_size(Vec2::new(ui.available_width(), 1.0), Sense::hover());
        ui.painter().hline(rect.x_range(), rect.top(), Stroke::new(1.0, view.tokens.line.0));
    } else {
        ui.horizontal_wrapped(|ui| {
            forward_ui(ui);
            backward_ui(ui);
        });
        kept_ui(ui);
    }
}

/// What backward computes at a step, short and in a sentence.
fn backward_words(view: &View<'_>, kind: &LayerKind, step: &Step) -> (&'static str, &'static str) {
    if !kind.gradient_flows {
        return ("nothing", "No gradient comes here.");
    }
    let any = |state: PieceState| step.pieces.iter().any(|piece| piece.state == state);
    let is_lora = matches!(view.state.document.plan.method.method, Method::Lora(_) | Method::Qlora(_));
    if any(PieceState::Trained) {
        ("dX and dW", "The gradient is handed on, and every weight of this step gets one.")
    } else if any(PieceState::Adapted) && is_lora {
        ("dX, dA and dB", "The gradient is handed on through W and the adapter; only A and B get one.")
    } else if any(PieceState::Adapted) || any(PieceState::Added) {
        ("dX and added", "The gradient is handed on; what the method adds gets one.")
    } else if any(PieceState::Bias) {
        ("dX and db", "The gradient is handed on; the biases get the sum of it.")
    } else {
        ("dX only", "The gradient is handed on; nothing here is trained.")
    }
}

/// One tensor: a bar whose length is its bytes, and its name.
fn kept_ui(ui: &mut Ui, view: &View<'_>, state: &mut MethodState, kept: &Kept, longest: Bytes) {
    let tokens = view.tokens;
    let tokens_count = kept_tokens(view);
    let bytes = fine(kept.bytes, view.unit());
    let fate = match (kept.fate, kept.purpose) {
        (Fate::Dropped, _) => "not kept".to_owned(),
        (Fate::Recomputed, purpose) => format!("recomputed {}", look(purpose, tokens).2),
        (Fate::Kept, Purpose::Checkpoint) => "kept as the checkpoint".to_owned(),
        (Fate::Kept, purpose) => format!("kept {}", look(purpose, tokens).2),
    };
    let shape = format!("{tokens_count} × {}", grouped(kept.values_per_token));
    let name = format!("{}, {shape}, {bytes}, {fate}", kept.name);
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = space::s();
        let share = (kept.bytes.0 as f64 / longest.0.max(1) as f64) as f32;
        let room = LONGEST.1.min(ui.available_width() * LONGEST.0);
        let width = (share * room).max(6.0);
        let (rect, response) = ui.allocate_exact_size(Vec2::new(width, BAR), Sense::click());
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, name.clone()));
        bar(ui, rect, kept, response.hovered() || response.has_focus(), tokens);
        let ink = if kept.fate == Fate::Kept { tokens.text.0 } else { tokens.muted.0 };
        let figure = if kept.fate == Fate::Dropped { "not kept".to_owned() } else { bytes.clone() };
        let text = format!("{} · {figure}", kept.name);
        ui.add(Label::new(RichText::new(text).small().color(ink)).selectable(false).wrap());
        let sentence = format!("{name}. {}", explain(kept));
        if response.clicked() {
            state.explained[2] = Some(sentence.clone());
        }
        response.on_hover_text_at_pointer(sentence);
    });
}

/// One layer's share is small beside the model: a thousandth of the unit, to one decimal.
fn fine(bytes: Bytes, unit: ByteUnit) -> String {
    let (symbol, size) = match unit {
        ByteUnit::GiB => ("MiB", 1 << 20),
        ByteUnit::GB => ("MB", 1_000_000),
    };
    let value = bytes.0 as f64 / f64::from(size);
    if value >= 0.1 || bytes == Bytes::ZERO { format!("{value:.1} {symbol}") } else { bytes.display(unit) }
}

fn kept_tokens(view: &View<'_>) -> String {
    view.computed.picture.as_ref().map_or_else(String::new, |picture| grouped(picture.tokens))
}

fn bar(ui: &Ui, rect: Rect, kept: &Kept, marked: bool, tokens: &Tokens) {
    let (color, pattern, _) = look(kept.purpose, tokens);
    let radius = CornerRadius::same(2);
    match kept.fate {
        Fate::Kept => {
            ui.painter().rect_filled(rect, radius, color);
            pattern.paint(ui, rect, color);
        }
        Fate::Recomputed => {
            ui.painter().rect_stroke(rect, radius, Stroke::new(1.5, color), StrokeKind::Inside);
        }
        Fate::Dropped => {
            let line = [Pos2::new(rect.left(), rect.center().y), Pos2::new(rect.right(), rect.center().y)];
            ui.painter().extend(egui::Shape::dashed_line(&line, Stroke::new(1.5, tokens.edge.0), 3.0, 3.0));
        }
    }
    if marked {
        ui.painter().rect_stroke(rect.expand(1.0), radius, Stroke::new(2.0, tokens.text.0), StrokeKind::Outside);
    }
}

const fn explain(kept: &Kept) -> &'static str {
    match (kept.fate, kept.purpose) {
        (Fate::Dropped, _) => "A frozen weight hands the gradient on with dX = dY·W: its input is not needed.",
        (Fate::Recomputed, _) => "It is dropped after the forward pass and computed again when backward comes here.",
        (_, Purpose::WeightGradient) => "The gradient of a trained weight is dW = dY·X: X has to be there.",
        (_, Purpose::InputGradient) => {
            "The gradient that goes on depends on it: products, attention and activations are not linear in it."
        }
        (_, Purpose::Both) => "A trained weight reads it, and the gradient that goes on depends on it too.",
        (_, Purpose::Checkpoint) => "The layer is computed again from it when backward comes here.",
        (_, Purpose::Nobody) => "",
    }
}

/// Sums of one layer and of all, beside what lasts for the optimizer.
fn sums_ui(ui: &mut Ui, view: &View<'_>, picture: &MethodPicture, kind: &LayerKind) {
    let unit = view.unit();
    let sum = |fate: Fate, purpose: Option<Purpose>| {
        let kept = kind.steps.iter().flat_map(|step| &step.kept);
        kept.filter(|kept| kept.fate == fate && purpose.is_none_or(|purpose| kept.purpose == purpose))
            .map(|kept| kept.bytes)
            .sum::<Bytes>()
    };
    ui.add_space(space::s());
    egui::Grid::new("kept-sums").spacing(Vec2::new(space::l(), 2.0)).show(ui, |ui| {
        let mut row = |name: &str, bytes: Bytes, help: &str| {
            if bytes > Bytes::ZERO {
                ui.label(name).on_hover_text(help);
                ui.label(RichText::new(fine(bytes, unit)).font(bold(type_size::body())));
                ui.end_row();
            }
        };
        for purpose in [Purpose::WeightGradient, Purpose::InputGradient, Purpose::Both, Purpose::Checkpoint] {
            let words = look(purpose, view.tokens).2;
            row(
                &format!("Kept {words}, one layer"),
                sum(Fate::Kept, Some(purpose)),
                "Until backward reaches the layer.",
            );
        }
        row(
            "Recomputed, one layer at a time",
            sum(Fate::Recomputed, None),
            "Alive only while backward is in the layer: it counts once, not for every layer.",
        );
        let help = "From the end of the layer's backward to the optimizer step.";
        row("Gradients for the optimizer, one layer", kind.gradients, help);
        row("Optimizer state, one layer", kind.optimizer_state, "Lasts from step to step.");
    });
    let forward = view.computed.estimate.as_ref().and_then(|estimate| {
        estimate.phases.iter().find(|phase| phase.kind == PhaseKind::Forward).map(|phase| phase.components)
    });
    if let Some(components) = forward {
        let layers: u64 = picture.kinds.iter().map(|kind| kind.count).sum();
        let text = format!(
            "The estimate counts {} of activations at the end of forward in all {layers} layers: beside these tensors, \
             casts, norm statistics and masks of every operator.",
            components.get(Component::Activations).display(unit)
        );
        ui.label(RichText::new(text).small().color(view.tokens.muted.0));
    }
}
