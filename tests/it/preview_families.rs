//! Every family of models against transformers and peft: logits, loss, the gradient of every factor, generation.
//!
//! `tests/fixtures/families` was made with torch 2.15.0, transformers 5.23.0 and peft 0.21.2 (`make.py` there).

use candle_core::{DType, Tensor, Var};
use std::collections::BTreeMap;
use std::path::Path;
use tuneplan::preview::adapter;
use tuneplan::preview::config::{LlamaConfig, Part};
use tuneplan::preview::lora::{Adapter, Adapters};
use tuneplan::preview::model::{Llama, Weights, read_weights};
use tuneplan::preview::ops::{IGNORED, Weight};
use tuneplan::preview::pass::{Batch, Pass};

const FAMILIES: [&str; 7] = ["llama3_rope", "linear_rope", "mistral", "qwen2", "qwen3", "gemma", "gemma3"];
/// α / r of the fixture's adapters.
const SCALE: f64 = 3.0;

struct Case {
    model: Llama,
    adapters: Adapters,
    found: Weights,
    batch: Batch,
}

fn case(name: &str) -> Case {
    let folder = Path::new("tests/fixtures/families");
    let text = std::fs::read_to_string(folder.join(format!("{name}.json"))).unwrap();
    let config = LlamaConfig::from_json(&serde_json::from_str(&text).unwrap()).unwrap();
    let found = read_weights(&folder.join(format!("{name}.safetensors"))).unwrap();
    let under = |prefix: &str| -> Weights {
        let named = found.iter().filter_map(|(name, tensor)| Some((name.strip_prefix(prefix)?, tensor)));
        named.map(|(name, tensor)| (name.to_owned(), tensor.clone())).collect()
    };
    let mut factors = under("adapter.");
    let mut by_place = BTreeMap::new();
    for layer in 0..config.num_hidden_layers {
        for part in Part::ALL {
            let path = format!("base_model.model.{}.lora_", part.path(layer));
            let mut take = |factor: char| Var::from_tensor(&factors.remove(&format!("{path}{factor}.weight")).unwrap());
            by_place.insert((layer, part), Adapter { a: take('A').unwrap(), b: take('B').unwrap(), magnitude: None });
        }
    }
    assert!(factors.is_empty(), "{factors:?}");
    let (sequences, length) = found["ids"].dims2().unwrap();
    let tokens: Vec<u32> = found["ids"].to_dtype(DType::U32).unwrap().flatten_all().unwrap().to_vec1().unwrap();
    let next = |place: usize| if place % length == length - 1 { IGNORED } else { tokens[place + 1] };
    let targets = (0..sequences * length).map(next).collect();
    Case {
        model: Llama::new(config, &under("weights."), |_, _, weight| Ok(Weight::Dense(weight))).unwrap(),
        adapters: Adapters::of(SCALE, by_place),
        batch: Batch { tokens, targets, length },
        found,
    }
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
fn logits_loss_and_gradients_are_those_of_transformers_and_peft() {
    for name in FAMILIES {
        let Case { model, adapters, found, batch } = case(name);
        let plain = model.logits(&batch.tokens, batch.length, None).unwrap();
        assert!(off(&plain, &found["base_logits"]) < 2e-5, "{name}: {}", off(&plain, &found["base_logits"]));
        let adapted = model.logits(&batch.tokens, batch.length, Some(&adapters)).unwrap();
        assert!(off(&adapted, &found["logits"]) < 2e-5, "{name}: {}", off(&adapted, &found["logits"]));
        assert!(off(&plain, &found["logits"]) > 1e-2, "{name}: the check finds a missing adapter");
        let names = adapter::names(&adapters);
        for recompute in [false, true] {
            let pass = Pass { recompute, ..Pass::with(&adapters) };
            let (gradients, loss) = model.gradients(&batch, pass, names.len()).unwrap();
            let wanted = f64::from(found["loss"].to_vec1::<f32>().unwrap()[0]);
            assert!((loss.loss - wanted).abs() < 2e-6 * wanted, "{name}: {} for {wanted}", loss.loss);
            for (factor, gradient) in names.iter().zip(gradients.iter()) {
                let off = off(gradient.unwrap(), &found[&format!("grad.{factor}")]);
                assert!(off < 5e-5, "{name}, {factor}: {off}");
            }
        }
    }
}

#[test]
fn generation_with_kept_keys_says_what_the_whole_sequence_says() {
    for name in FAMILIES {
        let Case { model, adapters, batch, .. } = case(name);
        let prompt = &batch.tokens[..5];
        let said = model.generate(prompt, 8, &|_| false, Pass::with(&adapters)).unwrap();
        let mut whole = prompt.to_vec();
        for token in &said {
            let next =
                model.next(&whole, Pass::with(&adapters)).unwrap().argmax(0).unwrap().to_scalar::<u32>().unwrap();
            assert_eq!(next, *token, "{name} after {whole:?}");
            whole.push(next);
        }
        assert_eq!(said.len(), 8, "{name}");
        let first = said[0];
        assert!(model.generate(prompt, 8, &|token| token == first, Pass::with(&adapters)).unwrap().is_empty());
        // No more than the model has places for.
        assert_eq!(model.generate(&batch.tokens[..24], 100, &|_| false, Pass::default()).unwrap().len(), room(&model));
    }
}

fn room(model: &Llama) -> usize {
    model.config.max_position_embeddings - 24
}

#[test]
fn what_a_family_does_that_is_not_done_here_is_refused() {
    let text = std::fs::read_to_string("tests/fixtures/families/gemma3.json").unwrap();
    let with = |change: fn(&mut serde_json::Value)| {
        let mut json: serde_json::Value = serde_json::from_str(&text).unwrap();
        change(&mut json);
        LlamaConfig::from_json(&json).map(|_| ()).map_err(|error| error.to_string())
    };
    assert_eq!(with(|_| ()), Ok(()));
    assert!(with(|json| json["model_type"] = "gemma2".into()).unwrap_err().contains("`gemma2`"));
    assert!(with(|json| json["final_logit_softcapping"] = 30.0.into()).unwrap_err().contains("tanh"));
    assert!(with(|json| json["hidden_activation"] = "relu".into()).unwrap_err().contains("`relu`"));
    assert!(with(|json| json["query_pre_attn_scalar"] = 0.into()).unwrap_err().contains("above 0"));
    let yarn = |json: &mut serde_json::Value| json["rope_parameters"]["full_attention"]["rope_type"] = "yarn".into();
    assert!(with(yarn).unwrap_err().contains("`yarn`"));
}
