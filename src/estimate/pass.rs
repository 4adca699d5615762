//! The forward pass of the model, operator by operator, on a [`Tape`]: what transformers' code runs, with sizes only.

use super::setup::Setup;
use super::tape::{Maker, ParamGradient, Tape, Tensor};
use crate::architecture::{Layer, LinearRole, Linears, NormKind, NormPlacement};

use attention::Attended;

pub mod attention;
pub mod linear;
pub mod mlp;

/// One layer about to be run.
#[derive(Clone, Copy)]
pub struct LayerPass<'a> {
    /// The digest.
    pub setup: &'a Setup<'a>,
    /// The layer.
    pub layer: &'a Layer,
    /// Its linear layers.
    pub linears: &'a Linears,
    /// Its own weights are trained.
    pub trained: bool,
    /// Its adapters are there and trained.
    pub adapted: bool,
}

impl LayerPass<'_> {
    /// Runs the layer on `x`, which stays with the caller.
    pub fn forward(&self, tape: &mut Tape, x: Tensor) -> Tensor {
        let layer = self.layer;
        if layer.parallel {
            return self.forward_parallel(tape, x);
        }
        let pre = layer.norm_placement != NormPlacement::Post;
        let post = layer.norm_placement != NormPlacement::Pre;
        let mut h = if pre { self.norm(tape, x) } else { tape.keep(x) };
        let Attended { out, weights } = attention::attention(self, tape, h);
        h = self.residual_dropout(tape, out);
        let named = self.setup.class.names_attention_output.then(|| tape.keep(h));
        h = self.after_block(tape, h);
        if post {
            h = self.norm_owned(tape, h);
        }
        tape.now(Maker::Residual);
        h = self.residual_scale(tape, h);
        let middle = tape.add(x, h);
        tape.drop(h);
        let mut h = if pre { self.norm(tape, middle) } else { tape.keep(middle) };
        h = mlp::mlp(self, tape, h);
        h = self.residual_dropout(tape, h);
        h = self.after_block(tape, h);
        if post {
            h = self.norm_owned(tape, h);
        }
        tape.now(Maker::Residual);
        h = self.residual_scale(tape, h);
        let y = tape.add(middle, h);
        tape.drop(h);
        tape.drop(middle);
        for local in [weights, named].into_iter().flatten() {
            tape.drop(local);
        }
        y
    }

    /// Attention and MLP side by side (GPT-NeoX with two norms, Phi and Falcon with one).
    fn forward_parallel(&self, tape: &mut Tape, x: Tensor) -> Tensor {
        let normed = self.norm(tape, x);
        let shared = self.layer.norms < 2;
        let for_mlp = if shared { tape.keep(normed) } else { normed };
        let Attended { out, weights } = attention::attention(self, tape, normed);
        let attended = self.residual_dropout(tape, out);
        let for_mlp = if shared { for_mlp } else { self.norm(tape, x) };
        let fed = mlp::mlp(self, tape, for_mlp);
        let fed = self.residual_dropout(tape, fed);
        tape.now(Maker::Residual);
        let sum = tape.add(fed, attended);
        let y = tape.add(sum, x);
        tape.drop(sum);
        tape.drop(fed);
        tape.drop(attended);
        if let Some(weights) = weights {
            tape.drop(weights);
        }
        y
    }

    /// Granite multiplies what it adds to the residual stream.
    fn residual_scale(&self, tape: &mut Tape, h: Tensor) -> Tensor {
        if !self.setup.class.scales_residual {
            return h;
        }
        let scaled = tape.scale(h);
        tape.drop(h);
        scaled
    }

    /// BitNet norms what goes into the output projection and into the last matrix of the MLP.
    pub fn sub_norm(&self, tape: &mut Tape, x: Tensor) -> Tensor {
        if !self.setup.class.norms_inside_blocks {
            return x;
        }
        let width = x.count.checked_div(self.setup.tokens).unwrap_or(0);
        let normed = norm(self.setup, tape, x, NormKind::Rms, self.setup.tokens, width, self.trained);
        tape.drop(x);
        normed
    }

    fn residual_dropout(&self, tape: &mut Tape, h: Tensor) -> Tensor {
        if self.setup.training && self.layer.residual_dropout > 0.0 {
            tape.now(Maker::Residual);
            let dropped = tape.dropout(h);
            tape.drop(h);
            return dropped;
        }
        h
    }

    /// What the method puts after attention and after the MLP.
    fn after_block(&self, tape: &mut Tape, h: Tensor) -> Tensor {
        if self.adapted { self.setup.trained.adapter.after_block(self, tape, h) } else { h }
    }

    /// A norm of the layer over the hidden width; `x` stays with the caller.
    pub fn norm(&self, tape: &mut Tape, x: Tensor) -> Tensor {
        norm(self.setup, tape, x, self.layer.norm, self.setup.tokens, self.setup.architecture.hidden_size, self.trained)
    }

    fn norm_owned(&self, tape: &mut Tape, x: Tensor) -> Tensor {
        let y = self.norm(tape, x);
        tape.drop(x);
        y
    }

    /// The layer's linear layer of a role.
    pub fn role(&self, role: LinearRole) -> Option<&crate::architecture::Linear> {
        self.linears.iter().find(|linear| linear.role == role && !linear.stacked_experts)
    }
}

/// A norm over `rows` rows of `values`; `x` stays with the caller.
pub fn norm(
    setup: &Setup<'_>,
    tape: &mut Tape,
    x: Tensor,
    kind: NormKind,
    rows: u64,
    values: u64,
    trained: bool,
) -> Tensor {
    let weight = setup.outer_width;
    let kind = if kind == NormKind::Rms && setup.class.norm_casts_late { NormKind::RmsGemma } else { kind };
    tape.now(Maker::Norms);
    match kind {
        NormKind::Rms => {
            let wide = tape.cast(x, 4);
            let (root, mean) = inverse_root_mean_square(tape, wide, rows);
            let normed = tape.mul(wide, root);
            tape.drop(wide);
            tape.drop(root);
            let narrow = tape.cast(normed, x.width);
            let out = tape.mul_param(narrow, values, weight, trained);
            tape.drop(narrow);
            tape.drop(normed);
            tape.drop(mean);
            out
        }
        NormKind::RmsGemma => {
            let wide = tape.cast(x, 4);
            let (root, mean) = inverse_root_mean_square(tape, wide, rows);
            tape.drop(mean);
            let normed = tape.mul(wide, root);
            tape.drop(wide);
            tape.drop(root);
            // (1 + weight) in FP32: a vector; its own backward is nothing beside the rest.
            let scaled = tape.mul_param(normed, values, 4, trained);
            tape.drop(normed);
            tape.cast_owned(scaled, x.width)
        }
        NormKind::Layer | NormKind::LayerNoBias | NormKind::LayerNoParams => {
            // Autocast and OLMo run it in FP32.
            let upcast = setup.autocast.is_some() || kind == NormKind::LayerNoParams;
            let wide = tape.cast(x, if upcast { 4 } else { weight.max(x.width) });
            let param = |present: bool| {
                if trained && present {
                    let bytes = values.saturating_mul(weight);
                    ParamGradient { raw: bytes, kept: bytes, cast: false }
                } else {
                    ParamGradient::default()
                }
            };
            let params = [param(kind != NormKind::LayerNoParams), param(kind == NormKind::Layer)];
            let out = tape.layer_norm(wide, rows, params);
            tape.drop(wide);
            if kind == NormKind::LayerNoParams { tape.cast_owned(out, x.width) } else { out }
        }
    }
}

fn inverse_root_mean_square(tape: &mut Tape, f: Tensor, rows: u64) -> (Tensor, Tensor) {
    let p = tape.square(f);
    let mean = tape.mean(p, rows);
    tape.drop(p);
    let shifted = tape.unary(mean, rows, 4, false);
    let r = tape.unary_saving_output(shifted);
    tape.drop(shifted);
    (r, mean)
}
