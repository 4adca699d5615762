//! Single changes, ranked: looked at as a ghost in the bar, applied alone, or ticked and applied together.

use super::{ChangeState, apply_ui, change_words, muted_ui, peak_words, time};
use crate::app::changes::Changes;
use crate::app::command::Commands;
use crate::estimate::Fit;
use crate::figures::numbers;
use crate::plan::edit::PlanEdit;
use crate::solve::figures::edited;
use crate::solve::levers::{Lever, Risk};
use crate::theme::{bold, space, type_size};
use crate::ui::View;
use crate::ui::widgets::memory_bar::MemoryBar;
use crate::units::Bytes;
use egui::{RichText, Ui};

/// Draws the bar and the list.
pub fn levers_ui(ui: &mut Ui, view: &View<'_>, state: &mut ChangeState, found: &Changes, out: &mut Commands) {
    if found.levers.levers.is_empty() {
        ui.label("No change of this list makes the plan smaller.");
        return;
    }
    state.ticked.retain(|id| found.levers.levers.iter().any(|lever| lever.kind.id == *id));
    let together = together(view, state, found);
    bar_ui(ui, view, state, found, together.as_ref().map(|(_, bytes, _)| *bytes));
    if let Some((edit, bytes, fit)) = &together {
        ui.horizontal_wrapped(|ui| {
            let count = state.ticked.len();
            apply_ui(ui, &format!("Apply {count} together"), "Apply the ticked changes", edit, out);
            ui.label(format!("{}, {}, with all that is ticked", bytes.display(view.unit()), fit.in_sentence()));
        });
    } else {
        muted_ui(ui, view, "Point at a change to see it in the bar; tick several to see and apply them together.");
    }
    ui.add_space(space::xs());
    state.looked_at = None;
    for lever in &found.levers.levers {
        lever_ui(ui, view, state, found, lever, out);
        ui.add_space(space::xs());
    }
}

/// The ticked levers as one edit, and what the plan then needs.
fn together(view: &View<'_>, state: &ChangeState, found: &Changes) -> Option<(PlanEdit, Bytes, Fit)> {
    let ticked: Vec<&Lever> = found.levers.levers.iter().filter(|lever| state.ticked.contains(lever.kind.id)).collect();
    if ticked.is_empty() {
        return None;
    }
    let titles: Vec<&str> = ticked.iter().map(|lever| lever.kind.title.as_str()).collect();
    let edit = PlanEdit::Group(ticked.iter().map(|lever| lever.kind.edit.clone()).collect(), titles.join(" + "));
    let (bytes, fit) = numbers(&edited(&view.state.document.plan, &edit)?)?;
    Some((edit, bytes, fit))
}

fn bar_ui(ui: &mut Ui, view: &View<'_>, state: &ChangeState, found: &Changes, together: Option<Bytes>) {
    let Some(estimate) = &view.computed.estimate else { return };
    let looked_at = found.levers.levers.iter().find(|lever| Some(lever.kind.id) == state.looked_at);
    let bar = MemoryBar {
        amounts: &estimate.at_peak,
        capacity: estimate.capacity,
        ghost: looked_at.map(|lever| lever.after.memory()).or(together).map(|bytes| (bytes, "then")),
        unit: view.unit(),
        marked: None,
    };
    bar.show(ui, view.tokens);
    let words = match looked_at {
        Some(lever) => format!(
            "With “{}”: {}, peak in {}",
            lever.kind.title,
            lever.after.verdict_words(view.unit()),
            peak_words(&lever.after)
        ),
        None => format!(
            "Now: {}, peak in {}",
            found.levers.before.verdict_words(view.unit()),
            peak_words(&found.levers.before)
        ),
    };
    ui.add(egui::Label::new(words).wrap());
}

fn lever_ui(ui: &mut Ui, view: &View<'_>, state: &mut ChangeState, found: &Changes, lever: &Lever, out: &mut Commands) {
    let kind = &lever.kind;
    let row = ui.horizontal_top(|ui| {
        let mut ticked = state.ticked.contains(kind.id);
        // Of changes that exclude each other only one is ticked.
        let clashes = found.levers.levers.iter().any(|other| {
            other.kind.id != kind.id && state.ticked.contains(other.kind.id) && !other.kind.goes_with(kind)
        });
        let tick = ui.scope(|ui| {
            // The theme's controls have no outline; an empty box needs one to be seen.
            ui.visuals_mut().widgets.inactive.bg_stroke = egui::Stroke::new(1.0, view.tokens.edge.0);
            ui.add_enabled(!clashes, egui::Checkbox::without_text(&mut ticked))
        });
        let tick = tick.inner;
        tick.widget_info(|| {
            egui::WidgetInfo::selected(egui::Role::CheckBox, !clashes, ticked, format!("Tick {}", kind.title))
        });
        if clashes {
            tick.clone().on_disabled_hover_text("It does not go together with what is ticked.");
        }
        if tick.changed() {
            if ticked {
                state.ticked.insert(kind.id);
            } else {
                state.ticked.remove(kind.id);
            }
        }
        apply_ui(ui, "Apply", &format!("Apply {}", kind.title), &kind.edit, out);
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = 2.0;
            ui.add(egui::Label::new(RichText::new(&kind.title).font(bold(type_size::body()))).wrap());
            let saved = Bytes(u64::try_from(lever.saved_bytes).unwrap_or(0));
            let saves = if saved == Bytes::ZERO {
                format!("saves nothing at the peak in {}, but before it", peak_words(&lever.after))
            } else {
                format!(
                    "saves {}: {} then, peak in {}",
                    saved.display(view.unit()),
                    lever.after.verdict_words(view.unit()),
                    peak_words(&lever.after)
                )
            };
            ui.add(egui::Label::new(format!("{saves}; {}; {}", time(lever.time_change), risk_words(lever))).wrap());
            let source =
                if kind.quality.source.is_empty() { String::new() } else { format!(" ({})", kind.quality.source) };
            muted_ui(ui, view, format!("{}. {}{source}", change_words(&lever.changes), kind.quality.words));
        });
    });
    if ui.rect_contains_pointer(row.response.rect) {
        state.looked_at = Some(kind.id);
    }
}

fn risk_words(lever: &Lever) -> String {
    match lever.kind.quality.risk {
        Risk::None => "no quality risk".to_owned(),
        risk => format!("quality risk {}", risk.word()),
    }
}
