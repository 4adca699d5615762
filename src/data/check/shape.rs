//! The format of a row, by its columns.

use crate::node::Node;

/// A format of training data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shape {
    /// `messages`, as OpenAI and TRL have them.
    Messages,
    /// `conversations` with `from` and `value`.
    ShareGpt,
    /// `instruction`, `input`, `output`.
    Alpaca,
    /// `prompt` and `completion`.
    PromptCompletion,
    /// `chosen` and `rejected`.
    Preference,
    /// `preferred_output` and `non_preferred_output`.
    OpenAiPreference,
    /// `prompt`, `completion` and `label`, or a `kto_tag`.
    Kto,
    /// `completions` with a label each.
    Stepwise,
    /// `prompt` alone.
    PromptOnly,
    /// An answer with a `score`.
    Reward,
    /// `input_ids`.
    Tokenized,
    /// `segments` with labels.
    Segments,
    /// `prefix`, `suffix` and `middle`.
    Infilling,
    /// `text`.
    Text,
    /// None of these.
    Unknown,
}

/// Columns that make a format, for what was misspelt.
pub(crate) const COLUMNS: [&str; 22] = [
    "messages",
    "conversations",
    "instruction",
    "output",
    "prompt",
    "completion",
    "chosen",
    "rejected",
    "preferred_output",
    "non_preferred_output",
    "label",
    "completions",
    "labels",
    "score",
    "input_ids",
    "segments",
    "prefix",
    "suffix",
    "middle",
    "text",
    "response",
    "kto_tag",
];

impl Shape {
    /// Of a row.
    pub(crate) fn of(row: &Node<'_>) -> Self {
        let has = |name: &str| row.given(name).is_some();
        // A side that is null is a side that is missing, of a preference pair all the same.
        let names = |name: &str| row.get(name).is_some();
        if has("input_ids") {
            Self::Tokenized
        } else if has("preferred_output") || has("non_preferred_output") {
            Self::OpenAiPreference
        } else if names("chosen") || names("rejected") {
            Self::Preference
        } else if has("kto_tag") || (has("prompt") && has("completion") && names("label")) {
            Self::Kto
        } else if has("completions") && has("labels") {
            Self::Stepwise
        } else if has("messages") {
            Self::Messages
        } else if has("conversations") {
            Self::ShareGpt
        } else if has("segments") {
            Self::Segments
        } else if has("instruction") && (names("output") || names("response")) {
            Self::Alpaca
        } else if has("prompt") && names("completion") {
            Self::PromptCompletion
        } else if has("score") && (has("response") || has("completion") || has("text")) {
            Self::Reward
        } else if names("middle") || (has("prefix") && has("suffix")) {
            Self::Infilling
        } else if has("text") {
            Self::Text
        } else if has("prompt") {
            Self::PromptOnly
        } else if names("messages") {
            Self::Messages
        } else if names("conversations") {
            Self::ShareGpt
        } else if names("text") {
            Self::Text
        } else {
            Self::Unknown
        }
    }

    /// Word in JSON.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Messages => "messages",
            Self::ShareGpt => "sharegpt",
            Self::Alpaca => "alpaca",
            Self::PromptCompletion => "prompt-completion",
            Self::Preference => "preference",
            Self::OpenAiPreference => "openai-preference",
            Self::Kto => "kto",
            Self::Stepwise => "stepwise",
            Self::PromptOnly => "prompt-only",
            Self::Reward => "reward",
            Self::Tokenized => "tokenized",
            Self::Segments => "segments",
            Self::Infilling => "infilling",
            Self::Text => "text",
            Self::Unknown => "unknown",
        }
    }
}
