//! Fields of the user's own measurements.

use super::id;
use super::{Field, FieldKind, FieldValue, LineKind, Section};
use crate::plan::Plan;

const fn any(plan: &Plan) -> bool {
    !plan.measured.peaks.is_empty()
}

pub fn fields() -> Vec<Field> {
    vec![
        Field {
            id: id::MEASURED_PEAKS,
            flag: "measured",
            section: Section::Measured,
            label: "Measured peaks",
            unit: "",
            help: "Peaks of one device measured for this plan, such as `reserved 18.42 GiB: RTX 4090, torch 2.9`. What was expected then is kept beside.",
            kind: FieldKind::Lines(LineKind::Peaks),
            applies: any,
            get: |plan| {
                let lines = plan.measured.peaks.iter().map(ToString::to_string).collect();
                any(plan).then_some(FieldValue::List(lines))
            },
            set: |plan, value| {
                plan.measured.peaks = value.list()?.iter().map(|line| line.parse()).collect::<Result<_, _>>()?;
                Ok(())
            },
        },
        Field {
            id: id::MEASURED_CALIBRATE,
            flag: "calibrate",
            section: Section::Measured,
            label: "Calibrate",
            unit: "",
            help: "Multiply the estimate by what the measurements say: the median of measured over expected.",
            kind: FieldKind::Toggle,
            // What is not as usual is said, though it does nothing until there is a peak again.
            applies: |plan| any(plan) || !plan.measured.calibrate,
            get: |plan| (any(plan) || !plan.measured.calibrate).then_some(FieldValue::Toggle(plan.measured.calibrate)),
            set: |plan, value| {
                plan.measured.calibrate = value.toggle()?;
                Ok(())
            },
        },
        Field {
            id: id::MEASURED_TRIALS,
            flag: "trials",
            section: Section::Measured,
            label: "Previews",
            unit: "",
            help: "Results of previews on this machine, such as `loss 5.4 to 0.2, exact 12 of 48: 2026-11-24, NF4`: loss per token (nats) on held-out answers before and after.",
            kind: FieldKind::Lines(LineKind::Trials),
            applies: |plan| !plan.measured.trials.is_empty(),
            get: |plan| {
                let lines: Vec<String> = plan.measured.trials.iter().map(ToString::to_string).collect();
                (!lines.is_empty()).then_some(FieldValue::List(lines))
            },
            set: |plan, value| {
                plan.measured.trials = value.list()?.iter().map(|line| line.parse()).collect::<Result<_, _>>()?;
                Ok(())
            },
        },
    ]
}
