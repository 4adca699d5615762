//! A small random model in a folder of its own, with the chat fixture's tokenizer.

use candle_core::{DType, Tensor};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use tuneplan::preview::config::LlamaConfig;
use tuneplan::preview::pretrain::{random_weights, shape};

/// Where the tokenizer is.
pub const CHAT: &str = "tests/fixtures/chat";

/// A model folder in two shards with the fixture's tokenizer.
pub fn folder(place: &Path, vocabulary: usize) -> PathBuf {
    let folder = place.join("model");
    std::fs::create_dir(&folder).unwrap();
    let config = LlamaConfig {
        hidden_size: 64,
        intermediate_size: 128,
        num_hidden_layers: 2,
        num_attention_heads: 2,
        num_key_value_heads: Some(1),
        head_dim: Some(32),
        vocab_size: vocabulary,
        ..shape()
    };
    std::fs::write(folder.join("config.json"), serde_json::to_string(&config).unwrap()).unwrap();
    let (weights, _) = random_weights(&config, 3).unwrap();
    let mut names: Vec<&String> = weights.keys().collect();
    names.sort();
    let mut places = serde_json::Map::new();
    for (index, names) in names.chunks(names.len().div_ceil(2)).enumerate() {
        let file = format!("model-{:05}-of-00002.safetensors", index + 1);
        let shard: HashMap<String, Tensor> = names
            .iter()
            .map(|name| {
                places.insert((*name).clone(), file.clone().into());
                ((*name).clone(), weights[*name].to_dtype(DType::BF16).unwrap())
            })
            .collect();
        candle_core::safetensors::save(&shard, folder.join(file)).unwrap();
    }
    let index = serde_json::json!({ "metadata": {}, "weight_map": places });
    std::fs::write(folder.join("model.safetensors.index.json"), index.to_string()).unwrap();
    for name in ["tokenizer.json", "tokenizer_config.json"] {
        std::fs::copy(Path::new(CHAT).join(name), folder.join(name)).unwrap();
    }
    folder
}
