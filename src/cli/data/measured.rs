//! A plan with the lengths of its data: the longest batch, the number of examples, their mean length.

use super::printable;
use crate::data::lengths::{Question, lengths};
use crate::data::model::TextModel;
use crate::data::trainers::{Trainer, Verdict};
use crate::plan::{Packing, Plan};
use crate::units::grouped;
use anyhow::{Result, bail};
use serde_json::{Value as Json, json};
use std::path::Path;

/// What was measured of a file.
pub struct Measured {
    path: String,
    trainer: Trainer,
    cutoff: u64,
    rows: u64,
    kept: u64,
    longest: u64,
    mean: u64,
    trained: u64,
    /// Line of the longest row that stays.
    line: u64,
    micro_batch: u64,
    is_packed: bool,
}

impl Measured {
    /// Measures the data and puts it into the plan: the sequence becomes as long as the longest row that stays, unless rows are
    /// packed; examples and their mean length are those that stay.
    pub fn of(path: &Path, tokenizer: &Path, trainer: Trainer, plan: &mut Plan) -> Result<Self> {
        let model = TextModel::open(tokenizer)?;
        let cutoff = plan.batch.sequence_length;
        let limit = usize::try_from(cutoff).unwrap_or(usize::MAX);
        let found = lengths(&model, &Question { path, trainer, cutoff: limit, template: None })?;
        let stays = || found.rows.iter().filter(|row| !matches!(row.verdict, Verdict::Dropped | Verdict::Rejected));
        let Some(longest) = stays().max_by_key(|row| row.kept) else {
            let reason = found.rows.first().map_or_else(|| "it has no rows".to_owned(), |row| row.reason.clone());
            bail!("{}: no row stays under {}: {reason}", path.display(), trainer.id());
        };
        let kept = stays().count() as u64;
        let measured = Self {
            path: path.display().to_string(),
            trainer,
            cutoff,
            rows: found.rows.len() as u64,
            kept,
            longest: longest.kept as u64,
            mean: (found.kept_tokens() / kept.max(1)).max(1),
            trained: found.trained_tokens(),
            line: longest.line,
            micro_batch: plan.batch.micro_batch,
            is_packed: plan.batch.packing == Packing::Packed,
        };
        if !measured.is_packed {
            plan.batch.sequence_length = measured.longest;
        }
        plan.run.examples = Some(kept);
        plan.run.average_length = Some(measured.mean);
        plan.run.tokens = None;
        Ok(measured)
    }

    pub fn to_json(&self) -> Json {
        json!({
            "path": self.path,
            "trainer": self.trainer.id(),
            "trainer_version": self.trainer.version(),
            "cutoff": self.cutoff,
            "rows": self.rows,
            "rows_that_stay": self.kept,
            "longest_tokens": self.longest,
            "longest_line": self.line,
            "mean_tokens": self.mean,
            "trained_tokens": self.trained,
            "batch_tokens": self.micro_batch * if self.is_packed { self.cutoff } else { self.longest },
            "assumed": self.assumed(),
        })
    }

    pub fn to_text(&self) -> String {
        format!(
            "\nData {}: {} of {} rows stay under {} {} with cutoff {}, {} tokens on average\n  {}\n",
            printable(&self.path),
            grouped(self.kept),
            grouped(self.rows),
            self.trainer.id(),
            self.trainer.version(),
            grouped(self.cutoff),
            grouped(self.mean),
            self.assumed()
        )
    }

    fn assumed(&self) -> String {
        if self.is_packed {
            return "rows are packed: every sequence is as long as the plan says".to_owned();
        }
        format!(
            "figures are those of the longest batch: {} rows, padded to the {} tokens of line {}; at which step it comes is not said",
            grouped(self.micro_batch),
            grouped(self.longest),
            grouped(self.line)
        )
    }
}
