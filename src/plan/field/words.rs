//! The words of every choice, each with its label and what it means and costs.

use super::Choice;
use crate::plan::{
    Algorithm, AttentionKernel, Checkpointing, DistillationLoss, FloatFormat, Generator, Implementation,
    LearningRateSchedule, LoraInit, LoraScaling, LossKernel, Offload, Packing, PreferenceLoss, QuantizeWhen, Reference,
    ReinforcementLoss, Schedule, StageKind, Strategy, TargetPart, Workload,
};

/// An enum that is written as a word.
pub trait Word: Copy + PartialEq + 'static {
    /// Every value with its word.
    const WORDS: &'static [(Self, &'static str)];

    /// Its word.
    fn id(self) -> &'static str {
        Self::WORDS.iter().find(|(value, _)| *value == self).map_or("", |(_, id)| id)
    }

    /// The value of a word.
    fn from_id(id: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(_, word)| *word == id).map(|(value, _)| *value)
    }
}

/// Defines the words of an enum and the choices shown for them, in one place.
macro_rules! words {
    ($choices:ident: $type:ty { $($value:path => $id:literal, $label:literal, $help:literal;)+ }) => {
        #[doc = concat!("Choices of [`", stringify!($type), "`].")]
        pub const $choices: &[Choice] = &[$(Choice { id: $id, label: $label, help: $help }),+];
        impl Word for $type {
            const WORDS: &'static [(Self, &'static str)] = &[$(($value, $id)),+];
        }
    };
}

words!(WORKLOADS: Workload {
    Workload::Training => "training", "Training", "Weights, gradients, optimizer state and activations of a training step.";
    Workload::Inference => "inference", "Inference", "Weights, key-value cache and the working set of the prompt.";
});

words!(STAGE_KINDS: StageKind {
    StageKind::ContinuedPretraining => "continued-pretraining", "Continued pre-training", "Raw text of the domain; cheap data first.";
    StageKind::Supervised => "supervised", "Supervised", "Pairs of instruction and response.";
    StageKind::Infilling => "infilling", "Infilling", "Prefix, middle and suffix: editing and code.";
    StageKind::Preference => "preference", "Preference", "An instruction with a better and a worse response (DPO, KTO).";
    StageKind::RewardModel => "reward-model", "Reward model", "Preferences or scored responses.";
    StageKind::LongContext => "long-context", "Long context", "Long sequences; changes positions and can hurt short ones.";
    StageKind::Distillation => "distillation", "Distillation", "Outputs of a larger teacher.";
    StageKind::Reinforcement => "reinforcement", "Reinforcement", "Prompts whose answers are generated and scored (GRPO, RLOO).";
    StageKind::Classification => "classification", "Classification", "Texts with labels: a head of classes in place of the vocabulary.";
});

words!(LORA_SCALINGS: LoraScaling {
    LoraScaling::Standard => "standard", "α / r", "As published; large ranks learn slowly.";
    LoraScaling::RankStabilized => "rank-stabilized", "α / √r", "rsLoRA: the step stays the same size at any rank.";
});

words!(LORA_INITS: LoraInit {
    LoraInit::Zero => "zero", "Random A, zero B", "The adapter starts as nothing.";
    LoraInit::Pissa => "pissa", "PiSSA", "Principal singular vectors of the weight; needs an SVD at the start.";
    LoraInit::Loftq => "loftq", "LoftQ", "Fitted to the error of the quantized base.";
});

words!(TARGET_PARTS: TargetPart {
    TargetPart::Q => "q", "Query", "Query projection.";
    TargetPart::K => "k", "Key", "Key projection.";
    TargetPart::V => "v", "Value", "Value projection.";
    TargetPart::O => "o", "Output", "Output projection of attention.";
    TargetPart::Gate => "gate", "Gate", "Gate of the MLP.";
    TargetPart::Up => "up", "Up", "First matrix of the MLP.";
    TargetPart::Down => "down", "Down", "Last matrix of the MLP.";
});

words!(FLOAT_FORMATS: FloatFormat {
    FloatFormat::Fp64 => "fp64", "FP64", "8 bytes a value; scientific computing.";
    FloatFormat::Fp32 => "fp32", "FP32", "4 bytes a value.";
    FloatFormat::Fp16 => "fp16", "FP16", "2 bytes a value; overflows above 65,504, so gradients need loss scaling.";
    FloatFormat::Bf16 => "bf16", "BF16", "2 bytes a value with the range of FP32.";
    FloatFormat::Fp8 => "fp8", "FP8", "1 byte a value; needs hardware and scaling.";
});

words!(QUANTIZE_WHEN: QuantizeWhen {
    QuantizeWhen::AsLoaded => "as-loaded", "As loaded", "Nothing beyond the load format.";
    QuantizeWhen::AfterTraining => "after-training", "After training (PTQ)", "The commonest: train in 16 bits, quantize to serve.";
    QuantizeWhen::DuringTraining => "during-training", "During training (QAT)", "Low precision is simulated so that the served model stays good; training takes longer.";
    QuantizeWhen::LowPrecisionTraining => "low-precision-training", "Train in low precision", "The arithmetic itself is in few bits; backpropagation is sensitive to it.";
});

words!(ALGORITHMS: Algorithm {
    Algorithm::AdamW => "adamw", "AdamW", "Two moments a value.";
    Algorithm::Adam => "adam", "Adam", "Two moments a value.";
    Algorithm::AdamW8bit => "adamw-8bit", "AdamW 8-bit", "Two moments at one byte each, with a scale for every 256.";
    Algorithm::PagedAdamW => "paged-adamw", "AdamW paged", "Moments wait in host memory and come over the link for the step.";
    Algorithm::PagedAdamW8bit => "paged-adamw-8bit", "AdamW 8-bit paged", "8-bit moments that wait in host memory.";
    Algorithm::Adafactor => "adafactor", "Adafactor", "Row and column means instead of a second moment.";
    Algorithm::Sgd => "sgd", "SGD", "No state.";
    Algorithm::SgdMomentum => "sgd-momentum", "SGD with momentum", "One moment a value.";
    Algorithm::TorchaoAdamW8bit => "adamw-8bit-torchao", "AdamW 8-bit (torchao)", "Two moments at one byte each, with a scale for every 256; tables too.";
    Algorithm::AdamW4bit => "adamw-4bit", "AdamW 4-bit (torchao)", "Two moments at half a byte each, with a scale for every 128.";
    Algorithm::AdamWFp8 => "adamw-fp8", "AdamW FP8 (torchao)", "Two moments in FP8, with a scale for every 256.";
    Algorithm::OffloadedAdamW => "adamw-offloaded", "AdamW offloaded (torchao)", "State and update on the host, with a copy of the weights there.";
    Algorithm::OffloadedAdamWGradients => "adamw-offloaded-gradients", "AdamW and gradients offloaded (torchao)", "State, update and gradients on the host. No accumulation, no clipping.";
    Algorithm::AdamMini => "adam-mini", "Adam-mini", "One moment a value, and one second moment for each row or head.";
    Algorithm::ScheduleFree => "schedule-free", "Schedule-free AdamW", "A second copy of the weights and one moment a value.";
    Algorithm::Apollo => "apollo", "APOLLO", "Moments of randomly projected gradients for the matrices of layers; AdamW for the rest.";
    Algorithm::Lion => "lion", "Lion", "One moment a value; FP32 in bitsandbytes, whatever the weights are.";
    Algorithm::Lion8bit => "lion-8bit", "Lion 8-bit", "One moment at one byte.";
    Algorithm::Muon => "muon", "Muon", "One moment for matrices; AdamW for the rest.";
    Algorithm::Adagrad => "adagrad", "Adagrad", "One sum of squares a value.";
    Algorithm::RmsProp => "rmsprop", "RMSprop", "One mean of squares a value.";
});

words!(LEARNING_RATE_SCHEDULES: LearningRateSchedule {
    LearningRateSchedule::Stack => "stack", "By the stack", "What the software stack does by itself.";
    LearningRateSchedule::Linear => "linear", "Linear", "Falls in a line to 0.";
    LearningRateSchedule::Cosine => "cosine", "Cosine", "Falls along half a cosine to 0.";
    LearningRateSchedule::CosineWithFloor => "cosine-with-floor", "Cosine with a floor", "Falls along half a cosine to a tenth.";
    LearningRateSchedule::Constant => "constant", "Constant", "Stays; in transformers without any warm-up.";
    LearningRateSchedule::ConstantWithWarmup => "constant-with-warmup", "Constant with warm-up", "Rises, then stays.";
    LearningRateSchedule::InverseSquareRoot => "inverse-square-root", "Inverse square root", "Falls with the root of the step.";
    LearningRateSchedule::WarmupStableDecay => "warmup-stable-decay", "Warm-up, stable, decay", "Stays for most of the run and falls at its end.";
});

words!(IMPLEMENTATIONS: Implementation {
    Implementation::Fused => "fused", "Fused", "One kernel, no temporary copies.";
    Implementation::Foreach => "foreach", "Foreach", "Many tensors at once; a temporary as large as one moment. PyTorch's default on GPU.";
    Implementation::ForLoop => "for-loop", "For-loop", "One tensor after another; temporaries of the largest one.";
    Implementation::InBackward => "in-backward", "In backward", "Each weight is updated as its gradient arrives; gradients are never all alive. No accumulation, no clipping.";
});

words!(PACKINGS: Packing {
    Packing::Packed => "packed", "Packed", "Sequences are filled with whole examples; no token is wasted.";
    Packing::Padded => "padded", "Padded", "Padded to the longest; a mask goes along and forces another attention kernel.";
});

words!(CHECKPOINTINGS: Checkpointing {
    Checkpointing::None => "none", "None", "Everything is kept for backward: fastest, most memory.";
    Checkpointing::Selective => "selective", "Selective", "Matrix products are kept, the cheap rest is recomputed.";
    Checkpointing::Full => "full", "Full", "Only each layer's input is kept; the forward pass is computed twice (about a third more time).";
});

words!(ATTENTION_KERNELS: AttentionKernel {
    AttentionKernel::Sdpa => "sdpa", "Flash / SDPA", "No sequence × sequence matrix.";
    AttentionKernel::Eager => "eager", "Eager", "Written out; keeps the probabilities of every pair of tokens.";
});

words!(LOSS_KERNELS: LossKernel {
    LossKernel::Stack => "stack", "As the stack does", "What this version of the software stack does for this kind of fine-tuning.";
    LossKernel::Unfused => "unfused", "Unfused", "Logits, their FP32 copy and log-softmax: the largest single item with a large vocabulary.";
    LossKernel::FusedLogits => "fused-logits", "Fused on logits", "One kernel on logits that exist once.";
    LossKernel::FusedLinear => "fused-linear", "Fused with the head", "Head and loss in chunks (Liger, cut cross-entropy); the logits never exist whole.";
});

words!(PREFERENCE_LOSSES: PreferenceLoss {
    PreferenceLoss::Dpo => "dpo", "DPO", "Pairs of answers against a frozen reference.";
    PreferenceLoss::Kto => "kto", "KTO", "Single answers, good or bad, against a frozen reference.";
    PreferenceLoss::Orpo => "orpo", "ORPO", "Pairs of answers and a supervised term; no reference.";
    PreferenceLoss::Cpo => "cpo", "CPO", "Pairs of answers and a supervised term; no reference.";
    PreferenceLoss::Simpo => "simpo", "SimPO", "Pairs of answers by their mean log-probability; no reference.";
});

words!(REINFORCEMENT_LOSSES: ReinforcementLoss {
    ReinforcementLoss::Grpo => "grpo", "GRPO", "Answers of one prompt are scored against each other.";
    ReinforcementLoss::Rloo => "rloo", "RLOO", "Each answer is scored against the mean of the others.";
});

words!(DISTILLATION_LOSSES: DistillationLoss {
    DistillationLoss::Logits => "logits", "Next-token probabilities", "Divergence between all probabilities of student and teacher.";
    DistillationLoss::Gkd => "gkd", "GKD", "Generalized knowledge distillation on whole logits.";
});

words!(REFERENCES: Reference {
    Reference::Own => "own", "As engines choose", "The base without its adapters where there are some, else a second model.";
    Reference::Model => "model", "Second model", "A frozen copy of the base on the device.";
    Reference::Precomputed => "precomputed", "Computed before", "Its log-probabilities come with the data.";
    Reference::None => "none", "None", "No reference is asked, as GRPO with β = 0.";
});

words!(GENERATORS: Generator {
    Generator::Trainer => "trainer", "The trained model", "transformers generates with the policy itself.";
    Generator::Colocated => "colocated", "vLLM beside it", "vLLM on the same device, with a share of its memory.";
    Generator::Server => "server", "vLLM elsewhere", "vLLM on other devices.";
});

words!(STRATEGIES: Strategy {
    Strategy::Single => "single", "None", "All devices work on the same data.";
    Strategy::Ddp => "ddp", "DDP", "A full copy on every device; gradients are averaged in buckets.";
    Strategy::Zero1 => "zero-1", "ZeRO-1", "DeepSpeed: every device keeps its part of the optimizer state.";
    Strategy::Zero2 => "zero-2", "ZeRO-2", "DeepSpeed: its part of optimizer state and gradients.";
    Strategy::Zero3 => "zero-3", "ZeRO-3", "DeepSpeed: its part of optimizer state, gradients and weights, which are gathered for each use.";
    Strategy::Fsdp => "fsdp", "FSDP", "PyTorch: as ZeRO-3, one flat parameter per layer.";
    Strategy::Fsdp2 => "fsdp2", "FSDP2", "PyTorch's fully_shard: as ZeRO-3, every parameter cut by rows.";
    Strategy::HybridShard => "hybrid-shard", "Hybrid shard", "FSDP inside a group of devices, copies between groups.";
});

words!(SCHEDULES: Schedule {
    Schedule::OneForwardOneBackward => "1f1b", "1F1B", "One forward, one backward in turn; the first stage keeps as many micro-batches as there are stages.";
    Schedule::Interleaved => "interleaved", "Interleaved 1F1B", "Several pieces of the model per device: less idle time, more waiting activations.";
    Schedule::Sequential => "sequential", "One after another", "One micro-batch walks through all stages (device_map): no overlap.";
});

words!(OFFLOADS: Offload {
    Offload::None => "none", "Device", "Stays on the device.";
    Offload::Cpu => "cpu", "Host memory", "Waits in host memory; costs transfers.";
    Offload::Nvme => "nvme", "NVMe", "Waits on a disk, with buffers in host memory; slowest.";
});
