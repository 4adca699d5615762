//! Fields of how much is run. Nothing here bears on memory.

use super::{Field, FieldKind, FieldValue, Section, always, training};

const COUNTS: &[u64] = &[1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];

pub fn fields() -> Vec<Field> {
    vec![
        optional_field!(
            "run.examples",
            "examples",
            Run,
            "Examples",
            "examples",
            FieldKind::OptionalInteger { min: 1, max: 1_000_000_000_000 },
            Integer,
            training,
            run.examples,
            "Training examples in the data; with their average length they give the tokens of an epoch."
        ),
        optional_field!(
            "run.average_length",
            "average-length",
            Run,
            "Average length",
            "tokens",
            FieldKind::OptionalInteger { min: 1, max: 16_777_216 },
            Integer,
            training,
            run.average_length,
            "Tokens of an example on average; not given: every example fills the sequence."
        ),
        optional_field!(
            "run.tokens",
            "training-tokens",
            Run,
            "Training tokens",
            "tokens",
            FieldKind::OptionalInteger { min: 1, max: 1_000_000_000_000_000 },
            Integer,
            training,
            run.tokens,
            "Tokens of one epoch; given, they count instead of examples × average length."
        ),
        Field {
            id: "run.epochs",
            flag: "epochs",
            section: Section::Run,
            label: "Epochs",
            unit: "epochs",
            help: "Times the data is gone through; more for small data.",
            kind: FieldKind::Decimal { min: 0.001, max: 10_000.0, step: 1.0 },
            applies: training,
            get: |plan| Some(FieldValue::Decimal(plan.run.epochs)),
            set: |plan, value| {
                if let FieldValue::Decimal(epochs) = value {
                    plan.run.epochs = *epochs;
                }
                Ok(())
            },
        },
        optional_field!(
            "run.checkpoints",
            "checkpoints",
            Run,
            "Checkpoints",
            "files",
            FieldKind::OptionalInteger { min: 0, max: 1_000_000 },
            Integer,
            training,
            run.checkpoints,
            "Checkpoints written during the run; each makes the devices wait."
        ),
        optional_field!(
            "run.loader_tokens_per_sec",
            "loader-tokens-per-sec",
            Run,
            "Data loading",
            "tokens/s",
            FieldKind::OptionalDecimal { min: 0.001, max: 1e12 },
            Decimal,
            training,
            run.loader_tokens_per_sec,
            "Tokens a second that reading and tokenizing deliver to all devices; not given: they never wait for data."
        ),
        integer_field!(
            "run.adapters",
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
            "run.load_gb_s",
            "load-gb-s",
            Run,
            "Load bandwidth",
            "GB/s",
            FieldKind::OptionalDecimal { min: 0.001, max: 1e6 },
            Decimal,
            always,
            run.load_gb_s,
            "How fast weights reach a device when a model or an adapter is switched; not given: the device's host link."
        ),
        text_field!("run.notes", "run-notes", Run, "Notes on the run", FieldKind::Notes, run.notes, "Why this much."),
    ]
}
