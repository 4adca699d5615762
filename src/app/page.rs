//! Pages of the window: what the centre shows. The plan, its settings and the explanation stay beside it.

/// One page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Page {
    /// Templates, recent files, ways to bring a plan or a model.
    Start,
    /// Verdict, memory bar, phases, components.
    #[default]
    Memory,
    /// Every device: what it holds, what is cut, the schedule of a pipeline.
    Devices,
    /// What a value and a short vector become in each number format.
    Formats,
    /// What number formats and fine-tuning do to real weights, on this machine.
    Preview,
    /// How long it takes and what it costs.
    Time,
    /// How far batch and context go, adapters, merging.
    Serving,
    /// The estimate built up in steps, one picture each.
    Steps,
    /// What to change: sets that make it fit, levers, how far settings go.
    Change,
    /// Plans side by side: the pinned one and the open ones.
    Compare,
    /// How accurate the estimate is: measured rows like it, errors, the user's own measurements.
    Sure,
    /// Whether to fine-tune at all: the path, the evidence, the break-even.
    Decide,
    /// What the method trains, on one matrix and in one layer, and what backward keeps for it.
    Method,
}

impl Page {
    /// All, in the order of the rail.
    pub const ALL: [Self; 13] = [
        Self::Start,
        Self::Memory,
        Self::Change,
        Self::Compare,
        Self::Sure,
        Self::Devices,
        Self::Time,
        Self::Serving,
        Self::Steps,
        Self::Method,
        Self::Formats,
        Self::Preview,
        Self::Decide,
    ];

    /// Word on the command line.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Memory => "memory",
            Self::Devices => "devices",
            Self::Formats => "formats",
            Self::Preview => "preview",
            Self::Time => "time",
            Self::Serving => "serving",
            Self::Steps => "steps",
            Self::Change => "change",
            Self::Compare => "compare",
            Self::Sure => "sure",
            Self::Decide => "decide",
            Self::Method => "method",
        }
    }

    /// Name in the rail.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Start => "Start",
            Self::Memory => "Memory",
            Self::Devices => "Devices",
            Self::Formats => "Formats",
            Self::Preview => "Preview",
            Self::Time => "Time",
            Self::Serving => "Serving",
            Self::Steps => "Steps",
            Self::Change => "Change",
            Self::Compare => "Compare",
            Self::Sure => "Accuracy",
            Self::Decide => "Decide",
            Self::Method => "Method",
        }
    }

    /// One sentence: what the page answers.
    pub const fn help(self) -> &'static str {
        match self {
            Self::Start => "Begin with a template, a recent plan, a model file or a pasted config.",
            Self::Devices => "What each of several devices holds, what is cut among them and what is repeated.",
            Self::Memory => "Where the memory goes, whether it fits, and why.",
            Self::Formats => "What a value, and a short vector, become in each number format.",
            Self::Preview => "What number formats do to real weights, tensor by tensor, measured on this machine.",
            Self::Method => "What the method trains, and what a layer keeps for backward.",
            Self::Time => "How long it takes, where the time goes and what it costs.",
            Self::Serving => "The largest batch and context that fit, and what many adapters cost.",
            Self::Change => {
                "What to change: what makes the plan fit, what each change saves and costs, the largest values that fit."
            }
            Self::Compare => "Plans side by side: which settings differ (diff), and what that means.",
            Self::Sure => "Measured jobs like this one, the errors of their estimates, and your own measurements.",
            Self::Decide => "Prompt, retrieve or fine-tune: the path, the evidence, and what would change the answer.",
            Self::Steps => "Follow along: how the memory comes about, one picture a step.",
        }
    }

    /// Other words that people look for it by.
    pub const fn also(self) -> &'static str {
        match self {
            Self::Change => "fit, levers, search",
            Self::Compare => "diff, baseline, side by side",
            _ => "",
        }
    }

    /// The page of a word.
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|page| page.id() == id)
    }
}
