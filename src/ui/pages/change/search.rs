//! The whole space of plans: limits, the picture of memory against time, and the plans nothing else is better than.

use super::{apply_ui, change_words, muted_ui};
use crate::app::command::{Command, Commands, SearchCommand};
use crate::plan::edit::PlanEdit;
use crate::report::chart::{Axis, Chart, Ink, Look, Mark, Rule, Series, Way};
use crate::solve::levers::Risk;
use crate::solve::search::{Choice, Limits, Outcome};
use crate::tasks::searching::Searching;
use crate::theme::{bold, space, type_size};
use crate::ui::View;
use crate::ui::widgets::plot::{Hit, Plot};
use crate::ui::widgets::segmented::{Segment, segmented_ui};
use crate::units::{Bytes, duration, grouped, quantity};
use egui::{Button, RichText, TextEdit, Ui};

/// Height of the picture.
const HEIGHT: f32 = 260.0;
/// Plans listed before one asks for more.
const FIRST: usize = 8;

/// What is typed and chosen.
#[derive(Clone, Debug)]
pub struct SearchState {
    memory: String,
    hours: String,
    money: String,
    risk: Risk,
    refused: Option<String>,
    /// Place of the chosen plan in the list.
    chosen: Option<usize>,
    all_listed: bool,
}

impl Default for SearchState {
    fn default() -> Self {
        Self {
            memory: String::new(),
            hours: String::new(),
            money: String::new(),
            risk: Risk::Low,
            refused: None,
            chosen: None,
            all_listed: false,
        }
    }
}

const RISKS: [Segment<Risk>; 3] = [
    Segment { value: Risk::None, label: "None", help: "The same arithmetic in another order or place." },
    Segment { value: Risk::Low, label: "Low", help: "Rounding or settings that published work found harmless." },
    Segment { value: Risk::Medium, label: "Medium", help: "Another method or less information: measure it." },
];

/// Draws limits, progress, picture and list.
pub fn search_ui(ui: &mut Ui, view: &View<'_>, state: &mut SearchState, out: &mut Commands) {
    let running = view.state.session.searching.as_ref().filter(|searching| searching.running);
    limits_ui(ui, view, state);
    ui.horizontal_wrapped(|ui| match running {
        None => {
            if ui.add(Button::new("Search")).clicked() {
                begin(view, state, out);
            }
        }
        Some(searching) => {
            if ui.add(Button::new("Stop")).clicked() {
                out.push(Command::Search(SearchCommand::Stop));
            }
            let (done, parts) = searching.parts;
            ui.add(egui::ProgressBar::new(done as f32 / parts.max(1) as f32).desired_width(160.0));
            ui.label(format!("{done} of {parts} parts"));
        }
    });
    if let Some(refused) = &state.refused {
        ui.colored_label(view.tokens.over.0, refused);
    }
    let Some(searching) = &view.state.session.searching else {
        muted_ui(
            ui,
            view,
            "Every sensible combination of method, formats, optimizer, batch, checkpointing, kernels and sharing is estimated; those that nothing else is better than are shown.",
        );
        return;
    };
    // What was found for one plan is nothing to apply to another.
    if view.state.session.searched_around.document() != view.state.document.id {
        let whose = if searching.running {
            "The search that goes on is of another open plan."
        } else {
            "The last search was of another open plan."
        };
        muted_ui(ui, view, whose);
        return;
    }
    if let Some(refused) = &searching.refused {
        ui.colored_label(view.tokens.over.0, refused);
    }
    if view.state.session.searched_around != view.state.key() {
        muted_ui(
            ui,
            view,
            "Found for the plan before its last change: applying one gives up what was changed since; search again to be up to date.",
        );
    }
    if let Some(outcome) = &searching.outcome {
        found_ui(ui, view, state, searching, outcome, out);
    }
}

fn limits_ui(ui: &mut Ui, view: &View<'_>, state: &mut SearchState) {
    let capacity = view.computed.estimate.as_ref().and_then(|estimate| estimate.capacity);
    let usual = capacity.map_or_else(|| "no limit".to_owned(), |bytes| bytes.display(view.unit()));
    ui.horizontal_wrapped(|ui| {
        let field = |ui: &mut Ui, label: &'static str, text: &mut String, hint: &str| {
            ui.label(label);
            let edit = ui.add(TextEdit::singleline(text).desired_width(84.0).hint_text(hint));
            edit.widget_info(|| egui::WidgetInfo::labeled(egui::Role::TextInput, true, label));
        };
        field(ui, "Memory under", &mut state.memory, &usual);
        field(ui, "Hours under", &mut state.hours, "no limit");
        field(ui, "Cost under", &mut state.money, "no limit");
    });
    ui.horizontal_wrapped(|ui| {
        ui.label("Quality risk up to");
        if let Some(risk) = segmented_ui(ui, &RISKS, state.risk, view.tokens) {
            state.risk = risk;
        }
    });
}

fn begin(view: &View<'_>, state: &mut SearchState, out: &mut Commands) {
    let capacity = view.computed.estimate.as_ref().and_then(|estimate| estimate.capacity);
    match limits(state, capacity) {
        Ok(limits) => {
            state.refused = None;
            state.chosen = None;
            out.push(Command::Search(SearchCommand::Start(limits)));
        }
        Err(refused) => state.refused = Some(refused),
    }
}

fn limits(state: &SearchState, capacity: Option<Bytes>) -> Result<Limits, String> {
    let number = |text: &str, what: &str| -> Result<Option<f64>, String> {
        let word = text.trim();
        if word.is_empty() {
            return Ok(None);
        }
        match word.replace([',', ' '], "").parse::<f64>() {
            Ok(amount) if amount.is_finite() && amount >= 0.0 => Ok(Some(amount)),
            _ => Err(format!("{what}: `{word}` is no number")),
        }
    };
    let memory = match state.memory.trim() {
        "" => capacity,
        text => Some(Bytes::parse(text)?),
    };
    Ok(Limits {
        memory,
        hours: number(&state.hours, "Hours under")?,
        money: number(&state.money, "Cost under")?,
        risk: Some(state.risk),
    })
}

fn found_ui(
    ui: &mut Ui,
    view: &View<'_>,
    state: &mut SearchState,
    searching: &Searching,
    outcome: &Outcome,
    out: &mut Commands,
) {
    ui.add(egui::Label::new(RichText::new(&outcome.words).font(bold(type_size::body()))).wrap());
    if outcome.choices.is_empty() {
        return;
    }
    picture_ui(ui, view, state, searching, outcome, out);
    state.chosen = state.chosen.filter(|chosen| *chosen < outcome.choices.len());
    if let Some(choice) = state.chosen.and_then(|chosen| outcome.choices.get(chosen)) {
        ui.add_space(space::xs());
        choice_ui(ui, view, choice, "Apply the chosen plan", out);
        ui.separator();
    }
    let listed = if state.all_listed { outcome.choices.len() } else { FIRST };
    for (index, choice) in outcome.choices.iter().enumerate().take(listed) {
        ui.add_space(space::xs());
        choice_ui(ui, view, choice, &format!("Apply plan {}", index + 1), out);
    }
    if outcome.choices.len() > FIRST {
        let more = grouped((outcome.choices.len() - FIRST) as u64);
        let text = if state.all_listed { "Show fewer".to_owned() } else { format!("Show {more} more") };
        if ui.button(text).clicked() {
            state.all_listed = !state.all_listed;
        }
    }
}

fn choice_ui(ui: &mut Ui, view: &View<'_>, choice: &Choice, name: &str, out: &mut Commands) {
    ui.horizontal_top(|ui| {
        let edit = PlanEdit::Group(vec![choice.edit.clone()], "Plan found by search".to_owned());
        apply_ui(ui, "Apply", name, &edit, out);
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = 2.0;
            ui.add(egui::Label::new(words(view, choice)).wrap());
            let changes = if choice.changes.is_empty() { "as it is".to_owned() } else { change_words(&choice.changes) };
            muted_ui(ui, view, changes);
        });
    });
}

/// `14.1 of 24.0 GiB, 3,900 tokens/s, 7.2 h, 12 USD, quality risk low`.
fn words(view: &View<'_>, choice: &Choice) -> String {
    let figures = &choice.figures;
    let mut words = vec![figures.verdict_words(view.unit())];
    words.extend(figures.tokens_per_sec.map(|rate| quantity(rate.expected, "tokens/s")));
    words.extend(figures.hours.map(|hours| quantity(hours.expected, "h")));
    let currency = &view.state.document.plan.cost.currency;
    words.extend(figures.money.map(|money| quantity(money.expected, currency)));
    words.push(format!("quality risk {}", choice.risk.word()));
    words.join(", ")
}

/// Memory across, time of a million tokens up; a mark's shape and colour say the risk. A click chooses a plan.
fn picture_ui(
    ui: &mut Ui,
    view: &View<'_>,
    state: &mut SearchState,
    searching: &Searching,
    outcome: &Outcome,
    out: &mut Commands,
) {
    let place = |series: usize, index: usize| {
        // After the risks comes the ring of the chosen one.
        let Some((risk, ..)) = MARKS.get(series) else { return state.chosen };
        let of_risk = outcome.choices.iter().enumerate().filter(|(_, choice)| choice.risk == *risk);
        of_risk.map(|(place, _)| place).nth(index)
    };
    let tip = |hit: &Hit| {
        let Some(choice) = place(hit.series, hit.index).and_then(|place| outcome.choices.get(place)) else {
            return String::new();
        };
        let secs = choice.figures.secs_per_token();
        let secs = secs.map_or_else(String::new, |secs| format!("\n{} for a million tokens", duration(secs * 1e6)));
        let changes = change_words(&choice.changes);
        format!("{}{secs}\n{changes}\na click shows it below the picture", words(view, choice))
    };
    let chart = chart(view, state.chosen, searching, outcome);
    let read = Plot::new("search", chart, HEIGHT, &tip).show(ui, view.tokens, out);
    if let Some(hit) = read.clicked {
        state.chosen = place(hit.series, hit.index);
    }
}

/// How the risks are told apart.
const MARKS: [(Risk, &str, Ink, Mark); 3] = [
    (Risk::None, "no risk", Ink::Fits, Mark::Disc),
    (Risk::Low, "low risk", Ink::Accent, Mark::Square),
    (Risk::Medium, "medium risk", Ink::Tight, Mark::Triangle),
];

fn chart(view: &View<'_>, chosen: Option<usize>, searching: &Searching, outcome: &Outcome) -> Chart {
    let unit = view.unit();
    let point = |choice: &Choice| {
        let secs = choice.figures.secs_per_token().unwrap_or(1e-6) * 1e6;
        [choice.figures.memory().in_unit(unit), secs]
    };
    let mut series: Vec<Series> = MARKS
        .into_iter()
        .map(|(risk, name, ink, mark)| {
            let points = outcome.choices.iter().filter(|choice| choice.risk == risk).map(point).collect();
            Series::new(name, ink, Look::Marks(mark, 4.0), points)
        })
        .collect();
    let chosen = chosen.and_then(|chosen| outcome.choices.get(chosen)).map(point);
    series.push(Series::new("", Ink::Text, Look::Marks(Mark::Ring, 8.0), chosen.into_iter().collect()));
    let limit = searching.limits.memory.map(|limit| Rule {
        label: format!("limit {}", limit.display(unit)),
        ink: Ink::Over,
        way: Way::Upright,
        at: limit.in_unit(unit),
        to: None,
    });
    let points = || outcome.choices.iter().map(point);
    Chart {
        title: "Memory against time".to_owned(),
        name: format!("Memory against time of {} plans; a click chooses one", outcome.choices.len()),
        across: Axis::log_around(format!("memory, {}", unit.symbol()), points().map(|[memory, _]| memory)),
        up: Axis::log_around("seconds for a million tokens", points().map(|[_, secs]| secs)),
        series,
        rules: limit.into_iter().collect(),
        beyond: None,
    }
}
