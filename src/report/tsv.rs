//! Components and phases as tab-separated text, for a spreadsheet.

use super::Charts;
use crate::estimate::Component;
use std::fmt::Write as _;

/// Both tables with their heads; bytes as integers beside the figures on screen.
pub fn tables(charts: &Charts) -> String {
    let estimate = &charts.estimate;
    let unit = charts.unit.symbol();
    let mut out = format!("{}\t{}\n", cell(&charts.title), cell(&charts.model));
    if !charts.author.is_empty() {
        let _ = writeln!(out, "by\t{}", cell(&charts.author));
    }
    let _ = writeln!(out, "\nAt the peak, whole process\tbytes\t{unit}\tshare");
    let total = estimate.at_peak.total();
    for component in Component::ALL {
        let bytes = estimate.at_peak.get(component);
        if bytes.0 > 0 {
            let share = bytes.0 as f64 / total.0.max(1) as f64;
            let _ = writeln!(out, "{}\t{}\t{}\t{share:.4}", component.label(), bytes.0, bytes.number(charts.unit));
        }
    }
    let _ = writeln!(out, "Sum\t{}\t{}\t1", total.0, total.number(charts.unit));
    if let Some(capacity) = estimate.capacity {
        let _ = writeln!(out, "Capacity\t{}\t{}\t", capacity.0, capacity.number(charts.unit));
    }
    let _ = writeln!(out, "\nPhase, tensors\tbytes\t{unit}\t");
    for (i, phase) in estimate.phases.iter().enumerate() {
        let total = phase.total();
        let peak = if i == estimate.peak { "peak" } else { "" };
        let _ = writeln!(out, "{}\t{}\t{}\t{peak}", phase.kind.label(), total.0, total.number(charts.unit));
    }
    let _ = writeln!(out, "\nAnswer\tlow, bytes\texpected, bytes\thigh, bytes");
    for (name, band) in
        [("Tensors", estimate.tensors), ("Reserved", estimate.reserved), ("Whole process", estimate.process)]
    {
        let _ = writeln!(out, "{name}\t{}\t{}\t{}", band.low.0, band.expected.0, band.high.0);
    }
    if estimate.host.0 > 0 {
        let _ = writeln!(out, "Host memory\t\t{}\t", estimate.host.0);
    }
    out
}

/// A text that cannot break the table.
fn cell(text: &str) -> String {
    text.replace(['\t', '\n', '\r'], " ")
}
