//! Plan files: nothing lost, nothing silently changed, every complaint with its place.

use proptest::prelude::*;
use tuneplan::architecture::from_config_text;
use tuneplan::plan::edit::PlanEdit;
use tuneplan::plan::field::{FieldKind, FieldValue, field};
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
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[0].starts_with("1:1: not in the file"), "{}", told[0]);
    assert!(told[1].starts_with("4:9: `rnk`") && told[1].contains("did you mean `rank`"), "{}", told[1]);
    assert!(told[2].starts_with("7:5: `team`"), "{}", told[2]);

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
    let places: Vec<_> = back.diagnostics.iter().map(|note| (note.line, note.column)).collect();
    // The first is about everything the file does not name.
    assert_eq!(places, [(1, 1), (4, 18), (5, 22)]);
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
    let back = loaded(include_str!("../fixtures/schema-0.plan.ron"));
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
    let with_notes = canonical.replacen("    notes: \"\"", "    notes: r#\"a\n// no comment\n\"#", 1);
    assert_eq!(loaded(&with_notes).plan.notes, "a\n// no comment\n");
    assert_eq!(loaded(&with_notes).diagnostics, []);
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

/// Neither a number in a section's place nor the section beside it can be saved; such a file is left alone.
#[test]
fn a_section_that_is_no_section_is_refused_with_its_place() {
    for (text, place) in [
        ("(schema: 1, batch: 4)", "1:20"),
        ("(\n  schema: 1,\n  method: \"lora\",\n)", "3:11"),
        ("(schema: 1, hardware: [1, 2])", "1:23"),
        ("(schema: 1, model: None)", "1:20"),
    ] {
        let error = read(text).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{place}:")) && error.contains("is a section"), "{text:?}: {error}");
    }
    assert_eq!(loaded("(schema: 1, batch: Some((micro_batch: 4)))").plan.batch.micro_batch, 4);
}

#[test]
fn other_ways_of_writing_the_same_are_understood() {
    let json = r#"{"schema": 1, "batch": {"micro_batch": 4}, "method": {"kind": "lora", "rank": 8}}"#;
    let ron = "Plan(schema: 1, batch: Batch(micro_batch: 4), method: (kind: lora, rank: 0x8))";
    for text in [json, ron] {
        let back = loaded(text);
        let plan = &back.plan;
        assert_eq!((plan.batch.micro_batch, plan.method.method.id()), (4, "lora"), "{text}");
        assert_eq!(plan.method.method.lora().unwrap().rank, 8);
        assert_eq!(back.unknown, []);
    }
    let wrong = loaded("(schema: 1, method: (kind: qlorra))");
    assert!(wrong.diagnostics.iter().any(|note| note.message.contains("did you mean `qlora`")), "{wrong:?}");
}

#[test]
fn a_short_file_says_what_it_leaves_to_the_defaults() {
    let told = loaded("(schema: 1, batch: (micro_batch: 4))").diagnostics;
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].message.contains("model.id") && told[0].message.contains("more"), "{}", told[0]);
    let full = write(&Plan::default(), &[]);
    let one_less: String = full.split_inclusive('\n').filter(|line| !line.contains("micro_batch:")).collect();
    let told = loaded(&one_less).diagnostics;
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].message.ends_with("by default: batch.micro_batch"), "{}", told[0]);
}

/// An architecture of another version must not be lost by opening and saving the plan in this one.
#[test]
fn a_shape_that_is_not_understood_is_kept() {
    let text = "(\n  schema: 1,\n  model: (\n    path: \"a/config.json\",\n    architecture: (hidden: 8, nested: (x: [1])),\n  ),\n)\n";
    let back = loaded(text);
    assert!(back.diagnostics.iter().any(|note| note.line == 5 && note.message.contains("`architecture`")), "{back:?}");
    let mut plan = back.plan.clone();
    plan.batch.micro_batch = 7;
    let saved = back.text_for(&plan);
    assert!(saved.contains("architecture: (hidden: 8, nested: (x: [1]))"), "{saved}");
    assert!(saved.contains("path: \"a/config.json\""), "{saved}");
    let again = loaded(&saved);
    assert_eq!(again.plan, plan);
    assert_eq!(write(&again.plan, &again.unknown), saved);
}

#[test]
fn a_path_beside_an_id_is_told_and_kept() {
    let mut plan = Plan::default();
    plan.model.source = ModelSource::File {
        path: "m/config.json".to_owned(),
        architecture: Box::new(tuneplan::catalog::Catalog::embedded().models[0].architecture.clone()),
    };
    let text = write(&plan, &[]).replacen("path:", "id: \"Qwen/Qwen3-8B\",\n        path:", 1);
    let back = loaded(&text);
    assert_eq!(back.plan.model.source, ModelSource::Catalog("Qwen/Qwen3-8B".to_owned()));
    assert!(back.diagnostics.iter().any(|note| note.message.contains("`id` holds")), "{:?}", back.diagnostics);
    let saved = write(&back.plan, &back.unknown);
    assert!(saved.contains("m/config.json"), "{saved}");
    assert_eq!(loaded(&saved).plan, back.plan);
}

#[test]
fn a_key_under_its_old_and_its_new_name_is_told() {
    let back = loaded("(\n  schema: 0,\n  seq_len: 4096,\n  batch: (sequence_length: 512),\n)");
    assert_eq!(back.plan.batch.sequence_length, 4096);
    assert!(
        back.diagnostics.iter().any(|note| note.line == 4 && note.message.contains("given twice")),
        "{:?}",
        back.diagnostics
    );
    assert_eq!(loaded(&write(&back.plan, &back.unknown)).plan, back.plan);
}

#[test]
fn what_stands_in_an_unknown_section_stays_there_once() {
    let text = "(\n    schema: 1,\n    team: (\n        // Not understood: rank: 1\n        a: 1,\n    ),\n)\n";
    let first = loaded(text);
    let once = write(&first.plan, &first.unknown);
    assert_eq!(once.matches("Not understood: rank: 1").count(), 1, "{once}");
    let second = loaded(&once);
    assert_eq!(write(&second.plan, &second.unknown), once);
}

/// 4 MiB on one line: the place of every value is known without counting back from it.
#[test]
fn one_long_line_is_read_in_linear_steps() {
    // As many values as are read, each long.
    let long = "x".repeat(75);
    let items = format!("(schema: 1, x: [{}])", format!("\"{long}\",").repeat(49_000));
    assert_eq!(loaded(&items).unknown.len(), 1);
    let keys = (0..49_000).map(|i| format!("{long}{i}:0")).collect::<Vec<_>>().join(",");
    assert_eq!(loaded(&format!("(schema: 1, x: ({keys}))")).unknown.len(), 1);
    let error = read(&format!("(schema: 1, x: [{}] é !)", "\"\",".repeat(1000))).unwrap_err();
    assert_eq!((error.line, error.column), (1, 3019), "{error}");
}

fn any_plan() -> impl Strategy<Value = Plan> {
    let FieldKind::Choice(methods) = field("method.kind").unwrap().kind else { panic!("the method is a choice") };
    let formats = ["bf16", "fp32", "nf4", "int8", "gguf-q4-k"];
    (0..methods.len(), 0..formats.len(), any::<[u64; 4]>(), any::<[bool; 6]>(), "(?s).{0,60}", 0.0..1000.0_f64)
        .prop_map(move |(method, format, [a, b, c, d], on, text, decimal)| {
            let mut plan = Plan::default();
            let id = |word: &str| FieldValue::Id(word.to_owned());
            let mut edits = vec![
                ("method.kind", id(methods[method].id)),
                ("precision.load_format", id(formats[format])),
                ("batch.micro_batch", FieldValue::Integer(1 + a % 1_048_576)),
                ("batch.sequence_length", FieldValue::Integer(1 + b % 16_777_216)),
                ("method.rank", FieldValue::Integer(1 + c % 65_536)),
                ("method.alpha", FieldValue::Decimal(decimal)),
                ("method.weight_decomposed", FieldValue::Toggle(on[0])),
                ("method.scaling", id(if on[1] { "standard" } else { "rank-stabilized" })),
                ("method.init", id(["zero", "pissa", "loftq"][(d % 3) as usize])),
                ("method.targets", FieldValue::List(vec![if on[2] { "all-linear" } else { "c_attn" }.to_owned()])),
                ("precision.autocast", id(if on[3] { "off" } else { "fp16" })),
                ("cost.price_per_device_hour", if on[4] { FieldValue::Unset } else { FieldValue::Decimal(decimal) }),
                ("batch.notes", FieldValue::Text(text.clone())),
                ("hardware.accelerator", FieldValue::Id(text)),
            ];
            if on[5] {
                edits.push(("model.id", id("typed")));
                edits.push(("model.layers", FieldValue::Integer(1 + d % 1000)));
            }
            for (id, value) in edits {
                // Some methods have no rank.
                let _ = PlanEdit::Set(id, value).apply(&mut plan);
            }
            plan
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_plan_survives_and_writes_the_same_bytes(plan in any_plan()) {
        let text = write(&plan, &[]);
        let back = loaded(&text);
        prop_assert_eq!(&back.plan, &plan);
        prop_assert_eq!(&back.diagnostics, &Vec::new());
        prop_assert_eq!(write(&back.plan, &back.unknown), text);
    }

    /// Whatever one line is replaced by: what is read can be saved, and what is saved reads as the same again.
    #[test]
    fn a_file_with_one_strange_line_can_be_saved_and_read_again(
        plan in any_plan(),
        line in any::<proptest::sample::Index>(),
        value in prop_oneof![
            Just("None"), Just("Some(3)"), Just("-1"), Just("\"x\""), Just("[\"q\", 2]"), Just("(a: 1, b: [2])"),
            Just("1e999"), Just("'c'"), Just("r#\"raw\n// \"text\"#"), Just("{\"k\": 1}"), Just("()"), Just("word"),
            Just("(1, /* in */ 2)"), Just("18446744073709551616"), Just("NaN"), Just("b\"x\""),
        ],
    ) {
        let text = write(&plan, &[]);
        let keys: Vec<usize> = text.match_indices(": ").map(|(at, _)| at)
            .filter(|at| !text[..*at].lines().last().unwrap_or("").trim_start().starts_with("//")).collect();
        let at = keys[line.index(keys.len())];
        let Some(end) = text[at..].find(",\n").map(|end| at + end) else { return Ok(()) };
        let strange = format!("{}: {value}{}", &text[..at], &text[end..]);
        if let Ok(back) = read(&strange) {
            let saved = write(&back.plan, &back.unknown);
            let again = loaded(&saved);
            prop_assert_eq!(&again.plan, &back.plan);
            prop_assert_eq!(write(&again.plan, &again.unknown), saved);
        }
    }

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

/// Files from before there were prices with a day: the dollars move, an unsaid price is no news, the rest is untouched.
#[test]
fn older_files_bring_their_price_along_and_still_load() {
    let old = |price: &str| {
        let text = write(&Plan::default(), &[]);
        let text: Vec<&str> = text.lines().collect();
        let run = text.iter().position(|line| line.trim() == "run: (").unwrap();
        let hardware = text[..run].join("\n");
        hardware.replacen("    hardware: (\n", &format!("    hardware: (\n        usd_per_hour: {price},\n"), 1)
            + "\n)\n"
    };
    let priced = loaded(&old("2.5"));
    assert_eq!(priced.plan.cost.price_per_device_hour, Some(2.5));
    assert_eq!((priced.plan.cost.currency.as_str(), priced.plan.run.epochs), ("USD", 1.0));
    assert_eq!(priced.diagnostics.len(), 1, "{:?}", priced.diagnostics);
    assert!(priced.diagnostics[0].message.contains("cost.price_per_device_hour"));
    let unpriced = loaded(&old("None"));
    assert_eq!(unpriced.plan, Plan::default());
    assert_eq!(unpriced.diagnostics, []);
    assert_eq!(unpriced.unknown, []);
}

/// Several devices add one section; a plan for one device is written as it always was.
#[test]
fn what_several_devices_need_stands_in_a_section_of_its_own() {
    let one = write(&Plan::default(), &[]);
    assert!(!one.contains("parallelism"));
    let mut plan = Plan::default();
    plan.hardware.count = 4;
    plan.parallelism.strategy = tuneplan::plan::Strategy::Fsdp2;
    plan.parallelism.micro_batches = vec![4, 4, 2, 1];
    let text = write(&plan, &[]);
    assert!(text.contains("        strategy: \"fsdp2\",\n"), "{text}");
    assert!(text.contains("        micro_batches: [4, 4, 2, 1],\n"), "{text}");
    let loaded = read(&text).unwrap();
    assert_eq!(loaded.plan, plan);
    assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
    assert_eq!(loaded.text_for(&loaded.plan), text);
}

/// Found by trying: 330,000 unknown keys took 9 s and as many remarks; 100,000 kept comments took minutes, since each was
/// looked for in every key.
#[test]
fn files_of_very_many_keys_or_comments_are_no_plans() {
    let keys = |count: usize| (0..count).map(|i| format!("k{i}:1,")).collect::<String>();
    let comments = |count: usize| "//Not understood: a\n".repeat(count);
    for (text, word) in [
        (format!("(schema: 1,\n{})", keys(330_000)), "over 50,000 values"),
        (format!("(schema: 1,\n{})\n{}", keys(180_000), comments(100_000)), "over 50,000 values"),
        (format!("(schema: 1,\n{})\n{}", keys(900), comments(60_000)), "over 50,000 comments"),
        (format!("(schema: 1,\n{})\n{}", keys(40_000), comments(40_000)), "over 1,000 keys"),
        (format!("(schema: 1)\n{}", comments(40_000)), "over 1,000 keys"),
        (format!("(schema: 1, lists: [{}])", "1,".repeat(60_000)), "over 50,000 values"),
    ] {
        let error = read(&text).unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    }
    // As many as may be are all kept; some are told, the others counted.
    let back = loaded(&format!("(schema: 1,\n{})\n{}", keys(500), comments(500)));
    assert_eq!(back.unknown.len(), 1000);
    assert_eq!(back.diagnostics.len(), 21);
    assert!(back.diagnostics[20].message.contains("more remarks"), "{}", back.diagnostics[20]);
    let text = write(&back.plan, &back.unknown);
    assert_eq!(text.matches("k499:1").count(), 1);
    assert_eq!(loaded(&text).unknown.len(), 1000);
}

/// A comment belongs to the section it stands in: the last that begins before it, if it has not ended.
#[test]
fn kept_comments_stay_in_their_sections() {
    let text = "// Not understood: above: 1\n(\n    schema: 1,\n    // Not understood: top: 1\n    batch: (\n        \
        // Not understood: inside: 1\n        micro_batch: 2,\n    ),\n    // Not understood: between: 1\n    \
        strange: (\n        // Not understood: strange: 1\n    ),\n    optimizer: (\n        \
        // Not understood: later: 1\n    ),\n)\n// Not understood: below: 1\n";
    let back = loaded(text);
    let comments: Vec<(&str, &str)> = back
        .unknown
        .iter()
        .filter(|kept| kept.as_comment)
        .map(|kept| (kept.section.as_str(), kept.text.as_str()))
        .collect();
    let wanted = [
        ("", "above: 1"),
        ("", "top: 1"),
        ("batch", "inside: 1"),
        ("", "between: 1"),
        ("optimizer", "later: 1"),
        ("", "below: 1"),
    ];
    assert_eq!(comments, wanted);
}

/// A key may have megabytes; what is said of it has a line.
#[test]
fn remarks_on_long_keys_are_short() {
    let key = "k".repeat(3 << 20);
    let back = loaded(&format!("(schema: 1, {key}: 1)"));
    assert!(back.diagnostics.iter().all(|remark| remark.message.len() < 300));
    assert_eq!(back.unknown[0].text.len(), key.len() + 3);
    for wrong in [format!("(schema: 1, {key} 1)"), format!("(schema: 1, {key}: 1, {key}: 2)")] {
        assert!(read(&wrong).unwrap_err().message.len() < 300);
    }
}
