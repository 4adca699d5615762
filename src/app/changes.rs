//! What to change in the shown plan: found on a thread of its own, kept until the plan moves.

use super::effect::Effect;
use super::page::Page;
use super::state::State;
use crate::plan::Plan;
use crate::solve::Known;
use crate::solve::largest::{Question, Solution, solve};
use crate::solve::levers::combine::{Way, cheapest};
use crate::solve::levers::{Levers, levers};

/// Everything the page "Change" shows of one revision of a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Changes {
    /// Single changes, ranked.
    pub levers: Levers,
    /// Sets of them that make the plan fit.
    pub way: Way,
    /// How far settings go, which model, devices and accelerator.
    pub solutions: Vec<Solution>,
}

impl Changes {
    /// Of a plan; `Err`: what it names and nobody knows. Takes some tens of milliseconds for a large model.
    pub fn of(plan: &Plan) -> Result<Self, String> {
        let known = Known::embedded();
        let levers = levers(plan, known)?;
        let way = cheapest(plan, &levers, known);
        let solutions =
            Question::ALL.into_iter().map(|question| solve(plan, question, known)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { levers, way, solutions })
    }
}

/// Asks for the changes of the shown plan once, while the page that shows them is open.
pub(super) fn wanted(state: &mut State) -> Option<Effect> {
    let key = state.key();
    let session = &mut state.session;
    if session.page != Page::Change || session.changes_asked == Some(key) {
        return None;
    }
    session.changes_asked = Some(key);
    Some(Effect::FindChanges(key))
}
