//! Keeping what cannot be read out of the way, under a name that nothing has.

use super::WriteError;
use std::fs;
use std::path::{Path, PathBuf};

/// Most names that are tried.
const MOST_NAMES: u32 = 1000;

/// Renames a file to its name with `.bad`, or `.bad-2` and so on: what was put aside before stays. Gives the new name.
pub fn put_aside(path: &Path) -> Result<PathBuf, WriteError> {
    let name = path.file_name().unwrap_or_default();
    let folder = path.parent().unwrap_or(Path::new(""));
    put_aside_in(path, folder, &name.to_string_lossy())
}

/// Likewise into `folder`, as `name` with the ending.
pub fn put_aside_in(path: &Path, folder: &Path, name: &str) -> Result<PathBuf, WriteError> {
    let numbered = |number| match number {
        1 => folder.join(format!("{name}.bad")),
        number => folder.join(format!("{name}.bad-{number}")),
    };
    let free = (1..=MOST_NAMES).map(numbered).find(|aside| aside.symlink_metadata().is_err());
    let Some(aside) = free else {
        let cause = format!("{MOST_NAMES} damaged files of this name are kept already");
        return Err(WriteError::Failed { path: path.to_owned(), cause });
    };
    fs::rename(path, &aside).map_err(|error| WriteError::failed(path, &error))?;
    Ok(aside)
}
