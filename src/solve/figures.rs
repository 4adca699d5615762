//! What a plan comes to, in the few numbers that decide between plans.

use crate::catalog::Catalog;
use crate::estimate::cost::run_with;
use crate::estimate::profile::Profiles;
use crate::estimate::time::{DequantizationKernel, time_with};
use crate::estimate::{Detail, Fit, Inputs, Phase, PhaseKind, estimate};
use crate::explained::{Band, Interval};
use crate::plan::Plan;
use crate::plan::check::{Context, Diagnostic, Severity, check};
use crate::plan::diff::{Change, diff};
use crate::plan::edit::PlanEdit;
use crate::plan::field::Section;
use crate::units::{ByteUnit, Bytes};

/// The catalogues that plans are read with.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// Models, accelerators, formats.
    pub catalog: &'a Catalog,
    /// Software stacks.
    pub profiles: &'a Profiles,
}

impl Known<'static> {
    /// Those that ship with the program.
    pub fn embedded() -> Self {
        Self { catalog: Catalog::embedded(), profiles: Profiles::known() }
    }
}

impl<'a> Known<'a> {
    /// Everything `plan` names; `Err`: what is not known, in a sentence.
    pub fn inputs(&self, plan: &'a Plan) -> Result<Inputs<'a>, String> {
        Inputs::resolve(plan, self.catalog, self.profiles).map_err(|errors| in_words(&errors))
    }
}

fn in_words(diagnostics: &[Diagnostic]) -> String {
    diagnostics.iter().map(|diagnostic| diagnostic.message.as_str()).collect::<Vec<_>>().join("; ")
}

/// What a plan comes to. Bytes are of one device, the one that needs most; seconds, hours and money of all of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Figures {
    /// Whole process, as the driver shows it.
    pub process: Interval,
    /// Tensor bytes at the peak.
    pub tensors: Bytes,
    /// Phase that decides.
    pub peak: Option<PhaseKind>,
    /// Where in the phase.
    pub place: &'static str,
    /// Tensor bytes of every phase in time order.
    pub phases: Vec<(PhaseKind, Bytes)>,
    /// What one device offers; `None`: none chosen.
    pub capacity: Option<Bytes>,
    /// Verdict.
    pub fit: Fit,
    /// What is not known of the model, a sentence each: with one of them nothing is said to fit.
    pub gaps: Vec<String>,
    /// Values that are trained.
    pub trainable: u64,
    /// Seconds of an optimizer step, or of a request; `None`: a figure of the device is missing.
    pub step_secs: Option<Band>,
    /// Tokens a second over all devices.
    pub tokens_per_sec: Option<Band>,
    /// Hours of the run; `None`: nobody said how much is trained.
    pub hours: Option<Band>,
    /// Money of the run, in the plan's currency; for inference of an hour.
    pub money: Option<Band>,
    /// Energy of the run in kilowatt-hours.
    pub energy_kwh: Option<Band>,
}

impl Figures {
    /// Of a resolved plan.
    pub fn of(inputs: &Inputs<'_>) -> Self {
        let found = estimate(inputs, Detail::Numbers);
        let time = time_with(inputs, DequantizationKernel::Current, Detail::Numbers).ok();
        let run = time.as_ref().map(|time| run_with(inputs, time, Detail::Numbers));
        let peak = found.peak_phase();
        Self {
            process: found.needed(),
            tensors: found.tensors.expected,
            peak: peak.map(|phase| phase.kind),
            place: peak.map_or("", |phase| phase.place),
            phases: found.phases.iter().map(|phase: &Phase| (phase.kind, phase.total())).collect(),
            capacity: found.capacity,
            fit: found.fit,
            gaps: found.gaps,
            trainable: found.parameters.trainable,
            step_secs: time.as_ref().map(|time| time.step_secs),
            tokens_per_sec: time.as_ref().map(|time| time.tokens_per_sec),
            hours: run.as_ref().and_then(|run| run.hours),
            money: run.as_ref().and_then(|run| run.money),
            energy_kwh: run.as_ref().and_then(|run| run.energy_kwh),
        }
    }

    /// Of a plan; `Err`: what it names and nobody knows.
    pub fn of_plan(plan: &Plan, known: Known<'_>) -> Result<Self, String> {
        Inputs::resolve(plan, known.catalog, known.profiles)
            .map(|inputs| Self::of(&inputs))
            .map_err(|errors| in_words(&errors))
    }

    /// Expected memory of the whole process.
    pub const fn memory(&self) -> Bytes {
        self.process.expected
    }

    /// Expected seconds for a token over all devices.
    pub fn secs_per_token(&self) -> Option<f64> {
        self.tokens_per_sec.map(|rate| rate.expected).filter(|rate| *rate > 0.0).map(|rate| 1.0 / rate)
    }

    /// `14.08 of 23.99 GiB`, or `14.08 GiB` where no device is chosen.
    pub fn memory_words(&self, unit: ByteUnit) -> String {
        match self.capacity {
            Some(capacity) => format!("{} of {}", self.memory().number(unit), capacity.display(unit)),
            None => self.memory().display(unit),
        }
    }

    /// Memory with the verdict: `14.08 of 23.99 GiB, fits`; what is tight says up to where the band reaches.
    pub fn verdict_words(&self, unit: ByteUnit) -> String {
        let memory = self.memory_words(unit);
        match self.fit {
            Fit::NoDevice => memory,
            Fit::Tight => {
                format!("{memory}, {}: up to {}", self.fit.in_sentence(), self.process.high.display(unit))
            }
            Fit::Fits | Fit::CannotSay | Fit::DoesNotFit => format!("{memory}, {}", self.fit.in_sentence()),
        }
    }
}

/// The plan with `edit`; `None` where the edit is refused.
pub fn edited(plan: &Plan, edit: &PlanEdit) -> Option<Plan> {
    let mut after = plan.clone();
    edit.apply(&mut after).ok()?;
    Some(after)
}

/// A plan that shares work, with every way of sharing as it is by default: what a setting of sharing is in a plan that
/// has none.
pub(super) fn usual_sharing() -> Plan {
    let mut usual = Plan::default();
    usual.hardware.count = 2;
    usual
}

/// Settings that differ: label, before, after. What follows from another change is left out: settings that the new
/// method does not have, and defaults that merely appear because the plan is now about several devices.
pub fn changes(before: &Plan, after: &Plan) -> Vec<[String; 3]> {
    let usual = usual_sharing();
    let follows = |change: &Change| {
        change.field.is_some_and(|field| {
            let (old, new) = ((field.get)(before), (field.get)(after));
            let appears = old.is_none() && field.section == Section::Parallelism && new == (field.get)(&usual);
            new.is_none() || appears
        })
    };
    diff(before, after)
        .into_iter()
        .filter(|change| !follows(change))
        .map(|change| {
            // Of a plan that shares nothing, everything is where it is by default.
            let sharing = change.field.filter(|field| field.section == Section::Parallelism);
            let unsaid = sharing.filter(|field| (field.get)(before).is_none());
            let value = unsaid.and_then(|field| Some((field.get)(&usual)?.display(field)));
            [change.label.to_owned(), value.unwrap_or(change.before), change.after]
        })
        .collect()
}

/// Messages of contradictions: what cannot be run as it stands.
pub fn contradictions(inputs: &Inputs<'_>) -> Vec<String> {
    remarks(inputs, Severity::Error)
}

/// Whether `after` contradicts itself where `before` did not.
pub fn contradicts_more(before: &[String], after: &Inputs<'_>) -> bool {
    contradictions(after).iter().any(|message| !before.contains(message))
}

/// Messages of remarks at least as grave as `severity`.
pub fn remarks(inputs: &Inputs<'_>, severity: Severity) -> Vec<String> {
    let context = Context {
        architecture: Some(&inputs.architecture),
        load_format: Some(inputs.load_format),
        accelerator: inputs.accelerator,
        ..Context::default()
    };
    check(inputs.plan, &context)
        .into_iter()
        .filter(|diagnostic| diagnostic.severity >= severity)
        .map(|diagnostic| diagnostic.message)
        .collect()
}

/// Memory with its band, and the verdict, only.
pub fn memory_and_fit(inputs: &Inputs<'_>) -> (Interval, Fit) {
    let found = estimate(inputs, Detail::Numbers);
    (found.needed(), found.fit)
}
