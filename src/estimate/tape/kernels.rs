//! Kernels that allocate inside: one function of the graph with its own scratch memory.

use super::{Back, Kind, NONE, Node, ParamGradient, Tape, Tensor};

/// What a kernel's backward allocates beside the gradient of its input.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scratch {
    /// Of the vocabulary's width.
    pub logits: u64,
    /// The rest.
    pub other: u64,
}

impl Tape {
    /// A function of `x` with `count` FP32 results, that keeps its input and `kept` bytes more. Its scratch is there
    /// while it runs, forward and backward; `params` are gradients it makes.
    pub fn kernel(
        &mut self,
        x: Tensor,
        count: u64,
        kept: u64,
        [forward, backward]: [Scratch; 2],
        params: [ParamGradient; 2],
    ) -> Tensor {
        let kept = self.memory.name(kept, Kind::Temporary);
        let tile = self.memory.name(forward.logits, Kind::Logits);
        let rest = self.memory.name(forward.other, Kind::Temporary);
        let mut y = self.output(count, 4);
        let trains = params.iter().any(|param| param.raw > 0);
        if self.grad_enabled && (x.needs_grad() || trains) {
            let back = Back::Kernel { input: x.bytes(), logits: backward.logits, scratch: backward.other };
            y.node = self.push_with(Node::of(x, back).saving([x.storage, kept, NONE, NONE]), params);
        }
        for storage in [rest, tile, kept] {
            self.memory.release_name(storage);
        }
        y
    }

    /// Rows of `x` picked by an index of eight bytes each; backward writes them into zeros of the whole size, and the
    /// result is a tensor of its own.
    pub fn pick(&mut self, x: Tensor, count: u64, rows: u64) -> Tensor {
        let index = self.memory.name(rows.saturating_mul(8), Kind::Temporary);
        let mut y = self.output(count, x.width);
        if self.records(x) {
            let node = Node::of(x, Back::One { bytes: x.bytes(), extra: x.bytes() });
            y.node = self.push(node.saving([index, NONE, NONE, NONE]));
        }
        self.memory.release_name(index);
        y
    }

    /// One value of each row of `x`, as `gather`: backward scatters into zeros, and the result is a tensor of its own.
    /// PyTorch keeps `x` for its size.
    pub fn gather(&mut self, x: Tensor, rows: u64) -> Tensor {
        let mut y = self.output(rows, x.width);
        if self.records(x) {
            let node = Node::of(x, Back::One { bytes: x.bytes(), extra: x.bytes() });
            y.node = self.push(node.saving([x.storage, NONE, NONE, NONE]).as_logits());
        }
        y
    }

    /// A reduction of every row of `x` that keeps it (`logsumexp`), taken piece by piece: the pieces' gradients are put
    /// side by side in a tensor of the whole size.
    pub fn reduce_pieces(&mut self, x: Tensor, rows: u64) -> Tensor {
        let mut pieces = self.keep(x);
        if self.records(x) {
            pieces.node = self.push(Node::of(x, Back::One { bytes: x.bytes(), extra: 0 }).as_logits());
        }
        let mut y = self.output(rows, 4);
        if self.records(pieces) {
            let node = Node::of(pieces, Back::One { bytes: x.bytes(), extra: 0 });
            y.node = self.push(node.saving([x.storage, NONE, NONE, NONE]).as_logits());
        }
        self.drop(pieces);
        y
    }

    /// A part of `x` of the vocabulary's width, as a view; its gradient is written into a tensor of `x`'s size.
    pub fn logit_part(&mut self, x: Tensor, count: u64) -> Tensor {
        let mut y = self.keep(x);
        y.count = count;
        if self.records(x) {
            y.node = self.push(Node::of(x, Back::Part { whole: x.bytes(), joins: false }).as_logits());
        }
        y
    }

    /// Memory of the vocabulary's width that is simply there for a moment.
    pub fn bump_logits(&mut self, bytes: u64) {
        let storage = self.memory.name(bytes, Kind::Logits);
        self.memory.release_name(storage);
    }

    /// A reduction to `count` values that keeps its input and its result (`logsumexp`).
    pub fn reduce(&mut self, x: Tensor, count: u64) -> Tensor {
        let mut y = self.output(count, x.width);
        if self.records(x) {
            let node = Node::of(x, Back::One { bytes: x.bytes(), extra: 0 });
            y.node = self.push(node.saving([x.storage, y.storage, NONE, NONE]));
        }
        y
    }

    /// Log-softmax of `x` piece by piece, each kept, and one value of each row: a piece's gradient is scattered into
    /// zeros, and those of all pieces are put side by side in a tensor of the whole size.
    pub fn log_softmax_pieces(&mut self, x: Tensor, rows: u64, pieces: u64) -> Tensor {
        let piece = x.bytes().checked_div(pieces).unwrap_or(0);
        let kept = if self.records(x) { x.bytes() } else { piece };
        let all = self.memory.name(kept, Kind::Logits);
        let mut y = self.output(rows, x.width);
        if self.records(x) {
            // Beside what is kept of the other pieces: zeros, what is scattered into them, the gradient.
            let few = piece.saturating_mul(3_u64.saturating_sub(pieces));
            let back = Back::Kernel { input: x.bytes(), logits: few, scratch: 0 };
            y.node = self.push(Node::of(x, back).saving([all, NONE, NONE, NONE]).as_logits());
        }
        self.memory.release_name(all);
        y
    }
}
