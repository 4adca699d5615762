//! `tuneplan data`: exit codes, JSON, packed files and folders, lengths and masks; the page that lists the checks.

use serde_json::Value;
use std::ffi::OsString;
use std::fs;
use tempfile::TempDir;
use tuneplan::cli::{Outcome, run};
use tuneplan::data::checks;

/// What a command says, and how it ends.
fn said(args: &[&str]) -> (Outcome, String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let args = ["tuneplan", "data"].iter().chain(args).map(OsString::from);
    let outcome = run(args, &mut out, &mut err);
    (outcome, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

fn json(args: &[&str]) -> (Outcome, Value) {
    let (outcome, out, err) = said(args);
    (outcome, serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out} {err}")))
}

fn written(folder: &TempDir, name: &str, text: &str) -> String {
    let path = folder.path().join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

const CLEAN: &str =
    r#"{"messages":[{"role":"user","content":"Which valve?"},{"role":"assistant","content":"The third."}]}"#;
const ROBOT: &str =
    r#"{"messages":[{"role":"robot","content":"Which valve?"},{"role":"assistant","content":"The third."}]}"#;
const EMPTY: &str = r#"{"messages":[{"role":"user","content":"Which pump?"},{"role":"assistant","content":""}]}"#;

#[test]
fn exit_codes_follow_the_worst_finding() {
    let folder = tempfile::tempdir().unwrap();
    let clean = written(&folder, "clean.jsonl", &format!("{CLEAN}\n"));
    let warned = written(&folder, "warned.jsonl", &format!("{CLEAN}\n{EMPTY}\n"));
    let faulty = written(&folder, "faulty.jsonl", &format!("{CLEAN}\n{ROBOT}\n"));
    let parquet = written(&folder, "rows.parquet", "PAR1....PAR1");
    let missing = folder.path().join("none.jsonl").display().to_string();
    for (file, fail_on, outcome) in [
        (&clean, "warning", Outcome::Done),
        (&warned, "error", Outcome::Done),
        (&warned, "warning", Outcome::CheckFailed),
        (&faulty, "error", Outcome::CheckFailed),
        (&parquet, "error", Outcome::BadInput),
        (&missing, "error", Outcome::BadInput),
    ] {
        let (found, whole) = json(&["check", file, "--json", "--fail-on", fail_on]);
        assert_eq!(found, outcome, "{file} {whole}");
        assert_eq!((&whole["schema"], whole["files"].as_array().unwrap().len()), (&Value::from(1), 1));
    }
    // Several files are one answer, and the worst of them decides.
    assert_eq!(said(&["check", &clean, &faulty]).0, Outcome::CheckFailed);
}

#[test]
fn a_finding_has_what_the_page_says() {
    let folder = tempfile::tempdir().unwrap();
    let file = written(&folder, "rows.jsonl", &format!("{CLEAN}\n{ROBOT}\n{ROBOT}\n"));
    let (_, whole) = json(&["check", &file, "--json"]);
    let found = &whole["files"][0];
    assert_eq!((&found["format"], &found["rows"]), (&Value::from("messages"), &Value::from(3)));
    let finding = &found["findings"][0];
    assert_eq!((finding["id"].as_str(), finding["severity"].as_str()), (Some("chat.unknown-role"), Some("error")));
    assert_eq!(finding["count"], 2);
    // The word stands behind `{"messages":[{"role":` of the second line.
    let byte = CLEAN.len() + 1 + r#"{"messages":[{"role":"#.len();
    assert_eq!(finding["places"][0], serde_json::json!({ "line": 2, "byte": byte, "path": "messages[0].role" }));
    assert!(finding["message"].as_str().unwrap().contains("robot") && !finding["fix"].as_str().unwrap().is_empty());
    let (_, text, _) = said(&["check", &file]);
    assert!(text.contains("line 2, byte") && text.contains("Why:") && text.contains("Fix:"), "{text}");
}

#[test]
fn folders_and_lists_of_data_sets_are_read() {
    let folder = tempfile::tempdir().unwrap();
    written(&folder, "train/a-00001.jsonl", &format!("{CLEAN}\n"));
    written(&folder, "train/a-00000.jsonl", &format!("{CLEAN}\n"));
    written(&folder, "train/README.md", "# Rows");
    let info =
        r#"{"rows":{"file_name":"a-00000.jsonl","columns":{"message":"messages"}},"gone":{"file_name":"b.json"}}"#;
    written(&folder, "train/dataset_info.json", info);
    let (_, whole) = json(&["check", &folder.path().join("train").display().to_string(), "--json"]);
    let names: Vec<&str> = whole["files"].as_array().unwrap().iter().filter_map(|file| file["path"].as_str()).collect();
    assert_eq!(names.len(), 3, "{names:?}");
    assert!(names[0].ends_with("00000.jsonl") && names[1].ends_with("00001.jsonl"));
    let ids: Vec<&Value> = whole["files"][2]["findings"].as_array().unwrap().iter().map(|found| &found["id"]).collect();
    assert_eq!(ids, ["info.file-missing", "info.unknown-column"]);
}

#[test]
fn rows_of_a_finding_are_printed_without_what_moves_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let file = written(&folder, "rows.jsonl", &format!("{CLEAN}\n{}\n", ROBOT.replace("Which", "\u{202e}Which")));
    let (outcome, text, _) = said(&["rows", &file, "--where", "chat.unknown-role"]);
    assert_eq!(outcome, Outcome::Done);
    assert!(text.starts_with("2 messages[0].role\t{\"messages\"") && text.contains("\\u{202e}Which"), "{text}");
    let (outcome, _, error) = said(&["rows", &file, "--where", "chat.unknown-rol"]);
    assert!(outcome == Outcome::BadInput && error.contains("chat.unknown-role"), "{error}");
}

/// Verdicts by hand: the tokenizer has a token for every byte and one for each mark of ChatML.
#[test]
fn lengths_have_a_verdict_for_every_row() {
    let folder = tempfile::tempdir().unwrap();
    let long = CLEAN.replace("The third.", &"word ".repeat(40));
    let file = written(&folder, "rows.jsonl", &format!("{CLEAN}\n\n{long}\n{ROBOT}\nnone\n"));
    let asked = |trainer: &str| {
        let args =
            ["lengths", &file, "--tokenizer", "tests/fixtures/chat", "--trainer", trainer, "--cutoff", "80", "--json"];
        let (outcome, whole) = json(&args);
        assert_eq!(outcome, Outcome::Done);
        let rows = whole["per_row"].as_array().unwrap().clone();
        let of = |name: &str| rows.iter().map(|row| row[name].clone()).collect::<Vec<_>>();
        assert_eq!(of("line"), [1, 3, 4, 5]);
        (of("verdict"), of("tokens"), of("trained"), whole.clone())
    };
    // <|im_start|>user\nWhich valve?<|im_end|>\n<|im_start|>assistant\nThe third.<|im_end|>\n
    let first = 1 + 5 + 12 + 1 + 1 + 1 + 10 + 10 + 1 + 1;
    let (verdicts, tokens, trained, whole) = asked("trl");
    assert_eq!(verdicts, ["kept", "truncated", "kept", "rejected"]);
    assert_eq!(tokens[..3], [first, first + 190, first + 1].map(Value::from));
    assert_eq!(trained[..2], [first, 80].map(Value::from), "conversations are trained whole");
    assert_eq!((&whole["rows"], &whole["truncated"], &whole["max"]), (&4.into(), &1.into(), &(first + 190).into()));
    let (verdicts, _, trained, _) = asked("axolotl");
    assert_eq!(verdicts, ["kept", "dropped", "kept", "rejected"]);
    // The template's end is <|im_end|>, the tokenizer's is </s>: the end is not trained.
    assert_eq!(trained[..2], [10, 0].map(Value::from));
    let (verdicts, _, trained, _) = asked("llama-factory");
    assert_eq!(verdicts, ["kept", "truncated", "dropped", "rejected"]);
    assert_eq!(trained[0], 12, "the answer, its end and the line end behind it");
    let (verdicts, ..) = asked("openai");
    assert_eq!(verdicts, ["kept", "truncated", "rejected", "rejected"]);
}

#[test]
fn a_mask_shows_what_is_context_trained_and_cut() {
    let folder = tempfile::tempdir().unwrap();
    let row = r#"{"prompt":"Which valve? ","completion":"The third."}"#;
    let file = written(&folder, "rows.jsonl", &format!("{row}\n"));
    let args =
        ["mask", &file, "--row", "1", "--tokenizer", "tests/fixtures/chat", "--trainer", "trl", "--cutoff", "20"];
    let (outcome, text, _) = said(&args);
    assert_eq!(outcome, Outcome::Done);
    for words in ["context    13  Which valve? ", "trained     7  The thi", "cut         4  rd.</s>"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let (_, whole) = json(&[&args[..], &["--json"]].concat());
    assert_eq!((whole["tokens"].as_array().unwrap().len(), whole["input_ids"].as_array().unwrap().len()), (24, 20));
    let (outcome, _, error) =
        said(&["mask", &file, "--row", "2", "--tokenizer", "tests/fixtures/chat", "--trainer", "trl"]);
    assert!(outcome == Outcome::BadInput && error.contains("fewer than 2 rows"), "{error}");
}

/// A plan with its data: as long as the longest row, and as many examples as stay.
#[test]
fn an_estimate_takes_the_lengths_of_the_data() {
    let folder = tempfile::tempdir().unwrap();
    let long = CLEAN.replace("The third.", &"word ".repeat(40));
    let file = written(&folder, "rows.jsonl", &format!("{CLEAN}\n{long}\n"));
    let estimate = |args: &[&str]| {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let args = ["tuneplan", "estimate", "--json", "--packing", "padded"].iter().chain(args).map(OsString::from);
        assert_eq!(run(args, &mut out, &mut err), Outcome::Done, "{}", String::from_utf8_lossy(&err));
        serde_json::from_slice::<Value>(&out).unwrap()
    };
    let with = estimate(&["--sequence-length", "4096", "--data", &file, "--tokenizer", "tests/fixtures/chat"]);
    let same = estimate(&["--sequence-length", "233"]);
    assert_eq!((&with["data"]["longest_tokens"], &with["data"]["longest_line"]), (&233.into(), &2.into()));
    assert_eq!((&with["data"]["rows_that_stay"], &with["data"]["mean_tokens"]), (&2.into(), &138.into()));
    assert_eq!(with["peak_bytes"], same["peak_bytes"]);
    assert_ne!(with["peak_bytes"], estimate(&["--sequence-length", "4096"])["peak_bytes"]);
}

#[test]
fn the_page_lists_every_check_with_its_severity() {
    let page = fs::read_to_string("docs/data.md").unwrap();
    let listed = page.lines().filter(|line| line.starts_with("| `") && line.contains('.')).count();
    for check in checks::all() {
        let line = format!("| `{}` | {} |", check.id, check.severity.id());
        assert!(page.contains(&line), "docs/data.md has no line {line}");
        assert!(page.contains(&check.what.replace('|', "\\|").replace('<', "&lt;")), "{}", check.id);
    }
    assert!(listed >= checks::all().count());
}
