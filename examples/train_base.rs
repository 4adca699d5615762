//! Makes the embedded model: `cargo run --release --example train_base -- OUT_FOLDER [STEPS]`.
//!
//! The text is made by rule from a seed, so that the same steps give the same model but for the order in which threads
//! add up. Writes `base.safetensors` (BF16) and `config.json`.
#![allow(clippy::print_stdout, reason = "a command that reports to a terminal")]

use candle_core::{DType, Var};
use std::collections::HashMap;
use std::error::Error;
use std::path::Path;
use std::time::Instant;
use tuneplan::preview::adamw::{AdamW, AdamWSettings};
use tuneplan::preview::gradients::Gradients;
use tuneplan::preview::lora::Random;
use tuneplan::preview::model::Pass;
use tuneplan::preview::pretrain::{fresh, shape, text_batch};

const SEQUENCES: usize = 16;
const LENGTH: usize = 128;
const PEAK_RATE: f64 = 2e-3;
const WARM_UP: usize = 50;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("name the folder to write to")?;
    let steps: usize = arguments.next().map_or(Ok(1000), |text| text.parse())?;
    // Backward walks the graph by recursion.
    let work = std::thread::Builder::new()
        .stack_size(64 << 20)
        .spawn(move || train(Path::new(&folder), steps).map_err(|error| error.to_string()))?;
    work.join().map_err(|_panic| "training ended with an internal error")??;
    Ok(())
}

fn train(folder: &Path, steps: usize) -> Result<(), Box<dyn Error>> {
    let config = shape();
    let (model, variables) = fresh(&config, 1)?;
    let settings = AdamWSettings { beta2: 0.99, weight_decay: 0.05, ..AdamWSettings::default() };
    let trained: Vec<Var> = variables.iter().map(|(_, variable)| variable.clone()).collect();
    let mut optimizer = AdamW::new(trained.clone(), settings)?;
    let held_out = text_batch(&mut Random(u64::MAX), SEQUENCES, LENGTH);
    let mut random = Random(7);
    let began = Instant::now();
    for step in 0..steps {
        let warm = ((step + 1) as f64 / WARM_UP as f64).min(1.0);
        let cosine = 0.5 * (1.0 + (std::f64::consts::PI * step as f64 / steps as f64).cos());
        optimizer.set_learning_rate(PEAK_RATE * warm * (0.05 + 0.95 * cosine));
        let (loss, found) = model.loss(&text_batch(&mut random, SEQUENCES, LENGTH), Pass::default())?;
        optimizer.step(&Gradients::of(&loss.backward()?, &trained))?;
        drop(loss);
        if step % 25 == 0 || step + 1 == steps {
            let held = model.evaluate(&held_out, Pass::default())?.loss;
            let rate = ((step + 1) * SEQUENCES * LENGTH) as f64 / began.elapsed().as_secs_f64();
            println!("step {step}: loss {:.4}, held out {held:.4} nats a byte, {rate:.0} tokens/s", found.loss);
            write(folder, &config, &variables)?;
        }
    }
    Ok(())
}

fn write(
    folder: &Path,
    config: &tuneplan::preview::config::LlamaConfig,
    variables: &[(String, Var)],
) -> Result<(), Box<dyn Error>> {
    std::fs::create_dir_all(folder)?;
    let mut tensors = HashMap::new();
    for (name, variable) in variables {
        tensors.insert(name.clone(), variable.to_dtype(DType::BF16)?);
    }
    let ones = candle_core::Tensor::ones(config.hidden_size, DType::BF16, &candle_core::Device::Cpu)?;
    for layer in 0..config.num_hidden_layers {
        for norm in ["input_layernorm", "post_attention_layernorm"] {
            tensors.insert(format!("model.layers.{layer}.{norm}.weight"), ones.clone());
        }
    }
    tensors.insert("model.norm.weight".to_owned(), ones);
    candle_core::safetensors::save(&tensors, folder.join("base.safetensors"))?;
    std::fs::write(folder.join("config.json"), serde_json::to_string_pretty(config)? + "\n")?;
    Ok(())
}
