//! `tuneplan import`: a configuration of a training engine as a plan.

use super::output::Output;
use super::{ImportArgs, Outcome};
use crate::estimate::Fit;
use crate::figures;
use crate::files;
use crate::handover::account;
use crate::handover::planned::{Planned, planned};
use crate::import::{self, Imported};
use crate::plan::file;
use crate::units::{ByteUnit, Bytes};
use anyhow::{Context as _, Result};
use clap::ArgMatches;
use serde_json::{Value as Json, json};
use std::io::Write;

pub fn run(args: &ImportArgs, matches: Option<&ArgMatches>, out: &mut dyn Write) -> Result<Outcome> {
    let output = args.output.as_deref().map(|path| Output::of(path, args.force, matches)).transpose()?;
    let shown = args.file.display().to_string();
    let text = files::read_text(&args.file, import::MAX_BYTES as u64)?;
    let imported = import::read(&text, &shown).with_context(|| shown.clone())?;
    let name = args.file.file_stem().map_or_else(|| shown.clone(), |stem| stem.to_string_lossy().into_owned());
    let made = planned(&imported, &name);
    let plan_text = file::write(&made.plan, &[]);
    if let Some(output) = &output {
        output.write(plan_text.as_bytes())?;
    }
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &to_json(&imported, &made, &plan_text))?;
        writeln!(out)?;
    } else {
        write!(out, "{}", to_text(&imported, &made))?;
        if let Some(output) = &output {
            writeln!(out, "wrote {output}")?;
        }
    }
    Ok(Outcome::Done)
}

fn to_json(imported: &Imported, made: &Planned, plan_text: &str) -> Json {
    json!({
        "engine": imported.engine,
        "version": imported.version,
        "plan": plan_text,
        "fields": imported.fields,
        "defaults": imported.standards,
        "assumed": made.assumed,
        "keys": imported.keys,
        "remarks": imported.remarks,
        "memory": verdict(made),
    })
}

/// What the plan needs, or what is missing for an answer.
fn verdict(made: &Planned) -> Json {
    match needed(made) {
        Ok((bytes, fit)) => json!({ "process_bytes": bytes.0, "verdict": fit.in_sentence(), "device": device(made) }),
        Err(missing) => json!({ "missing": missing }),
    }
}

/// The expected peak of one device and what it means for the device that was assumed.
fn needed(made: &Planned) -> Result<(Bytes, Fit), Vec<String>> {
    if let Some(why) = made.no_job {
        return Err(vec![why.to_owned()]);
    }
    figures::numbers(&made.plan).ok_or_else(|| missing(made))
}

/// The device that the verdict is about; no configuration names one.
fn device(made: &Planned) -> String {
    format!("{} (assumed)", made.plan.hardware.accelerator)
}

/// Why no figure can be given.
fn missing(made: &Planned) -> Vec<String> {
    let (_, diagnostics, _) = figures::of_plan(&made.plan);
    diagnostics.iter().map(|found| found.message.clone()).collect()
}

fn to_text(imported: &Imported, made: &Planned) -> String {
    let mut lines = vec![account::summary(imported)];
    let mut section = |title: &str, of_title: &[String]| {
        lines.extend([String::new(), title.to_owned()]);
        lines.extend(of_title.iter().map(|line| format!("  {line}")));
    };
    for found in account::sections(imported, made) {
        section(found.title, &found.lines);
    }
    match needed(made) {
        Ok((bytes, fit)) => {
            let needs = format!("{} on {}: {}", bytes.display(ByteUnit::GiB), device(made), fit.in_sentence());
            section("The plan needs", &[needs]);
        }
        Err(missing) => section("No figure", &missing),
    }
    lines.join("\n") + "\n"
}
