//! The user's own measurements against the estimate: a factor that may correct it.
//!
//! factor = median of measured / expected over the measurements of one metric, the expectation being that of the plan
//! they were taken with. The metric nearest to the whole process
//! counts (process, else reserved, else tensors): what is outside of it was not measured and is taken to err alike.

use super::{Detail, Estimate, Fit};
use crate::explained::{Exactness, Explained, Input, Interval, Value};
use crate::plan::{MeasuredPeak, Metric, Plan};
use crate::units::Bytes;

/// Measured over expected beyond which a measurement is not believed: another metric, unit or plan.
pub const BELIEVED: std::ops::RangeInclusive<f64> = 0.25..=4.0;
/// Measurements from which their own spread is the band.
const ENOUGH_FOR_SPREAD: usize = 3;

/// What the measurements of a plan say about its estimate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Calibration {
    /// Measured over expected.
    pub factor: f64,
    /// What was measured.
    pub metric: Metric,
    /// Measurements it is the median of.
    pub peaks: usize,
    /// Whether the plan wants it applied.
    pub applied: bool,
    /// Whole process times the factor.
    pub process: Interval,
}

/// What was expected where `peak` was measured: the figure kept with it, else that of the plan as it stands.
pub fn expected(peak: &MeasuredPeak, estimate: &Estimate) -> Bytes {
    peak.expected.unwrap_or_else(|| peak.metric.of(estimate).expected)
}

/// Expected over measured, less one: the estimate's error as everywhere else.
pub fn error(peak: &MeasuredPeak, estimate: &Estimate) -> f64 {
    expected(peak, estimate).0 as f64 / peak.bytes.0.max(1) as f64 - 1.0
}

/// Measured over expected, where the expectation was kept with it and the two are of one order. Without it the ratio
/// would follow every change of the plan, and each plan of a search would need what was measured for one.
fn ratio(peak: &MeasuredPeak) -> Option<f64> {
    let ratio = peak.bytes.0 as f64 / peak.expected?.0.max(1) as f64;
    BELIEVED.contains(&ratio).then_some(ratio)
}

/// Ratios of the measurements that count, ascending, of one metric.
struct Ratios {
    metric: Metric,
    sorted: Vec<f64>,
}

impl Ratios {
    fn of(plan: &Plan) -> Option<Self> {
        let outermost = [Metric::Process, Metric::Reserved, Metric::Tensors];
        outermost.into_iter().find_map(|metric| {
            let of_metric = plan.measured.peaks.iter().filter(|peak| peak.metric == metric);
            let mut sorted: Vec<f64> = of_metric.filter_map(ratio).collect();
            sorted.sort_by(f64::total_cmp);
            (!sorted.is_empty()).then_some(Self { metric, sorted })
        })
    }

    fn factor(&self) -> f64 {
        let middle = self.sorted.len() / 2;
        let at = |index: usize| self.sorted.get(index).copied().unwrap_or(1.0);
        if self.sorted.len() % 2 == 1 { at(middle) } else { f64::midpoint(at(middle.saturating_sub(1)), at(middle)) }
    }
}

/// `process` as the verdict sees it: calibrated where the plan has measurements and wants them applied.
pub(super) fn calibrated(plan: &Plan, process: Interval) -> Interval {
    if plan.measured.peaks.is_empty() || !plan.measured.calibrate {
        return process;
    }
    of(plan, process).map_or(process, |found| found.process)
}

impl Metric {
    /// The answer of `estimate` that this metric measures.
    pub const fn of(self, estimate: &Estimate) -> Interval {
        match self {
            Self::Tensors => estimate.tensors,
            Self::Reserved => estimate.reserved,
            Self::Process => estimate.process,
        }
    }
}

impl Estimate {
    /// Memory the verdict is about: the whole process, calibrated where the plan wants it.
    pub fn needed(&self) -> Interval {
        match &self.calibration {
            Some(calibration) if calibration.applied => calibration.process,
            _ => self.process,
        }
    }
}

/// Brings the plan's measurements into `estimate`: the factor, the verdict and its derivation.
pub(super) fn calibrate(plan: &Plan, estimate: &mut Estimate, detail: Detail) {
    if plan.measured.peaks.is_empty() {
        return;
    }
    estimate.calibration = of(plan, estimate.process);
    let Some(calibration) = estimate.calibration.filter(|calibration| calibration.applied) else { return };
    estimate.fit = Fit::of(estimate.needed(), estimate.capacity, estimate.knowledge);
    if detail == Detail::Explained {
        let subject = super::Subject::Calibrated;
        estimate.derivations.push(super::Derivation { subject, explained: explained(&calibration, estimate.process) });
    }
}

fn of(plan: &Plan, process: Interval) -> Option<Calibration> {
    let ratios = Ratios::of(plan)?;
    let factor = ratios.factor();
    let (low, high) = match ratios.sorted.as_slice() {
        [first, .., last] if ratios.sorted.len() >= ENOUGH_FOR_SPREAD => {
            (times(process.expected, *first), times(process.expected, *last))
        }
        // One or two measurements say nothing of their spread: the band keeps its share.
        _ => (times(process.low, factor), times(process.high, factor)),
    };
    let process = Interval { low, expected: times(process.expected, factor), high };
    let applied = plan.measured.calibrate;
    Some(Calibration { factor, metric: ratios.metric, peaks: ratios.sorted.len(), applied, process })
}

/// Bytes times a factor.
fn times(bytes: Bytes, factor: f64) -> Bytes {
    if factor == 1.0 { bytes } else { Bytes((bytes.0 as f64 * factor) as u64) }
}

fn explained(calibration: &Calibration, process: Interval) -> Explained {
    Explained {
        title: "Whole process, calibrated".into(),
        value: Value::Bytes(calibration.process.expected),
        formula: "whole process × measured / expected".into(),
        inputs: vec![
            Input::bytes("whole process", process.expected, "as estimated"),
            Input::factor("measured / expected", calibration.factor, "median"),
            Input::count("measurements", calibration.peaks as u64, calibration.metric.label()),
        ],
        why: "Your own measurements of this plan, on your own stack, are better evidence than any profile.".into(),
        source: "measurements kept in the plan".into(),
        exactness: Exactness::Approximate,
        parts: Vec::new(),
    }
}
