//! A Llama-type model made from a checkpoint: its weights, as they are or in fewer bits.

use super::config::{LlamaConfig, Part, unsuitable};
use super::layer::{Layer, Norm};
use super::lora::Adapters;
use super::ops::{Rotary, Weight, with_values};
use super::rope::Stretch;
use super::{PreviewError, Result};
use crate::lab::source::Source;
use candle_core::{DType, Device, Tensor, Var};
use std::collections::{BTreeMap, HashMap};
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

/// A model that can be run and trained beside.
#[derive(Clone, Debug)]
pub struct Llama {
    /// Its shape.
    pub config: LlamaConfig,
    /// Token table: trained only when a base model is made.
    pub(super) embedding: Weight,
    pub(super) head: Weight,
    pub(super) final_norm: Norm,
    pub(super) layers: Vec<Layer>,
}

/// Reads a `.safetensors` file whole.
pub fn read_weights(path: &Path) -> Result<Weights> {
    // The library opens it by name: a pipe would be waited for.
    crate::files::open_regular(path)?;
    candle_core::safetensors::load(path, &Device::Cpu).map_err(|error| PreviewError::at(path, error))
}

impl Llama {
    /// Of a checkpoint's weights, all as 32-bit values; `pack` may put a linear layer into fewer bits.
    pub fn new(
        config: LlamaConfig,
        weights: &dyn Checkpoint,
        mut pack: impl FnMut(usize, Part, Tensor) -> Result<Weight>,
    ) -> Result<Self> {
        let named = Named { weights, norm_offset: config.family()?.norm_offset() };
        let hidden = config.hidden_size;
        let embedding = Weight::Dense(named.matrix("model.embed_tokens.weight", (config.vocab_size, hidden))?);
        let head = if config.tie_word_embeddings {
            embedding.clone()
        } else {
            Weight::Dense(named.matrix("lm_head.weight", (config.vocab_size, hidden))?)
        };
        let mut rotaries = Rotaries::default();
        let layers = (0..config.num_hidden_layers)
            .map(|index| layer(&config, &named, index, &mut pack, &mut rotaries))
            .collect::<Result<_>>()?;
        Ok(Self { embedding, head, final_norm: named.norm("model.norm.weight", hidden)?, layers, config })
    }

    /// Trains the token table too, and with it a tied head; `index` is its number among what is trained.
    pub fn train_table(&mut self, table: Var, index: usize) {
        if self.config.tie_word_embeddings {
            self.head = Weight::Trained(table.clone(), index);
        }
        self.embedding = Weight::Trained(table, index);
    }

    /// The model with the adapters merged into its linear layers, which become dense.
    pub fn merged(&self, adapters: &Adapters) -> Result<Self> {
        let mut merged = self.clone();
        for layer in &mut merged.layers {
            for (part, weight) in &mut layer.linears {
                if let Some(merged) = adapters.merged((layer.index, *part), weight)? {
                    *weight = Weight::Dense(merged);
                }
            }
        }
        Ok(merged)
    }

    /// A linear layer of a layer.
    pub fn linear(&self, layer: usize, part: Part) -> Option<&Weight> {
        self.layers.get(layer)?.linears.get(&part)
    }

    /// The model with every linear layer in another form.
    pub fn packed(&self, pack: impl Fn(&Tensor) -> Result<Weight>) -> Result<Self> {
        let mut packed = self.clone();
        for weight in packed.layers.iter_mut().flat_map(|layer| layer.linears.values_mut()) {
            *weight = pack(&weight.values()?)?;
        }
        Ok(packed)
    }

    /// Bytes of its weights as they are held.
    pub fn bytes(&self) -> u64 {
        let linears = self.layers.iter().flat_map(|layer| layer.linears.values()).map(Weight::bytes);
        let table = self.embedding.bytes();
        let head = if self.config.tie_word_embeddings { 0 } else { self.head.bytes() };
        linears.fold(table, u64::saturating_add).saturating_add(head)
    }
}

/// Tables of positions that were made, by the bits of θ and whether they are stretched: layers share them.
type Rotaries = HashMap<(u64, bool), Arc<Rotary>>;

/// One layer of a checkpoint.
fn layer(
    config: &LlamaConfig,
    named: &Named<'_>,
    index: usize,
    pack: &mut impl FnMut(usize, Part, Tensor) -> Result<Weight>,
    rotaries: &mut Rotaries,
) -> Result<Layer> {
    let mut linears = BTreeMap::new();
    let mut biases = BTreeMap::new();
    for part in Part::ALL {
        let path = part.path(index);
        let shape = config.shape_of(part);
        linears.insert(part, pack(index, part, named.matrix(&format!("{path}.weight"), shape)?)?);
        if let Some(bias) = named.optional(&format!("{path}.bias"))? {
            check(&format!("{path}.bias"), bias.dims(), &[shape.0])?;
            biases.insert(part, bias);
        }
    }
    let of = |name: &str| format!("model.layers.{index}.{name}.weight");
    let norm = |name: &str| named.norm(&of(name), config.hidden_size);
    let head_norms = match named.optional(&of("self_attn.q_norm"))? {
        Some(_) => {
            let norm = |name: &str| named.norm(&of(name), config.head_dim());
            Some([norm("self_attn.q_norm")?, norm("self_attn.k_norm")?])
        }
        None => None,
    };
    let family = config.family()?;
    let after = |name: &str| if family.norms_what_is_added() { norm(name).map(Some) } else { Ok(None) };
    let mlp_norm = if family.norms_what_is_added() { "pre_feedforward_layernorm" } else { "post_attention_layernorm" };
    let (theta, stretch) = config.rotary_of(index)?;
    let rotary = rotaries.entry((theta.to_bits(), stretch == Stretch::None)).or_insert_with(|| {
        Arc::new(Rotary::new(config.max_position_embeddings, &stretch.frequencies(config.head_dim(), theta)))
    });
    Ok(Layer {
        index,
        attention_norm: norm("input_layernorm")?,
        after_attention: after("post_attention_layernorm")?,
        mlp_norm: norm(mlp_norm)?,
        after_mlp: after("post_feedforward_layernorm")?,
        head_norms,
        linears,
        biases,
        rotary: Arc::clone(rotary),
        heads: config.heads(),
        activation: config.activation()?,
        epsilon: config.rms_norm_eps,
    })
}

/// Weights that are looked up with a message when they are not as the configuration says.
struct Named<'a> {
    weights: &'a dyn Checkpoint,
    /// Added to the weights of norms.
    norm_offset: f32,
}

impl Named<'_> {
    fn optional(&self, name: &str) -> Result<Option<Tensor>> {
        let found = self.weights.tensor(name)?;
        if let Some(tensor) = &found {
            let at = with_values(tensor, |values| Ok(values.iter().position(|value| !value.is_finite())))?;
            if let Some(at) = at {
                let message =
                    format!("value {at} of `{name}` is no finite number: the file is damaged, or its training failed");
                return Err(unsuitable(message));
            }
        }
        Ok(found)
    }

    fn needed(&self, name: &str, shape: &[usize]) -> Result<Tensor> {
        let found = self.optional(name)?.ok_or_else(|| unsuitable(format!("the checkpoint lacks `{name}`")))?;
        check(name, found.dims(), shape)?;
        Ok(found)
    }

    fn matrix(&self, name: &str, (rows, columns): (usize, usize)) -> Result<Tensor> {
        self.needed(name, &[rows, columns])
    }

    fn norm(&self, name: &str, length: usize) -> Result<Norm> {
        let values: Vec<f32> = self.needed(name, &[length])?.to_vec1()?;
        Ok(Arc::new(values.into_iter().map(|value| value + self.norm_offset).collect()))
    }
}

fn check(name: &str, found: &[usize], wanted: &[usize]) -> Result<()> {
    if found == wanted {
        return Ok(());
    }
    Err(unsuitable(format!("`{name}` has the shape {found:?} where the configuration says {wanted:?}")))
}
