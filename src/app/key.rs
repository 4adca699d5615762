//! Which revision of which open plan something belongs to.

/// Number of an open plan, never used twice while the program runs.
pub type DocumentId = u64;

/// What the figures were computed for: they are kept until it moves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Key {
    document: DocumentId,
    revision: u64,
    pins: u64,
    both: bool,
}

impl Key {
    /// The plan it is of.
    pub const fn document(&self) -> DocumentId {
        self.document
    }

    /// The key of a revision of a document, with so many pins so far and both workloads shown or not.
    pub const fn new(document: DocumentId, revision: u64, pins: u64, both: bool) -> Self {
        Self { document, revision, pins, both }
    }
}
