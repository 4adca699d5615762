//! A folder of results that is there whole or not at all: it is written under another name beside its place, brought to
//! the disk, and renamed.

use super::leftovers::{FOLDER, PREFIX, clean, hold};
use super::target::folder_of;
use super::{WriteError, cause};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A folder that is being written.
#[derive(Debug)]
pub struct NewFolder {
    unfinished: TempDir,
    place: PathBuf,
    /// Held so that nobody clears it up.
    _lock: Option<File>,
}

/// Most times it is made anew because another program cleared it up before it was locked.
const MOST_TRIES: usize = 8;

impl NewFolder {
    /// One that will stand at `place`, where nothing may be, not even a link to nothing: nothing is overwritten.
    pub fn at(place: &Path) -> Result<Self, WriteError> {
        if place.symlink_metadata().is_ok() {
            return Err(WriteError::Exists(place.to_owned()));
        }
        let failed = |cause: String| WriteError::Failed { path: place.to_owned(), cause };
        let parent = folder_of(place);
        if !parent.is_dir() {
            if parent.exists() {
                return Err(failed(format!("{} is no folder", parent.display())));
            }
            return Err(WriteError::MissingFolder(parent.to_owned()));
        }
        let mut builder = tempfile::Builder::new();
        builder.prefix(PREFIX).suffix(FOLDER);
        // Temporary folders are private; this one is to be what any new folder is.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777));
        for _ in 0..MOST_TRIES {
            let unfinished = builder.tempdir_in(parent).map_err(|error| failed(cause(&error)))?;
            // Some systems do not open folders: then nobody else clears them up either.
            let Ok(lock) = File::open(unfinished.path()) else {
                return Ok(Self { unfinished, place: place.to_owned(), _lock: None });
            };
            if hold(&lock, unfinished.path()) {
                return Ok(Self { unfinished, place: place.to_owned(), _lock: Some(lock) });
            }
        }
        Err(failed("temporary folders beside it keep vanishing".to_owned()))
    }

    /// Makes a folder within it.
    pub fn folder(&self, name: &str) -> Result<(), WriteError> {
        fs::create_dir(self.unfinished.path().join(name)).map_err(|error| self.failed(cause(&error)))
    }

    /// Writes a file within it; `name` may begin with a folder that was made.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), WriteError> {
        fs::write(self.unfinished.path().join(name), bytes).map_err(|error| self.failed(cause(&error)))
    }

    /// Has a file within it written by a library that takes a path, and gives it the mode that any new file has.
    pub fn write_with(&self, name: &str, write: impl FnOnce(&Path) -> Result<(), String>) -> Result<(), WriteError> {
        let path = self.unfinished.path().join(name);
        let failed = |error: std::io::Error| self.failed(cause(&error));
        let usual = File::create(&path).and_then(|file| file.metadata()).map_err(failed)?.permissions();
        write(&path).map_err(|error| self.failed(error))?;
        fs::set_permissions(&path, usual).map_err(failed)
    }

    /// An error told of the place it will have, not of its name meanwhile.
    fn failed(&self, cause: String) -> WriteError {
        WriteError::Failed { path: self.place.clone(), cause }
    }

    /// Puts it in its place. If it was not finished, it goes without a trace.
    pub fn finish(self) -> Result<(), WriteError> {
        sync(self.unfinished.path()).map_err(|error| self.failed(cause(&error)))?;
        // Renaming would put it over an empty folder that came meanwhile.
        if self.place.symlink_metadata().is_ok() {
            return Err(WriteError::Exists(self.place));
        }
        fs::rename(self.unfinished.path(), &self.place).map_err(|error| self.failed(cause(&error)))?;
        let Self { unfinished, place, _lock: _held } = self;
        // It has left its temporary name: there is nothing to remove.
        let _ = unfinished.keep();
        let parent = folder_of(&place);
        // Not every system opens folders; the files are on the disk by now.
        let _ = File::open(parent).and_then(|parent| parent.sync_all());
        clean(parent);
        Ok(())
    }
}

/// Makes a folder with those it lies in, if they are not there.
pub fn make_folders(folder: &Path) -> Result<(), WriteError> {
    fs::create_dir_all(folder).map_err(|error| WriteError::failed(folder, &error))
}

/// Brings the files of a folder, and of those within it, to the disk.
fn sync(folder: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            sync(&path)?;
        } else {
            File::options().append(true).open(&path)?.sync_all()?;
        }
    }
    Ok(())
}
