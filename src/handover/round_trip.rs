//! A setting changed in the file it was imported from: the same file, with the changed lines.

use super::facts;
use super::planned::planned;
use crate::export::{self, Facts, Keyed, Value};
use crate::import::{self, Change, ImportError, Imported};
use crate::plan::edit::PlanEdit;
use crate::plan::field::{Field, FieldValue, Section, fields};
use crate::plan::{Plan, StageKind};
use serde::Serialize;

/// A file with its settings changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Patched {
    /// The file.
    pub text: String,
    /// The lines that differ.
    pub lines: Vec<Line>,
}

/// A line that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Line in the changed file, from 1; that of the file before where it is gone.
    pub line: usize,
    /// As it was; `None`: new.
    pub before: Option<String>,
    /// As it is; `None`: gone.
    pub after: Option<String>,
}

/// Changes settings of the configuration `text`, found at `path`: each `SETTING=VALUE`, the setting by its flag or id, or a
/// key of the file itself.
pub fn changed(text: &str, path: &str, wanted: &[String]) -> Result<Patched, ImportError> {
    let imported = import::read(text, path)?;
    let mut plan = planned(&imported, "file").plan;
    let before = plan.clone();
    let mut changes = Vec::new();
    let mut settings: Vec<(&'static Field, FieldValue)> = Vec::new();
    for wanted in wanted {
        let (name, value) = split(wanted)?;
        let by_name = |field: &&Field| field.id == name || field.flag == name;
        match fields().iter().find(by_name) {
            Some(field) => {
                let value = FieldValue::parse(field, value).map_err(ImportError::new)?;
                PlanEdit::Set(field.id, value.clone()).apply(&mut plan).map_err(|e| ImportError::new(e.to_string()))?;
                settings.push((field, value));
            }
            None => changes.push((name.to_owned(), Some(typed(value)))),
        }
    }
    if !settings.is_empty() {
        changes.extend(keys_between(&imported, &before, &plan)?);
    }
    let patched = import::patched(text, &changes)?;
    verify(&patched, path, &before, &settings)?;
    Ok(Patched { lines: lines(text, &patched), text: patched })
}

fn split(wanted: &str) -> Result<(&str, &str), ImportError> {
    let (name, value) =
        wanted.split_once('=').ok_or_else(|| ImportError::new(format!("`{wanted}`: write SETTING=VALUE")))?;
    Ok((name.trim(), value.trim()))
}

/// A value typed for a key of the file.
fn typed(value: &str) -> Value {
    match (value, value.parse::<u64>(), value.parse::<f64>()) {
        ("true", ..) => Value::Flag(true),
        ("false", ..) => Value::Flag(false),
        (_, Ok(count), _) => Value::Count(count),
        (_, _, Ok(number)) if number.is_finite() => Value::Number(number),
        _ => Value::text(value),
    }
}

/// Keys that the engine's table writes otherwise for the changed plan.
fn keys_between(imported: &Imported, before: &Plan, after: &Plan) -> Result<Vec<Change>, ImportError> {
    let none =
        || ImportError::new(format!("settings of {} are not written: name a key of the file", imported.engine.title()));
    let table = export::find(imported.engine.id()).ok_or_else(none)?;
    let version = table.at(Some(&imported.version)).or_else(|| table.at(None)).ok_or_else(none)?;
    let keys = |plan: &Plan| export::keys(version, &facts_of(plan));
    let (old, new) = (keys(before), keys(after));
    let value = |keys: &[Keyed], key: &str| keys.iter().find(|keyed| keyed.key == key).map(|keyed| keyed.value.clone());
    let mut changes: Vec<Change> = Vec::new();
    for keyed in &new {
        if value(&old, &keyed.key).as_ref() != Some(&keyed.value) {
            changes.push((keyed.key.clone(), Some(keyed.value.clone())));
        }
    }
    let gone = old.iter().filter(|keyed| value(&new, &keyed.key).is_none());
    changes.extend(gone.map(|keyed| (keyed.key.clone(), None)));
    Ok(changes)
}

fn facts_of(plan: &Plan) -> Facts {
    facts::of(plan, plan.stages.first().copied().unwrap_or(StageKind::Supervised))
}

/// Reads the changed file again: the settings are what was wanted, and no other setting moved with them.
fn verify(text: &str, path: &str, before: &Plan, wanted: &[(&'static Field, FieldValue)]) -> Result<(), ImportError> {
    let after = planned(&import::read(text, path)?, "file").plan;
    for (field, value) in wanted {
        if (field.get)(&after).as_ref() != Some(value) {
            return Err(ImportError::new(format!(
                "this engine's file does not say {}, or says it elsewhere too: change it by hand",
                field.label
            )));
        }
    }
    // What follows from a setting moves with it; a setting that nobody named and that is not in its section does not.
    let moved = fields().iter().find(|field| {
        // A quantized base makes QLoRA of LoRA: method and formats are one.
        let of = |section| if section == Section::Precision { Section::Method } else { section };
        let is_wanted = wanted.iter().any(|(wanted, _)| of(wanted.section) == of(field.section));
        !wanted.is_empty() && !is_wanted && (field.get)(&after) != (field.get)(before)
    });
    match moved {
        Some(field) => Err(ImportError::new(format!("{} would change too: change it by hand", field.label))),
        None => Ok(()),
    }
}

/// Lines that differ, told by what both begin and end with.
fn lines(before: &str, after: &str) -> Vec<Line> {
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let mut found = Vec::new();
    let (mut at, mut to) = (0, 0);
    while at < old.len() || to < new.len() {
        match (old.get(at), new.get(to)) {
            (Some(a), Some(b)) if a == b => {}
            (Some(a), b) => {
                // Gone where the next old line is the present new one; new where it is the other way round.
                if b.is_some() && old.get(at + 1) == b && new.get(to + 1) != old.get(at + 1) {
                    found.push(Line { line: at + 1, before: Some((*a).to_owned()), after: None });
                    at += 1;
                    continue;
                }
                match b {
                    Some(b) if new.get(to + 1) == Some(a) => {
                        found.push(Line { line: to + 1, before: None, after: Some((*b).to_owned()) });
                        to += 1;
                        continue;
                    }
                    Some(b) => {
                        found.push(Line { line: to + 1, before: Some((*a).to_owned()), after: Some((*b).to_owned()) });
                    }
                    None => found.push(Line { line: at + 1, before: Some((*a).to_owned()), after: None }),
                }
            }
            (None, Some(b)) => found.push(Line { line: to + 1, before: None, after: Some((*b).to_owned()) }),
            (None, None) => break,
        }
        at += 1;
        to += 1;
    }
    found
}
