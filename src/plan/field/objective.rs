//! Fields of the loss: only there where a kind of fine-tuning asks for them.

use super::id;
use super::words::{DISTILLATION_LOSSES, GENERATORS, PREFERENCE_LOSSES, REFERENCES, REINFORCEMENT_LOSSES, Word as _};
use super::{Field, FieldKind, FieldValue, Section};
use crate::plan::{DistillationLoss, Generator, Plan, PreferenceLoss, Reference, ReinforcementLoss, StageKind};

const LENGTHS: &[u64] = &[0, 64, 128, 256, 512, 768, 1024, 2048, 4096, 8192];
const COUNTS: &[u64] = &[1, 2, 4, 8, 16, 32, 64];

/// The plan has a stage of one of `kinds`.
fn has(plan: &Plan, kinds: &[StageKind]) -> bool {
    plan.stages.iter().any(|stage| kinds.contains(stage))
}

fn prefers(plan: &Plan) -> bool {
    has(plan, &[StageKind::Preference])
}

fn reinforces(plan: &Plan) -> bool {
    has(plan, &[StageKind::Reinforcement])
}

fn distils(plan: &Plan) -> bool {
    has(plan, &[StageKind::Distillation])
}

fn classifies(plan: &Plan) -> bool {
    has(plan, &[StageKind::Classification])
}

fn refers(plan: &Plan) -> bool {
    prefers(plan) || reinforces(plan)
}

fn answers(plan: &Plan) -> bool {
    refers(plan) || distils(plan) || plan.objective.prompt_tokens > 0
}

fn evaluates(plan: &Plan) -> bool {
    plan.objective.evaluation_batch.is_some()
}

fn colocates(plan: &Plan) -> bool {
    reinforces(plan) && plan.objective.generator == Generator::Colocated
}

/// A field that is there where `$there`, and shown where `$applies`.
macro_rules! objective_field {
    ($id:expr, $flag:literal, $label:literal, $unit:literal, $kind:expr, $there:expr, $path:ident, $variant:ident($read:ident), $help:literal) => {
        objective_field!($id, $flag, $label, $unit, $kind, $there, $there, $path, $variant($read), $help)
    };
    ($id:expr, $flag:literal, $label:literal, $unit:literal, $kind:expr, $there:expr, $applies:expr, $path:ident, $variant:ident($read:ident), $help:literal) => {
        Field {
            id: $id,
            flag: $flag,
            section: Section::Objective,
            label: $label,
            unit: $unit,
            help: $help,
            kind: $kind,
            applies: |plan| super::training(plan) && $applies(plan),
            get: |plan| $there(plan).then(|| FieldValue::$variant(plan.objective.$path.clone())),
            set: |plan, value| {
                plan.objective.$path = value.$read()?.to_owned();
                Ok(())
            },
        }
    };
}

/// The same for a choice.
macro_rules! objective_word {
    ($id:expr, $flag:literal, $label:literal, $choices:expr, $applies:expr, $path:ident : $type:ty, $help:literal) => {
        Field {
            id: $id,
            flag: $flag,
            section: Section::Objective,
            label: $label,
            unit: "",
            help: $help,
            kind: FieldKind::Choice($choices),
            applies: |plan| super::training(plan) && $applies(plan),
            get: |plan| $applies(plan).then(|| FieldValue::Id(plan.objective.$path.id().to_owned())),
            set: |plan, value| {
                plan.objective.$path = value.word::<$type>()?;
                Ok(())
            },
        }
    };
}

pub fn fields() -> Vec<Field> {
    vec![
        objective_word!(id::OBJECTIVE_PREFERENCE, "preference", "Preference loss", PREFERENCE_LOSSES, prefers, preference: PreferenceLoss, "Loss of a preference stage; decides whether a frozen reference is asked."),
        objective_word!(id::OBJECTIVE_REINFORCEMENT, "reinforcement", "Reinforcement loss", REINFORCEMENT_LOSSES, reinforces, reinforcement: ReinforcementLoss, "Loss on completions that the policy generates."),
        objective_word!(id::OBJECTIVE_DISTILLATION, "distillation", "Distillation loss", DISTILLATION_LOSSES, distils, distillation: DistillationLoss, "How the student is compared with its teacher."),
        objective_word!(id::OBJECTIVE_REFERENCE, "reference", "Reference", REFERENCES, refers, reference: Reference, "Where the frozen policy's log-probabilities come from; a second model costs its weights."),
        objective_field!(
            id::OBJECTIVE_TEACHER,
            "teacher",
            "Teacher",
            "",
            FieldKind::Text,
            distils,
            teacher,
            Text(text),
            "Model of the catalogue that is imitated, held frozen in 16 bits beside the student; empty: its outputs were computed before."
        ),
        objective_field!(
            id::OBJECTIVE_PROMPT_TOKENS,
            "prompt-tokens",
            "Prompt tokens",
            "tokens",
            FieldKind::Integer { min: 0, max: 16_777_216, steps: LENGTHS },
            answers,
            prompt_tokens,
            Integer(integer),
            "Tokens at the start of a sequence that no loss is computed of; the rest is scored."
        ),
        objective_field!(
            id::OBJECTIVE_CLASSES,
            "classes",
            "Classes",
            "classes",
            FieldKind::Integer { min: 1, max: 1_048_576, steps: COUNTS },
            classifies,
            classes,
            Integer(integer),
            "What the classifier tells apart: rows of its head."
        ),
        objective_field!(
            id::OBJECTIVE_PER_TOKEN,
            "per-token",
            "Labels tokens",
            "",
            FieldKind::Toggle,
            classifies,
            per_token,
            Toggle(toggle),
            "Every token has a label rather than the whole sequence. No figure rests on it: transformers computes the classes of every position in both."
        ),
        objective_field!(
            id::OBJECTIVE_COMPLETIONS,
            "completions",
            "Completions at once",
            "sequences",
            FieldKind::Integer { min: 1, max: 1_048_576, steps: COUNTS },
            reinforces,
            completions,
            Integer(integer),
            "Completions that are generated and scored at one time on a device; the cache grows with them."
        ),
        objective_word!(id::OBJECTIVE_GENERATOR, "generator", "Generation", GENERATORS, reinforces, generator: Generator, "Who generates completions."),
        objective_field!(
            id::OBJECTIVE_GENERATOR_SHARE,
            "generator-share",
            "vLLM's share",
            "",
            FieldKind::Decimal { min: 0.0, max: 1.0, step: 0.05 },
            reinforces,
            colocates,
            generator_share,
            Decimal(decimal),
            "Share of the device's memory that vLLM asks for at its start: its own weights, profile run and cache are in it."
        ),
        objective_field!(
            id::OBJECTIVE_GENERATOR_SLEEPS,
            "generator-sleeps",
            "vLLM sleeps",
            "",
            FieldKind::Toggle,
            reinforces,
            colocates,
            generator_sleeps,
            Toggle(toggle),
            "vLLM gives its memory back while the policy is trained."
        ),
        Field {
            id: id::OBJECTIVE_EVALUATION_BATCH,
            flag: "evaluation-batch",
            section: Section::Objective,
            label: "Evaluation batch",
            unit: "sequences",
            help: "Sequences of an evaluation batch during training; without it nothing is evaluated on the device.",
            kind: FieldKind::OptionalInteger { min: 1, max: 1_048_576 },
            applies: super::training,
            get: |plan| Some(plan.objective.evaluation_batch.map_or(FieldValue::Unset, FieldValue::Integer)),
            set: |plan, value| {
                plan.objective.evaluation_batch = match value {
                    FieldValue::Integer(number) => Some(*number),
                    _ => None,
                };
                Ok(())
            },
        },
        objective_field!(
            id::OBJECTIVE_EVALUATION_KEPT,
            "evaluation-kept",
            "Kept logits",
            "batches",
            FieldKind::Integer { min: 0, max: 1_048_576, steps: COUNTS },
            evaluates,
            evaluation_kept,
            Integer(integer),
            "Evaluation batches whose logits stay on the device for a metric; 0: only the loss is computed."
        ),
    ]
}
