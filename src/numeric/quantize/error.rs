//! How far quantized values are from the originals.

/// Error of a vector, all in the unit of its values unless said otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ErrorStats {
    /// Root of the mean squared error.
    pub rms: f64,
    /// Largest absolute error.
    pub largest: f64,
    /// Where that is.
    pub largest_at: usize,
    /// Mean error with its sign: a bias.
    pub mean: f64,
    /// Signal to quantization noise in decibels, 10 · log₁₀(Σ x² / Σ error²); `None` without error or without signal.
    pub sqnr_db: Option<f64>,
    /// Largest absolute error relative to the root mean square of the originals; `None` without signal.
    pub largest_over_rms_signal: Option<f64>,
}

impl ErrorStats {
    /// Compares `after` with `before`, value by value; of unequal lengths the shorter counts.
    pub fn of(before: &[f32], after: &[f32]) -> Self {
        let count = before.len().min(after.len());
        if count == 0 {
            return Self::default();
        }
        let (mut signal, mut noise, mut sum) = (0.0, 0.0, 0.0);
        let (mut largest, mut largest_at) = (0.0, 0);
        for (i, (&before, &after)) in before.iter().zip(after).enumerate() {
            let error = f64::from(after) - f64::from(before);
            signal += f64::from(before) * f64::from(before);
            noise += error * error;
            sum += error;
            if error.abs() > largest {
                (largest, largest_at) = (error.abs(), i);
            }
        }
        let n = count as f64;
        Self {
            rms: (noise / n).sqrt(),
            largest,
            largest_at,
            mean: sum / n,
            sqnr_db: (noise > 0.0 && signal > 0.0).then(|| 10.0 * (signal / noise).log10()),
            largest_over_rms_signal: (signal > 0.0).then(|| largest / (signal / n).sqrt()),
        }
    }
}
