//! `dataset_info.json` of LLaMA-Factory: which files are data sets, and what their columns are called.

use crate::checks::{INFO_COLUMN, INFO_FILE, NOT_JSON};
use crate::findings::{Findings, Row};
use crate::node::Node;
use crate::place::{Step, reason, stopped_at};
use crate::records::Spot;
use std::path::Path;

/// Largest file that is read.
pub const MAX_BYTES: u64 = 16 << 20;

/// Names of the settings of a column that LLaMA-Factory knows.
const COLUMNS: [&str; 13] = [
    "prompt", "query", "response", "history", "messages", "system", "tools", "images", "videos", "audios", "chosen",
    "rejected", "kto_tag",
];

/// Whether a file is such a list: an object of objects, one of which names its data.
pub fn is_info(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == "dataset_info.json")
}

/// Checks it; the number of data sets it names.
pub(crate) fn check(text: &str, folder: &Path, findings: &mut Findings) -> u64 {
    let row = Row::of(Spot { line: 1, byte: 0 }, text.as_bytes());
    let node = match Node::parse(text) {
        Ok(node) => node,
        Err(error) => {
            let byte = stopped_at(text.as_bytes(), &error);
            findings.at(&NOT_JSON, row.place_at(byte, String::new()), || reason(&error));
            return 0;
        }
    };
    // Hugging Face's own file of that name describes one data set, by its features and splits.
    if node.get("features").is_some() || node.get("splits").is_some() {
        return 1;
    }
    let sets = node.as_map().unwrap_or_default();
    for (name, set) in sets {
        let path = [Step::Key(name), Step::Key("file_name")];
        if let Some(file) = set.get("file_name").and_then(Node::as_str) {
            if !folder.join(file).exists() {
                findings.field(&INFO_FILE, row, &path, || format!("`{file}`"));
            }
        } else if ["hf_hub_url", "ms_hub_url", "om_hub_url", "script_url", "cloud_file_name"]
            .iter()
            .all(|key| set.get(key).is_none())
        {
            findings.field(&INFO_FILE, row, &path[..1], || format!("`{name}` names no file"));
        }
        for (column, _) in set.get("columns").and_then(Node::as_map).unwrap_or_default() {
            if !COLUMNS.contains(&&**column) {
                let path = [Step::Key(name), Step::Key("columns"), Step::Key(column)];
                findings.field(&INFO_COLUMN, row, &path, || format!("`{column}`"));
            }
        }
    }
    sets.len() as u64
}
