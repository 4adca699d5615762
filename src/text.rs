//! Words of the window in other languages, in one table keyed by the English text.
//!
//! A text that has no entry is shown in English, so that a new word is never a blank. Figures, units, field keys and
//! names of methods and formats stay as the field writes them everywhere.

use serde::{Deserialize, Serialize};

mod ko;

/// Language of the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Korean; explanations stay in English.
    Korean,
}

impl Language {
    /// All, in menu order.
    pub const ALL: [Self; 2] = [Self::English, Self::Korean];

    /// Its own name.
    pub const fn label(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::Korean => "한국어",
        }
    }

    /// `english` in this language.
    pub fn text(self, english: &'static str) -> &'static str {
        match self {
            Self::English => english,
            Self::Korean => ko::WORDS
                .binary_search_by_key(&english, |(key, _)| key)
                .ok()
                .and_then(|place| ko::WORDS.get(place))
                .map_or(english, |(_, korean)| korean),
        }
    }
}
