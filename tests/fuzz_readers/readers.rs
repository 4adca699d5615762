//! The readers: what goes in, from which files mutation begins, and what must hold of what is accepted.
#![allow(clippy::unnecessary_wraps, reason = "all readers are tried alike")]

use std::fs;
use std::path::{Path, PathBuf};
use tuneplan::app::settings::Settings;
use tuneplan::architecture::{self, Architecture, from_config_text};
use tuneplan::catalog::Catalog;
use tuneplan::decide::break_even::break_even;
use tuneplan::decide::recommend;
use tuneplan::decide::tally;
use tuneplan::estimate::profile::Profiles;
use tuneplan::estimate::{Detail, Estimate, Inputs, estimate};
use tuneplan::explained::Interval;
use tuneplan::lab::Source;
use tuneplan::plan::check::{Context, check};
use tuneplan::plan::decision::{Decision, Tally, answers_text, decision_text, read_answers, read_decision};
use tuneplan::plan::field::{FieldValue, fields};
use tuneplan::plan::file::{read, write};
use tuneplan::plan::{MeasuredPeak, ModelSource, Plan, Trial, read_peaks, templates};
use tuneplan::preview::adapter;
use tuneplan::preview::config::LlamaConfig;
use tuneplan::preview::memory::{BatchTokens, predict};
use tuneplan::preview::rows::{self, Message, Row};
use tuneplan::preview::run::RunSettings;
use tuneplan::preview::template::{PLAIN, Template};
use tuneplan::preview::tokens::Tokens;
use tuneplan::theme;
use tuneplan::units::Bytes;
use tuneplan::validation::{self, validate};

/// Whether the input was accepted, or what is wrong with what came of it.
type Outcome = Result<bool, String>;

/// One reader.
pub struct Reader {
    pub name: &'static str,
    pub corpus: fn() -> Vec<Vec<u8>>,
    pub run: fn(&Tools, &[u8]) -> Outcome,
}

/// What readers of files need.
pub struct Tools {
    folder: tempfile::TempDir,
    small: LlamaConfig,
}

impl Tools {
    pub fn new() -> Self {
        let small = fs::read_to_string("tests/fixtures/peft_tiny/config.json").unwrap();
        let small = LlamaConfig::from_json(&serde_json::from_str(&small).unwrap()).unwrap();
        Self { folder: tempfile::tempdir().unwrap(), small }
    }

    /// A file with these bytes.
    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }
}

pub fn readers() -> Vec<Reader> {
    let reader = |name, corpus, run| Reader { name, corpus, run };
    vec![
        reader("plan", plans, plan),
        reader("config", configs, config),
        reader("safetensors", safetensors_files, safetensors),
        reader("index", indexes, index),
        reader("gguf", || folder("tests/fixtures/gguf", "gguf"), gguf),
        reader("answers", || folder("tests/fixtures/decide", "ron"), answers),
        reader("decision", decisions, decision),
        reader("measurements", measurement_files, measurements),
        reader("profile", || folder("assets/profiles", "ron"), profile),
        reader("theme", || folder("assets/theme", "ron"), theme_file),
        reader("examples", example_files, examples),
        reader("labels", label_files, labels),
        reader("tokenizer", tokenizers, tokenizer),
        reader("template", chat_templates, template),
        reader("preview-config", preview_configs, preview_config),
        reader("adapter-config", || vec![bytes_of("tests/fixtures/peft_tiny/adapter_config.json")], adapter_config),
        reader(
            "adapter-weights",
            || vec![bytes_of("tests/fixtures/peft_tiny/adapter_model.safetensors")],
            adapter_weights,
        ),
        reader("settings", setting_files, settings),
        reader("peaks", pasted, peaks),
        reader("field-values", typed, field_values),
        reader("catalogue", catalogues, catalogue),
    ]
}

// Corpora.

fn bytes_of(path: &str) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn texts(all: &[&str]) -> Vec<Vec<u8>> {
    all.iter().map(|text| text.as_bytes().to_vec()).collect()
}

fn folder(path: &str, ending: &str) -> Vec<Vec<u8>> {
    let mut paths: Vec<PathBuf> = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|found| found == ending));
    paths.sort();
    assert!(!paths.is_empty(), "{path}");
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// Files that once did harm.
fn hostile(beginning: &str) -> Vec<Vec<u8>> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir("tests/fixtures/hostile").unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.file_name().unwrap().to_str().unwrap().starts_with(beginning));
    paths.sort();
    assert!(!paths.is_empty(), "{beginning}");
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

fn plans() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = templates().iter().map(|template| write(&template.plan, &[]).into_bytes()).collect();
    all.push(bytes_of("tests/fixtures/schema-0.plan.ron"));
    let mut measured = Plan::default();
    measured.measured.peaks = vec!["reserved 18.42 GiB of 17 GiB expected: 4090".parse().unwrap()];
    measured.measured.trials = vec!["loss 5.4 to 0.2, exact 12 of 48: NF4".parse().unwrap()];
    let llama = String::from_utf8(llama()).unwrap();
    let architecture = Box::new(from_config_text(&llama).unwrap());
    measured.model.source = ModelSource::File { path: "model/config.json".to_owned(), architecture };
    all.push(write(&measured, &[]).into_bytes());
    all.extend(texts(&["(schema: 1)", "(schema: 1, my_key: \"kept\",)", "(schema: 1, measured: (calibrate: false))"]));
    all
}

/// The configurations of the fixtures, which stand in lists with what they count.
fn configs() -> Vec<Vec<u8>> {
    let cases = folder("tests/fixtures/configs", "json").into_iter().flat_map(|text| {
        let cases: Vec<serde_json::Value> = serde_json::from_slice(&text).unwrap();
        cases.into_iter().take(2).map(|case| case["config"].to_string().into_bytes())
    });
    cases.collect()
}

fn llama() -> Vec<u8> {
    let case: serde_json::Value = serde_json::from_slice(&bytes_of("tests/fixtures/headers/llama.json")).unwrap();
    case["config"].to_string().into_bytes()
}

fn safetensors_files() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = folder("tests/fixtures/headers", "json")
        .into_iter()
        .map(|case| {
            let case: serde_json::Value = serde_json::from_slice(&case).unwrap();
            case["header"].to_string().into_bytes()
        })
        .filter(|header| header.len() < 32 << 10)
        .map(|header| [&(header.len() as u64).to_le_bytes()[..], &header].concat())
        .collect();
    all.push(bytes_of("tests/fixtures/peft_tiny/adapter_model.safetensors"));
    let json = r#"{"model.embed_tokens.weight":{"dtype":"F32","shape":[4,2],"data_offsets":[0,32]}}"#;
    all.push([&(json.len() as u64).to_le_bytes()[..], json.as_bytes(), &[0; 32]].concat());
    all
}

fn indexes() -> Vec<Vec<u8>> {
    texts(&[
        r#"{"metadata":{"total_size":32},"weight_map":{"model.embed_tokens.weight":"a.safetensors"}}"#,
        r#"{"weight_map":{"model.embed_tokens.weight":"a.safetensors","model.norm.weight":"b.safetensors"}}"#,
        r#"{"weight_map":{"model.embed_tokens.weight":"../a.safetensors"}}"#,
    ])
}

fn decisions() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = folder("tests/fixtures/decide", "ron")
        .iter()
        .filter_map(|text| read_answers(std::str::from_utf8(text).ok()?).ok())
        .map(|answers| {
            let decision = Decision { answers, reasoning: "why\nso".to_owned(), ..Decision::default() };
            decision_text(&decision).into_bytes()
        })
        .collect();
    all.extend(texts(&[
        "(answers: (), tally: (file: \"a\", examples: 3, annotators: [(name: \"b\", labels: \"fm\")]))",
    ]));
    all
}

fn measurement_files() -> Vec<Vec<u8>> {
    // The first rows of each: predicting all takes long.
    let short = |path: &str, rows: usize| {
        let text = String::from_utf8(bytes_of(path)).unwrap();
        text.lines().take(rows).map(|line| format!("{line}\n")).collect::<String>().into_bytes()
    };
    let mut all = hostile("rows-");
    all.extend(["published-memory.csv", "truth-dev.csv", "truth-extra.csv"].iter().flat_map(|name| {
        let path = format!("assets/validation/{name}");
        [short(&path, 2), short(&path, 4)]
    }));
    all
}

fn example_files() -> Vec<Vec<u8>> {
    texts(&[
        "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\",\"content\":\"b\"}]}\n{\"text\":\"a\"}\n",
        "{\"conversations\":[{\"from\":\"human\",\"value\":\"a\"},{\"from\":\"gpt\",\"value\":\"b\"}]}",
        "{\"instruction\":\"a\",\"input\":\"\",\"output\":\"b\",\"history\":[[\"q\",\"w\"]]}",
        "{\"prompt\":[{\"role\":\"user\",\"content\":\"a\"}],\"completion\":[{\"role\":\"assistant\",\"content\":\"b\"}]}",
        "[{\"q\": \"a\", \"a\": [1, {\"b\": null}]}, 2]",
        "question,answer\n\"a, b\",c\n\"d\ne\",f\n",
    ])
}

fn label_files() -> Vec<Vec<u8>> {
    let mut all = hostile("labels-");
    all.extend(texts(&[
        "example,annotator,label,key\n1,A,format,f\n2,A,missing,m\n1,\"B, b\",right,r\n",
        "example,annotator,label\n1,'@a,f\n10000,=x,style\n",
    ]));
    all
}

fn tokenizers() -> Vec<Vec<u8>> {
    let mut all = vec![bytes_of("tests/fixtures/chat/tokenizer.json"), bytes_of("assets/preview/tokenizer.json")];
    all.extend(hostile("tokenizer-"));
    all.extend(texts(&[
        r#"{"version":"1.0","added_tokens":[{"id":0,"content":"<s>","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true}],"normalizer":{"type":"Sequence","normalizers":[{"type":"NFKC"},{"type":"Lowercase"},{"type":"Strip","strip_left":true,"strip_right":true},{"type":"Replace","pattern":{"Regex":" +"},"content":" "},{"type":"Prepend","prepend":"_"}]},"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":"\\s+"},"behavior":"Isolated","invert":false},{"type":"Digits","individual_digits":true}]},"post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],"pair":[{"Sequence":{"id":"A","type_id":0}}],"special_tokens":{"<s>":{"id":"<s>","ids":[0],"tokens":["<s>"]}}},"decoder":{"type":"Sequence","decoders":[{"type":"ByteFallback"},{"type":"Fuse"},{"type":"Strip","content":" ","start":1,"stop":0}]},"model":{"type":"BPE","dropout":null,"unk_token":"<s>","fuse_unk":true,"byte_fallback":true,"vocab":{"<s>":0,"a":1,"b":2,"ab":3},"merges":["a b"]}}"#,
        r#"{"version":"1.0","truncation":{"max_length":4,"strategy":"LongestFirst","stride":0},"padding":null,"added_tokens":[],"normalizer":null,"pre_tokenizer":{"type":"Metaspace","replacement":"_","prepend_scheme":"always","split":true},"post_processor":null,"decoder":null,"model":{"type":"Unigram","unk_id":0,"vocab":[["<unk>",0.0],["a",-1.0],["_a",-2.5],["b",-3]],"byte_fallback":false}}"#,
        r###"{"version":"1.0","added_tokens":[],"normalizer":{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":null,"lowercase":true},"pre_tokenizer":{"type":"BertPreTokenizer"},"post_processor":null,"decoder":{"type":"WordPiece","prefix":"##","cleanup":true},"model":{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##","max_input_chars_per_word":100,"vocab":{"[UNK]":0,"a":1,"##b":2}}}"###,
    ]));
    all
}

fn chat_templates() -> Vec<Vec<u8>> {
    let expected: Vec<serde_json::Value> =
        serde_json::from_slice(&bytes_of("tests/fixtures/chat/expected.json")).unwrap();
    let mut all: Vec<Vec<u8>> =
        expected.iter().filter_map(|case| Some(case["source"].as_str()?.as_bytes().to_vec())).collect();
    all.extend(hostile("chat-template-"));
    all.extend(texts(&[
        PLAIN,
        "{%- macro turn(m, n=1) -%}{{ '<' ~ m['role'] + '>' }}{{ m.content | trim }}{%- endmacro -%}{% for m in messages %}{{ turn(m) }}{% endfor %}",
        "{% set ns = namespace(found=false, all=[]) %}{% for m in messages[::-1] %}{% set ns.all = ns.all + [m] %}{% endfor %}{{ ns.all | tojson(indent=2) }}",
        "{{ messages | map(attribute='content') | join(', ') | replace('a', 'bb') | indent(4) }}{{ '%s-%5d' | format('a', 3) }}{{ '{:>8}'.format(3) }}",
        "{% if messages[0]['role'] == 'system' %}{% set rest = messages[1:] %}{% else %}{% set rest = messages %}{% endif %}{% for m in rest if m.role in ['user', 'assistant'] %}{{ loop.index0 }}{{ m.content.split('</think>')[-1].strip() }}{% endfor %}",
        "{% for k, v in {'a': 1, 'b': [1, 2]} | items %}{{ k }}{{ v | string | upper }}{% endfor %}{{ range(5) | list | sum }}{{ raise_exception('no') }}",
        "{% for row in [[1, [2]], [3]] recursive %}{% if row is iterable %}{{ loop(row) }}{% else %}{{ row ** 2 }}{% endif %}{% endfor %}",
        "{{ messages | batch(2) | list | zip([1]) | unique | sort | groupby(0) | dictsort | pprint }}",
    ]));
    all
}

fn preview_configs() -> Vec<Vec<u8>> {
    let mut all = folder("tests/fixtures/families", "json");
    all.push(bytes_of("assets/preview/config.json"));
    all.extend(hostile("config-"));
    all
}

fn setting_files() -> Vec<Vec<u8>> {
    let mut settings = Settings { author: "a \"b\"".to_owned(), ..Settings::default() };
    settings.remember(Path::new("a/b.plan.ron"));
    let mut all = texts(&[&Settings::default().to_text(), &settings.to_text(), "(zoom: 1e30)"]);
    all.push(b"(theme: Dark, author: \"caf\xe9\")".to_vec());
    all
}

fn pasted() -> Vec<Vec<u8>> {
    texts(&[
        "max_memory_reserved: 19778240512\ntorch.cuda.max_memory_allocated(0) = 17.5 GiB\n{'allocated_bytes.all.peak': 1048576000,",
        "| Allocated memory      |   1024 KiB |   2048 MiB |  50000 MiB |  49999 MiB |\n| GPU reserved memory   |   2560 MiB |   3072 MiB |   3072 MiB |      0 B   |",
        "| 30%   45C    P2    120W / 450W |  18862MiB / 24564MiB |     97%      Default |",
        "note,metric,peak_gib\n\"4090, torch 2.9\",max_memory_reserved,18.5\nother,nvidia-smi,20\n",
        "reserved 18.42 GiB of 17 GiB expected: 2026-11-24, 4090; torch",
        "loss 5.449 to 0.184, exact 12 of 48, text 0.212 to 0.601, memory 212.0 MiB of 198.5 MiB: 2026-11-24, NF4",
        "24GiB",
        "80 GB",
        "1,024 MiB",
    ])
}

fn typed() -> Vec<Vec<u8>> {
    let plan = templates().iter().map(|template| &template.plan);
    let mut all: Vec<Vec<u8>> = Vec::new();
    for plan in plan {
        for field in fields() {
            if let Some(value) = (field.get)(plan) {
                let text = match value {
                    FieldValue::Integer(number) => number.to_string(),
                    FieldValue::Decimal(number) => number.to_string(),
                    FieldValue::Unset => "none".to_owned(),
                    FieldValue::Toggle(on) => if on { "on" } else { "off" }.to_owned(),
                    FieldValue::Id(text) | FieldValue::Text(text) => text,
                    FieldValue::Counts(counts) => format!("{counts:?}").replace(['[', ']'], ""),
                    FieldValue::List(list) => list.join(","),
                };
                all.push(format!("{}={text}", field.id).into_bytes());
            }
        }
    }
    all.extend(texts(&["batch.sequence_length=8k", "batch.sequence_length=4_096", "measured.peaks=reserved 3 GiB"]));
    all
}

fn catalogues() -> Vec<Vec<u8>> {
    // Entries as they are shipped, one or two of each list.
    let mut all = texts(&["()", "(models: [], accelerators: [], formats: [])"]);
    for (list, path) in [
        ("accelerators", "assets/catalog/accelerators.ron"),
        ("formats", "assets/catalog/formats.ron"),
        ("models", "assets/catalog/models.ron"),
    ] {
        let text = String::from_utf8(bytes_of(path)).unwrap();
        let entries = entries(&text);
        assert!(entries.len() > 3, "{path}");
        for entry in entries.iter().take(3) {
            all.push(format!("({list}: [{entry}])").into_bytes());
        }
    }
    all
}

/// Top-level tuples of a list in RON.
fn entries(text: &str) -> Vec<&str> {
    let (mut depth, mut start, mut found, mut in_text) = (0, 0, Vec::new(), false);
    for (at, c) in text.char_indices() {
        match c {
            '"' => in_text = !in_text,
            '(' if !in_text => {
                if depth == 0 {
                    start = at;
                }
                depth += 1;
            }
            ')' if !in_text && depth > 0 => {
                depth -= 1;
                if depth == 0 {
                    found.push(&text[start..=at]);
                }
            }
            _ => {}
        }
    }
    found
}

// What must hold.

fn ordered(name: &str, interval: Interval) -> Result<(), String> {
    if interval.low <= interval.expected && interval.expected <= interval.high {
        return Ok(());
    }
    Err(format!("{name} is not in order: {interval:?}"))
}

fn sound(found: &Estimate) -> Result<(), String> {
    for (name, interval) in [("tensors", found.tensors), ("reserved", found.reserved), ("process", found.process)] {
        ordered(name, interval)?;
    }
    if found.tensors.expected > found.reserved.expected || found.reserved.expected > found.process.expected {
        return Err(format!("tensors, reserved and process do not rise: {found:?}"));
    }
    if found.at_peak.total() != found.process.expected {
        return Err(format!(
            "components give {} and the process has {}",
            found.at_peak.total(),
            found.process.expected
        ));
    }
    Ok(())
}

/// Estimates a plan, with its derivations, and remarks on it.
fn estimated(plan: &Plan, profiles: &Profiles) -> Result<(), String> {
    let Ok(inputs) = Inputs::resolve(plan, Catalog::embedded(), profiles) else { return Ok(()) };
    sound(&estimate(&inputs, Detail::Explained))?;
    let context = Context {
        architecture: Some(&inputs.architecture),
        load_format: Some(inputs.load_format),
        accelerator: inputs.accelerator,
        ..Context::default()
    };
    check(plan, &context);
    Ok(())
}

fn of_shape(architecture: Architecture) -> Result<(), String> {
    let mut plan = Plan::default();
    plan.model.source = ModelSource::File { path: "model".to_owned(), architecture: Box::new(architecture) };
    estimated(&plan, Profiles::embedded())
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

fn plan(_: &Tools, bytes: &[u8]) -> Outcome {
    let Some(Ok(loaded)) = text(bytes).map(read) else { return Ok(false) };
    let written = write(&loaded.plan, &loaded.unknown);
    let again = read(&written).map_err(|error| format!("what was written does not read: {error}\n{written}"))?;
    // NaN is not equal to itself, and is no figure of a plan.
    if again.plan != loaded.plan {
        return Err(format!("another plan reads back:\n{written}"));
    }
    estimated(&loaded.plan, Profiles::embedded())?;
    Ok(true)
}

fn config(_: &Tools, bytes: &[u8]) -> Outcome {
    let Some(Ok(architecture)) = text(bytes).map(from_config_text) else { return Ok(false) };
    of_shape(architecture)?;
    Ok(true)
}

/// A model's file or folder, and the values of its first tensors.
fn model(path: &Path) -> Outcome {
    let found = architecture::read(path);
    if let Ok(source) = Source::open(path) {
        for entry in source.entries.iter().take(2) {
            // Only what is in the file can be read.
            let _ = source.read(entry, 0, entry.tensor.values.min(256));
        }
    }
    let Ok(found) = found else { return Ok(false) };
    of_shape(found.architecture)?;
    Ok(true)
}

fn safetensors(tools: &Tools, bytes: &[u8]) -> Outcome {
    model(&tools.file("model.safetensors", bytes))
}

fn index(tools: &Tools, bytes: &[u8]) -> Outcome {
    let path = tools.file("sharded/model.safetensors.index.json", bytes);
    let folder = path.parent().unwrap();
    for name in ["a.safetensors", "b.safetensors"] {
        let shard = folder.join(name);
        if !shard.exists() {
            let tensor = if name.starts_with('a') { "model.embed_tokens.weight" } else { "model.norm.weight" };
            let json = format!(r#"{{"{tensor}":{{"dtype":"F32","shape":[4,2],"data_offsets":[0,32]}}}}"#);
            fs::write(shard, [&(json.len() as u64).to_le_bytes()[..], json.as_bytes(), &[0; 32]].concat()).unwrap();
        }
    }
    let config = folder.join("config.json");
    if !config.exists() {
        fs::write(config, llama()).unwrap();
    }
    model(folder)
}

fn gguf(tools: &Tools, bytes: &[u8]) -> Outcome {
    model(&tools.file("model.gguf", bytes))
}

fn answers(_: &Tools, bytes: &[u8]) -> Outcome {
    let Some(Ok(answers)) = text(bytes).map(read_answers) else { return Ok(false) };
    recommend(&answers);
    if let Some(costs) = &answers.costs {
        let found = break_even(costs);
        if found.cache_pays_from_uses == Some(0) {
            return Err("a cache pays before it is used".to_owned());
        }
    }
    let written = answers_text(&answers);
    let again =
        read_answers(&written).map_err(|error| format!("what was written does not read: {error}\n{written}"))?;
    if again == answers { Ok(true) } else { Err(format!("other answers read back:\n{written}")) }
}

fn decision(_: &Tools, bytes: &[u8]) -> Outcome {
    let Some(Ok(decision)) = text(bytes).map(read_decision) else { return Ok(false) };
    tally::failures(&decision.tally);
    tally::agreement(&decision.tally);
    let written = decision_text(&decision);
    let again =
        read_decision(&written).map_err(|error| format!("what was written does not read: {error}\n{written}"))?;
    if again == decision { Ok(true) } else { Err(format!("another decision reads back:\n{written}")) }
}

fn measurements(_: &Tools, bytes: &[u8]) -> Outcome {
    let Some(text) = text(bytes) else { return Ok(false) };
    let (catalog, profiles) = (Catalog::embedded(), Profiles::embedded());
    let Ok(cases) = validation::read_cases(text, catalog, profiles) else { return Ok(false) };
    // A repeated row costs its time again and finds nothing new.
    if cases.cases.len() < 50 {
        let _ = validate(text, catalog, profiles);
    }
    Ok(true)
}

fn profile(_: &Tools, bytes: &[u8]) -> Outcome {
    let Some(Ok(profiles)) = text(bytes).map(|text| Profiles::embedded().merged_with(text)) else { return Ok(false) };
    for known in &profiles.entries {
        if Profiles::embedded().get(&known.id) == Some(known) {
            continue;
        }
        for template in templates() {
            let mut plan = template.plan.clone();
            plan.runtime.profile.clone_from(&known.id);
            estimated(&plan, &profiles)?;
        }
    }
    Ok(true)
}

fn theme_file(_: &Tools, bytes: &[u8]) -> Outcome {
    let Some(text) = text(bytes) else { return Ok(false) };
    Ok(theme::Tokens::from_ron(text).is_ok() | theme::Scale::from_ron(text).is_ok())
}

fn examples(_: &Tools, bytes: &[u8]) -> Outcome {
    let (rows, _) = rows::read(bytes);
    let nothing = rows.iter().find(|(_, row)| match row {
        Row::Chat(messages) => !messages.iter().any(|message| message.learned),
        Row::Pair { .. } | Row::Text(_) => false,
    });
    if let Some((line, _)) = nothing {
        return Err(format!("line {line} is an example of which nothing is learned"));
    }
    Ok(tally::read_examples(bytes).is_ok() | !rows.is_empty())
}

fn labels(_: &Tools, bytes: &[u8]) -> Outcome {
    let empty = Tally::default();
    let Some(Ok(tally)) = text(bytes).map(|text| tally::from_csv(&empty, text)) else { return Ok(false) };
    let written = tally::to_csv(&tally);
    let again = tally::from_csv(&empty, &written).map_err(|error| format!("{error}\n{written}"))?;
    if again == tally { Ok(true) } else { Err(format!("other labels read back: {tally:?} {again:?}")) }
}

fn tokenizer(_: &Tools, bytes: &[u8]) -> Outcome {
    let null = serde_json::Value::Null;
    let Ok(tokens) = Tokens::from_bytes("tokenizer.json", bytes.to_vec(), Some("</s>"), &null) else {
        return Ok(false);
    };
    for (text, specials) in [("", true), ("a b 12 日本 \u{0}</s>", false), ("Hello, hello!\n\n  <s>", true)] {
        if let Ok(encoded) = tokens.encode(text, specials) {
            if encoded.ids.len() != encoded.places.len() {
                return Err("tokens and places differ in number".to_owned());
            }
            tokens.text(&encoded.ids);
        }
    }
    tokens.text(&[0, 1, u32::MAX]);
    Ok(true)
}

fn template(_: &Tools, bytes: &[u8]) -> Outcome {
    let Some(text) = text(bytes) else { return Ok(false) };
    let Ok(template) = Template::new("chat_template.jinja", Some(text), Some("<s>"), Some("</s>")) else {
        return Ok(false);
    };
    let messages = [("system", "be brief"), ("user", "a </think> {{ b }}"), ("assistant", "c"), ("user", "日本")];
    let messages: Vec<Message> = messages.into_iter().map(|(role, content)| Message::new(role, content)).collect();
    let whole = template.render(&messages, true);
    let few = template.render(&messages[1..2], false);
    Ok(whole.is_ok() | few.is_ok())
}

fn preview_config(_: &Tools, bytes: &[u8]) -> Outcome {
    let Ok(json) = serde_json::from_slice(bytes) else { return Ok(false) };
    let Ok(config) = LlamaConfig::from_json(&json) else { return Ok(false) };
    for layer in 0..config.num_hidden_layers.min(8) {
        let (theta, stretch) = config.rotary_of(layer).map_err(|error| error.to_string())?;
        let speeds = stretch.frequencies(config.head_dim().min(256), theta);
        if !speeds.iter().all(|speed| speed.is_finite()) {
            return Err(format!("angles are not finite: θ {theta}, {stretch:?}"));
        }
    }
    predict(&config, &RunSettings::default(), BatchTokens { all: 4096, counted: 1024 }, 2);
    Ok(true)
}

fn adapter_config(tools: &Tools, bytes: &[u8]) -> Outcome {
    let path = tools.file("adapter/adapter_config.json", bytes);
    let weights = path.with_file_name("adapter_model.safetensors");
    fs::copy("tests/fixtures/peft_tiny/adapter_model.safetensors", &weights).unwrap();
    Ok(adapter::load(path.parent().unwrap(), &tools.small).is_ok())
}

fn adapter_weights(tools: &Tools, bytes: &[u8]) -> Outcome {
    let path = tools.file("weights/adapter_model.safetensors", bytes);
    fs::copy("tests/fixtures/peft_tiny/adapter_config.json", path.with_file_name("adapter_config.json")).unwrap();
    Ok(adapter::load(path.parent().unwrap(), &tools.small).is_ok())
}

fn settings(tools: &Tools, bytes: &[u8]) -> Outcome {
    let path = tools.file("settings.ron", bytes);
    let (found, trouble) = Settings::load(&path);
    if !(0.1..=10.0).contains(&found.zoom()) {
        return Err(format!("a zoom of {}", found.zoom()));
    }
    if trouble.is_some() {
        return Ok(false);
    }
    let again: Result<Settings, _> = ron::from_str(&found.to_text());
    again.map_err(|error| format!("what was written does not read: {error}"))?;
    Ok(true)
}

fn peaks(_: &Tools, bytes: &[u8]) -> Outcome {
    let Some(text) = text(bytes) else { return Ok(false) };
    let mut accepted = false;
    if let Ok(peaks) = read_peaks(text) {
        accepted = true;
        for peak in peaks {
            let again: MeasuredPeak = peak.to_string().parse().map_err(|error| format!("{peak}: {error}"))?;
            if again != peak {
                return Err(format!("another peak reads back: {peak:?} {again:?}"));
            }
        }
    }
    if let Ok(trial) = text.parse::<Trial>() {
        accepted = true;
        if trial.to_string().parse::<Trial>().as_ref() != Ok(&trial) {
            return Err(format!("another trial reads back: {trial:?}"));
        }
    }
    Ok(accepted | Bytes::parse(text).is_ok())
}

fn field_values(_: &Tools, bytes: &[u8]) -> Outcome {
    let Some((id, value)) = text(bytes).and_then(|text| text.split_once('=')) else { return Ok(false) };
    let Some(field) = fields().iter().find(|field| field.id == id) else { return Ok(false) };
    let Ok(value) = FieldValue::parse(field, value) else { return Ok(false) };
    let mut plan = Plan::default();
    if field.assign(&mut plan, &value).is_err() {
        return Ok(false);
    }
    let written = write(&plan, &[]);
    let again = read(&written).map_err(|error| format!("what was written does not read: {error}\n{written}"))?;
    if again.plan != plan {
        return Err(format!("another plan reads back:\n{written}"));
    }
    estimated(&plan, Profiles::embedded())?;
    Ok(true)
}

fn catalogue(_: &Tools, bytes: &[u8]) -> Outcome {
    let Some(Ok(catalog)) = text(bytes).map(|text| Catalog::embedded().merged_with(text)) else { return Ok(false) };
    // What was added is estimated with.
    let mut plan = Plan::default();
    if let Some(model) = catalog.models.iter().find(|entry| Catalog::embedded().model(&entry.id) != Some(entry)) {
        plan.model.source = ModelSource::Catalog(model.id.clone());
    }
    if let Some(device) =
        catalog.accelerators.iter().find(|entry| Catalog::embedded().accelerator(&entry.id) != Some(entry))
    {
        plan.hardware.accelerator.clone_from(&device.id);
    }
    if let Some(format) = catalog.formats.iter().find(|entry| Catalog::embedded().format(&entry.id) != Some(entry)) {
        plan.precision.load_format.clone_from(&format.id);
    }
    if let Ok(inputs) = Inputs::resolve(&plan, &catalog, Profiles::embedded()) {
        sound(&estimate(&inputs, Detail::Explained))?;
    }
    Ok(true)
}
