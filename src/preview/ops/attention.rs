//! Causal attention with grouped heads that keeps neither scores nor probabilities: both passes go row by row, and
//! backward computes the row's probabilities again.
//!
//! With p the row's probabilities, o its output and d its gradient: dv_j += p_j d, t_j = d · v_j,
//! ds_j = p_j (t_j − Σ p t), dq += s ds_j k_j, dk_j += s ds_j q (Vaswani et al., 2017; s = 1/√head_dim).

use super::{values, with_values};
use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

/// How tokens are split into heads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heads {
    /// Tokens of a sequence whose queries are asked.
    pub sequence: usize,
    /// Tokens before them, of which there are keys and values only; 0 in training.
    pub past: usize,
    /// Query heads.
    pub queries: usize,
    /// Key and value heads.
    pub keys: usize,
    /// Width of a head.
    pub width: usize,
}

struct Attention(Heads);

/// Sum of products in eight lanes, which the compiler keeps in one register.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0_f32; 8];
    let (a_chunks, b_chunks) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f32 = a_chunks.remainder().iter().zip(b_chunks.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a_chunks.zip(b_chunks) {
        for lane in 0..8 {
            lanes[lane] += a[lane] * b[lane];
        }
    }
    lanes.iter().sum::<f32>() + rest
}

fn add_scaled(out: &mut [f32], factor: f32, x: &[f32]) {
    for (out, x) in out.iter_mut().zip(x) {
        *out += factor * x;
    }
}

/// One sequence's keys or values of one head, packed row after row.
fn packed(all: &[f32], heads: usize, head: usize, shape: Heads) -> Vec<f32> {
    let width = shape.width;
    all.chunks_exact(heads * width).flat_map(|token| &token[head * width..(head + 1) * width]).copied().collect()
}

impl Attention {
    fn scale(&self) -> f32 {
        1.0 / (self.0.width as f32).sqrt()
    }

    /// Probabilities of the row at `place` over all places up to it.
    fn probabilities(&self, q: &[f32], keys: &[f32], place: usize, row: &mut Vec<f32>) {
        row.clear();
        row.extend(keys.chunks_exact(self.0.width).take(place + 1).map(|key| dot(q, key) * self.scale()));
        let most = row.iter().copied().fold(f32::MIN, f32::max);
        let mut sum = 0.0;
        for score in row.iter_mut() {
            *score = (*score - most).exp();
            sum += *score;
        }
        let inverse = 1.0 / sum;
        for p in row.iter_mut() {
            *p *= inverse;
        }
    }

    /// One sequence: `q` and `out` are `[sequence, queries × width]`, `k` and `v` `[past + sequence, keys × width]`.
    fn forward(&self, q: &[f32], k: &[f32], v: &[f32], out: &mut [f32]) {
        let Heads { queries, keys, width, .. } = self.0;
        let group = queries / keys;
        let mut row = Vec::new();
        for kv_head in 0..keys {
            let (k, v) = (packed(k, keys, kv_head, self.0), packed(v, keys, kv_head, self.0));
            for head in kv_head * group..(kv_head + 1) * group {
                for (place, (q, out)) in
                    q.chunks_exact(queries * width).zip(out.chunks_exact_mut(queries * width)).enumerate()
                {
                    let part = head * width..(head + 1) * width;
                    self.probabilities(&q[part.clone()], &k, self.0.past + place, &mut row);
                    let out = &mut out[part];
                    for (p, v) in row.iter().zip(v.chunks_exact(width)) {
                        add_scaled(out, *p, v);
                    }
                }
            }
        }
    }

    fn backward(&self, [q, k, v, grad]: [&[f32]; 4], [dq, dk, dv]: [&mut [f32]; 3]) {
        let Heads { queries, keys, width, .. } = self.0;
        let (group, scale) = (queries / keys, self.scale());
        let (mut row, mut along) = (Vec::new(), Vec::new());
        for kv_head in 0..keys {
            let (k, v) = (packed(k, keys, kv_head, self.0), packed(v, keys, kv_head, self.0));
            let (mut of_k, mut of_v) = (vec![0.0; k.len()], vec![0.0; v.len()]);
            for head in kv_head * group..(kv_head + 1) * group {
                for place in 0..self.0.sequence {
                    let at = (place * queries + head) * width;
                    let (q, grad) = (&q[at..at + width], &grad[at..at + width]);
                    self.probabilities(q, &k, place, &mut row);
                    along.clear();
                    along.extend(v.chunks_exact(width).take(place + 1).map(|v| dot(grad, v)));
                    let mean = dot(&row, &along);
                    let dq = &mut dq[at..at + width];
                    for (j, (p, t)) in row.iter().zip(&along).enumerate() {
                        let part = j * width..(j + 1) * width;
                        let ds = p * (t - mean) * scale;
                        add_scaled(dq, ds, &k[part.clone()]);
                        add_scaled(&mut of_k[part.clone()], ds, q);
                        add_scaled(&mut of_v[part], *p, grad);
                    }
                }
            }
            let part = kv_head * width..(kv_head + 1) * width;
            for (place, (of_k, of_v)) in of_k.chunks_exact(width).zip(of_v.chunks_exact(width)).enumerate() {
                let token = place * keys * width;
                dk[token + part.start..token + part.end].copy_from_slice(of_k);
                dv[token + part.start..token + part.end].copy_from_slice(of_v);
            }
        }
    }

    const fn query_values(&self) -> usize {
        self.0.sequence * self.0.queries * self.0.width
    }

    const fn key_values(&self) -> usize {
        (self.0.past + self.0.sequence) * self.0.keys * self.0.width
    }
}

impl CustomOp3 for Attention {
    fn name(&self) -> &'static str {
        "causal-attention"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
        s3: &CpuStorage,
        l3: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (q, k, v) = (values(s1, l1)?, values(s2, l2)?, values(s3, l3)?);
        let mut out = vec![0.0; q.len()];
        let (per_q, per_k) = (self.query_values(), self.key_values());
        let inputs = q.par_chunks(per_q).zip(k.par_chunks(per_k)).zip(v.par_chunks(per_k));
        out.par_chunks_mut(per_q).zip(inputs).for_each(|(out, ((q, k), v))| self.forward(q, k, v, out));
        Ok((CpuStorage::F32(out), l1.shape().clone()))
    }

    fn bwd(
        &self,
        q: &Tensor,
        k: &Tensor,
        v: &Tensor,
        _out: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        if self.0.past > 0 {
            bail!("attention over a past has no backward");
        }
        let grad = grad.contiguous()?;
        let (mut dq, mut dk, mut dv) =
            (vec![0.0; q.elem_count()], vec![0.0; k.elem_count()], vec![0.0; v.elem_count()]);
        let (per_q, per_k) = (self.query_values(), self.key_values());
        with_values(q, |q| {
            with_values(k, |k| {
                with_values(v, |v| {
                    with_values(&grad, |grad| {
                        let outs = dq.par_chunks_mut(per_q).zip(dk.par_chunks_mut(per_k)).zip(dv.par_chunks_mut(per_k));
                        let ins = q.par_chunks(per_q).zip(k.par_chunks(per_k)).zip(v.par_chunks(per_k));
                        outs.zip(ins.zip(grad.par_chunks(per_q))).for_each(|(((dq, dk), dv), (((q, k), v), grad))| {
                            self.backward([q, k, v, grad], [dq, dk, dv]);
                        });
                        Ok(())
                    })
                })
            })
        })?;
        let made = |values, like: &Tensor| Tensor::from_vec(values, like.shape(), like.device()).map(Some);
        Ok((made(dq, q)?, made(dk, k)?, made(dv, v)?))
    }
}

/// Attention of every token over those before it in its sequence: `q` is `[tokens, queries × width]`, `k` and `v` have
/// `keys × width` values for each of them and of those before; the answer is like `q`.
pub fn attention(q: &Tensor, k: &Tensor, v: &Tensor, heads: Heads) -> Result<Tensor> {
    let (tokens, width) = q.dims2()?;
    let fits = heads.sequence > 0
        && heads.keys > 0
        && heads.queries.is_multiple_of(heads.keys)
        && width == heads.queries * heads.width
        && k.dims2()? == (tokens / heads.sequence * (heads.past + heads.sequence), heads.keys * heads.width)
        && v.dims2()? == k.dims2()?
        && tokens.is_multiple_of(heads.sequence);
    if !fits {
        bail!("attention of {heads:?} on {:?}, {:?}, {:?}", q.shape(), k.shape(), v.shape());
    }
    q.contiguous()?.apply_op3(&k.contiguous()?, &v.contiguous()?, Attention(heads))
}
