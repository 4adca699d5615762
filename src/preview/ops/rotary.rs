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
    /// For `positions` places: each pair of a head turns by its frequency, in radians a position.
    pub fn new(positions: usize, frequencies: &[f64]) -> Self {
        let half = frequencies.len();
        let angle = |at: usize| (at / half.max(1)) as f64 * frequencies[at % half.max(1)];
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
    /// Place of the first token of a sequence.
    first: usize,
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
            let place = (self.first + token % self.sequence) * half;
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
        let back = Self { table: Arc::clone(&self.table), sign: -self.sign, ..*self };
        Ok(Some(grad.contiguous()?.apply_op1_no_bwd(&back)?))
    }
}

/// Turns every head of `x`, `[tokens, heads × head_dim]`, whose tokens are sequences of `sequence` that begin at the place
/// `first`.
pub fn rotate(x: &Tensor, table: &Arc<Rotary>, sequence: usize, first: usize) -> Result<Tensor> {
    let end = first.saturating_add(sequence);
    if end > table.positions() {
        candle_core::bail!("{end} places are more than the {} positions", table.positions());
    }
    x.contiguous()?.apply_op1(Rotate { table: Arc::clone(table), sequence, first, sign: 1.0 })
}
