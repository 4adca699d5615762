//! The page of the decision, by the names a screen reader has.

use crate::common;
use tuneplan::app::command::{FileCommand, LookCommand};

use crate::common::app::{click, focused, press, send, state, type_text, wait};
use egui::{Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use tuneplan::app::Command;
use tuneplan::app::menu::MenuCommand;
use tuneplan::app::page::Page;
use tuneplan::desktop::runtime::Runtime;
use tuneplan::desktop::window::App;
use tuneplan::plan::decision::{Decision, read_answers};
use tuneplan::plan::edit::PlanEdit;
use tuneplan::plan::{StageKind, Workload};
use tuneplan::theme::Theme;

fn window<'a>() -> Harness<'a, App> {
    let mut harness = common::builder(Theme::Dark, [1280.0, 1600.0])
        .with_max_steps(32)
        .build_eframe(|cc| App::new(&cc.egui_ctx, Runtime::new(None, || ()), None));
    send(&mut harness, Command::Look(LookCommand::Page(Page::Decide)));
    harness
}

fn answer(harness: &mut Harness<'_, App>, case: &str) {
    let text = std::fs::read_to_string(format!("tests/fixtures/decide/{case}.ron")).unwrap();
    let record = Decision { answers: read_answers(&text).unwrap(), ..Decision::default() };
    send(harness, Command::Edit(PlanEdit::Decision { what: "test", decision: Some(Box::new(record)) }));
}

fn has(harness: &Harness<'_, App>, text: &str) -> bool {
    harness.query_all_by_label_contains(text).next().is_some()
}

#[test]
fn nothing_answered_asks_for_an_evaluation() {
    let harness = window();
    assert!(has(&harness, "Build an evaluation first"));
    assert!(has(&harness, "Step Evaluate, 0 of 5 answered, recommended: Build an evaluation first"));
    assert!(has(&harness, "Evaluation set"));
    // R: power.prop.test(p1 = .7, p2 = .8, power = .8) gives n = 293.15.
    assert!(has(&harness, "293 examples in each of two groups"));
}

#[test]
fn the_path_and_the_recommendation_follow_the_answers() {
    let mut harness = window();
    answer(&mut harness, "05-style");
    assert!(has(&harness, "Supervised fine-tuning"));
    assert!(has(&harness, "Step Fine-tune, 4 of 11 answered, recommended: Supervised fine-tuning"));
    // Wilson of 71 of 80, by hand: 80.0 % to 94.0 %.
    assert!(has(&harness, "71 of 80, 89 % (80 % to 94 %)"));
    answer(&mut harness, "07-not-enough-evidence");
    assert!(has(&harness, "Not enough evidence"));
    assert!(has(&harness, "not distinguishable from 50 % yet"));
    send(&mut harness, Command::Menu(MenuCommand::Present));
    assert!(has(&harness, "Not enough evidence") && has(&harness, "Missing evidence"));
}

#[test]
fn it_is_taken_into_the_plan_as_one_step() {
    let mut harness = window();
    answer(&mut harness, "05-style");
    let before = state(&harness).document.plan.clone();
    // Nobody typed a day, and a test has no today.
    click(&mut harness, "Into the plan");
    assert!(has(&harness, "YYYY-MM-DD"));
    assert_eq!(state(&harness).document.plan, before);
    harness.get_by_label("Day of the decision").focus();
    harness.run_ok();
    type_text(&mut harness, "2026-02-03");
    press(&mut harness, Modifiers::NONE, Key::Tab);
    click(&mut harness, "Into the plan");
    let plan = &state(&harness).document.plan;
    assert_eq!((plan.workload, plan.stages.as_slice()), (Workload::Training, &[StageKind::Supervised][..]));
    assert_eq!(plan.run.examples, Some(600));
    assert_eq!(plan.decision.as_ref().unwrap().outcomes, ["sft"]);
    assert!(has(&harness, "Taken into the plan on 2026-02-03"));
    send(&mut harness, Command::Menu(MenuCommand::Undo));
    let undone = &state(&harness).document.plan;
    assert_eq!(undone.run.examples, before.run.examples);
    assert!(undone.decision.as_ref().unwrap().outcomes.is_empty());
}

/// Presses Tab until the focus is on `name`; how often that took.
fn reach(harness: &mut Harness<'_, App>, name: &str) -> usize {
    for pressed in 0..160 {
        // The card's title names its question, and so does the control below it.
        let is_there = |found: String| {
            found == name || found.starts_with(&format!("{name},")) || name == "Asked next" && found.starts_with(name)
        };
        if focused(harness).is_some_and(is_there) {
            return pressed;
        }
        press(harness, Modifiers::NONE, Key::Tab);
    }
    panic!("the focus never came to {name}, it is on {:?}", focused(harness));
}

#[test]
fn it_can_be_answered_without_a_pointer() {
    let mut harness = window();
    answer(&mut harness, "05-style");
    reach(&mut harness, "Step Retrieve");
    press(&mut harness, Modifiers::NONE, Key::Enter);
    assert!(has(&harness, "Fails with the ideal context"));
    let before = state(&harness).document.plan.decision.clone().unwrap();
    // The first question on the way is the one that is asked next.
    let asked = before_next(&harness);
    reach(&mut harness, "Asked next");
    reach(&mut harness, "Yes");
    press(&mut harness, Modifiers::NONE, Key::Space);
    let after = state(&harness).document.plan.decision.clone().unwrap();
    let question = tuneplan::plan::decision::questions::QUESTIONS.iter().find(|q| q.label == asked).unwrap();
    assert_ne!((question.get)(&before.answers), (question.get)(&after.answers), "{asked}");
    press(&mut harness, Modifiers::COMMAND, Key::Z);
    assert_eq!(state(&harness).document.plan.decision.as_ref().unwrap().answers, before.answers);
}

/// Label of the question that is asked next, from the title that takes the focus.
fn before_next(harness: &Harness<'_, App>) -> String {
    let titles = harness.query_all_by_role(egui::accesskit::Role::Button);
    let names = titles.filter_map(|found| egui_kittest::kittest::NodeT::accesskit_node(&found).label());
    let mut asked = names.filter_map(|name| name.strip_prefix("Asked next: ").map(str::to_owned));
    asked.next().expect("a question is asked next")
}

/// From nothing to a first advice by keyboard alone: what is asked next is answered where it stands, one after the other.
/// Each press counts for a second, which is slow, and all of them are far under five minutes.
#[test]
fn from_nothing_to_a_first_advice_by_keyboard_in_under_five_minutes() {
    let mut harness = window();
    let presses = std::cell::Cell::new(0);
    let count = |more: usize| presses.set(presses.get() + more);
    count(reach(&mut harness, "Asked next: Evaluation set"));
    let typed = |harness: &mut Harness<'_, App>, to: &str, text: &str| {
        count(reach(harness, to) + text.len() + 3);
        press(harness, Modifiers::COMMAND, Key::A);
        type_text(harness, text);
        press(harness, Modifiers::NONE, Key::Enter);
    };
    typed(&mut harness, "Evaluation set", "400");
    assert_eq!(answers(&harness).evaluation.examples, Some(400));
    let mut asked = Vec::new();
    for _ in 0..12 {
        if !harness.query_all_by_label_contains("Not enough evidence").any(|_| true)
            && harness.query_all_by_label_contains("Supervised fine-tuning").next().is_some()
        {
            break;
        }
        let next = before_next(&harness);
        asked.push(next.clone());
        match next.as_str() {
            "Score now" => typed(&mut harness, "Right now", "240"),
            "Target" => typed(&mut harness, "Good enough", "85"),
            "Failures by kind" => {
                typed(&mut harness, "Wrong style", "90");
                // A table is answered in parts; the next question comes when it is done.
                count(reach(&mut harness, "Done: ask another") + 1);
                press(&mut harness, Modifiers::NONE, Key::Enter);
            }
            "Good labelled examples" => typed(&mut harness, "Good labelled examples", "600"),
            "Prompt versions" => {
                for _ in 0..2 {
                    count(reach(&mut harness, "Add version") + 1);
                    press(&mut harness, Modifiers::NONE, Key::Enter);
                }
                typed(&mut harness, "Examples inside of prompt version 2", "8");
                count(reach(&mut harness, "Done: ask another") + 1);
                press(&mut harness, Modifiers::NONE, Key::Enter);
            }
            _ => {
                count(reach(&mut harness, "Not known: ask another") + 1);
                press(&mut harness, Modifiers::NONE, Key::Enter);
            }
        }
    }
    assert!(has(&harness, "Supervised fine-tuning"), "{asked:?}");
    assert!(presses.get() < 300, "{} presses, {asked:?}", presses.get());
}

fn answers(harness: &Harness<'_, App>) -> tuneplan::plan::decision::Answers {
    state(harness).document.plan.decision.as_deref().cloned().unwrap_or_default().answers
}

/// A page for a review to sign is written from the button, in both forms, and names of other kinds are refused.
#[test]
fn the_record_is_saved_from_the_window() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window();
    answer(&mut harness, "05-style");
    assert!(has(&harness, "Save record…"));
    for (name, begins) in [("record.md", "# Record of a decision"), ("record.html", "<!doctype html>")] {
        let path = folder.path().join(name);
        send(&mut harness, Command::File(FileCommand::SaveDecision { path: path.clone(), replace: false }));
        wait(&mut harness, |app| app.state().session.messages.latest().is_some_and(|m| m.text.contains(name)));
        assert!(has(&harness, &format!("Record saved: {}", path.display())), "{name} is confirmed beside its button");
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with(begins) && text.contains("Supervised fine-tuning"), "{text}");
    }
    let path = folder.path().join("record.pdf");
    send(&mut harness, Command::File(FileCommand::SaveDecision { path: path.clone(), replace: false }));
    assert!(has(&harness, ".md or .html"));
    assert!(!path.exists());
}

/// What grows or goes above a field takes no focus from it, and Enter leaves it where it is.
#[test]
fn the_focus_stays_where_one_types() {
    let mut harness = window();
    let enter = |harness: &mut Harness<'_, App>, name: &str, text: &str| {
        harness.get_all_by_label(name).last().unwrap().focus();
        harness.run_ok();
        if !text.is_empty() {
            press(harness, Modifiers::COMMAND, Key::A);
            type_text(harness, text);
        }
        press(harness, Modifiers::NONE, Key::Enter);
        harness.run_ok();
        assert_eq!(focused(harness).as_deref(), Some(name), "after {text}");
    };
    // Below the card of what is asked next, which goes on to another question.
    enter(&mut harness, "Evaluation set", "400");
    enter(&mut harness, "Right now", "240");
    enter(&mut harness, "Good enough", "85");
    assert_eq!(answers(&harness).evaluation.correct, Some(240));
    harness.get_by_label_contains("Step Prompt,").click();
    harness.run_ok();
    enter(&mut harness, "Add version", "");
    enter(&mut harness, "Add version", "");
    assert_eq!(answers(&harness).prompts.unwrap().len(), 2);
    enter(&mut harness, "Right of prompt version 1", "200");
    enter(&mut harness, "Examples inside of prompt version 2", "8");
    enter(&mut harness, "Name of prompt version 1", "first");
    let version = &answers(&harness).prompts.unwrap()[0];
    assert_eq!((version.name.as_str(), version.correct), ("first", 200));
    harness.get_by_label_contains("Step Failures,").click();
    harness.run_ok();
    enter(&mut harness, "Wrong style", "40");
    enter(&mut harness, "Wrong format", "3");
    assert_eq!(answers(&harness).failures.style, Some(40));
    // In the table of the card itself, where the card asks for it.
    let mut harness = window();
    answer(&mut harness, "07-not-enough-evidence");
    for (name, text) in [("Wrong style", "31"), ("Fact missing", "12")] {
        // One such field: the card alone has the table.
        harness.get_by_role_and_label(egui::accesskit::Role::SpinButton, name).focus();
        harness.run_ok();
        press(&mut harness, Modifiers::COMMAND, Key::A);
        type_text(&mut harness, text);
        press(&mut harness, Modifiers::NONE, Key::Enter);
        harness.run_ok();
        assert_eq!(focused(&harness).as_deref(), Some(name));
    }
}

/// What is no day is told and not taken.
#[test]
fn a_day_that_is_none_is_not_taken() {
    let mut harness = window();
    answer(&mut harness, "05-style");
    let mut typed = |text: &str| {
        harness.get_by_label("Day of the decision").focus();
        harness.run_ok();
        press(&mut harness, Modifiers::COMMAND, Key::A);
        type_text(&mut harness, text);
        press(&mut harness, Modifiers::NONE, Key::Tab);
        harness.run_ok();
        let date = state(&harness).document.plan.decision.as_ref().unwrap().date.clone();
        (has(&harness, "is no day"), date)
    };
    assert_eq!(typed("200"), (true, String::new()));
    assert_eq!(typed("2026-02-03"), (false, "2026-02-03".to_owned()));
    assert_eq!(typed("2026-13-03"), (true, "2026-02-03".to_owned()));
}

/// Counts that cannot all be true are told where the advice would stand, and no decision is taken upon them.
#[test]
fn contradicting_counts_stand_in_place_of_advice() {
    let mut harness = window();
    answer(&mut harness, "05-style");
    let mut record = state(&harness).document.plan.decision.as_deref().cloned().unwrap();
    record.answers.failures.style = Some(505);
    record.date = "2026-02-03".to_owned();
    send(&mut harness, Command::Edit(PlanEdit::Decision { what: "test", decision: Some(Box::new(record)) }));
    assert!(has(&harness, "The answers contradict each other"));
    assert!(has(&harness, "525 failures are counted and only 160 answers are wrong"));
    let before = state(&harness).document.plan.clone();
    send(&mut harness, Command::TakeDecision);
    assert_eq!(state(&harness).document.plan, before);
}

/// Every card is beside its question or step, in both languages.
#[test]
fn cards_stand_beside_what_they_bear_on() {
    use tuneplan::app::command::SettingsCommand;
    use tuneplan::decide::cards::cards;
    use tuneplan::text::Language;
    for language in Language::ALL {
        let mut harness = common::builder(Theme::Light, [1280.0, 3000.0])
            .with_max_steps(32)
            .build_eframe(|cc| App::new(&cc.egui_ctx, Runtime::new(None, || ()), None));
        send(&mut harness, Command::Look(LookCommand::Page(Page::Decide)));
        send(&mut harness, Command::Settings(SettingsCommand::Language(language)));
        for card in cards() {
            let name = format!("Step {},", card.step.step().label());
            harness.query_all_by_label_contains(&name).next().unwrap().click();
            harness.run_ok();
            let words = |words: &tuneplan::decide::cards::Words| match language {
                Language::English => words.en.clone(),
                Language::Korean => words.ko.clone(),
            };
            let title = words(&card.title);
            harness.query_all_by_label(&title).last().unwrap_or_else(|| panic!("{title}")).click();
            harness.run_ok();
            assert!(has(&harness, &words(&card.text)), "{title}");
            // Folded again, so that the next one is in sight.
            harness.query_all_by_label(&title).last().unwrap().click();
            harness.run_ok();
        }
    }
}

#[test]
fn break_even_asks_for_prices_and_marks_where_lines_cross() {
    let mut harness = window();
    click(&mut harness, "Break-even");
    click(&mut harness, "Type prices");
    assert!(has(&harness, "Prices need the day they were quoted"));
    let form = |harness: &Harness<'_, App>| harness.get_by_label("Prices and amounts").rect().top();
    let place = form(&harness);
    let mut record = state(&harness).document.plan.decision.as_deref().cloned().unwrap();
    let costs = record.answers.costs.as_mut().unwrap();
    // On paper: 1,200 a month over 12 months is 100; 1,000 tokens at 1 a million save 0.001: 100,000 requests.
    costs.static_tokens = 1000;
    costs.input_price = 1.0;
    costs.tuned.input_price = 1.0;
    costs.tuned.data = 1200.0;
    send(&mut harness, Command::Edit(PlanEdit::Decision { what: "test", decision: Some(Box::new(record)) }));
    assert!(has(&harness, "cheaper from 100,000 requests a month on (60,000 to 166,667)"));
    assert_eq!(form(&harness), place, "the form stays under the pointer");
}

#[test]
fn every_rule_and_band_is_shown_with_its_source() {
    let mut harness = window();
    click(&mut harness, "All rules");
    for rule in &tuneplan::decide::rules::rules().rules {
        assert!(has(&harness, &rule.name), "{}", rule.name);
    }
    click(&mut harness, "Stages");
    assert!(has(&harness, "Progression path") && has(&harness, "Distillation path"));
    assert!(has(&harness, "OpenAI cookbook"));
}

/// A file of four wrong answers, one line of which is broken.
fn examples(folder: &std::path::Path) -> std::path::PathBuf {
    let path = folder.join("failures.jsonl");
    let lines = [
        "{\"question\": \"capital?\", \"answer\": \"Lyon\"}",
        "{\"question\": ",
        "{\"question\": \"q2\"}",
        "{\"question\": \"q3\"}",
    ];
    std::fs::write(&path, lines.join("\n")).unwrap();
    path
}

#[test]
fn examples_are_labelled_with_keys_by_two_people_who_are_compared() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window();
    click(&mut harness, "Tally");
    send(&mut harness, Command::File(FileCommand::OpenExamples(examples(folder.path()))));
    wait(&mut harness, |app| app.state().session.examples.is_some());
    assert!(has(&harness, "Example 1 of 3"));
    assert!(has(&harness, "Lyon"));
    // What could not be read is told with its line.
    assert!(has(&harness, "line 2, column"));
    press(&mut harness, Modifiers::NONE, Key::M);
    assert!(has(&harness, "Example 2 of 3"));
    press(&mut harness, Modifiers::NONE, Key::F);
    harness.get_by_label("Label Wrong format, key F").click();
    harness.run_ok();
    let record = state(&harness).document.plan.decision.as_deref().unwrap();
    assert_eq!(record.tally.annotators[0].labels, "mff");
    assert_eq!((record.answers.failures.missing, record.answers.failures.format), (Some(1), Some(2)));
    // A second person under another name: typing it labels nothing.
    harness.get_by_role_and_label(egui::accesskit::Role::TextInput, "Annotator").focus();
    harness.run_ok();
    press(&mut harness, Modifiers::COMMAND, Key::A);
    type_text(&mut harness, "Kim");
    press(&mut harness, Modifiers::NONE, Key::Tab);
    assert!(has(&harness, "Example 1 of 3") && has(&harness, "0 labelled by Kim"));
    for key in [Key::M, Key::F, Key::M] {
        press(&mut harness, Modifiers::NONE, key);
    }
    // By hand: 2 of 3 agree; chance 1/3·2/3 + 2/3·1/3 = 4/9; kappa = (6/9 − 4/9) / (5/9) = 0.4.
    assert!(has(&harness, "Cohen's kappa 0.40 (") && has(&harness, "on 3 examples that all labelled"));
    let record = state(&harness).document.plan.decision.as_deref().unwrap();
    // Agreement on kinds of failure is none on the labels that would be trained on.
    assert_eq!(record.answers.agreement, None);
    // Taking back, and undo.
    press(&mut harness, Modifiers::NONE, Key::Backspace);
    assert_eq!(state(&harness).document.plan.decision.as_ref().unwrap().tally.annotators[1].labels, "mf");
    press(&mut harness, Modifiers::COMMAND, Key::Z);
    assert_eq!(state(&harness).document.plan.decision.as_ref().unwrap().tally.annotators[1].labels, "mfm");
}

#[test]
fn labels_are_saved_and_taken_in_and_bad_files_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window();
    click(&mut harness, "Tally");
    send(&mut harness, Command::File(FileCommand::OpenExamples(examples(folder.path()))));
    wait(&mut harness, |app| app.state().session.examples.is_some());
    for key in [Key::M, Key::S] {
        press(&mut harness, Modifiers::NONE, key);
    }
    let path = folder.path().join("labels.csv");
    send(&mut harness, Command::File(FileCommand::SaveLabels { path: path.clone(), replace: false }));
    wait(&mut harness, |app| app.state().session.messages.latest().is_some_and(|m| m.text.starts_with("Saved")));
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text, "example,annotator,label,key\n1,A,missing,m\n2,A,style,s\n");
    std::fs::write(&path, "example,annotator,label\n1,B,style\n2,B,style\n").unwrap();
    send(&mut harness, Command::File(FileCommand::OpenExamples(path.clone())));
    wait(&mut harness, |app| app.state().document.plan.decision.as_ref().unwrap().tally.annotators.len() == 2);
    let before = state(&harness).document.plan.clone();
    std::fs::write(&path, "example,annotator,label\n1,B,lovely\n").unwrap();
    send(&mut harness, Command::File(FileCommand::OpenExamples(path)));
    wait(&mut harness, |app| {
        app.state().session.messages.latest().is_some_and(tuneplan::app::messages::Message::is_error)
    });
    assert!(has(&harness, "lovely"));
    assert_eq!(state(&harness).document.plan, before);
    // Another file of examples would put the labels on the wrong ones.
    let other = folder.path().join("other.jsonl");
    std::fs::write(&other, "{\"a\": 1}").unwrap();
    send(&mut harness, Command::File(FileCommand::OpenExamples(other)));
    wait(&mut harness, |app| app.state().session.messages.latest().is_some_and(|m| m.text.contains("belong to")));
    assert_eq!(state(&harness).document.plan, before);
}

#[test]
fn every_sheet_is_tidy_at_every_size() {
    use tuneplan::plan::decision::questions::Step;
    let folder = tempfile::tempdir().unwrap();
    let path = examples(folder.path());
    for size in [[1920.0, 1080.0], [1280.0, 800.0], [1024.0, 700.0], [900.0, 700.0], [620.0, 900.0]] {
        let mut harness = common::builder(Theme::Light, size)
            .with_max_steps(32)
            .build_eframe(|cc| App::new(&cc.egui_ctx, Runtime::new(None, || ()), None));
        send(&mut harness, Command::Look(LookCommand::Page(Page::Decide)));
        for case in ["05-style", "07-not-enough-evidence"] {
            answer(&mut harness, case);
            let mut record = state(&harness).document.plan.decision.as_deref().cloned().unwrap();
            record.answers.costs =
                Some(tuneplan::plan::decision::Costs { static_tokens: 4000, input_price: 2.0, ..Default::default() });
            send(&mut harness, Command::Edit(PlanEdit::Decision { what: "test", decision: Some(Box::new(record)) }));
            for step in Step::ALL {
                let name = format!("Step {},", step.label());
                harness.query_all_by_label_contains(&name).next().unwrap().click();
                harness.run_ok();
                common::tidy::assert_tidy(&harness, &format!("{case}, {} at {size:?}", step.label()));
            }
            for sheet in ["Tally", "Break-even", "Stages", "All rules"] {
                harness.get_by_role_and_label(egui::accesskit::Role::RadioButton, sheet).click();
                harness.run_ok();
                if sheet == "Tally" {
                    send(&mut harness, Command::File(FileCommand::OpenExamples(path.clone())));
                    wait(&mut harness, |app| app.state().session.examples.is_some());
                    press(&mut harness, Modifiers::NONE, Key::M);
                }
                common::tidy::assert_tidy(&harness, &format!("{case}, {sheet} at {size:?}"));
            }
        }
    }
}
