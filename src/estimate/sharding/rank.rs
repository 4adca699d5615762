//! One device put together: its part of the model replayed, cut among data-parallel devices, with what sharing costs.

use super::layout::Layout;
use super::local::Local;
use super::shares::{self, Share, Units};
use crate::architecture::{Architecture, Attention, Mlp};
use crate::estimate::optimizer::{OptimizerBytes, optimizer};
use crate::estimate::setup::Setup;
use crate::estimate::step::{self, Moment, StepPeaks};
use crate::estimate::storage::{Storage, base_weights};
use crate::estimate::tape::{Maker, Tape};
use crate::estimate::trainable::{TrainedTotals, totals, vera_shared_values};
use crate::estimate::{ByComponent, Component, Inputs, Phase, PhaseKind, inference};
use crate::plan::{Implementation, Offload, Plan, Schedule, Strategy};
use crate::units::Bytes;
use std::borrow::Cow;

/// Values DeepSpeed's ZeRO-3 updates at a time (`sub_group_size`).
const ZERO_SUB_GROUP: u64 = 1_000_000_000;
/// Pinned buffers of DeepSpeed's NVMe offload: how many of how many values of 2 bytes (`buffer_count`, `buffer_size`).
const NVME_BUFFERS: u64 = 5 * 100_000_000 * 2;

/// One summand of a phase.
#[derive(Clone, Debug, PartialEq)]
pub struct Term {
    /// Component it belongs to.
    pub component: Component,
    /// What it is.
    pub title: &'static str,
    /// How it comes about.
    pub formula: &'static str,
    /// How much.
    pub bytes: Bytes,
}

/// A phase by its terms.
pub struct PhaseTerms {
    pub kind: PhaseKind,
    pub place: &'static str,
    pub terms: Vec<Term>,
}

impl PhaseTerms {
    /// The same by component.
    pub fn phase(&self) -> Phase {
        let mut components = ByComponent::default();
        for term in &self.terms {
            let slot = components.get_mut(term.component);
            *slot = Bytes(slot.0.saturating_add(term.bytes.0));
        }
        Phase { kind: self.kind, components, place: self.place }
    }
}

/// What a line of the table of shares is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "named as they stand on screen")]
pub enum Item {
    Weights,
    Constants,
    Adapters,
    Gradients,
    OptimizerState,
    Activations,
    Gathered,
    Buffers,
}

impl Item {
    /// Name on screen.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Weights => "Weights",
            Self::Constants => "Quantization constants",
            Self::Adapters => "Adapters",
            Self::Gradients => "Gradients",
            Self::OptimizerState => "Optimizer state",
            Self::Activations => "Kept for backward",
            Self::Gathered => "Gathered weights",
            Self::Buffers => "Communication buffers",
        }
    }

    /// Name in JSON.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Weights => "weights",
            Self::Constants => "quantization_constants",
            Self::Adapters => "adapters",
            Self::Gradients => "gradients",
            Self::OptimizerState => "optimizer_state",
            Self::Activations => "kept_for_backward",
            Self::Gathered => "gathered_weights",
            Self::Buffers => "communication_buffers",
        }
    }
}

/// How something is shared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct How {
    /// Devices that share one copy of it by the strategy; 1: each has its own.
    pub sharers: u64,
    /// It is part of a model that is cut already (tensor, expert or pipeline parallel).
    pub model_cut: bool,
    /// Where it waits.
    pub place: Offload,
}

impl Held {
    /// How it is shared, in words.
    pub fn words(&self) -> String {
        let mut words = Vec::new();
        let how = &self.how;
        if how.model_cut {
            words.push("this device's part".to_owned());
        }
        if how.sharers > 1 {
            words.push(format!("cut among {} devices", how.sharers));
        } else if !how.model_cut {
            words.push(if self.whole.is_some() { "on every device" } else { "its own" }.to_owned());
        }
        match how.place {
            Offload::None => {}
            Offload::Cpu => words.push("in host memory".to_owned()),
            Offload::Nvme => words.push("on disk".to_owned()),
        }
        words.join(", ")
    }
}

/// A line of the table of shares.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    /// What.
    pub item: Item,
    /// Of the whole model on one device; `None` where it only exists because devices share.
    pub whole: Option<Bytes>,
    /// On this device.
    pub here: Bytes,
    /// How it is shared.
    pub how: How,
}

/// What is found for a device.
pub struct Rank {
    pub phases: Vec<PhaseTerms>,
    pub held: Vec<Held>,
    pub host: u64,
    pub disk: u64,
    pub approximate: bool,
}

/// Everything of one device, of which phases are made.
struct Parts<'a> {
    layout: &'a Layout,
    plan: &'a Plan,
    weights: u64,
    constants: u64,
    adapters: u64,
    state: u64,
    gradients: Gradients,
    update: u64,
    gathered: Gathered,
    again: u64,
    buffers: u64,
    buckets: u64,
    ids: u64,
}

/// Gathered weights by where the step is.
#[derive(Clone, Copy, Default)]
struct Gathered {
    /// While a layer works.
    in_layer: u64,
    /// In the loss.
    in_loss: u64,
}

/// Gradients by when they are there.
#[derive(Clone, Copy, Default)]
struct Gradients {
    /// From step to step, or over the whole of it.
    lasting: u64,
    /// Shards that backward makes, all there at its end.
    shards: u64,
    /// Of the unit that backward is in.
    unit: u64,
    /// In the update.
    update: u64,
}

/// The device of `stage` with `local`; `whole` is the model on one device, for comparison.
pub fn rank(inputs: &Inputs<'_>, layout: &Layout, local: &Local, stage: u64, whole: &Setup<'_>) -> Rank {
    let plan = settled(&local.plan, layout, whole);
    let mine = Inputs { plan: &plan, architecture: Cow::Borrowed(&local.architecture), ..inputs.clone() };
    let mut stored = Setup::new(&mine);
    stored.ends = local.ends;
    stored.upstream = local.upstream;
    stored.trained.embedding &= local.ends.table;
    stored.trained.head &= local.ends.head;
    stored.trained.final_norm &= local.ends.head;
    if let (Some(layers), true) = (local.trained_layers, stored.training) {
        stored.trained.layers = layers;
    }
    if wide_shards(&plan, layout, &stored, inputs.plan) {
        (stored.storage, stored.width, stored.outer_width) = (Storage::Float(4), 4, 4);
    }
    let compute = computing(stored, layout);
    if stored.training {
        training(&mine, layout, &stored, &compute, stage, whole)
    } else {
        running(&mine, layout, &stored, whole)
    }
}

/// The plan with what the strategy's library does of itself: DeepSpeed keeps FP32 copies of 16-bit weights; FSDP has
/// them as its shards.
fn settled(plan: &Plan, layout: &Layout, whole: &Setup<'_>) -> Plan {
    let mut plan = plan.clone();
    if layout.strategy.is_zero() && trains_weights(whole) {
        plan.precision.fp32_master_weights = true;
    } else if layout.strategy.is_fsdp() && trains_weights(whole) {
        plan.precision.fp32_master_weights = false;
    }
    plan
}

const fn trains_weights(setup: &Setup<'_>) -> bool {
    setup.trained.layers > 0
}

/// Whether FSDP's shards are FP32: the master weights of mixed precision are the shards themselves.
fn wide_shards(plan: &Plan, layout: &Layout, stored: &Setup<'_>, asked: &Plan) -> bool {
    let _ = plan;
    layout.strategy.is_fsdp()
        && asked.precision.fp32_master_weights
        && trains_weights(stored)
        && matches!(stored.storage, Storage::Float(width) if width < 4)
}

/// The setup that layers are computed with: FSDP's mixed precision gathers in the arithmetic's format, so that nothing
/// is cast inside, and gradients leave as soon as their unit is done.
fn computing<'a>(stored: Setup<'a>, layout: &Layout) -> Setup<'a> {
    let mut compute = stored;
    if layout.strategy.is_fsdp()
        && let Some(width) = stored.autocast
    {
        compute.outer_width = compute.outer_width.min(width);
        if matches!(stored.storage, Storage::Float(_)) {
            compute.storage = Storage::Float(width);
            compute.width = compute.width.min(width);
        }
    }
    let views = layout.strategy == Strategy::Ddp && stored.plan.parallelism.gradient_as_bucket_view;
    let cut = layout.strategy.shards_gradients() && layout.shard > 1;
    compute.gradients_pass |= cut || (views && layout.data > 1);
    compute
}

fn training(
    mine: &Inputs<'_>,
    layout: &Layout,
    stored: &Setup<'_>,
    compute: &Setup<'_>,
    stage: u64,
    whole: &Setup<'_>,
) -> Rank {
    let plan = stored.plan;
    let parallel = &plan.parallelism;
    let units = shares::units(compute);
    let trained = totals(stored);
    let base = base_weights(stored);
    let cut_weights = layout.strategy.shards_weights() && layout.shard > 1;
    let share = if layout.shard > 1 { shares::trained(stored, layout) } else { Share::WHOLE };
    let mut out = Rank {
        phases: Vec::new(),
        held: Vec::new(),
        host: 0,
        disk: 0,
        approximate: layout.sequence || layout.pipeline > 1 || layout.context > 1,
    };

    let kept_weights = if cut_weights { shares::weights(stored, layout) } else { base.values };
    let frozen_extra = vera_shared_values(stored).saturating_mul(4);
    let kept_adapters = if cut_weights { share.of(trained.added_bytes) } else { trained.added_bytes };
    let fsdp_host = layout.strategy.is_fsdp() && parallel.offload_parameters != Offload::None;
    let weights = out.placed(kept_weights, parallel.offload_parameters);
    let adapters = if fsdp_host { out.placed(kept_adapters, parallel.offload_parameters) } else { kept_adapters };

    let OptimizerBytes { state, paged, step, clipping, .. } = optimizer(stored);
    let cut_state = layout.strategy.shards_optimizer() && layout.shard > 1;
    let state_share = if cut_state { share } else { Share::WHOLE };
    let state_place = if fsdp_host { parallel.offload_parameters } else { parallel.offload_optimizer };
    let kept_state = state_share.of(state);
    let device_state = out.placed(kept_state, state_place);
    out.host = out.host.saturating_add(state_share.of(paged));

    let cut_gradients = layout.strategy.shards_gradients() && layout.shard > 1;
    let gradients = gradients(mine, layout, stored, compute, &trained, share, &units);
    let mut update = state_share.of(step.max(clipping));
    if layout.strategy.is_zero() {
        // Averaged 16-bit gradients are copied to FP32 for the update: at once, or in groups with ZeRO-3.
        let values = if layout.shard > 1 { share.of(trained.values) } else { trained.values };
        let at_once = if layout.strategy == Strategy::Zero3 { values.min(ZERO_SUB_GROUP) } else { values };
        update = update.saturating_add(at_once.saturating_mul(4));
    }
    let mut gradients = gradients;
    if state_place != Offload::None {
        // The update runs on the host: FP32 gradients of this device's share go there as they are averaged.
        let values = if cut_state { share.of(trained.values) } else { trained.values };
        out.host = out.host.saturating_add(values.saturating_mul(4));
        update = 0;
        if cut_gradients {
            (gradients.shards, gradients.update) = (0, 0);
            if gradients.lasting <= share.of(trained.bytes) {
                gradients.lasting = 0;
            }
        }
    }

    let gathered = gathered(layout, plan, &units, cut_weights);
    let (buffers, buckets) = buffers(layout, plan, stored, compute, &trained);
    let parts = Parts {
        layout,
        plan,
        weights,
        constants: base.constants,
        adapters: adapters.saturating_add(frozen_extra),
        state: device_state,
        gradients,
        update,
        gathered,
        again: kept_again(layout, compute),
        buffers,
        buckets,
        ids: ids(stored),
    };
    let waiting = waiting(compute, layout, stage);
    let step = settled_step(step::training_step(compute), compute, layout, &waiting, parallel.offload_activations);
    out.place_bytes(waiting.offloaded(parallel.offload_activations), parallel.offload_activations);
    out.phases = parts.training_phases(&step);
    out.held = held(
        &parts,
        layout,
        plan,
        &step,
        whole,
        &Kept {
            weights: kept_weights,
            adapters: kept_adapters,
            state: kept_state,
            cut_weights,
            cut_gradients,
            cut_state,
            share,
        },
    );
    out
}

/// What a device keeps, wherever it waits.
struct Kept {
    weights: u64,
    adapters: u64,
    state: u64,
    cut_weights: bool,
    cut_gradients: bool,
    cut_state: bool,
    share: Share,
}

impl Rank {
    /// `bytes` if they stay on the device, else 0 with the host's or the disk's account charged.
    fn placed(&mut self, bytes: u64, place: Offload) -> u64 {
        if place == Offload::None {
            return bytes;
        }
        self.place_bytes(bytes, place);
        0
    }

    fn place_bytes(&mut self, bytes: u64, place: Offload) {
        match place {
            Offload::None => {}
            Offload::Cpu => self.host = self.host.saturating_add(bytes),
            Offload::Nvme => {
                self.disk = self.disk.saturating_add(bytes);
                self.host = self.host.saturating_add(bytes.min(NVME_BUFFERS));
            }
        }
    }
}

fn gradients(
    mine: &Inputs<'_>,
    layout: &Layout,
    stored: &Setup<'_>,
    compute: &Setup<'_>,
    trained: &TrainedTotals,
    share: Share,
    units: &Units,
) -> Gradients {
    let plan = stored.plan;
    let accumulates = plan.batch.gradient_accumulation > 1;
    let all = match plan.precision.gradient_format {
        Some(format) => trained.values.saturating_mul(format.bytes()),
        None => trained.bytes,
    };
    let in_backward = plan.optimizer.implementation == Implementation::InBackward && !accumulates;
    let lasting = if accumulates { all } else { 0 };
    if layout.strategy.shards_gradients() && layout.shard > 1 {
        let shards = if in_backward { share.of(trained.largest_bytes) } else { share.of(all) };
        let unit = units.layer_gradients.saturating_add(units.root_gradients);
        let piped = layout.pipeline > 1;
        let whole_kept = accumulates && layout.strategy.is_fsdp() && (piped || mine.profile.fsdp_accumulates_whole);
        if whole_kept && piped {
            // Units stay gathered through a pipeline's step, and their gradients are cut after the last micro-batch.
            let full = trained.values.saturating_mul(stored.width.max(compute.width));
            return Gradients { lasting: full, shards: 0, unit: 0, update: shards };
        }
        if whole_kept {
            // Without averaging after each pass nothing can be cut: gradients of whole units wait for the last pass.
            let full = totals(compute).bytes;
            return Gradients { lasting: full, shards: 0, unit: 0, update: shards };
        }
        return Gradients { lasting: if accumulates { shards } else { 0 }, shards, unit, update: shards };
    }
    if layout.strategy == Strategy::Ddp && layout.data > 1 && plan.parallelism.gradient_as_bucket_view {
        return Gradients { lasting: 0, shards: 0, unit: 0, update: 0 };
    }
    let update = if in_backward { trained.largest_bytes } else { all };
    Gradients { lasting, shards: 0, unit: 0, update }
}

/// Weights that are gathered while a layer works.
///
/// FSDP: the unit outside the layers, which its root never lets go of during a step, the layer at work and those
/// fetched ahead; in the loss no layer works. (The fms-acceleration rows have exactly this above what grows with
/// tokens: Llama 3 8B 2.364 GiB = 1.957 + 0.406, Mistral 7B 0.895, santacoder in the loss 0.20.) In a pipeline units
/// stay gathered from the first micro-batch to the last (torchtitan's default for `reshard_after_forward`). ZeRO-3: up to
/// `max_live` values. Offloaded weights: the layer at work and the next.
fn gathered(layout: &Layout, plan: &Plan, units: &Units, cut: bool) -> Gathered {
    let same = |bytes: u64| Gathered { in_layer: bytes, in_loss: bytes };
    let parallel = &plan.parallelism;
    if cut && layout.strategy == Strategy::Zero3 {
        let live = if units.values <= parallel.max_live {
            units.all
        } else {
            Share::of(Share::new(parallel.max_live, units.values), units.all)
        };
        return same(live.max(units.layer).max(units.root));
    }
    let ahead = parallel.prefetch_units;
    if cut && layout.pipeline > 1 {
        return same(units.all);
    }
    if cut {
        let with = |layers: u64| units.root.saturating_add(units.layer.saturating_mul(layers)).min(units.all);
        return Gathered { in_layer: with(ahead.saturating_add(1)), in_loss: with(ahead) };
    }
    if parallel.offload_parameters != Offload::None {
        return same(units.root.saturating_add(units.layer.saturating_mul(2)).min(units.all));
    }
    Gathered::default()
}

/// What FSDP's first version holds of one recomputed layer beside that of the next, where the base model is frozen:
/// its hooks on frozen units keep the graph until the next layer's is built. The fms-acceleration rows with LoRA and
/// QLoRA on 2 and 4 devices need just one layer's kept tensors more per token than those on one (30.0 widths of the
/// residual stream, for Llama 3 8B and Mistral 7B alike); rows of full fine-tuning do not.
fn kept_again(layout: &Layout, compute: &Setup<'_>) -> u64 {
    let first_version = matches!(layout.strategy, Strategy::Fsdp | Strategy::HybridShard);
    if !first_version || layout.shard <= 1 || !compute.recompute || trains_weights(compute) {
        return 0;
    }
    let kept = Setup { recompute: false, ..*compute };
    let mut tape = Tape::new(compute.gradients_pass);
    let runs = step::layer_runs(&kept, &mut tape);
    runs.iter().map(|run| run.saved).max().unwrap_or(0)
}

/// Buffers of communication that are there while layers run, and buckets that last.
fn buffers(
    layout: &Layout,
    plan: &Plan,
    stored: &Setup<'_>,
    compute: &Setup<'_>,
    trained: &TrainedTotals,
) -> (u64, u64) {
    let parallel = &plan.parallelism;
    let mut moving = between_layers(layout, compute);
    let mut lasting = 0_u64;
    if layout.strategy == Strategy::Ddp && layout.data > 1 {
        // All buckets together are as large as all gradients.
        lasting = trained.bytes;
    }
    if layout.strategy.is_zero() && layout.shard > 1 {
        let width = compute.width.min(4);
        let bucket = parallel.reduce_bucket.saturating_mul(width);
        // ZeRO-3 overlaps communication by default and fills a second bucket meanwhile.
        let copies = if layout.strategy == Strategy::Zero3 { 2 } else { 1 };
        moving = moving.saturating_add(bucket.saturating_mul(copies));
        if layout.strategy == Strategy::Zero3 {
            moving = moving.saturating_add(parallel.prefetch_bucket.saturating_mul(width));
        }
    }
    let _ = stored;
    (moving, lasting)
}

/// Buffers that tensor, context, expert and pipeline parallelism move activations through.
fn between_layers(layout: &Layout, compute: &Setup<'_>) -> u64 {
    let stream = compute.stream_bytes();
    let mut bytes = 0_u64;
    if layout.sequence {
        // The tokens of all tensor-parallel devices, gathered before a matrix.
        bytes = bytes.saturating_add(stream);
    }
    if layout.context > 1 {
        // Keys and values of the neighbour: one block at work, one on its way.
        bytes = bytes.saturating_add(block_of_keys(compute).saturating_mul(2));
    }
    if layout.expert > 1 {
        // Tokens that arrive from other devices beside those gathered here.
        bytes = bytes.saturating_add(routed(compute.architecture, stream));
    }
    if layout.pipeline > 1 && layout.schedule != Schedule::Sequential {
        let cut = if layout.sequence { layout.tensor } else { 1 };
        bytes = bytes.saturating_add((stream / cut.max(1)).saturating_mul(2));
    }
    bytes
}

/// Keys and values of one layer for this device's tokens.
fn block_of_keys(setup: &Setup<'_>) -> u64 {
    let width = setup.autocast.unwrap_or(setup.width);
    let widest = setup.architecture.layers.iter().map(|group| match &group.layer.attention {
        Attention::Softmax(attention) => attention.kv_width().saturating_mul(2),
        Attention::Latent(attention) => {
            let key = attention.qk_nope_head_dim.saturating_add(attention.qk_rope_head_dim);
            attention.heads.saturating_mul(key.saturating_add(attention.v_head_dim))
        }
        Attention::Linear(_) => 0,
    });
    widest.max().unwrap_or(0).saturating_mul(setup.tokens).saturating_mul(width)
}

fn routed(architecture: &Architecture, stream: u64) -> u64 {
    let most = architecture.layers.iter().map(|group| match &group.layer.mlp {
        Mlp::Moe(moe) => moe.experts_per_token,
        Mlp::Dense(_) => 0,
    });
    stream.saturating_mul(most.max().unwrap_or(0))
}

/// Token ids, labels, masks.
const fn ids(setup: &Setup<'_>) -> u64 {
    let each = if setup.training { 16 } else { 8 };
    let mask = if setup.padded { 8 } else { 0 };
    setup.tokens.saturating_mul(each + mask)
}

/// What forward keeps for backward, and how much of it waits at once.
struct Waiting {
    /// Of one micro-batch through all layers of this device.
    layers: u64,
    /// The same beside the layers: tables of positions, what the entry keeps.
    beside: u64,
    /// Of the layer that keeps most.
    largest: u64,
    /// Norms and residual stream of one micro-batch, which sequence parallelism cuts.
    streams: u64,
    /// The same of one recomputed layer.
    recomputed: u64,
    /// Forward passes of a piece in flight, and pieces.
    in_flight: u64,
    pieces: u64,
}

fn waiting(compute: &Setup<'_>, layout: &Layout, stage: u64) -> Waiting {
    let mut tape = Tape::new(compute.gradients_pass);
    let runs = step::layer_runs(compute, &mut tape);
    let (mut layers, mut largest, mut streams) = (0_u64, 0_u64, 0_u64);
    let stream_of =
        |by_maker: &[u64; 7]| by_maker[Maker::Residual as usize].saturating_add(by_maker[Maker::Norms as usize]);
    for run in runs.iter() {
        layers = layers.saturating_add(run.saved.saturating_mul(run.count));
        largest = largest.max(run.saved);
        streams = streams.saturating_add(stream_of(&run.by_maker).min(run.saved).saturating_mul(run.count));
    }
    let recomputed = if layout.sequence && compute.recompute {
        let kept = Setup { recompute: false, ..*compute };
        let runs = step::layer_runs(&kept, &mut tape);
        runs.iter().map(|run| stream_of(&run.by_maker)).max().unwrap_or(0)
    } else {
        0
    };
    let tables = step::tables(compute).kept.saturating_add(step::entry(compute).kept);
    Waiting {
        layers,
        beside: tables,
        largest,
        streams,
        recomputed,
        in_flight: layout.in_flight(stage),
        pieces: layout.pieces,
    }
}

impl Waiting {
    /// `bytes` of one micro-batch as often as it waits.
    fn times(&self, bytes: u64) -> u64 {
        Share::new(self.in_flight, self.pieces).of(bytes)
    }

    /// What leaves the device for `place`: all that waits but two layers on their way.
    fn offloaded(&self, place: Offload) -> u64 {
        if place == Offload::None {
            return 0;
        }
        self.times(self.layers).saturating_sub(self.largest.saturating_mul(2))
    }
}

/// The step with what waits in a pipeline, what sequence parallelism cuts and what is offloaded.
fn settled_step(step: StepPeaks, compute: &Setup<'_>, layout: &Layout, waiting: &Waiting, place: Offload) -> StepPeaks {
    let mut out = step;
    let cut = |bytes: u64| if layout.sequence { bytes - bytes / layout.tensor.max(1) } else { 0 };
    let one = waiting.layers.saturating_add(waiting.beside);
    let less = cut(waiting.streams);
    let all = waiting.times(one.saturating_sub(less));
    let away = waiting.offloaded(place).min(all);
    for moment in [&mut out.forward, &mut out.loss, &mut out.early] {
        // What all layers keep of one micro-batch is replaced by what waits of all in flight.
        let beside_layers = moment.saved.saturating_sub(one);
        moment.saved = beside_layers.saturating_add(all).saturating_sub(away);
    }
    // Late in backward the other micro-batches of the pipeline still wait.
    let others = all.saturating_sub(one.saturating_sub(less)).saturating_sub(away);
    out.late.saved = out.late.saved.saturating_add(others);
    if compute.recompute {
        let less = cut(waiting.recomputed);
        for moment in [&mut out.early, &mut out.late] {
            moment.temporary = moment.temporary.saturating_sub(less);
        }
    }
    out
}

impl Parts<'_> {
    fn lasting(&self) -> Vec<Term> {
        let cut = self.layout.shard > 1 && self.layout.strategy.shards_weights();
        vec![
            term(
                Component::Weights,
                "Kept weights",
                if cut { "Σ ⌈weights / devices⌉" } else { "Σ weights" },
                self.weights,
            ),
            term(Component::QuantizationConstants, "Scales, on every device", "not cut", self.constants),
            term(Component::Adapters, "Kept adapters", "", self.adapters),
            term(Component::OptimizerState, "Kept state", "", self.state),
            term(Component::Gradients, "Gradient buckets", "all buckets = all gradients", self.buckets),
        ]
    }

    fn training_phases(&self, step: &StepPeaks) -> Vec<PhaseTerms> {
        let gradients = self.gradients;
        let load = PhaseTerms { kind: PhaseKind::Load, place: "before the first step", terms: tidy(self.lasting()) };
        let forward = self.phase(PhaseKind::Forward, step.forward, gradients.lasting, "From earlier passes");
        // Early in backward no shard is made yet; at its end all are.
        let made = gradients.shards.saturating_sub(gradients.lasting.min(gradients.shards));
        let loss = self.phase(PhaseKind::Backward, step.loss, gradients.lasting, "From earlier passes");
        let mut early = self.phase(PhaseKind::Backward, step.early, gradients.lasting, "From earlier passes");
        let mut late = self.phase(PhaseKind::Backward, step.late, gradients.lasting, "From earlier passes");
        for phase in [&mut early, &mut late] {
            phase.terms.push(term(
                Component::Temporaries,
                "The layer after, not yet released",
                "kept by one recomputed layer",
                self.again,
            ));
            phase.terms.push(term(
                Component::Gradients,
                "Of the unit in backward",
                "before they are averaged and cut",
                gradients.unit,
            ));
        }
        late.terms.push(term(Component::Gradients, "Shards", "Σ ⌈gradients / devices⌉", made));
        let layers = if late.total() > early.total() { late } else { early };
        let backward = if layers.total() > loss.total() { layers } else { loss };
        let mut update = self.lasting();
        update.push(term(Component::Gradients, "Of this device's share", "", gradients.update));
        update.push(term(Component::Temporaries, "Copies of the update", "", self.update));
        update.push(term(Component::Temporaries, "Token ids, labels, mask", "tokens × 8 each", self.ids));
        let update = PhaseTerms { kind: PhaseKind::OptimizerStep, place: "in the update", terms: tidy(update) };
        [load, forward, backward, update]
            .into_iter()
            .map(|phase| PhaseTerms { terms: tidy(phase.terms), ..phase })
            .collect()
    }

    fn phase(&self, kind: PhaseKind, moment: Moment, lasting: u64, title: &'static str) -> PhaseTerms {
        let in_loss = matches!(moment.place, "in the loss" | "in the last norm" | "in the head");
        let gathered = if in_loss { self.gathered.in_loss } else { self.gathered.in_layer };
        let mut terms = self.lasting();
        terms.push(term(Component::Gradients, title, "", lasting));
        terms.push(term(Component::Gradients, "Made in backward", "", moment.gradients));
        terms.push(term(Component::Activations, "Kept for backward", "", moment.saved));
        terms.push(term(Component::Logits, "Logits and loss", "", moment.logits));
        terms.push(term(Component::Temporaries, "Gathered weights", gather_formula(self.layout, self.plan), gathered));
        terms.push(term(Component::Temporaries, "Communication buffers", "", self.buffers));
        terms.push(term(Component::Temporaries, "Working set of the layer", "", moment.temporary));
        terms.push(term(Component::Temporaries, "Token ids, labels, mask", "tokens × 8 each", self.ids));
        PhaseTerms { kind, place: moment.place, terms }
    }
}

impl PhaseTerms {
    fn total(&self) -> u64 {
        self.terms.iter().map(|term| term.bytes.0).fold(0, u64::saturating_add)
    }
}

const fn gather_formula(layout: &Layout, plan: &Plan) -> &'static str {
    match layout.strategy {
        Strategy::Zero3 => "weights × gathered at most / values",
        _ if plan.parallelism.prefetch_units == 0 => "outside the layers + one layer",
        _ => "outside the layers + (1 + ahead) × largest layer",
    }
}

const fn term(component: Component, title: &'static str, formula: &'static str, bytes: u64) -> Term {
    Term { component, title, formula, bytes: Bytes(bytes) }
}

/// Terms that are there.
fn tidy(mut terms: Vec<Term>) -> Vec<Term> {
    terms.retain(|term| term.bytes != Bytes::ZERO);
    terms
}

fn held(
    parts: &Parts<'_>,
    layout: &Layout,
    plan: &Plan,
    step: &StepPeaks,
    whole: &Setup<'_>,
    kept: &Kept,
) -> Vec<Held> {
    let parallel = &plan.parallelism;
    let model_cut = layout.tensor > 1 || layout.pipeline > 1 || layout.expert > 1;
    let by = |cut: bool| if cut { layout.shard } else { 1 };
    let line = |item, whole: Option<u64>, here: u64, sharers: u64, place| Held {
        item,
        whole: whole.map(Bytes),
        here: Bytes(here),
        how: How { sharers, model_cut, place },
    };
    let base = base_weights(whole);
    let all = totals(whole);
    let fsdp_host = layout.strategy.is_fsdp() && parallel.offload_parameters != Offload::None;
    let state_place = if fsdp_host { parallel.offload_parameters } else { parallel.offload_optimizer };
    let gradient_place = if kept.cut_gradients { state_place } else { Offload::None };
    let gradients = match plan.precision.gradient_format {
        Some(format) => all.values.saturating_mul(format.bytes()),
        None => all.bytes,
    };
    let gradients_here = if gradient_place == Offload::None {
        parts.gradients.update.saturating_add(parts.buckets)
    } else {
        kept.share.of(gradients)
    };
    let tokens_cut = How { sharers: layout.context, model_cut, place: parallel.offload_activations };
    let mut lines = vec![
        line(Item::Weights, Some(base.values), kept.weights, by(kept.cut_weights), parallel.offload_parameters),
        line(Item::Constants, Some(base.constants), parts.constants, 1, Offload::None),
        line(
            Item::Adapters,
            Some(all.added_bytes),
            kept.adapters,
            by(kept.cut_weights),
            if fsdp_host { parallel.offload_parameters } else { Offload::None },
        ),
        line(Item::Gradients, Some(gradients), gradients_here, by(kept.cut_gradients), gradient_place),
        line(Item::OptimizerState, Some(optimizer(whole).state), kept.state, by(kept.cut_state), state_place),
        Held { item: Item::Activations, whole: None, here: Bytes(step.forward.saved), how: tokens_cut },
        line(Item::Gathered, None, parts.gathered.in_layer, 1, Offload::None),
        line(Item::Buffers, None, parts.buffers.saturating_add(parts.buckets), 1, Offload::None),
    ];
    lines.retain(|line| line.here != Bytes::ZERO || line.whole.is_some_and(|whole| whole != Bytes::ZERO));
    lines
}

/// Inference: the same cuts, no data parallelism.
fn running(mine: &Inputs<'_>, layout: &Layout, stored: &Setup<'_>, whole: &Setup<'_>) -> Rank {
    let parallel = &mine.plan.parallelism;
    let base = base_weights(stored);
    let units = shares::units(stored);
    let mut out = Rank { phases: Vec::new(), held: Vec::new(), host: 0, disk: 0, approximate: layout.context > 1 };
    let weights = out.placed(base.values, parallel.offload_parameters);
    let parts = Parts {
        layout,
        plan: mine.plan,
        weights,
        constants: base.constants,
        adapters: 0,
        state: 0,
        gradients: Gradients::default(),
        update: 0,
        gathered: gathered(layout, mine.plan, &units, false),
        again: 0,
        buffers: between_layers(layout, stored),
        buckets: 0,
        ids: ids(stored),
    };
    let generation = inference::generation(stored, mine.kv_format, mine.profile.full_prefill_logits);
    let load = PhaseTerms { kind: PhaseKind::Load, place: "before the first step", terms: tidy(parts.lasting()) };
    out.phases.push(load);
    for (kind, moment, cache) in [
        (PhaseKind::Prefill, generation.prefill, generation.prefill_cache),
        (PhaseKind::Decode, generation.decode, generation.decode_cache),
    ] {
        let mut phase = parts.phase(kind, moment, 0, "");
        phase.terms.push(term(Component::KvCache, "Keys and values of this device's layers and heads", "", cache));
        phase.terms = tidy(phase.terms);
        out.phases.push(phase);
    }
    let step = StepPeaks::default();
    let kept = Kept {
        weights: base.values,
        adapters: 0,
        state: 0,
        cut_weights: false,
        cut_gradients: false,
        cut_state: false,
        share: Share::WHOLE,
    };
    out.held = held(&parts, layout, mine.plan, &step, whole, &kept);
    out
}
