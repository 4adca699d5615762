//! One value in every scalar format: bits, stored value, error, range.

use super::state::FormatsState;
use crate::quantize::scalar::{BitField, Encoded, Outcome, ScalarFormat};
use crate::theme::{Tokens, bold, space, type_size};
use crate::ui::widgets::bit_row::{self, BitRow, cell_width};
use crate::ui::widgets::figures::{self, exact, signed, significant};
use crate::ui::widgets::number;
use crate::ui::widgets::range_bar::RangeBar;
use egui::{Align, Color32, Label, Layout, Response, RichText, Sense, Slider, TextEdit, Ui, Vec2};

/// Magnitudes that the slider reaches, as powers of ten.
const SLIDER_DECADES: (f64, f64) = (-10.0, 6.0);
/// Narrower than this, a row of figures takes two lines.
const ONE_LINE: f32 = 480.0;
/// Narrower than this, the table of ranges leaves out what the tooltip of its bars also says.
const ALL_COLUMNS: f32 = 600.0;
/// Narrower than this, it leaves out the bars too.
const WITH_BARS: f32 = 400.0;

/// Values worth trying, with what they show.
const EXAMPLES: [(&str, f64, &str); 8] = [
    ("10.1234", 10.1234, "Nine digits are kept by FP32, three by BF16."),
    ("0.1", 0.1, "No binary float holds a tenth."),
    ("65520", 65520.0, "The least value that overflows FP16."),
    ("449", 449.0, "Just beyond the largest value of FP8 E4M3."),
    ("3e-8", 3e-8, "A small gradient: at the end of FP16's subnormal values."),
    ("0", 0.0, "Zero."),
    ("−∞", f64::NEG_INFINITY, "Infinity: only some formats have it."),
    ("NaN", f64::NAN, "Not a number: only some formats have it."),
];

/// Controls for the value, then a row of bits for every format.
pub fn value_ui(ui: &mut Ui, tokens: &Tokens, state: &mut FormatsState) {
    controls_ui(ui, tokens, state);
    ui.add_space(space::xs());
    legend_ui(ui, tokens);
    let cell = cell_width(ui.available_width());
    ui.spacing_mut().item_spacing.y = 1.0;
    for format in ScalarFormat::all(state.range) {
        ui.add_space(space::xs());
        let encoded = format.encode(state.value);
        figures_ui(ui, tokens, format, &encoded, state.value);
        let row = BitRow { format, bits: encoded.bits, cell };
        if let Some(bits) = row.show(ui, tokens) {
            choose(state, format.decode(bits));
        }
    }
}

/// A word beside a control, which goes to the next line as a whole.
pub fn word_ui(ui: &mut Ui, tokens: &Tokens, text: &str) -> Response {
    ui.add(Label::new(RichText::new(text).color(tokens.muted.0)).extend())
}

fn choose(state: &mut FormatsState, value: f64) {
    state.value = value;
    state.typing = None;
}

fn controls_ui(ui: &mut Ui, tokens: &Tokens, state: &mut FormatsState) {
    ui.horizontal(|ui| {
        text_ui(ui, tokens, state);
        slider_ui(ui, state);
    });
    let misread = state.typing.as_deref().is_some_and(|text| figures::parse(text).is_none());
    if misread {
        ui.label(RichText::new("Not a number yet: type 10.5, 1e-8, inf or nan.").small().color(tokens.tight.0));
    }
    ui.horizontal_wrapped(|ui| {
        word_ui(ui, tokens, "Integers up to ±").on_hover_text(RANGE_HELP);
        let drag = number::typed(ui.ctx(), &mut state.range).range(1e-6..=1e6).speed(0.1).max_decimals(6);
        let response = ui.add(drag).on_hover_text(RANGE_HELP);
        ui.ctx().accesskit_node_builder(response.id, |node| node.set_label("Range of the integer formats"));
    });
    ui.horizontal_wrapped(|ui| {
        word_ui(ui, tokens, "Try");
        for (label, value, help) in EXAMPLES {
            if ui.small_button(label).on_hover_text(help).clicked() {
                choose(state, value);
            }
        }
    });
}

const RANGE_HELP: &str =
    "An integer format needs a scale: the largest magnitude of a block over the largest code. Here it is chosen.";

fn text_ui(ui: &mut Ui, tokens: &Tokens, state: &mut FormatsState) {
    let label = word_ui(ui, tokens, "Value");
    let mut text = state.typing.clone().unwrap_or_else(|| exact(state.value));
    let width = if ui.available_width() < ONE_LINE { 110.0 } else { 150.0 };
    let editor = TextEdit::singleline(&mut text).desired_width(width).hint_text("10.1234, 1e-8, inf, nan");
    let response = ui.add(editor).labelled_by(label.id);
    if response.changed() {
        if let Some(value) = figures::parse(&text) {
            state.value = value;
        }
        state.typing = Some(text);
    }
    if response.lost_focus() {
        state.typing = None;
    }
}

/// Zero in the middle, magnitudes growing to both sides by powers of ten.
fn slider_ui(ui: &mut Ui, state: &mut FormatsState) {
    let (low, high) = SLIDER_DECADES;
    let magnitude = state.value.abs();
    let before = if magnitude == 0.0 || state.value.is_nan() {
        0.0
    } else {
        let share = ((magnitude.min(f64::MAX).log10() - low) / (high - low)).clamp(0.002, 1.0);
        share.copysign(state.value)
    };
    let mut place = before;
    ui.spacing_mut().slider_width = (ui.available_width() - space::s()).clamp(60.0, 240.0);
    let slider = ui
        .add(Slider::new(&mut place, -1.0..=1.0).show_value(false))
        .on_hover_text("From −10⁶ over 0 to 10⁶, by powers of ten. Any other value can be typed.");
    ui.ctx().accesskit_node_builder(slider.id, |node| node.set_label("Value slider, logarithmic"));
    if slider.changed() && place != before {
        let dragged = if place.abs() < 0.002 { 0.0 } else { 10_f64.powf(low + place.abs() * (high - low)) };
        // Four digits: more would say nothing about a place on a slider.
        let rounded = format!("{dragged:.3e}").parse().unwrap_or(dragged);
        choose(state, f64::copysign(rounded, place));
    }
}

/// What the colours and patterns of the cells mean.
fn legend_ui(ui: &mut Ui, tokens: &Tokens) {
    ui.horizontal_wrapped(|ui| {
        for (field, text) in [
            (BitField::Sign, "sign"),
            (BitField::Exponent, "exponent: range"),
            (BitField::Mantissa, "mantissa: precision"),
            (BitField::Integer, "integer: even steps"),
        ] {
            let (color, pattern) = bit_row::look(field, tokens);
            let (rect, _) = ui.allocate_exact_size(Vec2::new(16.0, 12.0), Sense::hover());
            ui.painter().rect_filled(rect, 2, color);
            pattern.paint(ui, rect, color);
            ui.add(Label::new(RichText::new(text).small().color(tokens.muted.0)).extend());
        }
        ui.add(Label::new(RichText::new("· click a bit to flip it").small().color(tokens.muted.0)).extend());
    });
}

/// Name, stored value, error and what happened.
fn figures_ui(ui: &mut Ui, tokens: &Tokens, format: ScalarFormat, encoded: &Encoded, value: f64) {
    let (error, long) = error_words(encoded, value);
    let (word, color) = outcome_words(encoded.outcome, tokens);
    let width = ui.available_width();
    let name = |ui: &mut Ui| {
        ui.label(RichText::new(format.name()).font(bold(type_size::body()))).on_hover_text(format.used_for());
    };
    let stored = |ui: &mut Ui| {
        let text = RichText::new(exact(encoded.value));
        ui.label(text).on_hover_text(format!("{} stores {}.", format.name(), exact(encoded.value)));
    };
    let error = |ui: &mut Ui| {
        ui.label(RichText::new(error).small().color(tokens.muted.0)).on_hover_text(long);
    };
    let outcome = |ui: &mut Ui| {
        let label = ui.label(RichText::new(word).small().color(color));
        let sentence = format!("{}: {}", format.name(), encoded.outcome.words());
        ui.ctx().accesskit_node_builder(label.id, |node| node.set_value(sentence.clone()));
        label.on_hover_text(sentence);
    };
    let column = |ui: &mut Ui, share: f32, content: &mut dyn FnMut(&mut Ui)| {
        let size = Vec2::new(width * share - space::s(), 18.0);
        ui.allocate_ui_with_layout(size, Layout::left_to_right(Align::Center), |ui| {
            ui.set_min_width(size.x);
            content(ui);
        });
    };
    ui.horizontal(|ui| {
        if width >= ONE_LINE {
            column(ui, 0.16, &mut |ui| name(ui));
            column(ui, 0.3, &mut |ui| stored(ui));
            column(ui, 0.32, &mut |ui| error.clone()(ui));
            column(ui, 0.22, &mut |ui| outcome(ui));
        } else {
            column(ui, 0.3, &mut |ui| name(ui));
            column(ui, 0.7, &mut |ui| stored(ui));
        }
    });
    if width < ONE_LINE {
        ui.horizontal(|ui| {
            column(ui, 0.55, &mut |ui| error.clone()(ui));
            column(ui, 0.45, &mut |ui| outcome(ui));
        });
    }
}

/// `+0.0016 · 0.016 %` and a sentence.
fn error_words(encoded: &Encoded, value: f64) -> (String, String) {
    let error = encoded.value - value;
    if error == 0.0 || (encoded.value.is_infinite() && value == encoded.value) {
        return ("error 0".to_owned(), "Stored exactly.".to_owned());
    }
    if !error.is_finite() {
        return ("no finite error".to_owned(), "What is stored is no finite number.".to_owned());
    }
    let absolute = signed(error, 3);
    if value == 0.0 {
        return (absolute.clone(), format!("Absolute error {absolute}."));
    }
    let relative = significant((error / value).abs() * 100.0, 2);
    let sentence = format!("Absolute error {absolute}, relative error {relative} %.");
    (format!("{absolute} · {relative} %"), sentence)
}

/// A short word for the column.
const fn outcome_words(outcome: Outcome, tokens: &Tokens) -> (&'static str, Color32) {
    match outcome {
        Outcome::Exact => ("exact", tokens.fits.0),
        Outcome::Rounded => ("rounded", tokens.muted.0),
        Outcome::Subnormal => ("subnormal", tokens.tight.0),
        Outcome::Underflow => ("underflow → 0", tokens.over.0),
        Outcome::OverflowToInfinity => ("overflow → ∞", tokens.over.0),
        Outcome::Saturated => ("overflow → largest", tokens.over.0),
        Outcome::Nan => ("not a number", tokens.tight.0),
        Outcome::NanLost => ("NaN → 0", tokens.over.0),
    }
}

/// Limits of every format, with a bar on a logarithmic axis.
pub fn ranges_ui(ui: &mut Ui, tokens: &Tokens, state: &FormatsState) {
    let width = ui.available_width();
    let all_columns = width >= ALL_COLUMNS;
    // What the names and figures leave.
    let bar = if all_columns { width - 510.0 } else { width - 310.0 }.clamp(80.0, 420.0);
    let bar = (width >= WITH_BARS).then_some(bar);
    if bar.is_some() {
        let marked = significant(state.value.abs(), 4);
        let text = format!("Bars run from 10⁻⁴⁶ to 10⁴⁰; hatched: subnormal. The line marks {marked}.");
        ui.label(RichText::new(text).small().color(tokens.muted.0));
    }
    let head = |ui: &mut Ui, text: &str| {
        ui.label(RichText::new(text).small().color(tokens.muted.0));
    };
    egui::Grid::new("format-ranges").spacing(Vec2::new(space::m(), space::xs())).striped(false).show(ui, |ui| {
        head(ui, "Format");
        if bar.is_some() {
            head(ui, "Range");
        }
        head(ui, "Largest");
        if all_columns {
            head(ui, "Smallest normal");
            head(ui, "Smallest");
        }
        head(ui, "Step here");
        ui.end_row();
        for format in ScalarFormat::all(state.range) {
            range_row_ui(ui, tokens, format, state.value, bar, all_columns);
        }
    });
}

fn range_row_ui(ui: &mut Ui, tokens: &Tokens, format: ScalarFormat, value: f64, bar: Option<f32>, all_columns: bool) {
    // Five digits: 65504 and 57344 are known by all of theirs.
    let number = |value: f64| significant(value, 5);
    let normal = format.smallest_normal().map_or_else(|| "–".to_owned(), number);
    ui.label(RichText::new(format.name()).font(bold(type_size::body()))).on_hover_text(format.used_for());
    let name = format!(
        "{}: largest {}, smallest normal {normal}, smallest {}",
        format.name(),
        number(format.largest()),
        number(format.smallest())
    );
    if let Some(width) = bar {
        RangeBar { format, value, width }.show(ui, tokens, &name);
    }
    ui.label(number(format.largest()));
    if all_columns {
        ui.label(normal);
        ui.label(number(format.smallest()));
    }
    let step = format.spacing(value);
    let text = step.map_or_else(|| "beyond".to_owned(), number);
    let color = if step.is_some() { tokens.text.0 } else { tokens.over.0 };
    ui.label(RichText::new(text).color(color))
        .on_hover_text("Distance of neighbouring values around the chosen one (unit in the last place).");
    ui.end_row();
}
