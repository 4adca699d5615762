//! A preview: what is asked for, begun, paused, stopped, saved.

use super::{fail, notice};
use crate::app::command::Command;
use crate::app::effect::Effect;
use crate::app::state::{PathPurpose, State};
use crate::report::small_run;
use crate::tasks::tuning::{Product, Start, Tuning};
use std::path::PathBuf;

/// Carries out commands of the run; others are none of its business.
pub(super) fn tuning(state: &mut State, command: Command) -> Vec<Effect> {
    match command {
        Command::Request(request) => {
            state.session.request = *request;
            Vec::new()
        }
        Command::ChooseBase(path) => {
            state.session.request.model = path;
            Vec::new()
        }
        Command::ChooseExamples(path) => {
            state.session.request.data = path;
            Vec::new()
        }
        Command::Tune => {
            let number = state.session.tuning.as_ref().map_or(0, |earlier| earlier.number + 1);
            let (job, _) = state.session.request.job(&state.document.plan);
            state.session.tuning = Some(Box::new(Tuning::begun(number, job, state.session.request.steps)));
            vec![Effect::Tune(Start::Job)]
        }
        Command::ContinueTuning(more) => match &mut state.session.tuning {
            Some(tuning) if !tuning.is_running() => {
                let Some(kept) = tuning.kept.clone() else { return Vec::new() };
                **tuning = tuning.continued(more);
                vec![Effect::Tune(Start::Kept(kept))]
            }
            _ => Vec::new(),
        },
        Command::PauseTuning(pause) => match &mut state.session.tuning {
            Some(tuning) if tuning.is_running() => {
                tuning.pause(pause);
                vec![Effect::PauseTuning(pause)]
            }
            _ => Vec::new(),
        },
        Command::StopTuning => vec![Effect::StopTuning],
        Command::SaveProduct(product, folder) => {
            match state.session.tuning.as_ref().and_then(|tuning| tuning.kept.clone()) {
                Some(kept) => vec![Effect::SaveProduct(product, folder, kept)],
                None => {
                    fail(state, "Nothing was trained yet: run the preview first.");
                    Vec::new()
                }
            }
        }
        Command::ProductSaved(product, folder) => {
            let loads = if product == Product::Adapter { "; its README.md says how to load it" } else { "" };
            notice(state, &format!("Saved the {} to {}{loads}.", product.name(), folder.display()));
            Vec::new()
        }
        Command::SaveRun { path, replace } => save_run(state, path, replace),
        _ => Vec::new(),
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
