//! Fields of the plan as a whole.

use super::id;
use super::words::{STAGE_KINDS, WORKLOADS, Word as _};
use super::{Field, FieldKind, FieldValue, Section, training};
use crate::plan::{StageKind, Workload};

pub fn fields() -> Vec<Field> {
    // Their words are checked against the same table.
    debug_assert!(!STAGE_KINDS.is_empty());
    vec![
        text_field!(
            id::NAME,
            "name",
            Plan,
            "Name",
            FieldKind::Text,
            name,
            "What the job is called in tabs, reports and comparisons."
        ),
        text_field!(
            id::NOTES,
            "notes",
            Plan,
            "Notes",
            FieldKind::Notes,
            notes,
            "Free text for reviewers: goal, data, decisions."
        ),
        word_field!(id::WORKLOAD, "workload", Plan, "Workload", WORKLOADS, super::always, workload: Workload, "Estimate a training step, or running the model."),
        Field {
            id: id::STAGES,
            flag: "stages",
            section: Section::Plan,
            label: "Kind of fine-tuning",
            unit: "",
            help: "Kinds in the order they are done, such as continued pre-training before supervised; the data each needs follows from it.",
            kind: FieldKind::Stages,
            applies: training,
            get: |plan| Some(FieldValue::List(plan.stages.iter().map(|kind| kind.id().to_owned()).collect())),
            set: |plan, value| {
                let kind = |id: &String| FieldValue::Id(id.clone()).word::<StageKind>();
                plan.stages = value.list()?.iter().map(kind).collect::<Result<_, _>>()?;
                Ok(())
            },
        },
    ]
}
