//! A forward pass of which nothing is kept: a frozen model that is asked, an evaluation, the scoring of completions.

use super::super::adapter::Adapter;
use super::super::kind::{Asks, Policy, frozen_policy};
use super::super::pass::LayerPass;
use super::super::profile::LossHead;
use super::super::setup::{Setup, Trained};
use super::super::storage::Storage;
use super::super::tape::Tape;
use super::loss::plain_tail;
use super::{Moment, entry, tables};
use crate::architecture::Architecture;
use crate::estimate::class::ClassTraits;

/// What trains nothing.
const FROZEN: Trained<'static> =
    Trained { layers: 0, biases: false, embedding: false, head: false, final_norm: false, adapter: Adapter::None };

/// The same pass by the model alone: nothing in it is trained.
pub fn frozen<'a>(setup: &Setup<'a>) -> Setup<'a> {
    Setup { trained: FROZEN, recompute: false, ..*setup }
}

/// The pass by another model in 16 bits.
pub fn other<'a>(setup: &Setup<'a>, architecture: &'a Architecture) -> Setup<'a> {
    Setup {
        architecture,
        class: ClassTraits::of(&architecture.model_code),
        storage: Storage::Float(2),
        width: 2,
        outer_width: 2,
        ..frozen(setup)
    }
}

/// The frozen second model that a step holds on the device, with what it is called.
pub fn second_model<'a>(setup: &Setup<'a>) -> Option<(&'static str, Setup<'a>)> {
    match setup.kind.asks {
        Asks::Teacher => setup.second.map(|architecture| ("Teacher", other(setup, architecture))),
        _ if frozen_policy(setup.plan, setup.kind) == Policy::Second => Some(("Reference model", frozen(setup))),
        _ => None,
    }
}

/// Worst moment of a pass without gradients, beside weights: what autocast's copies of trained weights add up to stays
/// to the end of the model's forward.
pub fn plain_pass(setup: &Setup<'_>) -> Moment {
    plain_pass_beside(setup, 0)
}

/// The same with so many bytes of logits that are there until the model has answered.
pub fn plain_pass_beside(setup: &Setup<'_>, logits: u64) -> Moment {
    let run = Setup { recompute: false, ..*setup };
    let hidden = run.architecture.hidden_size;
    let values = run.tokens.saturating_mul(hidden);
    let adapted = !run.trained.adapter.is_none();
    let mut tape = Tape::new(false);
    let (mut worst, mut cached) = (0_u64, 0_u64);
    let mut frozen = run.layers().saturating_sub(run.trained.layers);
    for group in &run.architecture.layers {
        let trained = frozen < group.count;
        frozen = frozen.saturating_sub(group.count);
        tape.clear();
        tape.set_grad(false);
        let linears = group.layer.linears(hidden, &run.architecture.model_code);
        let pass = LayerPass { setup: &run, layer: &group.layer, linears: &linears, trained, adapted };
        let x = tape.input(values, run.stream_width(), false);
        let _ = pass.forward(&mut tape, x);
        let own = tape.cached_bytes();
        cached = cached.saturating_add(own.saturating_mul(group.count));
        worst = worst.max(tape.peak().total().saturating_sub(own));
        tape.clear_cache();
    }
    let tables = tables(&run);
    let entry = entry(&run);
    let embedded = if entry.separate {
        entry.forward
    } else if run.layers() > 1 {
        run.stream_bytes()
    } else {
        0
    };
    let beside = embedded.saturating_add(tables.kept).saturating_add(tables.forward);
    let layers = Moment {
        temporary: worst.saturating_add(beside).saturating_add(cached),
        place: "in the layers",
        ..Moment::default()
    };
    let [norm, inside, outside] = plain_tail(&run, &mut tape);
    let in_model = layers.larger(norm.with(0, 0, beside.saturating_add(cached))).larger(inside.with(0, 0, cached));
    Moment { logits: in_model.logits.saturating_add(logits), ..in_model }.larger(outside)
}

/// Worst moment while the frozen model of the step is asked, beside weights and what the policy's forward keeps.
pub fn asked(setup: &Setup<'_>) -> Option<Moment> {
    let moment = match setup.kind.asks {
        Asks::Nobody | Asks::ReferenceBefore => return None,
        Asks::Reference if frozen_policy(setup.plan, setup.kind) == Policy::Absent => return None,
        Asks::Reference => Moment { place: "in the reference", ..plain_pass(&frozen(setup)) },
        Asks::Teacher => {
            let teacher = other(setup, setup.second?);
            // Only its hidden states are asked for where the loss goes through the head in pieces.
            let head = match setup.head {
                LossHead::Divergence { .. } => {
                    LossHead::LogProbabilities { shifted: false, completion_only: false, entropy_rows: 0 }
                }
                _ => LossHead::Values,
            };
            let mut moment = plain_pass(&Setup { head, ..teacher });
            if matches!(setup.head, LossHead::Divergence { .. }) {
                let width = if setup.autocast.is_some() && setup.upcasts_outputs { 4 } else { setup.outer_width };
                let own = setup.tokens.saturating_mul(setup.architecture.vocab_size).saturating_mul(width);
                moment.logits = moment.logits.saturating_add(own);
            }
            Moment { place: "in the teacher", ..moment }
        }
    };
    Some(moment)
}
