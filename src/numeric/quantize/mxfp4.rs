//! MXFP4: E2M1 floats under one power-of-two scale per 32 values.
//!
//! OCP Microscaling Formats v1.0, with the scale 2^(⌊log₂ absmax⌋ − 2) that its conversion recommends. Bytes are laid
//! out as GGUF does: the scale's exponent, then codes i and i + 16 in one byte, the first in the low half.

use super::{e2m1, largest_magnitude};

/// Values that share one scale.
pub const BLOCK: usize = 32;
/// Bytes of a block.
pub const BLOCK_BYTES: usize = 17;

/// Added to the exponent of the scale (E8M0).
const BIAS: i32 = 127;
/// Exponent of the largest magnitude, 6 = 1.5 · 2².
const LARGEST_EXPONENT: i32 = 2;

/// Quantizes one block of [`BLOCK`] values (missing ones count as 0, further ones are ignored).
pub fn quantize(values: &[f32]) -> [u8; BLOCK_BYTES] {
    let values = &values[..values.len().min(BLOCK)];
    let exponent = exponent(largest_magnitude(values));
    let mut bytes = [0; BLOCK_BYTES];
    bytes[0] = exponent;
    let scale = scale(exponent);
    for (i, value) in values.iter().enumerate() {
        let code = e2m1::nearest(value / scale);
        bytes[1 + i % 16] |= if i < 16 { code } else { code << 4 };
    }
    bytes
}

/// Reads a block back.
pub fn dequantize(bytes: &[u8; BLOCK_BYTES]) -> [f32; BLOCK] {
    let scale = scale(bytes[0]);
    std::array::from_fn(|i| {
        let code = if i < 16 { bytes[1 + i] & 15 } else { bytes[1 + i - 16] >> 4 };
        e2m1::VALUES[usize::from(code)] * scale
    })
}

/// Stored exponent of the scale; that of a block of zeros is 0.
fn exponent(absmax: f32) -> u8 {
    if absmax == 0.0 {
        return 0;
    }
    // ⌊log₂⌋ exactly, from the bits of the double: every f32 is a normal one.
    let log2 = ((f64::from(absmax).to_bits() >> 52) as i32) - 1023;
    (log2 - LARGEST_EXPONENT + BIAS).clamp(0, 254) as u8
}

/// 2^(stored − 127).
fn scale(stored: u8) -> f32 {
    // 2^−127 is the one scale that is no normal float.
    f32::from_bits(if stored == 0 { 1 << 22 } else { u32::from(stored) << 23 })
}
