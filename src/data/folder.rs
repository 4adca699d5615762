//! Which files a path stands for: a file itself, or the data files of a folder.

use crate::{DataError, Result, files};
use std::path::{Path, PathBuf};

/// Most files of a folder, and folders inside each other.
const MOST_FILES: usize = 10_000;
const DEEPEST: usize = 4;

/// Names that are no data, whatever is in them.
const OTHER_ENDINGS: [&str; 22] = [
    "md",
    "py",
    "ipynb",
    "sh",
    "yaml",
    "yml",
    "toml",
    "png",
    "jpg",
    "jpeg",
    "gif",
    "webp",
    "wav",
    "mp3",
    "flac",
    "mp4",
    "pdf",
    "safetensors",
    "lock",
    "html",
    "cfg",
    "ini",
];

/// The data files of a path, in the order of their names: shards follow each other.
///
/// # Errors
/// The folder cannot be read, holds no data file, or more than 10,000.
pub fn data_files(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    gather(path, 0, &mut found)?;
    found.sort();
    let refuse = |reason: &str| Err(DataError::File { path: path.display().to_string(), error: reason.to_owned() });
    match found.len() {
        0 => refuse("a folder without data files"),
        count if count > MOST_FILES => refuse("a folder with over 10,000 files, which is more than is read"),
        _ => Ok(found),
    }
}

fn gather(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<()> {
    let told =
        |error: &std::io::Error| DataError::File { path: folder.display().to_string(), error: files::cause(error) };
    for entry in std::fs::read_dir(folder).map_err(|error| told(&error))? {
        let path = entry.map_err(|error| told(&error))?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if name.starts_with('.') || found.len() > MOST_FILES {
            continue;
        }
        if path.is_dir() {
            if depth < DEEPEST {
                gather(&path, depth + 1, found)?;
            }
        } else if path.is_file() && is_data(&path, &name) {
            found.push(path);
        }
    }
    Ok(())
}

fn is_data(path: &Path, name: &str) -> bool {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase()).unwrap_or_default();
    let is_note =
        ["README", "LICENSE", "NOTICE", "dataset_infos.json", "state.json"].iter().any(|other| name.starts_with(other));
    !is_note && !OTHER_ENDINGS.contains(&ending.as_str())
}
