//! The walk from the loss to the leaves: gradients made, summed and passed on, what was saved released.

use super::{Back, Gradient, Kind, NONE, Seed, Tape, Tensor};

impl Tape {
    /// Runs backward from `output`, whose gradient is allocated here if it is not there yet, and returns the bytes of
    /// gradient left at leaves.
    pub fn backward(&mut self, output: Tensor) {
        if output.node == NONE {
            return;
        }
        if self.nodes[usize::from(output.node)].gradient.is_none() {
            let storage = self.allocate(output.bytes(), Kind::Temporary);
            self.nodes[usize::from(output.node)].gradient = Some(Gradient { storage, view: false, by_heads: false });
        }
        let start = self.total;
        for id in (0..self.nodes.len()).rev() {
            let node = &self.nodes[id];
            if self.before_unpack.is_none() && node.unpacks && node.gradient.is_some() {
                self.before_unpack = Some(self.total.saturating_sub(start));
            }
            self.step_back(id);
        }
    }

    /// What backward had allocated, beyond its first gradient, when it first needed something saved: with
    /// checkpointing that is the moment the layer is recomputed.
    pub fn allocated_before_unpack(&self) -> u64 {
        self.before_unpack.unwrap_or(0)
    }

    /// Places the gradient of `output` before backward runs, so that it is there while the layer is recomputed.
    pub fn seed(&mut self, bytes: u64) -> Seed {
        Seed(self.allocate(bytes, Kind::Temporary))
    }

    /// Backward from a gradient placed earlier.
    pub fn backward_from(&mut self, output: Tensor, seed: Seed) {
        if output.node == NONE {
            self.release(seed.0);
            return;
        }
        self.nodes[usize::from(output.node)].gradient =
            Some(Gradient { storage: seed.0, view: false, by_heads: false });
        self.backward(output);
    }

    fn step_back(&mut self, id: usize) {
        let node = self.nodes[id];
        let Some(gradient) = node.gradient else {
            // Nothing came: what it saved is let go when the graph is (holders of attention statistics).
            if matches!(node.back, Back::Leaf) {
                for storage in node.saved {
                    if storage != NONE {
                        self.release(storage);
                    }
                }
            }
            return;
        };
        if matches!(node.back, Back::Leaf) {
            return;
        }
        self.nodes[id].gradient = None;
        let kind = Self::kind_of(node.logits);
        let mut raw = [NONE; 2];
        for (slot, param) in raw.iter_mut().zip(node.params) {
            if param.raw > 0 {
                let lasts = param.raw == param.kept && !param.cast && !self.param_grads_pass;
                *slot = self.allocate(param.raw, if lasts { Kind::ParamGrad } else { Kind::Temporary });
            }
        }
        let mut out: [Option<Gradient>; 3] = [None; 3];
        match node.back {
            Back::Leaf => {}
            Back::Pass { view } => {
                self.retain(gradient.storage);
                out[0] = Some(Gradient { view: view || gradient.view, ..gradient });
            }
            Back::Both { bytes, out: whole } => {
                for side in 0..2 {
                    if node.edges[side] == NONE {
                        continue;
                    }
                    if bytes[side] == whole {
                        self.retain(gradient.storage);
                        out[side] = Some(gradient);
                    } else {
                        let storage = self.allocate(bytes[side], kind);
                        out[side] = Some(Gradient { storage, view: false, by_heads: gradient.by_heads });
                    }
                }
            }
            Back::Each { first, last, extra } => {
                for side in 0..3 {
                    if node.edges[side] != NONE {
                        let storage = self.allocate(first[side], kind);
                        out[side] =
                            Some(Gradient { storage, view: false, by_heads: node.by_heads || gradient.by_heads });
                    }
                }
                if extra > 0 {
                    self.bump(extra);
                }
                for side in 0..3 {
                    if let Some(made) = &mut out[side]
                        && first[side] != last[side]
                    {
                        let storage = self.allocate(last[side], kind);
                        self.release(made.storage);
                        made.storage = storage;
                    }
                }
            }
            Back::Linear { input } => {
                if node.edges[0] != NONE {
                    let storage = self.allocate(input, Kind::Temporary);
                    out[0] = Some(Gradient { storage, view: true, by_heads: false });
                }
            }
            Back::Dequantized { input, weight, scales } => {
                let scratch = self.allocate(scales, Kind::Temporary);
                let dequantized = self.allocate(weight, Kind::Temporary);
                self.release(scratch);
                let storage = self.allocate(input, Kind::Temporary);
                self.release(dequantized);
                out[0] = Some(Gradient { storage, view: true, by_heads: false });
            }
            Back::Heads { bytes, copies } => {
                let storage = if gradient.by_heads && copies {
                    self.allocate(bytes, Kind::Temporary)
                } else {
                    self.retain(gradient.storage);
                    gradient.storage
                };
                out[0] = Some(Gradient { storage, view: true, by_heads: false });
            }
            Back::Rotary { product, input, joined } => {
                out[0] = Some(self.rotary_back(product, input, joined));
            }
            Back::Part { whole, .. } => {
                let storage = self.allocate(whole, Kind::Temporary);
                out[0] = Some(Gradient { storage, view: false, by_heads: gradient.by_heads });
            }
        }
        for (slot, param) in raw.iter_mut().zip(node.params) {
            if *slot != NONE && !param.cast && param.raw != param.kept {
                let kept = self.allocate(param.kept, Kind::Temporary);
                self.release(*slot);
                *slot = kept;
            }
        }
        self.release(gradient.storage);
        for storage in node.saved {
            if storage != NONE {
                self.release(storage);
            }
        }
        for (slot, param) in raw.into_iter().zip(node.params) {
            if slot == NONE {
                continue;
            }
            if param.cast {
                let kept = self.allocate(param.kept, Kind::Temporary);
                self.release(slot);
                self.settle(kept);
            } else {
                self.settle(slot);
            }
        }
        for (edge, made) in node.edges.into_iter().zip(out) {
            if let Some(made) = made {
                self.deliver(edge, made);
            }
        }
    }

    /// A parameter's gradient is complete: it stays, or is used up at once.
    fn settle(&mut self, storage: u16) {
        if self.param_grads_pass {
            self.release(storage);
            return;
        }
        let entry = &mut self.storages[usize::from(storage)];
        self.live.0[entry.kind as usize] -= entry.bytes;
        self.live.0[Kind::ParamGrad as usize] += entry.bytes;
        entry.kind = Kind::ParamGrad;
        if self.peak_total == self.total {
            self.peak = self.live;
        }
    }

    fn rotary_back(&mut self, product: u64, input: u64, joined: u64) -> Gradient {
        let make = |tape: &mut Self| {
            let first = tape.allocate(product, Kind::Temporary);
            if product == input {
                return first;
            }
            let last = tape.allocate(input, Kind::Temporary);
            tape.release(first);
            last
        };
        let turned = make(self);
        let negated = self.allocate(input / 2, Kind::Temporary);
        let mut whole = self.allocate(input, Kind::Temporary);
        self.release(negated);
        let second = self.allocate(input, Kind::Temporary);
        self.release(turned);
        self.release(second);
        let direct = make(self);
        self.release(direct);
        if joined > 0 {
            // The part that is not rotated: its gradient is written into a zeroed tensor of the whole size; so is
            // that of the rotated part unless it is the whole.
            let passed = self.allocate(joined, Kind::Temporary);
            if joined > input {
                let rotated = self.allocate(joined, Kind::Temporary);
                self.release(rotated);
            }
            self.release(whole);
            whole = passed;
        }
        Gradient { storage: whole, view: false, by_heads: true }
    }

    /// A gradient arrives at a node: kept if it is the first, else added; in place where the engine may.
    fn deliver(&mut self, edge: u16, made: Gradient) {
        if edge == NONE {
            self.release(made.storage);
            return;
        }
        let slot = usize::from(edge);
        let Some(old) = self.nodes[slot].gradient else {
            self.nodes[slot].gradient = Some(made);
            return;
        };
        if matches!(self.nodes[slot].back, Back::Part { joins: true, .. }) {
            // Pieces wait side by side until the split's own backward joins them.
            let bytes = self.storages[usize::from(old.storage)].bytes + self.storages[usize::from(made.storage)].bytes;
            let kind = Kind::Temporary;
            self.release(old.storage);
            self.release(made.storage);
            let joined = self.allocate(bytes, kind);
            self.nodes[slot].gradient = Some(Gradient { storage: joined, view: false, by_heads: made.by_heads });
            return;
        }
        let entry = self.storages[usize::from(old.storage)];
        if !old.view && entry.refs == 1 {
            self.release(made.storage);
            return;
        }
        let storage = self.allocate(entry.bytes, entry.kind);
        self.release(old.storage);
        self.release(made.storage);
        self.nodes[slot].gradient = Some(Gradient { storage, view: false, by_heads: old.by_heads });
    }
}
