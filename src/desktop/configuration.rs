//! Files that are configurations of training engines.

use crate::architecture;
use crate::files;
use crate::handover::configured::Configured;
use crate::import::MAX_BYTES;
use std::path::Path;

/// Endings of configurations and of scripts with a command line.
pub const ENDINGS: [&str; 5] = ["yaml", "yml", "json", "sh", "txt"];

/// A plan made of the file, where it is a configuration and no model.
pub fn read(path: &Path) -> Option<Configured> {
    let ending = path.extension()?.to_string_lossy().to_ascii_lowercase();
    if !ENDINGS.contains(&ending.as_str()) {
        return None;
    }
    let text = files::read_text(path, MAX_BYTES as u64).ok()?;
    let configured = Configured::read(&text, &path.display().to_string()).ok()?;
    // A model's config.json may hold keys that an engine has too.
    let is_model = ending == "json" && architecture::read(path).is_ok();
    (!is_model).then_some(configured)
}
