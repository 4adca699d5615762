//! A plan as the files an engine runs.

use super::facts;
use crate::export::{self, Cannot, Facts, File, Group, Said, Table, Value, Version, holds, named};
use crate::plan::field::{field, fields};
use crate::plan::{Plan, StageKind, Workload};
use serde::Serialize;

/// Why a plan is not written; a sentence for the user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ExportError(String);

/// Figures of the estimate that machines are asked for by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Memory of one device, in bytes.
    pub device_bytes: Option<u64>,
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
    let mut facts = facts::of(plan, stage);
    needs_as_facts(needs, &mut facts);
    let table = version.table;
    refuse(plan, stage, table, &facts)?;
    let mut out = Exported { engine: table.id.clone(), version: version.version.to_owned(), ..Exported::default() };
    if table.group == Group::Machines {
        let engine = with.ok_or_else(|| ExportError(format!("{} needs a training engine to run", table.title)))?;
        refuse(plan, stage, engine.table, &facts)?;
        add(&mut out, engine, &facts, plan);
        let commands = out.commands.clone();
        facts.insert(":install".to_owned(), Value::text(commands.first().cloned().unwrap_or_default()));
        facts.insert(":run".to_owned(), Value::text(commands.get(1).cloned().unwrap_or_default()));
        let files: Vec<String> = out.files.iter().map(|file| file.name.clone()).collect();
        facts.insert(":files".to_owned(), Value::texts(files));
        out.commands.clear();
    }
    add(&mut out, version, &facts, plan);
    finish(&mut out);
    Ok(out)
}

/// The files of `version`, and of the tables beside it.
fn add(out: &mut Exported, version: Version<'static>, facts: &Facts, plan: &Plan) {
    let table = version.table;
    let head = head(version, plan);
    let written = export::write(version, facts, &head);
    out.files.extend(written.files);
    out.said.extend(written.said);
    out.cannot_say.extend(written.cannot);
    out.notes.extend(written.notes);
    let assumed = written.assumed.into_iter();
    out.assumed.extend(assumed.map(|(key, value, why)| Assumed { key, value, why }));
    for (_, beside) in table.beside.iter().filter(|(when, _)| holds(when, facts)) {
        if let Some(beside) = export::find(beside).and_then(|table| table.at(None)) {
            add(out, beside, facts, plan);
        }
    }
    if !table.install.is_empty() {
        let of_version = table.install.replace("{version}", version.version);
        out.commands.push(named(&of_version, facts));
    }
    if let Some((_, run)) = table.run.iter().find(|(when, _)| holds(when, facts)) {
        out.commands.push(named(run, facts));
    }
}

/// The lines on top of a file.
fn head(version: Version<'_>, plan: &Plan) -> Vec<String> {
    vec![format!("{} {}, written by Tuneplan {} from the plan \"{}\"", version.table.title, version.version, env!("CARGO_PKG_VERSION"), plan.short_name())]
}

/// What one table says another need not; settings alone are told.
fn finish(out: &mut Exported) {
    let said: Vec<String> = out.said.iter().map(|said| said.fact.clone()).collect();
    out.cannot_say.retain(|cannot| !said.contains(&cannot.fact));
    out.cannot_say.sort_by(|a, b| a.fact.cmp(&b.fact));
    out.cannot_say.dedup_by(|a, b| a.fact == b.fact);
    out.said.retain(|said| field(&said.fact).is_some());
    out.only_planning = fields().iter().filter(|field| facts::is_only_planning(field)).map(|f| f.id.to_owned()).collect();
}

fn needs_as_facts(needs: Needs, facts: &mut Facts) {
    const GIB: u64 = 1 << 30;
    let all = [(":device_gib", needs.device_bytes), (":host_gib", needs.host_bytes), (":disk_gib", needs.disk_bytes)];
    for (name, bytes) in all {
        if let Some(bytes) = bytes {
            facts.insert(name.to_owned(), Value::Count(bytes.div_ceil(GIB).max(1)));
        }
    }
}

/// A kind or method that the engine has not is refused, with those that have it.
fn refuse(plan: &Plan, stage: StageKind, table: &Table, facts: &Facts) -> Result<(), ExportError> {
    let word = |name: &str| facts.get(name).map(ToString::to_string).unwrap_or_default();
    let (kind, method) = (word(":kind"), plan.method.method.id());
    let trains = table.group == Group::Training;
    if trains && plan.workload != Workload::Training {
        return Err(ExportError(format!("{} trains; this plan runs a model: export it to a server", table.title)));
    }
    let has = |table: &Table| {
        let is_of = |all: &[String], word: &str| all.iter().any(|known| known == word);
        is_of(&table.kinds, &kind) && is_of(&table.methods, method)
    };
    if trains && !has(table) {
        let what = if table.kinds.contains(&kind) { format!("the method {method}") } else { format!("the kind {kind}") };
        let others: Vec<&str> = export::all()
            .iter()
            .filter(|other| other.group == Group::Training && has(other))
            .map(|other| other.id.as_str())
            .collect();
        let others = if others.is_empty() { "none has this kind with this method".to_owned() } else { others.join(", ") };
        return Err(ExportError(format!("{} is not written with {what} ({stage:?}); engines that are: {others}", table.title)));
    }
    match table.refuses.iter().find(|(when, _)| holds(when, facts)) {
        Some((_, why)) => Err(ExportError(format!("{}: {why}", table.title))),
        None => Ok(()),
    }
}
