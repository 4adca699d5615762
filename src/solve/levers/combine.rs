//! The cheapest set of changes that makes a plan fit.
//!
//! Cheap is, in this order: the smallest greatest quality risk, the fewest changes that carry it, the least time (in
//! steps of 5 %), the fewest changes. Sets are tried by size, each estimated whole; a set that holds a smaller one that fits is none.
//!
//! What fits comes first; a set that is only tight is offered where nothing of its risk or less fits. A set is left out
//! where another needs no more memory, time, risk and changes.

use super::{Kind, Lever, Levers, Risk, saved_bytes, time_change};
use crate::estimate::{Fit, Inputs};
use crate::plan::Plan;
use crate::plan::check::Severity;
use crate::plan::edit::PlanEdit;
use crate::solve::figures::{Figures, Known, changes, edited, memory_and_fit, remarks};
use crate::units::{ByteUnit, percent};
use std::cmp::Ordering;

/// Largest set that is tried exhaustively.
const MOST_TOGETHER: usize = 4;
/// Most sets that are estimated; beyond it the greatest savings are added one by one.
const MOST_TRIED: usize = 5000;
/// Sets of each risk that are kept.
const MOST_SETS: usize = 3;
/// Times nearer to each other than this are taken as equal.
const TIME_STEP: f64 = 0.05;

/// Changes that make the plan fit together.
#[derive(Clone, Debug, PartialEq)]
pub struct Combination {
    /// The changes in the order they are applied.
    pub kinds: Vec<Kind>,
    /// All of them as one step.
    pub edit: PlanEdit,
    /// Settings they change: label, before, after.
    pub changes: Vec<[String; 3]>,
    /// Greatest risk among them.
    pub risk: Risk,
    /// Bytes saved at the peak, whole process.
    pub saved_bytes: i128,
    /// Share by which a token takes longer.
    pub time_change: Option<f64>,
    /// What the changed plan comes to.
    pub after: Figures,
}

/// Whether and how a plan can be made to fit.
#[derive(Clone, Debug, PartialEq)]
pub struct Way {
    /// Sets that fit, cheapest first, then those that are tight; of none is a subset as good. Empty where there is
    /// nothing to do or no way.
    pub sets: Vec<Combination>,
    /// What was found, in a sentence.
    pub words: String,
}

/// The cheapest sets of `found` that make `plan` fit.
pub fn cheapest(plan: &Plan, found: &Levers, known: Known<'_>) -> Way {
    let none = |words: &str| Way { sets: Vec::new(), words: words.to_owned() };
    let is_tight = match found.before.fit {
        Fit::NoDevice => {
            return none(
                "No accelerator is chosen, so nothing can fit or not: choose one under Hardware to see what is needed.",
            );
        }
        Fit::Fits => {
            return none("The plan fits already, at the upper end of the band too: nothing has to change.");
        }
        Fit::CannotSay => {
            return none(
                "The model was not wholly read, so no set of changes can be said to make it fit; each change alone is shown \
                 with what it saves of what was counted.",
            );
        }
        Fit::Tight => true,
        Fit::DoesNotFit => false,
    };
    let search = Search { plan, levers: &found.levers, before: &found.before, known, warned: warned(plan, known) };
    let (mut fitting, mut tight) = (Vec::new(), Vec::new());
    for risk in Risk::ALL {
        let here = search.sets(risk, is_tight);
        fitting.extend(here.fitting.iter().filter_map(|set| search.combination(set)).filter(|set| set.risk == risk));
        // What is only tight is an answer as long as nothing fits that is no riskier.
        if fitting.is_empty() {
            tight.extend(here.tight.iter().filter_map(|set| search.combination(set)).filter(|set| set.risk == risk));
        }
    }
    let mut sets = fitting;
    sets.extend(tight);
    sets.sort_by(|a, b| a.after.fit.cmp(&b.after.fit).then_with(|| a.risk.cmp(&b.risk)).then_with(|| by_cost(a, b)));
    let mut sets = undominated(sets);
    for (fit, risk) in
        [Fit::Fits, Fit::Tight, Fit::CannotSay].into_iter().flat_map(|fit| Risk::ALL.map(|risk| (fit, risk)))
    {
        let mut left = MOST_SETS;
        sets.retain(|set| {
            let is_of = set.after.fit == fit && set.risk == risk;
            let stays = !is_of || left > 0;
            left -= usize::from(is_of && stays);
            stays
        });
    }
    let words = match sets.first() {
        Some(best) => described(best),
        None => {
            let what = if is_tight { "fit at the upper end of the band" } else { "fit" };
            format!(
                "No set of these changes makes it {what}: more or larger devices, a smaller model or shorter sequences \
                 are left."
            )
        }
    };
    Way { sets, words }
}

/// Those that no other is as good as in verdict, memory, time, risk and number of changes; of equals the first.
fn undominated(sets: Vec<Combination>) -> Vec<Combination> {
    let mut kept: Vec<Combination> = Vec::new();
    for set in sets {
        if !kept.iter().any(|other| other.is_as_good_as(&set)) {
            kept.retain(|other| !set.is_as_good_as(other));
            kept.push(set);
        }
    }
    kept
}

impl Combination {
    /// Needs no more memory, time, risk and changes than `other`, and fits as well.
    pub fn is_as_good_as(&self, other: &Self) -> bool {
        let time = |set: &Self| set.time_change.unwrap_or(0.0);
        self.after.fit <= other.after.fit
            && self.after.memory() <= other.after.memory()
            && time(self) <= time(other)
            && self.risk <= other.risk
            && self.kinds.len() <= other.kinds.len()
    }
}

fn by_cost(a: &Combination, b: &Combination) -> Ordering {
    let risky = |set: &Combination| match set.risk {
        Risk::None => 0,
        risk => set.kinds.iter().filter(|kind| kind.quality.risk == risk).count(),
    };
    let time = |set: &Combination| set.time_change.unwrap_or(0.0);
    let step = |set: &Combination| (time(set) / TIME_STEP).round();
    risky(a)
        .cmp(&risky(b))
        .then_with(|| step(a).total_cmp(&step(b)))
        .then_with(|| a.kinds.len().cmp(&b.kinds.len()))
        .then_with(|| time(a).total_cmp(&time(b)))
        .then_with(|| ids(a).cmp(&ids(b)))
}

fn ids(set: &Combination) -> Vec<&'static str> {
    set.kinds.iter().map(|kind| kind.id).collect()
}

fn described(best: &Combination) -> String {
    let titles: Vec<&str> = best.kinds.iter().map(|kind| kind.title.as_str()).collect();
    let time = best.time_change.map_or_else(String::new, |change| format!(", {}", time_words(change)));
    let verdict = match best.after.fit {
        Fit::Tight => "Nothing of these makes it fit without more risk; it is tight",
        Fit::CannotSay => "The model was not wholly read; what was counted of it is within the device",
        _ => "It fits",
    };
    format!(
        "{verdict} with {} {}: {} ({}; quality risk {}{time}).",
        titles.len(),
        if titles.len() == 1 { "change" } else { "changes" },
        titles.join(" + "),
        best.after.memory_words(ByteUnit::GiB),
        best.risk.word()
    )
}

/// `30 % more time`, `no more time`.
pub fn time_words(change: f64) -> String {
    if change.abs() < 0.005 {
        "no more time".to_owned()
    } else if change > 0.0 {
        format!("{} more time", percent(change))
    } else {
        format!("{} less time", percent(-change))
    }
}

fn warned(plan: &Plan, known: Known<'_>) -> Vec<String> {
    Inputs::resolve(plan, known.catalog, known.profiles)
        .map(|inputs| remarks(&inputs, Severity::Warning))
        .unwrap_or_default()
}

struct Search<'a> {
    plan: &'a Plan,
    levers: &'a [Lever],
    before: &'a Figures,
    known: Known<'a>,
    warned: Vec<String>,
}

impl Search<'_> {
    /// Minimal sets of levers of no more than `risk`. Where the plan `is_tight` itself, sets that are tight are nothing.
    fn sets(&self, risk: Risk, is_tight: bool) -> Minimal {
        let usable: Vec<usize> = (0..self.levers.len()).filter(|i| self.levers[*i].kind.quality.risk <= risk).collect();
        let mut found = Minimal::default();
        let mut layer: Vec<Vec<usize>> = vec![Vec::new()];
        let mut tried = 0;
        for _ in 0..MOST_TOGETHER {
            let mut next = Vec::new();
            for set in &layer {
                let from = set.last().map_or(0, |last| usable.iter().position(|i| i == last).map_or(0, |at| at + 1));
                for &lever in &usable[from..] {
                    let mut larger = set.clone();
                    larger.push(lever);
                    let apart = set.iter().all(|&other| self.kind(other).goes_with(self.kind(lever)));
                    if !apart || holds_one(&found.fitting, &larger) || tried >= MOST_TRIED {
                        continue;
                    }
                    tried += 1;
                    match self.fit(&larger) {
                        Fit::Fits => found.fitting.push(larger),
                        fit => {
                            if fit.is_unsure() && !is_tight && !holds_one(&found.tight, &larger) {
                                found.tight.push(larger.clone());
                            }
                            next.push(larger);
                        }
                    }
                }
            }
            layer = next;
        }
        if found.fitting.is_empty() {
            found.fitting.extend(self.greedy(&usable, |fit| fit == Fit::Fits));
        }
        if found.fitting.is_empty() && found.tight.is_empty() && !is_tight {
            found.tight.extend(self.greedy(&usable, Fit::is_within));
        }
        found
    }

    fn kind(&self, lever: usize) -> &Kind {
        &self.levers[lever].kind
    }

    fn edit(&self, set: &[usize]) -> PlanEdit {
        let edits = set.iter().map(|&lever| self.kind(lever).edit.clone()).collect();
        let titles: Vec<&str> = set.iter().map(|&lever| self.kind(lever).title.as_str()).collect();
        PlanEdit::Group(edits, titles.join(" + "))
    }

    /// Expected memory with the set, and the verdict; `None` where it is refused.
    fn memory(&self, set: &[usize]) -> Option<(u64, Fit)> {
        let changed = edited(self.plan, &self.edit(set))?;
        let inputs = Inputs::resolve(&changed, self.known.catalog, self.known.profiles).ok()?;
        let (process, fit) = memory_and_fit(&inputs);
        // Remarks cost more than an estimate: only what fits is looked at.
        if fit.is_within() && remarks(&inputs, Severity::Warning).iter().any(|message| !self.warned.contains(message)) {
            return None;
        }
        Some((process.expected.0, fit))
    }

    fn fit(&self, set: &[usize]) -> Fit {
        self.memory(set).map_or(Fit::DoesNotFit, |(_, fit)| fit)
    }

    /// The lever that lowers memory most, again and again; then whatever is not needed is taken away.
    fn greedy(&self, usable: &[usize], is_enough: impl Fn(Fit) -> bool) -> Option<Vec<usize>> {
        let mut set: Vec<usize> = Vec::new();
        let mut least = self.before.memory().0;
        loop {
            let best = usable
                .iter()
                .filter(|lever| set.iter().all(|&other| self.kind(other).goes_with(self.kind(**lever))))
                .filter_map(|&lever| {
                    let mut larger = set.clone();
                    larger.push(lever);
                    self.memory(&larger).map(|(bytes, fit)| (bytes, fit, larger))
                })
                .min_by_key(|(bytes, ..)| *bytes)?;
            if best.0 >= least {
                return None;
            }
            least = best.0;
            set = best.2;
            if is_enough(best.1) {
                break;
            }
        }
        while let Some(smaller) = (0..set.len()).map(|i| without(&set, i)).find(|smaller| is_enough(self.fit(smaller)))
        {
            set = smaller;
        }
        Some(set)
    }

    fn combination(&self, set: &[usize]) -> Option<Combination> {
        let edit = self.edit(set);
        let changed = edited(self.plan, &edit)?;
        let after = Figures::of_plan(&changed, self.known).ok()?;
        let kinds: Vec<Kind> = set.iter().map(|&lever| self.kind(lever).clone()).collect();
        let changes = changes(self.plan, &changed);
        Some(Combination {
            risk: kinds.iter().map(|kind| kind.quality.risk).max().unwrap_or(Risk::None),
            kinds,
            edit,
            changes,
            saved_bytes: saved_bytes(self.before, &after),
            time_change: time_change(self.before, &after),
            after,
        })
    }
}

/// Sets none of which holds another that is as good.
#[derive(Default)]
struct Minimal {
    fitting: Vec<Vec<usize>>,
    tight: Vec<Vec<usize>>,
}

/// Whether `set` holds one of `smaller`.
fn holds_one(smaller: &[Vec<usize>], set: &[usize]) -> bool {
    smaller.iter().any(|small| small.iter().all(|i| set.contains(i)))
}

fn without(set: &[usize], index: usize) -> Vec<usize> {
    set.iter().enumerate().filter(|(i, _)| *i != index).map(|(_, lever)| *lever).collect()
}
