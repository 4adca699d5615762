//! One unit of time for a whole formula: what is divided by a rate is given in the unit that makes it come out.

use crate::explained::Term;

/// Seconds, milliseconds or microseconds, with the prefixes of operations and bytes that go with TFLOP/s and GB/s.
#[derive(Clone, Copy)]
pub enum Clock {
    /// s, TFLOP, GB, billions.
    Seconds,
    /// ms, GFLOP, MB, millions.
    Millis,
    /// µs, MFLOP, kB, thousands.
    Micros,
}

impl Clock {
    /// The unit that a stretch of time is told in.
    pub fn of(secs: f64) -> Self {
        match secs {
            ..1e-3 => Self::Micros,
            1e-3..1.0 => Self::Millis,
            _ => Self::Seconds,
        }
    }

    /// Its symbol.
    pub const fn unit(self) -> &'static str {
        self.words()[0]
    }

    const fn words(self) -> [&'static str; 5] {
        match self {
            Self::Seconds => ["s", "TFLOP", "GB", "billion", "tokens/s"],
            Self::Millis => ["ms", "GFLOP", "MB", "million", "tokens/ms"],
            Self::Micros => ["µs", "MFLOP", "kB", "thousand", "tokens/µs"],
        }
    }

    const fn per_second(self) -> f64 {
        match self {
            Self::Seconds => 1.0,
            Self::Millis => 1e3,
            Self::Micros => 1e6,
        }
    }

    /// `secs` in this unit.
    pub const fn amount(self, secs: f64) -> f64 {
        secs * self.per_second()
    }

    /// A stretch of time.
    pub fn secs(self, name: &'static str, secs: f64) -> Term {
        Term::quantity(name, self.amount(secs), self.unit())
    }

    /// Operations, to be divided by TFLOP/s.
    pub fn operations(self, name: &'static str, operations: f64) -> Term {
        Term::quantity(name, self.amount(operations) / 1e12, self.words()[1])
    }

    /// Bytes, to be divided by GB/s.
    pub fn bytes(self, name: &'static str, bytes: f64) -> Term {
        Term::quantity(name, self.amount(bytes) / 1e9, self.words()[2])
    }

    /// A count of what has bytes each, to be divided by GB/s.
    pub fn count(self, name: &'static str, count: f64) -> Term {
        Term::quantity(name, self.amount(count) / 1e9, self.words()[3])
    }

    /// Tokens by time.
    pub fn rate(self, name: &'static str, tokens_per_sec: f64) -> Term {
        Term::quantity(name, tokens_per_sec / self.per_second(), self.words()[4])
    }

    /// `amount`, so that divided by a time in this unit it is an amount a second.
    pub fn a_second(self, amount: Term) -> Term {
        match self {
            Self::Seconds => amount,
            Self::Millis => Term::from(1_000) * amount,
            Self::Micros => Term::from(1_000_000) * amount,
        }
    }
}
