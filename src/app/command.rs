//! What can be asked of the program: by menus, keys, panels and finished jobs.

use super::changes::Changes;
use super::clipboard::Copied;
use super::key::Key;
use super::page::Page;
use super::recovery::Recovered;
use super::settings::ThemeChoice;
use super::state::{DocumentId, PathPurpose, Picture};
use crate::architecture::Architecture;
use crate::documents::store::{ExamplesFile, Opened, StoreError, WriteError};
use crate::estimate::{Component, Subject};
use crate::handover::configured::Configured;
use crate::plan::edit::PlanEdit;
use crate::plan::field::FieldId;
use crate::plan::file::Loaded;
use crate::quantize::Codec;
use crate::report::chart::Chart;
use crate::solve::search::Limits;
use crate::tasks::measuring;
use crate::tasks::searching;
use crate::tasks::tuning::{self, Product, Request};
use crate::tasks::weighing::{News, Ranks};
use crate::text::Language;
use crate::units::ByteUnit;
use crate::validation::Evidence;
use std::path::PathBuf;
use std::sync::Arc;

pub use super::menu::{CommandInfo, MenuCommand};

/// Commands of one frame.
pub type Commands = Vec<Command>;

/// One request. The groups are matched whole, so that a new command cannot be forgotten.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// A command of the menu.
    Menu(MenuCommand),
    /// Change the plan.
    Edit(PlanEdit),
    /// The pointer or key was let go: a drag is over.
    EndGesture,
    /// Go to the moment when this many steps were done.
    GoToStep(usize),
    /// Start from a template.
    NewFromTemplate(&'static str),
    /// Show another open plan: its place among the tabs.
    ShowTab(usize),
    /// Close an open plan: its place among the tabs.
    CloseTab(usize),
    /// What to change in a revision of a plan was found, or why nothing can be.
    ChangesFound(Key, Result<Arc<Changes>, String>),
    /// The shipped measurements were predicted.
    Evidence(&'static Evidence),
    /// Take the recommendation of the decision into the plan.
    TakeDecision,
    /// A text was pasted or typed: a `config.json`, a plan, or a model's name.
    Paste(String),
    /// The window is asked to close.
    CloseRequested,
    /// Answer to the open dialog.
    Answer(Answer),
    /// The text of the open dialog changed.
    TypePath(String),
    /// Plans of an earlier run that ended without saving them.
    Recovered(Vec<Recovered>),
    /// Do something with a chart as it is seen.
    Chart(ChartCommand, Arc<Chart>),
    /// A picture is ready for the clipboard.
    PictureDrawn(Picture, Arc<egui::ColorImage>),
    /// Something was put on the clipboard, or not and why; the name says what.
    Copied(&'static str, Copied),
    /// A preview on this machine.
    Run(RunCommand),
    /// The examination of weights.
    Weights(WeightsCommand),
    /// The search through the space of plans.
    Search(SearchCommand),
    /// What belongs to the person.
    Settings(SettingsCommand),
    /// What is seen, not what is planned.
    Look(LookCommand),
    /// What is told to the user.
    Message(MessageCommand),
    /// Files: asked for, read, written.
    File(FileCommand),
}

/// A preview on this machine.
#[derive(Clone, Debug, PartialEq)]
pub enum RunCommand {
    /// What a preview is asked for besides the plan.
    Request(Box<Request>),
    /// Folder of the base model of a preview; without it the embedded one.
    ChooseBase(Option<PathBuf>),
    /// File of examples for a preview; without it the built-in task.
    ChooseExamples(Option<PathBuf>),
    /// Run the plan's settings small, on this machine.
    Start,
    /// Let the run that rests go on for so many steps more.
    Continue(usize),
    /// Let the run wait, or go on.
    Pause(bool),
    /// End the run; what it learned is kept.
    Stop,
    /// What the run of this number tells.
    Told(u64, Box<tuning::News>),
    /// Save what was trained into a new folder.
    SaveProduct(Product, PathBuf),
    /// It was saved there.
    ProductSaved(Product, PathBuf),
    /// Save what the run told as Markdown under this name.
    SaveRecord {
        /// File to write.
        path: PathBuf,
        /// The user agreed to replace a file of this name.
        replace: bool,
    },
}

/// The examination of weights.
#[derive(Clone, Debug, PartialEq)]
pub enum WeightsCommand {
    /// Examine the weights of a model, or of the embedded one, in all formats.
    Examine(Option<PathBuf>),
    /// Stop examining; what was found stays.
    Stop,
    /// Measure on this text what the formats do to what the examined model says.
    MeasureOn(PathBuf),
    /// What the measurement for the examination of this number found.
    Measured(u64, Box<measuring::News>),
    /// Look at what ranks hold of a tensor of the examined model, and of its error in a format.
    LookAtRanks(usize, Codec),
    /// What was found of the model with this number.
    RanksFound(u64, Box<Ranks>),
    /// What the examination of this number found.
    Examined(u64, News),
}

/// The search through the space of plans.
#[derive(Clone, Debug, PartialEq)]
pub enum SearchCommand {
    /// Search the whole space of plans around the shown one.
    Start(Limits),
    /// Stop searching; what was found stays.
    Stop,
    /// What the search of this number found.
    Told(u64, Box<searching::News>),
}

/// What belongs to the person.
#[derive(Clone, Debug, PartialEq)]
pub enum SettingsCommand {
    /// Choose a theme.
    Theme(ThemeChoice),
    /// Everything was enlarged this much.
    Zoom(f32),
    /// Choose the unit of memory.
    Unit(ByteUnit),
    /// Choose the language of the window.
    Language(Language),
    /// Type the name that stands on exported pictures.
    Author(String),
}

/// What is seen, not what is planned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LookCommand {
    /// Show another page.
    Page(Page),
    /// Show the explanation of something.
    Select(Subject),
    /// The pointer is over a component, or over none.
    Hover(Option<Component>),
    /// The pointer is over a setting, or over none.
    HoverField(Option<FieldId>),
    /// Search the settings for a label.
    FindSetting(&'static str),
    /// Show training and inference side by side, or only the plan's own workload.
    Both(bool),
    /// Turn to a step of the follow-along page.
    Step(usize),
}

/// What is told to the user.
#[derive(Clone, Debug, PartialEq)]
pub enum MessageCommand {
    /// Tell the user that something went wrong, on whatever tab.
    Tell(String),
    /// Tell the user that what was typed for the shown plan is not understood.
    Refuse(String),
    /// A message was read: its number.
    Dismiss(u64),
    /// A notice was shown long enough: its number.
    Fade(u64),
}

/// Files: asked for, read, written.
#[derive(Clone, Debug, PartialEq)]
pub enum FileCommand {
    /// Open this plan file.
    OpenPlan(PathBuf),
    /// Save under this name; `replace` once the user agreed.
    SaveAs {
        /// File to write.
        path: PathBuf,
        /// The user agreed to replace a file of this name.
        replace: bool,
    },
    /// Read a model from this file or folder.
    OpenModel(PathBuf),
    /// Open the shown plan's file as it was in this revision, in a tab of its own.
    OpenRevision(String),
    /// It was read, or why not.
    RevisionRead(String, Box<Result<Loaded, StoreError>>),
    /// Choose a file for this purpose.
    PickFile(PathPurpose),
    /// Type a path for this purpose.
    AskPath(PathPurpose),
    /// Read examples to be labelled, or labels of them, from this file.
    OpenExamples(PathBuf),
    /// Examples or labels were read.
    ExamplesRead(PathBuf, Box<Result<ExamplesFile, StoreError>>),
    /// Save the labels under this name.
    SaveLabels {
        /// File to write.
        path: PathBuf,
        /// The user agreed to replace a file of this name.
        replace: bool,
    },
    /// Save the record of the decision under this name.
    SaveDecision {
        /// File to write.
        path: PathBuf,
        /// The user agreed to replace a file of this name.
        replace: bool,
    },
    /// A plan file was read.
    PlanRead(PathBuf, Box<Result<Opened, StoreError>>),
    /// A plan file was written with this text.
    PlanWritten(DocumentId, PathBuf, String, Result<(), WriteError>),
    /// The file of an open plan is no longer what it was; what it says now.
    Changed(PathBuf, Box<Result<Opened, StoreError>>),
    /// Save a picture under this name, as its ending says: see [`Picture::endings`].
    SavePicture {
        /// What it shows.
        picture: Picture,
        /// File to write.
        path: PathBuf,
        /// The user agreed to replace a file of this name.
        replace: bool,
    },
    /// A file other than a plan was written, or not and why.
    Written(PathPurpose, PathBuf, Result<(), WriteError>),
    /// There is no folder to write this file into.
    NoFolder {
        /// The missing folder.
        folder: PathBuf,
        /// The file.
        path: PathBuf,
        /// What it is.
        purpose: PathPurpose,
    },
    /// The folder for this file was made, or not and why.
    FolderMade(PathPurpose, PathBuf, Result<(), String>),
    /// A model was read.
    ModelRead(PathBuf, Box<Result<Architecture, String>>),
    /// A configuration of a training engine was read and made a plan.
    ConfigRead(PathBuf, Box<Configured>),
    /// A file dialog was closed without a file.
    NoFileChosen,
    /// This system shows no file dialog.
    NoFileDialog(PathPurpose),
}

/// What can be done with any chart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChartCommand {
    /// Put it on the clipboard as a picture.
    CopyPicture,
    /// Put its figures on the clipboard as a table.
    CopyData,
    /// Save it as a picture.
    Save,
}

impl ChartCommand {
    /// All, in the order of the menu.
    pub const ALL: [Self; 3] = [Self::CopyPicture, Self::CopyData, Self::Save];

    /// Words of the menu.
    pub const fn title(self) -> &'static str {
        match self {
            Self::CopyPicture => "Copy as a picture",
            Self::CopyData => "Copy its figures as a table",
            Self::Save => "Save as PNG…",
        }
    }
}

/// Answers to dialogs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Save, then go on.
    Save,
    /// Go on without saving; replace; overwrite; restore; reload.
    GoOn,
    /// Go back; keep what is open.
    Cancel,
    /// Forget the keys this version does not know; the plans of an earlier run.
    Drop,
}
