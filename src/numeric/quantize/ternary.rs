//! Three values times one scale for a whole tensor.
//!
//! Ma et al., "The era of 1-bit LLMs", 2024 (BitNet b1.58): the scale is the mean magnitude γ, and a weight becomes
//! `round(w / (γ + ε))` within −1 … 1. Models are trained so; put upon finished weights it loses most of them.

/// Added to γ.
const EPSILON: f32 = 1e-5;

/// Four codes a byte, the first in the low bits; a code is the value plus one.
#[derive(Clone, Debug, PartialEq)]
pub struct Coded {
    /// Codes.
    pub packed: Vec<u8>,
    /// γ.
    pub scale: f32,
    /// Values.
    pub count: usize,
}

/// Quantizes under the scale `mean_magnitude` of the whole tensor.
pub fn quantize(values: &[f32], mean_magnitude: f32) -> Coded {
    let factor = 1.0 / (mean_magnitude + EPSILON);
    let code = |value: &f32| {
        let scaled = value * factor;
        // Half-way goes to zero, the even one.
        1 + u8::from(scaled > 0.5) - u8::from(scaled < -0.5)
    };
    let packed = values
        .chunks(4)
        .map(|four| four.iter().enumerate().fold(0, |byte, (i, value)| byte | (code(value) << (2 * i))))
        .collect();
    Coded { packed, scale: mean_magnitude, count: values.len() }
}

impl Coded {
    /// Writes what is read back; of unequal lengths the shorter counts.
    pub fn read_into(&self, out: &mut [f32]) {
        for (four, byte) in out.chunks_mut(4).zip(&self.packed) {
            for (i, out) in four.iter_mut().enumerate() {
                *out = (f32::from((byte >> (2 * i)) & 3) - 1.0) * self.scale;
            }
        }
    }
}
