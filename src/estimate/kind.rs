//! Kinds of jobs: what one step of each runs, as data that one replay reads.
//!
//! A stack says in its profile how it computes the loss of a kind ([`RuntimeProfile::heads`]); what is the same in every
//! stack stands here. The sequences and positions are those of TRL's trainers and of transformers' own losses.

use super::profile::RuntimeProfile;
use crate::plan::{DistillationLoss, Method, Plan, PreferenceLoss, Reference, ReinforcementLoss, StageKind};

/// What one step of a kind runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// Key in the `heads` of a profile.
    pub id: &'static str,
    /// Name on screen.
    pub label: &'static str,
    /// What one example of its data is.
    pub data: &'static str,
    /// Sequences of one example in the step's batch: two of a pair.
    pub sequences: u64,
    /// Whether it runs steps at all.
    pub course: Course,
    /// Positions the loss is computed of.
    pub scored: Scored,
    /// What the head answers.
    pub answers: Answers,
    /// The frozen model that is asked in the step.
    pub asks: Asks,
    /// A second batch goes through without gradients before the first (KTO's estimate of the divergence).
    pub side_batch: bool,
    /// Bytes a token of the batch as it comes: ids, labels, masks.
    pub token_bytes: u64,
}

/// What a job runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Course {
    /// Steps of training.
    Steps,
    /// The preparation of a 4-bit base.
    Preparation,
    /// The merge of adapters into their base.
    Merge {
        /// Whether the result is looked through before it takes the place of the weight.
        checked: bool,
    },
}

/// Positions the loss is computed of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scored {
    /// Every position that has a next token, but for the prompt's.
    Next,
    /// The completion, whose first token the prompt's last position predicts.
    Completion,
}

/// What the head answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    /// A score for each token of the vocabulary.
    Vocabulary,
    /// One value of a sequence.
    Value,
    /// The plan's classes.
    Classes,
}

/// The frozen model that is asked in a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    /// None.
    Nobody,
    /// The policy before training.
    Reference,
    /// The policy before training, outside the step: its answers come with the batch.
    ReferenceBefore,
    /// A larger model.
    Teacher,
}

/// Supervised fine-tuning and what differs from it in its data only.
pub const SUPERVISED: Kind = Kind {
    id: "supervised",
    label: "Supervised",
    data: "a text, or an instruction with its response",
    sequences: 1,
    course: Course::Steps,
    scored: Scored::Next,
    answers: Answers::Vocabulary,
    asks: Asks::Nobody,
    side_batch: false,
    token_bytes: 16,
};

const DPO: Kind = Kind {
    id: "dpo",
    label: "DPO",
    data: "a prompt with a better and a worse answer",
    sequences: 2,
    scored: Scored::Completion,
    asks: Asks::Reference,
    token_bytes: 24,
    ..SUPERVISED
};

const KTO: Kind = Kind {
    id: "kto",
    label: "KTO",
    data: "a prompt with an answer, good or bad",
    sequences: 1,
    side_batch: true,
    ..DPO
};

const ORPO: Kind = Kind { id: "orpo", label: "ORPO", asks: Asks::Nobody, token_bytes: 48, ..DPO };

const CPO: Kind = Kind { id: "cpo", label: "CPO", ..ORPO };

const SIMPO: Kind = Kind { id: "simpo", label: "SimPO", ..ORPO };

const GRPO: Kind = Kind {
    id: "grpo",
    label: "GRPO",
    data: "a prompt, and a reward for what is generated",
    sequences: 1,
    asks: Asks::ReferenceBefore,
    token_bytes: 16,
    ..DPO
};

const RLOO: Kind = Kind { id: "rloo", label: "RLOO", ..GRPO };

const DISTILLATION: Kind = Kind {
    id: "distillation",
    label: "Distillation",
    data: "a prompt; the answers are the teacher's",
    asks: Asks::Teacher,
    token_bytes: 24,
    scored: Scored::Completion,
    ..SUPERVISED
};

const GKD: Kind = Kind { id: "gkd", label: "GKD", ..DISTILLATION };

const REWARD: Kind = Kind {
    id: "reward",
    label: "Reward model",
    data: "a prompt with a better and a worse answer",
    sequences: 2,
    answers: Answers::Value,
    ..SUPERVISED
};

const CLASSIFICATION: Kind = Kind {
    id: "classification",
    label: "Classification",
    data: "a text with its label",
    answers: Answers::Classes,
    ..SUPERVISED
};

/// The preparation of a 4-bit base for training, alone.
pub const PREPARATION: Kind =
    Kind { id: "preparation", label: "Preparation of a 4-bit base", course: Course::Preparation, ..SUPERVISED };

/// Merging adapters into their base, alone.
pub const MERGE: Kind = Kind { id: "merge", label: "Merge", course: Course::Merge { checked: false }, ..SUPERVISED };

/// The same, with the result looked through first.
pub const CHECKED_MERGE: Kind =
    Kind { id: "checked-merge", label: "Checked merge", course: Course::Merge { checked: true }, ..SUPERVISED };

/// All kinds that have a model of their own.
pub const KINDS: [&Kind; 12] =
    [&SUPERVISED, &DPO, &KTO, &ORPO, &CPO, &SIMPO, &GRPO, &RLOO, &DISTILLATION, &GKD, &REWARD, &CLASSIFICATION];

impl Kind {
    /// What a stage of `plan` runs.
    pub fn of(plan: &Plan, stage: StageKind) -> &'static Self {
        match stage {
            StageKind::ContinuedPretraining | StageKind::Supervised | StageKind::Infilling | StageKind::LongContext => {
                &SUPERVISED
            }
            StageKind::Preference => match plan.objective.preference {
                PreferenceLoss::Dpo => &DPO,
                PreferenceLoss::Kto => &KTO,
                PreferenceLoss::Orpo => &ORPO,
                PreferenceLoss::Cpo => &CPO,
                PreferenceLoss::Simpo => &SIMPO,
            },
            StageKind::RewardModel => &REWARD,
            StageKind::Distillation => match plan.objective.distillation {
                DistillationLoss::Logits => &DISTILLATION,
                DistillationLoss::Gkd => &GKD,
            },
            StageKind::Reinforcement => match plan.objective.reinforcement {
                ReinforcementLoss::Grpo => &GRPO,
                ReinforcementLoss::Rloo => &RLOO,
            },
            StageKind::Classification => &CLASSIFICATION,
        }
    }

    /// Whether `profile` says how its stack computes this kind's loss. The supervised loss is everybody's.
    pub fn is_known(&self, profile: &RuntimeProfile) -> bool {
        self.id == SUPERVISED.id || profile.heads.contains_key(self.id)
    }
}

/// The kinds that a plan's stages run on a stack, each once; stages without a model of their own are taken as supervised.
pub fn kinds(plan: &Plan, profile: &RuntimeProfile) -> Vec<&'static Kind> {
    let mut found: Vec<&'static Kind> = Vec::with_capacity(1);
    for &stage in &plan.stages {
        let kind = Kind::of(plan, stage);
        let kind = if kind.is_known(profile) { kind } else { &SUPERVISED };
        if !found.contains(&kind) {
            found.push(kind);
        }
    }
    if found.is_empty() {
        found.push(&SUPERVISED);
    }
    found
}

/// Stages of a plan that its stack has no model of, in the words of the screen.
pub fn without_model(plan: &Plan, profile: &RuntimeProfile) -> Vec<&'static str> {
    let mut found = Vec::new();
    for &stage in &plan.stages {
        let kind = Kind::of(plan, stage);
        if !kind.is_known(profile) && !found.contains(&kind.label) {
            found.push(kind.label);
        }
    }
    found
}

/// Whether a distillation names no teacher.
pub fn misses_teacher(plan: &Plan) -> bool {
    plan.stages.contains(&StageKind::Distillation) && plan.objective.teacher.is_empty()
}

/// How the frozen policy stands beside the trained one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Nobody asks it.
    Absent,
    /// A second model on the device.
    Second,
    /// The base model with its adapters off.
    Base,
}

/// The frozen policy of `kind` in `plan`.
pub fn frozen_policy(plan: &Plan, kind: &Kind) -> Policy {
    if !matches!(kind.asks, Asks::Reference | Asks::ReferenceBefore) {
        return Policy::Absent;
    }
    let adapters = !matches!(plan.method.method, Method::Full | Method::Galore { .. } | Method::BitFit)
        && !matches!(plan.method.method, Method::LastLayers { .. } | Method::Blockwise { .. });
    match plan.objective.reference {
        Reference::None | Reference::Precomputed => Policy::Absent,
        Reference::Own if adapters => Policy::Base,
        Reference::Model | Reference::Own => Policy::Second,
    }
}
