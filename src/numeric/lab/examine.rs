//! One tensor: what its values are like, and what each format makes of them.

use super::LabError;
use super::source::{Entry, Source};
use super::tally::{Tally, VALUE_BINS, value_bin};
use crate::quantize::{Codec, QuantizeError, Whole, dynamic8, table4};
use rayon::iter::{IntoParallelRefIterator as _, ParallelIterator as _};

/// How much of a tensor is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Some pieces, evenly spread: an answer at once, with a sampling error of some percent.
    Sample,
    /// All of it.
    Full,
}

/// A tensor examined.
#[derive(Clone, Debug, PartialEq)]
pub struct TensorReport {
    /// Its place among the source's entries.
    pub index: usize,
    /// Name.
    pub name: String,
    /// Rows and values of a row.
    pub shape: (u64, u64),
    /// Values that were looked at.
    pub examined: u64,
    /// Mean of them.
    pub mean: f64,
    /// Their standard deviation.
    pub sigma: f64,
    /// The largest magnitude of them.
    pub absmax: f32,
    /// How many values lie where: bins over six standard deviations to each side of the mean.
    pub values: Vec<u64>,
    /// Columns (inputs) whose root mean square is over [`OUTLIER_RATIO`] times the median of all columns, largest first.
    pub outlier_columns: Vec<OutlierColumn>,
    /// What each format made of it, in the order that was asked for.
    pub tried: Vec<(Codec, Result<Tried, QuantizeError>)>,
}

impl AsRef<Self> for TensorReport {
    fn as_ref(&self) -> &Self {
        self
    }
}

/// A column that is much larger than the others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OutlierColumn {
    /// Which.
    pub column: usize,
    /// Its root mean square over the median of all columns.
    pub ratio: f64,
}

/// A column is an outlier from this many times the median on. The program's own convention: LLM.int8() speaks of
/// activations, which weights alone do not tell.
pub const OUTLIER_RATIO: f64 = 3.0;

/// What a format made of a tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Tried {
    /// Bits of the whole tensor in this format, constants included.
    pub bits: u64,
    /// Its errors.
    pub errors: Tally,
}

/// No block of any format ends inside a piece of a multiple of so many values: 256 scales of 64 values.
const ALIGNED: u64 = (dynamic8::BLOCK * table4::BLOCK) as u64;
/// Values of a piece, about: 4 MiB.
const PIECE: u64 = 1 << 20;
/// Most values of a piece where rows are of an odd size. Blocks that run across pieces are then cut; that changes the
/// scale of one block in some hundred thousand.
const LARGEST_PIECE: u64 = 1 << 23;
/// Pieces of a sample.
const SAMPLED_PIECES: u64 = 8;

/// Examines a tensor of `source`. `None` if `stop` said so.
pub fn examine(
    source: &Source,
    index: usize,
    codecs: &[Codec],
    depth: Depth,
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<Option<TensorReport>, LabError> {
    let Some(entry) = source.entries.get(index).filter(|entry| entry.is_tried()) else { return Ok(None) };
    let (rows, columns) = entry.rows_and_columns();
    let pieces = pieces(entry, depth);
    let first: Vec<First> = pieces
        .par_iter()
        .map(|piece| if stop() { Ok(First::default()) } else { Ok(First::of(&piece.read(source, entry)?, columns)) })
        .collect::<Result<_, LabError>>()?;
    let mut all = First::default();
    for part in &first {
        all.merge(part);
    }
    let examined = all.whole.count;
    let mean = all.sum / examined.max(1) as f64;
    let sigma = (all.squares / examined.max(1) as f64 - mean * mean).max(0.0).sqrt();
    let second: Vec<Option<Second>> = pieces
        .par_iter()
        .map(|piece| {
            if stop() {
                return Ok(None);
            }
            let values = piece.read(source, entry)?;
            Ok(Some(Second::of(&values, columns as usize, codecs, &all.whole, mean as f32, sigma as f32)))
        })
        .collect::<Result<_, LabError>>()?;
    if stop() {
        return Ok(None);
    }
    let mut values = vec![0; VALUE_BINS];
    let mut tallies: Vec<Result<Tally, QuantizeError>> = codecs.iter().map(|_| Ok(Tally::default())).collect();
    // In the order of the pieces, so that the sums are the same however many threads there are.
    for part in second.into_iter().flatten() {
        values.iter_mut().zip(&part.values).for_each(|(sum, more)| *sum += more);
        for (sum, more) in tallies.iter_mut().zip(part.tallies) {
            match (sum.as_mut(), more) {
                (Ok(sum), Ok(more)) => sum.merge(&more),
                (Ok(_), Err(error)) => *sum = Err(error),
                (Err(_), _) => {}
            }
        }
    }
    let tried = codecs.iter().zip(tallies).map(|(codec, errors)| {
        let bits = codec.stored_bits(rows, columns);
        (*codec, errors.map(|errors| Tried { bits, errors }))
    });
    Ok(Some(TensorReport {
        index,
        name: entry.tensor.name.clone(),
        shape: (rows, columns),
        examined,
        mean,
        sigma,
        absmax: all.whole.absmax,
        values,
        outlier_columns: outlier_columns(&all.column_squares),
        tried: tried.collect(),
    }))
}

/// Values of a tensor that are read together: whole rows.
#[derive(Clone, Copy, Debug)]
struct Piece {
    first: u64,
    count: u64,
}

impl Piece {
    fn read(self, source: &Source, entry: &Entry) -> Result<Vec<f32>, LabError> {
        source.read(entry, self.first, self.count)
    }
}

fn pieces(entry: &Entry, depth: Depth) -> Vec<Piece> {
    let (rows, columns) = entry.rows_and_columns();
    // Rows that together have whole blocks of every format, and of the storage.
    let whole = ALIGNED.max(entry.values_of_a_block());
    let together = whole / greatest_common_divisor(whole, columns);
    let wanted = if depth == Depth::Full { PIECE } else { 1 };
    let mut rows_of_piece = together * (wanted / (together * columns)).max(1);
    if rows_of_piece * columns > LARGEST_PIECE {
        rows_of_piece = (LARGEST_PIECE / columns).max(1);
    }
    let all: Vec<Piece> = (0..rows.div_ceil(rows_of_piece))
        .map(|i| {
            let first = i * rows_of_piece;
            Piece { first: first * columns, count: rows_of_piece.min(rows - first) * columns }
        })
        .collect();
    match depth {
        Depth::Full => all,
        Depth::Sample => {
            let step = (all.len() as u64).div_ceil(SAMPLED_PIECES).max(1);
            all.into_iter().step_by(step as usize).collect()
        }
    }
}

const fn greatest_common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

/// What must be known before the first value is coded.
#[derive(Clone, Debug, Default)]
struct First {
    whole: Whole,
    sum: f64,
    squares: f64,
    column_squares: Vec<f64>,
}

impl First {
    fn of(values: &[f32], columns: u64) -> Self {
        let mut column_squares = vec![0.0; columns as usize];
        let mut sum = 0.0;
        for row in values.chunks(columns as usize) {
            sum += row.iter().map(|value| f64::from(*value)).sum::<f64>();
            for (square, value) in column_squares.iter_mut().zip(row) {
                *square += f64::from(*value) * f64::from(*value);
            }
        }
        Self { whole: Whole::of(values), sum, squares: column_squares.iter().sum(), column_squares }
    }

    fn merge(&mut self, other: &Self) {
        self.whole.merge(&other.whole);
        self.sum += other.sum;
        self.squares += other.squares;
        self.column_squares.resize(self.column_squares.len().max(other.column_squares.len()), 0.0);
        for (square, more) in self.column_squares.iter_mut().zip(&other.column_squares) {
            *square += more;
        }
    }
}

/// What a piece became in each format.
struct Second {
    values: Vec<u64>,
    tallies: Vec<Result<Tally, QuantizeError>>,
}

impl Second {
    fn of(values: &[f32], columns: usize, codecs: &[Codec], whole: &Whole, mean: f32, sigma: f32) -> Self {
        let mut bins = vec![0; VALUE_BINS];
        let scale = if sigma > 0.0 { 1.0 / sigma } else { 0.0 };
        for value in values {
            bins[value_bin((value - mean) * scale)] += 1;
        }
        let tallies = codecs
            .par_iter()
            .map(|codec| {
                let after = codec.pack(values, columns, whole)?.values();
                let mut tally = Tally::default();
                tally.add(values, &after, sigma);
                Ok(tally)
            })
            .collect();
        Self { values: bins, tallies }
    }
}

fn outlier_columns(squares: &[f64]) -> Vec<OutlierColumn> {
    let mut sorted = squares.to_vec();
    sorted.sort_by(f64::total_cmp);
    let Some(median) = sorted.get(sorted.len() / 2).filter(|median| **median > 0.0) else { return Vec::new() };
    let mut found: Vec<OutlierColumn> = squares
        .iter()
        .enumerate()
        .map(|(column, square)| OutlierColumn { column, ratio: (square / median).sqrt() })
        .filter(|column| column.ratio > OUTLIER_RATIO)
        .collect();
    found.sort_by(|a, b| b.ratio.total_cmp(&a.ratio));
    found
}
