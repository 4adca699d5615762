//! What of a `config.json` a run needs. Shapes are checked here, so that nothing further in has to.

use super::ops::{Activation, Heads};
use super::rope::Stretch;
use super::{PreviewError, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Classes whose layers are those of Llama, or nearly.
const CLASSES: [(&str, Family); 6] = [
    ("llama", Family::Llama),
    ("mistral", Family::Llama),
    ("qwen2", Family::Llama),
    ("qwen3", Family::Llama),
    ("gemma", Family::Gemma),
    ("gemma3_text", Family::Gemma3),
];

/// Largest of any size here; beyond it a file is wrong or a trap.
const MOST: usize = 1 << 20;

/// What differs between classes beyond what their configuration and weights say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Llama itself, Mistral, Qwen2 and Qwen3.
    Llama,
    /// The first Gemma: weights of norms are stored less one, and the table is scaled by √hidden.
    Gemma,
    /// Gemma 3, text: besides, norms on what is added, and two kinds of positions.
    Gemma3,
}

impl Family {
    /// Added to the weights of norms.
    pub const fn norm_offset(self) -> f32 {
        match self {
            Self::Llama => 0.0,
            Self::Gemma | Self::Gemma3 => 1.0,
        }
    }

    /// What attention and MLP give goes through a norm before it is added.
    pub const fn norms_what_is_added(self) -> bool {
        matches!(self, Self::Gemma3)
    }
}

/// A Llama-type model, field names as in `config.json`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct LlamaConfig {
    /// Class of the model: `llama`, `mistral`, `qwen2`, `qwen3`, `gemma`, `gemma3_text`.
    pub model_type: String,
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Inner width of the MLP.
    pub intermediate_size: usize,
    /// Layers.
    pub num_hidden_layers: usize,
    /// Query heads.
    pub num_attention_heads: usize,
    /// Key and value heads; as many as query heads where absent.
    #[serde(default)]
    pub num_key_value_heads: Option<usize>,
    /// Width of a head; hidden size over heads where absent.
    #[serde(default)]
    pub head_dim: Option<usize>,
    /// Rows of the token table.
    pub vocab_size: usize,
    /// ε of the norms.
    #[serde(default = "usual_epsilon")]
    pub rms_norm_eps: f64,
    /// Base of the rotary angles.
    #[serde(default = "usual_theta")]
    pub rope_theta: f64,
    /// The head is the token table.
    #[serde(default)]
    pub tie_word_embeddings: bool,
    /// Longest sequence.
    #[serde(default = "usual_positions")]
    pub max_position_embeddings: usize,
    /// Activation of the MLP.
    #[serde(default = "usual_activation")]
    pub hidden_act: String,
    /// The same as Gemma names it; it goes before the other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden_activation: Option<String>,
    /// Queries are divided by its root instead of that of the head's width (Gemma 3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query_pre_attn_scalar: Option<f64>,
    /// `sliding_attention` or `full_attention` for each layer (Gemma 3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer_types: Option<Vec<String>>,
    /// Base of the rotary angles of layers with a window (Gemma 3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rope_local_base_freq: Option<f64>,
    /// Every so many layers one is without a window, where `layer_types` does not say (Gemma 3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sliding_window_pattern: Option<usize>,
    /// Logits are squeezed by a tanh, which is not done here (Gemma 2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub final_logit_softcapping: Option<f64>,
    /// Stretching of the rotary angles.
    #[serde(default)]
    pub rope_scaling: Option<Value>,
    /// The rotary settings as transformers 5 writes them: `rope_theta`, `rope_type` and what stretches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rope_parameters: Option<Value>,
    /// Tokens a place looks back at most, where `use_sliding_window` does not turn it off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sliding_window: Option<usize>,
    /// Whether the window is used; it is where this is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub use_sliding_window: Option<bool>,
}

const fn usual_epsilon() -> f64 {
    1e-6
}

const fn usual_theta() -> f64 {
    10_000.0
}

const fn usual_positions() -> usize {
    2048
}

fn usual_activation() -> String {
    "silu".to_owned()
}

impl LlamaConfig {
    /// Reads and checks the contents of a `config.json`.
    pub fn from_json(json: &Value) -> Result<Self> {
        let mut config = Self::deserialize(json).map_err(|error| unsuitable(error.to_string()))?;
        // Sequences within the window are all a run here takes.
        if let Some(window) = config.sliding_window.filter(|_| config.use_sliding_window != Some(false)) {
            config.max_position_embeddings = config.max_position_embeddings.min(window);
        }
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<()> {
        self.family()?;
        self.activation()?;
        if self.final_logit_softcapping.is_some() {
            return Err(unsuitable(
                "logits squeezed by a tanh (`final_logit_softcapping`) cannot be run here".to_owned(),
            ));
        }
        let sizes = [
            ("hidden_size", self.hidden_size),
            ("intermediate_size", self.intermediate_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_attention_heads", self.num_attention_heads),
            ("num_key_value_heads", self.kv_heads()),
            ("head_dim", self.head_dim()),
            ("vocab_size", self.vocab_size),
            ("max_position_embeddings", self.max_position_embeddings),
        ];
        if let Some((name, size)) = sizes.into_iter().find(|(_, size)| *size == 0 || *size > MOST) {
            return Err(unsuitable(format!("`{name}` is {size}")));
        }
        if !self.num_attention_heads.is_multiple_of(self.kv_heads()) || !self.head_dim().is_multiple_of(2) {
            return Err(unsuitable(format!(
                "{} query heads of {} values do not go with {} key heads",
                self.num_attention_heads,
                self.head_dim(),
                self.kv_heads()
            )));
        }
        if self.query_pre_attn_scalar.is_some_and(|scalar| !scalar.is_finite() || scalar <= 0.0) {
            return Err(unsuitable("`query_pre_attn_scalar` must be above 0".to_owned()));
        }
        if !self.rms_norm_eps.is_finite() || self.rms_norm_eps < 0.0 {
            return Err(unsuitable(format!("`rms_norm_eps` is {}, and must be 0 or above", self.rms_norm_eps)));
        }
        (0..self.num_hidden_layers).try_for_each(|layer| {
            let (theta, _) = self.rotary_of(layer)?;
            // From 1 on angles go from one turn of the position down, never up.
            if theta.is_finite() && theta >= 1.0 {
                return Ok(());
            }
            Err(unsuitable(format!("`rope_theta` is {theta}; the base of the rotary angles is a number from 1 on")))
        })
    }

    /// What its class is like.
    pub fn family(&self) -> Result<Family> {
        let found = CLASSES.iter().find(|(name, _)| *name == self.model_type);
        found.map(|(_, family)| *family).ok_or_else(|| {
            let known: Vec<&str> = CLASSES.iter().map(|(name, _)| *name).collect();
            let class = &self.model_type;
            unsuitable(format!("models of class `{class}` cannot be run here; {} can", known.join(", ")))
        })
    }

    /// Activation of the MLP's gate.
    pub fn activation(&self) -> Result<Activation> {
        let name = self.hidden_activation.as_deref().unwrap_or(&self.hidden_act);
        match (name, self.family()?) {
            ("silu" | "swish", _) => Ok(Activation::Silu),
            // The first configurations of Gemma say `gelu` and mean this.
            ("gelu_pytorch_tanh", _) | ("gelu", Family::Gemma) => Ok(Activation::GeluTanh),
            (other, _) => {
                Err(unsuitable(format!("the activation `{other}` cannot be run here; silu and gelu_pytorch_tanh can")))
            }
        }
    }

    /// What rows of the token table are multiplied by, where they are.
    pub fn embedding_scale(&self) -> Option<f64> {
        let is_gemma = self.family().is_ok_and(|family| family != Family::Llama);
        is_gemma.then(|| (self.hidden_size as f64).sqrt())
    }

    /// Whether heads of queries and keys go through norms of their own.
    pub fn norms_heads(&self) -> bool {
        matches!(self.model_type.as_str(), "qwen3" | "gemma3_text")
    }

    /// How attention is split into heads.
    pub fn heads(&self) -> Heads {
        let divisor = self.query_pre_attn_scalar.unwrap_or(self.head_dim() as f64);
        Heads {
            sequence: 1,
            past: 0,
            queries: self.num_attention_heads,
            keys: self.kv_heads(),
            width: self.head_dim(),
            scale: (1.0 / divisor.sqrt()) as f32,
        }
    }

    /// Base of the rotary angles of a layer, and how they are stretched.
    pub fn rotary_of(&self, layer: usize) -> Result<(f64, Stretch)> {
        let settings = |name: &str| self.rope_parameters.as_ref().and_then(|all| all.get(name));
        let theta = |settings: &Value| settings.get("rope_theta").and_then(Value::as_f64);
        if self.family()? == Family::Gemma3 && self.has_window(layer) {
            let own = settings("sliding_attention").and_then(theta).or(self.rope_local_base_freq);
            return Ok((own.unwrap_or(usual_theta()), Stretch::None));
        }
        // One set of settings, or one for each kind of layer.
        let all = settings("full_attention").or(self.rope_parameters.as_ref());
        let stretch = self.rope_scaling.as_ref().or(all).map_or(Ok(Stretch::None), Stretch::from_json)?;
        Ok((all.and_then(theta).unwrap_or(self.rope_theta), stretch))
    }

    /// Whether a layer looks back no further than the window.
    fn has_window(&self, layer: usize) -> bool {
        match (&self.layer_types, self.sliding_window_pattern) {
            (Some(types), _) => types.get(layer).is_some_and(|kind| kind == "sliding_attention"),
            // Every sixth is without one where nothing is said.
            (None, pattern) => !(layer + 1).is_multiple_of(pattern.unwrap_or(6).max(1)),
        }
    }

    /// Key and value heads.
    pub fn kv_heads(&self) -> usize {
        self.num_key_value_heads.unwrap_or(self.num_attention_heads)
    }

    /// Width of a head.
    pub fn head_dim(&self) -> usize {
        self.head_dim.unwrap_or_else(|| self.hidden_size / self.num_attention_heads.max(1))
    }

    /// Outputs and inputs of a linear layer of a layer.
    pub fn shape_of(&self, part: Part) -> (usize, usize) {
        let (queries, keys) = (self.num_attention_heads * self.head_dim(), self.kv_heads() * self.head_dim());
        match part {
            Part::Query => (queries, self.hidden_size),
            Part::Key | Part::Value => (keys, self.hidden_size),
            Part::Output => (self.hidden_size, queries),
            Part::Gate | Part::Up => (self.intermediate_size, self.hidden_size),
            Part::Down => (self.hidden_size, self.intermediate_size),
        }
    }
}

/// A linear layer of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the field's standard names")]
pub enum Part {
    Query,
    Key,
    Value,
    Output,
    Gate,
    Up,
    Down,
}

impl Part {
    /// All, in the order a layer runs them.
    pub const ALL: [Self; 7] = [Self::Query, Self::Key, Self::Value, Self::Output, Self::Gate, Self::Up, Self::Down];

    /// Name of the module: `q_proj`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Query => "q_proj",
            Self::Key => "k_proj",
            Self::Value => "v_proj",
            Self::Output => "o_proj",
            Self::Gate => "gate_proj",
            Self::Up => "up_proj",
            Self::Down => "down_proj",
        }
    }

    /// Path of the module in a checkpoint: `model.layers.3.self_attn.q_proj`.
    pub fn path(self, layer: usize) -> String {
        let block = match self {
            Self::Query | Self::Key | Self::Value | Self::Output => "self_attn",
            Self::Gate | Self::Up | Self::Down => "mlp",
        };
        format!("model.layers.{layer}.{block}.{}", self.name())
    }
}

pub(super) fn unsuitable(message: String) -> PreviewError {
    PreviewError::Unsuitable(message)
}
