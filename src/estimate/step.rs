//! One training step put together: every kind of layer is replayed once, the step's course follows from counts.

use super::kind::Asks;
use super::setup::Setup;
use super::tape::{Kind, Live, Tape};

mod entry;
mod layers;
mod loss;
mod plain;

pub use entry::{entry, kept_rotary_tables, rotated_width, tables};
use layers::input_needs_grad;
pub use layers::layer_runs;
use loss::tail;
use plain::asked;
pub use plain::{frozen, plain_pass, plain_pass_beside, second_model};

/// Bytes alive at a moment of the step, beside what lasts (weights, states).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// Made in forward and kept for backward.
    pub saved: u64,
    /// Of the width of the vocabulary.
    pub logits: u64,
    /// Gradients of parameters made in this step.
    pub gradients: u64,
    /// Everything else that comes and goes.
    pub temporary: u64,
    /// Where it is, for a sentence.
    pub place: &'static str,
}

impl Moment {
    /// The sum.
    pub const fn total(&self) -> u64 {
        self.saved.saturating_add(self.logits).saturating_add(self.gradients).saturating_add(self.temporary)
    }

    fn larger(self, other: Self) -> Self {
        if other.total() > self.total() { other } else { self }
    }

    const fn at(live: Live, place: &'static str) -> Self {
        Self {
            saved: live.get(Kind::Saved),
            logits: live.get(Kind::Logits),
            gradients: live.get(Kind::ParamGrad),
            temporary: live.get(Kind::Temporary),
            place,
        }
    }

    /// `bytes` of what is alive turn out to be kept to the end of forward.
    const fn keeping(self, bytes: u64) -> Self {
        let moved = if bytes < self.temporary { bytes } else { self.temporary };
        Self { saved: self.saved.saturating_add(moved), temporary: self.temporary - moved, ..self }
    }

    const fn with(self, saved: u64, gradients: u64, temporary: u64) -> Self {
        Self {
            saved: self.saved.saturating_add(saved),
            gradients: self.gradients.saturating_add(gradients),
            temporary: self.temporary.saturating_add(temporary),
            ..self
        }
    }
}

/// Peaks of forward and backward, and what the explanation names.
#[derive(Clone, Copy, Debug, Default)]
pub struct StepPeaks {
    /// Worst moment of forward.
    pub forward: Moment,
    /// Worst moment of backward.
    pub backward: Moment,
    /// Backward of the loss.
    pub loss: Moment,
    /// Of the moments in layers when none of their gradients is made yet, the worst.
    pub early: Moment,
    /// Of the moments when all of them are, the worst.
    pub late: Moment,
}

/// Replays one training step.
pub fn training_step(setup: &Setup<'_>) -> StepPeaks {
    let mut tape = Tape::new(setup.gradients_pass);
    let runs = layer_runs(setup, &mut tape);
    let stream = setup.stream_bytes();
    let tables = tables(setup);
    let entry = entry(setup);
    let outside = tables.kept.saturating_add(entry.kept);

    let layers_saved: u64 = runs.iter().map(|run| run.saved.saturating_mul(run.count)).fold(0, u64::saturating_add);
    let cache: u64 = runs.iter().map(|run| run.cached.saturating_mul(run.count)).fold(0, u64::saturating_add);
    let first_keeps = runs.iter().next().is_some_and(|run| run.keeps_input);
    // `inputs_embeds` stays a local of the model's forward while the layers run; masks do unless something keeps them.
    let embedded = if first_keeps || entry.separate { 0 } else { stream };
    let running = tables.forward.saturating_add(entry.forward);

    let tail = tail(setup, &mut tape, runs.iter().any(|run| run.reached) || input_needs_grad(setup));

    let mut forward = Moment::default();
    for run in runs.iter() {
        // Any kind may stand last; what all others keep is there already.
        let before = layers_saved.saturating_sub(run.saved).saturating_add(outside);
        let cached = cache.saturating_sub(run.cached);
        let extra = if setup.layers() == 1 { 0 } else { embedded };
        let moment = Moment::at(run.forward_peak, "in the last layer")
            .with(before, 0, extra.saturating_add(cached).saturating_add(running))
            .keeping(run.saved);
        forward = forward.larger(moment);
    }
    let mut in_norm = tail.norm_peak.with(
        layers_saved.saturating_add(outside),
        0,
        embedded.saturating_add(cache).saturating_add(running),
    );
    in_norm.place = "in the last norm";
    let mut in_loss = tail.forward_peak.keeping(tail.saved).with(layers_saved.saturating_add(outside), 0, cache);
    in_loss.place = "in the loss";
    let mut after = tail.conversion_peak.keeping(tail.saved).with(layers_saved.saturating_add(outside), 0, 0);
    after.place = "in the loss";
    forward = forward.larger(in_norm).larger(in_loss).larger(after);
    if let Some(asked) = asked(setup) {
        let saved = layers_saved.saturating_add(outside).saturating_add(tail.saved);
        let mut moment = asked.with(saved, 0, 0);
        if setup.kind.asks == Asks::Reference {
            moment.logits = moment.logits.saturating_add(tail.logits);
        }
        forward = forward.larger(moment);
    }
    if setup.kind.side_batch {
        forward = forward.larger(Moment { place: "in the side batch", ..plain_pass(setup) });
    }

    let buffered = tied_gradient(setup);
    let waiting = if setup.gradients_pass { buffered } else { 0 };
    let mut in_loss_backward = tail.backward_peak.with(layers_saved.saturating_add(outside), 0, 0);
    in_loss_backward.place = "in the loss";
    let mut backward = in_loss_backward;
    let (mut early_worst, mut late_worst) = (Moment::default(), Moment::default());
    let kept_outputs = tail.kept_outputs;
    let mut gradients = tail.gradients;
    let total_gradients: u64 =
        runs.iter().map(|run| run.gradients.saturating_mul(run.count)).fold(0, u64::saturating_add);
    for run in runs.iter().filter(|run| run.reached) {
        // First of the run in backward: nothing released yet; last: everything else released, all gradients made.
        let early = Moment::at(run.backward_peak, "in the deepest layer").with(
            layers_saved.saturating_sub(run.saved).saturating_add(outside),
            gradients,
            waiting,
        );
        let late = Moment::at(run.backward_peak, "in the first layer").with(
            outside,
            gradients.saturating_add(total_gradients.saturating_sub(run.gradients)),
            waiting,
        );
        for (mut moment, is_early) in [(early, true), (late, false)] {
            moment.logits = moment.logits.saturating_add(kept_outputs);
            backward = backward.larger(moment);
            if is_early {
                early_worst = early_worst.larger(moment);
            } else {
                late_worst = late_worst.larger(moment);
            }
        }
    }
    gradients = gradients.saturating_add(total_gradients);
    if setup.trained.embedding {
        let table = setup
            .architecture
            .vocab_size
            .saturating_mul(setup.architecture.embedding.width)
            .saturating_mul(setup.outer_width);
        let made =
            Moment { gradients, saved: 0, logits: kept_outputs, temporary: waiting, place: "in the token table" };
        let arriving = if setup.gradients_pass || buffered > 0 {
            made.with(0, 0, table.saturating_add(stream))
        } else {
            made.with(0, table, stream)
        };
        backward = backward.larger(arriving);
        late_worst = late_worst.larger(arriving);
        if buffered > 0 {
            // Head and table are one tensor: two gradients and, where the first is a view, their sum.
            let converted = setup.autocast.is_some() && setup.autocast != Some(setup.outer_width);
            let sum = if converted || !setup.head.gradient_is_view() { table } else { table.saturating_mul(2) };
            backward = backward.larger(made.with(0, 0, sum));
            late_worst = late_worst.larger(made.with(0, 0, sum));
        }
    }
    StepPeaks { forward, backward, loss: in_loss_backward, early: early_worst, late: late_worst }
}

/// Bytes of a tied head's gradient, which waits for the table's.
fn tied_gradient(setup: &Setup<'_>) -> u64 {
    if setup.is_tied() && setup.trained.embedding && setup.trained.head {
        setup
            .architecture
            .vocab_size
            .saturating_mul(setup.architecture.embedding.width)
            .saturating_mul(setup.outer_width)
    } else {
        0
    }
}
