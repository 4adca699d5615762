//! When each stage of a pipeline works on which micro-batch: the schedules played out with a forward pass of one tick
//! and a backward pass of two.

use super::layout::Layout;
use crate::plan::Schedule;

/// Ticks of a forward pass.
const FORWARD_TICKS: u64 = 1;
/// Ticks of a backward pass: about twice the arithmetic.
const BACKWARD_TICKS: u64 = 2;

/// One pass of one micro-batch through one piece of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Stage that works.
    pub stage: u64,
    /// First tick.
    pub start: u64,
    /// Ticks it takes.
    pub ticks: u64,
    /// Forward or backward.
    pub forward: bool,
    /// Micro-batch, from 0.
    pub batch: u64,
    /// Piece of the model on this device, from 0.
    pub piece: u64,
}

/// A pass before it has a time.
#[derive(Clone, Copy)]
struct Pass {
    forward: bool,
    batch: u64,
    piece: u64,
}

/// The passes of `layout` with at most `most_batches` micro-batches, by stage and in time.
///
/// 1F1B (Narayanan et al., 2019) and its interleaved form (Narayanan et al., 2021) with Megatron-LM's warm-up; one
/// after another where nothing overlaps.
pub fn timeline(layout: &Layout, most_batches: u64) -> Vec<Slot> {
    let batches = layout.microbatches.min(most_batches);
    let (stages, pieces) = (layout.pipeline, layout.pieces);
    let queues: Vec<Vec<Pass>> = (0..stages).map(|stage| order(layout, stage, batches)).collect();
    let all = usize::try_from(stages.saturating_mul(pieces).saturating_mul(batches)).unwrap_or(0);
    let place = |stage: u64, pass: &Pass| {
        let piece = pass.piece.saturating_mul(stages).saturating_add(stage);
        usize::try_from(piece.saturating_mul(batches).saturating_add(pass.batch)).unwrap_or(usize::MAX)
    };
    let mut done = [vec![None::<u64>; all], vec![None; all]];
    let mut next = vec![0_usize; queues.len()];
    let mut free = vec![0_u64; queues.len()];
    let mut slots = Vec::with_capacity(all.saturating_mul(2));
    // With one micro-batch at a time nothing starts before everything else is done.
    let mut last = 0_u64;
    let mut moved = true;
    while moved {
        moved = false;
        for stage in 0..stages {
            let index = usize::try_from(stage).unwrap_or(0);
            while let Some(pass) = queues.get(index).and_then(|queue| queue.get(next[index])) {
                let at = place(stage, pass);
                let step = usize::try_from(batches).unwrap_or(0);
                // Forward waits for the piece before, backward for the piece after, or for its own forward at the end.
                let needs = match (pass.forward, at.checked_sub(step), at.saturating_add(step)) {
                    (true, None, _) => Some(0),
                    (true, Some(before), _) => done[0].get(before).copied().flatten(),
                    (false, _, after) if after < all => done[1].get(after).copied().flatten(),
                    (false, ..) => done[0].get(at).copied().flatten(),
                };
                let Some(ready) = needs else { break };
                let turn = if layout.schedule == Schedule::Sequential { last } else { 0 };
                let start = ready.max(free[index]).max(turn);
                let ticks = if pass.forward { FORWARD_TICKS } else { BACKWARD_TICKS };
                let end = start.saturating_add(ticks);
                last = last.max(end);
                if let Some(slot) = done[usize::from(!pass.forward)].get_mut(at) {
                    *slot = Some(end);
                }
                slots.push(Slot { stage, start, ticks, forward: pass.forward, batch: pass.batch, piece: pass.piece });
                (free[index], next[index], moved) = (end, next[index] + 1, true);
                if layout.schedule == Schedule::Sequential {
                    break;
                }
            }
        }
    }
    slots
}

/// The order in which `stage` does its passes.
fn order(layout: &Layout, stage: u64, batches: u64) -> Vec<Pass> {
    let (stages, pieces) = (layout.pipeline, layout.pieces.max(1));
    let total = batches.saturating_mul(pieces);
    let pass = |forward: bool, k: u64| {
        let round = stages.saturating_mul(pieces);
        let (group, piece) = (k / round, (k / stages) % pieces);
        let batch = group.saturating_mul(stages).saturating_add(k % stages);
        let piece = if forward { piece } else { pieces - 1 - piece };
        if pieces == 1 { Pass { forward, batch: k, piece: 0 } } else { Pass { forward, batch, piece } }
    };
    let ahead = match layout.schedule {
        Schedule::Sequential => 0,
        _ => layout.in_flight(stage).saturating_sub(1).min(total),
    };
    let mut queue: Vec<Pass> = (0..ahead).map(|k| pass(true, k)).collect();
    for k in 0..total {
        if ahead.saturating_add(k) < total {
            queue.push(pass(true, ahead + k));
        }
        queue.push(pass(false, k));
    }
    // A last group that is not full would name micro-batches that are not there.
    queue.retain(|pass| pass.batch < batches);
    queue
}
