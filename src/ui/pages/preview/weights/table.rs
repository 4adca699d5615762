//! The whole model in every format, a row each.

use super::{ScopeChoice, WeightsState};
use crate::lab::totals::Total;
use crate::preview::quality::Quality;
use crate::tasks::measuring::Measuring;
use crate::tasks::weighing::Weighing;
use crate::theme::{bold, space, type_size};
use crate::ui::View;
use crate::ui::widgets::segmented::{Segment, segmented_ui};
use crate::units::{Bytes, grouped, significant};
use egui::{Grid, RichText, Ui, Vec2};

const SCOPES: [Segment<ScopeChoice>; 2] = [
    Segment {
        value: ScopeChoice::Linear,
        label: "Linear layers",
        help: "Token table and head stay as they are stored, as bitsandbytes does it.",
    },
    Segment {
        value: ScopeChoice::Vocabulary,
        label: "And token table",
        help: "Token table and head are put into the format too, as GGUF files have it.",
    },
];

/// Narrower than this the table leaves columns out; what was measured on a text takes two more.
const ALL_COLUMNS: f32 = 860.0;
const MEASURED_COLUMNS: f32 = 240.0;
/// Decibels of a full bar: beyond it no format is told from the weights by a kernel of 16 bits.
const FULL_BAR_DB: f64 = 60.0;

/// Formats whose codes cannot be made from weights alone, and why.
const NEED_MORE: [(&str, &str); 3] = [
    ("GPTQ", "needs calibration data: each column is coded with the error of those before it, weighed by real inputs"),
    ("AWQ", "needs calibration data: inputs that are large in real text get finer steps"),
    ("HQQ", "needs its own search for the zero points; INT4 min-max is its storage, rounded to the nearest"),
];

/// Draws the table.
pub fn table_ui(ui: &mut Ui, view: &View<'_>, state: &mut WeightsState, weighing: &Weighing) {
    let totals = match state.scope {
        ScopeChoice::Linear => &weighing.totals[0],
        ScopeChoice::Vocabulary => &weighing.totals[1],
    };
    if totals.is_empty() {
        return;
    }
    if let Some(scope) = segmented_ui(ui, &SCOPES, state.scope, view.tokens) {
        state.scope = scope;
    }
    ui.add_space(space::xs());
    let measuring = view.state.session.measuring.as_ref().filter(|held| held.number == weighing.number);
    // Linear layers are what a text was measured with.
    let measuring = measuring.filter(|_| state.scope == ScopeChoice::Linear);
    let needed = ALL_COLUMNS + if measuring.is_some() { MEASURED_COLUMNS } else { 0.0 };
    let columns = Columns { all: ui.available_width() >= needed, measuring };
    Grid::new("formats-of-a-model").striped(true).spacing(Vec2::new(space::l(), space::xs())).show(ui, |ui| {
        columns.head_ui(ui, view);
        for total in totals {
            columns.row_ui(ui, view, state, total);
            ui.end_row();
        }
        if let Some(quality) = measuring.and_then(Measuring::llm_int8) {
            columns.llm_int8_ui(ui, view, quality);
        }
    });
    // Below the table: their words are longer than its columns.
    for (name, why) in NEED_MORE {
        let text = RichText::new(format!("{name} {why}.")).small().color(view.tokens.muted.0);
        ui.add(egui::Label::new(text).wrap());
    }
    ui.label(
        RichText::new(
            "Weight error is not quality. FP4 does worse by weights than INT4 in the same blocks, and better by \
             published perplexity (31.07 against 34.34: Dettmers et al., 2023, table 2).",
        )
        .small()
        .color(view.tokens.muted.0),
    );
}

/// Which columns there are.
struct Columns<'a> {
    all: bool,
    measuring: Option<&'a Measuring>,
}

impl Columns<'_> {
    fn head_ui(&self, ui: &mut Ui, view: &View<'_>) {
        let head = |ui: &mut Ui, text: &str, help: &str| {
            ui.label(RichText::new(text).small().color(view.tokens.muted.0)).on_hover_text(help);
        };
        head(ui, "Format", "Click one to look at it below.");
        head(ui, "Bits/weight", "Of the whole model, constants and what stays as it is included.");
        head(ui, "Size", "Of all tensors on disk.");
        head(ui, "Weights, dB", "Signal to quantization noise over all matrices (SQNR): 6 dB more halve the error.");
        if self.measuring.is_some() {
            head(ui, "Outputs, dB", "The same over what linear layers give on the text, in the mean.");
            head(
                ui,
                "Loss",
                "Loss per token of the text, in nats, and by how much it is above that of the stored model.",
            );
        }
        if self.all {
            head(ui, "MSE", "Mean squared error of a weight.");
            head(ui, "Largest error", "Largest absolute error of a weight.");
            head(ui, "Cosine", "Of the angle between the weights before and after.");
        }
        ui.end_row();
    }

    fn row_ui(&self, ui: &mut Ui, view: &View<'_>, state: &mut WeightsState, total: &Total) {
        let is_chosen = total.codec == state.codec;
        let mut name = RichText::new(total.codec.name());
        if is_chosen {
            name = name.font(bold(type_size::body()));
        }
        if ui.selectable_label(is_chosen, name).on_hover_text(total.codec.help()).clicked() {
            state.codec = total.codec;
        }
        if total.tensors == 0 {
            ui.label(RichText::new("no matrix has rows it takes").small().color(view.tokens.muted.0));
            return;
        }
        ui.label(format!("{:.3}", total.bits_per_weight()));
        let size = ui.label(Bytes(total.bytes()).to_string());
        if total.left > 0 {
            size.on_hover_text(format!(
                "{} matrices have rows this format does not take; they stay as they are stored.",
                grouped(total.left as u64)
            ));
        }
        bar_ui(ui, view, total.errors.sqnr_db());
        if let Some(measuring) = self.measuring {
            measured_ui(ui, view, measuring, measuring.of(total.codec));
        }
        if self.all {
            ui.label(format!("{:.2e}", total.errors.mse()));
            ui.label(significant(f64::from(total.errors.largest)));
            ui.label(total.errors.cosine().map_or_else(|| "–".to_owned(), |cosine| format!("{cosine:.5}")));
        }
    }

    /// LLM.int8() with its activations: the weights are those of the rows above.
    fn llm_int8_ui(&self, ui: &mut Ui, view: &View<'_>, quality: &Quality) {
        let help = "INT8 rows for the weights, and activations in 8-bit integers too, token by token; columns of the \
                    activations that reach 6 stay in floating point (Dettmers et al., 2022).";
        ui.label(quality.format.name()).on_hover_text(help);
        ui.label(RichText::new("as INT8 rows").small().color(view.tokens.muted.0));
        let outliers = format!("{} outlier columns", grouped(quality.outlier_columns as u64));
        ui.label(RichText::new(outliers).small().color(view.tokens.muted.0))
            .on_hover_text("Columns of activations that stay in floating point, all linear layers together.");
        ui.label("–");
        if let Some(measuring) = self.measuring {
            measured_ui(ui, view, measuring, Some(quality));
        }
        ui.end_row();
    }
}

/// Error of outputs, and the loss.
fn measured_ui(ui: &mut Ui, view: &View<'_>, measuring: &Measuring, quality: Option<&Quality>) {
    let Some(quality) = quality else {
        let text = if measuring.running { "…" } else { "–" };
        ui.label(RichText::new(text).color(view.tokens.muted.0));
        ui.label(RichText::new(text).color(view.tokens.muted.0));
        return;
    };
    bar_ui(ui, view, quality.mean_output_error().filter(|error| *error > 0.0).map(|error| -10.0 * error.log10()));
    match (&quality.loss, measuring.stored) {
        (Ok(loss), Some(stored)) => {
            let more = loss - stored;
            let sign = if more < 0.0 { "−" } else { "+" };
            ui.label(format!("{loss:.4}  {sign}{:.4}", more.abs()));
        }
        (Ok(loss), None) => _ = ui.label(format!("{loss:.4}")),
        (Err(why), _) => _ = ui.label("–").on_hover_text(why),
    }
}

/// Decibels with a bar behind them.
fn bar_ui(ui: &mut Ui, view: &View<'_>, decibels: Option<f64>) {
    let text = decibels.map_or_else(|| "no error".to_owned(), |db| format!("{db:.1}"));
    let (rect, response) =
        ui.allocate_exact_size(Vec2::new(80.0, ui.text_style_height(&egui::TextStyle::Body)), egui::Sense::hover());
    let share = decibels.map_or(1.0, |db| (db / FULL_BAR_DB).clamp(0.0, 1.0)) as f32;
    let bar = egui::Rect::from_min_size(rect.min, Vec2::new(rect.width() * share, rect.height()));
    ui.painter().rect_filled(bar, 2, view.tokens.accent.0.gamma_multiply(0.28));
    let font = egui::TextStyle::Body.resolve(ui.style());
    let place = rect.left_center() + Vec2::new(4.0, 0.0);
    ui.painter().text(place, egui::Align2::LEFT_CENTER, &text, font, view.tokens.text.0);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, &text));
}
