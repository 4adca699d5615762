//! Operators value by value: casts, unary functions, sums, products, changes of shape.

use super::{Back, NONE, Node, Tape, Tensor};

impl Tape {
    /// Same values in `width` bytes each; the tensor itself where it has that width already. The input is kept.
    pub fn cast(&mut self, x: Tensor, width: u64) -> Tensor {
        if x.width == width {
            return self.keep(x);
        }
        self.unary(x, x.count, width, true)
    }

    /// [`Tape::cast`] that lets go of its input.
    pub fn cast_owned(&mut self, x: Tensor, width: u64) -> Tensor {
        if x.width == width {
            return x;
        }
        let y = self.cast(x, width);
        self.drop(x);
        y
    }

    /// A function of one tensor that keeps its input (SiLU, GELU, tanh of a copy, …). Backward makes one gradient;
    /// `extra` bytes come and go with it.
    pub fn unary_saving_input(&mut self, x: Tensor, extra: u64) -> Tensor {
        let records = self.records(x);
        if records {
            self.memory.note_save();
        }
        let mut y = self.output(x.count, x.width);
        if records {
            let node = Node::of(x, Back::One { bytes: x.bytes(), extra });
            y.node = self.push(node.saving([x.storage, NONE, NONE, NONE]));
        }
        y
    }

    /// A function of one tensor that keeps its result (ReLU, tanh, softmax, rsqrt). Backward makes one gradient.
    pub fn unary_saving_output(&mut self, x: Tensor) -> Tensor {
        let mut y = self.output(x.count, x.width);
        if self.records(x) {
            let node = Node::of(x, Back::One { bytes: x.bytes(), extra: 0 });
            y.node = self.push(node.saving([y.storage, NONE, NONE, NONE]));
            self.memory.note_save();
        }
        y
    }

    /// Softmax to `width` bytes a value: keeps its result. With `workspace` backward first makes the product of gradient and result, as CUDA's
    /// kernel does (`softmax_backward_cuda_out` of PyTorch's SoftMax.cu); the trace on meta tensors does not see it.
    pub fn softmax(&mut self, x: Tensor, width: u64, workspace: bool) -> Tensor {
        let mut y = self.output(x.count, width);
        if self.records(x) {
            let node = Node::of(x, Back::One { bytes: x.bytes(), extra: if workspace { y.bytes() } else { 0 } });
            y.node = self.push(node.saving([y.storage, NONE, NONE, NONE]));
            self.memory.note_save();
        }
        y
    }

    /// A function of one tensor that keeps nothing and answers `count` values of `width` bytes; `allocates`: backward
    /// makes a gradient rather than passing its own on.
    pub fn unary(&mut self, x: Tensor, count: u64, width: u64, allocates: bool) -> Tensor {
        let mut y = self.output(count, width);
        if self.records(x) {
            let back = if allocates { Back::One { bytes: x.bytes(), extra: 0 } } else { Back::Pass };
            y.node = self.push(Node::of(x, back));
        }
        y
    }

    /// Splits heads off (`view` and `transpose`): no copy, but a gradient that lies by heads is copied on the way back.
    pub fn heads(&mut self, x: Tensor, heads: u64) -> Tensor {
        let mut y = self.keep(x);
        if self.records(x) {
            y.node = self.push(Node::of(x, Back::Heads { bytes: x.bytes(), copies: heads > 1 }));
        }
        y
    }

    /// Square, as `pow(2)`: keeps its input; backward needs two copies more for a moment.
    pub fn square(&mut self, x: Tensor) -> Tensor {
        let extra = x.bytes().saturating_mul(2);
        self.unary_saving_input(x, extra)
    }

    /// Mean over the last dimension: `rows` values.
    pub fn mean(&mut self, x: Tensor, rows: u64) -> Tensor {
        self.unary(x, rows, x.width, true)
    }

    /// Sum of two tensors of one shape, in the wider of their formats.
    pub fn add(&mut self, a: Tensor, b: Tensor) -> Tensor {
        let mut y = self.output(a.count.max(b.count), a.width.max(b.width));
        if self.records_any(a, b) {
            let back = Back::Both { bytes: [a.bytes(), b.bytes()], out: y.bytes() };
            y.node = self.push(Node::of(a, back).and(b));
        }
        y
    }

    /// Product of two tensors; `b` may have one value per row. Each is kept if the other needs a gradient.
    pub fn mul(&mut self, a: Tensor, b: Tensor) -> Tensor {
        let records = self.records_any(a, b);
        if records {
            self.memory.note_save();
        }
        let mut y = self.output(a.count.max(b.count), a.width.max(b.width));
        if records {
            let back = Back::Broadcast { made: y.bytes(), kept: [a.bytes(), b.bytes()] };
            y.node = self.push(Node::of(a, back).and(b).saving(factors(a, b)));
        }
        y
    }

    /// Product with a number.
    pub fn scale(&mut self, x: Tensor) -> Tensor {
        self.unary(x, x.count, x.width, true)
    }
}

/// What the product of `a` and `b` keeps: each factor whose partner needs a gradient.
pub(super) const fn factors(a: Tensor, b: Tensor) -> [u16; 4] {
    [if b.needs_grad() { a.storage } else { NONE }, if a.needs_grad() { b.storage } else { NONE }, NONE, NONE]
}
