//! The one door to the disk: what is replaced, what is refused, what is left behind.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use std::fs;
use std::path::{Path, PathBuf};
use tuneplan::files::{Existing, NewFolder, WriteError, check, make_folders, write};

/// Names in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn what_stands_there_is_replaced_only_where_that_was_agreed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    write(&path, b"first", Existing::Refuse).unwrap();
    assert_eq!(write(&path, b"second", Existing::Refuse), Err(WriteError::Exists(path.clone())));
    assert_eq!(check(&path, Existing::Refuse), Err(WriteError::Exists(path.clone())));
    assert_eq!(write(&path, b"second", Existing::Expect("other")), Err(WriteError::Changed(path.clone())));
    assert_eq!(write(&path, b"second", Existing::Expect("firs")), Err(WriteError::Changed(path.clone())));
    assert_eq!(write(&path, b"second", Existing::Expect("first longer")), Err(WriteError::Changed(path.clone())));
    assert_eq!(fs::read(&path).unwrap(), b"first");
    write(&path, b"second", Existing::Expect("first")).unwrap();
    write(&path, b"third", Existing::Replace).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"third");
    // What was removed meanwhile is written anew: it is nobody's.
    fs::remove_file(&path).unwrap();
    write(&path, b"fourth", Existing::Expect("third")).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"fourth");
    assert_eq!(names(folder.path()), ["a"]);
}

#[test]
fn a_missing_folder_is_told_apart_and_can_be_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x/y/a");
    for refused in
        [write(&path, b"x", Existing::Replace), check(&path, Existing::Refuse), NewFolder::at(&path).map(drop)]
    {
        assert_eq!(refused, Err(WriteError::MissingFolder(folder.path().join("x/y"))));
    }
    make_folders(path.parent().unwrap()).unwrap();
    write(&path, b"x", Existing::Refuse).unwrap();
}

#[test]
fn a_new_folder_is_there_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("results");
    let new = NewFolder::at(&place).unwrap();
    new.folder("base").unwrap();
    new.write("base/x", b"1").unwrap();
    let told = new.write("none/x", b"1").unwrap_err().to_string();
    assert!(told.contains("results") && !told.contains(".new"), "the user's path, not that of the moment: {told}");
    assert!(!place.exists());
    drop(new);
    assert_eq!(names(folder.path()), [""; 0], "what is not finished goes");
    let new = NewFolder::at(&place).unwrap();
    new.write("x", b"1").unwrap();
    // One that is being written is not cleared up by a save beside it.
    write(&folder.path().join("a"), b"x", Existing::Refuse).unwrap();
    new.finish().unwrap();
    assert_eq!(names(&place), ["x"]);
    assert_eq!(NewFolder::at(&place).map(drop), Err(WriteError::Exists(place.clone())));
    // One that came while it was written stays, an empty one too.
    let late = folder.path().join("late");
    let new = NewFolder::at(&late).unwrap();
    fs::create_dir(&late).unwrap();
    assert_eq!(new.finish(), Err(WriteError::Exists(late.clone())));
    assert_eq!(names(folder.path()), ["a", "late", "results"]);
}

#[test]
fn leftovers_of_the_dead_go_at_the_next_save() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(".tuneplan-dead.tmp"), "half").unwrap();
    fs::create_dir(folder.path().join(".tuneplan-dead.new")).unwrap();
    write(&folder.path().join("a"), b"x", Existing::Refuse).unwrap();
    assert_eq!(names(folder.path()), ["a"]);
}

#[cfg(unix)]
mod unix {
    use super::*;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
    use std::process::{Command, Stdio};

    fn pipe(path: &Path) {
        assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
    }

    fn is_root(folder: &Path) -> bool {
        fs::metadata(folder).unwrap().uid() == 0
    }

    #[test]
    fn links_are_followed_and_stay() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("far")).unwrap();
        fs::write(at("far/file"), "old").unwrap();
        symlink("far/file", at("near")).unwrap();
        symlink("near", at("nearer")).unwrap();
        for link in ["near", "nearer"] {
            assert_eq!(write(&at(link), b"x", Existing::Refuse), Err(WriteError::Exists(at(link))));
            write(&at(link), link.as_bytes(), Existing::Replace).unwrap();
            assert!(at(link).is_symlink());
            assert_eq!(fs::read(at("far/file")).unwrap(), link.as_bytes());
        }
        write(&at("near"), b"new", Existing::Expect("nearer")).unwrap();
        assert_eq!((names(&at("far")), fs::read(at("far/file")).unwrap()), (vec!["file".to_owned()], b"new".to_vec()));
    }

    #[test]
    fn a_link_to_nothing_counts_as_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        symlink("later", at("dangling")).unwrap();
        for refused in [write(&at("dangling"), b"x", Existing::Refuse), NewFolder::at(&at("dangling")).map(drop)] {
            assert_eq!(refused, Err(WriteError::Exists(at("dangling"))));
        }
        assert!(at("dangling").is_symlink() && !at("later").exists());
        write(&at("dangling"), b"x", Existing::Replace).unwrap();
        assert!(at("dangling").is_symlink());
        assert_eq!(fs::read(at("later")).unwrap(), b"x");
        symlink("none/later", at("far")).unwrap();
        assert!(matches!(write(&at("far"), b"x", Existing::Replace), Err(WriteError::MissingFolder(_))));
        symlink("round", at("about")).unwrap();
        symlink("about", at("round")).unwrap();
        for existing in [Existing::Replace, Existing::Refuse] {
            let told = write(&at("round"), b"x", existing).unwrap_err().to_string();
            assert!(told.contains("circle"), "{told}");
        }
    }

    /// Nothing but a regular file is ever replaced; a device would be gone for every program.
    #[test]
    fn what_is_no_regular_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        pipe(&at("pipe"));
        symlink(at("pipe"), at("to-pipe")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        fs::create_dir(at("folder")).unwrap();
        let mut paths = vec![at("pipe"), at("to-pipe"), at("socket"), at("folder")];
        // A fault here would take the device away from a machine whose tests are run by its administrator.
        if !is_root(folder.path()) {
            paths.extend([PathBuf::from("/dev/null"), PathBuf::from("/dev/stdout")]);
        }
        for path in paths {
            for existing in [Existing::Refuse, Existing::Replace, Existing::Expect("x")] {
                let refused = write(&path, b"x", existing).unwrap_err();
                assert!(matches!(refused, WriteError::Failed { .. }), "{refused}");
                assert_eq!(check(&path, existing), Err(refused));
            }
        }
        assert_eq!(names(folder.path()), ["folder", "pipe", "socket", "to-pipe"]);
        // Looked at only: what a stream is, not what becomes of it.
        let told = check(Path::new("/dev/stdout"), Existing::Replace).unwrap_err().to_string();
        assert!(told.contains("file"), "{told}");
    }

    #[test]
    fn a_file_that_is_replaced_keeps_its_mode() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        for mode in [0o600, 0o640, 0o664, 0o755] {
            fs::write(&path, "old").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            write(&path, b"new", Existing::Replace).unwrap();
            assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, mode);
            fs::remove_file(&path).unwrap();
        }
    }

    /// What the environment of the child is asked for by [`the_child_that_saves`].
    const INTO: &str = "TUNEPLAN_TEST_SAVE_INTO";
    /// How often the child is killed; a thousand times by hand.
    const KILLS: &str = "TUNEPLAN_TEST_KILLS";

    /// A text of some size that says whether it is whole.
    fn numbered(number: u64) -> String {
        let line = format!("{number}\n");
        line.repeat(usize::try_from(2000 + number % 7 * 500).unwrap()) + "end\n"
    }

    fn is_whole(text: &str) -> bool {
        text.lines().next().and_then(|line| line.parse().ok()).is_some_and(|number| text == numbered(number))
    }

    /// Not a test of its own: saves until it is killed, if the environment says where.
    #[test]
    fn the_child_that_saves() {
        let Some(path) = std::env::var_os(INTO) else { return };
        for number in 1.. {
            let old = numbered(number - 1);
            write(Path::new(&path), numbered(number).as_bytes(), Existing::Expect(&old)).unwrap();
        }
    }

    /// A program killed at any moment of a save leaves the old file or the new one, and what else it leaves goes with the
    /// next save.
    #[test]
    fn killed_saves_leave_whole_files_and_nothing_else() {
        let kills = std::env::var(KILLS).ok().and_then(|text| text.parse().ok()).unwrap_or(30_u64);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let (mut moved, mut left) = (0, 0);
        for kill in 0..kills {
            write(&path, numbered(0).as_bytes(), Existing::Replace).unwrap();
            assert_eq!(names(folder.path()), ["a"], "before kill {kill}");
            let mut child = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "files_written::unix::the_child_that_saves"])
                .env(INTO, &path)
                .stdout(Stdio::null())
                .spawn()
                .unwrap();
            // Until it saves, and then a time that differs from kill to kill.
            while fs::read_to_string(&path).unwrap() == numbered(0) {
                assert_eq!(child.try_wait().unwrap(), None, "the child ended");
            }
            std::thread::sleep(std::time::Duration::from_micros(kill * 7919 % 9000));
            child.kill().unwrap();
            child.wait().unwrap();
            let text = fs::read_to_string(&path).unwrap();
            assert!(is_whole(&text), "kill {kill}: {} bytes", text.len());
            moved += u64::from(text != numbered(0));
            left += u64::from(names(folder.path()).len() > 1);
        }
        write(&path, b"x", Existing::Replace).unwrap();
        assert_eq!(names(folder.path()), ["a"]);
        assert!(moved > 0, "no child saved anything");
        eprintln!("{kills} kills: all files whole; {left} left a temporary file, none after the next save");
    }
}
