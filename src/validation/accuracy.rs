//! Errors in few numbers.

use super::RowResult;
use serde::Serialize;

/// How good a set of predictions is. Errors are predicted / measured − 1; `None` without rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Accuracy {
    /// Rows in the set.
    pub rows: usize,
    /// Median of the absolute errors.
    pub median_abs_error: Option<f64>,
    /// 95th percentile of the absolute errors.
    pub p95_abs_error: Option<f64>,
    /// Mean of the signed errors: above 0 the predictions are too high.
    pub bias: Option<f64>,
    /// Share of rows whose measurement lies in the predicted band.
    pub within_interval: Option<f64>,
    /// Median of the band's width as a share of the measurement.
    pub median_interval_width: Option<f64>,
}

/// One prediction with its interval beside what was measured, all in one unit.
#[derive(Clone, Copy, Debug)]
pub struct Figure {
    /// Predicted over measured, less one.
    pub error: f64,
    /// Low end of the interval.
    pub low: f64,
    /// High end of the interval.
    pub high: f64,
    /// What was measured.
    pub measured: f64,
}

impl Accuracy {
    /// Of these rows.
    pub fn of<'a>(rows: impl Iterator<Item = &'a RowResult>) -> Self {
        Self::of_figures(rows.map(|row| Figure {
            error: row.error,
            low: row.low_bytes as f64,
            high: row.high_bytes as f64,
            measured: row.measured_bytes as f64,
        }))
    }

    /// Of predictions in any unit.
    pub fn of_figures(figures: impl Iterator<Item = Figure>) -> Self {
        let (mut absolute, mut widths) = (Vec::new(), Vec::new());
        let (mut sum, mut inside) = (0.0, 0_usize);
        for figure in figures {
            absolute.push(figure.error.abs());
            widths.push((figure.high - figure.low) / figure.measured.max(f64::MIN_POSITIVE));
            sum += figure.error;
            inside += usize::from((figure.low..=figure.high).contains(&figure.measured));
        }
        let count = absolute.len();
        let mean = |total: f64| (count > 0).then(|| total / count as f64);
        Self {
            rows: count,
            median_abs_error: quantile(&mut absolute, 0.5),
            p95_abs_error: quantile(&mut absolute, 0.95),
            bias: mean(sum),
            within_interval: mean(inside as f64),
            median_interval_width: quantile(&mut widths, 0.5),
        }
    }
}

/// The value below which a share of `values` lies, linear between neighbours (NumPy's default, Hyndman and Fan's
/// definition 7). Sorts `values`; `None` without any.
pub fn quantile(values: &mut [f64], share: f64) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    let position = share.clamp(0.0, 1.0) * last as f64;
    let below = *values.get(position.floor() as usize)?;
    let above = *values.get(position.ceil() as usize)?;
    Some(below + (above - below) * position.fract())
}

#[cfg(test)]
mod tests {
    use super::quantile;

    #[test]
    fn quantiles_lie_between_neighbours() {
        // By hand: of 1, 2, 3, 4 the median is 2.5; 95 % of the way from index 0 to 3 is index 2.85, so 3.85.
        assert_eq!(quantile(&mut [4.0, 1.0, 3.0, 2.0], 0.5), Some(2.5));
        assert!((quantile(&mut [4.0, 1.0, 3.0, 2.0], 0.95).unwrap_or(0.0) - 3.85).abs() < 1e-12);
        assert_eq!(quantile(&mut [7.0], 0.95), Some(7.0));
        assert_eq!(quantile(&mut [], 0.5), None);
    }
}
