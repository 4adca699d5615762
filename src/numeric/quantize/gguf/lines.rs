//! Q4_K, Q5_K and Q2_K: a value is `factor · scale · code − factor · minimum`. Each sub-block has a scale and a minimum
//! of few bits, under two FP16 factors for 256 values. Scales are searched by five rounds of least squares.

use super::{SUPER_BLOCK, half, half_at, nearest};

/// Rounds of the search for a sub-block's scale.
const ROUNDS: usize = 5;
/// Most sub-blocks of a super-block.
const MOST: usize = 16;

/// Scale and minimum of a sub-block.
#[derive(Clone, Copy, Debug, Default)]
struct Line {
    scale: f32,
    /// Subtracted; never negative.
    minimum: f32,
}

/// A super-block before its bytes are laid out.
struct Lines {
    factors: [[u8; 2]; 2],
    /// Scale and minimum of each sub-block.
    pairs: [(u8, u8); MOST],
    codes: [u8; SUPER_BLOCK],
}

/// Codes a super-block in sub-blocks of `SUB` values; scales and minima run to `largest_scale`.
fn code<const SUB: usize>(values: &[f32], largest_code: i32, largest_scale: f32) -> Lines {
    let (parts, _) = values.as_chunks::<SUB>();
    let mut lines = [Line::default(); MOST];
    for (line, part) in lines.iter_mut().zip(parts) {
        *line = fit(part, largest_code);
    }
    let most_scale = lines.iter().fold(0.0_f32, |largest, line| largest.max(line.scale));
    let most_minimum = lines.iter().fold(0.0_f32, |largest, line| largest.max(line.minimum));
    let few_bits = |value: f32, largest: f32| {
        let inverse = if largest > 0.0 { largest_scale / largest } else { 0.0 };
        nearest((inverse * value).clamp(0.0, largest_scale)) as u8
    };
    let pairs = lines.map(|line| (few_bits(line.scale, most_scale), few_bits(line.minimum, most_minimum)));
    let (factor, factor_bytes) = half(most_scale / largest_scale);
    let (minimum_factor, minimum_bytes) = half(most_minimum / largest_scale);
    // With the scales as they will be read back, each value takes the nearest code.
    let mut codes = [0; SUPER_BLOCK];
    let (code_parts, _) = codes.as_chunks_mut::<SUB>();
    for ((codes, part), (scale, minimum)) in code_parts.iter_mut().zip(parts).zip(pairs) {
        let (step, offset) = (factor * f32::from(scale), minimum_factor * f32::from(minimum));
        if step != 0.0 {
            for (code, value) in codes.iter_mut().zip(part) {
                *code = nearest((value + offset) / step).clamp(0, largest_code) as u8;
            }
        }
    }
    Lines { factors: [factor_bytes, minimum_bytes], pairs, codes }
}

/// Reads codes under the scales of their sub-blocks of `SUB` values.
fn read<const SUB: usize>(
    codes: &[u8; SUPER_BLOCK],
    factors: [f32; 2],
    pair: impl Fn(usize) -> (u8, u8),
    out: &mut [f32],
) {
    let (parts, _) = codes.as_chunks::<SUB>();
    for (i, (out, codes)) in out.chunks_exact_mut(SUB).zip(parts).enumerate() {
        let (scale, minimum) = pair(i);
        let (step, offset) = (factors[0] * f32::from(scale), factors[1] * f32::from(minimum));
        for (out, code) in out.iter_mut().zip(codes) {
            *out = step * f32::from(*code) - offset;
        }
    }
}

/// The line through a sub-block whose codes 0 … largest leave the least squared error, found by turns: codes for the
/// line, then the line for the codes.
fn fit<const SUB: usize>(values: &[f32; SUB], largest_code: i32) -> Line {
    let lowest = values.iter().fold(f32::MAX, |lowest, &value| lowest.min(value));
    let highest = values.iter().fold(f32::MIN, |highest, &value| highest.max(value));
    if lowest == highest {
        // One value: from below zero by the minimum alone, from above by the largest code.
        let scale = highest.max(0.0) / largest_code as f32;
        return Line { scale, minimum: (-lowest).max(0.0) };
    }
    let mut lowest = lowest.min(0.0);
    let mut inverse = largest_code as f32 / (highest - lowest);
    let mut scale = 1.0 / inverse;
    let mut codes = [0_i32; SUB];
    for _ in 0..ROUNDS {
        let mut new = [0_i32; SUB];
        for (code, value) in new.iter_mut().zip(values) {
            *code = nearest(inverse * (value - lowest)).clamp(0, largest_code);
        }
        let changed = new != codes;
        codes = new;
        let product =
            codes.iter().zip(values).fold(0.0_f32, |sum, (code, value)| sum + (value - lowest) * *code as f32);
        let square: i32 = codes.iter().map(|code| code * code).sum();
        if square == 0 || !product.is_finite() {
            break;
        }
        scale = product / square as f32;
        let rest: f32 = values.iter().zip(&codes).map(|(value, code)| value - scale * *code as f32).sum();
        lowest = (rest / SUB as f32).min(0.0);
        if !changed || scale == 0.0 {
            break;
        }
        inverse = 1.0 / scale;
    }
    Line { scale, minimum: -lowest }
}

/// Where scales, fifth bits and low halves stand in Q4_K and Q5_K: after two FP16 factors.
const SCALES: usize = 4;
const AFTER_SCALES: usize = 16;
const FIFTHS: usize = 32;
/// Largest 6-bit scale.
const SIX_BITS: f32 = 63.0;

pub fn quantize_q4_k(values: &[f32], bytes: &mut [u8]) {
    let lines = code::<32>(values, 15, SIX_BITS);
    put_header(&lines, bytes);
    put_halves(&lines.codes, &mut bytes[AFTER_SCALES..]);
}

pub fn read_q4_k(bytes: &[u8], out: &mut [f32]) {
    let mut codes = [0; SUPER_BLOCK];
    add_halves(&bytes[AFTER_SCALES..], &mut codes);
    read::<32>(&codes, [half_at(bytes, 0), half_at(bytes, 2)], |i| pair(&bytes[SCALES..AFTER_SCALES], i), out);
}

pub fn quantize_q5_k(values: &[f32], bytes: &mut [u8]) {
    let lines = code::<32>(values, 31, SIX_BITS);
    put_header(&lines, bytes);
    let (fifths, halves) = bytes[AFTER_SCALES..].split_at_mut(FIFTHS);
    fifths.fill(0);
    for (i, code) in lines.codes.iter().enumerate() {
        fifths[i % FIFTHS] |= (code >> 4) << (i / FIFTHS);
    }
    put_halves(&lines.codes, halves);
}

pub fn read_q5_k(bytes: &[u8], out: &mut [f32]) {
    let (fifths, halves) = bytes[AFTER_SCALES..].split_at(FIFTHS);
    let mut codes = [0; SUPER_BLOCK];
    add_halves(halves, &mut codes);
    for (part, codes) in codes.chunks_exact_mut(FIFTHS).enumerate() {
        for (code, fifth) in codes.iter_mut().zip(fifths) {
            *code |= ((fifth >> part) & 1) << 4;
        }
    }
    read::<32>(&codes, [half_at(bytes, 0), half_at(bytes, 2)], |i| pair(&bytes[SCALES..AFTER_SCALES], i), out);
}

/// Factors and six-bit pairs.
fn put_header(lines: &Lines, bytes: &mut [u8]) {
    bytes[..2].copy_from_slice(&lines.factors[0]);
    bytes[2..4].copy_from_slice(&lines.factors[1]);
    let packed = &mut bytes[SCALES..AFTER_SCALES];
    packed.fill(0);
    for (i, (scale, minimum)) in lines.pairs.into_iter().take(8).enumerate() {
        // The first four pairs lie in whole bytes; the others in four low bits of their own and the two high bits of
        // the first ones.
        if i < 4 {
            packed[i] |= scale;
            packed[i + 4] |= minimum;
        } else {
            packed[i + 4] = (scale & 15) | ((minimum & 15) << 4);
            packed[i - 4] |= (scale >> 4) << 6;
            packed[i] |= (minimum >> 4) << 6;
        }
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

/// Low halves of codes: 64 values share 32 bytes.
fn put_halves(codes: &[u8; SUPER_BLOCK], bytes: &mut [u8]) {
    for (codes, bytes) in codes.chunks_exact(64).zip(bytes.chunks_exact_mut(32)) {
        let (first, second) = codes.split_at(32);
        for ((byte, low), high) in bytes.iter_mut().zip(first).zip(second) {
            *byte = (low & 15) | (high << 4);
        }
    }
}

fn add_halves(bytes: &[u8], codes: &mut [u8; SUPER_BLOCK]) {
    for (codes, bytes) in codes.chunks_exact_mut(64).zip(bytes.chunks_exact(32)) {
        let (first, second) = codes.split_at_mut(32);
        for ((byte, low), high) in bytes.iter().zip(first).zip(second) {
            *low = byte & 15;
            *high = byte >> 4;
        }
    }
}

/// Where the parts of Q2_K stand: scales and minima in half bytes, codes, factors.
const Q2_CODES: usize = 16;
const Q2_FACTORS: usize = 80;

pub fn quantize_q2_k(values: &[f32], bytes: &mut [u8]) {
    let lines = code::<16>(values, 3, 15.0);
    for (byte, (scale, minimum)) in bytes.iter_mut().zip(lines.pairs) {
        *byte = scale | (minimum << 4);
    }
    put_quarters(&lines.codes, &mut bytes[Q2_CODES..Q2_FACTORS]);
    bytes[Q2_FACTORS..Q2_FACTORS + 2].copy_from_slice(&lines.factors[0]);
    bytes[Q2_FACTORS + 2..Q2_FACTORS + 4].copy_from_slice(&lines.factors[1]);
}

pub fn read_q2_k(bytes: &[u8], out: &mut [f32]) {
    let codes = quarters(&bytes[Q2_CODES..Q2_FACTORS]);
    let factors = [half_at(bytes, Q2_FACTORS), half_at(bytes, Q2_FACTORS + 2)];
    read::<16>(&codes, factors, |i| (bytes[i] & 15, bytes[i] >> 4), out);
}

/// Codes of two bits: 128 values share 32 bytes.
pub(super) fn put_quarters(codes: &[u8; SUPER_BLOCK], bytes: &mut [u8]) {
    for (codes, bytes) in codes.chunks_exact(128).zip(bytes.chunks_exact_mut(32)) {
        for (i, byte) in bytes.iter_mut().enumerate() {
            let two = |part: usize| (codes[i + 32 * part] & 3) << (2 * part);
            *byte = two(0) | two(1) | two(2) | two(3);
        }
    }
}

pub(super) fn quarters(bytes: &[u8]) -> [u8; SUPER_BLOCK] {
    let mut codes = [0; SUPER_BLOCK];
    for (codes, bytes) in codes.chunks_exact_mut(128).zip(bytes.chunks_exact(32)) {
        for (part, codes) in codes.chunks_exact_mut(32).enumerate() {
            for (code, byte) in codes.iter_mut().zip(bytes) {
                *code = (byte >> (2 * part)) & 3;
            }
        }
    }
    codes
}
