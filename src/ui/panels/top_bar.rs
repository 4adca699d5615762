//! Name, menus, undo and redo, unit and theme.

use crate::app::command::{Command, Commands, MenuCommand};
use crate::app::settings::ThemeChoice;
use crate::plan::templates;
use crate::ui::View;
use crate::ui::theme::{bold, type_size};
use crate::units::ByteUnit;
use egui::{Align, Layout, RichText, Ui};

const FILE: [MenuCommand; 8] = [
    MenuCommand::New,
    MenuCommand::Open,
    MenuCommand::OpenByPath,
    MenuCommand::Save,
    MenuCommand::SaveAs,
    MenuCommand::SaveByPath,
    MenuCommand::OpenModelFile,
    MenuCommand::OpenModelFolder,
];

/// Room right of the menus in which titles of plans and keys find place, in points.
const ROOM_FOR_KEYS: f32 = 620.0;

/// Where a command's key is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keys {
    Beside,
    InTooltip,
}

/// Draws the bar.
pub fn top_bar_ui(ui: &mut Ui, view: &View<'_>, out: &mut Commands) {
    ui.horizontal(|ui| {
        ui.label(RichText::new("Tuneplan").font(bold(type_size::TITLE)));
        ui.menu_button("File", |ui| file_menu_ui(ui, view, out));
        // A narrow bar keeps its room for the title; the keys stand in the tooltip.
        let keys = if ui.available_width() < ROOM_FOR_KEYS { Keys::InTooltip } else { Keys::Beside };
        item_ui(ui, MenuCommand::Undo, keys, view, out);
        item_ui(ui, MenuCommand::Redo, keys, view, out);
        let dirty = if view.state.document.is_dirty() { " ●" } else { "" };
        let title = format!("{}{dirty}", view.state.document.title());
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.menu_button("View", |ui| view_menu_ui(ui, view, out)).response.on_hover_text("Colours and size.");
            for unit in [ByteUnit::GB, ByteUnit::GiB] {
                let help = match unit {
                    ByteUnit::GiB => "2^30 bytes, as nvidia-smi and PyTorch count.",
                    ByteUnit::GB => "10^9 bytes, as data sheets count.",
                };
                let chosen = view.unit() == unit;
                if ui.selectable_label(chosen, unit.symbol()).on_hover_text(help).clicked() && !chosen {
                    out.push(Command::SetUnit(unit));
                }
            }
            // The name gets what is left between the menus.
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                ui.add(egui::Label::new(RichText::new(title).font(bold(type_size::BODY))).truncate());
            });
        });
    });
}

fn view_menu_ui(ui: &mut Ui, view: &View<'_>, out: &mut Commands) {
    ui.weak("Theme");
    for theme in ThemeChoice::ALL {
        if ui.radio(view.state.settings.theme == theme, theme.label()).clicked() {
            out.push(Command::SetTheme(theme));
            ui.close();
        }
    }
    ui.separator();
    ui.weak(format!("Size {:.0} %", ui.ctx().zoom_factor() * 100.0));
    egui::gui_zoom::zoom_menu_buttons(ui);
}

fn file_menu_ui(ui: &mut Ui, view: &View<'_>, out: &mut Commands) {
    for command in FILE.into_iter().chain([MenuCommand::OpenModelByPath]) {
        item_ui(ui, command, Keys::Beside, view, out);
        if matches!(command, MenuCommand::SaveByPath) {
            ui.separator();
        }
    }
    ui.separator();
    ui.menu_button("New from template", |ui| {
        for template in templates() {
            if ui.button(&template.plan.name).on_hover_text(&template.plan.notes).clicked() {
                out.push(Command::NewFromTemplate(template.name));
                ui.close();
            }
        }
    });
    ui.menu_button("Recent plans", |ui| {
        if view.state.settings.recent.is_empty() {
            ui.weak("None yet.");
        }
        for path in &view.state.settings.recent {
            if ui.button(path.display().to_string()).clicked() {
                out.push(Command::OpenPlan(path.clone()));
                ui.close();
            }
        }
    });
    ui.separator();
    item_ui(ui, MenuCommand::Quit, Keys::Beside, view, out);
}

/// A command as a button; greyed out with the reason where it cannot be done.
fn item_ui(ui: &mut Ui, command: MenuCommand, keys: Keys, view: &View<'_>, out: &mut Commands) {
    let info = command.info();
    let enabled = command.enabled(view.state);
    let key = info.shortcut.map(|shortcut| ui.ctx().format_shortcut(&shortcut)).unwrap_or_default();
    let mut button = egui::Button::new(info.title);
    if keys == Keys::Beside {
        button = button.shortcut_text(key.clone());
    }
    let response = ui.add_enabled(enabled.is_ok(), button);
    let what = match command {
        MenuCommand::Undo => view.state.document.history.undo_label(),
        MenuCommand::Redo => view.state.document.history.redo_label(),
        _ => None,
    };
    let help = what.map_or_else(|| info.help.to_owned(), |label| format!("{}: {label}", info.title));
    let help = if keys == Keys::InTooltip { format!("{help} {key}") } else { help };
    let response = match enabled {
        Ok(()) => response.on_hover_text(help),
        Err(why) => response.on_disabled_hover_text(why),
    };
    if response.clicked() {
        out.push(Command::Menu(command));
        ui.close();
    }
}
