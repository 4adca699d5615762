//! What the commands write and read: nothing is replaced unasked, nothing that is read is written over, every refusal
//! comes before the work and names the user's path.

use std::any::TypeId;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use tuneplan::cli::{self, Outcome};
use tuneplan::plan::{Plan, file};

fn run(args: &[&str]) -> (Outcome, String) {
    let args = std::iter::once("tuneplan").chain(args.iter().copied()).map(OsString::from);
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let outcome = cli::run(args, &mut out, &mut err);
    (outcome, String::from_utf8(err).unwrap())
}

fn refused(args: &[&str]) -> String {
    let (outcome, err) = run(args);
    assert_eq!(outcome, Outcome::BadInput, "{args:?}");
    err
}

fn done(args: &[&str]) {
    let (outcome, err) = run(args);
    assert_eq!(outcome, Outcome::Done, "{args:?}: {err}");
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A search whose space is small, so that a debug build is quick.
const SEARCH: [&str; 7] = ["search", "--workload", "inference", "--under", "12GiB", "--max-risk", "low"];

/// Commands with the argument that says what they write, and whether `--force` lets it replace a file.
const WRITING: [(&[&str], &str, &str, bool); 11] = [
    (&["import", "tests/fixtures/import/axolotl-qlora.yml"], "patched", "--patched", true),
    (&["import", "tests/fixtures/import/axolotl-qlora.yml"], "output", "--output", true),
    (&["new"], "output", "--output", true),
    (&["solve", "--for", "rank"], "output", "--output", true),
    (&["levers"], "output", "--output", true),
    (&SEARCH, "output", "--output", true),
    (&["screenshot", "--panel", "memory", "--size", "200x200"], "output", "--output", true),
    (&["decide", "tests/fixtures/decide/05-style.ron"], "record", "--record", true),
    (&["preview", "--steps", "1"], "output", "--output", false),
    (&["preview", "--steps", "1"], "save_merged", "--save-merged", false),
    (&["preview", "--steps", "1"], "report", "--report", false),
];

/// Arguments that name a path that is read, and one folder in which a run keeps what is its own.
const READING: [(&str, &str); 26] = [
    ("", "plan"),
    ("", "profiles"),
    ("compare", "plans"),
    ("decide", "answers"),
    ("estimate", "plan"),
    ("import", "file"),
    ("inspect", "path"),
    ("data check", "files"),
    ("data lengths", "file"),
    ("data lengths", "tokenizer"),
    ("data mask", "file"),
    ("data mask", "tokenizer"),
    ("data rows", "file"),
    ("estimate", "data"),
    ("estimate", "tokenizer"),
    ("levers", "plan"),
    ("preview", "base_text"),
    ("preview", "data"),
    ("preview", "model"),
    ("preview", "plan"),
    ("preview", "resume"),
    ("quantize", "model"),
    ("screenshot", "plan"),
    ("search", "plan"),
    ("validate", "rows"),
    ("why", "plan"),
];

/// A new argument with a path must be sorted into one of the two lists above: what is written gets the tests below.
#[test]
fn every_path_of_the_command_line_is_known_to_be_read_or_written() {
    let mut found: Vec<(String, String)> = Vec::new();
    let mut commands = vec![(String::new(), cli::command())];
    while let Some((name, command)) = commands.pop() {
        for arg in command.get_arguments().filter(|arg| arg.get_value_parser().type_id() == TypeId::of::<PathBuf>()) {
            found.push((name.clone(), arg.get_id().to_string()));
        }
        let named = |inner: &str| format!("{name} {inner}").trim().to_owned();
        commands.extend(command.get_subcommands().map(|inner| (named(inner.get_name()), inner.clone())));
    }
    let mut known: Vec<(String, String)> = READING
        .iter()
        .copied()
        .chain([("sensitivity", "plan"), ("solve", "plan"), ("export", "plan"), ("export", "output")])
        .chain(WRITING.iter().map(|(command, id, ..)| (command[0], *id)))
        .map(|(command, id)| (command.to_owned(), id.to_owned()))
        .collect();
    known.sort();
    found.sort();
    assert_eq!(found, known);
}

/// A folder of files: none of them is replaced unasked.
#[test]
fn an_export_replaces_no_file_unasked() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("run");
    let export = ["export", "--to", "axolotl", "--output", text(&place)];
    done(&export);
    let file = place.join("axolotl.yml");
    fs::write(&file, "mine").unwrap();
    assert!(refused(&export).contains("--force"));
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
    done(&[&export[..], &["--force"]].concat());
    assert!(fs::read_to_string(&file).unwrap().contains("base_model"));
}

/// What stands there stays, byte for byte, and is refused before anything is computed.
#[test]
fn no_command_replaces_a_file_unasked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine");
    fs::write(&path, "mine").unwrap();
    for (command, _, flag, can_force) in WRITING {
        let said = refused(&[command, &[flag, text(&path)]].concat());
        assert!(said.contains(text(&path)) && said.contains("exists"), "{said}");
        assert_eq!(said.contains("--force"), can_force, "{said}");
        assert_eq!(said.lines().count(), 1, "nothing was done before: {said}");
        assert_eq!(fs::read(&path).unwrap(), b"mine", "{command:?}");
        let missing = folder.path().join("none/a");
        let said = refused(&[command, &[flag, text(&missing)]].concat());
        assert!(said.contains(text(missing.parent().unwrap())) && said.contains("folder"), "{said}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    for (command, _, flag, _) in WRITING.into_iter().filter(|(.., can_force)| *can_force) {
        // Nothing is to be changed in the default plan, so there is no such plan to write.
        if command[0] != "levers" {
            fs::write(&path, "mine").unwrap();
            done(&[command, &["--force", flag, text(&path)]].concat());
            assert_ne!(fs::read(&path).unwrap(), b"mine", "{command:?}");
        }
    }
}

/// A plan is saved in its own place where that was asked for, and nothing else is written over what is read.
#[test]
fn no_command_writes_over_what_it_reads() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let plan = at("a.plan.ron");
    let before = file::write(&Plan::default(), &[]);
    fs::write(&plan, &before).unwrap();
    fs::hard_link(&plan, at("other-name.ron")).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink("a.plan.ron", at("link.ron")).unwrap();
    let dotted = format!("{}/./a.plan.ron", folder.path().display());
    for name in [text(&plan), &dotted, text(&at("other-name.ron")), text(&at("link.ron"))] {
        let said = refused(&["screenshot", text(&plan), "--force", "-o", name]);
        assert!(said.contains("reads it"), "{said}");
    }
    // A file of a folder that is read.
    fs::create_dir(at("profiles")).unwrap();
    let profile = include_str!("../../assets/profiles/torchtune.ron");
    fs::write(at("profiles/own.ron"), profile).unwrap();
    let own = at("profiles/own.ron");
    let said = refused(&["new", "--profiles", text(&at("profiles")), "--force", "-o", text(&own)]);
    assert!(said.contains("reads it"), "{said}");
    assert_eq!(fs::read_to_string(&own).unwrap(), profile);
    assert_eq!(fs::read_to_string(&plan).unwrap(), before);
}

#[test]
fn keys_of_others_are_kept_by_every_command_that_changes_a_plan() {
    let folder = tempfile::tempdir().unwrap();
    let plan = folder.path().join("a.plan.ron");
    let with_key =
        "(\n    schema: 1,\n    my_team_key: \"keep me\",\n    batch: (sequence_length: 1024, other: [1, 2]),\n)\n";
    let large = ["--model", "Llama-3.1-70B", "--method", "lora", "--micro-batch", "4"];
    let commands: [(&[&str], &[&str]); 3] =
        [(&["solve", "--for", "seq-len"], &[]), (&["levers"], &large), (&SEARCH, &[])];
    for (command, more) in commands {
        for target in ["a.plan.ron", "b.plan.ron"] {
            let target = folder.path().join(target);
            fs::write(&plan, with_key).unwrap();
            done(&[command, &[text(&plan)], more, &["--force", "-o", text(&target)]].concat());
            let written = fs::read_to_string(&target).unwrap();
            assert!(written.contains("my_team_key: \"keep me\"") && written.contains("other: [1, 2]"), "{written}");
            assert_ne!(written, with_key);
        }
    }
}

#[test]
fn names_are_cut_to_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let plan = folder.path().join("a.plan.ron");
    let long = Plan { name: "long ".repeat(13_000), ..Plan::default() };
    fs::write(&plan, file::write(&long, &[])).unwrap();
    for command in [&["estimate"][..], &["solve", "--for", "rank"], &["levers"], &SEARCH] {
        let args = ["tuneplan"].into_iter().chain(command.iter().copied()).chain([text(&plan)]).map(OsString::from);
        let mut out = Vec::new();
        assert_eq!(cli::run(args, &mut out, &mut Vec::new()), Outcome::Done);
        let out = String::from_utf8(out).unwrap();
        assert!(out.lines().all(|line| line.chars().count() < 400), "{command:?}");
    }
}

#[cfg(unix)]
mod unix {
    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::process::{Command, Output};

    /// The program through a shell that runs `before` first and `after` behind the arguments.
    fn shell(before: &str, args: &[&str], after: &str) -> Output {
        let script = format!("{before} \"$0\" \"$@\" {after}");
        Command::new("sh").args(["-c", &script, env!("CARGO_BIN_EXE_tuneplan")]).args(args).output().unwrap()
    }

    fn said(output: &Output) -> String {
        String::from_utf8(output.stderr.clone()).unwrap()
    }

    /// The link stays a link, to nothing or to a pipe, with and without `--force`, and the refusal comes before the work.
    #[test]
    fn no_command_replaces_what_is_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        symlink("nowhere", at("dangling")).unwrap();
        assert!(Command::new("mkfifo").arg(at("pipe")).status().unwrap().success());
        symlink("pipe", at("to-pipe")).unwrap();
        for (command, _, flag, can_force) in WRITING {
            let dangling = refused(&[command, &[flag, text(&at("dangling"))]].concat());
            assert!(dangling.contains("exists") && dangling.lines().count() == 1, "{dangling}");
            for place in ["pipe", "to-pipe"] {
                for force in [&[][..], &["--force"][..usize::from(can_force)]] {
                    let said = refused(&[command, force, &[flag, text(&at(place))]].concat());
                    assert!(said.contains(text(&at(place))) && said.lines().count() == 1, "{said}");
                }
            }
        }
        assert!(at("dangling").is_symlink() && at("to-pipe").is_symlink() && !at("nowhere").exists());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
    }

    #[test]
    fn a_link_is_written_through() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("real.plan.ron"), "old").unwrap();
        symlink("real.plan.ron", at("link.plan.ron")).unwrap();
        done(&["new", "--force", "-o", text(&at("link.plan.ron"))]);
        assert!(at("link.plan.ron").is_symlink());
        assert!(file::read(&fs::read_to_string(at("real.plan.ron")).unwrap()).is_ok());
    }

    #[test]
    fn new_files_are_for_whom_the_mask_says_and_old_ones_stay_so() {
        let folder = tempfile::tempdir().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        for (mask, wanted) in [("077", 0o600), ("022", 0o644), ("002", 0o664), ("027", 0o640)] {
            for (name, args) in
                [("a.plan.ron", &["new"][..]), ("a.png", &["screenshot", "--panel", "memory", "--size", "200x200"])]
            {
                let path = folder.path().join(mask).with_extension(name);
                let output = shell(&format!("umask {mask};"), &[args, &["-o", text(&path)]].concat(), "");
                assert!(output.status.success(), "{}", said(&output));
                assert_eq!(mode(&path), wanted, "{mask} {name}");
                fs::set_permissions(&path, fs::Permissions::from_mode(0o660)).unwrap();
                let output = shell(&format!("umask {mask};"), &[args, &["--force", "-o", text(&path)]].concat(), "");
                assert!(output.status.success(), "{}", said(&output));
                assert_eq!(mode(&path), 0o660, "{mask} {name}");
            }
        }
    }

    /// Files end after 2 KiB, which is to the program as if the disk were full.
    #[test]
    fn a_full_disk_leaves_the_old_file_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.plan.ron");
        for before in [None, Some("old")] {
            if let Some(text) = before {
                fs::write(&path, text).unwrap();
            }
            let output = shell("trap '' XFSZ; ulimit -f 4;", &["new", "--force", "-o", text(&path)], "");
            assert_eq!(output.status.code(), Some(2));
            let said = said(&output);
            assert!(said.contains("too large") && said.matches("a.plan.ron").count() == 1, "{said}");
            assert!(!said.contains(".tuneplan-"), "{said}");
            assert_eq!(fs::read_to_string(&path).ok().as_deref(), before);
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), usize::from(before.is_some()));
        }
    }

    /// What nobody could read was not said.
    #[cfg(target_os = "linux")]
    #[test]
    fn help_that_finds_no_room_is_an_error() {
        for args in [&["--help"][..], &["solve", "--help"], &["--version"], &["templates"], &["estimate"]] {
            let output = shell("", args, "> /dev/full");
            assert_eq!(output.status.code(), Some(2), "{args:?}");
            assert!(!said(&output).is_empty());
            // A reader that stopped listening is no error.
            let output = shell("(", args, "; echo $? >&2) | true");
            assert_eq!(said(&output).trim(), "0", "{args:?}");
        }
    }

    /// Devices that never end, and files far over the limit, are refused at once by every command that reads a path.
    #[cfg(target_os = "linux")]
    #[test]
    fn no_command_reads_without_end() {
        let folder = tempfile::tempdir().unwrap();
        let sparse = folder.path().join("sparse.json");
        fs::File::create(&sparse).unwrap().set_len(1 << 40).unwrap();
        for endless in [Path::new("/dev/zero"), &sparse] {
            let endless = text(endless);
            for args in [
                &["estimate", endless][..],
                &["decide", endless],
                &["validate", endless],
                &["inspect", endless],
                &["compare", endless, endless],
                &["quantize", endless],
                &["screenshot", endless, "-o", text(&folder.path().join("x.png"))],
                &["preview", "--data", endless],
                &["preview", "--base-text", endless, "--steps", "1"],
            ] {
                let said = refused(args);
                assert!(said.contains(endless), "{args:?}: {said}");
            }
        }
    }

    /// A git that says without end what it has, or why not; and that may fetch nothing.
    #[test]
    fn no_more_is_taken_from_git_than_a_plan_has() {
        let folder = tempfile::tempdir().unwrap();
        let git = folder.path().join("git");
        let run = |script: &str| {
            fs::write(&git, format!("#!/bin/sh\n{script}\n")).unwrap();
            fs::set_permissions(&git, fs::Permissions::from_mode(0o755)).unwrap();
            let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
            let mut tuneplan = Command::new(env!("CARGO_BIN_EXE_tuneplan"));
            tuneplan.args(["compare", "HEAD:a.plan.ron", "HEAD~1:a.plan.ron"]).env("PATH", path);
            let output = tuneplan.output().unwrap();
            assert_eq!(output.status.code(), Some(2));
            said(&output)
        };
        assert!(run("exec cat /dev/zero").contains("HEAD:a.plan.ron: over 4 MiB"));
        let flood = "yes fatal: it is not there | head -c 1000000 >&2; exit 128";
        assert!(run(flood).contains("HEAD:a.plan.ron: it is not there"));
        assert!(run("echo \"fatal: fetches: ${GIT_NO_LAZY_FETCH}.\" >&2; exit 128").contains("fetches: 1."));
    }
}
