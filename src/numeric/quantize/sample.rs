//! Normally distributed values from a seed, the same on every system.

/// A generator of uniform numbers: SplitMix64 (Steele, Lea & Flood, 2014).
#[derive(Clone, Debug)]
pub struct SplitMix(u64);

impl SplitMix {
    /// Starts at `seed`.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Next 64 bits.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// Uniform in 0 … 1, without 1.
    pub const fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// `count` values of the standard normal distribution, by Marsaglia's polar method.
pub fn normal(seed: u64, count: usize) -> Vec<f32> {
    let mut random = SplitMix::new(seed);
    let mut values = Vec::with_capacity(count + 1);
    while values.len() < count {
        let (u, v) = (2.0 * random.uniform() - 1.0, 2.0 * random.uniform() - 1.0);
        let square = u * u + v * v;
        if square > 0.0 && square < 1.0 {
            let factor = (-2.0 * ln(square) / square).sqrt();
            values.push((u * factor) as f32);
            values.push((v * factor) as f32);
        }
    }
    values.truncate(count);
    values
}

/// Natural logarithm of a positive normal number by additions, multiplications and divisions alone: a system's own may
/// differ in the last digit, and the same seed shall give the same values everywhere.
fn ln(value: f64) -> f64 {
    let bits = value.to_bits();
    let exponent = ((bits >> 52) & 0x7ff) as i32 - 1023;
    let mantissa = f64::from_bits((bits & ((1 << 52) - 1)) | (1023 << 52));
    // ln m = 2 · artanh((m − 1) / (m + 1)), a series in odd powers of at most 1/3.
    let ratio = (mantissa - 1.0) / (mantissa + 1.0);
    let square = ratio * ratio;
    let series = (0..20).rev().fold(0.0, |sum, i| sum * square + 1.0 / f64::from(2 * i + 1));
    f64::from(exponent) * std::f64::consts::LN_2 + 2.0 * ratio * series
}
