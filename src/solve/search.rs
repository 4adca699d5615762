//! The whole space of sensible plans for one model, its data and its hardware: which of them are worth a look.
//!
//! [`Space`] holds the choices of every dimension; contradictions are left out. [`Search`] runs through
//! it part by part, so that a caller can show what was found so far, stop, or give parts to several threads: the
//! result does not depend on the order. What remains is the Pareto set over memory, time and quality risk under the
//! given limits: plans for which no other plan is at least as good in all three and better in one. On given devices the
//! cost of the run follows the time, so it needs no axis of its own.
//!
//! A plan is within a limit of memory when it [fits](Fit) there; only where none does, what is tight is shown. The space
//! is made from the table of levers, so that what they offer is found here with the same figures.
//!
//! Nothing is left out by a guess: every plan is estimated. A plan that trains on one device alone is put together from
//! shared parts ([`replay`](crate::estimate::replay)), which gives the same bytes as a single estimate.

use super::figures::{Figures, Known, changes, contradictions, contradicts_more, memory_and_fit};
use super::levers::Risk;
use crate::architecture::Knowledge;
use crate::estimate::cost::Rates;
use crate::estimate::replay::{OptimizerState, Quick, Replay, is_alone};
use crate::estimate::time::{DequantizationKernel, time_with};
use crate::estimate::{Detail, Fit, Inputs};
use crate::plan::edit::PlanEdit;
use crate::plan::{Implementation, Plan};
use crate::units::{ByteUnit, Bytes, grouped, quantity};
use front::{Front, Spot};
use space::{OptimizerChoice, Space, Step, Weighed};
use std::borrow::Cow;
use std::cell::OnceCell;

pub mod front;
pub mod space;

/// What a plan must keep to; `None`: no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Limits {
    /// Memory of one device, whole process: a limit as [`Fit`] judges the capacity.
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
    /// Plans that were not estimated because they are riskier than allowed; where plans are quickly estimated they are.
    pub too_risky: u64,
    /// Of the estimated, those within all limits, that of memory at the upper end of the band.
    pub within: u64,
    /// Of the estimated, those within all limits whose memory is within its limit only by the expected figure.
    pub tight: u64,
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
        self.too_risky += other.too_risky;
        self.within += other.within;
        self.tight += other.tight;
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
    /// The plans within all limits that no other of it is better than.
    pub front: Front,
    /// The same of plans that are tight under the limit of memory: for where nothing fits.
    pub tight: Front,
    /// How many there were.
    pub tally: Tally,
}

impl Found {
    /// What is offered: what fits, or what is tight where nothing does.
    pub fn best(&self) -> &Front {
        if self.front.is_empty() { &self.tight } else { &self.front }
    }

    /// Takes another part in. The order does not matter.
    pub fn merge(&mut self, other: &Self) {
        for spot in other.tight.spots() {
            self.tight.offer(spot);
        }
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
    knowledge: Knowledge,
    before: Vec<String>,
}

/// A method with its formats, and what all plans with it have in common.
struct Part<'a> {
    number: usize,
    method: &'a Weighed<Plan>,
    resolved: &'a Inputs<'a>,
    rates: Rates<'a>,
}

impl Part<'_> {
    fn inputs<'p>(&'p self, plan: &'p Plan) -> Inputs<'p> {
        let Inputs { load_format, kv_format, profile, accelerator, kind, .. } = *self.resolved;
        let second = self.resolved.second.clone();
        let architecture = Cow::Borrowed(self.resolved.architecture.as_ref());
        Inputs { plan, architecture, load_format, kv_format, profile, accelerator, kind, second }
    }

    /// What each optimizer keeps.
    fn states(&self, space: &Space) -> Vec<OptimizerState> {
        let state = |choice: &Weighed<OptimizerChoice>| {
            let mut plan = self.method.value.clone();
            choice.value.apply(&mut plan);
            OptimizerState::of(&self.inputs(&plan))
        };
        space.optimizers.iter().map(state).collect()
    }
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
        if (limits.hours.is_some() || limits.money.is_some()) && !rates.knows_the_run() {
            return Err(
                "hours and cost are only known once the data is: type the number of examples, or the training \
                        tokens, under Run"
                    .to_owned(),
            );
        }
        if limits.money.is_some() && rates.money_per_hour.is_none() {
            return Err("cost is only known with a price: type the price of a device-hour under Cost".to_owned());
        }
        let knowledge = inputs.knowledge();
        Ok(Self { space: Space::of(plan, &inputs, known), limits, known, knowledge, before: contradictions(&inputs) })
    }

    /// Number of parts; each is a method with its formats.
    pub fn parts(&self) -> usize {
        self.space.methods.len()
    }

    /// Searches one part. Parts can run in any order and on any thread.
    pub fn run_part(&self, part: usize) -> Found {
        let mut found = Found::default();
        let space = &self.space;
        let Some(method) = space.methods.get(part) else { return found };
        let Ok(resolved) = Inputs::resolve(&method.value, self.known.catalog, self.known.profiles) else {
            return found;
        };
        let on = Part { number: part, method, resolved: &resolved, rates: Rates::of(&resolved) };
        let states = OnceCell::new();
        let mut plan = method.value.clone();
        for step in space.steps() {
            space.set_step(&mut plan, step);
            if is_alone(&plan) {
                let states = states.get_or_init(|| on.states(space));
                self.replayed(&mut found, &on, &mut plan, step, states);
            } else {
                self.one_by_one(&mut found, &on, &mut plan, step);
            }
        }
        found
    }

    /// Searches everything on this thread.
    pub fn run(&self) -> Found {
        let mut found = Found::default();
        for part in 0..self.parts() {
            found.merge(&self.run_part(part));
        }
        found
    }

    /// Every plan of the step by itself.
    fn one_by_one(&self, found: &mut Found, on: &Part<'_>, plan: &mut Plan, step: Step) {
        let space = &self.space;
        let (risk, region) = space.step_weight(step);
        let (risk, region) = (risk.max(on.method.risk), region.and(on.method.region));
        if !space.combines(region, plan.is_parallel()) {
            return;
        }
        for (index, choice) in space.optimizers.iter().enumerate() {
            let risk = risk.max(choice.risk);
            if !space.combines(region.and(choice.region), plan.is_parallel()) {
                continue;
            }
            if space.contradicts(step, index) {
                found.tally.contradictory += 1;
                continue;
            }
            if self.is_too_risky(risk) {
                found.tally.too_risky += 1;
                continue;
            }
            choice.value.apply(plan);
            let inputs = on.inputs(plan);
            if contradicts_more(&self.before, &inputs) {
                found.tally.contradictory += 1;
                continue;
            }
            let time = time_with(&inputs, DequantizationKernel::Current, Detail::Numbers).ok();
            let quick = Quick {
                process: memory_and_fit(&inputs).0,
                step_secs: time.as_ref().map(|time| time.step_secs.expected),
                tokens_per_step: time.as_ref().map_or(0, |time| time.tokens_per_step),
            };
            self.judge(found, space.index(on.number, step, index), quick, risk, &on.rates);
        }
    }

    /// Plans that train alone: the step is replayed once for all optimizers, the optimizer once for all steps.
    fn replayed(&self, found: &mut Found, on: &Part<'_>, plan: &mut Plan, step: Step, states: &[OptimizerState]) {
        let space = &self.space;
        let step_risk = on.method.risk.max(space.step_weight(step).0);
        let mut replays: [Option<Replay>; 2] = [None, None];
        for (index, (choice, state)) in space.optimizers.iter().zip(states).enumerate() {
            if space.contradicts(step, index) {
                found.tally.contradictory += 1;
                continue;
            }
            choice.value.apply(plan);
            let inputs = on.inputs(plan);
            let in_backward = choice.value.implementation == Implementation::InBackward;
            let replay = replays[usize::from(in_backward)].get_or_insert_with(|| Replay::of(&inputs));
            let quick = replay.with(&inputs, *state);
            self.judge(found, space.index(on.number, step, index), quick, step_risk.max(choice.risk), &on.rates);
        }
    }

    fn is_too_risky(&self, risk: Risk) -> bool {
        self.limits.risk.is_some_and(|most| risk > most)
    }

    fn judge(&self, found: &mut Found, index: u64, quick: Quick, risk: Risk, rates: &Rates) {
        let tally = &mut found.tally;
        tally.estimated += 1;
        if self.is_too_risky(risk) {
            return;
        }
        let memory = quick.process.expected;
        let hours = quick.step_secs.and_then(|secs| rates.hours(quick.tokens_per_step, secs));
        let money = hours.zip(rates.money_per_hour).map(|(hours, price)| hours * price);
        let less = |least: Option<f64>, new: f64| Some(least.map_or(new, |least| least.min(new)));
        tally.least_memory = Some(tally.least_memory.map_or(memory, |least| least.min(memory)));
        if let Some(hours) = hours {
            tally.least_hours = less(tally.least_hours, hours);
        }
        if let Some(money) = money {
            tally.least_money = less(tally.least_money, money);
        }
        let over = |limit: Option<f64>, amount: Option<f64>| limit.is_some_and(|most| amount.is_none_or(|x| x > most));
        let fit = self.limits.memory.map_or(Fit::Fits, |most| Fit::of(quick.process, Some(most), self.knowledge));
        if !fit.is_within() || over(self.limits.hours, hours) || over(self.limits.money, money) {
            return;
        }
        // Without a device there is no time; memory and risk are then all there is.
        let secs_per_token = match quick.step_secs {
            Some(secs) if quick.tokens_per_step > 0 => secs / quick.tokens_per_step as f64,
            _ => 0.0,
        };
        let spot = Spot { memory, secs_per_token, risk, index };
        if fit == Fit::Fits {
            tally.within += 1;
            found.front.offer(spot);
        } else {
            tally.tight += 1;
            found.tight.offer(spot);
        }
    }

    /// The plans behind what was found.
    pub fn outcome(&self, found: &Found) -> Outcome {
        let choices: Vec<Choice> = found.best().spots().filter_map(|spot| self.choice(spot)).collect();
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
        let several =
            |count: u64, one: &str, many: &str| format!("{} {}", grouped(count), if count == 1 { one } else { many });
        if choices > 0 {
            let (within, tight) = (tally.within, several(tally.tight, "is", "are"));
            let within = match (within, tally.tight) {
                (0, _) => format!("none is surely within the limits, {tight} tight"),
                (_, 0) => format!("{} within the limits", several(within, "is", "are")),
                (_, _) => format!("{} within the limits, {tight} tight", several(within, "is", "are")),
            };
            return format!(
                "{all}, {within}; for {} of them nothing is better in memory, time and quality risk together.",
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
