//! Quantities and how they are printed. Memory is integer bytes inside; GiB is a matter of display.
//!
//! No number leaves this module without its unit.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::{Add, AddAssign, Sub};

/// An amount of memory in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bytes(pub u64);

/// The unit in which memory is shown. The stored value is always bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ByteUnit {
    /// 2^30 bytes: what `nvidia-smi` and PyTorch count in.
    #[default]
    GiB,
    /// 10^9 bytes: what data sheets count in.
    GB,
}

impl ByteUnit {
    /// Bytes in one unit.
    pub const fn bytes(self) -> u64 {
        match self {
            Self::GiB => 1 << 30,
            Self::GB => 1_000_000_000,
        }
    }

    /// The unit's symbol.
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::GiB => "GiB",
            Self::GB => "GB",
        }
    }
}

impl Bytes {
    /// No memory.
    pub const ZERO: Self = Self(0);

    /// `n` binary gigabytes.
    pub const fn gib(n: u64) -> Self {
        Self(n << 30)
    }

    /// `n` binary megabytes.
    pub const fn mib(n: u64) -> Self {
        Self(n << 20)
    }

    /// The amount in `unit`, for plotting and formatting only.
    pub fn in_unit(self, unit: ByteUnit) -> f64 {
        self.0 as f64 / unit.bytes() as f64
    }

    /// Two decimals, without the unit: for a table whose head states it once. What is there never reads as nothing.
    pub fn number(self, unit: ByteUnit) -> String {
        let value = self.in_unit(unit);
        if self.0 > 0 && value < 0.005 { "<0.01".to_owned() } else { format!("{value:.2}") }
    }

    /// Two decimals and the unit; amounts under 0.01 fall to MiB/MB, KiB/kB or B so that nothing reads as zero.
    pub fn display(self, unit: ByteUnit) -> String {
        let steps: [(&str, u64); 3] = match unit {
            ByteUnit::GiB => [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)],
            ByteUnit::GB => [("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)],
        };
        for (symbol, size) in steps {
            // 0.995 % of the unit is the least that still rounds to 0.01.
            if self.0.saturating_mul(200) >= size * 2 {
                return format!("{:.2} {symbol}", self.0 as f64 / size as f64);
            }
        }
        format!("{} B", self.0)
    }

    /// Difference that stops at zero.
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// Sum that stops at the largest amount.
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.display(ByteUnit::GiB))
    }
}

impl Add for Bytes {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        self.saturating_add(other)
    }
}

impl AddAssign for Bytes {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Bytes {
    type Output = Self;
    /// Differences of memory amounts never go below zero; use [`Bytes::saturating_sub`] where that needs saying.
    fn sub(self, other: Self) -> Self {
        self.saturating_sub(other)
    }
}

impl std::iter::Sum for Bytes {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ZERO, Add::add)
    }
}

/// `8030261248` → `8,030,261,248`.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A parameter count in the field's short form: `8.03 B`, `124 M`, `41.9 M`, `512`.
pub fn params_short(n: u64) -> String {
    let (value, suffix) = match n {
        0..1_000 => return n.to_string(),
        1_000..1_000_000 => (n as f64 / 1e3, "K"),
        1_000_000..1_000_000_000 => (n as f64 / 1e6, "M"),
        1_000_000_000..1_000_000_000_000 => (n as f64 / 1e9, "B"),
        _ => (n as f64 / 1e12, "T"),
    };
    let decimals = if value >= 100.0 {
        0
    } else if value >= 10.0 {
        1
    } else {
        2
    };
    format!("{value:.decimals$} {suffix}")
}

/// A share in percent: two decimals under 1 %, one under 10 %, none above.
pub fn percent(share: f64) -> String {
    let value = share * 100.0;
    let decimals = if value.abs() < 1.0 {
        2
    } else if value.abs() < 10.0 {
        1
    } else {
        0
    };
    format!("{value:.decimals$} %")
}
