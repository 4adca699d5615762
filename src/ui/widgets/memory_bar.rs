//! The bar of memory at the peak: components side by side against the device's capacity.

use super::segments::{self, Stack, Touched, Way};
use crate::estimate::{ByComponent, Component};
use crate::theme::{RADIUS, Tokens, bold, type_size};
use crate::units::{ByteUnit, Bytes};
use egui::{CornerRadius, FontId, Galley, Id, Pos2, Rangef, Rect, Sense, Shape, Stroke, Ui, Vec2};
use std::sync::Arc;

const BAR_HEIGHT: f32 = 58.0;
const AXIS_HEIGHT: f32 = 20.0;
/// Room above the bar for the capacity's label.
const HEAD_HEIGHT: f32 = 20.0;
/// Room that a tick's label needs, in points.
const TICK_ROOM: f32 = 64.0;
/// Time in which pieces move to a new length, in seconds.
const EASE_SECS: f32 = 0.15;

/// What the bar shows.
pub struct MemoryBar<'a> {
    /// Amounts by component.
    pub amounts: &'a ByComponent,
    /// What the device offers.
    pub capacity: Option<Bytes>,
    /// Another sum and what it is of, drawn as a dashed outline.
    pub ghost: Option<(Bytes, &'a str)>,
    /// Unit of labels and axis.
    pub unit: ByteUnit,
    /// Component marked in other charts.
    pub marked: Option<Component>,
}

impl MemoryBar<'_> {
    /// Draws the bar over the width there is.
    pub fn show(&self, ui: &mut Ui, tokens: &Tokens) -> Touched {
        let size = Vec2::new(ui.available_width().max(1.0), HEAD_HEIGHT + BAR_HEIGHT + AXIS_HEIGHT);
        let (area, _) = ui.allocate_exact_size(size, Sense::hover());
        let bar = Rect::from_min_size(area.min + Vec2::new(0.0, HEAD_HEIGHT), Vec2::new(area.width(), BAR_HEIGHT));
        let total = self.amounts.total();
        let scale = Scale { range: bar.x_range(), most: self.most(), ease: Ease::new(ui) };
        ui.painter().rect_filled(bar, CornerRadius::same(RADIUS - 2), tokens.raised.0);
        let (touched, labels) = self.pieces(ui, bar, &scale, tokens);
        self.overflow(ui, bar, &scale, total, tokens);
        self.free_label(ui, bar, &scale, total, tokens);
        self.ghost_outline(ui, bar, &scale, total, tokens);
        let line = self.capacity_line(ui, bar, &scale, tokens);
        // Last, so that neither stripes nor outline run through a figure; and beside the capacity's line.
        for (rect, component, bytes) in labels {
            self.label(ui, beside(rect, line), component, bytes, tokens);
        }
        self.axis(ui, bar, &scale, tokens);
        touched
    }

    /// Paints the pieces; what was touched, and where each may be labelled.
    fn pieces(&self, ui: &Ui, bar: Rect, scale: &Scale, tokens: &Tokens) -> (Touched, Vec<(Rect, Component, Bytes)>) {
        let held = segments::held(self.amounts);
        let end = |component: Component, sum| scale.x(ui, component.id(), sum) - bar.left();
        let stack = Stack {
            id: ui.scope_id().with("memory-bar"),
            room: bar,
            way: Way::Right,
            pieces: segments::pieces(&held, ("the peak", self.unit), self.marked, tokens, end),
            corners,
        };
        let shown = stack.show(ui, tokens);
        let touched = shown.touched(&held);
        let labels = shown.rects.into_iter().zip(held).map(|(rect, (component, bytes))| (rect, component, bytes));
        (touched, labels.collect())
    }

    /// What the whole width stands for.
    fn most(&self) -> Bytes {
        let others = self.capacity.unwrap_or_default().max(self.ghost.map_or(Bytes::ZERO, |(ghost, _)| ghost));
        self.amounts.total().max(others).max(Bytes(1))
    }

    /// Name and figure inside a piece, each only where it fits, on plain colour.
    fn label(&self, ui: &Ui, rect: Rect, component: Component, bytes: Bytes, tokens: &Tokens) {
        let fill = tokens.series(component);
        let ink = Tokens::text_on(fill);
        let room = rect.width() - 16.0;
        let text = |text: String, font: FontId| ui.painter().layout_no_wrap(text, font, ink);
        let (_, size) = step(self.unit, self.most());
        let figure = if size == self.unit.bytes() {
            bytes.number(self.unit)
        } else {
            format!("{:.1}", bytes.0 as f64 / size as f64)
        };
        let number = text(figure, bold(type_size::title()));
        if number.size().x > room {
            return;
        }
        let name = text(component.label().to_owned(), FontId::proportional(type_size::small()));
        let left = rect.left() + 8.0;
        let put = |galley: Arc<Galley>, y: f32| {
            let at = Pos2::new(left, y - galley.size().y / 2.0);
            ui.painter().rect_filled(Rect::from_min_size(at, galley.size()).expand2(Vec2::new(3.0, 0.0)), 3, fill);
            ui.painter().galley(at, galley, ink);
        };
        if name.size().x <= room {
            put(name, rect.top() + 18.0);
            put(number, rect.top() + 38.0);
        } else {
            put(number, rect.center().y);
        }
    }

    /// What is over the capacity is struck through in the verdict's colour.
    fn overflow(&self, ui: &Ui, bar: Rect, scale: &Scale, total: Bytes, tokens: &Tokens) {
        let Some(capacity) = self.capacity.filter(|capacity| *capacity < total) else { return };
        let (left, right) = (scale.x(ui, "capacity", capacity), scale.x(ui, "total", total));
        let rect = Rect::from_x_y_ranges(left..=right.max(left + 2.0), bar.y_range());
        let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
        let stroke = Stroke::new(2.0, tokens.over.0);
        let mut x = rect.left() - rect.height();
        while x < rect.right() {
            let line = [Pos2::new(x, rect.bottom()), Pos2::new(x + rect.height(), rect.top())];
            painter.line_segment(line, Stroke::new(4.0, tokens.panel.0));
            painter.line_segment(line, stroke);
            x += 14.0;
        }
        painter.rect_stroke(rect, corners(bar, rect, true), stroke, egui::StrokeKind::Inside);
    }

    fn free_label(&self, ui: &Ui, bar: Rect, scale: &Scale, total: Bytes, tokens: &Tokens) {
        let color = tokens.muted.0;
        let font = FontId::proportional(type_size::body());
        let (left, text) = match self.capacity {
            Some(capacity) if capacity > total => {
                // Beside the ghost, not under its outline.
                let held = scale.x(ui, "total", total);
                let ghost = self.ghost.map(|(ghost, _)| ghost).filter(|ghost| *ghost < capacity);
                let ghost = ghost.map(|ghost| scale.x(ui, "ghost", ghost));
                (held.max(ghost.unwrap_or(held)), format!("{} free", (capacity - total).display(self.unit)))
            }
            None if total == Bytes::ZERO => (bar.left(), "Nothing is held".to_owned()),
            _ => return,
        };
        let right = self.capacity.map_or(bar.right(), |capacity| scale.x(ui, "capacity", capacity));
        let galley = ui.painter().layout_no_wrap(text, font, color);
        if galley.size().x + 16.0 < right - left {
            let at = Pos2::new(left + (right - left - galley.size().x) / 2.0, bar.center().y - galley.size().y / 2.0);
            ui.painter().galley(at, galley, color);
        }
    }

    /// Where the bar of the other sum ends, and whose it is.
    fn ghost_outline(&self, ui: &Ui, bar: Rect, scale: &Scale, total: Bytes, tokens: &Tokens) {
        let differs = |(ghost, _): &(Bytes, &str)| ghost.0.abs_diff(total.0) > total.0 / 200;
        let Some((ghost, name)) = self.ghost.filter(differs) else { return };
        let x = scale.x(ui, "ghost", ghost).min(bar.right() - 1.0);
        let (top, bottom) = (bar.top() + 1.0, bar.bottom() - 1.0);
        let line = if ghost > total {
            // What is gone: an empty outline behind the last piece.
            let left = scale.x(ui, "total", total) + 1.0;
            vec![Pos2::new(left, top), Pos2::new(x, top), Pos2::new(x, bottom), Pos2::new(left, bottom)]
        } else {
            vec![Pos2::new(x, top), Pos2::new(x, bottom)]
        };
        // Dashes on a solid line of the opposite lightness are seen on every colour.
        ui.painter().add(Shape::line(line.clone(), Stroke::new(3.0, tokens.panel.0)));
        ui.painter().extend(Shape::dashed_line(&line, Stroke::new(1.5, tokens.text.0), 4.0, 3.0));
        let whole_units = step(self.unit, self.most()).1 == self.unit.bytes();
        let figure = if whole_units { ghost.display(self.unit) } else { ghost.small(self.unit) };
        let text = format!("{name} {figure}");
        let galley = ui.painter().layout_no_wrap(text, FontId::proportional(type_size::small()), tokens.muted.0);
        // Left of the capacity's label, which stands on the same line.
        let room = self.capacity_label(ui, bar, scale, tokens).map_or(bar.right(), |(_, label)| label.left() - 8.0);
        let left = (x - galley.size().x).max(bar.left()).min(room - galley.size().x);
        if left >= bar.left() {
            ui.painter().galley(Pos2::new(left, bar.top() - HEAD_HEIGHT), galley, tokens.muted.0);
        }
    }

    fn axis(&self, ui: &Ui, bar: Rect, scale: &Scale, tokens: &Tokens) {
        let color = tokens.muted.0;
        let font = FontId::proportional(type_size::small());
        let text = |text: String| ui.painter().layout_no_wrap(text, font.clone(), color);
        let y = bar.bottom() + 5.0;
        let (symbol, size) = step(self.unit, scale.most);
        let unit = text(symbol.to_owned());
        let unit_left = bar.right() - unit.size().x;
        ui.painter().galley(Pos2::new(unit_left, y), unit, color);

        let most_ticks = f64::from((bar.width() / TICK_ROOM).clamp(1.0, 8.0));
        let step = nice_step(scale.most.0 as f64 / size as f64 / most_ticks);
        let mut free_from = bar.left();
        for i in 0..=most_ticks as u32 {
            let tick = ((f64::from(i) * step) * 1000.0).round() / 1000.0;
            let place = Bytes((tick * size as f64) as u64);
            if place > scale.most {
                break;
            }
            let galley = text(format!("{tick}"));
            let x = scale.at(place);
            let left = (x - galley.size().x / 2.0).max(bar.left());
            let right = left + galley.size().x + 6.0;
            if left >= free_from && right <= unit_left {
                free_from = right;
                ui.painter().galley(Pos2::new(left, y), galley, color);
                ui.painter().vline(x, bar.bottom() + 1.0..=bar.bottom() + 4.0, Stroke::new(1.0, tokens.edge.0));
            }
        }
    }

    /// The line of what the device offers, with its label; where the line is.
    fn capacity_line(&self, ui: &Ui, bar: Rect, scale: &Scale, tokens: &Tokens) -> Option<f32> {
        let x = self.capacity_x(ui, bar, scale)?;
        ui.painter().vline(x, bar.top() - 5.0..=bar.bottom() + 4.0, Stroke::new(2.0, tokens.over.0));
        if let Some((galley, place)) = self.capacity_label(ui, bar, scale, tokens) {
            ui.painter().galley(place.min, galley, tokens.over.0);
        }
        Some(x)
    }

    /// Inside the bar's end, so that the line is never clipped by its corner.
    fn capacity_x(&self, ui: &Ui, bar: Rect, scale: &Scale) -> Option<f32> {
        Some(scale.x(ui, "capacity", self.capacity?).min(bar.right() - 1.0))
    }

    /// The longest wording of the capacity that fits over the bar, and where it stands.
    fn capacity_label(&self, ui: &Ui, bar: Rect, scale: &Scale, tokens: &Tokens) -> Option<(Arc<Galley>, Rect)> {
        let x = self.capacity_x(ui, bar, scale)?;
        let font = FontId::proportional(type_size::small());
        let figure = self.capacity?.display(self.unit);
        let layout = |text: String| ui.painter().layout_no_wrap(text, font.clone(), tokens.over.0);
        let mut wordings = [format!("{figure} capacity"), figure].into_iter().map(layout);
        let galley = wordings.find(|galley| galley.size().x <= bar.width())?;
        let left = (x - galley.size().x).max(bar.left());
        let place = Rect::from_min_size(Pos2::new(left, bar.top() - HEAD_HEIGHT), galley.size());
        Some((galley, place))
    }
}

/// The wider part of a piece on one side of an upright line.
fn beside(rect: Rect, line: Option<f32>) -> Rect {
    match line.filter(|x| rect.left() < *x && *x < rect.right()) {
        Some(x) if x - rect.left() >= rect.right() - x => rect.with_max_x(x - 2.0),
        Some(x) => rect.with_min_x(x + 2.0),
        None => rect,
    }
}

/// Symbol and bytes of the unit that `most` is counted in: a preview is too short for whole GiB.
pub fn step(unit: ByteUnit, most: Bytes) -> (&'static str, u64) {
    let steps = unit.steps();
    steps.into_iter().find(|(_, size)| most.0 >= *size / 2).unwrap_or(steps[0])
}

/// Corners of a piece that ends where the bar ends.
fn corners(bar: Rect, rect: Rect, _: bool) -> CornerRadius {
    let round = RADIUS - 2;
    let left = if rect.left() <= bar.left() + 0.5 { round } else { 0 };
    let right = if rect.right() >= bar.right() - 1.5 { round } else { 0 };
    CornerRadius { nw: left, sw: left, ne: right, se: right }
}

/// From bytes to places along the bar.
struct Scale {
    range: Rangef,
    most: Bytes,
    ease: Ease,
}

impl Scale {
    fn share(&self, bytes: Bytes) -> f32 {
        (bytes.0 as f64 / self.most.0 as f64) as f32
    }

    /// Where `bytes` belong.
    fn at(&self, bytes: Bytes) -> f32 {
        self.range.min + self.range.span() * self.share(bytes)
    }

    /// Where the thing called `what` is on its way there. Shares move, not points: a resized window does not ease.
    fn x(&self, ui: &Ui, what: &str, bytes: Bytes) -> f32 {
        let id = self.ease.id.with(what);
        let share = ui.ctx().animate_value_with_time(id, self.share(bytes), self.ease.secs);
        self.range.min + self.range.span() * share
    }
}

/// How fast lengths change.
struct Ease {
    id: Id,
    secs: f32,
}

impl Ease {
    /// At once while something is dragged: the bar must follow the hand.
    fn new(ui: &Ui) -> Self {
        let held = ui.input(|input| input.pointer.any_down());
        let secs = if held { 0.0 } else { ui.style().animation_time.min(EASE_SECS) };
        Self { id: ui.scope_id().with("memory-bar-ease"), secs }
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
