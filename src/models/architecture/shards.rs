//! Which files make up one model: those of an index, or those numbered `-00001-of-00003`.

use super::files::{ReadError, read_text};
use super::safetensors::UniqueMap;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Largest index that is read; one of a 400-shard model has a few megabytes.
const MAX_INDEX_BYTES: u64 = 64 << 20;

/// Safetensors files of one model.
pub struct Shards {
    /// Their paths.
    pub files: Vec<PathBuf>,
    /// Tensor → file name, as the index says; `None` without an index.
    pub names: Option<Vec<(String, String)>>,
}

/// Safetensors files of a folder: those of the index, else the numbered set or the only one, else all.
pub fn of_folder(folder: &Path) -> Result<Shards, ReadError> {
    let index = folder.join("model.safetensors.index.json");
    if index.is_file() {
        return of_index(&index);
    }
    let whole = folder.join("model.safetensors");
    if whole.is_file() {
        return Ok(Shards { files: vec![whole], names: None });
    }
    let all = files_with(folder, "safetensors")?;
    // Mistral's own layout and adapters lie beside the model in some downloads and are not part of it.
    let name = |file: &PathBuf| file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let own: Vec<PathBuf> = all
        .iter()
        .filter(|file| !["consolidated", "adapter_"].iter().any(|start| name(file).starts_with(start)))
        .cloned()
        .collect();
    let files = if own.is_empty() { all } else { own };
    if let Some(numbered) = files.iter().find(|file| numbering(&name(file)).is_some()) {
        return Ok(Shards { files: siblings(numbered)?, names: None });
    }
    Ok(Shards { files, names: None })
}

/// The files an index names. All must lie in the folder of the index.
pub fn of_index(index: &Path) -> Result<Shards, ReadError> {
    #[derive(serde::Deserialize)]
    struct Index {
        weight_map: UniqueMap<String>,
    }
    let text = read_text(index, MAX_INDEX_BYTES)?;
    let parsed: Index = serde_json::from_str(&text).map_err(|error| ReadError {
        place: format!("{}:{}:{}", index.display(), error.line(), error.column()),
        message: format!("not a safetensors index: {error}"),
        weights_missing: false,
    })?;
    let names = parsed.weight_map.0;
    let distinct: BTreeSet<&String> = names.iter().map(|(_, file)| file).collect();
    if distinct.is_empty() {
        return Err(ReadError::whole(index, "it names no tensors"));
    }
    let mut files = Vec::with_capacity(distinct.len());
    for name in distinct {
        // A plain file name: nothing outside the folder is read because a file says so. Links the user's own tools
        // made are followed; the cache of the Hugging Face hub consists of them.
        let plain = !name.is_empty() && !name.contains(['/', '\\', ':', '\0']) && name != ".." && name != ".";
        if !plain {
            return Err(ReadError::whole(index, format!("it names `{name}`, which is not a file of this folder")));
        }
        if Path::new(name).extension().is_none_or(|ending| ending != "safetensors") {
            return Err(ReadError::whole(index, format!("it names `{name}`, which is not a safetensors file")));
        }
        let file = index.with_file_name(name);
        if !file.is_file() {
            let text = "the index names this shard, but it is not there; the download is not complete";
            return Err(ReadError::missing(&file, text));
        }
        files.push(file);
    }
    Ok(Shards { files, names: Some(names) })
}

/// All files of the numbered set that `path` belongs to, itself included; only itself where it is not numbered.
pub fn siblings(path: &Path) -> Result<Vec<PathBuf>, ReadError> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let Some((stem, total, ending)) = numbering(&name) else { return Ok(vec![path.to_owned()]) };
    let mut files = Vec::new();
    for number in 1..=total {
        let file = path.with_file_name(format!("{stem}-{number:05}-of-{total:05}{ending}"));
        if !file.is_file() {
            let text = format!("part {number} of {total} is not there; the download is not complete");
            return Err(ReadError::missing(&file, text));
        }
        files.push(file);
    }
    Ok(files)
}

/// `model-00002-of-00003.safetensors` → `model`, 3, `.safetensors`.
fn numbering(name: &str) -> Option<(&str, u32, &str)> {
    let dot = name.rfind('.')?;
    let (head, ending) = name.split_at(dot);
    let (rest, total) = head.rsplit_once("-of-")?;
    let (stem, number) = rest.rsplit_once('-')?;
    let five = |text: &str| text.len() == 5 && text.bytes().all(|byte| byte.is_ascii_digit());
    if !five(number) || !five(total) {
        return None;
    }
    let (number, total): (u32, u32) = (number.parse().ok()?, total.parse().ok()?);
    (number >= 1 && number <= total).then_some((stem, total, ending))
}

/// Files of a folder by ending, sorted.
pub fn files_with(folder: &Path, ending: &str) -> Result<Vec<PathBuf>, ReadError> {
    let entries = std::fs::read_dir(folder).map_err(|error| ReadError::io(folder, &error))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|found| found == ending) && path.is_file())
        .collect();
    files.sort();
    Ok(files)
}
