//! Plans of earlier revisions, read through git: `HEAD~3:plans/a.plan.ron`.

use super::store::StoreError;
use crate::plan::file::{self, Loaded};
use std::path::Path;
use std::process::{Command, Stdio};

/// Whether a path that is no file names a revision of one: `REV:path`.
pub fn is_revision(path: &Path) -> bool {
    let text = path.to_string_lossy();
    !path.exists() && text.split_once(':').is_some_and(|(revision, rest)| !revision.is_empty() && !rest.is_empty())
}

/// Reads a plan as `git show REV:path` gives it, with paths as git takes them: from the top of the repository, or with
/// `./` from here.
pub fn read(spec: &str) -> Result<Loaded, StoreError> {
    blob(spec, None)
}

/// Reads the plan file at `path` as it was in `revision`.
pub fn read_of(path: &Path, revision: &str) -> Result<Loaded, StoreError> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    blob(&format!("{}:./{name}", revision.trim()), folder)
}

fn blob(spec: &str, folder: Option<&Path>) -> Result<Loaded, StoreError> {
    // A leading dash would be an option of git's.
    if spec.starts_with('-') {
        return Err(StoreError(format!("`{spec}` is no revision of a plan; write REV:path, such as HEAD:a.plan.ron")));
    }
    let mut git = Command::new("git");
    if let Some(folder) = folder {
        git.arg("-C").arg(folder);
    }
    let output = git
        .args(["cat-file", "blob", spec])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| StoreError(format!("{spec}: git could not be started ({error})")))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let line = said.lines().next().unwrap_or("git did not say why").trim_start_matches("fatal: ");
        return Err(StoreError(format!("{spec}: {line}")));
    }
    if output.stdout.len() > file::MAX_BYTES {
        return Err(StoreError(format!("{spec}: over {} MiB, so not a plan file", file::MAX_BYTES >> 20)));
    }
    let text = String::from_utf8(output.stdout)
        .map_err(|_error| StoreError(format!("{spec}: not UTF-8 text, so not a plan file")))?;
    file::read(&text).map_err(|error| StoreError(format!("{spec}:{error}")))
}
