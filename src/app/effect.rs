//! What dispatch asks of the world outside the state.

use super::clipboard::Clip;
use super::key::Key;
use super::state::{DocumentId, PathPurpose, Picture};
use crate::tasks::tuning::{Kept, Product, Start};
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
        /// Whose plan it is.
        document: DocumentId,
        /// File.
        path: PathBuf,
        /// Its new text.
        text: String,
        /// The text it must have now; `None` where anything may be replaced.
        expected: Option<String>,
    },
    /// Read examples to be labelled, or labels of them.
    ReadExamples(PathBuf),
    /// Read a model.
    ReadModel(PathBuf),
    /// Draw a picture and write it as PNG.
    WritePng {
        /// What it shows.
        picture: Picture,
        /// File.
        path: PathBuf,
        /// A file of this name may be replaced.
        replace: bool,
    },
    /// Write a text that is not a plan.
    WriteText {
        /// What it is.
        purpose: PathPurpose,
        /// File.
        path: PathBuf,
        /// Its text.
        text: String,
        /// A file of this name may be replaced.
        replace: bool,
    },
    /// Draw a picture for the clipboard.
    DrawPicture(Picture),
    /// Make the folder that a file was to be written into, then go on with the file.
    MakeFolder {
        /// The missing folder.
        folder: PathBuf,
        /// The file that is to be written.
        path: PathBuf,
        /// What it is.
        purpose: PathPurpose,
    },
    /// Put something on the clipboard; the name says what, at the beginning of a sentence.
    Copy(&'static str, Clip),
    /// Fill the screen, or leave it.
    FullScreen(bool),
    /// Write the recovery copies now.
    KeepRecovery,
    /// Find what to change in this revision of the shown plan.
    FindChanges(Key),
    /// Search the whole space of plans around the shown one, under the limits that the state holds.
    Search,
    /// Examine the model that the state holds.
    Weigh,
    /// Measure the formats as the state holds it.
    Measure,
    /// Look at the ranks that the state asks for.
    LookAtRanks,
    /// Stop examining.
    StopWeighing,
    /// Begin the run that the state holds, or let it go on.
    Tune(Start),
    /// Let it wait, or go on.
    PauseTuning(bool),
    /// End it.
    StopTuning,
    /// Save what was trained.
    SaveProduct(Product, PathBuf, Kept),
    /// Stop searching.
    StopSearch,
    /// Read a plan file as it was in a revision.
    ReadRevision(PathBuf, String),
    /// Predict the shipped measurements.
    LoadEvidence,
    /// Throw away what an earlier run left.
    ForgetRecovered,
    /// Write the settings.
    SaveSettings,
    /// Close the window.
    Close,
}
