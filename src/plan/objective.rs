//! What a step of training compares: the loss of each kind of fine-tuning, and what it needs beside the model.

/// Settings that only some kinds of fine-tuning have.
#[derive(Clone, Debug, PartialEq)]
pub struct Objective {
    /// Loss of a preference stage.
    pub preference: PreferenceLoss,
    /// Loss of a reinforcement stage.
    pub reinforcement: ReinforcementLoss,
    /// Loss of a distillation stage.
    pub distillation: DistillationLoss,
    /// Tokens at the start of a sequence that no loss is computed of.
    pub prompt_tokens: u64,
    /// Where the frozen policy's log-probabilities come from.
    pub reference: Reference,
    /// The teacher: an id of the model catalogue; empty: its outputs were computed before.
    pub teacher: String,
    /// What a classifier tells apart; a reward model has one value.
    pub classes: u64,
    /// A classifier labels tokens rather than sequences.
    pub per_token: bool,
    /// Completions that are generated and scored at one time.
    pub completions: u64,
    /// Who generates completions.
    pub generator: Generator,
    /// Share of the device's memory that vLLM asks for.
    pub generator_share: f64,
    /// vLLM gives its memory back while the policy is trained.
    pub generator_sleeps: bool,
    /// Sequences of an evaluation batch; `None`: nothing is evaluated on the device.
    pub evaluation_batch: Option<u64>,
    /// Evaluation batches whose logits stay on the device for metrics; 0: only the loss is computed.
    pub evaluation_kept: u64,
}

impl Default for Objective {
    fn default() -> Self {
        Self {
            preference: PreferenceLoss::Dpo,
            reinforcement: ReinforcementLoss::Grpo,
            distillation: DistillationLoss::Logits,
            prompt_tokens: 0,
            reference: Reference::Own,
            teacher: String::new(),
            classes: 2,
            per_token: false,
            completions: 8,
            generator: Generator::Trainer,
            generator_share: 0.3,
            generator_sleeps: false,
            evaluation_batch: None,
            evaluation_kept: 0,
        }
    }
}

/// Loss on preferences.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PreferenceLoss {
    /// Rafailov et al., 2023.
    Dpo,
    /// Ethayarajh et al., 2024: single answers, good or bad.
    Kto,
    /// Hong et al., 2024: no reference.
    Orpo,
    /// Xu et al., 2024: no reference.
    Cpo,
    /// Meng et al., 2024: no reference.
    Simpo,
}

/// Loss on completions that the policy generates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReinforcementLoss {
    /// Shao et al., 2024.
    Grpo,
    /// Ahmadian et al., 2024.
    Rloo,
}

/// Loss against a teacher.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DistillationLoss {
    /// Divergence of all next-token probabilities, as the engine's own trainer computes it.
    Logits,
    /// Generalized knowledge distillation (Agarwal et al., 2023) on whole logits.
    Gkd,
}

/// Where the frozen policy's log-probabilities come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reference {
    /// As engines choose: the base without its adapters where there are some, else a second model.
    Own,
    /// A second model on the device.
    Model,
    /// They were computed before.
    Precomputed,
    /// No frozen policy is asked.
    None,
}

/// Who generates completions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Generator {
    /// The trained model itself, by transformers.
    Trainer,
    /// vLLM on the same device.
    Colocated,
    /// vLLM on other devices.
    Server,
}
