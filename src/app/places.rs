//! Where files are looked for, and the names that are proposed for new ones.

use super::command::Command;
use super::state::{PathPurpose, Picture, State};
use crate::app::command::{FileCommand, RunCommand, WeightsCommand};
use crate::tasks::tuning::Product;
use std::path::{MAIN_SEPARATOR, Path, PathBuf};

/// Folders of the person who started the program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// Where the program was started, or the home folder where it was not started from any place that says something.
    pub start: PathBuf,
    /// The home folder, which `~` stands for.
    pub home: Option<PathBuf>,
}

impl Places {
    /// Those of this run.
    pub fn of_this_run() -> Self {
        let home = directories::UserDirs::new().map(|dirs| dirs.home_dir().to_owned());
        // A program started from a menu begins at the root of the file system.
        let start = std::env::current_dir().ok().filter(|folder| folder.parent().is_some());
        Self { start: start.or_else(|| home.clone()).unwrap_or_default(), home }
    }

    /// The path that was typed, with `~` for the home folder.
    pub fn typed(&self, text: &str) -> PathBuf {
        match (text.strip_prefix('~'), &self.home) {
            (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with(['/', MAIN_SEPARATOR]) => {
                home.join(rest.trim_start_matches(['/', MAIN_SEPARATOR]))
            }
            // Whole, so that it means the same at the next start.
            _ => self.start.join(text),
        }
    }
}

/// What is done with a file or folder that was dropped or whose path was pasted.
pub fn command_for_file(path: PathBuf) -> Command {
    let is_plan = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("ron"));
    if is_plan { Command::File(FileCommand::OpenPlan(path)) } else { Command::File(FileCommand::OpenModel(path)) }
}

/// What is done with a path that was given for this purpose; `replace` once the user agreed to replace a file there.
pub const fn command_for(purpose: PathPurpose, path: PathBuf, replace: bool) -> Command {
    match purpose {
        PathPurpose::OpenPlan => Command::File(FileCommand::OpenPlan(path)),
        PathPurpose::SavePlan => Command::File(FileCommand::SaveAs { path, replace }),
        PathPurpose::OpenModel => Command::File(FileCommand::OpenModel(path)),
        PathPurpose::SavePicture(picture) => Command::File(FileCommand::SavePicture { picture, path, replace }),
        PathPurpose::OpenExamples => Command::File(FileCommand::OpenExamples(path)),
        PathPurpose::SaveProduct(product) => Command::Run(RunCommand::SaveProduct(product, path)),
        PathPurpose::ChooseBase => Command::Run(RunCommand::ChooseBase(Some(path))),
        PathPurpose::ChooseExamples => Command::Run(RunCommand::ChooseExamples(Some(path))),
        PathPurpose::SaveRun => Command::Run(RunCommand::SaveRecord { path, replace }),
        PathPurpose::ExamineModel => Command::Weights(WeightsCommand::Examine(Some(path))),
        PathPurpose::MeasureText => Command::Weights(WeightsCommand::MeasureOn(path)),
        PathPurpose::SaveLabels => Command::File(FileCommand::SaveLabels { path, replace }),
        PathPurpose::SaveDecision => Command::File(FileCommand::SaveDecision { path, replace }),
    }
}

/// Folder in which files of the shown plan are looked for.
pub fn folder(state: &State) -> PathBuf {
    let beside = state.document.path.as_deref().and_then(Path::parent).filter(|folder| !folder.as_os_str().is_empty());
    beside.unwrap_or(&state.session.places.start).to_owned()
}

/// Name that is proposed for a new file; `None` where one that exists is wanted.
pub fn proposed_name(state: &State, purpose: PathPurpose) -> Option<String> {
    let stem = file_stem(&state.document.plan.name);
    Some(match purpose {
        PathPurpose::SavePlan => match state.document.path.as_deref().and_then(Path::file_name) {
            Some(name) => name.to_string_lossy().into_owned(),
            None => format!("{stem}.plan.ron"),
        },
        PathPurpose::SavePicture(Picture::Memory) => format!("{stem}.png"),
        PathPurpose::SavePicture(Picture::Chart) => match &state.session.chart {
            Some(chart) => format!("{stem}-{}.png", file_stem(&chart.title)),
            None => format!("{stem}-chart.png"),
        },
        PathPurpose::SaveLabels => format!("{stem}-labels.csv"),
        PathPurpose::SaveDecision => format!("{stem}-decision.md"),
        PathPurpose::SaveRun => format!("{stem}-run.md"),
        PathPurpose::SaveProduct(Product::Adapter) => format!("{stem}-adapter"),
        PathPurpose::SaveProduct(Product::Merged) => format!("{stem}-merged"),
        PathPurpose::OpenPlan
        | PathPurpose::OpenModel
        | PathPurpose::ExamineModel
        | PathPurpose::MeasureText
        | PathPurpose::ChooseBase
        | PathPurpose::ChooseExamples
        | PathPurpose::OpenExamples => return None,
    })
}

/// What stands in the field of a typed path at first: a whole path to save to, or the folder to look in.
pub fn proposed_path(state: &State, purpose: PathPurpose) -> String {
    let folder = folder(state);
    match proposed_name(state, purpose) {
        Some(name) => folder.join(name).display().to_string(),
        None if folder.as_os_str().is_empty() => String::new(),
        None => format!("{}{MAIN_SEPARATOR}", folder.display()),
    }
}

/// A plan's name as a file name: letters and digits, the rest dashes.
fn file_stem(name: &str) -> String {
    let mut stem = String::new();
    for c in name.chars().take(80) {
        if c.is_alphanumeric() {
            stem.extend(c.to_lowercase());
        } else if !stem.ends_with('-') && !stem.is_empty() {
            stem.push('-');
        }
    }
    let stem = stem.trim_end_matches('-');
    if stem.is_empty() { "plan".to_owned() } else { stem.to_owned() }
}
