//! Reading and writing files so that nothing is lost.

use crate::decide::tally::{Reading, read_examples};
use crate::files::{self, Existing};
use crate::plan::file::{self, Loaded};
use std::path::{Path, PathBuf};

/// Why a file could not be read or written, for a person: what, where, what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct StoreError(pub String);

/// A plan file that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Opened {
    /// What it says.
    pub loaded: Loaded,
    /// It cannot be written by this user.
    pub read_only: bool,
}

impl From<Loaded> for Opened {
    fn from(loaded: Loaded) -> Self {
        Self { loaded, read_only: false }
    }
}

/// Reads a plan file, and whether it can be written.
pub fn open_plan(path: &Path) -> Result<Opened, StoreError> {
    let loaded = read_plan(path)?;
    let read_only = std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().readonly());
    Ok(Opened { loaded, read_only })
}

/// Reads a plan file with its bytes.
pub fn read_plan(path: &Path) -> Result<Loaded, StoreError> {
    plan_of(path, &files::read_text(path, file::MAX_BYTES as u64)?)
}

/// Likewise, but never waits: of what nobody named just now, such as a recovery copy.
pub(crate) fn read_regular_plan(path: &Path) -> Result<Loaded, StoreError> {
    plan_of(path, &files::read_regular_text(path, file::MAX_BYTES as u64)?)
}

fn plan_of(path: &Path, text: &str) -> Result<Loaded, StoreError> {
    file::read(text).map_err(|error| StoreError(format!("{}:{error}", path.display())))
}

/// Largest file of examples that is read.
const MAX_EXAMPLES_BYTES: u64 = 128 << 20;

/// What a file beside a decision holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExamplesFile {
    /// Examples to be labelled.
    Examples(Reading),
    /// Labels of them, as text.
    Labels(String),
}

/// Reads examples, or labels of them: which, the header says.
pub fn read_examples_file(path: &Path) -> Result<ExamplesFile, StoreError> {
    let bytes = files::read(path, MAX_EXAMPLES_BYTES)?;
    let header = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let header = String::from_utf8_lossy(header);
    let has = |name: &str| header.split(',').any(|cell| cell.trim_matches(['\u{feff}', '"', ' ', '\r']) == name);
    if has("example") && has("annotator") && has("label") {
        return Ok(ExamplesFile::Labels(files::text_of(path, bytes)?));
    }
    let reading = read_examples(&bytes).map_err(|error| StoreError(format!("{}: {error}", path.display())))?;
    Ok(ExamplesFile::Examples(reading))
}

/// Writes `bytes` over whatever stands at `path`.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    files::write(path, bytes, Existing::Replace).map_err(WriteError::from)
}

/// Writes a text unless the file changed since it was read: then it is left alone and the error says so.
///
/// `expected` is the text the file had when it was read or last saved, empty where nothing may stand there; `None` where
/// it is to be replaced whatever it says.
pub fn write_plan(path: &Path, text: &str, expected: Option<&str>) -> Result<(), WriteError> {
    let existing = match expected {
        None => Existing::Replace,
        Some("") => Existing::Refuse,
        Some(text) => Existing::Expect(text),
    };
    files::write(path, text.as_bytes(), existing).map_err(WriteError::from)
}

/// Why a file was not written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// Something stands there that is not what was expected.
    #[error("the file changed on disk since it was opened")]
    ChangedOnDisk,
    /// There is no folder to put it in; [`files::make_folders`] makes it.
    #[error("{}: there is no such folder", .0.display())]
    MissingFolder(PathBuf),
    /// The system refused.
    #[error(transparent)]
    Failed(StoreError),
}

impl From<files::WriteError> for WriteError {
    fn from(error: files::WriteError) -> Self {
        match error {
            files::WriteError::Exists(_) | files::WriteError::Changed(_) => Self::ChangedOnDisk,
            files::WriteError::MissingFolder(folder) => Self::MissingFolder(folder),
            error @ files::WriteError::Failed { .. } => Self::Failed(StoreError(error.to_string())),
        }
    }
}

impl From<files::ReadError> for StoreError {
    fn from(error: files::ReadError) -> Self {
        Self(error.to_string())
    }
}
