//! The models side by side: loss on the task, loss on the base's own text, exact answers, size.

use crate::preview::run::Compared;
use crate::ui::View;
use crate::ui::theme::space;
use crate::units::{Bytes, significant};
use egui::{Align2, Color32, Grid, Rect, RichText, Sense, TextStyle, Ui, Vec2};

/// Width of a bar for the largest loss.
const WIDTH: f32 = 150.0;

/// Draws the table with its bars.
pub fn bars_ui(ui: &mut Ui, view: &View<'_>, compared: &[Compared]) {
    let most = |of: fn(&Compared) -> f64| compared.iter().map(of).filter(|loss| loss.is_finite()).fold(1e-9, f64::max);
    let (most_task, most_text) = (most(|bar| bar.task.loss), most(|bar| bar.base_text.unwrap_or(0.0)));
    Grid::new("compared").spacing(Vec2::new(space::l(), space::xs())).show(ui, |ui| {
        for (head, help) in [
            ("Model", ""),
            ("Task, held out", "Loss over the answers to prompts that were not trained on."),
            ("Base text", "Loss on text such as the base was made from: what rises here was forgotten."),
            ("Exact", "Answers right to the last token."),
            ("Weights", "Bytes they are held in here."),
        ] {
            let label = ui.label(RichText::new(head).small().color(view.tokens.muted.0));
            if !help.is_empty() {
                label.on_hover_text(help);
            }
        }
        ui.end_row();
        for bar in compared {
            ui.label(bar.name);
            bar_ui(ui, view, bar.task.loss, most_task, view.tokens.accent.0);
            match bar.base_text {
                Some(loss) => bar_ui(ui, view, loss, most_text, view.tokens.tight.0),
                None => _ = ui.label("–"),
            }
            ui.label(format!("{} of {}", bar.task.exact, bar.task.examples));
            ui.label(Bytes(bar.bytes).to_string());
            ui.end_row();
        }
    });
    ui.label(
        RichText::new(
            "Merged: the update added to the weights in 32 bits. Quantized again: what is lost when the merged model is \
             put back into the base's format.",
        )
        .small()
        .color(view.tokens.muted.0),
    );
}

fn bar_ui(ui: &mut Ui, view: &View<'_>, loss: f64, most: f64, ink: Color32) {
    let text = significant(loss);
    let (rect, response) =
        ui.allocate_exact_size(Vec2::new(WIDTH, ui.text_style_height(&TextStyle::Body)), Sense::hover());
    let share = (loss / most).clamp(0.0, 1.0) as f32;
    let bar = Rect::from_min_size(rect.min, Vec2::new(rect.width() * share, rect.height()));
    ui.painter().rect_filled(bar, 2, ink.gamma_multiply(0.32));
    let font = TextStyle::Body.resolve(ui.style());
    ui.painter().text(rect.left_center() + Vec2::new(4.0, 0.0), Align2::LEFT_CENTER, &text, font, view.tokens.text.0);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, &text));
}
