//! Figures with a lower and an upper end.

use crate::units::Bytes;

/// Low, expected and high of one quantity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Interval {
    /// Lower end of the band.
    pub low: Bytes,
    /// The best single figure.
    pub expected: Bytes,
    /// Upper end of the band.
    pub high: Bytes,
}

impl Interval {
    /// A band of no width.
    pub const fn exact(bytes: Bytes) -> Self {
        Self { low: bytes, expected: bytes, high: bytes }
    }
}

/// Low, expected and high of a quantity that is no memory: seconds, tokens a second, kilowatt-hours, money.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Band {
    /// Lower end.
    pub low: f64,
    /// The best single figure.
    pub expected: f64,
    /// Upper end.
    pub high: f64,
}

impl Band {
    /// A band of no width.
    pub const fn exact(value: f64) -> Self {
        Self { low: value, expected: value, high: value }
    }

    /// All three times `factor` (not negative).
    #[must_use]
    pub fn times(self, factor: f64) -> Self {
        Self { low: self.low * factor, expected: self.expected * factor, high: self.high * factor }
    }

    /// Both bands' low, expected and high multiplied.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self { low: self.low * other.low, expected: self.expected * other.expected, high: self.high * other.high }
    }

    /// Sums of low, expected and high.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self { low: self.low + other.low, expected: self.expected + other.expected, high: self.high + other.high }
    }

    /// `amount` by each: the more time, the lower the rate.
    #[must_use]
    pub fn rate(self, amount: f64) -> Self {
        let by = |secs: f64| if secs > 0.0 { amount / secs } else { 0.0 };
        Self { low: by(self.high), expected: by(self.expected), high: by(self.low) }
    }
}
