//! What dispatch asks of the world outside the state.

use super::state::PathPurpose;
use std::path::PathBuf;

/// One request to the world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Show a file dialog for this purpose.
    PickFile(PathPurpose),
    /// Show a folder dialog for a model.
    PickModelFolder,
    /// Read a plan file.
    ReadPlan(PathBuf),
    /// Write a plan file.
    WritePlan {
        /// File.
        path: PathBuf,
        /// Its new text.
        text: String,
        /// The text it must have now; `None` where anything may be replaced.
        expected: Option<String>,
    },
    /// Read a model.
    ReadModel(PathBuf),
    /// Write the settings.
    SaveSettings,
    /// Close the window.
    Close,
}
