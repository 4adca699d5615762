//! Plans of a run that ended without saving them.

use super::{leave_start, notice};
use crate::app::command::Answer;
use crate::app::effect::Effect;
use crate::app::recovery::Recovered;
use crate::app::state::{Document, State};

/// `GoOn` opens them all as unsaved plans, `Drop` forgets them, `Cancel` keeps them for the next start.
pub(super) fn answered(state: &mut State, plans: &[Recovered], answer: Answer) -> Vec<Effect> {
    match answer {
        Answer::GoOn => {
            let count = plans.len();
            for plan in plans {
                restore(state, plan);
            }
            leave_start(state);
            notice(state, &format!("Restored {count} unsaved {}", if count == 1 { "plan" } else { "plans" }));
            // Kept anew before the old copies go.
            vec![Effect::KeepRecovery, Effect::ForgetRecovered]
        }
        Answer::Drop => vec![Effect::ForgetRecovered],
        Answer::Save | Answer::Cancel => {
            notice(state, "The unsaved plans are kept and offered again at the next start.");
            Vec::new()
        }
    }
}

fn restore(state: &mut State, recovered: &Recovered) {
    let (saved_plan, saved_text) = match &recovered.on_disk {
        Some(loaded) => (loaded.plan.clone(), Some(loaded.source.clone())),
        None => (crate::plan::Plan::default(), None),
    };
    state.open_tab(Document {
        plan: recovered.plan.clone(),
        unknown: recovered.unknown.clone(),
        path: recovered.path.clone(),
        saved_plan,
        saved_text,
        ..Document::default()
    });
}
