//! Examples read one by one, a key a label; counts and agreement follow at once.

use super::{DecideState, changed, decision, head_ui, intervals, note_ui, text_ui};
use crate::app::command::{Command, Commands, FileCommand};
use crate::app::state::{OpenExamples, PathPurpose};
use crate::decide::facts::GOOD_KAPPA;
use crate::decide::tally::{label_at, labelled, labelled_examples};
use crate::plan::decision::{Annotator, LABELS, Label, Tally};
use crate::theme::{bold, space, type_size};
use crate::ui::{View, card, card_head};
use crate::units::{counted, grouped};
use egui::{Key, RichText, ScrollArea, Ui, Vec2};

/// Height of the example's text.
const TEXT: f32 = 180.0;
/// Width of a label's button.
const LABEL: f32 = 148.0;
/// Disagreements that are listed.
const LISTED: usize = 12;

/// Draws the sheet.
pub fn tally_ui(ui: &mut Ui, view: &View<'_>, state: &mut DecideState, out: &mut Commands) {
    let tally = &decision(view).tally;
    let examples = view.state.session.examples.as_deref().filter(|open| is_of(open, tally));
    if let Some(open) = examples {
        card(ui, view.tokens, |ui| example_ui(ui, view, state, open, out));
        ui.add_space(space::xs());
    }
    if !tally.is_empty() {
        card(ui, view.tokens, |ui| summary_ui(ui, view, state, tally, out));
        ui.add_space(space::xs());
    }
    card(ui, view.tokens, |ui| {
        card_head(ui, "Examples and labels", "one example, one key");
        files_ui(ui, view, tally, examples.is_some(), out);
    });
}

/// The open examples are those the labels belong to.
fn is_of(open: &OpenExamples, tally: &Tally) -> bool {
    tally.file.is_empty() || std::path::Path::new(&tally.file).file_name() == open.path.file_name()
}

fn files_ui(ui: &mut Ui, view: &View<'_>, tally: &Tally, is_open: bool, out: &mut Commands) {
    if tally.file.is_empty() && tally.is_empty() {
        ui.add(egui::Label::new("Open wrong answers as JSONL, JSON or CSV, read them one by one, and give each the kind of its first failure. About 100 are a good start; each person labels under a name of their own.").wrap());
    }
    ui.horizontal_wrapped(|ui| {
        if !is_open && !tally.file.is_empty() && ui.button(format!("Open {} again", short(&tally.file))).clicked() {
            out.push(Command::File(FileCommand::OpenExamples(tally.file.clone().into())));
        }
        if ui
            .button("Open examples or labels…")
            .on_hover_text("A file of examples, or labels that another person saved.")
            .clicked()
        {
            out.push(Command::File(FileCommand::PickFile(PathPurpose::OpenExamples)));
        }
        if ui.button("Open by path…").clicked() {
            out.push(Command::File(FileCommand::AskPath(PathPurpose::OpenExamples)));
        }
        if !tally.is_empty() {
            if ui.button("Save labels…").on_hover_text("A CSV with example, annotator, label.").clicked() {
                out.push(Command::File(FileCommand::PickFile(PathPurpose::SaveLabels)));
            }
            if ui.button("Save by path…").clicked() {
                out.push(Command::File(FileCommand::AskPath(PathPurpose::SaveLabels)));
            }
            if ui.button("Clear labels").on_hover_text("One step that can be undone; the counts stay.").clicked() {
                out.push(changed(view, "labels cleared", |record| record.tally.annotators.clear()));
            }
        }
    });
    if !tally.file.is_empty() {
        note_ui(ui, view, &tally.file);
    }
}

/// Who labels: typed at the right of the head.
fn annotator_ui(ui: &mut Ui, state: &mut DecideState) {
    let name = state.annotator.clone();
    if let Some(name) = text_ui(ui, state, "Annotator", &name, "name", 90.0, 1) {
        let name = name.trim();
        if !name.is_empty() {
            name.clone_into(&mut state.annotator);
            state.example = 0;
        }
    }
    ui.label(RichText::new("by").small());
}

fn short(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

/// One example with its labels; keys work wherever no text is typed.
fn example_ui(ui: &mut Ui, view: &View<'_>, state: &mut DecideState, open: &OpenExamples, out: &mut Commands) {
    let tally = &decision(view).tally;
    let all = open.reading.examples.len();
    state.example = state.example.min(all.saturating_sub(1));
    if state.annotator.is_empty() {
        // Two people who both are "A" would overwrite each other where their labels meet.
        let author = view.state.settings.author.trim();
        state.annotator = if author.is_empty() { "A".to_owned() } else { author.to_owned() };
    }
    let Some(example) = open.reading.examples.get(state.example) else { return };
    let own = tally.annotators.iter().find(|annotator| annotator.name == state.annotator);
    let given = own.and_then(|own| label_at(own, state.example));
    let done = own.map_or(0, |own| own.labels.chars().filter(|c| *c != '.').count());
    ui.horizontal(|ui| {
        let words = format!("Example {} of {}", grouped(state.example as u64 + 1), grouped(all as u64));
        ui.label(RichText::new(words).font(bold(type_size::title())));
        ui.label(RichText::new(format!("line {}", grouped(example.line as u64))).small().color(view.tokens.muted.0));
        let words = format!("{} labelled by {}", grouped(done as u64), state.annotator);
        ui.label(RichText::new(words).small().color(view.tokens.muted.0));
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| annotator_ui(ui, state));
    });
    ScrollArea::vertical().id_salt("example").max_height(TEXT).show(ui, |ui| {
        ui.set_width(ui.available_width() - space::s());
        for (name, text) in &example.fields {
            ui.label(RichText::new(name).small().color(view.tokens.muted.0));
            ui.add(egui::Label::new(text).wrap());
        }
    });
    ui.add_space(space::xs());
    let mut chosen = pressed(ui, view);
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = Vec2::splat(space::xs());
        for label in &LABELS {
            if label_ui(ui, view, label, given == Some(label)) {
                chosen = Some(Asked::Give(label));
            }
        }
    });
    ui.horizontal(|ui| {
        if ui.button("Previous  ,").on_hover_text("Key: comma").clicked() {
            chosen = Some(Asked::Previous);
        }
        if ui.button("Next  .").on_hover_text("Key: full stop").clicked() {
            chosen = Some(Asked::Next);
        }
        if ui.add_enabled(given.is_some(), egui::Button::new("Take back  Backspace")).clicked() {
            chosen = Some(Asked::TakeBack);
        }
    });
    let index = state.example;
    match chosen {
        None => {}
        Some(Asked::Previous) => state.example = index.saturating_sub(1),
        Some(Asked::Next) => state.example = (index + 1).min(all.saturating_sub(1)),
        Some(Asked::TakeBack) => out.push(given_to(view, &state.annotator, index, None)),
        Some(Asked::Give(label)) => {
            out.push(given_to(view, &state.annotator, index, Some(label)));
            state.example = next_open(own, index, all);
        }
    }
}

/// What a key or button asks for.
#[derive(Clone, Copy)]
enum Asked {
    Give(&'static Label),
    TakeBack,
    Previous,
    Next,
}

fn given_to(view: &View<'_>, annotator: &str, index: usize, label: Option<&Label>) -> Command {
    changed(view, "label", |record| {
        let tally = labelled(&record.tally, annotator, index, label);
        record.take_tally(tally);
    })
}

/// The next example without a label of this annotator, else the next.
fn next_open(own: Option<&Annotator>, index: usize, all: usize) -> usize {
    let letters: Vec<char> = own.map(|own| own.labels.chars().collect()).unwrap_or_default();
    let is_open = |place: &usize| letters.get(*place).is_none_or(|c| *c == '.');
    (index + 1..all).find(is_open).unwrap_or((index + 1).min(all.saturating_sub(1)))
}

fn pressed(ui: &Ui, view: &View<'_>) -> Option<Asked> {
    if ui.ctx().text_edit_focused() || view.state.session.dialog.is_some() {
        return None;
    }
    ui.input(|input| {
        if input.modifiers.any() {
            return None;
        }
        let give = LABELS.iter().find(|label| {
            Key::from_name(&label.letter.to_uppercase().to_string()).is_some_and(|key| input.key_pressed(key))
        });
        let others = [(Key::Comma, Asked::Previous), (Key::Period, Asked::Next), (Key::Backspace, Asked::TakeBack)];
        let other = others.into_iter().find(|(key, _)| input.key_pressed(*key)).map(|(_, asked)| asked);
        give.map(Asked::Give).or(other)
    })
}

/// Key and name; whether it was pressed.
fn label_ui(ui: &mut Ui, view: &View<'_>, label: &Label, is_given: bool) -> bool {
    let key = label.letter.to_uppercase();
    let (fill, ink) = if is_given {
        (view.tokens.accent.0, view.tokens.on_accent.0)
    } else {
        (view.tokens.raised.0, view.tokens.text.0)
    };
    let text = RichText::new(format!("{key}  {}", label.name)).color(ink);
    let response = ui.add(egui::Button::new(text).fill(fill).min_size(Vec2::new(LABEL, 28.0)));
    let name = format!("Label {}, key {key}", label.name);
    response.widget_info(|| egui::WidgetInfo::selected(egui::Role::Button, true, is_given, &name));
    let help = crate::plan::decision::questions::question(label.question);
    response.on_hover_text(help.map_or("The answer is right after all.", |question| question.help)).clicked()
}

/// Counts, agreement, and where annotators differ.
fn summary_ui(ui: &mut Ui, view: &View<'_>, state: &mut DecideState, tally: &Tally, out: &mut Commands) {
    let decided = view.computed.decided(&view.state.document.plan);
    let people = counted(tally.annotators.len() as u64, "annotator", "annotators");
    head_ui(ui, &format!("{} labelled by {people}", counted(labelled_examples(tally), "example", "examples")));
    for share in
        decided.found.proportions.iter().filter(|share| share.against == Some(0.5) && share.name != "Right now")
    {
        intervals::interval_ui(ui, view, share);
    }
    note_ui(
        ui,
        view,
        "The counts of the step Failures follow the labels: of each example the label most annotators gave.",
    );
    match &decided.agreement {
        None => note_ui(
            ui,
            view,
            "One annotator: a second one's labels of the same examples would say how clear the kinds are.",
        ),
        Some(found) => {
            let words = match found.kappa {
                Some(kappa) => {
                    let range = found.range.map_or_else(String::new, |r| format!(" ({:.2} to {:.2})", r.low, r.high));
                    let examples = counted(found.examples, "example", "examples");
                    format!("{} {kappa:.2}{range} on {examples} that all labelled", found.name)
                }
                None => format!("{} is not defined: too few examples in common, or only one label", found.name),
            };
            let low = found.kappa.is_some_and(|kappa| kappa < GOOD_KAPPA);
            ui.label(RichText::new(words).color(if low { view.tokens.tight.0 } else { view.tokens.text.0 }));
            if low {
                note_ui(
                    ui,
                    view,
                    "Under 0.61 agreement is not substantial (Landis & Koch, 1977): agree on what the kinds mean, then label again.",
                );
            }
            differ_ui(ui, view, state, &found.disagreed);
        }
    }
    ui.add_space(space::xs());
    for annotator in &tally.annotators {
        ui.horizontal(|ui| {
            let given = annotator.labels.chars().filter(|c| *c != '.').count();
            ui.label(format!("{}: {}", annotator.name, counted(given as u64, "label", "labels")));
            let remove = ui.small_button("Remove");
            let name = format!("Remove labels of {}", annotator.name);
            remove.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &name));
            if remove.clicked() {
                out.push(changed(view, "labels of an annotator", |record| {
                    let mut tally = record.tally.clone();
                    tally.annotators.retain(|other| other.name != annotator.name);
                    record.take_tally(tally);
                }));
            }
        });
    }
}

/// Links to the examples on which annotators differ.
fn differ_ui(ui: &mut Ui, view: &View<'_>, state: &mut DecideState, places: &[usize]) {
    if places.is_empty() {
        return;
    }
    ui.horizontal_wrapped(|ui| {
        ui.label(RichText::new("They differ on").color(view.tokens.muted.0));
        for place in places.iter().take(LISTED) {
            if ui.link(format!("example {}", place + 1)).clicked() {
                state.example = *place;
            }
        }
        if places.len() > LISTED {
            ui.label(RichText::new(format!("and {} more", places.len() - LISTED)).color(view.tokens.muted.0));
        }
    });
}
