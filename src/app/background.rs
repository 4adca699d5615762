//! Work that goes on while one looks at something else, in few words: it is in sight on every page.

use super::page::Page;
use super::state::State;
use crate::tasks::tuning::Stage;

/// Something that goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    /// Where it is shown in full.
    pub page: Page,
    /// What it is and how far.
    pub words: String,
    /// The same where several go on and the line is short: `Preview 12/90`.
    pub brief: String,
}

/// All that goes on, the longest first.
pub fn running(state: &State) -> Vec<Running> {
    let session = &state.session;
    let mut all = Vec::new();
    let mut goes_on = |page: Page, words: String, what: &str, done: usize, of: usize| {
        all.push(Running { page, words, brief: format!("{what} {done}/{of}") });
    };
    if let Some(tuning) = session.tuning.as_deref().filter(|tuning| tuning.is_running()) {
        let steps = format!("{} of {} steps", tuning.record.done(), tuning.record.steps);
        goes_on(
            Page::Preview,
            match &tuning.stage {
                Stage::Preparing => "Preview: preparing".to_owned(),
                Stage::Paused => format!("Preview: paused at {steps}"),
                Stage::Comparing => "Preview: comparing models".to_owned(),
                _ => format!("Preview: {steps}"),
            },
            "Preview",
            tuning.record.done(),
            tuning.record.steps,
        );
    }
    if let Some(weighing) = session.weighing.as_ref().filter(|weighing| weighing.running) {
        let progress = weighing.progress;
        let words = format!("Weights: {} of {} tensors", progress.full, progress.all);
        goes_on(Page::Preview, words, "Weights", progress.full, progress.all);
    }
    if let Some(measuring) = session.measuring.as_ref().filter(|measuring| measuring.running) {
        let (done, layers) = measuring.layers;
        goes_on(Page::Preview, format!("Formats: {done} of {layers} layers"), "Formats", done, layers);
    }
    if let Some(searching) = session.searching.as_deref().filter(|searching| searching.running) {
        let (done, parts) = searching.parts;
        goes_on(Page::Change, format!("Search: {done} of {parts} parts"), "Search", done, parts);
    }
    all
}
