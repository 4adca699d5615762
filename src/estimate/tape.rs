//! A tape of what autograd allocates: tensors with reference counts, nodes with what they save, forward and backward.
//!
//! The estimate replays one layer of the model on this tape with sizes only, the way PyTorch runs it: an operator
//! allocates its output, saves what its backward needs, and Python drops what goes out of scope; backward visits the
//! nodes from last to first, allocates gradients, releases what was saved and sums gradients that meet. Whatever is
//! alive at the worst moment is the peak. The rules (who saves what, when a sum is done in place, what is freed before
//! what) are those of `torch/csrc/autograd` and `tools/autograd/derivatives.yaml` of PyTorch 2.x.

mod backward;
mod elementwise;
mod kernels;
mod memory;
mod operators;

pub use kernels::Scratch;
pub use memory::{Kind, Live, Maker};
use memory::{Memory, StorageId, TENSOR_LIMIT};

/// Number of a node in the order they were made.
type NodeId = u16;

/// No node (the tensor needs no gradient), or no storage.
const NONE: u16 = u16::MAX;

/// A tensor: a view of some storage, and the node that made it.
#[derive(Clone, Copy, Debug)]
pub struct Tensor {
    storage: StorageId,
    node: NodeId,
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

/// Gradient that waits at a node.
#[derive(Clone, Copy)]
struct Gradient {
    storage: StorageId,
    /// It is a view of another shape: the engine never adds into one.
    view: bool,
    /// It lies head by head, so that flattening it to tokens needs a copy.
    by_heads: bool,
}

impl Gradient {
    /// None has arrived.
    const NONE: Self = Self { storage: NONE, view: false, by_heads: false };
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

/// How a node's backward allocates. Sizes are bytes.
#[derive(Clone, Copy)]
enum Back {
    /// A leaf: the gradient stays for the caller.
    Leaf,
    /// The gradient goes on as it is.
    Pass,
    /// One gradient for the only input; `extra` comes and goes.
    One { bytes: u64, extra: u64 },
    /// One gradient for each input that needs one.
    Each { bytes: [u64; 3] },
    /// Product whose gradients are made in the size of the result and then summed to that of each factor.
    Broadcast { made: u64, kept: [u64; 2] },
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
    /// A kernel with scratch memory of its own: of the vocabulary's width, and the rest.
    Kernel { input: u64, logits: u64, scratch: u64 },
    /// Part of a tensor: gradient in a tensor of the whole size. `joins`: all parts come together here first.
    Part { whole: u64, joins: bool },
}

/// An operator that was recorded.
#[derive(Clone, Copy)]
struct Node {
    back: Back,
    edges: [NodeId; 3],
    saved: [StorageId; 4],
    /// Index of its weight and bias in [`Tape::params`].
    params: u16,
    gradient: Gradient,
    /// Anything stands in `saved`.
    saves: bool,
    by_heads: bool,
    logits: bool,
    /// Its backward reads something saved, a parameter included.
    unpacks: bool,
}

impl Node {
    /// A node of one input that saves nothing.
    const fn of(x: Tensor, back: Back) -> Self {
        Self {
            back,
            edges: [x.node, NONE, NONE],
            saved: [NONE; 4],
            params: NONE,
            gradient: Gradient::NONE,
            saves: false,
            by_heads: false,
            logits: false,
            unpacks: matches!(back, Back::Linear { .. } | Back::Rotary { .. }),
        }
    }

    /// With a second input.
    const fn and(mut self, x: Tensor) -> Self {
        self.edges[1] = x.node;
        self
    }

    /// With what backward needs.
    const fn saving(mut self, saved: [StorageId; 4]) -> Self {
        self.saved = saved;
        self.saves = saved[0] != NONE || saved[1] != NONE || saved[2] != NONE || saved[3] != NONE;
        self.unpacks = self.unpacks || self.saves;
        self
    }

    /// Its gradient lies head by head.
    const fn by_heads(mut self) -> Self {
        self.by_heads = true;
        self
    }

    /// What it makes has the width of the vocabulary.
    const fn as_logits(mut self) -> Self {
        self.logits = true;
        self
    }

    /// It reads a parameter in backward.
    const fn unpacking(mut self) -> Self {
        self.unpacks = true;
        self
    }
}

/// The tape.
pub struct Tape {
    memory: Memory,
    nodes: Vec<Node>,
    params: Vec<[ParamGradient; 2]>,
    grad_enabled: bool,
    /// Gradients of parameters are added to ones that exist already, or used up at once.
    param_grads_pass: bool,
    cache: Vec<StorageId>,
    before_unpack: Option<u64>,
}

impl Tape {
    /// An empty tape. `param_grads_pass`: gradients of parameters do not stay (they are added to existing ones, or the
    /// optimizer consumes each at once).
    pub fn new(param_grads_pass: bool) -> Self {
        Self {
            memory: Memory::new(),
            nodes: Vec::with_capacity(128),
            params: Vec::with_capacity(16),
            grad_enabled: true,
            param_grads_pass,
            cache: Vec::new(),
            before_unpack: None,
        }
    }

    /// Forgets everything; keeps the allocations.
    pub fn clear(&mut self) {
        self.memory.clear();
        self.nodes.clear();
        self.params.clear();
        self.cache.clear();
        self.before_unpack = None;
        self.grad_enabled = true;
    }

    /// Operators from here on build no graph.
    pub const fn set_grad(&mut self, enabled: bool) {
        self.grad_enabled = enabled;
    }

    /// What is alive.
    pub const fn live(&self) -> Live {
        self.memory.live()
    }

    /// The worst moment since the last [`Tape::reset_peak`].
    pub const fn peak(&self) -> Live {
        self.memory.peak()
    }

    /// The worst moment since the last [`Tape::clear`] had no graph been built: of what Python holds by name.
    pub const fn peak_without_graph(&self) -> u64 {
        self.memory.named_peak()
    }

    /// The worst moment up to the last time something was saved: recomputation stops there.
    pub const fn peak_at_last_save(&self) -> Live {
        self.memory.peak_at_last_save()
    }

    /// Starts a new search for the worst moment.
    pub const fn reset_peak(&mut self) {
        self.memory.reset_peak();
    }

    /// Everything alive now counts as saved from here on (end of forward).
    pub fn mark_saved(&mut self) {
        self.memory.mark_saved();
    }

    /// Memory that is simply there for a moment.
    pub fn bump(&mut self, bytes: u64) {
        let storage = self.memory.name(bytes, Kind::Temporary);
        self.memory.release_name(storage);
    }

    /// What is made from here on belongs to `maker`.
    pub const fn now(&mut self, maker: Maker) {
        self.memory.set_maker(maker);
    }

    /// What is alive, by who made it.
    pub fn alive_by_maker(&self) -> [u64; 7] {
        self.memory.by_maker()
    }

    /// Whether a tensor's storage is still held by anyone.
    pub fn is_alive(&self, tensor: Tensor) -> bool {
        self.memory.refs(tensor.storage) > 0
    }

    /// A tensor from outside; with `needs_grad` a leaf whose gradient is asked for.
    pub fn input(&mut self, count: u64, width: u64, needs_grad: bool) -> Tensor {
        let mut tensor = self.output(count, width);
        if needs_grad {
            tensor.node = self.push(Node::of(tensor, Back::Leaf));
        }
        tensor
    }

    /// Copies `x` into the key-value cache, which outlives the pass, and lets go of it.
    pub fn move_to_cache(&mut self, x: Tensor) -> Tensor {
        let storage = self.memory.name(x.bytes(), Kind::Saved);
        self.memory.retain_name(storage);
        self.drop(x);
        Tensor { storage, node: NONE, ..x }
    }

    /// Python lets go of `tensor`.
    pub fn drop(&mut self, tensor: Tensor) {
        self.memory.release_name(tensor.storage);
    }

    /// One more name for `tensor` in Python.
    pub fn keep(&mut self, tensor: Tensor) -> Tensor {
        self.memory.retain_name(tensor.storage);
        tensor
    }

    /// Records an operator, which holds on to what it saves.
    fn push(&mut self, node: Node) -> NodeId {
        let id = self.nodes.len() as NodeId;
        if node.saves {
            for storage in node.saved {
                if storage != NONE {
                    self.memory.retain(storage);
                }
            }
        }
        self.nodes.push(node);
        id
    }

    /// [`Tape::push`] of an operator that makes gradients of parameters, too.
    fn push_with(&mut self, node: Node, params: [ParamGradient; 2]) -> NodeId {
        if params[0].raw == 0 && params[1].raw == 0 {
            return self.push(node);
        }
        let first = self.params.len() as u16;
        self.params.push(params);
        self.push(Node { params: first, ..node })
    }

    /// Whether an operator on `x` is recorded.
    const fn records(&self, x: Tensor) -> bool {
        self.grad_enabled && x.needs_grad()
    }

    /// Whether an operator on `a` and `b` is recorded.
    const fn records_any(&self, a: Tensor, b: Tensor) -> bool {
        self.grad_enabled && (a.needs_grad() || b.needs_grad())
    }

    /// A new tensor as output of an operator.
    fn output(&mut self, count: u64, width: u64) -> Tensor {
        let mut tensor = Tensor { storage: 0, node: NONE, count, width };
        tensor.storage = self.memory.name(tensor.bytes(), Kind::Temporary);
        tensor
    }

    /// A parameter's copy in another width, made by autocast; with `cached` it lives until [`Tape::clear_cache`].
    pub fn cast_param(&mut self, count: u64, width: u64, cached: bool) -> Tensor {
        let copy = self.output(count, width);
        if cached {
            self.memory.retain_name(copy.storage);
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
            copy.node = self.push_with(Node::of(copy, Back::Pass), [gradient, ParamGradient::default()]);
        }
        copy
    }

    /// Bytes the autocast cache holds.
    pub fn cached_bytes(&self) -> u64 {
        self.cache.iter().map(|&id| self.memory.bytes(id)).fold(0, u64::saturating_add)
    }

    /// The autocast context ends.
    pub fn clear_cache(&mut self) {
        while let Some(storage) = self.cache.pop() {
            self.memory.release_name(storage);
        }
    }

    /// Marks a tensor as one of the vocabulary's width; `gradient`: so is the gradient its node makes.
    pub fn as_logits(&mut self, x: Tensor, gradient: bool) -> Tensor {
        self.memory.set_kind(x.storage, Kind::Logits);
        if gradient && x.node != NONE {
            self.nodes[usize::from(x.node)].logits = true;
        }
        x
    }
}

/// A gradient placed on the tape before backward runs.
#[derive(Clone, Copy)]
pub struct Seed(StorageId);
