//! Tokens through a model: logits, loss, gradients.

use super::Result;
use super::cache::Cache;
use super::config::{Part, unsuitable};
use super::control::Gate;
use super::gradients::Gradients;
use super::layer::Trace;
use super::lora::Adapters;
use super::model::Llama;
use super::ops::{Dropout, IGNORED, LossOfHead, elementwise, of_head, rms_norm, rms_norm_back, with_values};
use candle_core::{Device, Tensor};

/// Tokens of equally long sequences, one after another.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Token numbers, `sequences × length`.
    pub tokens: Vec<u32>,
    /// What should come next at each place, or [`IGNORED`].
    pub targets: Vec<u32>,
    /// Tokens of a sequence.
    pub length: usize,
}

impl Batch {
    /// Targets it has.
    pub fn counted(&self) -> usize {
        self.targets.iter().filter(|target| **target != IGNORED).count()
    }
}

/// What a pass through the model goes with.
#[derive(Clone, Copy, Default)]
pub struct Pass<'a> {
    /// Adapters beside the weights.
    pub adapters: Option<&'a Adapters>,
    /// Asked between layers whether to go on.
    pub gate: Option<&'a Gate<'a>>,
    /// Keep only what goes into each layer, and run each again in backward (gradient checkpointing; Chen et al., 2016).
    pub recompute: bool,
    /// Dropped before the adapters, in training.
    pub dropout: Option<Dropout>,
    /// Keys and values of the tokens before these, which it adds to: for one sequence, in generation.
    pub cache: Option<&'a Cache>,
    /// Sees what goes into each linear layer.
    pub observe: Option<&'a Observe<'a>>,
}

/// Called with a layer, one of its linear layers, and what goes into that, `[tokens, in]`.
pub type Observe<'a> = dyn Fn(usize, Part, &Tensor) -> Result<()> + 'a;

impl<'a> Pass<'a> {
    /// With these adapters.
    pub const fn with(adapters: &'a Adapters) -> Self {
        Self { adapters: Some(adapters), gate: None, recompute: false, dropout: None, cache: None, observe: None }
    }

    /// Under a gate.
    pub const fn under(self, gate: &'a Gate<'a>) -> Self {
        Self { gate: Some(gate), ..self }
    }

    fn go_on(self) -> Result<()> {
        self.gate.map_or(Ok(()), Gate::pass)
    }
}

/// What is kept of a layer: all that backward needs, or only what went in.
enum Kept {
    Whole(Box<Trace>),
    Input(Tensor),
}

impl Llama {
    /// Rows of the token table, `[tokens, hidden]`.
    fn embedded(&self, tokens: &[u32], length: usize) -> Result<Tensor> {
        if length == 0 || !tokens.len().is_multiple_of(length) {
            return Err(unsuitable(format!("{} tokens are no sequences of {length}", tokens.len())));
        }
        if let Some(token) = tokens.iter().find(|token| **token as usize >= self.config.vocab_size) {
            let size = self.config.vocab_size;
            return Err(unsuitable(format!("token {token} is outside of the vocabulary of {size}")));
        }
        let rows = self.embedding.values()?.index_select(&Tensor::new(tokens, &Device::Cpu)?, 0)?;
        match self.config.embedding_scale() {
            Some(scale) => Ok(elementwise::scaled(&rows, scale)?),
            None => Ok(rows),
        }
    }

    /// The residual stream after the last layer, `[tokens, hidden]`; `keep` gets what each layer leaves for backward.
    fn stream(
        &self,
        tokens: &[u32],
        length: usize,
        pass: Pass<'_>,
        mut keep: Option<&mut Vec<Kept>>,
    ) -> Result<Tensor> {
        let mut x = self.embedded(tokens, length)?;
        for layer in &self.layers {
            pass.go_on()?;
            let (next, trace) = layer.forward(&x, length, pass, keep.is_some() && !pass.recompute)?;
            if let Some(keep) = keep.as_deref_mut() {
                keep.push(trace.map_or(Kept::Input(x), |trace| Kept::Whole(Box::new(trace))));
            }
            x = next;
        }
        Ok(x)
    }

    fn hidden(&self, tokens: &[u32], length: usize, pass: Pass<'_>) -> Result<Tensor> {
        let x = self.stream(tokens, length, pass, None)?;
        Ok(rms_norm(&x, &self.final_norm, self.config.rms_norm_eps)?)
    }

    /// Logits of the last place of a sequence, `[vocabulary]`.
    pub fn next(&self, tokens: &[u32], pass: Pass<'_>) -> Result<Tensor> {
        let hidden = self.hidden(tokens, tokens.len(), pass)?;
        let last = hidden.narrow(0, tokens.len().saturating_sub(1), 1)?;
        Ok(self.head.times(&last.contiguous()?)?.squeeze(0)?)
    }

    /// Logits of every token, `[tokens, vocabulary]`.
    pub fn logits(&self, tokens: &[u32], length: usize, adapters: Option<&Adapters>) -> Result<Tensor> {
        let hidden = self.hidden(tokens, length, Pass { adapters, ..Pass::default() })?;
        Ok(self.head.times(&hidden)?)
    }

    /// The loss alone.
    pub fn evaluate(&self, batch: &Batch, pass: Pass<'_>) -> Result<LossOfHead> {
        let hidden = self.hidden(&batch.tokens, batch.length, pass)?;
        Ok(of_head(&hidden, &self.head, &batch.targets, false)?)
    }

    /// Gradients of the `variables` things that are trained — the adapters', or the weights' where a base is made — and
    /// the loss.
    pub fn gradients(&self, batch: &Batch, pass: Pass<'_>, variables: usize) -> Result<(Gradients, LossOfHead)> {
        let mut gradients = Gradients::none(variables);
        let mut kept = Vec::with_capacity(self.layers.len());
        let end = self.stream(&batch.tokens, batch.length, pass, Some(&mut kept))?;
        let epsilon = self.config.rms_norm_eps;
        let hidden = rms_norm(&end, &self.final_norm, epsilon)?;
        let mut found = of_head(&hidden, &self.head, &batch.targets, true)?;
        drop(hidden);
        if let (Some(index), Some(gradient)) = (self.head.trained(), found.head_gradient.take()) {
            gradients.add_at(index, gradient)?;
        }
        let Some(slope) = found.gradient.take() else { return Err(unsuitable("the loss has no gradient".to_owned())) };
        let mut slope = rms_norm_back(&end, &self.final_norm, epsilon, &slope, None)?;
        drop(end);
        for layer in self.layers.iter().rev() {
            pass.go_on()?;
            let trace = match kept.pop() {
                Some(Kept::Whole(trace)) => trace,
                Some(Kept::Input(x)) => {
                    let (_, trace) = layer.forward(&x, batch.length, pass, true)?;
                    Box::new(trace.ok_or_else(|| unsuitable("a layer kept nothing".to_owned()))?)
                }
                None => break,
            };
            // Before the first layer nothing is trained but, when a base is made, the token table.
            let wants_x = layer.index > 0 || self.embedding.trained().is_some();
            match layer.backward((&slope, batch.length), &trace, pass, wants_x, &mut gradients)? {
                Some(next) => slope = next,
                None => return Ok((gradients, found)),
            }
        }
        if let Some(index) = self.embedding.trained() {
            gradients.add_at(index, self.table_gradient(&batch.tokens, &slope)?)?;
        }
        Ok((gradients, found))
    }

    /// Gradient of the token table: each row adds up those of the places its token stands at.
    fn table_gradient(&self, tokens: &[u32], slope: &Tensor) -> Result<Tensor> {
        let (rows, width) = (self.config.vocab_size, self.config.hidden_size);
        let scale = self.config.embedding_scale().unwrap_or(1.0) as f32;
        let made = with_values(slope, |slope| {
            let mut made = vec![0.0_f32; rows * width];
            for (token, slope) in tokens.iter().zip(slope.chunks_exact(width)) {
                let start = *token as usize * width;
                for (made, slope) in made[start..start + width].iter_mut().zip(slope) {
                    *made += slope * scale;
                }
            }
            Ok(made)
        })?;
        Ok(Tensor::from_vec(made, (rows, width), &Device::Cpu)?)
    }
}
