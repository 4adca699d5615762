//! Rows by their places.

use crate::findings::Place;
use crate::records::{Piece, Records, Spot};
use crate::{DataError, Result, files, source};
use std::path::Path;

/// Longest text of a row that is given, in bytes.
const MAX_TEXT_BYTES: usize = 1 << 20;

/// The text of the row that each place lies in, in order; places must be sorted. A row of a table is given as JSON.
///
/// # Errors
/// The file cannot be read.
pub fn rows_of(path: &Path, places: &[Place]) -> Result<Vec<String>> {
    let mut texts: Vec<String> = Vec::with_capacity(places.len());
    if places.is_empty() {
        return Ok(texts);
    }
    let told =
        |error: &std::io::Error| DataError::File { path: path.display().to_string(), error: files::cause(error) };
    let mut records = Records::new(source::open(path)?.reader).map_err(|error| told(&error))?;
    let mut last = String::new();
    // A place lies in the last row that begins before it.
    while let Ok(Some(piece)) = records.next_piece() {
        let (spot, text) = row(piece);
        while texts.len() < places.len() && places[texts.len()].byte < spot.byte {
            texts.push(last.clone());
        }
        if texts.len() == places.len() {
            return Ok(texts);
        }
        last = text;
    }
    while texts.len() < places.len() {
        texts.push(last.clone());
    }
    Ok(texts)
}

fn row(piece: Piece<'_>) -> (Spot, String) {
    let cut = |text: &[u8]| String::from_utf8_lossy(&text[..text.len().min(MAX_TEXT_BYTES)]).trim_end().to_owned();
    match piece {
        Piece::Json { spot, text, .. } | Piece::Line { spot, text } => (spot, cut(text)),
        Piece::Cells { spot, node, .. } => {
            let cells = node.as_map().unwrap_or_default().iter();
            let cells = cells.map(|(name, cell)| (name.to_string(), cell.as_str().unwrap_or_default().into()));
            (spot, serde_json::Value::Object(cells.collect()).to_string())
        }
        Piece::Blank(spot) | Piece::TooLong(spot) | Piece::Stray(spot) | Piece::Unclosed(spot) => (spot, String::new()),
    }
}
