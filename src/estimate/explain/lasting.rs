//! What lasts from step to step: weights, constants, adapters, gradients, optimizer state.

use super::super::setup::{Adapter, Setup};
use super::super::shape::{BaseTensor, Part, layer_tensors, outer_tensors};
use super::super::storage::{Storage, StoredBytes, tensor_bytes};
use super::super::trainable::{adapter_tensors, expert_rank};
use super::super::{Inputs, Ledger};
use super::{TRACED, explained, part};
use crate::explained::{Explained, Input, Value};
use crate::plan::{Algorithm, Implementation};
use crate::units::Bytes;

/// Groups of tensors a person thinks in.
const GROUPS: [&str; 5] =
    ["Token table and positions", "Linear layers", "Routed experts", "Norms, biases and other vectors", "Output head"];

const fn group_of(part: Part) -> usize {
    match part {
        Part::Embedding | Part::EmbeddingExtra => 0,
        Part::Linear => 1,
        Part::Experts => 2,
        Part::Bias | Part::Vector | Part::FinalNorm => 3,
        Part::Head | Part::HeadBias => 4,
    }
}

/// Values and stored bytes by group.
fn by_group(setup: &Setup<'_>) -> [(u64, StoredBytes); 5] {
    let mut groups = [(0_u64, StoredBytes::default()); 5];
    let mut add = |tensor: BaseTensor, times: u64| {
        let copies = tensor.copies.saturating_mul(times);
        let each = tensor_bytes(setup, tensor);
        let slot = &mut groups[group_of(tensor.part)];
        slot.0 = slot.0.saturating_add(tensor.rows.saturating_mul(tensor.columns).saturating_mul(copies));
        slot.1.values = slot.1.values.saturating_add(each.values.saturating_mul(copies));
        slot.1.constants = slot.1.constants.saturating_add(each.constants.saturating_mul(copies));
    };
    let architecture = setup.architecture;
    for group in &architecture.layers {
        layer_tensors(&group.layer, architecture.hidden_size, &architecture.model_code, |tensor| {
            add(tensor, group.count);
        });
    }
    outer_tensors(architecture, setup.ends, |tensor| add(tensor, 1));
    groups
}

/// Weights of the base model.
pub fn weights(setup: &Setup<'_>, inputs: &Inputs<'_>, value: Bytes) -> Explained {
    let mean = matches!(setup.storage, Storage::Mean(_));
    let parts = GROUPS
        .iter()
        .zip(by_group(setup))
        .map(|(title, (values, stored))| {
            let each = if values == 0 { 0.0 } else { stored.values as f64 / values as f64 };
            part(
                *title,
                stored.values,
                "values × bytes per value",
                vec![Input::count("values", values, ""), Input::factor("bytes per value", each, "in their format")],
            )
        })
        .collect();
    let why = if setup.storage.is_quantized() {
        "Only the linear layers are quantized; token table, head, norms and biases stay in 16 bits, or 32 where the \
         plan raises them. The whole model is on the device before the first step."
    } else {
        "The whole model is on the device before the first step, trained or not."
    };
    explained(
        "Weights",
        Value::Bytes(value),
        "Σ values × bytes per value",
        vec![
            Input::count("parameters", inputs.architecture.parameters().total, "unique values of the base model"),
            Input::factor("bits", inputs.load_format.element_bits, "of one element in the load format"),
        ],
        why,
        "shapes of the model's tensors; layouts of bitsandbytes 0.50 and ggml",
    )
    .rough(mean)
    .with_parts(parts)
}

/// Scales and code tables.
pub fn constants(setup: &Setup<'_>, inputs: &Inputs<'_>, value: Bytes) -> Explained {
    let formula = match setup.storage {
        Storage::BitsAndBytes4 { double: true } => "per matrix: ⌈N / 64⌉ + 4 · ⌈⌈N / 64⌉ / 256⌉ + 16 · 4 + 256 · 4 + 4",
        Storage::BitsAndBytes4 { double: false } => "per matrix: 4 · ⌈N / 64⌉ + 16 · 4",
        Storage::Blocks(format) if format.row_scale_bits > 0 => "rows × 4",
        Storage::Blocks(_) | Storage::Gguf(_) => "rows × ⌈columns / block⌉ × scale bytes",
        Storage::Float(_) | Storage::Mean(_) => "0",
    };
    let parts = GROUPS
        .iter()
        .zip(by_group(setup))
        .map(|(title, (values, stored))| part(*title, stored.constants, "", vec![Input::count("values", values, "")]))
        .collect();
    let why = match setup.storage {
        Storage::BitsAndBytes4 { double: true } => {
            "Every 64 weights share a scale. Double quantization holds the scales in 8 bits with one FP32 scale for \
             256 of them, two code tables and an offset per matrix."
        }
        Storage::Float(_) => "A float format needs no scales.",
        _ => "Weights in few bits need scales to be turned back into numbers.",
    };
    explained(
        "Quantization constants",
        Value::Bytes(value),
        formula,
        vec![Input::factor(
            "bits",
            inputs.load_format.effective_bits,
            "per weight with scales, before double quantization",
        )],
        why,
        "bitsandbytes 0.50 functional.py; ggml-common.h",
    )
    .with_parts(parts)
}

/// What the method adds to the model.
pub fn adapters(setup: &Setup<'_>, value: Bytes) -> Explained {
    let (formula, why) = match setup.trained.adapter {
        Adapter::Lora { .. } => (
            "Σ r × (in + out) × bytes",
            "Two factors of rank r beside each adapted matrix; DoRA adds one magnitude per output. Trained copies of \
             table and head stand beside the frozen originals.",
        ),
        Adapter::Ia3 { .. } => ("Σ width × 4", "One scaling vector per adapted module."),
        Adapter::Bottleneck { .. } => {
            ("2 × layers × (2 · h · b + h + b) × bytes", "A bottleneck after attention and one after the MLP.")
        }
        Adapter::Prompt { .. } => ("virtual tokens × h × 4 + encoder", "Trained vectors before the input."),
        Adapter::Prefix { .. } => {
            ("virtual tokens × Σ key and value width × 4", "Trained keys and values in every layer.")
        }
        Adapter::Vera { .. } => (
            "Σ (r + out) × 4 + r × (widest in + widest out) × 4",
            "Trained vectors; the frozen random matrices are shared.",
        ),
        Adapter::Oft { .. } => ("Σ in / b × b · (b − 1) / 2 × 4", "One skew-symmetric matrix per block of the input."),
        Adapter::None => ("0", "The method adds nothing: it trains weights of the model."),
    };
    let mut inputs = Vec::with_capacity(2);
    let mut parts = Vec::new();
    let mut inside = 0_u64;
    if let Adapter::Lora { lora, width } = setup.trained.adapter {
        inputs.push(Input::count("r", lora.rank, "rank"));
        inputs.push(Input::count("bytes", width, "per value of an adapter"));
        let architecture = setup.architecture;
        let code = architecture.model_code.as_str();
        for group in &architecture.layers {
            for linear in &group.layer.linears(architecture.hidden_size, code) {
                if !setup.adapts(linear) {
                    continue;
                }
                let rank = expert_rank(lora.rank, linear);
                let magnitude = if lora.weight_decomposed && !linear.stacked_experts { linear.out_features } else { 0 };
                let bytes = rank
                    .saturating_mul(linear.in_features.saturating_add(linear.out_features))
                    .saturating_add(magnitude)
                    .saturating_mul(linear.copies)
                    .saturating_mul(group.count)
                    .saturating_mul(width);
                inside = inside.saturating_add(bytes);
                parts.push(part(
                    linear.name,
                    bytes,
                    "layers × copies × r × (in + out) × bytes",
                    vec![
                        Input::count("layers", group.count, ""),
                        Input::count("copies", linear.copies, "in a layer"),
                        Input::count("r", rank, "rank"),
                        Input::count("in", linear.in_features, ""),
                        Input::count("out", linear.out_features, ""),
                    ],
                ));
            }
        }
    } else {
        for group in &setup.architecture.layers {
            let mut bytes = 0_u64;
            adapter_tensors(setup, &group.layer, |tensor| bytes = bytes.saturating_add(tensor.bytes()));
            inside = inside.saturating_add(bytes.saturating_mul(group.count));
        }
        parts.push(part("In the layers", inside.min(value.0), "", Vec::new()));
    }
    parts.push(part("Outside the layers", value.0.saturating_sub(inside), "", Vec::new()));
    explained("Adapters", Value::Bytes(value), formula, inputs, why, "PEFT 0.21 tuners and the methods' papers")
        .with_parts(parts)
}

/// Gradients alive at the peak.
pub fn gradients(setup: &Setup<'_>, ledger: &Ledger, value: Bytes) -> Explained {
    let why = if !setup.training {
        "Running a model makes no gradients."
    } else if setup.plan.optimizer.implementation == Implementation::InBackward {
        "Each weight is updated as soon as its gradient is there, so that one gradient is alive at a time."
    } else if ledger.lasting_gradients > 0 {
        "Gradients are accumulated over several forward passes, so they are there during forward and backward."
    } else {
        "Each trained parameter gets a gradient in backward; what is counted is what exists at the peak."
    };
    explained(
        "Gradients",
        Value::Bytes(value),
        "trained values alive × bytes",
        vec![
            Input::count("trained values", ledger.trained.values, ""),
            Input::bytes("all gradients", Bytes(ledger.gradients), "when backward is done"),
        ],
        why,
        TRACED,
    )
}

/// Optimizer state.
pub fn optimizer_state(setup: &Setup<'_>, ledger: &Ledger, value: Bytes) -> Explained {
    let algorithm = setup.plan.optimizer.algorithm;
    let (formula, why) = match algorithm {
        Algorithm::Sgd => ("0", "Plain SGD keeps nothing between steps."),
        Algorithm::SgdMomentum | Algorithm::Lion | Algorithm::RmsProp | Algorithm::Adagrad => {
            ("values × bytes", "One running mean per trained value, in the format of the parameter.")
        }
        Algorithm::Adam | Algorithm::AdamW => (
            "2 × values × bytes + 4 per tensor",
            "Two running means per trained value, in the format of the parameter, and a step counter.",
        ),
        Algorithm::AdamW8bit | Algorithm::Lion8bit => (
            "1 byte per value and moment + 4 per 256 values",
            "8-bit moments with an FP32 scale for 256; tensors under 4,096 values and embeddings keep FP32 moments.",
        ),
        Algorithm::PagedAdamW | Algorithm::PagedAdamW8bit => {
            ("0 on the device", "Paged state lives in unified memory and is moved to the host under pressure.")
        }
        Algorithm::Adafactor => (
            "Σ (rows + columns) × 4",
            "The second moment of a matrix is kept as one value per row and column, in FP32.",
        ),
        Algorithm::Muon => {
            ("values × bytes", "One momentum for the matrices of the layers; AdamW's two moments for the rest.")
        }
    };
    let parts = vec![
        part("FP32 master weights", ledger.optimizer.master, "trained values × 4", Vec::new()),
        part("Moments", value.0.saturating_sub(ledger.optimizer.master), "", Vec::new()),
    ];
    let mut inputs = vec![Input::count("values", ledger.trained.values, "trained")];
    if ledger.optimizer.paged > 0 {
        inputs.push(Input::bytes("in host memory", Bytes(ledger.optimizer.paged), "paged"));
    }
    explained(
        "Optimizer state",
        Value::Bytes(value),
        formula,
        inputs,
        why,
        "torch.optim, transformers.optimization, bitsandbytes.optim",
    )
    .rough(algorithm == Algorithm::Muon)
    .with_parts(parts)
}
