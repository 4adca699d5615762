//! Rotary positions as transformers lays them out: the first half of a head turns against the second.

use super::with_values;
use crate::linear_algebra::wide::wide;
use candle_core::{Result, Tensor, bail};
use rayon::prelude::*;

/// Sines and cosines of every position.
#[derive(Debug)]
pub struct Rotary {
    /// Half the width of a head.
    half: usize,
    cos: Vec<f32>,
    sin: Vec<f32>,
}

/// Which way a head is turned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// By its angle: forward.
    Forward,
    /// Back by it: the gradient, since a turn's transpose is the turn back.
    Back,
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

    /// Turns every head of `x`, `[tokens, heads × head_dim]`, whose tokens are sequences of `sequence` that begin at the
    /// place `first`.
    pub fn turned(&self, x: &Tensor, sequence: usize, first: usize, turn: Turn) -> Result<Tensor> {
        let end = first.saturating_add(sequence);
        if end > self.positions() {
            bail!("{end} places are more than the {} positions", self.positions());
        }
        let (_, width) = x.dims2()?;
        let half = self.half;
        let sign = if turn == Turn::Forward { 1.0 } else { -1.0 };
        let made = with_values(x, |x| {
            let mut made = vec![0.0; x.len()];
            made.par_chunks_mut(width).zip(x.par_chunks(width)).enumerate().for_each(|(token, (made, row))| {
                let place = (first + token % sequence.max(1)) * half;
                let (cos, sin) = (&self.cos[place..place + half], &self.sin[place..place + half]);
                wide(|| {
                    for (made, head) in made.chunks_exact_mut(2 * half).zip(row.chunks_exact(2 * half)) {
                        let ((first, second), (a, b)) = (made.split_at_mut(half), head.split_at(half));
                        let pairs = first.iter_mut().zip(second).zip(a.iter().zip(b)).zip(cos.iter().zip(sin));
                        for (((first, second), (a, b)), (cos, sin)) in pairs {
                            let sin = sign * sin;
                            *first = a * cos - b * sin;
                            *second = b * cos + a * sin;
                        }
                    }
                });
            });
            Ok(made)
        })?;
        Tensor::from_vec(made, x.shape(), x.device())
    }
}
