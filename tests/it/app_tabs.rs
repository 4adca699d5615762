//! Several open plans: each keeps its own changes, file and history.

use std::path::PathBuf;
use tuneplan::app::command::{Answer, FileCommand, LookCommand, MenuCommand};
use tuneplan::app::page::Page;
use tuneplan::app::state::{AfterUnsaved, Dialog};
use tuneplan::app::{Command, Effect, State, dispatch};
use tuneplan::plan::edit::PlanEdit;
use tuneplan::plan::field::FieldValue;
use tuneplan::plan::{Plan, file};

fn rank(number: u64) -> Command {
    Command::Edit(PlanEdit::Set("method.rank", FieldValue::Integer(number)))
}

fn menu(command: MenuCommand) -> Command {
    Command::Menu(command)
}

fn rank_of(plan: &Plan) -> u64 {
    plan.method.method.lora().unwrap().rank
}

fn ranks(state: &State) -> Vec<u64> {
    state.tabs().map(|document| rank_of(&document.plan)).collect()
}

fn read(state: &mut State, path: &str, rank: u64) {
    let mut plan = Plan::default();
    PlanEdit::Set("method.rank", FieldValue::Integer(rank)).apply(&mut plan).unwrap();
    let loaded = file::read(&file::write(&plan, &[])).unwrap();
    dispatch(state, Command::File(FileCommand::PlanRead(PathBuf::from(path), Box::new(Ok(loaded.into())))));
}

/// Three tabs of rank 4, 8 and 32; the last is shown.
fn three() -> State {
    let mut state = State::default();
    for (path, rank) in [("a.plan.ron", 4), ("b.plan.ron", 8), ("c.plan.ron", 32)] {
        read(&mut state, path, rank);
    }
    state
}

#[test]
fn an_untouched_plan_gives_way_and_a_touched_one_keeps_its_tab() {
    let mut state = State::default();
    read(&mut state, "a.plan.ron", 4);
    assert_eq!(ranks(&state), [4]);
    dispatch(&mut state, menu(MenuCommand::New));
    assert_eq!(ranks(&state), [4, 16]);
    dispatch(&mut state, rank(64));
    dispatch(&mut state, Command::NewFromTemplate("8b-lora-80gb"));
    assert_eq!((state.tab_count(), state.shown_tab()), (3, 2));
    assert_eq!(ranks(&state)[..2], [4, 64]);
}

#[test]
fn every_tab_has_its_own_history_and_undo_never_reaches_another() {
    let mut state = three();
    dispatch(&mut state, rank(128));
    dispatch(&mut state, Command::ShowTab(0));
    assert_eq!(ranks(&state), [4, 8, 128]);
    assert_eq!(state.document.history.undo_label(), None);
    dispatch(&mut state, rank(2));
    dispatch(&mut state, Command::ShowTab(2));
    dispatch(&mut state, menu(MenuCommand::Undo));
    assert_eq!(ranks(&state), [2, 8, 32]);
    for (command, shown) in [
        (MenuCommand::NextTab, 0),
        (MenuCommand::NextTab, 1),
        (MenuCommand::PreviousTab, 0),
        (MenuCommand::PreviousTab, 2),
    ] {
        dispatch(&mut state, menu(command));
        assert_eq!((state.shown_tab(), ranks(&state)), (shown, vec![2, 8, 32]));
    }
    dispatch(&mut state, Command::ShowTab(99));
    assert_eq!(state.shown_tab(), 2);
}

#[test]
fn a_file_that_is_open_is_shown_instead_of_opened_twice() {
    let mut state = three();
    assert_eq!(dispatch(&mut state, Command::File(FileCommand::OpenPlan(PathBuf::from("a.plan.ron")))), []);
    assert_eq!((state.shown_tab(), state.tab_count()), (0, 3));
    let other = PathBuf::from("d.plan.ron");
    assert_eq!(dispatch(&mut state, Command::File(FileCommand::OpenPlan(other.clone()))), [Effect::ReadPlan(other)]);
}

#[test]
fn closing_a_tab_shows_its_neighbour_and_the_last_leaves_a_fresh_plan() {
    let mut state = three();
    dispatch(&mut state, Command::CloseTab(0));
    assert_eq!((ranks(&state), state.shown_tab()), (vec![8, 32], 0));
    dispatch(&mut state, Command::CloseTab(1));
    assert_eq!(ranks(&state), [8]);
    dispatch(&mut state, menu(MenuCommand::CloseTab));
    assert_eq!(state.tab_count(), 1);
    assert!(state.document.is_untouched() && state.document.path.is_none());
}

#[test]
fn the_window_asks_for_every_unsaved_plan_and_forgets_nothing_when_cancelled() {
    let mut state = three();
    dispatch(&mut state, rank(128));
    dispatch(&mut state, Command::ShowTab(0));
    dispatch(&mut state, rank(2));
    dispatch(&mut state, Command::ShowTab(1));
    // First the left one, in sight.
    assert_eq!(dispatch(&mut state, Command::CloseRequested), []);
    assert_eq!((state.shown_tab(), &state.session.dialog), (0, &Some(Dialog::Unsaved(AfterUnsaved::Close))));
    assert_eq!(dispatch(&mut state, Command::Answer(Answer::GoOn)), []);
    assert_eq!((state.shown_tab(), &state.session.dialog), (2, &Some(Dialog::Unsaved(AfterUnsaved::Close))));
    // Cancelled: what was given up is asked for again.
    dispatch(&mut state, Command::Answer(Answer::Cancel));
    assert_eq!(ranks(&state), [2, 8, 128]);
    dispatch(&mut state, Command::CloseRequested);
    assert_eq!(state.shown_tab(), 0);
    dispatch(&mut state, Command::Answer(Answer::GoOn));
    let effects = dispatch(&mut state, Command::Answer(Answer::Save));
    let [Effect::WritePlan { document, path, text, .. }] = effects.as_slice() else { panic!("{effects:?}") };
    let effects =
        dispatch(&mut state, Command::File(FileCommand::PlanWritten(*document, path.clone(), text.clone(), Ok(()))));
    assert!(effects.contains(&Effect::Close), "{effects:?}");
}

#[test]
fn a_duplicate_is_unsaved_and_tied_to_no_file() {
    let mut state = three();
    dispatch(&mut state, menu(MenuCommand::Duplicate));
    assert_eq!(ranks(&state), [4, 8, 32, 32]);
    assert_eq!(state.document.path, None);
    assert!(state.document.is_dirty());
    dispatch(&mut state, rank(1));
    assert_eq!(ranks(&state), [4, 8, 32, 1]);
}

#[test]
fn the_baseline_stays_what_it_was_pinned_as() {
    let mut state = three();
    dispatch(&mut state, menu(MenuCommand::Pin));
    assert!(state.is_pinned());
    dispatch(&mut state, rank(128));
    dispatch(&mut state, Command::ShowTab(0));
    let pinned = state.session.baseline.clone().unwrap();
    assert_eq!((rank_of(&pinned.plan), pinned.title.as_str()), (32, "c.plan.ron"));
    // Pinning another plan replaces it; pinning the same again takes it away.
    dispatch(&mut state, menu(MenuCommand::Pin));
    assert_eq!(rank_of(&state.session.baseline.as_ref().unwrap().plan), 4);
    dispatch(&mut state, menu(MenuCommand::Pin));
    assert_eq!(state.session.baseline, None);
}

#[test]
fn the_history_goes_to_any_step_and_back() {
    let mut state = State::default();
    for number in [1, 2, 4, 8] {
        dispatch(&mut state, rank(number));
        dispatch(&mut state, Command::EndGesture);
    }
    dispatch(&mut state, Command::GoToStep(1));
    assert_eq!(ranks(&state), [1]);
    let (steps, done) = state.document.history.steps();
    assert_eq!((steps, done), (vec!["Rank 16 → 1", "Rank 1 → 2", "Rank 2 → 4", "Rank 4 → 8"], 1));
    dispatch(&mut state, Command::GoToStep(4));
    assert_eq!(ranks(&state), [8]);
    dispatch(&mut state, Command::GoToStep(0));
    assert_eq!(state.document.plan, Plan::default());
    dispatch(&mut state, Command::GoToStep(99));
    assert_eq!(ranks(&state), [8]);
}

#[test]
fn a_plan_that_opens_leaves_the_start_page() {
    let mut state = State::default();
    dispatch(&mut state, Command::Look(LookCommand::Page(Page::Start)));
    dispatch(&mut state, rank(4));
    assert_eq!(state.session.page, Page::Start);
    dispatch(&mut state, Command::NewFromTemplate("8b-lora-80gb"));
    assert_eq!(state.session.page, Page::Memory);
}

#[test]
fn a_file_that_somebody_else_wrote_is_reloaded_as_a_step_or_kept() {
    let path = PathBuf::from("c.plan.ron");
    let mut other = Plan::default();
    PlanEdit::Set("method.rank", FieldValue::Integer(256)).apply(&mut other).unwrap();
    let changed = || {
        let loaded = file::read(&file::write(&other, &[])).unwrap();
        Command::File(FileCommand::Changed(path.clone(), Box::new(Ok(loaded.into()))))
    };
    let mut state = three();
    dispatch(&mut state, Command::ShowTab(0));
    dispatch(&mut state, changed());
    assert_eq!(state.shown_tab(), 2, "the question is asked with the plan in sight");
    dispatch(&mut state, Command::Answer(Answer::GoOn));
    assert_eq!(ranks(&state), [4, 8, 256]);
    assert!(!state.document.is_dirty());
    dispatch(&mut state, menu(MenuCommand::Undo));
    assert_eq!(ranks(&state), [4, 8, 32]);

    let mut state = three();
    dispatch(&mut state, changed());
    dispatch(&mut state, Command::Answer(Answer::Cancel));
    assert_eq!(ranks(&state), [4, 8, 32]);
    assert!(state.document.is_dirty(), "what is open is no longer what the file says");
    // Saving expects the file as it was opened, so it asks before it replaces what somebody else wrote.
    let effects = dispatch(&mut state, menu(MenuCommand::Save));
    let [Effect::WritePlan { document, path, text, expected }] = effects.as_slice() else { panic!("{effects:?}") };
    assert_ne!(expected.as_deref(), Some(file::write(&other, &[]).as_str()));
    let refused = Err(tuneplan::documents::store::WriteError::ChangedOnDisk);
    dispatch(&mut state, Command::File(FileCommand::PlanWritten(*document, path.clone(), text.clone(), refused)));
    assert_eq!(state.session.dialog, Some(tuneplan::app::state::Dialog::ChangedOnDisk(path.clone())));
}

#[test]
fn the_own_save_is_no_change_by_somebody_else() {
    let mut state = three();
    let text = state.document.saved_text.clone().unwrap();
    let loaded = file::read(&text).unwrap();
    dispatch(&mut state, Command::File(FileCommand::Changed(PathBuf::from("c.plan.ron"), Box::new(Ok(loaded.into())))));
    assert_eq!(state.session.dialog, None);
}

#[test]
fn tabs_of_one_name_are_told_apart() {
    let mut state = three();
    for _ in 0..3 {
        dispatch(&mut state, menu(MenuCommand::New));
    }
    let titles = state.titles();
    assert_eq!(titles[..3], ["a.plan.ron", "b.plan.ron", "c.plan.ron"]);
    let all: std::collections::BTreeSet<&String> = titles.iter().collect();
    assert_eq!(all.len(), titles.len(), "{titles:?}");
}
