//! `tuneplan data check`.

use super::{CheckArgs, Outcome, SCHEMA, printable};
use crate::data::check::{Options, Report, Shape, check};
use crate::data::checks::Severity;
use crate::data::findings::{Finding, Place, worst};
use crate::data::folder::data_files;
use crate::data::records::Layout;
use crate::units::grouped;
use anyhow::Result;
use serde_json::{Value as Json, json};
use std::fmt::Write as _;
use std::io::Write;

/// Places that text shows of a finding; JSON has more.
const SHOWN: usize = 3;

pub fn run(args: &CheckArgs, out: &mut dyn Write) -> Result<Outcome> {
    let (mut reports, mut is_unusable) = (Vec::new(), false);
    let mut severest = None;
    let mut write = |report: &Report, out: &mut dyn Write| -> Result<()> {
        is_unusable |= report.is_unusable;
        severest = severest.max(worst(&report.findings));
        if args.json {
            reports.push(to_json(report));
        } else {
            write!(out, "{}", to_text(report))?;
        }
        Ok(())
    };
    for path in &args.files {
        for file in data_files(path)? {
            write(&check(&file, Options::default()), out)?;
        }
    }
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &json!({ "schema": SCHEMA, "files": reports }))?;
        writeln!(out)?;
    }
    Ok(match severest {
        _ if is_unusable => Outcome::BadInput,
        Some(severity) if severity >= args.fail_on.severity() => Outcome::CheckFailed,
        _ => Outcome::Done,
    })
}

fn to_json(report: &Report) -> Json {
    json!({
        "path": report.path.display().to_string(),
        "format": report.shape.map(Shape::id),
        "layout": report.layout.map(Layout::id),
        "compression": report.packing.id(),
        "rows": report.rows,
        "unreadable_rows": report.unreadable,
        "is_unusable": report.is_unusable,
        "findings": report.findings.iter().map(finding_json).collect::<Vec<_>>(),
    })
}

fn finding_json(finding: &Finding) -> Json {
    let place = |place: &Place| json!({ "line": place.line, "byte": place.byte, "path": place.path });
    json!({
        "id": finding.check.id,
        "severity": finding.check.severity.id(),
        "count": finding.count,
        "places": finding.places.iter().map(place).collect::<Vec<_>>(),
        "message": finding.message(),
        "fix": finding.check.fix,
    })
}

fn to_text(report: &Report) -> String {
    let mut text = printable(&report.path.display().to_string());
    if let Some(layout) = report.layout {
        let _ = write!(text, ": {}", layout.id());
    }
    if let Some(shape) = report.shape {
        let _ = write!(text, ", {}", shape.id());
    }
    let _ = write!(text, ", {} rows", grouped(report.rows));
    if report.unreadable > 0 {
        let _ = write!(text, ", {} more that cannot be read", grouped(report.unreadable));
    }
    text.push('\n');
    for finding in &report.findings {
        text += &finding_text(finding);
    }
    let count = |severity: Severity| report.findings.iter().filter(|found| found.check.severity == severity).count();
    let counts = [Severity::Error, Severity::Warning, Severity::Note].map(count);
    text + &match counts {
        [0, 0, 0] => "  nothing found\n".to_owned(),
        [errors, warnings, notes] => format!("  {errors} errors, {warnings} warnings, {notes} notes\n"),
    }
}

fn finding_text(finding: &Finding) -> String {
    let check = finding.check;
    let mut text = format!("  {:<8} {}  {} ×\n", check.severity.id(), check.id, grouped(finding.count));
    let detail = if finding.detail.is_empty() { String::new() } else { format!(": {}", printable(&finding.detail)) };
    let _ = writeln!(text, "           {}{detail}", check.what);
    let places: Vec<String> = finding.places.iter().take(SHOWN).map(place_text).collect();
    if !places.is_empty() {
        let more = if finding.count > places.len() as u64 { "; …" } else { "" };
        let _ = writeln!(text, "           {}{more}", places.join("; "));
    }
    text + &format!("           Why: {} ({})\n           Fix: {}\n", check.why, check.source, check.fix)
}

fn place_text(place: &Place) -> String {
    let path = if place.path.is_empty() { String::new() } else { format!(", {}", printable(&place.path)) };
    format!("line {}, byte {}{path}", grouped(place.line), grouped(place.byte))
}
