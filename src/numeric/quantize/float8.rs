//! 8-bit floats under one scale for a whole tensor: E4M3 and E5M2.
//!
//! Micikevicius et al., "FP8 formats for deep learning", 2022. The scale puts the largest magnitude of the tensor on the
//! format's largest value, as per-tensor FP8 checkpoints do; without one, most weights would lie among the subnormals.

use super::round_ties_even;
use super::scalar::{E4M3, E5M2, FloatLayout, ScalarFormat};

/// One of the two layouts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Layout {
    /// Four exponent bits, three of mantissa; up to 448.
    E4m3,
    /// Five and two; up to 57,344.
    E5m2,
}

impl Layout {
    const fn float(self) -> &'static FloatLayout {
        match self {
            Self::E4m3 => &E4M3,
            Self::E5m2 => &E5M2,
        }
    }

    /// Largest finite value.
    pub fn largest(self) -> f32 {
        ScalarFormat::Float(self.float()).largest() as f32
    }

    /// Scale of a tensor whose largest magnitude is `absmax`; 1 for zeros.
    pub fn scale(self, absmax: f32) -> f32 {
        let scale = absmax / self.largest();
        // A scale below the normal floats could not be divided by.
        if absmax > 0.0 { scale.max(f32::MIN_POSITIVE) } else { 1.0 }
    }

    /// Code of a finite value: nearest, ties to even, what is too large becomes the largest.
    pub fn encode(self, value: f32) -> u8 {
        let layout = self.float();
        let (mantissa, bias) = (layout.mantissa_bits, layout.bias());
        let magnitude = value.abs().min(self.largest());
        let smallest_normal = f32::from_bits(((128 - bias) as u32) << 23);
        let code = if magnitude < smallest_normal {
            // Steps of the smallest value; a carry out of them is the smallest normal code.
            let step = f32::from_bits(((128 - bias - mantissa as i32) as u32) << 23);
            round_ties_even(magnitude / step) as u32
        } else {
            let bits = magnitude.to_bits();
            let dropped = 23 - mantissa;
            let rounded = (bits + (1 << (dropped - 1)) - 1 + ((bits >> dropped) & 1)) >> dropped;
            rounded - (((127 - bias) as u32) << mantissa)
        };
        code as u8 | if value.is_sign_negative() { 0x80 } else { 0 }
    }

    /// Values of all codes.
    pub fn values(self) -> [f32; 256] {
        let format = ScalarFormat::Float(self.float());
        std::array::from_fn(|code| format.decode(code as u64) as f32)
    }
}
