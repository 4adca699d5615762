//! The bar of memory at the peak: components side by side against the device's capacity.

use super::segments::{Piece, Touched};
use crate::estimate::{ByComponent, Component};
use crate::ui::theme::{RADIUS, Tokens, bold, type_size};
use crate::units::{ByteUnit, Bytes};
use egui::{Align2, Color32, CornerRadius, FontId, Pos2, Rect, Sense, Stroke, StrokeKind, Ui, Vec2};

const BAR_HEIGHT: f32 = 56.0;
const AXIS_HEIGHT: f32 = 22.0;
/// Room above the bar for the capacity's label.
const HEAD_HEIGHT: f32 = 20.0;

/// What the bar shows.
pub struct MemoryBar<'a> {
    /// Amounts by component.
    pub amounts: &'a ByComponent,
    /// What the device offers.
    pub capacity: Option<Bytes>,
    /// Sum before the last change, drawn as an outline.
    pub ghost: Option<Bytes>,
    /// Unit of labels and axis.
    pub unit: ByteUnit,
    /// Component marked in other charts.
    pub marked: Option<Component>,
}

impl MemoryBar<'_> {
    /// Draws the bar over the width there is.
    pub fn show(&self, ui: &mut Ui, tokens: &Tokens) -> Touched {
        let size = Vec2::new(ui.available_width(), HEAD_HEIGHT + BAR_HEIGHT + AXIS_HEIGHT);
        let (area, _) = ui.allocate_exact_size(size, Sense::hover());
        let bar = Rect::from_min_size(area.min + Vec2::new(0.0, HEAD_HEIGHT), Vec2::new(area.width(), BAR_HEIGHT));
        let total = self.amounts.total();
        let scale = Scale::new(bar, total.max(self.capacity.unwrap_or_default()).max(self.ghost.unwrap_or_default()));
        ui.painter().rect_filled(bar, CornerRadius::same(RADIUS - 2), tokens.raised.0);

        let mut touched = Touched::default();
        let mut sum = Bytes::ZERO;
        for component in Component::ALL {
            let bytes = self.amounts.get(component);
            if bytes == Bytes::ZERO {
                continue;
            }
            let (left, right) = (scale.x(sum), scale.x(sum + bytes));
            sum += bytes;
            // A hairline between neighbours; pieces thinner than it keep their colour.
            let gap = if right - left > 3.0 { 1.0 } else { 0.0 };
            let rect =
                Rect::from_min_max(Pos2::new(left, bar.top()), Pos2::new((right - gap).max(left + 1.0), bar.bottom()));
            let piece = Piece { component, bytes, total, rect, radius: CornerRadius::ZERO, whole: "the peak" };
            let id = ui.scope_id().with(("memory-bar", component.id()));
            piece.show(ui, id, tokens, self.unit, self.marked == Some(component), &mut touched);
            self.label(ui, rect, component, bytes, tokens);
        }
        self.free_label(ui, bar, &scale, total, tokens);
        self.ghost_line(ui, bar, &scale, total, tokens);
        self.axis(ui, bar, &scale, tokens);
        self.capacity_line(ui, bar, &scale, tokens);
        touched
    }

    /// Name and figure inside a piece, each only where it fits.
    fn label(&self, ui: &Ui, rect: Rect, component: Component, bytes: Bytes, tokens: &Tokens) {
        let ink = Tokens::text_on(tokens.series(component));
        let room = rect.width() - 12.0;
        let text = |text: String, font: FontId| ui.painter().layout_no_wrap(text, font, ink);
        let number = text(bytes.number(self.unit), bold(type_size::BODY));
        if number.size().x > room {
            return;
        }
        let name = text(component.label().to_owned(), FontId::proportional(type_size::SMALL));
        let left = rect.left() + 6.0;
        if name.size().x <= room {
            ui.painter().galley(Pos2::new(left, rect.top() + 10.0), name, ink);
            ui.painter().galley(Pos2::new(left, rect.top() + 28.0), number, ink);
        } else {
            ui.painter().galley(Pos2::new(left, rect.center().y - number.size().y / 2.0), number, ink);
        }
    }

    fn free_label(&self, ui: &Ui, bar: Rect, scale: &Scale, total: Bytes, tokens: &Tokens) {
        let Some(capacity) = self.capacity.filter(|capacity| *capacity > total) else { return };
        let (left, right) = (scale.x(total), scale.x(capacity));
        let font = FontId::proportional(type_size::BODY);
        let text = format!("{} free", (capacity - total).number(self.unit));
        let galley = ui.painter().layout_no_wrap(text, font, tokens.muted.0);
        if galley.size().x + 16.0 < right - left {
            let at = Pos2::new(left + (right - left - galley.size().x) / 2.0, bar.center().y - galley.size().y / 2.0);
            ui.painter().galley(at, galley, tokens.muted.0);
        }
    }

    /// Where the bar ended before the last change.
    fn ghost_line(&self, ui: &Ui, bar: Rect, scale: &Scale, total: Bytes, tokens: &Tokens) {
        let Some(ghost) = self.ghost.filter(|ghost| ghost.0.abs_diff(total.0) > total.0 / 200) else { return };
        let rect = Rect::from_min_max(bar.min, Pos2::new(scale.x(ghost), bar.bottom()));
        let stroke = Stroke::new(1.5, tokens.edge.0);
        ui.painter().rect_stroke(rect, CornerRadius::ZERO, stroke, StrokeKind::Inside);
    }

    fn axis(&self, ui: &Ui, bar: Rect, scale: &Scale, tokens: &Tokens) {
        let font = FontId::proportional(type_size::SMALL);
        let step = nice_step(scale.most.in_unit(self.unit) / 5.0);
        let mut tick = 0.0;
        let unit_bytes = self.unit.bytes() as f64;
        while tick * unit_bytes <= scale.most.0 as f64 {
            let x = scale.x(Bytes((tick * unit_bytes) as u64));
            let align = if tick == 0.0 { Align2::LEFT_TOP } else { Align2::CENTER_TOP };
            // The last tick would run over the edge.
            if x < bar.right() - 14.0 {
                let text = format!("{tick}");
                ui.painter().text(Pos2::new(x, bar.bottom() + 5.0), align, text, font.clone(), tokens.muted.0);
            }
            tick = ((tick + step) * 1000.0).round() / 1000.0;
        }
        let unit = self.unit.symbol();
        ui.painter().text(Pos2::new(bar.right(), bar.bottom() + 5.0), Align2::RIGHT_TOP, unit, font, tokens.muted.0);
    }

    fn capacity_line(&self, ui: &Ui, bar: Rect, scale: &Scale, tokens: &Tokens) {
        let Some(capacity) = self.capacity else { return };
        // Inside the bar's corner, so that the line is never clipped by it.
        let x = scale.x(capacity).min(bar.right() - 1.0);
        let color: Color32 = tokens.over.0;
        ui.painter()
            .line_segment([Pos2::new(x, bar.top() - 4.0), Pos2::new(x, bar.bottom() + 4.0)], Stroke::new(2.0, color));
        let text = format!("{} capacity", capacity.display(self.unit));
        let galley = ui.painter().layout_no_wrap(text, FontId::proportional(type_size::SMALL), color);
        let left = (x - galley.size().x).max(bar.left());
        ui.painter().galley(Pos2::new(left, bar.top() - HEAD_HEIGHT), galley, color);
    }
}

/// From bytes to places along the bar.
struct Scale {
    left: f32,
    width: f32,
    most: Bytes,
}

impl Scale {
    fn new(bar: Rect, most: Bytes) -> Self {
        Self { left: bar.left(), width: bar.width(), most: most.max(Bytes(1)) }
    }

    fn x(&self, bytes: Bytes) -> f32 {
        self.left + self.width * (bytes.0 as f64 / self.most.0 as f64) as f32
    }
}

/// 1, 2 or 5 times a power of ten, at least `least`.
pub fn nice_step(least: f64) -> f64 {
    let mut power = 0.01;
    while power * 10.0 <= least {
        power *= 10.0;
    }
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|factor| factor * power).find(|step| *step >= least).unwrap_or(power * 10.0)
}
