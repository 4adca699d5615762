//! Stacked columns: what is held at the peak of each phase of a step.

use super::segments::{self, Stack, Touched, Way};
use crate::estimate::{Component, Phase};
use crate::theme::{RADIUS, Tokens, bold, type_size};
use crate::units::{ByteUnit, Bytes};
use egui::{Align2, CornerRadius, FontId, Galley, Pos2, Rect, Sense, Shape, Stroke, Ui, Vec2};
use std::sync::Arc;

/// Room above the plot for a column's total and the capacity's label.
const HEAD: f32 = 24.0;
/// Room for the label of a capacity that is far above the columns.
const FAR_LABEL: f32 = 18.0;
/// Space between a column's name and the plot.
const FOOT_GAP: f32 = 5.0;
/// Room that a column's total takes above it.
const TOTAL_HEIGHT: f32 = 20.0;
/// Widest column, in points.
const WIDEST: f32 = 120.0;

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

/// A column's place and what it shows.
struct Column<'a> {
    index: usize,
    phase: &'a Phase,
    /// Width of the pieces, height of the plot.
    rect: Rect,
    /// Its name, with the room around it that can be clicked.
    foot: Rect,
    name: Arc<Galley>,
    /// Amount at the top of the plot.
    most: Bytes,
}

impl Column<'_> {
    fn y(&self, bytes: Bytes) -> f32 {
        self.rect.bottom() - self.rect.height() * (bytes.0 as f64 / self.most.0 as f64) as f32
    }
}

impl PhaseChart<'_> {
    /// Draws the chart over the width there is.
    pub fn show(&self, ui: &mut Ui, tokens: &Tokens) -> PhaseTouched {
        let (area, _) = ui.allocate_exact_size(Vec2::new(ui.available_width().max(1.0), self.height), Sense::hover());
        let slot = area.width() / self.phases.len().max(1) as f32;
        let names = self.names(ui, slot - 4.0, tokens);
        let foot = names.iter().map(|name| name.size().y).fold(0.0, f32::max) + FOOT_GAP + 4.0;
        let tallest = self.phases.iter().map(Phase::total).max().unwrap_or_default();
        // The capacity is drawn where it is near enough to say something; far above, it would flatten the columns.
        let near = self.capacity.filter(|capacity| capacity.0 <= tallest.0.saturating_mul(7) / 4);
        // Far above, it is named over the totals.
        let head = if self.capacity.is_some() && near.is_none() { HEAD + FAR_LABEL } else { HEAD };
        let plot = Rect::from_min_max(area.min + Vec2::new(0.0, head), area.max - Vec2::new(0.0, foot));
        let most = tallest.max(near.unwrap_or_default()).max(Bytes(1));

        let mut touched = PhaseTouched::default();
        for ((index, phase), name) in self.phases.iter().enumerate().zip(names) {
            let left = area.left() + slot * index as f32;
            let width = (slot * 0.76).min(WIDEST);
            let centre = left + slot / 2.0;
            let rect = Rect::from_x_y_ranges(centre - width / 2.0..=centre + width / 2.0, plot.y_range());
            let foot = Rect::from_x_y_ranges(left..=left + slot, plot.bottom() + 1.0..=area.bottom());
            let column = Column { index, phase, rect, foot, name, most };
            self.pieces(ui, &column, tokens, &mut touched.piece);
            self.foot(ui, &column, tokens, &mut touched);
        }
        ui.painter().hline(plot.x_range(), plot.bottom(), Stroke::new(1.0, tokens.edge.0));
        self.capacity_line(ui, plot, near, most, tokens);
        for (index, phase) in self.phases.iter().enumerate() {
            let centre = area.left() + slot * (index as f32 + 0.5);
            self.total(ui, index, phase, centre, (plot, most), tokens);
        }
        touched
    }

    /// Names of the phases in one size, on two lines where they are long.
    fn names(&self, ui: &Ui, width: f32, tokens: &Tokens) -> Vec<Arc<Galley>> {
        let layout = |(index, phase): (usize, &Phase)| {
            let (font, ink) = if index == self.peak {
                (bold(type_size::small()), tokens.text.0)
            } else {
                (FontId::proportional(type_size::small()), tokens.muted.0)
            };
            let mut job = egui::text::LayoutJob::simple(phase.kind.label().to_owned(), font, ink, width);
            job.halign = egui::Align::Center;
            ui.painter().layout_job(job)
        };
        self.phases.iter().enumerate().map(layout).collect()
    }

    fn pieces(&self, ui: &Ui, column: &Column<'_>, tokens: &Tokens, touched: &mut Touched) {
        let phase = column.phase;
        let held = segments::held(&phase.components);
        let end = |_: Component, sum| column.rect.bottom() - column.y(sum);
        let whole = phase.kind.label();
        let stack = Stack {
            id: ui.scope_id().with(("phase-chart", phase.kind.id())),
            room: column.rect,
            way: Way::Up,
            pieces: segments::pieces(&held, (whole, self.unit), self.marked, tokens, end),
            corners,
        };
        *touched = touched.or(stack.show(ui, tokens).touched(&held));
    }

    /// The column's total, above it and on plain ground.
    fn total(&self, ui: &Ui, index: usize, phase: &Phase, centre: f32, (plot, most): (Rect, Bytes), tokens: &Tokens) {
        let total = phase.total();
        let is_peak = index == self.peak;
        let font = if is_peak { bold(type_size::body()) } else { FontId::proportional(type_size::body()) };
        let top = plot.bottom() - plot.height() * (total.0 as f64 / most.0 as f64) as f32;
        let galley = ui.painter().layout_no_wrap(total.number(self.unit), font, tokens.text.0);
        let at = Pos2::new(centre - galley.size().x / 2.0, top - 3.0 - galley.size().y);
        ui.painter().rect_filled(Rect::from_min_size(at, galley.size()).expand(1.0), 0, tokens.panel.0);
        ui.painter().galley(at, galley, tokens.text.0);
    }

    fn foot(&self, ui: &Ui, column: &Column<'_>, tokens: &Tokens, touched: &mut PhaseTouched) {
        let kind = column.phase.kind;
        let response = ui.interact(column.foot, ui.scope_id().with(("phase", kind.id())), Sense::click());
        let peak = if column.index == self.peak { ", the peak" } else { "" };
        let name = format!("{}, {}{peak}", kind.label(), column.phase.total().display(self.unit));
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, name.clone()));
        if response.hovered() || response.has_focus() {
            ui.painter().rect_filled(column.foot.shrink(1.0), 4, tokens.raised.0);
        }
        if response.has_focus() {
            let ring = Stroke::new(2.0, tokens.accent.0);
            ui.painter().rect_stroke(column.foot.shrink(1.0), 4, ring, egui::StrokeKind::Inside);
        }
        if response.clicked() {
            touched.phase = Some(column.index);
        }
        let at = Pos2::new(column.foot.center().x, column.foot.top() + FOOT_GAP);
        ui.painter().galley(at, column.name.clone(), tokens.text.0);
        response.on_hover_text_at_pointer(name);
    }

    fn capacity_line(&self, ui: &Ui, plot: Rect, near: Option<Bytes>, most: Bytes, tokens: &Tokens) {
        let Some(capacity) = self.capacity else { return };
        let color = tokens.over.0;
        let font = FontId::proportional(type_size::small());
        let text = format!("{} capacity", capacity.display(self.unit));
        let galley = ui.painter().layout_no_wrap(text, font.clone(), color);
        let Some(near) = near else {
            let text = format!("↑ {}", galley.text());
            let at = Pos2::new(plot.right(), plot.top() - HEAD - FAR_LABEL);
            ui.painter().text(at, Align2::RIGHT_TOP, text, font, color);
            return;
        };
        let y = plot.bottom() - plot.height() * (near.0 as f64 / most.0 as f64) as f32;
        let line = [Pos2::new(plot.left(), y), Pos2::new(plot.right(), y)];
        ui.painter().extend(Shape::dashed_line(&line, Stroke::new(1.5, color), 5.0, 4.0));
        if galley.size().x > plot.width() {
            return;
        }
        let at = self.free_place(plot, most, y, galley.size());
        ui.painter().rect_filled(Rect::from_min_size(at, galley.size()).expand(1.0), 0, tokens.panel.0);
        ui.painter().galley(at, galley, color);
    }

    /// A place for the capacity's label beside its line: at the right or left end, above the line or below it. Best
    /// where no column is; else over a column, but never over a total.
    fn free_place(&self, plot: Rect, most: Bytes, y: f32, size: Vec2) -> Pos2 {
        let slot = plot.width() / self.phases.len().max(1) as f32;
        let meets = |place: Rect, whole_column: bool| {
            self.phases.iter().enumerate().any(|(index, phase)| {
                let left = plot.left() + slot * index as f32;
                let top = plot.bottom() - plot.height() * (phase.total().0 as f64 / most.0 as f64) as f32;
                let bottom = if whole_column { plot.bottom() } else { top };
                Rect::from_x_y_ranges(left..=left + slot, top - TOTAL_HEIGHT..=bottom).intersects(place)
            })
        };
        let (above, below) = (y - size.y - 2.0, y + 3.0);
        let places: Vec<Rect> = [above, below]
            .into_iter()
            .flat_map(|y| [Pos2::new(plot.right() - size.x, y), Pos2::new(plot.left(), y)])
            .map(|at| Rect::from_min_size(at, size))
            .filter(|place| place.bottom() <= plot.bottom())
            .collect();
        let free = |whole_column| places.iter().find(|place| !meets(**place, whole_column));
        free(true).or_else(|| free(false)).map_or(Pos2::new(plot.right() - size.x, above), |place| place.min)
    }
}

/// The topmost piece is rounded at its top.
fn corners(_: Rect, piece: Rect, last: bool) -> CornerRadius {
    let round = if last && piece.height() > 6.0 { RADIUS / 2 } else { 0 };
    CornerRadius { nw: round, ne: round, sw: 0, se: 0 }
}
