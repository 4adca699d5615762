//! The end of a step: last norm, head and loss, in the kernel the plan names.

use super::super::pass::norm;
use super::super::setup::Setup;
use super::super::tape::{Kind, Tape, Tensor};
use super::Moment;
use crate::plan::LossKernel;

/// What happens after the layers.
#[derive(Clone, Copy, Default)]
pub struct Tail {
    /// Kept for backward.
    pub saved: u64,
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
    let loss = match setup.plan.runtime.loss {
        LossKernel::Unfused => unfused_loss(setup, tape, normed),
        LossKernel::FusedLogits => fused_logits_loss(setup, tape, normed),
        LossKernel::FusedLinear => fused_linear_loss(setup, tape, normed),
    };
    let forward_peak = with_logit_bytes(setup, Moment::at(tape.peak(), "in the loss"), 0);
    tape.drop(normed);
    tape.clear_cache();
    tape.reset_peak();
    // accelerate turns 16-bit outputs of an autocast forward into FP32.
    let kept = match loss.logits {
        Some(logits) if setup.autocast.is_some() && setup.upcasts_outputs => {
            let wide = tape.cast(logits.detached(), 4);
            let wide = tape.as_logits(wide, false);
            tape.drop(logits);
            Some(wide)
        }
        other => other,
    };
    let conversion_peak = with_logit_bytes(setup, Moment::at(tape.peak(), "in the loss"), 0);
    let mut kept_outputs = 0;
    if let Some(logits) = kept {
        if setup.keeps_outputs {
            kept_outputs = logits.bytes();
        } else {
            tape.drop(logits);
        }
    }
    tape.mark_saved();
    let saved = tape.live().get(Kind::Saved);
    tape.reset_peak();
    tape.backward(loss.value);
    Tail {
        saved,
        norm_peak,
        forward_peak,
        conversion_peak,
        backward_peak: with_logit_bytes(setup, Moment::at(tape.peak(), "in the loss"), 1),
        gradients: tape.live().get(Kind::ParamGrad),
        kept_outputs,
    }
}

/// A profile's own bytes per logit in place of what the traced code allocates; `pass` 0 is forward, 1 backward.
fn with_logit_bytes(setup: &Setup<'_>, moment: Moment, pass: usize) -> Moment {
    let own = match setup.plan.runtime.loss {
        LossKernel::Unfused => setup.logit_bytes[pass],
        LossKernel::FusedLogits => setup.fused_logit_bytes,
        LossKernel::FusedLinear => None,
    };
    let logits = setup.tokens.saturating_mul(setup.architecture.vocab_size);
    own.map_or(moment, |bytes| Moment { logits: (logits as f64 * bytes) as u64, ..moment })
}

/// A loss on the tape, and the logits the caller still holds.
struct Loss {
    value: Tensor,
    logits: Option<Tensor>,
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
fn unfused_loss(setup: &Setup<'_>, tape: &mut Tape, normed: Tensor) -> Loss {
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
    Loss { value, logits: Some(logits) }
}

/// One kernel on logits that exist once: the gradient takes their place.
fn fused_logits_loss(setup: &Setup<'_>, tape: &mut Tape, normed: Tensor) -> Loss {
    let logits = head(setup, tape, normed, setup.tokens);
    let value = tape.unary(logits, setup.tokens, 4, false);
    let kept = tape.keep(logits);
    tape.drop(kept);
    Loss { value, logits: Some(logits) }
}

/// Head and loss in chunks of tokens, as Liger's kernel: the gradient of the hidden states is made in forward.
fn fused_linear_loss(setup: &Setup<'_>, tape: &mut Tape, normed: Tensor) -> Loss {
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
    Loss { value, logits: None }
}
