//! Forward, backward, optimizer, merging and adapter files against PyTorch and PEFT on a tiny Llama.
//!
//! `tests/fixtures/peft_tiny` was made with torch 2.15.0, transformers 5.23.0 and peft 0.21.2: a random two-layer Llama
//! with grouped heads and tied head, an adapter on q, v and down, logits, loss, every gradient, five AdamW steps.

use candle_core::{DType, Device, Tensor};
use std::path::Path;
use tuneplan::files::NewFolder;
use tuneplan::preview::adamw::{AdamW, AdamWSettings};
use tuneplan::preview::adapter;
use tuneplan::preview::config::LlamaConfig;
use tuneplan::preview::model::{Llama, Weights, read_weights};
use tuneplan::preview::ops::{IGNORED, Weight};
use tuneplan::preview::pass::{Batch, Pass};

const FOLDER: &str = "tests/fixtures/peft_tiny";

fn read(name: &str) -> Weights {
    read_weights(&Path::new(FOLDER).join(name)).unwrap()
}

fn config() -> LlamaConfig {
    let text = std::fs::read_to_string(format!("{FOLDER}/config.json")).unwrap();
    LlamaConfig::from_json(&serde_json::from_str(&text).unwrap()).unwrap()
}

fn model() -> Llama {
    Llama::new(config(), &read("model.safetensors"), |_, _, weight| Ok(Weight::Dense(weight))).unwrap()
}

/// Ids of the fixture with each place's next token; the last place of a sequence has none.
fn batch(expected: &Weights) -> Batch {
    let ids = &expected["input_ids"];
    let (sequences, length) = ids.dims2().unwrap();
    let tokens: Vec<u32> = ids.flatten_all().unwrap().to_dtype(DType::U32).unwrap().to_vec1().unwrap();
    let targets = (0..sequences * length)
        .map(|place| if place % length == length - 1 { IGNORED } else { tokens[place + 1] })
        .collect();
    Batch { tokens, targets, length }
}

/// Largest difference over the largest value.
fn off(found: &Tensor, expected: &Tensor) -> f64 {
    let largest = |tensor: &Tensor| {
        let flat = tensor.abs().unwrap().flatten_all().unwrap();
        f64::from(flat.max(0).unwrap().to_scalar::<f32>().unwrap())
    };
    let expected = expected.reshape(found.shape()).unwrap();
    largest(&(found - &expected).unwrap()) / largest(&expected).max(1e-30)
}

#[test]
fn logits_with_and_without_the_adapter_are_pytorch_s() {
    let (model, expected) = (model(), read("expected.safetensors"));
    let batch = batch(&expected);
    let base = model.logits(&batch.tokens, batch.length, None).unwrap();
    assert!(off(&base, &expected["base_logits"]) < 1e-5, "{}", off(&base, &expected["base_logits"]));
    let (_, adapters) = adapter::load(Path::new(FOLDER), &model.config).unwrap();
    let adapted = model.logits(&batch.tokens, batch.length, Some(&adapters)).unwrap();
    assert!(off(&adapted, &expected["lora_logits"]) < 1e-5, "{}", off(&adapted, &expected["lora_logits"]));
    assert!(off(&base, &expected["lora_logits"]) > 1e-3, "the check finds a missing adapter");
}

#[test]
fn every_factor_has_the_gradient_that_pytorch_gives_it() {
    let (model, expected) = (model(), read("expected.safetensors"));
    let (_, adapters) = adapter::load(Path::new(FOLDER), &model.config).unwrap();
    let names = adapter::names(&adapters);
    assert_eq!(names.len(), 12);
    let (gradients, _) = model.gradients(&batch(&expected), Pass::with(&adapters), names.len()).unwrap();
    for (name, gradient) in names.iter().zip(gradients.iter()) {
        let off = off(gradient.unwrap(), &expected[&format!("grad.{name}")]);
        assert!(off < 2e-5, "{name}: {off}");
    }
}

#[test]
fn gradients_are_the_same_when_layers_run_again_in_backward() {
    let (model, expected) = (model(), read("expected.safetensors"));
    let (_, adapters) = adapter::load(Path::new(FOLDER), &model.config).unwrap();
    let (batch, variables) = (batch(&expected), adapters.variables());
    let pass = Pass { recompute: true, ..Pass::with(&adapters) };
    let (gradients, found) = model.gradients(&batch, pass, variables.len()).unwrap();
    assert!((found.loss - 4.366_316).abs() < 1e-5, "{}", found.loss);
    let names = adapters
        .iter()
        .flat_map(|((layer, part), _)| ["A", "B"].map(|factor| format!("{}.lora_{factor}", part.path(*layer))));
    for (name, gradient) in names.zip(gradients.iter()) {
        let expected = &expected[&format!("grad.base_model.model.{name}.weight")];
        assert!(off(gradient.unwrap(), expected) < 2e-5, "{name}: {}", off(gradient.unwrap(), expected));
    }
}

#[test]
fn five_steps_of_adamw_are_pytorch_s_and_so_is_the_merged_model() {
    let (model, expected) = (model(), read("expected.safetensors"));
    let (_, adapters) = adapter::load(Path::new(FOLDER), &model.config).unwrap();
    let batch = batch(&expected);
    let variables = adapters.variables();
    let mut optimizer = AdamW::new(variables.clone(), AdamWSettings::default());
    let wanted: Vec<f32> = expected["losses"].to_vec1().unwrap();
    for wanted in wanted {
        let (gradients, found) = model.gradients(&batch, Pass::with(&adapters), variables.len()).unwrap();
        assert!((found.loss - f64::from(wanted)).abs() < 1e-5, "{} for {wanted}", found.loss);
        assert_eq!(found.counted, 22);
        optimizer.step(&gradients).unwrap();
    }
    for ((layer, part), found) in adapters.iter() {
        for (factor, variable) in [('A', &found.a), ('B', &found.b)] {
            let name = format!("after5.base_model.model.{}.lora_{factor}.weight", part.path(*layer));
            assert!(off(variable, &expected[&name]) < 1e-4, "{name}: {}", off(variable, &expected[&name]));
        }
    }
    let merged = model.merged(&adapters).unwrap();
    let logits = merged.logits(&batch.tokens, batch.length, None).unwrap();
    assert!(off(&logits, &expected["merged_after5_logits"]) < 2e-5);
    let unmerged = model.evaluate(&batch, Pass::with(&adapters)).unwrap().loss;
    assert!((merged.evaluate(&batch, Pass::default()).unwrap().loss - unmerged).abs() < 1e-6);
}

#[test]
fn an_adapter_is_written_as_peft_writes_it_and_never_over_another() {
    let (settings, adapters) = adapter::load(Path::new(FOLDER), &config()).unwrap();
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("mine");
    let save = || -> tuneplan::preview::Result<()> {
        let new = NewFolder::at(&folder)?;
        adapter::write(&new, &adapters, &settings, "tiny")?;
        Ok(new.finish()?)
    };
    save().unwrap();
    let names = |weights: &Weights| {
        let mut names: Vec<(String, Vec<usize>)> =
            weights.iter().map(|(name, tensor)| (name.clone(), tensor.dims().to_vec())).collect();
        names.sort();
        names
    };
    let written = read_weights(&folder.join(adapter::FILES[0])).unwrap();
    assert_eq!(names(&written), names(&read("adapter_model.safetensors")));
    let text =
        |path: &Path| -> serde_json::Value { serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap() };
    let (ours, peft) = (text(&folder.join(adapter::FILES[1])), text(&Path::new(FOLDER).join(adapter::FILES[1])));
    for name in [
        "r",
        "target_modules",
        "use_rslora",
        "use_dora",
        "bias",
        "fan_in_fan_out",
        "peft_type",
        "task_type",
        "init_lora_weights",
        "inference_mode",
        "modules_to_save",
        "rank_pattern",
        "alpha_pattern",
    ] {
        assert_eq!(ours[name], peft[name], "{name}");
    }
    assert_eq!(ours["lora_alpha"].as_f64(), peft["lora_alpha"].as_f64());
    let (again, _) = adapter::load(&folder, &config()).unwrap();
    assert_eq!(again, settings);
    assert!(save().unwrap_err().to_string().contains("exists already"));
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 1, "nothing unfinished is left");
}

#[test]
fn what_cannot_be_run_is_said() {
    let text = std::fs::read_to_string(format!("{FOLDER}/config.json")).unwrap();
    let refused = |from: &str, to: &str| {
        let changed = text.replace(from, to);
        assert_ne!(changed, text, "{from}");
        LlamaConfig::from_json(&serde_json::from_str(&changed).unwrap()).unwrap_err().to_string()
    };
    assert!(refused("\"llama\"", "\"gpt2\"").contains("`gpt2`"));
    assert!(refused("\"hidden_size\": 32", "\"hidden_size\": 0").contains("`hidden_size` is 0"));
    assert!(refused("\"num_key_value_heads\": 2", "\"num_key_value_heads\": 3").contains("do not go with"));
    assert!(LlamaConfig::from_json(&serde_json::Value::Null).is_err());
    let mut lacking = read("model.safetensors");
    lacking.remove("model.norm.weight");
    let dense = |_, _, weight: Tensor| Ok(Weight::Dense(weight));
    assert!(Llama::new(config(), &lacking, dense).unwrap_err().to_string().contains("lacks `model.norm.weight`"));
    let mut wrong = read("model.safetensors");
    wrong.insert("model.norm.weight".to_owned(), Tensor::zeros(7, DType::F32, &Device::Cpu).unwrap());
    assert!(Llama::new(config(), &wrong, dense).unwrap_err().to_string().contains("[7]"));
    assert!(model().logits(&[50], 1, None).unwrap_err().to_string().contains("vocabulary"));
    assert!(model().logits(&[1; 65], 65, None).unwrap_err().to_string().contains("64 positions"));
}
