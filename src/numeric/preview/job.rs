//! From files and settings to a run that is ready: what the command line and the window share.

use super::base_model::BaseModel;
use super::examples::Found;
use super::memory::Predicted;
use super::run::{Run, RunSettings};
use super::{PreviewError, Result};
use crate::data::rows::BadLine;
use crate::jobs::spare_threads;
use crate::units::grouped;
use std::path::PathBuf;
use std::sync::Arc;

/// Examples of the built-in task to train on, and to test with.
pub const EXAMPLES: (usize, usize) = (800, 48);
/// Bad lines of a file that are told one by one.
const TOLD_LINES: usize = 20;

/// What is to be run, on what.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Folder of the base model; without it the embedded one.
    pub model: Option<PathBuf>,
    /// JSONL file of examples; without it the built-in task.
    pub data: Option<PathBuf>,
    /// Text such as the base was made from, to see what is forgotten; the embedded model has its own.
    pub base_text: Option<PathBuf>,
    /// Tokens after which an example is cut off.
    pub cutoff: usize,
    /// Settings.
    pub settings: RunSettings,
    /// Threads; without it all but one of the machine's.
    pub threads: Option<usize>,
}

impl Default for Job {
    fn default() -> Self {
        let settings = RunSettings::default();
        Self { model: None, data: None, base_text: None, cutoff: 512, settings, threads: None }
    }
}

/// What a run that is ready will be.
#[derive(Clone, Debug, PartialEq)]
pub struct Prepared {
    /// The base, in words.
    pub model: String,
    /// Examples to learn from and to test with.
    pub examples: (usize, usize),
    /// What came of the file of examples; `None` of the built-in task.
    pub file: Option<Losses>,
    /// Turns are written plainly, since the model has no template.
    pub plain_template: bool,
    /// Values that are trained.
    pub trained_values: u64,
    /// Memory a step should need.
    pub predicted: Predicted,
    /// Steps done before, by a run that goes on.
    pub resumed_at: usize,
}

/// What a file of examples lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Losses {
    /// Lines that are no examples.
    pub bad: Vec<BadLine>,
    /// Examples that were cut off.
    pub cut: usize,
    /// Their tokens beyond the cut-off.
    pub cut_tokens: u64,
    /// Examples of whose answer nothing was left.
    pub without_answer: usize,
    /// Examples that are the same as another.
    pub duplicates: usize,
}

impl Losses {
    fn of(found: &Found) -> Self {
        let Found { bad, cut, cut_tokens, without_answer, duplicates, .. } = found;
        Self {
            bad: bad.clone(),
            cut: *cut,
            cut_tokens: *cut_tokens,
            without_answer: *without_answer,
            duplicates: *duplicates,
        }
    }

    /// In words, a line each: the first bad lines, then the counts that are not zero.
    pub fn lines(&self) -> Vec<String> {
        let many = |number: usize| grouped(number as u64);
        let mut lines: Vec<String> = self.bad.iter().take(TOLD_LINES).map(ToString::to_string).collect();
        if self.bad.len() > TOLD_LINES {
            lines.push(format!("… and {} more bad lines", many(self.bad.len() - TOLD_LINES)));
        }
        let counts = [
            (self.bad.len(), "bad lines left out".to_owned()),
            (self.duplicates, "duplicates left out".to_owned()),
            (self.without_answer, "left out, since nothing of the answer comes before the cut-off".to_owned()),
            (self.cut, format!("cut off, by {} tokens together", grouped(self.cut_tokens))),
        ];
        let counts: Vec<String> = counts
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{} {what}", many(count)))
            .collect();
        if !counts.is_empty() {
            lines.push(format!("Of the file: {}", counts.join("; ")));
        }
        lines
    }
}

impl Job {
    /// How many threads a run works on.
    pub fn thread_count(&self) -> usize {
        self.threads.unwrap_or_else(spare_threads).max(1)
    }

    /// The threads a run works on.
    pub fn threads(&self) -> Result<rayon::ThreadPool> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(self.thread_count()).build();
        pool.map_err(|error| PreviewError::Unsuitable(format!("no threads could be started: {error}")))
    }

    /// Reads model and examples and makes the run ready; call it on [`threads`](Self::threads).
    ///
    /// # Errors
    /// What reading or quantizing meets, in words.
    pub fn prepare(&self) -> Result<(Run, Prepared)> {
        let base = Arc::new(match &self.model {
            Some(folder) => BaseModel::open(folder)?,
            None => BaseModel::embedded()?,
        });
        let seed = self.settings.seed;
        let (mut data, file) = match &self.data {
            Some(path) => {
                let found = base.examples(path, self.cutoff, seed)?;
                let file = Losses::of(&found);
                (found.data, Some(file))
            }
            None => (base.orders(seed, EXAMPLES.0, EXAMPLES.1)?, None),
        };
        if let Some(path) = &self.base_text {
            data.base_text = Some(base.text(path)?);
        }
        let examples = (data.train.len(), data.held_out.len());
        let run = Run::new(Arc::clone(&base), data, self.settings.clone())?;
        let prepared = Prepared {
            model: base.place.to_string(),
            examples,
            file,
            plain_template: base.template.is_plain,
            trained_values: run.trained_values(),
            predicted: run.predicted(),
            resumed_at: run.steps(),
        };
        Ok((run, prepared))
    }
}
