//! The catalogue: every row there, every count exact, every entry with its source.

use std::collections::BTreeMap;
use tuneplan::catalog::Catalog;

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
    assert_eq!(rows.len(), 150);
    assert_eq!(rows.iter().filter(|row| row["verified"] == "yes").count(), 148);
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
    assert_eq!((catalog.models.len(), catalog.accelerators.len(), catalog.formats.len()), (150, 118, 72));
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
    assert_eq!(catalog.search_models("llama-3.1-8b")[0].id, "meta-llama/Llama-3.1-8B");
    assert!(catalog.search_models("8b LLAMA").iter().any(|entry| entry.id == "meta-llama/Llama-3.1-8B"));
    assert!(catalog.search_models("no such model").is_empty());
    assert_eq!(catalog.search_models("").len(), 150);
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
    assert_eq!(merged.accelerators.len(), 119);
    assert_eq!(merged.accelerator("tesla-t4").unwrap().usd_per_hour, Some(0.25));
    assert!(merged.accelerator("my-card").is_some());

    let error = catalog.merged_with("(\n  accelerators: [(nmae: 1)],\n)").unwrap_err();
    assert!(error.starts_with("2:"), "{error}");
}
