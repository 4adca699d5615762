//! A folder of results that is there whole or not at all: it is written under another name beside its place, brought to
//! the disk, and renamed.

use super::{PreviewError, Result};
use std::fs::File;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A folder that is being written.
#[derive(Debug)]
pub struct NewFolder {
    unfinished: TempDir,
    place: PathBuf,
}

impl NewFolder {
    /// One that will stand at `place`, where nothing may be: nothing is overwritten.
    pub fn at(place: &Path) -> Result<Self> {
        if place.exists() {
            return Err(PreviewError::at(place, "it exists already; choose another name"));
        }
        let parent = place.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if !parent.is_dir() {
            let wrong = if parent.exists() { "it is no folder" } else { "there is no such folder to put it in" };
            return Err(PreviewError::at(parent, wrong));
        }
        let mut builder = tempfile::Builder::new();
        builder.prefix(".unfinished-");
        // Temporary folders are private; this one is to be what any new folder is.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777));
        let unfinished = builder.tempdir_in(parent).map_err(|error| PreviewError::at(place, error))?;
        Ok(Self { unfinished, place: place.to_owned() })
    }

    /// Where to write meanwhile.
    pub fn path(&self) -> &Path {
        self.unfinished.path()
    }

    /// Makes a folder within it.
    pub fn folder(&self, name: &str) -> Result<PathBuf> {
        let path = self.path().join(name);
        std::fs::create_dir(&path).map_err(|error| self.failed(error))?;
        Ok(path)
    }

    /// Writes a file of text.
    pub fn write(&self, name: &str, text: &str) -> Result<()> {
        std::fs::write(self.path().join(name), text).map_err(|error| self.failed(error))
    }

    /// An error told of the place it will have, not of its name meanwhile.
    pub fn failed(&self, error: impl ToString) -> PreviewError {
        PreviewError::at(&self.place, error)
    }

    /// Puts it in its place. If it was not finished, it goes without a trace.
    pub fn finish(self) -> Result<()> {
        sync(self.path()).map_err(|error| self.failed(error))?;
        std::fs::rename(self.path(), &self.place).map_err(|error| self.failed(error))?;
        let Self { unfinished, place } = self;
        // It has left its temporary name: there is nothing to remove.
        let _ = unfinished.keep();
        if let Some(parent) = place.parent() {
            // Not every system opens folders; the files are on the disk by now.
            let _ = File::open(parent).and_then(|parent| parent.sync_all());
        }
        Ok(())
    }
}

/// Brings the files of a folder, and of those within it, to the disk.
fn sync(folder: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            sync(&path)?;
        } else {
            File::options().append(true).open(&path)?.sync_all()?;
        }
    }
    Ok(())
}
