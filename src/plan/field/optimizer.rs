//! Fields of the optimizer.

use super::id;
use super::words::{ALGORITHMS, IMPLEMENTATIONS, LEARNING_RATE_SCHEDULES, Word as _};
use super::{Field, FieldKind, FieldValue, Section, training};
use crate::plan::{Algorithm, Implementation, LearningRateSchedule, Plan};

const RANKS: &[u64] = &[1, 4, 8, 16, 32, 64, 128, 256, 512, 1024];

fn projects(plan: &Plan) -> bool {
    training(plan) && plan.optimizer.algorithm == Algorithm::Apollo
}

fn clips(plan: &Plan) -> bool {
    training(plan) && plan.optimizer.clip_gradients
}

pub fn fields() -> Vec<Field> {
    vec![
        word_field!(id::OPTIMIZER_ALGORITHM, "optimizer", Optimizer, "Optimizer", ALGORITHMS, training, optimizer.algorithm: Algorithm, "Update rule; decides how many values are kept for every trained one."),
        word_field!(id::OPTIMIZER_IMPLEMENTATION, "optimizer-implementation", Optimizer, "Implementation", IMPLEMENTATIONS, training, optimizer.implementation: Implementation, "How the update is written; decides the temporary copies in the step."),
        toggle_field!(
            id::OPTIMIZER_CLIP_GRADIENTS,
            "clip-gradients",
            Optimizer,
            "Clip gradients",
            training,
            optimizer.clip_gradients,
            "Gradients are scaled to a norm before the step, which needs all of them at once."
        ),
        Field {
            id: id::OPTIMIZER_MAX_GRADIENT_NORM,
            flag: "max-gradient-norm",
            section: Section::Optimizer,
            label: "Largest gradient norm",
            unit: "",
            help: "Norm to which gradients are clipped. No figure rests on it; exported files have it.",
            kind: FieldKind::Decimal { min: 0.000_001, max: 1_000_000.0, step: 0.1 },
            applies: clips,
            get: |plan| Some(FieldValue::Decimal(plan.optimizer.max_gradient_norm)),
            set: |plan, value| {
                plan.optimizer.max_gradient_norm = value.decimal()?;
                Ok(())
            },
        },
        Field {
            id: id::OPTIMIZER_RANK,
            flag: "optimizer-rank",
            section: Section::Optimizer,
            label: "Rank of the projection",
            unit: "",
            help: "Rank to which APOLLO projects gradients for its moments; 1 is APOLLO-Mini.",
            kind: FieldKind::Integer { min: 1, max: 65_536, steps: RANKS },
            applies: projects,
            get: |plan| {
                (plan.optimizer.algorithm == Algorithm::Apollo).then_some(FieldValue::Integer(plan.optimizer.rank))
            },
            set: |plan, value| {
                plan.optimizer.rank = value.integer()?;
                Ok(())
            },
        },
        optional_field!(
            id::OPTIMIZER_LEARNING_RATE,
            "learning-rate",
            Optimizer,
            "Learning rate",
            "",
            FieldKind::OptionalDecimal { min: 1e-12, max: 100.0 },
            Decimal(decimal),
            training,
            optimizer.learning_rate,
            "Highest learning rate of the schedule; not given: the stack's own. Checked against the bands of method and size; no figure rests on it."
        ),
        word_field!(id::OPTIMIZER_SCHEDULE, "learning-rate-schedule", Optimizer, "Rate schedule", LEARNING_RATE_SCHEDULES, training, optimizer.schedule: LearningRateSchedule, "How the learning rate changes over the run. Checked against warm-up and update rule; no figure rests on it."),
        optional_field!(
            id::OPTIMIZER_WARMUP_SHARE,
            "warmup-share",
            Optimizer,
            "Warm-up",
            "share of the steps",
            FieldKind::OptionalDecimal { min: 0.0, max: 1.0 },
            Decimal(decimal),
            training,
            optimizer.warmup_share,
            "Share of the steps over which the learning rate rises; not given: the stack's own. Checked against the schedule; no figure rests on it."
        ),
        optional_field!(
            id::OPTIMIZER_WEIGHT_DECAY,
            "weight-decay",
            Optimizer,
            "Weight decay",
            "",
            FieldKind::OptionalDecimal { min: 0.0, max: 10.0 },
            Decimal(decimal),
            training,
            optimizer.weight_decay,
            "Share of each weight that a step takes away, times the learning rate; not given: the stack's own. No figure rests on it; exported files have it."
        ),
        text_field!(
            id::OPTIMIZER_NOTES,
            "optimizer-notes",
            Optimizer,
            "Notes on the optimizer",
            FieldKind::Notes,
            optimizer.notes,
            "Why this optimizer."
        ),
    ]
}
