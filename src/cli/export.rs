//! `tuneplan export`: a plan as the files an engine runs.

use super::output::Output;
use super::{Outcome, load};
use crate::catalog::Catalog;
use crate::estimate::profile::Profiles;
use crate::estimate::{Detail, Inputs, estimate};
use crate::export::{self, File, Group, Table};
use crate::files;
use crate::handover::export::{Exported, Needs, engine, exported};
use crate::plan::field::field;
use crate::plan::{Plan, Workload};
use anyhow::{Context as _, Result};
use clap::{ArgMatches, Args};
use serde_json::{Value as Json, json};
use std::io::Write;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// Plan file; without it the default plan.
    plan: Option<PathBuf>,
    /// Engine, with its release where it is not the newest: axolotl, axolotl@0.19.
    #[arg(long, value_name = "ENGINE[@VERSION]", required_unless_present = "list")]
    to: Option<String>,
    /// Training engine that SkyPilot, Slurm, Kubeflow or Ray runs.
    #[arg(long, value_name = "ENGINE[@VERSION]", default_value = "trl")]
    with: String,
    /// Folder to write the files into; without it they are printed.
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// List engines, releases, kinds and methods.
    #[arg(long)]
    list: bool,
    /// One JSON object.
    #[arg(long)]
    json: bool,
    /// Replace files that exist.
    #[arg(long)]
    force: bool,
}

pub fn run(
    args: &ExportArgs,
    matches: Option<&ArgMatches>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<Outcome> {
    if args.list {
        list(args.json, out)?;
        return Ok(Outcome::Done);
    }
    let plan = load::plan(args.plan.as_deref(), matches, err)?;
    let version = engine(args.to.as_deref().unwrap_or_default())?;
    let with = if version.table.group == Group::Machines { Some(engine(&args.with)?) } else { None };
    let needs = needs(&plan);
    let mut made = Vec::new();
    for (at, stage) in plan.stages.iter().enumerate() {
        let mut one = exported(&plan, *stage, version, with, needs)?;
        // A chain of stages is a folder each: the second starts from what the first left.
        if plan.stages.len() > 1 && version.table.group != Group::Serving {
            in_folder(&mut one, &format!("stage-{}", at + 1));
            if at > 0 {
                one.notes.push(format!(
                    "stage {} starts from what stage {at} left: put its merged weights where the base model stands",
                    at + 1
                ));
            }
        }
        made.push(one);
        if version.table.group == Group::Serving || plan.workload == Workload::Inference {
            break;
        }
    }
    let files: Vec<&File> = made.iter().flat_map(|one| &one.files).collect();
    if let Some(folder) = args.output.as_deref() {
        write_all(folder, &files, args.force, matches)?;
    }
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &to_json(&plan, &made))?;
        writeln!(out)?;
    } else {
        for one in &made {
            write!(out, "{}", to_text(one, args.output.is_none()))?;
        }
        if let Some(folder) = &args.output {
            let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
            writeln!(out, "wrote {} into {}", names.join(", "), folder.display())?;
        }
    }
    Ok(Outcome::Done)
}

/// Puts the files of a stage into a folder of their own, where its commands run.
fn in_folder(made: &mut Exported, folder: &str) {
    for name in made.files.iter_mut().map(|file| &mut file.name).chain(made.said.iter_mut().map(|said| &mut said.file))
    {
        if !name.is_empty() {
            *name = format!("{folder}/{name}");
        }
    }
    made.commands.insert(0, format!("cd {folder}"));
}

/// Writes every file, or none where one cannot be.
fn write_all(folder: &Path, files: &[&File], force: bool, matches: Option<&ArgMatches>) -> Result<()> {
    let paths: Vec<PathBuf> = files.iter().map(|file| folder.join(&file.name)).collect();
    for place in paths.iter().filter_map(|path| path.parent()) {
        files::make_folders(place).with_context(|| place.display().to_string())?;
    }
    let outputs = paths.iter().map(|path| Output::of(path, force, matches)).collect::<Result<Vec<_>>>()?;
    for (output, file) in outputs.iter().zip(files) {
        output.write(file.text.as_bytes())?;
    }
    Ok(())
}

/// What the estimate says of memory, and the disk that weights, result and checkpoints take.
fn needs(plan: &Plan) -> Needs {
    /// Bytes of a trained value in a checkpoint: FP32 weight and two moments.
    const CHECKPOINTED: u64 = 12;
    /// Checkpoints that are kept where the plan does not say how many are written.
    const KEPT: u64 = 3;
    let Ok(inputs) = Inputs::resolve(plan, Catalog::embedded(), Profiles::known()) else { return Needs::default() };
    let estimate = estimate(&inputs, Detail::Numbers);
    // The base as it is published, and as it is held in host memory while it is loaded.
    let base = estimate.model.total.saturating_mul(2);
    let host = estimate.devices.as_ref().map_or(base, |devices| devices.host_total().0.max(base));
    let kept = plan.run.checkpoints.unwrap_or(KEPT);
    let written = estimate.parameters.trainable.saturating_mul(CHECKPOINTED).saturating_mul(kept);
    Needs { host_bytes: Some(host), disk_bytes: Some(base.saturating_mul(2).saturating_add(written)) }
}

fn list(as_json: bool, out: &mut dyn Write) -> Result<()> {
    if as_json {
        let all: Vec<Json> = export::all().iter().map(table_json).collect();
        serde_json::to_writer_pretty(&mut *out, &json!({ "engines": all }))?;
        writeln!(out)?;
        return Ok(());
    }
    for table in export::all() {
        writeln!(out, "{:<16} {} {} ({})", table.id, table.title, table.versions.join(", "), table.group.id())?;
        if table.group == Group::Training {
            writeln!(out, "{:<16}   kinds: {}", "", table.kinds.join(", "))?;
            writeln!(out, "{:<16}   methods: {}", "", table.methods.join(", "))?;
        }
    }
    Ok(())
}

fn table_json(table: &Table) -> Json {
    json!({
        "id": table.id,
        "title": table.title,
        "versions": table.versions,
        "group": table.group.id(),
        "kinds": table.kinds,
        "methods": table.methods,
        "source": table.source,
    })
}

fn to_json(plan: &Plan, made: &[Exported]) -> Json {
    json!({ "plan": plan.name, "stages": made })
}

fn to_text(made: &Exported, prints: bool) -> String {
    let mut lines = Vec::new();
    if prints {
        for file in &made.files {
            lines.push(format!("=== {}", file.name));
            lines.push(file.text.trim_end().to_owned());
            lines.push(String::new());
        }
    }
    let label = |fact: &str| field(fact).map_or_else(|| fact.to_owned(), |field| field.label.to_owned());
    let mut section = |title: &str, found: Vec<String>| {
        if !found.is_empty() {
            lines.push(title.to_owned());
            lines.extend(found.into_iter().map(|line| format!("  {line}")));
        }
    };
    let said = made.said.iter().filter(|said| !said.key.is_empty()).count();
    section("Written", vec![format!("{} {}: {said} keys say settings of the plan", made.engine, made.version)]);
    let cannot = made.cannot_say.iter();
    section("Not said", cannot.map(|no| format!("{} = {}: {}", label(&no.fact), no.value, no.why)).collect());
    let assumed = made.assumed.iter();
    section("Assumed", assumed.map(|found| format!("{} = {}: {}", found.key, found.value, found.why)).collect());
    section("Notes", made.notes.clone());
    section("Before it is served", made.serving.clone());
    section("Run", made.commands.clone());
    lines.join("\n") + "\n"
}
