//! What a low rank holds of a matrix and of what quantization loses of it.
//!
//! LoRA's update has rank r: how much a matrix of rank r can hold of the weights, or of the error of their format, is in
//! their singular values. LoftQ (Li et al., 2023) starts the adapter on the largest directions of the error; PiSSA (Meng et
//! al., 2024) on those of the weights, and quantizes the rest; LoRA itself starts at nothing and recovers nothing until it
//! is trained.

use super::LabError;
use super::source::Source;
use crate::linear_algebra::{Svd, svd};
use crate::quantize::{Codec, Whole};

/// Ranks that are shown.
pub const RANKS: [usize; 5] = [4, 8, 16, 32, 64];
/// Singular values that are sought: the largest.
const SOUGHT: usize = 64;
/// Most values of a matrix; a larger one would need gigabytes at once.
const MOST_VALUES: u64 = 1 << 27;

/// A matrix in a format, direction by direction.
#[derive(Clone, Debug, PartialEq)]
pub struct LowRank {
    /// The format.
    pub codec: Codec,
    /// Largest singular values of the weights, descending.
    pub weight_values: Vec<f64>,
    /// Largest singular values of what the format loses, descending.
    pub error_values: Vec<f64>,
    /// Σ weight², all directions together.
    pub weight_energy: f64,
    /// Σ error².
    pub error_energy: f64,
    /// What adapters of each rank recover.
    pub recovered: Vec<Recovered>,
}

/// What an adapter of one rank can hold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recovered {
    /// r.
    pub rank: usize,
    /// Share of Σ weight² in the r largest directions.
    pub captured: f64,
    /// ‖W − Q − BA‖ / ‖W‖ after LoftQ's first turn: the r largest directions of the error.
    pub loftq: f64,
    /// The same with PiSSA: the r largest directions of the weights in the adapter, the rest quantized.
    pub pissa: f64,
}

impl LowRank {
    /// ‖W − Q‖ / ‖W‖: the error that LoRA with a zero start begins with.
    pub fn plain(&self) -> f64 {
        (self.error_energy / self.weight_energy.max(f64::MIN_POSITIVE)).sqrt()
    }

    /// How many of the largest directions hold `share` of Σ weight²; `None` where more would be needed than were sought.
    pub fn directions_for(&self, share: f64) -> Option<usize> {
        let mut held = 0.0;
        let enough = |value: &f64| {
            held += value * value;
            held >= share * self.weight_energy
        };
        self.weight_values.iter().position(enough).map(|position| position + 1)
    }
}

/// Looks at a tensor of `source`, whole.
pub fn look(source: &Source, index: usize, codec: Codec) -> Result<LowRank, LabError> {
    let Some(entry) = source.entries.get(index).filter(|entry| entry.is_tried()) else {
        return Err(LabError { place: source.name.clone(), message: "there is no such matrix".to_owned() });
    };
    let wrong = |message: String| LabError { place: format!("tensor `{}`", entry.tensor.name), message };
    if entry.tensor.values > MOST_VALUES {
        return Err(wrong(format!("over {} million values: too large to be decomposed here", MOST_VALUES >> 20)));
    }
    let (rows, columns) = entry.rows_and_columns();
    let values = source.read(entry, 0, entry.tensor.values)?;
    of(&values, rows as usize, columns as usize, codec).map_err(wrong)
}

/// Decomposes a row-major matrix.
pub fn of(values: &[f32], rows: usize, columns: usize, codec: Codec) -> Result<LowRank, String> {
    let error_of = |values: &[f32]| -> Result<Vec<f32>, String> {
        let packed = codec.pack(values, columns, &Whole::of(values)).map_err(|error| error.to_string())?;
        let mut after = packed.values();
        for (after, value) in after.iter_mut().zip(values) {
            *after = value - *after;
        }
        Ok(after)
    };
    let energy = |values: &[f32]| values.iter().map(|value| f64::from(*value) * f64::from(*value)).sum::<f64>();
    let taken_apart = |values: &[f32]| svd(values, rows, columns, SOUGHT).map_err(|error| error.to_string());
    let error = error_of(values)?;
    let (weight_energy, error_energy) = (energy(values), energy(&error));
    let of_weight = taken_apart(values)?;
    let of_error = taken_apart(&error)?;
    drop(error);
    let length = weight_energy.max(f64::MIN_POSITIVE);
    let held = |svd: &Svd, rank: usize| svd.values.iter().take(rank).map(|value| value * value).sum::<f64>();
    let recovered = RANKS
        .into_iter()
        .filter(|rank| *rank <= of_weight.values.len())
        .map(|rank| {
            let rest = without(values, columns, &of_weight, rank);
            Ok(Recovered {
                rank,
                captured: (held(&of_weight, rank) / length).min(1.0),
                loftq: ((error_energy - held(&of_error, rank)).max(0.0) / length).sqrt(),
                pissa: (energy(&error_of(&rest)?) / length).sqrt(),
            })
        })
        .collect::<Result<_, String>>()?;
    Ok(LowRank {
        codec,
        weight_values: of_weight.values,
        error_values: of_error.values,
        weight_energy,
        error_energy,
        recovered,
    })
}

/// The matrix without its `rank` largest directions.
fn without(values: &[f32], columns: usize, svd: &Svd, rank: usize) -> Vec<f32> {
    let mut rest = values.to_vec();
    for ((value, left), right) in svd.values.iter().zip(&svd.left).zip(&svd.right).take(rank) {
        for (row, left) in rest.chunks_mut(columns.max(1)).zip(left) {
            let factor = value * left;
            for (slot, right) in row.iter_mut().zip(right) {
                *slot -= (factor * right) as f32;
            }
        }
    }
    rest
}
