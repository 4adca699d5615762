//! Q6_K and Q3_K: a value is `factor · scale · code`, codes with a sign. Each 16 values have a scale of few bits, under
//! one FP16 factor for 256. Scales are searched so that the squared error, weighted with the values' own squares, is
//! least.

use super::lines::{put_quarters, quarters};
use super::{SUPER_BLOCK, half, half_at, nearest};

/// Values of a sub-block.
const SUB: usize = 16;
/// Sub-blocks of a super-block.
const SUBS: usize = SUPER_BLOCK / SUB;
/// Rounds in which all codes are chosen anew.
const WHOLE_ROUNDS: usize = 3;
/// Rounds in which single codes are moved.
const SINGLE_ROUNDS: usize = 5;

/// Codes −middle … middle − 1 with the sums that give their best scale: Σ w x c / Σ w c², w = x².
#[derive(Clone, Copy, Debug)]
struct Fitted {
    codes: [i32; SUB],
    product: f32,
    square: f32,
}

impl Fitted {
    fn of(values: &[f32; SUB], factor: f32, middle: i32) -> Self {
        let codes = values.map(|value| nearest(factor * value).clamp(-middle, middle - 1));
        let (mut product, mut square) = (0.0, 0.0);
        for (value, code) in values.iter().zip(codes) {
            let (weight, code) = (value * value, code as f32);
            product += weight * value * code;
            square += weight * code * code;
        }
        Self { codes, product, square }
    }

    fn scale(&self) -> f32 {
        self.product / self.square
    }

    /// Moves single codes to where the sums say they belong, as long as that helps.
    fn refine(&mut self, values: &[f32; SUB], middle: i32) {
        for _ in 0..SINGLE_ROUNDS {
            let mut changed = false;
            for (value, code) in values.iter().zip(&mut self.codes) {
                let weight = value * value;
                let old = *code as f32;
                let mut product = self.product - weight * value * old;
                if product <= 0.0 {
                    continue;
                }
                let mut square = self.square - weight * old * old;
                let better = nearest(value * square / product).clamp(-middle, middle - 1);
                if better == *code {
                    continue;
                }
                let new = better as f32;
                product += weight * value * new;
                square += weight * new * new;
                if square > 0.0 && product * product * self.square > self.product * self.product * square {
                    *code = better;
                    (self.product, self.square) = (product, square);
                    changed = true;
                }
            }
            if !changed {
                return;
            }
        }
    }
}

/// The best scale of a sub-block for codes −middle … middle − 1; 0 for zeros.
fn fit(values: &[f32; SUB], middle: i32, whole_rounds: usize) -> f32 {
    let extreme =
        values.iter().fold(0.0_f32, |extreme, value| if value.abs() > extreme.abs() { *value } else { extreme });
    if extreme == 0.0 {
        return 0.0;
    }
    let plain = extreme / -(middle as f32);
    let mut found = Fitted::of(values, -(middle as f32) / extreme, middle);
    for _ in 0..whole_rounds {
        let other = Fitted::of(values, 1.0 / found.scale(), middle);
        let better = other.product * other.product > found.scale() * found.product * other.square;
        if other.codes == found.codes || other.square == 0.0 || !better {
            break;
        }
        found = other;
    }
    found.refine(values, middle);
    // Squares of very small or large values leave the range of floats.
    let scale = found.scale();
    if scale.is_finite() { scale } else { plain }
}

/// The scales of the sub-blocks in few bits, −lowest … lowest − 1, their common factor, and the codes under them.
struct Steps {
    factor: [u8; 2],
    scales: [i32; SUBS],
    /// From 0: a code less its middle.
    codes: [u8; SUPER_BLOCK],
}

fn code(values: &[f32], middle: i32, whole_rounds: usize, lowest_scale: i32) -> Steps {
    let (parts, _) = values.as_chunks::<SUB>();
    let mut fitted = [0.0_f32; SUBS];
    for (scale, part) in fitted.iter_mut().zip(parts) {
        *scale = fit(part, middle, whole_rounds);
    }
    let extreme =
        fitted.iter().fold(0.0_f32, |extreme, scale| if scale.abs() > extreme.abs() { *scale } else { extreme });
    let mut steps = Steps { factor: [0; 2], scales: [0; SUBS], codes: [0; SUPER_BLOCK] };
    if extreme == 0.0 {
        return steps;
    }
    let factor = -(lowest_scale as f32) / extreme;
    let (read_back, bytes) = half(1.0 / factor);
    steps.factor = bytes;
    steps.scales = fitted.map(|scale| nearest(factor * scale).clamp(-lowest_scale, lowest_scale - 1));
    let (code_parts, _) = steps.codes.as_chunks_mut::<SUB>();
    for ((codes, part), scale) in code_parts.iter_mut().zip(parts).zip(steps.scales) {
        let step = read_back * scale as f32;
        if step != 0.0 {
            for (code, value) in codes.iter_mut().zip(part) {
                *code = (nearest(value / step).clamp(-middle, middle - 1) + middle) as u8;
            }
        }
    }
    steps
}

fn read(codes: &[u8; SUPER_BLOCK], middle: f32, factor: f32, scale: impl Fn(usize) -> i32, out: &mut [f32]) {
    let (parts, _) = codes.as_chunks::<SUB>();
    for (i, (out, codes)) in out.chunks_exact_mut(SUB).zip(parts).enumerate() {
        let step = factor * scale(i) as f32;
        for (out, code) in out.iter_mut().zip(codes) {
            *out = step * (f32::from(*code) - middle);
        }
    }
}

/// Where the parts of Q6_K stand: low halves, two high bits, scales, factor.
const Q6_HIGH: usize = 128;
const Q6_SCALES: usize = 192;
const Q6_FACTOR: usize = 208;

pub fn quantize_q6_k(values: &[f32], bytes: &mut [u8]) {
    let steps = code(values, 32, WHOLE_ROUNDS, 128);
    for (codes, low) in steps.codes.chunks_exact(128).zip(bytes[..Q6_HIGH].chunks_exact_mut(64)) {
        for (i, byte) in low.iter_mut().enumerate() {
            *byte = (codes[i] & 15) | (codes[i + 64] << 4);
        }
    }
    put_quarters(&steps.codes.map(|code| code >> 4), &mut bytes[Q6_HIGH..Q6_SCALES]);
    for (byte, scale) in bytes[Q6_SCALES..].iter_mut().zip(steps.scales) {
        *byte = (scale as i8).cast_unsigned();
    }
    bytes[Q6_FACTOR..].copy_from_slice(&steps.factor);
}

pub fn read_q6_k(bytes: &[u8], out: &mut [f32]) {
    let mut codes = quarters(&bytes[Q6_HIGH..Q6_SCALES]).map(|code| code << 4);
    for (codes, low) in codes.chunks_exact_mut(128).zip(bytes[..Q6_HIGH].chunks_exact(64)) {
        let (first, second) = codes.split_at_mut(64);
        for ((byte, a), b) in low.iter().zip(first).zip(second) {
            *a |= byte & 15;
            *b |= byte >> 4;
        }
    }
    read(&codes, 32.0, half_at(bytes, Q6_FACTOR), |i| i32::from(bytes[Q6_SCALES + i].cast_signed()), out);
}

/// Where the parts of Q3_K stand: high bits, two low bits, scales, factor.
const Q3_LOW: usize = 32;
const Q3_SCALES: usize = 96;
const Q3_FACTOR: usize = 108;

pub fn quantize_q3_k(values: &[f32], bytes: &mut [u8]) {
    let steps = code(values, 4, 0, 32);
    bytes.fill(0);
    for (i, code) in steps.codes.iter().enumerate() {
        bytes[i % Q3_LOW] |= (code >> 2) << (i / Q3_LOW);
    }
    put_quarters(&steps.codes, &mut bytes[Q3_LOW..Q3_SCALES]);
    let packed = &mut bytes[Q3_SCALES..Q3_FACTOR];
    let is_zero = steps.factor == [0; 2];
    for (i, scale) in steps.scales.into_iter().enumerate() {
        // Six bits from 32 up: four in a half byte, two among the last four bytes. All zeros are stored as zeros.
        let six = if is_zero { 0 } else { (scale + 32) as u8 };
        packed[i % 8] |= (six & 15) << (4 * (i / 8));
        packed[8 + i % 4] |= (six >> 4) << (2 * (i / 4));
    }
    bytes[Q3_FACTOR..].copy_from_slice(&steps.factor);
}

pub fn read_q3_k(bytes: &[u8], out: &mut [f32]) {
    let mut codes = quarters(&bytes[Q3_LOW..Q3_SCALES]);
    for (part, codes) in codes.chunks_exact_mut(Q3_LOW).enumerate() {
        for (code, high) in codes.iter_mut().zip(bytes) {
            *code |= ((high >> part) & 1) << 2;
        }
    }
    let packed = &bytes[Q3_SCALES..Q3_FACTOR];
    let scale = |i: usize| {
        let low = (packed[i % 8] >> (4 * (i / 8))) & 15;
        let high = (packed[8 + i % 4] >> (2 * (i / 4))) & 3;
        i32::from(low | (high << 4)) - 32
    };
    read(&codes, 4.0, half_at(bytes, Q3_FACTOR), scale, out);
}
