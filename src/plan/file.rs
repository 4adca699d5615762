//! Plan files: RON text that a person reviews in a diff.
//!
//! One key a line in the order of the field table, LF, the table's help as comments. Saving an unchanged plan gives
//! back the very bytes that were read. Unknown keys are reported with their line and kept. Pure text in, text out;
//! `app` does the input and output.

use super::field::{Field, FieldKind, FieldValue, Section, fields};
use super::{HandShape, ModelSource, Plan, SCHEMA};
use crate::architecture::Architecture;
use std::fmt;
use tree::{Entry, Node, NodeKind, Position};

mod migrate;
mod read;
pub(super) mod tree;
mod write;

pub use read::read;
pub use write::write;

/// Largest plan file that is read; real ones have a few kilobytes.
pub const MAX_BYTES: usize = 4 << 20;

/// A plan as read from a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// The plan.
    pub plan: Plan,
    /// Keys this version does not know, kept for saving.
    pub unknown: Vec<UnknownKey>,
    /// Remarks: unknown keys, values that were not understood, migrations.
    pub diagnostics: Vec<FileDiagnostic>,
    /// The text as read: an unchanged plan is saved as it was.
    pub source: String,
}

/// A key this version does not know, or a value of a known one that it does not understand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownKey {
    /// Section it stands in; empty at the top.
    pub section: String,
    /// `key: value` as it stands in the file.
    pub text: String,
    /// The key is known but its value was not understood: it is kept as a comment beside the value that holds.
    pub as_comment: bool,
}

/// A remark about a place in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileDiagnostic {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is there and what was done about it.
    pub message: String,
}

/// Why a file is not a plan. There is then no plan that could be saved over it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{line}:{column}: {message}")]
pub struct ReadError {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong and what to do.
    pub message: String,
}

impl fmt::Display for FileDiagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)
    }
}

impl Loaded {
    /// Text to save for `plan`: the bytes that were read if it is unchanged, else the canonical form with the unknown
    /// keys kept.
    pub fn text_for(&self, plan: &Plan) -> String {
        if *plan == self.plan { self.source.clone() } else { write(plan, &self.unknown) }
    }

    /// Forgets the unknown keys, after the user agreed.
    pub fn drop_unknown(&mut self) {
        self.unknown.clear();
        self.source = write(&self.plan, &[]);
    }
}

/// Longest key that a remark names whole, in characters.
const MAX_NAMED: usize = 60;

/// A key as a remark names it: a file may have keys of megabytes.
fn named(key: &str) -> String {
    let short: String = key.chars().take(MAX_NAMED).collect();
    if short.len() < key.len() { short + "…" } else { short }
}
