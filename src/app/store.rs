//! Reading and writing files so that nothing is lost.

use crate::decide::tally::{Reading, read_examples};
use crate::plan::file::{self, Loaded};
use std::io::{Read as _, Write as _};
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
    let bytes = read_capped(path, file::MAX_BYTES as u64)?;
    let text = String::from_utf8(bytes)
        .map_err(|_error| StoreError(format!("{}: not UTF-8 text, so not a plan file", path.display())))?;
    file::read(&text).map_err(|error| StoreError(format!("{}:{error}", path.display())))
}

/// Largest file of examples that is read.
const MAX_EXAMPLES_BYTES: u64 = 256 << 20;

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
    let bytes = read_capped(path, MAX_EXAMPLES_BYTES)?;
    let header = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let header = String::from_utf8_lossy(header);
    let has = |name: &str| header.split(',').any(|cell| cell.trim_matches(['\u{feff}', '"', ' ', '\r']) == name);
    if has("example") && has("annotator") && has("label") {
        let text = String::from_utf8(bytes)
            .map_err(|_error| StoreError(format!("{}: not UTF-8 text; save it as UTF-8", path.display())))?;
        return Ok(ExamplesFile::Labels(text));
    }
    let reading = read_examples(&bytes).map_err(|error| StoreError(format!("{}: {error}", path.display())))?;
    Ok(ExamplesFile::Examples(reading))
}

fn read_capped(path: &Path, most: u64) -> Result<Vec<u8>, StoreError> {
    let told = |error: std::io::Error| StoreError(format!("{}: {error}", path.display()));
    let file = std::fs::File::open(path).map_err(told)?;
    if file.metadata().map_err(told)?.is_dir() {
        return Err(StoreError(format!("{}: a folder, not a file", path.display())));
    }
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes).map_err(told)?;
    if bytes.len() as u64 > most {
        return Err(StoreError(format!("{}: over {} MiB, which is more than is read", path.display(), most >> 20)));
    }
    Ok(bytes)
}

/// Writes `bytes` so that the file is either the old one or the whole new one: a temporary file in the same folder,
/// flushed to disk, renamed over it, the folder flushed.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let told = |error: std::io::Error| StoreError(format!("{}: {error}", path.display()));
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if let Ok(metadata) = std::fs::metadata(path) {
        if metadata.is_dir() {
            return Err(StoreError(format!("{}: a folder of that name exists", path.display())));
        }
        if metadata.permissions().readonly() {
            return Err(StoreError(format!("{}: the file is read-only; save under another name", path.display())));
        }
    }
    let mut temporary =
        tempfile::Builder::new().prefix(".tuneplan-").suffix(".tmp").tempfile_in(folder).map_err(told)?;
    temporary.write_all(bytes).map_err(told)?;
    keep_permissions(path, temporary.as_file());
    temporary.as_file().sync_all().map_err(told)?;
    temporary.persist(path).map_err(|error| told(error.error))?;
    // Not every file system lets a folder be flushed; the file itself is safe by now.
    if let Ok(folder) = std::fs::File::open(folder) {
        let _ = folder.sync_all();
    }
    Ok(())
}

/// Gives the new file the permissions of the one it replaces, or those a new file would get.
fn keep_permissions(path: &Path, temporary: &std::fs::File) {
    if let Ok(metadata) = std::fs::metadata(path) {
        let _ = temporary.set_permissions(metadata.permissions());
        return;
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // Temporary files are private; a plan is as readable as any other new file.
        let _ = temporary.set_permissions(std::fs::Permissions::from_mode(0o644));
    }
}

/// Writes a plan unless the file changed since it was read: then it is left alone and the error says so.
///
/// `expected` is the text the file had when it was read or last saved; `None` where it is new to us.
pub fn write_plan(path: &Path, text: &str, expected: Option<&str>) -> Result<(), WriteError> {
    if let Some(expected) = expected
        && let Ok(bytes) = read_capped(path, file::MAX_BYTES as u64)
        && bytes != expected.as_bytes()
    {
        return Err(WriteError::ChangedOnDisk);
    }
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty())
        && !folder.exists()
    {
        return Err(WriteError::MissingFolder(folder.to_owned()));
    }
    write_atomic(path, text.as_bytes()).map_err(WriteError::Failed)
}

/// Why a plan was not written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// Somebody else changed the file.
    #[error("the file changed on disk since it was opened")]
    ChangedOnDisk,
    /// There is no folder to write it into.
    #[error("there is no folder {}", .0.display())]
    MissingFolder(PathBuf),
    /// The system refused.
    #[error(transparent)]
    Failed(StoreError),
}
