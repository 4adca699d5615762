//! Sums and products value by value.

use super::with_values;
use crate::linear_algebra::wide::wide;
use candle_core::{Result, Tensor, bail};
use rayon::prelude::*;

/// Values that one thread takes at a time.
const CHUNK: usize = 1 << 14;

/// `f` of each pair of values.
pub fn zipped(a: &Tensor, b: &Tensor, f: impl Fn(f32, f32) -> f32 + Sync) -> Result<Tensor> {
    if a.shape() != b.shape() {
        bail!("{:?} does not go with {:?}", a.shape(), b.shape());
    }
    let made = with_values(a, |a| {
        with_values(b, |b| {
            let mut made = vec![0.0; a.len()];
            let parts = made.par_chunks_mut(CHUNK).zip(a.par_chunks(CHUNK)).zip(b.par_chunks(CHUNK));
            parts.for_each(|((made, a), b)| {
                wide(|| {
                    for ((made, a), b) in made.iter_mut().zip(a).zip(b) {
                        *made = f(*a, *b);
                    }
                });
            });
            Ok(made)
        })
    })?;
    Tensor::from_vec(made, a.shape(), a.device())
}

/// a + b.
pub fn sum(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    zipped(a, b, |a, b| a + b)
}

/// `f` of each value and that of `row` in its column: `x` is `[tokens, width]`, `row` has `width` values.
pub fn by_column(x: &Tensor, row: &Tensor, f: impl Fn(f32, f32) -> f32 + Sync) -> Result<Tensor> {
    let (_, width) = x.dims2()?;
    if row.elem_count() != width {
        bail!("a row of {} values for a width of {width}", row.elem_count());
    }
    let made = with_values(x, |x| {
        with_values(row, |row| {
            let mut made = vec![0.0; x.len()];
            made.par_chunks_mut(width.max(1)).zip(x.par_chunks(width.max(1))).for_each(|(made, x)| {
                wide(|| {
                    for ((made, x), row) in made.iter_mut().zip(x).zip(row) {
                        *made = f(*x, *row);
                    }
                });
            });
            Ok(made)
        })
    })?;
    Tensor::from_vec(made, x.shape(), x.device())
}

/// Σ over tokens of a · b in each column: `[width]` of two `[tokens, width]`.
pub fn column_sums(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let (_, width) = a.dims2()?;
    let made = with_values(a, |a| {
        with_values(b, |b| {
            let mut made = vec![0.0; width];
            wide(|| {
                for (a, b) in a.chunks_exact(width.max(1)).zip(b.chunks_exact(width.max(1))) {
                    for ((made, a), b) in made.iter_mut().zip(a).zip(b) {
                        *made += a * b;
                    }
                }
            });
            Ok(made)
        })
    })?;
    Tensor::from_vec(made, width, a.device())
}

/// A copy with every value times `factor`, for small tensors.
pub fn scaled(x: &Tensor, factor: f64) -> Result<Tensor> {
    let made = with_values(x, |x| Ok(x.iter().map(|x| x * factor as f32).collect::<Vec<f32>>()))?;
    Tensor::from_vec(made, x.shape(), x.device())
}
