//! What concerns files: asked for, read, written.

use super::{decision, dispatch, fail, files};
use crate::app::command::FileCommand;
use crate::app::effect::Effect;
use crate::app::places;
use crate::app::state::{Dialog, State};

/// Carries out what concerns files.
pub(super) fn carry_out(state: &mut State, command: FileCommand) -> Vec<Effect> {
    match command {
        FileCommand::OpenPlan(path) => files::open_plan(state, path),
        FileCommand::SaveAs { path, replace } => files::save_as(state, &path, replace),
        FileCommand::OpenModel(path) => {
            state.session.reading = Some(path.clone());
            vec![Effect::ReadModel(path)]
        }
        FileCommand::OpenRevision(revision) => match &state.document.path {
            Some(path) => vec![Effect::ReadRevision(path.clone(), revision)],
            None => {
                fail(state, "This plan has no file yet, so it has no revisions: save it first.");
                Vec::new()
            }
        },
        FileCommand::RevisionRead(title, result) => {
            files::revision_read(state, &title, *result);
            Vec::new()
        }
        FileCommand::PickFile(purpose) => vec![Effect::PickFile(purpose)],
        FileCommand::AskPath(purpose) => files::ask_path(state, purpose),
        FileCommand::OpenExamples(path) => vec![Effect::ReadExamples(path)],
        FileCommand::ExamplesRead(path, result) => {
            decision::examples_read(state, path, *result);
            Vec::new()
        }
        FileCommand::SaveLabels { path, replace } => decision::save_labels(state, path, replace),
        FileCommand::SaveDecision { path, replace } => decision::save_record(state, path, replace),
        FileCommand::PlanRead(path, result) => files::plan_read(state, &path, *result),
        FileCommand::PlanWritten(document, path, text, result) => {
            files::plan_written(state, document, path, text, result)
        }
        FileCommand::Changed(path, result) => {
            files::file_changed(state, path, *result);
            Vec::new()
        }
        FileCommand::SavePicture { picture, path, replace } => files::save_picture(state, picture, path, replace),
        FileCommand::Written(purpose, path, result) => {
            files::file_written(state, purpose, path, result);
            Vec::new()
        }
        FileCommand::NoFolder { folder, path, purpose } => {
            state.session.dialog = Some(Dialog::MissingFolder { folder, path, purpose });
            Vec::new()
        }
        FileCommand::FolderMade(purpose, path, Ok(())) => dispatch(state, places::command_for(purpose, path, false)),
        FileCommand::FolderMade(purpose, path, Err(why)) => {
            fail(state, &why);
            state.session.dialog = Some(Dialog::Path(purpose, path.display().to_string()));
            Vec::new()
        }
        FileCommand::ModelRead(path, result) => {
            files::model_read(state, &path, *result);
            Vec::new()
        }
        FileCommand::ConfigRead(path, configured) => {
            files::config_read(state, &path, *configured);
            Vec::new()
        }
        FileCommand::NoFileChosen => {
            // What was to follow the save would otherwise follow a later one.
            state.session.after_save = None;
            Vec::new()
        }
        // The path can always be typed.
        FileCommand::NoFileDialog(purpose) if state.session.dialog.is_none() => files::ask_path(state, purpose),
        FileCommand::NoFileDialog(_) => Vec::new(),
    }
}
