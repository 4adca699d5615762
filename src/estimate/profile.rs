//! Runtime profiles: what a software stack allocates beside the formulas, as versioned data (`assets/profiles`).

use serde::{Deserialize, Serialize};

/// A software stack.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuntimeProfile {
    /// Stable id: `hf-trainer`, `unsloth`, …
    pub id: String,
    /// Display name with version range.
    pub name: String,
    /// Where its figures come from.
    pub source: String,
}
