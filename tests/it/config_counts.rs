//! Configurations with exact counts that transformers gave for them (`fixtures/configs/derive.py`): odd shapes, missing
//! keys, `null`s, biases on and off, mixed dense and sparse layers.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use tuneplan::architecture::{Flag, from_config_text};

#[derive(serde::Deserialize)]
struct Case {
    config: serde_json::Value,
    /// The counts are those of the language model alone.
    #[serde(default)]
    text_only: bool,
    counts: Counts,
}

#[derive(serde::Deserialize)]
struct Counts {
    total: u64,
    embedding: u64,
    head: u64,
    routed_experts: u64,
}

fn fixtures() -> Vec<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/configs");
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
        .collect();
    files.sort();
    files
}

#[test]
fn counts_equal_the_models_transformers_builds() {
    let (mut families, mut read) = (BTreeSet::new(), 0);
    for file in fixtures() {
        let cases: Vec<Case> = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        assert!(cases.len() >= 3, "{} has too few cases", file.display());
        for case in cases {
            let text = case.config.to_string();
            let architecture = from_config_text(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
            let parameters = architecture.parameters();
            assert_eq!(parameters.total, case.counts.total, "total of {text}");
            assert_eq!(parameters.embedding, case.counts.embedding, "embedding of {text}");
            assert_eq!(parameters.head, case.counts.head, "head of {text}");
            assert_eq!(parameters.routed_experts, case.counts.routed_experts, "routed experts of {text}");
            let by_group: u64 = architecture.layers.iter().map(|group| group.count).sum();
            assert_eq!(by_group, architecture.num_layers(), "{text}");
            // Towers are counted, and it is said that what they keep is not.
            let nested = case.config.get("text_config").is_some();
            assert_eq!(architecture.flags.contains(&Flag::TextModelOnly), case.text_only, "{text}");
            let partly = architecture.flags.iter().any(|flag| matches!(flag, Flag::Partly(_)));
            assert_eq!(partly, nested && !case.text_only, "{text}");
            assert!(!architecture.flags.iter().any(|flag| matches!(flag, Flag::UnknownModelCode(_))), "{text}");
            families.insert(architecture.model_code);
            read += 1;
        }
    }
    assert!(families.len() >= 45, "{families:?}");
    assert!(read >= 300, "{read}");
}

#[test]
fn an_unknown_class_is_never_guessed_in_silence() {
    let text = r#"{"architectures": ["NovelForCausalLM"], "model_type": "novel", "hidden_size": 64, "vocab_size": 100,
        "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 128}"#;
    let architecture = from_config_text(text).unwrap();
    assert!(architecture.flags.contains(&Flag::UnknownModelCode("NovelForCausalLM".to_owned())));
    // A class without enough keys for even a guess is refused with the key that is missing.
    let error = from_config_text(r#"{"model_type": "novel", "hidden_size": 64}"#).unwrap_err().to_string();
    assert!(error.contains("num_attention_heads") || error.contains("num_hidden_layers"), "{error}");
}

#[test]
fn broken_configurations_say_what_is_wrong_and_where() {
    let message = |text: &str| from_config_text(text).unwrap_err().to_string();
    assert!(message("{\n  \"model_type\": \"llama\",\n  \"hidden_size\": 64,,\n}").starts_with("line 3, column"));
    assert!(message("[1, 2]").contains("not a JSON object"));
    assert!(message("{}").contains("architectures"));
    assert!(message(r#"{"model_type": "llama", "hidden_size": "big"}"#).contains("`hidden_size` is \"big\""));
    assert!(message(r#"{"model_type": "llama", "hidden_size": 0}"#).contains("`hidden_size` is 0"));
    assert!(message(r#"{"model_type": "llama", "hidden_size": -64}"#).contains("`hidden_size` is -64"));
    assert!(message(r#"{"model_type": "llama", "num_hidden_layers": 99999999}"#).contains("num_hidden_layers"));
    assert!(message(r#"{"model_type": "llama", "vocab_size": 18446744073709551615}"#).contains("vocab_size"));
    assert!(
        message(r#"{"model_type": "llama", "num_attention_heads": 6, "num_key_value_heads": 4}"#)
            .contains("num_key_value_heads")
    );
    // Nesting beyond the parser's limit is an error, not a stack overflow.
    assert!(message(&"[".repeat(1_000)).contains("recursion"));
    assert!(message(&"[".repeat(1_000_000)).contains("values"));
}
