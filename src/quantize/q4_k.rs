//! Q4_K: 256 values in 144 bytes. Eight sub-blocks of 32 have a 6-bit scale and a 6-bit minimum each, under two FP16
//! factors; a value is `factor · scale · code − factor · minimum`.
//!
//! The layout is that of llama.cpp's K-quants (ggml, block_q4_K). Scales are searched by five rounds of least squares,
//! as candle 0.11 does; llama.cpp's newer search may choose other scales for the same layout.

use super::scalar::{FP16, ScalarFormat};

/// Values of a super-block.
pub const BLOCK: usize = 256;
/// Values that share a scale and a minimum.
pub const SUB_BLOCK: usize = 32;
/// Bytes of a super-block.
pub const BLOCK_BYTES: usize = 144;

const SUB_BLOCKS: usize = BLOCK / SUB_BLOCK;
/// Where the packed scales start, after two FP16 factors.
const SCALES: usize = 4;
/// Where the codes start.
const CODES: usize = 16;
/// Largest 4-bit code.
const LARGEST_CODE: f32 = 15.0;
/// Largest 6-bit scale.
const LARGEST_SCALE: f32 = 63.0;
/// Rounds of the search for a sub-block's scale.
const ROUNDS: usize = 5;

/// Scale and minimum of a sub-block.
#[derive(Clone, Copy, Debug, Default)]
struct Line {
    scale: f32,
    /// Subtracted; never negative.
    minimum: f32,
}

/// Quantizes one super-block of [`BLOCK`] values (missing ones count as 0, further ones are ignored).
pub fn quantize(values: &[f32]) -> [u8; BLOCK_BYTES] {
    let mut block = [0.0_f32; BLOCK];
    for (slot, value) in block.iter_mut().zip(values) {
        *slot = *value;
    }
    let mut lines = [Line::default(); SUB_BLOCKS];
    for (line, part) in lines.iter_mut().zip(block.chunks_exact(SUB_BLOCK)) {
        *line = fit(part);
    }
    let largest_scale = lines.iter().fold(0.0_f32, |largest, line| largest.max(line.scale));
    let largest_minimum = lines.iter().fold(0.0_f32, |largest, line| largest.max(line.minimum));
    let six_bits = |value: f32, largest: f32| {
        let inverse = if largest > 0.0 { LARGEST_SCALE / largest } else { 0.0 };
        (inverse * value).round().clamp(0.0, LARGEST_SCALE) as u8
    };
    let codes: [(u8, u8); SUB_BLOCKS] =
        lines.map(|line| (six_bits(line.scale, largest_scale), six_bits(line.minimum, largest_minimum)));

    let mut bytes = [0; BLOCK_BYTES];
    let (factor, factor_bits) = half(largest_scale / LARGEST_SCALE);
    let (minimum_factor, minimum_bits) = half(largest_minimum / LARGEST_SCALE);
    bytes[..2].copy_from_slice(&factor_bits.to_le_bytes());
    bytes[2..4].copy_from_slice(&minimum_bits.to_le_bytes());
    for (i, (scale, minimum)) in codes.into_iter().enumerate() {
        put_pair(&mut bytes[SCALES..CODES], i, scale, minimum);
    }
    // With the scales as they will be read back, each value takes the nearest code.
    for (i, value) in block.iter().enumerate() {
        let (scale, minimum) = codes[i / SUB_BLOCK];
        let step = factor * f32::from(scale);
        let code = if step == 0.0 {
            0
        } else {
            ((value + minimum_factor * f32::from(minimum)) / step).round().clamp(0.0, LARGEST_CODE) as u8
        };
        let (byte, high) = code_at(i);
        bytes[byte] |= if high { code << 4 } else { code };
    }
    bytes
}

/// Reads a super-block back.
pub fn dequantize(bytes: &[u8; BLOCK_BYTES]) -> [f32; BLOCK] {
    let factor = from_half(u16::from_le_bytes([bytes[0], bytes[1]]));
    let minimum_factor = from_half(u16::from_le_bytes([bytes[2], bytes[3]]));
    std::array::from_fn(|i| {
        let (scale, minimum) = pair(&bytes[SCALES..CODES], i / SUB_BLOCK);
        let (byte, high) = code_at(i);
        let code = if high { bytes[byte] >> 4 } else { bytes[byte] & 15 };
        factor * f32::from(scale) * f32::from(code) - minimum_factor * f32::from(minimum)
    })
}

/// Byte of value `i`, and whether its code is the high half: 64 values share 32 bytes.
const fn code_at(i: usize) -> (usize, bool) {
    (CODES + i / 64 * 32 + i % 32, i % 64 >= 32)
}

/// The line through a sub-block whose codes 0 … 15 leave the least squared error, found by turns: codes for the line,
/// then the line for the codes.
fn fit(values: &[f32]) -> Line {
    let lowest = values.iter().fold(f32::MAX, |lowest, &value| lowest.min(value));
    let highest = values.iter().fold(f32::MIN, |highest, &value| highest.max(value));
    if lowest == highest {
        return Line::default();
    }
    let mut lowest = lowest.min(0.0);
    let mut inverse = LARGEST_CODE / (highest - lowest);
    let mut scale = 1.0 / inverse;
    let mut codes = [0_u8; SUB_BLOCK];
    for _ in 0..ROUNDS {
        let mut changed = false;
        let (mut product, mut square) = (0.0_f32, 0_u32);
        for (code, value) in codes.iter_mut().zip(values) {
            let new = (inverse * (value - lowest)).round().clamp(0.0, LARGEST_CODE) as u8;
            changed |= new != *code;
            *code = new;
            product += (value - lowest) * f32::from(new);
            square += u32::from(new) * u32::from(new);
        }
        if square == 0 {
            break;
        }
        scale = product / square as f32;
        let rest: f32 = values.iter().zip(&codes).map(|(value, &code)| value - scale * f32::from(code)).sum();
        lowest = (rest / values.len() as f32).min(0.0);
        if !changed || scale == 0.0 {
            break;
        }
        inverse = 1.0 / scale;
    }
    Line { scale, minimum: -lowest }
}

/// Packs two 6-bit numbers of sub-block `i` into the 12 bytes: the first four pairs lie in whole bytes, the others in
/// four low bits of their own and the two high bits of the first ones.
fn put_pair(packed: &mut [u8], i: usize, scale: u8, minimum: u8) {
    if i < 4 {
        packed[i] = scale;
        packed[i + 4] = minimum;
    } else {
        packed[i + 4] = (scale & 15) | ((minimum & 15) << 4);
        packed[i - 4] |= (scale >> 4) << 6;
        packed[i] |= (minimum >> 4) << 6;
    }
}

/// Scale and minimum of sub-block `i`.
const fn pair(packed: &[u8], i: usize) -> (u8, u8) {
    if i < 4 {
        (packed[i] & 63, packed[i + 4] & 63)
    } else {
        let low = packed[i + 4];
        ((low & 15) | ((packed[i - 4] >> 6) << 4), (low >> 4) | ((packed[i] >> 6) << 4))
    }
}

/// Rounded to FP16: value and bits.
fn half(value: f32) -> (f32, u16) {
    let encoded = ScalarFormat::Float(&FP16).encode(f64::from(value));
    (encoded.value as f32, encoded.bits as u16)
}

fn from_half(bits: u16) -> f32 {
    ScalarFormat::Float(&FP16).decode(u64::from(bits)) as f32
}
