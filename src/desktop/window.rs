//! The window: eframe around state, runtime and panels.

use crate::app::clipboard::{self, Clip, Copied};
use crate::app::command::{Command, Commands, FileCommand, LookCommand, MessageCommand, SettingsCommand};
use crate::app::computed::Computed;
use crate::app::dispatch;
use crate::app::effect::Effect;
use crate::app::page::Page;
use crate::app::places::{self, Places};
use crate::app::recovery::Journal;
use crate::app::settings::Settings;
use crate::app::state::{Dialog, State};
use crate::catalog::Catalog;
use crate::desktop::first_frame::{OneFrame, Stay};
use crate::desktop::runtime::Runtime;
use crate::desktop::theme_files::ThemeFiles;
use crate::documents::store;
use crate::estimate::profile::Profiles;
use crate::estimate::{Component, Subject};
use crate::files;
use crate::plan::field::FieldId;
use crate::plan::templates;
use crate::theme;
use crate::ui::{self, View};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Why the window did not open.
#[derive(Debug, thiserror::Error)]
pub enum WindowError {
    /// There is no display to open it on.
    #[error("no display was found")]
    NoDisplay,
    /// The plan named on the command line cannot be read.
    #[error(transparent)]
    Plan(#[from] store::StoreError),
    /// The system refused for another reason.
    #[error("the window could not be opened: {0}")]
    System(String),
}

/// Opens the window and returns when it is closed.
pub fn run(path: Option<&Path>, stay: Stay) -> Result<(), WindowError> {
    // Whole, so that it means the same among recent plans at the next start.
    let whole = |path: &Path| std::path::absolute(path).unwrap_or_else(|_error| path.to_owned());
    let plan = path.map(|path| store::open_plan(path).map(|opened| (whole(path), opened))).transpose()?;
    if !has_display() {
        return Err(WindowError::NoDisplay);
    }
    read_ahead();
    let options = eframe::NativeOptions {
        viewport: egui::ViewportBuilder::default()
            .with_title("Tuneplan")
            .with_app_id("tuneplan")
            .with_inner_size([1280.0, 800.0])
            .with_min_inner_size([900.0, 600.0]),
        renderer: eframe::Renderer::Glow,
        ..Default::default()
    };
    let start = move |cc: &eframe::CreationContext<'_>| {
        let ctx = cc.egui_ctx.clone();
        let settings_path = Settings::default_path();
        let mut runtime = Runtime::new(settings_path.clone(), move || ctx.request_repaint());
        if let Some(root) = Journal::default_root() {
            runtime.keep_recovery(&root);
            runtime.write_recovery_on_panic();
        }
        runtime.watch_files();
        let today = today();
        let mut app = App::new(&cc.egui_ctx, runtime, settings_path.as_deref());
        app.state.session.today = today;
        app.state.session.places = Places::of_this_run();
        clear_up(&app.state.settings, settings_path.as_deref());
        app.send(match plan {
            Some((path, opened)) => Command::File(FileCommand::PlanRead(path, Box::new(Ok(opened)))),
            None => Command::Look(LookCommand::Page(Page::Start)),
        });
        let app: Box<dyn eframe::App> = Box::new(app);
        Ok(if stay == Stay::OneFrame { Box::new(OneFrame::of(app)) } else { app })
    };
    eframe::run_native("Tuneplan", options, Box::new(start)).map_err(|error| WindowError::System(error.to_string()))
}

/// Today in universal time, `YYYY-MM-DD`; empty where the clock stands before 1970.
pub fn today() -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map(|since| day(since.as_secs() / 86_400)).unwrap_or_default()
}

/// The day this many days after 1970-01-01, by the calendar of 400 years that begins in March.
fn day(since_1970: u64) -> String {
    let days = since_1970 + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let march_month = (5 * of_year + 2) / 153;
    let date = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = era * 400 + year + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{date:02}")
}

/// Removes what saves of programs that were killed left beside the settings and the plans used lately. On a thread: a
/// folder may be on a disk that is slow or gone.
fn clear_up(settings: &Settings, settings_path: Option<&Path>) {
    let files = settings_path.into_iter().chain(settings.recent.iter().map(PathBuf::as_path));
    let folders: BTreeSet<PathBuf> = files.filter_map(Path::parent).map(Path::to_owned).collect();
    let clean = move || folders.iter().for_each(|folder| files::clean(folder));
    // Without the thread it is done at the next save there.
    let _ = std::thread::Builder::new().name("clear-up".to_owned()).spawn(clean);
}

/// Reads the catalogues while the system makes the window: the first use waits until reading is done.
fn read_ahead() {
    let read = || {
        Catalog::embedded();
        Profiles::known();
        templates();
    };
    // Without the thread they are read when they are needed.
    let _ = std::thread::Builder::new().name("read-catalogues".to_owned()).spawn(read);
}

/// Whether there is anything to open a window on. Only Linux and other Unix systems can be without.
fn has_display() -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !cfg!(all(unix, not(target_os = "macos"))) || set("DISPLAY") || set("WAYLAND_DISPLAY") || set("WAYLAND_SOCKET")
}

/// The program in a window.
pub struct App {
    state: State,
    runtime: Runtime,
    computed: Computed,
    ui_state: ui::UiState,
    installed_theme: Option<theme::Theme>,
    theme_files: Option<ThemeFiles>,
    seen_zoom: f32,
    installed_zoom: f32,
    installed_enlarged: f32,
    title: String,
    /// The window was asked to close in this frame.
    close_requested: bool,
    /// For clipboard and screen, which egui owns.
    ctx: egui::Context,
}

/// How much larger everything is while presenting in a window of this height: half as large again where verdict, bar and
/// the figure of every component stay in sight.
pub fn presenter_zoom(height: f32) -> f32 {
    (height / 560.0).clamp(1.0, 1.5)
}

impl App {
    /// A program with the settings of `settings_path`.
    pub fn new(ctx: &egui::Context, runtime: Runtime, settings_path: Option<&Path>) -> Self {
        theme::fonts::install(ctx);
        // Quitting goes through the question about unsaved changes.
        ctx.options_mut(|options| options.quit_shortcuts.clear());
        let mut state = State::default();
        if let Some((settings, complaint)) = settings_path.map(Settings::load) {
            state.settings = settings;
            if let Some(text) = complaint {
                dispatch(&mut state, Command::Message(MessageCommand::Tell(text)));
            }
        }
        let computed = Computed::of(&state);
        Self {
            state,
            runtime,
            computed,
            ui_state: ui::UiState::default(),
            installed_theme: None,
            theme_files: ThemeFiles::of_source(),
            seen_zoom: 1.0,
            installed_zoom: 1.0,
            installed_enlarged: 1.0,
            title: String::new(),
            close_requested: false,
            ctx: ctx.clone(),
        }
    }

    /// The state, for tests.
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// What was computed for it, for tests.
    pub const fn computed(&self) -> &Computed {
        &self.computed
    }

    /// What only the screen remembers: for tests that turn to a tab.
    pub const fn ui_state_mut(&mut self) -> &mut ui::UiState {
        &mut self.ui_state
    }

    /// Carries out a command and starts what follows from it.
    pub fn send(&mut self, command: Command) {
        for effect in dispatch(&mut self.state, command) {
            match effect {
                Effect::Copy(what, Clip::Text(text)) if clipboard::only_through_window() => {
                    self.ctx.copy_text(text);
                    self.send(Command::Copied(what, Copied::HandedOver));
                }
                Effect::FullScreen(on) => self.ctx.send_viewport_cmd(egui::ViewportCommand::Fullscreen(on)),
                effect => self.runtime.run(effect, &self.state),
            }
        }
    }

    /// Work that is not drawing: results of jobs, the estimate.
    fn update(&mut self, ctx: &egui::Context) {
        for report in self.runtime.reports() {
            self.send(report);
        }
        if ctx.input(|input| input.viewport().close_requested()) && !self.state.session.closing {
            ctx.send_viewport_cmd(egui::ViewportCommand::CancelClose);
            // What is being typed belongs to the plan first, and is asked about.
            ui::finish_typing(ctx);
            self.close_requested = true;
        }
        let dropped: Vec<PathBuf> =
            ctx.input(|input| input.raw.dropped_files.iter().map(|file| file.path().to_owned()).collect());
        for path in dropped {
            self.send(places::command_for_file(path));
        }
        self.pasted(ctx);
        if self.state.session.closing {
            ctx.send_viewport_cmd(egui::ViewportCommand::Close);
        }
        self.appearance(ctx);
        let dirty = if self.state.document.is_dirty() { "● " } else { "" };
        let title = format!("{dirty}{} – Tuneplan", self.state.document.title());
        if title != self.title {
            ctx.send_viewport_cmd(egui::ViewportCommand::Title(title.clone()));
            self.title = title;
        }
        self.compute();
        let now_secs = ctx.input(|input| input.time);
        if let Some(left_secs) = self.runtime.look(&self.state, now_secs) {
            // An idle window is woken once, when the copy is due.
            ctx.request_repaint_after(std::time::Duration::from_secs_f64(left_secs.clamp(0.0, 60.0)));
        }
        self.ui_state.has_copy = self.runtime.has_copy(&self.state);
    }

    /// What is pasted while no text is being typed is a config, a plan or a model's name.
    fn pasted(&mut self, ctx: &egui::Context) {
        if ctx.text_edit_focused() || self.state.session.dialog.is_some() {
            return;
        }
        let texts: Vec<String> = ctx.input(|input| {
            input
                .events
                .iter()
                .filter_map(|event| match event {
                    egui::Event::Paste(text) => Some(text.clone()),
                    // Told what can be pasted.
                    egui::Event::PasteImage(_) => Some(String::new()),
                    _ => None,
                })
                .collect()
        });
        for text in texts {
            self.send(Command::Paste(text));
        }
    }

    /// Theme and zoom: as the settings say at first, then the settings follow the zoom keys.
    fn appearance(&mut self, ctx: &egui::Context) {
        let theme = self.state.settings.theme.resolve(ctx.system_theme());
        let first = self.installed_theme.is_none();
        for change in self.theme_files.as_mut().map(ThemeFiles::poll).unwrap_or_default() {
            self.installed_theme = None;
            if let Err(message) = change {
                self.send(Command::Message(MessageCommand::Tell(message)));
            }
        }
        if self.installed_theme != Some(theme) {
            theme::install(ctx, theme);
            self.installed_theme = Some(theme);
        }
        let height = ctx.content_rect().height() * ctx.zoom_factor();
        let enlarged = if self.state.session.presenting { presenter_zoom(height) } else { 1.0 };
        // What was set here comes into force a frame later: only what is neither old nor ours was done by zoom keys.
        let seen = ctx.zoom_factor();
        let differs = |other: f32| (seen - other).abs() > 0.001;
        if !first && differs(self.seen_zoom) && differs(self.installed_zoom) {
            self.send(Command::Settings(SettingsCommand::Zoom(seen / self.installed_enlarged)));
        }
        self.seen_zoom = seen;
        ctx.set_zoom_factor(self.state.settings.zoom() * enlarged);
        (self.installed_zoom, self.installed_enlarged) = (self.state.settings.zoom() * enlarged, enlarged);
    }

    fn compute(&mut self) {
        if self.computed.key != self.state.key() {
            self.computed = Computed::of(&self.state);
        }
        self.computed.look_at_field(&self.state);
    }
}

impl eframe::App for App {
    fn logic(&mut self, ctx: &egui::Context, _frame: &mut eframe::Frame) {
        self.update(ctx);
    }

    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        let mut commands = Commands::new();
        let theme = self.state.settings.theme.resolve(ui.ctx().system_theme());
        let view = View { state: &self.state, computed: &self.computed, tokens: theme.tokens() };
        ui::window_ui(ui, &view, &mut self.ui_state, &mut commands);
        let looked_at = Look::of(&self.state);
        for command in commands {
            self.send(command);
        }
        if std::mem::take(&mut self.close_requested) {
            self.send(Command::CloseRequested);
        }
        if self.state.session.closing {
            ui.ctx().send_viewport_cmd(egui::ViewportCommand::Close);
        }
        // The charts above were drawn from the plan before this frame's edit: draw again at once.
        if self.computed.key != self.state.key() {
            self.compute();
            ui.ctx().request_discard("the plan changed");
        }
        // Likewise what is marked and explained; the next frame is soon enough for that.
        if looked_at != Look::of(&self.state) {
            ui.ctx().request_repaint();
        }
    }
}

/// What is looked at, apart from the plan.
#[derive(PartialEq)]
struct Look {
    marked: (Option<Component>, Option<Subject>, Option<FieldId>),
    page: (Page, usize),
    sheet: Option<std::mem::Discriminant<Dialog>>,
    presenting: bool,
}

impl Look {
    fn of(state: &State) -> Self {
        let session = &state.session;
        Self {
            marked: (session.hovered, session.selected, session.hovered_field),
            page: (session.page, session.step),
            sheet: session.dialog.as_ref().map(std::mem::discriminant),
            presenting: session.presenting,
        }
    }
}

#[cfg(test)]
mod tests {
    /// Days by Python: `(date(y, m, d) - date(1970, 1, 1)).days`.
    #[test]
    fn days_are_those_of_the_calendar() {
        for (days, wanted) in [
            (0, "1970-01-01"),
            (19_782, "2024-02-29"),
            (19_783, "2024-03-01"),
            (20_453, "2025-12-31"),
            (47_540, "2100-02-28"),
            (47_541, "2100-03-01"),
        ] {
            assert_eq!(super::day(days), wanted);
        }
    }
}
