//! Text of answers and decisions: one key a line in the order of the types, what was skipped left out.

use super::{Answers, Decision};
use ron::extensions::Extensions;
use ron::ser::PrettyConfig;
use serde::Serialize;

/// Text of a file of answers.
pub fn answers_text(answers: &Answers) -> String {
    format!("{}\n", pretty(answers, 2))
}

/// Text of a decision, as it stands in a plan.
pub fn decision_text(decision: &Decision) -> String {
    pretty(decision, 3)
}

/// Prompt versions and annotators stay on a line each; everything else has a line of its own.
fn pretty<T: Serialize>(value: &T, depth: usize) -> String {
    let config = PrettyConfig::new().new_line("\n").indentor("    ").depth_limit(depth).struct_names(false);
    let options = ron::Options::default().with_default_extension(Extensions::IMPLICIT_SOME);
    options.to_string_pretty(value, config).unwrap_or_else(|_error| "()".to_owned())
}
