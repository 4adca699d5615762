//! Copies of unsaved plans: written in time, found again, offered once, never in the way of another program.

use std::fs;
use std::path::{Path, PathBuf};
use tuneplan::app::command::{Answer, FileCommand};
use tuneplan::app::recovery::{DELAY_SECS, Found, Journal, leftovers};
use tuneplan::app::{Command, Effect, State, dispatch};
use tuneplan::plan::edit::PlanEdit;
use tuneplan::plan::field::FieldValue;
use tuneplan::plan::{Plan, file};

fn rank(number: u64) -> Command {
    Command::Edit(PlanEdit::Set("method.rank", FieldValue::Integer(number)))
}

fn copies(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in fs::read_dir(root).unwrap() {
        for entry in fs::read_dir(folder.unwrap().path()).unwrap() {
            let path = entry.unwrap().path();
            if path.to_string_lossy().ends_with(".plan.ron") {
                found.push(path);
            }
        }
    }
    found
}

/// What the program leaves when it is killed: its folder without anybody holding the lock.
fn killed(journal: Journal, root: &Path) {
    let folder = fs::read_dir(root).unwrap().next().unwrap().unwrap().path();
    let kept = root.with_extension("kept");
    fs::create_dir_all(&kept).unwrap();
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, kept.join(path.file_name().unwrap())).unwrap();
    }
    drop(journal);
    let _ = fs::remove_dir_all(&folder);
    fs::rename(kept, folder).unwrap();
}

#[test]
fn a_copy_is_written_two_seconds_after_the_last_edit_and_not_before() {
    let root = tempfile::tempdir().unwrap();
    let mut journal = Journal::begin(root.path()).unwrap();
    let mut state = State::default();
    assert_eq!(journal.look(&state, 10.0), None, "nothing to lose, nothing to wake for");
    dispatch(&mut state, rank(64));
    assert_eq!(journal.look(&state, 10.0), Some(DELAY_SECS));
    assert!(journal.when_due(11.0).is_none());
    // Another edit puts it off.
    dispatch(&mut state, rank(65));
    assert_eq!(journal.look(&state, 11.0), Some(DELAY_SECS));
    assert!(journal.when_due(12.5).is_none());
    assert!(!journal.has_copy(&state.document));
    journal.when_due(13.0).unwrap()().unwrap();
    assert!(journal.has_copy(&state.document));
    assert_eq!(journal.look(&state, 20.0), None);
    let copies = copies(root.path());
    assert_eq!(copies.len(), 1);
    assert_eq!(file::read(&fs::read_to_string(&copies[0]).unwrap()).unwrap().plan, state.document.plan);
}

#[test]
fn what_is_saved_or_undone_has_no_copy() {
    let root = tempfile::tempdir().unwrap();
    let mut journal = Journal::begin(root.path()).unwrap();
    let mut state = State::default();
    dispatch(&mut state, rank(64));
    journal.look(&state, 0.0);
    journal.when_due(5.0).unwrap()().unwrap();
    assert_eq!(copies(root.path()).len(), 1);
    dispatch(&mut state, Command::Menu(tuneplan::app::command::MenuCommand::Undo));
    journal.look(&state, 6.0);
    journal.when_due(9.0).unwrap()().unwrap();
    assert_eq!(copies(root.path()).len(), 0);
    drop(journal);
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0, "an orderly end leaves nothing");
}

#[test]
fn a_killed_run_is_offered_restored_with_its_file_and_then_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("recovery");
    let plan_path = folder.path().join("review.plan.ron");
    fs::write(&plan_path, file::write(&Plan::default(), &[])).unwrap();
    let mut journal = Journal::begin(&root).unwrap();
    let mut state = State::default();
    let opened = tuneplan::documents::store::open_plan(&plan_path).unwrap();
    dispatch(&mut state, Command::File(FileCommand::PlanRead(plan_path.clone(), Box::new(Ok(opened)))));
    dispatch(&mut state, rank(64));
    dispatch(&mut state, Command::Menu(tuneplan::app::command::MenuCommand::Duplicate));
    journal.look(&state, 0.0);
    journal.when_due(5.0).unwrap()().unwrap();
    assert!(leftovers(&root).plans.is_empty(), "a running program keeps its own");
    killed(journal, &root);

    let Found { held, plans, unreadable } = leftovers(&root);
    assert_eq!((held.len(), plans.len(), unreadable.len()), (1, 2, 0));
    assert!(leftovers(&root).plans.is_empty(), "two programs that start do not both offer it");
    let mut next = State::default();
    dispatch(&mut next, Command::Recovered(plans));
    let effects = dispatch(&mut next, Command::Answer(Answer::GoOn));
    assert_eq!(effects, [Effect::KeepRecovery, Effect::ForgetRecovered]);
    assert_eq!(next.tab_count(), 2);
    assert!(next.tabs().all(tuneplan::app::state::Document::is_dirty));
    let with_file = next.tabs().find(|document| document.path.is_some()).unwrap();
    assert_eq!(fs::canonicalize(with_file.path.as_ref().unwrap()).unwrap(), fs::canonicalize(&plan_path).unwrap());
    assert_eq!(with_file.plan.method.method.lora().unwrap().rank, 64);
    assert_eq!(with_file.saved_plan, Plan::default());
    for leftover in held {
        leftover.forget().unwrap();
    }
    assert!(leftovers(&root).plans.is_empty());
}

#[test]
fn discarded_copies_are_forgotten_and_later_ones_kept() {
    let mut state = State::default();
    let recovered = |state: &mut State| {
        let plan = tuneplan::app::recovery::Recovered {
            plan: Plan::default(),
            unknown: Vec::new(),
            path: None,
            on_disk: None,
        };
        dispatch(state, Command::Recovered(vec![plan]));
    };
    recovered(&mut state);
    assert_eq!(dispatch(&mut state, Command::Answer(Answer::Cancel)), []);
    recovered(&mut state);
    assert_eq!(dispatch(&mut state, Command::Answer(Answer::Drop)), [Effect::ForgetRecovered]);
    assert_eq!(state.tab_count(), 1);
}

/// What a killed run left at `root`: a folder with these copies, its lock free.
fn left(root: &Path, name: &str, copies: &[(&str, &[u8])]) -> PathBuf {
    let run = root.join(name);
    fs::create_dir_all(&run).unwrap();
    fs::write(run.join("lock"), "").unwrap();
    for (id, bytes) in copies {
        fs::write(run.join(format!("{id}.plan.ron")), bytes).unwrap();
    }
    run
}

#[test]
fn copies_that_cannot_be_read_are_told_once_and_kept() {
    let root = tempfile::tempdir().unwrap();
    let whole = file::write(&Plan::default(), &[]);
    let broken: &[u8] = b"(schema: 1, batch: (";
    left(root.path(), "run-x", &[("7", broken), ("8", whole.as_bytes()), ("9", b"\xff\xfe")]);
    fs::write(root.path().join("stray"), "x").unwrap();
    let Found { held, plans, unreadable } = leftovers(root.path());
    assert_eq!((held.len(), plans.len(), unreadable.len()), (1, 1, 2), "{unreadable:?}");
    let kept = root.path().join("unreadable/run-x-7.plan.ron.bad");
    assert!(unreadable[0].contains(kept.to_str().unwrap()), "{unreadable:?}");
    assert_eq!(fs::read(&kept).unwrap(), broken);
    // Throwing away what was offered throws away nothing else.
    for leftover in held {
        leftover.forget().unwrap();
    }
    assert_eq!(fs::read(&kept).unwrap(), broken);
    let again = leftovers(root.path());
    assert!(again.unreadable.is_empty() && again.plans.is_empty());
    // One of the same name that comes later replaces none.
    left(root.path(), "run-x", &[("7", b"other")]);
    assert!(leftovers(root.path()).unreadable[0].contains("run-x-7.plan.ron.bad-2"));
    assert_eq!(fs::read(&kept).unwrap(), broken);
    assert_eq!(fs::read(root.path().join("stray")).unwrap(), b"x");
}

/// A pipe in the place of a copy, of its lock or of its path: without the check this test would never end.
#[cfg(unix)]
#[test]
fn a_pipe_among_the_copies_is_not_waited_for() {
    let root = tempfile::tempdir().unwrap();
    let pipe = |path: PathBuf| assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
    let run = left(root.path(), "run-a", &[("8", file::write(&Plan::default(), &[]).as_bytes())]);
    pipe(run.join("7.plan.ron"));
    pipe(run.join("8.path"));
    let run = root.path().join("run-b");
    fs::create_dir(&run).unwrap();
    pipe(run.join("lock"));
    let found = leftovers(root.path());
    assert_eq!((found.plans.len(), found.unreadable.len()), (1, 1), "{:?}", found.unreadable);
    assert!(found.unreadable[0].contains("pipe"));
}

#[test]
fn folders_of_killed_runs_that_hold_nothing_go() {
    let root = tempfile::tempdir().unwrap();
    let journal = Journal::begin(root.path()).unwrap();
    let empty = left(root.path(), "run-x", &[]);
    fs::write(empty.join(".tuneplan-abc.tmp"), "half").unwrap();
    fs::create_dir(root.path().join("run-y")).unwrap();
    let foreign = left(root.path(), "run-z", &[]);
    fs::write(foreign.join("notes.txt"), "mine").unwrap();
    let other = left(root.path(), "other", &[]);
    leftovers(root.path());
    assert!(!empty.exists() && !root.path().join("run-y").exists());
    assert!(foreign.join("notes.txt").exists() && other.exists());
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 3, "that of the living program stays");
    drop(journal);
}

#[test]
fn a_panic_writes_what_was_not_yet_due() {
    let root = tempfile::tempdir().unwrap();
    let mut journal = Journal::begin(root.path()).unwrap();
    journal.write_on_panic();
    let mut state = State::default();
    dispatch(&mut state, rank(64));
    journal.look(&state, 0.0);
    assert_eq!(copies(root.path()).len(), 0);
    let _ = std::thread::spawn(|| panic!("on purpose")).join();
    assert_eq!(copies(root.path()).len(), 1);
}

/// A label is one key, and nobody remembers which it was: it is on disk before the next frame is drawn.
#[test]
fn labels_survive_a_kill_at_once() {
    use tuneplan::decide::tally::labelled;
    use tuneplan::plan::decision::{LABELS, Tally};
    let root = tempfile::tempdir().unwrap();
    let mut journal = Journal::begin(root.path()).unwrap();
    let mut state = State::default();
    let mut tally = Tally { file: "failures.jsonl".to_owned(), examples: 3, ..Tally::default() };
    for (index, label) in LABELS.iter().take(3).enumerate() {
        tally = labelled(&tally, "A", index, Some(label));
        let mut decision = state.document.plan.decision.as_deref().cloned().unwrap_or_default();
        decision.take_tally(tally.clone());
        let edit = PlanEdit::Decision { what: "label", decision: Some(Box::new(decision)) };
        dispatch(&mut state, Command::Edit(edit));
        let now = 10.0 + index as f64;
        assert_eq!(journal.look(&state, now), Some(0.0));
        journal.when_due(now).unwrap()().unwrap();
    }
    killed(journal, root.path());
    let found = leftovers(root.path()).plans;
    assert_eq!(found[0].plan.decision.as_ref().unwrap().tally, tally);
}
