//! Models and examples from local files: chat templates against transformers, a whole run through the command line.

use crate::common::chat_model;

use candle_core::{DType, Tensor};
use chat_model::{CHAT, folder};
use std::path::{Path, PathBuf};
use tuneplan::cli::{Outcome, run};
use tuneplan::data::rows::{Message, Row, read};
use tuneplan::data::template::Template;
use tuneplan::preview::adapter;
use tuneplan::preview::base_model::BaseModel;
use tuneplan::preview::model::{Llama, read_weights};
use tuneplan::preview::ops::Weight;

fn messages(value: &serde_json::Value) -> Vec<Message> {
    let line = serde_json::json!({ "messages": value }).to_string();
    let (mut rows, bad) = read(line.as_bytes());
    assert!(bad.is_empty(), "{bad:?}");
    let Some((1, Row::Chat(messages))) = rows.pop() else { panic!("{line}") };
    messages
}

#[test]
fn conversations_become_the_text_tokens_and_mask_that_transformers_makes() {
    let place = tempfile::tempdir().unwrap();
    let folder = folder(place.path(), 300);
    let expected: Vec<serde_json::Value> =
        serde_json::from_str(&std::fs::read_to_string(Path::new(CHAT).join("expected.json")).unwrap()).unwrap();
    assert_eq!(expected.len(), 6);
    for case in expected {
        let source = case["source"].as_str().unwrap();
        let messages = messages(&case["messages"]);
        let template = Template::new("chat_template.jinja", Some(source), Some("<s>"), Some("</s>")).unwrap();
        if let Some(reason) = case["refused"].as_str() {
            assert!(template.render(&messages, false).unwrap_err().to_string().contains(reason));
            continue;
        }
        assert_eq!(template.render(&messages, false).unwrap(), case["text"].as_str().unwrap());
        // A file of its own goes before the one in the configuration.
        std::fs::write(folder.join("chat_template.jinja"), source).unwrap();
        let found = BaseModel::open(&folder).unwrap().sequence(&Row::Chat(messages)).unwrap();
        assert_eq!(serde_json::json!(found.tokens), case["ids"], "{}", case["text"]);
        assert_eq!(serde_json::json!(found.learned), case["learned"], "{}", case["text"]);
    }
}

#[test]
fn pairs_and_texts_end_with_the_model_s_end_and_a_prompt_is_not_learned() {
    let place = tempfile::tempdir().unwrap();
    let model = BaseModel::open(&folder(place.path(), 300)).unwrap();
    let end = 257;
    let pair = model.sequence(&Row::Pair { prompt: "ab".to_owned(), completion: "cde".to_owned() }).unwrap();
    assert_eq!(pair.learned, [false, false, true, true, true, true]);
    assert_eq!(pair.tokens.last(), Some(&end));
    let text = model.sequence(&Row::Text("ab".to_owned())).unwrap();
    assert_eq!((text.tokens.len(), text.learned), (3, vec![true; 3]));
}

#[test]
fn what_a_file_loses_is_counted_and_what_does_not_fit_is_said() {
    let place = tempfile::tempdir().unwrap();
    let folder = folder(place.path(), 300);
    let model = BaseModel::open(&folder).unwrap();
    let file = place.path().join("rows.jsonl");
    let mut lines: Vec<String> =
        (0..20).map(|i| format!("{{\"prompt\":\"question {i:02} \",\"completion\":\"answer\"}}")).collect();
    lines.push(lines[0].clone());
    lines.push("{\"prompt\":\"far too long a prompt for so small a cut-off\",\"completion\":\"x\"}".to_owned());
    lines.push("{\"prompt\":\"short \",\"completion\":\"but a long answer after it all\"}".to_owned());
    lines.push("{oops".to_owned());
    std::fs::write(&file, lines.join("\n")).unwrap();
    let found = model.examples(&file, 24, 1).unwrap();
    assert_eq!((found.duplicates, found.without_answer, found.cut), (1, 1, 2));
    assert_eq!(found.bad.iter().map(|bad| bad.number).collect::<Vec<_>>(), [24]);
    assert_eq!((found.data.train.len(), found.data.held_out.len()), (19, 2));
    assert!(found.data.held_out.iter().all(|held| !found.data.train.contains(held)));
    assert_eq!(model.config_for(24).max_position_embeddings, 40);
    // "short but a long answer after it all" and the end are 37 tokens; the prompt line is longer.
    assert!(found.cut_tokens > 13);
    std::fs::write(&file, "{\"text\":\"a\"}\n").unwrap();
    assert!(model.examples(&file, 24, 1).unwrap_err().to_string().contains("1 examples are left"));

    let few = place.path().join("few");
    std::fs::create_dir(&few).unwrap();
    let small = folder_of(&few, 200);
    let two = place.path().join("two.jsonl");
    std::fs::write(&two, "{\"text\":\"a\"}\n{\"text\":\"b\"}\n").unwrap();
    let refused = small.examples(&two, 24, 1).unwrap_err().to_string();
    assert!(refused.contains("line 1") && refused.contains("200 rows"), "{refused}");
    std::fs::remove_file(folder.join("tokenizer.json")).unwrap();
    let refused = BaseModel::open(&folder).err().unwrap().to_string();
    assert!(refused.contains("tokenizer.json") && refused.contains("missing"), "{refused}");
}

fn folder_of(place: &Path, vocabulary: usize) -> BaseModel {
    BaseModel::open(&folder(place, vocabulary)).unwrap()
}

fn tuneplan(arguments: &[&str]) -> (Outcome, String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let all = ["tuneplan", "preview"].iter().chain(arguments).map(Into::into);
    let outcome = run(all, &mut out, &mut err);
    (outcome, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

#[test]
fn a_local_model_is_trained_resumed_merged_and_saved_from_the_command_line() {
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name).display().to_string();
    let model = folder(place.path(), 300).display().to_string();
    let rows: String = (0..30)
        .map(|i| {
            let line = serde_json::json!({ "messages": [
                { "role": "user", "content": format!("{i} {}", i * 7 % 5) },
                { "role": "assistant", "content": format!("{}", i * 7 % 5) },
            ] });
            format!("{line}\n")
        })
        .collect();
    std::fs::write(path("rows.jsonl"), rows + "{\"messages\":[]}\n").unwrap();
    let (data, kept, adapter, merged) = (path("rows.jsonl"), path("kept"), path("adapter"), path("merged"));
    let common =
        ["--model", &model, "--data", &data, "--format", "nf4-dq", "--rank", "2", "--batch", "2", "--threads", "1"];
    let with = |more: &[&str]| tuneplan(&[&common[..], more].concat());
    let more = ["--steps", "2", "--resume", &kept, "--rslora", "--dropout", "0.1", "--checkpointing", "--json"];
    let (outcome, out, err) = with(&more);
    assert_eq!(outcome, Outcome::Done, "{err}");
    assert!(err.contains("line 31: `messages` has no turn of the assistant"), "{err}");
    let first: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((first["steps"].as_u64(), first["resumed_at_step"].as_u64()), (Some(2), Some(0)));
    assert_eq!(first["train_loss_nats_per_token"].as_array().unwrap().len(), 2);
    assert_eq!(first["compared"].as_array().unwrap().len(), 5);
    assert!(first["memory"]["predicted_bytes"].as_u64().unwrap() > 0);
    // Two layers of seven linear layers with rank 2: what goes in and out of each, twice.
    let values = 2 * 2 * ((64 + 64) + 2 * (64 + 32) + (64 + 64) + 2 * (64 + 128) + (128 + 64));
    assert_eq!(first["trained_values"].as_u64(), Some(values));
    let more = [
        "--steps",
        "3",
        "--resume",
        &kept,
        "--rslora",
        "--dropout",
        "0.1",
        "--checkpointing",
        "--output",
        &adapter,
        "--save-merged",
        &merged,
    ];
    let (outcome, out, err) = with(&more);
    assert_eq!(outcome, Outcome::Done, "{err}");
    assert!(err.contains("continues after step 2"), "{err}");
    assert!(out.contains("Merged, quantized again") && out.contains("memory of training: predicted"), "{out}");

    // The merged folder is the base with the adapter: the same logits but for the rounding to 16 bits.
    let merged = PathBuf::from(merged);
    for name in ["tokenizer.json", "tokenizer_config.json", "config.json"] {
        assert!(merged.join(name).exists(), "{name}");
    }
    let local = BaseModel::open(&merged).unwrap();
    let dense = |_, _, weight| Ok(Weight::Dense(weight));
    let found = Llama::new(local.config.clone(), &*local.source, dense).unwrap();
    let base = BaseModel::open(Path::new(&model)).unwrap();
    let format = tuneplan::preview::base_format::BaseFormat::from_id("nf4-dq").unwrap();
    let packed = Llama::new(base.config.clone(), &*base.source, |_, _, weight| format.pack(&weight)).unwrap();
    let (settings, adapters) = adapter::load(Path::new(&adapter), &base.config).unwrap();
    assert!(settings.rank_stabilized && (settings.dropout - 0.1).abs() < 1e-12);
    let tokens = [5, 80, 33, 7];
    let [a, b] = [found.logits(&tokens, 4, None).unwrap(), packed.logits(&tokens, 4, Some(&adapters)).unwrap()];
    let largest = |tensor: &Tensor| tensor.abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
    assert!(largest(&(&a - &b).unwrap()) < 0.02 * largest(&b), "{a} {b}");
    assert_eq!(read_weights(&merged.join("model.safetensors")).unwrap()["model.norm.weight"].dtype(), DType::BF16);

    let again = ["--output", &adapter];
    assert!(with(&again).2.contains("exists already"));
}

#[test]
fn flags_that_cannot_be_are_said_before_anything_runs() {
    for (flags, word) in [
        (&["--format", "nf5"][..], "nf4-dq"),
        (&["--targets", "q_proj,x_proj"], "`x_proj`"),
        (&["--init", "random"], "loftq"),
        (&["--optimizer", "lion"], "sgd"),
        (&["--dropout", "1"], "below 1"),
        (&["--lr", "0"], "above 0"),
        (&["--momentum", "0.9"], "of sgd"),
        (&["--model", "here"], "--data"),
        (&["--model", "no-such-folder", "--data", "x.jsonl"], "no-such-folder"),
        (&["--init", "loftq", "--format", "fp32", "--steps", "1"], "quantized base"),
        (&["--output", "no-such-folder/adapter"], "no such folder"),
        (&["--save-merged", "Cargo.toml/merged"], "no folder"),
        (&["--report", "no-such-folder/report.md"], "no such folder"),
        (&["--steps", "-3"], "-3"),
        (&["--lr", "-1"], "above 0"),
    ] {
        let (outcome, _, err) = tuneplan(flags);
        assert_eq!(outcome, Outcome::BadInput, "{flags:?}");
        assert!(err.contains(word), "{flags:?}: {err}");
    }
}
