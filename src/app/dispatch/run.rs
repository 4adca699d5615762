//! A preview: what is asked for, begun, paused, stopped, saved.

use super::{fail, notice};
use crate::app::command::RunCommand;
use crate::app::effect::Effect;
use crate::app::messages::{About, Kind};
use crate::app::page::Page;
use crate::app::state::{PathPurpose, State};
use crate::report::small_run;
use crate::tasks::tuning::{News, Product, Stage, Start, Tuning};
use std::path::PathBuf;

/// Carries out what concerns the run.
pub(super) fn carry_out(state: &mut State, command: RunCommand) -> Vec<Effect> {
    match command {
        RunCommand::Request(request) => {
            state.session.request = *request;
            Vec::new()
        }
        RunCommand::ChooseBase(path) => {
            state.session.request.model = path;
            Vec::new()
        }
        RunCommand::ChooseExamples(path) => {
            state.session.request.data = path;
            Vec::new()
        }
        RunCommand::Start => {
            let number = state.session.tuning.as_ref().map_or(0, |earlier| earlier.number + 1);
            let (job, _) = state.session.request.job(&state.document.plan);
            state.session.tuning = Some(Box::new(Tuning::begun(number, job, state.session.request.steps)));
            vec![Effect::Tune(Start::Job)]
        }
        RunCommand::Continue(more) => match &mut state.session.tuning {
            Some(tuning) if !tuning.is_running() => {
                let Some(kept) = tuning.kept.clone() else { return Vec::new() };
                **tuning = tuning.continued(more);
                vec![Effect::Tune(Start::Kept(kept))]
            }
            _ => Vec::new(),
        },
        RunCommand::Pause(pause) => match &mut state.session.tuning {
            Some(tuning) if tuning.is_running() => {
                tuning.pause(pause);
                vec![Effect::PauseTuning(pause)]
            }
            _ => Vec::new(),
        },
        RunCommand::Stop => vec![Effect::StopTuning],
        RunCommand::SaveProduct(product, folder) => {
            match state.session.tuning.as_ref().and_then(|tuning| tuning.kept.clone()) {
                Some(kept) => vec![Effect::SaveProduct(product, folder, kept)],
                None => {
                    fail(state, "Nothing was trained yet: run the preview first.");
                    Vec::new()
                }
            }
        }
        RunCommand::ProductSaved(product, folder) => {
            let loads = if product == Product::Adapter { "; its README.md says how to load it" } else { "" };
            notice(state, &format!("Saved the {} to {}{loads}.", product.name(), folder.display()));
            Vec::new()
        }
        RunCommand::SaveRecord { path, replace } => save_run(state, path, replace),
        RunCommand::Told(number, news) => {
            told(state, number, *news);
            Vec::new()
        }
    }
}

/// Takes what the run of this number tells.
fn told(state: &mut State, number: u64, news: News) {
    let session = &mut state.session;
    let Some(held) = session.tuning.as_mut().filter(|held| held.number == number) else { return };
    held.take(news);
    // On its own page one sees it.
    let away = session.page != Page::Preview;
    match &held.stage {
        Stage::Failed(why) if away => {
            session.messages.say(Kind::Failure, About::Program, format!("The preview could not go on: {why}"));
        }
        Stage::Done if away => {
            let said = "The preview is done: the page Preview shows what was learned.";
            session.messages.say(Kind::Notice, About::Program, said.to_owned());
        }
        _ => {}
    }
}

/// Writes what the run told as Markdown.
pub(super) fn save_run(state: &mut State, path: PathBuf, replace: bool) -> Vec<Effect> {
    let Some(tuning) = &state.session.tuning else {
        fail(state, "There is no run to save: run the preview first.");
        return Vec::new();
    };
    if !path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("md")) {
        fail(state, &format!("{}: end the name in .md", path.display()));
        return Vec::new();
    }
    let text = small_run::markdown(&tuning.record, &state.session.today);
    vec![Effect::WriteText { purpose: PathPurpose::SaveRun, path, text, replace }]
}
