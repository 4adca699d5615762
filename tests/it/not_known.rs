//! What the reader does not know of a model is known of every answer about it.

use crate::common::app::{send, wait, window};
use egui_kittest::kittest::Queryable as _;
use serde_json::{Value, json};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use tuneplan::app::Command;
use tuneplan::app::command::{FileCommand, LookCommand};
use tuneplan::app::page::Page;
use tuneplan::architecture::{self, Knowledge};
use tuneplan::cli::{self, Outcome};
use tuneplan::plan::ModelSource;

/// A dense decoder of two layers.
fn dense() -> Value {
    json!({
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 256, "intermediate_size": 512,
        "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 4, "vocab_size": 1000,
        "tie_word_embeddings": false, "max_position_embeddings": 2048,
    })
}

fn with(mut config: Value, changes: &[(&str, Value)]) -> Value {
    for (key, value) in changes {
        config[*key] = value.clone();
    }
    config
}

/// One configuration for each thing that may not be known, with a word of what is said of it.
fn flagged() -> Vec<(&'static str, Value, Knowledge)> {
    let tower = json!({ "hidden_size": 64, "num_hidden_layers": 2 });
    let outer = |tied: bool, text: Value| {
        json!({
            "architectures": ["LlavaForConditionalGeneration"], "tie_word_embeddings": tied, "text_config": text,
            "sight_config": tower,
        })
    };
    let unknown = [("architectures", json!(["NobodyKnowsForCausalLM"])), ("model_type", json!("nobody_knows"))];
    let of_class = |class: &str| with(dense(), &[("architectures", json!([class]))]);
    vec![
        ("unknown model code", with(dense(), &unknown), Knowledge::Guess),
        ("not counted", outer(false, dense()), Knowledge::AtLeast),
        ("not counted", of_class("LlamaForConditionalGeneration"), Knowledge::AtLeast),
        ("tie_word_embeddings", outer(true, dense()), Knowledge::Guess),
        ("scores a text", of_class("LlamaForSequenceClassification"), Knowledge::Guess),
        ("scores a token", of_class("LlamaForTokenClassification"), Knowledge::Guess),
        ("no head", of_class("LlamaModel"), Knowledge::Guess),
        ("head of LlamaRewardModel", of_class("LlamaRewardModel"), Knowledge::Guess),
    ]
}

struct Run {
    outcome: Outcome,
    out: String,
    err: String,
}

fn run(args: &[&str]) -> Run {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let outcome =
        cli::run(std::iter::once("tuneplan").chain(args.iter().copied()).map(OsString::from), &mut out, &mut err);
    Run { outcome, out: String::from_utf8(out).unwrap(), err: String::from_utf8(err).unwrap() }
}

fn written(folder: &Path, config: &Value) -> PathBuf {
    written_text(folder, &config.to_string())
}

fn written_text(folder: &Path, config: &str) -> PathBuf {
    let path = folder.join("config.json");
    std::fs::write(&path, config).unwrap();
    path
}

/// All `not_known` lists of an answer, wherever they stand, and whether anything in it is said to fit or to be exact.
fn told(json: &Value, gaps: &mut usize, wrong: &mut Vec<String>) {
    match json {
        Value::Object(map) => {
            for (key, value) in map {
                match (key.as_str(), value) {
                    ("not_known", Value::Array(list)) if !list.is_empty() => *gaps += 1,
                    ("verdict", Value::String(word)) if word == "fits" || word == "tight" => wrong.push(word.clone()),
                    ("fits" | "exact", Value::Bool(true)) => wrong.push(key.clone()),
                    _ => told(value, gaps, wrong),
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|value| told(value, gaps, wrong)),
        _ => {}
    }
}

#[test]
fn every_answer_tells_what_is_not_known_and_none_says_it_fits() {
    for (at, (word, config, knowledge)) in flagged().into_iter().enumerate() {
        let folder = tempfile::tempdir().unwrap();
        let path = written(folder.path(), &config);
        let model = architecture::read(&path).unwrap().architecture;
        assert_eq!(model.knowledge(), knowledge, "{word}: {:?}", model.flags);
        let path = path.to_str().unwrap();
        let flags = ["--model", path, "--method", "lora", "--accelerator", "geforce-rtx-4090"];
        for command in [
            &["estimate"][..],
            &["levers"],
            &["solve", "--for", "seq-len"],
            // A million plans unoptimised: once for a guess and once for what needs at least something.
            if at < 2 { &["search"] } else { &["levers"] },
            &["sensitivity"],
            &["sensitivity", "--over", "sequence-length"],
        ] {
            let args = [command, &flags].concat();
            let text = run(&args);
            assert_eq!(text.outcome, Outcome::Done, "{command:?}: {}", text.err);
            assert!(text.out.contains(word), "{command:?} does not tell `{word}`:\n{}", text.out);
            let json: Value = serde_json::from_str(&run(&[&args[..], &["--json"]].concat()).out).unwrap();
            let (mut gaps, mut wrong) = (0, Vec::new());
            told(&json, &mut gaps, &mut wrong);
            assert!(wrong.is_empty(), "{command:?} of `{word}` says {wrong:?}");
            // What one step of each setting moves has no verdict.
            let has_figures = command != ["sensitivity"];
            assert!(gaps > 0 || !has_figures, "{command:?} of `{word}`: {json}");
        }
        let estimate = run(&[&["estimate"][..], &flags].concat()).out;
        assert!(estimate.contains("Cannot say:") && estimate.contains("Not known:"), "{estimate}");
        let checked = run(&[&["estimate", "--check"][..], &flags].concat());
        assert_eq!(checked.outcome, Outcome::CheckFailed);
        assert!(checked.err.contains("--allow-approximate"), "{}", checked.err);
        let allowed = run(&[&["estimate", "--check", "--allow-approximate"][..], &flags].concat());
        assert_eq!(allowed.outcome, Outcome::Done, "{}", allowed.err);
    }
}

#[test]
fn the_window_tells_it_on_the_verdict_and_under_the_model() {
    let (word, config, _) = flagged().remove(0);
    let folder = tempfile::tempdir().unwrap();
    let mut harness = window();
    harness.run_ok();
    send(&mut harness, Command::Look(LookCommand::Page(Page::Memory)));
    send(&mut harness, Command::File(FileCommand::OpenModel(written(folder.path(), &config))));
    wait(&mut harness, |app| matches!(app.state().document.plan.model.source, ModelSource::File { .. }));
    let told = |text: &str| harness.query_all_by_label_contains(text).next().is_some();
    assert!(told("Cannot say") && told(word) && told("not wholly read") && told("upper end not known"));
    assert!(!told("Fits"));
}

/// Of a known class nothing changes: it fits, exactly, and passes.
#[test]
fn a_model_that_was_wholly_read_is_said_to_fit() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path(), &dense());
    let args = ["estimate", "--check", "--model", path.to_str().unwrap(), "--accelerator", "geforce-rtx-4090"];
    let done = run(&args);
    assert_eq!(done.outcome, Outcome::Done, "{}", done.err);
    assert!(done.out.contains("Fits:") && !done.out.contains("ot known"), "{}", done.out);
}

/// Parameters as transformers 5.24.0 builds them on the meta device from these files: towers are counted, and what they
/// keep is said not to be.
#[test]
fn heads_ties_and_other_names_are_counted_as_transformers_does() {
    for (name, parameters) in [
        ("qwen3-classifier", 22_201_376),
        ("llama-reward", 6_607_351_808),
        ("qwen3-base-no-head", 22_200_352),
        ("mistral3-outer-tie", 430_475_264),
        ("qwen35-outer-untied", 463_350_656),
        ("qwen25-vl-a", 3_092_293_888),
        ("qwen3-vl-moe-a", 574_835_120),
        ("internvl-llm-config", 7_722_880),
    ] {
        let path = Path::new("tests/fixtures/limits").join(format!("{name}.json"));
        let model = architecture::read(&path).unwrap().architecture;
        assert_eq!(model.parameters().total, parameters, "{name}: {:?}", model.flags);
        assert_ne!(model.knowledge(), Knowledge::Whole, "{name}");
    }
}

/// A mixture, an encoder and decoder, state-space layers, of classes that are not known: no total from a guess, and a message
/// that says what helps.
#[test]
fn what_no_dense_model_has_gives_no_total() {
    let folder = tempfile::tempdir().unwrap();
    for (name, class, model_type, key) in [
        ("glm4-moe-a", "Glm4MoeForCausalLM", "glm4_moe", "n_routed_experts"),
        ("minimax-m2-a", "MiniMaxM2ForCausalLM", "minimax_m2", "num_local_experts"),
        ("t5-a", "T5ForConditionalGeneration", "t5", "is_encoder_decoder"),
        ("bare-infinity", "BambaForCausalLM", "bamba", "mamba"),
    ] {
        let path = Path::new("tests/fixtures/limits").join(format!("{name}.json"));
        // The file as it is, with Python's infinity; only the names are those of nobody.
        let known = std::fs::read_to_string(path).unwrap();
        let text = known.replace(class, "NobodyKnowsThis").replace(&format!("\"{model_type}\""), "\"nobody_knows\"");
        let error = architecture::read(&written_text(folder.path(), &text)).unwrap_err().to_string();
        assert!(error.contains(key) && error.contains("safetensors"), "{name}: {error}");
    }
}
