//! Sets of changes that make the plan fit, each applied by one click.

use super::{apply_ui, change_words, muted_ui, peak_words, time};
use crate::app::changes::Changes;
use crate::app::command::Commands;
use crate::estimate::Fit;
use crate::plan::edit::PlanEdit;
use crate::solve::levers::Risk;
use crate::solve::levers::combine::Combination;
use crate::theme::{bold, space, type_size};
use crate::ui::View;
use egui::{RichText, Ui};

/// Draws the sentence and the sets.
pub fn fit_ui(ui: &mut Ui, view: &View<'_>, found: &Changes, out: &mut Commands) {
    if found.way.sets.is_empty() {
        ui.label(&found.way.words);
        return;
    }
    let before = &found.levers.before;
    let offer = match found.way.sets.first().map(|set| set.after.fit) {
        Some(Fit::CannotSay) => "The model was not wholly read; what of it is counted would be within the device with:",
        Some(Fit::Tight) => "Nothing of these makes it fit without more risk; what comes nearest:",
        _ => "Any one of these makes it fit:",
    };
    let words = format!("{}: {}. {offer}", before.fit.word(), before.memory_words(view.unit()));
    ui.add(egui::Label::new(RichText::new(words).font(bold(type_size::body()))).wrap());
    for (index, set) in found.way.sets.iter().enumerate() {
        ui.add_space(space::xs());
        set_ui(ui, view, set, index, out);
    }
}

fn set_ui(ui: &mut Ui, view: &View<'_>, set: &Combination, index: usize, out: &mut Commands) {
    ui.horizontal_top(|ui| {
        let titles: Vec<&str> = set.kinds.iter().map(|kind| kind.title.as_str()).collect();
        let title = titles.join(" + ");
        let edit = PlanEdit::Group(vec![set.edit.clone()], format!("Make it fit: {title}"));
        apply_ui(ui, "Apply", &format!("Apply set {}", index + 1), &edit, out);
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = 2.0;
            ui.add(egui::Label::new(RichText::new(&title).font(bold(type_size::body()))).wrap());
            let risk = match set.risk {
                Risk::None => "no quality risk".to_owned(),
                risk => format!("quality risk {}", risk.word()),
            };
            ui.add(
                egui::Label::new(format!(
                    "{} then, peak in {}; {}; {risk}",
                    set.after.verdict_words(view.unit()),
                    peak_words(&set.after),
                    time(set.time_change)
                ))
                .wrap(),
            );
            muted_ui(ui, view, change_words(&set.changes));
            for kind in set.kinds.iter().filter(|kind| kind.quality.risk != Risk::None) {
                let source =
                    if kind.quality.source.is_empty() { String::new() } else { format!(" ({})", kind.quality.source) };
                muted_ui(ui, view, format!("{}: {}{source}", kind.title, kind.quality.words));
            }
        });
    });
}
