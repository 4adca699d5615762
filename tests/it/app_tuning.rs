//! Commands of a preview change the state as they say. No window, no threads, nothing is trained.

use std::path::PathBuf;
use std::time::Duration;
use tuneplan::app::command::RunCommand;
use tuneplan::app::{Command, Effect, State, dispatch};
use tuneplan::plan::edit::PlanEdit;
use tuneplan::plan::field::FieldValue;
use tuneplan::preview::evaluate::HeldOut;
use tuneplan::preview::run::Step;
use tuneplan::preview::train::{Event, Progress};
use tuneplan::report::small_run;
use tuneplan::tasks::tuning::{News, Product, Request, Stage, Start, Tuning};

fn tuning(state: &State) -> &Tuning {
    state.session.tuning.as_deref().unwrap()
}

fn told(state: &mut State, number: u64, event: Event) {
    assert_eq!(dispatch(state, Command::Run(RunCommand::Told(number, Box::new(News::Event(event))))), []);
}

fn step(number: usize, loss: f64) -> Event {
    let step = Step { number, loss, tokens: 100 };
    let trained_for = Duration::from_secs(2);
    Event::Step(Progress { step, tokens: 100, trained_for, from: 0, of: 4, peak_growth_bytes: Some(3 << 20) })
}

fn evaluated(after: usize, loss: f64, exact: usize) -> Event {
    Event::HeldOut { after, found: HeldOut { loss, exact, examples: 48 } }
}

/// A run of four steps that has told two of them.
fn running() -> State {
    let mut state = State::default();
    dispatch(&mut state, Command::Run(RunCommand::Request(Box::new(Request { steps: 4, ..Request::default() }))));
    assert_eq!(dispatch(&mut state, Command::Run(RunCommand::Start)), [Effect::Tune(Start::Job)]);
    told(&mut state, 0, evaluated(0, 6.0, 0));
    told(&mut state, 0, step(1, 5.5));
    told(&mut state, 0, step(2, 4.5));
    state
}

#[test]
fn a_run_has_the_plan_s_settings_and_what_was_asked_for() {
    let mut state = State::default();
    dispatch(&mut state, Command::Edit(PlanEdit::Set("batch.micro_batch", FieldValue::Integer(3))));
    let request = Request { steps: 7, learning_rate: Some(1e-3), seed: 5, ..Request::default() };
    dispatch(&mut state, Command::Run(RunCommand::Request(Box::new(request))));
    dispatch(&mut state, Command::Run(RunCommand::ChooseBase(Some(PathBuf::from("a model")))));
    dispatch(&mut state, Command::Run(RunCommand::ChooseExamples(Some(PathBuf::from("rows.jsonl")))));
    dispatch(&mut state, Command::Run(RunCommand::Start));
    let begun = tuning(&state);
    assert_eq!((begun.stage.clone(), begun.record.steps), (Stage::Preparing, 7));
    assert_eq!((begun.job.settings.batch, begun.job.settings.seed), (3, 5));
    assert_eq!((begun.job.model.clone(), begun.job.data.clone()), (Some("a model".into()), Some("rows.jsonl".into())));
    // A plan that changes meanwhile does not change the run.
    dispatch(&mut state, Command::Edit(PlanEdit::Set("batch.micro_batch", FieldValue::Integer(2))));
    assert_eq!(tuning(&state).job.settings.batch, 3);
    dispatch(&mut state, Command::Run(RunCommand::ChooseBase(None)));
    assert_eq!(state.session.request.model, None);
}

#[test]
fn a_run_goes_through_its_stages_and_an_earlier_one_is_not_heard() {
    let mut state = running();
    assert_eq!((tuning(&state).stage.clone(), tuning(&state).record.losses.len()), (Stage::Training, 2));
    assert_eq!(dispatch(&mut state, Command::Run(RunCommand::Pause(true))), [Effect::PauseTuning(true)]);
    assert_eq!(tuning(&state).stage, Stage::Paused);
    assert_eq!(dispatch(&mut state, Command::Run(RunCommand::Pause(false))), [Effect::PauseTuning(false)]);
    assert_eq!(tuning(&state).stage, Stage::Training);
    told(&mut state, 0, step(4, 1.0));
    told(&mut state, 0, evaluated(4, 1.25, 12));
    assert_eq!(tuning(&state).stage, Stage::Comparing);
    assert_eq!(dispatch(&mut state, Command::Run(RunCommand::Stop)), [Effect::StopTuning]);
    dispatch(
        &mut state,
        Command::Run(RunCommand::Told(0, Box::new(News::Ended(Err("out of paper".to_owned()), None)))),
    );
    assert_eq!(tuning(&state).stage, Stage::Failed("out of paper".to_owned()));
    // Nothing rests that could go on or be saved.
    assert_eq!(dispatch(&mut state, Command::Run(RunCommand::Continue(10))), []);
    assert_eq!(dispatch(&mut state, Command::Run(RunCommand::SaveProduct(Product::Adapter, "there".into()))), []);
    assert!(state.session.messages.latest().unwrap().is_error());
    dispatch(&mut state, Command::Run(RunCommand::Start));
    told(&mut state, 0, step(3, 9.0));
    assert!(tuning(&state).record.losses.is_empty(), "the first run is told to nobody");
    assert_eq!(dispatch(&mut state, Command::Run(RunCommand::Pause(true))), [Effect::PauseTuning(true)]);
}

#[test]
fn what_a_run_told_is_saved_as_markdown_under_a_name_that_ends_so() {
    let mut state = State::default();
    let save = |path: &str| Command::Run(RunCommand::SaveRecord { path: path.into(), replace: false });
    assert_eq!(dispatch(&mut state, save("run.md")), []);
    let mut state = running();
    told(&mut state, 0, evaluated(4, 1.25, 12));
    assert_eq!(dispatch(&mut state, save("run.txt")), []);
    assert!(state.session.messages.latest().unwrap().text.contains(".md"));
    let [Effect::WriteText { text, replace: false, .. }] = &dispatch(&mut state, save("run.md"))[..] else { panic!() };
    for line in ["| 0 | 6.000 | 0 of 48 |", "| 4 | 1.250 | 12 of 48 |", "100 tokens in 2 s of training, 50 tokens/s."] {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert!(text.contains("| Base | NF4 + DQ |") && text.contains("rank 16, α 32"), "{text}");
    assert!(small_run::markdown(&tuning(&state).record, "2026-01-02").contains("2026-01-02, 2 steps on"));
}
