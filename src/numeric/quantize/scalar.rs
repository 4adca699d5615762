//! Formats that store every value by itself: floats of any layout, and integers times a scale.
//!
//! Encoding rounds to the nearest representable value, ties to the even code (IEEE 754 roundTiesToEven). Every format
//! here is a subset of FP64, so decoding is exact.
//!
//! Sources of the layouts: IEEE 754-2019 (FP16, FP32, FP64); the bfloat16 and TF32 descriptions of Google and NVIDIA;
//! Micikevicius et al., "FP8 formats for deep learning", 2022 (E4M3, E5M2); OCP Microscaling v1.0 (FP6, FP4).

mod fixed;
mod float;

pub use fixed::{FixedLayout, INT4, INT8, Scale, TERNARY};
pub use float::{BF16, E2M1, E2M3, E3M2, E4M3, E5M2, FP16, FP32, FP64, FloatLayout, Specials, TF32};
use float::{exponent_of, power_of_two};

/// A format that stores every value by itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ScalarFormat {
    /// Sign, exponent, mantissa.
    Float(&'static FloatLayout),
    /// Two's complement integer times a scale.
    Fixed(&'static FixedLayout, Scale),
}

impl ScalarFormat {
    /// All, widest first; integers are scaled so that `range` is their largest value.
    pub fn all(range: f64) -> Vec<Self> {
        const FLOATS: [&FloatLayout; 10] = [&FP64, &FP32, &TF32, &BF16, &FP16, &E5M2, &E4M3, &E3M2, &E2M3, &E2M1];
        const FIXED: [&FixedLayout; 3] = [&INT8, &INT4, &TERNARY];
        let floats = FLOATS.into_iter().map(Self::Float);
        let fixed = FIXED.into_iter().map(|layout| Self::Fixed(layout, Scale::for_range(range, layout)));
        floats.chain(fixed).collect()
    }

    /// Stable name.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Float(layout) => layout.id,
            Self::Fixed(layout, _) => layout.id,
        }
    }

    /// Name on screen.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Float(layout) => layout.name,
            Self::Fixed(layout, _) => layout.name,
        }
    }

    /// What it is used for.
    pub const fn used_for(self) -> &'static str {
        match self {
            Self::Float(layout) => layout.used_for,
            Self::Fixed(layout, _) => layout.used_for,
        }
    }

    /// Bits of a code.
    pub const fn bits(self) -> u32 {
        match self {
            Self::Float(layout) => layout.bits(),
            Self::Fixed(layout, _) => layout.bits,
        }
    }

    /// Bits of one value in memory.
    pub const fn stored_bits(self) -> u32 {
        match self {
            Self::Float(layout) => layout.bits() + layout.unused_bits,
            Self::Fixed(layout, _) => layout.bits,
        }
    }

    /// Part that `bit` belongs to; bit 0 is the last one.
    pub const fn field(self, bit: u32) -> BitField {
        match self {
            Self::Float(layout) if bit < layout.mantissa_bits => BitField::Mantissa,
            Self::Float(layout) if bit < layout.mantissa_bits + layout.exponent_bits => BitField::Exponent,
            Self::Fixed(layout, _) if bit + 1 < layout.bits => BitField::Integer,
            _ => BitField::Sign,
        }
    }

    /// Largest finite value.
    pub fn largest(self) -> f64 {
        match self {
            Self::Float(layout) => layout.decode(layout.largest_bits()),
            Self::Fixed(layout, scale) => layout.largest_code as f64 * scale.step(),
        }
    }

    /// Smallest positive value with full precision; `None` where all steps are equal.
    pub fn smallest_normal(self) -> Option<f64> {
        match self {
            Self::Float(layout) => Some(layout.decode(1 << layout.mantissa_bits)),
            Self::Fixed(..) => None,
        }
    }

    /// Smallest positive value.
    pub fn smallest(self) -> f64 {
        match self {
            Self::Float(layout) => layout.decode(1),
            Self::Fixed(_, scale) => scale.step(),
        }
    }

    /// Distance of neighbouring values around `value` (its unit in the last place); `None` beyond the range.
    pub fn spacing(self, value: f64) -> Option<f64> {
        if !value.is_finite() || value.abs() > self.largest() {
            return None;
        }
        match self {
            Self::Float(layout) => {
                let exponent = exponent_of(value.abs()).max(layout.lowest_exponent());
                Some(power_of_two(exponent - layout.mantissa_bits as i32))
            }
            Self::Fixed(_, scale) => Some(scale.step()),
        }
    }

    /// Stores `value`.
    pub fn encode(self, value: f64) -> Encoded {
        let (bits, outcome) = match self {
            Self::Float(layout) => layout.encode(value),
            Self::Fixed(layout, scale) => layout.encode(value, scale),
        };
        Encoded { bits, value: self.decode(bits), outcome }
    }

    /// The value of a code; bits beyond the format are ignored.
    pub fn decode(self, bits: u64) -> f64 {
        match self {
            Self::Float(layout) => layout.decode(bits),
            Self::Fixed(layout, scale) => layout.decode(bits, scale),
        }
    }
}

/// Part of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BitField {
    /// Sign; of an integer the bit whose weight is negative.
    Sign,
    /// Exponent: range.
    Exponent,
    /// Mantissa: precision.
    Mantissa,
    /// Digits of an integer.
    Integer,
}

/// A stored value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Encoded {
    /// Its code, right-aligned.
    pub bits: u64,
    /// What is read back.
    pub value: f64,
    /// What happened.
    pub outcome: Outcome,
}

/// What happened to a value when it was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Stored as it is.
    Exact,
    /// Rounded to a neighbour.
    Rounded,
    /// Below the normal range: rounded to the fewer digits there are.
    Subnormal,
    /// Too small: became zero.
    Underflow,
    /// Too large: became infinity.
    OverflowToInfinity,
    /// Too large: became the largest value.
    Saturated,
    /// Not a number, and stored as that.
    Nan,
    /// Not a number, and the format has no code for it: stored as zero.
    NanLost,
}

impl Outcome {
    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Rounded => "rounded",
            Self::Subnormal => "rounded, subnormal: fewer digits",
            Self::Underflow => "underflow: became 0",
            Self::OverflowToInfinity => "overflow: became infinity",
            Self::Saturated => "overflow: clamped to the largest",
            Self::Nan => "not a number",
            Self::NanLost => "NaN has no code: became 0",
        }
    }

    /// Whether the stored value says something else than the original.
    pub const fn is_loss_of_range(self) -> bool {
        matches!(self, Self::Underflow | Self::OverflowToInfinity | Self::Saturated | Self::NanLost)
    }
}
