//! Operators value by value: casts, unary functions, sums, products, changes of shape.

use super::{Back, NONE, Tape, Tensor};

impl Tape {
    /// Same values in `width` bytes each; the tensor itself where it has that width already. The input is kept.
    pub fn cast(&mut self, x: Tensor, width: u64) -> Tensor {
        if x.width == width {
            return self.keep(x);
        }
        let mut y = self.output(x.count, width);
        if self.records(&[x], false) {
            y.node = self.push(Self::each([x.bytes(), 0, 0]), [x.node, NONE, NONE], [NONE; 4], Default::default());
        }
        y
    }

    /// [`Tape::cast`] that lets go of its input.
    pub fn cast_owned(&mut self, x: Tensor, width: u64) -> Tensor {
        let y = self.cast(x, width);
        self.drop(x);
        y
    }

    pub(super) const fn each(first: [u64; 3]) -> Back {
        Back::Each { first, last: first, extra: 0 }
    }

    /// A function of one tensor that keeps its input (SiLU, GELU, tanh of a copy, …). Backward makes one gradient.
    pub fn unary_saving_input(&mut self, x: Tensor, extra: u64) -> Tensor {
        let records = self.records(&[x], false);
        if records {
            self.note_save();
        }
        let mut y = self.output(x.count, x.width);
        if records {
            let bytes = x.bytes();
            y.node = self.push(
                Back::Each { first: [bytes, 0, 0], last: [bytes, 0, 0], extra },
                [x.node, NONE, NONE],
                [x.storage, NONE, NONE, NONE],
                Default::default(),
            );
        }
        y
    }

    /// A function of one tensor that keeps its result (ReLU, tanh, softmax, rsqrt). Backward makes one gradient.
    pub fn unary_saving_output(&mut self, x: Tensor) -> Tensor {
        let mut y = self.output(x.count, x.width);
        if self.records(&[x], false) {
            y.node = self.push(
                Self::each([x.bytes(), 0, 0]),
                [x.node, NONE, NONE],
                [y.storage, NONE, NONE, NONE],
                Default::default(),
            );
            self.note_save();
        }
        y
    }

    /// A function of one tensor that keeps nothing; `back`: bytes of the gradient it makes, 0 where it passes it on.
    pub fn unary(&mut self, x: Tensor, count: u64, width: u64, allocates: bool) -> Tensor {
        let mut y = self.output(count, width);
        if self.records(&[x], false) {
            let back = if allocates { Self::each([x.bytes(), 0, 0]) } else { Back::Pass { view: false } };
            y.node = self.push(back, [x.node, NONE, NONE], [NONE; 4], Default::default());
        }
        y
    }

    /// Splits heads off (`view` and `transpose`): no copy, but a gradient that lies by heads is copied on the way back.
    pub fn heads(&mut self, x: Tensor, heads: u64) -> Tensor {
        let mut y = self.keep(x);
        if self.records(&[x], false) {
            let back = Back::Heads { bytes: x.bytes(), copies: heads > 1 };
            y.node = self.push(back, [x.node, NONE, NONE], [NONE; 4], Default::default());
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
        let width = a.width.max(b.width);
        let mut y = self.output(a.count.max(b.count), width);
        if self.records(&[a, b], false) {
            let back = Back::Both { bytes: [a.bytes(), b.bytes()], out: y.bytes() };
            y.node = self.push(back, [a.node, b.node, NONE], [NONE; 4], Default::default());
        }
        y
    }

    /// Product of two tensors; `b` may have one value per row. Each is kept if the other needs a gradient.
    pub fn mul(&mut self, a: Tensor, b: Tensor) -> Tensor {
        let width = a.width.max(b.width);
        let records = self.records(&[a, b], false);
        if records {
            self.note_save();
        }
        let mut y = self.output(a.count.max(b.count), width);
        if records {
            let full = y.bytes();
            let back = Back::Each { first: [full, full, 0], last: [a.bytes(), b.bytes(), 0], extra: 0 };
            let saved = [
                if b.needs_grad() { a.storage } else { NONE },
                if a.needs_grad() { b.storage } else { NONE },
                NONE,
                NONE,
            ];
            y.node = self.push(back, [a.node, b.node, NONE], saved, Default::default());
        }
        y
    }

    /// Product with a number.
    pub fn scale(&mut self, x: Tensor) -> Tensor {
        self.unary(x, x.count, x.width, true)
    }
}
