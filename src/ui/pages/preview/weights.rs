//! A model's weights in every format: table of the whole model, map of the layers, one tensor, the best mixes.

use crate::app::command::{Command, Commands};
use crate::app::state::PathPurpose;
use crate::app::weighing::Weighing;
use crate::lab::totals::Total;
use crate::quantize::Codec;
use crate::ui::theme::{bold, space, type_size};
use crate::ui::widgets::segmented::{Segment, segmented_ui};
use crate::ui::{View, card, card_head};
use crate::units::{Bytes, grouped, significant};
use egui::{Button, Grid, RichText, Ui, Vec2};

mod heat;
mod mixes;
mod ranks;
mod tensor;

/// What is chosen.
#[derive(Clone, Debug)]
pub struct WeightsState {
    /// Format that is looked at.
    pub codec: Codec,
    /// Tensor that is looked at: its place among the entries of the model.
    pub tensor: Option<usize>,
    /// What is put into the format.
    pub scope: ScopeChoice,
    /// Bits a weight of the mix.
    pub budget: f64,
}

/// What is put into the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScopeChoice {
    /// Linear maps only.
    Linear,
    /// Token table and head too.
    Vocabulary,
}

impl Default for WeightsState {
    fn default() -> Self {
        Self { codec: Codec::Nf4, tensor: None, scope: ScopeChoice::Linear, budget: 3.5 }
    }
}

const SCOPES: [Segment<ScopeChoice>; 2] = [
    Segment {
        value: ScopeChoice::Linear,
        label: "Linear maps",
        help: "Token table and head stay as they are stored, as bitsandbytes does it.",
    },
    Segment {
        value: ScopeChoice::Vocabulary,
        label: "And token table",
        help: "Token table and head are put into the format too, as GGUF files have it.",
    },
];

/// Draws this part of the page.
pub fn weights_ui(ui: &mut Ui, view: &View<'_>, state: &mut WeightsState, out: &mut Commands) {
    card(ui, view.tokens, |ui| {
        card_head(ui, "Weights in every format", "measured on this machine");
        source_ui(ui, view, out);
        let Some(weighing) = &view.state.session.weighing else {
            ui.label(
                RichText::new(
                    "Every matrix of a model is put into each number format and read back: bits, errors, outliers. \
                     The embedded model takes seconds; a file is read piece by piece and never changed.",
                )
                .color(view.tokens.muted.0),
            );
            return;
        };
        progress_ui(ui, view, weighing);
        table_ui(ui, view, state, weighing);
    });
    let Some(weighing) = view.state.session.weighing.as_ref().filter(|weighing| !weighing.reports.is_empty()) else {
        return;
    };
    let known = |index: &usize| weighing.reports.iter().any(|report| report.index == *index);
    state.tensor = state.tensor.filter(known).or_else(|| weighing.reports.first().map(|report| report.index));
    ui.add_space(space::xs());
    card(ui, view.tokens, |ui| {
        card_head(ui, "Layer by layer", "signal to quantization noise · dB");
        heat::heat_ui(ui, view, state, weighing);
    });
    ui.add_space(space::xs());
    card(ui, view.tokens, |ui| {
        card_head(ui, "One tensor", state.codec.name());
        tensor::tensor_ui(ui, view, state, weighing);
        ranks::ranks_ui(ui, view, state, weighing, out);
    });
    ui.add_space(space::xs());
    card(ui, view.tokens, |ui| {
        card_head(ui, "A format for each tensor", "least error at a size");
        mixes::mixes_ui(ui, view, state, weighing);
    });
}

/// Which model, and the button that begins.
fn source_ui(ui: &mut Ui, view: &View<'_>, out: &mut Commands) {
    let weighing = view.state.session.weighing.as_ref();
    ui.horizontal_wrapped(|ui| {
        let embedded = ui.button("Examine the embedded model");
        if embedded.on_hover_text("A small byte-level model that comes with the program.").clicked() {
            out.push(Command::Weigh(None));
        }
        let file = ui.button("Examine a file…");
        if file.on_hover_text("A .safetensors or .gguf file; further parts of the model are read too.").clicked() {
            out.push(Command::PickFile(PathPurpose::ExamineModel));
        }
        let path = ui.button("By path…");
        if path.on_hover_text("Type the path of a file or of a model folder.").clicked() {
            out.push(Command::AskPath(PathPurpose::ExamineModel));
        }
        if weighing.is_some_and(|weighing| weighing.running)
            && ui.add(Button::new("Stop")).on_hover_text("What was found stays.").clicked()
        {
            out.push(Command::StopWeighing);
        }
    });
}

fn progress_ui(ui: &mut Ui, view: &View<'_>, weighing: &Weighing) {
    if let Some(refused) = &weighing.refused {
        ui.colored_label(view.tokens.over.0, refused);
    }
    let Some(source) = &weighing.source else {
        if weighing.running {
            ui.horizontal(|ui| {
                ui.spinner();
                ui.label("Reading the headers…");
            });
        }
        return;
    };
    let progress = weighing.progress;
    ui.horizontal_wrapped(|ui| {
        ui.label(format!("{}, {} as stored", source.name, Bytes(source.bytes())));
        if weighing.running {
            let looked_at = progress.sampled.max(progress.full);
            ui.add(egui::ProgressBar::new(progress.full as f32 / progress.all.max(1) as f32).desired_width(140.0));
            let words = if looked_at < progress.all {
                format!("{looked_at} of {} matrices looked at", progress.all)
            } else {
                format!("{} of {} matrices in full, the others by a sample", progress.full, progress.all)
            };
            ui.label(RichText::new(words).color(view.tokens.muted.0));
        } else if progress.full < progress.all {
            let words = format!("stopped: {} of {} matrices in full", progress.full, progress.all);
            ui.label(RichText::new(words).color(view.tokens.tight.0));
        }
    });
}

/// Narrower than this the table leaves columns out.
const ALL_COLUMNS: f32 = 700.0;
/// Decibels of a full bar: beyond it no format is told from the weights by a kernel of 16 bits.
const FULL_BAR_DB: f64 = 60.0;

fn table_ui(ui: &mut Ui, view: &View<'_>, state: &mut WeightsState, weighing: &Weighing) {
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
    let all = ui.available_width() >= ALL_COLUMNS;
    Grid::new("formats-of-a-model").striped(true).spacing(Vec2::new(space::l(), space::xs())).show(ui, |ui| {
        let head = |ui: &mut Ui, text: &str, help: &str| {
            ui.label(RichText::new(text).small().color(view.tokens.muted.0)).on_hover_text(help);
        };
        head(ui, "Format", "Click one to look at it below.");
        head(ui, "Bits/weight", "Of the whole model, constants and what stays as it is included.");
        head(ui, "Size", "Of all tensors on disk.");
        head(ui, "SQNR, dB", "Signal to quantization noise over all matrices: 6 dB more halve the error.");
        if all {
            head(ui, "MSE", "Mean squared error of a weight.");
            head(ui, "Largest error", "Largest absolute error of a weight.");
            head(ui, "Cosine", "Of the angle between the weights before and after.");
        }
        ui.end_row();
        for total in totals {
            row_ui(ui, view, state, total, all);
            ui.end_row();
        }
    });
    ui.label(
        RichText::new(
            "Weight error is not quality. FP4 does worse by weights than INT4 in the same blocks, and better by \
             published perplexity (31.07 against 34.34: Dettmers et al., 2023, table 2). GPTQ and AWQ need calibration \
             data, HQQ a search: none of them can be shown from weights alone.",
        )
        .small()
        .color(view.tokens.muted.0),
    );
}

fn row_ui(ui: &mut Ui, view: &View<'_>, state: &mut WeightsState, total: &Total, all: bool) {
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
    if all {
        ui.label(format!("{:.2e}", total.errors.mse()));
        ui.label(significant(f64::from(total.errors.largest)));
        ui.label(total.errors.cosine().map_or_else(|| "–".to_owned(), |cosine| format!("{cosine:.5}")));
    }
}

/// Decibels with a bar behind them.
fn bar_ui(ui: &mut Ui, view: &View<'_>, decibels: Option<f64>) {
    let text = decibels.map_or_else(|| "no error".to_owned(), |db| format!("{db:.1}"));
    let (rect, response) =
        ui.allocate_exact_size(Vec2::new(96.0, ui.text_style_height(&egui::TextStyle::Body)), egui::Sense::hover());
    let share = decibels.map_or(1.0, |db| (db / FULL_BAR_DB).clamp(0.0, 1.0)) as f32;
    let bar = egui::Rect::from_min_size(rect.min, Vec2::new(rect.width() * share, rect.height()));
    ui.painter().rect_filled(bar, 2, view.tokens.accent.0.gamma_multiply(0.28));
    let font = egui::TextStyle::Body.resolve(ui.style());
    let place = rect.left_center() + Vec2::new(4.0, 0.0);
    ui.painter().text(place, egui::Align2::LEFT_CENTER, &text, font, view.tokens.text.0);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, &text));
}
