//! The tables of the catalogue and the files that are made of them.

use super::{devices, models};
use anyhow::{Context as _, Result, ensure};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;

/// The catalogue's files by name, made of the tables in `folder`.
pub fn build(folder: &Path) -> Result<Vec<(&'static str, String)>> {
    let mut entries = each_row(&folder.join("models.csv"), models::model)?;
    for (id, format) in each_row(&folder.join("training_formats.csv"), models::trained_in)? {
        let entry = entries.iter_mut().find(|entry| entry.id == id);
        entry.with_context(|| format!("`{id}` is no entry"))?.trained_in = Some(format);
    }
    let aliases = each_row(&folder.join("aliases.csv"), models::alias)?;
    let accelerators = each_row(&folder.join("accelerators.csv"), devices::accelerator)?;
    let instances = each_row(&folder.join("instances.csv"), devices::instance)?;
    let formats = each_row(&folder.join("formats.csv"), devices::format)?;
    unique(entries.iter().map(|entry| &entry.id).chain(aliases.iter().map(|alias| &alias.name)))?;
    unique(accelerators.iter().map(|entry| &entry.id))?;
    unique(instances.iter().map(|entry| &entry.name))?;
    unique(formats.iter().map(|entry| &entry.id))?;
    for alias in &aliases {
        let known = alias.model.is_empty() || entries.iter().any(|entry| entry.id == alias.model);
        ensure!(known, "the name `{}` leads to `{}`, which is no entry", alias.name, alias.model);
    }
    for instance in &instances {
        let known = accelerators.iter().any(|entry| entry.id == instance.accelerator);
        ensure!(known, "`{}` has `{}`, which is no entry", instance.name, instance.accelerator);
    }
    Ok(vec![
        ("models.ron", text(&entries)?),
        ("aliases.ron", text(&aliases)?),
        ("accelerators.ron", text(&accelerators)?),
        ("instances.ron", text(&instances)?),
        ("formats.ron", text(&formats)?),
    ])
}

/// One row of a table, by column name.
#[derive(Debug)]
pub struct Row(BTreeMap<String, String>);

impl Row {
    pub fn text(&self, column: &str) -> Result<&str> {
        self.0.get(column).map(String::as_str).with_context(|| format!("no column `{column}`"))
    }

    pub fn owned(&self, column: &str) -> Result<String> {
        Ok(self.text(column)?.trim().to_owned())
    }

    pub fn number(&self, column: &str) -> Result<Option<f64>> {
        match self.text(column)?.trim() {
            "" => Ok(None),
            text => Ok(Some(text.parse().with_context(|| format!("`{column}` is `{text}`, not a number"))?)),
        }
    }

    pub fn count(&self, column: &str) -> Result<Option<u64>> {
        match self.text(column)?.trim() {
            "" => Ok(None),
            text => Ok(Some(text.parse().with_context(|| format!("`{column}` is `{text}`, not a whole number"))?)),
        }
    }

    /// `None` where the table leaves it open or puts it in words.
    pub fn yes_no(&self, column: &str) -> Result<Option<bool>> {
        match self.text(column)?.trim() {
            "yes" | "true" => Ok(Some(true)),
            "no" | "false" => Ok(Some(false)),
            _ => Ok(None),
        }
    }
}

fn each_row<T>(path: &Path, build: impl Fn(&Row) -> Result<T>) -> Result<Vec<T>> {
    let mut reader = csv::Reader::from_path(path).with_context(|| format!("cannot read {}", path.display()))?;
    let header = reader.headers()?.clone();
    let mut entries = Vec::new();
    for record in reader.records() {
        let record = record?;
        let row = Row(header.iter().zip(&record).map(|(name, cell)| (name.to_owned(), cell.to_owned())).collect());
        let line = record.position().map_or(0, csv::Position::line);
        entries.push(build(&row).with_context(|| format!("{}:{line}", path.display()))?);
    }
    Ok(entries)
}

fn unique<'a>(ids: impl Iterator<Item = &'a String>) -> Result<()> {
    let mut seen = std::collections::BTreeSet::new();
    for id in ids {
        ensure!(seen.insert(id), "two entries have the id `{id}`");
    }
    Ok(())
}

fn text<T: Serialize>(entries: &[T]) -> Result<String> {
    // One field a line; what lies deeper stays on that line.
    let pretty = ron::ser::PrettyConfig::new().new_line("\n").depth_limit(2).indentor("  ");
    let mut text = ron::ser::to_string_pretty(entries, pretty)?;
    text.push('\n');
    Ok(text)
}

pub fn kebab(name: &str) -> String {
    let mut id = String::new();
    for c in name.chars().flat_map(char::to_lowercase) {
        if c.is_ascii_alphanumeric() {
            id.push(c);
        } else if !id.ends_with('-') && !id.is_empty() {
            id.push('-');
        }
    }
    id.trim_end_matches('-').to_owned()
}
