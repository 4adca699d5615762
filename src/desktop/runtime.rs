//! Carries out effects: threads, files, dialogs. Results come back as commands.

use crate::app::changes::Changes;
use crate::app::clipboard::{Clip, Clipboard, Copied, SystemClipboard};
use crate::app::command::{Command, FileCommand, MessageCommand, RunCommand, SearchCommand, WeightsCommand};
use crate::app::effect::Effect;
use crate::app::recovery::{self, Journal, Leftover};
use crate::app::settings::Settings;
use crate::app::state::{PathPurpose, Picture, State};
use crate::architecture;
use crate::desktop::configuration;
use crate::desktop::file_dialog;
use crate::desktop::screenshot::{self, Shot};
use crate::desktop::watch::Watch;
use crate::documents::revision;
use crate::documents::store;
use crate::files::{self, Existing};
use crate::jobs::{CancelToken, Jobs};
use crate::lab::low_rank;
use crate::preview::control::Control;
use crate::tasks::Slot;
use crate::tasks::measuring::Measure;
use crate::tasks::searching::SearchPlans;
use crate::tasks::tuning::Tune;
use crate::tasks::weighing::{Ranks, Weigh};
use crate::ui::{PanelName, Part};
use crate::validation::Evidence;
use rfd::AsyncFileDialog;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// Threads and places outside the state.
pub struct Runtime {
    jobs: Jobs<Command>,
    settings_path: Option<PathBuf>,
    /// The model being read; a newer request cancels an older one.
    reading_model: Option<CancelToken>,
    /// The search that runs.
    searching: Slot,
    /// The preview.
    tuning: Option<Control>,
    measuring: Slot,
    /// The model that is examined.
    weighing: Slot,
    /// What to change is being looked for; a newer revision cancels an older one.
    finding_changes: Option<CancelToken>,
    /// Copies of unsaved plans, where there is a place for them.
    journal: Option<Journal>,
    /// What earlier runs left, until the user said what to do with it.
    leftovers: Vec<Leftover>,
    /// Looks at the files of open plans.
    watch: Option<Watch>,
    /// Keeps what was copied as long as the program lives.
    clipboard: Arc<Mutex<dyn Clipboard>>,
}

/// Pixels per point of an exported picture.
const PICTURE_SCALE: f32 = 2.0;
/// Size of an exported picture, in points; it is as high as the charts are.
const PICTURE_SIZE: [u32; 2] = [960, 720];

impl Runtime {
    /// `wake` gets the window to look for results; `settings_path` is where settings lie, if anywhere.
    pub fn new(settings_path: Option<PathBuf>, wake: impl Fn() + Send + Sync + 'static) -> Self {
        Self {
            jobs: Jobs::new(wake),
            settings_path,
            reading_model: None,
            searching: Slot::default(),
            tuning: None,
            measuring: Slot::default(),
            weighing: Slot::default(),
            finding_changes: None,
            journal: None,
            leftovers: Vec::new(),
            watch: None,
            clipboard: Arc::new(Mutex::new(SystemClipboard::default())),
        }
    }

    /// Copies to another clipboard than the system's.
    pub fn with_clipboard(self, clipboard: impl Clipboard + 'static) -> Self {
        Self { clipboard: Arc::new(Mutex::new(clipboard)), ..self }
    }

    /// Begins to keep copies of unsaved plans under `root`, and reports what earlier runs left there.
    pub fn keep_recovery(&mut self, root: &Path) {
        let found = recovery::leftovers(root);
        self.leftovers = found.held;
        self.jobs.report(Command::Recovered(found.plans));
        for unreadable in found.unreadable {
            self.jobs.report(Command::Message(MessageCommand::Tell(unreadable)));
        }
        match Journal::begin(root) {
            Ok(journal) => self.journal = Some(journal),
            Err(error) => self.jobs.report(Command::Message(MessageCommand::Tell(format!(
                "{}: {error}. No recovery copies are kept: save often.",
                root.display()
            )))),
        }
    }

    /// Has the copies written when the program panics.
    pub fn write_recovery_on_panic(&self) {
        if let Some(journal) = &self.journal {
            journal.write_on_panic();
        }
    }

    /// Begins to notice that files of open plans change.
    pub fn watch_files(&mut self) {
        let report = self.jobs.reporter();
        let watch = Watch::begin(move |path| {
            let result = store::open_plan(&path);
            report(Command::File(FileCommand::Changed(path, Box::new(result))));
        });
        // Without the thread a change is still found when the plan is saved.
        self.watch = watch.ok();
    }

    /// Keeps copies and watched files up to date; seconds until it wants to be called again.
    pub fn look(&mut self, state: &State, now_secs: f64) -> Option<f64> {
        if let Some(watch) = &self.watch {
            watch.set(state.tabs().filter_map(|document| document.path.as_deref()));
        }
        let journal = self.journal.as_mut()?;
        let left = journal.look(state, now_secs);
        match journal.when_due(now_secs) {
            Some(write) => {
                write_copies(&self.jobs, write);
                None
            }
            None => left,
        }
    }

    /// Whether the shown plan as it is has a recovery copy.
    pub fn has_copy(&self, state: &State) -> bool {
        self.journal.as_ref().is_some_and(|journal| journal.has_copy(&state.document))
    }

    /// Results since the last call.
    pub fn reports(&self) -> Vec<Command> {
        self.jobs.reports()
    }

    /// Starts one effect. `Close` is the window's own and does nothing here.
    pub fn run(&mut self, effect: Effect, state: &State) {
        match effect {
            Effect::PickFile(purpose) => file_dialog::pick(&self.jobs, purpose, state),
            Effect::PickModelFolder => {
                // Built on this thread, awaited on another: macOS wants it so.
                let dialog = AsyncFileDialog::new().set_title("Open model folder").pick_folder();
                file_dialog::await_answer(&self.jobs, dialog, PathPurpose::OpenModel);
            }
            Effect::ReadPlan(path) => {
                let failed_path = path.clone();
                self.jobs.spawn(
                    "read-plan",
                    move |error| {
                        Command::File(FileCommand::PlanRead(
                            failed_path.clone(),
                            Box::new(Err(store::StoreError(error))),
                        ))
                    },
                    move |_cancel| {
                        let result = store::open_plan(&path);
                        Command::File(FileCommand::PlanRead(path, Box::new(result)))
                    },
                );
            }
            Effect::WritePlan { document, path, text, expected } => {
                let failed = (path.clone(), text.clone());
                self.jobs.spawn(
                    "write-plan",
                    move |error| {
                        let error = store::WriteError::Failed(store::StoreError(error));
                        Command::File(FileCommand::PlanWritten(
                            document,
                            failed.0.clone(),
                            failed.1.clone(),
                            Err(error),
                        ))
                    },
                    move |_cancel| {
                        let result = store::write_plan(&path, &text, expected.as_deref());
                        Command::File(FileCommand::PlanWritten(document, path, text, result))
                    },
                );
            }
            Effect::ReadExamples(path) => {
                let failed_path = path.clone();
                self.jobs.spawn(
                    "read-examples",
                    move |error| {
                        Command::File(FileCommand::ExamplesRead(
                            failed_path.clone(),
                            Box::new(Err(store::StoreError(error))),
                        ))
                    },
                    move |_cancel| {
                        let result = store::read_examples_file(&path);
                        Command::File(FileCommand::ExamplesRead(path, Box::new(result)))
                    },
                );
            }
            Effect::ReadModel(path) => self.read_model(path),
            Effect::WritePng { picture, path, replace } => self.write_png(picture, path, replace, state),
            Effect::WriteText { purpose, path, text, replace } => {
                self.jobs.spawn("write-text", not_written(purpose, path.clone()), move |_cancel| {
                    let result = store::write_plan(&path, &text, (!replace).then_some(""));
                    Command::File(FileCommand::Written(purpose, path, result))
                });
            }
            Effect::MakeFolder { folder, path, purpose } => {
                let failed_path = path.clone();
                let failed = move |error: String| {
                    Command::File(FileCommand::FolderMade(purpose, failed_path.clone(), Err(error)))
                };
                self.jobs.spawn("make-folder", failed, move |_cancel| {
                    let made =
                        files::make_folders(&folder).map_err(|error| format!("The folder was not made. {error}"));
                    Command::File(FileCommand::FolderMade(purpose, path, made))
                });
            }
            Effect::Copy(what, clip) => self.copy(what, clip),
            Effect::DrawPicture(picture) => self.draw_picture(picture, state),
            Effect::SaveSettings => self.save_settings(&state.settings),
            Effect::KeepRecovery => {
                if let Some(journal) = &mut self.journal {
                    // The plans were opened a moment ago: what the journal knows is older.
                    journal.look(state, f64::NEG_INFINITY);
                    write_copies(&self.jobs, journal.writer());
                }
            }
            Effect::ReadRevision(path, revision) => {
                let (failed_title, title) = (revision.clone(), revision.clone());
                let failed = move |error: String| {
                    Command::File(FileCommand::RevisionRead(
                        failed_title.clone(),
                        Box::new(Err(store::StoreError(error))),
                    ))
                };
                self.jobs.spawn("read-revision", failed, move |_cancel| {
                    Command::File(FileCommand::RevisionRead(title, Box::new(revision::read_of(&path, &revision))))
                });
            }
            Effect::StopSearch => self.searching.cancel(),
            Effect::Tune(start) => {
                if let Some(earlier) = self.tuning.take() {
                    earlier.cancel();
                }
                let Some(begun) = &state.session.tuning else { return };
                let (number, job, steps) = (begun.number, begun.job.clone(), begun.record.steps);
                let control = Control::default();
                self.tuning = Some(control.clone());
                let task = Tune { job, start, steps, control };
                // The earlier run ends by its control, and frees its memory before this one counts its own.
                Slot::default()
                    .start(&self.jobs, task, move |news| Command::Run(RunCommand::Told(number, Box::new(news))));
            }
            Effect::PauseTuning(pause) => {
                if let Some(control) = &self.tuning {
                    if pause { control.pause() } else { control.resume() }
                }
            }
            Effect::StopTuning => {
                if let Some(control) = &self.tuning {
                    control.cancel();
                }
            }
            Effect::SaveProduct(product, folder, kept) => {
                let failed = move |error: String| {
                    Command::Message(MessageCommand::Tell(format!("The {} was not saved: {error}", product.name())))
                };
                self.jobs.spawn("save-product", failed, move |_cancel| match folder.parent() {
                    Some(parent) if !parent.as_os_str().is_empty() && !parent.exists() => {
                        let (missing, purpose) = (parent.to_owned(), PathPurpose::SaveProduct(product));
                        Command::File(FileCommand::NoFolder { folder: missing, path: folder, purpose })
                    }
                    _ => match kept.save(product, &folder) {
                        Ok(()) => Command::Run(RunCommand::ProductSaved(product, folder)),
                        Err(error) => failed(error.to_string()),
                    },
                });
            }
            Effect::LookAtRanks => {
                let Some(weighing) = &state.session.weighing else { return };
                let (Some(source), Some(wanted)) = (weighing.source.clone(), weighing.ranks.clone()) else { return };
                let number = weighing.number;
                let (index, codec) = (wanted.index, wanted.codec);
                let failed = move |error: String| {
                    Command::Weights(WeightsCommand::RanksFound(
                        number,
                        Box::new(Ranks { index, codec, found: Some(Err(error)) }),
                    ))
                };
                self.jobs.spawn("ranks", failed, move |_cancel| {
                    let found = low_rank::look(&source, index, codec).map(Arc::new).map_err(|error| error.to_string());
                    Command::Weights(WeightsCommand::RanksFound(
                        number,
                        Box::new(Ranks { index, codec, found: Some(found) }),
                    ))
                });
            }
            Effect::StopWeighing => {
                self.weighing.cancel();
                self.measuring.cancel();
            }
            Effect::Measure => {
                let (Some(weighing), Some(begun)) = (&state.session.weighing, &state.session.measuring) else { return };
                let number = begun.number;
                let task = Measure { model: weighing.model.clone(), text: begun.text.clone() };
                self.measuring.start(&self.jobs, task, move |news| {
                    Command::Weights(WeightsCommand::Measured(number, Box::new(news)))
                });
            }
            Effect::Weigh => {
                self.measuring.cancel();
                let Some(begun) = &state.session.weighing else { return };
                let number = begun.number;
                let task = Weigh { model: begun.model.clone() };
                self.weighing
                    .start(&self.jobs, task, move |news| Command::Weights(WeightsCommand::Examined(number, news)));
            }
            Effect::Search => {
                let Some(begun) = state.session.searching.as_deref() else { return };
                let number = begun.number;
                let task = SearchPlans { plan: state.document.plan.clone(), limits: begun.limits };
                self.searching
                    .start(&self.jobs, task, move |news| Command::Search(SearchCommand::Told(number, Box::new(news))));
            }
            Effect::FindChanges(key) => {
                if let Some(earlier) = self.finding_changes.take() {
                    earlier.cancel();
                }
                let plan = state.document.plan.clone();
                let failed = move |error: String| Command::ChangesFound(key, Err(error));
                self.finding_changes = Some(self.jobs.spawn("find-changes", failed, move |_cancel| {
                    Command::ChangesFound(key, Changes::of(&plan).map(Arc::new))
                }));
            }
            Effect::LoadEvidence => {
                let failed = |error: String| {
                    Command::Message(MessageCommand::Tell(format!("The measurements could not be predicted: {error}.")))
                };
                self.jobs.spawn("evidence", failed, |_cancel| Command::Evidence(Evidence::embedded()));
            }
            Effect::ForgetRecovered => {
                for leftover in std::mem::take(&mut self.leftovers) {
                    self.jobs.spawn(
                        "forget-recovered",
                        |why| Command::Message(MessageCommand::Tell(why)),
                        move |_cancel| match leftover.forget() {
                            Ok(()) => None,
                            Err(error) => Some(Command::Message(MessageCommand::Tell(format!(
                                "The old recovery copies are still there: {error}"
                            )))),
                        },
                    );
                }
            }
            // The window's own.
            Effect::FullScreen(_) | Effect::Close => {}
        }
    }

    fn draw_picture(&self, picture: Picture, state: &State) {
        let draw = drawing(picture, state);
        self.jobs.spawn(
            "draw-picture",
            |why| Command::Message(MessageCommand::Tell(why)),
            move |_cancel| Command::PictureDrawn(picture, Arc::new(draw())),
        );
    }

    fn write_png(&self, picture: Picture, path: PathBuf, replace: bool, state: &State) {
        let draw = drawing(picture, state);
        let purpose = PathPurpose::SavePicture(picture);
        self.jobs.spawn("write-picture", not_written(purpose, path.clone()), move |_cancel| {
            let existing = if replace { Existing::Replace } else { Existing::Refuse };
            // Whether it can be written is known before it is drawn.
            let result = files::check(&path, existing).map_err(store::WriteError::from).and_then(|()| {
                let bytes = crate::raster::encode_png(&draw()).map_err(|error| {
                    store::WriteError::Failed(store::StoreError(format!("{}: {error}", path.display())))
                })?;
                Ok(files::write(&path, &bytes, existing)?)
            });
            Command::File(FileCommand::Written(purpose, path, result))
        });
    }

    fn copy(&self, what: &'static str, clip: Clip) {
        let clipboard = Arc::clone(&self.clipboard);
        let failed = move |error: String| Command::Copied(what, Copied::Refused(error));
        self.jobs.spawn("copy", failed, move |_cancel| {
            let mut clipboard = clipboard.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            Command::Copied(what, clipboard.take(&clip).map_or_else(Copied::Refused, |()| Copied::Taken))
        });
    }

    fn read_model(&mut self, path: PathBuf) {
        if let Some(older) = self.reading_model.take() {
            older.cancel();
        }
        let failed_path = path.clone();
        let token = self.jobs.spawn(
            "read-model",
            move |error| Command::File(FileCommand::ModelRead(failed_path.clone(), Box::new(Err(error)))),
            move |_cancel| {
                if let Some(configured) = configuration::read(&path) {
                    return Command::File(FileCommand::ConfigRead(path, Box::new(configured)));
                }
                let result =
                    architecture::read(&path).map(|model| model.architecture).map_err(|error| error.to_string());
                Command::File(FileCommand::ModelRead(path, Box::new(result)))
            },
        );
        self.reading_model = Some(token);
    }

    fn save_settings(&self, settings: &Settings) {
        let Some(path) = self.settings_path.clone() else { return };
        let text = settings.to_text();
        self.jobs.spawn(
            "save-settings",
            |why| Command::Message(MessageCommand::Tell(why)),
            move |_cancel| {
                let written = path.parent().map_or(Ok(()), files::make_folders);
                let result = written.and_then(|()| files::write(&path, text.as_bytes(), Existing::Replace));
                result
                    .err()
                    .map(|error| Command::Message(MessageCommand::Tell(format!("Settings were not saved: {error}"))))
            },
        );
    }
}

/// Draws a picture of the shown plan, for another thread.
fn drawing(picture: Picture, state: &State) -> impl FnOnce() -> egui::ColorImage + Send + 'static + use<> {
    let plan = state.document.plan.clone();
    let settings = state.settings.clone();
    let shot = Shot {
        panel: PanelName::Part(Part::Charts),
        theme: settings.theme.resolve(None),
        size: PICTURE_SIZE,
        whole: true,
        scale: PICTURE_SCALE,
        day: state.session.today.clone(),
    };
    let chart = state.session.chart.clone().filter(|_| picture == Picture::Chart);
    move || match chart {
        Some(chart) => screenshot::render_chart(&chart, &plan, &settings, &shot),
        None => screenshot::render(&plan, &settings, &shot),
    }
}

fn not_written(purpose: PathPurpose, path: PathBuf) -> impl Fn(String) -> Command + Send + Sync + 'static {
    move |error| {
        Command::File(FileCommand::Written(
            purpose,
            path.clone(),
            Err(store::WriteError::Failed(store::StoreError(error))),
        ))
    }
}

fn write_copies(jobs: &Jobs<Command>, write: impl FnOnce() -> std::io::Result<()> + Send + 'static) {
    jobs.spawn(
        "write-recovery",
        |why| Command::Message(MessageCommand::Tell(why)),
        move |_cancel| {
            let told = |error| {
                Command::Message(MessageCommand::Tell(format!(
                    "No recovery copy could be written: {error}. Save the plan."
                )))
            };
            write().err().map(told)
        },
    );
}
