//! Everything that can change while the program runs, without threads and textures.

use super::changes::Changes;
use super::history::History;
pub use super::key::DocumentId;
use super::key::Key;
use super::messages::Messages;
use super::page::Page;
use super::places::Places;
use super::recovery::Recovered;
use super::settings::Settings;
use super::tabs::Others;
use crate::decide::tally::Reading;
use crate::documents::store::Opened;
use crate::estimate::{Component, Subject};
use crate::handover::account::Section;
use crate::plan::decision::Decision;
use crate::plan::field::FieldId;
use crate::plan::file::UnknownKey;
use crate::plan::{Plan, file};
use crate::report::chart::Chart;
use crate::tasks::measuring::Measuring;
use crate::tasks::searching::Searching;
use crate::tasks::tuning::{Product, Request, Tuning};
use crate::tasks::weighing::Weighing;
use crate::validation::Evidence;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The state of the program.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// The plan that is shown.
    pub document: Document,
    /// The other open plans.
    pub others: Others,
    /// Theme, units, recent files.
    pub settings: Settings,
    /// Selection, messages, dialogs: gone when the program ends.
    pub session: Session,
}

/// An open plan with its file and history.
#[derive(Clone, Debug, Default)]
pub struct Document {
    /// Its number.
    pub id: DocumentId,
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
    /// The plan whose text is being written: what will be saved, even if the plan changes meanwhile.
    pub saving: Option<Plan>,
    /// The file cannot be written by this user.
    pub read_only: bool,
}

impl Document {
    /// Whether there is something to save.
    pub fn is_dirty(&self) -> bool {
        self.unknown_dropped || self.plan != self.saved_plan
    }

    /// Whether nothing was done here yet: a new plan may take its place.
    pub fn is_untouched(&self) -> bool {
        self.path.is_none() && !self.is_dirty() && self.history.is_empty()
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
    /// The chart of which a picture is wanted.
    pub chart: Option<Arc<Chart>>,
    /// Component under the pointer, in any chart or table.
    pub hovered: Option<Component>,
    /// Setting under the pointer.
    pub hovered_field: Option<FieldId>,
    /// Training and inference are shown side by side.
    pub both: bool,
    /// What to change in the shown plan, once it was found, and for which revision.
    pub changes: Option<(Key, Result<Arc<Changes>, String>)>,
    /// The revision it was last asked for.
    pub changes_asked: Option<Key>,
    /// The last search of the whole space of plans.
    pub searching: Option<Box<Searching>>,
    /// The revision that it was begun around.
    pub searched_around: Key,
    /// What a preview is asked for besides the plan.
    pub request: Request,
    /// The last preview.
    pub tuning: Option<Box<Tuning>>,
    /// The model whose weights were last examined.
    pub weighing: Option<Weighing>,
    /// What its formats do to what it says.
    pub measuring: Option<Measuring>,
    /// Shipped measurements with their predictions, once the page that shows them was opened.
    pub evidence: Option<&'static Evidence>,
    /// Step of the follow-along page, from 0.
    pub step: usize,
    /// The plan that others are compared with.
    pub baseline: Option<Baseline>,
    /// Counts pins and unpins: what is compared with the baseline is kept until it moves.
    pub pins: u64,
    /// Large type for a shared screen.
    pub presenting: bool,
    /// A ring around the pointer.
    pub spotlight: bool,
    /// The window fills the screen.
    pub full_screen: bool,
    /// Counts requests to search the settings: the field takes the focus when it moves.
    pub searches: u64,
    /// What the last such request was for; empty: the user types it.
    pub searched: &'static str,
    /// What was said and still matters.
    pub messages: Messages,
    /// Dialog that waits for an answer.
    pub dialog: Option<Dialog>,
    /// A model or plan is being read: its path.
    pub reading: Option<PathBuf>,
    /// Where the record of a decision was saved last, with the decision that it is of.
    pub record_saved: Option<(PathBuf, Box<Decision>)>,
    /// Examples that are being labelled.
    pub examples: Option<Arc<OpenExamples>>,
    /// Where files are looked for and proposed.
    pub places: Places,
    /// Today, `YYYY-MM-DD`, where the program knows.
    pub today: String,
    /// What goes on once the plan is saved.
    pub after_save: Option<AfterUnsaved>,
    /// Plans whose changes the user gave up while closing the window.
    pub given_up: Vec<DocumentId>,
    /// The window is to be closed without further questions.
    pub closing: bool,
}

/// Examples that were read for labelling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenExamples {
    /// Their file.
    pub path: PathBuf,
    /// What was read, and what was left out.
    pub reading: Reading,
}

/// A plan that was pinned.
#[derive(Clone, Debug, PartialEq)]
pub struct Baseline {
    /// Where it was pinned.
    pub document: DocumentId,
    /// Its name then.
    pub title: String,
    /// The plan as it was.
    pub plan: Plan,
}

impl State {
    /// The key of what is shown now.
    pub const fn key(&self) -> Key {
        Key::new(self.document.id, self.document.revision, self.session.pins, self.session.both)
    }

    /// Whether the shown plan, as it is, is the baseline.
    pub fn is_pinned(&self) -> bool {
        self.session.baseline.as_ref().is_some_and(|pinned| pinned.plan == self.document.plan)
    }
}

/// A question that waits for an answer, or a sheet over the window.
#[derive(Clone, Debug, PartialEq)]
pub enum Dialog {
    /// There are unsaved changes; what the user was about to do.
    Unsaved(AfterUnsaved),
    /// The file changed on disk since it was opened, seen while saving.
    ChangedOnDisk(PathBuf),
    /// The file of an open plan changed on disk; what it says now.
    External(PathBuf, Box<Opened>),
    /// A file of this name exists.
    Replace(PathBuf, PathPurpose),
    /// Path to be typed for this purpose.
    Path(PathPurpose, String),
    /// The folder of a file to be written does not exist.
    MissingFolder {
        /// The missing folder.
        folder: PathBuf,
        /// The file.
        path: PathBuf,
        /// What it is.
        purpose: PathPurpose,
    },
    /// A text to be pasted.
    Paste(String),
    /// Remarks on the file that was opened.
    FileRemarks(Vec<String>),
    /// What became of every key of an imported configuration: a sentence and its sections.
    Imported(String, Vec<Section>),
    /// Plans of an earlier run that ended without saving them.
    Recovered(Vec<Recovered>),
    /// Search over everything.
    Palette,
    /// All keys.
    Shortcuts,
    /// Settings of the person.
    Settings,
}

/// What the user was about to do when unsaved changes stood in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterUnsaved {
    /// Close the window.
    Close,
    /// Close the shown tab.
    CloseTab,
}

/// What a picture shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Picture {
    /// The memory charts of the shown plan.
    Memory,
    /// The chart that the session holds.
    Chart,
}

impl Picture {
    /// What it is, at the beginning of a sentence.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Memory => "The memory charts",
            Self::Chart => "The chart",
        }
    }

    /// Endings of files it can be saved as.
    pub const fn endings(self) -> &'static [&'static str] {
        match self {
            Self::Memory => &["png", "svg"],
            Self::Chart => &["png"],
        }
    }
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
    /// Save a picture.
    SavePicture(Picture),
    /// Examine the weights of a model.
    ExamineModel,
    /// Measure the formats of an examined model on a text.
    MeasureText,
    /// Choose the base model of a preview: a folder.
    ChooseBase,
    /// Choose the examples of a preview.
    ChooseExamples,
    /// Save what was trained into a new folder.
    SaveProduct(Product),
    /// Save what a run told.
    SaveRun,
    /// Read examples, or labels of them.
    OpenExamples,
    /// Save the labels of examples.
    SaveLabels,
    /// Save the record of the decision.
    SaveDecision,
}
