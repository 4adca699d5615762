//! Opening and saving plans, models and pictures.

use super::{apply, closing, dispatch, fail, leave_start, notice, start};
use crate::app::command::Answer;
use crate::app::effect::Effect;
use crate::app::messages::{About, Kind};
use crate::app::places;
use crate::app::state::{Dialog, Document, DocumentId, PathPurpose, Picture, State};
use crate::architecture::Architecture;
use crate::documents::store::{Opened, StoreError, WriteError};
use crate::handover::configured::Configured;
use crate::plan::edit::PlanEdit;
use crate::plan::file::Loaded;
use crate::plan::{ModelSource, Plan};
use std::path::{Path, PathBuf};

/// Opens a file, or shows the tab where it is open.
pub(super) fn open_plan(state: &mut State, path: PathBuf) -> Vec<Effect> {
    match state.tab_where(|document| document.path.as_deref() == Some(path.as_path())) {
        Some(index) => {
            state.show_tab(index);
            leave_start(state);
            Vec::new()
        }
        None => {
            state.session.reading = Some(path.clone());
            vec![Effect::ReadPlan(path)]
        }
    }
}

pub(super) fn plan_read(state: &mut State, path: &Path, result: Result<Opened, StoreError>) -> Vec<Effect> {
    state.session.reading = None;
    match result {
        Ok(opened) => {
            let remarks: Vec<String> = opened.loaded.diagnostics.iter().map(ToString::to_string).collect();
            state.open_tab(Document { path: Some(path.to_owned()), ..document_of(opened) });
            leave_start(state);
            if !remarks.is_empty() {
                state.session.dialog = Some(Dialog::FileRemarks(remarks));
            }
            state.settings.remember(path);
            notice(state, &format!("Opened {}", path.display()));
            vec![Effect::SaveSettings]
        }
        // The open plan stays; the file that did not parse is never tied to it, so it cannot be saved over.
        Err(error) => {
            fail(state, &format!("{error}. The file is left as it is."));
            Vec::new()
        }
    }
}

fn document_of(opened: Opened) -> Document {
    let loaded = opened.loaded;
    Document {
        plan: loaded.plan.clone(),
        saved_plan: loaded.plan,
        saved_text: Some(loaded.source),
        unknown: loaded.unknown,
        read_only: opened.read_only,
        ..Document::default()
    }
}

/// Somebody else wrote the file of an open plan.
pub(super) fn file_changed(state: &mut State, path: PathBuf, result: Result<Opened, StoreError>) {
    let place = state.tab_where(|document| document.path.as_deref() == Some(path.as_path()));
    let Some(index) = place else { return };
    let opened = match result {
        Ok(opened) => opened,
        Err(error) => {
            fail(state, &format!("{error}. The open plan is as it was; saving writes the file anew."));
            return;
        }
    };
    let own = state.tabs().nth(index).is_some_and(|document| {
        document.saving.is_some() || document.saved_text.as_deref() == Some(opened.loaded.source.as_str())
    });
    // While another question is open the change is still found when the plan is saved.
    if !own && state.session.dialog.is_none() {
        state.show_tab(index);
        state.session.dialog = Some(Dialog::External(path, Box::new(opened)));
    }
}

/// `GoOn` takes the plan on disk as one step that can be undone; otherwise what is open is kept, and saving it asks
/// before it replaces what somebody else wrote.
pub(super) fn external_answered(state: &mut State, path: &Path, opened: Opened, answer: Answer) {
    let plan = opened.loaded.plan.clone();
    state.document.saved_plan.clone_from(&plan);
    state.document.read_only = opened.read_only;
    if answer == Answer::GoOn {
        state.document.saved_text = Some(opened.loaded.source);
        state.document.unknown = opened.loaded.unknown;
        if apply(state, &PlanEdit::Replace(Box::new(plan), "Reload from disk".to_owned())) {
            notice(state, &format!("Reloaded {}", path.display()));
        }
    }
}

pub(super) fn typed_path(state: &mut State, purpose: PathPurpose, text: &str) -> Vec<Effect> {
    let text = text.trim().trim_matches('"');
    if text.is_empty() {
        return Vec::new();
    }
    let path = state.session.places.typed(text);
    dispatch(state, places::command_for(purpose, path, false))
}

pub(super) fn ask_path(state: &mut State, purpose: PathPurpose) -> Vec<Effect> {
    let start = places::proposed_path(state, purpose);
    state.session.dialog = Some(Dialog::Path(purpose, start));
    Vec::new()
}

/// A plan file's name ends in `.plan.ron` unless the user gave another ending. The `1` of `llama-3.1` is none.
fn with_ending(path: &Path) -> PathBuf {
    let letters = |ending: &str| ending.starts_with(char::is_alphabetic);
    let has_ending = path.extension().is_some_and(|ending| ending.to_str().is_none_or(letters));
    match path.file_name() {
        Some(name) if !has_ending => {
            let mut name = name.to_owned();
            name.push(".plan.ron");
            path.with_file_name(name)
        }
        _ => path.to_owned(),
    }
}

pub(super) fn save_as(state: &mut State, path: &Path, replace: bool) -> Vec<Effect> {
    let named = with_ending(path);
    // A dialog's question was about the name as typed, not about the one with the ending.
    let replace = replace && named == path;
    let own = state.document.path.as_deref() == Some(named.as_path());
    if !replace && !own {
        // An empty text is what a file that is not there has: anything else asks before it is replaced.
        return write(state, named, Some(String::new()));
    }
    let expected = if replace { None } else { Some(state.document.saved_text.clone().unwrap_or_default()) };
    write(state, named, expected)
}

pub(super) fn write(state: &mut State, path: PathBuf, expected: Option<String>) -> Vec<Effect> {
    state.document.saving = Some(state.document.plan.clone());
    vec![Effect::WritePlan { document: state.document.id, path, text: state.document.text(), expected }]
}

pub(super) fn plan_written(
    state: &mut State,
    id: DocumentId,
    path: PathBuf,
    text: String,
    result: Result<(), WriteError>,
) -> Vec<Effect> {
    let saving: Option<Plan> = state.document_mut(id).and_then(|document| document.saving.take());
    match result {
        Ok(()) => {
            state.settings.remember(&path);
            notice(state, &format!("Saved {}", path.display()));
            // The tab may have been closed while its plan was written.
            if let (Some(document), Some(plan)) = (state.document_mut(id), saving) {
                document.saved_plan = plan;
                document.saved_text = Some(text);
                document.unknown_dropped = false;
                document.read_only = false;
                document.path = Some(path);
            }
            let mut effects = vec![Effect::SaveSettings];
            if let Some(after) = state.session.after_save.take() {
                effects.extend(closing::unless_unsaved(state, after));
            }
            effects
        }
        Err(WriteError::ChangedOnDisk) => {
            // The question is about this plan: it must be in sight.
            if let Some(index) = state.tab_where(|document| document.id == id) {
                state.show_tab(index);
            }
            state.session.dialog = Some(if state.document.path.as_deref() == Some(path.as_path()) {
                Dialog::ChangedOnDisk(path)
            } else {
                Dialog::Replace(path, PathPurpose::SavePlan)
            });
            Vec::new()
        }
        Err(WriteError::MissingFolder(folder)) => {
            state.session.dialog = Some(Dialog::MissingFolder { folder, path, purpose: PathPurpose::SavePlan });
            Vec::new()
        }
        Err(WriteError::Failed(error)) => {
            state.session.after_save = None;
            let text = format!("Not saved. {error}");
            state.session.messages.say(Kind::Failure, About::Plan(id), text);
            // A path that was typed is not lost: it can be corrected.
            if state.document.id == id && state.document.path.as_deref() != Some(path.as_path()) {
                state.session.dialog = Some(Dialog::Path(PathPurpose::SavePlan, path.display().to_string()));
            }
            Vec::new()
        }
    }
}

pub(super) fn model_read(state: &mut State, path: &Path, result: Result<Architecture, String>) {
    state.session.reading = None;
    match result {
        Ok(architecture) => {
            let source = ModelSource::File { path: path.display().to_string(), architecture: Box::new(architecture) };
            if apply(state, &PlanEdit::Model(source)) {
                leave_start(state);
                notice(state, &format!("Model read from {}", path.display()));
            }
        }
        Err(error) => fail(state, &error),
    }
}

/// Opens a plan made of a configuration, which stays tied to no file, and shows what became of every key.
pub(super) fn config_read(state: &mut State, path: &Path, configured: Configured) {
    state.session.reading = None;
    imported(state, configured, &path.display().to_string());
}

/// Opens the plan of a configuration and shows what became of its keys.
pub(super) fn imported(state: &mut State, configured: Configured, from: &str) {
    let Configured { plan, summary, sections } = configured;
    start(state, plan);
    state.session.dialog = Some(Dialog::Imported(summary, sections));
    notice(state, &format!("Imported {from}; the plan has no file yet."));
}

/// Only the endings that say what kind of picture is wanted are taken.
pub(super) fn save_picture(state: &mut State, picture: Picture, path: PathBuf, replace: bool) -> Vec<Effect> {
    let ending = path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
    match (picture, ending.as_deref()) {
        (_, Some("png")) => vec![Effect::WritePng { picture, path, replace }],
        (Picture::Memory, Some("svg")) => match super::menu::charts(state) {
            Some(charts) => {
                let text = crate::report::svg::memory_svg(&charts);
                vec![Effect::WriteText { purpose: PathPurpose::SavePicture(picture), path, text, replace }]
            }
            None => {
                fail(state, "There is no picture without an estimate: choose a model that is known.");
                Vec::new()
            }
        },
        _ => {
            let (what, endings) = (path.display(), picture.endings().join(" or ."));
            fail(state, &format!("{what}: end the name in .{endings} to say what to save"));
            Vec::new()
        }
    }
}

/// A picture, table or report was written, or not.
pub(super) fn file_written(state: &mut State, purpose: PathPurpose, path: PathBuf, result: Result<(), WriteError>) {
    match result {
        Ok(()) => {
            notice(state, &format!("Saved {}", path.display()));
            if purpose == PathPurpose::SaveDecision {
                let decision = state.document.plan.decision.clone().unwrap_or_default();
                state.session.record_saved = Some((path, decision));
            }
        }
        Err(WriteError::ChangedOnDisk) => state.session.dialog = Some(Dialog::Replace(path, purpose)),
        Err(WriteError::MissingFolder(folder)) => {
            state.session.dialog = Some(Dialog::MissingFolder { folder, path, purpose });
        }
        Err(WriteError::Failed(error)) => {
            fail(state, &format!("Not saved. {error}"));
            state.session.dialog = Some(Dialog::Path(purpose, path.display().to_string()));
        }
    }
}

/// An earlier revision stands in a tab of its own, without a file: saving it asks where to.
pub(super) fn revision_read(state: &mut State, title: &str, result: Result<Loaded, StoreError>) {
    match result {
        Ok(loaded) => {
            let mut plan = loaded.plan;
            plan.name = format!("{} ({title})", plan.name);
            state.open_tab(Document { plan, unknown: loaded.unknown, ..Document::default() });
            notice(state, &format!("Opened {title}; it has no file of its own."));
        }
        Err(error) => fail(state, &error.to_string()),
    }
}
