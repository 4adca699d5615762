//! A number with its derivation: formula, inputs, source, whether it is exact, and a band where there is evidence.

use crate::units::{ByteUnit, Bytes, grouped, percent, quantity};
use std::borrow::Cow;

/// A value of one of the kinds the program shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// Memory.
    Bytes(Bytes),
    /// A count of parameters, tokens, layers, heads …
    Count(u64),
    /// A plain factor, such as bytes per value.
    Factor(f64),
    /// A share between 0 and 1.
    Share(f64),
    /// An amount in a unit of its own, such as seconds or tokens a second.
    Quantity(f64, &'static str),
}

impl Value {
    /// Text for a person; memory in `unit`.
    pub fn display(self, unit: ByteUnit) -> String {
        match self {
            Self::Bytes(bytes) => bytes.display(unit),
            Self::Count(count) => grouped(count),
            Self::Factor(factor) => {
                let text = format!("{factor:.4}");
                text.trim_end_matches('0').trim_end_matches('.').to_owned()
            }
            Self::Share(share) => percent(share),
            Self::Quantity(amount, unit) => quantity(amount, unit),
        }
    }
}

/// How far a value can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exactness {
    /// Follows from shapes and dtypes alone.
    Exact,
    /// Rests on a fitted or simplified term.
    Approximate,
}

/// One named quantity of a formula.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// Name as it stands in the formula.
    pub name: Cow<'static, str>,
    /// Its value in this plan.
    pub value: Value,
    /// Unit or short note: `micro-batch × sequence`, `bytes`, …; may be empty.
    pub note: Cow<'static, str>,
}

impl Input {
    /// An input named `name` with `value`; `note` is its unit or a short gloss.
    pub fn new(name: impl Into<Cow<'static, str>>, value: Value, note: impl Into<Cow<'static, str>>) -> Self {
        Self { name: name.into(), value, note: note.into() }
    }

    /// A count.
    pub fn count(name: &'static str, count: u64, note: &'static str) -> Self {
        Self::new(name, Value::Count(count), note)
    }

    /// A plain factor.
    pub fn factor(name: &'static str, factor: f64, note: &'static str) -> Self {
        Self::new(name, Value::Factor(factor), note)
    }

    /// An amount in a unit of its own.
    pub fn quantity(name: &'static str, amount: f64, unit: &'static str, note: &'static str) -> Self {
        Self::new(name, Value::Quantity(amount, unit), note)
    }

    /// An amount of memory.
    pub fn bytes(name: &'static str, bytes: Bytes, note: &'static str) -> Self {
        Self::new(name, Value::Bytes(bytes), note)
    }
}

/// A value and how it came about. `parts`, where given, sum to `value`.
#[derive(Clone, Debug, PartialEq)]
pub struct Explained {
    /// What is computed, in a few words.
    pub title: Cow<'static, str>,
    /// The result.
    pub value: Value,
    /// The formula, in the names of `inputs`.
    pub formula: Cow<'static, str>,
    /// What went in.
    pub inputs: Vec<Input>,
    /// One or two sentences: why memory is held here.
    pub why: Cow<'static, str>,
    /// Paper, file or measurement the formula comes from.
    pub source: Cow<'static, str>,
    /// Exact or approximate.
    pub exactness: Exactness,
    /// Terms of a sum.
    pub parts: Vec<Self>,
}

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
