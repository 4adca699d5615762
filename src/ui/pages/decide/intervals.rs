//! A share with its interval as a bar from 0 to 100 %.

use crate::decide::facts::Proportion;
use crate::decide::stats::wilson;
use crate::theme::space;
use crate::ui::View;
use egui::{Pos2, Rect, RichText, Sense, Stroke, Ui, Vec2};

/// Height of the bar.
const BAR: f32 = 14.0;

/// Name, bar, figures; and what follows where the share cannot be told from what it is compared with.
pub fn interval_ui(ui: &mut Ui, view: &View<'_>, share: &Proportion) {
    ui.horizontal(|ui| {
        let width = ui.available_width();
        let label = egui::Label::new(&share.name).truncate();
        ui.allocate_ui_with_layout(
            Vec2::new(width * 0.26, BAR + 4.0),
            egui::Layout::left_to_right(egui::Align::Center),
            |ui| {
                ui.set_width(width * 0.26);
                ui.add(label);
            },
        );
        bar_ui(ui, view, share, width * 0.3);
        ui.add(egui::Label::new(share.words()).truncate());
    });
    if let Some(advice) = share.advice() {
        ui.horizontal_wrapped(|ui| {
            ui.add_space(space::m());
            ui.label(RichText::new(advice).small().color(view.tokens.tight.0));
        });
    }
}

/// The interval in the accent, the share seen as a line, what it is compared with as a dashed line.
pub fn bar_ui(ui: &mut Ui, view: &View<'_>, share: &Proportion, width: f32) {
    let (area, response) = ui.allocate_exact_size(Vec2::new(width, BAR), Sense::hover());
    let name = format!("{}: {}", share.name, share.words());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, &name));
    let tokens = view.tokens;
    ui.painter().rect_filled(area, 2, tokens.raised.0);
    ui.painter().rect_stroke(area, 2, Stroke::new(1.0, tokens.line.0), egui::StrokeKind::Inside);
    let x = |share: f64| area.left() + area.width() * share.clamp(0.0, 1.0) as f32;
    if let Some(interval) = wilson(share.count, share.total) {
        let range = Rect::from_x_y_ranges(
            x(interval.low)..=x(interval.high).max(x(interval.low) + 2.0),
            area.y_range().shrink(3.0),
        );
        ui.painter().rect_filled(range, 2, if share.told { tokens.accent.0 } else { tokens.tight.0 });
        let seen = share.count.min(share.total) as f64 / share.total as f64;
        ui.painter().vline(x(seen), area.y_range(), Stroke::new(2.0, tokens.text.0));
    }
    if let Some(against) = share.against {
        let dashes = egui::Shape::dashed_line(
            &[Pos2::new(x(against), area.top() - 2.0), Pos2::new(x(against), area.bottom() + 2.0)],
            Stroke::new(1.5, tokens.muted.0),
            3.0,
            2.0,
        );
        ui.painter().extend(dashes);
    }
    response.on_hover_text_at_pointer(format!(
        "{name}: Wilson's 95 % interval; the dashed line is what it is compared with."
    ));
}
