//! Which file a path stands for when it is written to.

use super::{WriteError, cause};
use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Most links that are followed one after the other, as the systems have it.
const MOST_LINKS: usize = 40;

/// The file that a path stands for, with all links followed.
pub struct Target {
    /// Where it is, or will be.
    pub place: PathBuf,
    /// What stands there; `None` for nothing.
    pub before: Option<Metadata>,
    /// The path is a link whose file is not there.
    pub dangling: bool,
}

impl Target {
    /// Follows `path`.
    ///
    /// # Errors
    /// What stands there is no regular file or may not be written, or there is no folder to put it in.
    pub fn of(path: &Path) -> Result<Self, WriteError> {
        let refuse = |cause: &str| Err(WriteError::Failed { path: path.to_owned(), cause: cause.to_owned() });
        let mut place = path.to_owned();
        for _ in 0..MOST_LINKS {
            let metadata = match fs::symlink_metadata(&place) {
                Ok(metadata) => metadata,
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    let folder = folder_of(&place);
                    if !folder.is_dir() {
                        return Err(WriteError::MissingFolder(folder.to_owned()));
                    }
                    let dangling = place != path;
                    return Ok(Self { place, before: None, dangling });
                }
                Err(error) => return Err(WriteError::failed(path, &error)),
            };
            if metadata.is_symlink() {
                let to = fs::read_link(&place).map_err(|error| WriteError::failed(path, &error))?;
                let next = folder_of(&place).join(to);
                // `/dev/stdout` and the like lead to what a program has open, not to a file by name.
                if [&place, &next].into_iter().any(|at| at.starts_with("/proc") || at.starts_with("/dev/fd")) {
                    return refuse("a stream of a running program, not a file; choose the name of a file");
                }
                place = next;
                continue;
            }
            if metadata.is_dir() {
                return refuse("a folder of that name exists");
            }
            if !metadata.is_file() {
                return refuse("a device or pipe, not a file; choose the name of a file");
            }
            if metadata.permissions().readonly() {
                return refuse("the file is read-only; save under another name");
            }
            return Ok(Self { place, before: Some(metadata), dangling: false });
        }
        refuse("the symbolic links lead round in a circle")
    }

    /// The folder it is in.
    pub fn folder(&self) -> &Path {
        folder_of(&self.place)
    }

    /// Whether what stands there now is what stood there.
    pub fn is_as_before(&self) -> bool {
        match (&self.before, fs::symlink_metadata(&self.place)) {
            (None, now) => now.is_err_and(|error| error.kind() == ErrorKind::NotFound),
            // A file that went meanwhile is nobody's loss.
            (Some(_), Err(error)) => error.kind() == ErrorKind::NotFound,
            (Some(before), Ok(now)) => {
                now.is_file()
                    && is_same(before, &now)
                    && before.len() == now.len()
                    && before.modified().ok() == now.modified().ok()
            }
        }
    }
}

/// The folder of a path; `.` where it names none.
pub fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

#[cfg(unix)]
pub fn is_same(a: &Metadata, b: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

#[cfg(not(unix))]
pub fn is_same(a: &Metadata, b: &Metadata) -> bool {
    a.created().ok() == b.created().ok() && a.file_type() == b.file_type()
}

/// Whether two paths lead to the same file or folder, through links too.
pub fn is_same_file(a: &Path, b: &Path) -> bool {
    if let (Ok(a), Ok(b)) = (fs::canonicalize(a), fs::canonicalize(b))
        && a == b
    {
        return true;
    }
    cfg!(unix) && matches!((fs::metadata(a), fs::metadata(b)), (Ok(a), Ok(b)) if is_same(&a, &b))
}

/// Whether a path leads to something within a folder, through links too.
pub fn is_within(path: &Path, folder: &Path) -> bool {
    matches!((fs::canonicalize(path), fs::canonicalize(folder)), (Ok(path), Ok(folder)) if path.starts_with(&folder))
}

impl WriteError {
    pub(super) fn failed(path: &Path, error: &std::io::Error) -> Self {
        Self::Failed { path: path.to_owned(), cause: cause(error) }
    }
}
