//! A preview whose files are damaged, or whose disk is full: a message that says which, and nothing half-written.

use crate::common::chat_model;

use chat_model::folder;
use std::path::Path;
use std::process::{Command, Output};

/// Examples beside the model.
fn examples(place: &Path) -> String {
    let rows: String = (0..12).map(|i| format!("{{\"prompt\":\"question {i} \",\"completion\":\"{i}\"}}\n")).collect();
    let path = place.join("rows.jsonl");
    std::fs::write(&path, rows).unwrap();
    path.display().to_string()
}

fn names_in(place: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(place).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// `tuneplan preview` of one step on the small model, through a shell that runs `before` first.
fn preview(place: &Path, before: &str, more: &[&str]) -> Output {
    let model = place.join("model").display().to_string();
    let data = examples(place);
    let common = ["preview", "--model", &model, "--data", &data, "--steps", "1", "--rank", "8", "--threads", "1"];
    Command::new("sh")
        .args(["-c", &format!("{before} exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_tuneplan")])
        .args(common)
        .args(more)
        .current_dir(place)
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[cfg(unix)]
#[test]
fn a_full_disk_is_said_and_nothing_is_left_half_written() {
    let place = tempfile::tempdir().unwrap();
    folder(place.path(), 300);
    // Files end after 8 blocks, which is to the program as if the disk were full.
    let full = "trap '' XFSZ; ulimit -f 8;";
    for (flag, name) in [("--output", "adapter"), ("--save-merged", "merged")] {
        let output = preview(place.path(), full, &[flag, name]);
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        assert!(said(&output).contains(name) && said(&output).contains("too large"), "{}", said(&output));
        assert_eq!(names_in(place.path()), ["model", "rows.jsonl"]);
    }
    // A checkpoint that cannot be written is said, and does not end the run.
    let output = preview(place.path(), full, &["--resume", "kept"]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("kept") && said(&output).contains("too large"), "{}", said(&output));
    assert!(!place.path().join("kept").exists() || names_in(&place.path().join("kept")).is_empty());
    // With room for them, all are written, and for everybody whom a new file is for.
    let output =
        preview(place.path(), "umask 022;", &["--output", "adapter", "--save-merged", "merged", "--resume", "kept"]);
    assert!(output.status.success(), "{}", said(&output));
    for path in ["adapter/adapter_model.safetensors", "merged/model.safetensors", "adapter", "merged"] {
        let mode =
            std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(place.path().join(path)).unwrap().permissions());
        assert_eq!(mode & 0o044, 0o044, "{path}: {mode:o}");
    }
}

#[test]
fn damaged_weights_are_said_by_file_or_tensor() {
    let place = tempfile::tempdir().unwrap();
    let model = folder(place.path(), 300);
    let refused = |shard: &str, bytes: &[u8]| {
        let path = model.join(shard);
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, bytes).unwrap();
        let output = preview(place.path(), "", &["--output", "adapter"]);
        assert_eq!(output.status.code(), Some(2));
        assert!(!place.path().join("adapter").exists());
        std::fs::write(path, whole).unwrap();
        said(&output)
    };
    let shards = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
    let whole = std::fs::read(model.join(shards[1])).unwrap();
    for bytes in [&whole[..whole.len() - 100], &whole[..20], &[0xFF; 64], &[]] {
        let message = refused(shards[1], bytes);
        assert!(message.contains(shards[1]), "{message}");
    }
    // NaN and infinity in BF16, in the last value: the tensor that lies last is named.
    for pattern in [0x7FC0_u16, 0x7F80] {
        let mut bytes = whole.clone();
        let end = bytes.len();
        bytes[end - 2..].copy_from_slice(&pattern.to_le_bytes());
        let message = refused(shards[1], &bytes);
        assert!(message.contains("no finite number") && message.contains("weight`"), "{message}");
    }
    // Weights of another vocabulary than the configuration says.
    let config = model.join("config.json");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("300", "301")).unwrap();
    let output = preview(place.path(), "", &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("embed_tokens") && said(&output).contains("[300, 64]"), "{}", said(&output));
}
