//! Fields of how much is run. Nothing here bears on memory.

use super::id;
use super::{Field, FieldKind, FieldValue, Section, always, training};

const COUNTS: &[u64] = &[1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];

pub fn fields() -> Vec<Field> {
    vec![
        optional_field!(
            id::RUN_EXAMPLES,
            "examples",
            Run,
            "Examples",
            "examples",
            FieldKind::OptionalInteger { min: 1, max: 1_000_000_000_000 },
            Integer(integer),
            training,
            run.examples,
            "Training examples in the data; with their average length they give the tokens of an epoch."
        ),
        optional_field!(
            id::RUN_AVERAGE_LENGTH,
            "average-length",
            Run,
            "Average length",
            "tokens",
            FieldKind::OptionalInteger { min: 1, max: 16_777_216 },
            Integer(integer),
            training,
            run.average_length,
            "Tokens of an example on average; not given: every example fills the sequence."
        ),
        optional_field!(
            id::RUN_TOKENS,
            "training-tokens",
            Run,
            "Training tokens",
            "tokens",
            FieldKind::OptionalInteger { min: 1, max: 1_000_000_000_000_000 },
            Integer(integer),
            training,
            run.tokens,
            "Tokens of one epoch; given, they count instead of examples × average length."
        ),
        Field {
            id: id::RUN_EPOCHS,
            flag: "epochs",
            section: Section::Run,
            label: "Epochs",
            unit: "epochs",
            help: "Times the data is gone through; more for small data.",
            kind: FieldKind::Decimal { min: 0.001, max: 10_000.0, step: 1.0 },
            applies: training,
            get: |plan| Some(FieldValue::Decimal(plan.run.epochs)),
            set: |plan, value| {
                plan.run.epochs = value.decimal()?;
                Ok(())
            },
        },
        optional_field!(
            id::RUN_MAX_STEPS,
            "max-steps",
            Run,
            "Most steps",
            "steps",
            FieldKind::OptionalInteger { min: 1, max: 1_000_000_000 },
            Integer(integer),
            training,
            run.max_steps,
            "Optimizer steps after which the run ends, whatever the epochs say."
        ),
        optional_field!(
            id::RUN_SEED,
            "seed",
            Run,
            "Seed",
            "",
            FieldKind::OptionalInteger { min: 0, max: 4_294_967_295 },
            Integer(integer),
            training,
            run.seed,
            "Seed of order, initial values and dropout. No figure rests on it; exported files have it."
        ),
        optional_field!(
            id::RUN_EVALUATION_STEPS,
            "evaluation-steps",
            Run,
            "Evaluate every",
            "steps",
            FieldKind::OptionalInteger { min: 1, max: 1_000_000_000 },
            Integer(integer),
            training,
            run.evaluation_steps,
            "Optimizer steps between two evaluations; their memory needs an evaluation batch. Their time is not counted."
        ),
        optional_field!(
            id::RUN_SAVE_STEPS,
            "save-steps",
            Run,
            "Save every",
            "steps",
            FieldKind::OptionalInteger { min: 1, max: 1_000_000_000 },
            Integer(integer),
            training,
            run.save_steps,
            "Optimizer steps between two checkpoints; gives their number where that is not said."
        ),
        optional_field!(
            id::RUN_SAVE_TOTAL_LIMIT,
            "save-total-limit",
            Run,
            "Keep at most",
            "checkpoints",
            FieldKind::OptionalInteger { min: 1, max: 1_000_000 },
            Integer(integer),
            training,
            run.save_total_limit,
            "Checkpoints that are kept, the oldest being deleted; decides the disk they take."
        ),
        optional_field!(
            id::RUN_CHECKPOINTS,
            "checkpoints",
            Run,
            "Checkpoints",
            "files",
            FieldKind::OptionalInteger { min: 0, max: 1_000_000 },
            Integer(integer),
            training,
            run.checkpoints,
            "Checkpoints written during the run; each makes the devices wait."
        ),
        optional_field!(
            id::RUN_LOADER_TOKENS_PER_SEC,
            "loader-tokens-per-sec",
            Run,
            "Data loading",
            "tokens/s",
            FieldKind::OptionalDecimal { min: 0.001, max: 1e12 },
            Decimal(decimal),
            training,
            run.loader_tokens_per_sec,
            "Tokens a second that reading and tokenizing deliver to all devices; not given: they never wait for data."
        ),
        integer_field!(
            id::RUN_ADAPTERS,
            "served-adapters",
            Run,
            "Served adapters",
            "adapters",
            1..=1_000_000,
            COUNTS,
            always,
            run.adapters,
            "Adapters, such as customers, that are served from one base model."
        ),
        optional_field!(
            id::RUN_LOAD_GB_S,
            "load-gb-s",
            Run,
            "Load bandwidth",
            "GB/s",
            FieldKind::OptionalDecimal { min: 0.001, max: 1e6 },
            Decimal(decimal),
            always,
            run.load_gb_s,
            "How fast weights reach a device when a model or an adapter is switched; not given: the device's host link."
        ),
        text_field!(id::RUN_NOTES, "run-notes", Run, "Notes on the run", FieldKind::Notes, run.notes, "Why this much."),
    ]
}
