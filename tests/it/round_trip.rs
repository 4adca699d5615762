//! Settings changed in the files of the importer's own tests: the diff is the changed lines, everything else stays.

use std::fs;
use tuneplan::export::Value;
use tuneplan::handover::round_trip::changed;
use tuneplan::import;

fn fixture(name: &str) -> (String, String) {
    let path = format!("tests/fixtures/import/{name}");
    (fs::read_to_string(&path).unwrap(), path)
}

/// A line before and after.
type Change = (Option<String>, Option<String>);

fn change(name: &str, settings: &[&str]) -> (String, String, Vec<Change>) {
    let (text, path) = fixture(name);
    let settings: Vec<String> = settings.iter().map(|&setting| setting.to_owned()).collect();
    let made = changed(&text, &path, &settings).unwrap_or_else(|error| panic!("{name} {settings:?}: {error}"));
    let lines = made.lines.into_iter().map(|line| (line.before, line.after)).collect();
    (text, made.text, lines)
}

#[test]
fn an_untouched_file_is_the_same_to_the_byte() {
    for entry in fs::read_dir("tests/fixtures/import").unwrap() {
        let path = entry.unwrap().path();
        let is_file =
            path.extension().is_some_and(|ending| ["yml", "yaml", "json"].iter().any(|known| *known == ending));
        if is_file {
            let text = fs::read_to_string(&path).unwrap();
            assert_eq!(import::patched(&text, &[]).unwrap(), text, "{}", path.display());
        }
    }
}

#[test]
fn one_setting_changes_one_line() {
    let (before, after, lines) = change("axolotl-qlora.yml", &["rank=64"]);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].0.as_ref().unwrap().contains("lora_r: 32") && lines[0].1.as_ref().unwrap().contains("lora_r: 64"));
    assert_eq!(before.lines().count(), after.lines().count());
    assert_eq!(before.matches('#').count(), after.matches('#').count(), "comments stay");
    let (_, after, lines) = change("llama-factory-qlora-zero3.yaml", &["micro-batch=7", "gradient-accumulation=3"]);
    assert!(
        after.contains("per_device_train_batch_size: 7") && after.contains("gradient_accumulation_steps: 3"),
        "{after}"
    );
    assert!(lines.len() <= 2, "{lines:?}");
    let (_, after, lines) = change("trl-dpo.yaml", &["sequence-length=4096"]);
    assert!(after.contains("max_length: 4096") && lines.len() == 1, "{lines:?}");
    let (_, after, _) = change("mlx.yaml", &["alpha=32"]);
    assert!(after.contains("scale: "), "{after}");
}

#[test]
fn a_key_of_the_file_can_be_named_itself() {
    let (_, after, lines) = change("axolotl-qlora.yml", &["learning_rate=0.0001"]);
    assert!(lines.len() == 1 && after.contains("learning_rate: 0.0001"), "{lines:?}");
}

#[test]
fn values_keep_their_quotes_and_comments_and_new_keys_their_table() {
    let patch = |text: &str, key: &str, value: tuneplan::export::Value| {
        import::patched(text, &[(key.to_owned(), Some(value))]).unwrap()
    };
    let text = "a: 1  # one\n# two\nb: 'x'   # three\nc:\n  - p\n  - q\nd: {e: 1, f: 2}\nn:\nt:\n  u: 1\n";
    assert_eq!(patch(text, "a", Value::Count(2)), text.replace("a: 1", "a: 2"));
    assert_eq!(patch(text, "b", Value::text("it's")), text.replace("'x'", "'it''s'"));
    assert_eq!(patch(text, "c", Value::texts(["rr"])), text.replace("c:\n  - p\n  - q", "c: [rr]"));
    assert_eq!(patch(text, "d.f", Value::Count(3)), text.replace("f: 2", "f: 3"));
    assert_eq!(patch(text, "d.g", Value::Flag(true)), text.replace("f: 2", "f: 2, \"g\": true"));
    assert_eq!(patch(text, "n", Value::text("xx")), text.replace("n:\n", "n: xx\n"));
    assert_eq!(patch(text, "t.v", Value::Number(0.5)), format!("{text}  v: 0.5\n"));
    assert_eq!(patch(text, "z", Value::Count(1)), format!("{text}z: 1\n"));
    let json = "{\n  \"a\": {\n    \"b\": 1\n  },\n  \"c\": \"x\"\n}\n";
    assert_eq!(patch(json, "a.b", Value::Count(2)), json.replace("\"b\": 1", "\"b\": 2"));
    assert_eq!(patch(json, "c", Value::text("y\"")), json.replace("\"x\"", "\"y\\\"\""));
    assert_eq!(patch(json, "d", Value::Count(3)), json.replace("\"x\"", "\"x\",\n  \"d\": 3"));
    let gone = |text: &str, key: &str| import::patched(text, &[(key.to_owned(), None)]);
    assert_eq!(gone(text, "c").unwrap(), text.replace("c:\n  - p\n  - q\n", ""));
    assert!(gone(text, "d.e").is_err() && gone("a: 1\na: 2\n", "a").is_err());
    // Windows line ends, and a file without a last one.
    assert_eq!(patch("a: 1\r\nb: 2\r\n", "a", Value::Count(3)), "a: 3\r\nb: 2\r\n");
    assert_eq!(patch("a: 1", "b", Value::Count(3)), "a: 1\nb: 3\n");
}
