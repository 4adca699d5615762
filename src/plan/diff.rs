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
        let (old, new) = source_names(&before.model.source, &after.model.source);
        changes.push(Change { field: None, label: "Base model", before: old, after: new });
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

/// Names that tell two sources apart: short ones, else paths, else that the shape is another.
fn source_names(before: &ModelSource, after: &ModelSource) -> (String, String) {
    if before.name() != after.name() {
        return (before.name().to_owned(), after.name().to_owned());
    }
    let long = |source: &ModelSource| match source {
        ModelSource::Catalog(id) => id.clone(),
        ModelSource::File { path, .. } => path.clone(),
        ModelSource::Typed(_) => source.name().to_owned(),
    };
    match (long(before), long(after)) {
        (old, new) if old == new => (old, format!("{new} (shape read anew)")),
        names => names,
    }
}

const fn is_file(plan: &Plan) -> bool {
    matches!(plan.model.source, ModelSource::File { .. })
}

fn text(field: &Field, value: Option<&FieldValue>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| value.display(field))
}
