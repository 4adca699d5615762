//! Token files followed while the program runs: who edits a colour sees it at the next frame. Debug builds only.

use crate::ui::theme::{Theme, Tokens};
use std::path::PathBuf;

/// The token files of a folder, and what they said last.
#[derive(Clone, Debug)]
pub struct ThemeFiles {
    folder: PathBuf,
    seen: [String; 3],
}

impl ThemeFiles {
    /// The files of `folder`, named as [`Theme::id`]; what is compiled in counts as seen.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), seen: Theme::ALL.map(|theme| theme.shipped().to_owned()) }
    }

    /// The files this program was built from; `None` in release builds.
    pub fn of_source() -> Option<Self> {
        cfg!(debug_assertions).then(|| Self::new(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/theme")))
    }

    /// Takes over the files that changed. Each is a theme with new colours, or a message that says what is wrong with
    /// the file and where; the old colours stay then. Files that are not there change nothing.
    pub fn poll(&mut self) -> Vec<Result<Theme, String>> {
        let mut changes = Vec::new();
        for (theme, seen) in Theme::ALL.into_iter().zip(&mut self.seen) {
            let path = self.folder.join(theme.id()).with_extension("ron");
            let Ok(text) = std::fs::read_to_string(&path) else { continue };
            if text == *seen {
                continue;
            }
            changes.push(match Tokens::from_ron(&text) {
                Ok(tokens) => {
                    theme.replace_tokens(tokens);
                    Ok(theme)
                }
                Err(error) => Err(format!("{}: {error}", path.display())),
            });
            *seen = text;
        }
        changes
    }
}
