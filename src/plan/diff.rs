//! Which fields differ between two plans.

use super::field::{Field, FieldValue, fields};
use super::{ModelSource, Plan};

/// One differing setting.
pub struct Change {
    /// The field; `None` for the model's source where it is a file.
    pub field: Option<&'static Field>,
    /// Its name.
    pub label: &'static str,
    /// Text before; `–` where the plan had no such setting.
    pub before: String,
    /// Text after.
    pub after: String,
}

/// Settings that differ, in the order of the file.
pub fn diff(before: &Plan, after: &Plan) -> Vec<Change> {
    let mut changes = Vec::new();
    if before.model.source != after.model.source && (is_file(before) || is_file(after)) {
        changes.push(Change {
            field: None,
            label: "Base model",
            before: before.model.source.name().to_owned(),
            after: after.model.source.name().to_owned(),
        });
    }
    for field in fields() {
        let (old, new) = ((field.get)(before), (field.get)(after));
        if old != new && !(field.id == "model.id" && (is_file(before) || is_file(after))) {
            changes.push(Change {
                field: Some(field),
                label: field.label,
                before: text(field, old.as_ref()),
                after: text(field, new.as_ref()),
            });
        }
    }
    changes
}

const fn is_file(plan: &Plan) -> bool {
    matches!(plan.model.source, ModelSource::File { .. })
}

fn text(field: &Field, value: Option<&FieldValue>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| value.display(field))
}
