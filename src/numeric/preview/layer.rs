//! One layer, forward and back.

use super::Result;
use super::config::{Part, unsuitable};
use super::gradients::Gradients;
use super::lora;
use super::ops::{
    Activation, Heads, Rotary, Turn, Weight, attention, attention_back, elementwise, rms_norm, rms_norm_back,
    weight_gradient,
};
use super::pass::Pass;
use candle_core::Tensor;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Weight of a norm; Gemma's are stored less one and read with it.
pub type Norm = Arc<Vec<f32>>;

/// A layer's weights and what is particular to it.
#[derive(Clone, Debug)]
pub struct Layer {
    /// Its place, from 0.
    pub index: usize,
    /// Before attention.
    pub attention_norm: Norm,
    /// On what attention gives, before it is added (Gemma 3).
    pub after_attention: Option<Norm>,
    /// Before the MLP.
    pub mlp_norm: Norm,
    /// On what the MLP gives, before it is added (Gemma 3).
    pub after_mlp: Option<Norm>,
    /// Norms of the heads of queries and keys (Qwen3, Gemma 3).
    pub head_norms: Option<[Norm; 2]>,
    /// Linear layers.
    pub linears: BTreeMap<Part, Weight>,
    /// Their biases, where they have some (Qwen2).
    pub biases: BTreeMap<Part, Tensor>,
    /// Positions.
    pub rotary: Arc<Rotary>,
    /// Split into heads.
    pub heads: Heads,
    /// The gate's.
    pub activation: Activation,
    /// ε of the norms.
    pub epsilon: f64,
}

/// What is kept of a layer between forward and backward; the rest is made again.
#[derive(Clone, Debug)]
pub struct Trace {
    /// What went in.
    x: Tensor,
    /// Queries and keys before the norms of their heads, where they have some.
    unnormed: Option<[Tensor; 2]>,
    /// Queries and keys as attention takes them, values.
    q: Tensor,
    k: Tensor,
    v: Tensor,
    /// What attention gave, where the linear layer after it is trained or adapted.
    attention_out: Option<Tensor>,
    /// What that linear layer gave, where a norm follows.
    before_norm: [Option<Tensor>; 2],
    /// The residual stream between attention and MLP.
    residual: Tensor,
    gate: Tensor,
    up: Tensor,
    adapters: BTreeMap<Part, lora::Trace>,
}

impl Layer {
    fn weight(&self, part: Part) -> Result<&Weight> {
        self.linears.get(&part).ok_or_else(|| unsuitable(format!("layer {} has no {}", self.index, part.name())))
    }

    /// Whether a linear layer's input is needed in backward: something of it is trained.
    fn learns(&self, part: Part, pass: Pass<'_>) -> bool {
        let adapted = pass.adapters.is_some_and(|adapters| adapters.get(self.index, part).is_some());
        adapted || self.linears.get(&part).is_some_and(|weight| weight.trained().is_some())
    }

    fn heads(&self, length: usize, past: usize) -> Heads {
        Heads { sequence: length, past, ..self.heads }
    }

    fn linear(&self, part: Part, x: &Tensor, pass: Pass<'_>, kept: &mut BTreeMap<Part, lora::Trace>) -> Result<Tensor> {
        if let Some(observe) = pass.observe {
            observe(self.index, part, x)?;
        }
        let weight = self.weight(part)?;
        let mut y = weight.times(x)?;
        if let Some(adapters) = pass.adapters
            && let Some((adapted, trace)) = adapters.forward((self.index, part), &y, x, weight, pass.dropout)?
        {
            y = adapted;
            kept.insert(part, trace);
        }
        match self.biases.get(&part) {
            Some(bias) => Ok(elementwise::by_column(&y, bias, |y, bias| y + bias)?),
            None => Ok(y),
        }
    }

    /// Adds the gradients of what a linear layer trains, and gives that of its input where it is wanted.
    fn linear_back(
        &self,
        part: Part,
        (dy, x): (&Tensor, Option<&Tensor>),
        (pass, trace): (Pass<'_>, &Trace),
        wants_x: bool,
        gradients: &mut Gradients,
    ) -> Result<Option<Tensor>> {
        let weight = self.weight(part)?;
        if let (Some(index), Some(x)) = (weight.trained(), x) {
            gradients.add_at(index, weight_gradient(dy, x)?)?;
        }
        if let (Some(adapters), Some(x), Some(kept)) = (pass.adapters, x, trace.adapters.get(&part)) {
            let place = (self.index, part);
            return adapters.backward(place, dy, x, weight, kept, pass.dropout, wants_x, gradients);
        }
        wants_x.then(|| weight.back(dy)).transpose().map_err(Into::into)
    }

    /// The residual stream after the layer, `[tokens, hidden]`, and with `keeps` what backward needs.
    pub fn forward(&self, x: &Tensor, length: usize, pass: Pass<'_>, keeps: bool) -> Result<(Tensor, Option<Trace>)> {
        let mut adapters = BTreeMap::new();
        let normed = rms_norm(x, &self.attention_norm, self.epsilon)?;
        let mut q = self.linear(Part::Query, &normed, pass, &mut adapters)?;
        let mut k = self.linear(Part::Key, &normed, pass, &mut adapters)?;
        let mut v = self.linear(Part::Value, &normed, pass, &mut adapters)?;
        drop(normed);
        let unnormed = match &self.head_norms {
            Some([of_q, of_k]) => {
                let before = [q.clone(), k.clone()];
                (q, k) = (self.head_norm(&q, of_q)?, self.head_norm(&k, of_k)?);
                Some(before)
            }
            None => None,
        };
        let past = pass.cache.map_or(0, |cache| cache.tokens(self.index));
        q = self.rotary.turned(&q, length, past, Turn::Forward)?;
        k = self.rotary.turned(&k, length, past, Turn::Forward)?;
        if let Some(cache) = pass.cache {
            (k, v) = cache.extended(self.index, &k, &v)?;
        }
        let attention_out = attention(&q, &k, &v, self.heads(length, past))?;
        let added = self.linear(Part::Output, &attention_out, pass, &mut adapters)?;
        let attention_out = (keeps && self.learns(Part::Output, pass)).then_some(attention_out);
        let (residual, after_attention) = self.added(x, added, self.after_attention.as_ref())?;
        let normed = rms_norm(&residual, &self.mlp_norm, self.epsilon)?;
        let gate = self.linear(Part::Gate, &normed, pass, &mut adapters)?;
        let up = self.linear(Part::Up, &normed, pass, &mut adapters)?;
        drop(normed);
        let added = self.linear(Part::Down, &self.activation.gated(&gate, &up)?, pass, &mut adapters)?;
        let (out, after_mlp) = self.added(&residual, added, self.after_mlp.as_ref())?;
        let trace = keeps.then(|| Trace {
            x: x.clone(),
            unnormed,
            q,
            k,
            v,
            attention_out,
            before_norm: [after_attention, after_mlp],
            residual,
            gate,
            up,
            adapters,
        });
        Ok((out, trace))
    }

    /// The sum, and what was added before a norm went over it.
    fn added(&self, x: &Tensor, added: Tensor, norm: Option<&Norm>) -> Result<(Tensor, Option<Tensor>)> {
        match norm {
            None => Ok((elementwise::sum(x, &added)?, None)),
            Some(norm) => Ok((elementwise::sum(x, &rms_norm(&added, norm, self.epsilon)?)?, Some(added))),
        }
    }

    /// Adds the gradients of what the layer trains, and gives that of its input where it is wanted.
    pub fn backward(
        &self,
        (dy, length): (&Tensor, usize),
        trace: &Trace,
        pass: Pass<'_>,
        wants_x: bool,
        gradients: &mut Gradients,
    ) -> Result<Option<Tensor>> {
        let of_residual = self.mlp_back(dy, trace, pass, gradients)?;
        self.attention_back((&of_residual, length), trace, pass, wants_x, gradients)
    }

    fn mlp_back(&self, dy: &Tensor, trace: &Trace, pass: Pass<'_>, gradients: &mut Gradients) -> Result<Tensor> {
        let of_added = self.added_back(dy, self.after_mlp.as_ref(), trace.before_norm[1].as_ref())?;
        let inner = self.learns(Part::Down, pass).then(|| self.activation.gated(&trace.gate, &trace.up)).transpose()?;
        let inner = self.linear_back(Part::Down, (&of_added, inner.as_ref()), (pass, trace), true, gradients)?;
        let (of_gate, of_up) = self.activation.back(&trace.gate, &trace.up, &needed(inner)?)?;
        let learns = self.learns(Part::Gate, pass) || self.learns(Part::Up, pass);
        let normed = learns.then(|| rms_norm(&trace.residual, &self.mlp_norm, self.epsilon)).transpose()?;
        let a = self.linear_back(Part::Gate, (&of_gate, normed.as_ref()), (pass, trace), true, gradients)?;
        drop(of_gate);
        let b = self.linear_back(Part::Up, (&of_up, normed.as_ref()), (pass, trace), true, gradients)?;
        let of_normed = elementwise::sum(&needed(a)?, &needed(b)?)?;
        Ok(rms_norm_back(&trace.residual, &self.mlp_norm, self.epsilon, &of_normed, Some(dy))?)
    }

    fn attention_back(
        &self,
        (dy, length): (&Tensor, usize),
        trace: &Trace,
        pass: Pass<'_>,
        wants_x: bool,
        gradients: &mut Gradients,
    ) -> Result<Option<Tensor>> {
        let of_added = self.added_back(dy, self.after_attention.as_ref(), trace.before_norm[0].as_ref())?;
        let attention_out = trace.attention_out.as_ref();
        let of_attention_out =
            needed(self.linear_back(Part::Output, (&of_added, attention_out), (pass, trace), true, gradients)?)?;
        let [of_q, of_k, of_v] =
            attention_back(&trace.q, &trace.k, &trace.v, &of_attention_out, self.heads(length, 0))?;
        drop(of_attention_out);
        let mut of_q = self.rotary.turned(&of_q, length, 0, Turn::Back)?;
        let mut of_k = self.rotary.turned(&of_k, length, 0, Turn::Back)?;
        if let (Some([of_query, of_key]), Some([q, k])) = (&self.head_norms, &trace.unnormed) {
            (of_q, of_k) = (self.head_norm_back(q, of_query, &of_q)?, self.head_norm_back(k, of_key, &of_k)?);
        }
        let learns = [Part::Query, Part::Key, Part::Value].iter().any(|part| self.learns(*part, pass));
        let normed = learns.then(|| rms_norm(&trace.x, &self.attention_norm, self.epsilon)).transpose()?;
        let mut of_normed: Option<Tensor> = None;
        for (part, dy) in [(Part::Query, of_q), (Part::Key, of_k), (Part::Value, of_v)] {
            let found = self.linear_back(part, (&dy, normed.as_ref()), (pass, trace), wants_x, gradients)?;
            of_normed = match (of_normed, found) {
                (Some(sum), Some(found)) => Some(elementwise::sum(&sum, &found)?),
                (sum, found) => sum.or(found),
            };
        }
        let Some(of_normed) = of_normed else { return Ok(None) };
        Ok(Some(rms_norm_back(&trace.x, &self.attention_norm, self.epsilon, &of_normed, Some(dy))?))
    }

    /// The gradient of what was added, through the norm over it where there is one.
    fn added_back(&self, dy: &Tensor, norm: Option<&Norm>, before: Option<&Tensor>) -> Result<Tensor> {
        match (norm, before) {
            (Some(norm), Some(before)) => Ok(rms_norm_back(before, norm, self.epsilon, dy, None)?),
            _ => Ok(dy.clone()),
        }
    }

    /// Norm over each head.
    fn head_norm(&self, x: &Tensor, norm: &Norm) -> Result<Tensor> {
        let heads = by_heads(x, norm)?;
        Ok(rms_norm(&heads, norm, self.epsilon)?.reshape(x.shape())?)
    }

    fn head_norm_back(&self, x: &Tensor, norm: &Norm, dy: &Tensor) -> Result<Tensor> {
        let made = rms_norm_back(&by_heads(x, norm)?, norm, self.epsilon, &by_heads(dy, norm)?, None)?;
        Ok(made.reshape(x.shape())?)
    }
}

fn by_heads(x: &Tensor, norm: &Norm) -> Result<Tensor> {
    let width = norm.len().max(1);
    Ok(x.reshape((x.elem_count() / width, width))?)
}

fn needed(gradient: Option<Tensor>) -> Result<Tensor> {
    gradient.ok_or_else(|| unsuitable("no gradient came through a layer".to_owned()))
}
