//! The window: eframe around state, runtime and panels.

use super::command::{Command, Commands};
use super::computed::Computed;
use super::runtime::Runtime;
use super::settings::Settings;
use super::state::{Message, State};
use super::theme_files::ThemeFiles;
use super::{dispatch, store};
use crate::ui::{self, View, theme};
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
pub fn run(path: Option<&Path>) -> Result<(), WindowError> {
    let plan = path.map(|path| store::read_plan(path).map(|loaded| (path.to_owned(), loaded))).transpose()?;
    if !has_display() {
        return Err(WindowError::NoDisplay);
    }
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
        let runtime = Runtime::new(settings_path.clone(), move || ctx.request_repaint());
        let mut app = App::new(&cc.egui_ctx, runtime, settings_path.as_deref());
        if let Some((path, loaded)) = plan {
            app.send(Command::PlanRead(path, Box::new(Ok(loaded))));
        }
        Ok(Box::new(app) as Box<dyn eframe::App>)
    };
    eframe::run_native("Tuneplan", options, Box::new(start)).map_err(|error| WindowError::System(error.to_string()))
}

/// Whether there is anything to open a window on. Only Linux and its kin can be without.
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
    title: String,
}

impl App {
    /// A program with the settings of `settings_path`.
    pub fn new(ctx: &egui::Context, runtime: Runtime, settings_path: Option<&Path>) -> Self {
        ui::fonts::install(ctx);
        // Quitting goes through the question about unsaved changes.
        ctx.options_mut(|options| options.quit_shortcuts.clear());
        let mut state = State::default();
        if let Some((settings, complaint)) = settings_path.map(Settings::load) {
            state.settings = settings;
            state.session.message = complaint.map(|text| Message { is_error: true, text });
        }
        let computed = Computed::of(&state.document);
        Self {
            state,
            runtime,
            computed,
            ui_state: ui::UiState::default(),
            installed_theme: None,
            theme_files: ThemeFiles::of_source(),
            title: String::new(),
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

    /// Carries out a command and starts what follows from it.
    pub fn send(&mut self, command: Command) {
        for effect in dispatch(&mut self.state, command) {
            self.runtime.run(effect, &self.state);
        }
    }

    /// Work that is not drawing: results of jobs, the estimate.
    fn update(&mut self, ctx: &egui::Context) {
        for report in self.runtime.reports() {
            self.send(report);
        }
        if ctx.input(|input| input.viewport().close_requested()) && !self.state.session.closing {
            ctx.send_viewport_cmd(egui::ViewportCommand::CancelClose);
            self.send(Command::CloseRequested);
        }
        let dropped: Vec<PathBuf> =
            ctx.input(|input| input.raw.dropped_files.iter().map(|file| file.path().to_owned()).collect());
        for path in dropped {
            self.send(ui::command_for_dropped(path));
        }
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
    }

    /// Theme and zoom: as the settings say at first, then the settings follow the zoom keys.
    fn appearance(&mut self, ctx: &egui::Context) {
        let theme = self.state.settings.theme.resolve(ctx.system_theme());
        let first = self.installed_theme.is_none();
        for change in self.theme_files.as_mut().map(ThemeFiles::poll).unwrap_or_default() {
            self.installed_theme = None;
            if let Err(message) = change {
                self.send(Command::Tell(message));
            }
        }
        if self.installed_theme != Some(theme) {
            theme::install(ctx, theme);
            self.installed_theme = Some(theme);
        }
        let zoom = self.state.settings.zoom();
        if first {
            ctx.set_zoom_factor(zoom);
        } else if (ctx.zoom_factor() - zoom).abs() > 0.001 {
            self.send(Command::SetZoom(ctx.zoom_factor()));
        }
    }

    fn compute(&mut self) {
        if self.computed.revision != self.state.document.revision {
            self.computed = Computed::of(&self.state.document);
        }
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
        let revision = self.state.document.revision;
        let looked_at = (self.state.session.hovered, self.state.session.selected);
        for command in commands {
            self.send(command);
        }
        if self.state.session.closing {
            ui.ctx().send_viewport_cmd(egui::ViewportCommand::Close);
        }
        // The charts above were drawn from the plan before this frame's edit: draw again at once.
        if revision != self.state.document.revision {
            self.compute();
            ui.ctx().request_discard("the plan changed");
        }
        // Likewise what is marked and explained; the next frame is soon enough for that.
        if looked_at != (self.state.session.hovered, self.state.session.selected) {
            ui.ctx().request_repaint();
        }
    }
}
