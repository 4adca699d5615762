//! The pickers of the catalogue: models, devices, formats, profiles.

use super::picker::{Entry, Mark, Picker};
use crate::catalog::{Catalog, Order};
use crate::estimate::Fit;
use crate::estimate::profile::Profiles;
use crate::plan::ModelSource;
use crate::plan::field::{CatalogKind, Field, FieldValue};
use crate::ui::{UiState, View};
use egui::Ui;

/// The picker of a field; what was chosen.
pub(super) fn catalog_ui(
    ui: &mut Ui,
    field: &Field,
    kind: CatalogKind,
    id: &str,
    view: &View<'_>,
    ui_state: &mut UiState,
) -> Option<FieldValue> {
    let current = title_of(kind, id);
    let order = ui.data(|data| data.get_temp::<Order>(order_id())).unwrap_or_default();
    let picker = Picker {
        label: field.label,
        current: &current,
        width: ui.available_width(),
        entries: &|query| entries(kind, query, order),
        mark: &|entry| (kind == CatalogKind::Model).then(|| verdict_of(entry, view)).flatten(),
        head: &|ui| {
            if kind == CatalogKind::Model {
                order_ui(ui, order, view);
            }
        },
    };
    picker.show(ui, &mut ui_state.search, view.tokens).map(FieldValue::Id)
}

fn order_id() -> egui::Id {
    egui::Id::unique("order of the models")
}

/// What people use first, or the smallest first.
fn order_ui(ui: &mut Ui, order: Order, view: &View<'_>) {
    ui.horizontal(|ui| {
        for (choice, label, help) in [
            (
                Order::MostUsed,
                "Most used",
                "Models that stand most often in the lists of unsloth, axolotl and LLaMA-Factory.",
            ),
            (Order::Size, "Smallest", "By the number of parameters."),
        ] {
            if ui.selectable_label(order == choice, view.text(label)).on_hover_text(view.text(help)).clicked() {
                ui.data_mut(|data| data.insert_temp(order_id(), choice));
            }
        }
    });
}

/// What the plan would need with this model, and whether that fits.
fn verdict_of(entry: &Entry, view: &View<'_>) -> Option<Mark> {
    let mut plan = view.state.document.plan.clone();
    plan.model.source = ModelSource::Catalog(entry.id.clone());
    let (needed, fit) = crate::figures::numbers(&plan)?;
    let ink = match fit {
        Fit::Fits => view.tokens.fits.0,
        Fit::Tight | Fit::CannotSay => view.tokens.tight.0,
        Fit::DoesNotFit => view.tokens.over.0,
        Fit::NoDevice => view.tokens.muted.0,
    };
    let words = if fit == Fit::NoDevice { String::new() } else { format!(", {}", fit.in_sentence()) };
    Some(Mark { words: format!("{}{words}", needed.display(view.unit())), ink })
}

fn title_of(kind: CatalogKind, id: &str) -> String {
    let catalog = Catalog::embedded();
    let known = match kind {
        // By the name that was given: another of the same shape stays what it is.
        CatalogKind::Model => catalog.model(id).map(|_| id.to_owned()),
        CatalogKind::Accelerator if id.is_empty() => Some("None chosen".to_owned()),
        CatalogKind::Accelerator => catalog.accelerator(id).map(|entry| entry.name.clone()),
        CatalogKind::LoadFormat | CatalogKind::KvFormat => catalog.format(id).map(|entry| entry.name.clone()),
        CatalogKind::Profile => Profiles::known().get(id).map(|entry| entry.name.clone()),
    };
    known.unwrap_or_else(|| format!("{id} (unknown)"))
}

fn gib(bytes: u64) -> f64 {
    bytes as f64 / (1_u64 << 30) as f64
}

/// Entries of a catalogue for a search text.
pub fn entries(kind: CatalogKind, query: &str, order: Order) -> Vec<Entry> {
    let catalog = Catalog::embedded();
    match kind {
        CatalogKind::Model => catalog
            .search_models(query, order)
            .into_iter()
            .map(|entry| Entry {
                id: entry.id.clone(),
                title: entry.id.clone(),
                detail: crate::units::params_short(entry.params_total),
            })
            .collect(),
        CatalogKind::Accelerator => {
            let none = Entry { id: String::new(), title: "None chosen".to_owned(), detail: String::new() };
            let found = catalog.search_accelerators(query).into_iter().map(|entry| Entry {
                id: entry.id.clone(),
                title: entry.name.clone(),
                detail: format!("{}, {:.1} GiB usable", entry.memory_label(), gib(entry.usable(None).bytes)),
            });
            let machines = catalog.search_instances(query).into_iter().map(|machine| Entry {
                id: machine.name.clone(),
                title: machine.name.clone(),
                detail: format!("{}, {} × {}", machine.cloud, machine.count, machine.accelerator),
            });
            if query.trim().is_empty() {
                std::iter::once(none).chain(found).collect()
            } else {
                found.chain(machines).collect()
            }
        }
        CatalogKind::LoadFormat | CatalogKind::KvFormat => {
            let query = query.to_lowercase();
            catalog
                .formats
                .iter()
                .filter(|format| format.loadable)
                .filter(|format| format.name.to_lowercase().contains(&query) || format.id.contains(&query))
                .map(|format| Entry {
                    id: format.id.clone(),
                    title: format.name.clone(),
                    detail: format!("{:.2} bit", format.effective_bits),
                })
                .collect()
        }
        CatalogKind::Profile => {
            let query = query.to_lowercase();
            Profiles::known()
                .entries
                .iter()
                .filter(|profile| profile.name.to_lowercase().contains(&query))
                .map(|profile| Entry { id: profile.id.clone(), title: profile.name.clone(), detail: String::new() })
                .collect()
        }
    }
}
