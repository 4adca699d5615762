//! Mixed precision: which tensor in which format, for the least error at a size.
//!
//! Apple's models of 2024 mix 2- and 4-bit tensors to 3.5 bits a weight on average. Here the error of a mix is the
//! relative error Σ error² / Σ x² of each tensor, weighted with its values: a tensor of small weights counts as one of
//! large weights does. For each tensor only formats on the lower convex hull of size and error can be worth it; taking
//! the steps between them in the order of error saved per bit gives mixes that no other mix of their size improves on.

use super::examine::{TensorReport, Tried};
use crate::quantize::QuantizeError;

/// One way to store a tensor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Choice {
    /// Bits of the tensor.
    pub bits: u64,
    /// Its weighted error.
    pub error: f64,
}

/// The best mixes, from the smallest to the most exact.
#[derive(Clone, Debug, PartialEq)]
pub struct Frontier {
    /// Choice of each tensor in the smallest mix.
    pub smallest: Vec<usize>,
    /// What is changed to come from one mix to the next larger.
    pub steps: Vec<Step>,
    /// Bits and error of the smallest mix.
    pub start: Choice,
}

/// A tensor takes a larger format.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Which tensor.
    pub tensor: usize,
    /// Its new choice.
    pub choice: usize,
    /// Bits and error of the mix after it.
    pub after: Choice,
}

/// Choices of a tensor: one for each format that was tried; one that was refused can never be worth it.
pub fn choices(report: &TensorReport) -> Vec<Choice> {
    let values = report.shape.0.saturating_mul(report.shape.1) as f64;
    let choice = |tried: &Result<Tried, QuantizeError>| match tried {
        Ok(tried) => Choice { bits: tried.bits, error: tried.errors.relative() * values },
        Err(_) => Choice { bits: u64::MAX, error: f64::INFINITY },
    };
    report.tried.iter().map(|(_, tried)| choice(tried)).collect()
}

impl Frontier {
    /// The frontier of `tensors`, each with its choices; tensors without any are left out of every mix.
    pub fn of(tensors: &[Vec<Choice>]) -> Self {
        let hulls: Vec<Vec<usize>> = tensors.iter().map(|choices| hull(choices)).collect();
        let smallest: Vec<usize> = hulls.iter().map(|hull| hull.first().copied().unwrap_or(0)).collect();
        let mut at = Choice { bits: 0, error: 0.0 };
        for (choices, hull) in tensors.iter().zip(&hulls) {
            if let Some(first) = hull.first() {
                at.bits = at.bits.saturating_add(choices[*first].bits);
                at.error += choices[*first].error;
            }
        }
        let start = at;
        let mut moves: Vec<(f64, usize, usize, usize)> = Vec::new();
        for (tensor, (choices, hull)) in tensors.iter().zip(&hulls).enumerate() {
            for pair in hull.windows(2) {
                moves.push((-slope(choices[pair[0]], choices[pair[1]]), tensor, pair[0], pair[1]));
            }
        }
        // Along a hull the saving falls, so the steps of one tensor stay in order.
        moves.sort_by(|a, b| {
            b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)).then(tensors[a.1][a.3].bits.cmp(&tensors[b.1][b.3].bits))
        });
        let steps = moves
            .into_iter()
            .map(|(_, tensor, from, to)| {
                let (from, choice) = (tensors[tensor][from], tensors[tensor][to]);
                at.bits = at.bits - from.bits + choice.bits;
                at.error += choice.error - from.error;
                Step { tensor, choice: to, after: at }
            })
            .collect();
        Self { smallest, steps, start }
    }

    /// Choice of each tensor in the most exact mix of at most `bits`; the smallest where none is so small.
    pub fn within(&self, bits: u64) -> (Vec<usize>, Choice) {
        let (mut chosen, mut at) = (self.smallest.clone(), self.start);
        for step in self.steps.iter().take_while(|step| step.after.bits <= bits) {
            chosen[step.tensor] = step.choice;
            at = step.after;
        }
        (chosen, at)
    }
}

/// Error per bit between two choices: negative where the larger is better.
fn slope(from: Choice, to: Choice) -> f64 {
    (to.error - from.error) / (to.bits - from.bits).max(1) as f64
}

/// Choices on the lower convex hull, from the smallest to the most exact.
fn hull(choices: &[Choice]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..choices.len()).filter(|i| choices[*i].error.is_finite()).collect();
    order.sort_by(|a, b| {
        let (a, b) = (choices[*a], choices[*b]);
        a.bits.cmp(&b.bits).then(a.error.total_cmp(&b.error))
    });
    let mut hull: Vec<usize> = Vec::new();
    for next in order {
        if hull.last().is_some_and(|last| choices[next].error >= choices[*last].error) {
            continue;
        }
        while let [.., before, last] = hull[..]
            && slope(choices[before], choices[last]) >= slope(choices[last], choices[next])
        {
            hull.pop();
        }
        hull.push(next);
    }
    hull
}
