//! Chat templates, tokenizers and other files that are broken or meant to break the program: a message that names the file and
//! the reason, and the program ends in order. Most were found by fuzzing (`tests/fixtures/hostile`).

use crate::common::chat_model;

use chat_model::folder;
use std::process::{Command, Output};
use tuneplan::catalog::Catalog;
use tuneplan::data::rows::Message;
use tuneplan::data::template::Template;
use tuneplan::data::tokens::Tokens;
use tuneplan::decide::tally::{from_csv, to_csv};
use tuneplan::estimate::profile::Profiles;
use tuneplan::plan::Plan;
use tuneplan::plan::decision::Tally;
use tuneplan::plan::file::{read, write};
use tuneplan::preview::config::LlamaConfig;
use tuneplan::validation::read_cases;

const HOSTILE: &str = "tests/fixtures/hostile";

/// `tuneplan preview` of the small model with these files instead of its own, and little memory to be had.
fn preview(files: &[(&str, &[u8])]) -> Output {
    let place = tempfile::tempdir().unwrap();
    let model = folder(place.path(), 300);
    for (name, bytes) in files {
        std::fs::write(model.join(name), bytes).unwrap();
    }
    let chat = r#"{"messages":[{"role":"user","content":"a b"},{"role":"assistant","content":"hello"}]}"#;
    let rows: String = (0..12).map(|row| format!("{{\"text\":\"a b hello {row}\"}}\n{chat}\n")).collect();
    let data = place.path().join("rows.jsonl");
    std::fs::write(&data, rows).unwrap();
    let limit = if cfg!(unix) { "ulimit -v 3000000;" } else { "" };
    Command::new("sh")
        .args(["-c", &format!("{limit} exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_tuneplan")])
        .args(["preview", "--steps", "1", "--rank", "2", "--threads", "1", "--model"])
        .arg(&model)
        .arg("--data")
        .arg(data)
        .current_dir(place.path())
        .output()
        .unwrap()
}

/// What is said of a file that cannot be worked with.
fn refused(name: &str, bytes: &[u8]) -> String {
    let output = preview(&[(name, bytes)]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains(name), "{said}");
    assert!(!said.contains("panicked") && !said.contains("internal error"), "{said}");
    said
}

fn template_refused(source: &str) -> String {
    let said = refused("chat_template.jinja", source.as_bytes());
    let settings = serde_json::json!({ "chat_template": source, "bos_token": "<s>", "eos_token": "</s>" });
    let again = refused("tokenizer_config.json", settings.to_string().as_bytes());
    let reason = |said: &str| said.split_once("the chat template").unwrap().1.lines().next().unwrap().to_owned();
    let reason = |said: &str| reason(said).split(';').next().unwrap().to_owned();
    assert_eq!(reason(&said), reason(&again));
    said
}

#[cfg(unix)]
#[test]
fn chat_templates_that_ended_the_program_are_refused_by_name() {
    for (name, reason) in [
        ("attributes", "more than 2000 words"),
        ("deep-list", "lie more than 100 deep"),
        ("format-width", "wider than 1000"),
        ("long-list", "is multiplied"),
        ("minus", "more than 2000 words"),
        ("shared-list", "steps"),
        ("sum-list", "steps"),
        ("tojson-indent", "indents JSON by 1000000000"),
    ] {
        let source = std::fs::read_to_string(format!("{HOSTILE}/chat-template-{name}.jinja")).unwrap();
        let said = template_refused(&source);
        assert!(said.contains(reason), "{name}: {said}");
    }
    let long = format!("{}{{{{ messages[0].content }}}}", "{# long #}".repeat(7000));
    assert!(template_refused(&long).contains("64 KiB"));
    assert!(template_refused("{% for %}").contains("line 1"));
}

#[cfg(unix)]
#[test]
fn tokenizers_that_ended_the_run_are_refused_by_name() {
    for (name, reason) in [
        ("cut-in-decoder", "line 1, column 118"),
        ("index-out-of-bounds", "does not fit together"),
        ("precompiled-empty", "line 1, column 265"),
        ("precompiled-missing", "line 1, column 70"),
        ("reserves-7-gib", "line 1, column"),
        ("template-missing-key", "line 1, column 996"),
    ] {
        let json = std::fs::read(format!("{HOSTILE}/tokenizer-{name}.json")).unwrap();
        let said = refused("tokenizer.json", &json);
        assert!(said.contains(reason), "{name}: {said}");
    }
}

fn tokens(json: &str) -> Result<Tokens, String> {
    let null = serde_json::Value::Null;
    Tokens::from_bytes("tokenizer.json", json.as_bytes().to_vec(), None, &null).map_err(|error| error.to_string())
}

#[test]
fn tables_of_replacements_are_looked_at_before_they_are_read() {
    let whole = |normalizer: &str| {
        format!(
            r#"{{"version":"1.0","added_tokens":[],"normalizer":{normalizer},"pre_tokenizer":null,"post_processor":null,"decoder":null,"model":{{"type":"WordLevel","vocab":{{"a":0}},"unk_token":"a"}}}}"#
        )
    };
    assert!(tokens(&whole("null")).is_ok());
    for (normalizer, reason) in [
        (r#"{"type":"Precompiled"}"#, "has no"),
        (r#"{"type":"Precompiled","precompiled_charsmap":null}"#, "has no"),
        // 0xE4000000 bytes, with four there.
        (r#"{"type":"Precompiled","precompiled_charsmap":"AAAA5AAAAAA="}"#, "says its first part has 3825205248 bytes"),
        (
            r#"{"type":"Sequence","normalizers":[{"type":"Precompiled","precompiled_charsmap":"AAAA5AAAAAA="}]}"#,
            "first part",
        ),
        (r#"{"precompiled_charsmap":"AAAA5AAAAAA="}"#, "first part"),
        (r#"{"type":"Precompiled","precompiled_charsmap":"!"}"#, "base 64"),
        (r#"{"type":"Precompiled","precompiled_charsmap":""}"#, "base 64"),
    ] {
        let error = tokens(&whole(normalizer)).unwrap_err();
        assert!(error.starts_with("tokenizer.json: ") && error.contains(reason), "{normalizer}: {error}");
    }
    // A table of 256 empty nodes, 1,024 bytes, and no replacements: nothing is replaced.
    let table = format!(r#"{{"type":"Precompiled","precompiled_charsmap":"AAQA{}="}}"#, "A".repeat(1367));
    assert!(tokens(&whole(&table)).unwrap().encode("a", false).is_ok());
    assert!(tokens("{\"model\":\n  7,,").unwrap_err().contains("line 2, column 5"));
}

/// Chains as long as a template may be, of everything that nests without brackets.
#[test]
fn long_chains_are_read_and_dropped_without_an_end_of_the_stack() {
    let messages = [Message::new("user", "a")];
    for (begin, link, end) in [
        ("{{ ", "-", "1 }}"),
        ("{{ ", "not ", "1 }}"),
        ("{{ 1", "+1", " }}"),
        ("{{ a", ".b", " }}"),
        ("{{ 'a'", "|upper", " }}"),
        ("{{ a", "()", " }}"),
        ("{{ a", "[0]", " }}"),
        ("{{ 1", " if 1 else 1", " }}"),
        ("{{ 1", " and 1", " }}"),
        ("{{ 1", "~1", " }}"),
        ("{{ 1", "**1", " }}"),
        ("{{ 1", " is true", " }}"),
        ("{{ 1", "<1", " }}"),
        ("{{ 'a'", "'a'", " }}"),
        ("{% if 1 %}", "{% elif 1 %}", "{% endif %}"),
        ("", "{% if 1 %}", ""),
        ("{{ ", "[", " }}"),
        ("{{ ", "(", " }}"),
        ("{% set a", ",a", " = 1 %}"),
        ("", "{{ 1 }}", ""),
    ] {
        let most = ((64 << 10) - begin.len() - end.len()) / link.len();
        for count in [most, 30_000.min(most), 1000] {
            let source = format!("{begin}{}{end}", link.repeat(count));
            let template = Template::new("chat_template.jinja", Some(&source), None, None);
            let text = template.and_then(|template| template.render(&messages, false));
            if let Err(error) = text {
                assert!(error.to_string().starts_with("chat_template.jinja: "), "{link}: {error}");
            }
        }
    }
}

/// Everything that makes much of little: what is refused names the file.
#[test]
fn small_templates_make_no_endless_work() {
    let doubling = |operation: &str, then: &str| {
        format!(
            "{{% set ns = namespace(l=[1], m={{}}, s='ab') %}}{{% for i in range(60) %}}{{% set {operation} %}}{{% endfor %}}{then}"
        )
    };
    let sources = [
        doubling("ns.l = [ns.l, ns.l]", "{{ ns.l ~ '' }}"),
        doubling("ns.l = [ns.l, ns.l]", "{{ ns.l == [ns.l] }}"),
        doubling("ns.l = [ns.l, ns.l]", "{{ ns.l | tojson }}"),
        doubling("ns.l = (ns.l, ns.l)", "{{ ns.l | string | length }}"),
        doubling("ns.l = {'a': ns.l, 'b': ns.l}", "{{ ns.l | pprint }}"),
        doubling("ns.l = dict(a=ns.l, b=ns.l)", "{{ ns.l }}"),
        doubling("ns.l = ns.l | zip(ns.l) | list", "{{ ns.l }}"),
        doubling("ns.l = ns.l * 2", "{{ ns.l | length }}"),
        doubling("ns.l = ns.l + ns.l", "{{ ns.l | length }}"),
        doubling("ns.l = ns.l | batch(9, ns.l) | list", "{{ ns.l }}"),
        doubling("ns.s = ns.s * 2", "{{ ns.s }}"),
        doubling("ns.s = ns.s ~ ns.s", "{{ ns.s | length }}"),
        doubling("ns.s = ns.s | replace('a', 'aaaa')", "{{ ns.s | length }}"),
        doubling("ns.s = ns.s.replace('', 'aaaa')", "{{ ns.s | length }}"),
        doubling("ns.s = ns.s.join([ns.s, ns.s, ns.s])", "{{ ns.s | length }}"),
        doubling("ns.s = '{}{}'.format(ns.s, ns.s)", "{{ ns.s | length }}"),
        doubling("ns.s = '%s%s' | format(ns.s, ns.s)", "{{ ns.s | length }}"),
        doubling("ns.m = namespace(a=ns.m, b=ns.m)", "{{ ns }}"),
        "{% set ns = namespace() %}{% set ns.a = ns %}{{ ns }}".to_owned(),
        "{% set ns = namespace() %}{% set ns.a = [ns] %}{{ ns | tojson }}".to_owned(),
        "{% macro m(x) %}{{ m([x, x]) }}{% endmacro %}{{ m(1) }}".to_owned(),
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}".to_owned(),
        "{{ '%9999999999d' | format(1) }}".to_owned(),
        "{{ 'a' | indent(1000000000) }}{{ 'a\\nb' | indent(1000000000) }}".to_owned(),
        "{{ [1] | batch(1000000000, 0) | list }}".to_owned(),
        "{{ ('{}' * 100000).format(messages) }}".to_owned(),
        "{{ 'x' * 99999999 }}".to_owned(),
        "{{ ([1] * 99999999) | sum }}".to_owned(),
        "{{ [1] * 99999999 == [1] * 99999999 }}".to_owned(),
        "{{ 99999999 * ([] or [1]) < 2 * (1 if 0 else [1]) }}".to_owned(),
        "{% set l = [1] %}{{ l * 99999999 == l * 99999999 }}".to_owned(),
    ];
    let messages = [Message::new("user", "a"), Message::new("assistant", "b")];
    for source in sources {
        let template = Template::new("chat_template.jinja", Some(&source), None, None);
        let text = template.and_then(|template| template.render(&messages, false));
        let error = text.map(|text| text.len()).unwrap_err().to_string();
        assert!(error.starts_with("chat_template.jinja: "), "{source}: {error}");
        assert!(!error.contains("failed ("), "{source}: {error}");
    }
}

/// What lists are for in templates of models goes on working.
#[test]
fn lists_that_grow_by_a_turn_are_no_trouble() {
    let source = "{% set ns = namespace(all=[]) %}{% for m in messages %}{% set ns.all = ns.all + [m] %}{% endfor %}\
        {% for m in ns.all[::-1] %}{{ m.role[0] }}{{ m.content }}{% endfor %}{{ {'a': [1]} | tojson(indent=2) }}\
        {{ '{:>3}|{}'.format(7, 'x') }}{% set a, b = [1, 2] %}{{ a + b }}{% macro t(x) %}<{{ x }}>{% endmacro %}{{ t(a) }}";
    let messages: Vec<Message> = (0..200).map(|turn| Message::new("user", format!("{turn};"))).collect();
    let template = Template::new("chat_template.jinja", Some(source), None, None).unwrap();
    let text = template.render(&messages, false).unwrap();
    let mut wanted: String = (0..200).rev().map(|turn| format!("u{turn};")).collect();
    wanted.push_str("{\n  \"a\": [\n    1\n  ]\n}  7|x3<1>");
    assert_eq!(text, wanted);
}

fn tuneplan(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_tuneplan")).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn profiles_whose_bands_cannot_be_are_refused_with_line_and_key() {
    for name in ["profile-sum-off", "profile-tensors-over-reserved"] {
        let folder = tempfile::tempdir().unwrap();
        let text = std::fs::read_to_string(format!("{HOSTILE}/{name}.ron")).unwrap();
        std::fs::write(folder.path().join("ours.ron"), &text).unwrap();
        let (code, _, said) = tuneplan(&["estimate", "--profiles", folder.path().to_str().unwrap()]);
        let column = text.find("reserved:").unwrap() + 1;
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains(&format!("ours.ron:1:{column}: `reserved`: ")), "{said}");
    }
    let shipped = std::fs::read_to_string("assets/profiles/hf-trainer.ron").unwrap();
    let line = |key: &str| shipped.lines().position(|line| line.trim_start().starts_with(key)).unwrap() + 1;
    for (from, to, key) in [
        ("tensors: (low: 0.99, expected: 1.0", "tensors: (low: 0.5, expected: 0.9", "tensors:"),
        ("tensors: (low: 0.99, expected: 1.0", "tensors: (low: NaN, expected: 1.0", "tensors:"),
        ("reserved: (low: 1.0, expected: 1.3, high: 1.9", "reserved: (low: 1.0, expected: 1.3, high: 1e9", "reserved:"),
        ("forward_logit_bytes: ", "forward_logit_bytes: Some(-1.0), //", "forward_logit_bytes:"),
        ("fused_logit_bytes: ", "fused_logit_bytes: Some(inf), //", "fused_logit_bytes:"),
        ("context_mib: (low: 140", "context_mib: (low: 9999", "context_mib:"),
    ] {
        let wrong = shipped.replacen(from, to, 1);
        assert_ne!(wrong, shipped, "{from}");
        let error = Profiles::embedded().merged_with(&wrong).unwrap_err();
        assert!(error.starts_with(&format!("{}:", line(key))), "{error}");
        assert!(error.contains(&format!("`{}`", key.trim_end_matches(':'))), "{error}");
    }
}

#[test]
fn figures_beyond_what_is_counted_with_do_not_wrap_around() {
    // A cache that pays after some 10^31 uses never pays.
    let (code, out, said) = tuneplan(&["decide", &format!("{HOSTILE}/cache-factor.ron"), "--json"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(out.contains("\"cache_pays_from_uses\": null"), "{out}");
    // A vocabulary of 9.2 × 10^17 is not that of the model whose name the row has.
    let rows = std::fs::read_to_string(format!("{HOSTILE}/rows-vocabulary-overflow.csv")).unwrap();
    let cases = read_cases(&rows, Catalog::embedded(), Profiles::embedded()).unwrap();
    assert_eq!((cases.cases.len(), cases.skipped.len()), (0, 1), "{:?}", cases.skipped);
    let config = std::fs::read_to_string(format!("{HOSTILE}/config-negative-rope-theta.json")).unwrap();
    let with = |key: &str, value: &str| {
        let mut config: serde_json::Value = serde_json::from_str(&config).unwrap();
        config["rope_parameters"][key] = serde_json::from_str(value).unwrap();
        LlamaConfig::from_json(&config).map(drop).map_err(|error| error.to_string())
    };
    for theta in ["-1", "0", "0.5", "1e-300"] {
        assert!(with("rope_theta", theta).unwrap_err().contains("`rope_theta`"), "{theta}");
    }
    assert!(with("rope_theta", "10000").is_ok());
}

#[test]
fn labels_of_a_name_with_a_sign_in_front_are_the_same_person_s_after_reading() {
    let text = std::fs::read_to_string(format!("{HOSTILE}/labels-name-at-sign.csv")).unwrap();
    let tally = from_csv(&Tally::default(), &text).unwrap();
    assert_eq!(tally.annotators[0].name, "@");
    assert_eq!(from_csv(&Tally::default(), &to_csv(&tally)).unwrap(), tally);
    // Of both files together one person has the labels.
    assert_eq!(from_csv(&tally, &to_csv(&tally)).unwrap().annotators.len(), 1);
}

#[test]
fn a_calibration_that_is_off_stays_off_without_a_peak() {
    let mut plan = Plan::default();
    plan.measured.calibrate = false;
    assert_eq!(read(&write(&plan, &[])).unwrap().plan, plan);
}

/// A file that nobody tests is a case that comes back.
#[test]
fn every_hostile_file_is_tested() {
    let own = std::fs::read_to_string("tests/it/hostile_input.rs").unwrap();
    for entry in std::fs::read_dir(HOSTILE).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let short = name.trim_start_matches("chat-template-").trim_start_matches("tokenizer-");
        assert!(own.contains(&format!("\"{short}\"")) || own.contains(&format!("/{name}.")), "{name}");
    }
}

/// A number that does not equal itself is no share of anything: the plan would read back as another one.
#[test]
fn a_shape_with_a_number_that_is_none_is_refused_with_its_place() {
    use tuneplan::plan::{ModelSource, Plan, file};
    let config = r#"{"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 64, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 128, "vocab_size": 100}"#;
    let architecture = Box::new(tuneplan::architecture::from_config_text(config).unwrap());
    let mut plan = Plan::default();
    plan.model.source = ModelSource::File { path: "config.json".to_owned(), architecture };
    let text = file::write(&plan, &[]);
    assert_eq!(file::read(&text).unwrap().plan, plan);
    let damaged = text.replace("dropout: 0.0", "dropout: NaN");
    assert_ne!(damaged, text);
    let loaded = file::read(&damaged).unwrap();
    assert!(matches!(loaded.plan.model.source, ModelSource::Catalog(_)));
    let line = damaged.lines().position(|line| line.contains("dropout: NaN")).unwrap() + 1;
    let remark = loaded.diagnostics.iter().find(|remark| remark.message.contains("finite")).unwrap();
    assert_eq!(remark.line, line);
}
