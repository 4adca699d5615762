//! The training data: what is read, and how it is written for the model.

/// What a job reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Data {
    /// File, folder or published name.
    pub dataset: String,
    /// Part of it that is trained on.
    pub split: String,
    /// Name or file of the chat template; empty: that of the model.
    pub template: String,
    /// Tokens that are added to the vocabulary.
    pub added_tokens: u64,
    /// Free text.
    pub notes: String,
}
