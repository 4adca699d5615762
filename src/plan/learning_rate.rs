//! Where learning rates usually lie: one figure a kind of job, moved by method, size and update rule.

use super::{Algorithm, Method, Plan, StageKind};

/// How far from the usual figure a rate is remarked on; a convention of this program, as no source gives an edge.
const FACTOR: f64 = 10.0;
/// Parameters from which QLoRA's authors halved the rate (33B and 65B).
const LARGE: u64 = 30_000_000_000;

/// Where the learning rate of a plan usually lies.
#[derive(Clone, Debug, PartialEq)]
pub struct LearningRateBand {
    /// The figure to begin with.
    pub usual: f64,
    /// What it is for, in words.
    pub kind: &'static str,
    /// What moved it from the figure of full fine-tuning.
    pub moved: Vec<&'static str>,
    /// Where it comes from.
    pub source: &'static str,
}

impl LearningRateBand {
    /// Of the last stage of `plan`, for a model of so many parameters.
    pub fn of(plan: &Plan, parameters: Option<u64>) -> Self {
        let (kind, full) = match plan.stages.last() {
            Some(StageKind::Preference) => ("preference tuning", 1e-6),
            Some(StageKind::Reinforcement) => ("reinforcement", 1e-6),
            Some(StageKind::RewardModel) => ("a reward model", 1e-4),
            Some(StageKind::Distillation) => ("distillation", 2e-5),
            Some(StageKind::Classification) => ("a classifier", 5e-5),
            _ => ("supervised tuning", 2e-5),
        };
        let mut band = Self {
            usual: full,
            kind,
            moved: Vec::new(),
            source: "TRL 1.16 and transformers 5.24: defaults of their trainers; Schulman et al., 2025, LoRA without regret; Dettmers et al., 2023, QLoRA, table 9",
        };
        let is_adapter = matches!(plan.method.method, Method::Lora(_) | Method::Qlora(_));
        // The trainer of reward models has a rate for adapters already.
        if is_adapter && !matches!(plan.stages.last(), Some(StageKind::RewardModel)) {
            band.usual *= 10.0;
            band.moved.push("LoRA about ten times that of full fine-tuning, fifteen in runs under 100 steps");
        }
        if is_adapter && parameters.is_some_and(|parameters| parameters >= LARGE) {
            band.usual /= 2.0;
            band.moved.push("half of it from 30 billion parameters on");
        }
        if matches!(plan.optimizer.algorithm, Algorithm::Lion | Algorithm::Lion8bit) {
            band.usual /= 5.0;
            band.moved.push("Lion a third to a tenth of AdamW's (Chen et al., 2023)");
        }
        band
    }

    /// Lowest that is not remarked on.
    pub fn low(&self) -> f64 {
        self.usual / FACTOR
    }

    /// Highest that is not remarked on.
    pub fn high(&self) -> f64 {
        self.usual * FACTOR
    }

    /// Whether the update rule has learning rates of this kind: those of SGD, Muon and Adafactor are another matter.
    pub const fn holds_for(algorithm: Algorithm) -> bool {
        !matches!(
            algorithm,
            Algorithm::Sgd
                | Algorithm::SgdMomentum
                | Algorithm::Muon
                | Algorithm::Adafactor
                | Algorithm::Adagrad
                | Algorithm::RmsProp
                | Algorithm::ScheduleFree
                | Algorithm::Apollo
        )
    }
}
