//! Menus, undo and redo, tabs, palette, presenting.

use super::tabs;
use crate::app::command::{Command, Commands, FileCommand, MenuCommand, SettingsCommand};
use crate::app::settings::ThemeChoice;
use crate::plan::templates;
use crate::theme::{bold, space, type_size};
use crate::ui::View;
use crate::ui::widgets::icon::{self, Icon};
use crate::units::ByteUnit;
use egui::{Align, Button, Layout, RichText, ScrollArea, Ui};

const FILE: [&[MenuCommand]; 3] = [
    &[MenuCommand::New, MenuCommand::Open, MenuCommand::OpenByPath, MenuCommand::Duplicate, MenuCommand::CloseTab],
    &[MenuCommand::Save, MenuCommand::SaveAs, MenuCommand::SaveByPath],
    &[MenuCommand::OpenModelFile, MenuCommand::OpenModelFolder, MenuCommand::OpenModelByPath, MenuCommand::PasteConfig],
];

const VIEW: [&[MenuCommand]; 3] = [
    &[MenuCommand::Pin, MenuCommand::FindSetting],
    &[MenuCommand::CopyTable, MenuCommand::CopyPicture, MenuCommand::SavePicture, MenuCommand::SavePictureByPath],
    &[MenuCommand::Present, MenuCommand::Spotlight, MenuCommand::FullScreen, MenuCommand::ToggleUnit],
];

const HEIGHT: f32 = 30.0;

/// Narrower than this, the palette and presenting stand in the View menu only.
const ROOM_FOR_ALL: f32 = 860.0;

/// Narrower than this, history and units give their room to the tabs: both stand in menus and the palette.
const ROOM_FOR_HISTORY: f32 = 480.0;

/// Draws the bar.
pub fn top_bar_ui(ui: &mut Ui, view: &View<'_>, out: &mut Commands) {
    let wide = ui.available_width() >= ROOM_FOR_ALL;
    let roomy = ui.available_width() >= ROOM_FOR_HISTORY;
    // A fixed height: otherwise what comes first is centred on a lower row than what comes last.
    let size = egui::vec2(ui.available_width(), HEIGHT);
    ui.allocate_ui_with_layout(size, Layout::left_to_right(Align::Center), |ui| {
        ui.spacing_mut().item_spacing.x = space::xs() + 2.0;
        if wide {
            ui.label(RichText::new("Tuneplan").font(bold(type_size::title())));
        }
        ui.menu_button(view.text("File"), |ui| scrolled(ui, |ui| file_menu_ui(ui, view, out)));
        step_ui(ui, Icon::Undo, MenuCommand::Undo, view, out);
        step_ui(ui, Icon::Redo, MenuCommand::Redo, view, out);
        if roomy {
            let history = ui.menu_button(view.text("History"), |ui| history_ui(ui, view, out));
            history.response.on_hover_text("All steps; a click goes there.");
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = space::xs() + 2.0;
            let menu = ui.menu_button(view.text("View"), |ui| scrolled(ui, |ui| view_menu_ui(ui, view, out)));
            menu.response.on_hover_text("Colours, size, language, pictures, presenting.");
            if wide {
                button_ui(ui, MenuCommand::Present, view, out);
                let key = MenuCommand::Palette.info().shortcut.map(|key| ui.ctx().format_shortcut(&key));
                let palette = ui.button(RichText::new(key.unwrap_or_default()).color(view.tokens.muted.0));
                let info = MenuCommand::Palette.info();
                palette.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, info.title));
                if palette.on_hover_text(info.help).clicked() {
                    out.push(Command::Menu(MenuCommand::Palette));
                }
            }
            if roomy {
                units_ui(ui, view, out);
            }
            // The tabs get what is left between the menus.
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| tabs::tabs_ui(ui, view, out));
        });
    });
}

/// Undo or redo as an icon; the tooltip names the step.
fn step_ui(ui: &mut Ui, icon: Icon, command: MenuCommand, view: &View<'_>, out: &mut Commands) {
    let enabled = command.enabled(view.state);
    let key = command.info().shortcut.map(|key| ui.ctx().format_shortcut(&key)).unwrap_or_default();
    let help = match enabled {
        Ok(()) => format!("{} {key}", command.title_now(view.state)),
        Err(why) => format!("{}: {why}", command.info().title),
    };
    let title = command.info().title;
    if icon::button_ui(ui, icon, title, &help, enabled.is_ok(), view.tokens).clicked() {
        out.push(Command::Menu(command));
    }
}

fn units_ui(ui: &mut Ui, view: &View<'_>, out: &mut Commands) {
    for unit in [ByteUnit::GB, ByteUnit::GiB] {
        let help = match unit {
            ByteUnit::GiB => "2^30 bytes, as nvidia-smi and PyTorch count.",
            ByteUnit::GB => "10^9 bytes, as data sheets count.",
        };
        let chosen = view.unit() == unit;
        if ui.selectable_label(chosen, unit.symbol()).on_hover_text(help).clicked() && !chosen {
            out.push(Command::Settings(SettingsCommand::Unit(unit)));
        }
    }
}

fn history_ui(ui: &mut Ui, view: &View<'_>, out: &mut Commands) {
    let (steps, done) = view.state.document.history.steps();
    if steps.is_empty() {
        ui.weak("Nothing was changed yet.");
        return;
    }
    ScrollArea::vertical().max_height(420.0).show(ui, |ui| {
        let start = ui.selectable_label(done == 0, "As opened");
        if start.clicked() {
            out.push(Command::GoToStep(0));
            ui.close();
        }
        for (place, label) in steps.iter().enumerate() {
            // Steps that were undone stand below, fainter.
            let ink = if place < done { view.tokens.text.0 } else { view.tokens.muted.0 };
            if ui.selectable_label(place + 1 == done, RichText::new(*label).color(ink)).clicked() {
                out.push(Command::GoToStep(place + 1));
                ui.close();
            }
        }
    });
}

/// A menu that is longer than the window scrolls.
fn scrolled(ui: &mut Ui, menu: impl FnOnce(&mut Ui)) {
    let height = ui.ctx().content_rect().height() - 2.0 * HEIGHT;
    // In sight where there is more below, gone where there is not.
    ui.spacing_mut().scroll = egui::style::ScrollStyle::solid();
    ScrollArea::vertical().max_height(height).min_scrolled_height(height).show(ui, menu);
}

fn view_menu_ui(ui: &mut Ui, view: &View<'_>, out: &mut Commands) {
    for group in VIEW {
        for command in group {
            item_ui(ui, *command, view, out);
        }
        ui.separator();
    }
    ui.weak(view.text("Theme"));
    for theme in ThemeChoice::ALL {
        if ui.radio(view.state.settings.theme == theme, view.text(theme.label())).clicked() {
            out.push(Command::Settings(SettingsCommand::Theme(theme)));
            ui.close();
        }
    }
    ui.separator();
    ui.weak(format!("{} {:.0} %", view.text("Size"), view.state.settings.zoom() * 100.0));
    egui::gui_zoom::zoom_menu_buttons(ui);
    ui.separator();
    for command in [MenuCommand::Palette, MenuCommand::Shortcuts, MenuCommand::Settings] {
        item_ui(ui, command, view, out);
    }
}

fn file_menu_ui(ui: &mut Ui, view: &View<'_>, out: &mut Commands) {
    for group in FILE {
        for command in group {
            item_ui(ui, *command, view, out);
        }
        ui.separator();
    }
    ui.menu_button("New from template", |ui| {
        for template in templates() {
            if ui.button(&template.plan.name).on_hover_text(&template.plan.notes).clicked() {
                out.push(Command::NewFromTemplate(template.name));
                ui.close();
            }
        }
    });
    ui.menu_button(view.text("Recent plans"), |ui| {
        if view.state.settings.recent.is_empty() {
            ui.weak("None yet.");
        }
        for path in &view.state.settings.recent {
            if ui.button(path.display().to_string()).clicked() {
                out.push(Command::File(FileCommand::OpenPlan(path.clone())));
                ui.close();
            }
        }
    });
    ui.separator();
    item_ui(ui, MenuCommand::Quit, view, out);
}

/// A command as a line of a menu; greyed out with the reason where it cannot be done.
fn item_ui(ui: &mut Ui, command: MenuCommand, view: &View<'_>, out: &mut Commands) {
    let info = command.info();
    let enabled = command.enabled(view.state);
    let key = info.shortcut.map(|shortcut| ui.ctx().format_shortcut(&shortcut)).unwrap_or_default();
    let title = title_now(command, view);
    let response = ui.add_enabled(enabled.is_ok(), Button::new(title).shortcut_text(key));
    let response = match enabled {
        Ok(()) => response.on_hover_text(info.help),
        Err(why) => response.on_disabled_hover_text(why),
    };
    if response.clicked() {
        out.push(Command::Menu(command));
        ui.close();
    }
}

/// A command as a button of the bar.
fn button_ui(ui: &mut Ui, command: MenuCommand, view: &View<'_>, out: &mut Commands) {
    let info = command.info();
    if ui.button(view.text(info.title)).on_hover_text(info.help).clicked() {
        out.push(Command::Menu(command));
    }
}

/// The present name of a command in the language of the window.
fn title_now(command: MenuCommand, view: &View<'_>) -> String {
    let english = command.info().title;
    let now = command.title_now(view.state);
    if now == english { view.text(english).to_owned() } else { now }
}
