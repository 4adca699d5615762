//! Model types whose descriptions are not confirmed by the table of exact counts: those with a row that is read and not
//! exact, or with fewer than two exact rows. `cargo run -p tuneplan-models --example class_counts -- TABLE`.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::Write as _;
use tuneplan_models::architecture::from_config_text;

/// Rows of a model type.
#[derive(Default)]
struct Rows {
    exact: u32,
    other: u32,
}

fn main() -> Result<(), Box<dyn Error>> {
    let table = std::env::args().nth(1).ok_or("which table? tests/fixtures/classes/truth.jsonl")?;
    let mut types = BTreeMap::<String, Rows>::new();
    for line in std::fs::read_to_string(table)?.lines() {
        let row: serde_json::Value = serde_json::from_str(line)?;
        let Some(total) = row["total"].as_u64() else { continue };
        let Ok(read) = from_config_text(&row["config"].to_string()) else { continue };
        let rows = types.entry(row["config"]["model_type"].as_str().unwrap_or_default().to_owned()).or_default();
        *(if read.parameters().total == total { &mut rows.exact } else { &mut rows.other }) += 1;
    }
    let mut out = std::io::stdout().lock();
    for (model_type, _) in types.iter().filter(|(_, rows)| rows.other > 0 || rows.exact < 2) {
        writeln!(out, "{model_type}")?;
    }
    Ok(())
}
