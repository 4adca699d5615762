//! The gate of the MLP: `silu(gate) × up`, or with the Gaussian unit that Gemma takes in its place.
#![allow(clippy::inline_always, reason = "only what is inlined is compiled for the widest registers")]

use super::with_values;
use crate::linear_algebra::wide::{exp, sigmoid, wide};
use candle_core::{Result, Tensor, bail};
use rayon::prelude::*;

/// Values that one thread takes at a time.
const CHUNK: usize = 1 << 14;

/// What the gate goes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// x · σ(x) (Elfwing et al., 2017).
    Silu,
    /// x · Φ(x) by tanh: ½ x (1 + tanh(√(2/π) (x + 0.044715 x³))) (Hendrycks & Gimpel, 2016).
    GeluTanh,
}

/// √(2/π) and the factor of the cube.
const GELU: (f32, f32) = (0.797_884_6, 0.044_715);

impl Activation {
    /// Value and slope.
    #[inline(always)]
    fn at(self, x: f32) -> (f32, f32) {
        match self {
            Self::Silu => {
                let s = sigmoid(x);
                (x * s, s * (1.0 + x * (1.0 - s)))
            }
            Self::GeluTanh => {
                let inner = GELU.0 * (x + GELU.1 * x * x * x);
                // tanh by an exponential of what is never positive, so that nothing overflows.
                let e = exp(-2.0 * inner.abs());
                let tanh = ((1.0 - e) / (1.0 + e)).copysign(inner);
                let slope = 0.5 * (1.0 + tanh) + 0.5 * x * (1.0 - tanh * tanh) * GELU.0 * (1.0 + 3.0 * GELU.1 * x * x);
                (0.5 * x * (1.0 + tanh), slope)
            }
        }
    }

    /// f(gate) × up, value by value.
    pub fn gated(self, gate: &Tensor, up: &Tensor) -> Result<Tensor> {
        super::elementwise::zipped(gate, up, move |gate, up| self.at(gate).0 * up)
    }

    /// Gradients of gate and up: dy · up · f′(gate) and dy · f(gate).
    pub fn back(self, gate: &Tensor, up: &Tensor, dy: &Tensor) -> Result<(Tensor, Tensor)> {
        if gate.shape() != up.shape() || gate.shape() != dy.shape() {
            bail!("{:?}, {:?} and {:?} do not go together", gate.shape(), up.shape(), dy.shape());
        }
        let count = gate.elem_count();
        let (mut of_gate, mut of_up) = (vec![0.0; count], vec![0.0; count]);
        with_values(gate, |gate| {
            with_values(up, |up| {
                with_values(dy, |dy| {
                    let outs = of_gate.par_chunks_mut(CHUNK).zip(of_up.par_chunks_mut(CHUNK));
                    let ins = gate.par_chunks(CHUNK).zip(up.par_chunks(CHUNK)).zip(dy.par_chunks(CHUNK));
                    outs.zip(ins).for_each(|((of_gate, of_up), ((gate, up), dy))| {
                        wide(|| {
                            let outs = of_gate.iter_mut().zip(of_up);
                            for ((of_gate, of_up), ((gate, up), dy)) in outs.zip(gate.iter().zip(up).zip(dy)) {
                                let (value, slope) = self.at(*gate);
                                *of_gate = dy * up * slope;
                                *of_up = dy * value;
                            }
                        });
                    });
                    Ok(())
                })
            })
        })?;
        let made = |values| Tensor::from_vec(values, gate.shape(), gate.device());
        Ok((made(of_gate)?, made(of_up)?))
    }
}
