//! How a stack goes from hidden states to a loss, as profiles say it.

use serde::{Deserialize, Serialize};

/// A way from the last hidden states to the loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum LossHead {
    /// Whole logits; transformers' `ForCausalLMLoss`: FP32 copy, log-softmax, negative log-likelihood. With
    /// `entropy_rows` the trainer takes entropies of a copy without the last position, so many rows at a time.
    CrossEntropy {
        /// Rows at a time; 0: no entropies.
        #[serde(default)]
        entropy_rows: u64,
    },
    /// Whole logits, one kernel on them; their gradient takes their place.
    FusedLogits,
    /// Head and loss in chunks, as Liger: the gradient of the hidden states is made in forward.
    Liger,
    /// Whole logits; the labels' log-probabilities are taken sequence by sequence (`selective_log_softmax`).
    LogProbabilities {
        /// The last position is cut off first, so that its gradient comes back in a tensor of the whole size.
        shifted: bool,
        /// Logits are made for the completion only.
        #[serde(default)]
        completion_only: bool,
        /// Rows at a time of which entropies are taken; 0: none.
        #[serde(default)]
        entropy_rows: u64,
    },
    /// Whole logits of pairs; log-probabilities, and with `supervised` the chosen answers' cross-entropy.
    Pairs {
        /// A cross-entropy of the chosen answers is in the loss.
        supervised: bool,
    },
    /// Whole logits of student and teacher; the divergence of their mixture (generalized Jensen–Shannon).
    Divergence {
        /// Positions of the completion only.
        completion_only: bool,
    },
    /// So many scored tokens at a time, each chunk recomputed in backward.
    Chunked {
        /// Tokens of a chunk.
        tokens: u64,
        /// The whole head is copied to FP32 for each chunk.
        #[serde(default)]
        fp32_head: bool,
        /// Only labelled rows are copied; else all rows, the labelled ones in front.
        #[serde(default)]
        labelled_only: bool,
        /// A teacher's chunk stands beside the student's.
        #[serde(default)]
        teacher: bool,
    },
    /// One kernel on tiles of tokens × vocabulary; only scored tokens; gradients in FP32.
    Tiled {
        /// Rows of a tile.
        tokens: u64,
        /// Columns of a tile.
        vocabulary: u64,
        /// A teacher's tile stands beside the student's, both in FP32.
        #[serde(default)]
        teacher: bool,
    },
    /// Head and loss in chunks as large as a budget of memory allows; the gradient of the hidden states is made in forward.
    Budgeted {
        /// Bytes that a logit needs while it is there.
        bytes_a_logit: u64,
        /// Most of them all; a device with less free memory gets less.
        most_mib: u64,
    },
    /// A head of a few values in place of the vocabulary.
    Values,
}

impl LossHead {
    /// Whether whole logits never exist.
    pub const fn in_pieces(self) -> bool {
        matches!(self, Self::Liger | Self::Chunked { .. } | Self::Tiled { .. } | Self::Budgeted { .. } | Self::Values)
    }

    /// Whether the head's gradient comes back as a view, into which the engine cannot add that of a tied table.
    pub const fn gradient_is_view(self) -> bool {
        !matches!(self, Self::Chunked { .. } | Self::Tiled { .. })
    }

    /// Whether it was traced operator by operator.
    pub const fn is_traced(self) -> bool {
        !matches!(self, Self::FusedLogits | Self::Liger | Self::Budgeted { .. })
    }

    /// What it does, in a sentence.
    pub const fn why(self) -> &'static str {
        match self {
            Self::CrossEntropy { entropy_rows: 0 } => {
                "The loss turns 16-bit logits into FP32 (4 bytes), takes their log-softmax (4) and in backward two \
                 gradients of it (4 each): 10 bytes per logit in forward, 12 in backward, 14 with a soft cap or kept outputs."
            }
            Self::CrossEntropy { .. } => {
                "The loss turns 16-bit logits into FP32 (4 bytes), takes their log-softmax (4) and in backward two \
                 gradients of it (4 each); for its log the trainer takes entropies of a copy (4)."
            }
            Self::FusedLogits => "One kernel on logits that exist once; the gradient takes their place.",
            Self::Liger => "Head and loss go through chunks of tokens: only one chunk's logits exist.",
            Self::LogProbabilities { .. } => {
                "Log-probabilities are taken of whole logits: in backward stand beside them what the log-sum-exp and the \
                 picked values send back, and their sum in a tensor of the whole size."
            }
            Self::Pairs { .. } => {
                "Both answers' logits exist whole: log-probabilities of both and, where the loss has one, the chosen \
                 answers' cross-entropy."
            }
            Self::Divergence { .. } => {
                "Logits of student and teacher exist whole, with log-softmax, mixture and divergence of each value."
            }
            Self::Chunked { .. } => {
                "Scored tokens go through the head a chunk at a time, and again in backward: only one chunk's logits exist."
            }
            Self::Tiled { .. } => {
                "One kernel goes through tiles of scored tokens × vocabulary, and again in backward: only one tile exists, \
                 and gradients are summed in FP32."
            }
            Self::Budgeted { .. } => {
                "Head and loss go through chunks as large as a budget of memory allows; a device with little free memory \
                 gets smaller ones."
            }
            Self::Values => "The head has a few values in place of the vocabulary.",
        }
    }
}
