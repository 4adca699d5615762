//! Memory of a run as predicted, against what the program allocates. Each run is a process of its own: there is one counter.

use serde_json::Value;
use std::process::Command;

/// Off by no more than this the prediction is right.
const GOOD: f64 = 0.10;
/// Values in the maps of the embedded model, and in its token table.
const MAPS: f64 = 4.0 * (2.0 * 256.0 * 256.0 + 2.0 * 128.0 * 256.0 + 3.0 * 256.0 * 768.0);
const TABLE: f64 = 258.0 * 256.0;

/// One step on examples of about 190 tokens.
fn memory(flags: &[&str]) -> Value {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("rows.jsonl");
    let rows: String = (0..24)
        .map(|i| {
            let prompt =
                format!("Here is number {i:02}, and much more to hold in memory while it is read. Which is it? ");
            let completion =
                format!("The number that was asked for is {i:02}: it stands in the question, as one can see.");
            format!("{}\n", serde_json::json!({ "prompt": prompt, "completion": completion }))
        })
        .collect();
    std::fs::write(&data, rows).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_tuneplan"))
        .args(["preview", "--steps", "1", "--threads", "1", "--json", "--data", &data.display().to_string()])
        .args(flags)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice::<Value>(&output.stdout).unwrap()["memory"].take()
}

#[test]
fn what_a_step_needs_is_predicted_within_a_tenth() {
    for flags in [
        &["--format", "nf4-dq", "--rank", "16", "--batch", "1", "--accumulation", "8", "--checkpointing"][..],
        &["--format", "gguf-q4-k", "--batch", "12", "--dropout", "0.1"],
        &["--format", "fp32", "--batch", "6", "--dora", "--targets", "attention"],
    ] {
        let memory = memory(flags);
        let (predicted, measured) =
            (memory["predicted_bytes"].as_f64().unwrap(), memory["measured_peak_growth_bytes"].as_f64().unwrap());
        let off = predicted / measured - 1.0;
        assert!(off.abs() < GOOD, "{flags:?}: {off:+.3}, {memory}");
    }
}

#[test]
fn lasting_parts_are_what_their_formats_come_to() {
    let memory = memory(&["--format", "nf4", "--rank", "16", "--batch", "2", "--targets", "q_proj,v_proj"]);
    let of = |name: &str| memory["predicted"][name].as_f64().unwrap();
    // A half byte a value and 4 bytes for 64 of them; the table has 4 bytes a value.
    assert_eq!(of("weights_bytes"), MAPS * (0.5 + 4.0 / 64.0) + 4.0 * TABLE);
    let trained = 4.0 * 16.0 * ((256.0 + 256.0) + (256.0 + 128.0));
    assert_eq!(of("adapters_bytes"), 4.0 * trained);
    assert_eq!(of("optimizer_state_bytes"), 2.0 * 4.0 * trained);
}
