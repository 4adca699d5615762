//! Products of a plan's dimensions that give a size.

use super::message::{Message, Size, Source};
use super::{Class, Moment};
use crate::architecture::{Architecture, Attention, Mlp};
use crate::catalog::Catalog;
use crate::estimate::Inputs;
use crate::estimate::profile::Profiles;
use crate::plan::{Plan, StageKind, Workload};
use crate::units::grouped;

/// A product that gives the size.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// What it is.
    pub term: String,
    /// `4 × 4,096 × 151,936 × 4 bytes`.
    pub factors: String,
    /// Its bytes.
    pub bytes: u64,
    /// What it belongs to.
    pub class: Class,
    /// When it comes into being.
    pub moments: Vec<Moment>,
    /// The length is not the plan's: it was found from the size.
    pub inferred: bool,
    /// Place among the others, the likeliest first.
    pub(super) rank: u8,
}

/// A dimension with its name.
#[derive(Clone, Copy)]
struct Dimension {
    name: &'static str,
    size: u64,
}

struct Search<'a> {
    plan: &'a Plan,
    size: Size,
    found: Vec<Candidate>,
}

/// All products of the plan's dimensions that are printed as `size`.
pub fn candidates(plan: &Plan, size: Size) -> Vec<Candidate> {
    let Ok(inputs) = Inputs::resolve(plan, Catalog::embedded(), Profiles::known()) else { return Vec::new() };
    let architecture = inputs.architecture.as_ref();
    let mut search = Search { plan, size, found: Vec::new() };
    search.matrices(architecture);
    search.tensors_of_tokens(architecture);
    if search.found.is_empty() {
        search.other_lengths(architecture);
    }
    search.found
}

impl Search<'_> {
    fn trains(&self) -> bool {
        self.plan.workload == Workload::Training
    }

    /// Keeps a product where it fits and is not there yet.
    fn keep(&mut self, term: &str, factors: &[u64], width: u64, class: Class, moments: &[Moment]) {
        let bytes = factors.iter().fold(width, |product, factor| product.saturating_mul(*factor));
        if !(self.size.least..=self.size.most).contains(&bytes) {
            return;
        }
        let shown: Vec<String> = factors.iter().filter(|factor| **factor != 1).map(|factor| grouped(*factor)).collect();
        let factors = format!("{} × {width} bytes", shown.join(" × "));
        if self.found.iter().any(|known| known.factors == factors && known.class == class) {
            return;
        }
        let term = term.to_owned();
        self.found.push(Candidate { term, factors, bytes, class, moments: moments.to_vec(), inferred: false, rank: 0 });
    }

    /// Weights, their gradients and their optimizer state, matrix by matrix.
    fn matrices(&mut self, architecture: &Architecture) {
        let hidden = architecture.hidden_size;
        let mut shapes: Vec<(String, [u64; 2], u64)> = Vec::new();
        let table = [architecture.vocab_size, architecture.embedding.width];
        shapes.push(("the token embedding or the output head".to_owned(), table, 1));
        for group in &architecture.layers {
            for linear in &group.layer.linears(hidden, &architecture.model_code) {
                let shape = [linear.out_features, linear.in_features];
                let copies = if linear.stacked_experts { linear.copies } else { 1 };
                let named = (linear.name.to_owned(), shape, 1);
                if !shapes.iter().any(|(_, known, _)| *known == shape) {
                    shapes.push(named);
                }
                if copies > 1 {
                    shapes.push((format!("{} of all experts", linear.name), shape, copies));
                }
            }
        }
        let trains = self.trains();
        for (name, [rows, columns], copies) in shapes {
            for width in [1, 2, 4] {
                let factors = [copies, rows, columns];
                self.keep(&format!("the weight {name}"), &factors, width, Class::Weights, &[Moment::Load]);
                if trains && width > 1 {
                    let gradient = format!("the gradient of {name}");
                    self.keep(&gradient, &factors, width, Class::Gradients, &[Moment::Backward]);
                    let state = format!("the optimizer's state of {name}");
                    self.keep(&state, &factors, width, Class::Optimizer, &[Moment::Step]);
                }
            }
        }
        let total = architecture.parameters().total;
        for width in [2, 4] {
            for parts in [1, 2, 4, 8] {
                let values = total / parts;
                let name = if parts == 1 {
                    "all weights in one piece".to_owned()
                } else {
                    format!("all weights, in {parts} parts")
                };
                self.keep(&name, &[values], width, Class::Weights, &[Moment::Load]);
            }
        }
    }

    /// Tensors of all tokens of the planned batch: one sequence, the micro-batch, and twice of it for pairs.
    fn tensors_of_tokens(&mut self, architecture: &Architecture) {
        let (batch, sequence) = (self.plan.batch.micro_batch, self.plan.batch.sequence_length);
        let both = if self.trains() { vec![Moment::Forward, Moment::Backward] } else { vec![Moment::Forward] };
        // A batch of pairs is twice as many sequences.
        let pairs =
            self.plan.stages.iter().any(|stage| matches!(stage, StageKind::Preference | StageKind::RewardModel));
        let whole = if pairs { batch.saturating_mul(2) } else { batch };
        for rows in [batch, whole, 1] {
            for tokens in [sequence, sequence.saturating_sub(1)] {
                for width in [2, 4] {
                    let logits = if width == 4 { "FP32 logits of all tokens" } else { "logits of all tokens" };
                    self.keep(logits, &[rows, tokens, architecture.vocab_size], width, Class::Logits, &both);
                }
            }
            for dimension in widths(architecture) {
                for width in [2, 4] {
                    let term = format!("one tensor of {}", dimension.name);
                    self.keep(&term, &[rows, sequence, dimension.size], width, Class::Activations, &both);
                }
            }
            for group in &architecture.layers {
                if let Attention::Softmax(shape) = &group.layer.attention {
                    for width in [2, 4] {
                        let factors = [rows, shape.heads, sequence, sequence];
                        self.keep("attention scores of every pair of tokens", &factors, width, Class::Attention, &both);
                    }
                }
            }
        }
    }

    /// Another number of tokens than planned: only one that is a power of two, since any size is some number of tokens.
    fn other_lengths(&mut self, architecture: &Architecture) {
        let both = if self.trains() { vec![Moment::Forward, Moment::Backward] } else { vec![Moment::Forward] };
        let mut dimensions: Vec<(Dimension, Class)> =
            widths(architecture).into_iter().map(|dimension| (dimension, Class::Activations)).collect();
        dimensions.push((Dimension { name: "logits", size: architecture.vocab_size }, Class::Logits));
        for power in 8..=20 {
            let tokens = 1_u64 << power;
            for (dimension, class) in &dimensions {
                for width in [2, 4] {
                    let term = format!(
                        "{} of {} tokens at once, another number than planned",
                        dimension.name,
                        grouped(tokens)
                    );
                    self.keep(&term, &[tokens, dimension.size], width, *class, &both);
                }
            }
        }
        for candidate in &mut self.found {
            candidate.inferred = true;
        }
    }
}

/// Values of one token in the tensors that pass between modules.
fn widths(architecture: &Architecture) -> Vec<Dimension> {
    let mut widths = vec![Dimension { name: "the residual stream", size: architecture.hidden_size }];
    for group in &architecture.layers {
        let mlp = match &group.layer.mlp {
            Mlp::Dense(mlp) => (mlp.intermediate, 1),
            Mlp::Moe(moe) => (moe.expert.intermediate, moe.experts_per_token),
        };
        widths.push(Dimension { name: "the MLP's inner values", size: mlp.0.saturating_mul(mlp.1) });
        widths.push(Dimension { name: "gate and up together", size: mlp.0.saturating_mul(2 * mlp.1) });
        if let Attention::Softmax(shape) = &group.layer.attention {
            widths.push(Dimension { name: "the queries", size: shape.query_width() });
            widths.push(Dimension { name: "the keys or values", size: shape.kv_width() });
        }
    }
    widths.sort_by_key(|dimension| dimension.size);
    widths.dedup_by_key(|dimension| dimension.size);
    widths
}

/// Keys and values of one request.
pub fn cache(plan: &Plan, message: &Message) -> Vec<Candidate> {
    let Source::CacheTokens { tokens } = message.source else { return Vec::new() };
    let Ok(inputs) = Inputs::resolve(plan, Catalog::embedded(), Profiles::known()) else { return Vec::new() };
    let architecture = inputs.architecture.as_ref();
    let values = architecture.layers.iter().fold(0_u64, |sum, group| {
        let (values, _) = group.layer.kv_values_per_token();
        sum.saturating_add(values.saturating_mul(group.count))
    });
    [2_u64, 1]
        .into_iter()
        .map(|width| Candidate {
            term: "keys and values of one request in all layers".to_owned(),
            factors: format!("{} values a token × {} tokens × {width} bytes", grouped(values), grouped(tokens)),
            bytes: values.saturating_mul(tokens).saturating_mul(width),
            class: Class::Cache,
            moments: vec![Moment::Load],
            inferred: false,
            rank: 0,
        })
        .filter(|candidate| message.size.is_none_or(|size| (size.least..=size.most).contains(&candidate.bytes)))
        .take(1)
        .collect()
}
