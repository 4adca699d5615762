//! The real thing, small: a Llama-type model on this machine's CPU, LoRA beside its frozen weights, trained with candle.
//!
//! Activations are 32-bit and lie as `[tokens, width]`, tokens of a sequence after each other. Candle's own fast operators
//! cut the graph in silence, so every operator a gradient goes through here is either one with a backward of candle's or
//! one of [`mod@ops`].

pub mod adamw;
pub mod adapter;
pub mod attach;
pub mod base_format;
pub mod base_model;
pub mod cache;
pub mod compare;
pub mod config;
pub mod control;
pub mod corpus;
pub mod data;
pub mod evaluate;
pub mod examples;
pub mod export;
pub mod generate;
pub mod gradients;
pub mod job;
pub mod layer;
pub mod lora;
pub mod memory;
pub mod model;
pub mod ops;
pub mod optimizer;
pub mod pass;
pub mod pretrain;
pub mod quality;
pub mod record;
pub mod rope;
pub mod run;
pub mod saved;
pub mod sgd;
pub mod train;
pub mod update;

use std::path::Path;

/// Why a run could not be made, in words for its user.
#[derive(Debug, thiserror::Error)]
pub enum PreviewError {
    /// The model or data is not what can be run here.
    #[error("{0}")]
    Unsuitable(String),
    /// The run was ended by its owner; what it had done is kept.
    #[error("the run was ended before its last step")]
    Cancelled,
    /// Arithmetic or memory.
    #[error("{0}")]
    Candle(#[from] candle_core::Error),
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

impl PreviewError {
    /// An error about a file or folder.
    #[allow(clippy::needless_pass_by_value, reason = "errors are handed over where they happen")]
    pub fn at(path: &Path, error: impl ToString) -> Self {
        Self::File { path: path.display().to_string(), error: error.to_string() }
    }
}

impl From<crate::files::WriteError> for PreviewError {
    fn from(error: crate::files::WriteError) -> Self {
        use crate::files::WriteError;
        match error {
            WriteError::Exists(path) => Self::at(&path, "it exists already; choose another name"),
            WriteError::Changed(path) => Self::at(&path, "it was changed by another program meanwhile"),
            WriteError::MissingFolder(folder) => Self::at(&folder, "there is no such folder to put it in"),
            WriteError::Failed { path, cause } => Self::at(&path, cause),
        }
    }
}

impl From<crate::data::DataError> for PreviewError {
    fn from(error: crate::data::DataError) -> Self {
        use crate::data::DataError;
        match error {
            DataError::Unsuitable(reason) => Self::Unsuitable(reason),
            DataError::Foreign { file, reason } => Self::Foreign { file, reason },
            DataError::File { path, error } => Self::File { path, error },
        }
    }
}

impl From<crate::files::ReadError> for PreviewError {
    fn from(error: crate::files::ReadError) -> Self {
        Self::at(error.path(), error.cause())
    }
}

/// A result of this room.
pub type Result<T> = std::result::Result<T, PreviewError>;
