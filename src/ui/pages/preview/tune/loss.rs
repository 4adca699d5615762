//! Loss over steps: a line for the examples trained on, marks for those held out.

use crate::app::command::Commands;
use crate::preview::record::Record;
use crate::report::chart::{Axis, Chart, Ink, Look, Mark, Scale, Series};
use crate::ui::View;
use crate::ui::widgets::plot::{Hit, Plot};
use crate::units::significant;
use egui::Ui;

/// Height of the picture by itself.
pub const HEIGHT: f32 = 240.0;
/// Height beside the table of memory, which is as high.
pub const BESIDE_MEMORY: f32 = 322.0;

/// Draws the picture.
pub fn loss_ui(ui: &mut Ui, view: &View<'_>, record: &Record, height: f32, out: &mut Commands) {
    let tip = |hit: &Hit| {
        let step = hit.point[0];
        let near = |points: &[[f64; 2]]| {
            points.iter().min_by(|a, b| (a[0] - step).abs().total_cmp(&(b[0] - step).abs())).copied()
        };
        let (trained, held_out) = (trained(record), held_out(record));
        let mut tip = vec![format!("Step {step}")];
        tip.extend(near(&trained).map(|[_, loss]| format!("trained on: {} nats per token", significant(loss))));
        tip.extend(
            near(&held_out)
                .map(|[after, loss]| format!("held out, after step {after}: {} nats per token", significant(loss))),
        );
        tip.join("\n")
    };
    Plot::new("loss", chart(record), height, &tip).show(ui, view.tokens, out);
}

/// A loss that is no number has no place.
fn trained(record: &Record) -> Vec<[f64; 2]> {
    let finite = record.losses.iter().filter(|(_, loss)| loss.is_finite());
    finite.map(|(step, loss)| [*step as f64, *loss]).collect()
}

fn held_out(record: &Record) -> Vec<[f64; 2]> {
    let finite = record.held_out.iter().filter(|(_, found)| found.loss.is_finite());
    finite.map(|(after, found)| [*after as f64, found.loss]).collect()
}

fn chart(record: &Record) -> Chart {
    let (trained, held_out) = (trained(record), held_out(record));
    let most = trained.iter().chain(&held_out).map(|[_, loss]| *loss).fold(0.1, f64::max);
    let last = record.losses.last().map_or(0.0, |(_, loss)| *loss);
    let steps = record.steps.max(1) as f64;
    Chart {
        title: "Loss over steps".to_owned(),
        name: format!("Loss over {} steps, now {}", record.losses.len(), significant(last)),
        across: Axis::new("step", Scale::Count, [-0.02 * steps, 1.02 * steps]),
        up: Axis::new("loss, nats per token", Scale::Linear, [0.0, most * 1.06]),
        series: vec![
            Series::new("trained on", Ink::Accent, Look::Line, trained),
            Series::new("held out", Ink::Text, Look::Dashed, held_out.clone()),
            Series::new("held out", Ink::Text, Look::Marks(Mark::Disc, 4.0), held_out),
        ],
        rules: Vec::new(),
        beyond: None,
    }
}
