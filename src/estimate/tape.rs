//! A tape of what autograd allocates: tensors with reference counts, nodes with what they save, forward and backward.
//!
//! The estimate replays one layer of the model on this tape with sizes only, the way PyTorch runs it: an operator
//! allocates its output, saves what its backward needs, and Python drops what goes out of scope; backward visits the
//! nodes from last to first, allocates gradients, releases what was saved and sums gradients that meet. Whatever is
//! alive at the worst moment is the peak. The rules (who saves what, when a sum is done in place, what is freed before
//! what) are those of `torch/csrc/autograd` and `tools/autograd/derivatives.yaml` of PyTorch 2.x.

/// No node: the tensor needs no gradient.
const NONE: u16 = u16::MAX;

/// Largest size of one tensor: keeps sums of a few hundred of them inside `u64` whatever the plan says.
const TENSOR_LIMIT: u64 = 1 << 54;

/// A tensor: a view of some storage, and the node that made it.
#[derive(Clone, Copy, Debug)]
pub struct Tensor {
    storage: u16,
    node: u16,
    /// Values.
    pub count: u64,
    /// Bytes of one value.
    pub width: u64,
}

impl Tensor {
    /// Whether backward goes through it.
    pub const fn needs_grad(&self) -> bool {
        self.node != NONE
    }

    /// Bytes it occupies.
    pub const fn bytes(&self) -> u64 {
        let bytes = self.count.saturating_mul(self.width);
        if bytes > TENSOR_LIMIT { TENSOR_LIMIT } else { bytes }
    }

    /// The same tensor with another number of values (a view, or a shape the caller knows better).
    pub const fn resized(self, count: u64) -> Self {
        Self { count, ..self }
    }

    /// The same values as a plain input that needs no gradient.
    pub const fn detached(self) -> Self {
        Self { node: NONE, ..self }
    }
}

/// What memory on the tape is held for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Kind {
    /// Made in forward and alive at its end.
    Saved = 0,
    /// Anything that comes and goes.
    Temporary = 1,
    /// Of the width of the vocabulary.
    Logits = 2,
    /// Gradients of parameters.
    ParamGrad = 3,
}

/// Live bytes by [`Kind`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Live(pub [u64; 4]);

impl Live {
    /// The sum.
    pub const fn total(&self) -> u64 {
        self.0[0].saturating_add(self.0[1]).saturating_add(self.0[2]).saturating_add(self.0[3])
    }

    /// With more temporaries.
    pub const fn plus_temporary(mut self, bytes: u64) -> Self {
        self.0[Kind::Temporary as usize] = self.0[Kind::Temporary as usize].saturating_add(bytes);
        self
    }

    /// One kind's share.
    pub const fn get(&self, kind: Kind) -> u64 {
        self.0[kind as usize]
    }
}

#[derive(Clone, Copy)]
struct Storage {
    bytes: u64,
    refs: u16,
    kind: Kind,
}

/// Gradient that waits at a node.
#[derive(Clone, Copy)]
struct Gradient {
    storage: u16,
    /// It is a view of another shape: the engine never adds into one.
    view: bool,
    /// It lies head by head, so that flattening it to tokens needs a copy.
    by_heads: bool,
}

/// Gradient of a parameter that a node makes.
#[derive(Clone, Copy, Debug, Default)]
pub struct ParamGradient {
    /// Bytes as the operator makes it.
    pub raw: u64,
    /// Bytes as it is kept.
    pub kept: u64,
    /// The raw one is converted by a cast node after the operator has let go of its inputs.
    pub cast: bool,
}

/// How a node's backward allocates.
#[derive(Clone, Copy)]
enum Back {
    /// A leaf: the gradient stays for the caller.
    Leaf,
    /// The gradient goes on as it is.
    Pass { view: bool },
    /// One gradient for each input that needs one: first bytes, bytes after conversion; `extra` comes and goes.
    Each { first: [u64; 3], last: [u64; 3], extra: u64 },
    /// Sum of two: the gradient goes to both; converted where widths differ.
    Both { bytes: [u64; 2], out: u64 },
    /// Linear map: gradient of the input as a view.
    Linear { input: u64 },
    /// Linear map with weights that are dequantized first.
    Dequantized { input: u64, weight: u64, scales: u64 },
    /// Heads split off: a gradient that lies by heads is copied.
    Heads { bytes: u64, copies: bool },
    /// Rotary positions: bytes of the product, of the rotated input and, where parts are joined, of the whole.
    Rotary { product: u64, input: u64, joined: u64 },
    /// Part of a tensor: gradient in a tensor of the whole size. `joins`: all parts come together here first.
    Part { whole: u64, joins: bool },
}

#[derive(Clone, Copy)]
struct Node {
    back: Back,
    edges: [u16; 3],
    saved: [u16; 4],
    params: [ParamGradient; 2],
    gradient: Option<Gradient>,
    by_heads: bool,
    logits: bool,
    /// Its backward reads something saved, a parameter included.
    unpacks: bool,
}

/// The tape.
pub struct Tape {
    storages: Vec<Storage>,
    nodes: Vec<Node>,
    live: Live,
    total: u64,
    peak: Live,
    peak_total: u64,
    peak_at_save: Live,
    peak_at_save_total: u64,
    grad_enabled: bool,
    /// Gradients of parameters are added to ones that exist already, or used up at once.
    param_grads_pass: bool,
    cache: Vec<u16>,
    before_unpack: Option<u64>,
}

impl Tape {
    /// An empty tape. `param_grads_pass`: gradients of parameters do not stay (they are added to existing ones, or the
    /// optimizer consumes each at once).
    pub fn new(param_grads_pass: bool) -> Self {
        Self {
            storages: Vec::with_capacity(160),
            nodes: Vec::with_capacity(96),
            live: Live::default(),
            total: 0,
            peak: Live::default(),
            peak_total: 0,
            peak_at_save: Live::default(),
            peak_at_save_total: 0,
            grad_enabled: true,
            param_grads_pass,
            cache: Vec::new(),
            before_unpack: None,
        }
    }

    /// Forgets everything; keeps the allocations.
    pub fn clear(&mut self) {
        self.storages.clear();
        self.nodes.clear();
        self.cache.clear();
        self.before_unpack = None;
        self.live = Live::default();
        self.total = 0;
        self.grad_enabled = true;
        self.reset_peak();
    }

    /// Operators from here on build no graph.
    pub const fn set_grad(&mut self, enabled: bool) {
        self.grad_enabled = enabled;
    }

    /// What is alive.
    pub const fn live(&self) -> Live {
        self.live
    }

    /// The worst moment since the last [`Tape::reset_peak`].
    pub const fn peak(&self) -> Live {
        self.peak
    }

    /// The worst moment up to the last time something was saved: recomputation stops there.
    pub const fn peak_at_last_save(&self) -> Live {
        self.peak_at_save
    }

    /// Starts a new search for the worst moment.
    pub const fn reset_peak(&mut self) {
        self.peak = self.live;
        self.peak_total = self.total;
        self.peak_at_save = self.live;
        self.peak_at_save_total = self.total;
    }

    /// Everything alive now counts as saved from here on (end of forward).
    pub fn mark_saved(&mut self) {
        for storage in &mut self.storages {
            if storage.refs > 0 && storage.kind == Kind::Temporary {
                self.live.0[Kind::Temporary as usize] -= storage.bytes;
                self.live.0[Kind::Saved as usize] += storage.bytes;
                storage.kind = Kind::Saved;
            }
        }
    }

    /// Memory that is simply there while `scope` runs.
    pub fn bump(&mut self, bytes: u64) {
        let storage = self.allocate(bytes, Kind::Temporary);
        self.release(storage);
    }

    /// Whether a tensor's storage is still held by anyone.
    pub fn is_alive(&self, tensor: Tensor) -> bool {
        self.storages[usize::from(tensor.storage)].refs > 0
    }

    fn allocate(&mut self, bytes: u64, kind: Kind) -> u16 {
        let bytes = bytes.min(TENSOR_LIMIT);
        let id = self.storages.len() as u16;
        self.storages.push(Storage { bytes, refs: 1, kind });
        self.live.0[kind as usize] += bytes;
        self.total += bytes;
        if self.total > self.peak_total {
            self.peak_total = self.total;
            self.peak = self.live;
        }
        id
    }

    const fn note_save(&mut self) {
        self.peak_at_save = self.peak;
        self.peak_at_save_total = self.peak_total;
    }

    fn retain(&mut self, storage: u16) {
        self.storages[usize::from(storage)].refs += 1;
    }

    fn release(&mut self, storage: u16) {
        let entry = &mut self.storages[usize::from(storage)];
        entry.refs = entry.refs.saturating_sub(1);
        if entry.refs == 0 {
            let (bytes, kind) = (entry.bytes, entry.kind);
            entry.bytes = 0;
            self.live.0[kind as usize] -= bytes;
            self.total -= bytes;
        }
    }

    /// A tensor from outside; with `needs_grad` a leaf whose gradient is asked for.
    pub fn input(&mut self, count: u64, width: u64, needs_grad: bool) -> Tensor {
        let mut tensor = Tensor { storage: 0, node: NONE, count, width };
        tensor.storage = self.allocate(tensor.bytes(), Kind::Temporary);
        if needs_grad {
            tensor.node = self.push(Back::Leaf, [NONE; 3], [NONE; 4], [ParamGradient::default(); 2]);
        }
        tensor
    }

    /// Copies `x` into the key-value cache, which outlives the pass, and lets go of it.
    pub fn move_to_cache(&mut self, x: Tensor) -> Tensor {
        let storage = self.allocate(x.bytes(), Kind::Saved);
        self.retain(storage);
        self.drop(x);
        Tensor { storage, node: NONE, ..x }
    }

    /// A tensor of the vocabulary's width.
    fn kind_of(logits: bool) -> Kind {
        if logits { Kind::Logits } else { Kind::Temporary }
    }

    /// Python lets go of `tensor`.
    pub fn drop(&mut self, tensor: Tensor) {
        self.release(tensor.storage);
    }

    /// One more name for `tensor` in Python.
    pub fn keep(&mut self, tensor: Tensor) -> Tensor {
        self.retain(tensor.storage);
        tensor
    }

    fn push(&mut self, back: Back, edges: [u16; 3], saved: [u16; 4], params: [ParamGradient; 2]) -> u16 {
        let id = self.nodes.len() as u16;
        for storage in saved {
            if storage != NONE {
                self.retain(storage);
            }
        }
        let unpacks =
            saved.iter().any(|&storage| storage != NONE) || matches!(back, Back::Linear { .. } | Back::Rotary { .. });
        self.nodes.push(Node { back, edges, saved, params, gradient: None, by_heads: false, logits: false, unpacks });
        id
    }

    /// Whether an operator on these inputs is recorded.
    fn records(&self, inputs: &[Tensor], params: bool) -> bool {
        self.grad_enabled && (params || inputs.iter().any(Tensor::needs_grad))
    }

    /// A new tensor as output of an operator.
    fn output(&mut self, count: u64, width: u64) -> Tensor {
        let mut tensor = Tensor { storage: 0, node: NONE, count, width };
        tensor.storage = self.allocate(tensor.bytes(), Kind::Temporary);
        tensor
    }

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

    const fn each(first: [u64; 3]) -> Back {
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

    /// Product with a parameter vector of `values` values of `width` bytes; kept input where the vector is trained.
    pub fn mul_param(&mut self, x: Tensor, values: u64, width: u64, trained: bool) -> Tensor {
        let records = self.records(&[x], trained);
        if records && (trained || x.needs_grad()) {
            self.note_save();
        }
        let mut y = self.output(x.count, x.width.max(width));
        if records {
            let full = y.bytes();
            let param = if trained {
                ParamGradient { raw: full, kept: values.saturating_mul(width), cast: false }
            } else {
                ParamGradient::default()
            };
            let back = Back::Each { first: [full, 0, 0], last: [x.bytes(), 0, 0], extra: 0 };
            let saved = [if trained { x.storage } else { NONE }, NONE, NONE, NONE];
            y.node = self.push(back, [x.node, NONE, NONE], saved, [param, ParamGradient::default()]);
            self.nodes[usize::from(y.node)].unpacks = true;
        }
        y
    }

    /// Dropout: result and a mask of one byte per value that backward needs.
    pub fn dropout(&mut self, x: Tensor) -> Tensor {
        let mut y = self.output(x.count, x.width);
        let mask = self.allocate(x.count, Kind::Temporary);
        if self.records(&[x], false) {
            y.node = self.push(
                Self::each([x.bytes(), 0, 0]),
                [x.node, NONE, NONE],
                [mask, NONE, NONE, NONE],
                Default::default(),
            );
            self.note_save();
        }
        self.release(mask);
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
        let records = self.records(&[x], any);
        if records && (trained || x.needs_grad()) {
            self.note_save();
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
            y.node = self.push(Back::Linear { input: x.bytes() }, [x.node, NONE, NONE], saved, params);
        }
        y
    }

    /// Matrix product with a quantized parameter: `weight` bytes are dequantized for the product and dropped,
    /// `scales` bytes of unpacked scales only while that is done.
    pub fn matmul_dequantized(&mut self, x: Tensor, count: u64, weight: u64, scales: u64) -> Tensor {
        let scratch = self.allocate(scales, Kind::Temporary);
        let dequantized = self.allocate(weight, Kind::Temporary);
        self.release(scratch);
        let mut y = self.output(count, x.width);
        self.release(dequantized);
        if self.records(&[x], false) {
            let back = Back::Dequantized { input: x.bytes(), weight, scales };
            y.node = self.push(back, [x.node, NONE, NONE], [NONE; 4], Default::default());
            self.note_save();
        }
        y
    }

    /// Product of two activations with `count` results (attention scores, weighted values).
    pub fn matmul(&mut self, a: Tensor, b: Tensor, count: u64) -> Tensor {
        let records = self.records(&[a, b], false);
        if records {
            self.note_save();
        }
        let mut y = self.output(count, a.width);
        if records {
            let saved = [
                if b.needs_grad() { a.storage } else { NONE },
                if a.needs_grad() { b.storage } else { NONE },
                NONE,
                NONE,
            ];
            y.node =
                self.push(Self::each([a.bytes(), b.bytes(), 0]), [a.node, b.node, NONE], saved, Default::default());
        }
        y
    }

    /// Values repeated for the heads of a group: a copy; backward sums the copies.
    pub fn repeat(&mut self, x: Tensor, times: u64) -> Tensor {
        let mut y = self.output(x.count.saturating_mul(times), x.width);
        if self.records(&[x], false) {
            y.node = self.push(Self::each([x.bytes(), 0, 0]), [x.node, NONE, NONE], [NONE; 4], Default::default());
            self.nodes[usize::from(y.node)].by_heads = true;
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
        let records = self.records(&[q, k, v], false);
        let lse = self.allocate(lse_bytes, Kind::Temporary);
        if records {
            // The mask goes along as a fifth saved tensor on a node of its own that has no gradient to give.
            if let Some(bias) = bias {
                let _holder = self.push(Back::Leaf, [NONE; 3], [bias.storage, lse, NONE, NONE], Default::default());
                y.node = self.push(
                    Self::each([q.bytes(), k.bytes(), v.bytes()]),
                    [q.node, k.node, v.node],
                    [q.storage, k.storage, v.storage, y.storage],
                    Default::default(),
                );
            } else {
                let _holder = self.push(Back::Leaf, [NONE; 3], [lse, NONE, NONE, NONE], Default::default());
                y.node = self.push(
                    Self::each([q.bytes(), k.bytes(), v.bytes()]),
                    [q.node, k.node, v.node],
                    [q.storage, k.storage, v.storage, y.storage],
                    Default::default(),
                );
            }
            self.note_save();
        }
        self.release(lse);
        y
    }

    /// Rotary positions on the first `rotated` of the values: `x·cos + rotate_half(x)·sin`, cos and sin in `width`.
    /// `joins`: the code cuts off and joins the part that is not rotated, even where it is empty.
    pub fn rotary(&mut self, x: Tensor, width: u64, rotated: u64, joins: bool) -> Tensor {
        let wide = x.width.max(width);
        let product_bytes = rotated.saturating_mul(wide);
        let records = self.records(&[x], false);
        if records {
            self.note_save();
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
            y.node = self.push(back, [x.node, NONE, NONE], [NONE; 4], Default::default());
            self.nodes[usize::from(y.node)].by_heads = true;
        }
        y
    }

    /// LayerNorm as one kernel: keeps its input and two FP32 values per row.
    pub fn layer_norm(&mut self, x: Tensor, rows: u64, params: [ParamGradient; 2]) -> Tensor {
        let records = self.records(&[x], params[0].raw > 0 || params[1].raw > 0);
        let mut y = self.output(x.count, x.width);
        let stats = self.allocate(rows.saturating_mul(8), Kind::Temporary);
        if records {
            y.node =
                self.push(Self::each([x.bytes(), 0, 0]), [x.node, NONE, NONE], [x.storage, stats, NONE, NONE], params);
            self.note_save();
        }
        self.release(stats);
        y
    }

    /// A part of `x` with `count` values, as a view; its gradient is written into a zeroed tensor of `x`'s size.
    pub fn part(&mut self, x: Tensor, count: u64) -> Tensor {
        let mut y = self.keep(x);
        y.count = count;
        if self.records(&[x], false) {
            y.node = self.push(
                Back::Part { whole: x.bytes(), joins: false },
                [x.node, NONE, NONE],
                [NONE; 4],
                Default::default(),
            );
        }
        y
    }

    /// The node where the parts of `x` (`chunk`, `split`) meet again: their gradients are joined in one copy.
    pub fn split(&mut self, x: Tensor) -> Tensor {
        let mut y = self.keep(x);
        if self.records(&[x], false) {
            y.node = self.push(
                Back::Part { whole: x.bytes(), joins: true },
                [x.node, NONE, NONE],
                [NONE; 4],
                Default::default(),
            );
        }
        y
    }

    /// A view of `count` values out of a [`Tape::split`].
    pub fn piece(&mut self, split: Tensor, count: u64) -> Tensor {
        let mut y = self.keep(split);
        y.count = count;
        y
    }

    /// A parameter's copy in another width, made by autocast; with `cached` it lives until [`Tape::clear_cache`].
    pub fn cast_param(&mut self, count: u64, width: u64, cached: bool) -> Tensor {
        let copy = self.output(count, width);
        if cached {
            self.retain(copy.storage);
            self.cache.push(copy.storage);
        }
        copy
    }

    /// A copy in `width` bytes of a trained parameter of `count` values kept in `kept` bytes; its gradient is made when
    /// backward arrives.
    pub fn param_copy(&mut self, count: u64, kept: u64, width: u64) -> Tensor {
        let mut copy = self.output(count, width);
        if self.grad_enabled {
            let bytes = count.saturating_mul(kept);
            let gradient = ParamGradient { raw: bytes, kept: bytes, cast: false };
            copy.node =
                self.push(Back::Pass { view: false }, [NONE; 3], [NONE; 4], [gradient, ParamGradient::default()]);
        }
        copy
    }

    /// Repeats values for the heads of a group without a copy (a single key head); backward sums.
    pub fn expand(&mut self, x: Tensor, times: u64) -> Tensor {
        let mut y = self.keep(x).resized(x.count.saturating_mul(times));
        if self.records(&[x], false) {
            y.node = self.push(Self::each([x.bytes(), 0, 0]), [x.node, NONE, NONE], [NONE; 4], Default::default());
            self.nodes[usize::from(y.node)].by_heads = true;
        }
        y
    }

    /// `x` without the rest of a larger storage it is a view of: a copy where it is one.
    pub fn compact(&mut self, x: Tensor) -> Tensor {
        if self.storages[usize::from(x.storage)].bytes > x.bytes() { self.copy(x) } else { self.keep(x) }
    }

    /// Bytes the autocast cache holds.
    pub fn cached_bytes(&self) -> u64 {
        self.cache.iter().map(|&id| self.storages[usize::from(id)].bytes).fold(0, u64::saturating_add)
    }

    /// The autocast context ends.
    pub fn clear_cache(&mut self) {
        while let Some(storage) = self.cache.pop() {
            self.release(storage);
        }
    }

    /// Marks a tensor as one of the vocabulary's width; `gradient`: so is the gradient its node makes.
    pub fn as_logits(&mut self, x: Tensor, gradient: bool) -> Tensor {
        let storage = &mut self.storages[usize::from(x.storage)];
        if storage.kind != Kind::Logits {
            self.live.0[storage.kind as usize] -= storage.bytes;
            self.live.0[Kind::Logits as usize] += storage.bytes;
            storage.kind = Kind::Logits;
        }
        if self.peak_total == self.total {
            self.peak = self.live;
        }
        if gradient && x.node != NONE {
            self.nodes[usize::from(x.node)].logits = true;
        }
        x
    }

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
                *slot = self.allocate(param.raw, Kind::Temporary);
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

/// A gradient placed on the tape before backward runs.
#[derive(Clone, Copy)]
pub struct Seed(u16);
