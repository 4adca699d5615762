//! What forward keeps for backward, and how much of it waits at once in a pipeline.

use super::layout::Layout;
use super::shares::Share;
use crate::estimate::setup::Setup;
use crate::estimate::step::{self, StepPeaks};
use crate::estimate::tape::{Maker, Tape};
use crate::plan::Offload;

/// What forward keeps for backward, and how much of it waits at once.
pub struct Waiting {
    /// Of one micro-batch through all layers of this device.
    pub layers: u64,
    /// The same beside the layers: tables of positions, what the entry keeps.
    pub beside: u64,
    /// Of the layer that keeps most.
    pub largest: u64,
    /// Norms and residual stream of one micro-batch, which sequence parallelism cuts.
    pub streams: u64,
    /// The same of one recomputed layer.
    pub recomputed: u64,
    /// Forward passes of a piece in flight, and pieces.
    pub in_flight: u64,
    pub pieces: u64,
}

pub fn waiting(compute: &Setup<'_>, layout: &Layout, stage: u64) -> Waiting {
    let mut tape = Tape::new(compute.gradients_pass);
    let runs = step::layer_runs(compute, &mut tape);
    let (mut layers, mut largest, mut streams) = (0_u64, 0_u64, 0_u64);
    let stream_of =
        |by_maker: &[u64; 7]| by_maker[Maker::Residual as usize].saturating_add(by_maker[Maker::Norms as usize]);
    for run in runs.iter() {
        layers = layers.saturating_add(run.saved.saturating_mul(run.count));
        largest = largest.max(run.saved);
        streams = streams.saturating_add(stream_of(&run.by_maker).min(run.saved).saturating_mul(run.count));
    }
    let recomputed = if layout.sequence && compute.recompute {
        let kept = Setup { recompute: false, ..*compute };
        let runs = step::layer_runs(&kept, &mut tape);
        runs.iter().map(|run| stream_of(&run.by_maker)).max().unwrap_or(0)
    } else {
        0
    };
    let tables = step::tables(compute).kept.saturating_add(step::entry(compute).kept);
    Waiting {
        layers,
        beside: tables,
        largest,
        streams,
        recomputed,
        in_flight: layout.in_flight(stage),
        pieces: layout.pieces,
    }
}

impl Waiting {
    /// `bytes` of one micro-batch as often as it waits.
    pub fn times(&self, bytes: u64) -> u64 {
        Share::new(self.in_flight, self.pieces).of(bytes)
    }

    /// What leaves the device for `place`: all that waits but two layers on their way.
    pub fn offloaded(&self, place: Offload) -> u64 {
        if place == Offload::None {
            return 0;
        }
        self.times(self.layers).saturating_sub(self.largest.saturating_mul(2))
    }
}

/// What of `bytes` sequence parallelism leaves to the other devices.
pub fn elsewhere(layout: &Layout, bytes: u64) -> u64 {
    if layout.sequence { bytes - bytes / layout.tensor.max(1) } else { 0 }
}

/// The step with what waits in a pipeline, what sequence parallelism cuts and what is offloaded.
pub fn settled_step(
    step: StepPeaks,
    compute: &Setup<'_>,
    layout: &Layout,
    waiting: &Waiting,
    place: Offload,
) -> StepPeaks {
    let mut out = step;
    let cut = |bytes: u64| elsewhere(layout, bytes);
    let one = waiting.layers.saturating_add(waiting.beside);
    let less = cut(waiting.streams);
    let all = waiting.times(one.saturating_sub(less));
    let away = waiting.offloaded(place).min(all);
    for moment in [&mut out.forward, &mut out.loss, &mut out.early] {
        // What all layers keep of one micro-batch is replaced by what waits of all in flight.
        let beside_layers = moment.saved.saturating_sub(one);
        moment.saved = beside_layers.saturating_add(all).saturating_sub(away);
    }
    // Late in backward the other micro-batches of the pipeline still wait.
    let others = all.saturating_sub(one.saturating_sub(less)).saturating_sub(away);
    out.late.saved = out.late.saved.saturating_add(others);
    if compute.recompute {
        let less = cut(waiting.recomputed);
        for moment in [&mut out.early, &mut out.late] {
            moment.temporary = moment.temporary.saturating_sub(less);
        }
    }
    out
}
