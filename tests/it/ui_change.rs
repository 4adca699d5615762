//! The page of changes: a plan that does not fit becomes one that does, by the names a screen reader has.

use crate::common;
use tuneplan::app::command::{LookCommand, MenuCommand, SearchCommand};

use egui::accesskit::Role;
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use std::sync::Arc;
use tuneplan::app::Command;
use tuneplan::app::changes::Changes;
use tuneplan::app::page::Page;
use tuneplan::desktop::runtime::Runtime;
use tuneplan::desktop::window::App;
use tuneplan::estimate::Fit;
use tuneplan::plan::Plan;
use tuneplan::plan::edit::PlanEdit;
use tuneplan::plan::field::FieldValue;
use tuneplan::tasks::Task as _;
use tuneplan::tasks::searching::{self, SearchPlans};
use tuneplan::theme::Theme;

fn window<'a>() -> Harness<'a, App> {
    common::builder(Theme::Dark, [1280.0, 3600.0])
        .with_max_steps(32)
        // Each event takes a frame: two clicks must follow each other as quickly as those of a hand.
        .with_step_dt(0.02)
        .build_eframe(|cc| App::new(&cc.egui_ctx, Runtime::new(None, || ()), None))
}

fn send(harness: &mut Harness<'_, App>, command: Command) {
    harness.state_mut().send(command);
    harness.run_ok();
}

/// What the background thread reports, at once.
fn find(harness: &mut Harness<'_, App>) {
    let state = harness.state().state();
    let (key, found) = (state.key(), Changes::of(&state.document.plan).map(Arc::new));
    send(harness, Command::ChangesFound(key, found));
}

fn click(harness: &mut Harness<'_, App>, label: &str) {
    harness.get_by_role_and_label(Role::Button, label).click();
    harness.run_ok();
}

fn has(harness: &Harness<'_, App>, text: &str) -> bool {
    harness.query_all_by_label_contains(text).next().is_some()
}

fn plan(harness: &Harness<'_, App>) -> Plan {
    harness.state().state().document.plan.clone()
}

fn fit(harness: &Harness<'_, App>) -> Fit {
    harness.state().computed().estimate.as_ref().unwrap().fit
}

/// 70 billion parameters as somebody would begin: long sequences, several at a time, nothing recomputed.
fn too_large(harness: &mut Harness<'_, App>) {
    send(harness, Command::NewFromTemplate("70b-qlora-2x48gb"));
    let set = |id, value| PlanEdit::Set(id, value);
    let edits = vec![
        set("batch.sequence_length", FieldValue::Integer(8192)),
        set("batch.micro_batch", FieldValue::Integer(4)),
        set("runtime.checkpointing", FieldValue::Id("none".to_owned())),
    ];
    send(harness, Command::Edit(PlanEdit::Group(edits, "Begin".to_owned())));
}

#[test]
fn a_70b_plan_that_does_not_fit_becomes_one_that_does() {
    let mut harness = window();
    harness.run_ok();
    too_large(&mut harness);
    send(&mut harness, Command::Look(LookCommand::Page(Page::Memory)));
    assert_eq!(fit(&harness), Fit::DoesNotFit);
    let before = plan(&harness);
    click(&mut harness, "Make it fit…");
    assert_eq!(harness.state().state().session.page, Page::Change);
    find(&mut harness);
    assert!(has(&harness, "Any one of these makes it fit"));
    assert!(has(&harness, "Micro-batch 4 → 1"), "what is changed is said before it is");
    click(&mut harness, "Apply set 1");
    assert_ne!(fit(&harness), Fit::DoesNotFit);
    find(&mut harness);
    assert!(has(&harness, "The plan fits already"));
    send(&mut harness, Command::Menu(MenuCommand::Undo));
    assert_eq!(plan(&harness), before, "one step back");
}

#[test]
fn ticked_changes_are_applied_together_and_what_excludes_them_cannot_be_ticked() {
    let mut harness = window();
    harness.run_ok();
    let none = FieldValue::Id("none".to_owned());
    send(&mut harness, Command::Edit(PlanEdit::Set("runtime.checkpointing", none)));
    send(&mut harness, Command::Look(LookCommand::Page(Page::Change)));
    find(&mut harness);
    let tick = |harness: &mut Harness<'_, App>, title: &str| {
        harness.get_by_role_and_label(Role::CheckBox, &format!("Tick {title}")).click();
        harness.run_ok();
    };
    tick(&mut harness, "Checkpoint every layer");
    tick(&mut harness, "Fuse the loss with the head, in chunks");
    let other = harness.get_by_role_and_label(Role::CheckBox, "Tick Fuse the loss on the logits");
    assert!(other.accesskit_node().is_disabled(), "one loss kernel at a time");
    click(&mut harness, "Apply the ticked changes");
    let changed = plan(&harness);
    assert_eq!(changed.runtime.checkpointing, tuneplan::plan::Checkpointing::Full);
    assert_eq!(changed.runtime.loss, tuneplan::plan::LossKernel::FusedLinear);
    send(&mut harness, Command::Menu(MenuCommand::Undo));
    assert_eq!(plan(&harness).runtime.checkpointing, tuneplan::plan::Checkpointing::None);
}

#[test]
fn how_far_it_goes_is_one_click_and_late_answers_are_dropped() {
    let mut harness = window();
    harness.run_ok();
    send(&mut harness, Command::Look(LookCommand::Page(Page::Change)));
    assert!(harness.state().state().session.changes_asked.is_some(), "the page asks by itself");
    find(&mut harness);
    let old = plan(&harness).batch.sequence_length;
    let take = harness.query_all_by_label_contains("Take Longest sequence").next().unwrap();
    take.click();
    harness.run_ok();
    let longest = plan(&harness).batch.sequence_length;
    assert!(longest > old, "{longest}");
    // An answer for the revision before does not replace the new one.
    let held = harness.state().state().session.changes.clone();
    send(&mut harness, Command::ChangesFound(tuneplan::app::key::Key::default(), Err("late".to_owned())));
    assert_eq!(harness.state().state().session.changes, held);
}

#[test]
fn plans_without_device_or_model_are_answered_in_words() {
    let mut harness = window();
    harness.run_ok();
    send(&mut harness, Command::Look(LookCommand::Page(Page::Change)));
    send(&mut harness, Command::Edit(PlanEdit::Set("hardware.accelerator", FieldValue::Id(String::new()))));
    find(&mut harness);
    assert!(has(&harness, "No accelerator is chosen"));
    send(&mut harness, Command::Edit(PlanEdit::Set("model.id", FieldValue::Id("no/such-model".to_owned()))));
    find(&mut harness);
    assert!(has(&harness, "There is nothing to change yet"));
}

fn part(harness: &mut Harness<'_, App>, name: &str) {
    send(harness, Command::Look(LookCommand::Page(Page::Change)));
    find(harness);
    let button = harness.query_all_by_label(name).last().unwrap();
    button.click();
    harness.run_ok();
}

#[test]
fn a_search_shows_the_plans_nothing_is_better_than_and_applies_one() {
    let mut harness = window();
    harness.run_ok();
    part(&mut harness, "Search");
    let role = Role::Button;
    harness.query_all_by_role_and_label(role, "Search").last().unwrap().click();
    harness.run_ok();
    let searching = harness.state().state().session.searching.clone().unwrap();
    assert!(searching.running);
    assert_eq!(searching.limits.memory, harness.state().computed().estimate.as_ref().unwrap().capacity);
    // What the threads would tell, computed here to the end.
    let cancel = tuneplan::jobs::CancelToken::default();
    let plan_now = plan(&harness);
    let news = std::sync::Mutex::new(Vec::new());
    let task = SearchPlans { plan: plan_now.clone(), limits: searching.limits };
    let last = task.run(&cancel, &|told| news.lock().unwrap().push(told));
    let news = news.into_inner().unwrap();
    assert!(news.len() > 1, "it tells what it found on the way");
    for told in news.into_iter().chain([last]) {
        send(&mut harness, Command::Search(SearchCommand::Told(searching.number, Box::new(told))));
    }
    let outcome = harness.state().state().session.searching.clone().unwrap().outcome.unwrap();
    assert!(outcome.tally.estimated > 1_000_000, "{}", outcome.tally.estimated);
    assert!(has(&harness, "plans were estimated") && has(&harness, "Memory against time of"));
    click(&mut harness, "Apply plan 1");
    assert_eq!(plan(&harness), outcome.choices[0].plan);
    assert!(has(&harness, "search again to be up to date"));
    send(&mut harness, Command::Menu(MenuCommand::Undo));
    assert_eq!(plan(&harness), plan_now);
}

#[test]
fn a_stopped_search_says_no_more_and_a_wrong_limit_is_refused() {
    let mut harness = window();
    harness.run_ok();
    part(&mut harness, "Search");
    harness.get_by_role_and_label(Role::TextInput, "Memory under").focus();
    harness.run_ok();
    harness.get_by_role_and_label(Role::TextInput, "Memory under").type_text("a lot");
    harness.run_ok();
    harness.query_all_by_role_and_label(Role::Button, "Search").last().unwrap().click();
    harness.run_ok();
    assert!(has(&harness, "`a lot` is no amount of memory"));
    assert!(harness.state().state().session.searching.is_none());
    let limits = tuneplan::solve::search::Limits::default();
    send(&mut harness, Command::Search(SearchCommand::Start(limits)));
    send(&mut harness, Command::Search(SearchCommand::Stop));
    let number = harness.state().state().session.searching.as_ref().unwrap().number;
    let late = searching::News::Ended(Some("too late".to_owned()));
    send(&mut harness, Command::Search(SearchCommand::Told(number, Box::new(late))));
    assert_eq!(harness.state().state().session.searching.as_ref().unwrap().refused, None);
    let cancel = tuneplan::jobs::CancelToken::default();
    cancel.cancel();
    let told = std::sync::Mutex::new(Vec::new());
    let task = SearchPlans { plan: plan(&harness), limits };
    let last = task.run(&cancel, &|news| told.lock().unwrap().push(news));
    assert_eq!(last, searching::News::Ended(None));
    let told = told.into_inner().unwrap();
    let [searching::News::Found((done, _), _)] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(*done, 0, "nothing is searched once it is cancelled");
}

#[test]
fn charts_are_read_by_a_click_and_set_by_a_button_or_a_double_click() {
    let mut harness = window();
    harness.run_ok();
    part(&mut harness, "Sensitivity");
    let before = plan(&harness);
    let cell = harness.query_all_by_label_contains("Micro-batch 2, 1,024 tokens").next().unwrap().rect().center();
    click_at(&mut harness, cell, 1);
    assert_eq!(plan(&harness), before, "looking changes nothing");
    click(&mut harness, "Set micro-batch 2, 1,024 tokens");
    let changed = plan(&harness);
    assert_eq!((changed.batch.micro_batch, changed.batch.sequence_length), (2, 1024));
    send(&mut harness, Command::Menu(MenuCommand::Undo));
    assert_eq!(plan(&harness), before, "both settings are one step");
    click_at(&mut harness, cell, 2);
    assert_eq!(plan(&harness), changed);
    send(&mut harness, Command::Menu(MenuCommand::Undo));
    assert_eq!(plan(&harness), before, "and so is a double-click");

    // The curve: a click reads the stop under the pointer and its button sets it; a double-click only resets the view.
    let curve = harness.get_by_label("Memory over Sequence length").rect();
    let far_right = egui::pos2(curve.right() - 20.0, curve.center().y);
    click_at(&mut harness, far_right, 1);
    assert_eq!(plan(&harness), before, "looking changes nothing");
    click(&mut harness, "Set 131,072 tokens");
    assert_eq!(plan(&harness).batch.sequence_length, 131_072);
    send(&mut harness, Command::Menu(MenuCommand::Undo));
    assert_eq!(plan(&harness), before, "one step");
    click_at(&mut harness, far_right, 2);
    assert_eq!(plan(&harness), before, "a double-click is the view's");
    let drag = |harness: &mut Harness<'_, App>, from: egui::Pos2| {
        harness.drag_at(from);
        harness.run_ok();
        for to in [0.6, 0.8, 0.97] {
            harness.hover_at(egui::pos2(egui::lerp(curve.x_range(), to), curve.center().y));
            harness.run_ok();
        }
        harness.drop_at(far_right);
        harness.run_ok();
    };
    drag(&mut harness, egui::pos2(curve.left() + 70.0, curve.center().y));
    assert_eq!(plan(&harness), before, "only the ringed point can be dragged: this moved the view");
    click(&mut harness, "Reset view");
    let ringed = common::tidy::shapes(&harness).into_iter().find_map(|(shape, _)| match shape {
        egui::Shape::Circle(circle) if circle.radius == 8.0 && curve.contains(circle.center) => Some(circle.center),
        _ => None,
    });
    drag(&mut harness, ringed.unwrap());
    assert_eq!(plan(&harness).batch.sequence_length, 131_072);
    send(&mut harness, Command::Menu(MenuCommand::Undo));
    assert_eq!(plan(&harness), before, "the whole drag is one step");

    let swings = tuneplan::solve::sensitivity::tornado(&plan(&harness), tuneplan::solve::Known::embedded()).unwrap();
    let length = swings.iter().find(|swing| swing.field == "batch.sequence_length").unwrap();
    let Some((FieldValue::Integer(longer), _)) = length.above else { panic!("{length:?}") };
    let label = format!("Sequence length {} tokens: +", tuneplan::units::grouped(longer));
    let bar = harness.query_all_by_label_contains(&label).next().unwrap().rect().center();
    click_at(&mut harness, bar, 1);
    assert_eq!(plan(&harness), before, "looking changes nothing");
    click_at(&mut harness, bar, 2);
    assert_eq!(plan(&harness).batch.sequence_length, longer);
}

/// So many clicks of the left button at a place, after a pause, so that earlier ones do not count as part of them.
fn click_at(harness: &mut Harness<'_, App>, at: egui::Pos2, clicks: usize) {
    harness.run_steps(20);
    for _ in 0..clicks {
        for pressed in [true, false] {
            let button = egui::PointerButton::Primary;
            harness.event(egui::Event::PointerMoved(at));
            harness.event(egui::Event::PointerButton { pos: at, button, pressed, modifiers: egui::Modifiers::NONE });
        }
    }
    harness.run_ok();
}

#[test]
fn open_plans_stand_side_by_side() {
    let mut harness = window();
    harness.run_ok();
    send(&mut harness, Command::Look(LookCommand::Page(Page::Compare)));
    click(&mut harness, "Duplicate this plan");
    send(&mut harness, Command::Edit(PlanEdit::Set("batch.micro_batch", FieldValue::Integer(4))));
    assert!(has(&harness, "Micro-batch"));
    assert!(harness.query_all_by_role(Role::Image).count() >= 2, "a bar a plan");
    assert!(has(&harness, "+"), "the change against the first");
    // A pinned plan goes before all of them.
    send(&mut harness, Command::Menu(MenuCommand::Pin));
    assert!(has(&harness, ", pinned"));
    // Amounts have units.
    assert!(has(&harness, "4 sequences"));
}
