//! Contradictions and risks of a plan, each with a sentence and, where there is one, a fix. Advice, never a barrier.

use super::edit::PlanEdit;
use super::field::FieldId;

/// How grave a remark is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Likely not what was meant.
    Warning,
    /// Cannot be run like this.
    Error,
}

/// A remark about the plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnostic {
    /// How grave.
    pub severity: Severity,
    /// Field it is about.
    pub field: Option<FieldId>,
    /// What is wrong and why, in one or two sentences.
    pub message: String,
    /// One click that mends it: label and change.
    pub fix: Option<(String, PlanEdit)>,
}
