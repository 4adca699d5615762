//! Integers times one scale per block: the plainest block format, against which the others are measured.
//!
//! With one block per row of a weight matrix this is the weight side of LLM.int8() (Dettmers et al., 2022).

use super::largest_magnitude;
use super::scalar::{FP16, ScalarFormat};

/// Values that share one scale in the comparison.
pub const BLOCK: usize = 64;

/// Number of levels and how the scale is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Levels {
    /// Codes run from −largest to largest.
    pub largest: i8,
    /// The scale is rounded to FP16.
    pub half_scale: bool,
}

impl Levels {
    /// −127 … 127, FP32 scale.
    pub const INT8: Self = Self { largest: 127, half_scale: false };
    /// −7 … 7, FP16 scale.
    pub const INT4: Self = Self { largest: 7, half_scale: true };
}

/// Codes with the scale of each block.
#[derive(Clone, Debug, PartialEq)]
pub struct Absmax {
    /// One for each value.
    pub codes: Vec<i8>,
    /// Value of one step, one for each block.
    pub steps: Vec<f32>,
    /// Values of one block.
    pub block: usize,
}

/// Quantizes in blocks of `block` values; the last may be short.
pub fn quantize(values: &[f32], block: usize, levels: Levels) -> Absmax {
    let block = block.max(1);
    let largest = f32::from(levels.largest);
    let mut codes = Vec::with_capacity(values.len());
    let mut steps = Vec::with_capacity(values.len().div_ceil(block));
    for chunk in values.chunks(block) {
        let absmax = largest_magnitude(chunk);
        let exact = absmax / largest;
        let step = if levels.half_scale { half(exact) } else { exact };
        let factor = if levels.half_scale {
            if step > 0.0 { 1.0 / step } else { 0.0 }
        } else if absmax > 0.0 {
            largest / absmax
        } else {
            0.0
        };
        codes.extend(chunk.iter().map(|value| (value * factor).round_ties_even().clamp(-largest, largest) as i8));
        steps.push(step);
    }
    Absmax { codes, steps, block }
}

/// Rounded to FP16; a scale beyond its range stays at its largest value.
fn half(value: f32) -> f32 {
    let format = ScalarFormat::Float(&FP16);
    format.encode(f64::from(value)).value.min(format.largest()) as f32
}

impl Absmax {
    /// What is read back.
    pub fn values(&self) -> Vec<f32> {
        let step = |index: usize| self.steps.get(index / self.block).copied().unwrap_or_default();
        self.codes.iter().enumerate().map(|(i, &code)| f32::from(code) * step(i)).collect()
    }
}
