//! Commands with a name and a key. Menus, the palette and the sheet of keys are all made from this one table.

use super::state::State;
use egui::{Key, KeyboardShortcut, Modifiers};

/// Commands that need nothing but to be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "named in `info`")]
pub enum MenuCommand {
    New,
    Open,
    OpenByPath,
    Save,
    SaveAs,
    SaveByPath,
    Duplicate,
    CloseTab,
    NextTab,
    PreviousTab,
    OpenModelFile,
    OpenModelFolder,
    OpenModelByPath,
    PasteConfig,
    Undo,
    Redo,
    Pin,
    CopyTable,
    CopyPicture,
    SavePicture,
    SavePictureByPath,
    Palette,
    FindSetting,
    Present,
    Spotlight,
    FullScreen,
    ToggleUnit,
    Settings,
    Shortcuts,
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

/// Groups of the sheet of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "named as they stand on screen")]
pub enum Group {
    Plan,
    Model,
    Edit,
    Picture,
    Window,
}

impl Group {
    /// All, in the order of the sheet.
    pub const ALL: [Self; 5] = [Self::Plan, Self::Model, Self::Edit, Self::Picture, Self::Window];

    /// Name on screen.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Plan => "Plan",
            Self::Model => "Model",
            Self::Edit => "Edit",
            Self::Picture => "Picture",
            Self::Window => "Window",
        }
    }
}

const CTRL: Modifiers = Modifiers::COMMAND;
const CTRL_SHIFT: Modifiers = Modifiers { shift: true, ..Modifiers::COMMAND };

#[allow(clippy::unnecessary_wraps, reason = "keeps the table below readable")]
const fn on(modifiers: Modifiers, key: Key) -> Option<KeyboardShortcut> {
    Some(KeyboardShortcut::new(modifiers, key))
}

impl MenuCommand {
    /// All; those whose keys have more modifiers first, so that `Ctrl+Shift+S` is not taken for `Ctrl+S`.
    pub const ALL: [Self; 30] = [
        Self::SaveAs,
        Self::Redo,
        Self::OpenByPath,
        Self::CopyTable,
        Self::CopyPicture,
        Self::SavePicture,
        Self::New,
        Self::Open,
        Self::Save,
        Self::SaveByPath,
        Self::Duplicate,
        Self::CloseTab,
        Self::NextTab,
        Self::PreviousTab,
        Self::OpenModelFile,
        Self::OpenModelFolder,
        Self::OpenModelByPath,
        Self::PasteConfig,
        Self::Undo,
        Self::Pin,
        Self::SavePictureByPath,
        Self::Palette,
        Self::FindSetting,
        Self::Present,
        Self::Spotlight,
        Self::FullScreen,
        Self::ToggleUnit,
        Self::Settings,
        Self::Shortcuts,
        Self::Quit,
    ];

    /// All of a group, in the order in which one meets them.
    pub fn of(group: Group) -> Vec<Self> {
        let mut commands: Vec<Self> = Self::ALL.into_iter().filter(|command| command.group() == group).collect();
        commands.sort_unstable();
        commands
    }

    /// Name, help and key.
    pub const fn info(self) -> CommandInfo {
        let (title, help, shortcut) = match self {
            Self::New => ("New plan", "Start from the default plan in a tab of its own.", on(CTRL, Key::N)),
            Self::Open => ("Open plan…", "Open a plan file.", on(CTRL, Key::O)),
            Self::OpenByPath => {
                ("Open plan by path…", "Type or paste the path of a plan file.", on(CTRL_SHIFT, Key::O))
            }
            Self::Save => ("Save", "Write the plan to its file.", on(CTRL, Key::S)),
            Self::SaveAs => ("Save as…", "Write the plan to another file.", on(CTRL_SHIFT, Key::S)),
            Self::SaveByPath => ("Save by path…", "Type or paste the path to save to.", None),
            Self::Duplicate => {
                ("Duplicate plan", "Open a copy in a tab beside it, to change and compare.", on(CTRL, Key::D))
            }
            Self::CloseTab => ("Close plan", "Close this tab.", on(CTRL, Key::W)),
            Self::NextTab => ("Next plan", "Show the tab to the right.", on(CTRL, Key::PageDown)),
            Self::PreviousTab => ("Previous plan", "Show the tab to the left.", on(CTRL, Key::PageUp)),
            Self::OpenModelFile => {
                ("Open model file…", "Read a config.json, .safetensors or .gguf file.", on(CTRL, Key::M))
            }
            Self::OpenModelFolder => {
                ("Open model folder…", "Read a folder with config.json and safetensors shards.", None)
            }
            Self::OpenModelByPath => ("Open model by path…", "Type or paste the path of a model file or folder.", None),
            Self::PasteConfig => (
                "Paste a config…",
                "Paste the text of a config.json, of a plan, or a model's name.",
                on(CTRL_SHIFT, Key::V),
            ),
            Self::Undo => ("Undo", "Take back the last change.", on(CTRL, Key::Z)),
            Self::Redo => ("Redo", "Do the undone change again.", on(CTRL_SHIFT, Key::Z)),
            Self::Pin => (
                "Pin as baseline",
                "Compare every later change, here and in other tabs, with the plan as it is now.",
                on(CTRL, Key::B),
            ),
            Self::CopyTable => (
                "Copy table",
                "Copy components and phases of the memory as tab-separated text.",
                on(CTRL_SHIFT, Key::T),
            ),
            Self::CopyPicture => ("Copy picture", "Copy the memory charts as a picture.", on(CTRL_SHIFT, Key::P)),
            Self::SavePicture => ("Save picture…", "Save the memory charts as .png or .svg.", on(CTRL_SHIFT, Key::E)),
            Self::SavePictureByPath => ("Save picture by path…", "Type the path of a .png or .svg file.", None),
            Self::Palette => ("Find a command…", "Search commands, settings, models and plans.", on(CTRL, Key::K)),
            Self::FindSetting => ("Find a setting", "Search the settings at the left.", on(CTRL, Key::F)),
            Self::Present => (
                "Present",
                "Big verdict and large type for a shared screen; again, or Escape, goes back.",
                on(Modifiers::NONE, Key::F5),
            ),
            Self::Spotlight => {
                ("Spotlight", "A ring around the pointer while presenting.", on(Modifiers::NONE, Key::F6))
            }
            Self::FullScreen => ("Full screen", "Fill the screen, or leave it.", on(Modifiers::NONE, Key::F11)),
            Self::ToggleUnit => ("Switch GiB and GB", "Show memory in 2^30 or in 10^9 bytes.", on(CTRL, Key::G)),
            Self::Settings => ("Settings…", "Theme, unit, size, language, your name.", on(CTRL, Key::Comma)),
            Self::Shortcuts => ("Keyboard shortcuts", "Show all keys.", on(Modifiers::NONE, Key::F1)),
            Self::Quit => ("Quit", "Close the window.", on(CTRL, Key::Q)),
        };
        CommandInfo { title, help, shortcut }
    }

    /// Its keys: the one that menus name, then those that people bring along from other programs.
    pub fn shortcuts(self) -> impl Iterator<Item = KeyboardShortcut> {
        let also = match self {
            Self::Redo => on(CTRL, Key::Y),
            _ => None,
        };
        self.info().shortcut.into_iter().chain(also)
    }

    /// Group on the sheet of keys.
    pub const fn group(self) -> Group {
        match self {
            Self::New
            | Self::Open
            | Self::OpenByPath
            | Self::Save
            | Self::SaveAs
            | Self::SaveByPath
            | Self::Duplicate
            | Self::CloseTab
            | Self::NextTab
            | Self::PreviousTab => Group::Plan,
            Self::OpenModelFile | Self::OpenModelFolder | Self::OpenModelByPath | Self::PasteConfig => Group::Model,
            Self::Undo | Self::Redo | Self::Pin | Self::FindSetting => Group::Edit,
            Self::CopyTable | Self::CopyPicture | Self::SavePicture | Self::SavePictureByPath => Group::Picture,
            Self::Palette
            | Self::Present
            | Self::Spotlight
            | Self::FullScreen
            | Self::ToggleUnit
            | Self::Settings
            | Self::Shortcuts
            | Self::Quit => Group::Window,
        }
    }

    /// Whether it can be done now; else why not.
    pub fn enabled(self, state: &State) -> Result<(), &'static str> {
        let document = &state.document;
        match self {
            Self::Undo if document.history.undo_label().is_none() => Err("nothing to undo"),
            Self::Redo if document.history.redo_label().is_none() => Err("nothing to redo"),
            Self::Save if !document.is_dirty() && document.path.is_some() => Err("nothing has changed"),
            Self::NextTab | Self::PreviousTab if state.tab_count() == 1 => Err("only one plan is open"),
            Self::CloseTab if state.tab_count() == 1 && document.is_untouched() => {
                Err("nothing is open but a new plan")
            }
            Self::Spotlight if !state.session.presenting => Err("only while presenting"),
            _ => Ok(()),
        }
    }

    /// Its name now, where that depends: what undo takes back, what the next press does.
    pub fn title_now(self, state: &State) -> String {
        let title = self.info().title;
        match self {
            Self::Undo => document_step(title, state.document.history.undo_label()),
            Self::Redo => document_step(title, state.document.history.redo_label()),
            Self::Pin if state.is_pinned() => "Unpin the baseline".to_owned(),
            Self::Present if state.session.presenting => "Stop presenting".to_owned(),
            _ => title.to_owned(),
        }
    }
}

fn document_step(title: &str, label: Option<&str>) -> String {
    label.map_or_else(|| title.to_owned(), |label| format!("{title}: {label}"))
}
