//! The bits of one value, drawn to scale: every bit is a cell that can be flipped.

use super::pattern::Pattern;
use crate::estimate::Component;
use crate::quantize::scalar::{BitField, ScalarFormat};
use crate::theme::{Tokens, type_size};
use egui::{
    Align2, Color32, CornerRadius, EventFilter, FontId, Id, Key, Modifiers, Pos2, Rect, Sense, Stroke, StrokeKind, Ui,
    Vec2,
};

/// Height of a cell.
const CELL_HEIGHT: f32 = 18.0;
/// Height of the names of the fields.
const CAPTION_HEIGHT: f32 = 15.0;
/// Room between the fields of a code.
const FIELD_GAP: f32 = 3.0;
/// A cell at least this wide shows its digit.
const DIGIT_WIDTH: f32 = 7.0;

/// One value's bits.
pub struct BitRow {
    /// Format.
    pub format: ScalarFormat,
    /// Code, right-aligned.
    pub bits: u64,
    /// Width of a cell, the same in all rows.
    pub cell: f32,
}

/// Widest cell with which 64 bits in three fields fit into `width`.
pub fn cell_width(width: f32) -> f32 {
    ((width - 2.0 * FIELD_GAP) / 64.0).clamp(2.0, 14.0)
}

/// Colour and second cue of a field.
pub fn look(field: BitField, tokens: &Tokens) -> (Color32, Pattern) {
    match field {
        BitField::Sign => (tokens.series(Component::Activations), Pattern::Dots),
        BitField::Exponent => (tokens.series(Component::Gradients), Pattern::Rising),
        BitField::Mantissa => (tokens.series(Component::Weights), Pattern::Plain),
        BitField::Integer => (tokens.series(Component::OptimizerState), Pattern::Falling),
    }
}

/// Name of a field.
pub const fn field_name(field: BitField) -> &'static str {
    match field {
        BitField::Sign => "sign",
        BitField::Exponent => "exponent",
        BitField::Mantissa => "mantissa",
        BitField::Integer => "integer",
    }
}

impl BitRow {
    /// Draws the row; the code with one bit flipped, if one was.
    pub fn show(&self, ui: &mut Ui, tokens: &Tokens) -> Option<u64> {
        let size = Vec2::new(ui.available_width().max(1.0), CELL_HEIGHT + CAPTION_HEIGHT);
        let (area, _) = ui.allocate_exact_size(size, Sense::hover());
        let id = ui.scope_id().with(("bits", self.format.id()));
        let keyboard = self.keyboard(ui, area, id, tokens);
        let mut flipped = keyboard.flip;
        let (mut left, mut field_left) = (area.left(), area.left());
        for bit in (0..self.format.bits()).rev() {
            let field = self.format.field(bit);
            let rect = Rect::from_min_size(Pos2::new(left, area.top()), Vec2::new(self.cell, CELL_HEIGHT));
            if self.bit_ui(ui, id, rect, bit, keyboard.cursor == Some(bit), tokens) {
                flipped = Some(bit);
            }
            left += self.cell;
            if bit == 0 || self.format.field(bit - 1) != field {
                let count = ((left - field_left) / self.cell).round() as u32;
                caption(ui, area, (field_left, left), field, count, tokens);
                left += FIELD_GAP;
                field_left = left;
            }
        }
        self.unused(ui, area, left, tokens);
        flipped.map(|bit| self.bits ^ (1 << bit))
    }

    /// One stop for the keyboard: arrows choose the bit, space flips it.
    fn keyboard(&self, ui: &Ui, area: Rect, id: Id, tokens: &Tokens) -> Keyboard {
        let used = self.format.bits() as f32 * self.cell + 2.0 * FIELD_GAP;
        let rect = Rect::from_min_size(area.min, Vec2::new(used.min(area.width()), CELL_HEIGHT));
        let response = ui.interact(rect, id, Sense::focusable_noninteractive());
        let name = format!("{} bits: arrow keys choose one, space flips it", self.format.name());
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Group, true, name.clone()));
        if !response.has_focus() {
            return Keyboard { cursor: None, flip: None };
        }
        let filter = EventFilter { horizontal_arrows: true, ..EventFilter::default() };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(id, filter));
        let highest = self.format.bits() - 1;
        let mut cursor = ui.data(|data| data.get_temp::<u32>(id)).unwrap_or(highest).min(highest);
        let pressed = |key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, key));
        if pressed(Key::ArrowLeft) {
            cursor = (cursor + 1).min(highest);
        }
        if pressed(Key::ArrowRight) {
            cursor = cursor.saturating_sub(1);
        }
        let flip = (pressed(Key::Space) || pressed(Key::Enter)).then_some(cursor);
        ui.data_mut(|data| data.insert_temp(id, cursor));
        ui.painter().rect_stroke(rect.expand(2.0), 3, Stroke::new(1.5, tokens.accent.0), StrokeKind::Outside);
        Keyboard { cursor: Some(cursor), flip }
    }

    /// One cell; whether it was clicked.
    fn bit_ui(&self, ui: &Ui, id: Id, rect: Rect, bit: u32, at_cursor: bool, tokens: &Tokens) -> bool {
        let field = self.format.field(bit);
        let is_set = self.bits >> bit & 1 == 1;
        let response = ui.interact(rect, id.with(bit), Sense::CLICK);
        let name = format!("{} bit {bit}, {}, {}", self.format.name(), field_name(field), u8::from(is_set));
        response.widget_info(|| egui::WidgetInfo::selected(egui::Role::CheckBox, true, is_set, name.clone()));
        let (color, pattern) = look(field, tokens);
        let body = Rect::from_min_max(rect.min, rect.max - Vec2::new(1.0, 0.0));
        let fill = if is_set { color } else { tokens.panel.0 };
        ui.painter().rect_filled(body, CornerRadius::same(1), fill);
        if is_set {
            pattern.paint(ui, body, fill);
        }
        let marked = response.hovered() || at_cursor;
        let outline = if marked { Stroke::new(2.0, tokens.text.0) } else { Stroke::new(1.0, color) };
        ui.painter().rect_stroke(body, CornerRadius::same(1), outline, StrokeKind::Inside);
        if self.cell >= DIGIT_WIDTH {
            let ink = if is_set { Tokens::text_on(fill) } else { tokens.text.0 };
            let font = FontId::proportional(type_size::small().min(self.cell + 3.0));
            ui.painter().text(body.center(), Align2::CENTER_CENTER, u8::from(is_set), font, ink);
        }
        let clicked = response.clicked();
        if response.hovered() {
            response.on_hover_text_at_pointer(format!("{name}. Click to flip it: {}", self.after(bit)));
        }
        clicked
    }

    /// What flipping a bit gives.
    fn after(&self, bit: u32) -> String {
        let value = self.format.decode(self.bits ^ (1 << bit));
        format!("the value becomes {}.", super::figures::significant(value, 6))
    }

    /// Bits of memory that the format does not use.
    fn unused(&self, ui: &Ui, area: Rect, left: f32, tokens: &Tokens) {
        let count = self.format.stored_bits() - self.format.bits();
        if count == 0 {
            return;
        }
        let rect =
            Rect::from_min_size(Pos2::new(left, area.top()), Vec2::new(count as f32 * self.cell - 1.0, CELL_HEIGHT));
        let outline = Stroke::new(1.0, tokens.line.0);
        ui.painter().rect_stroke(rect, CornerRadius::same(1), outline, StrokeKind::Inside);
        let font = FontId::proportional(type_size::small() - 1.0);
        let galley = ui.painter().layout_no_wrap(format!("{count} unused"), font, tokens.muted.0);
        if galley.size().x < rect.width() {
            ui.painter().galley(rect.center() - galley.size() / 2.0, galley, tokens.muted.0);
        }
    }
}

/// What the keyboard is at.
struct Keyboard {
    cursor: Option<u32>,
    flip: Option<u32>,
}

/// Name and size of a field under its cells, in the longest words that fit.
fn caption(ui: &Ui, area: Rect, range: (f32, f32), field: BitField, count: u32, tokens: &Tokens) {
    let name = field_name(field);
    let texts = match field {
        BitField::Sign => ["sign".to_owned(), "±".to_owned(), String::new()],
        _ => [format!("{name} {count}"), format!("{} {count}", &name[..3]), count.to_string()],
    };
    let font = FontId::proportional(type_size::small() - 1.0);
    for text in texts {
        let galley = ui.painter().layout_no_wrap(text, font.clone(), tokens.muted.0);
        if galley.size().x <= range.1 - range.0 + 1.0 {
            let x = f32::midpoint(range.0, range.1) - galley.size().x / 2.0;
            ui.painter().galley(Pos2::new(x, area.top() + CELL_HEIGHT + 1.0), galley, tokens.muted.0);
            return;
        }
    }
}
