//! Token files followed while the program runs: who edits a colour or a size sees it at the next frame. Debug builds only.

use crate::files;
use crate::theme::{self, Scale, Theme, Tokens};
use std::path::{Path, PathBuf};

/// Largest token file that is read; real ones have two kilobytes.
const MAX_BYTES: u64 = 1 << 20;

/// The token files of a folder, and what they said last.
#[derive(Clone, Debug)]
pub struct ThemeFiles {
    folder: PathBuf,
    themes_seen: [String; 3],
    scale_seen: String,
}

impl ThemeFiles {
    /// The files of `folder`, named as [`Theme::id`]; what is compiled in counts as seen.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            themes_seen: Theme::ALL.map(|theme| theme.shipped().to_owned()),
            scale_seen: theme::scale::SHIPPED.to_owned(),
        }
    }

    /// The files this program was built from; `None` in release builds.
    pub fn of_source() -> Option<Self> {
        cfg!(debug_assertions).then(|| Self::new(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/theme")))
    }

    /// Takes over the files that changed. Each is named, or there is a message that says what is wrong with the file and
    /// where; what held before stays then. Files that are not there change nothing.
    pub fn poll(&mut self) -> Vec<Result<&'static str, String>> {
        let mut changes = Vec::new();
        for (theme, seen) in Theme::ALL.into_iter().zip(&mut self.themes_seen) {
            let path = self.folder.join(theme.id()).with_extension("ron");
            changes.extend(changed(&path, seen, |text| {
                Tokens::from_ron(text).map(|tokens| theme.replace_tokens(tokens)).map(|()| theme.id())
            }));
        }
        let path = self.folder.join(Scale::FILE);
        changes.extend(changed(&path, &mut self.scale_seen, |text| {
            Scale::from_ron(text).map(Scale::replace).map(|()| Scale::FILE)
        }));
        changes
    }
}

/// What `take` makes of a file that no longer says what was `seen`.
fn changed<T>(path: &Path, seen: &mut String, take: impl Fn(&str) -> Result<T, String>) -> Option<Result<T, String>> {
    let text = files::read_regular_text(path, MAX_BYTES).ok().filter(|text| text != seen)?;
    let result = take(&text).map_err(|error| format!("{}: {error}", path.display()));
    *seen = text;
    Some(result)
}
