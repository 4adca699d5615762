//! Training data: what is in a file, what is wrong with it, and what a trainer makes of it.
//!
//! ```text
//! file ─▶ source (bytes, decompressed) ─▶ records (line, byte) ─▶ node (JSON) ─▶ rows ─▶ checks ─▶ findings
//!                                                                              └▶ template, tokens ─▶ lengths, mask
//! ```
//!
//! It knows no plans, no models and no windows. Chat templates and tokenizers are foreign code and run behind a [`fence`].

pub mod check;
pub mod checks;
pub mod fence;
pub mod findings;
pub mod folder;
pub mod info;
pub mod lengths;
pub mod model;
pub mod node;
pub mod pick;
pub mod place;
pub mod records;
pub mod rows;
pub mod source;
pub mod template;
pub mod tokens;
pub mod trainers;

use tuneplan_ground::{files, limits, typos};

/// Why data, a tokenizer or a template could not be worked with, in words for its user.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// It is not what can be worked with here.
    #[error("{0}")]
    Unsuitable(String),
    /// A tokenizer or chat template that cannot be worked with at all.
    #[error("{file}: {reason}")]
    Foreign {
        /// The file it is in.
        file: String,
        /// What happened.
        reason: String,
    },
    /// A file.
    #[error("{path}: {error}")]
    File {
        /// Which.
        path: String,
        /// What happened.
        error: String,
    },
}

impl DataError {
    /// What is wrong, without the name of the file.
    pub fn cause(self) -> String {
        match self {
            Self::Unsuitable(reason) | Self::Foreign { reason, .. } => reason,
            Self::File { error, .. } => error,
        }
    }
}

impl From<files::ReadError> for DataError {
    fn from(error: files::ReadError) -> Self {
        Self::File { path: error.path().display().to_string(), error: error.cause() }
    }
}

/// A result of this room.
pub type Result<T> = std::result::Result<T, DataError>;
