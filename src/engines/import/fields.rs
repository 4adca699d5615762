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

/// Whether a file says a field.
type Says = fn(&Fields) -> bool;

/// Fields of which an engine may have a default, as its table calls them, with whether a file says them.
const NAMED: [(&str, Says); 14] = [
    ("rank", |fields| fields.rank.is_some()),
    ("alpha", |fields| fields.alpha.is_some()),
    ("targets", |fields| fields.targets.is_some()),
    ("load_format", |fields| fields.load_format.is_some()),
    ("optimizer", |fields| fields.optimizer.is_some()),
    ("micro_batch", |fields| fields.micro_batch.is_some()),
    ("accumulation", |fields| fields.accumulation.is_some()),
    ("sequence_length", |fields| fields.sequence_length.is_some()),
    ("packing", |fields| fields.packing.is_some()),
    ("checkpointing", |fields| fields.checkpointing.is_some()),
    ("attention", |fields| fields.attention.is_some()),
    ("learning_rate", |fields| fields.learning_rate.is_some()),
    ("epochs", |fields| fields.epochs.is_some()),
    ("steps", |fields| fields.steps.is_some()),
];

impl Fields {
    /// Whether the file says the field of this name; `None`: there is no such field.
    pub(crate) fn says(&self, name: &str) -> Option<bool> {
        NAMED.iter().find(|(known, _)| *known == name).map(|(_, says)| says(self))
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
