//! The shape of a model: enough to count every parameter exactly and to say what one training step keeps.
//!
//! An [`Architecture`] comes from the catalogue, a Hugging Face `config.json`, safetensors headers, a GGUF header
//! or is typed by hand; whatever the source, the estimate sees only this type. All counts are numbers of values
//! (not bytes), widths are in values.

use serde::{Deserialize, Serialize};
use std::fmt;

pub mod checkpoint;
mod class;
pub mod config;
mod files;
mod gguf;
mod infer;
mod linears;
mod safetensors;
mod shards;
mod tensors;

pub use class::class_faults;
pub use config::from_config_text;
pub use files::{ModelFile, ReadError, read};
pub use linears::Linears;
pub use tensors::TensorSummary;

/// Shape of a decoder-only language model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Architecture {
    /// Class name in transformers, such as `LlamaForCausalLM`; for an unknown code whatever the file said.
    pub model_code: String,
    /// Width of the residual stream.
    pub hidden_size: u64,
    /// Rows of the token embedding (including padding rows of the checkpoint).
    pub vocab_size: u64,
    /// Longest sequence the position encoding was made for, where known.
    pub max_positions: Option<u64>,
    /// Format the weights were published in.
    pub native_dtype: NativeDtype,
    /// Token and position tables.
    pub embedding: Embedding,
    /// Kinds of layers by first appearance; their `count`s add up to the number of layers.
    pub layers: Vec<LayerGroup>,
    /// Norm before the output head.
    pub final_norm: NormKind,
    /// Output head.
    pub head: Head,
    /// Parameters that belong to none of the parts above (whole model), such as tensors only a file knows.
    pub other_params: u64,
    /// What a reader should be told about this shape.
    pub flags: Vec<Flag>,
}

/// Published number format of the weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NativeDtype {
    /// 32-bit float.
    Fp32,
    /// IEEE half.
    Fp16,
    /// bfloat16.
    Bf16,
    /// 8-bit float (DeepSeek-V3).
    Fp8,
    /// MXFP4 experts (gpt-oss); the rest is BF16.
    Mxfp4,
    /// Not said.
    Unknown,
}

/// Input tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Embedding {
    /// Width of one token row; differs from the hidden size only where the model projects in and out (OPT-350M).
    pub width: u64,
    /// Rows of a learned position table; 0 with rotary or ALiBi positions.
    pub position_rows: u64,
    /// Further parameters that are always used at the input: embedding norm, per-layer embeddings, projections.
    pub extra_params: u64,
    /// Whether the embedding output is multiplied by √hidden (Gemma), which autograd does not keep but the step holds.
    pub scaled: bool,
}

/// Output head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The head is the token embedding itself.
    pub tied: bool,
    /// One bias per vocabulary entry.
    pub bias: bool,
    /// Logits pass through `cap · tanh(x / cap)` (Gemma 2).
    pub softcap: bool,
}

/// `count` identical layers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerGroup {
    /// How many.
    pub count: u64,
    /// Their shape.
    pub layer: Layer,
}

/// One decoder layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Layer {
    /// Token mixing.
    pub attention: Attention,
    /// Feed-forward part.
    pub mlp: Mlp,
    /// Kind of the norms around attention and MLP.
    pub norm: NormKind,
    /// How many such norms of the hidden width the layer has (2 usual, 1 parallel, 4 Gemma 2 and 3).
    pub norms: u64,
    /// Where they stand.
    pub norm_placement: NormPlacement,
    /// Attention and MLP read the same normed input and add to the residual together (GPT-NeoX, Phi, Falcon, Cohere).
    pub parallel: bool,
    /// Probability of dropout on the residual branches as trained by default (GPT-2: 0.1).
    #[serde(deserialize_with = "finite")]
    pub residual_dropout: f64,
    /// Parameters of the layer not covered above (sub-norms, scalars), for exact totals.
    pub extra_params: u64,
}

/// Norm before, after or on both sides of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NormPlacement {
    /// Before each block.
    Pre,
    /// After each block, before the residual addition (OLMo 2).
    Post,
    /// Before and after (Gemma 2 and 3).
    Sandwich,
}

/// Kind of a norm; decides its parameters and what it keeps for backward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NormKind {
    /// RMSNorm as Llama writes it: computed in FP32, cast back, times weight.
    Rms,
    /// RMSNorm as Gemma writes it: all in FP32, times (1 + weight), cast back.
    RmsGemma,
    /// LayerNorm with weight and bias.
    Layer,
    /// LayerNorm with weight only.
    LayerNoBias,
    /// LayerNorm without parameters (OLMo 1).
    LayerNoParams,
}

/// Token mixing of one layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Attention {
    /// Multi-head, grouped-query or multi-query attention.
    Softmax(SoftmaxAttention),
    /// Multi-head latent attention (DeepSeek-V2, V3).
    Latent(LatentAttention),
    /// Gated delta net (Qwen3-Next, Qwen 3.5).
    Linear(LinearAttention),
}

/// Multi-head, grouped-query or multi-query attention.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SoftmaxAttention {
    /// Query heads.
    pub heads: u64,
    /// Key and value heads.
    pub kv_heads: u64,
    /// Width of one head.
    pub head_dim: u64,
    /// Query, key and value come out of one matrix.
    pub fused_qkv: bool,
    /// Query, key and value projections have a bias.
    pub qkv_bias: bool,
    /// The output projection has a bias.
    pub o_bias: bool,
    /// Norm on queries and keys.
    pub qk_norm: QkNorm,
    /// Share of each head that is rotated; 0 without rotary positions.
    #[serde(deserialize_with = "finite")]
    pub rotary_share: f64,
    /// Attends to the last `window` tokens only.
    pub window: Option<u64>,
    /// A sigmoid gate of the query's width multiplies the output (Qwen3-Next).
    pub output_gate: bool,
    /// Key and value are those of an earlier layer (Gemma 4): no projections, no cache of its own.
    pub shares_kv: bool,
    /// Keys double as values (Gemma 4 global layers): no value projection.
    pub keys_are_values: bool,
    /// Attention dropout as trained by default (GPT-2: 0.1).
    #[serde(deserialize_with = "finite")]
    pub dropout: f64,
}

/// A number that equals itself: a plan with any other would read back as another plan.
fn finite<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let number = f64::deserialize(deserializer)?;
    if number.is_finite() { Ok(number) } else { Err(serde::de::Error::custom("a share is a finite number")) }
}

/// Norm on queries and keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum QkNorm {
    /// None.
    None,
    /// One weight vector of head width, shared by the heads (Qwen3, Gemma 3).
    PerHead,
    /// One weight per query or key channel (OLMo 2, OLMoE).
    Full,
}

/// Multi-head latent attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LatentAttention {
    /// Heads.
    pub heads: u64,
    /// Rank of the query compression; `None`: queries are projected directly.
    pub q_lora_rank: Option<u64>,
    /// Rank of the key-value compression.
    pub kv_lora_rank: u64,
    /// Per-head width without position.
    pub qk_nope_head_dim: u64,
    /// Per-head width with rotary position.
    pub qk_rope_head_dim: u64,
    /// Per-head width of values.
    pub v_head_dim: u64,
    /// Biases on the down projections and the output.
    pub bias: bool,
}

/// Gated delta net.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinearAttention {
    /// Key (and query) heads.
    pub key_heads: u64,
    /// Value heads.
    pub value_heads: u64,
    /// Width of a key head.
    pub key_head_dim: u64,
    /// Width of a value head.
    pub value_head_dim: u64,
    /// Width of the causal convolution.
    pub conv_kernel: u64,
    /// Input projections as two fused matrices (Qwen3-Next) instead of four (Qwen 3.5).
    pub fused_in: bool,
}

/// Feed-forward part of one layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mlp {
    /// One MLP for every token.
    Dense(DenseMlp),
    /// Mixture of experts.
    Moe(Moe),
}

/// Two- or three-matrix MLP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DenseMlp {
    /// Inner width.
    pub intermediate: u64,
    /// Gate × up (three matrices) or a plain activation (two).
    pub gated: bool,
    /// Gate and up come out of one matrix (Phi-3, GLM).
    pub fused_gate_up: bool,
    /// Biases on all its matrices.
    pub bias: bool,
    /// Activation function.
    pub activation: Activation,
}

/// Activation functions that differ in what autograd keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Activation {
    /// x · sigmoid(x), one kernel.
    Silu,
    /// Erf or tanh GELU as one kernel.
    Gelu,
    /// GELU written out in elementary operations (GPT-2's `gelu_new`, BLOOM), which keeps several copies.
    GeluNew,
    /// max(x, 0).
    Relu,
    /// max(x, 0)².
    Relu2,
}

/// Mixture of experts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moe {
    /// Routed experts.
    pub experts: u64,
    /// Routed experts a token goes through.
    pub experts_per_token: u64,
    /// Shape of one routed expert.
    pub expert: DenseMlp,
    /// Expert every token goes through.
    pub shared: Option<DenseMlp>,
    /// A learned gate on the shared expert (Qwen2-MoE).
    pub shared_gate: bool,
    /// Router values beside its matrix: bias or correction per expert.
    pub router_bias: bool,
}

/// Remarks about a shape that a user must see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Flag {
    /// The model class is not one this program knows; the shape is what the tensors say and the estimate is a guess of kind.
    UnknownModelCode(String),
    /// Parameters of vision or audio towers are not counted.
    TextModelOnly,
    /// Parts whose parameters are counted and whose activations are not; the text says which.
    Partly(String),
    /// Some parts of the file could not be matched with the class; the text says which.
    Mismatch(String),
    /// Keys of the file contradict each other; the text says which, and which was taken.
    Contradiction(String),
    /// The class ends in another head than a vocabulary's: its parameters are counted, its logits and loss are not known.
    TaskHead(String),
    /// Free remark.
    Note(String),
}

/// How much of a model was read. The better comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Knowledge {
    /// All of it, and its class is known.
    #[default]
    Whole,
    /// Parts are not counted: it needs at least what is said.
    AtLeast,
    /// Its class is not known, or the file contradicts itself: it may need more or less.
    Guess,
}

impl Flag {
    /// What this remark leaves of the answer.
    pub const fn knowledge(&self) -> Knowledge {
        match self {
            Self::Note(_) => Knowledge::Whole,
            Self::TextModelOnly | Self::Partly(_) => Knowledge::AtLeast,
            Self::UnknownModelCode(_) | Self::Mismatch(_) | Self::Contradiction(_) | Self::TaskHead(_) => {
                Knowledge::Guess
            }
        }
    }
}

impl Architecture {
    /// How much of the model was read: what its worst remark leaves.
    pub fn knowledge(&self) -> Knowledge {
        self.flags.iter().map(Flag::knowledge).max().unwrap_or_default()
    }

    /// What is not known, a sentence each.
    pub fn gaps(&self) -> Vec<String> {
        let unknown = self.flags.iter().filter(|flag| flag.knowledge() != Knowledge::Whole);
        unknown.map(ToString::to_string).collect()
    }
}

/// Which part of a layer a linear layer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum LinearRole {
    /// Query projection.
    Query,
    /// Key projection.
    Key,
    /// Value projection.
    Value,
    /// Output projection of attention.
    Output,
    /// Query, key and value in one.
    FusedQkv,
    /// Gate of a gated MLP.
    Gate,
    /// First MLP matrix.
    Up,
    /// Gate and up in one.
    FusedGateUp,
    /// Last MLP matrix.
    Down,
    /// Router of a mixture of experts.
    Router,
    /// Any other, named by the model code.
    Other,
}

/// One linear layer of a layer: `in_features → out_features`, `copies` times (experts).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Linear {
    /// Part it plays.
    pub role: LinearRole,
    /// Module name in the model's code, such as `q_proj` or `c_attn`.
    pub name: &'static str,
    /// Input width.
    pub in_features: u64,
    /// Output width.
    pub out_features: u64,
    /// Has a bias.
    pub bias: bool,
    /// How many of this shape the layer has.
    pub copies: u64,
    /// It is a routed expert, stored stacked in one three-dimensional parameter (transformers ≥ 5), which PEFT's
    /// `all-linear` does not reach.
    pub stacked_experts: bool,
}

impl Linear {
    /// Matrix values of all copies, without biases.
    pub const fn weight_params(&self) -> u64 {
        self.in_features.saturating_mul(self.out_features).saturating_mul(self.copies)
    }

    /// Bias values of all copies.
    pub const fn bias_params(&self) -> u64 {
        if self.bias { self.out_features.saturating_mul(self.copies) } else { 0 }
    }
}

/// Exact parameter counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ParameterCounts {
    /// Unique parameters; a tied head counts once.
    pub total: u64,
    /// Parameters one token passes through: total − routed experts + routed experts × top-k / experts.
    pub active: u64,
    /// Token embedding table.
    pub embedding: u64,
    /// Output head; 0 when tied.
    pub head: u64,
    /// Routed experts' share of the total.
    pub routed_experts: u64,
}

impl Architecture {
    /// Number of decoder layers.
    pub fn num_layers(&self) -> u64 {
        self.layers.iter().map(|group| group.count).fold(0, u64::saturating_add)
    }
}

impl fmt::Display for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownModelCode(code) => write!(
                f,
                "unknown model code {code}: the shape is what the file says, and what its code keeps in memory is not known"
            ),
            Self::TextModelOnly => f.write_str("text model only: vision and audio parts are not counted"),
            Self::TaskHead(text) => {
                write!(
                    f,
                    "{text}: its parameters are counted; its logits and loss are counted as those of a vocabulary"
                )
            }
            Self::Partly(text) | Self::Mismatch(text) | Self::Contradiction(text) | Self::Note(text) => {
                f.write_str(text)
            }
        }
    }
}
