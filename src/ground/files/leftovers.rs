//! What a program that was killed left half written, and how it is told from what a living one is writing.
//!
//! Whoever writes holds a lock on the temporary file or folder as long as it lives; the system gives the lock back when
//! the program ends, however it ends. Who clears up takes the lock first, and both look afterwards whether the name still
//! stands for what they locked: so a file that was just made and not yet locked is at worst made a second time.

use super::target::is_same;
use std::fs::{self, File, TryLockError};
use std::path::Path;

/// What names of temporary files and folders begin with.
pub const PREFIX: &str = ".tuneplan-";
/// What those of files end with.
pub const FILE: &str = ".tmp";
/// What those of folders end with.
pub const FOLDER: &str = ".new";

/// Most entries of a folder that are looked at.
const MOST_ENTRIES: usize = 10_000;

/// Locks what was just made at `path`; false if somebody cleared it up before that, so that it must be made again.
/// Where the device has no locks nothing is cleared up either.
pub fn hold(file: &File, path: &Path) -> bool {
    match file.try_lock() {
        Ok(()) | Err(TryLockError::Error(_)) => stands_for(path, file),
        Err(TryLockError::WouldBlock) => false,
    }
}

/// Whether the name stands for what was opened.
fn stands_for(path: &Path, file: &File) -> bool {
    let (named, opened) = (fs::symlink_metadata(path), file.metadata());
    matches!((named, opened), (Ok(named), Ok(opened)) if is_same(&named, &opened))
}

/// Removes the temporary files and folders of programs that are gone from `folder`. What cannot be removed stays.
pub fn clean(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.take(MOST_ENTRIES).flatten() {
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else { continue };
        // Not through links: what they name is not ours.
        let Ok(kind) = entry.file_type() else { continue };
        let path = entry.path();
        if kind.is_file() && name.ends_with(FILE) {
            if let Some(_lock) = take_abandoned(&path) {
                let _ = fs::remove_file(&path);
            }
        } else if kind.is_dir()
            && name.ends_with(FOLDER)
            && let Some(_lock) = take_abandoned(&path)
        {
            let _ = fs::remove_dir_all(&path);
        }
    }
}

/// The lock of what nobody holds, to be kept until it is removed: a program that just made it and comes to lock it then
/// finds it taken or gone, and makes another.
fn take_abandoned(path: &Path) -> Option<File> {
    let file = File::open(path).ok()?;
    file.try_lock().ok()?;
    stands_for(path, &file).then_some(file)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_what_nobody_holds_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in [".tuneplan-dead.tmp", ".tuneplan-alive.tmp", ".other.tmp", ".tuneplan-x.txt", "a.plan.ron"] {
            fs::write(at(name), "x").unwrap();
        }
        for name in [".tuneplan-dead.new", ".tuneplan-alive.new", "own.new"] {
            fs::create_dir(at(name)).unwrap();
            fs::write(at(name).join("x"), "x").unwrap();
        }
        let file = File::open(at(".tuneplan-alive.tmp")).unwrap();
        assert!(hold(&file, &at(".tuneplan-alive.tmp")));
        let held = File::open(at(".tuneplan-alive.new")).unwrap();
        assert!(hold(&held, &at(".tuneplan-alive.new")));
        #[cfg(unix)]
        std::os::unix::fs::symlink(at("a.plan.ron"), at(".tuneplan-link.tmp")).unwrap();
        clean(folder.path());
        for name in [".tuneplan-dead.tmp", ".tuneplan-dead.new"] {
            assert!(!at(name).exists(), "{name}");
        }
        for name in [".tuneplan-alive.tmp", ".tuneplan-alive.new", ".other.tmp", ".tuneplan-x.txt", "own.new"] {
            assert!(at(name).exists(), "{name}");
        }
        #[cfg(unix)]
        assert!(at(".tuneplan-link.tmp").is_symlink() && at("a.plan.ron").exists());
        // One that was cleared up before it was locked is not taken for one's own.
        fs::remove_file(at(".tuneplan-alive.tmp")).unwrap();
        assert!(!hold(&file, &at(".tuneplan-alive.tmp")));
    }
}
