//! What the terms of an estimate read, digested once from the plan: widths, counts and what is trained where.

use super::Inputs;
use super::adapter::Adapter;
use super::class::ClassTraits;
use super::kind::{Answers, Kind, SUPERVISED, Scored};
use super::profile::LossHead;
use super::shape::Ends;
use super::storage::Storage;
use crate::architecture::{Architecture, Attention, Linear, LinearRole, Mlp, ParameterCounts};
use crate::plan::{Checkpointing, FloatFormat, LossKernel, Method, Packing, Plan, TargetPart, Targets, Workload};

/// Digest of [`Inputs`].
#[derive(Clone, Copy)]
pub struct Setup<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// Shape of the model.
    pub architecture: &'a Architecture,
    /// What its class does that the shape does not say.
    pub class: ClassTraits,
    /// What the step runs.
    pub kind: &'static Kind,
    /// A frozen second model of another shape: the teacher.
    pub second: Option<&'a Architecture>,
    /// How the loss is computed.
    pub head: LossHead,
    /// Positions the loss is computed of.
    pub scored: u64,
    /// Sequences in one forward pass.
    pub batch: u64,
    /// Tokens of one sequence, with virtual tokens of prompt methods.
    pub sequence: u64,
    /// Tokens in one forward pass.
    pub tokens: u64,
    /// How the weights are stored.
    pub storage: Storage<'a>,
    /// Bytes of a weight that is not quantized (biases, and what arithmetic is done in without autocast).
    pub width: u64,
    /// Bytes of a value of embeddings, norms and head.
    pub outer_width: u64,
    /// Width of arithmetic under autocast.
    pub autocast: Option<u64>,
    /// 16-bit arithmetic is in FP16 rather than BF16.
    pub fp16: bool,
    /// What is trained.
    pub trained: Trained<'a>,
    /// Gradients of parameters do not stay beside those that exist already.
    pub gradients_pass: bool,
    /// The layers are recomputed in backward.
    pub recompute: bool,
    /// Sequence × sequence scores exist.
    pub eager: bool,
    /// A padding mask goes along.
    pub padded: bool,
    /// Training rather than inference.
    pub training: bool,
    /// The embedding output is made to require a gradient.
    pub input_gradients: bool,
    /// The caller keeps the model's outputs through backward.
    pub keeps_outputs: bool,
    /// 16-bit outputs of an autocast forward are copied to FP32.
    pub upcasts_outputs: bool,
    /// Bytes per logit in forward and backward where the stack has its own.
    pub logit_bytes: [Option<f64>; 2],
    /// The same with the loss fused on whole logits.
    pub fused_logit_bytes: Option<f64>,
    /// Positions of the tables that every layer keeps; 0: none are kept.
    pub rotary_rows_per_layer: u64,
    /// Keys and values are repeated before the attention kernel.
    pub repeats_kv: bool,
    /// They are before every kernel, in 16 bits too.
    pub repeats_kv_always: bool,
    /// Backward of softmax allocates inside its kernel.
    pub softmax_workspace: bool,
    /// Stacked experts are quantized too.
    pub quantizes_experts: bool,
    /// Lion's moment is FP32 whatever the weights are.
    pub lion_in_fp32: bool,
    /// Ends of the model that are here: both, unless this is a stage of a pipeline.
    pub ends: Ends,
    /// Something is trained in a stage before this one, so that backward goes on to it.
    pub upstream: bool,
}

/// What a method trains in the layers of the model.
#[derive(Clone, Copy)]
pub struct Trained<'a> {
    /// Number of layers, counted from the last, whose own weights are trained.
    pub layers: u64,
    /// Biases of all layers.
    pub biases: bool,
    /// Token embedding (and a tied head).
    pub embedding: bool,
    /// Output head.
    pub head: bool,
    /// Norm before the head.
    pub final_norm: bool,
    /// Small modules beside the weights.
    pub adapter: Adapter<'a>,
}

/// Bytes of a value in an arithmetic format; 8-bit arithmetic keeps 16-bit tensors between operators.
fn arithmetic_width(format: FloatFormat) -> u64 {
    format.bytes().max(2)
}

impl<'a> Setup<'a> {
    /// Digests `inputs`.
    pub fn new(inputs: &'a Inputs<'_>) -> Self {
        let plan = inputs.plan;
        let architecture = inputs.architecture.as_ref();
        let training = plan.workload == Workload::Training;
        let storage = Storage::new(inputs.load_format, plan.precision.double_quantization);
        let width = storage.unquantized_width();
        let upcast = storage.is_quantized() && (plan.precision.upcast_unquantized);
        let trained = trained(plan, architecture, inputs.kind, training);
        let virtual_tokens = trained.adapter.virtual_tokens();
        let sequence = plan.batch.sequence_length.saturating_add(virtual_tokens);
        let kind = inputs.kind;
        let batch =
            if training { plan.batch.micro_batch.saturating_mul(kind.sequences) } else { plan.batch.micro_batch };
        let accumulates = plan.batch.gradient_accumulation > 1;
        Self {
            plan,
            architecture,
            class: ClassTraits::of(&architecture.model_code),
            kind,
            second: inputs.second.as_deref(),
            head: loss_head(inputs),
            scored: batch.saturating_mul(scored(plan, kind)),
            batch,
            sequence,
            tokens: batch.saturating_mul(sequence),
            storage,
            width,
            outer_width: if upcast { width.max(4) } else { width },
            autocast: plan.precision.autocast.filter(|_| training).map(arithmetic_width),
            fp16: match plan.precision.autocast.filter(|_| training) {
                Some(format) => format == FloatFormat::Fp16,
                None => plan.precision.load_format == "fp16",
            },
            trained,
            gradients_pass: accumulates || plan.optimizer.frees_gradients(),
            recompute: training && plan.runtime.checkpointing == Checkpointing::Full,
            eager: plan.runtime.attention == crate::plan::AttentionKernel::Eager,
            padded: training && plan.batch.packing == Packing::Padded,
            training,
            input_gradients: inputs.profile.inputs_require_gradients,
            keeps_outputs: inputs.profile.keeps_outputs,
            upcasts_outputs: inputs.profile.upcasts_outputs,
            logit_bytes: [inputs.profile.forward_logit_bytes, inputs.profile.backward_logit_bytes],
            fused_logit_bytes: inputs.profile.fused_logit_bytes,
            rotary_rows_per_layer: inputs.profile.rotary_rows_per_layer,
            repeats_kv: inputs.profile.repeats_kv,
            repeats_kv_always: inputs.profile.repeats_kv_always,
            softmax_workspace: inputs.profile.softmax_workspace,
            quantizes_experts: inputs.profile.quantizes_stacked_experts,
            lion_in_fp32: inputs.profile.lion_in_fp32,
            ends: Ends { classes: classes(plan, kind).filter(|_| training), ..Ends::WHOLE },
            upstream: false,
        }
    }

    /// Whether a linear layer of a layer is held quantized.
    pub fn quantizes(&self, linear: &Linear) -> bool {
        self.storage.is_quantized()
            && linear.role != LinearRole::Router
            && (self.quantizes_experts || !linear.stacked_experts || !self.storage.is_bitsandbytes())
    }

    /// Whether the method puts something beside or around a linear layer of a layer.
    pub fn adapts(&self, linear: &Linear) -> bool {
        self.trained.adapter.targets().is_some_and(|targets| hits(&self.class, targets, linear))
    }

    /// Bytes of a value of the residual stream: it starts with the embedding's.
    pub const fn stream_width(&self) -> u64 {
        self.outer_width
    }

    /// Bytes of the residual stream.
    pub const fn stream_bytes(&self) -> u64 {
        self.tokens.saturating_mul(self.architecture.hidden_size).saturating_mul(self.outer_width)
    }

    /// Whether the replay follows simplified operators somewhere: a class whose code was not traced operator by
    /// operator, or a method beside full fine-tuning and LoRA.
    pub fn is_approximate(&self) -> bool {
        let hybrid = self.architecture.layers.iter().any(|group| match &group.layer.attention {
            Attention::Softmax(shape) => shape.output_gate || shape.shares_kv || shape.keys_are_values,
            Attention::Latent(_) | Attention::Linear(_) => true,
        });
        let method = self.training
            && (matches!(self.plan.method.method, Method::Galore { .. } | Method::Blockwise { .. })
                || !self.trained.adapter.is_traced());
        // Of frozen experts one traced row says how much a layer's backward holds, and it holds less than is replayed
        // (OLMoE, attention LoRA, 2 × 2,048 tokens: 3.3 % of the peak).
        let frozen_experts = self.training
            && self.trained.layers < self.layers()
            && self.architecture.layers.iter().any(|group| matches!(group.layer.mlp, Mlp::Moe(_)));
        let quantized = self.storage.is_quantized() && !self.storage.is_bitsandbytes();
        let update = self.training && !self.plan.optimizer.algorithm.is_traced();
        let recomputation = self.training && self.plan.runtime.checkpointing == Checkpointing::Selective;
        !self.class.traced
            || hybrid
            || method
            || frozen_experts
            || update
            || recomputation
            || (self.training && self.plan.runtime.compile)
            || (self.training && quantized)
    }

    /// Whether any window of attention is shorter than the sequence.
    pub fn windows_bind(&self) -> bool {
        self.architecture.layers.iter().any(|group| match &group.layer.attention {
            Attention::Softmax(attention) => attention.window.is_some_and(|window| window < self.sequence),
            _ => false,
        })
    }

    /// Exact counts of the base model, with the head of its task.
    pub fn parameters(&self) -> ParameterCounts {
        let whole = self.architecture.parameters();
        let Some(classes) = self.ends.classes else { return whole };
        let head = classes.saturating_mul(self.architecture.hidden_size);
        let swap = |count: u64| count.saturating_sub(whole.head).saturating_add(head);
        ParameterCounts { head, total: swap(whole.total), active: swap(whole.active), ..whole }
    }

    /// Bytes of the batch as it comes: ids, labels, masks.
    pub const fn batch_bytes(&self) -> u64 {
        let each = if self.training { self.kind.token_bytes } else { 8 };
        let mask = if self.padded { 8 } else { 0 };
        self.tokens.saturating_mul(each + mask)
    }

    /// Whether the head is the token table.
    pub const fn is_tied(&self) -> bool {
        self.architecture.head.tied && self.ends.classes.is_none()
    }

    /// Layers in the model.
    pub fn layers(&self) -> u64 {
        self.architecture.num_layers()
    }

    /// Whether anything at all is trained before or in the first layer, so that backward reaches the input.
    pub fn any_layer_trained(&self) -> bool {
        self.trained.layers > 0 || self.trained.biases || !self.trained.adapter.is_none()
    }
}

/// Positions of one sequence that the loss is computed of.
fn scored(plan: &Plan, kind: &Kind) -> u64 {
    let (length, prompt) = (plan.batch.sequence_length, plan.objective.prompt_tokens);
    let next = length.saturating_sub(1);
    match kind.scored {
        Scored::Next | Scored::Completion => length.saturating_sub(prompt).min(next),
    }
}

/// Rows of the head that stands in place of the vocabulary's.
const fn classes(plan: &Plan, kind: &Kind) -> Option<u64> {
    match kind.answers {
        Answers::Vocabulary => None,
        Answers::Value => Some(1),
        Answers::Classes => Some(plan.objective.classes),
    }
}

/// How the plan's stack computes the loss of its kind.
fn loss_head(inputs: &Inputs<'_>) -> LossHead {
    let kind = inputs.kind;
    if kind.answers != Answers::Vocabulary {
        return LossHead::Values;
    }
    let whole = LossHead::CrossEntropy { entropy_rows: 0 };
    match inputs.plan.runtime.loss {
        LossKernel::Unfused if kind.id == SUPERVISED.id => whole,
        // Other kinds have no loss but their stack's.
        LossKernel::Stack | LossKernel::Unfused => inputs.profile.heads.get(kind.id).copied().unwrap_or(whole),
        LossKernel::FusedLogits => LossHead::FusedLogits,
        LossKernel::FusedLinear => LossHead::Liger,
    }
}

fn trained<'a>(plan: &'a Plan, architecture: &Architecture, kind: &Kind, training: bool) -> Trained<'a> {
    let section = &plan.method;
    let adapters_only = |adapter| Trained {
        layers: 0,
        biases: false,
        embedding: section.train_embeddings,
        // A head of its own task is new and always trained.
        head: section.train_head
            || kind.answers != Answers::Vocabulary
            || (section.train_embeddings && architecture.head.tied),
        final_norm: false,
        adapter,
    };
    let everything = Trained {
        layers: architecture.num_layers(),
        biases: true,
        embedding: true,
        head: true,
        final_norm: true,
        adapter: Adapter::None,
    };
    if !training {
        return Trained { embedding: false, head: false, ..adapters_only(Adapter::None) };
    }
    match &section.method {
        Method::Full | Method::Galore { .. } => everything,
        Method::BitFit => Trained { biases: has_biases(architecture), ..adapters_only(Adapter::None) },
        Method::LastLayers { layers } => Trained {
            layers: (*layers).min(architecture.num_layers()),
            biases: false,
            final_norm: true,
            ..adapters_only(Adapter::None)
        },
        // LISA keeps embedding, head and final norm trained beside the active layers.
        Method::Blockwise { active_layers } => {
            Trained { layers: (*active_layers).min(architecture.num_layers()), biases: false, ..everything }
        }
        method => adapters_only(Adapter::of(method)),
    }
}

/// Whether any linear layer of a layer has a bias.
fn has_biases(architecture: &Architecture) -> bool {
    let mut any = false;
    for group in &architecture.layers {
        group.layer.each_linear(architecture.hidden_size, "", |linear| any |= linear.bias);
    }
    any
}

/// Whether `targets` hits `linear` of a model of this class (PEFT 0.21 on transformers 5.23).
pub fn hits(class: &ClassTraits, targets: &Targets, linear: &Linear) -> bool {
    let inner = linear.stacked_experts || linear.role == LinearRole::Router;
    let reached = class.experts_reached;
    let part = matches!(linear.role, LinearRole::Gate | LinearRole::Up | LinearRole::Down | LinearRole::FusedGateUp);
    match targets {
        Targets::AllLinear if inner => reached || (linear.role == LinearRole::Router && class.router_is_module),
        Targets::AllLinear => !(reached && part),
        Targets::Parts(parts) => {
            (if inner { reached } else { !(reached && part) }) && parts.iter().any(|&part| part_of(linear.role, part))
        }
        Targets::Custom(names) => names.iter().any(|name| name == linear.name),
    }
}

fn part_of(role: LinearRole, part: TargetPart) -> bool {
    matches!(
        (role, part),
        (LinearRole::Query | LinearRole::FusedQkv, TargetPart::Q)
            | (LinearRole::Key | LinearRole::FusedQkv, TargetPart::K)
            | (LinearRole::Value | LinearRole::FusedQkv, TargetPart::V)
            | (LinearRole::Output, TargetPart::O)
            | (LinearRole::Gate | LinearRole::FusedGateUp, TargetPart::Gate)
            | (LinearRole::Up | LinearRole::FusedGateUp, TargetPart::Up)
            | (LinearRole::Down, TargetPart::Down)
    )
}
