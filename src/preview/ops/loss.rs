//! Head and cross-entropy in one, in chunks of tokens: the logits never exist whole. Forward already makes the gradient
//! of the hidden states, as Liger's kernel does (Hsu et al., 2024); the head is frozen.

use super::{FrozenWeight, with_values};
use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, Var, bail};
use rayon::prelude::*;

/// A target that is not counted: a prompt, or padding.
pub const IGNORED: u32 = u32::MAX;
/// Logits made at one time, in values.
const CHUNK_VALUES: usize = 1 << 22;

/// What one pass over head and loss gives.
pub struct LossOfHead {
    /// Mean over the counted targets, in nats; 0 where none is counted.
    pub loss: f64,
    /// Targets that were counted.
    pub counted: usize,
    /// For each token its loss and whether its target has the highest logit; (0, false) for those not counted.
    pub tokens: Vec<(f64, bool)>,
    /// Gradient of the mean by the hidden states; `None` where none was asked for.
    pub gradient: Option<Tensor>,
}

/// Tokens whose logits exist at one time.
pub const fn loss_rows(vocabulary: usize) -> usize {
    match CHUNK_VALUES.checked_div(vocabulary) {
        Some(0) | None => 1,
        Some(rows) => rows,
    }
}

/// Loss of `hidden`, `[tokens, width]`, against one target a token.
pub fn of_head(hidden: &Tensor, head: &FrozenWeight, targets: &[u32], wants_gradient: bool) -> Result<LossOfHead> {
    let (tokens, width) = hidden.dims2()?;
    let weight = head.values()?;
    let (vocabulary, _) = weight.dims2()?;
    if targets.len() != tokens {
        bail!("{} targets for {tokens} tokens", targets.len());
    }
    if let Some(wrong) = targets.iter().find(|target| **target != IGNORED && **target as usize >= vocabulary) {
        bail!("token {wrong} is outside of the vocabulary of {vocabulary}");
    }
    let counted = targets.iter().filter(|target| **target != IGNORED).count();
    let share = if counted == 0 { 0.0 } else { 1.0 / counted as f32 };
    let rows = loss_rows(vocabulary).min(tokens.max(1));
    let transposed = weight.t()?;
    let mut all = Vec::with_capacity(tokens);
    let mut gradients = Vec::new();
    for start in (0..tokens).step_by(rows) {
        let count = rows.min(tokens - start);
        let part = hidden.narrow(0, start, count)?.contiguous()?;
        let logits = part.matmul(&transposed)?;
        let mut slopes = vec![0.0_f32; if wants_gradient { count * vocabulary } else { 0 }];
        let targets = &targets[start..start + count];
        let found: Vec<(f64, bool)> = with_values(&logits, |logits| {
            let row = |logits: &[f32], target: u32, slopes: &mut [f32]| softmax_row(logits, target, share, slopes);
            Ok(if wants_gradient {
                let rows = slopes.par_chunks_mut(vocabulary).zip(logits.par_chunks(vocabulary)).zip(targets);
                rows.map(|((slopes, logits), target)| row(logits, *target, slopes)).collect()
            } else {
                logits
                    .par_chunks(vocabulary)
                    .zip(targets)
                    .map(|(logits, target)| row(logits, *target, &mut []))
                    .collect()
            })
        })?;
        all.extend(found);
        if wants_gradient {
            let slopes = Tensor::from_vec(slopes, (count, vocabulary), hidden.device())?;
            gradients.push(slopes.matmul(&weight)?);
        }
    }
    let gradient = match gradients.len() {
        0 if wants_gradient => Some(Tensor::zeros((tokens, width), hidden.dtype(), hidden.device())?),
        0 => None,
        _ => Some(Tensor::cat(&gradients, 0)?),
    };
    let loss = all.iter().map(|(loss, _)| loss).sum::<f64>() * f64::from(share);
    Ok(LossOfHead { loss, counted, tokens: all, gradient })
}

/// Loss of one row, whether its target has the highest logit, and `share` × (probabilities − target) into `slopes`.
fn softmax_row(logits: &[f32], target: u32, share: f32, slopes: &mut [f32]) -> (f64, bool) {
    if target == IGNORED {
        return (0.0, false);
    }
    let most = logits.iter().copied().fold(f32::MIN, f32::max);
    let sum: f32 = logits.iter().map(|logit| (logit - most).exp()).sum();
    let wanted = logits.get(target as usize).copied().unwrap_or(f32::NAN);
    let inverse = share / sum;
    for (slope, logit) in slopes.iter_mut().zip(logits) {
        *slope = (logit - most).exp() * inverse;
    }
    if let Some(slope) = slopes.get_mut(target as usize) {
        *slope -= share;
    }
    (f64::from(sum.ln() + most - wanted), wanted >= most)
}

/// A loss whose gradient is known already.
struct Known {
    loss: f32,
    gradient: Tensor,
}

impl CustomOp1 for Known {
    fn name(&self) -> &'static str {
        "head-loss"
    }

    fn cpu_fwd(&self, _storage: &CpuStorage, _layout: &Layout) -> Result<(CpuStorage, Shape)> {
        Ok((CpuStorage::F32(vec![self.loss]), Shape::from(())))
    }

    fn bwd(&self, _hidden: &Tensor, _loss: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        Ok(Some(self.gradient.broadcast_mul(grad)?))
    }
}

/// A scalar whose gradient by `x` is `gradient`: backward goes on from where another graph ended.
pub fn continued(x: &Tensor, gradient: &Tensor) -> Result<Tensor> {
    if x.shape() != gradient.shape() {
        bail!("a gradient of {:?} for values of {:?}", gradient.shape(), x.shape());
    }
    x.apply_op1(Known { loss: 0.0, gradient: gradient.detach() })
}

/// The mean loss as a scalar that backward goes through, and what it came to.
pub fn head_loss(hidden: &Tensor, head: &FrozenWeight, targets: &[u32]) -> Result<(Tensor, LossOfHead)> {
    if let FrozenWeight::Trained(weight) = head {
        return trained_head_loss(hidden, weight, targets);
    }
    let mut found = of_head(&hidden.detach(), head, targets, true)?;
    let Some(gradient) = found.gradient.take() else { bail!("the loss has no gradient") };
    let loss = hidden.apply_op1(Known { loss: found.loss as f32, gradient })?;
    Ok((loss, found))
}

/// The same with a head that is trained, in candle's own operators: the logits exist whole, which a small vocabulary
/// allows.
fn trained_head_loss(hidden: &Tensor, weight: &Var, targets: &[u32]) -> Result<(Tensor, LossOfHead)> {
    let found = of_head(&hidden.detach(), &FrozenWeight::Trained(weight.clone()), targets, false)?;
    let places: Vec<u32> = (0_u32..).zip(targets).filter(|(_, target)| **target != IGNORED).map(|(at, _)| at).collect();
    let wanted: Vec<u32> = targets.iter().copied().filter(|target| *target != IGNORED).collect();
    if wanted.is_empty() {
        bail!("no token is a target");
    }
    let count = wanted.len();
    let rows = hidden.index_select(&Tensor::from_vec(places, count, hidden.device())?, 0)?;
    let logits = rows.matmul(&weight.t()?)?;
    let most = logits.max_keepdim(1)?.detach();
    let shifted = logits.broadcast_sub(&most)?;
    let sums = shifted.exp()?.sum_keepdim(1)?.log()?;
    let chosen = shifted.gather(&Tensor::from_vec(wanted, (count, 1), hidden.device())?, 1)?;
    Ok(((sums - chosen)?.mean_all()?, found))
}
