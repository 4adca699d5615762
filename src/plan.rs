//! The plan: plain data that says what is to be run. No behaviour beyond defaults lives here.
//!
//! * [`mod@field`] — one table of every setting: label, unit, help, range, when it applies. The window, the command line,
//!   the comments of the plan file and the names of undo steps are all made from it.
//! * [`edit`] — the only way to change a plan.
//! * [`mod@file`] — plan ⇄ RON text, made from the same table.
//! * [`mod@check`] — contradictions, each with a fix.
//! * [`mod@diff`] — which fields differ between two plans.

use crate::architecture::Architecture;

pub mod check;
pub mod diff;
pub mod edit;
pub mod field;
pub mod file;
mod method;
mod parallelism;
mod templates;

pub use parallelism::{Offload, Parallelism, Schedule, Strategy};
pub use templates::{Template, templates};

/// Schema number written into plan files; older ones are migrated, newer ones refused.
pub const SCHEMA: u32 = 1;

/// One fine-tuning or inference job.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// What the job is called.
    pub name: String,
    /// Free text for reviewers.
    pub notes: String,
    /// Base model.
    pub model: Model,
    /// Train or only run.
    pub workload: Workload,
    /// Kinds of fine-tuning in the order they are done.
    pub stages: Vec<StageKind>,
    /// What is trained.
    pub method: MethodSection,
    /// Number formats.
    pub precision: Precision,
    /// Optimizer.
    pub optimizer: Optimizer,
    /// Tokens of one step.
    pub batch: Batch,
    /// Software stack.
    pub runtime: Runtime,
    /// Devices.
    pub hardware: Hardware,
    /// How several devices share the work.
    pub parallelism: Parallelism,
    /// How much is run.
    pub run: Run,
    /// Prices, as the user was quoted them.
    pub cost: Cost,
}

/// Base model and remarks on it.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// Where its shape comes from.
    pub source: ModelSource,
    /// Free text.
    pub notes: String,
}

/// Where the shape of the model comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum ModelSource {
    /// A row of the catalogue, by id.
    Catalog(String),
    /// A file or folder, with the shape read from it, so that the plan means the same where the file is not.
    File {
        /// Path as the user gave it.
        path: String,
        /// Shape read from it.
        architecture: Box<Architecture>,
    },
    /// Typed by hand: a Llama-like shape.
    Typed(HandShape),
}

/// The few numbers a person types to describe a model.
#[derive(Clone, Debug, PartialEq)]
pub struct HandShape {
    /// Width of the residual stream.
    pub hidden_size: u64,
    /// Decoder layers.
    pub layers: u64,
    /// Query heads.
    pub heads: u64,
    /// Key and value heads.
    pub kv_heads: u64,
    /// Width of a head.
    pub head_dim: u64,
    /// Inner width of the MLP (of one expert where there are experts).
    pub intermediate_size: u64,
    /// Vocabulary rows.
    pub vocab_size: u64,
    /// Head shares the token embedding.
    pub tied: bool,
    /// Gate × up (three matrices) or two matrices.
    pub gated_mlp: bool,
    /// Routed experts; 0 for a dense model.
    pub experts: u64,
    /// Experts a token goes through.
    pub experts_per_token: u64,
}

/// What the plan is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Workload {
    /// Fine-tuning.
    Training,
    /// Running the model.
    Inference,
}

/// Kind of fine-tuning (the data one example needs follows from it).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StageKind {
    /// Continued pre-training on raw text.
    ContinuedPretraining,
    /// (instruction, response).
    Supervised,
    /// (prefix, middle, suffix).
    Infilling,
    /// (instruction, winner, loser): DPO, KTO, …
    Preference,
    /// Preference data or scored responses.
    RewardModel,
    /// Long sequences.
    LongContext,
    /// Teacher outputs.
    Distillation,
}

/// What is trained.
#[derive(Clone, Debug, PartialEq)]
pub struct MethodSection {
    /// The method with its own settings.
    pub method: Method,
    /// Token embeddings are trained too (full fine-tuning always trains them).
    pub train_embeddings: bool,
    /// The output head is trained too.
    pub train_head: bool,
    /// Free text.
    pub notes: String,
}

/// Fine-tuning method with the settings that only it has.
#[derive(Clone, Debug, PartialEq)]
pub enum Method {
    /// Every weight.
    Full,
    /// Low-rank adapters on a base in 16 or 32 bits (Hu et al., 2021).
    Lora(Lora),
    /// Low-rank adapters on a quantized base (Dettmers et al., 2023).
    Qlora(Lora),
    /// Learned scaling vectors (Liu et al., 2022).
    Ia3 {
        /// Scaled modules.
        targets: Targets,
    },
    /// Bottleneck adapters after attention and MLP (Houlsby et al., 2019).
    Adapters {
        /// Inner width.
        bottleneck: u64,
        /// Number format of the adapters.
        dtype: FloatFormat,
    },
    /// Trainable vectors before the input (Lester et al., 2021).
    PromptTuning {
        /// Number of vectors.
        virtual_tokens: u64,
    },
    /// Trainable keys and values in every layer (Li & Liang, 2021).
    PrefixTuning {
        /// Number of vectors.
        virtual_tokens: u64,
    },
    /// Trainable vectors made by a small MLP (Liu et al., 2021).
    PTuning {
        /// Number of vectors.
        virtual_tokens: u64,
        /// Width of the encoder.
        encoder_hidden: u64,
    },
    /// Shared frozen random matrices, trained scaling vectors (Kopiczko et al., 2023).
    Vera {
        /// Rank of the shared matrices.
        rank: u64,
        /// Adapted modules.
        targets: Targets,
    },
    /// Orthogonal rotation of the weights by blocks (Qiu et al., 2023).
    Oft {
        /// Size of a block.
        block_size: u64,
        /// Adapted modules.
        targets: Targets,
    },
    /// Bias vectors only (Ben Zaken et al., 2021).
    BitFit,
    /// The last layers, all their weights.
    LastLayers {
        /// How many.
        layers: u64,
    },
    /// Full fine-tuning with gradients projected to a low rank for the optimizer (Zhao et al., 2024).
    Galore {
        /// Rank of the projection.
        rank: u64,
    },
    /// Full fine-tuning of a few layers at a time, switching (LISA, Pan et al., 2024; BAdam, Luo et al., 2024).
    Blockwise {
        /// Layers trained at one time.
        active_layers: u64,
    },
}

/// Settings of LoRA and its relatives.
#[derive(Clone, Debug, PartialEq)]
pub struct Lora {
    /// Rank r of the two factors.
    pub rank: u64,
    /// Scaling numerator α: the update is α / r · A·B (α / √r with rank-stabilised scaling).
    pub alpha: f64,
    /// Dropout on the adapter's input while training.
    pub dropout: f64,
    /// Adapted modules.
    pub targets: Targets,
    /// Number format of the adapter weights.
    pub dtype: FloatFormat,
    /// How α is divided.
    pub scaling: LoraScaling,
    /// Magnitude and direction are learned apart (DoRA, Liu et al., 2024).
    pub weight_decomposed: bool,
    /// Start values.
    pub init: LoraInit,
}

/// How α scales the update.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LoraScaling {
    /// α / r.
    Standard,
    /// α / √r (rsLoRA, Kalajdzievski, 2023).
    RankStabilized,
}

/// Start values of the adapter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LoraInit {
    /// A random, B zero.
    Zero,
    /// Principal singular vectors of the weight (Meng et al., 2024).
    Pissa,
    /// Fitted to the quantization error (Li et al., 2023).
    Loftq,
}

/// Modules a method works on.
#[derive(Clone, Debug, PartialEq)]
pub enum Targets {
    /// Every linear layer except the output head.
    AllLinear,
    /// These parts of each layer; a fused matrix is hit when any of its parts is.
    Parts(Vec<TargetPart>),
    /// Module names of the model's own code.
    Custom(Vec<String>),
}

/// Part of a layer by its usual name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the field's standard names")]
pub enum TargetPart {
    Q,
    K,
    V,
    O,
    Gate,
    Up,
    Down,
}

/// Formats arithmetic is done in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the field's standard names")]
pub enum FloatFormat {
    Fp64,
    Fp32,
    Fp16,
    Bf16,
    Fp8,
}

impl FloatFormat {
    /// Bytes of one value.
    pub const fn bytes(self) -> u64 {
        match self {
            Self::Fp64 => 8,
            Self::Fp32 => 4,
            Self::Fp16 | Self::Bf16 => 2,
            Self::Fp8 => 1,
        }
    }
}

/// Number formats.
#[derive(Clone, Debug, PartialEq)]
pub struct Precision {
    /// Format the weights are held in: an id of the format catalogue (`bf16`, `nf4`, `gguf-q4-k`, …).
    pub load_format: String,
    /// The scales of a 4-bit load are quantized again.
    pub double_quantization: bool,
    /// Autocast format of the forward pass; `None` computes in the format the weights are in.
    pub autocast: Option<FloatFormat>,
    /// The optimizer keeps an FP32 copy of 16-bit weights.
    pub fp32_master_weights: bool,
    /// Format of gradients; `None`: that of the weights.
    pub gradient_format: Option<FloatFormat>,
    /// Norms, embeddings and head of a quantized base are raised to FP32 (PEFT's `prepare_model_for_kbit_training`).
    pub upcast_unquantized: bool,
    /// Format of the key-value cache: an id of the format catalogue.
    pub kv_cache_format: String,
    /// When weights are quantized.
    pub quantize_when: QuantizeWhen,
    /// Free text.
    pub notes: String,
}

/// When, if at all, quantization happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum QuantizeWhen {
    /// Not at all, or already quantized when loaded.
    AsLoaded,
    /// After training (PTQ).
    AfterTraining,
    /// Simulated during training (QAT).
    DuringTraining,
    /// The arithmetic of training itself is in few bits.
    LowPrecisionTraining,
}

/// Optimizer.
#[derive(Clone, Debug, PartialEq)]
pub struct Optimizer {
    /// Algorithm.
    pub algorithm: Algorithm,
    /// How the update loop is written; decides the temporary copies.
    pub implementation: Implementation,
    /// Gradients are clipped to a norm before the step.
    pub clip_gradients: bool,
    /// Free text.
    pub notes: String,
}

/// Update rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the field's standard names")]
pub enum Algorithm {
    Sgd,
    SgdMomentum,
    Adam,
    AdamW,
    AdamW8bit,
    PagedAdamW,
    PagedAdamW8bit,
    Adafactor,
    Lion,
    Lion8bit,
    Muon,
    Adagrad,
    RmsProp,
}

/// How the update loop is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Implementation {
    /// One tensor after another.
    ForLoop,
    /// Many tensors in one kernel, with a temporary the size of one moment (PyTorch's default on GPU).
    Foreach,
    /// One kernel, no temporary.
    Fused,
    /// Each weight is updated as soon as its gradient is there; gradients are never all alive.
    InBackward,
}

/// Tokens of one step.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// Sequences in one forward pass on one device.
    pub micro_batch: u64,
    /// Forward passes before an optimizer step.
    pub gradient_accumulation: u64,
    /// Tokens of one sequence (of the prompt, for inference).
    pub sequence_length: u64,
    /// How examples of different length share a batch.
    pub packing: Packing,
    /// Tokens generated after the prompt (inference).
    pub new_tokens: u64,
    /// Free text.
    pub notes: String,
}

/// How examples of different length share a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Packing {
    /// Sequences are filled to the brim with whole examples.
    Packed,
    /// Padded to the longest; an attention mask goes along.
    Padded,
}

/// Software stack.
#[derive(Clone, Debug, PartialEq)]
pub struct Runtime {
    /// Id of a runtime profile (`hf-trainer`, `plain-pytorch`, `unsloth`, …).
    pub profile: String,
    /// What is recomputed in backward.
    pub checkpointing: Checkpointing,
    /// Attention kernel.
    pub attention: AttentionKernel,
    /// Loss kernel.
    pub loss: LossKernel,
    /// Free text.
    pub notes: String,
}

/// Gradient checkpointing (activation recomputation).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Checkpointing {
    /// Everything is kept.
    None,
    /// Attention and activation functions are recomputed, matrix products kept.
    Selective,
    /// Only the input of each layer is kept.
    Full,
}

/// Attention kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AttentionKernel {
    /// Flash attention or PyTorch SDPA: no sequence × sequence matrix.
    Sdpa,
    /// Written out; keeps the probabilities.
    Eager,
}

/// Loss kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LossKernel {
    /// Logits, FP32 copy, log-softmax: three vocabulary-sized tensors.
    Unfused,
    /// One kernel on logits that exist once.
    FusedLogits,
    /// Head and loss in chunks; the logits never exist whole (Liger, cut cross-entropy).
    FusedLinear,
}

/// Devices. `None` means: the catalogue's figure.
#[derive(Clone, Debug, PartialEq)]
pub struct Hardware {
    /// Id of the accelerator catalogue; empty: none chosen.
    pub accelerator: String,
    /// Number of devices.
    pub count: u64,
    /// Memory one device offers, edited.
    pub memory_mib: Option<u64>,
    /// Memory to keep free for other programs.
    pub reserve_mib: u64,
    /// Bandwidth, edited.
    pub bandwidth_gb_s: Option<f64>,
    /// Dense 16-bit rate, edited.
    pub bf16_tflops: Option<f64>,
    /// Free text.
    pub notes: String,
}

/// How much is run: what turns tokens a second into hours.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Training examples; `None`: not said.
    pub examples: Option<u64>,
    /// Tokens of an example on average; `None`: as long as the sequence.
    pub average_length: Option<u64>,
    /// Training tokens of one epoch; given, they count instead of examples × length.
    pub tokens: Option<u64>,
    /// Times the data is gone through.
    pub epochs: f64,
    /// Checkpoints written during the run; `None`: not said.
    pub checkpoints: Option<u64>,
    /// Tokens a second the data loader delivers to all devices; `None`: it never makes them wait.
    pub loader_tokens_per_sec: Option<f64>,
    /// Adapters (customers) served from one base model.
    pub adapters: u64,
    /// Bandwidth at which weights reach a device; `None`: that of the device's host link.
    pub load_gb_s: Option<f64>,
    /// Free text.
    pub notes: String,
}

/// Prices. There is none in the program: they change by the week and by the customer.
#[derive(Clone, Debug, PartialEq)]
pub struct Cost {
    /// Price of one device for an hour.
    pub price_per_device_hour: Option<f64>,
    /// Currency of the prices, such as `USD`.
    pub currency: String,
    /// Day the price was quoted, `YYYY-MM-DD`.
    pub price_date: String,
    /// Price of a kilowatt-hour, where the user pays for power himself.
    pub power_price_per_kwh: Option<f64>,
    /// Free text.
    pub notes: String,
}

impl Default for Run {
    fn default() -> Self {
        Self {
            examples: None,
            average_length: None,
            tokens: None,
            epochs: 1.0,
            checkpoints: None,
            loader_tokens_per_sec: None,
            adapters: 100,
            load_gb_s: None,
            notes: String::new(),
        }
    }
}

impl Default for Cost {
    fn default() -> Self {
        Self {
            price_per_device_hour: None,
            currency: "USD".to_owned(),
            price_date: String::new(),
            power_price_per_kwh: None,
            notes: String::new(),
        }
    }
}

impl Default for HandShape {
    /// Llama 3.1 8B, so that a person starts from figures that fit together.
    fn default() -> Self {
        Self {
            hidden_size: 4096,
            layers: 32,
            heads: 32,
            kv_heads: 8,
            head_dim: 128,
            intermediate_size: 14336,
            vocab_size: 128_256,
            tied: false,
            gated_mlp: true,
            experts: 0,
            experts_per_token: 2,
        }
    }
}

impl Default for Lora {
    fn default() -> Self {
        Self {
            rank: 16,
            alpha: 32.0,
            dropout: 0.0,
            targets: Targets::AllLinear,
            dtype: FloatFormat::Fp32,
            scaling: LoraScaling::Standard,
            weight_decomposed: false,
            init: LoraInit::Zero,
        }
    }
}

impl Default for Plan {
    /// An 8B QLoRA on one 24 GB card: the commonest first question.
    fn default() -> Self {
        Self {
            name: "Untitled plan".to_owned(),
            notes: String::new(),
            model: Model { source: ModelSource::Catalog("meta-llama/Llama-3.1-8B".to_owned()), notes: String::new() },
            workload: Workload::Training,
            stages: vec![StageKind::Supervised],
            method: MethodSection {
                method: Method::Qlora(Lora::default()),
                train_embeddings: false,
                train_head: false,
                notes: String::new(),
            },
            precision: Precision {
                load_format: "nf4".to_owned(),
                double_quantization: true,
                autocast: Some(FloatFormat::Bf16),
                fp32_master_weights: false,
                gradient_format: None,
                upcast_unquantized: false,
                kv_cache_format: "bf16".to_owned(),
                quantize_when: QuantizeWhen::AsLoaded,
                notes: String::new(),
            },
            optimizer: Optimizer {
                algorithm: Algorithm::AdamW,
                implementation: Implementation::Fused,
                clip_gradients: true,
                notes: String::new(),
            },
            batch: Batch {
                micro_batch: 1,
                gradient_accumulation: 8,
                sequence_length: 2048,
                packing: Packing::Packed,
                new_tokens: 256,
                notes: String::new(),
            },
            runtime: Runtime {
                profile: "hf-trainer".to_owned(),
                checkpointing: Checkpointing::Full,
                attention: AttentionKernel::Sdpa,
                loss: LossKernel::Unfused,
                notes: String::new(),
            },
            hardware: Hardware {
                accelerator: "geforce-rtx-4090".to_owned(),
                count: 1,
                memory_mib: None,
                reserve_mib: 0,
                bandwidth_gb_s: None,
                bf16_tflops: None,
                notes: String::new(),
            },
            parallelism: Parallelism::default(),
            run: Run::default(),
            cost: Cost::default(),
        }
    }
}
