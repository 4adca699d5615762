//! What public formulas say about the same rows, so that an error can be judged.
//!
//! Each formula is applied as it is published. One that knows nothing of adapters (accelerate, EleutherAI) is applied to
//! adapter rows all the same, because its users do so. Tensor bytes of one training step on one device, in bytes.

use super::{Accuracy, Case, Figure};
use crate::architecture::{Architecture, Attention, Mlp};
use crate::catalog::Catalog;
use crate::estimate::Estimate;
use crate::plan::{Algorithm, AttentionKernel, Checkpointing, Lora, Method, ModelSource, Plan, Workload};
use serde::Serialize;

/// A public formula.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Peer {
    /// Hugging Face accelerate, `accelerate estimate-memory`: four times the model.
    Accelerate,
    /// Weights, gradients and optimizer values of textbooks.
    TextbookStates,
    /// EleutherAI's `calc_transformer_mem.py` with its defaults.
    EleutherAi,
    /// The textbook's states and Megatron-LM's activations in the variant that matches the job.
    Megatron,
}

impl Peer {
    /// All, in the order of tables.
    pub const ALL: [Self; 4] = [Self::TextbookStates, Self::Megatron, Self::Accelerate, Self::EleutherAi];

    /// Name in tables.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Accelerate => "accelerate estimate-memory",
            Self::TextbookStates => "Textbook: weights, gradients, states",
            Self::EleutherAi => "EleutherAI calc_transformer_mem",
            Self::Megatron => "Textbook + Megatron activations",
        }
    }

    /// The formula in a line, with its source.
    pub const fn formula(self) -> &'static str {
        match self {
            Self::Accelerate => {
                "4 × parameters × bytes of the loaded format (Hugging Face accelerate, estimate-memory)"
            }
            Self::TextbookStates => "weights + trained × (gradient + optimizer values)",
            Self::EleutherAi => {
                "(2 + 4 + 12) × its count of parameters + activations of Korthikanti et al. 2022 (EleutherAI cookbook, calc_transformer_mem.py, defaults)"
            }
            Self::Megatron => {
                "states + sbhL × (34 + 5as/h), 34 without the score matrix, 2 with full recomputation (Korthikanti et al. 2022, equations 1 to 6)"
            }
        }
    }

    /// Its prediction for a training row on one device; `None` where it does not apply. The `estimate` gives the exact
    /// parameter counts, so that a formula is not judged by a wrong count of its user.
    pub fn bytes(self, case: &Case, catalog: &Catalog, estimate: &Estimate) -> Option<u64> {
        let plan = &case.plan;
        if plan.workload != Workload::Training || plan.is_parallel() || plan.hardware.count > 1 {
            return None;
        }
        let ModelSource::File { architecture, .. } = &plan.model.source else { return None };
        let shape = Shape::of(architecture)?;
        let quantized = matches!(plan.method.method, Method::Qlora(_));
        let weight_width = catalog.format(&plan.precision.load_format)?.element_bits / 8.0;
        let (total, trained) = (estimate.model.total as f64, estimate.parameters.trainable as f64);
        let tokens = plan.batch.micro_batch as f64 * plan.batch.sequence_length as f64;
        let states = || {
            let trained_width = adapter_width(plan).unwrap_or(if quantized { 2.0 } else { weight_width });
            let added = if estimate.parameters.added > 0 { trained * trained_width } else { 0.0 };
            let moments = match plan.optimizer.algorithm {
                // Factored or absent: the textbook's table has no bytes for them.
                Algorithm::Sgd | Algorithm::Adafactor | Algorithm::Apollo => 0.0,
                Algorithm::SgdMomentum
                | Algorithm::Lion
                | Algorithm::AdamMini
                | Algorithm::Adagrad
                | Algorithm::RmsProp => trained_width,
                Algorithm::AdamW8bit
                | Algorithm::PagedAdamW8bit
                | Algorithm::TorchaoAdamW8bit
                | Algorithm::AdamWFp8 => 2.0,
                Algorithm::Lion8bit | Algorithm::AdamW4bit => 1.0,
                _ => 2.0 * trained_width,
            };
            total * weight_width + added + trained * (trained_width + moments)
        };
        let scores = 5.0 * shape.heads * plan.batch.sequence_length as f64 / shape.hidden;
        let stream = tokens * shape.hidden * shape.layers;
        let checkpointed = plan.runtime.checkpointing == Checkpointing::Full;
        let bytes = match self {
            // It counts the packed values of a quantized load as parameters; nobody means that.
            Self::Accelerate if quantized => return None,
            Self::Accelerate => 4.0 * total * weight_width,
            Self::TextbookStates => states(),
            Self::EleutherAi => {
                let counted = shape.eleuther_parameters(plan.batch.sequence_length as f64);
                let per_value = if checkpointed { 34.0 } else { 34.0 + scores };
                counted * (2.0 + 4.0 + 12.0) + stream * per_value
            }
            Self::Megatron => {
                let per_value = match (plan.runtime.checkpointing, plan.runtime.attention) {
                    (Checkpointing::Full, _) => 2.0,
                    (Checkpointing::None, AttentionKernel::Eager) => 34.0 + scores,
                    _ => 34.0,
                };
                states() + stream * per_value
            }
        };
        Some(bytes as u64)
    }
}

/// Errors of one formula, and of the program on the very same rows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PeerAccuracy {
    /// The formula.
    pub peer: Peer,
    /// Its errors. A formula gives no band: none of its rows lies in one.
    pub accuracy: Accuracy,
    /// The program's errors on the rows the formula applies to.
    pub ours: Accuracy,
}

/// Errors of every formula over predicted rows; empty where none is a training row of one device.
pub fn compare(predicted: &[(&Case, &Estimate)], catalog: &Catalog) -> Vec<PeerAccuracy> {
    let figure = |low: u64, bytes: u64, high: u64, measured: u64| Figure {
        error: bytes as f64 / measured.max(1) as f64 - 1.0,
        low: low as f64,
        high: high as f64,
        measured: measured as f64,
    };
    let of_peer = |peer: Peer| {
        let pairs: Vec<(Figure, Figure)> = predicted
            .iter()
            .filter_map(|(case, estimate)| {
                let (theirs, measured) = (peer.bytes(case, catalog, estimate)?, case.measured.0);
                let ours = case.metric.of(estimate);
                Some((
                    figure(theirs, theirs, theirs, measured),
                    figure(ours.low.0, ours.expected.0, ours.high.0, measured),
                ))
            })
            .collect();
        (!pairs.is_empty()).then(|| PeerAccuracy {
            peer,
            accuracy: Accuracy::of_figures(pairs.iter().map(|pair| pair.0)),
            ours: Accuracy::of_figures(pairs.iter().map(|pair| pair.1)),
        })
    };
    Peer::ALL.into_iter().filter_map(of_peer).collect()
}

/// Bytes of a value of the adapter; `None` for methods without one.
const fn adapter_width(plan: &Plan) -> Option<f64> {
    match &plan.method.method {
        Method::Lora(Lora { dtype, .. }) | Method::Qlora(Lora { dtype, .. }) => Some(dtype.bytes() as f64),
        _ => None,
    }
}

/// The few numbers these formulas take.
struct Shape {
    hidden: f64,
    layers: f64,
    heads: f64,
    intermediate: f64,
    vocabulary: f64,
}

impl Shape {
    fn of(architecture: &Architecture) -> Option<Self> {
        let first = &architecture.layers.first()?.layer;
        let intermediate = match &first.mlp {
            Mlp::Dense(mlp) => mlp.intermediate,
            Mlp::Moe(moe) => moe.expert.intermediate,
        };
        let heads = match &first.attention {
            Attention::Softmax(shape) => shape.heads,
            Attention::Latent(shape) => shape.heads,
            Attention::Linear(shape) => shape.value_heads,
        };
        Some(Self {
            hidden: architecture.hidden_size as f64,
            layers: architecture.layers.iter().map(|group| group.count).fold(0, u64::saturating_add) as f64,
            heads: heads as f64,
            intermediate: intermediate as f64,
            vocabulary: architecture.vocab_size as f64,
        })
    }

    /// Two tables of tokens, one of positions, norms, four square matrices and two of the MLP.
    fn eleuther_parameters(&self, sequence: f64) -> f64 {
        let Self { hidden, layers, intermediate, vocabulary, .. } = self;
        2.0 * vocabulary * hidden
            + hidden * sequence
            + 8.0 * hidden * layers
            + 2.0 * hidden
            + 4.0 * layers * hidden * hidden
            + 2.0 * layers * hidden * intermediate
    }
}
