//! A small base model from nothing: what the embedded default was made with (`examples/train_base.rs`).

use super::Result;
use super::config::{LlamaConfig, Part};
use super::corpus::base_text;
use super::lora::Random;
use super::model::{Llama, Weights};
use super::ops::Weight;
use super::pass::Batch;
use candle_core::{Device, Tensor, Var};
use std::collections::HashMap;

/// Token that begins every sequence of the embedded model; those before it are the 256 bytes.
pub const BEGIN: u32 = 256;
/// Ends every answer.
pub const END: u32 = 257;
/// Rows of its token table.
const VOCABULARY: usize = 258;

/// Shape of the embedded model: rows of 256 and 768, so that every format fits it.
pub fn shape() -> LlamaConfig {
    LlamaConfig {
        model_type: "llama".to_owned(),
        hidden_size: 256,
        intermediate_size: 768,
        num_hidden_layers: 4,
        num_attention_heads: 4,
        num_key_value_heads: Some(2),
        head_dim: Some(64),
        vocab_size: VOCABULARY,
        rms_norm_eps: 1e-6,
        rope_theta: 10_000.0,
        tie_word_embeddings: true,
        max_position_embeddings: 512,
        hidden_act: "silu".to_owned(),
        ..LlamaConfig::default()
    }
}

/// Random weights to begin with: the whole checkpoint, and its matrices as variables by name.
pub fn random_weights(config: &LlamaConfig, seed: u64) -> Result<(Weights, Vec<(String, Var)>)> {
    let mut random = Random(seed);
    let mut variables = Vec::new();
    let mut weights: Weights = HashMap::new();
    let mut matrix = |name: String, (rows, columns): (usize, usize), deviation: f64| -> Result<()> {
        // A sum of three uniform values is close enough to normal; its variance is 1.
        let mut value = || (0..3).map(|_| random.signed_unit()).sum::<f64>() * deviation;
        let values: Vec<f32> = (0..rows * columns).map(|_| value() as f32).collect();
        let variable = Var::from_vec(values, (rows, columns), &Device::Cpu)?;
        weights.insert(name.clone(), variable.as_tensor().clone());
        variables.push((name, variable));
        Ok(())
    };
    matrix("model.embed_tokens.weight".to_owned(), (config.vocab_size, config.hidden_size), 0.02)?;
    for layer in 0..config.num_hidden_layers {
        for part in Part::ALL {
            let shape = config.shape_of(part);
            // What writes into the residual stream starts smaller, by the number of writes (GPT-2).
            let writes = matches!(part, Part::Output | Part::Down);
            let depth = if writes { (2.0 * config.num_hidden_layers as f64).sqrt() } else { 1.0 };
            matrix(format!("{}.weight", part.path(layer)), shape, 1.0 / (shape.1 as f64).sqrt() / depth)?;
        }
    }
    for layer in 0..config.num_hidden_layers {
        for norm in ["input_layernorm", "post_attention_layernorm"] {
            weights.insert(format!("model.layers.{layer}.{norm}.weight"), ones(config.hidden_size)?);
        }
    }
    weights.insert("model.norm.weight".to_owned(), ones(config.hidden_size)?);
    Ok((weights, variables))
}

/// A model whose matrices are all trained (norms stay at one), with its variables by name.
pub fn fresh(config: &LlamaConfig, seed: u64) -> Result<(Llama, Vec<(String, Var)>)> {
    let (weights, variables) = random_weights(config, seed)?;
    let by_name: HashMap<&str, (usize, &Var)> =
        variables.iter().enumerate().map(|(index, (name, variable))| (name.as_str(), (index, variable))).collect();
    let mut model = Llama::new(config.clone(), &weights, |layer, part, weight| {
        let name = format!("{}.weight", part.path(layer));
        Ok(by_name
            .get(name.as_str())
            .map_or(Weight::Dense(weight), |(index, variable)| Weight::Trained((*variable).clone(), *index)))
    })?;
    if let Some((_, table)) = variables.first() {
        model.train_table(table.clone(), 0);
    }
    Ok((model, variables))
}

fn ones(length: usize) -> Result<Tensor> {
    Ok(Tensor::ones(length, candle_core::DType::F32, &Device::Cpu)?)
}

/// `sequences` windows of `length` tokens of base text, every token a target.
pub fn text_batch(random: &mut Random, sequences: usize, length: usize) -> Batch {
    let (mut tokens, mut targets) = (Vec::new(), Vec::new());
    for _ in 0..sequences {
        let mut window = vec![BEGIN];
        while window.len() <= length {
            let text = base_text(random);
            // The other half of the sentences is parted by a new line.
            let ends = text.starts_with("User: ") || random.below(2) == 0;
            window.extend(text.bytes().map(u32::from));
            window.push(if ends { END } else { u32::from(b'\n') });
        }
        tokens.extend_from_slice(&window[..length]);
        targets.extend_from_slice(&window[1..=length]);
    }
    Batch { tokens, targets, length }
}
