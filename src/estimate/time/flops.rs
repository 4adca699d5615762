//! Floating-point operations of one pass, exactly from the shape: a multiply and an add count as two.
//!
//! The rule behind it (Kaplan et al. 2020; Chowdhery et al. 2022, appendix B): every weight of a matrix is used in one
//! multiply-add per token forward and two backward, one for the gradient of its input and one for its own. So training
//! everything takes 6 N operations a token; with frozen weights their own gradients fall away and 4 N remain. Only the
//! experts a token goes through count. Attention adds 2 × 2 × heads × head width for every token attended to.

use crate::architecture::{Attention, Layer, Mlp};
use crate::estimate::setup::Setup;
use crate::estimate::trainable::each_adapted;
use crate::plan::Checkpointing;

/// Operations of one pass over one micro-batch.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PassFlops {
    /// Matrix products with weights, the head's and the adapters' among them.
    pub matrix: f64,
    /// Products of tokens with tokens.
    pub attention: f64,
}

impl PassFlops {
    /// Both.
    pub fn total(self) -> f64 {
        self.matrix + self.attention
    }
}

/// Operations of the passes of one training micro-batch.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TrainingFlops {
    /// Forward.
    pub forward: PassFlops,
    /// Backward.
    pub backward: PassFlops,
    /// What is computed a second time in backward.
    pub recompute: PassFlops,
}

impl TrainingFlops {
    /// What the model needs: forward and backward. Model FLOPs utilisation counts these.
    pub fn model(&self) -> f64 {
        self.forward.total() + self.backward.total()
    }

    /// What the device computes: recomputation too.
    pub fn executed(&self) -> f64 {
        self.model() + self.recompute.total()
    }
}

/// Weights of a layer's matrices that one token meets.
pub fn active_weights(setup: &Setup<'_>, layer: &Layer) -> f64 {
    let linears = layer.linears(setup.architecture.hidden_size, &setup.architecture.model_code);
    let active = active_experts(layer);
    linears
        .iter()
        .map(|linear| {
            let copies = if linear.stacked_experts { active } else { linear.copies };
            linear.in_features as f64 * linear.out_features as f64 * copies as f64
        })
        .sum()
}

/// Routed experts a token goes through.
pub const fn active_experts(layer: &Layer) -> u64 {
    match &layer.mlp {
        Mlp::Dense(_) => 0,
        Mlp::Moe(moe) => moe.experts_per_token,
    }
}

/// Tokens that one token attends to, on average over a sequence: half of it, or a window.
pub fn mean_context(sequence: u64, window: Option<u64>) -> f64 {
    let length = sequence as f64;
    match window {
        Some(window) if window < sequence => {
            let window = window as f64;
            (window * (window + 1.0) / 2.0 + (length - window) * window) / length.max(1.0)
        }
        _ => f64::midpoint(length, 1.0),
    }
}

/// Operations of attention for one token that attends to `context` tokens.
pub fn attention_per_token(layer: &Layer, context: f64) -> f64 {
    match &layer.attention {
        Attention::Softmax(shape) => 4.0 * shape.query_width() as f64 * context,
        Attention::Latent(shape) => {
            let key = shape.qk_nope_head_dim.saturating_add(shape.qk_rope_head_dim);
            2.0 * shape.heads as f64 * key.saturating_add(shape.v_head_dim) as f64 * context
        }
        // A fixed state: decay, outer product of key and value, and the read of the query.
        Attention::Linear(shape) => {
            6.0 * shape.value_heads as f64 * shape.key_head_dim as f64 * shape.value_head_dim as f64
        }
    }
}

/// Attention of one layer over all tokens of a micro-batch.
fn attention(setup: &Setup<'_>, layer: &Layer) -> f64 {
    let window = match &layer.attention {
        Attention::Softmax(shape) => shape.window,
        _ => None,
    };
    // Written-out attention computes the masked half too.
    let context = if setup.eager { setup.sequence as f64 } else { mean_context(setup.sequence, window) };
    let prefix = setup.trained.adapter.prefix_tokens() as f64;
    setup.tokens as f64 * attention_per_token(layer, context + prefix)
}

/// Multiply-adds of one token beside the weights of a layer.
fn adapter_products(setup: &Setup<'_>, layer: &Layer) -> f64 {
    let modules = &setup.trained.adapter;
    let active = active_experts(layer);
    let mut sum = modules.layer_products(setup.architecture.hidden_size);
    each_adapted(setup, layer, |linear| {
        let copies = if linear.stacked_experts { active } else { linear.copies };
        sum += modules.linear_products(&linear) * copies as f64;
    });
    sum
}

/// Operations of one layer and pass for the modules, whatever the tokens.
fn adapter_operations(setup: &Setup<'_>, layer: &Layer) -> f64 {
    let mut sum = 0.0;
    each_adapted(setup, layer, |linear| sum += setup.trained.adapter.pass_operations(&linear));
    sum
}

/// Operations of one training micro-batch.
pub fn training(setup: &Setup<'_>) -> TrainingFlops {
    let trained = &setup.trained;
    let tokens = setup.tokens as f64;
    let mut flops = TrainingFlops::default();
    // Whether backward goes all the way down, or stops at the first trained layer.
    let whole_way =
        !trained.adapter.is_none() || trained.biases || trained.embedding || (setup.recompute && setup.input_gradients);
    let mut remaining = trained.layers;
    for group in setup.architecture.layers.iter().rev() {
        let own = remaining.min(group.count);
        remaining -= own;
        let layers = group.count as f64;
        let passed = if whole_way { layers } else { own as f64 };
        let weights = active_weights(setup, &group.layer) * tokens;
        let adapters = adapter_products(setup, &group.layer) * tokens;
        let combined = adapter_operations(setup, &group.layer);
        let scores = attention(setup, &group.layer);
        let forward = 2.0 * (weights + adapters) + combined;
        flops.forward.matrix += layers * forward;
        flops.forward.attention += layers * scores;
        flops.backward.matrix += passed * (2.0 * weights + 4.0 * adapters + combined) + own as f64 * 2.0 * weights;
        flops.backward.attention += passed * 2.0 * scores;
        match setup.plan.runtime.checkpointing {
            Checkpointing::None => {}
            Checkpointing::Selective => flops.recompute.attention += passed * scores,
            Checkpointing::Full => {
                flops.recompute.matrix += passed * forward;
                flops.recompute.attention += passed * scores;
            }
        }
    }
    let head = setup.architecture.vocab_size as f64 * setup.architecture.embedding.width as f64 * tokens;
    let below = setup.any_layer_trained() || trained.embedding || trained.final_norm;
    flops.forward.matrix += 2.0 * head;
    flops.backward.matrix += if below { 2.0 * head } else { 0.0 } + if trained.head { 2.0 * head } else { 0.0 };
    flops
}

/// Operations of a prompt: all layers for every token, the head for one token of each sequence or for all of them.
pub fn prompt(setup: &Setup<'_>, whole_head: bool) -> PassFlops {
    let tokens = setup.tokens as f64;
    let mut flops = PassFlops::default();
    for group in &setup.architecture.layers {
        flops.matrix += group.count as f64 * 2.0 * active_weights(setup, &group.layer) * tokens;
        flops.attention += group.count as f64 * attention(setup, &group.layer);
    }
    let rows = if whole_head { tokens } else { setup.batch as f64 };
    flops.matrix += 2.0 * rows * setup.architecture.vocab_size as f64 * setup.architecture.embedding.width as f64;
    flops
}

/// Operations of one generated token of every sequence, `context` tokens in.
pub fn token(setup: &Setup<'_>, context: f64) -> PassFlops {
    let rows = setup.batch as f64;
    let mut flops = PassFlops::default();
    for group in &setup.architecture.layers {
        flops.matrix += group.count as f64 * 2.0 * active_weights(setup, &group.layer) * rows;
        let seen = match &group.layer.attention {
            Attention::Softmax(shape) => shape.window.map_or(context, |window| context.min(window as f64)),
            _ => context,
        };
        flops.attention += group.count as f64 * rows * attention_per_token(&group.layer, seen);
    }
    flops.matrix += 2.0 * rows * setup.architecture.vocab_size as f64 * setup.architecture.embedding.width as f64;
    flops
}
