//! Stacked columns: what is held at the peak of each phase of a step.

use super::segments::{Piece, Touched};
use crate::estimate::{Component, Phase};
use crate::ui::theme::{Tokens, bold, type_size};
use crate::units::{ByteUnit, Bytes};
use egui::{Align2, CornerRadius, FontId, Pos2, Rect, Sense, Shape, Stroke, Ui, Vec2};

const FOOT: f32 = 24.0;
const HEAD: f32 = 22.0;

/// What the chart shows.
pub struct PhaseChart<'a> {
    /// Phases in time order.
    pub phases: &'a [Phase],
    /// Index of the one that decides.
    pub peak: usize,
    /// What the device offers.
    pub capacity: Option<Bytes>,
    /// Unit of the labels.
    pub unit: ByteUnit,
    /// Component marked in other charts.
    pub marked: Option<Component>,
    /// Height in points.
    pub height: f32,
}

/// What was touched: a piece, or a whole phase.
#[derive(Clone, Copy, Debug, Default)]
pub struct PhaseTouched {
    /// Piece.
    pub piece: Touched,
    /// Index of the phase whose name was clicked.
    pub phase: Option<usize>,
}

impl PhaseChart<'_> {
    /// Draws the chart over the width there is.
    pub fn show(&self, ui: &mut Ui, tokens: &Tokens) -> PhaseTouched {
        let (area, _) = ui.allocate_exact_size(Vec2::new(ui.available_width(), self.height), Sense::hover());
        let plot = Rect::from_min_max(area.min + Vec2::new(0.0, HEAD), area.max - Vec2::new(0.0, FOOT));
        let tallest = self.phases.iter().map(Phase::total).max().unwrap_or_default();
        // The capacity is shown where it is near enough to say something; far above it would flatten the columns.
        let near = self.capacity.filter(|capacity| capacity.0 <= tallest.0.saturating_mul(3));
        let most = tallest.max(near.unwrap_or_default()).max(Bytes(1));
        let y = |bytes: Bytes| plot.bottom() - plot.height() * (bytes.0 as f64 / most.0 as f64) as f32;

        let mut touched = PhaseTouched::default();
        let slot = plot.width() / self.phases.len().max(1) as f32;
        for (i, phase) in self.phases.iter().enumerate() {
            let left = plot.left() + slot * i as f32;
            let column = Rect::from_min_max(
                Pos2::new(left + slot * 0.12, plot.top()),
                Pos2::new(left + slot * 0.88, plot.bottom()),
            );
            self.column(ui, i, phase, column, &y, tokens, &mut touched);
        }
        let floor = [plot.left_bottom(), plot.right_bottom()];
        ui.painter().line_segment(floor, Stroke::new(1.0, tokens.line.0));
        if let Some(capacity) = near {
            self.capacity_line(ui, plot, y(capacity), capacity, tokens);
        }
        touched
    }

    #[allow(clippy::too_many_arguments, reason = "the column's place and everything drawn in it")]
    fn column(
        &self,
        ui: &Ui,
        index: usize,
        phase: &Phase,
        column: Rect,
        y: &dyn Fn(Bytes) -> f32,
        tokens: &Tokens,
        touched: &mut PhaseTouched,
    ) {
        let is_peak = index == self.peak;
        let label = phase.kind.label();
        let total = phase.total();
        let mut sum = Bytes::ZERO;
        for component in Component::ALL {
            let bytes = phase.components.get(component);
            if bytes == Bytes::ZERO {
                continue;
            }
            let (bottom, top) = (y(sum), y(sum + bytes));
            sum += bytes;
            let gap = if bottom - top > 3.0 { 1.0 } else { 0.0 };
            let rect = Rect::from_min_max(
                Pos2::new(column.left(), (top + gap).min(bottom - 1.0)),
                Pos2::new(column.right(), bottom),
            );
            let piece = Piece { component, bytes, total, rect, radius: CornerRadius::ZERO, whole: label };
            let id = ui.scope_id().with(("phase-chart", phase.kind.id(), component.id()));
            piece.show(ui, id, tokens, self.unit, self.marked == Some(component), &mut touched.piece);
        }
        let font = if is_peak { bold(type_size::BODY) } else { FontId::proportional(type_size::BODY) };
        let ink = if is_peak { tokens.text.0 } else { tokens.muted.0 };
        let figure = Pos2::new(column.center().x, y(total) - 4.0);
        ui.painter().text(figure, Align2::CENTER_BOTTOM, total.number(self.unit), font.clone(), tokens.text.0);

        let foot = Rect::from_min_max(
            Pos2::new(column.left() - 8.0, column.bottom() + 2.0),
            Pos2::new(column.right() + 8.0, column.bottom() + FOOT),
        );
        let response = ui.interact(foot, ui.scope_id().with(("phase", phase.kind.id())), Sense::click());
        let name = format!("{label}, {}{}", total.display(self.unit), if is_peak { ", the peak" } else { "" });
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, name.clone()));
        if response.has_focus() {
            ui.painter().rect_stroke(foot, 4, Stroke::new(2.0, tokens.accent.0), egui::StrokeKind::Inside);
        }
        if response.clicked() {
            touched.phase = Some(index);
        }
        let mut galley = ui.painter().layout_no_wrap(label.to_owned(), font, ink);
        if galley.size().x > foot.width() {
            galley = ui.painter().layout(label.to_owned(), FontId::proportional(10.0), ink, foot.width());
        }
        let at = Pos2::new(column.center().x - galley.size().x / 2.0, column.bottom() + 4.0);
        ui.painter().galley(at, galley, ink);
        response.on_hover_text(name);
    }

    fn capacity_line(&self, ui: &Ui, plot: Rect, y: f32, capacity: Bytes, tokens: &Tokens) {
        let color = tokens.over.0;
        let line = [Pos2::new(plot.left(), y), Pos2::new(plot.right(), y)];
        ui.painter().extend(Shape::dashed_line(&line, Stroke::new(1.5, color), 5.0, 4.0));
        let text = format!("{} capacity", capacity.display(self.unit));
        let font = FontId::proportional(type_size::SMALL);
        ui.painter().text(Pos2::new(plot.right(), y - 2.0), Align2::RIGHT_BOTTOM, text, font, color);
    }
}
