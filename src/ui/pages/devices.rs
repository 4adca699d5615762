//! Every device of a plan: what each holds, what is cut and what is repeated, the schedule of a pipeline.

use crate::app::command::{Command, Commands, LookCommand};
use crate::estimate::Subject;
use crate::estimate::sharding::Devices;
use crate::plan::Workload;
use crate::plan::edit::PlanEdit;
use crate::plan::field::FieldValue;
use crate::plan::field::id;
use crate::theme::{bold, space, type_size};
use crate::ui::widgets::device_bars::{DeviceBars, title};
use crate::ui::widgets::schedule::schedule_ui;
use crate::ui::{View, card, card_head};
use crate::units::{Bytes, grouped};
use egui::{Grid, RichText, Ui};

/// Narrower than this the table of shares leaves out a column.
const WIDE_TABLE: f32 = 560.0;

/// Narrower than this a card's head keeps to the unit, and the table to what is here.
const NARROW_CARD: f32 = 360.0;

/// Draws the page.
pub fn devices_ui(ui: &mut Ui, view: &View<'_>, out: &mut Commands) {
    let Some(estimate) = &view.computed.estimate else {
        ui.label("Choose a model that is known: then its devices can be compared.");
        return;
    };
    let Some(devices) = &estimate.devices else {
        alone_ui(ui, view, out);
        return;
    };
    ui.label(RichText::new(headline(devices, view)).font(bold(type_size::title())));
    ui.label(RichText::new(degrees(devices)).color(view.tokens.muted.0));
    card(ui, view.tokens, |ui| {
        head_ui(ui, "Memory of each", &format!("{} · whole process", view.unit().symbol()), view);
        let bars =
            DeviceBars { devices, capacity: estimate.capacity, unit: view.unit(), marked: view.state.session.hovered };
        let touched = bars.show(ui, view.tokens);
        if let Some(component) = touched.clicked {
            out.push(Command::Look(LookCommand::Select(Subject::Component(component))));
        }
        if touched.hovered != view.state.session.hovered {
            out.push(Command::Look(LookCommand::Hover(touched.hovered)));
        }
    });
    ui.add_space(space::xs());
    card(ui, view.tokens, |ui| shares_ui(ui, devices, view));
    if devices.layout.pipeline > 1 && view.state.document.plan.workload == Workload::Training {
        ui.add_space(space::xs());
        card(ui, view.tokens, |ui| {
            card_head(ui, "Pipeline schedule", "time →");
            schedule_ui(ui, devices, view.tokens);
            let note = "Numbers are micro-batches; underlined passes are backward, which takes about twice as long. \
                        What a stage keeps waits on it for backward.";
            ui.label(RichText::new(note).small().color(view.tokens.muted.0));
        });
    }
}

/// Head of a card; in a narrow one only the unit stands at its right.
fn head_ui(ui: &mut Ui, title: &str, beside: &str, view: &View<'_>) {
    let narrow = ui.available_width() < NARROW_CARD;
    card_head(ui, title, if narrow { view.unit().symbol() } else { beside });
}

/// `Device 0 needs most: 32.38 of 47.99 GiB`.
fn headline(devices: &Devices, view: &View<'_>) -> String {
    let Some(worst) = devices.worst_group() else { return String::new() };
    let verb = if worst.ranks == 1 { "needs" } else { "need" };
    let need = worst.process.expected.display(view.unit());
    let peak = worst.peak_phase().map(|phase| format!(", {}", phase.kind.label().to_lowercase())).unwrap_or_default();
    if devices.groups.len() == 1 {
        return format!("Every device needs {need}{peak}");
    }
    format!("{} {verb} most: {need}{peak}", title(worst, devices))
}

/// `8 devices: 2 see different data, 2 per matrix, 2 stages`.
fn degrees(devices: &Devices) -> String {
    let layout = &devices.layout;
    let all = layout.per_stage().saturating_mul(layout.pipeline);
    let mut words = vec![format!("{} devices", grouped(all))];
    for (degree, what) in [
        (layout.data, "see different data"),
        (layout.shard, "share one copy"),
        (layout.tensor, "per matrix"),
        (layout.context, "per sequence"),
        (layout.expert, "per set of experts"),
        (layout.pipeline, "stages"),
    ] {
        if degree > 1 {
            words.push(format!("{} {what}", grouped(degree)));
        }
    }
    words.join(" · ")
}

/// What is cut, what is repeated, what waits on the host.
fn shares_ui(ui: &mut Ui, devices: &Devices, view: &View<'_>) {
    let Some(group) = devices.worst_group() else { return };
    let unit = view.unit();
    head_ui(ui, "What is shared", &format!("{} · {}", title(group, devices).to_lowercase(), unit.symbol()), view);
    let width = ui.available_width();
    let (wide, whole) = (width >= WIDE_TABLE, width >= NARROW_CARD);
    let muted = view.tokens.muted.0;
    Grid::new("shares")
        .num_columns(2 + usize::from(whole) + usize::from(wide))
        .spacing([space::l(), space::xs()])
        .striped(true)
        .show(ui, |ui| {
            for (head, shown) in [("Of", true), ("Whole model", whole), ("Here", true), ("How", wide)] {
                if shown {
                    ui.label(RichText::new(head).small().color(muted));
                }
            }
            ui.end_row();
            for held in &group.held {
                let label = ui.label(held.item.label());
                if whole {
                    ui.label(held.whole.map_or_else(|| "–".to_owned(), |bytes| bytes.number(unit)));
                }
                ui.label(RichText::new(held.here.number(unit)).strong());
                if wide {
                    ui.label(RichText::new(held.words()).color(muted));
                } else {
                    label.on_hover_text(held.words());
                }
                ui.end_row();
            }
        });
    if group.host > Bytes::ZERO || group.disk > Bytes::ZERO {
        ui.add_space(space::xs());
        let disk = if group.disk > Bytes::ZERO {
            format!("; on disk {} each", group.disk.display(unit))
        } else {
            String::new()
        };
        ui.label(format!(
            "Host memory: {} for each device, {} for all{disk}.",
            group.host.display(unit),
            devices.host_total().display(unit)
        ));
    }
}

/// One device holds everything: ways to share.
fn alone_ui(ui: &mut Ui, view: &View<'_>, out: &mut Commands) {
    let count = view.state.document.plan.hardware.count;
    card(ui, view.tokens, |ui| {
        let title = if count > 1 { "The devices share nothing" } else { "One device holds everything" };
        ui.label(RichText::new(title).font(bold(type_size::title())));
        let why = "Several devices can hold a part of the model each, or see different data. Choose how; the settings \
                   then have a section for it.";
        ui.label(RichText::new(why).color(view.tokens.muted.0));
        ui.horizontal_wrapped(|ui| {
            for (label, strategy, devices) in
                [("Cut over 2 (FSDP)", "fsdp", 2), ("Cut over 8 (FSDP)", "fsdp", 8), ("2 copies (DDP)", "ddp", 2)]
            {
                if ui.button(label).clicked() {
                    let edits = vec![
                        PlanEdit::Set(id::HARDWARE_COUNT, FieldValue::Integer(devices)),
                        PlanEdit::Set(id::PARALLELISM_STRATEGY, FieldValue::Id(strategy.to_owned())),
                    ];
                    out.push(Command::Edit(PlanEdit::Group(edits, label.to_owned())));
                }
            }
            if ui.button("Activations in host memory").clicked() {
                let id = FieldValue::Id("cpu".to_owned());
                out.push(Command::Edit(PlanEdit::Set(id::PARALLELISM_OFFLOAD_ACTIVATIONS, id)));
            }
        });
    });
}
