//! Contradictions and risks of a plan, each with a sentence and, where there is one, a fix. Advice, never a barrier.

use super::edit::PlanEdit;
use super::field::{FieldId, FieldValue};
use super::{Plan, Workload};
use crate::architecture::Architecture;
use crate::catalog::{Accelerator, ModelEntry, NumberFormat};

mod cost;
mod hardware;
mod model;
mod optimizer;
mod parallel;
mod precision;
mod training;

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

impl Severity {
    /// Word on screen and in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
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

/// What is known about the things a plan names; `None` where the name is not in a catalogue.
#[derive(Clone, Copy, Debug, Default)]
pub struct Context<'a> {
    /// Shape of its model.
    pub architecture: Option<&'a Architecture>,
    /// The catalogue's entry that its model's name was read as.
    pub entry: Option<&'a ModelEntry>,
    /// Format its weights are loaded in.
    pub load_format: Option<&'a NumberFormat>,
    /// Its device.
    pub accelerator: Option<&'a Accelerator>,
}

/// All remarks, gravest first.
pub fn check(plan: &Plan, context: &Context<'_>) -> Vec<Diagnostic> {
    let mut found = Found { plan, context, list: Vec::new() };
    model::check(&mut found);
    precision::check(&mut found);
    hardware::check(&mut found);
    parallel::check(&mut found);
    cost::check(&mut found);
    if plan.workload == Workload::Training {
        optimizer::check(&mut found);
        training::check(&mut found);
    }
    // A stable sort keeps the order of the fields among equals.
    found.list.sort_by_key(|diagnostic| std::cmp::Reverse(diagnostic.severity));
    found.list
}

/// Whether a load format holds weights in blocks or under 16 bits, so that they cannot be trained themselves.
pub fn is_quantized(load_format: &str) -> bool {
    !matches!(load_format, "fp64" | "fp32" | "tf32" | "fp16" | "bf16")
}

/// The remarks so far, with what they are about.
struct Found<'p> {
    plan: &'p Plan,
    context: &'p Context<'p>,
    list: Vec<Diagnostic>,
}

impl Found<'_> {
    fn push(&mut self, severity: Severity, field: FieldId, message: impl Into<String>, fix: Option<(&str, PlanEdit)>) {
        self.list.push(Diagnostic {
            severity,
            field: Some(field),
            message: message.into(),
            fix: fix.map(|(label, edit)| (label.to_owned(), edit)),
        });
    }
}

fn set_word(id: FieldId, word: &str) -> PlanEdit {
    PlanEdit::Set(id, FieldValue::Id(word.to_owned()))
}

const fn set_toggle(id: FieldId, on: bool) -> PlanEdit {
    PlanEdit::Set(id, FieldValue::Toggle(on))
}

const fn set_number(id: FieldId, number: u64) -> PlanEdit {
    PlanEdit::Set(id, FieldValue::Integer(number))
}
