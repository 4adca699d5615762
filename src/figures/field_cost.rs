//! What other values of a setting would cost: the answer to "what if" under the pointer.

use super::numbers;
use crate::plan::Plan;
use crate::plan::edit::PlanEdit;
use crate::plan::field::{FieldId, FieldKind, FieldValue, field};

/// Most values that are tried: a tooltip is read at a glance.
const MAX_VALUES: usize = 8;

/// Costs of a setting's other values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldCost {
    /// The setting.
    pub field: FieldId,
    /// Value in words and change of the whole process in bytes, for each value that makes a difference.
    pub changes: Vec<(String, i128)>,
}

impl FieldCost {
    /// Tries the values near the present one; `None` for settings that cost nothing to try, such as notes.
    pub fn of(id: FieldId, plan: &Plan) -> Option<Self> {
        let field = field(id)?;
        let now = (field.get)(plan)?;
        let (before, _) = numbers(plan)?;
        let changes = values(&field.kind, &now).into_iter().take(MAX_VALUES).filter_map(|value| {
            let mut tried = plan.clone();
            PlanEdit::Set(id, value.clone()).apply(&mut tried).ok()?;
            let (after, _) = numbers(&tried)?;
            Some((value.display(field), i128::from(after.0) - i128::from(before.0)))
        });
        Some(Self { field: id, changes: changes.collect() })
    }
}

/// Neighbours on the slider, the other position of a switch, the other choices.
fn values(kind: &FieldKind, now: &FieldValue) -> Vec<FieldValue> {
    match (kind, now) {
        (FieldKind::Integer { steps, .. }, FieldValue::Integer(number)) => {
            let below = steps.iter().rev().find(|step| *step < number);
            let above = steps.iter().find(|step| *step > number);
            below.into_iter().chain(above).map(|step| FieldValue::Integer(*step)).collect()
        }
        (FieldKind::Toggle, FieldValue::Toggle(on)) => vec![FieldValue::Toggle(!on)],
        (FieldKind::Choice(choices), FieldValue::Id(id)) => {
            choices.iter().filter(|choice| choice.id != id).map(|choice| FieldValue::Id(choice.id.to_owned())).collect()
        }
        _ => Vec::new(),
    }
}
