//! How adapters begin and what DoRA computes, against PEFT, bitsandbytes' error table and algebra.

use candle_core::{DType, Device, Tensor};
use std::path::Path;
use tuneplan::files::NewFolder;
use tuneplan::linear_algebra::svd;
use tuneplan::preview::adapter;
use tuneplan::preview::attach::{Attached, attach, begin, difference};
use tuneplan::preview::base_format::BaseFormat;
use tuneplan::preview::config::{LlamaConfig, Part};
use tuneplan::preview::lora::{Adapters, Init, LoraSettings, Random};
use tuneplan::preview::model::{Llama, Weights, read_weights};
use tuneplan::preview::ops::{Dropout, IGNORED, Weight};
use tuneplan::preview::optimizer::{Optimizer, OptimizerSettings};
use tuneplan::preview::pass::{Batch, Pass};
use tuneplan::preview::sgd::SgdSettings;
use tuneplan::quantize::Codec;
use tuneplan::quantize::gguf::Kind;
use tuneplan::quantize::sample::normal;

const TINY: &str = "tests/fixtures/peft_tiny";
const DORA: &str = "tests/fixtures/peft_dora";
const NF4: BaseFormat = BaseFormat::Packed(Codec::Nf4);

fn config() -> LlamaConfig {
    let text = std::fs::read_to_string(format!("{TINY}/config.json")).unwrap();
    LlamaConfig::from_json(&serde_json::from_str(&text).unwrap()).unwrap()
}

fn save(folder: &Path, adapters: &Adapters, settings: &LoraSettings) -> tuneplan::preview::Result<()> {
    let new = NewFolder::at(folder)?;
    adapter::write(&new, adapters, settings, "tiny")?;
    Ok(new.finish()?)
}

fn weights() -> Weights {
    read_weights(&Path::new(TINY).join("model.safetensors")).unwrap()
}

fn batch() -> Batch {
    let ids = &read_weights(&Path::new(TINY).join("expected.safetensors")).unwrap()["input_ids"];
    let (sequences, length) = ids.dims2().unwrap();
    let tokens: Vec<u32> = ids.flatten_all().unwrap().to_dtype(DType::U32).unwrap().to_vec1().unwrap();
    let next = |place: usize| if place % length == length - 1 { IGNORED } else { tokens[place + 1] };
    let targets = (0..sequences * length).map(next).collect();
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

fn names(adapters: &Adapters) -> Vec<String> {
    let three = ["lora_A", "lora_B", "lora_magnitude_vector"];
    let all = adapters.iter().flat_map(|((layer, part), _)| three.map(|name| format!("{}.{name}", part.path(*layer))));
    all.map(|name| format!("base_model.model.{name}")).collect()
}

#[test]
fn dora_and_sgd_with_momentum_are_peft_s_and_torch_s() {
    let expected = read_weights(&Path::new(DORA).join("expected.safetensors")).unwrap();
    let model = Llama::new(config(), &weights(), |_, _, weight| Ok(Weight::Dense(weight))).unwrap();
    let (settings, adapters) = adapter::load(Path::new(DORA), &model.config).unwrap();
    assert!(settings.dora);
    let (batch, variables, names) = (batch(), adapters.variables(), names(&adapters));
    let logits = model.logits(&batch.tokens, batch.length, Some(&adapters)).unwrap();
    assert!(off(&logits, &expected["logits"]) < 1e-5, "{}", off(&logits, &expected["logits"]));
    let (gradients, _) = model.gradients(&batch, Pass::with(&adapters), variables.len()).unwrap();
    for (name, gradient) in names.iter().zip(gradients.iter()) {
        let off = off(gradient.unwrap(), &expected[&format!("grad.{name}")]);
        assert!(off < 2e-5, "{name}: {off}");
    }
    let sgd = SgdSettings { learning_rate: 0.3, momentum: 0.9, weight_decay: 0.01 };
    let mut optimizer = Optimizer::new(variables.clone(), OptimizerSettings::Sgd(sgd));
    for wanted in expected["losses"].to_vec1::<f32>().unwrap() {
        let (gradients, found) = model.gradients(&batch, Pass::with(&adapters), variables.len()).unwrap();
        assert!((found.loss - f64::from(wanted)).abs() < 2e-5, "{} for {wanted}", found.loss);
        optimizer.step(&gradients).unwrap();
    }
    for (name, variable) in names.iter().zip(&variables) {
        let off = off(variable, &expected[&format!("after.{name}")]);
        assert!(off < 1e-4, "{name}: {off}");
    }
    let merged = model.merged(&adapters).unwrap().logits(&batch.tokens, batch.length, None).unwrap();
    assert!(off(&merged, &expected["merged_logits"]) < 2e-5);
    // Written, read again, the same.
    let place = tempfile::tempdir().unwrap();
    save(&place.path().join("dora"), &adapters, &settings).unwrap();
    let (_, again) = adapter::load(&place.path().join("dora"), &model.config).unwrap();
    assert!(again.variables().iter().zip(&variables).all(|(a, b)| off(a, b) == 0.0));
}

#[test]
fn dora_begins_as_the_base() {
    let settings = LoraSettings { rank: 3, dora: true, ..LoraSettings::default() };
    let Attached { model, adapters, .. } = attach(config(), &weights(), NF4, &settings).unwrap();
    let batch = batch();
    let with = model.logits(&batch.tokens, batch.length, Some(&adapters)).unwrap();
    let without = model.logits(&batch.tokens, batch.length, None).unwrap();
    assert!(off(&with, &without) < 1e-5);
}

#[test]
fn dropout_changes_training_only_and_is_the_same_for_the_same_seed() {
    let model = Llama::new(config(), &weights(), |_, _, weight| Ok(Weight::Dense(weight))).unwrap();
    for folder in [TINY, DORA] {
        let (_, adapters) = adapter::load(Path::new(folder), &model.config).unwrap();
        let (batch, variables) = (batch(), adapters.variables());
        let run = |seed: Option<u64>, recompute: bool| {
            let dropout = seed.map(|seed| Dropout { rate: 0.4, seed });
            let pass = Pass { dropout, recompute, ..Pass::with(&adapters) };
            let (gradients, found) = model.gradients(&batch, pass, variables.len()).unwrap();
            (gradients.get(0).unwrap().clone(), found.loss)
        };
        assert_eq!(run(Some(1), false).1, run(Some(1), false).1);
        assert_ne!(run(Some(1), false).1, run(Some(2), false).1);
        assert_ne!(run(Some(1), false).1, run(None, false).1);
        // Layers that run again in backward drop the same values.
        assert!(off(&run(Some(1), true).0, &run(Some(1), false).0) < 1e-5);
        // Without a change by dropout at rate 0.
        let none = Pass { dropout: Some(Dropout { rate: 0.0, seed: 1 }), ..Pass::with(&adapters) };
        assert!((model.evaluate(&batch, none).unwrap().loss - run(None, false).1).abs() < 1e-6);
    }
}

/// 256 × 256 values with a flat spectrum, or one that falls as k^−0.7, with the Frobenius norm of the flat one.
fn matrix(kind: &str) -> Tensor {
    let gaussian = |seed: u64| Tensor::from_vec(normal(seed, 256 * 256), (256, 256), &Device::Cpu).unwrap();
    if kind == "gauss256" {
        return gaussian(5);
    }
    // Orthonormal directions are those of two random matrices.
    let directions = |seed: u64| {
        let all: Vec<f32> = gaussian(seed).narrow(0, 0, 256).unwrap().flatten_all().unwrap().to_vec1().unwrap();
        let mut rows: Vec<Vec<f64>> =
            all.chunks(256).map(|row| row.iter().map(|value| f64::from(*value)).collect()).collect();
        for index in 0..256 {
            let (done, rest) = rows.split_at_mut(index);
            for other in done.iter() {
                let along: f64 = other.iter().zip(&rest[0]).map(|(a, b)| a * b).sum();
                rest[0].iter_mut().zip(other).for_each(|(value, other)| *value -= along * other);
            }
            let length = rest[0].iter().map(|value| value * value).sum::<f64>().sqrt();
            for value in &mut rest[0] {
                *value /= length;
            }
        }
        let flat: Vec<f32> = rows.iter().flatten().map(|value| *value as f32).collect();
        Tensor::from_vec(flat, (256, 256), &Device::Cpu).unwrap()
    };
    let values: Vec<f32> = (1..=256_u16).map(|k| f32::from(k).powf(-0.7)).collect();
    let values = Tensor::from_vec(values, (256, 1), &Device::Cpu).unwrap();
    let right = directions(8).broadcast_mul(&values).unwrap();
    directions(7).t().unwrap().matmul(&right).unwrap()
}

fn norm(tensor: &Tensor) -> f64 {
    f64::from(tensor.sqr().unwrap().sum_all().unwrap().to_scalar::<f32>().unwrap()).sqrt()
}

#[test]
fn what_loftq_and_pissa_lose_is_what_the_published_measurements_say() {
    let mut rows = csv::Reader::from_path("tests/fixtures/quantize/loftq_error.csv").unwrap();
    let [gauss, power] = ["gauss256", "powerlaw0.7_256"].map(matrix);
    let mut compared = 0;
    for row in rows.records() {
        let row = row.unwrap();
        let (rank, iterations): (usize, usize) = (row[1].parse().unwrap(), row[3].parse().unwrap());
        let weight = if &row[0] == "gauss256" { &gauss } else { &power };
        let init = match &row[2] {
            "LoftQ" => Init::Loftq { iterations },
            "QPiSSA" => Init::Pissa,
            _ => Init::Kaiming,
        };
        // A scale that is not 1 must cancel out.
        let settings =
            LoraSettings { rank: rank.max(1), alpha: 3.0 * rank.max(1) as f64, init, ..LoraSettings::default() };
        let start = begin(weight, NF4, &settings, &mut Random(1)).unwrap();
        let update = (start.b.matmul(&start.a).unwrap() * settings.scale()).unwrap();
        let sum = (start.weight.values().unwrap() + update).unwrap();
        let found = norm(&(weight - sum).unwrap()) / norm(weight);
        let wanted: f64 = row[4].parse().unwrap();
        assert!((found / wanted - 1.0).abs() < 0.03, "{row:?}: {found}");
        compared += 1;
    }
    assert_eq!(compared, 14);
}

#[test]
fn singular_values_are_those_the_matrix_was_made_of() {
    let power = matrix("powerlaw0.7_256");
    let values: Vec<f32> = power.flatten_all().unwrap().to_vec1().unwrap();
    let found = svd(&values, 256, 256, 6).unwrap();
    for (index, value) in found.values.iter().enumerate() {
        let wanted = ((index + 1) as f64).powf(-0.7);
        assert!((value / wanted - 1.0).abs() < 1e-3, "{index}: {value} for {wanted}");
    }
    // A tall one with all its values: [3 0; 0 −2; 0 0] turned by nothing.
    let tall = svd(&[3.0, 0.0, 0.0, -2.0, 0.0, 0.0], 3, 2, 2).unwrap();
    assert!((tall.values[0] - 3.0).abs() < 1e-9 && (tall.values[1] - 2.0).abs() < 1e-9, "{tall:?}");
    // U Σ Vᵀ is the matrix again, tall and wide.
    for (rows, columns) in [(7, 4), (4, 7)] {
        let values = normal(3, 28);
        let found = svd(&values, rows, columns, 4).unwrap();
        for (place, value) in values.iter().enumerate() {
            let (row, column) = (place / columns, place % columns);
            let sum: f64 = (0..4).map(|k| found.values[k] * found.left[k][row] * found.right[k][column]).sum();
            assert!((sum - f64::from(*value)).abs() < 1e-6);
        }
    }
    assert!(svd(&[1.0], 2, 2, 1).is_err() && svd(&[f32::NAN], 1, 1, 1).is_err());
}

#[test]
fn what_was_learned_from_pissa_fits_the_original_base() {
    let init = Init::Pissa;
    for rank_stabilized in [false, true] {
        let settings = LoraSettings { rank: 4, alpha: 6.0, rank_stabilized, init, ..LoraSettings::default() };
        let Attached { model, adapters, start } = attach(config(), &weights(), BaseFormat::Fp32, &settings).unwrap();
        let batch = batch();
        let base = Llama::new(config(), &weights(), |_, _, weight| Ok(Weight::Dense(weight))).unwrap();
        let wanted = base.logits(&batch.tokens, batch.length, None).unwrap();
        let begun = model.logits(&batch.tokens, batch.length, Some(&adapters)).unwrap();
        assert!(off(&begun, &wanted) < 1e-5, "it begins as the base: {}", off(&begun, &wanted));
        let variables = adapters.variables();
        let sgd = OptimizerSettings::Sgd(SgdSettings { learning_rate: 0.5, ..SgdSettings::default() });
        let mut optimizer = Optimizer::new(variables.clone(), sgd);
        for _ in 0..2 {
            optimizer.step(&model.gradients(&batch, Pass::with(&adapters), variables.len()).unwrap().0).unwrap();
        }
        let learned = model.logits(&batch.tokens, batch.length, Some(&adapters)).unwrap();
        assert!(off(&learned, &wanted) > 1e-3, "something was learned");
        let (exported, difference) = difference(&settings, &adapters, &start.unwrap()).unwrap();
        assert_eq!(exported.rank, 8);
        assert!((exported.scale() - settings.scale()).abs() < 1e-12);
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("difference");
        save(&folder, &difference, &exported).unwrap();
        let (_, read) = adapter::load(&folder, &config()).unwrap();
        let on_base = base.logits(&batch.tokens, batch.length, Some(&read)).unwrap();
        assert!(off(&on_base, &learned) < 1e-5, "{}", off(&on_base, &learned));
        let text = std::fs::read_to_string(folder.join(adapter::FILES[1])).unwrap();
        assert!(text.contains("\"init_lora_weights\": true"));
    }
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    let refused = |base: BaseFormat, settings: LoraSettings| {
        attach(config(), &weights(), base, &settings).unwrap_err().to_string()
    };
    let with = |change: fn(&mut LoraSettings)| {
        let mut settings = LoraSettings::default();
        change(&mut settings);
        settings
    };
    let loftq = with(|settings| settings.init = Init::Loftq { iterations: 1 });
    assert!(refused(BaseFormat::Fp32, loftq).contains("quantized base"));
    let both = with(|settings| (settings.dora, settings.init) = (true, Init::Pissa));
    assert!(refused(NF4, both).contains("Kaiming"));
    assert!(refused(NF4, with(|settings| settings.dropout = 1.0)).contains("below 1"));
    assert!(refused(NF4, with(|settings| settings.rank = 0)).contains("rank"));
    assert!(refused(NF4, with(|settings| settings.targets = Vec::<Part>::new())).contains("target"));
    // Rows of 32 are no blocks of 256; the message says which map.
    assert!(
        refused(BaseFormat::Packed(Codec::Gguf(Kind::Q4K)), LoraSettings::default())
            .contains("layers.0.self_attn.q_proj")
    );
}
