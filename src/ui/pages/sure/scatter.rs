//! Predicted over measured for every shipped row, with the plan's neighbours and the plan itself.

use super::nearest::job;
use crate::theme::type_size;
use crate::ui::View;
use crate::ui::widgets::log_axes::LogAxes;
use crate::units::{Bytes, signed_percent, significant};
use crate::validation::{Evidence, Measured, Neighbour};
use egui::{Align2, Color32, FontId, Pos2, Rangef, Rect, Sense, Shape, Stroke, Ui, Vec2};

/// Height of the plot, in points.
const HEIGHT: f32 = 300.0;
/// Half the width of a mark.
const MARK: f32 = 2.5;
/// How near the pointer must come to a mark.
const REACH: f32 = 24.0;
/// Errors the shaded strip holds.
const STRIP: f64 = 0.10;

/// Draws the plot.
pub fn scatter_ui(ui: &mut Ui, view: &View<'_>, evidence: &Evidence, near: &[Neighbour]) {
    legend_ui(ui, view);
    let (whole, response) = ui.allocate_exact_size(Vec2::new(ui.available_width(), HEIGHT), Sense::hover());
    let name = format!(
        "Predicted over measured memory of {} rows on logarithmic axes; the nearest to this plan are ringed",
        evidence.rows.len()
    );
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, &name));
    let unit = view.unit();
    let amount = |bytes: u64| Bytes(bytes).in_unit(unit);
    let planned = view.computed.estimate.as_ref().map(|estimate| estimate.needed().expected.0);
    let axes = axes(whole, evidence, planned, &amount);
    axes.draw(
        ui,
        view.tokens,
        [&format!("measured, {} →", unit.symbol()), &format!("predicted, {} ↑", unit.symbol())],
        significant,
    );
    strip(ui, view, &axes);
    for measured in &evidence.rows {
        mark(ui, measured, axes.at(amount(measured.row.measured_bytes), amount(measured.row.predicted_bytes)), view);
    }
    for row in near.iter().filter_map(|found| evidence.rows.get(found.index)) {
        let at = axes.at(amount(row.row.measured_bytes), amount(row.row.predicted_bytes));
        ui.painter().circle_stroke(at, MARK + 3.0, Stroke::new(1.5, view.tokens.text.0));
    }
    if let Some(expected) = view.computed.estimate.as_ref().map(|estimate| estimate.needed().expected) {
        let y = axes.at(1.0, amount(expected.0)).y;
        let dashes = Shape::dashed_line(
            &[Pos2::new(axes.area.left(), y), Pos2::new(axes.area.right(), y)],
            Stroke::new(1.5, view.tokens.accent.0),
            5.0,
            4.0,
        );
        ui.painter().extend(dashes);
        let text = format!("this plan {}", expected.display(unit));
        let place = Pos2::new(axes.area.right() - 4.0, y - 2.0);
        ui.painter().text(
            place,
            Align2::RIGHT_BOTTOM,
            text,
            FontId::proportional(type_size::small()),
            view.tokens.text.0,
        );
    }
    let under = response.hover_pos().and_then(|pointer| nearest_mark(evidence, &axes, &amount, pointer));
    if let Some(measured) = under {
        let at = axes.at(amount(measured.row.measured_bytes), amount(measured.row.predicted_bytes));
        ui.painter().circle_stroke(at, MARK + 4.0, Stroke::new(1.5, view.tokens.accent.0));
        response.on_hover_text_at_pointer(words(measured, view));
    }
}

fn words(measured: &Measured, view: &View<'_>) -> String {
    let row = &measured.row;
    let bytes = |amount: u64| Bytes(amount).display(view.unit());
    format!(
        "{}\n{}\nmeasured {}, predicted {} ({})\n{}",
        row.model,
        job(&measured.case.plan),
        bytes(row.measured_bytes),
        bytes(row.predicted_bytes),
        signed_percent(row.error),
        if measured.exact { "traced byte by byte" } else { row.source.as_str() }
    )
}

/// Both axes hold the same range, so that equality is the diagonal.
fn axes(whole: Rect, evidence: &Evidence, planned: Option<u64>, amount: &impl Fn(u64) -> f64) -> LogAxes {
    let both = |measured: &Measured| [measured.row.measured_bytes, measured.row.predicted_bytes];
    let powers = evidence.rows.iter().flat_map(both).chain(planned).map(|bytes| amount(bytes.max(1)).log10() as f32);
    let (low, high) = powers.fold((f32::MAX, f32::MIN), |(low, high), power| (low.min(power), high.max(power)));
    let range = if low < high { Rangef::new(low - 0.1, high + 0.1) } else { Rangef::new(-1.0, 3.0) };
    LogAxes::inside(whole, range, range)
}

/// The diagonal and the strip of small errors.
fn strip(ui: &Ui, view: &View<'_>, axes: &LogAxes) {
    let (low, high) = (10_f64.powf(f64::from(axes.across.min)), 10_f64.powf(f64::from(axes.across.max)));
    let corner = |x: f64, factor: f64| axes.at(x, x * factor);
    let points =
        vec![corner(low, 1.0 - STRIP), corner(low, 1.0 + STRIP), corner(high, 1.0 + STRIP), corner(high, 1.0 - STRIP)];
    let painter = axes.painter(ui);
    painter.add(Shape::convex_polygon(points, view.tokens.fits.0.gamma_multiply(0.22), Stroke::NONE));
    painter.line_segment([corner(low, 1.0), corner(high, 1.0)], Stroke::new(1.0, view.tokens.muted.0));
}

/// Colour of a row's mark; its shape tells it too.
fn color(measured: &Measured, view: &View<'_>) -> Color32 {
    let ink = if measured.exact {
        view.tokens.accent.0
    } else if measured.case.plan.is_parallel() {
        view.tokens.over.0
    } else {
        view.tokens.tight.0
    };
    ink.gamma_multiply(0.75)
}

/// A disc for exact rows, a square for one device, a triangle for several.
fn mark(ui: &Ui, measured: &Measured, at: Pos2, view: &View<'_>) {
    paint_mark(ui, measured.exact, measured.case.plan.is_parallel(), at, color(measured, view));
}

fn paint_mark(ui: &Ui, exact: bool, parallel: bool, at: Pos2, ink: Color32) {
    if exact {
        ui.painter().circle_filled(at, MARK, ink);
    } else if parallel {
        let corners = [(0.0, -1.2), (1.1, 0.9), (-1.1, 0.9)].map(|(x, y)| at + Vec2::new(x, y) * MARK);
        ui.painter().add(Shape::convex_polygon(corners.to_vec(), ink, Stroke::NONE));
    } else {
        ui.painter().rect_filled(Rect::from_center_size(at, Vec2::splat(MARK * 1.8)), 0, ink);
    }
}

fn legend_ui(ui: &mut Ui, view: &View<'_>) {
    ui.horizontal_wrapped(|ui| {
        let kinds = [
            (true, false, view.tokens.accent.0, "traced byte by byte"),
            (false, false, view.tokens.tight.0, "published, one device"),
            (false, true, view.tokens.over.0, "published, several devices"),
        ];
        for (exact, parallel, ink, text) in kinds {
            let (place, _) = ui.allocate_exact_size(Vec2::new(10.0, type_size::body()), Sense::hover());
            paint_mark(ui, exact, parallel, place.center(), ink);
            ui.add(egui::Label::new(egui::RichText::new(text).small()).extend());
        }
        let note = egui::RichText::new("ring: like this plan; strip: ±10 %").small().color(view.tokens.muted.0);
        ui.add(egui::Label::new(note).extend());
    });
}

fn nearest_mark<'a>(
    evidence: &'a Evidence,
    axes: &LogAxes,
    amount: &impl Fn(u64) -> f64,
    pointer: Pos2,
) -> Option<&'a Measured> {
    let place = |row: &Measured| axes.at(amount(row.row.measured_bytes), amount(row.row.predicted_bytes));
    let nearest =
        evidence.rows.iter().map(|row| (place(row).distance(pointer), row)).min_by(|a, b| a.0.total_cmp(&b.0))?;
    (nearest.0 <= REACH).then_some(nearest.1)
}
