//! Fields of the fine-tuning method.

use super::words::{FLOAT_FORMATS, LORA_INITS, LORA_SCALINGS, Word as _};
use super::{Choice, Field, FieldKind, FieldValue, Section, training};
use crate::plan::{FloatFormat, Lora, LoraInit, LoraScaling, Method, Plan, Targets};

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
    ($id:literal, $flag:literal, $label:literal, $kind:expr, $get:expr, $set:expr, $help:literal) => {
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
                let set: fn(&mut Lora, &FieldValue) = $set;
                set(lora, value);
                plan.method.method.settle_base(&plan.precision.load_format);
                Ok(())
            },
        }
    };
}

/// A whole number of one method.
macro_rules! method_integer {
    ($id:literal, $flag:literal, $label:literal, $unit:literal, $max:literal, $steps:expr, $pattern:pat => $value:ident, $help:literal) => {
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
                match (&mut plan.method.method, value) {
                    ($pattern, FieldValue::Integer(number)) => *$value = *number,
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
        id: "method.kind",
        flag: "method",
        section: Section::Method,
        label: "Method",
        unit: "",
        help: "What is trained: every weight, low-rank adapters, or something smaller still.",
        kind: FieldKind::Choice(METHODS),
        applies: training,
        get: |plan| Some(FieldValue::Id(plan.method.method.id().to_owned())),
        set: |plan, value| {
            if let FieldValue::Id(id) = value
                && id != plan.method.method.id()
                && let Some(method) = Method::named(id, &plan.method.method)
            {
                plan.method.method = method;
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
            "method.train_embeddings",
            "train-embeddings",
            Method,
            "Train embeddings",
            beside_full,
            method.train_embeddings,
            "Token embeddings learn too: needed for new tokens; with adapters a full copy is trained and kept."
        ),
        toggle_field!(
            "method.train_head",
            "train-head",
            Method,
            "Train output head",
            beside_full,
            method.train_head,
            "The output head learns too; with adapters a full copy is trained and kept."
        ),
        text_field!(
            "method.notes",
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
            id: "method.rank",
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
                if let FieldValue::Integer(number) = value {
                    *plan.method.method.rank_mut().ok_or(refusal)? = *number;
                }
                Ok(())
            },
        },
        Field {
            id: "method.targets",
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
                if let FieldValue::List(ids) = value {
                    *plan.method.method.targets_mut().ok_or(refusal)? = Targets::from_ids(ids);
                }
                Ok(())
            },
        },
    ]
}

fn lora() -> Vec<Field> {
    vec![
        lora_field!(
            "method.alpha",
            "alpha",
            "Alpha",
            FieldKind::Decimal { min: 0.0, max: 1e6, step: 1.0 },
            |lora| FieldValue::Decimal(lora.alpha),
            |lora, value| if let FieldValue::Decimal(x) = value {
                lora.alpha = *x;
            },
            "Scale α of the update; often twice the rank. Costs no memory."
        ),
        lora_field!(
            "method.dropout",
            "lora-dropout",
            "Adapter dropout",
            FieldKind::Decimal { min: 0.0, max: 0.99, step: 0.05 },
            |lora| FieldValue::Decimal(lora.dropout),
            |lora, value| if let FieldValue::Decimal(x) = value {
                lora.dropout = *x;
            },
            "Share of the adapter's input dropped while training; above 0 a mask and a copy of the input are kept for every adapter."
        ),
        Field {
            id: "method.adapter_format",
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
                if let FieldValue::Id(id) = value
                    && let Some(format) = FloatFormat::from_id(id)
                {
                    match &mut plan.method.method {
                        Method::Lora(lora) | Method::Qlora(lora) => lora.dtype = format,
                        Method::Adapters { dtype, .. } => *dtype = format,
                        _ => return Err(refusal),
                    }
                }
                Ok(())
            },
        },
        lora_field!(
            "method.scaling",
            "lora-scaling",
            "Scaling",
            FieldKind::Choice(LORA_SCALINGS),
            |lora| FieldValue::Id(lora.scaling.id().to_owned()),
            |lora, value| if let FieldValue::Id(id) = value
                && let Some(word) = LoraScaling::from_id(id)
            {
                lora.scaling = word;
            },
            "How alpha is divided by the rank."
        ),
        lora_field!(
            "method.weight_decomposed",
            "weight-decomposed",
            "Decompose (DoRA)",
            FieldKind::Toggle,
            |lora| FieldValue::Toggle(lora.weight_decomposed),
            |lora, value| if let FieldValue::Toggle(on) = value {
                lora.weight_decomposed = *on;
            },
            "A magnitude for every output is learned separately; the combined weight is formed in every forward pass."
        ),
        lora_field!(
            "method.init",
            "lora-init",
            "Initialization",
            FieldKind::Choice(LORA_INITS),
            |lora| FieldValue::Id(lora.init.id().to_owned()),
            |lora, value| if let FieldValue::Id(id) = value
                && let Some(word) = LoraInit::from_id(id)
            {
                lora.init = word;
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
        method_integer!("method.bottleneck", "bottleneck", "Bottleneck width", "", 65536, POWERS, Method::Adapters { bottleneck, .. } => bottleneck, "Inner width of the adapter modules."),
        Field {
            id: "method.virtual_tokens",
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
                if let FieldValue::Integer(number) = value {
                    *plan.method.method.virtual_tokens_mut().ok_or(refusal)? = *number;
                }
                Ok(())
            },
        },
        method_integer!("method.encoder_hidden", "encoder-hidden", "Encoder width", "", 65536, POWERS, Method::PTuning { encoder_hidden, .. } => encoder_hidden, "Width of the network that makes the virtual tokens."),
        method_integer!("method.block_size", "oft-block-size", "Block size", "", 65536, POWERS, Method::Oft { block_size, .. } => block_size, "Size of one rotated block; larger blocks have more values."),
        method_integer!("method.layers", "last-layers", "Trained layers", "layers", 100_000, POWERS, Method::LastLayers { layers } => layers, "How many layers from the end are trained."),
        method_integer!("method.active_layers", "active-layers", "Layers at a time", "layers", 100_000, POWERS, Method::Blockwise { active_layers } => active_layers, "Layers with gradients and optimizer state at one time."),
    ]
}
