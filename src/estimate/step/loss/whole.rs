//! Losses that trainers compute of whole logits.

use super::super::super::profile::LossHead;
use super::super::super::setup::Setup;
use super::super::super::tape::{Tape, Tensor};

/// Entropies of a copy of `logits` without each sequence's last, `rows` at a time (`entropy_from_logits` of TRL).
pub fn entropies(setup: &Setup<'_>, tape: &mut Tape, logits: Tensor) {
    let rows = entropy_rows(setup.head);
    if rows == 0 {
        return;
    }
    let vocabulary = setup.architecture.vocab_size;
    let predicting = setup.tokens.saturating_sub(setup.batch);
    let copy = if setup.batch > 1 {
        let copy = tape.input(predicting.saturating_mul(vocabulary), logits.width, false);
        tape.as_logits(copy, false)
    } else {
        // One sequence without its last position is a view.
        tape.keep(logits)
    };
    // Log-softmax, its exponential and their product.
    let chunk = rows.min(predicting).saturating_mul(vocabulary);
    tape.bump_logits(chunk.saturating_mul(logits.width).saturating_mul(3));
    tape.drop(copy);
}

/// Whether the trainer takes entropies of the logits for its log.
const fn entropy_rows(head: LossHead) -> u64 {
    match head {
        LossHead::CrossEntropy { entropy_rows } | LossHead::LogProbabilities { entropy_rows, .. } => entropy_rows,
        _ => 0,
    }
}

/// The loss of `logits`, which stay with the caller.
pub fn loss(setup: &Setup<'_>, tape: &mut Tape, logits: Tensor) -> Tensor {
    match setup.head {
        LossHead::Pairs { supervised } => pairs(setup, tape, logits, supervised),
        LossHead::Divergence { completion_only } => divergence(setup, tape, logits, completion_only),
        LossHead::LogProbabilities { completion_only: true, .. } => completion(setup, tape, logits),
        LossHead::LogProbabilities { shifted, .. } => {
            let x = if shifted { without_last(setup, tape, logits) } else { tape.keep(logits) };
            let value = log_probabilities(setup, tape, x);
            tape.drop(x);
            value
        }
        // Only heads of whole logits come here.
        _ => tape.unary(logits, 1, 4, true),
    }
}

/// Logits that predict a token: all but each sequence's last.
fn without_last(setup: &Setup<'_>, tape: &mut Tape, logits: Tensor) -> Tensor {
    let rows = setup.tokens.saturating_sub(setup.batch);
    tape.logit_part(logits, rows.saturating_mul(setup.architecture.vocab_size))
}

/// TRL's `selective_log_softmax`: with FP32 logits the label's logit less the log-sum-exp of its row, with 16-bit ones
/// the log-softmax of one sequence after the other.
fn log_probabilities(setup: &Setup<'_>, tape: &mut Tape, x: Tensor) -> Tensor {
    let rows = x.count.checked_div(setup.architecture.vocab_size).unwrap_or(0);
    if x.width < 4 {
        return tape.log_softmax_pieces(x, rows, setup.batch);
    }
    let picked = tape.gather(x, rows);
    let sums = tape.reduce_pieces(x, rows);
    let difference = tape.add(picked, sums);
    tape.drop(picked);
    tape.drop(sums);
    difference
}

/// Log-probabilities of a completion: its logits are divided by the temperature in place, so that the gradient of that
/// view comes back in a copy of the whole.
fn completion(setup: &Setup<'_>, tape: &mut Tape, logits: Tensor) -> Tensor {
    let view = tape.logit_part(logits, setup.scored.saturating_mul(setup.architecture.vocab_size));
    let value = log_probabilities(setup, tape, view);
    tape.drop(view);
    value
}

/// ORPO, CPO and SimPO: log-probabilities of both answers; with `supervised` the chosen ones' cross-entropy too.
fn pairs(setup: &Setup<'_>, tape: &mut Tape, logits: Tensor, supervised: bool) -> Tensor {
    let chosen = supervised.then(|| {
        let half = logits.count / 2;
        let part = tape.logit_part(logits, half);
        let rows = (setup.tokens.saturating_sub(setup.batch)) / 2;
        let copy = tape.unary(part, rows.saturating_mul(setup.architecture.vocab_size), part.width, true);
        let copy = tape.as_logits(copy, true);
        tape.drop(part);
        let probabilities = tape.unary_saving_output(copy);
        let probabilities = tape.as_logits(probabilities, true);
        tape.drop(copy);
        let value = tape.unary(probabilities, 1, 4, true);
        let value = tape.as_logits(value, true);
        tape.drop(probabilities);
        value
    });
    let x = without_last(setup, tape, logits);
    let value = log_probabilities(setup, tape, x);
    tape.drop(x);
    match chosen {
        Some(chosen) => {
            let sum = tape.add(chosen, value);
            tape.drop(chosen);
            tape.drop(value);
            sum
        }
        None => value,
    }
}

/// Generalized Jensen–Shannon divergence of student and teacher (`generalized_jsd_loss` of TRL): log-softmax of both,
/// both shifted and stacked, their log-sum-exp, two divergences and their mean.
fn divergence(setup: &Setup<'_>, tape: &mut Tape, logits: Tensor, completion_only: bool) -> Tensor {
    let vocabulary = setup.architecture.vocab_size;
    let teacher = tape.input(logits.count, logits.width, false);
    let teacher = tape.as_logits(teacher, false);
    let rows = if completion_only { setup.scored } else { setup.tokens.saturating_sub(setup.batch) };
    let count = rows.saturating_mul(vocabulary);
    let view = tape.logit_part(logits, count);
    let scaled = tape.scale(view);
    let scaled = tape.as_logits(scaled, true);
    tape.drop(view);
    let width = scaled.width;
    // In the order of the code: what stays by name or for backward when the two divergences are added.
    let student = tape.unary_saving_output(scaled);
    let student = tape.as_logits(student, true);
    let mut named = Vec::with_capacity(16);
    for _ in 0..2 {
        // The teacher's divided logits and log-softmax.
        let own = tape.input(count, width, false);
        named.push(tape.as_logits(own, false));
    }
    let stacked = tape.unary(student, count.saturating_mul(2), width, true);
    let stacked = tape.as_logits(stacked, true);
    let mixture = tape.reduce(stacked, count);
    let mixture = tape.as_logits(mixture, true);
    tape.drop(stacked);
    let constant = tape.input(count, width, false);
    let constant = tape.as_logits(constant, false);
    let of_teacher = difference_times(tape, [mixture, constant], constant);
    let exponential = tape.unary_saving_output(student);
    let exponential = tape.as_logits(exponential, true);
    let of_student = difference_times(tape, [student, mixture], exponential);
    tape.drop(constant);
    tape.drop(exponential);
    let [weighed, other] = [of_teacher, of_student].map(|part| {
        let weighed = tape.scale(part);
        tape.as_logits(weighed, true)
    });
    let sum = tape.add(weighed, other);
    let sum = tape.as_logits(sum, true);
    for tensor in [of_teacher, of_student, weighed, other, mixture, student, scaled].into_iter().chain(named) {
        tape.drop(tensor);
    }
    let value = tape.unary(sum, 1, 4, true);
    let value = tape.as_logits(value, true);
    tape.drop(sum);
    tape.drop(teacher);
    value
}

/// `factor · (a − b)`, value by value.
fn difference_times(tape: &mut Tape, [a, b]: [Tensor; 2], factor: Tensor) -> Tensor {
    let difference = tape.add(a, b);
    let difference = tape.as_logits(difference, true);
    let product = tape.mul(difference, factor);
    tape.drop(difference);
    tape.as_logits(product, true)
}
