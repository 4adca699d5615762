//! Everything that can change while the program runs, without threads and textures.

use super::history::History;
use super::page::Page;
use super::settings::Settings;
use crate::estimate::{Component, Subject};
use crate::plan::file::UnknownKey;
use crate::plan::{Plan, file};
use std::path::{Path, PathBuf};

/// The state of the program.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// The open plan.
    pub document: Document,
    /// Theme, units, recent files.
    pub settings: Settings,
    /// Selection, messages, dialogs: gone when the program ends.
    pub session: Session,
}

/// The open plan with its file and history.
#[derive(Clone, Debug, Default)]
pub struct Document {
    /// The plan.
    pub plan: Plan,
    /// Counts changes of `plan`: what is computed from it is kept until it moves.
    pub revision: u64,
    /// Undo and redo.
    pub history: History,
    /// Its file, once it has one.
    pub path: Option<PathBuf>,
    /// The plan as it was opened or last saved.
    pub saved_plan: Plan,
    /// The file's text at that time.
    pub saved_text: Option<String>,
    /// Keys of the file this version does not know.
    pub unknown: Vec<UnknownKey>,
    /// The user agreed to drop unknown keys that the file still has.
    pub unknown_dropped: bool,
}

impl Document {
    /// Whether there is something to save.
    pub fn is_dirty(&self) -> bool {
        self.unknown_dropped || self.plan != self.saved_plan
    }

    /// Text to write: the bytes that were read if nothing changed.
    pub fn text(&self) -> String {
        match &self.saved_text {
            Some(text) if !self.is_dirty() => text.clone(),
            _ => file::write(&self.plan, &self.unknown),
        }
    }

    /// Name for the title: the file's, or the plan's.
    pub fn title(&self) -> String {
        match self.path.as_deref().and_then(Path::file_name) {
            Some(name) => name.to_string_lossy().into_owned(),
            None => self.plan.name.clone(),
        }
    }
}

/// What is on screen right now.
#[derive(Clone, Debug, Default)]
pub struct Session {
    /// What the centre shows.
    pub page: Page,
    /// What the explanation is about.
    pub selected: Option<Subject>,
    /// Component under the pointer, in any chart or table.
    pub hovered: Option<Component>,
    /// Last message, shown in the status line.
    pub message: Option<Message>,
    /// Dialog that waits for an answer.
    pub dialog: Option<Dialog>,
    /// A model or plan is being read: its path.
    pub reading: Option<PathBuf>,
    /// The plan whose text is being written: what will be saved, even if the plan changes meanwhile.
    pub saving: Option<Plan>,
    /// What goes on once the plan is saved.
    pub after_save: Option<AfterUnsaved>,
    /// The window is to be closed without further questions.
    pub closing: bool,
}

/// A message in the status line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Bad news.
    pub is_error: bool,
    /// What happened.
    pub text: String,
}

/// A question that waits for an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Dialog {
    /// There are unsaved changes; what the user was about to do.
    Unsaved(AfterUnsaved),
    /// The file changed on disk since it was opened.
    ChangedOnDisk(PathBuf),
    /// A file of this name exists.
    Replace(PathBuf),
    /// Path to be typed for this purpose.
    Path(PathPurpose, String),
    /// Remarks on the file that was opened.
    FileRemarks(Vec<String>),
}

/// What the user was about to do when unsaved changes stood in the way.
#[derive(Clone, Debug, PartialEq)]
pub enum AfterUnsaved {
    /// Close the window.
    Close,
    /// Start from a plan.
    New(Box<Plan>),
    /// Open a file.
    Open(PathBuf),
}

/// What a typed path is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathPurpose {
    /// Open a plan.
    OpenPlan,
    /// Save the plan.
    SavePlan,
    /// Read a model.
    OpenModel,
}
