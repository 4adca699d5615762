//! Fields of the fine-tuning method.

use super::id;
use super::words::{FLOAT_FORMATS, LORA_INITS, LORA_SCALINGS, Word as _};
use super::{Choice, Field, FieldKind, FieldValue, Section, training};
use crate::plan::{FloatFormat, Lora, Method, Plan, Targets};

/// Methods by the name people use; variants of LoRA have names of their own.
pub const METHODS: &[Choice] = &[
    Choice { id: "full", label: "Full", help: "Every weight is trained: best fit, most memory." },
    Choice { id: "lora", label: "LoRA", help: "Low-rank adapters on a 16-bit base (Hu et al., 2021)." },
    Choice { id: "qlora", label: "QLoRA", help: "Low-rank adapters on a 4-bit base (Dettmers et al., 2023)." },
    Choice { id: "dora", label: "DoRA", help: "LoRA with separate magnitude and direction (Liu et al., 2024)." },
    Choice { id: "rslora", label: "rsLoRA", help: "LoRA scaled by α / √r (Kalajdzievski, 2023)." },
    Choice { id: "pissa", label: "PiSSA", help: "LoRA started from principal singular vectors (Meng et al., 2024)." },
    Choice { id: "loftq", label: "LoftQ", help: "LoRA started from the quantization error (Li et al., 2023)." },
    Choice { id: "ia3", label: "IA³", help: "Learned scaling vectors (Liu et al., 2022)." },
    Choice { id: "adapters", label: "Adapters", help: "Bottleneck modules in every layer (Houlsby et al., 2019)." },
    Choice { id: "prompt", label: "Prompt tuning", help: "Trained vectors before the input (Lester et al., 2021)." },
    Choice { id: "prefix", label: "Prefix tuning", help: "Trained keys and values in every layer (Li & Liang, 2021)." },
    Choice { id: "p-tuning", label: "P-tuning", help: "Trained vectors made by a small network (Liu et al., 2021)." },
    Choice { id: "vera", label: "VeRA", help: "Shared random matrices, trained scales (Kopiczko et al., 2023)." },
    Choice { id: "oft", label: "OFT", help: "Orthogonal rotation of the weights by blocks (Qiu et al., 2023)." },
    Choice { id: "bitfit", label: "BitFit", help: "Bias vectors only (Ben Zaken et al., 2021)." },
    Choice { id: "last-layers", label: "Last layers", help: "The last layers with all their weights." },
    Choice {
        id: "galore",
        label: "GaLore",
        help: "Full fine-tuning with gradients projected for the optimizer (Zhao et al., 2024).",
    },
    Choice { id: "blockwise", label: "Block by block", help: "A few layers at a time (LISA, BAdam; 2024)." },
];

fn has_lora(plan: &Plan) -> bool {
    training(plan) && plan.method.method.lora().is_some()
}

/// Full fine-tuning trains embeddings and head anyway.
fn beside_full(plan: &Plan) -> bool {
    training(plan) && !matches!(plan.method.method, Method::Full | Method::Galore { .. } | Method::Blockwise { .. })
}

fn no_such(what: &str, plan: &Plan) -> String {
    format!("{what} means nothing with the method {}", plan.method.method.id())
}

/// A setting of LoRA.
macro_rules! lora_field {
    ($id:expr, $flag:literal, $label:literal, $kind:expr, $get:expr, $set:expr, $help:literal) => {
        Field {
            id: $id,
            flag: $flag,
            section: Section::Method,
            label: $label,
            unit: "",
            help: $help,
            kind: $kind,
            applies: has_lora,
            get: |plan| plan.method.method.lora().map($get),
            set: |plan, value| {
                let refusal = no_such($label, plan);
                let lora = plan.method.method.lora_mut().ok_or(refusal)?;
                let set: fn(&mut Lora, &FieldValue) -> Result<(), String> = $set;
                set(lora, value)?;
                plan.method.method.settle_base(&plan.precision.load_format);
                Ok(())
            },
        }
    };
}

/// A whole number of one method.
macro_rules! method_integer {
    ($id:expr, $flag:literal, $label:literal, $unit:literal, $max:literal, $steps:expr, $pattern:pat => $value:ident, $help:literal) => {
        Field {
            id: $id,
            flag: $flag,
            section: Section::Method,
            label: $label,
            unit: $unit,
            help: $help,
            kind: FieldKind::Integer { min: 1, max: $max, steps: $steps },
            applies: |plan| match &plan.method.method {
                $pattern => training(plan) && *$value > 0,
                _ => false,
            },
            get: |plan| match &plan.method.method {
                $pattern => Some(FieldValue::Integer(*$value)),
                _ => None,
            },
            set: |plan, value| {
                let refusal = no_such($label, plan);
                match &mut plan.method.method {
                    $pattern => *$value = value.integer()?,
                    _ => return Err(refusal),
                }
                Ok(())
            },
        }
    };
}

const RANKS: &[u64] = &[1, 2, 4, 8, 16, 32, 64, 128, 256, 512];
const POWERS: &[u64] = &[1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];

pub fn fields() -> Vec<Field> {
    let mut fields = vec![Field {
        id: id::METHOD_KIND,
        flag: "method",
        section: Section::Method,
        label: "Method",
        unit: "",
        help: "What is trained: every weight, low-rank adapters, or something smaller still.",
        kind: FieldKind::Choice(METHODS),
        applies: training,
        get: |plan| Some(FieldValue::Id(plan.method.method.id().to_owned())),
        set: |plan, value| {
            let id = value.id()?;
            if id != plan.method.method.id() {
                let named = Method::named(id, &plan.method.method);
                plan.method.method = named.ok_or_else(|| format!("`{id}` is no method"))?;
                plan.method.method.settle_base(&plan.precision.load_format);
            }
            Ok(())
        },
    }];
    fields.extend(shared());
    fields.extend(lora());
    fields.extend(other_methods());
    fields.extend([
        toggle_field!(
            id::METHOD_TRAIN_EMBEDDINGS,
            "train-embeddings",
            Method,
            "Train embeddings",
            beside_full,
            method.train_embeddings,
            "Token embeddings learn too: needed for new tokens; with adapters a full copy is trained and kept."
        ),
        toggle_field!(
            id::METHOD_TRAIN_HEAD,
            "train-head",
            Method,
            "Train output head",
            beside_full,
            method.train_head,
            "The output head learns too; with adapters a full copy is trained and kept."
        ),
        text_field!(
            id::METHOD_NOTES,
            "method-notes",
            Method,
            "Notes on the method",
            FieldKind::Notes,
            method.notes,
            "Why this method."
        ),
    ]);
    fields
}

fn shared() -> Vec<Field> {
    vec![
        Field {
            id: id::METHOD_RANK,
            flag: "rank",
            section: Section::Method,
            label: "Rank",
            unit: "",
            help: "Width r of the low-rank factors: r × (inputs + outputs) values for each adapted matrix.",
            kind: FieldKind::Integer { min: 1, max: 65_536, steps: RANKS },
            applies: |plan| training(plan) && plan.method.method.rank().is_some(),
            get: |plan| plan.method.method.rank().map(FieldValue::Integer),
            set: |plan, value| {
                let refusal = no_such("Rank", plan);
                *plan.method.method.rank_mut().ok_or(refusal)? = value.integer()?;
                Ok(())
            },
        },
        Field {
            id: id::METHOD_TARGETS,
            flag: "targets",
            section: Section::Method,
            label: "Target modules",
            unit: "",
            help: "Which matrices are adapted: all-linear, any of q, k, v, o, gate, up, down, or module names of the model's code.",
            kind: FieldKind::Targets,
            applies: |plan| training(plan) && plan.method.method.targets().is_some(),
            get: |plan| plan.method.method.targets().map(|targets| FieldValue::List(targets.ids())),
            set: |plan, value| {
                let refusal = no_such("Target modules", plan);
                *plan.method.method.targets_mut().ok_or(refusal)? = Targets::from_ids(value.list()?);
                Ok(())
            },
        },
    ]
}

fn lora() -> Vec<Field> {
    vec![
        lora_field!(
            id::METHOD_ALPHA,
            "alpha",
            "Alpha",
            FieldKind::Decimal { min: 0.0, max: 1e6, step: 1.0 },
            |lora| FieldValue::Decimal(lora.alpha),
            |lora, value| {
                lora.alpha = value.decimal()?;
                Ok(())
            },
            "Scale α of the update; often twice the rank. Costs no memory."
        ),
        lora_field!(
            id::METHOD_DROPOUT,
            "lora-dropout",
            "Adapter dropout",
            FieldKind::Decimal { min: 0.0, max: 0.99, step: 0.05 },
            |lora| FieldValue::Decimal(lora.dropout),
            |lora, value| {
                lora.dropout = value.decimal()?;
                Ok(())
            },
            "Share of the adapter's input dropped while training; above 0 a mask and a copy of the input are kept for every adapter."
        ),
        Field {
            id: id::METHOD_ADAPTER_FORMAT,
            flag: "adapter-format",
            section: Section::Method,
            label: "Adapter format",
            unit: "",
            help: "Number format of adapter weights; PEFT keeps them in FP32 by default, with gradients and optimizer state alike.",
            kind: FieldKind::Choice(FLOAT_FORMATS),
            applies: |plan| training(plan) && adapter_format(&plan.method.method).is_some(),
            get: |plan| adapter_format(&plan.method.method).map(|format| FieldValue::Id(format.id().to_owned())),
            set: |plan, value| {
                let refusal = no_such("Adapter format", plan);
                let format = value.word()?;
                match &mut plan.method.method {
                    Method::Lora(lora) | Method::Qlora(lora) => lora.dtype = format,
                    Method::Adapters { dtype, .. } => *dtype = format,
                    _ => return Err(refusal),
                }
                Ok(())
            },
        },
        lora_field!(
            id::METHOD_SCALING,
            "lora-scaling",
            "Scaling",
            FieldKind::Choice(LORA_SCALINGS),
            |lora| FieldValue::Id(lora.scaling.id().to_owned()),
            |lora, value| {
                lora.scaling = value.word()?;
                Ok(())
            },
            "How alpha is divided by the rank."
        ),
        lora_field!(
            id::METHOD_WEIGHT_DECOMPOSED,
            "weight-decomposed",
            "Decompose (DoRA)",
            FieldKind::Toggle,
            |lora| FieldValue::Toggle(lora.weight_decomposed),
            |lora, value| {
                lora.weight_decomposed = value.toggle()?;
                Ok(())
            },
            "A magnitude for every output is learned separately; the combined weight is formed in every forward pass."
        ),
        lora_field!(
            id::METHOD_INIT,
            "lora-init",
            "Initialization",
            FieldKind::Choice(LORA_INITS),
            |lora| FieldValue::Id(lora.init.id().to_owned()),
            |lora, value| {
                lora.init = value.word()?;
                Ok(())
            },
            "How the adapter is initialized; it costs time at the start, not memory."
        ),
    ]
}

const fn adapter_format(method: &Method) -> Option<FloatFormat> {
    match method {
        Method::Lora(lora) | Method::Qlora(lora) => Some(lora.dtype),
        Method::Adapters { dtype, .. } => Some(*dtype),
        _ => None,
    }
}

fn other_methods() -> Vec<Field> {
    vec![
        method_integer!(id::METHOD_BOTTLENECK, "bottleneck", "Bottleneck width", "", 65536, POWERS, Method::Adapters { bottleneck, .. } => bottleneck, "Inner width of the adapter modules."),
        Field {
            id: id::METHOD_VIRTUAL_TOKENS,
            flag: "virtual-tokens",
            section: Section::Method,
            label: "Virtual tokens",
            unit: "tokens",
            help: "Trained vectors put before the input; they take room in every sequence.",
            kind: FieldKind::Integer { min: 1, max: 65_536, steps: POWERS },
            applies: |plan| training(plan) && plan.method.method.virtual_tokens().is_some(),
            get: |plan| plan.method.method.virtual_tokens().map(FieldValue::Integer),
            set: |plan, value| {
                let refusal = no_such("Virtual tokens", plan);
                *plan.method.method.virtual_tokens_mut().ok_or(refusal)? = value.integer()?;
                Ok(())
            },
        },
        method_integer!(id::METHOD_ENCODER_HIDDEN, "encoder-hidden", "Encoder width", "", 65536, POWERS, Method::PTuning { encoder_hidden, .. } => encoder_hidden, "Width of the network that makes the virtual tokens."),
        method_integer!(id::METHOD_BLOCK_SIZE, "oft-block-size", "Block size", "", 65536, POWERS, Method::Oft { block_size, .. } => block_size, "Size of one rotated block; larger blocks have more values."),
        method_integer!(id::METHOD_LAYERS, "last-layers", "Trained layers", "layers", 100_000, POWERS, Method::LastLayers { layers } => layers, "How many layers from the end are trained."),
        method_integer!(id::METHOD_ACTIVE_LAYERS, "active-layers", "Layers at a time", "layers", 100_000, POWERS, Method::Blockwise { active_layers } => active_layers, "Layers with gradients and optimizer state at one time."),
    ]
}
