//! What sharing itself costs: gathered weights, buckets, messages under way.

use super::layout::Layout;
use super::rank::trains_weights;
use super::shares::{Share, Units};
use crate::architecture::{Architecture, Attention, Mlp};
use crate::estimate::setup::Setup;
use crate::estimate::step;
use crate::estimate::tape::Tape;
use crate::estimate::trainable::TrainedTotals;
use crate::plan::{Offload, Plan, Schedule, Strategy};

/// Gathered weights by where the step is.
#[derive(Clone, Copy, Default)]
pub struct Gathered {
    /// While a layer works.
    pub in_layer: u64,
    /// In the loss.
    pub in_loss: u64,
}

/// Weights that are gathered while a layer works.
///
/// FSDP: the unit outside the layers, which its root never lets go of during a step, the layer at work and those
/// fetched ahead; in the loss no layer works. (The fms-acceleration rows have exactly this above what grows with
/// tokens: Llama 3 8B 2.364 GiB = 1.957 + 0.406, Mistral 7B 0.895, santacoder in the loss 0.20.) In a pipeline units
/// stay gathered from the first micro-batch to the last (torchtitan's default for `reshard_after_forward`). ZeRO-3: up to
/// `max_live` values. Offloaded weights: the layer at work and the next.
pub fn gathered(layout: &Layout, plan: &Plan, units: &Units, cut: bool) -> Gathered {
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
pub fn kept_again(layout: &Layout, compute: &Setup<'_>) -> u64 {
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
pub fn buffers(layout: &Layout, plan: &Plan, compute: &Setup<'_>, trained: &TrainedTotals) -> (u64, u64) {
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
    (moving, lasting)
}

/// Buffers that tensor, context, expert and pipeline parallelism move activations through.
pub fn between_layers(layout: &Layout, compute: &Setup<'_>) -> u64 {
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
pub fn block_of_keys(setup: &Setup<'_>) -> u64 {
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

pub fn routed(architecture: &Architecture, stream: u64) -> u64 {
    let most = architecture.layers.iter().map(|group| match &group.layer.mlp {
        Mlp::Moe(moe) => moe.experts_per_token,
        Mlp::Dense(_) => 0,
    });
    stream.saturating_mul(most.max().unwrap_or(0))
}
