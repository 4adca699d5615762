//! How a model does on examples it was not trained on.

use super::Result;
use super::data::{Sequence, batch};
use super::model::Llama;
use super::ops::IGNORED;
use super::pass::Pass;

/// Loss and exact answers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HeldOut {
    /// Mean loss per token of the answers, in nats.
    pub loss: f64,
    /// Answers that greedy decoding gets right to the last token.
    pub exact: usize,
    /// Of so many.
    pub examples: usize,
}

/// Evaluates on `sequences`, as many at a time as in training, so that it needs no more memory than a step.
///
/// Greedy decoding gives an answer exactly when every token of it is the likeliest after those before.
pub fn held_out(model: &Llama, pass: Pass<'_>, sequences: &[Sequence], together: usize) -> Result<HeldOut> {
    let (mut sum, mut counted, mut exact) = (0.0, 0, 0);
    for together in sequences.chunks(together.max(1)) {
        let batch = batch(&together.iter().collect::<Vec<_>>());
        let found = model.evaluate(&batch, pass)?;
        counted += found.counted;
        sum += found.loss * found.counted as f64;
        let rows = found.tokens.chunks(batch.length.max(1)).zip(batch.targets.chunks(batch.length.max(1)));
        let is_exact = |(found, targets): &(&[(f64, bool)], &[u32])| {
            found.iter().zip(*targets).all(|((_, hit), target)| *hit || *target == IGNORED)
        };
        exact += rows.filter(is_exact).count();
    }
    Ok(HeldOut { loss: sum / counted.max(1) as f64, exact, examples: sequences.len() })
}
