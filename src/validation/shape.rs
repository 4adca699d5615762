//! The shape of a model that a row names: from the catalogue, from its family's class and the row's columns, or, with
//! a remark, as a Llama of these dimensions.

use super::table::Row;
use crate::architecture::config::from_config;
use crate::architecture::{Architecture, Attention, Flag, Mlp};
use crate::catalog::Catalog;
use serde_json::{Map, Value, json};

/// Dimensions as a row gives them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dimensions {
    /// Width of the residual stream.
    pub hidden: Option<u64>,
    /// Layers.
    pub layers: Option<u64>,
    /// Query heads.
    pub heads: Option<u64>,
    /// Key and value heads.
    pub kv_heads: Option<u64>,
    /// Width of a head.
    pub head_dim: Option<u64>,
    /// Inner width of the MLP.
    pub ffn: Option<u64>,
    /// Vocabulary.
    pub vocab: Option<u64>,
    /// Head is the token table.
    pub tied: Option<bool>,
}

impl Dimensions {
    /// Of a row of traced peaks.
    pub fn of_truth(row: &Row) -> Result<Self, String> {
        Self::read(
            row,
            [
                "hidden_size",
                "num_hidden_layers",
                "num_attention_heads",
                "num_key_value_heads",
                "head_dim",
                "intermediate_size",
                "vocab_size",
            ],
        )
    }

    /// Of a published row.
    pub fn of_published(row: &Row) -> Result<Self, String> {
        Self::read(row, ["hidden", "layers", "heads", "kv_heads", "head_dim", "ffn", "vocab"])
    }

    fn read(row: &Row, names: [&str; 7]) -> Result<Self, String> {
        let mut values = [None; 7];
        for (value, name) in values.iter_mut().zip(names) {
            *value = row.count(name)?.filter(|&count| count > 0);
        }
        let [hidden, layers, heads, kv_heads, head_dim, ffn, vocab] = values;
        let tied = if row.text("tied").is_empty() { None } else { Some(row.flag("tied", false)?) };
        Ok(Self { hidden, layers, heads, kv_heads, head_dim, ffn, vocab, tied })
    }
}

/// The shape of `name`, and what had to be assumed about it.
pub fn architecture(
    name: &str,
    dimensions: Dimensions,
    catalog: &Catalog,
) -> Result<(Architecture, Vec<String>), String> {
    if let Some(known) = known(name, dimensions, catalog)? {
        return Ok((known, Vec::new()));
    }
    let complete = [dimensions.hidden, dimensions.layers, dimensions.heads, dimensions.ffn, dimensions.vocab];
    if complete.iter().any(Option::is_none) {
        let shown: String = name.chars().take(60).collect();
        return Err(format!(
            "the model “{shown}” is not in the catalogue and the row does not give its hidden size, layers, heads, MLP width and vocabulary"
        ));
    }
    if is_mixture(name) {
        let shown: String = name.chars().take(60).collect();
        return Err(format!(
            "the mixture of experts “{shown}” is not in the catalogue, and the row does not give its experts"
        ));
    }
    let family = family(name);
    let config = config(family.model_type, dimensions);
    let mut built = from_config(&config).map_err(|error| error.to_string())?;
    let mut assumptions = Vec::new();
    if family.fused_qkv {
        for group in &mut built.layers {
            if let Attention::Softmax(attention) = &mut group.layer.attention {
                attention.fused_qkv = true;
            }
        }
    }
    if let Some(remark) = family.remark {
        assumptions.push(remark.to_owned());
        built.flags.push(Flag::UnknownModelCode(name.chars().take(60).collect()));
    }
    Ok((built, assumptions))
}

/// The catalogue's entry whose name is `name`, if its dimensions do not contradict the row's. `Err`: which do.
fn known(name: &str, dimensions: Dimensions, catalog: &Catalog) -> Result<Option<Architecture>, String> {
    let called = catalog.models_called(name);
    let agreeing = called.iter().find(|entry| contradiction(&entry.architecture, dimensions).is_none());
    match (agreeing, called.first()) {
        (Some(entry), _) => {
            let mut architecture = entry.architecture.clone();
            // Padded vocabularies and ties differ between releases of one name; the row knows which was measured.
            if let Some(vocab) = dimensions.vocab {
                architecture.vocab_size = vocab;
            }
            if let Some(tied) = dimensions.tied {
                architecture.head.tied = tied;
            }
            Ok(Some(architecture))
        }
        (None, Some(entry)) if is_mixture(name) => Err(format!(
            "the catalogue's {} has another {} than the row",
            entry.id,
            contradiction(&entry.architecture, dimensions).unwrap_or("shape")
        )),
        _ => Ok(None),
    }
}

/// The first dimension of `architecture` that the row contradicts.
fn contradiction(architecture: &Architecture, dimensions: Dimensions) -> Option<&'static str> {
    let ffn = architecture.layers.last().map(|group| match group.layer.mlp {
        Mlp::Dense(mlp) => mlp.intermediate,
        Mlp::Moe(moe) => moe.expert.intermediate,
    });
    let other = |given: Option<u64>, own: Option<u64>| given.is_some() && given != own;
    // A vocabulary of another size is another tokenizer only if it is far off.
    let other_vocab =
        dimensions.vocab.is_some_and(|vocab| vocab.abs_diff(architecture.vocab_size) > architecture.vocab_size / 20);
    [
        (other(dimensions.hidden, Some(architecture.hidden_size)), "hidden size"),
        (other(dimensions.layers, Some(architecture.num_layers())), "number of layers"),
        (other(dimensions.ffn, ffn), "MLP width (of one expert, where there are experts)"),
        (other_vocab, "vocabulary"),
    ]
    .into_iter()
    .find_map(|(differs, name)| differs.then_some(name))
}

/// `Qwen2-57B-A14B`, `moe-7b-1b-active`: a name that says that only part of the model is active.
fn is_mixture(name: &str) -> bool {
    let name = name.to_lowercase();
    let active = |word: &str| {
        word.strip_prefix('a').and_then(|rest| rest.strip_suffix('b')).is_some_and(|size| size.parse::<f64>().is_ok())
    };
    name.contains("moe") || name.split(['-', '_']).any(active)
}

/// How a family is written in transformers.
struct Family {
    model_type: &'static str,
    fused_qkv: bool,
    remark: Option<&'static str>,
}

fn family(name: &str) -> Family {
    let name = name.rsplit('/').next().unwrap_or(name).to_lowercase();
    let has = |part: &str| name.contains(part);
    let plain = |model_type| Family { model_type, fused_qkv: false, remark: None };
    let remote = |model_type, fused_qkv, remark| Family { model_type, fused_qkv, remark: Some(remark) };
    if has("qwen3") {
        plain("qwen3")
    } else if has("qwen2") || has("qwen1.5") || has("qwen1half") || has("qwq") || has("deepseek-r1-distill-qwen") {
        plain("qwen2")
    } else if has("qwen") {
        remote("qwen2", true, "Qwen 1 runs its own remote code; taken as Qwen2 with one fused query-key-value matrix")
    } else if has("gemma-3") || has("gemma3") {
        plain("gemma3_text")
    } else if has("gemma-2-") || has("gemma2") {
        plain("gemma2")
    } else if has("gemma") {
        plain("gemma")
    } else if has("phi-3") || has("phi3") || has("phi-4") {
        plain("phi3")
    } else if has("phi") {
        plain("phi")
    } else if has("santacoder") || has("gpt_bigcode") || has("starcoder") && !has("starcoder2") {
        plain("gpt_bigcode")
    } else if has("starcoder2") {
        plain("starcoder2")
    } else if has("distilgpt2") || has("gpt2") {
        plain("gpt2")
    } else if has("pythia") || has("neox") || has("stablelm-alpha") || has("stablelm-base-alpha") || has("redpajama") {
        plain("gpt_neox")
    } else if has("stablelm") {
        plain("stablelm")
    } else if has("olmo-2") || has("olmo2") {
        plain("olmo2")
    } else if has("bloom") {
        plain("bloom")
    } else if has("opt-") {
        plain("opt")
    } else if has("falcon3") {
        plain("llama")
    } else if has("falcon") {
        plain("falcon")
    } else if has("powerlm") || has("granite") {
        plain("granite")
    } else if has("smollm3") {
        plain("smollm3")
    } else if has("mixtral") {
        plain("mixtral")
    } else if has("mistral") || has("ministral") || has("zephyr") {
        plain("mistral")
    } else if has("llama") || has("smollm") || has("yi-") || has("vicuna") || has("deepseek-llm") || has("danube") {
        plain("llama")
    } else if has("baichuan") {
        remote("llama", true, "Baichuan runs its own remote code; taken as Llama with one fused query-key-value matrix")
    } else if has("chatglm") {
        remote("glm", true, "ChatGLM runs its own remote code; taken as GLM with one fused query-key-value matrix")
    } else {
        remote("llama", false, "unknown model code: taken as a Llama of these dimensions")
    }
}

fn config(model_type: &str, dimensions: Dimensions) -> Map<String, Value> {
    let mut config = Map::new();
    config.insert("model_type".to_owned(), json!(model_type));
    let kv_heads = dimensions.kv_heads.or(dimensions.heads);
    let head_dim = dimensions.head_dim.or_else(|| dimensions.hidden?.checked_div(dimensions.heads?));
    for (key, value) in [
        ("hidden_size", dimensions.hidden),
        ("num_hidden_layers", dimensions.layers),
        ("num_attention_heads", dimensions.heads),
        ("num_key_value_heads", kv_heads),
        ("head_dim", head_dim),
        ("intermediate_size", dimensions.ffn),
        ("vocab_size", dimensions.vocab),
    ] {
        if let Some(value) = value {
            config.insert(key.to_owned(), json!(value));
        }
    }
    if model_type == "gpt_bigcode" {
        config.insert("multi_query".to_owned(), json!(kv_heads == Some(1)));
        config.insert("n_inner".to_owned(), json!(dimensions.ffn));
    }
    if matches!(model_type, "stablelm" | "gpt_neox") {
        config.insert("use_parallel_residual".to_owned(), json!(true));
    }
    if let Some(tied) = dimensions.tied {
        config.insert("tie_word_embeddings".to_owned(), json!(tied));
    }
    config
}
