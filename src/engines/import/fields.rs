//! What a configuration says of the job, in the words of a plan.

use serde::Serialize;

/// What the file says; `None`: it does not say it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Fields {
    /// Base model, as written.
    pub model: Option<String>,
    /// Method: `full`, `lora`, `qlora`, `dora`, `galore`, ….
    pub method: Option<String>,
    /// Rank.
    pub rank: Option<u64>,
    /// α, not the factor.
    pub alpha: Option<f64>,
    /// Dropout of the adapters.
    pub dropout: Option<f64>,
    /// Modules trained whole beside the adapters: `embedding`, `head`, others by name.
    pub trained_whole: Option<Vec<String>>,
    /// `all-linear`, or part and module names with commas between.
    pub targets: Option<String>,
    /// `4bit`, `8bit`, or the float format weights are loaded in.
    pub load_format: Option<String>,
    /// Float format of the arithmetic.
    pub compute: Option<String>,
    /// Optimizer.
    pub optimizer: Option<String>,
    /// Examples in one forward pass on one device, as the engine counts them: pairs for preference data.
    pub micro_batch: Option<u64>,
    /// Forward passes before one optimizer step.
    pub accumulation: Option<u64>,
    /// Tokens of one sequence.
    pub sequence_length: Option<u64>,
    /// `yes` or `no`.
    pub packing: Option<String>,
    /// `full`, `none`, `selective`.
    pub checkpointing: Option<String>,
    /// `flash` (any kernel without the score matrix) or `eager`.
    pub attention: Option<String>,
    /// `unfused`, `fused-logits`, `fused-linear`.
    pub loss_kernel: Option<String>,
    /// Learning rate.
    pub learning_rate: Option<f64>,
    /// Passes over the data; unsaid where steps decide.
    pub epochs: Option<f64>,
    /// Optimizer steps, where they decide.
    pub steps: Option<u64>,
    /// `sft`, `pt`, `dpo`, `orpo`, `kto`, `rm`, `grpo`, ….
    pub kind: Option<String>,
    /// How devices share the work: `ddp`, `fsdp`, `fsdp2`, `zero-1` to `zero-3`, ….
    pub strategy: Option<String>,
    /// Devices.
    pub devices: Option<u64>,
    /// Where weights wait: `cpu`, `nvme`.
    pub offload_parameters: Option<String>,
    /// Where the optimizer's state waits.
    pub offload_optimizer: Option<String>,
}

impl Fields {
    /// Names of the fields that the file says.
    pub fn stated(&self) -> Vec<&'static str> {
        let all: [(&'static str, bool); 21] = [
            ("model", self.model.is_some()),
            ("method", self.method.is_some()),
            ("rank", self.rank.is_some()),
            ("alpha", self.alpha.is_some()),
            ("targets", self.targets.is_some()),
            ("load_format", self.load_format.is_some()),
            ("compute", self.compute.is_some()),
            ("optimizer", self.optimizer.is_some()),
            ("micro_batch", self.micro_batch.is_some()),
            ("accumulation", self.accumulation.is_some()),
            ("sequence_length", self.sequence_length.is_some()),
            ("packing", self.packing.is_some()),
            ("checkpointing", self.checkpointing.is_some()),
            ("attention", self.attention.is_some()),
            ("loss_kernel", self.loss_kernel.is_some()),
            ("learning_rate", self.learning_rate.is_some()),
            ("epochs", self.epochs.is_some()),
            ("steps", self.steps.is_some()),
            ("kind", self.kind.is_some()),
            ("strategy", self.strategy.is_some()),
            ("devices", self.devices.is_some()),
        ];
        all.into_iter().filter(|(_, said)| *said).map(|(name, _)| name).collect()
    }
}

/// What an engine does where its file says nothing.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Standard {
    /// Name of the field.
    pub field: String,
    /// Its value.
    pub value: String,
    /// Where in the engine's source this stands.
    pub source: String,
}
