//! Seconds of one training micro-batch on one device: what the chip computes, what it moves, what the host starts.
//!
//! Chip and host work at the same time; the slower decides, with a soft corner where both are near.

use super::DequantizationKernel;
use super::device::Device;
use super::efficiency::Efficiency;
use super::flops::{self, TrainingFlops};
use crate::architecture::{Attention, Layer, Mlp, NormPlacement};
use crate::estimate::profile::LossHead;
use crate::estimate::setup::Setup;
use crate::estimate::trainable::each_adapted;
use crate::plan::{Checkpointing, LossKernel};

/// Seconds of one micro-batch by cause.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MicroBatch {
    /// Matrix products.
    pub matrix: f64,
    /// Attention.
    pub attention: f64,
    /// All other operators, bound by memory bandwidth.
    pub traffic: f64,
    /// Unpacking quantized weights.
    pub dequantization: f64,
    /// Waiting for the host to start kernels, beyond what the chip is busy with.
    pub launch: f64,
    /// Share of it all that is backward.
    pub backward_share: f64,
}

impl MicroBatch {
    /// All of it.
    pub fn total(&self) -> f64 {
        self.matrix + self.attention + self.traffic + self.dequantization + self.launch
    }
}

/// Passes over a layer's weights: forward, backward, and forward again where it is recomputed.
pub fn passes(setup: &Setup<'_>) -> f64 {
    match setup.plan.runtime.checkpointing {
        Checkpointing::None => 2.0,
        Checkpointing::Selective => 2.5,
        Checkpointing::Full => 3.0,
    }
}

/// Times a layer's small operators run, in units of one forward pass: backward counts twice.
fn operator_passes(setup: &Setup<'_>) -> f64 {
    passes(setup) + 1.0
}

/// Bytes a layer's operators produce for one token, 16 bits each: norms, projections, rotary positions, activation.
pub fn produced_per_token(setup: &Setup<'_>, layer: &Layer) -> f64 {
    let hidden = setup.architecture.hidden_size as f64;
    let around = match layer.norm_placement {
        NormPlacement::Sandwich => 12.0,
        _ => 8.0,
    };
    let attention = match &layer.attention {
        Attention::Softmax(shape) => 3.0 * shape.query_width() as f64 + 2.0 * shape.kv_width() as f64,
        Attention::Latent(shape) => {
            let key = shape.qk_nope_head_dim.saturating_add(shape.qk_rope_head_dim);
            shape.heads as f64 * (5 * key.min(1 << 40) + 2 * shape.v_head_dim.min(1 << 40)) as f64
        }
        Attention::Linear(shape) => 4.0 * shape.value_width() as f64 + 6.0 * shape.key_width() as f64,
    };
    let inner = |gated: bool, width: u64| if gated { 4.0 * width as f64 } else { 2.0 * width as f64 };
    let mlp = match &layer.mlp {
        Mlp::Dense(mlp) => inner(mlp.gated, mlp.intermediate),
        Mlp::Moe(moe) => {
            let routed = inner(moe.expert.gated, moe.expert.intermediate) + 4.0 * hidden;
            let shared = moe.shared.map_or(0.0, |shared| inner(shared.gated, shared.intermediate));
            routed * moe.experts_per_token as f64 + shared
        }
    };
    2.0 * (around * hidden + attention + mlp)
}

/// Whether norms, rotary positions and loss run in fused kernels: stacks that fuse the loss fuse these too.
pub fn is_fused(setup: &Setup<'_>) -> bool {
    matches!(setup.plan.runtime.loss, LossKernel::FusedLogits | LossKernel::FusedLinear)
}

/// Bytes moved by all operators that are no matrix product.
pub fn traffic_bytes(setup: &Setup<'_>, device: &Device<'_>, table: &Efficiency) -> f64 {
    let tokens = setup.tokens as f64;
    let again = operator_passes(setup);
    let mut factor = if is_fused(setup) { table.traffic.fused } else { table.traffic.plain };
    if setup.plan.runtime.compile {
        factor = factor.min(table.traffic.compiled);
    }
    if setup.storage.is_quantized() && setup.outer_width > 2 {
        factor *= device.efficiency.wide_stream;
    }
    let mut bytes = 0.0;
    for group in &setup.architecture.layers {
        let layer = &group.layer;
        let mut of_layer = tokens * produced_per_token(setup, layer) * factor;
        let active = flops::active_experts(layer);
        let mut beside = 0.0;
        each_adapted(setup, layer, |linear| {
            let copies = if linear.stacked_experts { active } else { linear.copies };
            beside += setup.trained.adapter.linear_traffic(&linear) * copies as f64;
        });
        of_layer += tokens * 2.0 * beside * table.traffic.adapter;
        if setup.eager
            && let Attention::Softmax(shape) = &layer.attention
        {
            of_layer += tokens * setup.sequence as f64 * shape.heads as f64 * table.traffic.scores;
        }
        bytes += group.count as f64 * again * of_layer;
    }
    let per_logit = match setup.head {
        LossHead::FusedLogits => table.loss_bytes_per_logit.fused_logits,
        head if head.in_pieces() => table.loss_bytes_per_logit.fused_linear,
        _ => table.loss_bytes_per_logit.unfused,
    };
    bytes + tokens * setup.architecture.vocab_size as f64 * per_logit
}

/// Weights that are unpacked in every pass.
pub fn quantized_weights(setup: &Setup<'_>) -> f64 {
    let code = setup.architecture.model_code.as_str();
    let mut sum = 0.0;
    for group in &setup.architecture.layers {
        let linears = group.layer.linears(setup.architecture.hidden_size, code);
        let of_layer: f64 =
            linears.iter().filter(|linear| setup.quantizes(linear)).map(|linear| linear.weight_params() as f64).sum();
        sum += group.count as f64 * of_layer;
    }
    sum
}

/// Seconds the host needs to start the kernels of all passes.
pub fn launch_secs(setup: &Setup<'_>, table: &Efficiency) -> f64 {
    let mut secs = 0.0;
    for group in &setup.architecture.layers {
        let mut modules = 0_u64;
        each_adapted(setup, &group.layer, |_| modules += 1);
        let experts = match &group.layer.mlp {
            Mlp::Dense(_) => 0,
            Mlp::Moe(moe) => moe.experts.saturating_sub(1),
        };
        let layer = table.launch.layer_secs * (1.0 + table.launch.expert_share * experts as f64)
            + table.launch.module_secs * modules as f64;
        secs += group.count as f64 * layer;
    }
    let kernels = if setup.plan.runtime.compile { table.launch.compiled } else { 1.0 };
    secs * passes(setup) * kernels
}

/// The larger of two that go on at the same time, with a soft corner.
pub fn overlapped(a: f64, b: f64) -> f64 {
    let largest = a.max(b);
    if largest <= 0.0 || !largest.is_finite() {
        return largest.max(0.0);
    }
    let (a, b) = (a / largest, b / largest);
    largest * (a.powi(4) + b.powi(4)).powf(0.25)
}

/// Bytes moved to unpack one quantized weight in one pass.
pub const fn dequantization_bytes(device: &Device<'_>, table: &Efficiency, kernel: DequantizationKernel) -> f64 {
    match kernel {
        DequantizationKernel::Current => device.efficiency.dequantization_bytes,
        DequantizationKernel::AutoGptq0 => table.old_dequantization_bytes,
    }
}

/// Seconds of one micro-batch.
pub fn micro_batch(
    setup: &Setup<'_>,
    device: &Device<'_>,
    table: &Efficiency,
    kernel: DequantizationKernel,
    launch: f64,
) -> (MicroBatch, TrainingFlops) {
    let flops = flops::training(setup);
    let matrix_flops = flops.forward.matrix + flops.backward.matrix + flops.recompute.matrix;
    let attention_flops = flops.forward.attention + flops.backward.attention + flops.recompute.attention;
    let share = if setup.eager { device.matrix_share } else { device.efficiency.attention_share };
    let per_weight = dequantization_bytes(device, table, kernel);
    let mut time = MicroBatch {
        matrix: matrix_flops / (device.matrix_flops_per_sec * device.matrix_share),
        attention: attention_flops / (device.flops_per_sec * share),
        traffic: traffic_bytes(setup, device, table) / device.bytes_per_sec,
        dequantization: quantized_weights(setup) * passes(setup) * per_weight / device.bytes_per_sec,
        launch: 0.0,
        backward_share: 0.0,
    };
    let busy = time.total();
    time.launch = overlapped(busy, launch_secs(setup, table) * launch) - busy;
    let executed = flops.executed();
    time.backward_share =
        if executed > 0.0 { (flops.backward.total() + flops.recompute.total()) / executed } else { 0.0 };
    (time, flops)
}
