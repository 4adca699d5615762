//! Floats of any layout: one sign bit, then exponent, then mantissa.

use super::Outcome;

/// Layout of a float: one sign bit, then exponent, then mantissa.
#[derive(Debug, PartialEq, Eq)]
pub struct FloatLayout {
    /// Stable name for settings and tests.
    pub id: &'static str,
    /// Name on screen.
    pub name: &'static str,
    /// What it is used for, in a few words.
    pub used_for: &'static str,
    /// Exponent bits.
    pub exponent_bits: u32,
    /// Mantissa bits that are stored; the leading 1 of a normal value is not.
    pub mantissa_bits: u32,
    /// What the largest codes mean.
    pub specials: Specials,
    /// Bits that memory holds beyond the layout (TF32 lives in 32-bit words).
    pub unused_bits: u32,
}

/// What a float's largest codes mean, and with that what becomes of a value that is too large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Specials {
    /// All exponent bits set: infinity or not-a-number (IEEE 754). Too large becomes infinity.
    InfinityAndNan,
    /// Only all bits set is not-a-number; there is no infinity (E4M3). Too large becomes the largest value, as in
    /// PyTorch's cast from 2026 on; its earlier casts and those of ml_dtypes give not-a-number instead.
    NanOnly,
    /// All codes are finite (FP6, FP4). Too large becomes the largest value.
    None,
}

macro_rules! float {
    ($name:ident, $id:literal, $label:literal, $exponent:literal, $mantissa:literal, $specials:ident, $unused:literal, $used_for:literal) => {
        #[doc = $used_for]
        pub const $name: FloatLayout = FloatLayout {
            id: $id,
            name: $label,
            used_for: $used_for,
            exponent_bits: $exponent,
            mantissa_bits: $mantissa,
            specials: Specials::$specials,
            unused_bits: $unused,
        };
    };
}

float!(FP64, "fp64", "FP64", 11, 52, InfinityAndNan, 0, "IEEE double: reference computations.");
float!(FP32, "fp32", "FP32", 8, 23, InfinityAndNan, 0, "IEEE single: master weights, optimizer state.");
float!(TF32, "tf32", "TF32", 8, 10, InfinityAndNan, 13, "Inputs of NVIDIA's matrix units; memory still holds 32 bits.");
float!(BF16, "bf16", "BF16", 8, 7, InfinityAndNan, 0, "Brain float: weights and arithmetic of most models.");
float!(FP16, "fp16", "FP16", 5, 10, InfinityAndNan, 0, "IEEE half: older models and cards; needs loss scaling.");
float!(E5M2, "fp8-e5m2", "FP8 E5M2", 5, 2, InfinityAndNan, 0, "8-bit float with FP16's range: gradients.");
float!(
    E4M3,
    "fp8-e4m3",
    "FP8 E4M3",
    4,
    3,
    NanOnly,
    0,
    "8-bit float with more precision: weights, activations. Older casts turn what is too large into NaN."
);
float!(E3M2, "fp6-e3m2", "FP6 E3M2", 3, 2, None, 0, "6-bit element of MXFP6, range over precision.");
float!(E2M3, "fp6-e2m3", "FP6 E2M3", 2, 3, None, 0, "6-bit element of MXFP6, precision over range.");
float!(E2M1, "fp4-e2m1", "FP4 E2M1", 2, 1, None, 0, "4-bit element of MXFP4 and NVFP4; lives under a block scale.");

impl FloatLayout {
    /// Bits of a code.
    pub const fn bits(&self) -> u32 {
        1 + self.exponent_bits + self.mantissa_bits
    }

    /// What is subtracted from the stored exponent.
    pub const fn bias(&self) -> i32 {
        (1 << (self.exponent_bits - 1)) - 1
    }

    /// Exponent of the smallest normal value.
    pub(super) const fn lowest_exponent(&self) -> i32 {
        1 - self.bias()
    }

    const fn sign_bit(&self) -> u64 {
        1 << (self.exponent_bits + self.mantissa_bits)
    }

    /// All bits below the sign.
    const fn magnitude_mask(&self) -> u64 {
        self.sign_bit() - 1
    }

    /// Code of the largest finite value.
    pub(super) const fn largest_bits(&self) -> u64 {
        match self.specials {
            Specials::InfinityAndNan => self.infinity_bits() - 1,
            Specials::NanOnly => self.magnitude_mask() - 1,
            Specials::None => self.magnitude_mask(),
        }
    }

    const fn infinity_bits(&self) -> u64 {
        ((1 << self.exponent_bits) - 1) << self.mantissa_bits
    }

    pub(super) fn encode(&self, value: f64) -> (u64, Outcome) {
        let sign = if value.is_sign_negative() { self.sign_bit() } else { 0 };
        if value.is_nan() {
            return match self.specials {
                Specials::InfinityAndNan => (self.infinity_bits() | (1 << (self.mantissa_bits - 1)), Outcome::Nan),
                Specials::NanOnly => (self.magnitude_mask(), Outcome::Nan),
                Specials::None => (0, Outcome::NanLost),
            };
        }
        let magnitude = value.abs();
        if magnitude.is_infinite() {
            return match self.specials {
                Specials::InfinityAndNan => (sign | self.infinity_bits(), Outcome::Exact),
                _ => self.too_large(sign),
            };
        }
        let bits = self.round(magnitude);
        if bits > self.largest_bits() {
            return self.too_large(sign);
        }
        let stored = self.decode(bits);
        let outcome = if stored == magnitude {
            Outcome::Exact
        } else if bits == 0 {
            Outcome::Underflow
        } else if bits < 1 << self.mantissa_bits {
            Outcome::Subnormal
        } else {
            Outcome::Rounded
        };
        (sign | bits, outcome)
    }

    const fn too_large(&self, sign: u64) -> (u64, Outcome) {
        match self.specials {
            Specials::InfinityAndNan => (sign | self.infinity_bits(), Outcome::OverflowToInfinity),
            Specials::NanOnly | Specials::None => (sign | self.largest_bits(), Outcome::Saturated),
        }
    }

    /// Code of the representable magnitude nearest to `magnitude`, as if the exponent had no end.
    fn round(&self, magnitude: f64) -> u64 {
        if magnitude == 0.0 {
            return 0;
        }
        let (significand, power) = split(magnitude);
        let exponent = exponent_of(magnitude);
        // Weight of the last mantissa bit; below the normal range it stays where it is.
        let last = exponent.max(self.lowest_exponent()) - self.mantissa_bits as i32;
        let digits = shift_right_rounding(significand, last - power);
        if exponent < self.lowest_exponent() {
            return digits;
        }
        // The leading 1 of `digits` adds one to the exponent field, and so does a carry out of the mantissa.
        let field = (exponent - self.lowest_exponent()) as u64;
        (field << self.mantissa_bits) + digits
    }

    pub(super) fn decode(&self, bits: u64) -> f64 {
        let magnitude = bits & self.magnitude_mask();
        let mantissa = magnitude & ((1 << self.mantissa_bits) - 1);
        let field = (magnitude >> self.mantissa_bits) as i32;
        let value = match self.specials {
            Specials::InfinityAndNan if magnitude == self.infinity_bits() => f64::INFINITY,
            Specials::InfinityAndNan if magnitude > self.infinity_bits() => f64::NAN,
            Specials::NanOnly if magnitude == self.magnitude_mask() => f64::NAN,
            _ => {
                let leading = if field > 0 { 1_u64 << self.mantissa_bits } else { 0 };
                let exponent = field.max(1) - self.bias();
                scaled(mantissa | leading, exponent - self.mantissa_bits as i32)
            }
        };
        if bits & self.sign_bit() == 0 { value } else { -value }
    }
}

/// Digits and power of two of a positive finite value: `digits · 2^power`, exactly.
const fn split(value: f64) -> (u64, i32) {
    let bits = value.to_bits();
    let field = ((bits >> 52) & 0x7ff) as i32;
    let fraction = bits & ((1 << 52) - 1);
    if field == 0 { (fraction, -1074) } else { (fraction | (1 << 52), field - 1075) }
}

/// ⌊log₂ value⌋ of a positive finite value; that of the smallest double for zero.
pub(super) const fn exponent_of(value: f64) -> i32 {
    let (digits, power) = split(value);
    if digits == 0 { -1074 } else { 63 - digits.leading_zeros() as i32 + power }
}

/// `digits / 2^shift` rounded to the nearest integer, ties to even. A negative shift is exact.
const fn shift_right_rounding(digits: u64, shift: i32) -> u64 {
    match shift {
        ..=0 => digits << -shift,
        1..=63 => {
            let whole = digits >> shift;
            let rest = digits & ((1 << shift) - 1);
            let half = 1 << (shift - 1);
            if rest > half || (rest == half && whole & 1 == 1) { whole + 1 } else { whole }
        }
        // A double has 53 digits: what is left is less than half.
        _ => 0,
    }
}

/// 2^exponent, for −1074 … 1023.
pub(super) const fn power_of_two(exponent: i32) -> f64 {
    if exponent < -1022 {
        f64::from_bits(1 << (exponent + 1074))
    } else {
        f64::from_bits(((exponent + 1023) as u64) << 52)
    }
}

/// `digits · 2^power`; both factors and the result are doubles.
fn scaled(digits: u64, power: i32) -> f64 {
    // In two steps where the power alone is no normal double: the first is exact, the second as exact as the result.
    let first = power.max(-1000);
    digits as f64 * power_of_two(first.min(1000)) * power_of_two(power - first.min(1000))
}
