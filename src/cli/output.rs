//! What a command writes: refused before the work where it cannot be written, and written through one door.

use crate::files::{self, Existing, NewFolder, WriteError};
use crate::plan::field::id;
use anyhow::{Result, anyhow, ensure};
use clap::ArgMatches;
use std::fmt;
use std::path::{Path, PathBuf};

/// Names of the arguments that say what is written. Every other path on a command line is read.
const OUTPUTS: [&str; 6] = ["output", "patched", "save_merged", "report", "resume", "record"];

/// A file that a command writes at its end.
pub struct Output<'a> {
    path: &'a Path,
    existing: Existing<'static>,
    matches: Option<&'a ArgMatches>,
}

impl<'a> Output<'a> {
    /// Looks whether `path` can be written: it is nothing that the command reads, and nothing that is there without
    /// `force`.
    pub fn of(path: &'a Path, force: bool, matches: Option<&'a ArgMatches>) -> Result<Self> {
        refuse_inputs(path, matches)?;
        Self::over(path, force, matches)
    }

    /// Likewise of a changed plan, which may take the place of the one that was read.
    pub fn of_changed(
        path: Option<&'a Path>,
        plan: Option<&Path>,
        force: bool,
        matches: Option<&'a ArgMatches>,
    ) -> Result<Option<Self>> {
        let Some(path) = path else { return Ok(None) };
        if plan.is_some_and(|plan| files::is_same_file(plan, path)) {
            return Self::over(path, force, matches).map(Some);
        }
        Self::of(path, force, matches).map(Some)
    }

    fn over(path: &'a Path, force: bool, matches: Option<&'a ArgMatches>) -> Result<Self> {
        let existing = if force { Existing::Replace } else { Existing::Refuse };
        files::check(path, existing).map_err(|error| explained(error, matches))?;
        Ok(Self { path, existing, matches })
    }

    /// Writes it.
    pub fn write(&self, bytes: &[u8]) -> Result<()> {
        files::write(self.path, bytes, self.existing).map_err(|error| explained(error, self.matches))
    }
}

impl fmt::Display for Output<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.display().fmt(f)
    }
}

/// Looks whether a new folder can be made at `path`.
pub fn check_folder(path: &Path, matches: Option<&ArgMatches>) -> Result<()> {
    refuse_inputs(path, matches)?;
    NewFolder::at(path).map(drop).map_err(|error| explained(error, matches))
}

/// An error with what to do about it.
fn explained(error: WriteError, matches: Option<&ArgMatches>) -> anyhow::Error {
    match error {
        WriteError::Exists(path) => {
            let has_force = matches.is_some_and(|matches| matches.try_contains_id("force").is_ok());
            let force = if has_force { " or pass --force to replace it" } else { "" };
            anyhow!("{} exists already; choose another name{force}", path.display())
        }
        WriteError::MissingFolder(folder) => anyhow!("{}: there is no such folder; make it first", folder.display()),
        WriteError::Changed(_) => anyhow!("{error}; it is left as that program wrote it"),
        WriteError::Failed { .. } => anyhow!("cannot write {error}"),
    }
}

/// Refuses a path that is one of the files the command reads, or in a folder that it reads.
fn refuse_inputs(path: &Path, matches: Option<&ArgMatches>) -> Result<()> {
    let inputs = matches.map(inputs).unwrap_or_default();
    let read = inputs.iter().find(|input| {
        files::is_same_file(input, path) || path.exists() && input.is_dir() && files::is_within(path, input)
    });
    ensure!(read.is_none(), "{}: this command reads it; choose another name", path.display());
    Ok(())
}

/// Paths that a command reads.
fn inputs(matches: &ArgMatches) -> Vec<PathBuf> {
    let mut inputs = Vec::new();
    for id in matches.ids().map(clap::Id::as_str).filter(|id| !OUTPUTS.contains(id)) {
        if let Ok(Some(paths)) = matches.try_get_many::<PathBuf>(id) {
            inputs.extend(paths.cloned());
        } else if id == id::MODEL_ID
            && let Ok(Some(word)) = matches.try_get_one::<String>(id)
        {
            // A name of the catalogue, or the path of a model.
            inputs.push(PathBuf::from(word));
        }
    }
    inputs
}
