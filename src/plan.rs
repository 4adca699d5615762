//! The plan: plain data that says what is to be run. No behaviour beyond defaults lives here.
//!
//! * [`mod@field`] — one table of every setting: label, unit, help, range, when it applies. The window, the command line,
//!   the comments of the plan file and the names of undo steps are all made from it.
//! * [`edit`] — the only way to change a plan.
//! * [`mod@file`] — plan ⇄ RON text, made from the same table.
//! * [`decision`] — the record of whether to fine-tune at all: answers, evidence, outcome, why.
//! * [`mod@check`] — contradictions, each with a fix.
//! * [`mod@diff`] — which fields differ between two plans.

pub mod check;
mod data;
pub mod decision;
pub mod diff;
pub mod edit;
pub mod field;
pub mod file;
mod hand;
pub mod learning_rate;
mod lora;
mod measured;
mod method;
mod model;
mod objective;
mod optimizer;
mod parallelism;
mod precision;
mod run;
mod runtime;
mod templates;
mod trial;

pub use data::Data;
pub use lora::{Lora, LoraInit, LoraScaling, TargetPart, Targets};
pub use measured::{MAX_PEAKS, Measured, MeasuredPeak, Metric, read_peaks};
pub use model::{HandShape, Model, ModelSource};
pub use objective::{DistillationLoss, Generator, Objective, PreferenceLoss, Reference, ReinforcementLoss};
pub use optimizer::{Algorithm, Implementation, LearningRateSchedule, Optimizer, StatePlace};
pub use parallelism::{Offload, Parallelism, Schedule, Strategy};
pub use precision::{FloatFormat, Precision, QuantizeWhen, takes_double_quantization};
pub use run::{Cost, Hardware, Run};
pub use runtime::{AttentionKernel, Checkpointing, LossKernel, Runtime};
pub use templates::{Template, templates};
pub use trial::{MAX_TRIALS, Trial};

/// Schema number written into plan files; older ones are migrated, newer ones refused.
pub const SCHEMA: u32 = 1;

/// Longest name that is printed whole, in characters.
const MAX_SHOWN_NAME: usize = 120;

impl Plan {
    /// The name on one line and no longer than a line; a file may say anything.
    pub fn short_name(&self) -> String {
        let line: String =
            self.name.chars().take(MAX_SHOWN_NAME).map(|c| if c.is_control() { ' ' } else { c }).collect();
        if self.name.chars().nth(MAX_SHOWN_NAME).is_some() { format!("{line}…") } else { line }
    }
}

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
    /// What a step compares.
    pub objective: Objective,
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
    /// What is read.
    pub data: Data,
    /// How much is run.
    pub run: Run,
    /// Prices, as the user was quoted them.
    pub cost: Cost,
    /// Peaks the user measured.
    pub measured: Measured,
    /// What was decided before, with its evidence.
    pub decision: Option<Box<decision::Decision>>,
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
    /// Prompts whose answers are generated and scored: GRPO, RLOO.
    Reinforcement,
    /// (text, label).
    Classification,
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
            objective: Objective::default(),
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
            optimizer: Optimizer::default(),
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
                compile: false,
                notes: String::new(),
            },
            hardware: Hardware {
                accelerator: "geforce-rtx-4090".to_owned(),
                count: 1,
                memory_mib: None,
                reserve_mib: 0,
                bandwidth_gb_s: None,
                bf16_tflops: None,
                host_memory_gib: None,
                disk_gb: None,
                notes: String::new(),
            },
            parallelism: Parallelism::default(),
            data: Data::default(),
            run: Run::default(),
            cost: Cost::default(),
            measured: Measured::default(),
            decision: None,
        }
    }
}
