//! The estimate turned round: not "how much does this need" but "what should I change".
//!
//! * [`figures`] — what a plan comes to in a few numbers: memory, verdict, phase of the peak, time, money.
//! * [`largest`] — how far a setting goes, which model, how few devices, which accelerator.
//! * [`levers`] — single changes with what each saves and costs, and the cheapest set of them that makes a plan fit.
//! * [`compare`] — plans side by side: settings that differ, figures against the first.
//! * [`sensitivity`] — curves of a setting, the heat map of batch against sequence, which setting weighs most.
//! * [`search`] — the whole space of sensible plans, and which of them are worth a look.
//!
//! Every answer is a [`PlanEdit`](crate::plan::edit::PlanEdit) with the figures before and after it, and a sentence.
//! Nothing here guesses from a formula of its own: each figure is that of an estimate of the changed plan.

pub mod compare;
pub mod figures;
pub mod largest;
pub mod levers;
mod pick;
pub mod search;
pub mod sensitivity;

pub use figures::{Figures, Known};
