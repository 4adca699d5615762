//! Head and cross-entropy in one, in chunks of tokens: the logits never exist whole, and tokens that are not counted never
//! have any. Forward already makes the gradient of the hidden states, as Liger's kernel does (Hsu et al., 2024).

use super::weight::{Weight, weight_gradient};
use super::with_values;
use crate::linear_algebra::wide::{exp, largest, sum, wide};
use candle_core::{Result, Tensor, bail};
use rayon::prelude::*;

/// A target that is not counted: a prompt, or padding.
pub const IGNORED: u32 = u32::MAX;
/// Logits made at one time, in values.
const CHUNK_VALUES: usize = 1 << 23;

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
    /// Gradient of the mean by the head, where it is trained and one was asked for.
    pub head_gradient: Option<Tensor>,
}

/// Tokens whose logits exist at one time.
pub const fn loss_rows(vocabulary: usize) -> usize {
    match CHUNK_VALUES.checked_div(vocabulary) {
        Some(0) | None => 1,
        Some(rows) => rows,
    }
}

/// Loss of `hidden`, `[tokens, width]`, against one target a token.
pub fn of_head(hidden: &Tensor, head: &Weight, targets: &[u32], wants_gradient: bool) -> Result<LossOfHead> {
    let (tokens, width) = hidden.dims2()?;
    let weight = head.values()?;
    let (vocabulary, _) = weight.dims2()?;
    if targets.len() != tokens {
        bail!("{} targets for {tokens} tokens", targets.len());
    }
    if let Some(wrong) = targets.iter().find(|target| **target != IGNORED && **target as usize >= vocabulary) {
        bail!("token {wrong} is outside of the vocabulary of {vocabulary}");
    }
    let counted: Vec<u32> = (0..).zip(targets).filter(|(_, target)| **target != IGNORED).map(|(at, _)| at).collect();
    let share = if counted.is_empty() { 0.0 } else { 1.0 / counted.len() as f32 };
    let mut found = LossOfHead {
        loss: 0.0,
        counted: counted.len(),
        tokens: vec![(0.0, false); tokens],
        gradient: None,
        head_gradient: None,
    };
    let mut gradient = vec![0.0_f32; if wants_gradient { tokens * width } else { 0 }];
    for places in counted.chunks(loss_rows(vocabulary)) {
        let part = hidden.index_select(&Tensor::new(places, hidden.device())?, 0)?;
        let wanted: Vec<u32> = places.iter().map(|place| targets[*place as usize]).collect();
        let (losses, slopes) = of_rows(&part.matmul(&weight.t()?)?, &wanted, share, wants_gradient)?;
        for (place, loss) in places.iter().zip(losses) {
            found.tokens[*place as usize] = loss;
        }
        let Some(slopes) = slopes else { continue };
        with_values(&slopes.matmul(&weight)?, |rows| {
            for (place, row) in places.iter().zip(rows.chunks_exact(width)) {
                let start = *place as usize * width;
                gradient[start..start + width].copy_from_slice(row);
            }
            Ok(())
        })?;
        if head.trained().is_some() {
            let more = weight_gradient(&slopes, &part)?;
            found.head_gradient = Some(match found.head_gradient.take() {
                Some(sum) => super::elementwise::sum(&sum, &more)?,
                None => more,
            });
        }
    }
    if wants_gradient {
        found.gradient = Some(Tensor::from_vec(gradient, (tokens, width), hidden.device())?);
    }
    found.loss = found.tokens.iter().map(|(loss, _)| loss).sum::<f64>() * f64::from(share);
    Ok(found)
}

type Losses = Vec<(f64, bool)>;

/// Loss of each row of logits, whether its target has the highest, and `share` × (probabilities − target).
fn of_rows(logits: &Tensor, wanted: &[u32], share: f32, wants_slopes: bool) -> Result<(Losses, Option<Tensor>)> {
    let (rows, vocabulary) = logits.dims2()?;
    with_values(logits, |values| {
        if !wants_slopes {
            let row = |(logits, target): (&[f32], &u32)| softmax_loss(logits, *target, share, None);
            return Ok((values.par_chunks(vocabulary).zip(wanted).map(row).collect(), None));
        }
        let mut slopes = vec![0.0_f32; rows * vocabulary];
        let parts = slopes.par_chunks_mut(vocabulary).zip(values.par_chunks(vocabulary)).zip(wanted);
        let losses =
            parts.map(|((slopes, logits), target)| softmax_loss(logits, *target, share, Some(slopes))).collect();
        Ok((losses, Some(Tensor::from_vec(slopes, (rows, vocabulary), logits.device())?)))
    })
}

fn softmax_loss(logits: &[f32], target: u32, share: f32, slopes: Option<&mut [f32]>) -> (f64, bool) {
    let target = target as usize;
    let wanted = logits.get(target).copied().unwrap_or(f32::NAN);
    let most = largest(logits);
    let total = match slopes {
        None => wide(|| sum(logits, |logit| exp(logit - most))),
        Some(slopes) => {
            let total = wide(|| {
                for (slope, logit) in slopes.iter_mut().zip(logits) {
                    *slope = exp(logit - most);
                }
                let total = sum(slopes, |e| e);
                let inverse = share / total;
                for slope in slopes.iter_mut() {
                    *slope *= inverse;
                }
                total
            });
            if let Some(slope) = slopes.get_mut(target) {
                *slope -= share;
            }
            total
        }
    };
    (f64::from(total.ln() + most - wanted), wanted >= most)
}
