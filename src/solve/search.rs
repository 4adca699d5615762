//! The whole space of sensible plans for one model, its data and its hardware: which of them are worth a look.
//!
//! [`Space`] holds the choices of every dimension; contradictions are left out. [`Search`] runs through
//! it part by part, so that a caller can show what was found so far, stop, or give parts to several threads: the
//! result does not depend on the order. What remains is the Pareto set over memory, time and quality risk under the
//! given limits: plans for which no other plan is at least as good in all three and better in one. On given devices the
//! cost of the run follows the time, so it needs no axis of its own.
//!
//! Nothing is left out by a guess: every plan is estimated. A plan that trains on one device alone is put together from
//! shared parts ([`replay`](crate::estimate::replay)), which gives the same bytes as a single estimate.

use super::figures::{Figures, Known, changes, contradictions, contradicts_more};
use super::levers::Risk;
use crate::estimate::cost::Rates;
use crate::estimate::replay::{OptimizerState, Quick, Replay, is_alone};
use crate::estimate::time::{DequantizationKernel, time_with};
use crate::estimate::{Detail, Inputs, estimate};
use crate::plan::edit::PlanEdit;
use crate::plan::{Implementation, Plan};
use crate::units::{ByteUnit, Bytes, grouped, quantity};
use front::{Front, Spot};
use space::Space;
use std::borrow::Cow;

pub mod front;
pub mod space;

/// What a plan must keep to; `None`: no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Limits {
    /// Expected memory of one device, whole process.
    pub memory: Option<Bytes>,
    /// Expected hours of the run.
    pub hours: Option<f64>,
    /// Expected money of the run.
    pub money: Option<f64>,
    /// Quality risk against the plan as it is.
    pub risk: Option<Risk>,
}

/// How the plans of a part did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally {
    /// Plans that were estimated.
    pub estimated: u64,
    /// Plans that contradict themselves.
    pub contradictory: u64,
    /// Of the estimated, those within all limits.
    pub within: u64,
    /// Least memory of any within the limit of risk.
    pub least_memory: Option<Bytes>,
    /// Fewest hours of any within the limit of risk.
    pub least_hours: Option<f64>,
    /// Least money of any within the limit of risk.
    pub least_money: Option<f64>,
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.estimated += other.estimated;
        self.contradictory += other.contradictory;
        self.within += other.within;
        let least = |a: Option<f64>, b: Option<f64>| match (a, b) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (one, other) => one.or(other),
        };
        self.least_memory = match (self.least_memory, other.least_memory) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (one, other) => one.or(other),
        };
        self.least_hours = least(self.least_hours, other.least_hours);
        self.least_money = least(self.least_money, other.least_money);
    }
}

/// What a part of the space came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// The plans of it that no other of it is better than.
    pub front: Front,
    /// How many there were.
    pub tally: Tally,
}

impl Found {
    /// Takes another part in. The order does not matter.
    pub fn merge(&mut self, other: &Self) {
        for spot in other.front.spots() {
            self.front.offer(spot);
        }
        self.tally.add(&other.tally);
    }
}

/// A search ready to run.
pub struct Search<'a> {
    /// The choices.
    pub space: Space,
    limits: Limits,
    known: Known<'a>,
    before: Vec<String>,
}

/// A plan of the Pareto set.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// The plan.
    pub plan: Plan,
    /// The change that makes it.
    pub edit: PlanEdit,
    /// Settings it changes: label, before, after.
    pub changes: Vec<[String; 3]>,
    /// What it comes to.
    pub figures: Figures,
    /// Quality risk against the plan as it was.
    pub risk: Risk,
}

/// The result of a search.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The Pareto set by memory, the least first.
    pub choices: Vec<Choice>,
    /// How many plans there were.
    pub tally: Tally,
    /// What was found, in a sentence or two.
    pub words: String,
}

impl<'a> Search<'a> {
    /// The space of `plan` under `limits`. `Err`: the plan names something unknown, or a limit cannot be judged, in a
    /// sentence.
    pub fn new(plan: &Plan, limits: Limits, known: Known<'a>) -> Result<Self, String> {
        let inputs = Inputs::resolve(plan, known.catalog, known.profiles)
            .map_err(|errors| errors.iter().map(|error| error.message.as_str()).collect::<Vec<_>>().join("; "))?;
        let rates = Rates::of(&inputs);
        if (limits.hours.is_some() || limits.money.is_some()) && rates.tokens.is_none() {
            return Err(
                "hours and cost are only known once the data is: type the number of examples, or the training \
                        tokens, under Run"
                    .to_owned(),
            );
        }
        if limits.money.is_some() && rates.money_per_hour.is_none() {
            return Err("cost is only known with a price: type the price of a device-hour under Cost".to_owned());
        }
        Ok(Self { space: Space::of(plan, &inputs, known), limits, known, before: contradictions(&inputs) })
    }

    /// Number of parts; each is a method with its formats.
    pub fn parts(&self) -> usize {
        self.space.methods.len()
    }

    /// Searches one part. Parts can run in any order and on any thread.
    pub fn run_part(&self, part: usize) -> Found {
        match self.space.methods.get(part) {
            Some(method) if is_alone(&method.plan) => self.shared(part),
            Some(_) => self.one_by_one(part),
            None => Found::default(),
        }
    }

    /// Searches everything on this thread.
    pub fn run(&self) -> Found {
        let mut found = Found::default();
        for part in 0..self.parts() {
            found.merge(&self.run_part(part));
        }
        found
    }

    /// Every plan of the part by itself.
    fn one_by_one(&self, part: usize) -> Found {
        let mut found = Found::default();
        for index in self.space.indices_of(part) {
            let Some((plan, risk)) = self.space.plan(index) else {
                found.tally.contradictory += 1;
                continue;
            };
            let Ok(inputs) = Inputs::resolve(&plan, self.known.catalog, self.known.profiles) else { continue };
            if contradicts_more(&self.before, &inputs) {
                found.tally.contradictory += 1;
                continue;
            }
            let time = time_with(&inputs, DequantizationKernel::Current, Detail::Numbers).ok();
            let quick = Quick {
                memory: estimate(&inputs, Detail::Numbers).needed().expected,
                step_secs: time.as_ref().map(|time| time.step_secs.expected),
                tokens_per_step: time.as_ref().map_or(0, |time| time.tokens_per_step),
            };
            self.judge(&mut found, index, quick, risk, &Rates::of(&inputs));
        }
        found
    }

    /// Plans that train alone: the step is replayed once for all optimizers, the optimizer once for all steps.
    fn shared(&self, part: usize) -> Found {
        let mut found = Found::default();
        let space = &self.space;
        let Some(method) = space.methods.get(part) else { return found };
        let Ok(resolved) = Inputs::resolve(&method.plan, self.known.catalog, self.known.profiles) else { return found };
        let architecture = resolved.architecture.as_ref();
        let states: Vec<OptimizerState> = space
            .optimizers
            .iter()
            .map(|choice| {
                let mut plan = method.plan.clone();
                choice.apply(&mut plan);
                OptimizerState::of(&Inputs {
                    plan: &plan,
                    architecture: Cow::Borrowed(architecture),
                    ..resolved.clone()
                })
            })
            .collect();
        let mut plan = method.plan.clone();
        let rates = Rates::of(&resolved);
        for step in space.steps() {
            space.set_step(&mut plan, step);
            let step_risk = method.risk.max(space.step_risk(step));
            let mut replays: [Option<Replay>; 2] = [None, None];
            for (index, choice) in space.optimizers.iter().enumerate() {
                if space.contradicts(step, index) {
                    found.tally.contradictory += 1;
                    continue;
                }
                choice.apply(&mut plan);
                let inputs = Inputs { plan: &plan, architecture: Cow::Borrowed(architecture), ..resolved.clone() };
                let in_backward = choice.implementation == Implementation::InBackward;
                let replay = replays[usize::from(in_backward)].get_or_insert_with(|| Replay::of(&inputs));
                let quick = replay.with(&inputs, states[index]);
                self.judge(&mut found, space.index(part, step, index), quick, step_risk.max(choice.risk), &rates);
            }
        }
        found
    }

    fn judge(&self, found: &mut Found, index: u64, quick: Quick, risk: Risk, rates: &Rates) {
        let tally = &mut found.tally;
        tally.estimated += 1;
        if self.limits.risk.is_some_and(|most| risk > most) {
            return;
        }
        let hours = quick.step_secs.and_then(|secs| rates.hours(quick.tokens_per_step, secs));
        let money = hours.zip(rates.money_per_hour).map(|(hours, price)| hours * price);
        let less = |least: Option<f64>, new: f64| Some(least.map_or(new, |least| least.min(new)));
        tally.least_memory = Some(tally.least_memory.map_or(quick.memory, |least| least.min(quick.memory)));
        if let Some(hours) = hours {
            tally.least_hours = less(tally.least_hours, hours);
        }
        if let Some(money) = money {
            tally.least_money = less(tally.least_money, money);
        }
        let over = |limit: Option<f64>, amount: Option<f64>| limit.is_some_and(|most| amount.is_none_or(|x| x > most));
        let too_large = self.limits.memory.is_some_and(|most| quick.memory > most);
        if too_large || over(self.limits.hours, hours) || over(self.limits.money, money) {
            return;
        }
        tally.within += 1;
        // Without a device there is no time; memory and risk are then all there is.
        let secs_per_token = match quick.step_secs {
            Some(secs) if quick.tokens_per_step > 0 => secs / quick.tokens_per_step as f64,
            _ => 0.0,
        };
        found.front.offer(Spot { memory: quick.memory, secs_per_token, risk, index });
    }

    /// The plans behind what was found.
    pub fn outcome(&self, found: &Found) -> Outcome {
        let choices: Vec<Choice> = found.front.spots().filter_map(|spot| self.choice(spot)).collect();
        let words = self.words(found, choices.len());
        Outcome { choices, tally: found.tally.clone(), words }
    }

    /// The plan of a spot with everything about it.
    pub fn choice(&self, spot: Spot) -> Option<Choice> {
        let (plan, risk) = self.space.plan(spot.index)?;
        let figures = Figures::of_plan(&plan, self.known).ok()?;
        let edit = PlanEdit::Replace(Box::new(plan.clone()), "Plan found by search".to_owned());
        Some(Choice { changes: changes(&self.space.plan, &plan), edit, figures, risk, plan })
    }

    fn words(&self, found: &Found, choices: usize) -> String {
        let tally = &found.tally;
        let all = format!("{} plans were estimated", grouped(tally.estimated));
        if choices > 0 {
            return format!(
                "{all}, {} are within the limits; for {} of them nothing is better in memory, time and quality risk together.",
                grouped(tally.within),
                grouped(choices as u64)
            );
        }
        let mut reasons = Vec::new();
        let unit = ByteUnit::GiB;
        if let (Some(limit), Some(least)) = (self.limits.memory, tally.least_memory)
            && least > limit
        {
            reasons.push(format!(
                "the least memory is {} and {} are allowed",
                least.display(unit),
                limit.display(unit)
            ));
        }
        if let (Some(limit), Some(least)) = (self.limits.hours, tally.least_hours)
            && least > limit
        {
            reasons.push(format!(
                "the fastest takes {} and {} are allowed",
                quantity(least, "h"),
                quantity(limit, "h")
            ));
        }
        if let (Some(limit), Some(least)) = (self.limits.money, tally.least_money)
            && least > limit
        {
            let currency = &self.space.plan.cost.currency;
            reasons.push(format!(
                "the cheapest costs {} and {} are allowed",
                quantity(least, currency),
                quantity(limit, currency)
            ));
        }
        if reasons.is_empty() {
            reasons.push("each limit can be kept, but not all of them by one plan".to_owned());
        }
        format!("Nothing is within the limits: {all}; {}.", reasons.join("; "))
    }
}
