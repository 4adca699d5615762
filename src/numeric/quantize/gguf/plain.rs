//! Q4_0 to Q8_0: 32 values under one FP16 scale, with or without a minimum.

use super::{half, half_at, inverse, nearest};
use crate::quantize::largest_magnitude;

/// Values of a block.
pub const BLOCK: usize = 32;
const HALF: usize = BLOCK / 2;

/// Bits of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bits {
    Four,
    Five,
}

impl Bits {
    /// Codes there are.
    const fn codes(self) -> u8 {
        match self {
            Self::Four => 16,
            Self::Five => 32,
        }
    }
}

/// Writes codes from byte `at` on: with five bits the fifth of all values first, then low halves, value i beside i + 16.
fn put_codes(codes: [u8; BLOCK], bits: Bits, bytes: &mut [u8], at: usize) {
    let mut at = at;
    if bits == Bits::Five {
        let fifth = codes.iter().enumerate().fold(0_u32, |word, (i, code)| word | (u32::from(code >> 4) << i));
        bytes[at..at + 4].copy_from_slice(&fifth.to_le_bytes());
        at += 4;
    }
    for (i, byte) in bytes[at..at + HALF].iter_mut().enumerate() {
        *byte = (codes[i] & 15) | (codes[i + HALF] << 4);
    }
}

fn codes(bits: Bits, bytes: &[u8], at: usize) -> [u8; BLOCK] {
    let (fifth, at) = match bits {
        Bits::Four => (0, at),
        Bits::Five => (u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]), at + 4),
    };
    let low = &bytes[at..at + HALF];
    std::array::from_fn(|i| {
        let code = if i < HALF { low[i] & 15 } else { low[i - HALF] >> 4 };
        code | (((fifth >> i) & 1) as u8) << 4
    })
}

/// Q4_0 and Q5_0: the value of largest magnitude, with its sign, is put on the lowest code.
pub fn quantize_around_zero(values: &[f32], bits: Bits, bytes: &mut [u8]) {
    let middle = f32::from(bits.codes() / 2);
    let extreme =
        values.iter().fold(0.0_f32, |extreme, value| if value.abs() > extreme.abs() { *value } else { extreme });
    let scale = extreme / -middle;
    let factor = inverse(scale);
    bytes[..2].copy_from_slice(&half(scale).1);
    let largest = bits.codes() - 1;
    let code = |i: usize| ((values[i] * factor + (middle + 0.5)) as u8).min(largest);
    put_codes(std::array::from_fn(code), bits, bytes, 2);
}

pub fn read_around_zero(bytes: &[u8], bits: Bits, out: &mut [f32]) {
    let (scale, middle) = (half_at(bytes, 0), f32::from(bits.codes() / 2));
    for (out, code) in out.iter_mut().zip(codes(bits, bytes, 2)) {
        *out = (f32::from(code) - middle) * scale;
    }
}

/// Q4_1 and Q5_1: codes run from the least to the largest value.
pub fn quantize_from_minimum(values: &[f32], bits: Bits, bytes: &mut [u8]) {
    let lowest = values.iter().fold(f32::INFINITY, |lowest, value| lowest.min(*value));
    let highest = values.iter().fold(f32::NEG_INFINITY, |highest, value| highest.max(*value));
    let largest = bits.codes() - 1;
    // The difference of two finite values may not be finite.
    let scale = ((highest - lowest) / f32::from(largest)).min(f32::MAX);
    let factor = inverse(scale);
    bytes[..2].copy_from_slice(&half(scale).1);
    bytes[2..4].copy_from_slice(&half(lowest).1);
    let code = |i: usize| (((values[i] - lowest) * factor + 0.5) as u8).min(largest);
    put_codes(std::array::from_fn(code), bits, bytes, 4);
}

pub fn read_from_minimum(bytes: &[u8], bits: Bits, out: &mut [f32]) {
    let (scale, lowest) = (half_at(bytes, 0), half_at(bytes, 2));
    for (out, code) in out.iter_mut().zip(codes(bits, bytes, 4)) {
        *out = f32::from(code) * scale + lowest;
    }
}

pub fn quantize_q8_0(values: &[f32], bytes: &mut [u8]) {
    let scale = largest_magnitude(values) / 127.0;
    let factor = inverse(scale);
    bytes[..2].copy_from_slice(&half(scale).1);
    for (byte, value) in bytes[2..].iter_mut().zip(values) {
        *byte = (nearest(value * factor) as i8).cast_unsigned();
    }
}

pub fn read_q8_0(bytes: &[u8], out: &mut [f32]) {
    let scale = half_at(bytes, 0);
    for (out, byte) in out.iter_mut().zip(&bytes[2..]) {
        *out = f32::from(byte.cast_signed()) * scale;
    }
}
