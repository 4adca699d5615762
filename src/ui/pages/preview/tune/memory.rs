//! Memory of a step: predicted part by part, with the measured peak as an outline.

use crate::estimate::{ByComponent, Component};
use crate::preview::record::Record;
use crate::theme::{bold, space, type_size};
use crate::ui::View;
use crate::ui::widgets::component_table::swatch_ui;
use crate::ui::widgets::memory_bar::MemoryBar;
use crate::units::{Bytes, signed_percent};
use egui::{Grid, RichText, Ui, Vec2};

/// Off by no more than this the prediction counts as right.
const GOOD: f64 = 0.10;

/// Draws verdict, bar and table.
pub fn memory_ui(ui: &mut Ui, view: &View<'_>, record: &Record) {
    let Some(prepared) = &record.prepared else { return };
    let shares = prepared.predicted.shares();
    let predicted = Bytes(prepared.predicted.total_bytes());
    let measured = record.measured_bytes().map(Bytes);
    let unit = view.unit();
    let (text, ink) = match measured {
        None => (format!("Predicted {}", predicted.small(unit)), view.tokens.text.0),
        Some(measured) => {
            let off = predicted.0 as f64 / measured.0.max(1) as f64 - 1.0;
            let ink = if off.abs() <= GOOD { view.tokens.fits.0 } else { view.tokens.tight.0 };
            (
                format!(
                    "Predicted {}, measured {} ({})",
                    predicted.small(unit),
                    measured.small(unit),
                    signed_percent(off)
                ),
                ink,
            )
        }
    };
    let label = ui.label(RichText::new(text).font(bold(type_size::body())).color(ink));
    label.on_hover_text(
        "Predicted from the plan's settings for this very runtime. Measured: the most that this program had allocated at once \
         beyond what it had before the run; the window's own doings count too, and the system takes a little more for gaps.",
    );
    let mut amounts = ByComponent::default();
    for share in &shares {
        amounts.set(Component::from(share.need), Bytes(share.bytes));
    }
    MemoryBar {
        amounts: &amounts,
        capacity: None,
        ghost: measured.map(|bytes| (bytes, "measured")),
        unit,
        marked: None,
    }
    .show(ui, view.tokens);
    ui.add_space(space::xs());
    Grid::new("small-run-memory").num_columns(3).spacing(Vec2::new(space::s(), 2.0)).show(ui, |ui| {
        for share in shares.iter().filter(|share| share.bytes > 0) {
            swatch_ui(ui, Component::from(share.need), view.tokens);
            ui.label(RichText::new(Component::from(share.need).label()).small()).on_hover_text(share.formula);
            ui.label(RichText::new(Bytes(share.bytes).small(unit)).small());
            ui.end_row();
        }
    });
}
