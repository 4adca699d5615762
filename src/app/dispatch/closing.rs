//! Closing a tab or the window: changes are saved or given up by name, never lost in silence.

use super::menu;
use crate::app::command::{Answer, MenuCommand};
use crate::app::effect::Effect;
use crate::app::state::{AfterUnsaved, Dialog, State};

/// Goes on, or asks first where changes would be lost.
pub(super) fn unless_unsaved(state: &mut State, after: AfterUnsaved) -> Vec<Effect> {
    match after {
        AfterUnsaved::CloseTab => {
            if state.document.is_dirty() {
                state.session.dialog = Some(Dialog::Unsaved(after));
            } else {
                state.close_tab();
            }
            Vec::new()
        }
        AfterUnsaved::Close => {
            let given_up = &state.session.given_up;
            let in_the_way = state.tab_where(|document| document.is_dirty() && !given_up.contains(&document.id));
            match in_the_way {
                // One question a plan, with the plan in sight.
                Some(index) => {
                    state.show_tab(index);
                    state.session.dialog = Some(Dialog::Unsaved(after));
                    Vec::new()
                }
                None => {
                    state.session.closing = true;
                    vec![Effect::Close]
                }
            }
        }
    }
}

/// Answer to the question about unsaved changes.
pub(super) fn answered(state: &mut State, after: AfterUnsaved, answer: Answer) -> Vec<Effect> {
    match (answer, after) {
        (Answer::Save, _) => {
            state.session.after_save = Some(after);
            menu::menu(state, MenuCommand::Save)
        }
        (Answer::GoOn, AfterUnsaved::CloseTab) => {
            state.close_tab();
            Vec::new()
        }
        (Answer::GoOn, AfterUnsaved::Close) => {
            state.session.given_up.push(state.document.id);
            unless_unsaved(state, after)
        }
        (Answer::Cancel | Answer::Drop, _) => {
            state.session.after_save = None;
            state.session.given_up.clear();
            Vec::new()
        }
    }
}
