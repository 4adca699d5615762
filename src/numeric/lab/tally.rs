//! Errors of a quantized tensor, added up piece by piece.

/// Bins of the sizes of errors.
pub const ERROR_BINS: usize = 48;
/// Bins of the values of a tensor.
pub const VALUE_BINS: usize = 81;
/// The histogram of values reaches so many standard deviations to each side; what lies beyond is in the outermost bins.
pub const VALUE_REACH: f32 = 6.0;

/// Sums over values and what became of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Tally {
    /// Values.
    pub count: u64,
    /// Σ x².
    pub signal: f64,
    /// Σ (y − x)².
    pub noise: f64,
    /// Σ x y.
    pub product: f64,
    /// Σ y².
    pub after: f64,
    /// Largest |y − x|.
    pub largest: f32,
    /// How many errors have which size, in standard deviations of the tensor. Bin i begins at [`lower_end`]; the first
    /// also holds everything smaller, the last everything larger.
    pub sizes: [u64; ERROR_BINS],
}

impl Default for Tally {
    fn default() -> Self {
        Self { count: 0, signal: 0.0, noise: 0.0, product: 0.0, after: 0.0, largest: 0.0, sizes: [0; ERROR_BINS] }
    }
}

/// Bin that begins at one standard deviation.
const BIN_OF_ONE: i32 = 40;

/// Sums that are kept side by side, so that the compiler can add several at once.
const LANES: usize = 8;

impl Tally {
    /// Adds values and what they became; `sigma` is the standard deviation of the whole tensor.
    pub fn add(&mut self, before: &[f32], after: &[f32], sigma: f32) {
        let (mut signal, mut noise, mut product, mut square) =
            ([0.0_f64; LANES], [0.0; LANES], [0.0; LANES], [0.0; LANES]);
        let mut add = |before: &[f32], after: &[f32]| {
            for lane in 0..before.len().min(LANES) {
                let (x, y) = (f64::from(before[lane]), f64::from(after[lane]));
                signal[lane] += x * x;
                noise[lane] += (y - x) * (y - x);
                product[lane] += x * y;
                square[lane] += y * y;
            }
        };
        let (whole_before, rest_before) = before.as_chunks::<LANES>();
        let (whole_after, rest_after) = after.as_chunks::<LANES>();
        for (before, after) in whole_before.iter().zip(whole_after) {
            add(before, after);
        }
        add(rest_before, rest_after);
        self.signal += signal.iter().sum::<f64>();
        self.noise += noise.iter().sum::<f64>();
        self.product += product.iter().sum::<f64>();
        self.after += square.iter().sum::<f64>();
        let scale = if sigma > 0.0 { 1.0 / sigma } else { 0.0 };
        for (before, after) in before.iter().zip(after) {
            let error = (after - before).abs();
            self.largest = self.largest.max(error);
            self.sizes[bin_of(error * scale)] += 1;
        }
        self.count += before.len().min(after.len()) as u64;
    }

    /// Adds another tally.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.signal += other.signal;
        self.noise += other.noise;
        self.product += other.product;
        self.after += other.after;
        self.largest = self.largest.max(other.largest);
        for (bin, more) in self.sizes.iter_mut().zip(&other.sizes) {
            *bin += more;
        }
    }

    /// Mean squared error, in the square of the values' unit.
    pub fn mse(&self) -> f64 {
        self.noise / self.count.max(1) as f64
    }

    /// Σ error² / Σ x²: 0 is exact, 1 as wrong as zeros would be. 0 of zeros.
    pub fn relative(&self) -> f64 {
        if self.signal > 0.0 { self.noise / self.signal } else { 0.0 }
    }

    /// Signal to quantization noise, 10 · log₁₀(Σ x² / Σ error²), in decibels; `None` without error or signal.
    pub fn sqnr_db(&self) -> Option<f64> {
        (self.noise > 0.0 && self.signal > 0.0).then(|| 10.0 * (self.signal / self.noise).log10())
    }

    /// Cosine of the angle between values before and after; `None` where one of them is all zeros.
    pub fn cosine(&self) -> Option<f64> {
        let length = (self.signal * self.after).sqrt();
        (length > 0.0).then(|| self.product / length)
    }
}

/// Bin of an error in standard deviations: two bins for each doubling, read off exponent and first digit.
fn bin_of(error: f32) -> usize {
    let halves = (error.to_bits() >> 22).cast_signed() - (127 << 1);
    (halves + BIN_OF_ONE).clamp(0, ERROR_BINS as i32 - 1) as usize
}

/// Lower end of a bin of errors, in standard deviations. A bin's upper half begins at 1.5 of its power of two.
pub fn lower_end(bin: usize) -> f64 {
    let halves = bin as i32 - BIN_OF_ONE;
    2_f64.powi(halves.div_euclid(2)) * if halves.rem_euclid(2) == 0 { 1.0 } else { 1.5 }
}

/// Bin of a value in standard deviations from the mean.
pub fn value_bin(deviations: f32) -> usize {
    let position = (deviations + VALUE_REACH) * (VALUE_BINS as f32 / (2.0 * VALUE_REACH));
    // A cast saturates, and takes what is no number to 0.
    (position.max(0.0) as usize).min(VALUE_BINS - 1)
}
