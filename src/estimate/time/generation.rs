//! Seconds of a request: the prompt is bound by arithmetic, each generated token by reading weights and cache.

use super::device::Device;
use super::efficiency::Efficiency;
use super::flops;
use super::step::{overlapped, produced_per_token};
use crate::architecture::Mlp;
use crate::catalog::NumberFormat;
use crate::estimate::inference::layer_cache;
use crate::estimate::setup::Setup;
use crate::estimate::shape::{Part, layer_tensors, outer_tensors};
use crate::estimate::storage::tensor_bytes;

/// Seconds and rates of a request of `micro_batch` sequences, before the band.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Generation {
    /// The prompt.
    pub prefill_secs: f64,
    /// All generated tokens of a sequence, one after another.
    pub decode_secs: f64,
    /// One generated token of every sequence, halfway through.
    pub token_secs: f64,
    /// The same if reading weights and cache once were all: what engines with captured graphs come near.
    pub bound_token_secs: f64,
    /// Bytes of weights read for it.
    pub weight_bytes: f64,
    /// Bytes of cache read for it.
    pub cache_bytes: f64,
    /// Host time for it.
    pub host_secs: f64,
    /// Operations of the prompt.
    pub prefill_flops: f64,
}

/// Bytes of weights that one token of every sequence reads: all matrices, of the experts only those that are met.
pub fn weight_bytes(setup: &Setup<'_>) -> f64 {
    let mut sum = 0.0;
    for group in &setup.architecture.layers {
        let met = match &group.layer.mlp {
            Mlp::Dense(_) => 1.0,
            // Each sequence draws `per token` of the experts; the share that none draws falls with the batch.
            Mlp::Moe(moe) => {
                let missed = 1.0 - moe.experts_per_token as f64 / (moe.experts.max(1)) as f64;
                1.0 - missed.max(0.0).powf(setup.batch as f64)
            }
        };
        layer_tensors(&group.layer, setup.architecture.hidden_size, &setup.architecture.model_code, |tensor| {
            let stored = tensor_bytes(setup, tensor);
            let bytes = (stored.values as f64 + stored.constants as f64) * tensor.copies as f64;
            sum += group.count as f64 * if tensor.part == Part::Experts { bytes * met } else { bytes };
        });
    }
    let tied = setup.architecture.head.tied;
    outer_tensors(setup.architecture, setup.ends, |tensor| {
        // Of a table only rows are read, unless it is the head too.
        let read = match tensor.part {
            Part::Embedding => tied,
            Part::EmbeddingExtra => false,
            _ => true,
        };
        if read {
            let stored = tensor_bytes(setup, tensor);
            sum += stored.values as f64 + stored.constants as f64;
        }
    });
    sum
}

/// Bytes of keys, values and states at `tokens` tokens of every sequence.
pub fn cache_bytes(setup: &Setup<'_>, format: &NumberFormat, tokens: u64) -> f64 {
    let of = |group: &crate::architecture::LayerGroup| {
        group.count as f64 * layer_cache(setup, format, &group.layer, tokens, true) as f64
    };
    setup.architecture.layers.iter().map(of).sum()
}

/// How often keys and values are moved for one token: copied when the cache grows, and read by an attention kernel that
/// one sequence alone does not fill; with more sequences it reads closer to the bandwidth.
pub fn cache_moves(setup: &Setup<'_>, table: &Efficiency) -> f64 {
    let reads = table.stack(&setup.plan.runtime.profile).cache_reads;
    let copied = table.decode.cache_copies.min(reads);
    copied + (reads - copied) / setup.batch.max(1) as f64
}

/// Host time of one token.
fn host_secs(setup: &Setup<'_>, table: &Efficiency) -> f64 {
    let stack = table.stack(&setup.plan.runtime.profile);
    let format = setup.plan.precision.load_format.as_str();
    let factor = table.decode.formats.iter().find(|(known, _)| known == format).map_or(1.0, |(_, factor)| *factor);
    let mut secs = 0.0;
    for group in &setup.architecture.layers {
        let experts = match &group.layer.mlp {
            Mlp::Dense(_) => 0,
            Mlp::Moe(moe) => moe.experts,
        };
        secs += group.count as f64 * factor * (stack.layer_secs + table.decode.expert_secs * experts as f64);
    }
    secs
}

/// Seconds of a request.
pub fn generation(
    setup: &Setup<'_>,
    device: &Device<'_>,
    table: &Efficiency,
    cache: &NumberFormat,
    whole_head: bool,
) -> Generation {
    let new = setup.plan.batch.new_tokens;
    let halfway = setup.sequence.saturating_add(new / 2);
    let prompt = flops::prompt(setup, whole_head);
    let share = if setup.eager { device.matrix_share } else { device.efficiency.attention_share };
    let produced: f64 = setup
        .architecture
        .layers
        .iter()
        .map(|group| group.count as f64 * produced_per_token(setup, &group.layer))
        .sum();
    let busy = prompt.matrix / (device.flops_per_sec * device.matrix_share)
        + prompt.attention / (device.flops_per_sec * share)
        + setup.tokens as f64 * produced * table.traffic.plain / device.bytes_per_sec;
    let host = host_secs(setup, table);
    let weights = weight_bytes(setup);
    let read = device.bytes_per_sec * table.decode.bandwidth_share;
    let cached = cache_bytes(setup, cache, halfway);
    let arithmetic = flops::token(setup, halfway as f64).total() / (device.flops_per_sec * device.matrix_share);
    let bound = overlapped((weights + cached) / read, arithmetic);
    // Weights stream while the host works; what eager code does to the cache comes on top.
    let copies = cached * cache_moves(setup, table) / device.bytes_per_sec;
    let token = overlapped((weights / read).max(arithmetic), host) + copies;
    Generation {
        prefill_secs: overlapped(busy, host).max(weights / read),
        decode_secs: token * new as f64,
        token_secs: token,
        bound_token_secs: bound,
        weight_bytes: weights,
        cache_bytes: cached,
        host_secs: host,
        prefill_flops: prompt.total(),
    }
}
