//! Model types whose descriptions are not confirmed by the table of exact counts: those with a row that is read and not
//! exact without a word, or with one exact row alone. `cargo run -p tuneplan-models --example class_counts -- TABLE`.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::Write as _;
use tuneplan_models::architecture::{Flag, from_config_text};

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
        // What an answer says of its own is no fault of the description.
        let said = |flag: &Flag| match flag {
            Flag::Mismatch(text) => !text.starts_with("its class was read"),
            Flag::UnknownModelCode(_) | Flag::TextModelOnly => true,
            _ => false,
        };
        if read.parameters().total != total && read.flags.iter().any(said) {
            continue;
        }
        let rows = types.entry(row["config"]["model_type"].as_str().unwrap_or_default().to_owned()).or_default();
        *(if read.parameters().total == total { &mut rows.exact } else { &mut rows.other }) += 1;
    }
    let mut out = std::io::stdout().lock();
    for (model_type, _) in types.iter().filter(|(_, rows)| rows.other > 0 || rows.exact == 1) {
        writeln!(out, "{model_type}")?;
    }
    Ok(())
}
