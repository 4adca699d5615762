//! The weights of a model: examined, measured on a text, looked at by rank.

use crate::app::command::WeightsCommand;
use crate::app::effect::Effect;
use crate::app::state::State;
use crate::tasks::measuring::Measuring;
use crate::tasks::weighing::{News, Ranks, Weighing};
use std::path::PathBuf;

/// Carries out what concerns weights.
pub(super) fn carry_out(state: &mut State, command: WeightsCommand) -> Vec<Effect> {
    let session = &mut state.session;
    match command {
        WeightsCommand::Examine(model) => {
            let number = session.weighing.as_ref().map_or(0, |earlier| earlier.number + 1);
            session.weighing = Some(Weighing::begun(number, model));
            session.measuring = None;
            vec![Effect::Weigh]
        }
        WeightsCommand::Stop => {
            if let Some(weighing) = &mut session.weighing {
                weighing.running = false;
            }
            if let Some(measuring) = &mut session.measuring {
                measuring.running = false;
            }
            vec![Effect::StopWeighing]
        }
        WeightsCommand::MeasureOn(text) => measure(state, Some(text)),
        WeightsCommand::Measured(number, news) => {
            if let Some(held) = session.measuring.as_mut().filter(|held| held.running && held.number == number) {
                held.take(*news);
            }
            Vec::new()
        }
        WeightsCommand::LookAtRanks(index, codec) => match &mut session.weighing {
            Some(weighing) if weighing.source.is_some() => {
                weighing.ranks = Some(Ranks { index, codec, found: None });
                vec![Effect::LookAtRanks]
            }
            _ => Vec::new(),
        },
        WeightsCommand::RanksFound(number, found) => {
            let wanted = session.weighing.as_mut().filter(|held| held.number == number);
            // Another tensor or format may have been asked for meanwhile.
            if let Some(ranks) = wanted.and_then(|held| held.ranks.as_mut())
                && (ranks.index, ranks.codec) == (found.index, found.codec)
            {
                *ranks = *found;
            }
            Vec::new()
        }
        WeightsCommand::Examined(number, news) => {
            let is_over = news == News::Ended(None);
            // An examination that was stopped, or followed by another, has nothing more to say.
            let held = session.weighing.as_mut().filter(|held| held.running && held.number == number);
            let Some(held) = held else { return Vec::new() };
            held.take(news);
            // The embedded model brings its own text along.
            if is_over && held.model.is_none() { measure(state, None) } else { Vec::new() }
        }
    }
}

/// Begins to measure what the formats of the examined model do to what it says.
fn measure(state: &mut State, text: Option<PathBuf>) -> Vec<Effect> {
    let Some(weighing) = &state.session.weighing else { return Vec::new() };
    state.session.measuring = Some(Measuring::begun(weighing.number, text));
    vec![Effect::Measure]
}
