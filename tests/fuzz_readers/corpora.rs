//! Files and texts from which mutation begins.

use std::fs;
use std::path::{Path, PathBuf};
use tuneplan::app::settings::Settings;
use tuneplan::architecture::from_config_text;
use tuneplan::data::template::PLAIN;
use tuneplan::plan::decision::{Decision, decision_text, read_answers};
use tuneplan::plan::field::{FieldValue, fields};
use tuneplan::plan::file::write;
use tuneplan::plan::{ModelSource, Plan, templates};

pub fn bytes_of(path: &str) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

pub fn texts(all: &[&str]) -> Vec<Vec<u8>> {
    all.iter().map(|text| text.as_bytes().to_vec()).collect()
}

pub fn folder(path: &str, ending: &str) -> Vec<Vec<u8>> {
    let mut paths: Vec<PathBuf> = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|found| found == ending));
    paths.sort();
    assert!(!paths.is_empty(), "{path}");
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// Files that once did harm.
pub fn hostile(beginning: &str) -> Vec<Vec<u8>> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir("tests/fixtures/hostile").unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.file_name().unwrap().to_str().unwrap().starts_with(beginning));
    paths.sort();
    assert!(!paths.is_empty(), "{beginning}");
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

pub fn plans() -> Vec<Vec<u8>> {
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
pub fn configs() -> Vec<Vec<u8>> {
    let cases = folder("tests/fixtures/configs", "json").into_iter().flat_map(|text| {
        let cases: Vec<serde_json::Value> = serde_json::from_slice(&text).unwrap();
        cases.into_iter().take(2).map(|case| case["config"].to_string().into_bytes())
    });
    cases.collect()
}

pub fn llama() -> Vec<u8> {
    let case: serde_json::Value = serde_json::from_slice(&bytes_of("tests/fixtures/headers/llama.json")).unwrap();
    case["config"].to_string().into_bytes()
}

pub fn safetensors_files() -> Vec<Vec<u8>> {
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

pub fn indexes() -> Vec<Vec<u8>> {
    texts(&[
        r#"{"metadata":{"total_size":32},"weight_map":{"model.embed_tokens.weight":"a.safetensors"}}"#,
        r#"{"weight_map":{"model.embed_tokens.weight":"a.safetensors","model.norm.weight":"b.safetensors"}}"#,
        r#"{"weight_map":{"model.embed_tokens.weight":"../a.safetensors"}}"#,
    ])
}

pub fn decisions() -> Vec<Vec<u8>> {
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

pub fn measurement_files() -> Vec<Vec<u8>> {
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

pub fn example_files() -> Vec<Vec<u8>> {
    texts(&[
        "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\",\"content\":\"b\"}]}\n{\"text\":\"a\"}\n",
        "{\"conversations\":[{\"from\":\"human\",\"value\":\"a\"},{\"from\":\"gpt\",\"value\":\"b\"}]}",
        "{\"instruction\":\"a\",\"input\":\"\",\"output\":\"b\",\"history\":[[\"q\",\"w\"]]}",
        "{\"prompt\":[{\"role\":\"user\",\"content\":\"a\"}],\"completion\":[{\"role\":\"assistant\",\"content\":\"b\"}]}",
        "[{\"q\": \"a\", \"a\": [1, {\"b\": null}]}, 2]",
        "question,answer\n\"a, b\",c\n\"d\ne\",f\n",
    ])
}

pub fn label_files() -> Vec<Vec<u8>> {
    let mut all = hostile("labels-");
    all.extend(texts(&[
        "example,annotator,label,key\n1,A,format,f\n2,A,missing,m\n1,\"B, b\",right,r\n",
        "example,annotator,label\n1,'@a,f\n10000,=x,style\n",
    ]));
    all
}

pub fn tokenizers() -> Vec<Vec<u8>> {
    let mut all = vec![bytes_of("tests/fixtures/chat/tokenizer.json"), bytes_of("assets/preview/tokenizer.json")];
    all.extend(hostile("tokenizer-"));
    all.extend(texts(&[
        r#"{"version":"1.0","added_tokens":[{"id":0,"content":"<s>","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true}],"normalizer":{"type":"Sequence","normalizers":[{"type":"NFKC"},{"type":"Lowercase"},{"type":"Strip","strip_left":true,"strip_right":true},{"type":"Replace","pattern":{"Regex":" +"},"content":" "},{"type":"Prepend","prepend":"_"}]},"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":"\\s+"},"behavior":"Isolated","invert":false},{"type":"Digits","individual_digits":true}]},"post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],"pair":[{"Sequence":{"id":"A","type_id":0}}],"special_tokens":{"<s>":{"id":"<s>","ids":[0],"tokens":["<s>"]}}},"decoder":{"type":"Sequence","decoders":[{"type":"ByteFallback"},{"type":"Fuse"},{"type":"Strip","content":" ","start":1,"stop":0}]},"model":{"type":"BPE","dropout":null,"unk_token":"<s>","fuse_unk":true,"byte_fallback":true,"vocab":{"<s>":0,"a":1,"b":2,"ab":3},"merges":["a b"]}}"#,
        r#"{"version":"1.0","truncation":{"max_length":4,"strategy":"LongestFirst","stride":0},"padding":null,"added_tokens":[],"normalizer":null,"pre_tokenizer":{"type":"Metaspace","replacement":"_","prepend_scheme":"always","split":true},"post_processor":null,"decoder":null,"model":{"type":"Unigram","unk_id":0,"vocab":[["<unk>",0.0],["a",-1.0],["_a",-2.5],["b",-3]],"byte_fallback":false}}"#,
        r###"{"version":"1.0","added_tokens":[],"normalizer":{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":null,"lowercase":true},"pre_tokenizer":{"type":"BertPreTokenizer"},"post_processor":null,"decoder":{"type":"WordPiece","prefix":"##","cleanup":true},"model":{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##","max_input_chars_per_word":100,"vocab":{"[UNK]":0,"a":1,"##b":2}}}"###,
    ]));
    all
}

pub fn chat_templates() -> Vec<Vec<u8>> {
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

pub fn preview_configs() -> Vec<Vec<u8>> {
    let mut all = folder("tests/fixtures/families", "json");
    all.push(bytes_of("assets/preview/config.json"));
    all.extend(hostile("config-"));
    all
}

pub fn setting_files() -> Vec<Vec<u8>> {
    let mut settings = Settings { author: "a \"b\"".to_owned(), ..Settings::default() };
    settings.remember(Path::new("a/b.plan.ron"));
    let mut all = texts(&[&Settings::default().to_text(), &settings.to_text(), "(zoom: 1e30)"]);
    all.push(b"(theme: Dark, author: \"caf\xe9\")".to_vec());
    all
}

pub fn pasted() -> Vec<Vec<u8>> {
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

pub fn typed() -> Vec<Vec<u8>> {
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

pub fn catalogues() -> Vec<Vec<u8>> {
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
pub fn entries(text: &str) -> Vec<&str> {
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

/// Configurations of training engines.
pub fn engine_files() -> Vec<Vec<u8>> {
    let mut all = folder("tests/fixtures/import", "yml");
    all.extend(["yaml", "json", "sh"].iter().flat_map(|ending| folder("tests/fixtures/import", ending)));
    all
}

/// Out-of-memory messages.
pub fn messages() -> Vec<Vec<u8>> {
    texts(&[
        "CUDA out of memory. Tried to allocate 112.00 MiB. GPU 0 has a total capacity of 79.15 GiB of which 27.69 MiB is free. \
         Process 11 has 9.19 GiB memory in use. Including non-PyTorch memory, this process has 69.1 GiB memory in use. Of the \
         allocated memory 68.42 GiB is allocated by PyTorch, and 117.75 MiB is reserved by PyTorch but unallocated.",
        "RuntimeError: CUDA out of memory. Tried to allocate 1.44 GiB (GPU 0; 15.78 GiB total capacity; 10.88 GiB already allocated)",
        "RESOURCE_EXHAUSTED: Out of memory while trying to allocate 1049100288 bytes.",
        "Ran out of memory in memory space hbm. Used 63.80G of 30.75G hbm. f32[32,4096,4096]",
        "with the models's max seq len (65536), (8.0 GiB KV cache is needed, which is larger than 3.18 GiB).",
        "MPS backend out of memory (max allowed: 20.40 GB). Tried to allocate 147.24 MB on private pool.",
        "ggml_allocr_alloc: not enough space in the buffer (needed 409600000, largest block available 339804192)",
    ])
}

pub fn data_files() -> Vec<Vec<u8>> {
    texts(&[
        "{\"messages\": [{\"role\": \"user\", \"content\": \"a é\"}, {\"role\": \"assistant\", \"content\": \"<think>b</think> c\"}]}\n{\"messages\": []}\n",
        "[{\"instruction\": \"a\", \"input\": \"\", \"output\": \"b\"}, {\"instruction\": \"a\", \"output\": NaN}]",
        "prompt,completion,label\n\"a, b\",c,true\nd,e,false\n",
        "{\"prompt\": \"a\", \"chosen\": \"b\", \"rejected\": \"b\"}\n{\"prompt\": \"a\", \"chosen\": [{\"role\": \"assistant\", \"content\": \"<|im_end|>\"}], \"rejected\": null}\n",
        "{\"conversations\": [{\"from\": \"human\", \"value\": \"a\"}, {\"from\": \"gpt\", \"value\": \"b\"}], \"tools\": \"[{\\\"name\\\": \\\"f\\\"}]\"}\n",
        "a line of text\n\nanother\u{feff} one\n",
    ])
}
