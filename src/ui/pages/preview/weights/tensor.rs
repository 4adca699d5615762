//! One tensor: how its values lie, how large the errors are, which columns stand out.

use super::WeightsState;
use crate::lab::examine::OUTLIER_RATIO;
use crate::lab::tally::{ERROR_BINS, VALUE_BINS, VALUE_REACH, lower_end};
use crate::lab::{TensorReport, Tried};
use crate::tasks::weighing::Weighing;
use crate::theme::{space, type_size};
use crate::ui::View;
use crate::units::{Bytes, grouped, percent, significant};
use egui::{Align2, ComboBox, FontId, Pos2, Rect, RichText, Sense, Ui, Vec2};

/// Height of a histogram.
const HEIGHT: f32 = 120.0;
/// Outlier columns that are named.
const NAMED: usize = 6;

/// Draws the tensor that is chosen.
pub fn tensor_ui(ui: &mut Ui, view: &View<'_>, state: &mut WeightsState, weighing: &Weighing) {
    picker_ui(ui, state, weighing);
    let Some(report) = weighing.reports.iter().find(|report| Some(report.index) == state.tensor) else { return };
    let sampled = if report.examined < report.shape.0.saturating_mul(report.shape.1) {
        format!(", by a sample of {}", grouped(report.examined))
    } else {
        String::new()
    };
    ui.label(format!(
        "{} × {} values{sampled}; standard deviation σ {}, largest magnitude {} ({} σ)",
        grouped(report.shape.0),
        grouped(report.shape.1),
        significant(report.sigma),
        significant(f64::from(report.absmax)),
        significant(f64::from(report.absmax) / report.sigma.max(f64::MIN_POSITIVE)),
    ));
    let tried = report.tried.iter().find(|(codec, _)| *codec == state.codec).map(|(_, tried)| tried);
    ui.add_space(space::xs());
    ui.columns(2, |columns| {
        values_ui(&mut columns[0], view, report);
        match tried {
            Some(Ok(tried)) => errors_ui(&mut columns[1], view, state, tried),
            Some(Err(why)) => {
                columns[1].colored_label(view.tokens.tight.0, format!("{why}."));
            }
            None => {}
        }
    });
    if let Some(Ok(tried)) = tried {
        ui.label(format!(
            "In {}: {}, {} dB, largest error {} σ, cosine {}",
            state.codec.name(),
            Bytes(tried.bits.div_ceil(8)),
            tried.errors.sqnr_db().map_or_else(|| "∞".to_owned(), |db| format!("{db:.2}")),
            significant(f64::from(tried.errors.largest) / report.sigma.max(f64::MIN_POSITIVE)),
            tried.errors.cosine().map_or_else(|| "–".to_owned(), |cosine| format!("{cosine:.6}")),
        ));
    }
    outliers_ui(ui, view, report);
}

fn picker_ui(ui: &mut Ui, state: &mut WeightsState, weighing: &Weighing) {
    let name = |index: Option<usize>| {
        let report = weighing.reports.iter().find(|report| Some(report.index) == index);
        report.map_or_else(|| "Choose a tensor".to_owned(), |report| report.name.clone())
    };
    let width = (ui.available_width() - space::l()).min(420.0);
    let chosen = ComboBox::from_id_salt("tensor").width(width).selected_text(name(state.tensor)).show_ui(ui, |ui| {
        for report in &weighing.reports {
            ui.selectable_value(&mut state.tensor, Some(report.index), &report.name);
        }
    });
    ui.ctx().accesskit_node_builder(chosen.response.id, |node| node.set_label("Tensor"));
}

/// Bars of a histogram; `label` says what a bar stands for when it is pointed at.
fn bars_ui(ui: &mut Ui, view: &View<'_>, name: &str, counts: &[u64], ends: [&str; 3], label: impl Fn(usize) -> String) {
    let (whole, response) = ui.allocate_exact_size(Vec2::new(ui.available_width(), HEIGHT + 18.0), Sense::hover());
    let area = Rect::from_min_size(whole.min, Vec2::new(whole.width(), HEIGHT));
    ui.painter().rect_filled(area, 3, view.tokens.raised.0);
    let most = counts.iter().copied().max().unwrap_or(1).max(1) as f32;
    let width = area.width() / counts.len().max(1) as f32;
    for (bin, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        // What is there at all can be seen.
        let height = (*count as f32 / most * (HEIGHT - 6.0)).max(1.0);
        let left = area.left() + bin as f32 * width;
        let bar =
            Rect::from_min_max(Pos2::new(left, area.bottom() - height), Pos2::new(left + width - 0.5, area.bottom()));
        ui.painter().rect_filled(bar, 0, view.tokens.accent.0);
    }
    let font = FontId::proportional(type_size::small());
    let places =
        [(area.left(), Align2::LEFT_TOP), (area.center().x, Align2::CENTER_TOP), (area.right(), Align2::RIGHT_TOP)];
    for (text, (x, align)) in ends.into_iter().zip(places) {
        ui.painter().text(Pos2::new(x, area.bottom() + 3.0), align, text, font.clone(), view.tokens.muted.0);
    }
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, name));
    let under = response.hover_pos().map(|pointer| ((pointer.x - area.left()) / width).max(0.0) as usize);
    if let Some(bin) = under.filter(|bin| *bin < counts.len()) {
        let all: u64 = counts.iter().sum();
        let share = counts[bin] as f64 / all.max(1) as f64;
        response.on_hover_text_at_pointer(format!(
            "{}: {} values, {}",
            label(bin),
            grouped(counts[bin]),
            percent(share)
        ));
    }
}

fn values_ui(ui: &mut Ui, view: &View<'_>, report: &TensorReport) {
    ui.label(RichText::new("Values, in σ from their mean").small().color(view.tokens.muted.0));
    let step = 2.0 * VALUE_REACH / VALUE_BINS as f32;
    let label = |bin: usize| {
        let from = bin as f32 * step - VALUE_REACH;
        match bin {
            0 => format!("below {:.2} σ", from + step),
            _ if bin + 1 == VALUE_BINS => format!("above {from:.2} σ"),
            _ => format!("{from:.2} to {:.2} σ", from + step),
        }
    };
    bars_ui(ui, view, "Histogram of the values", &report.values, ["−6 σ", "mean", "6 σ"], label);
}

fn errors_ui(ui: &mut Ui, view: &View<'_>, state: &WeightsState, tried: &Tried) {
    let text = format!("Sizes of the errors in {}, in σ, doubling to the right", state.codec.name());
    ui.label(RichText::new(text).small().color(view.tokens.muted.0));
    let label = |bin: usize| match bin {
        0 => format!("under {} σ, or none", significant(lower_end(1))),
        _ if bin + 1 == ERROR_BINS => format!("over {} σ", significant(lower_end(bin))),
        _ => format!("{} to {} σ", significant(lower_end(bin)), significant(lower_end(bin + 1))),
    };
    let ends = [lower_end(0), lower_end(ERROR_BINS / 2), lower_end(ERROR_BINS - 1)].map(|end| format!("{end:.0e} σ"));
    bars_ui(ui, view, "Histogram of the sizes of errors", &tried.errors.sizes, [&ends[0], &ends[1], &ends[2]], label);
}

fn outliers_ui(ui: &mut Ui, view: &View<'_>, report: &TensorReport) {
    let found = &report.outlier_columns;
    let text = if found.is_empty() {
        format!("No column (input) is over {OUTLIER_RATIO} times the median column.")
    } else {
        let named: Vec<String> = found
            .iter()
            .take(NAMED)
            .map(|outlier| format!("{} ({:.1} ×)", grouped(outlier.column as u64), outlier.ratio))
            .collect();
        let more = if found.len() > NAMED { ", …" } else { "" };
        format!(
            "{} of {} columns (inputs) are over {OUTLIER_RATIO} times the median column: {}{more}",
            grouped(found.len() as u64),
            grouped(report.shape.1),
            named.join(", ")
        )
    };
    ui.label(RichText::new(text).small().color(view.tokens.muted.0)).on_hover_text(
        "By root mean square. A column that stands out makes the scales of its blocks coarse. LLM.int8() looks at \
         activations instead, which weights alone do not tell.",
    );
}
