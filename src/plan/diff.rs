//! Which fields differ between two plans.

use super::decision::Decision;
use super::field::{Field, FieldValue, fields};
use super::{ModelSource, Plan};
use crate::plan::field::id;

/// One differing setting.
pub struct Change {
    /// The field; `None` for the model's source where it is a file, and for parts of the decision.
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
        if old != new && !(field.id == id::MODEL_ID && (is_file(before) || is_file(after))) {
            changes.push(Change {
                field: Some(field),
                label: field.label,
                before: text(field, old.as_ref()),
                after: text(field, new.as_ref()),
            });
        }
    }
    changes.extend(decision_changes(before.decision.as_deref(), after.decision.as_deref()));
    changes
}

/// What changed one's mind: outcome, reasoning and every answer that differs.
fn decision_changes(before: Option<&Decision>, after: Option<&Decision>) -> Vec<Change> {
    if before == after {
        return Vec::new();
    }
    let none = Decision::default();
    let (old, new) = (before.unwrap_or(&none).rows(), after.unwrap_or(&none).rows());
    old.into_iter()
        .zip(new)
        .filter(|((_, before), (_, after))| before != after)
        .map(|((label, before), (_, after))| Change { field: None, label, before, after })
        .collect()
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
