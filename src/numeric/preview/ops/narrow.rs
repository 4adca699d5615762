//! Products with the factors of an adapter, which have few rows or columns.

use super::with_values;
use crate::linear_algebra::product::{Sizes, View, add_product, transposed};
use candle_core::{Result, Tensor, bail};
use rayon::prelude::*;

/// Tokens that one thread takes at a time.
const TOKENS: usize = 64;

/// `y + low · Bᵀ`, of `[tokens, out]`, `[tokens, r]` and `[out, r]`.
pub fn with_update(y: &Tensor, low: &Tensor, b: &Tensor) -> Result<Tensor> {
    let ((tokens, out), (_, rank)) = (y.dims2()?, low.dims2()?);
    if low.dims2()? != (tokens, rank) || b.dims2()? != (out, rank) {
        bail!("{:?} does not go with {:?} and {:?}", y.shape(), low.shape(), b.shape());
    }
    let turned = with_values(b, |b| Ok(transposed(b, rank, out, rank)))?;
    let made = with_values(y, |y| {
        with_values(low, |low| {
            let mut made = y.to_vec();
            added(&mut made, out, low, (&turned, rank));
            Ok(made)
        })
    })?;
    Tensor::from_vec(made, y.shape(), y.device())
}

/// `y + low · A`, of `[tokens, in]`, `[tokens, r]` and `[r, in]`.
pub fn with_product(y: &Tensor, low: &Tensor, a: &Tensor) -> Result<Tensor> {
    let ((tokens, inner), (rank, _)) = (y.dims2()?, a.dims2()?);
    if low.dims2()? != (tokens, rank) || a.dims2()? != (rank, inner) {
        bail!("{:?} does not go with {:?} and {:?}", y.shape(), low.shape(), a.shape());
    }
    let made = with_values(y, |y| {
        with_values(low, |low| {
            let mut made = y.to_vec();
            with_values(a, |a| {
                added(&mut made, inner, low, (a, rank));
                Ok(())
            })?;
            Ok(made)
        })
    })?;
    Tensor::from_vec(made, y.shape(), y.device())
}

/// Adds the product of `[tokens, inner]` and `[inner, width]`, tokens side by side on all threads.
fn added(sum: &mut [f32], width: usize, left: &[f32], (right, inner): (&[f32], usize)) {
    sum.par_chunks_mut(TOKENS * width).zip(left.par_chunks(TOKENS * inner)).for_each(|(sum, left)| {
        let sizes = Sizes { rows: left.len() / inner, inner, columns: width };
        add_product((sum, width), View::rows(left, inner), (right, width), sizes);
    });
}

/// `x · Aᵀ` times `factor`, of `[tokens, in]` and a few rows `[r, in]`.
pub fn narrowed(x: &Tensor, a: &Tensor, factor: f64) -> Result<Tensor> {
    let ((tokens, inner), (rank, width)) = (x.dims2()?, a.dims2()?);
    if inner != width {
        bail!("{:?} does not go with {:?}", x.shape(), a.shape());
    }
    let turned = with_values(a, |a| {
        let mut turned = transposed(a, inner, rank, inner);
        for value in &mut turned {
            *value *= factor as f32;
        }
        Ok(turned)
    })?;
    product(x, tokens, (&turned, inner, rank))
}

/// `dy · B` times `factor`, of `[tokens, out]` and few columns `[out, r]`.
pub fn narrowed_back(dy: &Tensor, b: &Tensor, factor: f64) -> Result<Tensor> {
    let ((tokens, out), (rows, rank)) = (dy.dims2()?, b.dims2()?);
    if out != rows {
        bail!("{:?} does not go with {:?}", dy.shape(), b.shape());
    }
    let scaled: Vec<f32> = with_values(b, |b| Ok(b.iter().map(|value| value * factor as f32).collect()))?;
    product(dy, tokens, (&scaled, out, rank))
}

fn product(x: &Tensor, tokens: usize, (right, inner, columns): (&[f32], usize, usize)) -> Result<Tensor> {
    let made = with_values(x, |x| {
        let mut made = vec![0.0; tokens * columns];
        added(&mut made, columns, x, (right, inner));
        Ok(made)
    })?;
    Tensor::from_vec(made, (tokens, columns), x.device())
}
