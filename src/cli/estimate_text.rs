//! An estimate as text for people and as JSON for programs.

use crate::architecture::Knowledge;
use crate::estimate::{Component, Estimate, Fit, Subject};
use crate::explained::{Exactness, Interval};
use crate::plan::check::Diagnostic;
use crate::units::{ByteUnit, Bytes, grouped, percent};
use serde_json::{Value as Json, json};

/// What the text begins with.
pub struct Heading {
    /// Name of the plan.
    pub name: String,
    /// One line each: model, method, batch, hardware, ….
    pub lines: Vec<(&'static str, String)>,
}

/// The estimate as one JSON object: integers are bytes or counts.
pub fn to_json(estimate: &Estimate, diagnostics: &[Diagnostic]) -> Json {
    let components: Vec<Json> = Component::ALL
        .into_iter()
        .map(|component| {
            json!({
                "name": component.id(),
                "bytes": estimate.at_peak.get(component).0,
                "exact": is_exact(estimate, component),
            })
        })
        .collect();
    let phases: Vec<Json> =
        estimate.phases.iter().map(|phase| json!({ "name": phase.kind.id(), "bytes": phase.total().0 })).collect();
    let remarks: Vec<Json> = diagnostics
        .iter()
        .map(|diagnostic| {
            json!({
                "severity": diagnostic.severity.word(),
                "field": diagnostic.field,
                "message": diagnostic.message,
            })
        })
        .collect();
    json!({
        "peak_bytes": {
            "tensors": interval(estimate.tensors),
            "reserved": interval(estimate.reserved),
            "process": interval(estimate.process),
        },
        "calibration": estimate.calibration.map(|found| {
            json!({
                "factor": found.factor,
                "metric": found.metric.id(),
                "measurements": found.peaks,
                "applied": found.applied,
                "process": interval(found.process),
            })
        }),
        "peak_phase": estimate.peak_phase().map(|phase| phase.kind.id()),
        "phases": phases,
        "components": components,
        "parameters": {
            "total": estimate.parameters.total,
            "trainable": estimate.parameters.trainable,
        },
        "host_bytes": estimate.host.0,
        "capacity_bytes": estimate.capacity.map(|bytes| bytes.0),
        "fits": (estimate.fit != Fit::NoDevice).then_some(estimate.fit == Fit::Fits),
        "verdict": estimate.fit.id(),
        "not_known": estimate.gaps,
        "textbook_bytes": estimate.textbook.0,
        "ranks": super::devices_text::ranks_json(estimate),
        "diagnostics": remarks,
    })
}

/// The estimate as a page of text.
pub fn to_text(heading: &Heading, estimate: &Estimate, diagnostics: &[Diagnostic], unit: ByteUnit) -> String {
    let mut text = String::new();
    let mut line = |row: String| {
        text.push_str(row.trim_end());
        text.push('\n');
    };
    line(heading.name.clone());
    for (label, value) in &heading.lines {
        line(format!("  {label:<12} {value}"));
    }
    line(format!(
        "  {:<12} {} in total, {} trainable ({})",
        "Parameters",
        grouped(estimate.parameters.total),
        grouped(estimate.parameters.trainable),
        percent(estimate.parameters.trainable as f64 / estimate.parameters.total.max(1) as f64),
    ));
    line(String::new());
    line(format!("{}: {}.", estimate.fit.word(), estimate.verdict_figures(unit)));
    line(estimate.verdict_reason(unit));
    line(String::new());

    line(format!("{:<28} {:>10}", "Answer", unit.symbol()));
    for (label, band) in [
        ("Tensors", estimate.tensors),
        ("Reserved by the allocator", estimate.reserved),
        ("Whole process", estimate.process),
    ] {
        line(format!("{label:<28} {:>10}   {}", band.expected.number(unit), band_words(band, unit)));
    }
    if estimate.host > Bytes::ZERO {
        let what = "   in host memory beside each device: optimizer state and what waits there";
        line(format!("{:<28} {:>10}{what}", "Host memory", estimate.host.number(unit)));
    }
    if let Some(found) = &estimate.calibration {
        let (band, state) = (found.process, if found.applied { "applied" } else { "not applied" });
        let how = format!("× {:.3} by {} measured, {state}; {}", found.factor, found.peaks, band_words(band, unit));
        line(format!("{:<28} {:>10}   {how}", "Calibrated", band.expected.number(unit)));
    }
    line(String::new());

    line(format!("{:<28} {:>10}", "Phase (tensors)", unit.symbol()));
    for (i, phase) in estimate.phases.iter().enumerate() {
        let mark = if i == estimate.peak { format!("   peak, {}", phase.place) } else { String::new() };
        line(format!("{:<28} {:>10}{mark}", phase.kind.label(), phase.total().number(unit)));
    }
    line(String::new());

    line(format!("{:<28} {:>10} {:>7}", "Component at the peak", unit.symbol(), "share"));
    let sum = estimate.at_peak.total();
    for component in Component::ALL {
        let bytes = estimate.at_peak.get(component);
        if bytes == Bytes::ZERO {
            continue;
        }
        let share = bytes.0 as f64 / sum.0.max(1) as f64;
        let mark = if is_exact(estimate, component) { "" } else { "   approximate" };
        line(format!("{:<28} {:>10} {:>7}{mark}", component.label(), bytes.number(unit), percent(share)));
    }
    line(format!("{:<28} {:>10}", "Sum", sum.number(unit)));
    line(format!("{:<28} {:>10}   what the rule of thumb says", "Textbook rule", estimate.textbook.number(unit)));

    if let Some(devices) = &estimate.devices {
        line(String::new());
        super::devices_text::lines(devices, unit).into_iter().for_each(&mut line);
    }

    if !diagnostics.is_empty() {
        line(String::new());
        for diagnostic in diagnostics {
            let fix = diagnostic.fix.as_ref().map(|(label, _)| format!(" Fix: {label}.")).unwrap_or_default();
            line(format!("{}: {}{fix}", diagnostic.severity.word(), diagnostic.message));
        }
    }
    text
}

fn is_exact(estimate: &Estimate, component: Component) -> bool {
    // Of a model that was not wholly read nothing is, not even that there is none.
    estimate.knowledge == Knowledge::Whole
        && estimate
            .derivations
            .iter()
            .find(|derivation| derivation.subject == Subject::Component(component))
            // Without a derivation there is nothing of it at the peak: zero is exact.
            .is_none_or(|derivation| derivation.explained.exactness() == Exactness::Exact)
}

fn interval(band: Interval) -> Json {
    json!({ "low": band.low.0, "expected": band.expected.0, "high": band.high.0 })
}

fn band_words(band: Interval, unit: ByteUnit) -> String {
    if band.low == band.high {
        "exact for this stack".to_owned()
    } else {
        format!("{} to {}", band.low.number(unit), band.high.number(unit))
    }
}
