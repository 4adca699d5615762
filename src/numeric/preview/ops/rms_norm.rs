//! RMSNorm with a frozen weight: `y = w · x / √(mean(x²) + ε)`, row by row. Backward computes the scale again.
#![allow(clippy::inline_always, reason = "only what is inlined is compiled for the widest registers")]

use super::with_values;
use crate::linear_algebra::wide::{LANES, sum, sum_of, wide};
use candle_core::{Result, Tensor, bail};
use rayon::prelude::*;

#[inline(always)]
fn scale(row: &[f32], epsilon: f64) -> f32 {
    let square = sum(row, |x| x * x);
    (1.0 / (f64::from(square) / row.len() as f64 + epsilon).sqrt()) as f32
}

/// Norm of each row of `x`, `[rows, width]`.
pub fn rms_norm(x: &Tensor, weight: &[f32], epsilon: f64) -> Result<Tensor> {
    let width = weight.len();
    if x.dim(candle_core::D::Minus1)? != width {
        bail!("the norm has {width} values, its input {:?}", x.shape());
    }
    let made = with_values(x, |x| {
        let mut made = vec![0.0; x.len()];
        made.par_chunks_mut(width).zip(x.par_chunks(width)).for_each(|(made, row)| {
            wide(|| {
                let scale = scale(row, epsilon);
                for ((made, x), w) in made.iter_mut().zip(row).zip(weight) {
                    *made = x * scale * w;
                }
            });
        });
        Ok(made)
    })?;
    Tensor::from_vec(made, x.shape(), x.device())
}

/// Gradient of `x`: dx = r · w·g − x · r³ / n · Σ(w·g·x), with r the scale; `beside`, where there is one, is added to it.
pub fn rms_norm_back(x: &Tensor, weight: &[f32], epsilon: f64, dy: &Tensor, beside: Option<&Tensor>) -> Result<Tensor> {
    let width = weight.len();
    let row = |dx: &mut [f32], x: &[f32], dy: &[f32]| {
        let scale = scale(x, epsilon);
        let mut lanes = [0.0; LANES];
        let ((whole_x, rest_x), (whole_g, rest_g), (whole_w, rest_w)) =
            (x.as_chunks::<LANES>(), dy.as_chunks::<LANES>(), weight.as_chunks::<LANES>());
        for ((x, g), w) in whole_x.iter().zip(whole_g).zip(whole_w) {
            for lane in 0..LANES {
                lanes[lane] += x[lane] * g[lane] * w[lane];
            }
        }
        let rest: f32 = rest_x.iter().zip(rest_g).zip(rest_w).map(|((x, g), w)| x * g * w).sum();
        let back = (sum_of(lanes) + rest) * scale * scale * scale / width as f32;
        for (((dx, x), g), w) in dx.iter_mut().zip(x).zip(dy).zip(weight) {
            *dx += scale * w * g - x * back;
        }
    };
    let mut made = match beside {
        Some(beside) => with_values(beside, |beside| Ok(beside.to_vec()))?,
        None => vec![0.0; x.elem_count()],
    };
    with_values(x, |x| {
        with_values(dy, |dy| {
            let rows = made.par_chunks_mut(width).zip(x.par_chunks(width)).zip(dy.par_chunks(width));
            rows.for_each(|((dx, x), dy)| wide(|| row(dx, x, dy)));
            Ok(())
        })
    })?;
    Tensor::from_vec(made, x.shape(), x.device())
}
