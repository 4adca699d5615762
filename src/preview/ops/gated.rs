//! `silu(gate) × up`, whose backward computes the sigmoid again.

use super::{values, with_values};
use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

/// Values handed to a thread at once.
const CHUNK: usize = 16_384;

struct SiluTimes;

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

impl CustomOp2 for SiluTimes {
    fn name(&self) -> &'static str {
        "silu-times"
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        let (gate, up) = (values(s1, l1)?, values(s2, l2)?);
        let mut y = vec![0.0; gate.len()];
        y.par_chunks_mut(CHUNK).zip(gate.par_chunks(CHUNK)).zip(up.par_chunks(CHUNK)).for_each(|((y, gate), up)| {
            for ((y, g), u) in y.iter_mut().zip(gate).zip(up) {
                *y = g * sigmoid(*g) * u;
            }
        });
        Ok((CpuStorage::F32(y), l1.shape().clone()))
    }

    /// With s the sigmoid: d gate = g · up · s · (1 + gate · (1 − s)), d up = g · gate · s.
    fn bwd(&self, gate: &Tensor, up: &Tensor, _y: &Tensor, grad: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let grad = grad.contiguous()?;
        let count = gate.elem_count();
        let (mut of_gate, mut of_up) = (vec![0.0; count], vec![0.0; count]);
        with_values(gate, |gate| {
            with_values(up, |up| {
                with_values(&grad, |grad| {
                    let outs = of_gate.par_chunks_mut(CHUNK).zip(of_up.par_chunks_mut(CHUNK));
                    let ins = gate.par_chunks(CHUNK).zip(up.par_chunks(CHUNK)).zip(grad.par_chunks(CHUNK));
                    outs.zip(ins).for_each(|((of_gate, of_up), ((gate, up), grad))| {
                        for i in 0..gate.len() {
                            let s = sigmoid(gate[i]);
                            of_gate[i] = grad[i] * up[i] * s * (1.0 + gate[i] * (1.0 - s));
                            of_up[i] = grad[i] * gate[i] * s;
                        }
                    });
                    Ok(())
                })
            })
        })?;
        let made = |values| Tensor::from_vec(values, gate.shape(), gate.device());
        Ok((Some(made(of_gate)?), Some(made(of_up)?)))
    }
}

/// `silu(gate) × up`, value by value.
pub fn silu_times(gate: &Tensor, up: &Tensor) -> Result<Tensor> {
    gate.contiguous()?.apply_op2(&up.contiguous()?, SiluTimes)
}
