//! What is on screen: panels that show a view and return commands; they never change a plan, block or read files.

use crate::app::command::{Command, Commands, FileCommand, LookCommand, MenuCommand};
use crate::app::computed::Computed;
use crate::app::page::Page;
use crate::app::places;
use crate::app::state::State;
use crate::theme::{self, Tokens, space};
use crate::units::ByteUnit;
use egui::{CentralPanel, Frame, Margin, Panel, ScrollArea, Ui};
use std::path::PathBuf;

pub mod pages;
pub mod panels;
pub mod pictured;
pub mod widgets;

use panels::{dialog, explanation, presenter, rail, settings, status, top_bar};
pub use pictured::{PanelName, Part, chart_part_ui, part_ui};

/// Everything a panel may look at.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// Plan, settings, selection.
    pub state: &'a State,
    /// Estimate and remarks.
    pub computed: &'a Computed,
    /// Colours.
    pub tokens: &'a Tokens,
}

impl View<'_> {
    /// Unit of memory.
    pub const fn unit(&self) -> ByteUnit {
        self.state.settings.unit
    }

    /// `english` in the language of the window.
    pub fn text(&self, english: &'static str) -> &'static str {
        self.state.settings.language.text(english)
    }
}

/// What only the screen remembers: texts being typed.
#[derive(Clone, Debug, Default)]
pub struct UiState {
    /// Search text of the picker that is open.
    pub search: String,
    /// Field whose text is being typed, and the text.
    pub typing: Option<(crate::plan::field::FieldId, String)>,
    /// What is tried on the page of formats.
    pub formats: pages::formats::state::FormatsState,
    /// What is looked at and typed on the page of the decision.
    pub decide: pages::decide::DecideState,
    /// What is chosen on the page of the preview.
    pub preview: pages::preview::PreviewState,
    /// What is looked at on the page of methods.
    pub method: pages::method::MethodState,
    /// What is chosen on the page of changes.
    pub change: pages::change::ChangeState,
    /// What was compared.
    pub compare: pages::compare::CompareState,
    /// What is being typed on the page "Accuracy".
    pub sure: pages::sure::SureState,
    /// Figure of time that is explained.
    pub time_subject: Option<crate::estimate::time::TimeSubject>,
    /// Setting under the pointer in this frame.
    pub hovered_field: Option<crate::plan::field::FieldId>,
    /// Search text over the settings.
    pub setting_search: String,
    /// Requests to search the settings that were followed: [`crate::app::state::Session::searches`].
    pub searches_seen: u64,
    /// Search text and chosen line of the palette.
    pub palette: panels::palette::PaletteState,
    /// The shown plan as it is has a recovery copy on disk.
    pub has_copy: bool,
    /// The notice that is shown: its number, and since when, in the window's seconds.
    pub notice_since: Option<(u64, f64)>,
}

/// How many columns there is room for. A small window or a large zoom puts panels under the picture, so that nothing
/// is squeezed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Panes {
    /// Everything under everything.
    One,
    /// Settings; picture and explanation.
    Two,
    /// Settings, picture, explanation.
    Three,
}

impl Panes {
    const fn for_width(points: f32) -> Self {
        match points {
            1000.0.. => Self::Three,
            640.0.. => Self::Two,
            _ => Self::One,
        }
    }
}

/// The whole window.
pub fn window_ui(ui: &mut Ui, view: &View<'_>, ui_state: &mut UiState, out: &mut Commands) {
    widgets::number::note_escape(ui.ctx());
    let asked = keys(ui, view);
    // Who watches a shared screen wants the picture, not the workshop: menus, paths and notices wait.
    if !view.state.session.presenting {
        Panel::top("top-bar")
            .frame(Frame::new().fill(view.tokens.panel.0).inner_margin(Margin::symmetric(16, 8)))
            .show(ui, |ui| top_bar::top_bar_ui(ui, view, out));
        Panel::bottom("status")
            .frame(Frame::new().fill(view.tokens.panel.0).inner_margin(Margin::symmetric(16, 6)))
            .show(ui, |ui| status::status_ui(ui, view, ui_state, out));
    }
    if view.state.session.messages.errors(view.state.document.id).next().is_some() {
        Panel::bottom("errors")
            .frame(Frame::new().fill(view.tokens.raised.0).inner_margin(Margin::symmetric(16, 8)))
            .show(ui, |ui| status::errors_ui(ui, view, out));
    }
    if view.state.session.presenting {
        presenter::presenter_ui(ui, view, out);
    } else {
        panes_ui(ui, view, ui_state, out);
    }
    dialog::dialog_ui(ui, view, ui_state, out);
    drop_overlay_ui(ui, view);
    // A pointer or key that is down may be in the middle of a drag; once all are up the step is closed.
    let busy = ui.input(|input| input.pointer.any_down() || !input.keys_down.is_empty());
    if !busy {
        out.push(Command::EndGesture);
    }
    // Behind the edits of this frame: what was being typed when the key was pressed belongs to the plan by then.
    out.extend(asked);
}

/// Rail, settings, page, explanation.
fn panes_ui(ui: &mut Ui, view: &View<'_>, ui_state: &mut UiState, out: &mut Commands) {
    let side = Frame::new().fill(view.tokens.panel.0).inner_margin(Margin::symmetric(16, 12));
    let width = ui.available_width();
    let panes = Panes::for_width(width);
    if panes == Panes::Three {
        Panel::left("rail")
            .frame(Frame::new().fill(view.tokens.panel.0).inner_margin(Margin::symmetric(4, 12)))
            .exact_size(rail::WIDTH)
            .resizable(false)
            .show(ui, |ui| rail::rail_ui(ui, view, out));
    }
    // Neither the start page nor the decision is about the settings of a plan.
    let beside = !matches!(view.state.session.page, Page::Start | Page::Decide);
    if panes != Panes::One && beside {
        Panel::left("settings")
            .frame(side)
            .default_size((width * 0.24).clamp(300.0, 328.0))
            .size_range(296.0..=440.0)
            .show(ui, |ui| {
                ScrollArea::vertical().id_salt("settings-scroll").auto_shrink(false).show(ui, |ui| {
                    // Room for the scroll bar beside the controls.
                    ui.set_width(ui.available_width() - space::s());
                    settings::settings_ui(ui, view, ui_state, out);
                });
            });
    }
    // The explanation is of memory. Pages about other things explain within themselves, and need the room.
    let explained = match view.state.session.page {
        Page::Memory | Page::Change | Page::Sure | Page::Devices | Page::Steps => true,
        Page::Start
        | Page::Compare
        | Page::Decide
        | Page::Preview
        | Page::Time
        | Page::Serving
        | Page::Method
        | Page::Formats => false,
    };
    if panes == Panes::Three && explained {
        Panel::right("explanation")
            .frame(side)
            .default_size((width * 0.2).clamp(260.0, 304.0))
            .size_range(260.0..=440.0)
            .show(ui, |ui| {
                ScrollArea::vertical().id_salt("explanation-scroll").auto_shrink(false).show(ui, |ui| {
                    ui.set_width(ui.available_width() - space::s());
                    explanation::explanation_ui(ui, view, out);
                });
            });
    }
    let centre = Frame::new().fill(view.tokens.ground.0).inner_margin(Margin::same(16));
    CentralPanel::default().frame(centre).show(ui, |ui| {
        ScrollArea::vertical().id_salt("centre-scroll").auto_shrink(false).show(ui, |ui| {
            // Room for the scroll bar beside the cards.
            ui.set_width(ui.available_width() - space::s());
            if panes != Panes::Three {
                rail::across_ui(ui, view, out);
            }
            pages::page_ui(ui, view, ui_state, out);
            if panes != Panes::Three && explained {
                explanation::explanation_ui(ui, view, out);
            }
            if panes == Panes::One && beside {
                settings::settings_ui(ui, view, ui_state, out);
            }
        });
    });
}

/// What a file held over the window would do.
fn drop_overlay_ui(ui: &Ui, view: &View<'_>) {
    let names: Vec<String> = ui.input(|input| {
        let files = &input.raw.hovered_files;
        files
            .iter()
            .map(|file| file.path.as_deref().map_or_else(String::new, |path| path.display().to_string()))
            .collect()
    });
    if names.is_empty() {
        return;
    }
    let painter = ui.ctx().layer_painter(egui::LayerId::new(egui::Order::Foreground, egui::Id::unique("drop-overlay")));
    let rect = ui.ctx().content_rect();
    painter.rect_filled(rect, 0, view.tokens.ground.0.gamma_multiply(0.88));
    painter.rect_stroke(
        rect.shrink(24.0),
        theme::RADIUS,
        egui::Stroke::new(2.0, view.tokens.accent.0),
        egui::StrokeKind::Inside,
    );
    let what = match names.first().map(|name| places::command_for_file(PathBuf::from(name))) {
        Some(Command::File(FileCommand::OpenPlan(_))) => "Drop to open the plan in a tab",
        _ => "Drop to read the model: config.json, safetensors, GGUF or a folder",
    };
    let title = theme::bold(theme::type_size::figure());
    painter.text(rect.center(), egui::Align2::CENTER_BOTTOM, what, title, view.tokens.text.0);
    let font = egui::FontId::proportional(theme::type_size::body());
    let below = rect.center() + egui::vec2(0.0, space::s());
    painter.text(below, egui::Align2::CENTER_TOP, names.join("  "), font, view.tokens.muted.0);
}

/// Commands whose keys were pressed. Keys that also move in a text field are left to it; any other ends what is being
/// typed first, as if the field had been left.
fn keys(ui: &Ui, view: &View<'_>) -> Commands {
    let mut asked = Commands::new();
    if view.state.session.dialog.is_some() {
        return asked;
    }
    let typing = ui.ctx().text_edit_focused();
    let palette = egui::KeyboardShortcut::new(egui::Modifiers::COMMAND | egui::Modifiers::SHIFT, egui::Key::K);
    if ui.input_mut(|input| input.consume_shortcut(&palette)) {
        asked.push(Command::Menu(MenuCommand::Palette));
    }
    let help = !typing
        && ui.input(|input| input.events.iter().any(|event| matches!(event, egui::Event::Text(text) if text == "?")));
    if help {
        asked.push(Command::Menu(MenuCommand::Shortcuts));
    }
    if view.state.session.presenting
        && ui.input_mut(|input| input.consume_key(egui::Modifiers::NONE, egui::Key::Escape))
    {
        asked.push(Command::Menu(MenuCommand::Present));
    }
    page_keys(ui, &mut asked);
    for command in MenuCommand::ALL {
        let belongs_to_text = matches!(command, MenuCommand::Undo | MenuCommand::Redo);
        if typing && belongs_to_text {
            continue;
        }
        if command.shortcuts().any(|shortcut| ui.input_mut(|input| input.consume_shortcut(&shortcut))) {
            asked.push(Command::Menu(command));
        }
    }
    if typing && !asked.is_empty() {
        finish_typing(ui.ctx());
    }
    asked
}

/// Takes the focus away from the text that is being typed: its field takes the text over in this frame.
pub fn finish_typing(ctx: &egui::Context) {
    if let Some(focused) = ctx.memory(egui::Memory::focused).filter(|_| ctx.text_edit_focused()) {
        ctx.memory_mut(|memory| memory.surrender_focus(focused));
    }
}

/// `Ctrl+1` shows the first page, and so on.
fn page_keys(ui: &Ui, asked: &mut Commands) {
    const DIGITS: [egui::Key; 9] = [
        egui::Key::Num1,
        egui::Key::Num2,
        egui::Key::Num3,
        egui::Key::Num4,
        egui::Key::Num5,
        egui::Key::Num6,
        egui::Key::Num7,
        egui::Key::Num8,
        egui::Key::Num9,
    ];
    for (page, key) in Page::ALL.into_iter().zip(DIGITS) {
        if ui.input_mut(|input| input.consume_key(egui::Modifiers::COMMAND, key)) {
            asked.push(Command::Look(LookCommand::Page(page)));
        }
    }
}

/// A card on the ground.
pub fn card<R>(ui: &mut Ui, tokens: &Tokens, content: impl FnOnce(&mut Ui) -> R) -> R {
    Frame::new()
        .fill(tokens.panel.0)
        .stroke(egui::Stroke::new(1.0, tokens.line.0))
        .corner_radius(theme::RADIUS)
        .inner_margin(Margin::same(16))
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            content(ui)
        })
        .inner
}

/// Head of a card: title left, unit right; one under the other where there is no room for both.
pub fn card_head(ui: &mut Ui, title: &str, unit: &str) {
    let font = theme::bold(theme::type_size::title() - 1.0);
    let width = |text: &str, font: egui::FontId| {
        ui.painter().layout_no_wrap(text.to_owned(), font, egui::Color32::PLACEHOLDER).size().x
    };
    let both = width(title, font.clone()) + width(unit, egui::TextStyle::Body.resolve(ui.style())) + space::l();
    let title = egui::Label::new(egui::RichText::new(title).font(font)).wrap();
    if both > ui.available_width() {
        ui.add(title);
        ui.add(egui::Label::new(egui::RichText::new(unit).weak()).wrap());
    } else {
        ui.horizontal(|ui| {
            ui.add(title);
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| ui.weak(unit));
        });
    }
    ui.add_space(space::xs());
}

/// Small upper-case head of a section.
pub fn section_head(ui: &mut Ui, tokens: &Tokens, title: &str) {
    ui.add_space(space::m());
    ui.label(
        egui::RichText::new(title.to_uppercase()).font(theme::bold(theme::type_size::small())).color(tokens.muted.0),
    );
}
