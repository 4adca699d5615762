//! Two's complement integers times a scale.

use super::Outcome;

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
    used_for: "Evenly spaced, 15 levels: GPTQ, AWQ and similar.",
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

impl FixedLayout {
    pub(super) fn encode(&self, value: f64, scale: Scale) -> (u64, Outcome) {
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

    pub(super) fn decode(&self, bits: u64, scale: Scale) -> f64 {
        // The top bit has a negative weight.
        let unused = 64 - self.bits;
        let code = ((bits << unused) as i64) >> unused;
        code as f64 * scale.step()
    }
}
