//! A few words side by side, one of them chosen.

use crate::theme::{RADIUS, Tokens, bold, type_size};
use egui::{CornerRadius, FontId, Pos2, Rect, Sense, Stroke, StrokeKind, Ui, Vec2};

const HEIGHT: f32 = 30.0;
const PADDING: f32 = 14.0;

/// One word.
#[derive(Clone, Copy, Debug)]
pub struct Segment<T> {
    /// What it stands for.
    pub value: T,
    /// Word on screen.
    pub label: &'static str,
    /// What it means, for the tooltip; may be empty.
    pub help: &'static str,
}

/// Width the control takes.
pub fn width<T>(ui: &Ui, segments: &[Segment<T>]) -> f32 {
    let text = |segment: &Segment<T>| {
        let ink = ui.visuals().text_color();
        ui.painter().layout_no_wrap(segment.label.to_owned(), bold(type_size::body()), ink).size().x
    };
    segments.iter().map(|segment| text(segment) + 2.0 * PADDING).sum::<f32>() + 6.0
}

/// Draws the words; the one that was newly chosen.
pub fn segmented_ui<T: Copy + PartialEq>(
    ui: &mut Ui,
    segments: &[Segment<T>],
    chosen: T,
    tokens: &Tokens,
) -> Option<T> {
    let (track, _) = ui.allocate_exact_size(Vec2::new(width(ui, segments), HEIGHT), Sense::hover());
    ui.painter().rect_filled(track, RADIUS, tokens.raised.0);
    ui.painter().rect_stroke(track, RADIUS, Stroke::new(1.0, tokens.line.0), StrokeKind::Inside);
    let mut left = track.left() + 3.0;
    let mut new = None;
    for (i, segment) in segments.iter().enumerate() {
        let is_chosen = segment.value == chosen;
        let ink = if is_chosen { tokens.on_accent.0 } else { tokens.muted.0 };
        let wide = ui.painter().layout_no_wrap(segment.label.to_owned(), bold(type_size::body()), ink);
        let width = wide.size().x + 2.0 * PADDING;
        let rect = Rect::from_min_size(Pos2::new(left, track.top() + 3.0), Vec2::new(width, HEIGHT - 6.0));
        left += width;
        let id = ui.scope_id().with(("segmented", i, segment.label));
        let response = ui.interact(rect, id, Sense::click());
        response.widget_info(|| {
            egui::WidgetInfo::selected(egui::Role::RadioButton, ui.is_enabled(), is_chosen, segment.label)
        });
        let radius = CornerRadius::same(RADIUS - 2);
        if is_chosen {
            ui.painter().rect_filled(rect, radius, tokens.accent.0);
        }
        if response.has_focus() {
            // Around the accent as well as around the track.
            ui.painter().rect_stroke(rect.expand(2.0), radius, Stroke::new(2.0, tokens.text.0), StrokeKind::Inside);
        }
        let galley = if is_chosen {
            wide
        } else {
            let ink = if response.hovered() { tokens.text.0 } else { ink };
            ui.painter().layout_no_wrap(segment.label.to_owned(), FontId::proportional(type_size::body()), ink)
        };
        let at = rect.center() - galley.size() / 2.0;
        ui.painter().galley(at, galley, ink);
        if response.clicked() && !is_chosen {
            new = Some(segment.value);
        }
        if !segment.help.is_empty() {
            response.on_hover_text(segment.help);
        }
    }
    new
}
