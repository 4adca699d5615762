//! Whether to fine-tune at all: from the answers of a design review to a recommendation that refuses to guess.
//!
//! * [`stats`] — intervals, sample sizes, agreement.
//! * [`facts`] — answers and counts boiled down to yes, no, undecided (counted, but too few) and unknown (skipped).
//! * [`rules`] — the rules as data, `assets/decide/rules.ron`: conditions on facts, outcome, reason, source.
//! * [`outcome`] — where the path can end.
//! * [`engine`] — which rules hold, what holds an outcome back, what single answer would flip it, what to find out next.
//! * [`paired`] — prompt versions on the same examples.
//! * [`break_even`] — fine-tuning against a long prompt, a cached one and retrieval, over requests a month.
//! * [`cards`] — short cards beside the questions, with sources.
//! * [`tactics`] — stages, bands of learning rate and epochs, with their sources.
//! * [`agreement`] — ranges of kappa.
//! * [`tally`] — labels of several annotators: counts and agreement.
//! * [`follow`] — what a plan holds of a decision: stages and data, evaluation, budget.
//! * [`apply`] — a decision into the plan.
//! * [`record`] — a decision on one page, for a review to sign.

pub mod agreement;
pub mod apply;
pub mod break_even;
pub mod cards;
pub mod engine;
pub mod facts;
pub mod follow;
pub mod outcome;
pub mod paired;
pub mod record;
pub mod rules;
pub mod stats;
pub mod tactics;
pub mod tally;

pub use engine::{Recommendation, recommend};
