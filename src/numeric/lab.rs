//! The quantization lab: the tensors of a real model through the codecs of [`crate::quantize`], piece by piece.
//!
//! * [`source`] — where the values come from: safetensors, GGUF, or the embedded model; a piece at a time, so that a model
//!   of any size needs little memory.
//! * [`examine`](mod@examine) — one tensor: its values, its outlier columns, and what each format makes of it.
//! * [`tally`] — errors added up piece by piece.
//! * [`low_rank`] — singular values of the weights and of the error, and what adapters recover.
//! * [`totals`] — a whole model in one format.
//! * [`mix`] — which tensor in which format, for the least error at a size.
//!
//! Weight error is not quality: a format can do worse by weights and better by the model. The lab says so wherever it
//! shows one.

pub mod examine;
pub mod low_rank;
pub mod mix;
pub mod source;
pub mod tally;
pub mod totals;

pub use examine::{Depth, TensorReport, Tried, examine};
pub use source::{Kind, Source};

/// Why a tensor or model could not be examined, in words for its user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {message}")]
pub struct LabError {
    /// File or tensor.
    pub place: String,
    /// What is wrong and what to do.
    pub message: String,
}

impl From<crate::architecture::ReadError> for LabError {
    fn from(error: crate::architecture::ReadError) -> Self {
        Self { place: error.place, message: error.message }
    }
}
