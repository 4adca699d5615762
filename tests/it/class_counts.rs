//! Class descriptions against the models transformers builds: `fixtures/classes/truth.jsonl` (made by
//! `tools/classes/truth.py`) and the configurations a reviewer once found to be read wrongly.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use tuneplan::architecture::{Architecture, Flag, class_faults, from_config_text};

#[derive(serde::Deserialize)]
struct Row {
    class: String,
    variant: Option<String>,
    config: Option<serde_json::Value>,
    total: Option<u64>,
}

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/classes").join(name)
}

/// Whether the answer itself says that its count may not be the model's.
fn says_so(architecture: &Architecture) -> bool {
    architecture.flags.iter().any(|flag| {
        matches!(flag, Flag::UnknownModelCode(_) | Flag::TextModelOnly | Flag::Mismatch(_) | Flag::Contradiction(_))
    })
}

#[test]
fn every_description_can_be_read() {
    assert_eq!(class_faults(), Vec::<String>::new());
}

#[test]
fn counts_are_those_of_transformers_or_said_to_be_unknown() {
    let (mut exact, mut unknown, mut silent) = (BTreeMap::<String, u32>::new(), BTreeSet::new(), Vec::new());
    let text = fs::read_to_string(fixture("truth.jsonl")).unwrap();
    let mut rows = 0;
    for line in text.lines() {
        let row: Row = serde_json::from_str(line).unwrap();
        let (Some(config), Some(total)) = (row.config, row.total) else { continue };
        rows += 1;
        match from_config_text(&config.to_string()) {
            Ok(read) if read.parameters().total == total => *exact.entry(row.class).or_default() += 1,
            Ok(read) if !says_so(&read) => {
                let counted = read.parameters().total;
                silent.push(format!("{} {:?}: {counted}, is {total}", row.class, row.variant));
            }
            Ok(_) | Err(_) => drop(unknown.insert(row.class)),
        }
    }
    assert_eq!(silent, Vec::<String>::new(), "wrong without a word");
    let whole = exact.iter().filter(|(class, _)| !unknown.contains(*class)).count();
    assert!(rows >= 20, "{rows}");
    assert!(whole > unknown.len() * 4, "{whole} classes are exact in all rows; not all rows of {unknown:?}");
}

#[test]
fn configurations_once_read_wrongly_are_counted_exactly() {
    let cases = fs::read_to_string(fixture("cases.csv")).unwrap();
    let mut read = 0;
    for case in csv::Reader::from_reader(cases.as_bytes()).records() {
        let case = case.unwrap();
        let text = fs::read_to_string(fixture(&format!("cases/{}.json", &case[0]))).unwrap();
        if &case[0] == "gemma3n-a" {
            // Its sizes are lists, one a layer, which no description has yet: it is said to be unknown.
            let error = from_config_text(&text).unwrap_err().to_string();
            assert!(error.contains("does not know") && error.contains("safetensors"), "{error}");
            continue;
        }
        let architecture = from_config_text(&text).unwrap_or_else(|error| panic!("{}: {error}", &case[0]));
        assert_eq!(architecture.parameters().total.to_string(), case[1], "{}", &case[0]);
        // Where the file has towers that are not counted it is said.
        assert_eq!(
            case[2].starts_with("text part only"),
            architecture.flags.contains(&Flag::TextModelOnly),
            "{}",
            &case[0]
        );
        read += 1;
    }
    assert_eq!(read, 29);
}
