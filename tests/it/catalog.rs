//! The catalogue: every row there, every count exact, every entry with its source.

use std::collections::BTreeMap;
use std::path::Path;
use tuneplan::catalog::{Catalog, Limit, ModelReading, Order};

#[path = "../../examples/build_catalog/devices.rs"]
mod devices;
#[path = "../../examples/build_catalog/models.rs"]
mod models;
#[path = "../../examples/build_catalog/tables.rs"]
mod tables;

fn counts() -> Vec<BTreeMap<String, String>> {
    let text = include_str!("../fixtures/model-counts.csv");
    let mut reader = csv::ReaderBuilder::new().comment(Some(b'#')).from_reader(text.as_bytes());
    reader.deserialize().map(Result::unwrap).collect()
}

fn number(row: &BTreeMap<String, String>, column: &str) -> u64 {
    let cell = &row[column];
    if cell.is_empty() { 0 } else { cell.parse().unwrap() }
}

#[test]
fn parameter_counts_equal_the_models_built_by_transformers() {
    let catalog = Catalog::embedded();
    let rows = counts();
    assert_eq!(rows.len(), 167);
    assert_eq!(rows.iter().filter(|row| row["verified"] == "yes").count(), 164);
    for row in &rows {
        let entry = catalog.model(&row["id"]).unwrap_or_else(|| panic!("{} is missing", row["id"]));
        assert_eq!(entry.verified, row["verified"] == "yes", "{}", row["id"]);
        let parameters = entry.architecture.parameters();
        assert_eq!(parameters.total, number(row, "params_total"), "{} total", row["id"]);
        assert_eq!(parameters.embedding, number(row, "params_input_embedding"), "{} embedding", row["id"]);
        assert_eq!(parameters.head, number(row, "params_lm_head"), "{} head", row["id"]);
        assert_eq!(parameters.routed_experts, number(row, "params_routed_experts"), "{} routed experts", row["id"]);
        assert_eq!(parameters.active, number(row, "params_active"), "{} active", row["id"]);
    }
}

#[test]
fn every_entry_has_a_source_and_a_unique_id() {
    let catalog = Catalog::embedded();
    assert_eq!((catalog.models.len(), catalog.accelerators.len(), catalog.formats.len()), (167, 218, 72));
    for (id, source) in catalog
        .models
        .iter()
        .map(|entry| (&entry.id, &entry.source))
        .chain(catalog.accelerators.iter().map(|entry| (&entry.id, &entry.source)))
        .chain(catalog.formats.iter().map(|entry| (&entry.id, &entry.source)))
    {
        assert!(!source.is_empty(), "{id} has no source");
    }
    for entry in &catalog.models {
        assert_eq!(catalog.model(&entry.id), Some(entry));
    }
    for entry in &catalog.accelerators {
        assert_eq!(catalog.accelerator(&entry.id), Some(entry));
        assert!(entry.memory_gb_marketed > 0.0, "{}", entry.id);
    }
    for entry in &catalog.formats {
        assert_eq!(catalog.format(&entry.id), Some(entry));
        assert!(entry.effective_bits > 0.0, "{}", entry.id);
    }
}

#[test]
fn known_figures_are_where_they_belong() {
    // Data-sheet and specification figures, typed in here from those documents.
    let catalog = Catalog::embedded();
    let a100 = catalog.accelerator("a100-sxm4-80gb").unwrap();
    assert_eq!((a100.memory_gb_marketed, a100.bf16_tflops), (80.0, Some(312.0)));
    let t4 = catalog.accelerator("tesla-t4").unwrap();
    assert_eq!((t4.memory_gb_marketed, t4.supports_bf16), (16.0, Some(false)));
    let nf4 = catalog.format("nf4").unwrap();
    assert_eq!((nf4.effective_bits, nf4.block_size), (4.5, Some(64)));
    assert_eq!(catalog.format("fp16").unwrap().max_finite, Some(65504.0));
    let q4k = catalog.format("gguf-q4-k").unwrap();
    assert_eq!((q4k.block_size, q4k.block_bytes), (Some(256), Some(144)));
    assert!(!catalog.format("tf32").unwrap().loadable);
}

#[test]
fn search_takes_words_in_any_order_and_puts_the_exact_name_first() {
    let catalog = Catalog::embedded();
    let search = |query: &str| catalog.search_models(query, Order::MostUsed);
    assert_eq!(search("llama-3.1-8b")[0].id, "meta-llama/Llama-3.1-8B");
    assert_eq!(search("meta-llama/Llama-3.1")[0].id, "meta-llama/Llama-3.1-8B", "the organisation is searched too");
    assert_eq!(search("unsloth/Qwen2.5-7B-Instruct-bnb-4bit")[0].id, "Qwen/Qwen2.5-7B", "as another name of it");
    assert!(search("8b LLAMA").iter().any(|entry| entry.id == "meta-llama/Llama-3.1-8B"));
    assert!(search("no such model").is_empty());
    assert_eq!(search("").len(), 167);
    assert!(search("").is_sorted_by(|a, b| a.listed >= b.listed));
    assert!(catalog.search_models("", Order::Size).is_sorted_by_key(|entry| entry.params_total));
    assert_eq!(catalog.search_accelerators("4090")[0].id, "geforce-rtx-4090");
}

#[test]
fn a_user_file_adds_and_overrides_or_says_where_it_is_wrong() {
    let catalog = Catalog::embedded();
    let mut mine = catalog.accelerator("tesla-t4").unwrap().clone();
    mine.usd_per_hour = Some(0.25);
    let mut other = mine.clone();
    other.id = "my-card".to_owned();
    let text = format!("(accelerators: {})", ron::to_string(&vec![mine, other]).unwrap());
    let merged = catalog.merged_with(&text).unwrap();
    assert_eq!(merged.accelerators.len(), 219);
    assert_eq!(merged.accelerator("tesla-t4").unwrap().usd_per_hour, Some(0.25));
    assert!(merged.accelerator("my-card").is_some());

    let error = catalog.merged_with("(\n  accelerators: [(nmae: 1)],\n)").unwrap_err();
    assert!(error.starts_with("2:"), "{error}");
}

#[test]
fn the_catalogue_is_what_its_tables_make() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (name, text) in tables::build(&root.join("assets/catalog/tables")).unwrap() {
        let there = std::fs::read_to_string(root.join("assets/catalog").join(name)).unwrap();
        assert!(there == text, "{name} is not what the tables make: cargo run --example build_catalog");
    }
}

/// Rows of the public lists: list, name, and the entry whose shape the name has.
fn listed_names() -> Vec<[String; 3]> {
    let text = include_str!("../fixtures/model-names.csv");
    let mut reader = csv::ReaderBuilder::new().comment(Some(b'#')).from_reader(text.as_bytes());
    reader.deserialize().map(Result::unwrap).collect()
}

#[test]
fn names_of_the_public_lists_are_read_as_the_shape_they_have_and_no_other() {
    let catalog = Catalog::embedded();
    let mut false_readings = Vec::new();
    for list in ["unsloth", "axolotl", "llama-factory"] {
        let rows: Vec<_> = listed_names().into_iter().filter(|[of, ..]| of == list).collect();
        let (mut with_shape, mut read) = (0_u32, 0_u32);
        let mut missed = Vec::new();
        for [_, name, shape] in &rows {
            let reading = catalog.read_model(name);
            with_shape += u32::from(!shape.is_empty());
            match reading.entry() {
                Some(entry) if entry.id == *shape => read += 1,
                Some(entry) if is_same_shape(&entry.id, shape) => read += 1,
                Some(entry) => false_readings.push(format!("{name} as {}, not {shape:?}", entry.id)),
                None if shape.is_empty() => {
                    let why = reading.refusal(name).unwrap();
                    assert!(why.contains("is not known: open its config.json"), "{why}");
                }
                None => missed.push(name.clone()),
            }
        }
        assert!(rows.len() > 100 && with_shape > 50, "{list}: {} names, {with_shape} with a shape", rows.len());
        let share = f64::from(read) / f64::from(with_shape);
        assert!(share >= 0.95, "{list}: {share:.3}; not read: {missed:?}");
    }
    assert!(false_readings.is_empty(), "{} false readings: {false_readings:#?}", false_readings.len());
}

/// Whether two entries have one shape: releases of one shape are entries of their own (Llama 3 and 3.1).
fn is_same_shape(a: &str, b: &str) -> bool {
    let catalog = Catalog::embedded();
    let shape = |id: &str| {
        let entry = catalog.models.iter().find(|entry| entry.id == id)?;
        let mut shape = entry.architecture.clone();
        shape.max_positions = None;
        Some(shape)
    };
    shape(a).is_some() && shape(a) == shape(b)
}

#[test]
fn a_name_is_read_however_it_is_typed_and_says_what_it_was_read_as() {
    let catalog = Catalog::embedded();
    for name in [
        "meta-llama/Llama-3.1-8B-Instruct",
        "https://huggingface.co/meta-llama/Llama-3.1-8B-Instruct/blob/main/config.json",
        "hf.co/bartowski/Meta-Llama-3.1-8B-Instruct-GGUF:Q4_K_M",
        "llama3.1:8b",
        "NousResearch/Meta-Llama-3.1-8B",
        "deepseek-ai/DeepSeek-R1-Distill-Llama-8B",
    ] {
        let ModelReading::SameShape(entry) = catalog.read_model(name) else { panic!("{name}") };
        assert_eq!(entry.id, "meta-llama/Llama-3.1-8B", "{name}");
    }
    assert!(matches!(catalog.read_model("qwen/qwen2.5-7b"), ModelReading::Exact(_)));
    // Two of one name whose vocabularies differ: neither is taken.
    for name in
        ["Mistral-7B", "deepseek", "Llama-3.1-9B", "Qwen2.5-72B-Instruct-GPTQ-Int4", "unsloth/phi-4-bnb-4bit", ""]
    {
        assert!(matches!(catalog.read_model(name), ModelReading::Unknown(_)), "{name}");
    }
    let refusal = catalog.read_model("Llama-3.1-9B").refusal("Llama-3.1-9B").unwrap();
    assert!(refusal.contains("meta-llama/Llama-3.1-8B"), "{refusal}");
    // The base model of the 8x22B has 32,000 tokens, as its config.json says.
    assert_eq!(catalog.model("mistralai/Mixtral-8x22B-v0.1").unwrap().params_total, 140_620_634_112);
    assert_eq!(catalog.model("Mixtral-8x22B-Instruct-v0.1-AWQ").unwrap().architecture.vocab_size, 32_768);
}

#[test]
fn a_device_is_read_however_it_is_called_or_the_choice_is_named() {
    let catalog = Catalog::embedded();
    for (name, id) in [
        ("RTX 4090", "geforce-rtx-4090"),
        ("rtx-4090", "geforce-rtx-4090"),
        ("4090", "geforce-rtx-4090"),
        ("NVIDIA GeForce RTX 4090", "geforce-rtx-4090"),
        ("NVIDIA A100-SXM4-80GB", "a100-sxm4-80gb"),
        ("NVIDIA H100 80GB HBM3", "h100-sxm5-80gb"),
        ("NVIDIA H100 PCIe", "h100-pcie-80gb"),
        ("h100 sxm", "h100-sxm5-80gb"),
        ("NVIDIA H200", "h200-sxm"),
        ("T4", "tesla-t4"),
        ("NVIDIA L4", "l4"),
        ("mi300x", "instinct-mi300x"),
        ("MI250", "instinct-mi250-per-gcd"),
        ("7900 xtx", "radeon-rx-7900-xtx"),
        ("M4 Max 64GB", "apple-m4-max-40-core-gpu-64gb"),
        ("M4 Max 36GB", "apple-m4-max-32-core-gpu"),
        ("m3 ultra 512gb", "apple-m3-ultra-80-core-gpu"),
    ] {
        assert_eq!(catalog.accelerator(name).map(|device| device.id.as_str()), Some(id), "{name}");
    }
    for (name, named) in [
        ("h100", "h100-sxm5-80gb"),
        ("A100", "a100-pcie-40gb"),
        ("M4 Max", "apple-m4-max-40-core-gpu"),
        ("H1000", ""),
        ("rtx 4091", "rtx"),
    ] {
        assert!(catalog.accelerator(name).is_none(), "{name}");
        let refusal = catalog.read_accelerator(name).refusal(name).unwrap();
        assert!(refusal.contains(named), "{refusal}");
    }
}

#[test]
fn usable_memory_is_what_software_reports_and_says_so() {
    // Figures of public logs: `torch.cuda.get_device_properties` and Unsloth's banner; Metal's recommendedMaxWorkingSetSize.
    let catalog = Catalog::embedded();
    let usable = |name: &str, typed: Option<u64>| catalog.accelerator(name).unwrap().usable(typed);
    for (name, gib) in [
        ("tesla-t4", 14.74),
        ("l4", 22.16),
        ("a10g", 22.19),
        ("a100-sxm4-40gb", 39.49),
        ("h100-sxm5-80gb", 79.19),
        ("l40s", 44.39),
        ("instinct-mi250-per-gcd", 63.98),
        ("instinct-mi300x", 191.98),
    ] {
        let found = usable(name, None);
        assert_eq!(found.limit, Limit::PyTorch, "{name}");
        assert!((found.bytes as f64 / f64::from(1 << 30) - gib).abs() < 0.006, "{name}: {}", found.bytes);
    }
    for (name, mib) in [
        ("M1 Pro 16GB", 10_922),
        ("M2 24GB", 16_384),
        ("M1 Max 32GB", 21_845),
        ("M3 Pro 36GB", 27_648),
        ("M1 Max 64GB", 49_152),
    ] {
        assert_eq!(usable(name, None).bytes >> 20, mib, "{name}");
    }
    assert_eq!(usable("apple-m4-max-40-core-gpu", Some(65_536)).bytes >> 20, 49_152, "the memory of the machine");
    assert_eq!(usable("geforce-rtx-4090", Some(24_000)).bytes >> 20, 24_000, "the memory of the device");
    assert_eq!(usable("a30", None).limit, Limit::LabelByRule { share: 0.96 });
    for device in &catalog.accelerators {
        let usable = device.usable(None);
        assert!(usable.bytes <= device.label_bytes(), "{}", device.id);
        assert_eq!(usable.limit == Limit::PyTorch, !device.pytorch_source.is_empty(), "{}", device.id);
    }
}

#[test]
fn cloud_machines_name_devices_that_are_there() {
    let catalog = Catalog::embedded();
    for (name, accelerator, count, host) in [
        ("p5.48xlarge", "h100-sxm5-80gb", 8, 2048),
        ("g6e.xlarge", "l40s", 1, 32),
        ("a3-highgpu-8g", "h100-sxm5-80gb", 8, 1872),
        ("NC24ads_A100_v4", "a100-pcie-80gb", 1, 220),
        ("Standard_ND96isr_H100_v5", "h100-sxm5-80gb", 8, 1900),
    ] {
        let machine = catalog.instance(name).unwrap();
        assert_eq!((machine.accelerator.as_str(), machine.count, machine.host_memory_gib), (accelerator, count, host));
    }
    for machine in &catalog.instances {
        assert!(catalog.accelerators.iter().any(|device| device.id == machine.accelerator), "{}", machine.name);
        assert!(!machine.source.is_empty() && machine.count > 0, "{}", machine.name);
    }
}
