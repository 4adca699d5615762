//! The recommendation: what to do, what drove it, what would flip it, what is missing, what speaks against training.

use super::{DecideState, Sheet, changed, decision, head_ui, note_ui, text_ui};
use crate::app::command::{Command, Commands};
use crate::decide::engine::named;
use crate::decide::facts::Holds;
use crate::decide::rules::Outcome;
use crate::decide::{Recommendation, engine};
use crate::plan::decision::questions::question;
use crate::theme::{bold, space, type_size};
use crate::ui::{View, card};
use egui::text::{LayoutJob, TextFormat};
use egui::{Align, Color32, FontId, RichText, Sense, Stroke, StrokeKind, Ui};

/// Flips that are listed before the rest is folded.
const FLIPS: usize = 6;

/// Draws the column.
pub fn advice_ui(ui: &mut Ui, view: &View<'_>, state: &mut DecideState, out: &mut Commands) {
    let found = &view.computed.decided(&view.state.document.plan).found;
    card(ui, view.tokens, |ui| {
        headline_ui(ui, view, found);
        for advice in &found.advice {
            ui.add(egui::Label::new(advice.outcome.words()).wrap());
            for rule in &advice.rules {
                ui.add(egui::Label::new(RichText::new(&rule.reason).color(view.tokens.muted.0)).wrap());
                note_ui(ui, view, &format!("Rule: {}. Source: {}.", rule.name, rule.source));
            }
        }
        if found.is_open() {
            ui.add(egui::Label::new("No rule holds on what is known. What is missing stands below.").wrap());
        }
    });
    ui.add_space(space::xs());
    card(ui, view.tokens, |ui| {
        if found.is_open() {
            head_ui(ui, "Missing evidence");
            missing_ui(ui, view, found, state);
        } else {
            head_ui(ui, "What drove it");
            drivers_ui(ui, view, found);
        }
        ui.add_space(space::s());
        head_ui(ui, "What would flip it");
        flips_ui(ui, view, found, state);
        if !found.is_open() {
            ui.add_space(space::s());
            head_ui(ui, "Missing evidence");
            missing_ui(ui, view, found, state);
        }
    });
    ui.add_space(space::xs());
    card(ui, view.tokens, |ui| {
        let title =
            if found.trains() { "Reasons against training, and who pays" } else { "If you train anyway: who pays" };
        head_ui(ui, title);
        against_ui(ui, view, found);
    });
    ui.add_space(space::xs());
    card(ui, view.tokens, |ui| record_ui(ui, view, found, state, out));
}

fn headline_ui(ui: &mut Ui, view: &View<'_>, found: &Recommendation) {
    ui.label(RichText::new("Recommendation").small().color(view.tokens.muted.0));
    let ink = if found.is_open() { view.tokens.tight.0 } else { view.tokens.text.0 };
    let text = RichText::new(found.headline()).font(bold(type_size::figure())).color(ink);
    ui.add(egui::Label::new(text).wrap());
}

fn drivers_ui(ui: &mut Ui, view: &View<'_>, found: &Recommendation) {
    if found.drivers.is_empty() {
        note_ui(ui, view, "Nothing was answered that a rule rests on.");
    }
    for driver in &found.drivers {
        let ink = holds_ink(view, driver.holds);
        let evidence = if driver.words == driver.holds.word() { "" } else { driver.words.as_str() };
        let fact = format!("{}:", capital(driver.fact.words()));
        let mut line = Words::default();
        line.add(&fact, body(), view.tokens.text.0);
        line.add(driver.holds.word(), bold(type_size::body()), ink);
        line.add(evidence, small(), view.tokens.muted.0);
        ui.add(egui::Label::new(line.job).wrap());
    }
}

const fn holds_ink(view: &View<'_>, holds: Holds) -> Color32 {
    match holds {
        Holds::Yes | Holds::No => view.tokens.text.0,
        Holds::Undecided => view.tokens.tight.0,
        Holds::Unknown => view.tokens.muted.0,
    }
}

fn flips_ui(ui: &mut Ui, view: &View<'_>, found: &Recommendation, state: &mut DecideState) {
    if found.flips.is_empty() {
        note_ui(ui, view, "No single other answer to what was answered.");
        return;
    }
    let (first, rest) = found.flips.split_at(found.flips.len().min(FLIPS));
    for flip in first {
        flip_ui(ui, view, flip, state);
    }
    if !rest.is_empty() {
        egui::CollapsingHeader::new(format!("{} more", rest.len())).id_salt("more-flips").show(ui, |ui| {
            for flip in rest {
                flip_ui(ui, view, flip, state);
            }
        });
    }
}

fn flip_ui(ui: &mut Ui, view: &View<'_>, flip: &engine::Flip, state: &mut DecideState) {
    // The versions of a prompt fill lines.
    let now = if flip.question == "prompts" { "as they are" } else { flip.now.as_str() };
    let change = format!("{now} → {}:", flip.instead);
    let mut line = Words::default();
    line.add(flip.label, body(), link_ink(view));
    line.add(&change, body(), view.tokens.text.0);
    line.add(&named(&flip.outcomes), body(), view.tokens.muted.0);
    link_ui(ui, view, line, flip.question, state);
}

fn missing_ui(ui: &mut Ui, view: &View<'_>, found: &Recommendation, state: &mut DecideState) {
    if found.missing.is_empty() {
        note_ui(ui, view, &found.nothing_missing_words());
    }
    for missing in &found.missing {
        let mut line = Words::default();
        line.add(&format!("{}:", missing.label), body(), link_ink(view));
        line.add(&missing.why, body(), view.tokens.text.0);
        link_ui(ui, view, line, missing.question, state);
    }
}

/// A line of differently set words that wraps as one.
#[derive(Default)]
struct Words {
    job: LayoutJob,
}

impl Words {
    /// Adds words, a space before them; nothing where there are none.
    fn add(&mut self, words: &str, font_id: FontId, color: Color32) {
        if words.is_empty() {
            return;
        }
        let space = if self.job.is_empty() { "" } else { " " };
        let format = TextFormat { font_id, color, valign: Align::Center, ..TextFormat::default() };
        self.job.append(&format!("{space}{words}"), 0.0, format);
    }
}

fn body() -> FontId {
    FontId::proportional(type_size::body())
}

fn small() -> FontId {
    FontId::proportional(type_size::small())
}

/// Colour of what leads to a question; presenting, nothing does.
const fn link_ink(view: &View<'_>) -> Color32 {
    if view.state.session.presenting { view.tokens.text.0 } else { view.tokens.accent.0 }
}

/// A line that shows its question when it is pressed.
fn link_ui(ui: &mut Ui, view: &View<'_>, line: Words, id: &str, state: &mut DecideState) {
    let text = line.job.text.clone();
    let label = egui::Label::new(line.job).wrap();
    if view.state.session.presenting {
        ui.add(label);
        return;
    }
    let response = ui.add(label.selectable(false).sense(Sense::click()));
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Link, true, &text));
    if response.has_focus() {
        let ring = Stroke::new(2.0, view.tokens.accent.0);
        ui.painter().rect_stroke(response.rect.expand(2.0), 2, ring, StrokeKind::Outside);
    }
    let response = response.on_hover_cursor(egui::CursorIcon::PointingHand).on_hover_text("Show the question.");
    if response.clicked()
        && let Some(question) = question(id)
    {
        state.step = question.step;
        state.sheet = Sheet::Questions;
    }
}

fn against_ui(ui: &mut Ui, view: &View<'_>, found: &Recommendation) {
    for against in &found.against {
        ui.add(egui::Label::new(&against.name).wrap()).on_hover_text(&against.reason);
        note_ui(ui, view, &format!("{} Pays: {}.", against.reason, against.pays.to_lowercase()));
    }
}

/// Day, reasoning, and the step into the plan.
fn record_ui(ui: &mut Ui, view: &View<'_>, found: &Recommendation, state: &mut DecideState, out: &mut Commands) {
    let record = decision(view);
    head_ui(ui, "Decision");
    if !record.outcomes.is_empty() {
        let taken: Vec<Outcome> = record.outcomes.iter().filter_map(|id| Outcome::from_id(id)).collect();
        ui.add(egui::Label::new(format!("Taken into the plan on {}: {}.", record.date, named(&taken))).wrap());
        if taken != found.outcomes() {
            let text =
                RichText::new("The answers have changed since: they lead elsewhere now.").color(view.tokens.tight.0);
            ui.add(egui::Label::new(text).wrap());
        }
    }
    let hint = "Why, in your own words: what was weighed, who disagreed, when to look again.";
    if let Some(text) = text_ui(ui, state, "Reasoning", &record.reasoning, hint, f32::INFINITY, 3) {
        out.push(changed(view, "reasoning", |record| record.reasoning = text));
    }
    ui.horizontal(|ui| {
        let can = !found.is_open();
        let button = ui.add_enabled(can, egui::Button::new(RichText::new("Into the plan").font(bold(type_size::body()))));
        let help = "Fills kind, method and number of examples of the plan as one step, and keeps the decision with its evidence in the plan file.";
        if button.on_hover_text(help).on_disabled_hover_text("There is not enough evidence for a decision yet.").clicked() {
            out.push(Command::TakeDecision);
        }
        let label = ui.label("Day");
        let hint = if view.state.session.today.is_empty() { "YYYY-MM-DD" } else { view.state.session.today.as_str() };
        if let Some(text) = text_ui(ui, state, "Day of the decision", &record.date, hint, 96.0, 1) {
            out.push(changed(view, "date", |record| text.trim().clone_into(&mut record.date)));
        }
        label.on_hover_text("Day of the decision; today where it is left empty.");
    });
}

/// Headline, reasons, drivers and flips in large type.
pub fn presented_ui(ui: &mut Ui, view: &View<'_>) {
    let found = &view.computed.decided(&view.state.document.plan).found;
    card(ui, view.tokens, |ui| {
        headline_ui(ui, view, found);
        for rule in found.advice.iter().flat_map(|advice| &advice.rules) {
            ui.add(egui::Label::new(&rule.reason).wrap());
            note_ui(ui, view, &rule.source);
        }
    });
    ui.add_space(space::xs());
    ui.columns(2, |columns| {
        if let [left, right] = columns {
            card(left, view.tokens, |ui| {
                head_ui(ui, "What drove it");
                drivers_ui(ui, view, found);
            });
            card(right, view.tokens, |ui| {
                head_ui(ui, if found.is_open() { "Missing evidence" } else { "What would flip it" });
                let mut nowhere = DecideState::default();
                if found.is_open() {
                    missing_ui(ui, view, found, &mut nowhere);
                } else {
                    flips_ui(ui, view, found, &mut nowhere);
                }
            });
        }
    });
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
