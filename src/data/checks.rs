//! Every check in one table: a stable id, what is found, why it matters with the source of that, and the fix, if one is safe.
//!
//! The severity says what comes of it: an *error* makes some trainer or loader fail or drop rows, a *warning* trains on
//! something that was hardly meant, a *note* is worth a look. `docs/data.md` lists them; a test holds the two together.

mod chat;
mod file;
mod kinds;
mod wording;

pub use chat::*;
pub use file::*;
pub use kinds::*;
pub use wording::*;

/// What comes of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth a look.
    Note,
    /// Trains on something that was hardly meant.
    Warning,
    /// Some trainer or loader fails, or drops the row.
    Error,
}

impl Severity {
    /// Word in JSON.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// A check.
#[derive(Debug, PartialEq, Eq)]
pub struct Check {
    /// Stable id: kind, point, name.
    pub id: &'static str,
    /// What comes of it.
    pub severity: Severity,
    /// What is found.
    pub what: &'static str,
    /// Why it matters.
    pub why: &'static str,
    /// Where that is from.
    pub source: &'static str,
    /// What to do about it, or why nothing is safe.
    pub fix: &'static str,
}

/// Declares checks as constants, and a list of them.
macro_rules! checks {
    ($list:ident; $($(#[$doc:meta])* $name:ident = $severity:ident $id:literal, $what:literal, $why:literal, $source:literal, $fix:literal;)*) => {
        $($(#[$doc])*
        #[doc = $what]
        pub const $name: $crate::checks::Check = $crate::checks::Check {
            id: $id,
            severity: $crate::checks::Severity::$severity,
            what: $what,
            why: $why,
            source: $source,
            fix: $fix,
        };)*
        /// The checks of this kind.
        pub const $list: &[&$crate::checks::Check] = &[$(&$name),*];
    };
}
pub(crate) use checks;

/// All checks.
pub fn all() -> impl Iterator<Item = &'static Check> {
    [FILE, CHAT, TOOLS, WORDING, PREFERENCE, KINDS].into_iter().flatten().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_every_entry_is_whole() {
        let mut ids: Vec<&str> = all().map(|check| check.id).collect();
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count);
        for check in all() {
            let (kind, name) = check.id.split_once('.').unwrap_or_default();
            let is_word = |word: &str| {
                word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-' || byte.is_ascii_digit())
            };
            assert!(!kind.is_empty() && !name.is_empty() && is_word(kind) && is_word(name), "{}", check.id);
            for text in [check.what, check.why, check.source, check.fix] {
                assert!(!text.is_empty() && !text.ends_with('.'), "{}: {text}", check.id);
            }
        }
    }
}
