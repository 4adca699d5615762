//! Changes to a plan: the only way one is changed, by hand, wizard, solver or command line.

use super::field::{FieldId, FieldValue};
use super::{ModelSource, Plan};

/// One change.
#[derive(Clone, Debug, PartialEq)]
pub enum PlanEdit {
    /// A field takes a value.
    Set(FieldId, FieldValue),
    /// The base model is replaced.
    Model(ModelSource),
    /// Everything is replaced (a template, a wizard's answer); the text names the step.
    Replace(Box<Plan>, String),
    /// Several at once, one undo step named by the text.
    Group(Vec<Self>, String),
}
