//! RMSNorm with a frozen weight: `y = w · x / √(mean(x²) + ε)`, row by row. Backward computes the scale again.

use super::{values, with_values};
use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;
use std::sync::Arc;

struct RmsNorm {
    weight: Arc<Vec<f32>>,
    epsilon: f64,
}

impl RmsNorm {
    fn scale(&self, row: &[f32]) -> f32 {
        let sum: f32 = row.iter().map(|x| x * x).sum();
        (1.0 / (f64::from(sum) / row.len() as f64 + self.epsilon).sqrt()) as f32
    }
}

impl CustomOp1 for RmsNorm {
    fn name(&self) -> &'static str {
        "rms-norm"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = values(storage, layout)?;
        let width = self.weight.len();
        let mut y = vec![0.0; x.len()];
        y.par_chunks_mut(width).zip(x.par_chunks(width)).for_each(|(out, row)| {
            let scale = self.scale(row);
            for ((out, x), w) in out.iter_mut().zip(row).zip(self.weight.iter()) {
                *out = x * scale * w;
            }
        });
        Ok((CpuStorage::F32(y), layout.shape().clone()))
    }

    /// dx = r · w·g − x · r³ / n · Σ(w·g·x), with r the scale.
    fn bwd(&self, x: &Tensor, _y: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let grad = grad.contiguous()?;
        let width = self.weight.len();
        let made = with_values(x, |x| {
            with_values(&grad, |grad| {
                let mut made = vec![0.0; x.len()];
                let rows = made.par_chunks_mut(width).zip(x.par_chunks(width)).zip(grad.par_chunks(width));
                rows.for_each(|((out, x), grad)| {
                    let scale = self.scale(x);
                    let along: f32 = x.iter().zip(grad).zip(self.weight.iter()).map(|((x, g), w)| x * g * w).sum();
                    let back = along * scale * scale * scale / width as f32;
                    for (((out, x), g), w) in out.iter_mut().zip(x).zip(grad).zip(self.weight.iter()) {
                        *out = scale * w * g - x * back;
                    }
                });
                Ok(made)
            })
        })?;
        Ok(Some(Tensor::from_vec(made, x.shape(), x.device())?))
    }
}

/// Norm of each row of `x`, `[tokens, width]`.
pub fn rms_norm(x: &Tensor, weight: &Arc<Vec<f32>>, epsilon: f64) -> Result<Tensor> {
    if x.dim(candle_core::D::Minus1)? != weight.len() {
        bail!("the norm has {} values, its input {:?}", weight.len(), x.shape());
    }
    x.contiguous()?.apply_op1(RmsNorm { weight: Arc::clone(weight), epsilon })
}
