//! The measured rows nearest to the plan.

use crate::catalog::Catalog;
use crate::plan::Metric;
use crate::plan::field::field;
use crate::plan::field::id;
use crate::plan::{Plan, Workload};
use crate::theme::{bold, space, type_size};
use crate::ui::{UiState, View};
use crate::units::{Bytes, grouped, signed_percent};
use crate::validation::{Evidence, Measured, Neighbour, RESEMBLES, differences};
use egui::{Align, Grid, Label, Layout, RichText, Ui};

/// Rows shown before one asks for more.
const FIRST: usize = 6;
/// Differences named of a row.
const MOST_DIFFERENCES: usize = 4;

/// Draws the rows.
pub fn table_ui(ui: &mut Ui, view: &View<'_>, ui_state: &mut UiState, evidence: &Evidence, near: &[Neighbour]) {
    let listed = if ui_state.sure.all_listed { near.len() } else { FIRST };
    let numbers = [68.0, 68.0, 60.0];
    let room = ui.available_width() - numbers.iter().sum::<f32>() - 3.0 * space::l();
    Grid::new("nearest").num_columns(4).spacing([space::l(), space::xs()]).show(ui, |ui| {
        let head = |text: &str| RichText::new(text).small().color(view.tokens.muted.0);
        ui.label(head("Job"));
        for (text, width) in ["Measured", "Predicted", "Error"].into_iter().zip(numbers) {
            right_ui(ui, width, head(text));
        }
        ui.end_row();
        // What was measured on a device is rarer and says more than what was traced: of rows that resemble it comes first.
        let mut order: Vec<&Neighbour> = near.iter().collect();
        order.sort_by_key(|found| {
            let measured = evidence.rows.get(found.index).is_some_and(|row| !row.exact);
            !(measured && found.distance <= RESEMBLES)
        });
        for found in order.into_iter().take(listed) {
            if let Some(measured) = evidence.rows.get(found.index) {
                job_ui(ui, view, measured, found.distance, room);
                let row = &measured.row;
                let bytes = |amount: u64| RichText::new(Bytes(amount).number(view.unit()));
                right_ui(ui, numbers[0], bytes(row.measured_bytes));
                let band = [row.low_bytes, row.high_bytes].map(|amount| Bytes(amount).number(view.unit())).join(" to ");
                right_ui(ui, numbers[1], bytes(row.predicted_bytes))
                    .on_hover_text(format!("Band: {band} {}", view.unit().symbol()));
                right_ui(ui, numbers[2], RichText::new(signed_percent(row.error)));
                ui.end_row();
            }
        }
    });
    if near.len() > FIRST {
        let text = if ui_state.sure.all_listed {
            "Show fewer".to_owned()
        } else {
            format!("Show {} more", near.len() - FIRST)
        };
        if ui.button(text).clicked() {
            ui_state.sure.all_listed = !ui_state.sure.all_listed;
        }
    }
}

/// A figure that stands at the right of its column.
fn right_ui(ui: &mut Ui, width: f32, text: RichText) -> egui::Response {
    ui.allocate_ui_with_layout(egui::vec2(width, 0.0), Layout::right_to_left(Align::Min), |ui| ui.label(text)).inner
}

/// Model, and below it what was done and where it was measured.
fn job_ui(ui: &mut Ui, view: &View<'_>, measured: &Measured, distance: f64, room: f32) {
    ui.vertical(|ui| {
        ui.set_max_width(room);
        ui.spacing_mut().item_spacing.y = 1.0;
        ui.add(Label::new(RichText::new(&measured.row.model).font(bold(type_size::body()))).truncate());
        let words = format!("{}: {}; {}", alike(distance), job(&measured.case.plan), origin(measured));
        let mut hover = format!("Row {}", measured.row.id);
        for assumed in &measured.row.assumptions {
            hover.push_str("\nassumed: ");
            hover.push_str(assumed);
        }
        ui.add(Label::new(RichText::new(words).small().color(view.tokens.muted.0)).wrap()).on_hover_text(hover);
        let apart = apart_words(&view.state.document.plan, measured);
        ui.add(Label::new(RichText::new(apart).small().color(view.tokens.muted.0)).wrap());
    });
}

/// How near, in a word.
const fn alike(distance: f64) -> &'static str {
    if distance < 0.3 {
        "Nearly the same"
    } else if distance <= RESEMBLES {
        "Alike"
    } else {
        "Of another kind"
    }
}

/// Why its figure is another than the plan's: `there: Sequence length 8,192, not 2,048`.
fn apart_words(plan: &Plan, measured: &Measured) -> String {
    let mut apart = differences(plan, &measured.case.plan);
    if measured.row.metric != Metric::Process {
        apart.push(format!("counted are {}", measured.row.metric.label().to_lowercase()));
    }
    let more = apart.len().saturating_sub(MOST_DIFFERENCES);
    apart.truncate(MOST_DIFFERENCES);
    let more = if more == 0 { String::new() } else { format!("; {more} more") };
    if apart.is_empty() {
        "No setting that counts differs.".to_owned()
    } else {
        format!("There: {}{more}.", apart.join("; "))
    }
}

/// `QLoRA, 4 × 2,048 tokens, checkpointing full, sdpa`.
pub fn job(plan: &Plan) -> String {
    let word = |id: &str| field(id).and_then(|field| Some((field.get)(plan)?.display(field))).unwrap_or_default();
    let tokens = format!("{} × {} tokens", grouped(plan.batch.micro_batch), grouped(plan.batch.sequence_length));
    let what = match plan.workload {
        Workload::Inference => "inference".to_owned(),
        Workload::Training => word(id::METHOD_KIND),
    };
    let mut words = vec![what, plan.precision.load_words(Catalog::embedded()), tokens];
    if plan.workload == Workload::Training {
        words.push(format!("checkpointing {}", word(id::RUNTIME_CHECKPOINTING).to_lowercase()));
    }
    words.join(", ")
}

/// Where the figure comes from and what it counts.
fn origin(measured: &Measured) -> String {
    let row = &measured.row;
    let source = if measured.exact { "traced byte by byte" } else { row.source.as_str() };
    let sharing = if row.sharing == "one device" { String::new() } else { format!(", {}", row.sharing) };
    format!("{} of {source}, stack {}{sharing}", row.metric.label().to_lowercase(), row.profile)
}
