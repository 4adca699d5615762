//! The question that is worth most, one after the other: from nothing to a first advice without looking for it.

use super::{DecideState, Sheet, note_ui, questions};
use crate::app::command::Commands;
use crate::decide::engine::Missing;
use crate::plan::decision::questions::{AnswerKind, Question, Step, question};
use crate::theme::{bold, space, type_size};
use crate::ui::{View, card};
use egui::{RichText, Sense, Stroke, StrokeKind, Ui};

/// What the card asks.
struct Asked<'a> {
    question: &'static Question,
    /// What is missing; `None` while an answer that was begun is finished.
    missing: Option<&'a Missing>,
}

/// Draws the card; nothing where nothing open would change the advice.
pub fn next_ui(ui: &mut Ui, view: &View<'_>, state: &mut DecideState, out: &mut Commands) {
    let found = &view.computed.decided(&view.state.document.plan).found;
    let Some(asked) = asked(ui, &found.missing, state) else {
        if !state.passed.is_empty() && ui.button(view.text("Ask again what was not known")).clicked() {
            state.passed.clear();
        }
        return;
    };
    let question = asked.question;
    // The focus follows an answer to the next question: its title takes it, the answers come after.
    let takes_focus = state.asked.is_some_and(|before| before != question.id) && state.answered_here;
    if state.asked != Some(question.id) {
        state.answered_here = false;
    }
    state.asked = Some(question.id);
    card(ui, view.tokens, |ui| {
        title_ui(ui, view, &asked, takes_focus, state);
        let more = asked.missing.filter(|missing| missing.more.is_some());
        note_ui(ui, view, more.map_or(question.help, |missing| missing.why.as_str()));
        let before = out.len();
        ui.push_id("next", |ui| match question.step {
            Step::Failures => questions::counts_ui(ui, view, state, out),
            _ => questions::answer_ui(ui, view, question, state, out),
        });
        state.answered_here |= out.len() > before;
        ui.horizontal(|ui| {
            let mut pass = ui.button(view.text("Not known: ask another")).clicked();
            pass |= is_table(question) && ui.button(view.text("Done: ask another")).clicked();
            if pass {
                state.passed.push(question.id);
                state.answered_here = true;
            }
        });
    });
    ui.add_space(space::s());
}

/// The question that was begun, or the one that is worth most of those that were not passed over.
fn asked<'a>(ui: &Ui, missing: &'a [Missing], state: &DecideState) -> Option<Asked<'a>> {
    let of = |id: &str| missing.iter().find(|missing| missing.question == id);
    let begun = state.asked.filter(|id| !state.passed.contains(id)).and_then(question).filter(|question| {
        // A table is answered in parts, and a number while it is dragged.
        state.answered_here && is_table(question) || ui.input(|input| input.pointer.any_down())
    });
    if let Some(question) = begun {
        return Some(Asked { question, missing: of(question.id) });
    }
    // Prices are no question: the sheet of the break-even asks for them.
    missing
        .iter()
        .filter(|missing| !state.passed.contains(&missing.question))
        .find_map(|missing| Some(Asked { question: question(missing.question)?, missing: Some(missing) }))
}

fn is_table(question: &Question) -> bool {
    question.step == Step::Failures || question.kind == AnswerKind::Prompts
}

/// What is asked, how often it decides; pressed, it shows the question among those of its step.
fn title_ui(ui: &mut Ui, view: &View<'_>, asked: &Asked<'_>, takes_focus: bool, state: &mut DecideState) {
    let head = match asked.missing {
        Some(missing) if missing.more.is_some() => view.text("Asked next: more labels").to_owned(),
        Some(missing) => {
            let share = (missing.worth_share * 100.0).round();
            format!(
                "{} {share:.0} % {}",
                view.text("Asked next: decides in"),
                view.text("of the ways the rest can turn out")
            )
        }
        None => view.text("Asked next").to_owned(),
    };
    ui.label(RichText::new(head).small().color(view.tokens.muted.0));
    let label = asked.missing.map_or(asked.question.label, |missing| missing.label.as_str());
    let title = egui::Label::new(RichText::new(label).font(bold(type_size::title()))).selectable(false);
    let title = ui.add(title.sense(Sense::click()));
    let name = format!("Asked next: {label}");
    title.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &name));
    if takes_focus {
        title.request_focus();
    }
    if title.has_focus() {
        let ring = Stroke::new(2.0, view.tokens.accent.0);
        ui.painter().rect_stroke(title.rect.expand(2.0), 2, ring, StrokeKind::Outside);
    }
    if title.clicked() {
        state.sheet = Sheet::Questions;
        state.step = asked.question.step;
    }
}
