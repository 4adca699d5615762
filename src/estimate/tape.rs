//! A tape of what autograd allocates: tensors with reference counts, nodes with what they save, forward and backward.
//!
//! The estimate replays one layer of the model on this tape with sizes only, the way PyTorch runs it: an operator
//! allocates its output, saves what its backward needs, and Python drops what goes out of scope; backward visits the
//! nodes from last to first, allocates gradients, releases what was saved and sums gradients that meet. Whatever is
//! alive at the worst moment is the peak. The rules (who saves what, when a sum is done in place, what is freed before
//! what) are those of `torch/csrc/autograd` and `tools/autograd/derivatives.yaml` of PyTorch 2.x.

mod backward;
mod elementwise;
mod operators;

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

/// Which part of a layer made something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
#[allow(missing_docs, reason = "named after the parts")]
pub enum Maker {
    Residual = 0,
    Norms = 1,
    Projections = 2,
    Positions = 3,
    Attention = 4,
    FeedForward = 5,
    Adapters = 6,
}

impl Maker {
    /// All, in the order of a layer.
    pub const ALL: [Self; 7] = [
        Self::Residual,
        Self::Norms,
        Self::Projections,
        Self::Positions,
        Self::Attention,
        Self::FeedForward,
        Self::Adapters,
    ];
}

/// Live bytes by [`Kind`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Live(pub [u64; 4]);

impl Live {
    /// The sum.
    pub const fn total(&self) -> u64 {
        self.0[0].saturating_add(self.0[1]).saturating_add(self.0[2]).saturating_add(self.0[3])
    }

    /// With up to `bytes` of what was saved held as a temporary instead.
    pub fn recomputed(mut self, bytes: u64) -> Self {
        let moved = bytes.min(self.0[Kind::Saved as usize]);
        self.0[Kind::Saved as usize] -= moved;
        self.plus_temporary(moved)
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
    maker: Maker,
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
    maker: Maker,
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
            maker: Maker::Residual,
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

    /// What is made from here on belongs to `maker`.
    pub const fn now(&mut self, maker: Maker) {
        self.maker = maker;
    }

    /// What is alive, by who made it.
    pub fn alive_by_maker(&self) -> [u64; 7] {
        let mut sums = [0_u64; 7];
        for storage in self.storages.iter().filter(|storage| storage.refs > 0) {
            sums[storage.maker as usize] = sums[storage.maker as usize].saturating_add(storage.bytes);
        }
        sums
    }

    /// Whether a tensor's storage is still held by anyone.
    pub fn is_alive(&self, tensor: Tensor) -> bool {
        self.storages[usize::from(tensor.storage)].refs > 0
    }

    fn allocate(&mut self, bytes: u64, kind: Kind) -> u16 {
        let bytes = bytes.min(TENSOR_LIMIT);
        let id = self.storages.len() as u16;
        self.storages.push(Storage { bytes, refs: 1, kind, maker: self.maker });
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
}

/// A gradient placed on the tape before backward runs.
#[derive(Clone, Copy)]
pub struct Seed(u16);
