//! How several devices share one job: what is replicated, what is cut, and along which axis.

/// How several devices share the work. Degrees are counts of devices; their product times the data-parallel degree is
/// the number of devices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parallelism {
    /// What the data-parallel devices keep of weights, gradients and optimizer state.
    pub strategy: Strategy,
    /// Devices that hold one copy together (hybrid sharding).
    pub shard_group: u64,
    /// Devices that share every matrix.
    pub tensor: u64,
    /// The tensor-parallel devices share norms and residual stream too, by tokens (Korthikanti et al., 2022).
    pub sequence: bool,
    /// Devices that share the tokens of a sequence.
    pub context: u64,
    /// Devices that share the routed experts.
    pub expert: u64,
    /// Stages the layers are cut into.
    pub pipeline: u64,
    /// Order in which the stages work on micro-batches.
    pub schedule: Schedule,
    /// Pieces of the model each device holds with an interleaved schedule.
    pub virtual_stages: u64,
    /// Where optimizer state lives.
    pub offload_optimizer: Offload,
    /// Where weights live between uses.
    pub offload_parameters: Offload,
    /// Where checkpointed activations wait for backward.
    pub offload_activations: Offload,
    /// Bucket of `DistributedDataParallel`, in MiB.
    pub ddp_bucket_mib: u64,
    /// Gradients are views into the buckets instead of tensors beside them.
    pub gradient_as_bucket_view: bool,
    /// Values of one reduce bucket (DeepSpeed).
    pub reduce_bucket: u64,
    /// Values fetched ahead of use (DeepSpeed ZeRO-3).
    pub prefetch_bucket: u64,
    /// Values that stay gathered at most (DeepSpeed ZeRO-3).
    pub max_live: u64,
    /// Units that are gathered ahead of use (FSDP).
    pub prefetch_units: u64,
    /// Micro-batch of each data-parallel device; empty: the plan's for all.
    pub micro_batches: Vec<u64>,
}

/// What the data-parallel devices keep of weights, gradients and optimizer state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Strategy {
    /// No data parallelism.
    Single,
    /// A full copy each (`DistributedDataParallel`).
    Ddp,
    /// Optimizer state is cut (Rajbhandari et al., 2020: P_os).
    Zero1,
    /// Optimizer state and gradients are cut (P_os+g).
    Zero2,
    /// Weights too (P_os+g+p).
    Zero3,
    /// PyTorch's first fully sharded data parallel: one flat parameter per layer.
    Fsdp,
    /// PyTorch's `fully_shard`: every parameter is cut along its first dimension.
    Fsdp2,
    /// Full sharding inside a group of devices, copies between groups.
    HybridShard,
}

impl Strategy {
    /// Optimizer state is cut.
    pub const fn shards_optimizer(self) -> bool {
        !matches!(self, Self::Single | Self::Ddp)
    }

    /// Gradients are cut.
    pub const fn shards_gradients(self) -> bool {
        !matches!(self, Self::Single | Self::Ddp | Self::Zero1)
    }

    /// Weights are cut.
    pub const fn shards_weights(self) -> bool {
        matches!(self, Self::Zero3 | Self::Fsdp | Self::Fsdp2 | Self::HybridShard)
    }

    /// It is PyTorch's FSDP in one of its forms.
    pub const fn is_fsdp(self) -> bool {
        matches!(self, Self::Fsdp | Self::Fsdp2 | Self::HybridShard)
    }

    /// It is DeepSpeed's ZeRO.
    pub const fn is_zero(self) -> bool {
        matches!(self, Self::Zero1 | Self::Zero2 | Self::Zero3)
    }
}

/// Order in which pipeline stages work on micro-batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Schedule {
    /// One forward, one backward in turn; stage r keeps min(stages − r, micro-batches) of them (Narayanan et al., 2019).
    OneForwardOneBackward,
    /// The same with several pieces of the model per device (Narayanan et al., 2021).
    Interleaved,
    /// One micro-batch at a time walks through all stages (`device_map`): no overlap, one stash.
    Sequential,
}

/// Where something waits while the device does not need it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Offload {
    /// On the device.
    None,
    /// In host memory.
    Cpu,
    /// On a disk, with buffers in host memory.
    Nvme,
}

impl Default for Parallelism {
    /// One device. Bucket sizes are the defaults of PyTorch 2.x and DeepSpeed 0.18.
    fn default() -> Self {
        Self {
            strategy: Strategy::Single,
            shard_group: 8,
            tensor: 1,
            sequence: false,
            context: 1,
            expert: 1,
            pipeline: 1,
            schedule: Schedule::OneForwardOneBackward,
            virtual_stages: 2,
            offload_optimizer: Offload::None,
            offload_parameters: Offload::None,
            offload_activations: Offload::None,
            ddp_bucket_mib: 25,
            gradient_as_bucket_view: false,
            reduce_bucket: 500_000_000,
            prefetch_bucket: 50_000_000,
            max_live: 1_000_000_000,
            prefetch_units: 1,
            micro_batches: Vec::new(),
        }
    }
}

impl super::Plan {
    /// Whether the plan says anything about several devices or offloading: else none of it is shown or written.
    pub fn is_parallel(&self) -> bool {
        self.hardware.count > 1 || self.parallelism != Parallelism::default()
    }
}
