//! The only place where the state changes. Pure: what must happen outside comes back as effects.

use super::command::{Answer, Command, MenuCommand};
use super::effect::Effect;
use super::history::History;
use super::state::{AfterUnsaved, Dialog, Document, Message, PathPurpose, State};
use super::store::WriteError;
use crate::plan::edit::PlanEdit;
use crate::plan::file::Loaded;
use crate::plan::{ModelSource, Plan, templates};
use crate::units::ByteUnit;
use std::path::{Path, PathBuf};

/// Carries out one command.
pub fn dispatch(state: &mut State, command: Command) -> Vec<Effect> {
    match command {
        Command::Menu(command) => menu(state, command),
        Command::Edit(edit) => {
            apply(state, &edit);
            Vec::new()
        }
        Command::EndGesture => {
            state.document.history.end_gesture();
            Vec::new()
        }
        Command::NewFromTemplate(name) => match templates().iter().find(|template| template.name == name) {
            Some(template) => unless_unsaved(state, AfterUnsaved::New(Box::new(template.plan.clone()))),
            None => Vec::new(),
        },
        Command::OpenPlan(path) => unless_unsaved(state, AfterUnsaved::Open(path)),
        Command::SaveAs { path, replace } => {
            let named = with_ending(&path);
            // A dialog's question was about the name as typed, not about the one with the ending.
            let replace = replace && named == path;
            save_as(state, named, replace)
        }
        Command::OpenModel(path) => {
            state.session.reading = Some(path.clone());
            vec![Effect::ReadModel(path)]
        }
        Command::ShowPage(page) => {
            state.session.page = page;
            Vec::new()
        }
        Command::Select(subject) => {
            state.session.selected = Some(subject);
            Vec::new()
        }
        Command::Hover(component) => {
            state.session.hovered = component;
            Vec::new()
        }
        Command::SetTheme(theme) => {
            state.settings.theme = theme;
            vec![Effect::SaveSettings]
        }
        Command::SetZoom(zoom) => {
            state.settings.zoom = zoom;
            vec![Effect::SaveSettings]
        }
        Command::SetUnit(unit) => {
            state.settings.unit = unit;
            vec![Effect::SaveSettings]
        }
        Command::CloseRequested => unless_unsaved(state, AfterUnsaved::Close),
        Command::Answer(answer) => answered(state, answer),
        Command::TypePath(text) => {
            if let Some(Dialog::Path(_, path)) = &mut state.session.dialog {
                *path = text;
            }
            Vec::new()
        }
        Command::PlanRead(path, result) => plan_read(state, &path, *result),
        Command::PlanWritten(path, text, result) => plan_written(state, path, text, result),
        Command::ModelRead(path, result) => {
            model_read(state, &path, *result);
            Vec::new()
        }
        Command::NoFileChosen(purpose) => {
            // What was to follow the save would otherwise follow a later one.
            state.session.after_save = None;
            // Cancelled or no dialog on this system: the path field is always there.
            if state.session.dialog.is_none() {
                tell(state, false, &format!("No file chosen. {} also takes a typed path.", by_path(purpose)));
            }
            Vec::new()
        }
        Command::DismissMessage => {
            state.session.message = None;
            Vec::new()
        }
        Command::Tell(text) => {
            tell(state, true, &text);
            Vec::new()
        }
    }
}

const fn by_path(purpose: PathPurpose) -> &'static str {
    match purpose {
        PathPurpose::OpenPlan => MenuCommand::OpenByPath.info().title,
        PathPurpose::SavePlan => MenuCommand::SaveByPath.info().title,
        PathPurpose::OpenModel => MenuCommand::OpenModelByPath.info().title,
    }
}

fn tell(state: &mut State, is_error: bool, text: &str) {
    state.session.message = Some(Message { is_error, text: text.to_owned() });
}

fn menu(state: &mut State, command: MenuCommand) -> Vec<Effect> {
    if let Err(why) = command.enabled(state) {
        tell(state, false, &format!("{}: {why}", command.info().title));
        return Vec::new();
    }
    match command {
        MenuCommand::New => unless_unsaved(state, AfterUnsaved::New(Box::default())),
        MenuCommand::Open => vec![Effect::PickFile(PathPurpose::OpenPlan)],
        MenuCommand::OpenByPath => ask_path(state, PathPurpose::OpenPlan),
        MenuCommand::Save => match state.document.path.clone() {
            Some(path) => {
                let expected = state.document.saved_text.clone();
                write(state, path, expected)
            }
            None => vec![Effect::PickFile(PathPurpose::SavePlan)],
        },
        MenuCommand::SaveAs => vec![Effect::PickFile(PathPurpose::SavePlan)],
        MenuCommand::SaveByPath => ask_path(state, PathPurpose::SavePlan),
        MenuCommand::OpenModelFile => vec![Effect::PickFile(PathPurpose::OpenModel)],
        MenuCommand::OpenModelFolder => vec![Effect::PickModelFolder],
        MenuCommand::OpenModelByPath => ask_path(state, PathPurpose::OpenModel),
        MenuCommand::Undo => {
            if let Some(label) = state.document.history.undo(&mut state.document.plan) {
                state.document.revision += 1;
                tell(state, false, &format!("Undone: {label}"));
            }
            Vec::new()
        }
        MenuCommand::Redo => {
            if let Some(label) = state.document.history.redo(&mut state.document.plan) {
                state.document.revision += 1;
                tell(state, false, &format!("Done again: {label}"));
            }
            Vec::new()
        }
        MenuCommand::ToggleUnit => {
            state.settings.unit = match state.settings.unit {
                ByteUnit::GiB => ByteUnit::GB,
                ByteUnit::GB => ByteUnit::GiB,
            };
            vec![Effect::SaveSettings]
        }
        MenuCommand::Quit => unless_unsaved(state, AfterUnsaved::Close),
    }
}

fn ask_path(state: &mut State, purpose: PathPurpose) -> Vec<Effect> {
    let start = match (purpose, &state.document.path) {
        (PathPurpose::SavePlan, Some(path)) => path.display().to_string(),
        _ => String::new(),
    };
    state.session.dialog = Some(Dialog::Path(purpose, start));
    Vec::new()
}

fn apply(state: &mut State, edit: &PlanEdit) {
    let before = state.document.plan.clone();
    match edit.apply(&mut state.document.plan) {
        Ok(()) if state.document.plan == before => {}
        Ok(()) => {
            state.document.history.record(&before, edit);
            // What was said was about the plan as it was.
            state.session.message = None;
            state.document.revision += 1;
        }
        Err(error) => tell(state, true, &error.to_string()),
    }
}

/// Goes on, or asks first where changes would be lost.
fn unless_unsaved(state: &mut State, after: AfterUnsaved) -> Vec<Effect> {
    if state.document.is_dirty() {
        state.session.dialog = Some(Dialog::Unsaved(after));
        return Vec::new();
    }
    go_on(state, after)
}

fn go_on(state: &mut State, after: AfterUnsaved) -> Vec<Effect> {
    match after {
        AfterUnsaved::Close => {
            state.session.closing = true;
            vec![Effect::Close]
        }
        AfterUnsaved::New(plan) => {
            start(state, *plan);
            Vec::new()
        }
        AfterUnsaved::Open(path) => {
            state.session.reading = Some(path.clone());
            vec![Effect::ReadPlan(path)]
        }
    }
}

fn start(state: &mut State, plan: Plan) {
    state.document =
        Document { saved_plan: plan.clone(), plan, revision: state.document.revision + 1, ..Document::default() };
    state.session.saving = None;
}

fn answered(state: &mut State, answer: Answer) -> Vec<Effect> {
    let Some(dialog) = state.session.dialog.take() else { return Vec::new() };
    match (dialog, answer) {
        (Dialog::Unsaved(after), Answer::GoOn) => {
            // The plan stays changed until another takes its place: opening may still fail.
            go_on(state, after)
        }
        (Dialog::Unsaved(after), Answer::Save) => {
            state.session.after_save = Some(after);
            menu(state, MenuCommand::Save)
        }
        (Dialog::ChangedOnDisk(path), Answer::GoOn) => write(state, path, None),
        (Dialog::Replace(path), Answer::GoOn) => save_as(state, path, true),
        (Dialog::Path(purpose, text), Answer::GoOn) => typed_path(state, purpose, &text),
        (Dialog::FileRemarks(_), Answer::DropUnknown) => {
            state.document.unknown.clear();
            state.document.unknown_dropped = true;
            tell(state, false, "Unknown keys are dropped with the next save.");
            Vec::new()
        }
        _ => {
            state.session.after_save = None;
            Vec::new()
        }
    }
}

fn typed_path(state: &mut State, purpose: PathPurpose, text: &str) -> Vec<Effect> {
    let text = text.trim().trim_matches('"');
    if text.is_empty() {
        return Vec::new();
    }
    let path = PathBuf::from(text);
    match purpose {
        PathPurpose::OpenPlan => dispatch(state, Command::OpenPlan(path)),
        PathPurpose::SavePlan => dispatch(state, Command::SaveAs { path, replace: false }),
        PathPurpose::OpenModel => dispatch(state, Command::OpenModel(path)),
    }
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

fn save_as(state: &mut State, path: PathBuf, replace: bool) -> Vec<Effect> {
    let own = state.document.path.as_deref() == Some(path.as_path());
    if !replace && !own {
        // An empty text is what a file that is not there has: anything else asks before it is replaced.
        return write(state, path, Some(String::new()));
    }
    let expected = if replace { None } else { state.document.saved_text.clone() };
    write(state, path, expected)
}

fn write(state: &mut State, path: PathBuf, expected: Option<String>) -> Vec<Effect> {
    state.session.saving = Some(state.document.plan.clone());
    vec![Effect::WritePlan { path, text: state.document.text(), expected }]
}

fn plan_read(state: &mut State, path: &Path, result: Result<Loaded, super::store::StoreError>) -> Vec<Effect> {
    state.session.reading = None;
    match result {
        Ok(loaded) => {
            let remarks: Vec<String> = loaded.diagnostics.iter().map(ToString::to_string).collect();
            state.document = Document {
                plan: loaded.plan.clone(),
                revision: state.document.revision + 1,
                history: History::default(),
                path: Some(path.to_owned()),
                saved_plan: loaded.plan,
                saved_text: Some(loaded.source),
                unknown: loaded.unknown,
                unknown_dropped: false,
            };
            state.session.saving = None;
            if !remarks.is_empty() {
                state.session.dialog = Some(Dialog::FileRemarks(remarks));
            }
            state.settings.remember(path);
            tell(state, false, &format!("Opened {}", path.display()));
            vec![Effect::SaveSettings]
        }
        // The open plan stays; the file that did not parse is never tied to it, so it cannot be saved over.
        Err(error) => {
            tell(state, true, &format!("{error}. The file is left as it is."));
            Vec::new()
        }
    }
}

fn plan_written(state: &mut State, path: PathBuf, text: String, result: Result<(), WriteError>) -> Vec<Effect> {
    match result {
        Ok(()) => {
            state.settings.remember(&path);
            tell(state, false, &format!("Saved {}", path.display()));
            // Another plan may have been opened while this one was written: then the file is not its own.
            if let Some(plan) = state.session.saving.take() {
                state.document.saved_plan = plan;
                state.document.saved_text = Some(text);
                state.document.unknown_dropped = false;
                state.document.path = Some(path);
            }
            let mut effects = vec![Effect::SaveSettings];
            if let Some(after) = state.session.after_save.take() {
                effects.extend(unless_unsaved(state, after));
            }
            effects
        }
        Err(WriteError::ChangedOnDisk) => {
            state.session.dialog = Some(if state.document.path.as_deref() == Some(path.as_path()) {
                Dialog::ChangedOnDisk(path)
            } else {
                Dialog::Replace(path)
            });
            Vec::new()
        }
        Err(WriteError::Failed(error)) => {
            state.session.after_save = None;
            tell(state, true, &format!("Not saved. {error}"));
            Vec::new()
        }
    }
}

fn model_read(state: &mut State, path: &Path, result: Result<crate::architecture::Architecture, String>) {
    state.session.reading = None;
    match result {
        Ok(architecture) => {
            let source = ModelSource::File { path: path.display().to_string(), architecture: Box::new(architecture) };
            apply(state, &PlanEdit::Model(source));
            tell(state, false, &format!("Model read from {}", path.display()));
        }
        Err(error) => tell(state, true, &error),
    }
}
