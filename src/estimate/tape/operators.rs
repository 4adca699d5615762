//! Operators with a memory of their own: products with parameters, dropout, attention kernels, rotary positions.

use super::elementwise::factors;
use super::{Back, Kind, NONE, Node, ParamGradient, Tape, Tensor};

impl Tape {
    /// Product with a parameter vector of `values` values of `width` bytes; kept input where the vector is trained.
    pub fn mul_param(&mut self, x: Tensor, values: u64, width: u64, trained: bool) -> Tensor {
        let records = self.grad_enabled && (trained || x.needs_grad());
        if records {
            self.memory.note_save();
        }
        let mut y = self.output(x.count, x.width.max(width));
        if records {
            let full = y.bytes();
            let param = if trained {
                ParamGradient { raw: full, kept: values.saturating_mul(width), cast: false }
            } else {
                ParamGradient::default()
            };
            let back = Back::Broadcast { made: full, kept: [x.bytes(), 0] };
            let saved = [if trained { x.storage } else { NONE }, NONE, NONE, NONE];
            y.node = self.push_with(Node::of(x, back).saving(saved).unpacking(), [param, ParamGradient::default()]);
        }
        y
    }

    /// Dropout: result and a mask of one byte per value that backward needs.
    pub fn dropout(&mut self, x: Tensor) -> Tensor {
        let mut y = self.output(x.count, x.width);
        let mask = self.memory.name(x.count, Kind::Temporary);
        if self.records(x) {
            let node = Node::of(x, Back::One { bytes: x.bytes(), extra: 0 });
            y.node = self.push(node.saving([mask, NONE, NONE, NONE]));
            self.memory.note_save();
        }
        self.memory.release_name(mask);
        y
    }

    /// Matrix product with a parameter: `x` (in the format of the product) → `count` values.
    ///
    /// `weight` is a cast copy of the parameter where one had to be made; the parameter itself costs nothing here.
    pub fn matmul_param(
        &mut self,
        x: Tensor,
        weight: Option<Tensor>,
        count: u64,
        params: [ParamGradient; 2],
    ) -> Tensor {
        let trained = params[0].raw > 0;
        let any = trained || params[1].raw > 0;
        let records = self.grad_enabled && (any || x.needs_grad());
        if records && (trained || x.needs_grad()) {
            self.memory.note_save();
        }
        let mut y = self.output(count, x.width);
        if records {
            let saved = [
                if trained { x.storage } else { NONE },
                match weight {
                    Some(weight) if x.needs_grad() => weight.storage,
                    _ => NONE,
                },
                NONE,
                NONE,
            ];
            y.node = self.push_with(Node::of(x, Back::Linear { input: x.bytes() }).saving(saved), params);
        }
        y
    }

    /// Matrix product with a quantized parameter: `weight` bytes are dequantized for the product and dropped,
    /// `scales` bytes of unpacked scales only while that is done.
    pub fn matmul_dequantized(&mut self, x: Tensor, count: u64, weight: u64, scales: u64) -> Tensor {
        let scratch = self.memory.name(scales, Kind::Temporary);
        let dequantized = self.memory.name(weight, Kind::Temporary);
        self.memory.release_name(scratch);
        let mut y = self.output(count, x.width);
        self.memory.release_name(dequantized);
        if self.records(x) {
            y.node = self.push(Node::of(x, Back::Dequantized { input: x.bytes(), weight, scales }));
            self.memory.note_save();
        }
        y
    }

    /// Product of two activations with `count` results (attention scores, weighted values).
    pub fn matmul(&mut self, a: Tensor, b: Tensor, count: u64) -> Tensor {
        let records = self.records_any(a, b);
        if records {
            self.memory.note_save();
        }
        let mut y = self.output(count, a.width);
        if records {
            let back = Back::Each { bytes: [a.bytes(), b.bytes(), 0] };
            y.node = self.push(Node::of(a, back).and(b).saving(factors(a, b)));
        }
        y
    }

    /// Values repeated for the heads of a group: a copy; backward sums the copies.
    pub fn repeat(&mut self, x: Tensor, times: u64) -> Tensor {
        let mut y = self.output(x.count.saturating_mul(times), x.width);
        if self.records(x) {
            y.node = self.push(Node::of(x, Back::One { bytes: x.bytes(), extra: 0 }).by_heads());
        }
        y
    }

    /// A copy in another memory layout; backward passes the gradient on.
    pub fn copy(&mut self, x: Tensor) -> Tensor {
        self.unary(x, x.count, x.width, false)
    }

    /// Flash or memory-efficient attention: keeps queries, keys, values, the result and one FP32 value per head and
    /// token (log-sum-exp). `bias` is a mask the kernel keeps.
    pub fn attention(
        &mut self,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        count: u64,
        lse_bytes: u64,
        bias: Option<Tensor>,
    ) -> Tensor {
        let mut y = self.output(count, v.width);
        let records = self.grad_enabled && (q.needs_grad() || k.needs_grad() || v.needs_grad());
        let lse = self.memory.name(lse_bytes, Kind::Temporary);
        if records {
            // Mask and statistics go along on a node of their own that has no gradient to give.
            let mask = bias.map_or(NONE, |bias| bias.storage);
            self.push(Node::of(y, Back::Leaf).saving([lse, mask, NONE, NONE]));
            let mut node = Node::of(q, Back::Each { bytes: [q.bytes(), k.bytes(), v.bytes()] });
            node.edges = [q.node, k.node, v.node];
            y.node = self.push(node.saving([q.storage, k.storage, v.storage, y.storage]));
            self.memory.note_save();
        }
        self.memory.release_name(lse);
        y
    }

    /// Rotary positions on the first `rotated` of the values: `x·cos + rotate_half(x)·sin`, cos and sin in `width`.
    /// `joins`: the code cuts off and joins the part that is not rotated, even where it is empty.
    pub fn rotary(&mut self, x: Tensor, width: u64, rotated: u64, joins: bool) -> Tensor {
        let wide = x.width.max(width);
        let product_bytes = rotated.saturating_mul(wide);
        let records = self.records(x);
        if records {
            self.memory.note_save();
        }
        let first = self.output(rotated, wide);
        let negated = self.output(rotated / 2, x.width);
        let turned = self.output(rotated, x.width);
        self.drop(negated);
        let second = self.output(rotated, wide);
        self.drop(turned);
        let mut y = self.output(rotated, wide);
        self.drop(first);
        self.drop(second);
        if joins {
            let joined = self.output(x.count, wide);
            self.drop(y);
            y = joined;
        }
        if records {
            let back = Back::Rotary {
                product: product_bytes,
                input: rotated.saturating_mul(x.width),
                joined: if joins { x.bytes() } else { 0 },
            };
            y.node = self.push(Node::of(x, back).by_heads());
        }
        y
    }

    /// LayerNorm as one kernel: keeps its input and two FP32 values per row.
    pub fn layer_norm(&mut self, x: Tensor, rows: u64, params: [ParamGradient; 2]) -> Tensor {
        let records = self.grad_enabled && (x.needs_grad() || params[0].raw > 0 || params[1].raw > 0);
        let mut y = self.output(x.count, x.width);
        let stats = self.memory.name(rows.saturating_mul(8), Kind::Temporary);
        if records {
            let node = Node::of(x, Back::One { bytes: x.bytes(), extra: 0 });
            y.node = self.push_with(node.saving([x.storage, stats, NONE, NONE]), params);
            self.memory.note_save();
        }
        self.memory.release_name(stats);
        y
    }

    /// A part of `x` with `count` values, as a view; its gradient is written into a zeroed tensor of `x`'s size.
    pub fn part(&mut self, x: Tensor, count: u64) -> Tensor {
        let mut y = self.keep(x);
        y.count = count;
        if self.records(x) {
            y.node = self.push(Node::of(x, Back::Part { whole: x.bytes(), joins: false }));
        }
        y
    }

    /// The node where the parts of `x` (`chunk`, `split`) meet again: their gradients are joined in one copy.
    pub fn split(&mut self, x: Tensor) -> Tensor {
        let mut y = self.keep(x);
        if self.records(x) {
            y.node = self.push(Node::of(x, Back::Part { whole: x.bytes(), joins: true }));
        }
        y
    }

    /// A view of `count` values out of a [`Tape::split`].
    pub fn piece(&mut self, split: Tensor, count: u64) -> Tensor {
        let mut y = self.keep(split);
        y.count = count;
        y
    }

    /// Repeats values for the heads of a group without a copy (a single key head); backward sums.
    pub fn expand(&mut self, x: Tensor, times: u64) -> Tensor {
        let mut y = self.keep(x).resized(x.count.saturating_mul(times));
        if self.records(x) {
            y.node = self.push(Node::of(x, Back::One { bytes: x.bytes(), extra: 0 }).by_heads());
        }
        y
    }

    /// `x` without the rest of a larger storage it is a view of: a copy where it is one.
    pub fn compact(&mut self, x: Tensor) -> Tensor {
        if self.memory.bytes(x.storage) > x.bytes() { self.copy(x) } else { self.keep(x) }
    }
}
