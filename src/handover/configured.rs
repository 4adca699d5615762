//! A configuration as the window takes it: the plan, and what became of every key.

use super::account::{Section, sections, summary};
use super::planned::planned;
use crate::import::{self, ImportError};
use crate::plan::Plan;

/// A plan made of a configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Configured {
    /// The plan.
    pub plan: Plan,
    /// One sentence on the file.
    pub summary: String,
    /// What became of its keys.
    pub sections: Vec<Section>,
}

impl Configured {
    /// Reads `text`, found at `path`, whose name the plan bears.
    pub fn read(text: &str, path: &str) -> Result<Self, ImportError> {
        let imported = import::read(text, path)?;
        let file = path.rsplit(['/', '\\']).next().unwrap_or(path);
        let made = planned(&imported, file.rsplit_once('.').map_or(file, |(stem, _)| stem));
        Ok(Self { summary: summary(&imported), sections: sections(&imported, &made), plan: made.plan })
    }
}
