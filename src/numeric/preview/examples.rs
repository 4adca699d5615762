//! Examples for a base model: the built-in task, or the lines of a file.

use super::base_model::BaseModel;
use super::config::unsuitable;
use super::corpus::{Example, orders};
use super::data::{Data, Sequence, Shuffled};
use super::lora::Random;
use super::ops::IGNORED;
use super::pass::Batch;
use super::pretrain::text_batch;
use super::{PreviewError, Result};
use crate::data::rows::{BadLine, Message, Row, read};
use crate::data::template::Budget;
use crate::files;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

/// Held-out examples at most.
const MOST_HELD_OUT: usize = 48;
/// One of so many examples is held out.
const HELD_OUT_SHARE: usize = 10;
/// Largest file that is read.
const MOST_BYTES: u64 = 256 << 20;
/// Windows of a text of the base, and tokens of each.
const WINDOWS: (usize, usize) = (16, 128);

/// What came of a file of examples.
#[derive(Debug)]
pub struct Found {
    /// To learn from and test with.
    pub data: Data,
    /// Lines that are no examples, or that the template refuses.
    pub bad: Vec<BadLine>,
    /// Examples that were cut off at the end.
    pub cut: usize,
    /// Tokens that were cut off.
    pub cut_tokens: u64,
    /// Examples of whose answer nothing was left, and that were left out.
    pub without_answer: usize,
    /// Examples that are the same as another and were left out.
    pub duplicates: usize,
}

impl BaseModel {
    /// The built-in task: `count` orders in words to be turned into JSON, and `held_out` others to test with.
    pub fn orders(&self, seed: u64, count: usize, held_out: usize) -> Result<Data> {
        let (train, held_out) = orders(seed, count, held_out);
        let sequences = |examples: &[Example]| -> Result<Vec<Sequence>> {
            examples
                .iter()
                .map(|example| {
                    let turns = [Message::new("user", &*example.prompt), Message::new("assistant", &*example.answer)];
                    self.sequence(&Row::Chat(turns.to_vec()))
                })
                .collect()
        };
        Ok(Data {
            train: sequences(&train)?,
            held_out: sequences(&held_out)?,
            base_text: Some(base_text()),
            tokens: Arc::clone(&self.tokens),
        })
    }

    /// Examples of a JSONL file, cut off at `cutoff` tokens; every tenth, chosen by the seed, is held out.
    ///
    /// # Errors
    /// The file cannot be read, fewer than two examples are left, or tokens are beyond the model's table.
    pub fn examples(&self, path: &Path, cutoff: usize, seed: u64) -> Result<Found> {
        let bytes = files::read(path, MOST_BYTES)?;
        let mut budget = Budget::of(bytes.len());
        let (rows, mut bad) = read(&bytes);
        drop(bytes);
        let cutoff = cutoff.min(self.config.max_position_embeddings);
        let (mut cut, mut cut_tokens, mut without_answer, mut duplicates) = (0, 0_u64, 0, 0);
        let mut seen = BTreeSet::new();
        let mut sequences = Vec::new();
        for (number, row) in rows {
            let mut sequence = match self.sequence_within(&row, &mut budget) {
                Ok(sequence) => sequence,
                // It would be so for every line.
                Err(PreviewError::Foreign { file, reason }) => {
                    let reason = format!("{reason}; seen at line {number} of {}", path.display());
                    return Err(PreviewError::Foreign { file, reason });
                }
                Err(error) => {
                    bad.push(BadLine { number, message: error.to_string() });
                    continue;
                }
            };
            self.check(&sequence.tokens, path, number)?;
            if sequence.tokens.len() > cutoff {
                cut += 1;
                cut_tokens += (sequence.tokens.len() - cutoff) as u64;
                sequence.tokens.truncate(cutoff);
                sequence.learned.truncate(cutoff);
            }
            if sequence.targets() == 0 {
                without_answer += 1;
            } else if seen.insert(sequence.tokens.clone()) {
                sequences.push(sequence);
            } else {
                duplicates += 1;
            }
        }
        bad.sort_by_key(|bad| bad.number);
        if sequences.len() < 2 {
            let first = bad.first().map_or_else(String::new, |bad| format!("; {bad}"));
            let message = format!(
                "{} examples are left of it, and a run needs 2: {} bad lines, {without_answer} without an answer within \
                 {cutoff} tokens{first}",
                sequences.len(),
                bad.len()
            );
            return Err(PreviewError::at(path, message));
        }
        let held_out = (sequences.len() / HELD_OUT_SHARE).clamp(1, MOST_HELD_OUT);
        let order = Shuffled::new(sequences.len(), seed ^ 0x0E1D).take(sequences.len());
        let of = |places: &[usize]| places.iter().filter_map(|place| sequences.get(*place).cloned()).collect();
        let (tested, trained) = order.split_at(held_out);
        let data = Data {
            train: of(trained),
            held_out: of(tested),
            base_text: self.is_embedded().then(base_text),
            tokens: Arc::clone(&self.tokens),
        };
        Ok(Found { data, bad, cut, cut_tokens, without_answer, duplicates })
    }

    /// A file of plain text such as the base was made from, in windows, to see what is forgotten.
    ///
    /// # Errors
    /// The file cannot be read, is no text, or has less than a window of it.
    pub fn text(&self, path: &Path) -> Result<Batch> {
        let text = files::read_text(path, MOST_BYTES)?;
        let length = WINDOWS.1.min(self.config.max_position_embeddings);
        let tokens = self.tokens.encode(&text, false)?.ids;
        self.check(&tokens, path, 1)?;
        let windows = tokens.len().saturating_sub(1) / length;
        if windows == 0 {
            let message = format!("it has {} tokens, and a window needs {}", tokens.len(), length + 1);
            return Err(PreviewError::at(path, message));
        }
        // Spread over the whole text.
        let wanted = windows.min(WINDOWS.0);
        let mut batch = Batch { tokens: Vec::new(), targets: Vec::new(), length };
        for window in 0..wanted {
            let start = window * windows / wanted * length;
            batch.tokens.extend_from_slice(&tokens[start..start + length]);
            batch.targets.extend_from_slice(&tokens[start + 1..start + length]);
            batch.targets.push(IGNORED);
        }
        Ok(batch)
    }

    fn is_embedded(&self) -> bool {
        self.place == super::base_model::Place::Embedded
    }

    /// Refuses tokens beyond the model's table.
    fn check(&self, tokens: &[u32], path: &Path, line: usize) -> Result<()> {
        let rows = self.config.vocab_size;
        match tokens.iter().find(|token| **token as usize >= rows) {
            None => Ok(()),
            Some(token) => Err(PreviewError::at(
                path,
                format!(
                    "line {line} has the token {token}, and the model's table has {rows} rows: this tokenizer is not the \
                     model's"
                ),
            )),
        }
    }

    /// An example as tokens, with what is learned of it.
    pub fn sequence(&self, row: &Row) -> Result<Sequence> {
        let bytes = match row {
            Row::Chat(messages) => messages.iter().map(|message| message.content.len()).sum(),
            Row::Pair { .. } | Row::Text(_) => 0,
        };
        self.sequence_within(row, &mut Budget::of(bytes))
    }

    fn sequence_within(&self, row: &Row, budget: &mut Budget) -> Result<Sequence> {
        let (text, said, framed) = match row {
            Row::Chat(messages) => {
                let (text, said) = self.template.conversation(messages, budget)?;
                (text, said, false)
            }
            Row::Pair { prompt, completion } => {
                let text = format!("{prompt}{completion}");
                let said = prompt.len()..text.len();
                (text, vec![said], true)
            }
            Row::Text(text) => {
                let said = 0..text.len();
                (text.clone(), vec![said], true)
            }
        };
        let encoded = self.tokens.encode(&text, framed)?;
        // A token is learned when it begins within what is said; a special one has no place of its own.
        let is_said =
            |place: &std::ops::Range<usize>| !place.is_empty() && said.iter().any(|s| s.contains(&place.start));
        let mut learned: Vec<bool> = encoded.places.iter().map(is_said).collect();
        let mut tokens = encoded.ids;
        if let Some(end) = self.tokens.end().filter(|end| framed && tokens.last() != Some(end)) {
            tokens.push(end);
            learned.push(true);
        }
        if tokens.is_empty() {
            return Err(unsuitable("it has no tokens".to_owned()));
        }
        Ok(Sequence { tokens, learned })
    }
}

/// Text such as the embedded model was made from, which it was not trained on.
pub fn base_text() -> Batch {
    text_batch(&mut Random(u64::MAX), WINDOWS.0, WINDOWS.1)
}
