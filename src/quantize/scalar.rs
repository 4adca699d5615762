//! Formats that store every value by itself: floats of any layout, and integers times a scale.
//!
//! Encoding rounds to the nearest representable value, ties to the even code (IEEE 754 roundTiesToEven). Every format
//! here is a subset of FP64, so decoding is exact.
//!
//! Sources of the layouts: IEEE 754-2019 (FP16, FP32, FP64); the bfloat16 and TF32 descriptions of Google and NVIDIA;
//! Micikevicius et al., "FP8 formats for deep learning", 2022 (E4M3, E5M2); OCP Microscaling v1.0 (FP6, FP4).

/// A format that stores every value by itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ScalarFormat {
    /// Sign, exponent, mantissa.
    Float(&'static FloatLayout),
    /// Two's complement integer times a scale.
    Fixed(&'static FixedLayout, Scale),
}

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

/// Layout of a two's complement integer.
#[derive(Debug, PartialEq, Eq)]
pub struct FixedLayout {
    /// Stable name for settings and tests.
    pub id: &'static str,
    /// Name on screen.
    pub name: &'static str,
    /// What it is used for, in a few words.
    pub used_for: &'static str,
    /// Bits.
    pub bits: u32,
    /// Largest code that encoding uses; the lowest is its negative (symmetric quantization).
    pub largest_code: i64,
}

/// Value of one step of an integer format: positive and finite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale(f64);

impl Scale {
    /// The scale that puts `range` on the largest code. What is no positive finite number counts as 1.
    pub fn for_range(range: f64, layout: &FixedLayout) -> Self {
        let range = if range.is_finite() && range > 0.0 { range } else { 1.0 };
        Self((range / layout.largest_code as f64).max(f64::MIN_POSITIVE))
    }

    /// Value of one step.
    pub const fn step(self) -> f64 {
        self.0
    }
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

/// 8-bit integer.
pub const INT8: FixedLayout = FixedLayout {
    id: "int8",
    name: "INT8",
    used_for: "Evenly spaced: LLM.int8() weights, 8-bit inference.",
    bits: 8,
    largest_code: 127,
};
/// 4-bit integer.
pub const INT4: FixedLayout = FixedLayout {
    id: "int4",
    name: "INT4",
    used_for: "Evenly spaced, 15 levels: GPTQ, AWQ and their kin.",
    bits: 4,
    largest_code: 7,
};
/// Three values.
pub const TERNARY: FixedLayout = FixedLayout {
    id: "ternary",
    name: "Ternary",
    used_for: "−1, 0, +1 times a scale: BitNet b1.58 (log₂ 3 = 1.58 bits of information).",
    bits: 2,
    largest_code: 1,
};

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
    const fn lowest_exponent(&self) -> i32 {
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
    const fn largest_bits(&self) -> u64 {
        match self.specials {
            Specials::InfinityAndNan => self.infinity_bits() - 1,
            Specials::NanOnly => self.magnitude_mask() - 1,
            Specials::None => self.magnitude_mask(),
        }
    }

    const fn infinity_bits(&self) -> u64 {
        ((1 << self.exponent_bits) - 1) << self.mantissa_bits
    }

    fn encode(&self, value: f64) -> (u64, Outcome) {
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

    fn decode(&self, bits: u64) -> f64 {
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

impl FixedLayout {
    fn encode(&self, value: f64, scale: Scale) -> (u64, Outcome) {
        let mask = (1_u64 << self.bits) - 1;
        if value.is_nan() {
            return (0, Outcome::NanLost);
        }
        let steps = (value / scale.step()).round_ties_even();
        let largest = self.largest_code as f64;
        let code = steps.clamp(-largest, largest) as i64;
        let stored = code as f64 * scale.step();
        let outcome = if steps.abs() > largest {
            Outcome::Saturated
        } else if stored == value {
            Outcome::Exact
        } else if code == 0 {
            Outcome::Underflow
        } else {
            Outcome::Rounded
        };
        (code as u64 & mask, outcome)
    }

    fn decode(&self, bits: u64, scale: Scale) -> f64 {
        // The top bit has a negative weight.
        let unused = 64 - self.bits;
        let code = ((bits << unused) as i64) >> unused;
        code as f64 * scale.step()
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
const fn exponent_of(value: f64) -> i32 {
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
const fn power_of_two(exponent: i32) -> f64 {
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
