//! What belongs to the person rather than to a plan: theme, units, recent files.

use crate::files;
use crate::text::Language;
use crate::theme::Theme;
use crate::units::ByteUnit;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Most recent files kept.
const MAX_RECENT: usize = 10;

/// Largest settings file that is read; real ones have a kilobyte.
const MAX_BYTES: u64 = 1 << 20;

/// Least and most that everything can be enlarged.
const ZOOM: std::ops::RangeInclusive<f32> = 0.5..=3.0;

/// Colours as a person chooses them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ThemeChoice {
    /// As the system has it; dark where it does not say.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
    /// High contrast.
    Contrast,
}

impl ThemeChoice {
    /// All, in menu order.
    pub const ALL: [Self; 4] = [Self::System, Self::Light, Self::Dark, Self::Contrast];

    /// Name on screen.
    pub const fn label(self) -> &'static str {
        match self {
            Self::System => "System",
            Self::Light => Theme::Light.label(),
            Self::Dark => Theme::Dark.label(),
            Self::Contrast => Theme::Contrast.label(),
        }
    }

    /// The colours to use where the system has `system`.
    pub const fn resolve(self, system: Option<egui::Theme>) -> Theme {
        match (self, system) {
            (Self::Light, _) | (Self::System, Some(egui::Theme::Light)) => Theme::Light,
            (Self::Contrast, _) => Theme::Contrast,
            (Self::Dark | Self::System, _) => Theme::Dark,
        }
    }
}

impl From<Theme> for ThemeChoice {
    fn from(theme: Theme) -> Self {
        match theme {
            Theme::Light => Self::Light,
            Theme::Dark => Self::Dark,
            Theme::Contrast => Self::Contrast,
        }
    }
}

/// Settings of a person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Colours.
    pub theme: ThemeChoice,
    /// Unit of memory.
    pub unit: ByteUnit,
    /// How much everything is enlarged.
    pub zoom: f32,
    /// Language of the window.
    pub language: Language,
    /// Name that stands on exported pictures and tables; empty: none.
    pub author: String,
    /// Plans opened or saved lately, newest first.
    pub recent: Vec<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            theme: ThemeChoice::default(),
            unit: ByteUnit::default(),
            zoom: 1.0,
            language: Language::default(),
            author: String::new(),
            recent: Vec::new(),
        }
    }
}

impl Settings {
    /// The zoom, kept to what can be read; a file may say anything.
    pub fn zoom(&self) -> f32 {
        if self.zoom.is_finite() { self.zoom.clamp(*ZOOM.start(), *ZOOM.end()) } else { 1.0 }
    }

    /// Puts `path` first among the recent files.
    pub fn remember(&mut self, path: &Path) {
        self.recent.retain(|known| known != path);
        self.recent.insert(0, path.to_owned());
        self.recent.truncate(MAX_RECENT);
    }

    /// Where settings lie on this machine, if it says.
    pub fn default_path() -> Option<PathBuf> {
        directories::ProjectDirs::from("", "", "tuneplan").map(|dirs| dirs.config_dir().join("settings.ron"))
    }

    /// Reads settings. A file that is not understood, whatever is wrong with it, is put aside under a name of its own,
    /// never overwritten in silence; the text says so.
    pub fn load(path: &Path) -> (Self, Option<String>) {
        let wrong = match files::read_regular_text(path, MAX_BYTES) {
            Err(files::ReadError::Missing(_)) => return (Self::default(), None),
            Err(error) => error.cause(),
            Ok(text) => match ron::from_str::<Self>(&text) {
                Ok(mut settings) => {
                    settings.recent.truncate(MAX_RECENT);
                    return (settings, None);
                }
                Err(error) => {
                    format!("line {}, column {}: {}", error.span.start.line, error.span.start.col, error.code)
                }
            },
        };
        let kept = match files::put_aside(path) {
            Ok(aside) => format!("kept as {}", aside.display()),
            Err(_) => format!("left where they are, in {}", path.display()),
        };
        (Self::default(), Some(format!("settings were not understood ({wrong}) and are {kept}; defaults hold")))
    }

    /// Text of the settings file.
    pub fn to_text(&self) -> String {
        let pretty = ron::ser::PrettyConfig::new().new_line("\n");
        ron::ser::to_string_pretty(self, pretty).unwrap_or_default()
    }
}
