//! Class descriptions against the models transformers builds: `fixtures/classes/truth.jsonl` (made by
//! `tools/classes/truth.py`) and the configurations a reviewer once found to be read wrongly.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use tuneplan::architecture::{Architecture, Flag, class_faults, from_config_text};

#[derive(serde::Deserialize)]
struct Row {
    class: String,
    variant: String,
    config: serde_json::Value,
    total: u64,
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
    let (mut exact, mut other, mut silent) = (BTreeMap::<String, u32>::new(), BTreeSet::new(), Vec::new());
    let text = fs::read_to_string(fixture("truth.jsonl")).unwrap();
    for line in text.lines() {
        let Row { class, variant, config, total } = serde_json::from_str(line).unwrap();
        match from_config_text(&config.to_string()) {
            Ok(read) if read.parameters().total == total => *exact.entry(class).or_default() += 1,
            Ok(read) if !says_so(&read) => {
                silent.push(format!("{class} {variant}: {}, is {total}", read.parameters().total));
            }
            Ok(_) | Err(_) => drop(other.insert(class)),
        }
    }
    assert_eq!(silent, Vec::<String>::new(), "wrong without a word");
    let whole: Vec<&String> =
        exact.iter().filter(|(class, rows)| **rows >= 2 && !other.contains(*class)).map(|(c, _)| c).collect();
    assert!(whole.len() >= 900, "{} classes are exact in all of their rows; not {other:?}", whole.len());
    assert!(exact.values().sum::<u32>() >= 2_720, "{}", exact.values().sum::<u32>());
}

#[test]
fn configurations_once_read_wrongly_are_counted_exactly() {
    let cases = fs::read_to_string(fixture("cases.csv")).unwrap();
    let mut read = 0;
    for case in csv::Reader::from_reader(cases.as_bytes()).records() {
        let case = case.unwrap();
        let text = fs::read_to_string(fixture(&format!("cases/{}.json", &case[0]))).unwrap();
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
    assert_eq!(read, 30);
}
