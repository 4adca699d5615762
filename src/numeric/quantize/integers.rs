//! Integers times one scale per group, with or without a zero point: the plainest block formats.
//!
//! With one group per row of a weight matrix and an FP32 scale this is the weight side of LLM.int8() (Dettmers et al.,
//! 2022). Groups of 64 or 128 along a row are what GPTQ, AWQ and HQQ store; those methods choose the codes with
//! calibration data or a search, this one rounds to the nearest.

use super::{half_or_largest, largest_magnitude, round_ties_even};

/// Values that share one scale unless said otherwise.
pub const GROUP: usize = 64;

/// Number of levels and how the scale is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Levels {
    /// −largest … largest times a scale.
    Symmetric {
        /// Largest code.
        largest: i8,
        /// The scale is rounded to FP16.
        half_scale: bool,
    },
    /// 0 … largest, less a zero point, times a scale; both are FP16.
    Asymmetric {
        /// Largest code.
        largest: i8,
    },
}

impl Levels {
    /// −127 … 127, FP32 scale: rows of LLM.int8().
    pub const INT8_ROWS: Self = Self::Symmetric { largest: 127, half_scale: false };
    /// −127 … 127, FP16 scale.
    pub const INT8: Self = Self::Symmetric { largest: 127, half_scale: true };
    /// −7 … 7, FP16 scale.
    pub const INT4: Self = Self::Symmetric { largest: 7, half_scale: true };
    /// 0 … 15, FP16 scale and zero point.
    pub const INT4_ASYMMETRIC: Self = Self::Asymmetric { largest: 15 };

    /// Line of a group: `value = scale · code + lowest`.
    fn line(self, group: &[f32]) -> Line {
        match self {
            Self::Symmetric { largest, half_scale } => {
                let absmax = largest_magnitude(group);
                let exact = absmax / f32::from(largest);
                let (scale, factor) = if half_scale {
                    let scale = half_or_largest(exact);
                    (scale, inverse(scale))
                } else {
                    // The library multiplies by this; the inverse of the scale would round differently.
                    (exact, if absmax > 0.0 { f32::from(largest) / absmax } else { 0.0 })
                };
                Line { scale, factor, lowest: 0.0 }
            }
            Self::Asymmetric { largest } => {
                let lowest = group.iter().fold(f32::INFINITY, |low, value| low.min(*value));
                let highest = group.iter().fold(f32::NEG_INFINITY, |high, value| high.max(*value));
                // In halves: the difference of two finite values may not be finite.
                let scale = half_or_largest((highest / 2.0 - lowest / 2.0) / f32::from(largest) * 2.0);
                Line { scale, factor: inverse(scale), lowest: half_or_largest(lowest) }
            }
        }
    }

    const fn range(self) -> (f32, f32) {
        match self {
            Self::Symmetric { largest, .. } => (-(largest as f32), largest as f32),
            Self::Asymmetric { largest } => (0.0, largest as f32),
        }
    }
}

/// 1 / scale; 0 where there is no scale, so that every code is 0.
fn inverse(scale: f32) -> f32 {
    if scale > 0.0 { 1.0 / scale } else { 0.0 }
}

/// How a group's codes become values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// Value of one step.
    pub scale: f32,
    /// What a value is multiplied by to get its code.
    factor: f32,
    /// Value of code 0.
    pub lowest: f32,
}

/// Codes with the scale of each group.
#[derive(Clone, Debug, PartialEq)]
pub struct Coded {
    /// One for each value.
    pub codes: Vec<i8>,
    /// One for each group, row by row.
    pub lines: Vec<Line>,
    /// Values of a row.
    pub columns: usize,
    /// Values of one group; the last of a row may be shorter.
    pub group: usize,
}

/// Quantizes rows of `columns` values in groups of `group`.
pub fn quantize(values: &[f32], columns: usize, group: usize, levels: Levels) -> Coded {
    let (columns, group) = (columns.max(1), group.max(1));
    let (lowest_code, largest_code) = levels.range();
    let mut codes = vec![0; values.len()];
    let mut lines = Vec::with_capacity(values.len().div_ceil(group));
    for (row, codes) in values.chunks(columns).zip(codes.chunks_mut(columns)) {
        for (chunk, codes) in row.chunks(group).zip(codes.chunks_mut(group)) {
            let line = levels.line(chunk);
            for (code, value) in codes.iter_mut().zip(chunk) {
                let steps = (value - line.lowest) * line.factor;
                *code = round_ties_even(steps.clamp(lowest_code, largest_code)) as i8;
            }
            lines.push(line);
        }
    }
    Coded { codes, lines, columns, group }
}

impl Coded {
    /// Writes what is read back; of unequal lengths the shorter counts.
    pub fn read_into(&self, out: &mut [f32]) {
        let mut lines = self.lines.iter();
        for (row, codes) in out.chunks_mut(self.columns).zip(self.codes.chunks(self.columns)) {
            for ((out, codes), line) in row.chunks_mut(self.group).zip(codes.chunks(self.group)).zip(lines.by_ref()) {
                for (out, code) in out.iter_mut().zip(codes) {
                    *out = f32::from(*code) * line.scale + line.lowest;
                }
            }
        }
    }

    /// What is read back.
    pub fn values(&self) -> Vec<f32> {
        let mut values = vec![0.0; self.codes.len()];
        self.read_into(&mut values);
        values
    }
}
