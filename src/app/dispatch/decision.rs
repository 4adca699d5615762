//! The decision: taken into the plan.

use super::{apply, tell};
use crate::app::state::State;
use crate::decide::apply::into_plan;
use crate::decide::recommend;

/// Fills the plan with the recommendation, dated today unless a day was typed for a decision that is still open.
pub(super) fn take(state: &mut State) {
    let mut decision = state.document.plan.decision.as_deref().cloned().unwrap_or_default();
    if !state.session.today.is_empty() && (decision.date.is_empty() || !decision.outcomes.is_empty()) {
        decision.date.clone_from(&state.session.today);
    }
    let found = recommend(&decision.answers);
    match into_plan(&state.document.plan, &decision, &found) {
        Ok(edit) => {
            apply(state, &edit);
            if state.session.message.is_none() {
                tell(state, false, &format!("Taken into the plan: {}. Ctrl+Z takes it back.", found.headline()));
            }
        }
        Err(error) => tell(state, true, &error),
    }
}
