//! One training step put together: every kind of layer is replayed once, the step's course follows from counts.

use super::pass::{LayerPass, norm};
use super::setup::{Adapter, Setup};
use super::tape::{Kind, Live, Maker, Tape, Tensor};
use crate::architecture::{Attention, Layer};
use crate::plan::{Checkpointing, LossKernel};

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

/// What one layer of a kind costs.
#[derive(Clone, Copy, Default)]
pub struct LayerCost {
    /// Index of its kind in [`Architecture::layers`](crate::architecture::Architecture::layers).
    pub group: usize,
    /// How many there are.
    pub count: u64,
    /// Kept by one, by who made it.
    pub by_maker: [u64; 7],
    forward_peak: Live,
    /// Kept after forward, without the layer's output.
    pub saved: u64,
    /// Of it released with autocast's cache at the end of forward.
    cached: u64,
    keeps_input: bool,
    backward_peak: Live,
    gradients: u64,
    reached: bool,
}

/// Most kinds of layer runs a plan is split into.
const MAX_RUNS: usize = 24;

/// Runs of layers that cost the same.
pub struct Runs {
    items: [LayerCost; MAX_RUNS],
    len: usize,
}

impl Runs {
    fn push(&mut self, cost: LayerCost) {
        if cost.count == 0 {
            return;
        }
        if let Some(slot) = self.items.get_mut(self.len) {
            *slot = cost;
            self.len += 1;
        } else if let Some(last) = self.items.last_mut() {
            last.count = last.count.saturating_add(cost.count);
        }
    }

    /// The runs in the order of the layers.
    pub fn iter(&self) -> std::slice::Iter<'_, LayerCost> {
        self.items[..self.len].iter()
    }
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
            let sum = if setup.autocast.is_some() && setup.autocast != Some(setup.outer_width) {
                table
            } else {
                table.saturating_mul(2)
            };
            backward = backward.larger(made.with(0, 0, sum));
            late_worst = late_worst.larger(made.with(0, 0, sum));
        }
    }
    StepPeaks { forward, backward, loss: in_loss_backward, early: early_worst, late: late_worst }
}

/// Bytes of a tied head's gradient, which waits for the table's.
fn tied_gradient(setup: &Setup<'_>) -> u64 {
    if setup.architecture.head.tied && setup.trained.embedding && setup.trained.head {
        setup
            .architecture
            .vocab_size
            .saturating_mul(setup.architecture.embedding.width)
            .saturating_mul(setup.outer_width)
    } else {
        0
    }
}

/// Whether a gradient is asked of the first layer's input.
fn input_needs_grad(setup: &Setup<'_>) -> bool {
    setup.trained.embedding
        || setup.upstream
        || matches!(setup.trained.adapter, Adapter::Prompt { .. })
        || (setup.input_gradients && setup.recompute && setup.any_layer_trained())
}

/// Every kind of layer replayed, in runs of equal cost.
pub fn layer_runs(setup: &Setup<'_>, tape: &mut Tape) -> Runs {
    let mut runs = Runs { items: [LayerCost::default(); MAX_RUNS], len: 0 };
    let mut frozen = setup.layers().saturating_sub(setup.trained.layers);
    let adapted = !matches!(setup.trained.adapter, Adapter::None);
    let reaches = adapted || setup.trained.biases;
    let mut needs_grad = input_needs_grad(setup);
    for (index, group) in setup.architecture.layers.iter().enumerate() {
        let mut left = group.count;
        while left > 0 {
            let trained = frozen == 0;
            // A first layer whose input needs no gradient keeps less and is a run of its own; recomputed layers keep
            // their input whatever they are, and the first one's lighter backward never decides.
            needs_grad |= setup.recompute && (trained || reaches);
            let count = if !needs_grad && !setup.recompute && (trained || reaches) {
                1
            } else if trained {
                left
            } else {
                left.min(frozen)
            };
            let cost = layer_cost(setup, tape, &group.layer, count, trained, adapted, needs_grad);
            runs.push(LayerCost { group: index, ..cost });
            needs_grad |= trained || reaches;
            left -= count;
            frozen = frozen.saturating_sub(count);
        }
    }
    runs
}

fn layer_cost(
    setup: &Setup<'_>,
    tape: &mut Tape,
    layer: &Layer,
    count: u64,
    trained: bool,
    adapted: bool,
    needs_grad: bool,
) -> LayerCost {
    let hidden = setup.architecture.hidden_size;
    let linears = layer.linears(hidden, &setup.architecture.model_code);
    let pass = LayerPass { setup, layer, linears: &linears, trained, adapted };
    let values = setup.tokens.saturating_mul(hidden);
    let reached = needs_grad || trained || adapted || setup.trained.biases;
    let mut cost = LayerCost { count, reached, ..LayerCost::default() };
    tape.clear();
    let width = setup.stream_width();
    if setup.recompute && reached {
        // The pass of forward keeps no graph: its peak is that of what has a name while the layer is recomputed.
        let x = tape.input(values, width, needs_grad);
        tape.mark_saved();
        let seed = tape.seed(x.bytes());
        let y = pass.forward(tape, x);
        cost.forward_peak = Live::default().plus_temporary(tape.peak_without_graph());
        cost.cached = tape.cached_bytes();
        cost.saved = x.bytes();
        cost.by_maker[Maker::Residual as usize] = cost.saved;
        cost.keeps_input = true;
        tape.drop(y);
        tape.clear_cache();
        let recomputed = tape.peak_at_last_save();
        tape.reset_peak();
        tape.backward_from(y, seed);
        let back = tape.peak();
        let recomputed = recomputed.plus_temporary(tape.allocated_before_unpack());
        cost.backward_peak = if back.total() >= recomputed.total() { back } else { recomputed };
    } else {
        let x = tape.input(values, width, needs_grad);
        let y = pass.forward(tape, x);
        cost.forward_peak = tape.peak();
        tape.drop(x);
        let with_cache = tape.live().total();
        tape.clear_cache();
        cost.cached = with_cache.saturating_sub(tape.live().total());
        cost.keeps_input = tape.is_alive(x);
        tape.drop(y);
        tape.mark_saved();
        cost.saved = tape.live().total();
        cost.by_maker = tape.alive_by_maker();
        tape.reset_peak();
        tape.backward(y);
        cost.backward_peak = tape.peak();
        if setup.plan.runtime.checkpointing == Checkpointing::Selective {
            recompute_cheap_parts(&mut cost);
        }
    }
    cost.gradients = tape.live().get(Kind::ParamGrad);
    cost
}

/// Selective checkpointing: outputs of matrix products stay, what norms, positions, attention and activation functions
/// made is computed again, one layer at a time.
fn recompute_cheap_parts(cost: &mut LayerCost) {
    for maker in [Maker::Norms, Maker::Positions, Maker::Attention, Maker::FeedForward] {
        let dropped = std::mem::take(&mut cost.by_maker[maker as usize]).min(cost.saved);
        cost.saved -= dropped;
        cost.backward_peak = cost.backward_peak.recomputed(dropped);
    }
}

/// What is made before the first layer.
#[derive(Clone, Copy, Default)]
pub struct Entry {
    /// Kept for backward.
    pub kept: u64,
    /// There while the layers run.
    pub forward: u64,
    /// The first layer's input is another tensor than the token rows.
    pub separate: bool,
}

/// Token rows, learned positions, their sum and its dropout.
pub fn entry(setup: &Setup<'_>) -> Entry {
    if setup.architecture.embedding.position_rows == 0 || !setup.ends.table {
        return Entry::default();
    }
    let hidden = setup.architecture.hidden_size;
    let positions = setup.sequence.saturating_mul(hidden).saturating_mul(setup.stream_width());
    let dropout = setup.architecture.layers.first().is_some_and(|group| group.layer.residual_dropout > 0.0);
    // The dropout mask is one byte per value; position ids are kept for the table's gradient.
    let kept = if setup.trained.embedding {
        let mask = if dropout { setup.tokens.saturating_mul(hidden) } else { 0 };
        mask.saturating_add(setup.sequence.saturating_mul(8))
    } else {
        0
    };
    Entry { kept, forward: setup.stream_bytes().saturating_add(positions), separate: true }
}

/// Tables every layer reads.
#[derive(Clone, Copy, Default)]
pub struct Tables {
    /// Kept for backward: cos and sin, and with recomputation the masks.
    pub kept: u64,
    /// There while the layers run only.
    pub forward: u64,
}

/// Values of a head that positions turn.
fn rotated_width(layer: &Layer) -> u64 {
    match &layer.attention {
        Attention::Softmax(a) => (a.head_dim as f64 * a.rotary_share) as u64,
        Attention::Latent(a) => a.qk_rope_head_dim,
        Attention::Linear(_) => 0,
    }
}

/// Bytes of the tables of sines and cosines that every layer keeps for itself from the start, in the model's own
/// format (`cos_cached`, `sin_cached` of transformers before 4.48).
pub fn kept_rotary_tables(setup: &Setup<'_>) -> u64 {
    setup.architecture.layers.iter().fold(0_u64, |sum, group| {
        let values = setup.rotary_rows_per_layer.saturating_mul(rotated_width(&group.layer)).saturating_mul(2);
        sum.saturating_add(values.saturating_mul(setup.width).saturating_mul(group.count))
    })
}

/// cos and sin for each position, the masks where there are some.
pub fn tables(setup: &Setup<'_>) -> Tables {
    let rotated = setup.architecture.layers.iter().map(|group| rotated_width(&group.layer)).max().unwrap_or(0);
    let pairs = if setup.class.two_rotary_tables { 2 } else { 1 };
    let positions =
        setup.sequence.saturating_mul(rotated).saturating_mul(2 * pairs).saturating_mul(setup.stream_width());
    // One mask for each kind of attention, of every sequence: as numbers for eager attention, else as booleans.
    let scores = setup.batch.saturating_mul(setup.sequence).saturating_mul(setup.sequence);
    let (mut windowed, mut whole) = (false, false);
    for group in &setup.architecture.layers {
        let window = matches!(&group.layer.attention, Attention::Softmax(attention) if attention.window.is_some());
        windowed |= window;
        whole |= !window;
    }
    let masks = if setup.eager {
        scores.saturating_mul(setup.stream_width()).saturating_mul(u64::from(windowed) + u64::from(whole))
    } else {
        // Without padding all sequences share one window mask.
        let square = if setup.padded { scores } else { setup.sequence.saturating_mul(setup.sequence) };
        let needed = |window: bool| setup.padded || (window && setup.windows_bind());
        square.saturating_mul(u64::from(windowed && needed(true)) + u64::from(whole && needed(false)))
    };
    if setup.recompute {
        Tables { kept: positions.saturating_add(masks), forward: 0 }
    } else {
        Tables { kept: positions, forward: masks }
    }
}

/// What happens after the layers.
#[derive(Clone, Copy, Default)]
struct Tail {
    saved: u64,
    norm_peak: Moment,
    forward_peak: Moment,
    conversion_peak: Moment,
    backward_peak: Moment,
    gradients: u64,
    kept_outputs: u64,
}

fn tail(setup: &Setup<'_>, tape: &mut Tape, needs_grad: bool) -> Tail {
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
    let logits = super::pass::linear::product(
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
