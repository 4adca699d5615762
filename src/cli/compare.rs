//! `tuneplan compare`: plans side by side, for a review or as git's diff of plan files.

use super::figures::push_line;
use super::{CompareArgs, Outcome};
use crate::documents::{revision, store};
use crate::estimate::profile::{Change, Profiles};
use crate::plan::Plan;
use crate::solve::Known;
use crate::solve::compare::{Comparison, Headline, MOST_PLANS, Setting, compare};
use crate::units::ByteUnit;
use anyhow::{Result, bail};
use serde_json::{Value as Json, json};
use std::io::Write;
use std::path::{Path, PathBuf};

/// What git calls a file that is not there.
const NOWHERE: &str = "/dev/null";

pub fn run(args: &CompareArgs, out: &mut dyn Write, err: &mut dyn Write) -> Result<Outcome> {
    if !args.stacks.is_empty() {
        return of_stacks(args, out);
    }
    match args.plans.as_slice() {
        // git: path, old file, its hash and mode, new file, its hash and mode, and where it was renamed to.
        [path, old, _, _, new, _, _] | [path, old, _, _, new, _, _, _, _] => {
            of_git(path, old, new, args.json, out)?;
            Ok(Outcome::Done)
        }
        plans if (2..=MOST_PLANS).contains(&plans.len()) => {
            let mut read = Vec::new();
            for path in plans {
                let loaded = if revision::is_revision(path) {
                    revision::read(&path.to_string_lossy())?
                } else {
                    store::read_plan(path)?
                };
                for diagnostic in &loaded.diagnostics {
                    writeln!(err, "{}:{diagnostic}", path.display())?;
                }
                read.push((name(path, plans), loaded.plan));
            }
            print(&read, args.json, out)?;
            Ok(Outcome::Done)
        }
        plans => {
            bail!("compare takes 2 to {MOST_PLANS} plan files, or the seven arguments of git; not {}", plans.len())
        }
    }
}

/// One plan on several stacks, each with what it does by itself.
fn of_stacks(args: &CompareArgs, out: &mut dyn Write) -> Result<Outcome> {
    let [path] = args.plans.as_slice() else { bail!("--stacks takes one plan file, not {}", args.plans.len()) };
    if !(2..=MOST_PLANS).contains(&args.stacks.len()) {
        bail!("--stacks takes 2 to {MOST_PLANS} stacks, not {}", args.stacks.len());
    }
    let plan = store::read_plan(path)?.plan;
    let mut profiles = Vec::new();
    for id in &args.stacks {
        match Profiles::known().get(id) {
            Some(profile) => profiles.push(profile),
            None => {
                let known: Vec<&str> = Profiles::known().entries.iter().map(|entry| entry.id.as_str()).collect();
                bail!("there is no software stack `{id}`; known are {}", known.join(", "))
            }
        }
    }
    let mut plans = Vec::new();
    for profile in &profiles {
        let mut on_stack = plan.clone();
        on_stack.runtime.profile.clone_from(&profile.id);
        for edit in profile.edits(&on_stack) {
            edit.apply(&mut on_stack)?;
        }
        plans.push((profile.name.clone(), on_stack));
    }
    let changes = match (profiles.first(), profiles.last()) {
        (Some(first), Some(last)) => first.changes_to(last),
        _ => Vec::new(),
    };
    if args.json {
        let named: Vec<(String, &Plan)> = plans.iter().map(|(name, plan)| (name.clone(), plan)).collect();
        let mut json = to_json(&compare(&named, Known::embedded()));
        json["stack_changes"] = changes
            .iter()
            .map(|change| {
                let Change { key, before, after, source } = change;
                json!({ "key": key, "before": before, "after": after, "source": source })
            })
            .collect();
        serde_json::to_writer_pretty(&mut *out, &json)?;
        writeln!(out)?;
        return Ok(Outcome::Done);
    }
    print(&plans, false, out)?;
    writeln!(out, "\nwhat the stack does")?;
    for Change { key, before, after, source } in &changes {
        writeln!(out, "  {key}: {before} → {after}")?;
        if !source.is_empty() {
            writeln!(out, "    {source}")?;
        }
    }
    Ok(Outcome::Done)
}

/// The file's name, or its path where two have the same name.
fn name(path: &Path, all: &[PathBuf]) -> String {
    let same = all.iter().filter(|other| other.file_name() == path.file_name()).count();
    match path.file_name() {
        Some(name) if same == 1 => name.to_string_lossy().into_owned(),
        _ => path.display().to_string(),
    }
}

/// As a diff driver: what cannot be read is said in the diff, for git takes an exit code as a crash of its own.
fn of_git(path: &Path, old: &Path, new: &Path, as_json: bool, out: &mut dyn Write) -> Result<()> {
    if !as_json {
        writeln!(out, "plan {}", path.display())?;
    }
    let mut read = Vec::new();
    for (side, file) in [("before", old), ("after", new)] {
        if file == Path::new(NOWHERE) {
            continue;
        }
        match store::read_plan(file) {
            Ok(loaded) => read.push((side.to_owned(), loaded.plan)),
            Err(error) => writeln!(out, "{side}: {error}")?,
        }
    }
    match (old == Path::new(NOWHERE), new == Path::new(NOWHERE)) {
        (true, false) if !as_json => writeln!(out, "new plan")?,
        (false, true) if !as_json => writeln!(out, "removed plan")?,
        _ => {}
    }
    print(&read, as_json, out)
}

fn print(plans: &[(String, Plan)], as_json: bool, out: &mut dyn Write) -> Result<()> {
    let named: Vec<(String, &Plan)> = plans.iter().map(|(name, plan)| (name.clone(), plan)).collect();
    let found = compare(&named, Known::embedded());
    if as_json {
        serde_json::to_writer_pretty(&mut *out, &to_json(&found))?;
        writeln!(out)?;
    } else {
        write!(out, "{}", to_text(&found))?;
    }
    Ok(())
}

fn to_json(found: &Comparison) -> Json {
    let rows = |rows: &[Setting]| -> Vec<Json> {
        rows.iter().map(|row| json!({ "setting": row.label, "values": row.values })).collect()
    };
    let (settings, texts) = (rows(&found.settings), rows(&found.texts));
    let headlines: Vec<Json> = found
        .headlines
        .iter()
        .map(|row| {
            let changes: Vec<Option<f64>> = (0..row.values.len()).map(|index| row.change(index)).collect();
            json!({ "name": row.id, "unit": row.measure.unit(), "values": row.values, "changes": changes })
        })
        .collect();
    let plans: Vec<Json> = found
        .names
        .iter()
        .zip(&found.figures)
        .map(|(name, figures)| match figures {
            Ok(figures) => json!({ "name": name, "figures": super::figures::to_json(figures) }),
            Err(error) => json!({ "name": name, "error": error }),
        })
        .collect();
    json!({ "plans": plans, "settings": settings, "texts": texts, "figures": headlines, "currency": found.currency })
}

/// A page that reads well in a review: what was decided, then what it comes to.
fn to_text(found: &Comparison) -> String {
    let unit = ByteUnit::GiB;
    let currency = found.currency.as_deref().unwrap_or_default();
    let mut text = String::new();
    push_line(&mut text, &found.names.join(" → "));
    push_line(&mut text, "");
    if found.names.len() > 1 {
        let heading = if found.settings.is_empty() { "No setting differs." } else { "Settings that differ" };
        push_line(&mut text, heading);
        for row in found.settings.iter().chain(&found.texts) {
            // Notes of several lines stay on theirs.
            let values: Vec<String> = row.values.iter().map(|value| value.replace('\n', " · ")).collect();
            push_line(&mut text, &format!("  {:<26} {}", row.label, values.join(" → ")));
        }
        push_line(&mut text, "");
    }
    for (name, figures) in found.names.iter().zip(&found.figures) {
        match figures {
            Ok(figures) => {
                let peak = figures.peak.map_or("–", |kind| kind.label()).to_lowercase();
                let memory = figures.memory_words(unit);
                push_line(&mut text, &format!("{name}: {}, {memory}; peak: {peak}", figures.fit.word()));
                for gap in &figures.gaps {
                    push_line(&mut text, &format!("  not known of its model: {gap}"));
                }
            }
            Err(error) => push_line(&mut text, &format!("{name}: no figures: {error}")),
        }
    }
    push_line(&mut text, "");
    // A review wants what changed; memory is told either way.
    let changed = |row: &&Headline| {
        row.id == "process_bytes" || (0..row.values.len()).any(|index| row.values[index] != row.values[0])
    };
    let rows = found.headlines.iter().filter(|row| found.names.len() == 1 || changed(row));
    for row in rows {
        let shown: Vec<String> = row
            .values
            .iter()
            .map(|value| value.map_or_else(|| "–".to_owned(), |amount| row.measure.display(amount, unit, currency)))
            .collect();
        let changes: Vec<String> =
            (1..row.values.len()).filter_map(|index| row.change_words(index, unit, currency)).collect();
        let change = if changes.is_empty() { String::new() } else { format!("   {}", changes.join("; ")) };
        push_line(&mut text, &format!("{:<22} {}{change}", row.label, shown.join(" → ")));
    }
    text
}
