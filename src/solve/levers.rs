//! Single changes that save memory, ranked: what each saves at the peak, what the peak becomes, time lost, quality risk.
//!
//! What a lever saves is the difference of two estimates, of the plan with it and without. Savings do not add up: a
//! lever lowers one phase until another is the peak. [`combine::cheapest`] therefore estimates sets of levers.
//!
//! The table of changes is `kinds`. The [search](super::search) is built from the same table, so that whatever is
//! offered here is found there.

use super::figures::{Figures, Known, changes, edited, remarks};
use crate::estimate::Inputs;
use crate::plan::Plan;
use crate::plan::check::Severity;
use crate::plan::edit::PlanEdit;
use crate::plan::field::FieldId;

pub mod combine;
pub(super) mod kinds;

/// How likely a change makes the result worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Risk {
    /// The same arithmetic in another order or place.
    None,
    /// Rounding or settings that published work found harmless on its tasks.
    Low,
    /// Another method or less information: measure it.
    Medium,
}

impl Risk {
    /// All, least first.
    pub const ALL: [Self; 3] = [Self::None, Self::Low, Self::Medium];

    /// Word on the command line, in JSON and on screen.
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Low => "low",
            Self::Medium => "medium",
        }
    }

    /// The risk of a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|risk| risk.word() == word)
    }
}

/// What a change does to the result, with whoever found it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quality {
    /// How likely it makes the result worse.
    pub risk: Risk,
    /// Why, in a sentence.
    pub words: &'static str,
    /// Where that is published; empty where it follows from the change itself.
    pub source: &'static str,
}

/// A change that could save memory, before anything is estimated.
#[derive(Clone, Debug, PartialEq)]
pub struct Kind {
    /// Stable name in JSON.
    pub id: &'static str,
    /// Levers of one slot exclude each other.
    pub slot: &'static str,
    /// What it does, in a few words.
    pub title: String,
    /// The change.
    pub edit: PlanEdit,
    /// What it does to the result.
    pub quality: Quality,
}

impl Kind {
    /// Whether the two can be applied together: other slots, other settings.
    pub fn goes_with(&self, other: &Self) -> bool {
        let (mine, theirs) = (self.touched(), other.touched());
        self.slot != other.slot && !mine.iter().any(|id| theirs.contains(id))
    }

    /// Settings it writes.
    pub(super) fn touched(&self) -> Vec<FieldId> {
        touched(&self.edit)
    }
}

/// Settings an edit writes.
fn touched(edit: &PlanEdit) -> Vec<FieldId> {
    match edit {
        PlanEdit::Set(id, _) => vec![id],
        PlanEdit::Group(edits, _) => edits.iter().flat_map(touched).collect(),
        PlanEdit::Model(_) | PlanEdit::Decision { .. } | PlanEdit::Replace(..) => Vec::new(),
    }
}

/// A change with what it comes to.
#[derive(Clone, Debug, PartialEq)]
pub struct Lever {
    /// The change.
    pub kind: Kind,
    /// Settings it changes: label, before, after.
    pub changes: Vec<[String; 3]>,
    /// Bytes saved at the peak, whole process; never negative.
    pub saved_bytes: i128,
    /// Seconds a token over those before, less one: 0.3 is 30 % more time; `None`: no time without the device's figures.
    pub time_change: Option<f64>,
    /// What the changed plan comes to; its peak is what takes over.
    pub after: Figures,
}

/// Bytes the change of a plan saves: exactly the difference of the two estimates.
pub fn saved_bytes(before: &Figures, after: &Figures) -> i128 {
    i128::from(before.memory().0) - i128::from(after.memory().0)
}

/// Share by which a token takes longer.
pub fn time_change(before: &Figures, after: &Figures) -> Option<f64> {
    Some(after.secs_per_token()? / before.secs_per_token()? - 1.0)
}

/// The levers of a plan and what the plan comes to without them.
#[derive(Clone, Debug, PartialEq)]
pub struct Levers {
    /// The plan as it is.
    pub before: Figures,
    /// Levers that make some phase smaller and no contradiction, those that save most at the peak first. A lever that
    /// saves nothing at the peak can still be part of a set.
    pub levers: Vec<Lever>,
}

/// Levers of `plan`, ranked. `Err`: the plan names something unknown, in a sentence.
pub fn levers(plan: &Plan, known: Known<'_>) -> Result<Levers, String> {
    let inputs = Inputs::resolve(plan, known.catalog, known.profiles)
        .map_err(|errors| errors.iter().map(|error| error.message.as_str()).collect::<Vec<_>>().join("; "))?;
    let before = Figures::of(&inputs);
    let warned = remarks(&inputs, Severity::Warning);
    let mut levers: Vec<Lever> =
        kinds::of(plan, &inputs).into_iter().filter_map(|kind| lever(plan, kind, &before, &warned, known)).collect();
    levers.sort_by(|a, b| {
        b.saved_bytes
            .cmp(&a.saved_bytes)
            .then_with(|| a.kind.quality.risk.cmp(&b.kind.quality.risk))
            .then_with(|| a.kind.id.cmp(b.kind.id))
    });
    Ok(Levers { before, levers })
}

fn lever(plan: &Plan, kind: Kind, before: &Figures, warned: &[String], known: Known<'_>) -> Option<Lever> {
    let changed = edited(plan, &kind.edit)?;
    if changed == *plan {
        return None;
    }
    let inputs = Inputs::resolve(&changed, known.catalog, known.profiles).ok()?;
    if remarks(&inputs, Severity::Warning).iter().any(|message| !warned.contains(message)) {
        return None;
    }
    let after = Figures::of(&inputs);
    let saved_bytes = saved_bytes(before, &after);
    let smaller = before.phases.iter().zip(&after.phases).any(|((_, old), (_, new))| new < old);
    if saved_bytes < 0 || (saved_bytes == 0 && !smaller) {
        return None;
    }
    let changes = changes(plan, &changed);
    Some(Lever { time_change: time_change(before, &after), kind, changes, saved_bytes, after })
}
