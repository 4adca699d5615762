//! What of a `config.json` a run needs. Shapes are checked here, so that nothing further in has to.

use super::rope::Stretch;
use super::{PreviewError, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Classes whose layers are those of Llama, with what differs read from the configuration.
const CLASSES: [&str; 4] = ["llama", "mistral", "qwen2", "qwen3"];

/// Largest of any size here; beyond it a file is wrong or a trap.
const MOST: usize = 1 << 20;

/// A Llama-type model, field names as in `config.json`.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct LlamaConfig {
    /// Class of the model: `llama`, `mistral`, `qwen2`, `qwen3`.
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
        let rotary = config.rope_parameters.as_ref();
        if let Some(theta) = rotary.and_then(|rotary| rotary.get("rope_theta")?.as_f64()) {
            config.rope_theta = theta;
        }
        // Sequences within the window are all a run here takes.
        if let Some(window) = config.sliding_window.filter(|_| config.use_sliding_window != Some(false)) {
            config.max_position_embeddings = config.max_position_embeddings.min(window);
        }
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<()> {
        if !CLASSES.contains(&self.model_type.as_str()) {
            return Err(unsuitable(format!(
                "models of class `{}` cannot be run here; {} can",
                self.model_type,
                CLASSES.join(", ")
            )));
        }
        if self.hidden_act != "silu" {
            return Err(unsuitable(format!("the activation `{}` cannot be run here; silu can", self.hidden_act)));
        }
        self.stretch()?;
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
        Ok(())
    }

    /// How rotary positions are stretched.
    pub fn stretch(&self) -> Result<Stretch> {
        Stretch::from_json(self.rope_scaling.as_ref().or(self.rope_parameters.as_ref()).unwrap_or(&Value::Null))
    }

    /// Key and value heads.
    pub fn kv_heads(&self) -> usize {
        self.num_key_value_heads.unwrap_or(self.num_attention_heads)
    }

    /// Width of a head.
    pub fn head_dim(&self) -> usize {
        self.head_dim.unwrap_or_else(|| self.hidden_size / self.num_attention_heads.max(1))
    }

    /// Outputs and inputs of a linear map of a layer.
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

/// A linear map of a layer.
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
