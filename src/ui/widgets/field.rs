//! One row of the settings panel, made from the field table: label left, control right.

use super::catalogue::catalog_ui;
use super::icon::{self, Icon};
use super::{number, toggle};
use crate::app::command::{Command, Commands, MessageCommand};
use crate::catalog::Catalog;
use crate::plan::edit::{PlanEdit, choose_accelerator, choose_method};
use crate::plan::field::id;
use crate::plan::field::{CatalogKind, Choice, Field, FieldKind, FieldValue, is_of_catalogue, unset_word};
use crate::theme::{Tokens, space};
use crate::ui::{UiState, View};
use egui::{Align, ComboBox, Key, Layout, RichText, Slider, TextEdit, Ui};

/// Share of the row that the label takes.
const LABEL_SHARE: f32 = 0.45;
/// Share of the row that the label of a slider takes.
const SLIDER_LABEL_SHARE: f32 = 0.4;
/// Share of the row that the label of a format takes.
const FORMAT_LABEL_SHARE: f32 = 0.25;
/// Share of the row that the label of a figure takes which the catalogue may give.
const OPTIONAL_LABEL_SHARE: f32 = 0.37;
/// Height of a slider, which sets the size of its knob.
const KNOB: f32 = 16.0;
/// Side of the mark that resets a setting.
const RESET: f32 = 14.0;
/// Width of a typed number.
const NUMBER_WIDTH: f32 = 74.0;
/// Width of a number that carries its unit.
const UNIT_NUMBER_WIDTH: f32 = 92.0;
/// Width of a typed figure of a device with its unit.
const FIGURE_WIDTH: f32 = 108.0;

/// Draws the row of `field` and pushes what was changed.
pub fn field_ui(ui: &mut Ui, field: &'static Field, view: &View<'_>, ui_state: &mut UiState, out: &mut Commands) {
    let Some(value) = (field.get)(&view.state.document.plan) else { return };
    if matches!(field.kind, FieldKind::Notes) {
        notes_ui(ui, field, &value, ui_state, out);
        return;
    }
    let kind = match field.kind {
        FieldKind::Catalog(kind @ (CatalogKind::Model | CatalogKind::Accelerator | CatalogKind::Profile)) => Some(kind),
        _ => None,
    };
    if let (Some(kind), FieldValue::Id(id)) = (kind, &value) {
        // The first of its section, whose head says what it is: long names need the whole row.
        if let Some(chosen) = catalog_ui(ui, field, kind, id, view, ui_state) {
            out.push(match (kind, &chosen) {
                (CatalogKind::Accelerator, FieldValue::Id(name)) => choose_accelerator(name, Catalog::embedded())
                    .map_or_else(|why| Command::Message(MessageCommand::Refuse(why)), Command::Edit),
                _ => Command::Edit(PlanEdit::Set(field.id, chosen)),
            });
        }
        return;
    }
    let row = ui.available_width();
    let inner = ui.horizontal(|ui| {
        let label_width = label_width(field, row);
        ui.allocate_ui_with_layout(egui::vec2(label_width, 26.0), Layout::left_to_right(Align::Center), |ui| {
            ui.set_width(label_width);
            label_ui(ui, field, &value, view, out);
        });
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if let Some(new) = control_ui(ui, field, &value, view, ui_state, out)
                && new != value
            {
                out.push(Command::Edit(PlanEdit::Set(field.id, new)));
            }
        });
    });
    if ui.rect_contains_pointer(inner.response.rect) {
        ui_state.hovered_field = Some(field.id);
    }
}

/// The label with its help and what other values would cost; a changed setting has a way back beside it.
fn label_ui(ui: &mut Ui, field: &'static Field, value: &FieldValue, view: &View<'_>, out: &mut Commands) {
    let text = RichText::new(field.label).color(view.tokens.text.0);
    let reset = usual(field, view).filter(|usual| usual != value);
    ui.set_max_width(ui.available_width() - if reset.is_some() { RESET + space::xs() } else { 0.0 });
    let response = ui.add(egui::Label::new(text).truncate().selectable(false));
    if let Some(usual) = reset {
        let help = format!("Reset {} to {}", field.label, usual.display(field));
        let at = egui::Rect::from_center_size(
            egui::pos2(response.rect.right() + space::xs() + RESET / 2.0, response.rect.center().y),
            egui::Vec2::splat(RESET),
        );
        let mark = ui.interact(at, ui.scope_id().with((field.id, "reset")), egui::Sense::click());
        mark.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &help));
        let ink = if mark.hovered() || mark.has_focus() { view.tokens.accent.0 } else { view.tokens.muted.0 };
        icon::paint(ui.painter(), Icon::Reset, at.expand(4.0), ink);
        if mark.clicked() {
            out.push(Command::Edit(PlanEdit::Set(field.id, usual)));
        }
        mark.on_hover_text(help);
    }
    response.on_hover_ui(|ui| cost_ui(ui, field, view));
}

/// What the setting had when the plan was opened: a template's or file's value, not the program's default.
fn usual(field: &Field, view: &View<'_>) -> Option<FieldValue> {
    // Optional figures have their own way back to the catalogue; texts are retyped.
    if matches!(
        field.kind,
        FieldKind::OptionalInteger { .. }
            | FieldKind::OptionalDecimal { .. }
            | FieldKind::Lines(_)
            | FieldKind::Text
            | FieldKind::Notes
    ) {
        return None;
    }
    (field.get)(&view.state.document.saved_plan)
}

/// Help, unit, and what neighbouring values would change at the peak.
fn cost_ui(ui: &mut Ui, field: &Field, view: &View<'_>) {
    ui.set_max_width(320.0);
    ui.label(help(field));
    let Some(cost) = view.computed.field_cost.as_ref().filter(|cost| cost.field == field.id) else { return };
    if cost.changes.is_empty() {
        return;
    }
    ui.add_space(space::xs());
    ui.label(RichText::new("Whole process at the peak, with").small().color(view.tokens.muted.0));
    egui::Grid::new("field-cost").num_columns(2).spacing([space::l(), 2.0]).show(ui, |ui| {
        for (value, bytes) in &cost.changes {
            ui.label(value);
            let amount = crate::units::Bytes(u64::try_from(bytes.unsigned_abs()).unwrap_or(u64::MAX));
            let sign = match bytes.signum() {
                1 => "+",
                -1 => "−",
                _ => "±",
            };
            ui.label(format!("{sign}{}", amount.display(view.unit())));
            ui.end_row();
        }
    });
}

/// Labels are never cut where the control leaves room: a switch or a number needs little.
fn label_width(field: &Field, row: f32) -> f32 {
    match field.kind {
        FieldKind::Toggle => row - toggle::SIZE.x - 2.0 * space::s(),
        FieldKind::Integer { steps: [], .. } | FieldKind::Decimal { .. } => {
            row - number_width(field) - 2.0 * space::s()
        }
        FieldKind::Integer { .. } => row * SLIDER_LABEL_SHARE,
        // A figure, its unit and where it comes from.
        FieldKind::OptionalInteger { .. } | FieldKind::OptionalDecimal { .. } => row * OPTIONAL_LABEL_SHARE,
        // Formats have long names and short labels.
        FieldKind::Catalog(_) => row * FORMAT_LABEL_SHARE,
        _ => row * LABEL_SHARE,
    }
}

const fn number_width(field: &Field) -> f32 {
    if field.unit.is_empty() && matches!(field.kind, FieldKind::Decimal { .. }) {
        NUMBER_WIDTH
    } else {
        UNIT_NUMBER_WIDTH
    }
}

/// Unit as it stands behind a number in a control; `tok` for tokens, as in `tok/s`. Where the label names what is
/// counted, it is not said twice.
fn suffix(field: &Field) -> String {
    match field.unit {
        "" | "sequences" | "passes" | "devices" | "stages" | "pieces" | "units" | "values" => String::new(),
        "tokens" => " tok".to_owned(),
        unit => format!(" {unit}"),
    }
}

/// Help with the unit, for the tooltip.
fn help(field: &Field) -> String {
    if field.unit.is_empty() { field.help.to_owned() } else { format!("{} Unit: {}.", field.help, field.unit) }
}

fn control_ui(
    ui: &mut Ui,
    field: &'static Field,
    value: &FieldValue,
    view: &View<'_>,
    ui_state: &mut UiState,
    out: &mut Commands,
) -> Option<FieldValue> {
    match (field.kind, value) {
        (FieldKind::Integer { min, max, steps }, FieldValue::Integer(number)) => {
            integer_ui(ui, field, *number, (min, max), steps, view.tokens)
        }
        (FieldKind::Decimal { min, max, step }, FieldValue::Decimal(number)) => {
            let mut typed = *number;
            let drag = number::typed(ui.ctx(), &mut typed).range(min..=max).speed(step / 10.0).max_decimals(6);
            let response = ui.add_sized([number_width(field), 26.0], drag.suffix(suffix(field)));
            name(&response, field);
            response.changed().then_some(FieldValue::Decimal(typed))
        }
        (FieldKind::OptionalInteger { .. } | FieldKind::OptionalDecimal { .. }, _) => {
            optional_ui(ui, field, value, view, ui_state, out)
        }
        (FieldKind::Toggle, FieldValue::Toggle(on)) => {
            let response = toggle::toggle_ui(ui, *on, field.label, view.tokens);
            response.clone().on_hover_text(help(field));
            response.clicked().then_some(FieldValue::Toggle(!*on))
        }
        (FieldKind::Choice(choices), FieldValue::Id(id)) => {
            let chosen = choice_ui(ui, field, choices, id)?;
            if field.id == id::METHOD_KIND {
                // A method brings the formats it needs, as one step.
                out.push(Command::Edit(choose_method(&view.state.document.plan, chosen)));
                return None;
            }
            Some(FieldValue::Id(chosen.to_owned()))
        }
        (FieldKind::Catalog(kind), FieldValue::Id(id)) => catalog_ui(ui, field, kind, id, view, ui_state),
        (
            FieldKind::Targets | FieldKind::Stages | FieldKind::Counts { .. } | FieldKind::Lines(_) | FieldKind::Text,
            _,
        ) => typed_ui(ui, field, value, ui_state, out),
        _ => None,
    }
}

fn name(response: &egui::Response, field: &Field) {
    let unit = if field.unit.is_empty() { String::new() } else { format!(", {}", field.unit) };
    response.ctx.accesskit_node_builder(response.id, |node| node.set_label(format!("{}{unit}", field.label)));
    response.clone().on_hover_text(help(field));
}

/// A slider over the field's stops and a field for every other number.
fn integer_ui(
    ui: &mut Ui,
    field: &Field,
    number: u64,
    (min, max): (u64, u64),
    steps: &[u64],
    tokens: &Tokens,
) -> Option<FieldValue> {
    let mut typed = number;
    let drag = number::typed(ui.ctx(), &mut typed)
        .range(min..=max)
        .speed(0.2)
        .suffix(suffix(field))
        .custom_formatter(|value, _| crate::units::grouped(value as u64))
        .custom_parser(|text| match FieldValue::parse(field, text) {
            Ok(FieldValue::Integer(number)) => Some(number as f64),
            _ => None,
        });
    let response = ui.add_sized([number_width(field), 26.0], drag);
    name(&response, field);
    let mut new = response.changed().then_some(FieldValue::Integer(typed));
    if !steps.is_empty() {
        let mut index = steps.iter().position(|step| *step >= number).unwrap_or(steps.len() - 1);
        let before = index;
        let slider = slider_ui(ui, &mut index, steps.len() - 1, tokens);
        let label = format!("{} slider", field.label);
        ui.ctx().accesskit_node_builder(slider.id, |node| node.set_label(label));
        if slider.changed() && index != before {
            new = Some(FieldValue::Integer(steps[index]));
        }
        slider.on_hover_text(help(field));
    }
    new
}

/// egui's slider with a thin rail, the accent up to the knob and a small knob.
fn slider_ui(ui: &mut Ui, index: &mut usize, last: usize, tokens: &Tokens) -> egui::Response {
    let width = (ui.available_width() - space::s()).clamp(40.0, 160.0);
    let response = ui
        .scope(|ui| {
            ui.spacing_mut().slider_width = width;
            ui.spacing_mut().interact_size.y = KNOB;
            let visuals = ui.visuals_mut();
            visuals.selection.bg_fill = tokens.accent.0;
            visuals.widgets.inactive.bg_fill = tokens.edge.0.gamma_multiply(0.55);
            ui.add(Slider::new(index, 0..=last).show_value(false))
        })
        .inner;
    // The knob, over egui's own.
    let radius = response.rect.height() / 2.5;
    let range = response.rect.x_range().shrink(radius);
    let share = *index as f32 / last.max(1) as f32;
    let centre = egui::pos2(range.min + range.span() * share, response.rect.center().y);
    let held = response.has_focus() || response.dragged() || response.hovered();
    let edge = if held { tokens.accent.0 } else { tokens.panel.0 };
    ui.painter().circle(centre, radius + 0.5, tokens.text.0, egui::Stroke::new(2.0, edge));
    response
}

fn choice_ui(ui: &mut Ui, field: &Field, choices: &'static [Choice], id: &str) -> Option<&'static str> {
    let current = choices.iter().find(|choice| choice.id == id).map_or(id, |choice| choice.label);
    let mut chosen = None;
    let width = ui.available_width();
    let response = ComboBox::from_id_salt(field.id).selected_text(current).width(width).truncate().show_ui(ui, |ui| {
        for choice in choices {
            let item = ui.selectable_label(choice.id == id, choice.label).on_hover_text(choice.help);
            if item.clicked() {
                chosen = Some(choice.id);
            }
        }
    });
    name(&response.response, field);
    chosen
}

/// A figure of the catalogue, or the user's own with a way back.
fn optional_ui(
    ui: &mut Ui,
    field: &'static Field,
    value: &FieldValue,
    view: &View<'_>,
    ui_state: &mut UiState,
    out: &mut Commands,
) -> Option<FieldValue> {
    let edited = *value != FieldValue::Unset;
    let catalogued = is_of_catalogue(field);
    let mut new = None;
    if edited {
        let chip = RichText::new(if catalogued { "edited ×" } else { "given ×" }).small().color(view.tokens.tight.0);
        let reset = ui.small_button(chip).on_hover_text(if catalogued {
            "Reset: take the catalogue's figure again."
        } else {
            "Take the figure away."
        });
        let label = format!("Reset {}", field.label);
        reset.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, label.clone()));
        if reset.clicked() {
            new = Some(FieldValue::Unset);
        }
    } else {
        ui.label(RichText::new(unset_word(field)).small().color(view.tokens.muted.0));
    }
    let shown = match value {
        FieldValue::Unset => catalogue_figure(field, view),
        _ => value.display(field),
    };
    let shown = if shown == "–" { shown } else { format!("{shown}{}", suffix(field)) };
    // The label keeps its room in a narrow panel.
    let width = ui.available_width().min(FIGURE_WIDTH);
    let typed = line_ui(ui, field, &shown, width, ui_state);
    typed.and_then(|text| understood(field, &text, out)).or(new)
}

/// What the catalogue says for a figure that is not edited.
fn catalogue_figure(field: &Field, view: &View<'_>) -> String {
    let Some(device) = Catalog::embedded().accelerator(&view.state.document.plan.hardware.accelerator) else {
        return "–".to_owned();
    };
    let decimal = |figure: Option<f64>| figure.map_or_else(|| "–".to_owned(), |figure| figure.to_string());
    match field.id {
        id::HARDWARE_MEMORY_MIB => crate::units::grouped(device.usable(None).bytes >> 20),
        id::HARDWARE_BANDWIDTH_GB_S => decimal(device.bandwidth_gb_s),
        id::HARDWARE_BF16_TFLOPS => decimal(device.bf16_tflops.or(device.fp16_tflops)),
        _ => "–".to_owned(),
    }
}

/// A line of text that counts when the focus leaves it.
fn line_ui(ui: &mut Ui, field: &'static Field, shown: &str, width: f32, ui_state: &mut UiState) -> Option<String> {
    let mut text = match &ui_state.typing {
        Some((id, text)) if *id == field.id => text.clone(),
        _ => shown.to_owned(),
    };
    let response = ui.add_sized([width, 26.0], TextEdit::singleline(&mut text).hint_text(field.label));
    name(&response, field);
    if response.changed() {
        ui_state.typing = Some((field.id, text.clone()));
    }
    let finished = response.lost_focus() && matches!(&ui_state.typing, Some((id, _)) if *id == field.id);
    if finished {
        ui_state.typing = None;
        // Escape gives the old text back.
        return (!ui.input(|input| input.key_pressed(Key::Escape))).then_some(text);
    }
    None
}

fn typed_ui(
    ui: &mut Ui,
    field: &'static Field,
    value: &FieldValue,
    ui_state: &mut UiState,
    out: &mut Commands,
) -> Option<FieldValue> {
    let width = ui.available_width();
    let text = line_ui(ui, field, &value.display(field), width, ui_state)?;
    understood(field, &text, out)
}

/// The value of a typed text; one that is not understood is said, and the old value stays.
fn understood(field: &Field, text: &str, out: &mut Commands) -> Option<FieldValue> {
    let figure = text.trim().strip_suffix(field.unit).unwrap_or(text);
    match FieldValue::parse(field, figure) {
        Ok(value) => Some(value),
        Err(error) => {
            let named = error.starts_with(field.label);
            out.push(Command::Message(MessageCommand::Refuse(if named {
                error
            } else {
                format!("{}: {error}", field.label)
            })));
            None
        }
    }
}

fn notes_ui(ui: &mut Ui, field: &'static Field, value: &FieldValue, ui_state: &mut UiState, out: &mut Commands) {
    let FieldValue::Text(shown) = value else { return };
    let title = if shown.is_empty() { field.label.to_owned() } else { format!("{} ●", field.label) };
    egui::CollapsingHeader::new(RichText::new(title).small()).id_salt(field.id).show(ui, |ui| {
        let mut text = match &ui_state.typing {
            Some((id, text)) if *id == field.id => text.clone(),
            _ => shown.clone(),
        };
        let editor = TextEdit::multiline(&mut text).desired_rows(3).desired_width(f32::INFINITY).hint_text(field.help);
        let response = ui.add(editor);
        name(&response, field);
        if response.changed() {
            ui_state.typing = Some((field.id, text.clone()));
        }
        if response.lost_focus() && matches!(&ui_state.typing, Some((id, _)) if *id == field.id) {
            ui_state.typing = None;
            if !ui.input(|input| input.key_pressed(Key::Escape)) {
                out.push(Command::Edit(PlanEdit::Set(field.id, FieldValue::Text(text))));
            }
        }
    });
}
