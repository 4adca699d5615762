//! `tuneplan validate`: predicted against measured.

use super::{Outcome, ValidateArgs};
use crate::catalog::Catalog;
use crate::estimate::profile::Profiles;
use crate::files;
use crate::units::{Bytes, percent};
use crate::validation::{self, Accuracy, Report};
use anyhow::{Context as _, Result};
use std::io::Write;

/// Rows listed in the text; the JSON has them all.
const WORST_SHOWN: usize = 10;
/// Largest file of rows that is read.
const MAX_BYTES: u64 = 16 << 20;

pub fn run(args: &ValidateArgs, out: &mut dyn Write) -> Result<Outcome> {
    let text = files::read_text(&args.rows, MAX_BYTES)?;
    let report = validation::validate(&text, Catalog::embedded(), Profiles::known())
        .with_context(|| args.rows.display().to_string())?;
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &report)?;
        writeln!(out)?;
    } else {
        write!(out, "{}", to_text(&report))?;
    }
    Ok(Outcome::Done)
}

fn to_text(report: &Report) -> String {
    let mut lines =
        vec![format!("{} rows, {} predicted, {} skipped", report.rows, report.predicted, report.skipped.len())];
    if let Some(phases) = report.phase_agreement {
        lines.push(format!("phase of the peak named rightly: {} of {}", phases.agreeing, phases.rows));
    }
    lines.push(String::new());
    lines.push(format!(
        "{:<34} {:>5} {:>9} {:>9} {:>9} {:>9} {:>9}",
        "profile", "rows", "median", "95th", "bias", "in band", "width"
    ));
    for (profile, accuracy) in &report.by_profile {
        lines.push(row(profile, accuracy));
    }
    if report.by_sharing.len() > 1 {
        for (sharing, accuracy) in &report.by_sharing {
            lines.push(row(sharing, accuracy));
        }
    }
    lines.push(row("complete rows", &report.complete));
    lines.push(row("all", &report.overall));
    if let Some(pace) = &report.throughput {
        lines.push(String::new());
        lines.push(format!(
            "throughput: {} rows, {} predicted, {} skipped",
            pace.rows,
            pace.predicted,
            pace.skipped.len()
        ));
        for (source, accuracy) in &pace.by_source {
            lines.push(row(source, accuracy));
        }
        lines.push(row("training", &pace.training));
        lines.push(row("inference", &pace.inference));
    }
    if !report.peers.is_empty() {
        lines.push(String::new());
        lines.push(
            "public formulas on the training rows of one device (below each: Tuneplan on the same rows)".to_owned(),
        );
        for found in &report.peers {
            lines.push(row(found.peer.label(), &found.accuracy));
            lines.push(row("  Tuneplan", &found.ours));
        }
    }
    let mut worst: Vec<_> = report.per_row.iter().collect();
    worst.sort_by(|a, b| b.error.abs().total_cmp(&a.error.abs()));
    lines.push(String::new());
    lines.push("furthest off".to_owned());
    for row in worst.into_iter().take(WORST_SHOWN) {
        lines.push(format!(
            "  {:<16} measured {:>12}  predicted {:>12}  {:>9}  {}",
            row.id,
            Bytes(row.measured_bytes).to_string(),
            Bytes(row.predicted_bytes).to_string(),
            percent(row.error),
            row.model,
        ));
    }
    lines.join("\n") + "\n"
}

fn row(name: &str, accuracy: &Accuracy) -> String {
    format!(
        "{name:<34} {:>5} {:>9} {:>9} {:>9} {:>9} {:>9}",
        accuracy.rows,
        figure(accuracy.median_abs_error),
        figure(accuracy.p95_abs_error),
        figure(accuracy.bias),
        figure(accuracy.within_interval),
        figure(accuracy.median_interval_width),
    )
}

fn figure(share: Option<f64>) -> String {
    share.map_or_else(|| "–".to_owned(), percent)
}
