//! Carries out effects: threads, files, dialogs. Results come back as commands.

use super::command::Command;
use super::effect::Effect;
use super::settings::Settings;
use super::state::{PathPurpose, State};
use super::store;
use crate::architecture;
use crate::jobs::{CancelToken, Jobs};
use rfd::AsyncFileDialog;
use std::path::{Path, PathBuf};

/// Threads and places outside the state.
pub struct Runtime {
    jobs: Jobs<Command>,
    settings_path: Option<PathBuf>,
    /// The model being read; a newer wish cancels an older one.
    reading_model: Option<CancelToken>,
}

impl Runtime {
    /// `wake` gets the window to look for results; `settings_path` is where settings lie, if anywhere.
    pub fn new(settings_path: Option<PathBuf>, wake: impl Fn() + Send + Sync + 'static) -> Self {
        Self { jobs: Jobs::new(wake), settings_path, reading_model: None }
    }

    /// Results since the last call.
    pub fn reports(&self) -> Vec<Command> {
        self.jobs.reports()
    }

    /// Starts one effect. `Close` is the window's own and does nothing here.
    pub fn run(&mut self, effect: Effect, state: &State) {
        match effect {
            Effect::PickFile(purpose) => self.pick_file(purpose, state),
            Effect::PickModelFolder => {
                // Built on this thread, awaited on another: macOS wants it so.
                let dialog = AsyncFileDialog::new().set_title("Open model folder").pick_folder();
                self.await_dialog(dialog, PathPurpose::OpenModel);
            }
            Effect::ReadPlan(path) => {
                let failed_path = path.clone();
                self.jobs.spawn(
                    "read-plan",
                    move |error| Command::PlanRead(failed_path.clone(), Box::new(Err(store::StoreError(error)))),
                    move |_cancel| {
                        let result = store::read_plan(&path);
                        Command::PlanRead(path, Box::new(result))
                    },
                );
            }
            Effect::WritePlan { path, text, expected } => {
                let failed = (path.clone(), text.clone());
                self.jobs.spawn(
                    "write-plan",
                    move |error| {
                        let error = store::WriteError::Failed(store::StoreError(error));
                        Command::PlanWritten(failed.0.clone(), failed.1.clone(), Err(error))
                    },
                    move |_cancel| {
                        let result = store::write_plan(&path, &text, expected.as_deref());
                        Command::PlanWritten(path, text, result)
                    },
                );
            }
            Effect::ReadModel(path) => self.read_model(path),
            Effect::SaveSettings => self.save_settings(&state.settings),
            Effect::Close => {}
        }
    }

    fn pick_file(&self, purpose: PathPurpose, state: &State) {
        let mut dialog = AsyncFileDialog::new();
        if let Some(folder) = state.document.path.as_deref().and_then(Path::parent) {
            dialog = dialog.set_directory(folder);
        }
        match purpose {
            PathPurpose::OpenPlan => {
                let dialog = dialog.set_title("Open plan").add_filter("Plans", &["ron"]).pick_file();
                self.await_dialog(dialog, purpose);
            }
            PathPurpose::OpenModel => {
                let dialog =
                    dialog.set_title("Open model").add_filter("Models", &["json", "safetensors", "gguf"]).pick_file();
                self.await_dialog(dialog, purpose);
            }
            PathPurpose::SavePlan => {
                let name = state.document.path.as_deref().and_then(Path::file_name).map_or_else(
                    || format!("{}.plan.ron", file_stem(&state.document.plan.name)),
                    |name| name.to_string_lossy().into_owned(),
                );
                let dialog = dialog.set_title("Save plan").set_file_name(name).save_file();
                self.await_dialog(dialog, purpose);
            }
        }
    }

    fn await_dialog(
        &self,
        dialog: impl Future<Output = Option<rfd::FileHandle>> + Send + 'static,
        purpose: PathPurpose,
    ) {
        self.jobs.spawn(
            "file-dialog",
            move |_error| Command::NoFileChosen(purpose),
            move |_cancel| match pollster::block_on(dialog) {
                None => Command::NoFileChosen(purpose),
                Some(file) => {
                    let path = file.path().to_owned();
                    match purpose {
                        PathPurpose::OpenPlan => Command::OpenPlan(path),
                        PathPurpose::OpenModel => Command::OpenModel(path),
                        // The system's dialog has asked already.
                        PathPurpose::SavePlan => Command::SaveAs { path, replace: true },
                    }
                }
            },
        );
    }

    fn read_model(&mut self, path: PathBuf) {
        if let Some(older) = self.reading_model.take() {
            older.cancel();
        }
        let failed_path = path.clone();
        let token = self.jobs.spawn(
            "read-model",
            move |error| Command::ModelRead(failed_path.clone(), Box::new(Err(error))),
            move |_cancel| {
                let result =
                    architecture::read(&path).map(|model| model.architecture).map_err(|error| error.to_string());
                Command::ModelRead(path, Box::new(result))
            },
        );
        self.reading_model = Some(token);
    }

    fn save_settings(&self, settings: &Settings) {
        let Some(path) = self.settings_path.clone() else { return };
        let text = settings.to_text();
        self.jobs.spawn("save-settings", Command::Tell, move |_cancel| {
            let written = path.parent().map_or(Ok(()), std::fs::create_dir_all);
            let result = match written {
                Ok(()) => store::write_atomic(&path, text.as_bytes()).map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            };
            match result {
                Ok(()) => Command::EndGesture,
                Err(error) => Command::Tell(format!("Settings were not saved: {error}")),
            }
        });
    }
}

/// A plan's name as a file name: letters and digits, the rest dashes.
fn file_stem(name: &str) -> String {
    let mut stem = String::new();
    for c in name.chars() {
        if c.is_alphanumeric() {
            stem.extend(c.to_lowercase());
        } else if !stem.ends_with('-') && !stem.is_empty() {
            stem.push('-');
        }
    }
    let stem = stem.trim_end_matches('-');
    if stem.is_empty() { "plan".to_owned() } else { stem.to_owned() }
}
