//! What can be asked of the program: by menus, keys, panels and finished jobs.

use super::page::Page;
use super::settings::ThemeChoice;
use super::state::{PathPurpose, State};
use super::store::{StoreError, WriteError};
use crate::architecture::Architecture;
use crate::estimate::{Component, Subject};
use crate::plan::edit::PlanEdit;
use crate::plan::file::Loaded;
use crate::units::ByteUnit;
use egui::{Key, KeyboardShortcut, Modifiers};
use std::path::PathBuf;

/// Commands of one frame.
pub type Commands = Vec<Command>;

/// One request.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// A command of the menu.
    Menu(MenuCommand),
    /// Change the plan.
    Edit(PlanEdit),
    /// The pointer or key was let go: a drag is over.
    EndGesture,
    /// Start from a template.
    NewFromTemplate(&'static str),
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
    /// Show another page.
    ShowPage(Page),
    /// Show the explanation of something.
    Select(Subject),
    /// The pointer is over a component, or over none.
    Hover(Option<Component>),
    /// Choose a theme.
    SetTheme(ThemeChoice),
    /// Everything was enlarged this much.
    SetZoom(f32),
    /// Choose the unit of memory.
    SetUnit(ByteUnit),
    /// The window is asked to close.
    CloseRequested,
    /// Answer to the open dialog.
    Answer(Answer),
    /// The typed path changed.
    TypePath(String),
    /// A plan file was read.
    PlanRead(PathBuf, Box<Result<Loaded, StoreError>>),
    /// A plan file was written with this text.
    PlanWritten(PathBuf, String, Result<(), WriteError>),
    /// A model was read.
    ModelRead(PathBuf, Box<Result<Architecture, String>>),
    /// A file dialog ended without a file: cancelled, or there is no dialog on this system.
    NoFileChosen(PathPurpose),
    /// Tell the user that something went wrong.
    Tell(String),
    /// The last message was read.
    DismissMessage,
}

/// Answers to dialogs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Save, then go on.
    Save,
    /// Go on without saving; replace; overwrite.
    GoOn,
    /// Go back.
    Cancel,
    /// Forget the keys this version does not know.
    DropUnknown,
}

/// Commands with a name and a key, listed in menus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "named in `info`")]
pub enum MenuCommand {
    New,
    Open,
    OpenByPath,
    Save,
    SaveAs,
    SaveByPath,
    OpenModelFile,
    OpenModelFolder,
    OpenModelByPath,
    Undo,
    Redo,
    ToggleUnit,
    Quit,
}

/// Name, help and key of a menu command.
pub struct CommandInfo {
    /// Name in menus; `…` where it asks for more.
    pub title: &'static str,
    /// One sentence.
    pub help: &'static str,
    /// Key.
    pub shortcut: Option<KeyboardShortcut>,
}

const fn key(modifiers: Modifiers, key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(modifiers, key)
}

const COMMAND_SHIFT: Modifiers = Modifiers { shift: true, ..Modifiers::COMMAND };

impl MenuCommand {
    /// All; those whose keys have more modifiers first, so that `Ctrl+Shift+S` is not taken for `Ctrl+S`.
    pub const ALL: [Self; 13] = [
        Self::SaveAs,
        Self::Redo,
        Self::OpenByPath,
        Self::New,
        Self::Open,
        Self::Save,
        Self::SaveByPath,
        Self::OpenModelFile,
        Self::OpenModelFolder,
        Self::OpenModelByPath,
        Self::Undo,
        Self::ToggleUnit,
        Self::Quit,
    ];

    /// Name, help and key.
    pub const fn info(self) -> CommandInfo {
        let (title, help, shortcut) = match self {
            Self::New => ("New plan", "Start from the default plan.", Some(key(Modifiers::COMMAND, Key::N))),
            Self::Open => ("Open plan…", "Open a plan file.", Some(key(Modifiers::COMMAND, Key::O))),
            Self::OpenByPath => {
                ("Open plan by path…", "Type or paste the path of a plan file.", Some(key(COMMAND_SHIFT, Key::O)))
            }
            Self::Save => ("Save", "Write the plan to its file.", Some(key(Modifiers::COMMAND, Key::S))),
            Self::SaveAs => ("Save as…", "Write the plan to another file.", Some(key(COMMAND_SHIFT, Key::S))),
            Self::SaveByPath => ("Save by path…", "Type or paste the path to save to.", None),
            Self::OpenModelFile => (
                "Open model file…",
                "Read a config.json, .safetensors or .gguf file.",
                Some(key(Modifiers::COMMAND, Key::M)),
            ),
            Self::OpenModelFolder => {
                ("Open model folder…", "Read a folder with config.json and safetensors shards.", None)
            }
            Self::OpenModelByPath => ("Open model by path…", "Type or paste the path of a model file or folder.", None),
            Self::Undo => ("Undo", "Take back the last change.", Some(key(Modifiers::COMMAND, Key::Z))),
            Self::Redo => ("Redo", "Do the undone change again.", Some(key(COMMAND_SHIFT, Key::Z))),
            Self::ToggleUnit => {
                ("Switch GiB and GB", "Show memory in 2^30 or in 10^9 bytes.", Some(key(Modifiers::COMMAND, Key::G)))
            }
            Self::Quit => ("Quit", "Close the window.", Some(key(Modifiers::COMMAND, Key::Q))),
        };
        CommandInfo { title, help, shortcut }
    }

    /// Whether it can be done now; else why not.
    pub fn enabled(self, state: &State) -> Result<(), &'static str> {
        match self {
            Self::Undo if state.document.history.undo_label().is_none() => Err("nothing to undo"),
            Self::Redo if state.document.history.redo_label().is_none() => Err("nothing to redo"),
            Self::Save if !state.document.is_dirty() && state.document.path.is_some() => Err("nothing has changed"),
            _ => Ok(()),
        }
    }
}
