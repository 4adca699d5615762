//! Causal attention with grouped heads, in blocks of rows: neither scores nor probabilities are kept, and backward makes
//! those of a block again.
//!
//! With P the probabilities of a block, O = P V its output and dO its gradient (Vaswani et al., 2017; s = 1/√head_dim):
//! dV += Pᵀ dO, dP = dO Vᵀ, dS = s P ∘ (dP − Σ P ∘ dP), dQ = dS K, dK += dSᵀ Q.

use super::with_values;
use crate::linear_algebra::product::{Sizes, View, add_product, transposed};
use crate::linear_algebra::wide::{dot, exp, largest, sum, wide};
use candle_core::{Result, Tensor, bail};
use rayon::prelude::*;

/// How tokens are split into heads.
#[derive(Clone, Copy, Debug, PartialEq)]
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
    /// What the products of queries and keys are multiplied by; 1/√width but for few models.
    pub scale: f32,
}

/// Rows of queries that are looked at together.
const ROWS: usize = 32;

/// A stretch of rows of one sequence: from 0.
#[derive(Clone, Copy)]
struct Block {
    first: usize,
    rows: usize,
    /// Places that the last of them looks at.
    places: usize,
}

impl Heads {
    fn group(self) -> usize {
        self.queries / self.keys.max(1)
    }

    fn blocks(self) -> impl Iterator<Item = Block> {
        (0..self.sequence).step_by(ROWS).map(move |first| {
            let rows = ROWS.min(self.sequence - first);
            Block { first, rows, places: self.past + first + rows }
        })
    }

    /// Values from a token to the next among queries.
    const fn query_stride(self) -> usize {
        self.queries * self.width
    }

    /// The same among keys and values.
    const fn key_stride(self) -> usize {
        self.keys * self.width
    }

    /// From the first token of a sequence on, one head of the queries.
    fn of_queries(self, all: &[f32], sequence: usize, head: usize) -> &[f32] {
        &all[sequence * self.sequence * self.query_stride() + head * self.width..]
    }

    /// The same of keys or values.
    fn of_keys(self, all: &[f32], sequence: usize, head: usize) -> &[f32] {
        &all[sequence * (self.past + self.sequence) * self.key_stride() + head * self.width..]
    }

    /// Keys or values of one head with places as columns, `[width, places]`.
    fn turned(self, of_head: &[f32]) -> Vec<f32> {
        transposed(of_head, self.key_stride(), self.past + self.sequence, self.width)
    }

    /// Probabilities of a block, `[rows, places]`, into `p`; 0 for places that come later. `keys` has them as columns.
    fn probabilities(self, q: &[f32], keys: &[f32], block: Block, scores: &mut Vec<f32>, p: &mut Vec<f32>) {
        let Block { first, rows, places } = block;
        scores.clear();
        scores.resize(rows * places, 0.0);
        p.clear();
        p.resize(rows * places, 0.0);
        let q = View::rows(&q[first * self.query_stride()..], self.query_stride());
        let sizes = Sizes { rows, inner: self.width, columns: places };
        add_product((scores, places), q, (keys, self.past + self.sequence), sizes);
        for (row, (p, scores)) in p.chunks_exact_mut(places).zip(scores.chunks_exact(places)).enumerate() {
            let seen = self.past + first + row + 1;
            softmax(&scores[..seen], self.scale, &mut p[..seen]);
        }
    }

    /// Output of one head over one sequence, `[sequence, width]`.
    fn forward(self, [q, k, v]: [&[f32]; 3], sequence: usize, head: usize) -> Vec<f32> {
        let kv_head = head / self.group();
        let (q, v) = (self.of_queries(q, sequence, head), self.of_keys(v, sequence, kv_head));
        let keys = self.turned(self.of_keys(k, sequence, kv_head));
        let mut out = vec![0.0; self.sequence * self.width];
        let (mut scores, mut p) = (Vec::new(), Vec::new());
        for block in self.blocks() {
            self.probabilities(q, &keys, block, &mut scores, &mut p);
            let sizes = Sizes { rows: block.rows, inner: block.places, columns: self.width };
            let out = &mut out[block.first * self.width..];
            add_product((out, self.width), View::rows(&p, block.places), (v, self.key_stride()), sizes);
        }
        out
    }

    /// Gradients of one key head over one sequence: of its group's queries, head by head, of its keys and values.
    fn backward(self, [q, k, v, grad]: [&[f32]; 4], sequence: usize, kv_head: usize) -> Slopes {
        let (width, stride) = (self.width, self.key_stride());
        let k = self.of_keys(k, sequence, kv_head);
        let (keys, values) = (self.turned(k), self.turned(self.of_keys(v, sequence, kv_head)));
        let zeros = || vec![0.0; self.sequence * width];
        let mut slopes = Slopes { queries: Vec::with_capacity(self.group()), keys: zeros(), values: zeros() };
        let (mut scores, mut p) = (Vec::new(), Vec::new());
        for head in kv_head * self.group()..(kv_head + 1) * self.group() {
            let (q, grad) = (self.of_queries(q, sequence, head), self.of_queries(grad, sequence, head));
            let mut of_queries = zeros();
            for block in self.blocks() {
                let Block { first, rows, places } = block;
                self.probabilities(q, &keys, block, &mut scores, &mut p);
                let (q, grad) = (&q[first * self.query_stride()..], &grad[first * self.query_stride()..]);
                let by_place = Sizes { rows: places, inner: rows, columns: width };
                // dV += Pᵀ dO
                let turned = View::rows(&p, places).transposed();
                add_product((&mut slopes.values, width), turned, (grad, self.query_stride()), by_place);
                // dP = dO Vᵀ, in the place of the scores, and dS from it.
                scores.fill(0.0);
                let sizes = Sizes { rows, inner: width, columns: places };
                let rows_of_grad = View::rows(grad, self.query_stride());
                add_product((&mut scores, places), rows_of_grad, (&values, self.sequence), sizes);
                for (ds, p) in scores.chunks_exact_mut(places).zip(p.chunks_exact(places)) {
                    wide(|| {
                        let mean = dot(p, ds);
                        for (ds, p) in ds.iter_mut().zip(p) {
                            *ds = p * (*ds - mean) * self.scale;
                        }
                    });
                }
                // dQ = dS K, dK += dSᵀ Q
                let sizes = Sizes { rows, inner: places, columns: width };
                let ds = View::rows(&scores, places);
                add_product((&mut of_queries[first * width..], width), ds, (k, stride), sizes);
                add_product((&mut slopes.keys, width), ds.transposed(), (q, self.query_stride()), by_place);
            }
            slopes.queries.push(of_queries);
        }
        slopes
    }
}

/// Of one key head over one sequence.
struct Slopes {
    queries: Vec<Vec<f32>>,
    keys: Vec<f32>,
    values: Vec<f32>,
}

/// Softmax of `scale` × scores.
fn softmax(scores: &[f32], scale: f32, out: &mut [f32]) {
    wide(|| {
        let most = largest(scores) * scale;
        for (out, score) in out.iter_mut().zip(scores) {
            *out = exp(score * scale - most);
        }
        let inverse = 1.0 / sum(out, |p| p);
        for p in out {
            *p *= inverse;
        }
    });
}

/// Puts what was made head by head, `[sequence, width]` each, side by side: `[sequences × sequence, heads × width]`.
fn side_by_side(made: &[&[f32]], heads: usize, shape: Heads, like: &Tensor) -> Result<Tensor> {
    let width = shape.width;
    let mut all = vec![0.0; like.elem_count()];
    all.par_chunks_mut(heads * width).enumerate().for_each(|(token, row)| {
        let (sequence, place) = (token / shape.sequence, token % shape.sequence);
        for (head, out) in row.chunks_exact_mut(width).enumerate() {
            out.copy_from_slice(&made[sequence * heads + head][place * width..(place + 1) * width]);
        }
    });
    Tensor::from_vec(all, like.shape(), like.device())
}

/// Calls `with` on the values of three tensors.
fn with_all<R>([q, k, v]: [&Tensor; 3], with: impl FnOnce([&[f32]; 3]) -> Result<R>) -> Result<R> {
    with_values(q, |q| with_values(k, |k| with_values(v, |v| with([q, k, v]))))
}

fn check(q: &Tensor, k: &Tensor, v: &Tensor, heads: Heads) -> Result<usize> {
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
    Ok(tokens / heads.sequence)
}

/// Attention of every token over those before it in its sequence: `q` is `[tokens, queries × width]`, `k` and `v` have
/// `keys × width` values for each of them and of those before; the answer is like `q`.
pub fn attention(q: &Tensor, k: &Tensor, v: &Tensor, heads: Heads) -> Result<Tensor> {
    let sequences = check(q, k, v, heads)?;
    let made: Vec<Vec<f32>> = with_all([q, k, v], |all| {
        let of = |at: usize| heads.forward(all, at / heads.queries, at % heads.queries);
        Ok((0..sequences * heads.queries).into_par_iter().map(of).collect())
    })?;
    let made: Vec<&[f32]> = made.iter().map(Vec::as_slice).collect();
    side_by_side(&made, heads.queries, heads, q)
}

/// Gradients of queries, keys and values from that of the answer.
pub fn attention_back(q: &Tensor, k: &Tensor, v: &Tensor, grad: &Tensor, heads: Heads) -> Result<[Tensor; 3]> {
    let sequences = check(q, k, v, heads)?;
    if heads.past > 0 || grad.shape() != q.shape() {
        bail!("no gradient {:?} goes through attention of {heads:?}", grad.shape());
    }
    let made: Vec<Slopes> = with_all([q, k, v], |[q, k, v]| {
        with_values(grad, |grad| {
            let of = |at: usize| heads.backward([q, k, v, grad], at / heads.keys, at % heads.keys);
            Ok((0..sequences * heads.keys).into_par_iter().map(of).collect())
        })
    })?;
    let of_queries: Vec<&[f32]> = made.iter().flat_map(|made| made.queries.iter().map(Vec::as_slice)).collect();
    let of_keys: Vec<&[f32]> = made.iter().map(|made| made.keys.as_slice()).collect();
    let of_values: Vec<&[f32]> = made.iter().map(|made| made.values.as_slice()).collect();
    Ok([
        side_by_side(&of_queries, heads.queries, heads, q)?,
        side_by_side(&of_keys, heads.keys, heads, k)?,
        side_by_side(&of_values, heads.keys, heads, v)?,
    ])
}
