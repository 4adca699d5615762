//! Questions of one step, each with its control and a way to skip it.

use super::{
    DecideState, cards, changed, decision, head_ui, intervals, keep_focus, note_ui, prompts, steady_ui, text_ui,
};
use crate::app::command::Commands;
use crate::decide::facts::{Fact, Proportion};
use crate::decide::stats::{Samples, samples};
use crate::plan::decision::questions::{AnswerKind, AnswerValue, QUESTIONS, Question, Step, question};
use crate::theme::{bold, space, type_size};
use crate::ui::widgets::number;
use crate::ui::widgets::segmented::{Segment, segmented_ui};
use crate::ui::{View, card};
use crate::units::share_words;
use egui::{Align, ComboBox, Layout, RichText, Ui, Vec2};

/// Narrower than this, counts stand under each other.
const TWO_COLUMNS: f32 = 580.0;
/// Height of a row.
const ROW: f32 = 32.0;
/// Largest count that can be dragged to; larger ones can be typed in the file.
const MOST: f64 = 1e9;
/// Stands for "skipped" where a number is dragged.
const SKIPPED: f64 = -2.0;

/// What was done to a number.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Typed {
    /// It was taken back.
    Skip,
    /// It was set.
    Number(f64),
}

/// The three answers of a yes-or-no question.
const YES_NO: [Segment<Option<bool>>; 3] = [
    Segment { value: Some(true), label: "Yes", help: "" },
    Segment { value: Some(false), label: "No", help: "" },
    Segment { value: None, label: "Skip", help: "Not answered: nothing is concluded from it." },
];

/// Draws the questions of the chosen step.
pub fn step_ui(ui: &mut Ui, view: &View<'_>, state: &mut DecideState, out: &mut Commands) {
    // Examples in the prompt stand with its versions.
    let step = if state.step == Step::Examples { Step::Prompt } else { state.step };
    card(ui, view.tokens, |ui| {
        ui.label(RichText::new(state.step.label()).font(bold(type_size::title())));
        note_ui(ui, view, state.step.help());
        ui.add_space(space::xs());
        cards::of_step_ui(ui, view, step);
        if step == Step::Failures {
            shares_ui(ui, view, step);
            ui.add_space(space::s());
            counts_ui(ui, view, state, out);
            for question in QUESTIONS.iter().filter(|question| question.step == step) {
                cards::of_question_ui(ui, view, question.id);
            }
        } else {
            for question in QUESTIONS.iter().filter(|question| question.step == step) {
                answer_ui(ui, view, question, state, out);
                cards::of_question_ui(ui, view, question.id);
            }
            shares_ui(ui, view, step);
        }
        if step == Step::Evaluate {
            wanted_ui(ui, view, state);
        }
        problems_ui(ui, view, step);
        ui.add_space(space::s());
        ui.horizontal(|ui| {
            let at = Step::ALL.iter().position(|step| *step == state.step).unwrap_or(0);
            let mut go = |ui: &mut Ui, to: Option<&Step>, words: &str| {
                if let Some(to) = to
                    && ui.button(format!("{words}: {}", to.label())).clicked()
                {
                    state.step = *to;
                }
            };
            go(ui, at.checked_sub(1).and_then(|at| Step::ALL.get(at)), "Back");
            go(ui, Step::ALL.get(at + 1), "Next");
        });
    });
}

/// The control of a question, whatever it takes.
pub fn answer_ui(
    ui: &mut Ui,
    view: &View<'_>,
    question: &'static Question,
    state: &mut DecideState,
    out: &mut Commands,
) {
    match question.kind {
        AnswerKind::Prompts => steady_ui(ui, question.id, |ui| prompts::prompts_ui(ui, view, state, out)),
        _ => question_ui(ui, view, question, state, out),
    }
}

/// Counts of failures by the kind they belong to, beside each other where there is room.
pub fn counts_ui(ui: &mut Ui, view: &View<'_>, state: &mut DecideState, out: &mut Commands) {
    let kinds = [
        ("Information", Fact::InformationMostly),
        ("Behaviour", Fact::BehaviourMostly),
        ("Labels", Fact::LabelsMostly),
        ("Reasoning", Fact::ReasoningMostly),
        ("Task or input", Fact::UnclearMostly),
    ];
    let mut kind_ui = |ui: &mut Ui, (name, fact): (&str, Fact)| {
        head_ui(ui, name);
        for question in fact.questions().iter().filter_map(|id| question(id)) {
            question_ui(ui, view, question, state, out);
        }
        ui.add_space(space::xs());
    };
    if ui.available_width() < TWO_COLUMNS {
        for kind in kinds {
            kind_ui(ui, kind);
        }
        return;
    }
    ui.columns(2, |columns| {
        if let [left, right] = columns {
            kind_ui(left, kinds[0]);
            kind_ui(right, kinds[1]);
            kind_ui(left, kinds[2]);
            kind_ui(left, kinds[3]);
            kind_ui(left, kinds[4]);
        }
    });
}

/// Label left, control right.
fn question_ui(ui: &mut Ui, view: &View<'_>, question: &'static Question, state: &mut DecideState, out: &mut Commands) {
    steady_ui(ui, question.id, |ui| question_line_ui(ui, view, question, state, out));
}

fn question_line_ui(
    ui: &mut Ui,
    view: &View<'_>,
    question: &'static Question,
    state: &mut DecideState,
    out: &mut Commands,
) {
    let value = (question.get)(&decision(view).answers);
    ui.horizontal(|ui| {
        ui.set_min_height(ROW);
        let width = ui.available_width();
        // Of a narrow column the control takes what it needs.
        let label = (width * 0.56).min(width - 176.0).max(60.0);
        let ink = if value == AnswerValue::Skipped { view.tokens.muted.0 } else { view.tokens.text.0 };
        ui.allocate_ui_with_layout(Vec2::new(label, ROW), Layout::left_to_right(Align::Center), |ui| {
            ui.set_width(label);
            let text = egui::Label::new(RichText::new(question.label).color(ink)).truncate().selectable(false);
            ui.add(text).on_hover_text(question.help);
        });
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if let Some(new) = control_ui(ui, view, question, &value, state) {
                out.push(changed(view, question.id, |record| (question.set)(&mut record.answers, &new)));
            }
        });
    });
}

fn control_ui(
    ui: &mut Ui,
    view: &View<'_>,
    question: &Question,
    value: &AnswerValue,
    state: &mut DecideState,
) -> Option<AnswerValue> {
    let new = match question.kind {
        AnswerKind::YesNo => {
            let now = if let AnswerValue::YesNo(yes) = value { Some(*yes) } else { None };
            let chosen = ui.push_id(question.id, |ui| segmented_ui(ui, &YES_NO, now, view.tokens)).inner?;
            chosen.map_or(AnswerValue::Skipped, AnswerValue::YesNo)
        }
        AnswerKind::Choice(choices) => choice_ui(ui, question, choices, value)?,
        AnswerKind::Count => {
            let now = if let AnswerValue::Count(count) = value { *count as f64 } else { SKIPPED };
            match number_ui(ui, question.label, question.unit, now, [0.0, MOST], 1.0)? {
                Typed::Number(count) => AnswerValue::Count(count.round() as u64),
                Typed::Skip => AnswerValue::Skipped,
            }
        }
        AnswerKind::Number { min, max } => {
            // Shares are typed in per cent.
            let scale = if question.unit == "%" { 100.0 } else { 1.0 };
            let now = if let AnswerValue::Number(number) = value { number * scale } else { SKIPPED };
            let step = if scale > 1.0 { 1.0 } else { 0.01 };
            match number_ui(ui, question.label, question.unit, now, [min * scale, max * scale], step)? {
                Typed::Number(number) => AnswerValue::Number((number * 1e4 / scale).round() / 1e4),
                Typed::Skip => AnswerValue::Skipped,
            }
        }
        AnswerKind::Text => {
            let shown = if let AnswerValue::Text(text) = value { text.as_str() } else { "" };
            let typed = text_ui(ui, state, question.label, shown, "such as: answer accepted", ui.available_width(), 1)?;
            if typed.trim().is_empty() { AnswerValue::Skipped } else { AnswerValue::Text(typed) }
        }
        AnswerKind::Prompts => return None,
    };
    (new != *value).then_some(new)
}

/// A number that may be skipped: dragged or typed, with a button that takes it back.
fn number_ui(ui: &mut Ui, name: &str, unit: &str, now: f64, [min, max]: [f64; 2], step: f64) -> Option<Typed> {
    let is_skipped = now == SKIPPED;
    let mut number = now;
    // Right to left: the way back stands at the edge.
    let skip = ui.add_visible(!is_skipped, egui::Button::new("Skip").small());
    skip.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, !is_skipped, format!("Skip {name}")));
    if !is_skipped && skip.on_hover_text("Not answered: nothing is concluded from it.").clicked() {
        return Some(Typed::Skip);
    }
    let suffix = if unit.is_empty() { String::new() } else { format!(" {unit}") };
    let drag = number::typed(ui.ctx(), &mut number)
        .speed(step)
        .range(if is_skipped { SKIPPED..=max } else { min..=max })
        .max_decimals(if step < 1.0 { 2 } else { 0 })
        .custom_formatter(move |number, _| {
            if number <= SKIPPED {
                "–".to_owned()
            } else if step < 1.0 {
                format!("{number:.2}")
            } else {
                crate::units::grouped(number.round() as u64)
            }
        })
        .custom_parser(|text| {
            let clean: String = text.chars().filter(|c| !matches!(c, ',' | '_' | ' ' | '%')).collect();
            clean.parse().ok()
        })
        .suffix(if is_skipped { String::new() } else { suffix });
    let response = ui.add_sized([104.0, 26.0], drag);
    keep_focus(ui, &response);
    response.widget_info(|| {
        let mut info = egui::WidgetInfo::labeled(egui::Role::SpinButton, true, name);
        info.value = (!is_skipped).then_some(now);
        info
    });
    // One pixel of a drag that began at "skipped" must not land below the range.
    (response.changed() && number != now).then(|| Typed::Number(number.clamp(min, max)))
}

fn choice_ui(
    ui: &mut Ui,
    question: &Question,
    choices: &'static [(&'static str, &'static str)],
    value: &AnswerValue,
) -> Option<AnswerValue> {
    let label = match value {
        AnswerValue::Choice(id) => choices.iter().find(|(word, _)| word == id).map_or(*id, |(_, label)| *label),
        _ => "Skipped",
    };
    let mut new = None;
    let combo = ComboBox::from_id_salt(question.id).selected_text(label).width(200.0).show_ui(ui, |ui| {
        if ui.selectable_label(*value == AnswerValue::Skipped, "Skipped").clicked() {
            new = Some(AnswerValue::Skipped);
        }
        for (id, label) in choices {
            if ui.selectable_label(*value == AnswerValue::Choice(id), *label).clicked() {
                new = Some(AnswerValue::Choice(id));
            }
        }
    });
    combo.response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::ComboBox, true, question.label));
    new
}

/// Examples that a difference takes, whichever one wants to see.
fn wanted_ui(ui: &mut Ui, view: &View<'_>, state: &mut DecideState) {
    ui.add_space(space::s());
    head_ui(ui, "How many examples a difference takes");
    ui.horizontal(|ui| {
        for (index, words) in ["From", "to"].into_iter().enumerate() {
            ui.label(words);
            let drag = number::typed(ui.ctx(), &mut state.wanted[index])
                .range(0.0..=100.0)
                .speed(1.0)
                .max_decimals(1)
                .suffix(" %");
            let response = ui.add_sized([84.0, 26.0], drag);
            let name = format!("{words} share");
            response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::SpinButton, true, &name));
        }
    });
    let words = match samples(state.wanted[0] / 100.0, state.wanted[1] / 100.0) {
        Some(found) => samples_words(found),
        None => "The two are the same.".to_owned(),
    };
    note_ui(ui, view, &words);
}

fn samples_words(found: Samples) -> String {
    let grouped = |count: f64| crate::units::grouped(count.round() as u64);
    format!(
        "{} → {}: {} examples in each of two groups, or {} to {} when both versions answer the same ones (McNemar); 95 % confidence, 80 % power.",
        share_words(found.before),
        share_words(found.after),
        grouped(found.unpaired_per_arm),
        grouped(found.paired.0),
        grouped(found.paired.1)
    )
}

/// What contradicts itself among the answers of this step.
fn problems_ui(ui: &mut Ui, view: &View<'_>, step: Step) {
    let decided = view.computed.decided(&view.state.document.plan);
    let belongs = |path: &str| {
        let of = |id: &str| path.starts_with(id) || id.starts_with(&format!("{path}."));
        QUESTIONS.iter().any(|question| question.step == step && of(question.id))
    };
    for (_, message) in decided.problems.iter().filter(|(path, _)| belongs(path)) {
        ui.add(egui::Label::new(RichText::new(message).color(view.tokens.over.0)).wrap());
    }
}

/// Shares that these answers make, with their intervals.
fn shares_ui(ui: &mut Ui, view: &View<'_>, step: Step) {
    let found = &view.computed.decided(&view.state.document.plan).found;
    let belongs = |share: &&Proportion| match step {
        Step::Evaluate => share.name == "Right now",
        Step::Failures => share.against == Some(0.5) && share.name != "Right now",
        _ => false,
    };
    let shares: Vec<&Proportion> = found.proportions.iter().filter(belongs).collect();
    if !shares.is_empty() {
        ui.add_space(space::s());
        head_ui(ui, if step == Step::Failures { "Most failures are of …" } else { "Against the target" });
        for share in shares {
            intervals::interval_ui(ui, view, share);
        }
    }
    if step == Step::Evaluate
        && let Some(samples) = found.samples
    {
        note_ui(ui, view, &format!("To the target: {}", samples_words(samples)));
    }
}
