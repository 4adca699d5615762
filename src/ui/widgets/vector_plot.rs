//! Values before and after a block format, one column each, with the error below.

use super::figures::{signed, significant};
use super::memory_bar::nice_step;
use crate::theme::{Tokens, type_size};
use egui::{Align2, CornerRadius, FontId, Id, Pos2, Rangef, Rect, Response, Sense, Stroke, Ui, Vec2};

/// Height of the values.
const VALUES: f32 = 150.0;
/// Height of the errors.
const ERRORS: f32 = 56.0;
/// Room between the two.
const GAP: f32 = 18.0;
/// Room for the axis left of them.
const AXIS: f32 = 44.0;
/// Half of the width of a mark where there is room.
const MARK: f32 = 4.0;

/// What is drawn.
pub struct VectorPlot<'a> {
    /// The original values.
    pub before: &'a [f32],
    /// The values read back.
    pub after: &'a [f32],
    /// Values that share constants.
    pub block: usize,
    /// Value that is edited.
    pub selected: usize,
}

/// What was done in the plot.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct VectorTouched {
    /// A value was pointed at with the button down, or chosen with the arrow keys.
    pub selected: Option<usize>,
    /// The value was dragged to this height.
    pub dragged_to: Option<f32>,
}

impl VectorPlot<'_> {
    /// Draws the plot over the width there is.
    pub fn show(&self, ui: &mut Ui, tokens: &Tokens) -> VectorTouched {
        let size = Vec2::new(ui.available_width().max(120.0), VALUES + GAP + ERRORS + 8.0);
        let (area, _) = ui.allocate_exact_size(size, Sense::hover());
        let plot = Rect::from_min_max(area.min + Vec2::new(AXIS, 4.0), area.max);
        let values = Axis::new(plot.x_range(), Rangef::new(plot.top(), plot.top() + VALUES), largest(self.before));
        let errors: Vec<f32> = self.before.iter().zip(self.after).map(|(before, after)| after - before).collect();
        let low = Rangef::new(plot.bottom() - ERRORS - 4.0, plot.bottom() - 4.0);
        let below = Axis::new(plot.x_range(), low, largest(&errors).max(f32::MIN_POSITIVE));
        frame(ui, &values, "value", tokens);
        frame(ui, &below, "error", tokens);
        self.blocks(ui, &values, &below, tokens);
        self.columns(ui, &values, &below, &errors, tokens);
        let id = ui.scope_id().with("vector-plot");
        self.touch(ui, id, plot, &values, &errors)
    }

    fn column(&self, axis: &Axis, index: usize) -> f32 {
        axis.x.min + axis.x.span() * (index as f32 + 0.5) / self.before.len().max(1) as f32
    }

    /// Borders of the blocks.
    fn blocks(&self, ui: &Ui, values: &Axis, below: &Axis, tokens: &Tokens) {
        let width = values.x.span() / self.before.len().max(1) as f32;
        for start in (self.block..self.before.len()).step_by(self.block.max(1)) {
            let x = values.x.min + width * start as f32;
            for y in [values.y, below.y] {
                ui.painter().vline(x, y, Stroke::new(1.0, tokens.edge.0));
            }
        }
    }

    fn columns(&self, ui: &Ui, values: &Axis, below: &Axis, errors: &[f32], tokens: &Tokens) {
        let width = values.x.span() / self.before.len().max(1) as f32;
        let half = (width * 0.4).clamp(0.8, MARK);
        let zero = values.at(0.0);
        for (i, (&before, &after)) in self.before.iter().zip(self.after).enumerate() {
            let x = self.column(values, i);
            if i == self.selected {
                let band = Rect::from_x_y_ranges(Rangef::new(x - width / 2.0, x + width / 2.0).expand(1.0), values.y);
                ui.painter().rect_filled(band, 0, tokens.accent.0.gamma_multiply(0.25));
            }
            // Before: a grey stem to an open end. After: a bar across in the accent.
            ui.painter().line_segment(
                [Pos2::new(x, zero), Pos2::new(x, values.at(before))],
                Stroke::new((half * 0.9).max(1.0), tokens.muted.0.gamma_multiply(0.55)),
            );
            let y = values.at(after);
            ui.painter()
                .line_segment([Pos2::new(x - half, y), Pos2::new(x + half, y)], Stroke::new(2.0, tokens.accent.0));
            let error = errors.get(i).copied().unwrap_or_default();
            ui.painter().line_segment(
                [Pos2::new(x, below.at(0.0)), Pos2::new(x, below.at(error))],
                Stroke::new(half.max(1.0), tokens.over.0),
            );
        }
    }

    fn touch(&self, ui: &Ui, id: Id, plot: Rect, values: &Axis, errors: &[f32]) -> VectorTouched {
        let response = ui.interact(plot, id, Sense::click_and_drag());
        let name = self.name(self.selected, errors);
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Slider, true, name.clone()));
        let mut touched = VectorTouched::default();
        let pointed = |at: Pos2| {
            let share = ((at.x - values.x.min) / values.x.span()).clamp(0.0, 0.9999);
            (share * self.before.len() as f32) as usize
        };
        if let Some(at) = response.interact_pointer_pos()
            && (response.clicked() || response.drag_started())
        {
            touched.selected = Some(pointed(at));
        }
        if response.dragged()
            && !response.drag_started()
            && let Some(at) = response.interact_pointer_pos()
        {
            touched.dragged_to = Some(values.value(at.y));
        }
        self.arrow_keys(ui, &response, &mut touched);
        if let Some(at) = response.hover_pos() {
            let hovered = self.name(pointed(at), errors);
            response.on_hover_text_at_pointer(hovered);
        }
        touched
    }

    fn arrow_keys(&self, ui: &Ui, response: &Response, touched: &mut VectorTouched) {
        if !response.has_focus() {
            return;
        }
        let filter = egui::EventFilter { horizontal_arrows: true, ..egui::EventFilter::default() };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, filter));
        let pressed = |key| ui.input_mut(|input| input.consume_key(egui::Modifiers::NONE, key));
        if pressed(egui::Key::ArrowRight) && self.selected + 1 < self.before.len() {
            touched.selected = Some(self.selected + 1);
        }
        if pressed(egui::Key::ArrowLeft) && self.selected > 0 {
            touched.selected = Some(self.selected - 1);
        }
    }

    /// `Value 17: 0.532 → 0.497, error −0.035`, counted from 1.
    fn name(&self, index: usize, errors: &[f32]) -> String {
        let of = |values: &[f32]| f64::from(values.get(index).copied().unwrap_or_default());
        format!(
            "Value {}: {} → {}, error {}",
            index + 1,
            significant(of(self.before), 4),
            significant(of(self.after), 4),
            signed(of(errors), 2)
        )
    }
}

/// A symmetric axis.
struct Axis {
    x: Rangef,
    y: Rangef,
    most: f32,
}

impl Axis {
    fn new(x: Rangef, y: Rangef, most: f32) -> Self {
        Self { x, y, most: if most > 0.0 { most * 1.08 } else { 1.0 } }
    }

    fn at(&self, value: f32) -> f32 {
        let share = (value / self.most).clamp(-1.0, 1.0);
        self.y.center() - share * self.y.span() / 2.0
    }

    fn value(&self, y: f32) -> f32 {
        (self.y.center() - y) / (self.y.span() / 2.0) * self.most
    }
}

fn largest(values: &[f32]) -> f32 {
    values.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()))
}

/// Ground, zero line and the figures of the axis.
fn frame(ui: &Ui, axis: &Axis, what: &str, tokens: &Tokens) {
    let rect = Rect::from_x_y_ranges(axis.x, axis.y);
    ui.painter().rect_filled(rect, CornerRadius::same(3), tokens.raised.0);
    ui.painter().hline(axis.x, axis.at(0.0), Stroke::new(1.0, tokens.edge.0));
    let font = FontId::proportional(type_size::small() - 1.0);
    let step = nice_step(f64::from(axis.most)) as f32;
    // The greatest round figure that is inside; errors are smaller than the least of them.
    let tick = [step, step / 2.0, step / 2.5, step / 5.0].into_iter().find(|tick| *tick <= axis.most);
    let tick = tick.unwrap_or(axis.most);
    for value in [tick, 0.0, -tick] {
        let at = Pos2::new(axis.x.min - 5.0, axis.at(value));
        let text = significant(f64::from(value), 2);
        ui.painter().text(at, Align2::RIGHT_CENTER, text, font.clone(), tokens.muted.0);
        ui.painter().hline(axis.x, axis.at(value), Stroke::new(1.0, tokens.line.0));
    }
    let at = Pos2::new(axis.x.min, axis.y.min - 1.0);
    if what == "error" {
        ui.painter().text(at, Align2::LEFT_BOTTOM, "Error of each value", font, tokens.muted.0);
    }
}
