//! From seconds to a run: steps, hours, energy and money. Prices are the user's own.

use super::host::checkpoints;
use super::time::efficiency::Efficiency;

use super::time::{TimeEstimate, TimeSubject, filled_share};
use super::{Detail, Inputs};
use crate::explained::{Band, Explained, Term};
use crate::plan::{Plan, Workload};

/// What is missing for a figure of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunMissing {
    /// How much is trained.
    Data,
    /// Board power of the device.
    Power,
    /// Price.
    Price,
}

impl RunMissing {
    /// What to type, in a sentence.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Data => {
                "Type the number of examples, the training tokens or the most steps under Run to see steps and hours."
            }
            Self::Power => "The board power of this device is not in the catalogue, so there is no energy.",
            Self::Price => {
                "Type the price of a device-hour under Cost, with its currency and day, to see what the run costs."
            }
        }
    }
}

/// A whole run, or an hour of serving.
#[derive(Clone, Debug, PartialEq)]
pub struct RunEstimate {
    /// Tokens trained over all epochs; `None`: not said.
    pub tokens: Option<f64>,
    /// Optimizer steps.
    pub steps: Option<u64>,
    /// Hours of the run; for inference the one hour that energy and money are for.
    pub hours: Option<Band>,
    /// Energy of the devices in kilowatt-hours.
    pub energy_kwh: Option<Band>,
    /// Money, devices and power together, in `currency`.
    pub money: Option<Band>,
    /// Money for a million tokens, trained or generated.
    pub money_per_million_tokens: Option<Band>,
    /// Currency of the plan.
    pub currency: String,
    /// Day of the price.
    pub price_date: String,
    /// What is missing.
    pub missing: Vec<RunMissing>,
    /// Derivations.
    pub derivations: Vec<(TimeSubject, Explained)>,
}

/// The run of `inputs.plan` at the pace of `time`.
pub fn run(inputs: &Inputs<'_>, time: &TimeEstimate) -> RunEstimate {
    run_with(inputs, time, Detail::Explained)
}

/// [`run`] with derivations, or with [`Detail::Numbers`] without them: for searches.
pub fn run_with(inputs: &Inputs<'_>, time: &TimeEstimate, detail: Detail) -> RunEstimate {
    let plan = inputs.plan;
    let table = Efficiency::embedded();
    let devices = time.devices as f64;
    let training = plan.workload == Workload::Training;
    let mut missing = Vec::new();
    let length = if training { Length::of(plan) } else { Length::UNSAID };
    let useful = time.tokens_per_step as f64 * filled_share(plan);
    let steps = length.steps(useful);
    let tokens = length.tokens(useful);
    if training && steps.is_none() {
        missing.push(RunMissing::Data);
    }
    let overhead = overhead_secs(plan, table, steps.unwrap_or(0));
    let hours = if training {
        steps.map(|steps| time.step_secs.times(steps as f64).plus(Band::exact(overhead)).times(1.0 / 3600.0))
    } else {
        Some(Band::exact(1.0))
    };
    let watts = inputs.accelerator.and_then(|device| device.tdp_watts);
    if watts.is_none() {
        missing.push(RunMissing::Power);
    }
    let energy_kwh =
        hours.zip(watts).map(|(hours, watts)| hours.with(table.energy.utilisation).times(devices * watts / 1000.0));
    let price = plan.cost.price_per_device_hour;
    let power = plan.cost.power_price_per_kwh;
    if price.is_none() && power.is_none() {
        missing.push(RunMissing::Price);
    }
    let rented = hours.zip(price).map(|(hours, price)| hours.times(devices * price));
    let powered = energy_kwh.zip(power).map(|(energy, price)| energy.times(price));
    let money = match (rented, powered) {
        (Some(rented), Some(powered)) => Some(rented.plus(powered)),
        (one, other) => one.or(other),
    };
    let money_per_million_tokens = if training {
        money.zip(tokens).map(|(money, tokens)| money.times(1e6 / tokens.max(1.0)))
    } else {
        // More tokens in the paid hour make each cheaper.
        money.map(|money| {
            let rate = time.tokens_per_sec;
            let per = |money: f64, rate: f64| if rate > 0.0 { money / (rate * 3600.0) * 1e6 } else { 0.0 };
            Band {
                low: per(money.low, rate.high),
                expected: per(money.expected, rate.expected),
                high: per(money.high, rate.low),
            }
        })
    };
    let mut estimate = RunEstimate {
        tokens,
        steps,
        hours,
        energy_kwh,
        money,
        money_per_million_tokens,
        currency: plan.cost.currency.trim().to_owned(),
        price_date: plan.cost.price_date.trim().to_owned(),
        missing,
        derivations: Vec::new(),
    };
    if detail == Detail::Explained {
        estimate.derivations = derivations(inputs, time, &estimate, overhead, watts);
    }
    estimate
}

/// What ends a run: its data, or a number of steps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Length {
    /// Tokens of all epochs that are no padding; `None`: not said.
    data_tokens: Option<f64>,
    /// Most steps.
    max_steps: Option<u64>,
}

impl Length {
    const UNSAID: Self = Self { data_tokens: None, max_steps: None };

    /// Of a training plan: its tokens, or examples × length, cut at the sequence.
    fn of(plan: &Plan) -> Self {
        let run = &plan.run;
        let length = plan.batch.sequence_length;
        let epoch = match (run.tokens, run.examples) {
            (Some(tokens), _) => Some(tokens as f64),
            (None, Some(examples)) => Some(examples as f64 * run.average_length.unwrap_or(length).min(length) as f64),
            (None, None) => None,
        };
        Self { data_tokens: epoch.map(|epoch| epoch * run.epochs), max_steps: run.max_steps }
    }

    /// Steps of `useful` tokens each, padding left out: a packed sequence is full, a padded one holds its example and waste.
    fn steps(self, useful: f64) -> Option<u64> {
        let of_data = self.data_tokens.map(|tokens| if useful > 0.0 { (tokens / useful).ceil() as u64 } else { 0 });
        match (of_data, self.max_steps) {
            (Some(steps), Some(most)) => Some(steps.min(most)),
            (one, other) => one.or(other),
        }
    }

    /// Tokens that are trained on in those steps.
    fn tokens(self, useful: f64) -> Option<f64> {
        let most = self.max_steps.map(|steps| steps as f64 * useful);
        match (self.data_tokens, most) {
            (Some(tokens), Some(most)) => Some(tokens.min(most)),
            (one, other) => one.or(other),
        }
    }
}

/// Seconds of start and checkpoints of a run of `steps`.
fn overhead_secs(plan: &Plan, table: &Efficiency, steps: u64) -> f64 {
    let checkpoints = checkpoints(plan, Some(steps)).unwrap_or(0);
    table.overheads.start_secs + table.overheads.checkpoint_secs * checkpoints as f64
}

/// What turns seconds of a step into hours and money, for searches: expected figures only.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates<'a> {
    plan: &'a Plan,
    /// What ends the run.
    length: Length,
    /// Share of a step's tokens that is no padding.
    filled: f64,
    /// Money of an hour of all devices; `None`: no price is typed.
    pub money_per_hour: Option<f64>,
}

impl<'a> Rates<'a> {
    /// Of a plan.
    pub fn of(inputs: &Inputs<'a>) -> Self {
        let plan = inputs.plan;
        let table = Efficiency::embedded();
        let devices = plan.hardware.count.max(1) as f64;
        let watts = inputs.accelerator.and_then(|device| device.tdp_watts);
        let rented = plan.cost.price_per_device_hour.map(|price| devices * price);
        let drawn = watts.map(|watts| table.energy.utilisation.expected * devices * watts / 1000.0);
        let powered = drawn.zip(plan.cost.power_price_per_kwh).map(|(kilowatts, price)| kilowatts * price);
        Self {
            plan,
            length: if plan.workload == Workload::Training { Length::of(plan) } else { Length::UNSAID },
            filled: filled_share(plan),
            money_per_hour: match (rented, powered) {
                (Some(rented), Some(powered)) => Some(rented + powered),
                (one, other) => one.or(other),
            },
        }
    }

    /// Whether the plan says what ends the run.
    pub fn knows_the_run(&self) -> bool {
        self.length.steps(1.0).is_some()
    }

    /// Hours of the run with steps of `tokens_per_step` tokens and `step_secs` seconds.
    pub fn hours(&self, tokens_per_step: u64, step_secs: f64) -> Option<f64> {
        let steps = self.length.steps(tokens_per_step as f64 * self.filled)?;
        Some((step_secs * steps as f64 + overhead_secs(self.plan, Efficiency::embedded(), steps)) / 3600.0)
    }
}

fn derivations(
    inputs: &Inputs<'_>,
    time: &TimeEstimate,
    run: &RunEstimate,
    overhead: f64,
    watts: Option<f64>,
) -> Vec<(TimeSubject, Explained)> {
    let table = Efficiency::embedded();
    let plan = inputs.plan;
    let mut out = Vec::new();
    let length = Length::of(plan);
    if run.steps.is_some() {
        let per_step = Term::count("tokens of a step", time.tokens_per_step).note("over all devices");
        let filled = filled_share(plan);
        let filled =
            (filled != 1.0).then(|| Term::factor("filled", filled).note("share of a sequence that is no padding"));
        let of_data = length.data_tokens.map(|tokens| {
            let whole = tokens.fract() == 0.0;
            let tokens = if whole { Term::count("tokens", tokens as u64) } else { Term::factor("tokens", tokens) };
            (tokens.note("of all epochs") / per_step.times(filled)).up()
        });
        let most = length.max_steps.map(|most| Term::count("steps", most).note("at most"));
        let steps = match (of_data, most) {
            (Some(steps), Some(most)) => steps.min(most),
            (Some(steps), None) => steps,
            (None, most) => most.unwrap_or_else(|| Term::from(0)),
        }
        .called("steps");
        let step = Term::quantity("seconds of a step", time.step_secs.expected, "s").note("expected").rough();
        let beside = Term::quantity("start and checkpoints", overhead, "s").rough();
        let hours = Explained::amount("Hours of the run", (steps * step + beside) / Term::from(3600), "h")
            .why("What the clock on the wall shows, without waiting for a machine.")
            .source(table.overheads.source.clone());
        out.push((TimeSubject::Hours, hours));
    }
    let devices = || Term::count("devices", time.devices);
    let hours = run.hours.map(|hours| Term::quantity("hours", hours.expected, "h").rough());
    if let (Some(hours), Some(watts)) = (hours.clone(), watts) {
        let power = Term::quantity("board power", watts / 1000.0, "kW").note("of one device, from its data sheet");
        let share = Term::factor("share", table.energy.utilisation.expected).note("drawn on average").rough();
        let energy = Explained::amount("Energy of the devices", devices() * power * share * hours, "kWh")
            .why("Host, network and cooling come on top.")
            .source(table.energy.source.clone());
        out.push((TimeSubject::Energy, energy));
    }
    if let (Some(_), Some(hours)) = (run.money, hours) {
        let rented = plan
            .cost
            .price_per_device_hour
            .map(|price| hours * devices() * Term::quantity("price", price, "per device-hour").note("of the plan"));
        let powered = plan.cost.power_price_per_kwh.zip(run.energy_kwh).map(|(price, energy)| {
            let energy = Term::quantity("energy", energy.expected, "kWh").rough();
            energy * Term::quantity("power price", price, "per kWh").note("of the plan")
        });
        let dated = if run.price_date.is_empty() { "no day given".to_owned() } else { run.price_date.clone() };
        let money = Term::total(rented.into_iter().chain(powered).collect());
        let money = Explained::amount("Money, in the plan's currency", money, "")
            .why("Reserved hours, storage and traffic are not in it.")
            .source(format!("price of the plan in {}, {dated}", run.currency));
        out.push((TimeSubject::Money, money));
    }
    out
}
