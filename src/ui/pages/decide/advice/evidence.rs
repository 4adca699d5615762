//! What drove the recommendation, what would flip it, what to find out next.

use super::super::{DecideState, Sheet, note_ui};
use crate::decide::Recommendation;
use crate::decide::engine::{Flip, Missing, named};
use crate::decide::facts::Holds;
use crate::plan::decision::questions::question;
use crate::theme::{bold, type_size};
use crate::ui::View;
use egui::text::{LayoutJob, TextFormat};
use egui::{Align, Color32, FontId, Sense, Stroke, StrokeKind, Ui};

/// Flips that are listed before the rest is folded.
const FLIPS: usize = 6;
/// Open questions that are listed before the rest is folded.
const MISSING: usize = 5;

pub fn drivers_ui(ui: &mut Ui, view: &View<'_>, found: &Recommendation) {
    if found.drivers.is_empty() {
        note_ui(ui, view, view.text("Nothing was answered that a rule rests on."));
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

pub fn flips_ui(ui: &mut Ui, view: &View<'_>, found: &Recommendation, state: &mut DecideState) {
    let (chosen, seen): (Vec<&Flip>, Vec<&Flip>) = found.flips.iter().partition(|flip| flip.can_be_chosen);
    if chosen.is_empty() {
        note_ui(ui, view, view.text("Nothing that you can choose."));
    }
    let (first, rest) = chosen.split_at(chosen.len().min(FLIPS));
    for flip in first {
        flip_ui(ui, view, flip, state);
    }
    let mut folded = |ui: &mut Ui, name: &str, title: String, flips: &[&Flip]| {
        if !flips.is_empty() {
            egui::CollapsingHeader::new(title).id_salt(name).show(ui, |ui| {
                for flip in flips {
                    flip_ui(ui, view, flip, state);
                }
            });
        }
    };
    folded(ui, "more-flips", format!("{} more", rest.len()), rest);
    folded(ui, "seen-flips", view.text("If it were found otherwise").to_owned(), &seen);
}

fn flip_ui(ui: &mut Ui, view: &View<'_>, flip: &Flip, state: &mut DecideState) {
    // The versions of a prompt fill lines.
    let now = if flip.question == "prompts" { "as they are" } else { flip.now.as_str() };
    let change = format!("{now} → {}:", flip.instead);
    let mut line = Words::default();
    line.add(flip.label, body(), link_ink(view));
    line.add(&change, body(), view.tokens.text.0);
    line.add(&named(&flip.outcomes), body(), view.tokens.muted.0);
    link_ui(ui, view, line, flip.question, state);
}

pub fn missing_ui(ui: &mut Ui, view: &View<'_>, found: &Recommendation, state: &mut DecideState) {
    if found.missing.is_empty() {
        note_ui(ui, view, &found.nothing_missing_words());
    }
    let (first, rest) = found.missing.split_at(found.missing.len().min(MISSING));
    for missing in first {
        missing_line_ui(ui, view, missing, state);
    }
    if !rest.is_empty() {
        egui::CollapsingHeader::new(format!("{} more", rest.len())).id_salt("more-missing").show(ui, |ui| {
            for missing in rest {
                missing_line_ui(ui, view, missing, state);
            }
        });
    }
}

fn missing_line_ui(ui: &mut Ui, view: &View<'_>, missing: &Missing, state: &mut DecideState) {
    let mut line = Words::default();
    line.add(&format!("{}:", missing.label), body(), link_ink(view));
    line.add(&missing.why, body(), view.tokens.text.0);
    link_ui(ui, view, line, missing.question, state);
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
    if response.clicked() && id == "costs" {
        state.sheet = Sheet::Costs;
    }
    if response.clicked()
        && let Some(question) = question(id)
    {
        state.step = question.step;
        state.sheet = Sheet::Questions;
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
