//! Commands change the state as they say, and nothing else does. No window, no threads.

use std::path::PathBuf;
use tuneplan::app::command::{Answer, FileCommand, MenuCommand};
use tuneplan::app::history::MAX_STEPS;
use tuneplan::app::state::{AfterUnsaved, Dialog, PathPurpose};
use tuneplan::app::{Command, Effect, State, dispatch};
use tuneplan::documents::store::{StoreError, WriteError};
use tuneplan::plan::edit::PlanEdit;
use tuneplan::plan::field::FieldValue;
use tuneplan::plan::{Plan, file};

fn number(id: &'static str, number: u64) -> Command {
    Command::Edit(PlanEdit::Set(id, FieldValue::Integer(number)))
}

fn menu(command: MenuCommand) -> Command {
    Command::Menu(command)
}

/// State after these commands; none may ask anything of the world.
fn after(commands: impl IntoIterator<Item = Command>) -> State {
    let mut state = State::default();
    for command in commands {
        assert_eq!(dispatch(&mut state, command), []);
    }
    state
}

fn opened(text: &str) -> State {
    let mut state = State::default();
    let loaded = file::read(text).unwrap();
    dispatch(
        &mut state,
        Command::File(FileCommand::PlanRead(PathBuf::from("a.plan.ron"), Box::new(Ok(loaded.into())))),
    );
    state
}

fn default_text() -> String {
    file::write(&Plan::default(), &[])
}

#[test]
fn undo_and_redo_say_what_they_do() {
    let mut state = after([number("method.rank", 64), Command::EndGesture, number("batch.micro_batch", 4)]);
    assert_eq!(state.document.history.undo_label(), Some("Micro-batch 1 → 4"));
    dispatch(&mut state, menu(MenuCommand::Undo));
    assert_eq!(state.document.plan.batch.micro_batch, 1);
    assert_eq!(state.document.history.undo_label(), Some("Rank 16 → 64"));
    assert_eq!(state.document.history.redo_label(), Some("Micro-batch 1 → 4"));
    dispatch(&mut state, menu(MenuCommand::Undo));
    assert_eq!(state.document.plan, Plan::default());
    dispatch(&mut state, menu(MenuCommand::Redo));
    dispatch(&mut state, menu(MenuCommand::Redo));
    assert_eq!(state.document.plan.batch.micro_batch, 4);
    assert_eq!(state.document.history.redo_label(), None);
}

#[test]
fn a_drag_is_one_step_and_the_next_drag_another() {
    let drag = [256, 512, 1024, 4096].map(|length| number("batch.sequence_length", length));
    let mut state = after(drag);
    assert_eq!(state.document.history.undo_label(), Some("Sequence length 2,048 → 4,096"));
    dispatch(&mut state, Command::EndGesture);
    dispatch(&mut state, number("batch.sequence_length", 8192));
    dispatch(&mut state, menu(MenuCommand::Undo));
    assert_eq!(state.document.plan.batch.sequence_length, 4096);
    dispatch(&mut state, menu(MenuCommand::Undo));
    assert_eq!(state.document.plan, Plan::default());
}

#[test]
fn an_edit_that_changes_nothing_or_is_refused_leaves_no_step() {
    let same = after([number("method.rank", 16)]);
    assert_eq!((same.document.history.undo_label(), same.document.revision), (None, 0));
    let refused = after([number("batch.micro_batch", 0)]);
    assert_eq!(refused.document.plan, Plan::default());
    assert!(refused.session.messages.latest().unwrap().is_error());
    assert_eq!(refused.document.history.undo_label(), None);
}

#[test]
fn a_new_edit_after_undo_forgets_the_undone_one() {
    let mut state = after([number("method.rank", 64)]);
    dispatch(&mut state, menu(MenuCommand::Undo));
    dispatch(&mut state, number("method.rank", 8));
    assert_eq!(state.document.history.redo_label(), None);
}

#[test]
fn history_has_an_end() {
    let steps = (0..MAX_STEPS as u64 + 50).flat_map(|i| [number("method.rank", i + 17), Command::EndGesture]);
    let mut state = after(steps);
    let mut undone = 0;
    while state.document.history.undo_label().is_some() {
        dispatch(&mut state, menu(MenuCommand::Undo));
        undone += 1;
    }
    assert_eq!(undone, MAX_STEPS);
}

#[test]
fn saving_writes_what_the_plan_is_and_checks_what_the_file_was() {
    let mut state = opened(&default_text());
    assert!(!state.document.is_dirty());
    dispatch(&mut state, number("method.rank", 64));
    assert!(state.document.is_dirty());
    let effects = dispatch(&mut state, menu(MenuCommand::Save));
    let [Effect::WritePlan { path, text, expected, .. }] = effects.as_slice() else { panic!("{effects:?}") };
    assert_eq!(path, &PathBuf::from("a.plan.ron"));
    assert_eq!(expected.as_deref(), Some(default_text().as_str()));
    assert!(text.contains("rank: 64,"));
    // An edit while the file is being written stays unsaved.
    dispatch(&mut state, number("batch.micro_batch", 2));
    let id = state.document.id;
    dispatch(&mut state, Command::File(FileCommand::PlanWritten(id, path.clone(), text.clone(), Ok(()))));
    assert!(state.document.is_dirty());
    assert_eq!(state.document.saved_plan.method.method.lora().unwrap().rank, 64);
}

#[test]
fn undo_back_to_the_saved_plan_is_clean_again_and_writes_the_same_bytes() {
    let hand_written = "(schema: 1, batch: (micro_batch: 3)) // mine\n";
    let mut state = opened(hand_written);
    dispatch(&mut state, number("method.rank", 64));
    dispatch(&mut state, menu(MenuCommand::Undo));
    assert!(!state.document.is_dirty());
    assert_eq!(state.document.text(), hand_written);
}

#[test]
fn a_file_that_changed_on_disk_is_not_overwritten_without_a_word() {
    let mut state = opened(&default_text());
    dispatch(&mut state, number("method.rank", 64));
    dispatch(&mut state, menu(MenuCommand::Save));
    let changed = Command::File(FileCommand::PlanWritten(
        state.document.id,
        PathBuf::from("a.plan.ron"),
        String::new(),
        Err(WriteError::ChangedOnDisk),
    ));
    assert_eq!(dispatch(&mut state, changed.clone()), []);
    assert!(matches!(state.session.dialog, Some(Dialog::ChangedOnDisk(_))));
    assert_eq!(dispatch(&mut state, Command::Answer(Answer::Cancel)), []);
    assert!(state.document.is_dirty());
    dispatch(&mut state, changed);
    let effects = dispatch(&mut state, Command::Answer(Answer::GoOn));
    assert!(matches!(effects.as_slice(), [Effect::WritePlan { expected: None, .. }]));
}

#[test]
fn a_failed_save_keeps_the_plan_dirty_and_says_why() {
    let mut state = opened(&default_text());
    dispatch(&mut state, number("method.rank", 64));
    dispatch(&mut state, menu(MenuCommand::Save));
    let failed = WriteError::Failed(StoreError("a.plan.ron: no space left".to_owned()));
    let id = state.document.id;
    dispatch(
        &mut state,
        Command::File(FileCommand::PlanWritten(id, PathBuf::from("a.plan.ron"), String::new(), Err(failed))),
    );
    assert!(state.document.is_dirty());
    let message = state.session.messages.latest().unwrap();
    assert!(message.is_error() && message.text.contains("no space left"));
}

#[test]
fn a_file_that_does_not_parse_is_never_tied_to_the_open_plan() {
    let mut state = opened(&default_text());
    let error = StoreError("broken.plan.ron:3:1: a key was expected".to_owned());
    dispatch(&mut state, Command::File(FileCommand::PlanRead(PathBuf::from("broken.plan.ron"), Box::new(Err(error)))));
    assert_eq!(state.document.path, Some(PathBuf::from("a.plan.ron")));
    assert!(state.session.messages.latest().unwrap().text.contains("3:1"));
}

#[test]
fn unsaved_changes_stand_in_the_way_of_closing() {
    for command in [Command::CloseRequested, menu(MenuCommand::Quit), menu(MenuCommand::CloseTab), Command::CloseTab(0)]
    {
        let mut state = opened(&default_text());
        dispatch(&mut state, number("method.rank", 64));
        assert_eq!(dispatch(&mut state, command.clone()), [], "{command:?}");
        assert!(matches!(state.session.dialog, Some(Dialog::Unsaved(_))), "{command:?}");
        assert_eq!(dispatch(&mut state, Command::Answer(Answer::Cancel)), []);
        assert_eq!(state.document.plan.method.method.lora().unwrap().rank, 64);
    }
}

#[test]
fn save_in_that_question_saves_and_then_goes_on() {
    let mut state = opened(&default_text());
    dispatch(&mut state, number("method.rank", 64));
    dispatch(&mut state, Command::CloseRequested);
    assert_eq!(state.session.dialog, Some(Dialog::Unsaved(AfterUnsaved::Close)));
    let effects = dispatch(&mut state, Command::Answer(Answer::Save));
    let [Effect::WritePlan { path, text, .. }] = effects.as_slice() else { panic!("{effects:?}") };
    let id = state.document.id;
    let effects = dispatch(&mut state, Command::File(FileCommand::PlanWritten(id, path.clone(), text.clone(), Ok(()))));
    assert!(effects.contains(&Effect::Close), "{effects:?}");
}

#[test]
fn without_changes_nothing_is_asked() {
    let mut state = opened(&default_text());
    assert_eq!(dispatch(&mut state, Command::CloseRequested), [Effect::Close]);
}

#[test]
fn a_new_file_gets_the_ending_and_does_not_replace_another() {
    let mut state = State::default();
    dispatch(&mut state, number("method.rank", 64));
    let effects =
        dispatch(&mut state, Command::File(FileCommand::SaveAs { path: PathBuf::from("mine"), replace: false }));
    let [Effect::WritePlan { path, expected, .. }] = effects.as_slice() else { panic!("{effects:?}") };
    assert_eq!(path, &PathBuf::from("mine.plan.ron"));
    assert_eq!(expected.as_deref(), Some(""));
    let exists = Command::File(FileCommand::PlanWritten(
        state.document.id,
        path.clone(),
        String::new(),
        Err(WriteError::ChangedOnDisk),
    ));
    dispatch(&mut state, exists);
    assert!(matches!(state.session.dialog, Some(Dialog::Replace(..))));
}

#[test]
fn typed_paths_serve_where_there_are_no_dialogs() {
    let mut state = State::default();
    dispatch(&mut state, menu(MenuCommand::OpenModelByPath));
    assert_eq!(state.session.dialog, Some(Dialog::Path(PathPurpose::OpenModel, String::new())));
    dispatch(&mut state, Command::TypePath(" \"models/x\" ".to_owned()));
    let effects = dispatch(&mut state, Command::Answer(Answer::GoOn));
    assert_eq!(effects, [Effect::ReadModel(PathBuf::from("models/x"))]);
}

#[test]
fn every_menu_command_has_a_name_and_no_two_share_a_key() {
    let mut keys = Vec::new();
    for command in MenuCommand::ALL {
        let info = command.info();
        assert!(!info.title.is_empty() && info.help.ends_with('.'));
        if let Some(key) = info.shortcut {
            assert!(!keys.contains(&key), "{}", info.title);
            keys.push(key);
        }
    }
}

#[test]
fn unknown_keys_are_dropped_only_when_the_user_agrees() {
    let mut state = opened("(schema: 1, rnk: 8)");
    assert!(matches!(state.session.dialog, Some(Dialog::FileRemarks(_))));
    dispatch(&mut state, Command::Answer(Answer::Cancel));
    dispatch(&mut state, number("method.rank", 64));
    assert!(state.document.text().contains("rnk: 8"));
    state = opened("(schema: 1, rnk: 8)");
    dispatch(&mut state, Command::Answer(Answer::Drop));
    dispatch(&mut state, number("method.rank", 64));
    assert!(!state.document.text().contains("rnk"));
}

#[test]
fn dropping_unknown_keys_is_a_change_that_can_be_saved() {
    let mut state = opened("(schema: 1, rnk: 8)");
    dispatch(&mut state, Command::Answer(Answer::Drop));
    assert!(state.document.is_dirty());
    let effects = dispatch(&mut state, menu(MenuCommand::Save));
    let [Effect::WritePlan { path, text, expected, .. }] = effects.as_slice() else { panic!("{effects:?}") };
    assert!(!text.contains("rnk"));
    assert_eq!(expected.as_deref(), Some("(schema: 1, rnk: 8)"), "what somebody else wrote meanwhile is still seen");
    let id = state.document.id;
    dispatch(&mut state, Command::File(FileCommand::PlanWritten(id, path.clone(), text.clone(), Ok(()))));
    assert!(!state.document.is_dirty());
}

#[test]
fn a_cancelled_file_dialog_forgets_what_was_to_follow_the_save() {
    let mut state = State::default();
    dispatch(&mut state, number("method.rank", 64));
    dispatch(&mut state, Command::CloseRequested);
    assert_eq!(dispatch(&mut state, Command::Answer(Answer::Save)), [Effect::PickFile(PathPurpose::SavePlan)]);
    dispatch(&mut state, Command::File(FileCommand::NoFileChosen));
    dispatch(&mut state, Command::File(FileCommand::SaveAs { path: PathBuf::from("a.plan.ron"), replace: false }));
    let id = state.document.id;
    let effects = dispatch(
        &mut state,
        Command::File(FileCommand::PlanWritten(id, PathBuf::from("a.plan.ron"), String::new(), Ok(()))),
    );
    assert!(!effects.contains(&Effect::Close), "{effects:?}");
}

#[test]
fn an_ending_that_is_added_asks_again_before_it_replaces() {
    for (typed, written, asks) in [
        ("llama-3.1", "llama-3.1.plan.ron", true),
        ("plans/mine", "plans/mine.plan.ron", true),
        ("mine.plan.ron", "mine.plan.ron", false),
        ("mine.txt", "mine.txt", false),
    ] {
        let mut state = State::default();
        let effects =
            dispatch(&mut state, Command::File(FileCommand::SaveAs { path: PathBuf::from(typed), replace: true }));
        let [Effect::WritePlan { path, expected, .. }] = effects.as_slice() else { panic!("{effects:?}") };
        assert_eq!(path, &PathBuf::from(written));
        assert_eq!(expected.is_some(), asks, "{typed}");
    }
}

#[test]
fn a_save_that_ends_after_another_plan_was_opened_is_not_tied_to_it() {
    let mut state = opened(&default_text());
    dispatch(&mut state, number("method.rank", 64));
    let effects = dispatch(&mut state, menu(MenuCommand::Save));
    let [Effect::WritePlan { path, text, .. }] = effects.as_slice() else { panic!("{effects:?}") };
    let saving = state.document.id;
    dispatch(&mut state, Command::NewFromTemplate("8b-lora-80gb"));
    dispatch(&mut state, number("method.rank", 8));
    dispatch(&mut state, Command::File(FileCommand::PlanWritten(saving, path.clone(), text.clone(), Ok(()))));
    assert_eq!(state.document.path, None);
    assert_eq!(state.document.saved_text, None);
    assert!(state.document.is_dirty());
    let saved = state.document_mut(saving).unwrap();
    assert_eq!((saved.path.as_ref(), saved.is_dirty()), (Some(path), false));
}

#[test]
fn where_there_is_no_file_dialog_the_path_is_asked_filled_and_what_was_to_follow_still_follows() {
    let mut state = State::default();
    state.session.places.start = PathBuf::from("/home/ann/plans");
    dispatch(&mut state, number("method.rank", 64));
    dispatch(&mut state, Command::CloseRequested);
    dispatch(&mut state, Command::Answer(Answer::Save));
    dispatch(&mut state, Command::File(FileCommand::NoFileDialog(PathPurpose::SavePlan)));
    let Some(Dialog::Path(PathPurpose::SavePlan, typed)) = state.session.dialog.clone() else { panic!() };
    assert!(typed.starts_with("/home/ann/plans") && typed.ends_with(".plan.ron"), "{typed}");
    let effects = dispatch(&mut state, Command::Answer(Answer::GoOn));
    let [Effect::WritePlan { path, text, .. }] = effects.as_slice() else { panic!("{effects:?}") };
    let written = Command::File(FileCommand::PlanWritten(state.document.id, path.clone(), text.clone(), Ok(())));
    assert!(dispatch(&mut state, written).contains(&Effect::Close));
}

#[test]
fn a_missing_folder_is_offered_to_be_made_and_the_typed_path_is_never_lost() {
    let mut state = State::default();
    let path = PathBuf::from("/nowhere/deep/a.plan.ron");
    let folder = PathBuf::from("/nowhere/deep");
    dispatch(&mut state, Command::File(FileCommand::SaveAs { path: path.clone(), replace: false }));
    let missing = || Err(WriteError::MissingFolder(folder.clone()));
    let id = state.document.id;
    dispatch(&mut state, Command::File(FileCommand::PlanWritten(id, path.clone(), String::new(), missing())));
    let asked = Dialog::MissingFolder { folder: folder.clone(), path: path.clone(), purpose: PathPurpose::SavePlan };
    assert_eq!(state.session.dialog, Some(asked));
    let mut back = state.clone();
    dispatch(&mut back, Command::Answer(Answer::Cancel));
    assert_eq!(back.session.dialog, Some(Dialog::Path(PathPurpose::SavePlan, path.display().to_string())));
    let effects = dispatch(&mut state, Command::Answer(Answer::GoOn));
    assert_eq!(effects, [Effect::MakeFolder { folder, path: path.clone(), purpose: PathPurpose::SavePlan }]);
    let made =
        dispatch(&mut state, Command::File(FileCommand::FolderMade(PathPurpose::SavePlan, path.clone(), Ok(()))));
    assert!(matches!(made.as_slice(), [Effect::WritePlan { path: again, .. }] if *again == path));
}

#[test]
fn keeping_what_is_open_asks_again_before_it_replaces_what_another_program_wrote() {
    let mut state = opened(&default_text());
    dispatch(&mut state, number("method.rank", 64));
    let mut theirs = Plan::default();
    theirs.batch.micro_batch = 7;
    let loaded = file::read(&file::write(&theirs, &[])).unwrap();
    let path = PathBuf::from("a.plan.ron");
    dispatch(&mut state, Command::File(FileCommand::Changed(path, Box::new(Ok(loaded.into())))));
    assert!(matches!(state.session.dialog, Some(Dialog::External(..))));
    dispatch(&mut state, Command::Answer(Answer::Cancel));
    let effects = dispatch(&mut state, menu(MenuCommand::Save));
    let [Effect::WritePlan { expected, .. }] = effects.as_slice() else { panic!("{effects:?}") };
    assert_eq!(expected.as_deref(), Some(default_text().as_str()), "not what the other program wrote");
}
