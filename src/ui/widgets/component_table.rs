//! The table twin of the bar: the same figures for reading and copying.

use super::pattern::Pattern;
use super::segments::Touched;
use crate::estimate::{ByComponent, Component};
use crate::text::Language;
use crate::theme::{Tokens, bold, type_size};
use crate::units::{ByteUnit, Bytes, percent};
use egui::{Align2, CornerRadius, FontId, Pos2, Rect, Sense, Stroke, StrokeKind, Ui, Vec2};

const ROW: f32 = 27.0;
/// Width of the two columns of numbers.
const NUMBERS: f32 = 106.0;
/// Width of the share alone.
const SHARE: f32 = 56.0;

/// What the table shows.
pub struct ComponentTable<'a> {
    /// Amounts by component.
    pub amounts: &'a ByComponent,
    /// What the textbook rule says.
    pub textbook: Bytes,
    /// Language of the names.
    pub language: Language,
    /// Unit, stated in the card's head.
    pub unit: ByteUnit,
    /// Component marked in other charts.
    pub marked: Option<Component>,
}

/// What was touched: a component, or the textbook row.
#[derive(Clone, Copy, Debug, Default)]
pub struct TableTouched {
    /// Component row.
    pub component: Touched,
    /// The textbook row was clicked.
    pub textbook: bool,
}

impl ComponentTable<'_> {
    /// Height of the rows, in points.
    pub fn height(&self) -> f32 {
        let held = self.amounts.0.iter().filter(|bytes| **bytes > Bytes::ZERO).count();
        ROW * (held + 2) as f32
    }

    /// Draws the rows.
    pub fn show(&self, ui: &mut Ui, tokens: &Tokens) -> TableTouched {
        let mut touched = TableTouched::default();
        let total = self.amounts.total();
        ui.spacing_mut().item_spacing.y = 0.0;
        for component in Component::ALL {
            let bytes = self.amounts.get(component);
            if bytes == Bytes::ZERO {
                continue;
            }
            let share = percent(bytes.0 as f64 / total.0.max(1) as f64);
            let row = Row {
                sense: Sense::click(),
                label: self.language.text(component.label()),
                number: figure(bytes, self.unit),
                share: &share,
                swatch: Some(component),
                strong: false,
                marked: self.marked == Some(component),
            };
            let name = format!("{} row, {}, {share}", component.label(), bytes.display(self.unit));
            let response = row.show(ui, tokens, &name);
            if response.hovered() || response.has_focus() {
                touched.component.hovered = Some(component);
            }
            if response.clicked() {
                touched.component.clicked = Some(component);
            }
        }
        let sum = Row {
            sense: Sense::hover(),
            label: self.language.text("Sum at the peak"),
            number: figure(total, self.unit),
            share: "100 %",
            swatch: None,
            strong: true,
            marked: false,
        };
        sum.show(ui, tokens, &format!("Sum at the peak, {}", total.display(self.unit)));
        let textbook = Row {
            sense: Sense::click(),
            label: self.language.text("Textbook rule"),
            number: figure(self.textbook, self.unit),
            share: "",
            swatch: None,
            strong: false,
            marked: false,
        };
        let name = format!("Textbook rule, {}", self.textbook.display(self.unit));
        touched.textbook = textbook
            .show(ui, tokens, &name)
            .on_hover_text("What the usual rule of thumb says for the same plan; click for what it leaves out.")
            .clicked();
        touched
    }
}

/// A component's colour and pattern before its name, in text that runs.
pub fn swatch_ui(ui: &mut Ui, component: Component, tokens: &Tokens) {
    let (rect, _) = ui.allocate_exact_size(Vec2::splat(SWATCH), Sense::hover());
    paint_swatch(ui, rect, component, tokens);
}

/// Paints a component's colour and pattern.
pub fn paint_swatch(ui: &Ui, rect: Rect, component: Component, tokens: &Tokens) {
    ui.painter().rect_filled(rect, 2, tokens.series(component));
    Pattern::of(component).paint(ui, rect, tokens.series(component));
}

/// A number of a table whose head states the unit; what is there never reads as nothing.
fn figure(bytes: Bytes, unit: ByteUnit) -> String {
    let text = bytes.number(unit);
    if bytes > Bytes::ZERO && text == "0.00" { "<0.01".to_owned() } else { text }
}

/// Side of a swatch.
const SWATCH: f32 = 10.0;

struct Row<'a> {
    /// Rows that explain themselves can be clicked.
    sense: Sense,
    label: &'a str,
    number: String,
    share: &'a str,
    swatch: Option<Component>,
    strong: bool,
    marked: bool,
}

impl Row<'_> {
    fn show(&self, ui: &mut Ui, tokens: &Tokens, name: &str) -> egui::Response {
        let (rect, response) = ui.allocate_exact_size(Vec2::new(ui.available_width(), ROW), self.sense);
        let role = if self.sense.interactive() { egui::Role::Button } else { egui::Role::Label };
        response.widget_info(|| egui::WidgetInfo::labeled(role, true, name));
        let lit = self.sense.interactive() && (response.hovered() || response.has_focus());
        if self.marked || lit {
            ui.painter().rect_filled(rect.expand2(Vec2::new(6.0, 0.0)), CornerRadius::same(4), tokens.raised.0);
        }
        if response.has_focus() {
            let ring = Stroke::new(1.5, tokens.accent.0);
            ui.painter().rect_stroke(rect.expand2(Vec2::new(6.0, 0.0)), 4, ring, StrokeKind::Inside);
        }
        let mut left = rect.left();
        if let Some(component) = self.swatch {
            let swatch = Rect::from_min_size(Pos2::new(left, rect.center().y - SWATCH / 2.0), Vec2::splat(SWATCH));
            paint_swatch(ui, swatch, component, tokens);
            left += 18.0;
        }
        let font = if self.strong { bold(type_size::body()) } else { FontId::proportional(type_size::body()) };
        let y = rect.center().y;
        let ink = if self.swatch.is_some() || self.strong { tokens.text.0 } else { tokens.muted.0 };
        // A narrow table shortens the name; the row's accessible name and tooltip keep it whole.
        let room = (rect.right() - NUMBERS - left).max(0.0);
        let mut job = egui::text::LayoutJob::simple_singleline(self.label.to_owned(), font.clone(), ink);
        job.wrap = egui::text::TextWrapping::truncate_at_width(room);
        let galley = ui.painter().layout_job(job);
        let name_is_cut = galley.elided;
        ui.painter().galley(Pos2::new(left, y - galley.size().y / 2.0), galley, ink);
        ui.painter().text(Pos2::new(rect.right() - SHARE, y), Align2::RIGHT_CENTER, &self.number, font.clone(), ink);
        ui.painter().text(Pos2::new(rect.right(), y), Align2::RIGHT_CENTER, self.share, font, tokens.muted.0);
        let line = [rect.left_bottom(), rect.right_bottom()];
        ui.painter().line_segment(line, Stroke::new(1.0, tokens.line.0));
        if name_is_cut { response.on_hover_text_at_pointer(name) } else { response }
    }
}
