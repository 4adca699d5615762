//! Runtime profiles of the user: each case in a process of its own, because they are read once.

use std::fs;
use std::process::{Command, Output};

fn tuneplan(args: &[&str]) -> Output {
    // Settings of whoever runs the tests must not take part.
    let nowhere = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_tuneplan"));
    for variable in ["HOME", "XDG_CONFIG_HOME", "APPDATA"] {
        command.env(variable, nowhere.path());
    }
    command.args(args).output().unwrap()
}

fn process_bytes(output: &Output) -> u64 {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    json["peak_bytes"]["process"]["expected"].as_u64().unwrap()
}

#[test]
fn a_folder_of_profiles_adds_and_replaces() {
    let folder = tempfile::tempdir().unwrap();
    let shipped = fs::read_to_string("assets/profiles/plain-pytorch.ron").unwrap();
    // A context of 1,500 MiB where the shipped profile has 500.
    let mine = shipped.replace("id: \"plain-pytorch\"", "id: \"ours\"").replace(
        "context_mib: (low: 140, expected: 500, high: 1000)",
        "context_mib: (low: 1400, expected: 1500, high: 1600)",
    );
    assert_ne!(mine, shipped);
    fs::write(folder.path().join("ours.ron"), &mine).unwrap();
    fs::write(folder.path().join("readme.txt"), "not a profile").unwrap();
    let folder = folder.path().to_str().unwrap();
    let plain = process_bytes(&tuneplan(&["estimate", "--profile", "plain-pytorch", "--json"]));
    let ours = process_bytes(&tuneplan(&["estimate", "--profile", "ours", "--json", "--profiles", folder]));
    assert_eq!(ours, plain + (1000 << 20));
    let unknown = tuneplan(&["estimate", "--profile", "ours", "--json"]);
    assert_eq!(unknown.status.code(), Some(2));
}

#[test]
fn wrong_profiles_are_said_with_their_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let told = |args: &[&str]| {
        let output = tuneplan(args);
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(told(&["estimate", "--profiles", path]).contains("no *.ron file"));
    assert!(told(&["estimate", "--profiles", "/no/such/folder"]).contains("/no/such/folder"));
    fs::write(folder.path().join("a.ron"), "(\n    id: 3,\n)").unwrap();
    assert!(told(&["estimate", "--profiles", path]).contains("a.ron:2:"));
    let shipped = fs::read_to_string("assets/profiles/plain-pytorch.ron").unwrap();
    let wrong = shipped.replace("reserved: (low: 1.0, expected: 1.3", "reserved: (low: 1.0, expected: 0.3");
    fs::write(folder.path().join("a.ron"), wrong).unwrap();
    assert!(told(&["estimate", "--profiles", path]).contains("`reserved`: it must be low"));
}
