//! How the shown plan answers to its settings: worked out once for a revision and a setting.

use super::key::Key;
use super::state::State;
use crate::plan::Plan;
use crate::plan::field::id;
use crate::plan::field::{FieldId, FieldKind, field};
use crate::solve::Known;
use crate::solve::sensitivity::{Curve, HeatMap, Swing, curve, heat_map, tornado, values};

/// Stops of the heat map at most, on each side.
const MOST_STOPS: usize = 12;

/// Curve, heat map and tornado of one revision; `Err`: why there is none, in a sentence.
#[derive(Clone, Debug)]
pub struct Answers {
    key: Key,
    field: FieldId,
    /// The setting against memory, time and cost.
    pub curve: Result<Curve, String>,
    /// Memory over micro-batch and sequence length.
    pub map: Result<HeatMap, String>,
    /// What one step of each setting moves.
    pub swings: Result<Vec<Swing>, String>,
}

impl Answers {
    /// Brings `held` up to date with the shown plan and the setting that is looked at. Some hundred estimates: about a
    /// millisecond, and only when something moved.
    pub fn keep(held: &mut Option<Self>, state: &State, id: FieldId) {
        let key = state.key();
        if held.as_ref().is_none_or(|answers| answers.key != key || answers.field != id) {
            *held = Some(Self::of(key, &state.document.plan, id));
        }
    }

    fn of(key: Key, plan: &Plan, id: FieldId) -> Self {
        let known = Known::embedded();
        let over = field(id).map(|field| values(plan, field)).unwrap_or_default();
        let (batches, lengths) = (
            stops(id::BATCH_MICRO_BATCH, plan.batch.micro_batch),
            stops(id::BATCH_SEQUENCE_LENGTH, plan.batch.sequence_length),
        );
        Self {
            key,
            field: id,
            curve: curve(plan, id, &over, known),
            map: heat_map(plan, &batches, &lengths, known),
            swings: tornado(plan, known),
        }
    }
}

/// The slider's stops around `now`, with it.
fn stops(id: &str, now: u64) -> Vec<u64> {
    let steps = match field(id).map(|field| field.kind) {
        Some(FieldKind::Integer { steps, .. }) => steps,
        _ => &[],
    };
    let mut all: Vec<u64> = steps.iter().copied().chain([now]).collect();
    all.sort_unstable();
    all.dedup();
    let at = all.iter().position(|value| *value == now).unwrap_or(0);
    let start = at.saturating_sub(MOST_STOPS / 2).min(all.len().saturating_sub(MOST_STOPS));
    all.into_iter().skip(start).take(MOST_STOPS).collect()
}
