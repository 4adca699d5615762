//! Predicted against measured: reads rows of measurements, estimates each and says how far off it was.
//!
//! Three layouts are read, told apart by their header and independent of the order of columns: peaks traced from model
//! code (`peak_bytes`, module `truth`), the same for jobs of every kind (`kind` and `lib` too, module `kinds`) and published measurements (`peak_gib` and `metric`, module `published`). A row that
//! cannot be predicted is skipped with the reason; it never stops the others.

use crate::catalog::Catalog;
use crate::estimate::kind::Kind;
use crate::estimate::profile::{Profiles, RuntimeProfile};
use crate::estimate::{Detail, Estimate, Inputs, Phase, PhaseKind, estimate};
use crate::explained::Interval;
use crate::plan::Plan;
use crate::units::Bytes;
use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeMap;

pub mod accuracy;
mod evidence;
mod kinds;
mod neighbours;
mod parallel;
mod peers;
mod published;
mod rates;
mod shape;
mod stack;
mod table;
mod truth;
mod words;

pub use crate::plan::Metric;
pub use accuracy::{Accuracy, Figure};
pub use evidence::{Class, Evidence, Measured, PROFILED_SOURCES};
pub use neighbours::{Neighbour, RESEMBLES, differences, nearest};
pub use peers::{Peer, PeerAccuracy};
pub use rates::{RateResult, Throughput};
pub use table::{MAX_ROWS, ReadError};

impl Metric {
    /// The answer that this metric measures, summed over all devices of the plan.
    pub fn over_all(self, estimate: &Estimate) -> Interval {
        let Some(devices) = &estimate.devices else { return self.of(estimate) };
        devices.groups.iter().fold(Interval::default(), |sum, group| {
            let one = match self {
                Self::Tensors => group.tensors,
                Self::Reserved => group.reserved,
                Self::Process => group.process,
            };
            let times = |bytes: Bytes| Bytes(bytes.0.saturating_mul(group.ranks));
            Interval {
                low: sum.low + times(one.low),
                expected: sum.expected + times(one.expected),
                high: sum.high + times(one.high),
            }
        })
    }
}

/// A measured row turned into a plan.
#[derive(Clone, Debug)]
pub struct Case {
    /// Id of the row.
    pub id: String,
    /// Line of the file it starts on, from 1.
    pub line: u64,
    /// Set of measurements it belongs to: `fms-acceleration`, `truth`, ….
    pub source: String,
    /// Model as the row names it.
    pub model: String,
    /// What was run.
    pub plan: Plan,
    /// The stack it ran on, with what the row says differently.
    pub profile: RuntimeProfile,
    /// A job that runs no steps; `None`: the plan's stage.
    pub kind: Option<&'static Kind>,
    /// Phase that was measured alone; `None`: the peak of the whole.
    pub moment: Option<PhaseKind>,
    /// What was measured.
    pub metric: Metric,
    /// The figure is the sum over all devices rather than that of one.
    pub over_all: bool,
    /// The figure was taken while tokens were generated: the prompt's working set is not in it.
    pub after_prompt: bool,
    /// Measured peak of one device, or of all.
    pub measured: Bytes,
    /// Phase the peak was measured in, where the row says so.
    pub measured_phase: Option<PhaseKind>,
    /// The row states everything the prediction rests on.
    pub complete: bool,
    /// What was assumed because the row does not say it.
    pub assumptions: Vec<String>,
}

/// A row that was not predicted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// Id of the row; `line N` where it has none.
    pub id: String,
    /// Why, with the line.
    pub why: String,
}

/// One prediction beside its measurement. Bytes of one device.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RowResult {
    /// Id of the row.
    pub id: String,
    /// Measured peak.
    pub measured_bytes: u64,
    /// Predicted peak.
    pub predicted_bytes: u64,
    /// Lower end of the predicted band.
    pub low_bytes: u64,
    /// Upper end of the predicted band.
    pub high_bytes: u64,
    /// predicted / measured − 1.
    pub error: f64,
    /// Model as the row names it.
    pub model: String,
    /// Set of measurements.
    pub source: String,
    /// Runtime profile used.
    pub profile: String,
    /// How several devices shared the work; `one device` where there was one.
    pub sharing: String,
    /// Answer compared.
    pub metric: Metric,
    /// The row states everything the prediction rests on.
    pub complete: bool,
    /// Phase of the measured peak, where known.
    pub measured_phase: Option<&'static str>,
    /// Phase of the predicted peak.
    pub predicted_phase: &'static str,
    /// What was assumed because the row does not say it.
    pub assumptions: Vec<String>,
}

/// How often the phase of the peak was named rightly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PhaseAgreement {
    /// Rows that say their phase.
    pub rows: usize,
    /// Of them named rightly.
    pub agreeing: usize,
}

/// Predicted against measured for a file of rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Rows in the file.
    pub rows: usize,
    /// Rows predicted.
    pub predicted: usize,
    /// Rows left out, each with the reason.
    pub skipped: Vec<Skipped>,
    /// Over all predicted rows.
    pub overall: Accuracy,
    /// Over the rows that state everything the prediction rests on.
    pub complete: Accuracy,
    /// By runtime profile.
    pub by_profile: BTreeMap<String, Accuracy>,
    /// By set of measurements.
    pub by_source: BTreeMap<String, Accuracy>,
    /// By how devices shared the work.
    pub by_sharing: BTreeMap<String, Accuracy>,
    /// Public formulas on the training rows of one device.
    pub peers: Vec<PeerAccuracy>,
    /// Agreement on the phase of the peak; `None` where no row says it.
    pub phase_agreement: Option<PhaseAgreement>,
    /// Predicted against measured pace; `None` where no row says it.
    pub throughput: Option<Throughput>,
    /// Every prediction, in the order of the file.
    pub per_row: Vec<RowResult>,
}

/// Rows of a file: those that could be turned into plans, and the rest with the reason.
#[derive(Clone, Debug, Default)]
pub struct Cases {
    /// Rows in the file.
    pub rows: usize,
    /// Turned into plans.
    pub cases: Vec<Case>,
    /// Not so.
    pub skipped: Vec<Skipped>,
}

/// Reads `csv_text` into cases. `Err`: the text as a whole is not one of the two layouts.
pub fn read_cases(csv_text: &str, catalog: &Catalog, profiles: &Profiles) -> Result<Cases, ReadError> {
    let table = table::Table::read(csv_text)?;
    let mut cases = Cases { rows: table.rows.len() + table.broken.len(), ..Cases::default() };
    for (line, why) in &table.broken {
        cases.skipped.push(Skipped { id: format!("line {line}"), why: format!("line {line}: {why}") });
    }
    for row in &table.rows {
        let case = match table.layout {
            table::Layout::Truth => truth::case(row, catalog, profiles),
            table::Layout::Kinds => kinds::case(row, catalog, profiles),
            table::Layout::Published => published::case(row, catalog, profiles),
        };
        match case {
            Ok(case) => cases.cases.push(case),
            Err(why) => {
                cases.skipped.push(Skipped { id: row.id(), why: format!("line {}: {why}", row.line) });
            }
        }
    }
    Ok(cases)
}

/// Reads `csv_text`, predicts every row it can and compares.
///
/// `Err` only where the text as a whole is not one of the two layouts; rows that cannot be used are in
/// [`Report::skipped`].
pub fn validate(csv_text: &str, catalog: &Catalog, profiles: &Profiles) -> Result<Report, ReadError> {
    let cases = read_cases(csv_text, catalog, profiles)?;
    let mut skipped = cases.skipped;
    let mut predicted = Vec::with_capacity(cases.cases.len());
    for case in &cases.cases {
        match predict(case, catalog) {
            Ok(estimate) => predicted.push((case, estimate)),
            Err(why) => skipped.push(Skipped { id: case.id.clone(), why: format!("line {}: {why}", case.line) }),
        }
    }
    let throughput = rates::of_text(csv_text, catalog, profiles)?;
    let per_row = predicted.iter().map(|(case, estimate)| result(case, estimate)).collect();
    let borrowed: Vec<(&Case, &Estimate)> = predicted.iter().map(|(case, estimate)| (*case, estimate)).collect();
    let peers = peers::compare(&borrowed, catalog);
    Ok(Report { peers, throughput, ..report(cases.rows, skipped, per_row) })
}

/// The estimate for a case; `Err`: why it cannot be made.
pub fn predict(case: &Case, catalog: &Catalog) -> Result<Estimate, String> {
    let known = Profiles { entries: vec![case.profile.clone()] };
    let inputs = Inputs::resolve(&case.plan, catalog, &known).map_err(|errors| {
        errors.first().map_or_else(|| "the plan cannot be resolved".to_owned(), |error| error.message.clone())
    })?;
    let inputs =
        Inputs { profile: &case.profile, architecture: Cow::Borrowed(inputs.architecture.as_ref()), ..inputs.clone() };
    let inputs = Inputs { kind: case.kind.unwrap_or(inputs.kind), ..inputs };
    Ok(estimate(&inputs, Detail::Numbers))
}

fn result(case: &Case, estimate: &Estimate) -> RowResult {
    let mut predicted = if case.over_all { case.metric.over_all(estimate) } else { case.metric.of(estimate) };
    let peak = estimate.phases.get(estimate.peak);
    let mut phase = peak.map_or(PhaseKind::Load, |phase| phase.kind);
    if let Some(alone) = estimate.phases.iter().find(|phase| Some(phase.kind) == case.moment) {
        let whole = peak.map_or(Bytes::ZERO, Phase::total);
        let less = whole.saturating_sub(alone.total());
        predicted = Interval {
            low: predicted.low.saturating_sub(less),
            expected: predicted.expected.saturating_sub(less),
            high: predicted.high.saturating_sub(less),
        };
        phase = alone.kind;
    }
    let decode = estimate.phases.iter().find(|phase| phase.kind == PhaseKind::Decode);
    if let (true, Some(peak), Some(decode)) = (case.after_prompt, peak, decode) {
        let less = peak.total().saturating_sub(decode.total());
        predicted = Interval {
            low: predicted.low.saturating_sub(less),
            expected: predicted.expected.saturating_sub(less),
            high: predicted.high.saturating_sub(less),
        };
        phase = PhaseKind::Decode;
    }
    RowResult {
        id: case.id.clone(),
        measured_bytes: case.measured.0,
        predicted_bytes: predicted.expected.0,
        low_bytes: predicted.low.0,
        high_bytes: predicted.high.0,
        error: predicted.expected.0 as f64 / case.measured.0.max(1) as f64 - 1.0,
        model: case.model.clone(),
        source: case.source.clone(),
        profile: case.profile.id.clone(),
        sharing: parallel::sharing(&case.plan),
        metric: case.metric,
        complete: case.complete,
        measured_phase: case.measured_phase.map(PhaseKind::id),
        predicted_phase: phase.id(),
        assumptions: case.assumptions.clone(),
    }
}

fn report(rows: usize, skipped: Vec<Skipped>, per_row: Vec<RowResult>) -> Report {
    let mut profiles: BTreeMap<String, Vec<&RowResult>> = BTreeMap::new();
    let mut sources: BTreeMap<String, Vec<&RowResult>> = BTreeMap::new();
    let mut sharings: BTreeMap<String, Vec<&RowResult>> = BTreeMap::new();
    for row in &per_row {
        profiles.entry(row.profile.clone()).or_default().push(row);
        sources.entry(row.source.clone()).or_default().push(row);
        sharings.entry(row.sharing.clone()).or_default().push(row);
    }
    let grouped = |groups: BTreeMap<String, Vec<&RowResult>>| {
        groups.into_iter().map(|(id, rows)| (id, Accuracy::of(rows.into_iter()))).collect()
    };
    let phases = per_row.iter().filter(|row| row.measured_phase.is_some()).count();
    let agreeing = per_row.iter().filter(|row| row.measured_phase == Some(row.predicted_phase)).count();
    Report {
        rows,
        predicted: per_row.len(),
        overall: Accuracy::of(per_row.iter()),
        complete: Accuracy::of(per_row.iter().filter(|row| row.complete)),
        by_profile: grouped(profiles),
        by_source: grouped(sources),
        by_sharing: grouped(sharings),
        peers: Vec::new(),
        throughput: None,
        phase_agreement: (phases > 0).then_some(PhaseAgreement { rows: phases, agreeing }),
        skipped,
        per_row,
    }
}
