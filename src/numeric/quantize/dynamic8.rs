//! bitsandbytes' 8-bit "dynamic" blocks: 256 signed levels, dense near zero, times an absmax per block.
//!
//! Dettmers et al., "8-bit optimizers via block-wise quantization", 2021; levels and rounding as bitsandbytes 0.50 has
//! them on a CPU. Double quantization stores the scales of NF4 this way.

use super::largest_magnitude;
use std::sync::OnceLock;

/// Values that share one absmax.
pub const BLOCK: usize = 256;

/// Codes with the absmax of each block.
#[derive(Clone, Debug, PartialEq)]
pub struct Dynamic8 {
    /// Index into [`levels`], one for each value.
    pub codes: Vec<u8>,
    /// One for each block.
    pub absmax: Vec<f32>,
    /// Values of one block.
    pub block: usize,
}

/// The 256 levels, ascending. For i = 0 … 6 there are 2^i on each side: the midpoints of 2^i equal parts of 0.1 … 1,
/// times 10^(i − 6); besides 0 and 1, but not −1.
pub fn levels() -> &'static [f32; 256] {
    static LEVELS: OnceLock<[f32; 256]> = OnceLock::new();
    LEVELS.get_or_init(|| {
        let mut levels = [0.0; 256];
        levels[1] = 1.0;
        let mut filled = 2;
        for i in 0..7_i32 {
            let parts = 1_usize << i;
            let (start, end) = (0.1_f32, 1.0_f32);
            let step = (end - start) / parts as f32;
            // torch.linspace counts from both ends, in FP64, and rounds to FP32.
            let edge = |part: usize| {
                let from_start = f64::from(start) + f64::from(step) * part as f64;
                let from_end = f64::from(end) - f64::from(step) * (parts - part) as f64;
                if part < parts.div_ceil(2) { from_start as f32 } else { from_end as f32 }
            };
            let decade = 10_f64.powi(i - 6) as f32;
            for part in 0..parts {
                let level = decade * f32::midpoint(edge(part), edge(part + 1));
                levels[filled] = level;
                levels[filled + 1] = -level;
                filled += 2;
            }
        }
        levels.sort_by(f32::total_cmp);
        levels
    })
}

/// Quantizes in blocks of `block` values; the last may be short.
pub fn quantize(values: &[f32], block: usize) -> Dynamic8 {
    let block = block.max(1);
    let absmax: Vec<f32> = values.chunks(block).map(largest_magnitude).collect();
    let codes_at = codes_at();
    let mut codes = vec![0; values.len()];
    for ((chunk, codes), absmax) in values.chunks(block).zip(codes.chunks_mut(block)).zip(&absmax) {
        // The library multiplies by the reciprocal: a division would round differently.
        let factor = 1.0 / absmax.max(1e-38);
        for (code, value) in codes.iter_mut().zip(chunk) {
            *code = codes_at[position((value * factor).clamp(-1.0, 1.0))];
        }
    }
    Dynamic8 { codes, absmax, block }
}

impl Dynamic8 {
    /// Writes what is read back; of unequal lengths the shorter counts.
    pub fn read_into(&self, out: &mut [f32]) {
        let levels = levels();
        for ((out, codes), scale) in out.chunks_mut(self.block).zip(self.codes.chunks(self.block)).zip(&self.absmax) {
            for (out, code) in out.iter_mut().zip(codes) {
                *out = levels[usize::from(*code)] * scale;
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

/// The library's kernel looks codes up at evenly spaced positions in −1 … 1, so values within 1.5 · 10⁻⁵ of the middle
/// between two levels may go to the farther one.
const POSITIONS: usize = 1 << 16;
/// Steps between the positions.
const STEPS: f64 = (POSITIONS - 1) as f64;

/// Position of a value in −1 … 1.
fn position(value: f32) -> usize {
    // Half-way goes up, and nothing is negative: a cast rounds down.
    ((f64::midpoint(f64::from(value), 1.0) * STEPS + 0.5) as usize).min(POSITIONS - 1)
}

/// Code of the level nearest to each position.
fn codes_at() -> &'static [u8] {
    static CODES: OnceLock<Vec<u8>> = OnceLock::new();
    CODES.get_or_init(|| {
        let midpoints: Vec<f32> = levels().windows(2).map(|pair| f32::midpoint(pair[0], pair[1])).collect();
        let value = |position: usize| (position as f64 / STEPS * 2.0 - 1.0) as f32;
        (0..POSITIONS).map(|at| midpoints.partition_point(|midpoint| *midpoint < value(at)) as u8).collect()
    })
}
