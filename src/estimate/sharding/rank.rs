//! One device put together: its part of the model replayed, cut among data-parallel devices, with what sharing costs.

use super::gathered::{between_layers, buffers, gathered, kept_again};
use super::layout::Layout;
use super::local::Local;
use super::phases::{Gradients, Kept as KeptGradients, Parts};
use super::shares::{self, Share, Units};
use super::terms::{Held, How, Item, PhaseTerms, What, term, tidy};
use super::waiting::{settled_step, waiting};
use crate::estimate::optimizer::{OptimizerBytes, optimizer};
use crate::estimate::setup::Setup;
use crate::estimate::shape::Ends;
use crate::estimate::step::{self, StepPeaks};
use crate::estimate::storage::{Storage, base_weights};
use crate::estimate::trainable::{TrainedTotals, totals};
use crate::estimate::{Inputs, PhaseKind, inference};
use crate::plan::{Offload, Plan, Strategy};
use crate::units::Bytes;
use std::borrow::Cow;

/// Values DeepSpeed's ZeRO-3 updates at a time (`sub_group_size`).
pub const ZERO_SUB_GROUP: u64 = 1_000_000_000;
/// Pinned buffers of DeepSpeed's NVMe offload: how many of how many values of 2 bytes (`buffer_count`, `buffer_size`).
const NVME_BUFFERS: u64 = 5 * 100_000_000 * 2;

/// What is found for a device.
pub struct Rank {
    pub phases: Vec<PhaseTerms>,
    pub held: Vec<Held>,
    pub host: u64,
    pub disk: u64,
    pub approximate: bool,
}

/// The device of `stage` with `local`; `whole` is the model on one device, for comparison.
pub fn rank(inputs: &Inputs<'_>, layout: &Layout, local: &Local, stage: u64, whole: &Setup<'_>) -> Rank {
    on_device(inputs, layout, local, whole, |mine, stored, compute| {
        if stored.training {
            training(mine, layout, stored, compute, stage, whole)
        } else {
            running(mine, layout, stored, whole)
        }
    })
}

/// Calls `found` with the plan of a device, what it stores, and what its layers are computed with.
pub fn on_device<T>(
    inputs: &Inputs<'_>,
    layout: &Layout,
    local: &Local,
    whole: &Setup<'_>,
    found: impl FnOnce(&Inputs<'_>, &Setup<'_>, &Setup<'_>) -> T,
) -> T {
    let plan = settled(&local.plan, layout, whole);
    let mine = Inputs { plan: &plan, architecture: Cow::Borrowed(&local.architecture), ..inputs.clone() };
    let mut stored = Setup::new(&mine);
    stored.ends = Ends { classes: stored.ends.classes, ..local.ends };
    stored.upstream = local.upstream;
    stored.trained.embedding &= local.ends.table;
    stored.trained.head &= local.ends.head;
    stored.trained.final_norm &= local.ends.head;
    if let (Some(layers), true) = (local.trained_layers, stored.training) {
        stored.trained.layers = layers;
    }
    if wide_shards(layout, &stored, inputs) {
        (stored.storage, stored.width, stored.outer_width) = (Storage::Float(4), 4, 4);
    }
    let compute = computing(&stored, layout);
    found(&mine, &stored, &compute)
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

/// Whether weights of the base model are trained.
pub const fn trains_weights(setup: &Setup<'_>) -> bool {
    setup.trained.layers > 0
}

/// Whether FSDP's shards are FP32: the master weights of mixed precision are the shards themselves.
fn wide_shards(layout: &Layout, stored: &Setup<'_>, inputs: &Inputs<'_>) -> bool {
    let by_stack = inputs.profile.fsdp_trains_fp32 && inputs.plan.precision.autocast.is_some();
    layout.strategy.is_fsdp()
        && (inputs.plan.precision.fp32_master_weights || by_stack)
        && trains_weights(stored)
        && matches!(stored.storage, Storage::Float(width) if width < 4)
}

/// The setup that layers are computed with: FSDP's mixed precision gathers in the arithmetic's format, so that nothing
/// is cast inside, and gradients leave as soon as their unit is done.
fn computing<'a>(stored: &Setup<'a>, layout: &Layout) -> Setup<'a> {
    let mut compute = *stored;
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
    let mut out =
        Rank { phases: Vec::new(), held: Vec::new(), host: 0, disk: 0, approximate: layout.is_simplified(true) };

    let kept_weights = if cut_weights { shares::weights(stored, layout) } else { base.values };
    let frozen_extra = stored.trained.adapter.frozen_values(stored).saturating_mul(4);
    let kept_adapters = if cut_weights { share.of(trained.added_bytes) } else { trained.added_bytes };
    let fsdp_host = layout.strategy.is_fsdp() && parallel.offload_parameters != Offload::None;
    let weights = out.placed(kept_weights, parallel.offload_parameters);
    let adapters = if fsdp_host { out.placed(kept_adapters, parallel.offload_parameters) } else { kept_adapters };

    let OptimizerBytes { state, host, step, .. } = optimizer(stored);
    let cut_state = layout.strategy.shards_optimizer() && layout.shard > 1;
    let state_share = if cut_state { share } else { Share::WHOLE };
    let state_place = if fsdp_host { parallel.offload_parameters } else { parallel.offload_optimizer };
    let kept_state = state_share.of(state);
    let device_state = out.placed(kept_state, state_place);
    out.host = out.host.saturating_add(state_share.of(host));

    let cut_gradients = layout.strategy.shards_gradients() && layout.shard > 1;
    let gradients = gradients(mine, layout, stored, compute, &trained, share, &units);
    let mut update = state_share.of(step);
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
    let (buffers, buckets) = buffers(layout, plan, compute, &trained);
    let parts = Parts {
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
        ids: stored.batch_bytes(),
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

pub fn gradients(
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
    let in_backward = plan.optimizer.frees_gradients() && !accumulates;
    let lasting = if accumulates { all } else { 0 };
    if layout.strategy.shards_gradients() && layout.shard > 1 {
        let shards = if in_backward { share.of(trained.largest_bytes) } else { share.of(all) };
        let unit = units.layer_gradients.saturating_add(units.root_gradients);
        let piped = layout.pipeline > 1;
        let whole_kept = accumulates && layout.strategy.is_fsdp() && (piped || mine.profile.fsdp_accumulates_whole);
        if whole_kept && piped {
            // Units stay gathered through a pipeline's step, and their gradients are cut after the last micro-batch.
            let width = stored.width.max(compute.width);
            let full = trained.values.saturating_mul(width);
            return Gradients { lasting: full, shards: 0, unit: 0, update: shards, kept: KeptGradients::Wide(width) };
        }
        if whole_kept {
            // Without averaging after each pass nothing can be cut: gradients of whole units wait for the last pass.
            let full = totals(compute).bytes;
            return Gradients { lasting: full, shards: 0, unit: 0, update: shards, kept: KeptGradients::Units };
        }
        let lasting = if accumulates { shards } else { 0 };
        return Gradients { lasting, shards, unit, update: shards, kept: KeptGradients::Shard };
    }
    if layout.strategy == Strategy::Ddp && layout.data > 1 && plan.parallelism.gradient_as_bucket_view {
        return Gradients::default();
    }
    let update = if in_backward { trained.largest_bytes } else { all };
    Gradients { lasting, shards: 0, unit: 0, update, kept: KeptGradients::All }
}

/// Token ids, labels, masks.
fn held(parts: &Parts, layout: &Layout, plan: &Plan, step: &StepPeaks, whole: &Setup<'_>, kept: &Kept) -> Vec<Held> {
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
    let mut out =
        Rank { phases: Vec::new(), held: Vec::new(), host: 0, disk: 0, approximate: layout.is_simplified(false) };
    let weights = out.placed(base.values, parallel.offload_parameters);
    let parts = Parts {
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
        ids: stored.batch_bytes(),
    };
    let generation = inference::generation(stored, mine.kv_format, mine.profile.full_prefill_logits);
    let load = PhaseTerms { kind: PhaseKind::Load, place: "before the first step", terms: tidy(parts.lasting()) };
    out.phases.push(load);
    for (kind, moment, cache) in [
        (PhaseKind::Prefill, generation.prefill, generation.prefill_cache),
        (PhaseKind::Decode, generation.decode, generation.decode_cache),
    ] {
        let mut phase = parts.phase(kind, moment, 0);
        phase.terms.push(term(What::Cache, cache));
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
