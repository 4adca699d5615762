//! Fields of the base model. Its catalogue id, or the figures of a shape typed by hand.

use super::id;
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
    ($name:ident, $id:expr, $flag:literal, $label:literal, $min:literal, $help:literal) => {
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
                shape_mut(plan)?.$name = value.integer()?;
                Ok(())
            },
        }
    };
}

/// A yes-or-no of the shape typed by hand.
macro_rules! shape_toggle {
    ($name:ident, $id:expr, $flag:literal, $label:literal, $help:literal) => {
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
                shape_mut(plan)?.$name = value.toggle()?;
                Ok(())
            },
        }
    };
}

pub fn fields() -> Vec<Field> {
    vec![
        Field {
            id: id::MODEL_ID,
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
                plan.model.source = match value.id()? {
                    "typed" => ModelSource::Typed(HandShape::default()),
                    id => ModelSource::Catalog(id.to_owned()),
                };
                Ok(())
            },
        },
        shape_field!(
            hidden_size,
            id::MODEL_HIDDEN_SIZE,
            "hidden-size",
            "Hidden size",
            1,
            "Width of the residual stream."
        ),
        shape_field!(layers, id::MODEL_LAYERS, "layers", "Layers", 1, "Number of decoder layers."),
        shape_field!(heads, id::MODEL_HEADS, "heads", "Query heads", 1, "Heads of attention."),
        shape_field!(
            kv_heads,
            id::MODEL_KV_HEADS,
            "kv-heads",
            "Key-value heads",
            1,
            "Fewer than query heads with grouped-query attention; the cache shrinks alike."
        ),
        shape_field!(
            head_dim,
            id::MODEL_HEAD_DIM,
            "head-dim",
            "Head width",
            1,
            "Usually hidden size divided by heads."
        ),
        shape_field!(
            intermediate_size,
            id::MODEL_INTERMEDIATE_SIZE,
            "intermediate-size",
            "MLP width",
            1,
            "Inner width of the MLP, of one expert where there are experts."
        ),
        shape_field!(
            vocab_size,
            id::MODEL_VOCAB_SIZE,
            "vocab-size",
            "Vocabulary",
            1,
            "Rows of the token embedding; the logits grow with it."
        ),
        shape_field!(
            experts,
            id::MODEL_EXPERTS,
            "experts",
            "Experts",
            0,
            "Routed experts of each layer; 0 for a dense model."
        ),
        shape_field!(
            experts_per_token,
            id::MODEL_EXPERTS_PER_TOKEN,
            "experts-per-token",
            "Experts a token",
            1,
            "Experts one token goes through."
        ),
        shape_toggle!(
            tied,
            id::MODEL_TIED,
            "tied",
            "Tied head",
            "The output head is the token embedding; it then exists once."
        ),
        shape_toggle!(
            gated_mlp,
            id::MODEL_GATED_MLP,
            "gated-mlp",
            "Gated MLP",
            "Three matrices (SwiGLU, GeGLU) instead of two."
        ),
        text_field!(
            id::MODEL_NOTES,
            "model-notes",
            Model,
            "Notes on the model",
            FieldKind::Notes,
            model.notes,
            "Why this base model."
        ),
    ]
}
