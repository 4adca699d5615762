//! Layers of a step: each kind is replayed once, layers of equal cost make one run.

use super::super::pass::LayerPass;
use super::super::setup::Setup;
use super::super::tape::{Kind, Live, Maker, Tape};
use crate::architecture::Layer;
use crate::plan::Checkpointing;

/// What one layer of a kind costs.
#[derive(Clone, Copy, Default)]
pub struct LayerCost {
    /// Index of its kind in [`Architecture::layers`](crate::architecture::Architecture::layers).
    pub group: usize,
    /// How many there are.
    pub count: u64,
    /// Kept by one, by who made it.
    pub by_maker: [u64; 7],
    /// Worst moment of its forward.
    pub forward_peak: Live,
    /// Kept after forward, without the layer's output.
    pub saved: u64,
    /// Of it released with autocast's cache at the end of forward.
    pub cached: u64,
    /// Its input stays for backward.
    pub keeps_input: bool,
    /// Worst moment of its backward.
    pub backward_peak: Live,
    /// Gradients of its parameters.
    pub gradients: u64,
    /// Backward goes through it.
    pub reached: bool,
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

/// Whether a gradient is asked of the first layer's input.
pub fn input_needs_grad(setup: &Setup<'_>) -> bool {
    setup.trained.embedding
        || setup.upstream
        || setup.trained.adapter.virtual_tokens() > 0
        || (setup.input_gradients && setup.recompute && setup.any_layer_trained())
}

/// Every kind of layer replayed, in runs of equal cost.
pub fn layer_runs(setup: &Setup<'_>, tape: &mut Tape) -> Runs {
    let mut runs = Runs { items: [LayerCost::default(); MAX_RUNS], len: 0 };
    let mut frozen = setup.layers().saturating_sub(setup.trained.layers);
    let adapted = !setup.trained.adapter.is_none();
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
