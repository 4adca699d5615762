//! What a job does beside its steps: evaluation, scoring and generating completions, preparing a 4-bit base, merging.

use super::inference::layer_cache;
use super::kind::{Asks, Course, Policy, frozen_policy};
use super::profile::LossHead;
use super::setup::Setup;
use super::shape::{Part, layer_tensors, outer_tensors};
use super::step::{Moment, frozen, plain_pass, plain_pass_beside};
use super::trainable::{self, Place};
use super::{Inputs, PhaseKind};
use crate::architecture::Layer;
use crate::catalog::NumberFormat;
use crate::plan::Generator;

/// A moment beside the steps, with the cache it keeps.
#[derive(Clone, Copy, Debug)]
pub struct Beside {
    /// Which phase it is.
    pub kind: PhaseKind,
    /// What is there beside what lasts.
    pub moment: Moment,
    /// Keys and values.
    pub cache: u64,
}

/// All such moments of a training plan, in time order.
pub fn beside_steps(setup: &Setup<'_>, inputs: &Inputs<'_>) -> Vec<Beside> {
    let mut found = Vec::new();
    let objective = &setup.plan.objective;
    if setup.kind.asks == Asks::ReferenceBefore {
        if objective.generator == Generator::Trainer {
            found.push(rollout(setup, inputs.kv_format));
        }
        let asked = if frozen_policy(setup.plan, setup.kind) == Policy::Absent { *setup } else { frozen(setup) };
        // From the second slice on the logits of the one before are still there.
        let before = if objective.completions > asked.batch { scored_logits(&asked) } else { 0 };
        let moment = Moment { place: "in the scoring", ..plain_pass_beside(&asked, before) };
        found.push(Beside { kind: PhaseKind::Scoring, moment, cache: 0 });
    }
    if let Some(sequences) = objective.evaluation_batch {
        found.push(Beside { kind: PhaseKind::Evaluation, moment: evaluation(setup, sequences), cache: 0 });
    }
    found
}

/// Whole logits that the scoring of a slice leaves behind.
fn scored_logits(setup: &Setup<'_>) -> u64 {
    if setup.head.in_pieces() {
        return 0;
    }
    let width = if setup.autocast.is_some() && setup.upcasts_outputs { 4 } else { setup.outer_width };
    setup.scored.saturating_mul(setup.architecture.vocab_size).saturating_mul(width)
}

/// `setup` with so many sequences of so many tokens.
fn resized<'a>(setup: &Setup<'a>, batch: u64, sequence: u64) -> Setup<'a> {
    let scored = setup.scored.checked_div(setup.batch.max(1)).unwrap_or(0);
    Setup {
        batch,
        sequence,
        tokens: batch.saturating_mul(sequence),
        scored: batch.saturating_mul(scored.min(sequence)),
        ..*setup
    }
}

/// A batch goes through without gradients; kept logits stay on the device, and are joined with those before them.
fn evaluation(setup: &Setup<'_>, examples: u64) -> Moment {
    let run = resized(setup, examples.saturating_mul(setup.kind.sequences), setup.sequence);
    let pass = Moment { place: "in the evaluation", ..plain_pass(&run) };
    let kept = setup.plan.objective.evaluation_kept;
    if kept == 0 {
        return pass;
    }
    let width = if run.autocast.is_some() && run.upcasts_outputs { 4 } else { run.outer_width };
    let batch = run.tokens.saturating_mul(run.architecture.vocab_size).saturating_mul(width);
    let joining = Moment {
        logits: batch.saturating_mul(kept).saturating_mul(2),
        place: "while kept logits are joined",
        ..Moment::default()
    };
    let earlier = batch.saturating_mul(kept.saturating_sub(1));
    let pass = Moment { logits: pass.logits.saturating_add(earlier), ..pass };
    if joining.total() > pass.total() { joining } else { pass }
}

/// Keys and values of one layer at the last token that transformers generates under the trainer's autocast: keys have
/// the width of the residual stream, in which positions are rotated.
fn cached(setup: &Setup<'_>, format: &NumberFormat, layer: &Layer, tokens: u64) -> [u64; 2] {
    let both = layer_cache(setup, format, layer, tokens, true);
    let keys = both / 2;
    let wide = if setup.autocast.is_some() { setup.stream_width().max(2) / 2 } else { 1 };
    [keys.saturating_mul(wide), both - keys]
}

/// The last token of completions that the trained model generates itself.
fn rollout(setup: &Setup<'_>, format: &NumberFormat) -> Beside {
    let completions = setup.plan.objective.completions;
    let all = resized(setup, completions, setup.sequence);
    let (mut cache, mut grown) = (0_u64, 0_u64);
    for group in &setup.architecture.layers {
        let [keys, values] = cached(&all, format, &group.layer, setup.sequence);
        cache = cache.saturating_add(keys.saturating_add(values).saturating_mul(group.count));
        grown = grown.max(keys);
    }
    let head = LossHead::LogProbabilities { shifted: false, completion_only: false, entropy_rows: 0 };
    let one = Setup { head, padded: false, ..resized(setup, completions, 1) };
    let pass = plain_pass(&one);
    // While a layer's keys grow, the old ones are still there.
    let growing = Moment {
        temporary: grown.saturating_add(layers_cached(&one)),
        place: "while the cache grows",
        ..Moment::default()
    };
    // FP32 logits of the last token, their softmax and the draws.
    let logits = completions.saturating_mul(setup.architecture.vocab_size).saturating_mul(4);
    let drawing = Moment { logits: logits.saturating_mul(2), place: "while a token is drawn", ..Moment::default() };
    let moment = [growing, drawing].into_iter().fold(
        pass,
        |worst, moment| {
            if moment.total() > worst.total() { moment } else { worst }
        },
    );
    Beside { kind: PhaseKind::Rollout, moment, cache }
}

/// Autocast's copies of trained weights in the layers.
fn layers_cached(setup: &Setup<'_>) -> u64 {
    let Some(width) = setup.autocast else { return 0 };
    let mut sum = 0_u64;
    trainable::trained_tensors(setup, &mut |tensor| {
        if tensor.columns > 1 && tensor.width != width && tensor.place != Place::Table {
            sum = sum.saturating_add(tensor.values().saturating_mul(width));
        }
    });
    sum
}

/// The only moment of a job that runs no steps.
pub fn alone(setup: &Setup<'_>) -> Option<Beside> {
    let (kind, moment) = match setup.kind.course {
        Course::Steps => return None,
        Course::Preparation => (PhaseKind::Preparation, preparation(setup)),
        Course::Merge { checked } => (PhaseKind::Merge, merge(setup, checked)),
    };
    Some(Beside { kind, moment, cache: 0 })
}

/// `prepare_model_for_kbit_training` of PEFT: everything in 16 bits becomes FP32, one tensor after the other; the
/// narrow one goes when the wide one is there.
fn preparation(setup: &Setup<'_>) -> Moment {
    let (mut raised, mut worst) = (0_u64, 0_u64);
    let mut raise = |values: u64, copies: u64| {
        let others = values.saturating_mul(2).saturating_mul(copies.saturating_sub(1));
        worst = worst.max(raised.saturating_add(others).saturating_add(values.saturating_mul(4)));
        raised = raised.saturating_add(values.saturating_mul(2).saturating_mul(copies));
    };
    let (mut first, mut last) = (Vec::new(), Vec::new());
    outer_tensors(setup.architecture, setup.ends, |tensor| {
        let values = tensor.rows.saturating_mul(tensor.columns);
        let early = matches!(tensor.part, Part::Embedding | Part::EmbeddingExtra);
        if early { first.push((values, tensor.copies)) } else { last.push((values, tensor.copies)) }
    });
    for (values, copies) in first {
        raise(values, copies);
    }
    for group in &setup.architecture.layers {
        layer_tensors(&group.layer, setup.architecture.hidden_size, &setup.architecture.model_code, |tensor| {
            if matches!(tensor.part, Part::Vector | Part::Bias) {
                raise(tensor.rows.saturating_mul(tensor.columns), tensor.copies.saturating_mul(group.count));
            }
        });
    }
    for (values, copies) in last {
        raise(values, copies);
    }
    Moment { temporary: worst, place: "while weights are raised to FP32", ..Moment::default() }
}

/// `merge_and_unload` of PEFT at the largest adapted matrix: the product of the factors, and it scaled; a checked merge
/// works on a copy of the weight and looks for values that are not finite; a 4-bit one is unpacked and packed again.
fn merge(setup: &Setup<'_>, checked: bool) -> Moment {
    let Some(width) = setup.plan.method.method.lora().map(|lora| lora.dtype.bytes().max(1)) else {
        return Moment::default();
    };
    let mut worst = 0_u64;
    for group in &setup.architecture.layers {
        group.layer.each_linear(setup.architecture.hidden_size, &setup.architecture.model_code, |linear| {
            if !setup.adapts(&linear) {
                return;
            }
            let values = linear.in_features.saturating_mul(linear.out_features);
            let product = values.saturating_mul(width).saturating_mul(2);
            let bytes = if setup.quantizes(&linear) {
                let packed = setup.storage.matrix(linear.out_features, linear.in_features);
                let scales = values.div_ceil(super::storage::BNB_BLOCK).saturating_mul(5);
                // Unpacked weight in 16 bits; update, sum and its copy to be packed; the packed one and its scales.
                let unpacked = values.saturating_mul(width.saturating_mul(3).saturating_add(2));
                unpacked.saturating_add(packed.values).saturating_add(scales)
            } else if checked {
                product.saturating_add(values.saturating_mul(setup.width.saturating_add(1)))
            } else {
                product
            };
            worst = worst.max(bytes);
        });
    }
    Moment { temporary: worst, place: "at the largest matrix", ..Moment::default() }
}
