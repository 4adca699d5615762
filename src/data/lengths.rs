//! The tokens of every row of a file under a trainer, and one row in detail.

use crate::model::TextModel;
use crate::node::Node;
use crate::records::{Piece, Records, Spot};
use crate::trainers::{Made, Preparation, Trainer, Verdict};
use crate::{DataError, Result, files, source};
use std::path::Path;

/// What is asked.
#[derive(Clone, Debug)]
pub struct Question<'q> {
    /// The file.
    pub path: &'q Path,
    /// The trainer.
    pub trainer: Trainer,
    /// Tokens a row may have.
    pub cutoff: usize,
    /// LLaMA-Factory's template, by name.
    pub template: Option<&'q str>,
}

/// A row in short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowLength {
    /// Physical line, from 1.
    pub line: u64,
    /// Tokens before the cut.
    pub tokens: usize,
    /// Tokens that go to the model.
    pub kept: usize,
    /// Tokens that are trained, after the cut.
    pub trained: usize,
    /// What becomes of it.
    pub verdict: Verdict,
    /// Why, where it is not kept.
    pub reason: String,
}

/// The rows of a file.
#[derive(Clone, Debug)]
pub struct Lengths {
    /// Each row.
    pub rows: Vec<RowLength>,
    /// The template of LLaMA-Factory that was used.
    pub template: Option<&'static str>,
}

impl Lengths {
    /// How many rows have a verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.rows.iter().filter(|row| row.verdict == verdict).count()
    }

    /// Tokens of all rows before the cut, without those of rows the trainer does not take.
    pub fn tokens(&self) -> u64 {
        self.rows.iter().map(|row| row.tokens as u64).sum()
    }

    /// Tokens that go to the model in an epoch.
    pub fn kept_tokens(&self) -> u64 {
        self.rows.iter().map(|row| row.kept as u64).sum()
    }

    /// Tokens that are trained in an epoch.
    pub fn trained_tokens(&self) -> u64 {
        self.rows.iter().map(|row| row.trained as u64).sum()
    }

    /// The length that this share of the rows does not exceed, by the nearest rank; before the cut.
    pub fn percentile(&self, share: f64) -> usize {
        let mut lengths: Vec<usize> =
            self.rows.iter().filter(|row| row.verdict != Verdict::Rejected).map(|row| row.tokens).collect();
        lengths.sort_unstable();
        let rank = (share * lengths.len() as f64).ceil() as usize;
        lengths.get(rank.clamp(1, lengths.len().max(1)) - 1).copied().unwrap_or(0)
    }
}

/// The lengths of all rows.
///
/// # Errors
/// The file cannot be read, or the tokenizer or template cannot be worked with.
pub fn lengths(model: &TextModel, question: &Question<'_>) -> Result<Lengths> {
    let mut rows = Vec::new();
    let template = go_through(model, question, |spot, _, made| {
        rows.push(RowLength {
            line: spot.line,
            tokens: made.whole.ids.len(),
            kept: made.kept.ids.len(),
            trained: made.kept.trained_tokens(),
            verdict: made.verdict,
            reason: made.reason,
        });
        Flow::On
    })?;
    Ok(Lengths { rows, template })
}

/// A row with its tokens.
#[derive(Clone, Debug)]
pub struct Masked {
    /// Where it begins.
    pub spot: Spot,
    /// What the trainer makes of it.
    pub made: Made,
    /// Each token as text, before the cut.
    pub pieces: Vec<String>,
}

/// One row, by its number from 1.
///
/// # Errors
/// Likewise; or there are not so many rows.
pub fn mask(model: &TextModel, question: &Question<'_>, number: u64) -> Result<Masked> {
    let mut found = None;
    go_through(model, question, |spot, at, made| {
        if at < number {
            return Flow::On;
        }
        found = Some((spot, made));
        Flow::Enough
    })?;
    let (spot, made) = found.ok_or_else(|| {
        DataError::Unsuitable(format!("{} has fewer than {number} rows that can be read", question.path.display()))
    })?;
    let shown = if made.whole.ids.is_empty() { &made.kept.ids } else { &made.whole.ids };
    let pieces = model.tokens.pieces(shown)?;
    Ok(Masked { spot, made, pieces })
}

/// Whether more rows are wanted.
enum Flow {
    On,
    Enough,
}

fn go_through(
    model: &TextModel,
    question: &Question<'_>,
    mut each: impl FnMut(Spot, u64, Made) -> Flow,
) -> Result<Option<&'static str>> {
    let path = question.path;
    let told = |error: String| DataError::File { path: path.display().to_string(), error };
    let source = source::open(path)?;
    if let Some(foreign) = source.foreign {
        return Err(told(format!("it is {}, which is not read here", foreign.name())));
    }
    let (trainer, cutoff) = (question.trainer, question.cutoff);
    // A packed file may hold many times its size.
    let bytes = source.size_bytes.saturating_mul(if source.packing == source::Packing::Plain { 1 } else { 20 });
    let mut preparation = Preparation::new(model, trainer, cutoff, question.template, bytes)?;
    let mut records = Records::new(source.reader).map_err(|error| told(files::cause(&error)))?;
    let mut number = 0;
    while let Some(piece) = records.next_piece().map_err(|error| told(files::cause(&error)))? {
        let (spot, made) = match piece {
            Piece::Json { spot, text, .. } => (spot, row_of(&mut preparation, text)?),
            Piece::Cells { spot, node, .. } => (spot, preparation.make(&node)?),
            Piece::Line { spot, text } => {
                let text = String::from_utf8_lossy(text.strip_suffix(b"\r").unwrap_or(text));
                let node = Node::Map(vec![("text".into(), Node::Text(text))]);
                (spot, preparation.make(&node)?)
            }
            Piece::TooLong(spot) | Piece::Stray(spot) => (spot, unreadable("it cannot be read")),
            Piece::Blank(_) | Piece::Unclosed(_) => continue,
        };
        number += 1;
        if matches!(each(spot, number, made), Flow::Enough) {
            break;
        }
    }
    Ok(preparation.template_name())
}

/// Loaders stop at such a row; the others are counted all the same.
fn row_of(preparation: &mut Preparation<'_>, text: &[u8]) -> Result<Made> {
    let Ok(text) = std::str::from_utf8(text) else { return Ok(unreadable("it is no UTF-8: loaders refuse the file")) };
    match Node::parse(text) {
        Ok(node) if node.as_map().is_some() => preparation.make(&node),
        Ok(node) => Ok(unreadable(&format!("it is a {}, no object", node.kind()))),
        Err(error) => Ok(unreadable(&format!("it is no JSON: {}", crate::place::reason(&error)))),
    }
}

fn unreadable(reason: &str) -> Made {
    Made {
        whole: crate::trainers::Labelled::default(),
        kept: crate::trainers::Labelled::default(),
        verdict: Verdict::Rejected,
        reason: reason.to_owned(),
    }
}
