//! What bar and columns share: a coloured, named, focusable piece with a pattern as second cue.

use super::pattern::Pattern;
use crate::estimate::Component;
use crate::ui::theme::Tokens;
use crate::units::{ByteUnit, Bytes, percent};
use egui::{CornerRadius, Id, Rect, Response, Sense, Stroke, StrokeKind, Ui, Vec2};

/// Thinnest piece that a pointer can hit.
const MIN_HIT: f32 = 8.0;

/// What was touched in a chart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// Piece under the pointer or with the keyboard focus.
    pub hovered: Option<Component>,
    /// Piece that was clicked.
    pub clicked: Option<Component>,
}

/// One piece of a chart.
pub struct Piece<'a> {
    /// Component it stands for.
    pub component: Component,
    /// Its amount.
    pub bytes: Bytes,
    /// Sum it is a share of.
    pub total: Bytes,
    /// Where it is painted.
    pub rect: Rect,
    /// Rounding of its corners.
    pub radius: CornerRadius,
    /// What it is a share of, in words: `the peak`, `end of forward`.
    pub whole: &'a str,
}

impl Piece<'_> {
    /// Paints the piece and makes it hittable, focusable and named.
    pub fn show(
        &self,
        ui: &Ui,
        id: Id,
        tokens: &Tokens,
        unit: ByteUnit,
        marked: bool,
        touched: &mut Touched,
    ) -> Response {
        let hit = self.rect.expand2(Vec2::new(
            ((MIN_HIT - self.rect.width()) / 2.0).max(0.0),
            ((MIN_HIT - self.rect.height()) / 2.0).max(0.0),
        ));
        let response = ui.interact(hit, id, Sense::click());
        let name = self.name(unit);
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, name.clone()));
        let fill = tokens.series(self.component);
        ui.painter().rect_filled(self.rect, self.radius, fill);
        Pattern::of(self.component).paint(ui, self.rect, fill);
        if marked || response.hovered() || response.has_focus() {
            let ring = Stroke::new(2.0, tokens.text.0);
            ui.painter().rect_stroke(self.rect, self.radius, ring, StrokeKind::Inside);
        }
        if response.hovered() || response.has_focus() {
            touched.hovered = Some(self.component);
        }
        if response.clicked() {
            touched.clicked = Some(self.component);
        }
        response.on_hover_text(name)
    }

    /// `Optimizer state, 52.20 GiB, 64 % of the peak`.
    pub fn name(&self, unit: ByteUnit) -> String {
        let share = self.bytes.0 as f64 / self.total.0.max(1) as f64;
        format!("{}, {}, {} of {}", self.component.label(), self.bytes.display(unit), percent(share), self.whole)
    }
}
