//! Writing a file: the old one or the whole new one, and nothing that was not asked for.

use super::leftovers::{FILE, PREFIX, clean, hold};
use super::target::Target;
use super::{cause, read_regular};
use std::fs::{File, Metadata};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// What may happen to a file that stands there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing<'a> {
    /// It is left alone; a link counts as a file even if its own is not there.
    Refuse,
    /// It is replaced: the user asked for it.
    Replace,
    /// It is replaced if it still says this, as it did when it was read or last written.
    Expect(&'a str),
}

/// Why a file was not written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// Something of that name is there, and replacing it was not asked for.
    #[error("{} exists already", .0.display())]
    Exists(PathBuf),
    /// It is no longer what it was: somebody else wrote it.
    #[error("{} was changed by another program meanwhile", .0.display())]
    Changed(PathBuf),
    /// There is no folder to put it in; [`super::make_folders`] makes it.
    #[error("{}: there is no such folder", .0.display())]
    MissingFolder(PathBuf),
    /// The system refused, or what stands there cannot be written over.
    #[error("{}: {cause}", path.display())]
    Failed {
        /// The path as it was given.
        path: PathBuf,
        /// What happened.
        cause: String,
    },
}

/// Most times a temporary file is made anew because another program cleared it up before it was locked.
const MOST_TRIES: usize = 8;

/// Writes `bytes` to `path`: into a temporary file in the same folder, to the disk, renamed over the old one, the folder
/// to the disk.
///
/// What stands there is looked at once more right before the rename. Another program that writes between that look and
/// the rename, some microseconds, is still overwritten: only a lock that both know could prevent it. A file that is new
/// is free of that: the system refuses to rename over one that came meanwhile.
pub fn write(path: &Path, bytes: &[u8], existing: Existing<'_>) -> Result<(), WriteError> {
    let target = agreed(path, existing)?;
    let failed = |error: &std::io::Error| WriteError::failed(path, error);
    let mut temporary = temporary(path, &target)?;
    temporary.as_file_mut().write_all(bytes).map_err(|error| failed(&error))?;
    if let Some(before) = &target.before {
        take_after(temporary.as_file(), before);
    }
    temporary.as_file().sync_all().map_err(|error| failed(&error))?;
    put(path, temporary, &target, existing)?;
    // Not every file system lets a folder be flushed; the file itself is safe by now.
    if let Ok(folder) = File::open(target.folder()) {
        let _ = folder.sync_all();
    }
    clean(target.folder());
    Ok(())
}

/// Whether [`write()`] would write, as far as it can be told before: said before the work that makes the bytes.
pub fn check(path: &Path, existing: Existing<'_>) -> Result<(), WriteError> {
    let target = agreed(path, existing)?;
    temporary(path, &target).map(drop)
}

/// The target, if what stands there is what may be replaced.
fn agreed(path: &Path, existing: Existing<'_>) -> Result<Target, WriteError> {
    let target = match (Target::of(path), existing) {
        // Whatever it is, it is not to be touched.
        (Err(WriteError::Failed { .. }), Existing::Refuse) if std::fs::metadata(path).is_ok_and(|m| m.is_file()) => {
            return Err(WriteError::Exists(path.to_owned()));
        }
        (target, _) => target?,
    };
    match existing {
        Existing::Refuse if target.before.is_some() || target.dangling => Err(WriteError::Exists(path.to_owned())),
        Existing::Expect(text) if target.before.is_some() && !says(&target.place, text) => {
            Err(WriteError::Changed(path.to_owned()))
        }
        _ => Ok(target),
    }
}

/// Whether a file says exactly this.
fn says(place: &Path, text: &str) -> bool {
    read_regular(place, text.len() as u64).is_ok_and(|bytes| bytes == text.as_bytes())
}

/// A temporary file beside the target, locked.
fn temporary(path: &Path, target: &Target) -> Result<NamedTempFile, WriteError> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX).suffix(FILE);
    // A new file is for whom the user's mask says. One that replaces another is private until it has that one's mode.
    #[cfg(unix)]
    if target.before.is_none() {
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    }
    for _ in 0..MOST_TRIES {
        let made = builder.tempfile_in(target.folder()).map_err(|error| WriteError::failed(path, &error))?;
        if hold(made.as_file(), made.path()) {
            return Ok(made);
        }
    }
    Err(WriteError::Failed { path: path.to_owned(), cause: "temporary files beside it keep vanishing".to_owned() })
}

/// Gives a file the owner and mode of another, as far as the system lets this user.
fn take_after(file: &File, before: &Metadata) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt as _, fchown};
        // Each by itself: a user may give a file to another of his groups, but only root to another user.
        let _ = fchown(file, None, Some(before.gid()));
        let _ = fchown(file, Some(before.uid()), None);
    }
    // After the owner, whose change takes some modes away.
    let _ = file.set_permissions(before.permissions());
}

/// Renames the temporary file over the target if that is still what it was.
fn put(path: &Path, temporary: NamedTempFile, target: &Target, existing: Existing<'_>) -> Result<(), WriteError> {
    let as_before = target.is_as_before() || matches!(existing, Existing::Expect(text) if says(&target.place, text));
    let meanwhile = || match existing {
        Existing::Refuse => WriteError::Exists(path.to_owned()),
        Existing::Replace | Existing::Expect(_) => WriteError::Changed(path.to_owned()),
    };
    if !as_before {
        return Err(meanwhile());
    }
    let put = if target.before.is_some() {
        temporary.persist(&target.place)
    } else {
        match temporary.persist_noclobber(&target.place) {
            Err(refused) if refused.error.kind() == std::io::ErrorKind::AlreadyExists => return Err(meanwhile()),
            // The file system can neither refuse by itself nor link.
            Err(refused) if target.is_as_before() => refused.file.persist(&target.place),
            put => put,
        }
    };
    put.map(drop).map_err(|refused| WriteError::Failed { path: path.to_owned(), cause: cause(&refused.error) })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::fs;

    /// Another program writes after the first look and before the rename.
    #[test]
    fn what_changes_while_it_is_written_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        for (before, existing, wanted) in [
            (Some("old"), Existing::Replace, WriteError::Changed(path.clone())),
            (Some("old"), Existing::Expect("old"), WriteError::Changed(path.clone())),
            (None, Existing::Replace, WriteError::Changed(path.clone())),
            (None, Existing::Expect("old"), WriteError::Changed(path.clone())),
            (None, Existing::Refuse, WriteError::Exists(path.clone())),
        ] {
            let _ = fs::remove_file(&path);
            if let Some(text) = before {
                fs::write(&path, text).unwrap();
            }
            let target = agreed(&path, existing).unwrap();
            let temporary = temporary(&path, &target).unwrap();
            fs::write(&path, "theirs").unwrap();
            assert_eq!(put(&path, temporary, &target, existing), Err(wanted), "{existing:?}");
            assert_eq!(fs::read_to_string(&path).unwrap(), "theirs");
        }
        // A file that was only touched, or went, is as good as unchanged.
        for change in [|path: &Path| fs::write(path, "old").unwrap(), |path: &Path| fs::remove_file(path).unwrap()] {
            fs::write(&path, "old").unwrap();
            let target = agreed(&path, Existing::Expect("old")).unwrap();
            let mut temporary = temporary(&path, &target).unwrap();
            temporary.write_all(b"mine").unwrap();
            change(&path);
            put(&path, temporary, &target, Existing::Expect("old")).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
