//! Fields of number formats.

use super::id;
use super::words::{FLOAT_FORMATS, QUANTIZE_WHEN, Word};
use super::{CatalogKind, Choice, Field, FieldKind, FieldValue, Section, always, inference, training};
use crate::plan::{FloatFormat, Plan, QuantizeWhen};

/// "As the weights" and the formats of arithmetic.
const GRADIENT_FORMATS: &[Choice] = &[
    Choice { id: "as-weights", label: "As weights", help: "Autograd's rule: a gradient has the format of its weight." },
    FLOAT_FORMATS[1],
    FLOAT_FORMATS[2],
    FLOAT_FORMATS[3],
];

/// "Off" and the formats autocast knows.
const AUTOCAST_FORMATS: &[Choice] = &[
    Choice { id: "off", label: "Off", help: "Arithmetic in the format the weights are in." },
    FLOAT_FORMATS[2],
    FLOAT_FORMATS[3],
];

/// Formats that bitsandbytes quantizes on the fly and whose scales it can quantize again.
pub fn has_double_quantization(load_format: &str) -> bool {
    matches!(load_format, "nf4" | "fp4")
}

fn optional_word(format: Option<FloatFormat>, none: &'static str) -> FieldValue {
    FieldValue::Id(format.map_or(none, Word::id).to_owned())
}

pub fn fields() -> Vec<Field> {
    vec![
        Field {
            id: id::PRECISION_LOAD_FORMAT,
            flag: "load-format",
            section: Section::Precision,
            label: "Load as",
            unit: "",
            help: "Number format the weights are held in. Formats under 16 bits hold the layers' matrices; embeddings, head and norms stay in 16 bits.",
            kind: FieldKind::Catalog(CatalogKind::LoadFormat),
            applies: always,
            get: |plan| Some(FieldValue::Id(plan.precision.load_format.clone())),
            set: |plan, value| {
                let id = value.id()?;
                id.clone_into(&mut plan.precision.load_format);
                plan.method.method.settle_base(id);
                Ok(())
            },
        },
        toggle_field!(
            id::PRECISION_DOUBLE_QUANTIZATION,
            "double-quantization",
            Precision,
            "Double quantization",
            |plan: &Plan| has_double_quantization(&plan.precision.load_format),
            precision.double_quantization,
            "The scales of 4-bit blocks are quantized again: 4.13 instead of 4.5 bits a weight."
        ),
        Field {
            id: id::PRECISION_AUTOCAST,
            flag: "autocast",
            section: Section::Precision,
            label: "Autocast",
            unit: "",
            help: "Format of matrix products in the forward pass; casted copies of wider weights are kept until it ends.",
            kind: FieldKind::Choice(AUTOCAST_FORMATS),
            applies: training,
            get: |plan| Some(optional_word(plan.precision.autocast, "off")),
            set: |plan, value| {
                plan.precision.autocast = value.word_or("off")?;
                Ok(())
            },
        },
        toggle_field!(
            id::PRECISION_FP32_MASTER_WEIGHTS,
            "master-weights",
            Precision,
            "Master weights",
            training,
            precision.fp32_master_weights,
            "The optimizer keeps an FP32 copy of every trained 16-bit weight: 4 bytes a value more."
        ),
        Field {
            id: id::PRECISION_GRADIENT_FORMAT,
            flag: "gradient-format",
            section: Section::Precision,
            label: "Gradient format",
            unit: "",
            help: "Number format gradients are kept in between backward and step.",
            kind: FieldKind::Choice(GRADIENT_FORMATS),
            applies: training,
            get: |plan| Some(optional_word(plan.precision.gradient_format, "as-weights")),
            set: |plan, value| {
                plan.precision.gradient_format = value.word_or("as-weights")?;
                Ok(())
            },
        },
        toggle_field!(
            id::PRECISION_UPCAST_UNQUANTIZED,
            "upcast-unquantized",
            Precision,
            "Upcast unquantized weights",
            training,
            precision.upcast_unquantized,
            "Norms, embeddings and head of a quantized base are upcast to FP32, as PEFT's prepare_model_for_kbit_training does; the residual stream then is FP32 too."
        ),
        catalog_field!(
            id::PRECISION_KV_CACHE_FORMAT,
            "kv-cache-format",
            Precision,
            "KV cache as",
            KvFormat,
            inference,
            precision.kv_cache_format,
            "Number format of keys and values kept for generation."
        ),
        word_field!(id::PRECISION_QUANTIZE_WHEN, "quantize-when", Precision, "When to quantize", QUANTIZE_WHEN, always, precision.quantize_when: QuantizeWhen, "After training, simulated during it, or as the arithmetic of training itself."),
        text_field!(
            id::PRECISION_NOTES,
            "precision-notes",
            Precision,
            "Notes on precision",
            FieldKind::Notes,
            precision.notes,
            "Why these formats."
        ),
    ]
}
