//! Dialogs of the system in which a file or folder is chosen.

use super::configuration;
use crate::app::command::{Command, FileCommand};
use crate::app::places;
use crate::app::state::{PathPurpose, State};
use crate::jobs::Jobs;
use rfd::AsyncFileDialog;
use std::time::Instant;

/// Nobody reads and closes a file dialog in less: there was none. The library does not tell one from the other.
const LEAST_DIALOG_SECS: f64 = 0.4;

/// Shows the dialog for `purpose`; its answer comes as a command.
pub fn pick(jobs: &Jobs<Command>, purpose: PathPurpose, state: &State) {
    let mut dialog = AsyncFileDialog::new().set_directory(places::folder(state));
    if let Some(name) = places::proposed_name(state, purpose) {
        dialog = dialog.set_file_name(name);
    }
    match purpose {
        PathPurpose::OpenPlan => {
            let dialog = dialog.set_title("Open plan").add_filter("Plans", &["ron"]).pick_file();
            await_answer(jobs, dialog, purpose);
        }
        PathPurpose::OpenModel => {
            let dialog = dialog.set_title("Open model").add_filter("Models", &["json", "safetensors", "gguf"]);
            let dialog = dialog.add_filter("Training configurations", &configuration::ENDINGS).pick_file();
            await_answer(jobs, dialog, purpose);
        }
        PathPurpose::ExamineModel => {
            let dialog =
                dialog.set_title("Examine weights").add_filter("Weights", &["safetensors", "gguf"]).pick_file();
            await_answer(jobs, dialog, purpose);
        }
        PathPurpose::MeasureText => {
            let dialog = dialog.set_title("Choose a text").add_filter("Text", &["txt", "md"]).pick_file();
            await_answer(jobs, dialog, purpose);
        }
        PathPurpose::ChooseBase => {
            let dialog = dialog.set_title("Choose the folder of a base model").pick_folder();
            await_answer(jobs, dialog, purpose);
        }
        PathPurpose::ChooseExamples => {
            let dialog = dialog.set_title("Choose examples").add_filter("Examples", &["jsonl"]).pick_file();
            await_answer(jobs, dialog, purpose);
        }
        PathPurpose::SaveProduct(product) => {
            let title = format!("Save the {} into a new folder", product.name());
            await_answer(jobs, dialog.set_title(title).save_file(), purpose);
        }
        PathPurpose::SaveRun => {
            let dialog = dialog.set_title("Save report of the run").add_filter("Markdown", &["md"]);
            await_answer(jobs, dialog.save_file(), purpose);
        }
        PathPurpose::SavePicture(picture) => {
            let dialog = dialog.set_title("Save picture").add_filter("Pictures", picture.endings());
            await_answer(jobs, dialog.save_file(), purpose);
        }
        PathPurpose::OpenExamples => {
            let filter = &["jsonl", "json", "csv"];
            let dialog = dialog.set_title("Open examples or labels").add_filter("Examples", filter).pick_file();
            await_answer(jobs, dialog, purpose);
        }
        PathPurpose::SaveLabels => {
            let dialog = dialog.set_title("Save labels").add_filter("Tables", &["csv"]);
            await_answer(jobs, dialog.save_file(), purpose);
        }
        PathPurpose::SaveDecision => {
            let dialog = dialog.set_title("Save record").add_filter("Pages", &["md", "html"]);
            await_answer(jobs, dialog.save_file(), purpose);
        }
        PathPurpose::SavePlan => {
            await_answer(jobs, dialog.set_title("Save plan").save_file(), purpose);
        }
    }
}

/// Waits on a thread for what the person chooses.
pub fn await_answer(
    jobs: &Jobs<Command>,
    dialog: impl Future<Output = Option<rfd::FileHandle>> + Send + 'static,
    purpose: PathPurpose,
) {
    jobs.spawn(
        "file-dialog",
        move |_error| Command::File(FileCommand::NoFileDialog(purpose)),
        move |_cancel| {
            let asked = Instant::now();
            match pollster::block_on(dialog) {
                // The system's dialog has asked already whether a file may be replaced.
                Some(file) => places::command_for(purpose, file.path().to_owned(), true),
                None if asked.elapsed().as_secs_f64() < LEAST_DIALOG_SECS => {
                    Command::File(FileCommand::NoFileDialog(purpose))
                }
                None => Command::File(FileCommand::NoFileChosen),
            }
        },
    );
}
