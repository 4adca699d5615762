//! How memory, time and cost answer to a setting: curves, the heat map of batch against sequence, and which setting
//! moves memory most.

use super::figures::{Figures, Known, contradictions, contradicts_more, edited, memory_and_fit};
use crate::estimate::{Fit, Inputs};
use crate::plan::Plan;
use crate::plan::edit::PlanEdit;
use crate::plan::field::{Field, FieldId, FieldKind, FieldValue, field, fields};
use crate::units::Bytes;
use std::borrow::Cow;

/// Points of a curve around a value that has no stops of its own: factors on both sides.
const FACTORS: [(u64, u64); 9] = [(1, 8), (1, 4), (1, 2), (3, 4), (1, 1), (3, 2), (2, 1), (4, 1), (8, 1)];

/// The plan with one value of the setting.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// The value.
    pub value: FieldValue,
    /// The value as a number, for the axis.
    pub number: f64,
    /// What the plan comes to with it.
    pub figures: Figures,
    /// The value contradicts another setting, so that the figures are of no use but to see the course.
    pub contradicts: bool,
}

/// A setting against what the plan comes to.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// The setting.
    pub field: FieldId,
    /// Its name.
    pub label: &'static str,
    /// Unit of its values.
    pub unit: &'static str,
    /// Ascending by value; the plan's own is among them.
    pub points: Vec<Point>,
    /// What one device offers: the line in the picture.
    pub capacity: Option<Bytes>,
}

/// Settings of `plan` that a curve can be drawn for: numbers that apply and are given.
pub fn numeric_fields(plan: &Plan) -> Vec<&'static Field> {
    fields().iter().filter(|field| (field.applies)(plan) && !values(plan, field).is_empty()).collect()
}

/// Values of a setting worth looking at: its slider's stops, else factors of the present value; always the present one.
/// Empty for settings that are no number, or a number that is not given.
pub fn values(plan: &Plan, field: &Field) -> Vec<FieldValue> {
    let around = |now: u64, min: u64, max: u64| -> Vec<u64> {
        FACTORS.iter().map(|(times, over)| (now.saturating_mul(*times) / over).clamp(min, max)).collect()
    };
    let counted = |mut found: Vec<u64>| {
        found.sort_unstable();
        found.dedup();
        found.into_iter().map(FieldValue::Integer).collect()
    };
    match (field.kind, (field.get)(plan)) {
        (
            FieldKind::Integer { min, max, steps: [] } | FieldKind::OptionalInteger { min, max },
            Some(FieldValue::Integer(now)),
        ) => counted(around(now, min, max)),
        (FieldKind::Integer { steps, .. }, Some(FieldValue::Integer(now))) => {
            counted(steps.iter().copied().chain([now]).collect())
        }
        (
            FieldKind::Decimal { min, max, .. } | FieldKind::OptionalDecimal { min, max },
            Some(FieldValue::Decimal(now)),
        ) => {
            let mut found: Vec<f64> =
                FACTORS.iter().map(|(times, over)| (now * *times as f64 / *over as f64).clamp(min, max)).collect();
            found.sort_by(f64::total_cmp);
            found.dedup();
            found.into_iter().map(FieldValue::Decimal).collect()
        }
        _ => Vec::new(),
    }
}

/// The curve of a setting over `values`. `Err`: there is no such setting, it is no number, or the plan names something
/// unknown, in a sentence.
pub fn curve(plan: &Plan, id: &str, values: &[FieldValue], known: Known<'_>) -> Result<Curve, String> {
    let field = field(id).ok_or_else(|| format!("there is no setting `{id}`"))?;
    let inputs = known_inputs(plan, known)?;
    let before = contradictions(&inputs);
    if values.is_empty() {
        return Err(format!("{} is no number of this plan that could be varied", field.label));
    }
    let mut points = Vec::new();
    for value in values {
        let edit = PlanEdit::Set(field.id, value.clone());
        let mut changed = plan.clone();
        edit.apply(&mut changed).map_err(|error| error.0)?;
        let inputs = known_inputs(&changed, known)?;
        let number = match value {
            FieldValue::Integer(number) => *number as f64,
            FieldValue::Decimal(number) => *number,
            _ => return Err(format!("{} is no number", field.label)),
        };
        let contradicts = contradicts_more(&before, &inputs);
        points.push(Point { value: value.clone(), number, figures: Figures::of(&inputs), contradicts });
    }
    points.sort_by(|a, b| a.number.total_cmp(&b.number));
    let capacity = points.iter().find_map(|point| point.figures.capacity);
    Ok(Curve { field: field.id, label: field.label, unit: field.unit, points, capacity })
}

fn known_inputs<'p>(plan: &'p Plan, known: Known<'p>) -> Result<Inputs<'p>, String> {
    known.inputs(plan)
}

/// Memory over micro-batch and sequence length.
#[derive(Clone, Debug, PartialEq)]
pub struct HeatMap {
    /// Micro-batches, one row each.
    pub batches: Vec<u64>,
    /// Sequence lengths, one column each.
    pub lengths: Vec<u64>,
    /// Expected memory and verdict, row after row.
    pub cells: Vec<(Bytes, Fit)>,
    /// What one device offers.
    pub capacity: Option<Bytes>,
}

impl HeatMap {
    /// The cell of a row and a column.
    pub fn cell(&self, row: usize, column: usize) -> Option<(Bytes, Fit)> {
        if column >= self.lengths.len() {
            return None;
        }
        self.cells.get(row.checked_mul(self.lengths.len())?.checked_add(column)?).copied()
    }

    /// For each row the last column that fits: the contour. `None` where none does.
    pub fn contour(&self) -> Vec<Option<usize>> {
        let width = self.lengths.len().max(1);
        let fits = |cell: &(Bytes, Fit)| cell.1 == Fit::Fits;
        self.cells.chunks(width).map(|row| row.iter().rposition(fits)).collect()
    }
}

/// Estimates every pair of `batches` and `lengths`, all else as in the plan.
pub fn heat_map(plan: &Plan, batches: &[u64], lengths: &[u64], known: Known<'_>) -> Result<HeatMap, String> {
    let inputs = known_inputs(plan, known)?;
    let architecture = inputs.architecture.as_ref();
    let mut changed = plan.clone();
    changed.parallelism.micro_batches.clear();
    let mut cells = Vec::with_capacity(batches.len().saturating_mul(lengths.len()));
    for &batch in batches {
        for &length in lengths {
            changed.batch.micro_batch = batch;
            changed.batch.sequence_length = length;
            let cell = Inputs { plan: &changed, architecture: Cow::Borrowed(architecture), ..inputs.clone() };
            let (process, fit) = memory_and_fit(&cell);
            cells.push((process.expected, fit));
        }
    }
    let capacity = Figures::of(&inputs).capacity;
    Ok(HeatMap { batches: batches.to_vec(), lengths: lengths.to_vec(), cells, capacity })
}

/// How far memory moves with a setting one step down and one up.
#[derive(Clone, Debug, PartialEq)]
pub struct Swing {
    /// The setting.
    pub field: FieldId,
    /// Its name.
    pub label: &'static str,
    /// The value below and its memory; `None` at the end of the scale or where it contradicts another setting.
    pub below: Option<(FieldValue, Bytes)>,
    /// The value above and its memory.
    pub above: Option<(FieldValue, Bytes)>,
    /// Distance between least and most of them and the present memory.
    pub range_bytes: u64,
}

/// Settings by how far a step of each moves memory, the strongest first: the bars of a tornado.
pub fn tornado(plan: &Plan, known: Known<'_>) -> Result<Vec<Swing>, String> {
    let inputs = known_inputs(plan, known)?;
    let now = memory_and_fit(&inputs).0.expected;
    let before = contradictions(&inputs);
    let memory = |field: &Field, value: &FieldValue| {
        let changed = edited(plan, &PlanEdit::Set(field.id, value.clone()))?;
        let inputs = Inputs::resolve(&changed, known.catalog, known.profiles).ok()?;
        (!contradicts_more(&before, &inputs)).then(|| (value.clone(), memory_and_fit(&inputs).0.expected))
    };
    let mut swings: Vec<Swing> = numeric_fields(plan)
        .into_iter()
        .filter_map(|field| {
            let values = values(plan, field);
            let at = values.iter().position(|value| Some(value) == (field.get)(plan).as_ref())?;
            let below = at.checked_sub(1).and_then(|i| values.get(i)).and_then(|value| memory(field, value));
            let above = values.get(at + 1).and_then(|value| memory(field, value));
            let all = || below.iter().chain(&above).map(|(_, bytes)| *bytes).chain([now]);
            let range = all().max()?.saturating_sub(all().min()?);
            Some(Swing { field: field.id, label: field.label, below, above, range_bytes: range.0 })
        })
        .filter(|swing| swing.range_bytes > 0)
        .collect();
    swings.sort_by(|a, b| b.range_bytes.cmp(&a.range_bytes).then_with(|| a.field.cmp(b.field)));
    Ok(swings)
}
