//! Labels that annotators give to examples, one letter each.

use serde::{Deserialize, Serialize};

/// Labels that annotators gave to the examples of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tally {
    /// File of the examples.
    pub file: String,
    /// Examples in it.
    pub examples: u64,
    /// Annotators in the order they came.
    pub annotators: Vec<Annotator>,
}

/// One person's labels.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Annotator {
    /// Name.
    pub name: String,
    /// A letter for each example in order, `.` where there is none: see [`crate::decide::tally`].
    pub labels: String,
}

impl Tally {
    /// Whether nothing was labelled.
    pub const fn is_empty(&self) -> bool {
        self.annotators.is_empty()
    }
}

/// Kind of failure, in the order of the keys that give it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Label {
    /// Letter in a plan and key on the keyboard.
    pub letter: char,
    /// Id of its count: `failures.missing`; empty for an answer that is right.
    pub question: &'static str,
    /// Name on screen.
    pub name: &'static str,
}

/// Every label.
pub const LABELS: [Label; 14] = [
    Label { letter: 'r', question: "", name: "Right" },
    Label { letter: 'm', question: "failures.missing", name: "Fact missing" },
    Label { letter: 'o', question: "failures.outdated", name: "Fact outdated" },
    Label { letter: 'p', question: "failures.private", name: "Fact private" },
    Label { letter: 'f', question: "failures.format", name: "Wrong format" },
    Label { letter: 't', question: "failures.off_topic", name: "Off topic" },
    Label { letter: 's', question: "failures.style", name: "Wrong style" },
    Label { letter: 'u', question: "failures.unsafe", name: "Unsafe" },
    Label { letter: 'c', question: "failures.wrong_label", name: "Wrong label" },
    Label { letter: 'w', question: "failures.reasoning", name: "Wrong reasoning" },
    Label { letter: 'k', question: "failures.unclear_task", name: "Task unclear" },
    Label { letter: 'b', question: "failures.input_error", name: "Input broken" },
    Label { letter: 'n', question: "failures.retrieval_miss", name: "Retrieval missed" },
    Label { letter: 'i', question: "failures.ignored_context", name: "Context ignored" },
];

/// The label of a letter.
pub fn label_of(letter: char) -> Option<&'static Label> {
    LABELS.iter().find(|label| label.letter == letter)
}
