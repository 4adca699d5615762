//! Rotary positions as transformers lays them out: the first half of a head turns against the second.

use super::values;
use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use rayon::prelude::*;
use std::sync::Arc;

/// Sines and cosines of every position.
#[derive(Debug)]
pub struct Rotary {
    /// Half the width of a head.
    half: usize,
    cos: Vec<f32>,
    sin: Vec<f32>,
}

impl Rotary {
    /// For `positions` places and heads of `head_dim`: angle = position / θ^(2i / head_dim).
    pub fn new(positions: usize, head_dim: usize, theta: f64) -> Self {
        let half = head_dim / 2;
        let angle = |at: usize| {
            let (position, i) = (at / half.max(1), at % half.max(1));
            position as f64 / theta.powf(2.0 * i as f64 / head_dim as f64)
        };
        let angles: Vec<f64> = (0..positions * half).map(angle).collect();
        let of = |f: fn(f64) -> f64| angles.iter().map(|angle| f(*angle) as f32).collect();
        Self { half, cos: of(f64::cos), sin: of(f64::sin) }
    }

    /// Places it has.
    pub const fn positions(&self) -> usize {
        match self.cos.len().checked_div(self.half) {
            Some(count) => count,
            None => 0,
        }
    }
}

/// Turns by the angle, or back by it.
struct Rotate {
    table: Arc<Rotary>,
    sequence: usize,
    sign: f32,
}

impl CustomOp1 for Rotate {
    fn name(&self) -> &'static str {
        "rotary"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = values(storage, layout)?;
        let (_, width) = layout.shape().dims2()?;
        let half = self.table.half;
        let mut y = vec![0.0; x.len()];
        y.par_chunks_mut(width).zip(x.par_chunks(width)).enumerate().for_each(|(token, (out, row))| {
            let place = token % self.sequence * half;
            let (cos, sin) = (&self.table.cos[place..place + half], &self.table.sin[place..place + half]);
            for (out, head) in out.chunks_exact_mut(2 * half).zip(row.chunks_exact(2 * half)) {
                let ((first, second), (a, b)) = (out.split_at_mut(half), head.split_at(half));
                for i in 0..half {
                    let sin = self.sign * sin[i];
                    first[i] = a[i] * cos[i] - b[i] * sin;
                    second[i] = b[i] * cos[i] + a[i] * sin;
                }
            }
        });
        Ok((CpuStorage::F32(y), layout.shape().clone()))
    }

    /// A turn's transpose is the turn back.
    fn bwd(&self, _x: &Tensor, _y: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let back = Self { table: Arc::clone(&self.table), sequence: self.sequence, sign: -self.sign };
        Ok(Some(grad.contiguous()?.apply_op1_no_bwd(&back)?))
    }
}

/// Turns every head of `x`, `[tokens, heads × head_dim]`, whose tokens are sequences of `sequence`.
pub fn rotate(x: &Tensor, table: &Arc<Rotary>, sequence: usize) -> Result<Tensor> {
    if sequence > table.positions() {
        candle_core::bail!("a sequence of {sequence} is longer than the {} positions", table.positions());
    }
    x.contiguous()?.apply_op1(Rotate { table: Arc::clone(table), sequence, sign: 1.0 })
}
