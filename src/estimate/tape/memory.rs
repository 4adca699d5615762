//! The account of a tape: which storages are alive, what they are held for, and the worst moments.

/// Largest size of one tensor: keeps sums of a few hundred of them inside `u64` whatever the plan says.
pub const TENSOR_LIMIT: u64 = 1 << 54;

/// What memory on the tape is held for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
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
#[repr(u8)]
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

/// Number of a storage in the order they were made.
pub type StorageId = u16;

/// A block of memory. It is alive while anything refers to it: names in Python and nodes of the graph.
#[derive(Clone, Copy)]
struct Storage {
    bytes: u64,
    /// Names and nodes.
    refs: u16,
    /// Names alone: without a graph it would live no longer than these.
    names: u16,
    kind: Kind,
    maker: Maker,
}

/// Storages and what they add up to.
pub struct Memory {
    storages: Vec<Storage>,
    live: Live,
    total: u64,
    peak: Live,
    peak_total: u64,
    peak_at_save: Live,
    named: u64,
    named_peak: u64,
    maker: Maker,
}

impl Memory {
    /// Nothing yet.
    pub fn new() -> Self {
        Self {
            storages: Vec::with_capacity(160),
            live: Live::default(),
            total: 0,
            peak: Live::default(),
            peak_total: 0,
            peak_at_save: Live::default(),
            named: 0,
            named_peak: 0,
            maker: Maker::Residual,
        }
    }

    /// Forgets everything; keeps the allocation.
    pub fn clear(&mut self) {
        self.storages.clear();
        self.live = Live::default();
        self.total = 0;
        self.named = 0;
        self.named_peak = 0;
        self.reset_peak();
    }

    /// What is alive.
    pub const fn live(&self) -> Live {
        self.live
    }

    /// The sum of what is alive.
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// The worst moment since the last [`Memory::reset_peak`].
    pub const fn peak(&self) -> Live {
        self.peak
    }

    /// The worst moment of what has a name since the last [`Memory::clear`]: the peak if no graph were built.
    pub const fn named_peak(&self) -> u64 {
        self.named_peak
    }

    /// The worst moment up to the last [`Memory::note_save`].
    pub const fn peak_at_last_save(&self) -> Live {
        self.peak_at_save
    }

    /// Something is saved for backward now.
    pub const fn note_save(&mut self) {
        self.peak_at_save = self.peak;
    }

    /// Starts a new search for the worst moment.
    pub const fn reset_peak(&mut self) {
        self.peak = self.live;
        self.peak_total = self.total;
        self.peak_at_save = self.live;
    }

    /// What is made from here on belongs to `maker`.
    pub const fn set_maker(&mut self, maker: Maker) {
        self.maker = maker;
    }

    /// What is alive, by who made it.
    pub fn by_maker(&self) -> [u64; 7] {
        let mut sums = [0_u64; 7];
        for storage in self.storages.iter().filter(|storage| storage.refs > 0) {
            sums[storage.maker as usize] = sums[storage.maker as usize].saturating_add(storage.bytes);
        }
        sums
    }

    /// Bytes of a storage; 0 once it is gone.
    pub fn bytes(&self, id: StorageId) -> u64 {
        self.storages[usize::from(id)].bytes
    }

    /// Kind of a storage.
    pub fn kind(&self, id: StorageId) -> Kind {
        self.storages[usize::from(id)].kind
    }

    /// Names and nodes that refer to a storage.
    pub fn refs(&self, id: StorageId) -> u16 {
        self.storages[usize::from(id)].refs
    }

    /// Everything temporary that is alive counts as saved from here on.
    pub fn mark_saved(&mut self) {
        for storage in &mut self.storages {
            if storage.refs > 0 && storage.kind == Kind::Temporary {
                storage.kind = Kind::Saved;
            }
        }
        self.live.0[Kind::Saved as usize] += self.live.0[Kind::Temporary as usize];
        self.live.0[Kind::Temporary as usize] = 0;
    }

    /// Holds a storage for another purpose.
    pub fn set_kind(&mut self, id: StorageId, kind: Kind) {
        let storage = &mut self.storages[usize::from(id)];
        if storage.kind != kind {
            self.live.0[storage.kind as usize] -= storage.bytes;
            self.live.0[kind as usize] += storage.bytes;
            storage.kind = kind;
        }
        if self.peak_total == self.total {
            self.peak = self.live;
        }
    }

    /// A new storage that has one name.
    pub fn name(&mut self, bytes: u64, kind: Kind) -> StorageId {
        let bytes = bytes.min(TENSOR_LIMIT);
        self.named += bytes;
        self.named_peak = self.named_peak.max(self.named);
        self.push(Storage { bytes, refs: 1, names: 1, kind, maker: self.maker })
    }

    /// A new storage that only the engine refers to: a gradient.
    pub fn allocate(&mut self, bytes: u64, kind: Kind) -> StorageId {
        let bytes = bytes.min(TENSOR_LIMIT);
        self.push(Storage { bytes, refs: 1, names: 0, kind, maker: self.maker })
    }

    fn push(&mut self, storage: Storage) -> StorageId {
        let id = self.storages.len() as StorageId;
        self.live.0[storage.kind as usize] += storage.bytes;
        self.total += storage.bytes;
        self.storages.push(storage);
        if self.total > self.peak_total {
            self.peak_total = self.total;
            self.peak = self.live;
        }
        id
    }

    /// One more name.
    pub fn retain_name(&mut self, id: StorageId) {
        let storage = &mut self.storages[usize::from(id)];
        storage.refs += 1;
        storage.names += 1;
        if storage.names == 1 {
            self.named += storage.bytes;
            self.named_peak = self.named_peak.max(self.named);
        }
    }

    /// One more node.
    pub fn retain(&mut self, id: StorageId) {
        self.storages[usize::from(id)].refs += 1;
    }

    /// A name goes.
    pub fn release_name(&mut self, id: StorageId) {
        let storage = &mut self.storages[usize::from(id)];
        if storage.names == 1 {
            self.named -= storage.bytes;
        }
        storage.names = storage.names.saturating_sub(1);
        self.release(id);
    }

    /// A node goes.
    pub fn release(&mut self, id: StorageId) {
        let storage = &mut self.storages[usize::from(id)];
        storage.refs = storage.refs.saturating_sub(1);
        if storage.refs == 0 {
            self.live.0[storage.kind as usize] -= storage.bytes;
            self.total -= storage.bytes;
            storage.bytes = 0;
        }
    }
}
