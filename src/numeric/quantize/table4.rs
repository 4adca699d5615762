//! 4-bit codes that stand for the levels of a table, times an absmax per block: NF4, FP4 and AF4 of bitsandbytes.
//!
//! NF4: Dettmers et al., "QLoRA", 2023, appendix E. AF4: Yoshida, "NF4 isn't information theoretically optimal", 2023.
//! FP4: the library's own 4-bit float, which is not OCP's E2M1. Tables, rounding, packing and the treatment of zero
//! blocks follow bitsandbytes 0.50 and are held by vectors that it produced.

use super::dynamic8::{self, Dynamic8};
use super::largest_magnitude;

/// Values that share one absmax by default.
pub const BLOCK: usize = 64;

/// Sixteen levels.
#[derive(Debug, PartialEq)]
pub struct Table {
    /// Levels by code, scaled to −1 … 1.
    pub levels: [f32; 16],
    /// Half-way between neighbouring levels, ascending.
    midpoints: [f32; 15],
    /// Code of the level that has so many midpoints below it.
    code_of_rank: [u8; 16],
    /// Both levels of a byte, the one of its high half first.
    pairs: [[f32; 2]; 256],
}

impl Table {
    /// A table of ascending levels and the code each is stored under.
    const fn new(ascending: [f32; 16], code_of_rank: [u8; 16]) -> Self {
        let mut levels = [0.0; 16];
        let mut midpoints = [0.0; 15];
        let mut rank = 0;
        while rank < 16 {
            levels[code_of_rank[rank] as usize] = ascending[rank];
            if rank > 0 {
                midpoints[rank - 1] = f32::midpoint(ascending[rank - 1], ascending[rank]);
            }
            rank += 1;
        }
        let mut pairs = [[0.0; 2]; 256];
        let mut byte = 0;
        while byte < 256 {
            pairs[byte] = [levels[byte >> 4], levels[byte & 15]];
            byte += 1;
        }
        Self { levels, midpoints, code_of_rank, pairs }
    }

    /// Code of a block of zeros, which also fills up a last odd half byte.
    fn zero(&self) -> u8 {
        self.code(0.0)
    }

    /// Code of the level nearest to `value`; half-way goes to the lower level.
    fn code(&self, value: f32) -> u8 {
        let rank: usize = self.midpoints.iter().map(|midpoint| usize::from(*midpoint < value)).sum();
        self.code_of_rank[rank]
    }
}

/// Quantiles of a normal distribution, with an exact zero.
pub static NF4: Table = Table::new(
    [
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
    ],
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
);

/// The levels that leave the least mean absolute error of normal values in blocks of 64; codes descend.
pub static AF4: Table = Table::new(
    [
        -1.0,
        -0.694_410_1,
        -0.512_437_4,
        -0.373_695_1,
        -0.256_075_53,
        -0.149_824_78,
        -0.049_348_12,
        0.0,
        0.042_731_64,
        0.129_344_84,
        0.219_612_75,
        0.316_756_67,
        0.425_638_82,
        0.554_962_34,
        0.724_248_65,
        1.0,
    ],
    [15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0],
);

/// 0, 0.0625, 2, 3, 4, 6, 8 and 12 twelfths and their negatives. Zero has two codes; the library's kernels differ in
/// which they write, here it is always code 0.
pub static FP4: Table = Table::new(
    [
        -1.0,
        -0.666_666_7,
        -0.5,
        -0.333_333_34,
        -0.25,
        -0.166_666_67,
        -0.005_208_333_5,
        0.0,
        0.0,
        0.005_208_333_5,
        0.166_666_67,
        0.25,
        0.333_333_34,
        0.5,
        0.666_666_7,
        1.0,
    ],
    [11, 10, 13, 12, 15, 14, 9, 0, 0, 1, 6, 7, 4, 5, 2, 3],
);

/// Codes with the absmax of each block.
#[derive(Clone, Debug, PartialEq)]
pub struct Coded {
    table: &'static Table,
    /// Two codes a byte, the first in the high half; an odd count is filled up with the code of 0.
    pub packed: Vec<u8>,
    /// Scales of the blocks.
    pub scales: Scales,
    /// Values of one block.
    pub block: usize,
    /// Values.
    pub count: usize,
}

/// Scales of 4-bit blocks.
#[derive(Clone, Debug, PartialEq)]
pub enum Scales {
    /// The absmax of each block.
    Plain(Vec<f32>),
    /// Quantized in turn.
    Double(QuantizedScales),
}

impl Scales {
    /// As read back, one for each block.
    pub fn values(&self) -> Vec<f32> {
        match self {
            Self::Plain(absmax) => absmax.clone(),
            Self::Double(quantized) => quantized.values(),
        }
    }
}

/// Values of the innermost loop: a block is coded in pieces of so many, so that the compiler can lay them side by side.
const TOGETHER: usize = 32;

/// Quantizes in blocks of `block` values along the flattened tensor; the last may be short.
pub fn quantize(table: &'static Table, values: &[f32], block: usize) -> Coded {
    let block = block.max(1);
    let absmax: Vec<f32> = values.chunks(block).map(largest_magnitude).collect();
    let mut packed = vec![0; values.len().div_ceil(2)];
    if block.is_multiple_of(2) {
        for ((chunk, bytes), absmax) in values.chunks(block).zip(packed.chunks_mut(block / 2)).zip(&absmax) {
            code_block(table, chunk, *absmax, bytes);
        }
    } else {
        // Blocks of an odd size begin in the middle of a byte.
        for (i, value) in values.iter().enumerate() {
            let code = table.code((value * reciprocal(absmax[i / block])).clamp(-1.0, 1.0));
            packed[i / 2] |= if i % 2 == 0 { code << 4 } else { code };
        }
        if values.len() % 2 == 1
            && let Some(last) = packed.last_mut()
        {
            *last |= table.zero();
        }
    }
    Coded { table, packed, scales: Scales::Plain(absmax), block, count: values.len() }
}

/// The library multiplies by the reciprocal: a division would round differently.
fn reciprocal(absmax: f32) -> f32 {
    1.0 / absmax.max(1e-38)
}

/// Codes of one block, two a byte.
fn code_block(table: &Table, values: &[f32], absmax: f32, bytes: &mut [u8]) {
    let factor = reciprocal(absmax);
    for (values, bytes) in values.chunks(TOGETHER).zip(bytes.chunks_mut(TOGETHER / 2)) {
        let mut scaled = [0.0_f32; TOGETHER];
        for (scaled, value) in scaled.iter_mut().zip(values) {
            *scaled = (value * factor).clamp(-1.0, 1.0);
        }
        let mut ranks = [0_u32; TOGETHER];
        for midpoint in &table.midpoints {
            for (rank, scaled) in ranks.iter_mut().zip(&scaled) {
                *rank += u32::from(*midpoint < *scaled);
            }
        }
        let codes = ranks.map(|rank| table.code_of_rank[rank as usize & 15]);
        for (byte, pair) in bytes.iter_mut().zip(codes.chunks_exact(2)) {
            *byte = (pair[0] << 4) | pair[1];
        }
        if values.len() % 2 == 1
            && let Some(last) = bytes.last_mut()
        {
            *last = (*last & 0xf0) | table.zero();
        }
    }
}

impl Coded {
    /// The same codes under scales that are quantized in turn; `offset` is the mean absmax of the whole tensor.
    pub fn doubly(self, offset: f32) -> Self {
        let scales = match self.scales {
            Scales::Plain(absmax) => Scales::Double(quantize_scales(&absmax, offset)),
            double @ Scales::Double(_) => double,
        };
        Self { scales, ..self }
    }

    /// Code of each value.
    pub fn codes(&self) -> Vec<u8> {
        self.packed.iter().flat_map(|byte| [byte >> 4, byte & 15]).take(self.count).collect()
    }

    /// Writes what is read back; of unequal lengths the shorter counts.
    pub fn read_into(&self, out: &mut [f32]) {
        let scales = self.scales.values();
        if self.block.is_multiple_of(2) {
            let bytes = self.packed.chunks(self.block / 2);
            for ((out, bytes), scale) in out.chunks_mut(self.block).zip(bytes).zip(&scales) {
                let (pairs, odd) = out.as_chunks_mut::<2>();
                for (pair, byte) in pairs.iter_mut().zip(bytes) {
                    let levels = self.table.pairs[usize::from(*byte)];
                    *pair = [levels[0] * scale, levels[1] * scale];
                }
                if let ([odd], Some(byte)) = (odd, bytes.last()) {
                    *odd = self.table.pairs[usize::from(*byte)][0] * scale;
                }
            }
        } else {
            for (i, (out, code)) in out.iter_mut().zip(self.codes()).enumerate() {
                *out = self.table.levels[usize::from(code)] * scales.get(i / self.block).copied().unwrap_or_default();
            }
        }
    }

    /// What is read back.
    pub fn values(&self) -> Vec<f32> {
        let mut values = vec![0.0; self.count];
        self.read_into(&mut values);
        values
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

/// Double quantization: the scales of the blocks, less `offset`, in 8-bit blocks of 256.
pub fn quantize_scales(absmax: &[f32], offset: f32) -> QuantizedScales {
    let centred: Vec<f32> = absmax.iter().map(|scale| scale - offset).collect();
    QuantizedScales { coded: dynamic8::quantize(&centred, dynamic8::BLOCK), offset }
}

impl QuantizedScales {
    /// The scales as read back.
    pub fn values(&self) -> Vec<f32> {
        self.coded.values().into_iter().map(|value| value + self.offset).collect()
    }
}
