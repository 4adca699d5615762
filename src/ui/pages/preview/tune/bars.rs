//! The models side by side: loss on the task, loss on the base's own text, exact answers, size on disk.

use crate::preview::compare::Compared;
use crate::theme::space;
use crate::ui::View;
use crate::units::{Bytes, significant};
use egui::{Align2, Color32, Grid, Rect, RichText, Sense, TextStyle, Ui, Vec2};

/// Width of a bar for the largest figure.
const WIDTH: f32 = 150.0;

/// Draws the table with its bars.
pub fn bars_ui(ui: &mut Ui, view: &View<'_>, compared: &[Compared]) {
    let most = |of: &dyn Fn(&Compared) -> f64| {
        compared.iter().map(of).filter(|figure| figure.is_finite()).fold(1e-9, f64::max)
    };
    let most_task = most(&|model| model.task.loss);
    let most_text = most(&|model| model.base_text.unwrap_or(0.0));
    let most_bytes = most(&|model| model.disk_bytes as f64);
    Grid::new("compared").spacing(Vec2::new(space::l(), space::xs())).show(ui, |ui| {
        for (head, help) in [
            ("Model", "What each is shows under the pointer."),
            ("Task, held out", "Loss over the answers to prompts that were not trained on."),
            ("Exact", "Answers right to the last token."),
            ("Base text", "Loss on text such as the base was made from: what rises here was forgotten."),
            ("On disk", "Bytes of the weights in a file, the adapter included."),
        ] {
            ui.label(RichText::new(head).small().color(view.tokens.muted.0)).on_hover_text(help);
        }
        ui.end_row();
        for model in compared {
            ui.label(model.variant.name()).on_hover_text(model.variant.help());
            let loss = model.task.loss;
            bar_ui(ui, view, &significant(loss), loss / most_task, view.tokens.accent.0);
            ui.label(format!("{} of {}", model.task.exact, model.task.examples));
            match model.base_text {
                Some(loss) => bar_ui(ui, view, &significant(loss), loss / most_text, view.tokens.tight.0),
                None => _ = ui.label("–"),
            }
            let bytes = model.disk_bytes;
            bar_ui(ui, view, &Bytes(bytes).to_string(), bytes as f64 / most_bytes, view.tokens.muted.0);
            ui.end_row();
        }
    });
}

fn bar_ui(ui: &mut Ui, view: &View<'_>, text: &str, share: f64, ink: Color32) {
    let (rect, response) =
        ui.allocate_exact_size(Vec2::new(WIDTH, ui.text_style_height(&TextStyle::Body)), Sense::hover());
    let share = share.clamp(0.0, 1.0) as f32;
    let bar = Rect::from_min_size(rect.min, Vec2::new(rect.width() * share, rect.height()));
    ui.painter().rect_filled(bar, 2, ink.gamma_multiply(0.32));
    let font = TextStyle::Body.resolve(ui.style());
    ui.painter().text(rect.left_center() + Vec2::new(4.0, 0.0), Align2::LEFT_CENTER, text, font, view.tokens.text.0);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, text));
}
