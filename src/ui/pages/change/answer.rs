//! How the plan answers to one setting, to batch and length together, and to a step of each setting.

use super::muted_ui;
use crate::app::answers::Answers;
use crate::app::command::{Command, Commands};
use crate::app::key::Key;
use crate::plan::edit::PlanEdit;
use crate::plan::field::id;
use crate::plan::field::{FieldId, FieldValue, field};
use crate::solve::sensitivity::numeric_fields;
use crate::theme::space;
use crate::ui::View;
use crate::ui::widgets::segmented::{Segment, segmented_ui};
use crate::units::grouped;
use egui::{ComboBox, RichText, Ui};

mod curve;
mod map;
mod tornado;

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measured {
    /// Memory of the whole process.
    Memory,
    /// Time of an optimizer step.
    Time,
    /// Cost of the run.
    Cost,
}

const MEASURES: [Segment<Measured>; 3] = [
    Segment { value: Measured::Memory, label: "Memory", help: "Expected memory of the whole process." },
    Segment { value: Measured::Time, label: "Time", help: "Seconds of an optimizer step, or of a request." },
    Segment { value: Measured::Cost, label: "Cost", help: "Money of the run, once data and price are typed." },
];

/// What is chosen on this part of the page.
#[derive(Clone, Debug)]
pub struct AnswerState {
    field: FieldId,
    measured: Measured,
    /// What was worked out, and for which revision.
    pub answers: Option<Answers>,
    /// What was clicked.
    picked: Option<Picked>,
}

/// A value that was clicked in a chart: it is read below the chart, and only its button sets it.
#[derive(Clone, Debug)]
struct Picked {
    chart: Chart,
    /// The plan it was read for.
    key: Key,
    /// What it says.
    words: String,
    /// Text of its button.
    set: String,
    edit: PlanEdit,
}

/// A chart of this part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chart {
    Curve,
    Map,
    Tornado,
}

impl Default for AnswerState {
    fn default() -> Self {
        Self { field: id::BATCH_SEQUENCE_LENGTH, measured: Measured::Memory, answers: None, picked: None }
    }
}

/// Draws curve, heat map and tornado.
pub fn answer_ui(ui: &mut Ui, view: &View<'_>, state: &mut AnswerState, out: &mut Commands) {
    let plan = &view.state.document.plan;
    let fields = numeric_fields(plan);
    if !fields.iter().any(|field| field.id == state.field) {
        state.field = fields.first().map_or(id::BATCH_SEQUENCE_LENGTH, |field| field.id);
    }
    ui.horizontal_wrapped(|ui| {
        ui.label("Setting");
        let shown = field(state.field).map_or(state.field, |field| field.label);
        let combo = ComboBox::from_id_salt("answered-field").selected_text(shown).show_ui(ui, |ui| {
            for field in &fields {
                ui.selectable_value(&mut state.field, field.id, field.label).on_hover_text(field.help);
            }
        });
        combo.response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::ComboBox, true, "Setting that is varied"));
        if let Some(measured) = segmented_ui(ui, &MEASURES, state.measured, view.tokens) {
            state.measured = measured;
        }
    });
    Answers::keep(&mut state.answers, view.state, state.field);
    let Some(answers) = &state.answers else { return };
    let picked = &mut state.picked;
    match &answers.curve {
        Ok(curve) => {
            curve::curve_ui(ui, view, state.measured, curve, picked, out);
            let hint = "A click reads a stop, with a button to set it. Dragging the ringed point sets it too; a double-click resets the view.";
            picked_ui(ui, view, picked, Chart::Curve, hint, out);
        }
        Err(why) => {
            ui.label(why);
        }
    }
    ui.add_space(space::s());
    if let Ok(map) = &answers.map {
        let head = format!("Memory over micro-batch (up) and sequence length (across), {}", view.unit().symbol());
        ui.label(RichText::new(head).strong());
        map::map_ui(ui, view, map, picked, out);
        picked_ui(ui, view, picked, Chart::Map, "A click reads a cell; a double-click sets it.", out);
    }
    ui.add_space(space::s());
    if let Ok(swings) = &answers.swings {
        let head = format!("Memory that one stop down and one stop up of a setting move, {}", view.unit().symbol());
        ui.label(RichText::new(head).strong());
        tornado::tornado_ui(ui, view, swings, picked, out);
        picked_ui(ui, view, picked, Chart::Tornado, "A click reads a bar; a double-click sets its value.", out);
    }
}

/// What was clicked in `chart` with the button that sets it, else the `hint`; always one row high.
fn picked_ui(ui: &mut Ui, view: &View<'_>, picked: &mut Option<Picked>, chart: Chart, hint: &str, out: &mut Commands) {
    let key = view.state.key();
    ui.horizontal_wrapped(|ui| {
        ui.set_min_height(ui.spacing().interact_size.y);
        match picked.as_ref().filter(|picked| picked.chart == chart && picked.key == key) {
            Some(held) => {
                ui.label(&held.words);
                if ui.button(&held.set).clicked() {
                    out.push(Command::Edit(held.edit.clone()));
                    *picked = None;
                }
            }
            None => _ = muted_ui(ui, view, hint),
        }
    });
}

/// The value with the unit of its setting: `4,096 tokens`.
fn value_words(value: &FieldValue, unit: &str) -> String {
    let number = match value {
        FieldValue::Integer(number) => grouped(*number),
        FieldValue::Decimal(number) => number.to_string(),
        _ => String::new(),
    };
    if unit.is_empty() { number } else { format!("{number} {unit}") }
}
