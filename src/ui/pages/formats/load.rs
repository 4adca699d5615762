//! What the formats of the plan can hold against the one the model was published in.

use crate::app::command::{Command, Commands};
use crate::architecture::NativeDtype;
use crate::plan::FloatFormat;
use crate::plan::check::{Diagnostic, Severity};
use crate::plan::field::id;
use crate::quantize::scalar::{BF16, E2M1, E4M3, E5M2, FP16, FP32, FP64, FloatLayout, ScalarFormat};
use crate::theme::{Tokens, bold, space, type_size};
use crate::ui::View;
use crate::ui::widgets::figures::significant;
use crate::ui::widgets::range_bar::RangeBar;
use egui::{RichText, Ui, Vec2};

/// From here on there is room for bars.
const WITH_BARS: f32 = 420.0;

/// Draws the card.
pub fn load_ui(ui: &mut Ui, view: &View<'_>, out: &mut Commands) {
    let plan = &view.state.document.plan;
    let load = plan.precision.load_format.as_str();
    let native = view.computed.architecture.as_ref().map_or(NativeDtype::Unknown, |found| found.native_dtype);
    let native_layout = native_layout(native);
    let load_layout = layout_of(load);
    let compute_layout = plan.precision.autocast.map(compute_layout).or(load_layout).or(native_layout);
    let compute_from = if plan.precision.autocast.is_some() { "autocast" } else { "as the weights are" };
    let native_words = if native == NativeDtype::Unknown { "not stated" } else { "its config" };
    let width = ui.available_width();
    let bar = (width >= WITH_BARS).then(|| (width - 300.0).clamp(90.0, 360.0));
    let compute_name = compute_layout.map_or("unknown", |at| at.name);
    let tokens = view.tokens;
    egui::Grid::new("plan-formats").spacing(Vec2::new(space::m(), space::xs())).show(ui, |ui| {
        row_ui(ui, tokens, ("Published in", native_words), native_layout, native_name(native), bar);
        row_ui(
            ui,
            tokens,
            ("Loaded in", "the plan's load format"),
            load_layout,
            &plan.precision.load_words(crate::catalog::Catalog::embedded()),
            bar,
        );
        row_ui(ui, tokens, ("Computed in", compute_from), compute_layout, compute_name, bar);
    });
    ui.add_space(space::xs());
    sentences_ui(ui, view, (native_layout, load_layout, compute_layout), out);
}

/// One format with the range it has.
fn row_ui(
    ui: &mut Ui,
    tokens: &Tokens,
    (what, from): (&str, &str),
    layout: Option<&'static FloatLayout>,
    name: &str,
    bar: Option<f32>,
) {
    ui.label(RichText::new(what).color(tokens.muted.0)).on_hover_text(from);
    ui.label(RichText::new(name).font(bold(type_size::body())));
    if let Some(layout) = layout {
        let format = ScalarFormat::Float(layout);
        let largest = significant(format.largest(), 5);
        let label = format!("{what} {name}: up to {largest}");
        if let Some(width) = bar {
            RangeBar { format, value: 0.0, width }.show(ui, tokens, &label);
        }
        ui.label(format!("up to {largest}"));
    } else {
        ui.label(RichText::new("codes times scales").color(tokens.muted.0)).on_hover_text(
            "The scale of each block carries the range; what is lost is precision. See the vector below.",
        );
    }
    ui.end_row();
}

fn sentences_ui(ui: &mut Ui, view: &View<'_>, layouts: Layouts, out: &mut Commands) {
    let (native, load, compute) = layouts;
    // The plan's own check knows the warning and its fix; it is not said in other words here.
    for diagnostic in &view.computed.diagnostics {
        if diagnostic.field == Some(id::PRECISION_LOAD_FORMAT) && diagnostic.severity != Severity::Note {
            remark_ui(ui, view, diagnostic, out);
        }
    }
    if let (Some(native), Some(compute)) = (native, compute)
        && is_narrower(compute, native)
        && load.is_none_or(|load| !std::ptr::eq(load, compute))
    {
        let text = format!(
            "Arithmetic in {} overflows above {}: activations of a model made for {} may become infinite. \
             Choose BF16 autocast where the device has it.",
            compute.name,
            significant(ScalarFormat::Float(compute).largest(), 6),
            native.name
        );
        ui.label(RichText::new(text).color(view.tokens.tight.0));
    }
    if let (Some(native), Some(load)) = (native, load)
        && is_narrower(load, native)
    {
        return;
    }
    let text = match (native, load) {
        (Some(native), Some(load)) if load.mantissa_bits < native.mantissa_bits => format!(
            "Loading: {} holds the range of {} with fewer digits. Weights are rounded to {} mantissa bits, none overflows.",
            load.name, native.name, load.mantissa_bits
        ),
        (Some(_), Some(_)) => "Every published weight is held exactly: range and precision suffice.".to_owned(),
        (_, None) => "The scales of a block format carry its range: weights lose digits, none overflows.".to_owned(),
        (None, _) => "The model does not state the format it was published in, so nothing is compared.".to_owned(),
    };
    ui.label(RichText::new(text).color(view.tokens.muted.0));
}

type Layouts = (Option<&'static FloatLayout>, Option<&'static FloatLayout>, Option<&'static FloatLayout>);

fn remark_ui(ui: &mut Ui, view: &View<'_>, diagnostic: &Diagnostic, out: &mut Commands) {
    let color = if diagnostic.severity == Severity::Error { view.tokens.over.0 } else { view.tokens.tight.0 };
    let mut letters = diagnostic.message.chars();
    let first: String = letters.next().map(|letter| letter.to_uppercase().collect()).unwrap_or_default();
    let sentence = format!("{first}{}.", letters.as_str().trim_end_matches('.'));
    ui.label(RichText::new(sentence).color(color));
    if let Some((label, edit)) = &diagnostic.fix {
        let button = ui.button(format!("Fix: {label}"));
        let name = format!("Fix here: {label}");
        button.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, name.clone()));
        if button.clicked() {
            out.push(Command::Edit(edit.clone()));
        }
    }
}

/// Whether values of `wide` can overflow or vanish in `narrow`.
fn is_narrower(narrow: &'static FloatLayout, wide: &'static FloatLayout) -> bool {
    ScalarFormat::Float(narrow).largest() < ScalarFormat::Float(wide).largest() / 2.0
}

const fn native_layout(dtype: NativeDtype) -> Option<&'static FloatLayout> {
    match dtype {
        NativeDtype::Fp32 => Some(&FP32),
        NativeDtype::Fp16 => Some(&FP16),
        NativeDtype::Bf16 => Some(&BF16),
        NativeDtype::Fp8 => Some(&E4M3),
        NativeDtype::Mxfp4 | NativeDtype::Unknown => None,
    }
}

const fn native_name(dtype: NativeDtype) -> &'static str {
    match dtype {
        NativeDtype::Fp32 => "FP32",
        NativeDtype::Fp16 => "FP16",
        NativeDtype::Bf16 => "BF16",
        NativeDtype::Fp8 => "FP8",
        NativeDtype::Mxfp4 => "MXFP4",
        NativeDtype::Unknown => "not stated",
    }
}

const fn compute_layout(format: FloatFormat) -> &'static FloatLayout {
    match format {
        FloatFormat::Fp64 => &FP64,
        FloatFormat::Fp32 => &FP32,
        FloatFormat::Fp16 => &FP16,
        FloatFormat::Bf16 => &BF16,
        FloatFormat::Fp8 => &E4M3,
    }
}

/// Layout of a load format that stores every value by itself.
fn layout_of(id: &str) -> Option<&'static FloatLayout> {
    Some(match id {
        "fp64" => &FP64,
        "fp32" => &FP32,
        "fp16" => &FP16,
        "bf16" => &BF16,
        "fp8-e4m3" => &E4M3,
        "fp8-e5m2" => &E5M2,
        "fp4-e2m1" => &E2M1,
        _ => return None,
    })
}
