//! The walk from the loss to the leaves: gradients made, summed and passed on, what was saved released.

use super::{Back, Gradient, Kind, NONE, Node, NodeId, ParamGradient, Seed, StorageId, Tape, Tensor};

impl Tape {
    /// Runs backward from `output`, whose gradient is allocated here if it is not there yet. Gradients that arrive at
    /// leaves stay.
    pub fn backward(&mut self, output: Tensor) {
        if output.node == NONE {
            return;
        }
        if self.nodes[usize::from(output.node)].gradient.is_none() {
            let storage = self.memory.allocate(output.bytes(), Kind::Temporary);
            self.nodes[usize::from(output.node)].gradient = Gradient::plain(storage);
        }
        let start = self.memory.total();
        for id in (0..self.nodes.len()).rev() {
            let node = self.nodes[id];
            let leaf = matches!(node.back, Back::Leaf);
            if node.gradient.is_none() {
                if leaf {
                    // Nothing came: what it saved is let go when the graph is (holders of attention statistics).
                    self.release_saved(&node);
                }
                continue;
            }
            if node.unpacks && self.before_unpack.is_none() {
                self.before_unpack = Some(self.memory.total().saturating_sub(start));
            }
            if !leaf {
                self.nodes[id].gradient = Gradient::NONE;
                self.step_back(&node);
            }
        }
    }

    /// What backward had allocated, beyond its first gradient, when it first needed something saved: with
    /// checkpointing that is the moment the layer is recomputed.
    pub fn allocated_before_unpack(&self) -> u64 {
        self.before_unpack.unwrap_or(0)
    }

    /// Places the gradient of `output` before backward runs, so that it is there while the layer is recomputed.
    pub fn seed(&mut self, bytes: u64) -> Seed {
        Seed(self.memory.allocate(bytes, Kind::Temporary))
    }

    /// Backward from a gradient placed earlier.
    pub fn backward_from(&mut self, output: Tensor, seed: Seed) {
        if output.node == NONE {
            self.memory.release(seed.0);
            return;
        }
        self.nodes[usize::from(output.node)].gradient = Gradient::plain(seed.0);
        self.backward(output);
    }

    /// One operator's backward: gradients of its parameters, then of its inputs; then what it read is released and
    /// what it made passed on.
    fn step_back(&mut self, node: &Node) {
        let params = if node.params == NONE { None } else { self.params.get(usize::from(node.params)).copied() };
        let mut of_params = [NONE; 2];
        if let Some(params) = params {
            of_params = [self.make_param_gradient(params[0]), self.make_param_gradient(params[1])];
        }
        let made = self.input_gradients(node);
        if let Some(params) = params {
            of_params[0] = self.convert_in_operator(of_params[0], params[0]);
            of_params[1] = self.convert_in_operator(of_params[1], params[1]);
        }
        self.memory.release(node.gradient.storage);
        self.release_saved(node);
        if let Some(params) = params {
            self.settle(of_params[0], params[0]);
            self.settle(of_params[1], params[1]);
        }
        // Most operators have one input; iterating over the three sides would cost more than the work.
        if !made[0].is_none() {
            self.deliver(node.edges[0], made[0]);
        }
        if !made[1].is_none() {
            self.deliver(node.edges[1], made[1]);
        }
        if !made[2].is_none() {
            self.deliver(node.edges[2], made[2]);
        }
    }

    fn release_saved(&mut self, node: &Node) {
        if !node.saves {
            return;
        }
        for storage in node.saved {
            if storage != NONE {
                self.memory.release(storage);
            }
        }
    }

    /// A parameter's gradient as the operator makes it.
    fn make_param_gradient(&mut self, param: ParamGradient) -> StorageId {
        if param.raw == 0 {
            return NONE;
        }
        let lasts = param.raw == param.kept && !param.cast && !self.param_grads_pass;
        self.memory.allocate(param.raw, if lasts { Kind::ParamGrad } else { Kind::Temporary })
    }

    /// The operator itself turns a parameter's gradient into what is kept.
    fn convert_in_operator(&mut self, made: StorageId, param: ParamGradient) -> StorageId {
        if made != NONE && !param.cast && param.raw != param.kept {
            self.exchange(made, param.kept, Kind::Temporary)
        } else {
            made
        }
    }

    /// A parameter's gradient is complete, after a cast where there is one: it stays, or is used up at once.
    fn settle(&mut self, made: StorageId, param: ParamGradient) {
        if made == NONE {
            return;
        }
        let kept = if param.cast { self.exchange(made, param.kept, Kind::Temporary) } else { made };
        if self.param_grads_pass {
            self.memory.release(kept);
        } else {
            self.memory.set_kind(kept, Kind::ParamGrad);
        }
    }

    /// A converted copy of `bytes` takes the place of `storage`.
    fn exchange(&mut self, storage: StorageId, bytes: u64, kind: Kind) -> StorageId {
        let copy = self.memory.allocate(bytes, kind);
        self.memory.release(storage);
        copy
    }

    /// Gradients of a node's inputs, made from that of its output.
    #[allow(clippy::needless_range_loop, reason = "a side is an index of three arrays at once")]
    fn input_gradients(&mut self, node: &Node) -> [Gradient; 3] {
        let gradient = node.gradient;
        let kind = if node.logits { Kind::Logits } else { Kind::Temporary };
        let by_heads = node.by_heads || gradient.by_heads;
        let mut made = [Gradient::NONE; 3];
        match node.back {
            Back::Leaf => {}
            Back::Pass => {
                self.memory.retain(gradient.storage);
                made[0] = gradient;
            }
            Back::One { bytes, extra } => {
                if node.edges[0] != NONE {
                    made[0] = Gradient { by_heads, ..Gradient::plain(self.memory.allocate(bytes, kind)) };
                }
                if extra > 0 {
                    let scratch = self.memory.allocate(extra, Kind::Temporary);
                    self.memory.release(scratch);
                }
            }
            Back::Each { bytes } => {
                for side in 0..3 {
                    if node.edges[side] != NONE {
                        made[side] = Gradient { by_heads, ..Gradient::plain(self.memory.allocate(bytes[side], kind)) };
                    }
                }
            }
            Back::Broadcast { made: whole, kept } => {
                for side in 0..2 {
                    if node.edges[side] != NONE {
                        made[side] = Gradient { by_heads, ..Gradient::plain(self.memory.allocate(whole, kind)) };
                    }
                }
                for side in 0..2 {
                    if node.edges[side] != NONE && whole != kept[side] {
                        made[side].storage = self.exchange(made[side].storage, kept[side], kind);
                    }
                }
            }
            Back::Both { bytes, out } => {
                for side in 0..2 {
                    if node.edges[side] == NONE {
                        continue;
                    }
                    made[side] = if bytes[side] == out {
                        self.memory.retain(gradient.storage);
                        gradient
                    } else {
                        let storage = self.memory.allocate(bytes[side], kind);
                        Gradient { by_heads: gradient.by_heads, ..Gradient::plain(storage) }
                    };
                }
            }
            Back::Linear { input } => {
                if node.edges[0] != NONE {
                    made[0] = Gradient::view(self.memory.allocate(input, Kind::Temporary));
                }
            }
            Back::Dequantized { input, weight, scales } => {
                let scratch = self.memory.allocate(scales, Kind::Temporary);
                let dequantized = self.memory.allocate(weight, Kind::Temporary);
                self.memory.release(scratch);
                made[0] = Gradient::view(self.memory.allocate(input, Kind::Temporary));
                self.memory.release(dequantized);
            }
            Back::Heads { bytes, copies } => {
                made[0] = Gradient::view(if gradient.by_heads && copies {
                    self.memory.allocate(bytes, Kind::Temporary)
                } else {
                    self.memory.retain(gradient.storage);
                    gradient.storage
                });
            }
            Back::Rotary { product, input, joined } => made[0] = self.rotary_back(product, input, joined),
            Back::Kernel { input, logits, scratch } => {
                let tile = self.memory.allocate(logits, Kind::Logits);
                let rest = self.memory.allocate(scratch, Kind::Temporary);
                if node.edges[0] != NONE {
                    made[0] = Gradient::plain(self.memory.allocate(input, Kind::Temporary));
                }
                self.memory.release(tile);
                self.memory.release(rest);
            }
            Back::Part { whole, .. } => {
                let storage = self.memory.allocate(whole, kind);
                made[0] = Gradient { by_heads: gradient.by_heads, ..Gradient::plain(storage) };
            }
        }
        made
    }

    fn rotary_back(&mut self, product: u64, input: u64, joined: u64) -> Gradient {
        let make = |tape: &mut Self| {
            let first = tape.memory.allocate(product, Kind::Temporary);
            if product == input { first } else { tape.exchange(first, input, Kind::Temporary) }
        };
        let turned = make(self);
        let negated = self.memory.allocate(input / 2, Kind::Temporary);
        let mut whole = self.memory.allocate(input, Kind::Temporary);
        self.memory.release(negated);
        let second = self.memory.allocate(input, Kind::Temporary);
        self.memory.release(turned);
        self.memory.release(second);
        let direct = make(self);
        self.memory.release(direct);
        if joined > 0 {
            // The part that is not rotated: its gradient is written into a zeroed tensor of the whole size; so is
            // that of the rotated part unless it is the whole.
            let passed = self.memory.allocate(joined, Kind::Temporary);
            if joined > input {
                let rotated = self.memory.allocate(joined, Kind::Temporary);
                self.memory.release(rotated);
            }
            self.memory.release(whole);
            whole = passed;
        }
        Gradient { storage: whole, view: false, by_heads: true }
    }

    /// A gradient arrives at a node: kept if it is the first, else added; in place where the engine may.
    fn deliver(&mut self, edge: NodeId, made: Gradient) {
        if edge == NONE {
            self.memory.release(made.storage);
            return;
        }
        let slot = usize::from(edge);
        let old = self.nodes[slot].gradient;
        if old.is_none() {
            self.nodes[slot].gradient = made;
            return;
        }
        let waits = if matches!(self.nodes[slot].back, Back::Part { joins: true, .. }) {
            // Pieces wait side by side until the split's own backward joins them.
            let bytes = self.memory.bytes(old.storage) + self.memory.bytes(made.storage);
            self.memory.release(old.storage);
            self.memory.release(made.storage);
            let storage = self.memory.allocate(bytes, Kind::Temporary);
            Gradient { storage, view: false, by_heads: made.by_heads }
        } else if !old.view && self.memory.refs(old.storage) == 1 {
            self.memory.release(made.storage);
            return;
        } else {
            let storage = self.memory.allocate(self.memory.bytes(old.storage), self.memory.kind(old.storage));
            self.memory.release(old.storage);
            self.memory.release(made.storage);
            Gradient { storage, view: false, by_heads: old.by_heads }
        };
        self.nodes[slot].gradient = waits;
    }
}

impl Gradient {
    /// A tensor of its own in the usual order.
    const fn plain(storage: StorageId) -> Self {
        Self { storage, view: false, by_heads: false }
    }

    /// A view of another shape in the usual order.
    const fn view(storage: StorageId) -> Self {
        Self { storage, view: true, by_heads: false }
    }

    const fn is_none(self) -> bool {
        self.storage == NONE
    }
}
