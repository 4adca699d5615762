//! Fields of the base model. Its catalogue id, or the figures of a shape typed by hand.

use super::{CatalogKind, Field, FieldKind, FieldValue, Section};
use crate::plan::{HandShape, ModelSource, Plan};

fn typed(plan: &Plan) -> bool {
    matches!(plan.model.source, ModelSource::Typed(_))
}

fn shape(plan: &Plan) -> Option<&HandShape> {
    match &plan.model.source {
        ModelSource::Typed(shape) => Some(shape),
        _ => None,
    }
}

fn shape_mut(plan: &mut Plan) -> Result<&mut HandShape, String> {
    match &mut plan.model.source {
        ModelSource::Typed(shape) => Ok(shape),
        _ => Err("the model is not typed by hand; choose the model `typed` first".to_owned()),
    }
}

/// A whole number of the shape typed by hand.
macro_rules! shape_field {
    ($name:ident, $id:literal, $flag:literal, $label:literal, $min:literal, $help:literal) => {
        Field {
            id: $id,
            flag: $flag,
            section: Section::Model,
            label: $label,
            unit: "",
            help: $help,
            kind: FieldKind::Integer { min: $min, max: 1 << 24, steps: &[] },
            applies: typed,
            get: |plan| shape(plan).map(|shape| FieldValue::Integer(shape.$name)),
            set: |plan, value| {
                if let FieldValue::Integer(number) = value {
                    shape_mut(plan)?.$name = *number;
                }
                Ok(())
            },
        }
    };
}

/// A yes-or-no of the shape typed by hand.
macro_rules! shape_toggle {
    ($name:ident, $id:literal, $flag:literal, $label:literal, $help:literal) => {
        Field {
            id: $id,
            flag: $flag,
            section: Section::Model,
            label: $label,
            unit: "",
            help: $help,
            kind: FieldKind::Toggle,
            applies: typed,
            get: |plan| shape(plan).map(|shape| FieldValue::Toggle(shape.$name)),
            set: |plan, value| {
                if let FieldValue::Toggle(on) = value {
                    shape_mut(plan)?.$name = *on;
                }
                Ok(())
            },
        }
    };
}

pub fn fields() -> Vec<Field> {
    vec![
        Field {
            id: "model.id",
            flag: "model",
            section: Section::Model,
            label: "Base model",
            unit: "",
            help: "A catalogue id, the path of a config.json, safetensors folder or GGUF file, or `typed` for a shape typed by hand.",
            kind: FieldKind::Catalog(CatalogKind::Model),
            applies: super::always,
            get: |plan| match &plan.model.source {
                ModelSource::Catalog(id) => Some(FieldValue::Id(id.clone())),
                _ => None,
            },
            set: |plan, value| {
                if let FieldValue::Id(id) = value {
                    plan.model.source = match id.as_str() {
                        "typed" => ModelSource::Typed(HandShape::default()),
                        _ => ModelSource::Catalog(id.clone()),
                    };
                }
                Ok(())
            },
        },
        shape_field!(
            hidden_size,
            "model.hidden_size",
            "hidden-size",
            "Hidden size",
            1,
            "Width of the residual stream."
        ),
        shape_field!(layers, "model.layers", "layers", "Layers", 1, "Number of decoder layers."),
        shape_field!(heads, "model.heads", "heads", "Query heads", 1, "Heads of attention."),
        shape_field!(
            kv_heads,
            "model.kv_heads",
            "kv-heads",
            "Key-value heads",
            1,
            "Fewer than query heads with grouped-query attention; the cache shrinks alike."
        ),
        shape_field!(head_dim, "model.head_dim", "head-dim", "Head width", 1, "Usually hidden size divided by heads."),
        shape_field!(
            intermediate_size,
            "model.intermediate_size",
            "intermediate-size",
            "MLP width",
            1,
            "Inner width of the MLP, of one expert where there are experts."
        ),
        shape_field!(
            vocab_size,
            "model.vocab_size",
            "vocab-size",
            "Vocabulary",
            1,
            "Rows of the token embedding; the logits grow with it."
        ),
        shape_field!(
            experts,
            "model.experts",
            "experts",
            "Experts",
            0,
            "Routed experts of each layer; 0 for a dense model."
        ),
        shape_field!(
            experts_per_token,
            "model.experts_per_token",
            "experts-per-token",
            "Experts a token",
            1,
            "Experts one token goes through."
        ),
        shape_toggle!(
            tied,
            "model.tied",
            "tied",
            "Tied head",
            "The output head is the token embedding; it then exists once."
        ),
        shape_toggle!(
            gated_mlp,
            "model.gated_mlp",
            "gated-mlp",
            "Gated MLP",
            "Three matrices (SwiGLU, GeGLU) instead of two."
        ),
        text_field!(
            "model.notes",
            "model-notes",
            Model,
            "Notes on the model",
            FieldKind::Notes,
            model.notes,
            "Why this base model."
        ),
    ]
}
