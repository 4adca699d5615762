//! A plan as the files an engine runs.

use super::{facts, serving};
use crate::export::{self, Cannot, Facts, File, Group, Said, Table, Value, Version, Written, holds, named};
use crate::plan::field::{field, fields};
use crate::plan::{Plan, StageKind, Workload};
use serde::Serialize;
use std::collections::BTreeSet;

/// Why a plan is not written; a sentence for the user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ExportError(String);

/// Figures of the estimate that machines are asked for by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Host memory of all devices.
    pub host_bytes: Option<u64>,
    /// Disk for weights and checkpoints.
    pub disk_bytes: Option<u64>,
}

/// A plan written for an engine.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Exported {
    /// Id of the engine.
    pub engine: String,
    /// Its release.
    pub version: String,
    /// The files.
    pub files: Vec<File>,
    /// Settings with their keys.
    pub said: Vec<Said>,
    /// Settings that cannot be said.
    pub cannot_say: Vec<Cannot>,
    /// Keys whose value no plan says.
    pub assumed: Vec<Assumed>,
    /// What else a reader must know.
    pub notes: Vec<String>,
    /// What serving will say to what is trained.
    pub serving: Vec<String>,
    /// Settings that no engine has a place for.
    pub only_planning: Vec<String>,
    /// Shell lines that install and run it.
    pub commands: Vec<String>,
}

/// A key whose value no plan says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Assumed {
    /// The key.
    pub key: String,
    /// Its value.
    pub value: String,
    /// Why this one.
    pub why: String,
}

/// An engine named as `ENGINE` or `ENGINE@VERSION`.
pub fn engine(name: &str) -> Result<Version<'static>, ExportError> {
    let (id, version) = name.split_once('@').map_or((name, None), |(id, version)| (id, Some(version)));
    let Some(table) = export::find(id) else {
        let known: Vec<&str> = export::all().iter().map(|table| table.id.as_str()).collect();
        return Err(ExportError(format!("no engine `{id}` is known; there are {}", known.join(", "))));
    };
    table.at(version).ok_or_else(|| {
        let known = table.versions.join(", ");
        ExportError(format!("{} {} is not known; there are {known}", table.title, version.unwrap_or_default()))
    })
}

/// Writes one stage of `plan` for `version`. `with` is the training engine that machines are to run.
pub fn exported(
    plan: &Plan,
    stage: StageKind,
    version: Version<'static>,
    with: Option<Version<'static>>,
    needs: Needs,
) -> Result<Exported, ExportError> {
    let table = version.table;
    let is_served = matches!(table.group, Group::Serving | Group::Merging);
    let mut facts = if is_served { serving::of(plan, stage) } else { facts::of(plan, stage) };
    if table.group == Group::Merging {
        facts.extend(facts::of(&Plan { workload: Workload::Training, ..plan.clone() }, stage));
    }
    machines(plan, needs, &mut facts);
    refuse(plan, table, &facts)?;
    let mut out = Exported { engine: table.id.clone(), version: version.version.to_owned(), ..Exported::default() };
    if table.group == Group::Machines {
        let engine = with.ok_or_else(|| ExportError(format!("{} needs a training engine to run", table.title)))?;
        refuse(plan, engine.table, &facts)?;
        let of_machines = export::write(version, &facts, &[], &BTreeSet::new());
        let elsewhere = of_machines.said.into_iter().map(|said| said.fact).collect();
        add(&mut out, engine, &facts, plan, &elsewhere);
        let commands = std::mem::take(&mut out.commands);
        facts.insert(":install".to_owned(), Value::text(commands.first().cloned().unwrap_or_default()));
        facts.insert(":run".to_owned(), Value::text(commands.get(1).cloned().unwrap_or_default()));
        let files: Vec<String> = out.files.iter().map(|file| file.name.clone()).collect();
        facts.insert(":files".to_owned(), Value::texts(files));
        let shell = format!("{} && {}", commands.join(" && "), "true").replace(" && true", "");
        facts.insert(":shell".to_owned(), Value::texts(["sh", "-c", shell.as_str()]));
    }
    add(&mut out, version, &facts, plan, &BTreeSet::new());
    if table.group != Group::Beside && plan.workload == Workload::Training {
        out.serving = serving::lint(plan, &facts);
    }
    finish(&mut out);
    Ok(out)
}

/// The files of `version`, and of the tables beside it. What those say, its own comments need not.
fn add(out: &mut Exported, version: Version<'static>, facts: &Facts, plan: &Plan, elsewhere: &BTreeSet<String>) {
    let table = version.table;
    let besides: Vec<Version<'static>> = table
        .beside
        .iter()
        .filter(|(when, _)| holds(when, facts))
        .filter_map(|(_, beside)| export::find(beside).and_then(|table| table.at(None)))
        .collect();
    let mut elsewhere = elsewhere.clone();
    let mut others = Vec::new();
    for beside in besides {
        let written = export::write(beside, facts, &head(beside, plan), &BTreeSet::new());
        elsewhere.extend(written.said.iter().map(|said| said.fact.clone()));
        others.push(written);
    }
    take(out, export::write(version, facts, &head(version, plan), &elsewhere));
    for written in others {
        take(out, written);
    }
    if !table.install.is_empty() {
        let of_version = table.install.replace("{version}", version.version);
        out.commands.push(named(&of_version, facts));
    }
    if let Some((_, run)) = table.run.iter().find(|(when, _)| holds(when, facts)) {
        out.commands.push(named(run, facts));
    }
}

fn take(out: &mut Exported, written: Written) {
    out.files.extend(written.files);
    out.said.extend(written.said);
    out.cannot_say.extend(written.cannot);
    out.notes.extend(written.notes);
    let assumed = written.assumed.into_iter();
    out.assumed.extend(assumed.map(|(key, value, why)| Assumed { key, value, why }));
}

/// The lines on top of a file.
fn head(version: Version<'_>, plan: &Plan) -> Vec<String> {
    let (title, version) = (&version.table.title, version.version);
    let program = env!("CARGO_PKG_VERSION");
    vec![format!("{title} {version}, written by Tuneplan {program} from the plan \"{}\"", plan.short_name())]
}

/// What one table says another need not; settings alone are told.
fn finish(out: &mut Exported) {
    let said: Vec<String> = out.said.iter().map(|said| said.fact.clone()).collect();
    out.cannot_say.retain(|cannot| !said.contains(&cannot.fact));
    out.cannot_say.sort_by(|a, b| a.fact.cmp(&b.fact));
    out.cannot_say.dedup_by(|a, b| a.fact == b.fact);
    out.said.retain(|said| field(&said.fact).is_some());
    out.only_planning =
        fields().iter().filter(|field| facts::is_only_planning(field)).map(|f| f.id.to_owned()).collect();
}

/// What machines are asked for: the figures of the estimate, in the units of each scheduler.
fn machines(plan: &Plan, needs: Needs, facts: &mut Facts) {
    const GIB: u64 = 1 << 30;
    let mut follow = |name: &str, value: Value| facts.insert(format!(":{name}"), value);
    if let Some(host) = needs.host_bytes {
        let gib = host.div_ceil(GIB).max(1);
        follow("host_bytes", Value::Count(gib.saturating_mul(GIB)));
        follow("host_at_least", Value::Text(format!("{gib}+")));
        follow("host_slurm", Value::Text(format!("{gib}G")));
        follow("host_kubernetes", Value::Text(format!("{gib}Gi")));
    }
    if let Some(disk) = needs.disk_bytes {
        let gib = disk.div_ceil(GIB).max(1);
        follow("disk_gib", Value::Count(gib));
        follow("disk_kubernetes", Value::Text(format!("{gib}Gi")));
    }
    let name = sky_name(&plan.hardware.accelerator);
    if !name.is_empty() {
        follow("sky", Value::Text(format!("{name}:{}", facts::devices(plan))));
    }
}

/// SkyPilot's name of an accelerator (0.12, catalogue of its clouds); empty: it has none that is known here.
fn sky_name(id: &str) -> &'static str {
    match id {
        "tesla-t4" => "T4",
        "tesla-v100-sxm2-16gb" => "V100",
        "tesla-v100-sxm2-32gb" => "V100-32GB",
        "a10g" => "A10G",
        "l4" => "L4",
        "l40" => "L40",
        "l40s" => "L40S",
        "a100-pcie-40gb" | "a100-sxm4-40gb" => "A100",
        "a100-pcie-80gb" | "a100-sxm4-80gb" => "A100-80GB",
        "h100-pcie-80gb" | "h100-sxm5-80gb" => "H100",
        "h200-sxm" => "H200",
        "b200-sxm" => "B200",
        "rtx-a6000" => "RTXA6000",
        "rtx-6000-ada" => "RTX6000-Ada",
        "geforce-rtx-3090" => "RTX3090",
        "geforce-rtx-4090" => "RTX4090",
        "geforce-rtx-5090" => "RTX5090",
        "instinct-mi300x" => "MI300X",
        _ => "",
    }
}

/// A kind or method that the engine has not is refused, with those that have it.
fn refuse(plan: &Plan, table: &Table, facts: &Facts) -> Result<(), ExportError> {
    let word = |name: &str| facts.get(name).map(ToString::to_string).unwrap_or_default();
    let (kind, method) = (word(":kind"), plan.method.method.id());
    let trains = table.group == Group::Training;
    if (trains || table.group == Group::Beside) && plan.workload != Workload::Training {
        return Err(ExportError(format!("{} trains; this plan runs a model: export it to a server", table.title)));
    }
    let has = |table: &Table| {
        let is_of = |all: &[String], word: &str| all.iter().any(|known| known == word);
        is_of(&table.kinds, &kind) && is_of(&table.methods, method)
    };
    if trains && !has(table) {
        let what =
            if table.kinds.contains(&kind) { format!("the method {method}") } else { format!("the kind {kind}") };
        let others: Vec<&str> = export::all()
            .iter()
            .filter(|other| other.group == Group::Training && has(other))
            .map(|other| other.id.as_str())
            .collect();
        let others =
            if others.is_empty() { "none has this kind with this method".to_owned() } else { others.join(", ") };
        return Err(ExportError(format!("{} is not written with {what}; engines that are: {others}", table.title)));
    }
    match table.refuses.iter().find(|(when, _)| holds(when, facts)) {
        Some((_, why)) => Err(ExportError(format!("{}: {why}", table.title))),
        None => Ok(()),
    }
}
