//! NVFP4: E2M1 floats under an E4M3 scale per 16 values, under one FP32 scale for the tensor.
//!
//! NVIDIA's layout for Blackwell. The scale of the tensor puts the largest block scale on 448, the largest of E4M3:
//! absmax / (6 · 448). Here a block is its scale and eight bytes of codes, the first of a pair in the low half.

use super::e2m1;
use super::float8::Layout;
use super::largest_magnitude;

/// Values that share one block scale.
pub const BLOCK: usize = 16;
/// Bytes of a block.
pub const BLOCK_BYTES: usize = 9;

/// Blocks under the scale of their tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Coded {
    /// Block scale, then codes.
    pub blocks: Vec<[u8; BLOCK_BYTES]>,
    /// Scale of the tensor.
    pub scale: f32,
}

/// Quantizes whole blocks of a tensor whose largest magnitude is `absmax`.
pub fn quantize(values: &[f32], absmax: f32) -> Coded {
    let largest = e2m1::MAGNITUDES[7];
    let scale = absmax / (largest * Layout::E4m3.largest());
    let scales = Layout::E4m3.values();
    let (blocks, _) = values.as_chunks::<BLOCK>();
    let blocks = blocks
        .iter()
        .map(|block| {
            let wanted = if scale > 0.0 { largest_magnitude(block) / largest / scale } else { 0.0 };
            let mut bytes = [0; BLOCK_BYTES];
            bytes[0] = Layout::E4m3.encode(wanted);
            let step = scales[usize::from(bytes[0])] * scale;
            let factor = if step > 0.0 { 1.0 / step } else { 0.0 };
            for (byte, pair) in bytes[1..].iter_mut().zip(block.as_chunks::<2>().0) {
                *byte = e2m1::nearest(pair[0] * factor) | (e2m1::nearest(pair[1] * factor) << 4);
            }
            bytes
        })
        .collect();
    Coded { blocks, scale }
}

impl Coded {
    /// Writes what is read back; of unequal lengths the shorter counts.
    pub fn read_into(&self, out: &mut [f32]) {
        let scales = Layout::E4m3.values();
        for (out, block) in out.chunks_mut(BLOCK).zip(&self.blocks) {
            let step = scales[usize::from(block[0])] * self.scale;
            for (pair, byte) in out.chunks_mut(2).zip(&block[1..]) {
                for (out, code) in pair.iter_mut().zip([byte & 15, byte >> 4]) {
                    *out = e2m1::VALUES[usize::from(code)] * step;
                }
            }
        }
    }
}
