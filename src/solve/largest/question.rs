//! What can be asked of a plan, and how an answer ends.

use crate::units::grouped;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Question {
    /// Longest sequence (prompt, for inference).
    SequenceLength,
    /// Largest micro-batch (sequences at a time).
    MicroBatch,
    /// Largest rank of adapters or projections.
    Rank,
    /// Longest context: one sequence at a time, and for inference with what is generated.
    Context,
    /// Largest model of the catalogue.
    Model,
    /// Fewest devices of the plan's kind.
    Devices,
    /// Cheapest accelerator of the catalogue.
    Accelerator,
}

impl Question {
    /// All, in the order they are usually asked.
    pub const ALL: [Self; 7] = [
        Self::SequenceLength,
        Self::MicroBatch,
        Self::Rank,
        Self::Context,
        Self::Model,
        Self::Devices,
        Self::Accelerator,
    ];

    /// Word on the command line and in JSON.
    pub const fn id(self) -> &'static str {
        match self {
            Self::SequenceLength => "seq-len",
            Self::MicroBatch => "micro-batch",
            Self::Rank => "rank",
            Self::Context => "context",
            Self::Model => "model",
            Self::Devices => "devices",
            Self::Accelerator => "accelerator",
        }
    }

    /// The question of a word.
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|question| question.id() == id)
    }

    /// Name on screen.
    pub const fn label(self) -> &'static str {
        match self {
            Self::SequenceLength => "Longest sequence",
            Self::MicroBatch => "Largest micro-batch",
            Self::Rank => "Largest rank",
            Self::Context => "Longest context",
            Self::Model => "Largest model",
            Self::Devices => "Fewest devices",
            Self::Accelerator => "Cheapest accelerator",
        }
    }

    /// A number in words: `1 token`, `2,048 tokens`, `rank 8`.
    pub fn amount(self, value: u64) -> String {
        let number = grouped(value);
        match (self, self.unit()) {
            (Self::Rank, _) => format!("rank {number}"),
            (_, "") => number,
            (_, unit) if value == 1 => format!("{number} {}", unit.trim_end_matches('s')),
            (_, unit) => format!("{number} {unit}"),
        }
    }

    /// What its numbers count.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::SequenceLength | Self::Context => "tokens",
            Self::MicroBatch => "sequences",
            Self::Devices => "devices",
            Self::Rank | Self::Model | Self::Accelerator => "",
        }
    }
}

/// How a question ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// This far and no farther.
    Found,
    /// The end of the setting or catalogue fits too.
    EverythingFits,
    /// Nothing fits at the upper end of the band; the answers are tight.
    OnlyTight,
    /// Not even the least fits.
    NothingFits,
    /// No accelerator is chosen, so nothing can fit or not.
    NoDevice,
    /// The plan has no such setting.
    NoSuchSetting,
}

impl Ending {
    /// Word in JSON.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::EverythingFits => "everything_fits",
            Self::OnlyTight => "only_tight",
            Self::NothingFits => "nothing_fits",
            Self::NoDevice => "no_device",
            Self::NoSuchSetting => "no_such_setting",
        }
    }
}
