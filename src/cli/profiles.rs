//! The user's own runtime profiles: read once, before anything is estimated.

use crate::app::settings::Settings;
use crate::estimate::profile::Profiles;
use crate::files;
use anyhow::{Context as _, Result, ensure};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Largest profile that is read; real ones have two kilobytes.
const MAX_BYTES: u64 = 1 << 20;
/// Most profiles of a folder.
const MAX_FILES: usize = 1000;

/// Puts the profiles of `folder`, else those beside the settings, over the shipped ones. A folder that was named must
/// be right in every file; in the usual one a wrong file is told and left out.
pub fn install(folder: Option<&Path>, err: &mut dyn Write) -> Result<()> {
    let named = folder.is_some();
    let Some(folder) = folder.map(Path::to_owned).or_else(usual_folder) else { return Ok(()) };
    let files = match files(&folder) {
        Err(_) if !named => return Ok(()),
        found => found.with_context(|| format!("cannot read the profiles of {}", folder.display()))?,
    };
    ensure!(!named || !files.is_empty(), "{}: no *.ron file in this folder", folder.display());
    let mut profiles = Profiles::embedded().clone();
    for file in files {
        match merged(&profiles, &file) {
            Ok(more) => profiles = more,
            Err(error) if named => return Err(error),
            Err(error) => writeln!(err, "tuneplan: {error:#}; this profile is left out")?,
        }
    }
    Profiles::install(profiles);
    Ok(())
}

fn usual_folder() -> Option<PathBuf> {
    Some(Settings::default_path()?.parent()?.join("profiles"))
}

/// Profiles by name, so that the same folder always gives the same order.
fn files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)?.take(MAX_FILES) {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("ron")) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn merged(profiles: &Profiles, file: &Path) -> Result<Profiles> {
    // Not one that would be waited for: nobody named it but its folder.
    let text = files::read_regular_text(file, MAX_BYTES)?;
    profiles.merged_with(&text).map_err(|error| {
        // A place in the file follows its name as compilers write it; a sentence stands apart.
        let gap = if error.starts_with(|c: char| c.is_ascii_digit()) { "" } else { " " };
        anyhow::anyhow!("{}:{gap}{error}", file.display())
    })
}
