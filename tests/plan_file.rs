//! Plan files: nothing lost, nothing silently changed, every complaint with its place.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use tuneplan::architecture::from_config_text;
use tuneplan::plan::edit::PlanEdit;
use tuneplan::plan::field::FieldValue;
use tuneplan::plan::file::{read, write};
use tuneplan::plan::{ModelSource, Plan, templates};

fn loaded(text: &str) -> tuneplan::plan::file::Loaded {
    read(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Lines that differ, as a line-by-line diff shows them.
fn changed_lines(before: &str, after: &str) -> usize {
    assert_eq!(before.lines().count(), after.lines().count());
    before.lines().zip(after.lines()).filter(|(a, b)| a != b).count()
}

#[test]
fn the_default_plan_and_every_template_survive_unchanged_to_the_byte() {
    assert_eq!(templates().len(), 9);
    for plan in templates().iter().map(|template| &template.plan).chain([&Plan::default()]) {
        let text = write(plan, &[]);
        let back = loaded(&text);
        assert_eq!(&back.plan, plan);
        assert_eq!(back.diagnostics, []);
        assert_eq!(write(&back.plan, &back.unknown), text);
        assert!(!text.contains('\r') && text.ends_with(")\n"));
    }
}

#[test]
fn shipped_templates_are_in_canonical_form() {
    for file in std::fs::read_dir("assets/templates").unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let back = loaded(&text);
        assert_eq!(write(&back.plan, &back.unknown), text, "{}", path.display());
    }
}

#[test]
fn ron_itself_accepts_what_is_written() {
    for template in templates() {
        let text = write(&template.plan, &[]);
        let value: Result<ron::Value, _> = ron::from_str(&text);
        assert!(value.is_ok(), "{:?}", value.err());
    }
}

#[test]
fn one_changed_setting_is_one_changed_line() {
    let before = Plan::default();
    let mut after = before.clone();
    PlanEdit::Set("batch.sequence_length", FieldValue::Integer(4096)).apply(&mut after).unwrap();
    assert_eq!(changed_lines(&write(&before, &[]), &write(&after, &[])), 1);
    PlanEdit::Set("method.rank", FieldValue::Integer(64)).apply(&mut after).unwrap();
    assert_eq!(changed_lines(&write(&before, &[]), &write(&after, &[])), 2);
}

#[test]
fn a_short_hand_written_file_takes_defaults() {
    let back = loaded("(schema: 1, batch: (micro_batch: 4))");
    let mut expected = Plan::default();
    expected.batch.micro_batch = 4;
    assert_eq!(back.plan, expected);
}

#[test]
fn an_unchanged_plan_is_saved_as_it_was_read() {
    let text = "\u{feff}(schema: 1,\r\n  // mine\r\n  batch: (micro_batch: 4),\r\n)\r\n";
    let back = loaded(text);
    assert_eq!(back.text_for(&back.plan), text);
    let mut changed = back.plan.clone();
    changed.batch.micro_batch = 5;
    assert!(!back.text_for(&changed).contains('\r'));
}

#[test]
fn unknown_keys_are_reported_with_their_line_and_kept() {
    let text = "(\n    schema: 1,\n    method: (\n        rnk: 8,\n        kind: \"lora\",\n    ),\n    team: (name: \"알파\", tags: [1, 2]),\n)\n";
    let mut back = loaded(text);
    let told: Vec<String> = back.diagnostics.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].starts_with("4:9: `rnk`") && told[0].contains("did you mean `rank`"), "{}", told[0]);
    assert!(told[1].starts_with("7:5: `team`"), "{}", told[1]);

    let mut plan = back.plan.clone();
    plan.batch.micro_batch = 3;
    let saved = back.text_for(&plan);
    assert!(saved.contains("rnk: 8,") && saved.contains("team: (name: \"알파\", tags: [1, 2]),"), "{saved}");
    let again = loaded(&saved);
    assert_eq!(again.unknown.len(), 2);
    assert_eq!(write(&again.plan, &again.unknown), saved);

    back.drop_unknown();
    assert!(!back.text_for(&plan).contains("rnk"));
}

#[test]
fn a_value_that_is_not_understood_is_named_and_kept() {
    let back = loaded("(\n  schema: 1,\n  batch: (\n    micro_batch: \"four\",\n    sequence_length: 0,\n  ),\n)");
    assert_eq!(back.plan, Plan::default());
    assert_eq!(back.diagnostics.len(), 2);
    assert_eq!((back.diagnostics[0].line, back.diagnostics[0].column), (4, 18));
    assert_eq!(back.diagnostics[1].line, 5);
    let mut plan = back.plan.clone();
    plan.batch.gradient_accumulation = 2;
    let saved = back.text_for(&plan);
    assert!(saved.contains("// Not understood: micro_batch: \"four\""), "{saved}");
    // It can be read again, and stays.
    let again = loaded(&saved);
    assert_eq!((&again.plan, again.diagnostics.len()), (&plan, 0));
    assert_eq!(write(&again.plan, &again.unknown), saved);
}

#[test]
fn drafts_of_schema_0_are_migrated() {
    let back = loaded(include_str!("fixtures/schema-0.plan.ron"));
    assert_eq!(back.plan.batch.sequence_length, 4096);
    assert_eq!(back.plan.batch.micro_batch, 2);
    assert_eq!(back.plan.hardware.accelerator, "tesla-t4");
    assert_eq!(back.plan.method.method.lora().unwrap().rank, 8);
    assert!(back.diagnostics.iter().any(|note| note.message.contains("batch.sequence_length")));
    assert!(back.unknown.is_empty());
    assert!(write(&back.plan, &back.unknown).contains("schema: 1,"));
}

#[test]
fn comments_of_ones_own_are_not_lost_without_a_word() {
    let canonical = write(&Plan::default(), &[]);
    let mine = canonical.replacen("    schema: 1,\n", "    schema: 1,\n    // agreed on Monday\n", 1);
    let back = loaded(&mine);
    let told: Vec<String> = back.diagnostics.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("4:5:") && told[0].contains("notes"), "{told:?}");
    // The comment stays as long as nothing changes.
    assert_eq!(back.text_for(&back.plan), mine);
    let old_help = canonical.replace("// Rank: ", "// Rank: an older help text of ");
    assert_eq!(loaded(&old_help).diagnostics, []);
    assert_eq!(loaded("(schema: 1, notes: r#\"a\n// no comment\n\"#)").diagnostics, []);
}

#[test]
fn what_is_no_plan_is_refused_with_a_place() {
    for (text, place) in [
        ("", "1:1"),
        ("()", "1:1"),
        ("[1, 2]", "1:1"),
        ("(schema: 2)", "1:10"),
        ("(schema: one)", "1:10"),
        ("(\n  schema: 1,\n  batch: (micro_batch: 4,\n", "3:10"),
        ("(schema: 1, name: \"open", "1:19"),
        ("(schema: 1) trailing", "1:13"),
        ("(schema: 1, schema: 1)", "1:13"),
        ("(schema: 1, /* open", "1:13"),
    ] {
        let error = read(text).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{place}:")), "{text:?}: {error}");
    }
    assert!(read("(schema: 99)").unwrap_err().to_string().contains("newer"));
    let deep = format!("(schema: 1, x: {}{})", "[".repeat(100_000), "]".repeat(100_000));
    assert!(read(&deep).is_err());
    let huge = format!("(schema: 1, name: \"{}\")", "a".repeat(5 << 20));
    assert!(read(&huge).is_err());
}

#[test]
fn a_model_read_from_a_file_travels_with_the_plan() {
    let config = r#"{"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "hidden_size": 896,
        "intermediate_size": 4864, "num_hidden_layers": 24, "num_attention_heads": 14, "num_key_value_heads": 2,
        "vocab_size": 151936, "tie_word_embeddings": true}"#;
    let mut plan = Plan::default();
    plan.model.source = ModelSource::File {
        path: "models/모델/config.json".to_owned(),
        architecture: Box::new(from_config_text(config).unwrap()),
    };
    let text = write(&plan, &[]);
    let back = loaded(&text);
    assert_eq!(back.plan, plan);
    assert_eq!(back.diagnostics, []);
    assert_eq!(write(&back.plan, &back.unknown), text);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_text_survives(name in any::<String>(), notes in "(?s).{0,80}", rank in 1_u64..65_536, alpha in 0.0..1e6_f64) {
        let mut plan = Plan { name, notes, ..Plan::default() };
        PlanEdit::Set("method.rank", FieldValue::Integer(rank)).apply(&mut plan).unwrap();
        PlanEdit::Set("method.alpha", FieldValue::Decimal(alpha)).apply(&mut plan).unwrap();
        // Line ends are the file's own: a carriage return before a line feed is one line end.
        let text = write(&plan, &[]);
        let back = loaded(&text);
        prop_assert_eq!(&back.plan, &plan);
        prop_assert_eq!(write(&back.plan, &back.unknown), text);
    }

    #[test]
    fn damaged_text_never_panics(at in 0_usize..6000, cut in 0_usize..40, insert in "[\\(\\)\\[\\]\"#,:/*a-z0-9 \n]{0,8}") {
        let text = write(&Plan::default(), &[]);
        let floor = |i: usize| (0..=i.min(text.len())).rev().find(|i| text.is_char_boundary(*i)).unwrap();
        let (start, end) = (floor(at), floor(at + cut).max(floor(at)));
        let damaged = format!("{}{insert}{}", &text[..start], &text[end..]);
        if let Ok(back) = read(&damaged) {
            let canonical = write(&back.plan, &back.unknown);
            let again = loaded(&canonical);
            prop_assert_eq!(again.plan, back.plan);
        }
    }

    #[test]
    fn any_bytes_never_panic(text in any::<String>()) {
        let _ = read(&text);
        let _ = read(&format!("(schema: 1, {text}"));
    }
}
