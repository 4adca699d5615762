//! The end of a step: last norm, head and loss, as the stack computes it.

use super::super::pass::norm;
use super::super::profile::LossHead;
use super::super::setup::Setup;
use super::super::tape::{Kind, Tape, Tensor};
use super::Moment;

mod pieces;
mod whole;

/// What happens after the layers.
#[derive(Clone, Copy, Default)]
pub struct Tail {
    /// Kept for backward.
    pub saved: u64,
    /// Of the vocabulary's width and kept for backward.
    pub logits: u64,
    /// In the last norm.
    pub norm_peak: Moment,
    /// In the forward of head and loss.
    pub forward_peak: Moment,
    /// When the logits are handed on in the model's own width.
    pub conversion_peak: Moment,
    /// In the backward of head and loss.
    pub backward_peak: Moment,
    /// Gradients of norm and head.
    pub gradients: u64,
    /// Logits that stay alive through the backward of the layers.
    pub kept_outputs: u64,
}

/// Replays norm, head and loss.
pub fn tail(setup: &Setup<'_>, tape: &mut Tape, needs_grad: bool) -> Tail {
    if !setup.ends.head {
        return Tail::default();
    }
    let architecture = setup.architecture;
    let hidden = architecture.hidden_size;
    tape.clear();
    let x = tape.input(setup.tokens.saturating_mul(hidden), setup.stream_width(), needs_grad);
    let normed = norm(setup, tape, x, architecture.final_norm, setup.tokens, hidden, setup.trained.final_norm);
    let norm_peak = Moment::at(tape.peak(), "in the last norm");
    tape.drop(x);
    tape.reset_peak();
    let inside = inside(setup, tape, normed);
    let forward_peak = with_logit_bytes(setup, Moment::at(tape.peak(), "in the loss"), 0);
    tape.drop(normed);
    tape.clear_cache();
    tape.reset_peak();
    let loss = outside(setup, tape, &inside);
    let conversion_peak = with_logit_bytes(setup, Moment::at(tape.peak(), "in the loss"), 0);
    let mut kept_outputs = 0;
    if let Some(logits) = loss.outputs {
        if setup.keeps_outputs {
            kept_outputs = logits.bytes();
        } else {
            tape.drop(logits);
        }
    }
    tape.mark_saved();
    let saved = tape.live().get(Kind::Saved);
    let logits = tape.live().get(Kind::Logits);
    tape.reset_peak();
    tape.backward(loss.value);
    Tail {
        saved,
        logits,
        norm_peak,
        forward_peak,
        conversion_peak,
        backward_peak: with_logit_bytes(setup, Moment::at(tape.peak(), "in the loss"), 1),
        gradients: tape.live().get(Kind::ParamGrad),
        kept_outputs,
    }
}

/// Norm, head and loss of a pass without gradients: in the last norm, inside the model's forward, and outside.
pub fn plain_tail(setup: &Setup<'_>, tape: &mut Tape) -> [Moment; 3] {
    if !setup.ends.head {
        return [Moment::default(); 3];
    }
    let architecture = setup.architecture;
    let hidden = architecture.hidden_size;
    tape.clear();
    tape.set_grad(false);
    let x = tape.input(setup.tokens.saturating_mul(hidden), setup.stream_width(), false);
    let normed = norm(setup, tape, x, architecture.final_norm, setup.tokens, hidden, false);
    let in_norm = Moment::at(tape.peak(), "in the last norm");
    tape.drop(x);
    tape.reset_peak();
    let inside = inside(setup, tape, normed);
    let in_model = with_logit_bytes(setup, Moment::at(tape.peak(), "in the loss"), 0);
    tape.drop(normed);
    tape.clear_cache();
    tape.reset_peak();
    let _ = outside(setup, tape, &inside);
    [in_norm, in_model, with_logit_bytes(setup, Moment::at(tape.peak(), "in the loss"), 0)]
}

/// A profile's own bytes per logit in place of what the traced code allocates; `pass` 0 is forward, 1 backward.
fn with_logit_bytes(setup: &Setup<'_>, moment: Moment, pass: usize) -> Moment {
    let own = match setup.head {
        LossHead::CrossEntropy { .. } => setup.logit_bytes[pass],
        LossHead::FusedLogits => setup.fused_logit_bytes,
        _ => None,
    };
    let logits = setup.tokens.saturating_mul(setup.architecture.vocab_size);
    own.map_or(moment, |bytes| Moment { logits: (logits as f64 * bytes) as u64, ..moment })
}

/// What the model's forward answers.
enum Inside {
    /// A loss; the logits are outputs that nothing more is computed of.
    Loss(Tensor, Option<Tensor>),
    /// Logits, of which the trainer computes the loss.
    Logits(Tensor),
}

/// The end of the model's forward, under autocast.
fn inside(setup: &Setup<'_>, tape: &mut Tape, normed: Tensor) -> Inside {
    match setup.head {
        LossHead::CrossEntropy { .. } => {
            let (value, logits) = cross_entropy(setup, tape, normed);
            Inside::Loss(value, Some(logits))
        }
        LossHead::FusedLogits => {
            let (value, logits) = fused_logits_loss(setup, tape, normed);
            Inside::Loss(value, Some(logits))
        }
        LossHead::Liger => Inside::Loss(fused_linear_loss(setup, tape, normed), None),
        LossHead::Budgeted { bytes_a_logit, most_mib } => {
            Inside::Loss(pieces::budgeted(setup, tape, normed, bytes_a_logit, most_mib), None)
        }
        LossHead::Chunked { tokens, fp32_head, teacher, labelled_only } => {
            Inside::Loss(pieces::chunked(setup, tape, normed, tokens, [fp32_head, teacher, labelled_only]), None)
        }
        LossHead::Tiled { tokens, vocabulary, teacher } => {
            Inside::Loss(pieces::tiled(setup, tape, normed, [tokens, vocabulary], teacher), None)
        }
        LossHead::Values => Inside::Loss(values_loss(setup, tape, normed), None),
        LossHead::LogProbabilities { completion_only: true, .. } => {
            // The logits before the completion are not made: the last token of the prompt is the first that is.
            let rows = setup.scored.saturating_add(setup.batch);
            let logits = head(setup, tape, normed, rows);
            Inside::Logits(logits)
        }
        LossHead::LogProbabilities { .. } | LossHead::Pairs { .. } | LossHead::Divergence { .. } => {
            Inside::Logits(head(setup, tape, normed, setup.tokens))
        }
    }
}

/// A loss on the tape, and the logits the caller still holds.
struct Loss {
    value: Tensor,
    outputs: Option<Tensor>,
}

/// What happens outside the model: outputs converted to FP32 (accelerate), then what the trainer computes.
fn outside(setup: &Setup<'_>, tape: &mut Tape, inside: &Inside) -> Loss {
    let converts = setup.autocast.is_some() && setup.upcasts_outputs;
    let convert = |tape: &mut Tape, logits: Tensor| {
        if !converts {
            return logits;
        }
        let wide = tape.cast(logits, 4);
        let wide = tape.as_logits(wide, true);
        tape.drop(logits);
        wide
    };
    match *inside {
        Inside::Loss(value, None) => Loss { value, outputs: None },
        Inside::Loss(value, Some(logits)) => {
            let outputs = convert(tape, logits.detached());
            whole::entropies(setup, tape, outputs);
            Loss { value, outputs: Some(outputs) }
        }
        Inside::Logits(logits) => {
            let logits = convert(tape, logits);
            let value = whole::loss(setup, tape, logits);
            whole::entropies(setup, tape, logits);
            // The trainer's own function has returned by the time backward runs.
            tape.drop(logits);
            Loss { value, outputs: None }
        }
    }
}

/// The head's product.
fn head(setup: &Setup<'_>, tape: &mut Tape, normed: Tensor, tokens: u64) -> Tensor {
    let architecture = setup.architecture;
    let vocabulary = architecture.vocab_size;
    let values = vocabulary.saturating_mul(architecture.embedding.width);
    let trained = [setup.trained.head, setup.trained.head && architecture.head.bias];
    let logits = super::super::pass::linear::product(
        setup,
        tape,
        normed,
        tokens.saturating_mul(vocabulary),
        values,
        trained,
        vocabulary,
        setup.outer_width,
    );
    let mut logits = tape.as_logits(logits, false);
    if architecture.head.softcap {
        let divided = tape.scale(logits);
        let divided = tape.as_logits(divided, true);
        tape.drop(logits);
        let squashed = tape.unary_saving_output(divided);
        let squashed = tape.as_logits(squashed, true);
        tape.drop(divided);
        logits = tape.scale(squashed);
        logits = tape.as_logits(logits, true);
        tape.drop(squashed);
    }
    logits
}

/// transformers' `ForCausalLMLoss`: FP32 copy, log-softmax, negative log-likelihood.
fn cross_entropy(setup: &Setup<'_>, tape: &mut Tape, normed: Tensor) -> (Tensor, Tensor) {
    let logits = head(setup, tape, normed, setup.tokens);
    let wide = tape.cast(logits, 4);
    let wide = tape.as_logits(wide, true);
    let labels = tape.input(setup.tokens, 8, false);
    let log_softmax = tape.unary_saving_output(wide);
    let log_softmax = tape.as_logits(log_softmax, true);
    let value = tape.unary(log_softmax, 1, 4, true);
    let value = tape.as_logits(value, true);
    tape.drop(log_softmax);
    tape.drop(wide);
    tape.drop(labels);
    (value, logits)
}

/// One kernel on logits that exist once: the gradient takes their place.
fn fused_logits_loss(setup: &Setup<'_>, tape: &mut Tape, normed: Tensor) -> (Tensor, Tensor) {
    let logits = head(setup, tape, normed, setup.tokens);
    let value = tape.unary(logits, setup.tokens, 4, false);
    let kept = tape.keep(logits);
    tape.drop(kept);
    (value, logits)
}

/// Head and loss in chunks of tokens, as Liger's kernel: the gradient of the hidden states is made in forward.
fn fused_linear_loss(setup: &Setup<'_>, tape: &mut Tape, normed: Tensor) -> Tensor {
    let vocabulary = setup.architecture.vocab_size;
    let hidden = setup.architecture.hidden_size.max(1);
    // As many chunks as the vocabulary is wider than the hidden state, so that one chunk's logits are about its size.
    let chunks = vocabulary.div_ceil(hidden).max(1);
    let rows = setup.tokens.div_ceil(chunks);
    let width = setup.autocast.unwrap_or(normed.width);
    let gradient = tape.unary_saving_output(normed);
    let chunk = tape.input(rows.saturating_mul(vocabulary), width, false);
    let chunk = tape.as_logits(chunk, false);
    let wide = tape.input(rows.saturating_mul(vocabulary), 4, false);
    let wide = tape.as_logits(wide, false);
    tape.drop(wide);
    tape.drop(chunk);
    let value = tape.unary(gradient, 1, 4, false);
    tape.drop(gradient);
    value
}

/// A head of a few values a position, as classifiers and reward models have it.
fn values_loss(setup: &Setup<'_>, tape: &mut Tape, normed: Tensor) -> Tensor {
    let rows = setup.ends.classes.unwrap_or(1);
    let hidden = setup.architecture.hidden_size;
    let x = if setup.plan.objective.per_token { tape.dropout(normed) } else { tape.keep(normed) };
    let count = setup.tokens.saturating_mul(rows);
    let values = rows.saturating_mul(hidden);
    let trained = [setup.trained.head, false];
    let answers = super::super::pass::linear::product(setup, tape, x, count, values, trained, rows, setup.outer_width);
    tape.drop(x);
    let value = tape.unary(answers, 1, 4, true);
    tape.drop(answers);
    value
}
