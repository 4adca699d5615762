//! NF4: 4-bit codes for normally distributed weights, as bitsandbytes writes them.
//!
//! Dettmers et al., "QLoRA", 2023, appendix E gives the levels; rounding, packing and the treatment of zero blocks
//! follow bitsandbytes 0.50 and are held by vectors that it produced.

use super::dynamic8::{self, Dynamic8};
use super::largest_magnitude;

/// Values that share one absmax by default.
pub const BLOCK: usize = 64;

/// The 16 levels, ascending: quantiles of a normal distribution, scaled to −1 … 1, with an exact zero.
pub const LEVELS: [f32; 16] = [
    -1.0,
    -0.696_192_8,
    -0.525_073_05,
    -0.394_917_5,
    -0.284_441_38,
    -0.184_773_43,
    -0.091_050_036,
    0.0,
    0.079_580_3,
    0.160_930_2,
    0.246_112_3,
    0.337_915_24,
    0.440_709_83,
    0.562_617,
    0.722_956_84,
    1.0,
];

/// Code of the level 0.
const ZERO: u8 = 7;

/// Codes with the absmax of each block.
#[derive(Clone, Debug, PartialEq)]
pub struct Nf4 {
    /// Index into [`LEVELS`], one for each value.
    pub codes: Vec<u8>,
    /// One for each block.
    pub absmax: Vec<f32>,
    /// Values of one block.
    pub block: usize,
}

/// Quantizes in blocks of `block` values along the flattened tensor; the last may be short.
pub fn quantize(values: &[f32], block: usize) -> Nf4 {
    let block = block.max(1);
    let absmax: Vec<f32> = values.chunks(block).map(largest_magnitude).collect();
    let codes = values
        .chunks(block)
        .zip(&absmax)
        .flat_map(|(chunk, &absmax)| {
            // The library multiplies by the reciprocal: a division would round differently.
            let factor = 1.0 / absmax.max(1e-38);
            chunk.iter().map(move |value| nearest((value * factor).clamp(-1.0, 1.0)))
        })
        .collect();
    Nf4 { codes, absmax, block }
}

/// Code of the nearest level: the number of midpoints below `value`, so that half-way goes down.
fn nearest(value: f32) -> u8 {
    LEVELS.windows(2).filter(|pair| f32::midpoint(pair[0], pair[1]) < value).count() as u8
}

impl Nf4 {
    /// What is read back.
    pub fn values(&self) -> Vec<f32> {
        let scale = |index: usize| self.absmax.get(index / self.block).copied().unwrap_or_default();
        self.codes.iter().enumerate().map(|(i, &code)| LEVELS[usize::from(code & 15)] * scale(i)).collect()
    }

    /// Bytes as stored: the first value of a pair in the high half; an odd count is filled up with a zero.
    pub fn packed(&self) -> Vec<u8> {
        self.codes.chunks(2).map(|pair| (pair[0] << 4) | pair.get(1).copied().unwrap_or(ZERO)).collect()
    }
}

/// Scales that were quantized in turn.
#[derive(Clone, Debug, PartialEq)]
pub struct QuantizedScales {
    /// Scales less their mean, in 8 bits.
    pub coded: Dynamic8,
    /// The mean.
    pub offset: f32,
}

/// Double quantization: the scales of the blocks, less their mean, in 8-bit blocks of 256.
pub fn quantize_scales(absmax: &[f32]) -> QuantizedScales {
    // Summed in FP64: the library's own FP32 sum depends on its vector width, so the last bit may differ.
    let sum: f64 = absmax.iter().map(|&scale| f64::from(scale)).sum();
    let offset = (sum / absmax.len().max(1) as f64) as f32;
    let centred: Vec<f32> = absmax.iter().map(|scale| scale - offset).collect();
    QuantizedScales { coded: dynamic8::quantize(&centred, dynamic8::BLOCK), offset }
}

impl QuantizedScales {
    /// The scales as read back.
    pub fn values(&self) -> Vec<f32> {
        self.coded.values().into_iter().map(|value| value + self.offset).collect()
    }
}
