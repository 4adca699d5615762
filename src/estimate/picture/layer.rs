//! One layer in the order of its forward pass: weights, and tensors that backward needs.

use super::matrix::beside_values;
use super::{BlockDrawn, Fate, Kept, KeptBeside, LAYER_INPUT, Piece, PieceState, Purpose, Step};
use crate::architecture::{Attention, DenseMlp, Layer, Linear, LinearRole, Linears, Mlp, NormPlacement};
use crate::estimate::setup::Setup;
use crate::plan::Checkpointing;
use crate::units::{Bytes, grouped};

/// The steps of `layer`; `own`: its own weights are trained, `flows`: a gradient goes through it.
pub fn steps(setup: &Setup<'_>, layer: &Layer, own: bool, flows: bool) -> Vec<Step> {
    let linears = layer.linears(setup.architecture.hidden_size, &setup.architecture.model_code);
    let builder = Builder { setup, layer, linears: &linears, own, flows };
    let mut steps = builder.attention_steps();
    steps.extend(builder.mlp_steps());
    steps
}

struct Builder<'a> {
    setup: &'a Setup<'a>,
    layer: &'a Layer,
    linears: &'a Linears,
    own: bool,
    flows: bool,
}

/// Whether a tensor comes out of a matrix product, which selective checkpointing keeps.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    Product,
    Elementwise,
}

impl Builder<'_> {
    fn hidden(&self) -> u64 {
        self.setup.architecture.hidden_size
    }

    fn attention_steps(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        let (before, output) = self.attention_linears();
        steps.push(self.layer_input());
        if self.layer.norm_placement != NormPlacement::Post {
            steps.push(self.norm("Norm", None));
        }
        steps.push(self.linears_step("Projections", "queries, keys and values of every token", &before, self.hidden()));
        steps.push(self.attention(output));
        if let Some(output) = output {
            let mut step = self.linears_step("Output projection", "heads back to the residual width", &[output], 0);
            step.kept.extend(self.product("product of the output projection", self.hidden()));
            steps.push(step);
        }
        steps.extend(self.after_block());
        if self.layer.norm_placement != NormPlacement::Pre {
            steps.push(self.norm("Norm", Some("attention output before its norm")));
        }
        if !self.layer.parallel {
            steps.push(residual("added to the residual stream"));
        }
        steps
    }

    fn mlp_steps(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        if self.layer.norm_placement != NormPlacement::Post && !(self.layer.parallel && self.layer.norms < 2) {
            let input = if self.layer.parallel { None } else { Some("residual stream after attention") };
            steps.push(self.norm("Norm", input));
        }
        match &self.layer.mlp {
            Mlp::Dense(mlp) => self.mlp(&mut steps, mlp, 1, false),
            Mlp::Moe(moe) => {
                let router = self.roles(&[LinearRole::Router, LinearRole::Other], false);
                let detail = format!("{} of {} experts for every token", moe.experts_per_token, moe.experts);
                steps.push(self.linears_step("Router", &detail, &router, 0));
                self.mlp(&mut steps, &moe.expert, moe.experts_per_token, true);
                if let Some(shared) = &moe.shared {
                    self.mlp(&mut steps, shared, 1, false);
                }
            }
        }
        steps.extend(self.after_block());
        if self.layer.norm_placement != NormPlacement::Pre {
            steps.push(self.norm("Norm", Some("MLP output before its norm")));
        }
        let parallel = self.layer.parallel;
        steps.push(residual(if parallel {
            "attention and MLP added together"
        } else {
            "added to the residual stream"
        }));
        steps
    }

    /// Linear layers up to the output projection, and that.
    fn attention_linears(&self) -> (Vec<Linear>, Option<Linear>) {
        let all: Vec<Linear> = self.linears.iter().copied().collect();
        match all.iter().position(|linear| linear.role == LinearRole::Output) {
            Some(at) => (all[..at].to_vec(), Some(all[at])),
            None => (all, None),
        }
    }

    /// Linear layers after the output projection with one of `roles`.
    fn roles(&self, roles: &[LinearRole], stacked: bool) -> Vec<Linear> {
        let after = self.linears.iter().position(|linear| linear.role == LinearRole::Output).map_or(0, |at| at + 1);
        let fits = |linear: &&Linear| roles.contains(&linear.role) && linear.stacked_experts == stacked;
        self.linears.iter().skip(after).filter(fits).copied().collect()
    }

    /// The residual stream as it comes in: what full checkpointing keeps of the whole layer.
    fn layer_input(&self) -> Step {
        let bare = self.layer.norm_placement == NormPlacement::Post;
        let mut kept = if bare {
            self.kept("layer input".to_owned(), self.hidden(), false, false, Origin::Elementwise)
        } else {
            self.kept("layer input".to_owned(), self.hidden(), self.own, true, Origin::Elementwise)
        };
        if self.flows && self.setup.plan.runtime.checkpointing != Checkpointing::None {
            kept.fate = Fate::Kept;
            kept.purpose = Purpose::Checkpoint;
        }
        let detail = "the residual stream from the layer before".to_owned();
        Step { title: LAYER_INPUT, detail, pieces: Vec::new(), kept: vec![kept] }
    }

    fn norm(&self, title: &'static str, input: Option<&str>) -> Step {
        let values = self.layer.norm.params(self.hidden());
        let mut kept = Vec::new();
        if let Some(name) = input {
            let weight = self.own && values > 0;
            kept.push(self.kept(name.to_owned(), self.hidden(), weight, true, Origin::Elementwise));
        }
        let pieces = if values == 0 {
            Vec::new()
        } else {
            vec![Piece {
                name: "norm weight".to_owned(),
                role: None,
                rows: values,
                columns: 1,
                copies: 1,
                state: if self.own { PieceState::Trained } else { PieceState::Frozen },
                trained_values: if self.own { values } else { 0 },
                target: None,
            }]
        };
        Step { title, detail: "every token to length one".to_owned(), pieces, kept }
    }

    /// Linear layers that read one input of `width` values (0: it is listed elsewhere).
    fn linears_step(&self, title: &'static str, detail: &str, linears: &[Linear], width: u64) -> Step {
        let mut kept = Vec::new();
        let readers: Vec<&str> =
            linears.iter().filter(|linear| self.needs_input(linear)).map(|linear| linear.name).collect();
        if width > 0 {
            let name = if readers.is_empty() {
                "normed input".to_owned()
            } else {
                format!("normed input of {}", readers.join(", "))
            };
            kept.push(self.kept(name, width, !readers.is_empty(), false, Origin::Elementwise));
        }
        kept.extend(self.beside(linears, 1));
        Step { title, detail: detail.to_owned(), pieces: linears.iter().map(|map| self.piece(map)).collect(), kept }
    }

    /// Small tensors of the adapters of `linears`.
    fn beside(&self, linears: &[Linear], per_token: u64) -> Option<Kept> {
        let hit: Vec<&Linear> = linears.iter().filter(|linear| self.is_hit(linear)).collect();
        if hit.is_empty() {
            return None;
        }
        let names = hit.iter().map(|linear| linear.name).collect::<Vec<_>>().join(", ");
        let modules = &self.setup.trained.adapter;
        let values = hit.iter().map(|linear| modules.kept_values(linear)).fold(0_u64, u64::saturating_add);
        let KeptBeside { name, for_input } = modules.kept_beside(&names)?;
        let kept = self.kept(name, values.saturating_mul(per_token), true, for_input, Origin::Product);
        (kept.values_per_token > 0).then_some(kept)
    }

    fn attention(&self, output: Option<Linear>) -> Step {
        let reads_output = output.as_ref().is_some_and(|linear| self.needs_input(linear));
        let width = output.map_or_else(|| self.hidden(), |linear| linear.in_features);
        let (detail, in_values, scores) = match &self.layer.attention {
            Attention::Softmax(attention) => {
                let kv = attention.kv_width().saturating_mul(2);
                let detail = format!(
                    "{} query heads, {} key-value heads of {} values",
                    attention.heads, attention.kv_heads, attention.head_dim
                );
                (detail, attention.query_width().saturating_add(kv), attention.heads)
            }
            Attention::Latent(attention) => {
                let key = attention.qk_nope_head_dim.saturating_add(attention.qk_rope_head_dim);
                let all = key.saturating_mul(2).saturating_add(attention.v_head_dim).saturating_mul(attention.heads);
                (format!("{} heads from a compressed latent", attention.heads), all, attention.heads)
            }
            Attention::Linear(attention) => {
                let all = attention.key_width().saturating_mul(2).saturating_add(attention.value_width());
                (format!("{} value heads, gated delta rule", attention.value_heads), all, 0)
            }
        };
        let mut kept = vec![self.kept("queries, keys, values".to_owned(), in_values, false, true, Origin::Product)];
        if self.setup.eager && scores > 0 {
            let name = format!("probabilities of {} × {}", grouped(self.setup.sequence), grouped(self.setup.sequence));
            let values = scores.saturating_mul(self.setup.sequence);
            kept.push(self.kept(name, values, false, true, Origin::Elementwise));
            kept.push(self.kept("attention output".to_owned(), width, reads_output, false, Origin::Elementwise));
        } else {
            kept.push(self.kept("attention output".to_owned(), width, reads_output, true, Origin::Elementwise));
        }
        let mut pieces = Vec::new();
        if let Some((name, count, width)) = self.setup.trained.adapter.attention_vectors(self.layer) {
            pieces.push(added_piece(name, count, width));
        }
        Step { title: "Attention", detail, pieces, kept }
    }

    /// An MLP, or what `per_token` experts of it do to a token.
    fn mlp(&self, steps: &mut Vec<Step>, mlp: &DenseMlp, per_token: u64, stacked: bool) {
        let inputs = self.roles(&[LinearRole::Gate, LinearRole::Up, LinearRole::FusedGateUp], stacked);
        let down = self.roles(&[LinearRole::Down], stacked);
        let title = if stacked { "Experts" } else { "MLP" };
        let detail = if mlp.gated { "gate and up" } else { "up" };
        steps.push(self.linears_step(title, detail, &inputs, self.hidden().saturating_mul(per_token)));
        let inner = mlp.intermediate.saturating_mul(per_token);
        let mut kept = Vec::new();
        if mlp.gated {
            let both = inner.saturating_mul(2);
            kept.push(self.kept("gate and up".to_owned(), both, false, true, Origin::Product));
            kept.push(self.kept("activated gate".to_owned(), inner, false, true, Origin::Elementwise));
        } else {
            kept.push(self.kept("input of the activation".to_owned(), inner, false, true, Origin::Product));
        }
        let formula = match (mlp.gated, mlp.activation) {
            (true, activation) => format!("{} of the gate, times up", function(activation)),
            (false, activation) => function(activation).to_owned(),
        };
        steps.push(Step { title: "Activation", detail: formula, pieces: Vec::new(), kept });
        let mut last = self.linears_step("Down", "back to the residual width", &down, 0);
        let reads = down.iter().any(|linear| self.needs_input(linear));
        last.kept.insert(0, self.kept("input of down".to_owned(), inner, reads, false, Origin::Elementwise));
        last.kept.extend(self.product("product of down", self.hidden()));
        steps.push(last);
    }

    /// A product that only selective checkpointing keeps: nobody needs it, but the layer is computed again from it.
    fn product(&self, name: &str, width: u64) -> Option<Kept> {
        let selective = self.flows && self.setup.plan.runtime.checkpointing == Checkpointing::Selective;
        selective.then(|| Kept {
            purpose: Purpose::Checkpoint,
            fate: Fate::Kept,
            ..self.kept(name.to_owned(), width, false, false, Origin::Product)
        })
    }

    /// What the method puts after attention and after the MLP.
    fn after_block(&self) -> Option<Step> {
        let hidden = self.hidden();
        let BlockDrawn { detail, pieces, inner } = self.setup.trained.adapter.block_drawn(hidden)?;
        let kept = vec![
            self.kept("input of the adapter".to_owned(), hidden, true, false, Origin::Elementwise),
            self.kept("inside the adapter".to_owned(), inner.saturating_mul(2), true, true, Origin::Product),
        ];
        Some(Step { title: "Adapter", detail, pieces, kept })
    }

    fn piece(&self, linear: &Linear) -> Piece {
        let is_hit = self.is_hit(linear);
        let has_targets = self.setup.training && self.setup.plan.method.method.targets().is_some();
        let bias_only = self.setup.trained.biases && linear.bias && !self.own;
        let state = if self.own {
            PieceState::Trained
        } else if is_hit {
            PieceState::Adapted
        } else if bias_only {
            PieceState::Bias
        } else {
            PieceState::Frozen
        };
        Piece {
            name: linear.name.to_owned(),
            role: Some(linear.role),
            rows: linear.out_features,
            columns: linear.in_features,
            copies: linear.copies,
            state,
            trained_values: self.trained_values(linear, is_hit),
            target: has_targets.then_some(is_hit),
        }
    }

    /// Trained values in or beside all copies of a linear layer.
    fn trained_values(&self, linear: &Linear, is_hit: bool) -> u64 {
        let mut sum = 0_u64;
        if self.own {
            sum = linear.weight_params();
        }
        if linear.bias && (self.own || self.setup.trained.biases) {
            sum = sum.saturating_add(linear.bias_params());
        }
        if !is_hit {
            return sum;
        }
        sum.saturating_add(beside_values(self.setup, linear))
    }

    fn is_hit(&self, linear: &Linear) -> bool {
        self.setup.training && self.setup.adapts(linear)
    }

    /// Whether the gradient of something trained at this linear layer needs what goes into it.
    fn needs_input(&self, linear: &Linear) -> bool {
        self.own || self.is_hit(linear) && self.setup.trained.adapter.needs_input(linear)
    }

    fn kept(&self, name: String, values_per_token: u64, weight: bool, input: bool, origin: Origin) -> Kept {
        let purpose = match (weight, input) {
            _ if !self.flows => Purpose::Nobody,
            (true, true) => Purpose::Both,
            (true, false) => Purpose::WeightGradient,
            (false, true) => Purpose::InputGradient,
            (false, false) => Purpose::Nobody,
        };
        let fate = match self.setup.plan.runtime.checkpointing {
            _ if purpose == Purpose::Nobody => Fate::Dropped,
            Checkpointing::Full => Fate::Recomputed,
            Checkpointing::Selective if origin == Origin::Elementwise => Fate::Recomputed,
            Checkpointing::Selective | Checkpointing::None => Fate::Kept,
        };
        let width = self.setup.autocast.unwrap_or(self.setup.width);
        let bytes = self.setup.tokens.saturating_mul(values_per_token).saturating_mul(width);
        Kept { name, values_per_token, bytes: Bytes(bytes), purpose, fate }
    }
}

fn residual(detail: &str) -> Step {
    Step { title: "Residual", detail: detail.to_owned(), pieces: Vec::new(), kept: Vec::new() }
}

const fn function(activation: crate::architecture::Activation) -> &'static str {
    use crate::architecture::Activation;
    match activation {
        Activation::Silu => "SiLU",
        Activation::Gelu | Activation::GeluNew => "GELU",
        Activation::Relu => "ReLU",
        Activation::Relu2 => "ReLU²",
    }
}

/// A module that the method adds.
/// A matrix that the method adds.
pub fn added_piece(name: &str, rows: u64, columns: u64) -> Piece {
    Piece {
        name: name.to_owned(),
        role: None,
        rows,
        columns,
        copies: 1,
        state: PieceState::Added,
        trained_values: rows.saturating_mul(columns),
        target: None,
    }
}
