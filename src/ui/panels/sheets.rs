//! The sheet of keys and the settings of the person.

use super::dialog::head_ui;
use crate::app::command::{Answer, Command, Commands, MenuCommand, SettingsCommand};
use crate::app::menu::Group;
use crate::app::page::Page;
use crate::app::settings::ThemeChoice;
use crate::text::Language;
use crate::theme::{bold, space, type_size};
use crate::ui::View;
use crate::units::ByteUnit;
use egui::{Grid, RichText, ScrollArea, Slider, TextEdit, Ui};

/// Sizes that the slider offers, in per cent.
const ZOOM: std::ops::RangeInclusive<f32> = 80.0..=200.0;

/// Least width of the column of keys, so that most groups stand in line.
const KEYS: f32 = 120.0;
/// Keys that are no menu commands.
const MORE_KEYS: [(&str, &str); 6] = [
    ("Ctrl+1 … Ctrl+9", "Show a page of the rail"),
    ("Ctrl+ +, Ctrl+ −, Ctrl+0", "Enlarge, reduce, reset the size"),
    ("Ctrl+V", "Paste a config.json, a plan, a path or a model's name, while no text is typed"),
    ("Tab, Shift+Tab", "Go to the next or previous control"),
    ("Enter, Space", "Press what has the focus"),
    ("Escape", "Close a sheet; stop presenting"),
];

/// All keys, from the table of commands.
pub fn shortcuts_ui(ui: &mut Ui, view: &View<'_>, out: &mut Commands) {
    head_ui(ui, view.text("Keyboard shortcuts"));
    let height = ui.ctx().content_rect().height() - 180.0;
    // That there is more below must be seen.
    ui.spacing_mut().scroll = egui::style::ScrollStyle::solid();
    ScrollArea::vertical().max_height(height).show(ui, |ui| {
        for group in Group::ALL {
            ui.label(RichText::new(view.text(group.title())).font(bold(type_size::body())).color(view.tokens.muted.0));
            Grid::new(("keys", group.title()))
                .num_columns(2)
                .min_col_width(KEYS)
                .spacing([space::xl(), space::xs()])
                .show(ui, |ui| {
                    for command in MenuCommand::of(group) {
                        let info = command.info();
                        let keys: Vec<String> = command.shortcuts().map(|key| ui.ctx().format_shortcut(&key)).collect();
                        if !keys.is_empty() {
                            key_ui(ui, &keys.join(", "), view.text(info.title), info.help, view);
                        }
                    }
                });
            ui.add_space(space::s());
        }
        Grid::new("keys-more").num_columns(2).min_col_width(KEYS).spacing([space::xl(), space::xs()]).show(ui, |ui| {
            for (key, what) in MORE_KEYS {
                key_ui(ui, key, what, "", view);
            }
        });
    });
    close_ui(ui, out);
}

fn key_ui(ui: &mut Ui, key: &str, what: &str, help: &str, view: &View<'_>) {
    ui.label(RichText::new(key).font(bold(type_size::body())));
    ui.horizontal_wrapped(|ui| {
        ui.label(what);
        ui.label(RichText::new(help).color(view.tokens.muted.0));
    });
    ui.end_row();
}

/// Theme, unit, size, language, name.
pub fn settings_ui(ui: &mut Ui, view: &View<'_>, out: &mut Commands) {
    let settings = &view.state.settings;
    head_ui(ui, view.text("Settings"));
    ui.label(RichText::new("Yours on this machine; plans do not carry them.").color(view.tokens.muted.0));
    ui.add_space(space::s());
    Grid::new("settings-grid").num_columns(2).spacing([space::xl(), space::s()]).show(ui, |ui| {
        ui.label(view.text("Theme"));
        ui.horizontal_wrapped(|ui| {
            for theme in ThemeChoice::ALL {
                if ui.radio(settings.theme == theme, view.text(theme.label())).clicked() {
                    out.push(Command::Settings(SettingsCommand::Theme(theme)));
                }
            }
        });
        ui.end_row();
        ui.label(view.text("Unit of memory"));
        ui.horizontal(|ui| {
            for (unit, what) in [(ByteUnit::GiB, "GiB, 2^30 bytes"), (ByteUnit::GB, "GB, 10^9 bytes")] {
                if ui.radio(settings.unit == unit, what).clicked() {
                    out.push(Command::Settings(SettingsCommand::Unit(unit)));
                }
            }
        });
        ui.end_row();
        ui.label(view.text("Language"));
        ui.horizontal(|ui| {
            for language in Language::ALL {
                if ui.radio(settings.language == language, language.label()).clicked() {
                    out.push(Command::Settings(SettingsCommand::Language(language)));
                }
            }
        });
        ui.end_row();
        let size = ui.label(view.text("Size"));
        let mut percent = settings.zoom() * 100.0;
        let slider = ui.add(Slider::new(&mut percent, ZOOM).step_by(10.0).suffix(" %").update_while_editing(false));
        // While it is dragged it must not move away under the pointer.
        if slider.labelled_by(size.id).drag_stopped()
            || (slider_changed_by_key(ui) && percent != settings.zoom() * 100.0)
        {
            out.push(Command::Settings(SettingsCommand::Zoom(percent / 100.0)));
        }
        ui.end_row();
        let name = ui.label(view.text("Your name"));
        let mut author = settings.author.clone();
        let field = ui.add(TextEdit::singleline(&mut author).hint_text("on exported pictures and tables"));
        if field.labelled_by(name.id).changed() {
            out.push(Command::Settings(SettingsCommand::Author(author)));
        }
        ui.end_row();
    });
    close_ui(ui, out);
}

fn slider_changed_by_key(ui: &Ui) -> bool {
    ui.input(|input| !input.pointer.any_down())
}

fn close_ui(ui: &mut Ui, out: &mut Commands) {
    ui.add_space(space::m());
    if ui.button("Close").clicked() {
        out.push(Command::Answer(Answer::Cancel));
    }
}

/// Key of a page, as the sheet and the rail's tooltip name it.
pub fn page_key(page: Page) -> Option<String> {
    let place = Page::ALL.into_iter().position(|other| other == page)?;
    (place < 9).then(|| format!("Ctrl+{}", place + 1))
}
