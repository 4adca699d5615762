//! Plans of earlier revisions, read through git: `HEAD~3:plans/a.plan.ron`.

use crate::documents::store::StoreError;
use crate::plan::file::{self, Loaded};
use std::io::Read as _;
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
    // A clone that has only part of the history would fetch the rest: nothing here speaks to a network.
    git.env("GIT_NO_LAZY_FETCH", "1").args(["cat-file", "blob", spec]).stdin(Stdio::null());
    let said = output_of(git).map_err(|error| StoreError(format!("{spec}: git could not be started ({error})")))?;
    if said.blob.len() > file::MAX_BYTES {
        return Err(StoreError(format!("{spec}: over {} MiB, so not a plan file", file::MAX_BYTES >> 20)));
    }
    if !said.succeeded {
        let line = said.complaint.lines().next().unwrap_or("git did not say why").trim_start_matches("fatal: ");
        return Err(StoreError(format!("{spec}: {line}")));
    }
    let text = String::from_utf8(said.blob)
        .map_err(|_error| StoreError(format!("{spec}: not UTF-8 text, so not a plan file")))?;
    file::read(&text).map_err(|error| StoreError(format!("{spec}:{error}")))
}

/// Largest complaint of git's that is read.
const MAX_COMPLAINT_BYTES: u64 = 64 << 10;

/// What git gave.
struct Said {
    /// The blob, or a byte more than a plan may have.
    blob: Vec<u8>,
    complaint: String,
    succeeded: bool,
}

/// Runs git and reads no more than a plan may have; what says more is ended.
fn output_of(mut git: Command) -> std::io::Result<Said> {
    let mut running = git.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let (stdout, stderr) = (running.stdout.take(), running.stderr.take());
    // Beside each other: who is not listened to waits.
    let complaints = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stderr) = stderr {
            let _ = (&mut stderr).take(MAX_COMPLAINT_BYTES).read_to_end(&mut bytes);
            let _ = std::io::copy(&mut stderr, &mut std::io::sink());
        }
        String::from_utf8_lossy(&bytes).into_owned()
    });
    let mut blob = Vec::new();
    if let Some(stdout) = stdout {
        stdout.take(file::MAX_BYTES as u64 + 1).read_to_end(&mut blob)?;
    }
    if blob.len() > file::MAX_BYTES {
        let _ = running.kill();
    }
    let succeeded = running.wait()?.success();
    Ok(Said { blob, complaint: complaints.join().unwrap_or_default(), succeeded })
}
