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

    /// This unit and two smaller ones, with their symbols and bytes.
    pub const fn steps(self) -> [(&'static str, u64); 3] {
        match self {
            Self::GiB => [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)],
            Self::GB => [("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)],
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

    /// Reads `24GiB`, `80 GB`, `512 MiB` or a plain number of bytes. The error is a sentence for the user.
    pub fn parse(text: &str) -> Result<Self, String> {
        let plain = text.trim().replace([',', '_', ' '], "");
        let digits = plain.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(plain.len());
        let (number, symbol) = plain.split_at(digits);
        let size = match symbol.to_ascii_lowercase().as_str() {
            "" | "b" => 1_u64,
            "kib" | "k" => 1 << 10,
            "mib" | "m" => 1 << 20,
            "gib" | "g" => 1 << 30,
            "tib" | "t" => 1 << 40,
            "kb" => 1_000,
            "mb" => 1_000_000,
            "gb" => 1_000_000_000,
            "tb" => 1_000_000_000_000,
            _ => 0,
        };
        let wrong = || format!("`{text}` is no amount of memory; write 24GiB, 80GB, 512MiB or a number of bytes");
        if size == 0 {
            return Err(wrong());
        }
        // Whole numbers stay exact; the range of f64 ends where memory does.
        let whole = number.parse::<u64>().ok().and_then(|count| count.checked_mul(size));
        let amount = number.parse::<f64>().map_err(|_error| wrong())? * size as f64;
        match whole {
            Some(bytes) => Ok(Self(bytes)),
            None if amount < u64::MAX as f64 => Ok(Self(amount as u64)),
            None => Err(wrong()),
        }
    }

    /// One decimal in MiB, or in MB with the unit GB: for amounts of which in GiB little would be left.
    pub fn small(self, unit: ByteUnit) -> String {
        match unit {
            ByteUnit::GiB => format!("{:.1} MiB", self.0 as f64 / f64::from(1 << 20)),
            ByteUnit::GB => format!("{:.1} MB", self.0 as f64 / 1e6),
        }
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
        for (symbol, size) in unit.steps() {
            // 0.995 % of the unit is the least that still rounds to 0.01.
            if self.0.saturating_mul(200) >= size * 2 {
                return format!("{:.2} {symbol}", self.0 as f64 / size as f64);
            }
        }
        format!("{} B", self.0)
    }

    /// Up to two decimals in the largest unit that leaves at least 1: `128 KiB`, for amounts such as bytes a token.
    pub fn fine(self, unit: ByteUnit) -> String {
        let found = unit.steps().into_iter().find(|(_, size)| self.0 >= *size);
        found.map_or_else(|| format!("{} B", self.0), |(symbol, size)| quantity(self.0 as f64 / size as f64, symbol))
    }

    /// At least `digits` significant digits in the largest unit that leaves 1 or more: `16 MiB`, `5.312 GiB`.
    pub fn with_digits(self, unit: ByteUnit, digits: usize) -> String {
        match self.step(unit) {
            Some((symbol, size)) => format!("{} {symbol}", significant_at(self.0 as f64 / size as f64, digits)),
            None => format!("{} B", self.0),
        }
    }

    /// The bytes that [`with_digits`](Self::with_digits) reads as.
    pub fn rounded(self, unit: ByteUnit, digits: usize) -> f64 {
        match self.step(unit) {
            Some((_, size)) => rounded_to(self.0 as f64 / size as f64, digits) * size as f64,
            None => self.0 as f64,
        }
    }

    /// The largest unit of which there is at least one.
    fn step(self, unit: ByteUnit) -> Option<(&'static str, u64)> {
        unit.steps().into_iter().find(|(_, size)| self.0 >= *size)
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
    let text = format!("{value:.decimals$} %");
    // What rounds to zero has no sign.
    if value < 0.0 && !text.contains(|c| ('1'..='9').contains(&c)) { text.replacen('-', "", 1) } else { text }
}

/// A share in words: whole per cent, with a decimal where it is small or nearly whole.
pub fn share_words(share: f64) -> String {
    let percent = share * 100.0;
    let is_fine = percent > 0.0 && percent < 100.0 && !(9.95..=99.05).contains(&percent);
    if is_fine { format!("{percent:.1} %") } else { format!("{percent:.0} %") }
}

/// An error in percent, always with its sign: `+19 %`, `−4.2 %`.
pub fn signed_percent(share: f64) -> String {
    let text = percent(share);
    match text.strip_prefix('-') {
        Some(rest) => format!("−{rest}"),
        None if text.contains(|c| ('1'..='9').contains(&c)) => format!("+{text}"),
        None => text,
    }
}

/// An amount in its unit with three or four significant digits: `3,947 tokens/s`, `12.4 h`, `0.0416 s`.
pub fn quantity(amount: f64, unit: &str) -> String {
    let number = significant(amount);
    if unit.is_empty() { number } else { format!("{number} {unit}") }
}

/// A number of things: `1 example`, `4,096 examples`.
pub fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(count), if count == 1 { one } else { many })
}

/// Three significant digits below 1,000, whole and grouped up to 10^15, powers of ten beyond.
pub fn significant(amount: f64) -> String {
    let size = amount.abs();
    if !amount.is_finite() || size >= 1e15 || (size > 0.0 && size < 1e-6) {
        return format!("{amount:.2e}");
    }
    if size >= 999.5 {
        let sign = if amount < 0.0 { "-" } else { "" };
        return format!("{sign}{}", grouped(size.round() as u64));
    }
    let decimals = match size {
        0.0 | 100.0.. => 0,
        10.0.. => 1,
        1.0.. => 2,
        0.1.. => 3,
        0.01.. => 4,
        0.001.. => 5,
        _ => 6,
    };
    let text = format!("{amount:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// At least `digits` significant digits, whole numbers in full, without zeros at the end: `0.0416`, `128,256`, `16`.
pub fn significant_at(amount: f64, digits: usize) -> String {
    let size = amount.abs();
    if !amount.is_finite() || size >= 1e18 || (size > 0.0 && size < 1e-12) {
        return format!("{amount:.*e}", digits.saturating_sub(1));
    }
    let decimals = decimals_of(size, digits);
    let text = format!("{size:.decimals$}");
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    let whole = whole.parse().map_or_else(|_too_long| whole.to_owned(), grouped);
    let part = part.trim_end_matches('0');
    let sign = if amount < 0.0 { "-" } else { "" };
    if part.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{part}") }
}

/// Decimals that make `digits` significant ones.
fn decimals_of(size: f64, digits: usize) -> usize {
    if size <= 0.0 {
        return 0;
    }
    let before = size.log10().floor() as i32 + 1;
    usize::try_from(i32::try_from(digits).unwrap_or(i32::MAX).saturating_sub(before)).unwrap_or(0)
}

/// The number that [`significant_at`] reads as.
pub fn rounded_to(amount: f64, digits: usize) -> f64 {
    let size = amount.abs();
    if !amount.is_finite() || size >= 1e18 || (size > 0.0 && size < 1e-12) {
        return amount;
    }
    format!("{amount:.*}", decimals_of(size, digits)).parse().unwrap_or(amount)
}

/// A stretch of time as people say it: `42 ms`, `12.4 s`, `36 min`, `5.2 h`, `3.1 days`.
pub fn duration(secs: f64) -> String {
    let (amount, unit) = match secs {
        ..1e-3 => (secs * 1e6, "µs"),
        1e-3..1.0 => (secs * 1e3, "ms"),
        1.0..120.0 => (secs, "s"),
        120.0..7200.0 => (secs / 60.0, "min"),
        7200.0..172_800.0 => (secs / 3600.0, "h"),
        _ => (secs / 86_400.0, "days"),
    };
    quantity(amount, unit)
}

/// 10^12, 10^15, … operations with their prefix: `49.6 TFLOP`.
pub fn flops_short(amount: f64) -> String {
    let steps = [(1e24, "YFLOP"), (1e21, "ZFLOP"), (1e18, "EFLOP"), (1e15, "PFLOP"), (1e12, "TFLOP"), (1e9, "GFLOP")];
    for (size, unit) in steps {
        if amount >= size {
            return quantity(amount / size, unit);
        }
    }
    quantity(amount / 1e6, "MFLOP")
}

#[cfg(test)]
mod tests {
    use super::{ByteUnit, Bytes, duration, flops_short, quantity, rounded_to, significant, significant_at};

    #[test]
    fn amounts_keep_three_digits_and_their_unit() {
        for (amount, text) in [
            (0.0, "0"),
            (3947.2, "3,947"),
            (999.6, "1,000"),
            (123.4, "123"),
            (12.34, "12.3"),
            (1.0, "1"),
            (1.236, "1.24"),
            (0.04161, "0.0416"),
            (1_234_567.0, "1,234,567"),
        ] {
            assert_eq!(significant(amount), text);
        }
        assert_eq!(quantity(2.5, "h"), "2.5 h");
        assert_eq!(duration(0.0416), "41.6 ms");
        assert_eq!(duration(5400.0), "90 min");
        assert_eq!(duration(3600.0 * 60.0), "2.5 days");
        assert_eq!(flops_short(4.96e13), "49.6 TFLOP");
    }

    #[test]
    fn as_many_digits_as_asked_for_are_shown() {
        for (amount, digits, text) in [
            (0.041_666, 4, "0.04167"),
            (128_256.0, 4, "128,256"),
            (16.0, 4, "16"),
            (999.96, 4, "1,000"),
            (0.734_21, 6, "0.73421"),
            (-1.5, 4, "-1.5"),
            (0.0, 4, "0"),
        ] {
            assert_eq!(significant_at(amount, digits), text);
            assert!(
                (rounded_to(amount, digits) - text.replace(',', "").parse::<f64>().unwrap_or_default()).abs() < 1e-9
            );
        }
        // 16 MiB of 1,024 are no GiB, and no 0.02 of one.
        assert_eq!(Bytes::mib(16).with_digits(ByteUnit::GiB, 4), "16 MiB");
        assert_eq!(Bytes(5_703_925_760).with_digits(ByteUnit::GiB, 4), "5.312 GiB");
        assert_eq!(Bytes(1023).with_digits(ByteUnit::GiB, 4), "1023 B");
    }
}
