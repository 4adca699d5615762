//! Peaks of 31 further model classes, from their own configurations: the terms hold where no row was ever looked at.
//!
//! `fixtures/families.jsonl`: one line per row, a `config.json` (class defaults, few layers, small vocabulary so that the
//! layers decide) and the peaks traced from transformers' class with the method of `assets/validation/README.md`.

use crate::common::truth;

use std::collections::HashMap;
use truth::{Row, estimate_plan, median, percentile, plan_of};
use tuneplan::architecture::from_config_text;

#[derive(serde::Deserialize)]
struct Line {
    config: serde_json::Value,
    row: HashMap<String, String>,
}

#[test]
fn peaks_of_other_classes_match_too() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/families.jsonl");
    let text = std::fs::read_to_string(path).unwrap();
    let mut errors = Vec::new();
    for line in text.lines() {
        let Line { config, row } = serde_json::from_str(line).unwrap();
        let row = Row(row);
        let architecture = from_config_text(&config.to_string()).unwrap();
        let estimate = estimate_plan(&row, &plan_of(&row, architecture));
        let measured = row.bytes("peak_bytes") as f64;
        errors.push((estimate.tensors.expected.0 as f64 / measured - 1.0).abs());
    }
    assert!(errors.len() >= 120, "{} rows", errors.len());
    let (middle, high) = (median(&errors), percentile(&errors, 0.95));
    assert!(middle <= 0.005 && high <= 0.08, "median {middle:.4}, 95th percentile {high:.4}");
}
