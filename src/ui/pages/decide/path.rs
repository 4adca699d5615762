//! The adaptation path as a diagram that fills in as one answers.

use super::{DecideState, Sheet};
use crate::decide::rules::Outcome;
use crate::figures::Decided;
use crate::plan::decision::questions::{AnswerValue, QUESTIONS, Step};
use crate::theme::{RADIUS, Tokens, bold, space, type_size};
use crate::ui::View;
use egui::{Align2, FontId, Pos2, Rect, Sense, Shape, Stroke, StrokeKind, Ui, Vec2};

/// Height of a node.
const NODE: f32 = 46.0;
/// Room between the two branches.
const APART: f32 = 14.0;
/// Room of an arrow between two nodes.
const ARROW: f32 = 26.0;
/// Columns of the diagram: evaluate, prompt, examples, failures, branches, both, and cost over upkeep.
const COLUMNS: f32 = 7.0;
/// Narrower than this, the nodes stand in rows.
const NARROW: f32 = 700.0;
/// Least width of a node.
const LEAST: f32 = 92.0;
/// Height of the bar that fills.
const BAR: f32 = 4.0;

/// A place of the diagram.
struct Node {
    step: Step,
    title: &'static str,
    help: &'static str,
    column: f32,
    /// −1 above the middle, 1 below it.
    row: f32,
    /// Outcomes that light it up.
    outcomes: fn(Outcome) -> bool,
}

const NODES: [Node; 9] = [
    node(Step::Evaluate, 0.0, 0.0, |outcome| matches!(outcome.step(), Step::Evaluate)),
    node(Step::Prompt, 1.0, 0.0, |outcome| matches!(outcome.step(), Step::Prompt)),
    node(Step::Examples, 2.0, 0.0, |outcome| matches!(outcome.step(), Step::Examples)),
    node(Step::Failures, 3.0, 0.0, |outcome| matches!(outcome.step(), Step::Failures)),
    node(Step::Retrieve, 4.0, -1.0, |outcome| matches!(outcome.step(), Step::Retrieve)),
    node(Step::Tune, 4.0, 1.0, |outcome| {
        matches!(outcome.step(), Step::Tune) && !matches!(outcome, Outcome::RagAndTuning)
    }),
    Node {
        step: Step::Tune,
        title: "Both",
        help: "Retrieve, and train on retrieved texts: the last step of the path.",
        column: 5.0,
        row: 0.0,
        outcomes: |outcome| matches!(outcome, Outcome::RagAndTuning),
    },
    node(Step::Cost, 6.0, -1.0, |outcome| matches!(outcome.step(), Step::Cost)),
    node(Step::Upkeep, 6.0, 1.0, |outcome| matches!(outcome.step(), Step::Upkeep)),
];

const fn node(step: Step, column: f32, row: f32, outcomes: fn(Outcome) -> bool) -> Node {
    Node { step, title: step.label(), help: step.help(), column, row, outcomes }
}

/// Arrows between nodes: from, to, and what is written on the way.
const ARROWS: [(usize, usize, &str); 7] =
    [(0, 1, ""), (1, 2, ""), (2, 3, ""), (3, 4, "information"), (3, 5, "behaviour"), (4, 6, ""), (5, 6, "")];

/// Draws the diagram; a node that is pressed shows its questions.
pub fn path_ui(ui: &mut Ui, view: &View<'_>, state: &mut DecideState) {
    let decided = view.computed.decided(&view.state.document.plan);
    if ui.available_width() < NARROW {
        rows_ui(ui, decided, view, state);
        return;
    }
    let height = 2.0 * NODE + APART + 2.0 * type_size::small();
    let (area, _) = ui.allocate_exact_size(Vec2::new(ui.available_width(), height), Sense::hover());
    let places: Vec<Rect> = NODES.iter().map(|node| place(area, node)).collect();
    for (from, to, words) in ARROWS {
        if let (Some(from), Some(to)) = (places.get(from), places.get(to)) {
            arrow(ui, *from, *to, words, view.tokens);
        }
    }
    for (node, place) in NODES.iter().zip(&places) {
        if node_ui(ui, node, *place, decided, state, view) {
            state.step = node.step;
            state.sheet = Sheet::Questions;
        }
    }
}

/// The nodes in rows, without arrows, where there is no room for the diagram.
fn rows_ui(ui: &mut Ui, decided: &Decided, view: &View<'_>, state: &mut DecideState) {
    let gap = space::xs();
    let columns = (((ui.available_width() + gap) / (LEAST + gap)) as usize).clamp(1, NODES.len());
    let rows = NODES.len().div_ceil(columns);
    let width = (ui.available_width() - gap * (columns - 1) as f32) / columns as f32;
    let height = rows as f32 * (NODE + gap) - gap;
    let (area, _) = ui.allocate_exact_size(Vec2::new(ui.available_width(), height), Sense::hover());
    for (index, node) in NODES.iter().enumerate() {
        let offset = Vec2::new((index % columns) as f32 * (width + gap), (index / columns) as f32 * (NODE + gap));
        let place = Rect::from_min_size(area.min + offset, Vec2::new(width, NODE));
        if node_ui(ui, node, place, decided, state, view) {
            state.step = node.step;
            state.sheet = Sheet::Questions;
        }
    }
}

fn place(area: Rect, node: &Node) -> Rect {
    let width = (area.width() - (COLUMNS - 1.0) * ARROW) / COLUMNS;
    let left = area.left() + node.column * (width + ARROW);
    let middle = area.center().y + node.row * (NODE + APART) / 2.0;
    Rect::from_center_size(Pos2::new(left + width / 2.0, middle), Vec2::new(width, NODE))
}

/// Questions of a step: answered, all.
pub fn answered(decided: &Decided, step: Step) -> (usize, usize) {
    let of_step = |question: &&crate::plan::decision::questions::Question| match step {
        // Examples in the prompt stand with its versions.
        Step::Examples => question.id == "prompts",
        _ => question.step == step,
    };
    let all = QUESTIONS.iter().filter(of_step);
    let done = all.clone().filter(|question| (question.get)(&decided.decision.answers) != AnswerValue::Skipped);
    (done.count(), all.count())
}

/// Draws one node; whether it was pressed.
fn node_ui(ui: &Ui, node: &Node, rect: Rect, decided: &Decided, state: &DecideState, view: &View<'_>) -> bool {
    let tokens = view.tokens;
    let here: Vec<&str> =
        decided.found.outcomes().into_iter().filter(|outcome| (node.outcomes)(*outcome)).map(Outcome::label).collect();
    let (done, all) = answered(decided, node.step);
    let is_both = node.title == "Both";
    let count = if is_both { String::new() } else { format!("{done} of {all} answered") };
    let small = FontId::proportional(type_size::small());
    let mut name = format!("Step {}", node.title);
    if !is_both {
        name = format!("{name}, {count}");
    }
    if !here.is_empty() {
        name = format!("{name}, recommended: {}", here.join(", "));
    }
    let response = ui.interact(rect, ui.scope_id().with(("decide-node", node.title)), Sense::click());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &name));
    let lit = !here.is_empty();
    let (fill, ink, faint) = if lit {
        (tokens.accent.0, tokens.on_accent.0, tokens.on_accent.0)
    } else {
        (tokens.raised.0, tokens.text.0, tokens.muted.0)
    };
    let presenting = view.state.session.presenting;
    let chosen = !presenting && state.sheet == Sheet::Questions && state.step == node.step && !is_both;
    let edge = if response.has_focus() {
        Stroke::new(3.0, tokens.text.0)
    } else if chosen {
        Stroke::new(2.0, if lit { tokens.text.0 } else { tokens.accent.0 })
    } else if response.hovered() {
        Stroke::new(1.0, tokens.text.0)
    } else {
        Stroke::new(1.0, tokens.edge.0)
    };
    let painter = ui.painter();
    painter.rect(rect, RADIUS, fill, edge, StrokeKind::Inside);
    let title = if here.len() == 1 { here[0] } else { node.title };
    let fits = |text: &str| {
        painter.layout_no_wrap(text.to_owned(), bold(type_size::body()), ink).size().x <= rect.width() - 12.0
    };
    let title = if fits(title) { title } else { node.title };
    painter.text(rect.center_top() + Vec2::new(0.0, 6.0), Align2::CENTER_TOP, title, bold(type_size::body()), ink);
    let short = format!("{done} of {all}");
    let is_wide = painter.layout_no_wrap(count.clone(), small.clone(), faint).size().x <= rect.width() - 8.0;
    let below = if is_both {
        "after either"
    } else if is_wide {
        count.as_str()
    } else {
        short.as_str()
    };
    painter.text(rect.center_bottom() - Vec2::new(0.0, 8.0), Align2::CENTER_BOTTOM, below, small, faint);
    if !is_both && all > 0 {
        let bar = Rect::from_min_max(
            rect.left_bottom() - Vec2::new(-6.0, BAR + 3.0),
            rect.right_bottom() - Vec2::new(6.0, 3.0),
        );
        let filled = bar.with_max_x(bar.left() + bar.width() * done as f32 / all as f32);
        painter.rect_filled(bar, 2, if lit { tokens.accent.0 } else { tokens.line.0 });
        painter.rect_filled(filled, 2, if lit { tokens.on_accent.0 } else { tokens.accent.0 });
    }
    let help = format!(
        "{}{}",
        node.help,
        if lit { format!(" Recommended here: {}.", here.join(", ")) } else { String::new() }
    );
    response.on_hover_text(help).clicked()
}

/// An arrow from the right side of a node to the left side of another, with a word over or under it.
fn arrow(ui: &Ui, from: Rect, to: Rect, words: &str, tokens: &Tokens) {
    let (start, end) = (from.right_center() + Vec2::new(2.0, 0.0), to.left_center() - Vec2::new(3.0, 0.0));
    let stroke = Stroke::new(1.5, tokens.edge.0);
    ui.painter().line_segment([start, end], stroke);
    let along = (end - start).normalized();
    let across = along.rot90();
    let (left, right) = (end - 6.0 * along + 3.5 * across, end - 6.0 * along - 3.5 * across);
    ui.painter().add(Shape::convex_polygon(vec![end, left, right], tokens.edge.0, Stroke::NONE));
    if !words.is_empty() {
        // Over the upper branch, under the lower one.
        let above = to.center().y < from.center().y;
        let (y, align) =
            if above { (to.top() - 2.0, Align2::CENTER_BOTTOM) } else { (to.bottom() + 2.0, Align2::CENTER_TOP) };
        let at = Pos2::new(to.center().x, y);
        ui.painter().text(
            at,
            align,
            format!("{words} fails"),
            FontId::proportional(type_size::small()),
            tokens.muted.0,
        );
    }
}
