//! A Llama-type model with frozen weights and, beside them, adapters.

use super::cache::Cache;
use super::config::{LlamaConfig, Part, unsuitable};
use super::control::Gate;
use super::gradients::Gradients;
use super::lora::Adapters;
use super::ops::{
    Dropout, FrozenWeight, Heads, LossOfHead, Rotary, attention, continued, frozen_linear, head_loss, of_head,
    rms_norm, rotate, silu_times,
};
use super::{PreviewError, Result};
use crate::lab::source::Source;
use candle_core::{DType, Device, Tensor, Var};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

/// Weights of a checkpoint by name.
pub type Weights = HashMap<String, Tensor>;

/// Where the weights of a model come from, one at a time, so that they need not all be in memory.
pub trait Checkpoint: Send + Sync {
    /// A tensor as 32-bit values; `None` where there is none of this name.
    fn tensor(&self, name: &str) -> Result<Option<Tensor>>;

    /// Bytes it is stored in; of all tensors where none is named.
    fn stored_bytes(&self, name: Option<&str>) -> u64;
}

impl Checkpoint for Weights {
    fn tensor(&self, name: &str) -> Result<Option<Tensor>> {
        let Some(found) = self.get(name) else { return Ok(None) };
        Ok(Some(found.to_dtype(DType::F32)?.contiguous()?))
    }

    fn stored_bytes(&self, name: Option<&str>) -> u64 {
        let chosen = self.iter().filter(|(other, _)| name.is_none_or(|name| name == *other));
        chosen.map(|(_, tensor)| (tensor.elem_count() * tensor.dtype().size_in_bytes()) as u64).sum()
    }
}

impl Checkpoint for Source {
    fn tensor(&self, name: &str) -> Result<Option<Tensor>> {
        let Some(entry) = self.entries.iter().find(|entry| entry.tensor.name == name) else { return Ok(None) };
        let values = self.read(entry, 0, entry.tensor.values).map_err(|error| unsuitable(error.to_string()))?;
        let shape: Vec<usize> = entry.tensor.shape.iter().map(|size| *size as usize).collect();
        Ok(Some(Tensor::from_vec(values, shape, &Device::Cpu)?))
    }

    fn stored_bytes(&self, name: Option<&str>) -> u64 {
        let chosen = self.entries.iter().filter(|entry| name.is_none_or(|name| name == entry.tensor.name));
        chosen.map(|entry| entry.tensor.bytes).sum()
    }
}

/// Tokens of equally long sequences, one after another.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Token numbers, `sequences × length`.
    pub tokens: Vec<u32>,
    /// What should come next at each place, or [`IGNORED`](super::ops::IGNORED).
    pub targets: Vec<u32>,
    /// Tokens of a sequence.
    pub length: usize,
}

/// What a pass through the model goes with.
#[derive(Clone, Copy, Default)]
pub struct Pass<'a> {
    /// Adapters beside the weights.
    pub adapters: Option<&'a Adapters>,
    /// Asked between layers whether to go on.
    pub gate: Option<&'a Gate<'a>>,
    /// Keep only what goes into each layer, and run each again in backward.
    pub recompute: bool,
    /// Dropped before the adapters, in training.
    pub dropout: Option<Dropout>,
    /// Keys and values of the tokens before these, which it adds to: for one sequence, in generation.
    pub cache: Option<&'a Cache>,
}

impl<'a> Pass<'a> {
    /// With these adapters.
    pub const fn with(adapters: &'a Adapters) -> Self {
        Self { adapters: Some(adapters), gate: None, recompute: false, dropout: None, cache: None }
    }

    /// Under a gate.
    pub const fn under(self, gate: &'a Gate<'a>) -> Self {
        Self { gate: Some(gate), ..self }
    }

    fn go_on(self) -> Result<()> {
        self.gate.map_or(Ok(()), Gate::pass)
    }
}

impl Batch {
    /// Targets it has.
    pub fn counted(&self) -> usize {
        self.targets.iter().filter(|target| **target != super::ops::IGNORED).count()
    }
}

#[derive(Clone, Debug)]
struct Layer {
    attention_norm: Arc<Vec<f32>>,
    mlp_norm: Arc<Vec<f32>>,
    /// Norms of the heads of queries and keys (Qwen3).
    head_norms: Option<[Arc<Vec<f32>>; 2]>,
    maps: HashMap<Part, FrozenWeight>,
    /// Biases of query, key and value (Qwen2).
    biases: HashMap<Part, Tensor>,
}

/// A model that can be run and trained beside.
#[derive(Clone, Debug)]
pub struct Llama {
    /// Its shape.
    pub config: LlamaConfig,
    /// Token table: trained only when a base model is made.
    embedding: FrozenWeight,
    head: FrozenWeight,
    final_norm: Arc<Vec<f32>>,
    layers: Vec<Layer>,
    rotary: Arc<Rotary>,
}

/// Reads a `.safetensors` file whole.
pub fn read_weights(path: &Path) -> Result<Weights> {
    candle_core::safetensors::load(path, &Device::Cpu).map_err(|error| PreviewError::at(path, error))
}

impl Llama {
    /// Of a checkpoint's weights, all as 32-bit values; `pack` may put a linear map into fewer bits.
    pub fn new(
        config: LlamaConfig,
        weights: &dyn Checkpoint,
        mut pack: impl FnMut(usize, Part, Tensor) -> Result<FrozenWeight>,
    ) -> Result<Self> {
        let named = Named { weights };
        let hidden = config.hidden_size;
        let embedding = FrozenWeight::Dense(named.matrix("model.embed_tokens.weight", (config.vocab_size, hidden))?);
        let head = if config.tie_word_embeddings {
            embedding.clone()
        } else {
            FrozenWeight::Dense(named.matrix("lm_head.weight", (config.vocab_size, hidden))?)
        };
        let mut layers = Vec::with_capacity(config.num_hidden_layers);
        for layer in 0..config.num_hidden_layers {
            let mut maps = HashMap::new();
            let mut biases = HashMap::new();
            for part in Part::ALL {
                let path = part.path(layer);
                let shape = config.shape_of(part);
                maps.insert(part, pack(layer, part, named.matrix(&format!("{path}.weight"), shape)?)?);
                if let Some(bias) = named.optional(&format!("{path}.bias"))? {
                    check(&format!("{path}.bias"), bias.dims(), &[shape.0])?;
                    biases.insert(part, bias);
                }
            }
            let of = |name: &str| format!("model.layers.{layer}.{name}.weight");
            let head_norms = match named.optional(&of("self_attn.q_norm"))? {
                Some(_) => Some([
                    named.vector(&of("self_attn.q_norm"), config.head_dim())?,
                    named.vector(&of("self_attn.k_norm"), config.head_dim())?,
                ]),
                None => None,
            };
            layers.push(Layer {
                attention_norm: named.vector(&of("input_layernorm"), hidden)?,
                mlp_norm: named.vector(&of("post_attention_layernorm"), hidden)?,
                head_norms,
                maps,
                biases,
            });
        }
        let positions = config.max_position_embeddings;
        let frequencies = config.stretch()?.frequencies(config.head_dim(), config.rope_theta);
        Ok(Self {
            embedding,
            head,
            final_norm: named.vector("model.norm.weight", hidden)?,
            layers,
            rotary: Arc::new(Rotary::new(positions, &frequencies)),
            config,
        })
    }

    /// Trains the token table too, and with it a tied head.
    pub fn train_table(&mut self, table: Var) {
        if self.config.tie_word_embeddings {
            self.head = FrozenWeight::Trained(table.clone());
        }
        self.embedding = FrozenWeight::Trained(table);
    }

    /// Rows of the token table, `[tokens, hidden]`.
    fn embedded(&self, tokens: &[u32], length: usize) -> Result<Tensor> {
        if length == 0 || !tokens.len().is_multiple_of(length) {
            return Err(unsuitable(format!("{} tokens are no sequences of {length}", tokens.len())));
        }
        if let Some(token) = tokens.iter().find(|token| **token as usize >= self.config.vocab_size) {
            let size = self.config.vocab_size;
            return Err(unsuitable(format!("token {token} is outside of the vocabulary of {size}")));
        }
        let ids = Tensor::new(tokens, &Device::Cpu)?;
        Ok(match &self.embedding {
            FrozenWeight::Trained(table) => table.index_select(&ids, 0)?,
            table => table.values()?.index_select(&ids, 0)?,
        })
    }

    /// Hidden states after the last norm, `[tokens, hidden]`.
    fn hidden(&self, tokens: &[u32], length: usize, pass: Pass<'_>) -> Result<Tensor> {
        let mut x = self.embedded(tokens, length)?;
        for (index, layer) in self.layers.iter().enumerate() {
            pass.go_on()?;
            x = self.layer(index, layer, &x, length, pass)?;
        }
        Ok(rms_norm(&x, &self.final_norm, self.config.rms_norm_eps)?)
    }

    fn layer(&self, index: usize, layer: &Layer, x: &Tensor, length: usize, pass: Pass<'_>) -> Result<Tensor> {
        let epsilon = self.config.rms_norm_eps;
        let map = |part: Part, x: &Tensor| -> Result<Tensor> {
            let Some(weight) = layer.maps.get(&part) else { return Err(unsuitable(format!("no {}", part.name()))) };
            let mut y = frozen_linear(x, weight)?;
            if let Some(adapters) = pass.adapters {
                y = adapters.beside((index, part), y, x, weight, pass.dropout)?;
            }
            match layer.biases.get(&part) {
                Some(bias) => Ok(y.broadcast_add(bias)?),
                None => Ok(y),
            }
        };
        let normed = rms_norm(x, &layer.attention_norm, epsilon)?;
        let (mut q, mut k) = (map(Part::Query, &normed)?, map(Part::Key, &normed)?);
        let mut v = map(Part::Value, &normed)?;
        if let Some([of_q, of_k]) = &layer.head_norms {
            (q, k) = (self.head_norm(&q, of_q)?, self.head_norm(&k, of_k)?);
        }
        let past = pass.cache.map_or(0, |cache| cache.tokens(index));
        (q, k) = (rotate(&q, &self.rotary, length, past)?, rotate(&k, &self.rotary, length, past)?);
        if let Some(cache) = pass.cache {
            (k, v) = cache.extended(index, &k, &v)?;
        }
        let heads = Heads {
            sequence: length,
            past,
            queries: self.config.num_attention_heads,
            keys: self.config.kv_heads(),
            width: self.config.head_dim(),
        };
        let mixed = attention(&q, &k, &v, heads)?;
        let x = (x + map(Part::Output, &mixed)?)?;
        let normed = rms_norm(&x, &layer.mlp_norm, epsilon)?;
        let inner = silu_times(&map(Part::Gate, &normed)?, &map(Part::Up, &normed)?)?;
        Ok((&x + map(Part::Down, &inner)?)?)
    }

    /// Norm over each head.
    fn head_norm(&self, x: &Tensor, weight: &Arc<Vec<f32>>) -> Result<Tensor> {
        let (tokens, width) = x.dims2()?;
        let heads = x.reshape((tokens * width / weight.len().max(1), weight.len()))?;
        Ok(rms_norm(&heads, weight, self.config.rms_norm_eps)?.reshape((tokens, width))?)
    }

    /// Logits of the last place of a sequence, `[vocabulary]`.
    pub fn next(&self, tokens: &[u32], pass: Pass<'_>) -> Result<Tensor> {
        let hidden = self.hidden(tokens, tokens.len(), pass)?.detach();
        let last = hidden.narrow(0, tokens.len().saturating_sub(1), 1)?;
        Ok(last.matmul(&self.head.values()?.t()?)?.squeeze(0)?)
    }

    /// Logits of every token, `[tokens, vocabulary]`.
    pub fn logits(&self, tokens: &[u32], length: usize, adapters: Option<&Adapters>) -> Result<Tensor> {
        let pass = Pass { adapters, ..Pass::default() };
        let hidden = self.hidden(tokens, length, pass)?.detach();
        Ok(hidden.matmul(&self.head.values()?.t()?)?)
    }

    /// The loss that backward goes through, and what it came to.
    pub fn loss(&self, batch: &Batch, pass: Pass<'_>) -> Result<(Tensor, LossOfHead)> {
        let hidden = self.hidden(&batch.tokens, batch.length, pass)?;
        Ok(head_loss(&hidden, &self.head, &batch.targets)?)
    }

    /// The loss alone.
    pub fn evaluate(&self, batch: &Batch, pass: Pass<'_>) -> Result<LossOfHead> {
        let hidden = self.hidden(&batch.tokens, batch.length, pass)?.detach();
        Ok(of_head(&hidden, &self.head, &batch.targets, false)?)
    }

    /// Gradients of `variables`, which are the adapters', and the loss.
    pub fn gradients(&self, batch: &Batch, pass: Pass<'_>, variables: &[Var]) -> Result<(Gradients, LossOfHead)> {
        if pass.recompute {
            return self.recomputed_gradients(batch, pass, variables);
        }
        let (loss, found) = self.loss(batch, pass)?;
        pass.go_on()?;
        Ok((Gradients::of(&loss.backward()?, variables), found))
    }

    /// The same with only the input of each layer kept (Chen et al., 2016): each layer runs again in backward.
    fn recomputed_gradients(
        &self,
        batch: &Batch,
        pass: Pass<'_>,
        variables: &[Var],
    ) -> Result<(Gradients, LossOfHead)> {
        let mut x = self.embedded(&batch.tokens, batch.length)?;
        let mut inputs = Vec::with_capacity(self.layers.len());
        for (index, layer) in self.layers.iter().enumerate() {
            pass.go_on()?;
            inputs.push(x.clone());
            x = self.layer(index, layer, &x, batch.length, pass)?.detach();
        }
        let end = Var::from_tensor(&x)?;
        let hidden = rms_norm(end.as_tensor(), &self.final_norm, self.config.rms_norm_eps)?;
        let (loss, found) = head_loss(&hidden, &self.head, &batch.targets)?;
        let mut slope = needed(loss.backward()?.remove(&end))?;
        let mut gradients = Gradients::none(variables.len());
        for (index, layer) in self.layers.iter().enumerate().rev() {
            pass.go_on()?;
            let Some(input) = inputs.pop() else { break };
            let input = Var::from_tensor(&input)?;
            let output = self.layer(index, layer, input.as_tensor(), batch.length, pass)?;
            let mut store = continued(&output, &slope)?.backward()?;
            gradients.take_from(&store, variables);
            slope = needed(store.remove(&input))?;
        }
        Ok((gradients, found))
    }

    /// The model with the adapters merged into its maps, which become dense.
    pub fn merged(&self, adapters: &Adapters) -> Result<Self> {
        let mut merged = self.clone();
        for (index, layer) in merged.layers.iter_mut().enumerate() {
            for (part, weight) in &mut layer.maps {
                if let Some(merged) = adapters.merged((index, *part), weight)? {
                    *weight = FrozenWeight::Dense(merged);
                }
            }
        }
        Ok(merged)
    }

    /// A map of a layer.
    pub fn map(&self, layer: usize, part: Part) -> Option<&FrozenWeight> {
        self.layers.get(layer)?.maps.get(&part)
    }

    /// The model with every map in another form.
    pub fn packed(&self, pack: impl Fn(&Tensor) -> Result<FrozenWeight>) -> Result<Self> {
        let mut packed = self.clone();
        for weight in packed.layers.iter_mut().flat_map(|layer| layer.maps.values_mut()) {
            *weight = pack(&weight.values()?)?;
        }
        Ok(packed)
    }

    /// Bytes of its weights as they are held.
    pub fn bytes(&self) -> u64 {
        let maps = self.layers.iter().flat_map(|layer| layer.maps.values()).map(FrozenWeight::bytes);
        let table = self.embedding.bytes();
        let head = if self.config.tie_word_embeddings { 0 } else { self.head.bytes() };
        maps.fold(table, u64::saturating_add).saturating_add(head)
    }
}

fn needed(gradient: Option<Tensor>) -> Result<Tensor> {
    gradient.ok_or_else(|| unsuitable("no gradient came through a layer".to_owned()))
}

/// Weights that are looked up with a message when they are not as the configuration says.
struct Named<'a> {
    weights: &'a dyn Checkpoint,
}

impl Named<'_> {
    fn optional(&self, name: &str) -> Result<Option<Tensor>> {
        self.weights.tensor(name)
    }

    fn needed(&self, name: &str, shape: &[usize]) -> Result<Tensor> {
        let found = self.optional(name)?.ok_or_else(|| unsuitable(format!("the checkpoint lacks `{name}`")))?;
        check(name, found.dims(), shape)?;
        Ok(found)
    }

    fn matrix(&self, name: &str, (rows, columns): (usize, usize)) -> Result<Tensor> {
        self.needed(name, &[rows, columns])
    }

    fn vector(&self, name: &str, length: usize) -> Result<Arc<Vec<f32>>> {
        Ok(Arc::new(self.needed(name, &[length])?.to_vec1()?))
    }
}

fn check(name: &str, found: &[usize], wanted: &[usize]) -> Result<()> {
    if found == wanted {
        return Ok(());
    }
    Err(unsuitable(format!("`{name}` has the shape {found:?} where the configuration says {wanted:?}")))
}
