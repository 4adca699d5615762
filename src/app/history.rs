//! Undo and redo with names. A plan has a few kilobytes, so whole plans are kept.

use crate::plan::Plan;
use crate::plan::edit::PlanEdit;
use crate::plan::field::FieldId;
use std::collections::VecDeque;

/// Most steps that can be undone.
pub const MAX_STEPS: usize = 200;

/// A step: its name and the plan before it (in the past) or after it (in the future).
#[derive(Clone, Debug, PartialEq)]
struct Step {
    label: String,
    plan: Plan,
}

/// What can be undone and redone.
#[derive(Clone, Debug, Default)]
pub struct History {
    past: VecDeque<Step>,
    future: Vec<Step>,
    /// Field that is being dragged: further changes of it belong to the last step.
    open: Option<FieldId>,
}

impl History {
    /// Notes that `edit` is about to change `before`.
    pub fn record(&mut self, before: &Plan, edit: &PlanEdit) {
        let key = edit.merge_key();
        self.future.clear();
        if key.is_some()
            && key == self.open
            && let Some(step) = self.past.back_mut()
        {
            step.label = edit.label(&step.plan);
            return;
        }
        self.open = key;
        self.past.push_back(Step { label: edit.label(before), plan: before.clone() });
        if self.past.len() > MAX_STEPS {
            self.past.pop_front();
        }
    }

    /// The pointer or key was let go: the next change is a step of its own.
    pub const fn end_gesture(&mut self) {
        self.open = None;
    }

    /// Takes back the last step of `plan`; its name.
    pub fn undo(&mut self, plan: &mut Plan) -> Option<String> {
        let step = self.past.pop_back()?;
        self.open = None;
        let after = std::mem::replace(plan, step.plan);
        self.future.push(Step { label: step.label.clone(), plan: after });
        Some(step.label)
    }

    /// Does the last undone step again; its name.
    pub fn redo(&mut self, plan: &mut Plan) -> Option<String> {
        let step = self.future.pop()?;
        self.open = None;
        let before = std::mem::replace(plan, step.plan);
        self.past.push_back(Step { label: step.label.clone(), plan: before });
        Some(step.label)
    }

    /// Whether nothing was done or undone yet.
    pub fn is_empty(&self) -> bool {
        self.past.is_empty() && self.future.is_empty()
    }

    /// Names of the steps, oldest first, and how many of them are done: the rest is undone.
    pub fn steps(&self) -> (Vec<&str>, usize) {
        let done = self.past.iter().map(|step| step.label.as_str());
        let undone = self.future.iter().rev().map(|step| step.label.as_str());
        (done.chain(undone).collect(), self.past.len())
    }

    /// Undoes or does again until `done` steps are done.
    pub fn go_to(&mut self, done: usize, plan: &mut Plan) {
        while self.past.len() > done && self.undo(plan).is_some() {}
        while self.past.len() < done && self.redo(plan).is_some() {}
    }

    /// Name of the step that undo takes back.
    pub fn undo_label(&self) -> Option<&str> {
        self.past.back().map(|step| step.label.as_str())
    }

    /// Name of the step that redo does again.
    pub fn redo_label(&self) -> Option<&str> {
        self.future.last().map(|step| step.label.as_str())
    }

    /// The plan as it was before the last step: the ghost in the bar.
    pub fn previous(&self) -> Option<&Plan> {
        self.past.back().map(|step| &step.plan)
    }
}
