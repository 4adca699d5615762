//! What belongs to the person rather than to a plan: theme, units, recent files.

use crate::ui::theme::Theme;
use crate::units::ByteUnit;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Most recent files kept.
const MAX_RECENT: usize = 10;

/// Settings of a person.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Colours.
    pub theme: Theme,
    /// Unit of memory.
    pub unit: ByteUnit,
    /// Plans opened or saved lately, newest first.
    pub recent: Vec<PathBuf>,
}

impl Settings {
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

    /// Reads settings. A file that is not understood is put aside as `.bad`, never overwritten in silence; the text
    /// says so.
    pub fn load(path: &Path) -> (Self, Option<String>) {
        let Ok(text) = std::fs::read_to_string(path) else { return (Self::default(), None) };
        match ron::from_str(&text) {
            Ok(settings) => (settings, None),
            Err(error) => {
                let aside = path.with_extension("ron.bad");
                let kept = match std::fs::rename(path, &aside) {
                    Ok(()) => format!("kept as {}", aside.display()),
                    Err(_) => "left where it is".to_owned(),
                };
                (Self::default(), Some(format!("settings were not understood ({error}) and are {kept}; defaults hold")))
            }
        }
    }

    /// Text of the settings file.
    pub fn to_text(&self) -> String {
        let pretty = ron::ser::PrettyConfig::new().new_line("\n");
        ron::ser::to_string_pretty(self, pretty).unwrap_or_default()
    }
}
