//! Configurations of training engines: what each says, what it leaves unsaid, and where every key ends up.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use tuneplan::handover::account;
use tuneplan::handover::planned::planned;
use tuneplan::import::{self, Engine, Fields, Imported};
use tuneplan::plan::field::{FieldValue, field, id};

fn read(name: &str) -> Imported {
    let path = format!("tests/fixtures/import/{name}");
    let text = fs::read_to_string(&path).unwrap();
    import::read(&text, &path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[allow(clippy::unnecessary_wraps, reason = "fields are optional")]
fn text(word: &str) -> Option<String> {
    Some(word.to_owned())
}

#[test]
fn axolotl_says_qlora_and_leaves_nothing_out() {
    let imported = read("axolotl-qlora.yml");
    assert_eq!(imported.engine, Engine::Axolotl);
    let expected = Fields {
        model: text("Qwen/Qwen2.5-7B"),
        method: text("qlora"),
        rank: Some(32),
        alpha: Some(16.0),
        dropout: Some(0.05),
        trained_whole: Some(vec!["embedding".to_owned(), "head".to_owned()]),
        targets: text("all-linear"),
        load_format: text("4bit"),
        compute: text("bf16"),
        optimizer: text("paged-adamw-8bit"),
        micro_batch: Some(2),
        accumulation: Some(8),
        sequence_length: Some(4096),
        packing: text("yes"),
        checkpointing: text("full"),
        attention: text("flash"),
        loss_kernel: text("fused-linear"),
        learning_rate: Some(2e-4),
        // Steps win over epochs.
        epochs: None,
        steps: Some(400),
        kind: text("sft"),
        // `fsdp:` with nothing behind it shards nothing.
        strategy: None,
        more: [("optimizer.schedule".to_owned(), "cosine".to_owned())].into(),
        ..Fields::default()
    };
    assert_eq!(imported.fields, expected);
    let keys = &imported.keys;
    let unknown: Vec<(&str, usize)> = keys.unknown.iter().map(|key| (key.key.as_str(), key.line)).collect();
    assert!(unknown.contains(&("warmup_ration", 25)), "{unknown:?}");
    let typo = keys.unknown.iter().find(|key| key.key == "warmup_ration").unwrap();
    assert!(typo.message.contains("`warmup_ratio`"), "{}", typo.message);
    let no_field: Vec<&str> = keys.no_field.iter().map(|place| place.key.as_str()).collect();
    assert_eq!(no_field, ["tf32"]);
    for idle in ["lora_model_dir", "wandb_project", "num_epochs", "datasets[0].path"] {
        assert!(keys.not_needed.iter().any(|key| key == idle), "{idle}: {:?}", keys.not_needed);
    }
    assert!(imported.remarks.iter().any(|remark| remark.line == 18 && remark.message.contains("is text to PyYAML")));
}

#[test]
fn llama_factory_names_its_methods_by_several_keys() {
    let galore = read("llama-factory-galore.yaml").fields;
    assert_eq!((galore.method, galore.rank, galore.compute), (text("galore"), Some(128), text("bf16")));
    assert_eq!((galore.learning_rate, galore.epochs), (Some(1e-5), Some(3.0)));
    let imported = read("llama-factory-qlora-zero3.yaml");
    let fields = &imported.fields;
    assert_eq!((&fields.method, &fields.load_format), (&text("qlora"), &text("4bit")));
    assert_eq!((&fields.kind, &fields.strategy, fields.alpha), (&text("orpo"), &text("zero-3"), None));
    let alpha = imported.standards.iter().find(|standard| standard.field == "alpha").unwrap();
    assert_eq!(alpha.value, "16", "twice the rank, as the engine takes it: {alpha:?}");
}

#[test]
fn trl_leaves_the_kind_to_its_script_and_paths() {
    let imported = read("trl-dpo.yaml");
    assert_eq!(imported.fields.kind, text("dpo"));
    assert!(imported.remarks.iter().any(|remark| remark.message.contains("read off the path")));
    assert_eq!((imported.fields.steps, imported.fields.epochs), (None, Some(1.0)), "-1 is no limit");
    let elsewhere = fs::read_to_string("tests/fixtures/import/trl-dpo.yaml").unwrap();
    let elsewhere = import::read(&elsewhere, "config.yaml").unwrap();
    assert_eq!(elsewhere.fields.kind, None, "DPO, ORPO or KTO: not guessed");
    assert!(elsewhere.remarks.iter().any(|remark| remark.message.contains("choose the kind")));
}

#[test]
fn a_command_line_is_read_as_its_script_reads_it() {
    let imported = read("trl-command.sh");
    let fields = &imported.fields;
    assert_eq!(imported.engine, Engine::Trl);
    assert_eq!((&fields.kind, &fields.method, fields.rank), (&text("sft"), &text("lora"), Some(16)));
    assert_eq!((fields.micro_batch, fields.learning_rate), (Some(4), Some(1e-4)));
    assert_eq!(fields.packing, text("yes"));
    assert!(imported.remarks.is_empty(), "an argument parser reads 1e-4 as a number: {:?}", imported.remarks);
}

#[test]
fn torchtune_and_mlx_say_much_in_other_words() {
    let torchtune = read("torchtune-dora.yaml").fields;
    assert_eq!((torchtune.model, torchtune.method), (text("Llama-3.1-8B"), text("dora")));
    assert_eq!(torchtune.targets, text("q,v,o,gate,up,down"));
    assert_eq!((torchtune.checkpointing, torchtune.sequence_length), (text("none"), None));
    let imported = read("mlx.yaml");
    assert_eq!((imported.fields.alpha, imported.fields.targets.clone()), (Some(160.0), text("q,v")));
    assert!(imported.remarks.iter().any(|remark| remark.message.contains("does not read `alpha`")));
    assert!(imported.keys.not_needed.iter().any(|key| key == "lora_parameters.alpha"));
}

#[test]
fn files_beside_a_configuration_say_only_their_part() {
    let adapter = read("adapter_config.json");
    assert_eq!((adapter.engine, &adapter.fields.method), (Engine::Peft, &text("rslora")));
    let deepspeed = read("deepspeed-zero2.json").fields;
    assert_eq!((deepspeed.strategy, deepspeed.compute), (text("zero-2"), text("fp16")));
    assert_eq!((deepspeed.learning_rate, deepspeed.micro_batch), (None, None), "`auto` is the trainer's to say");
    assert_eq!(deepspeed.offload_optimizer, text("cpu"));
    let accelerate = read("accelerate-fsdp2.yaml");
    assert_eq!((accelerate.fields.strategy, accelerate.fields.devices), (text("fsdp2"), Some(8)));
    assert!(accelerate.remarks.iter().any(|remark| remark.line == 9 && remark.message.contains("stands twice")));
    assert_eq!(accelerate.fields.model, None);
}

/// Every key of every fixture stands in exactly one list.
#[test]
fn no_key_is_lost_or_counted_twice() {
    let files: Vec<String> = fs::read_dir("tests/fixtures/import")
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "README.md")
        .collect();
    assert!(files.len() >= 10);
    for name in files {
        let keys = read(&name).keys;
        let mut all: Vec<&String> = keys.taken.iter().chain(&keys.not_needed).collect();
        all.extend(keys.unknown.iter().map(|key| &key.key));
        all.extend(keys.no_field.iter().map(|place| &place.key));
        let text = fs::read_to_string(format!("tests/fixtures/import/{name}")).unwrap();
        // One key a line is what YAML files alone have.
        if !Path::new(&name).extension().is_some_and(|ending| ending == "yml" || ending == "yaml") {
            continue;
        }
        let is_key = |line: &&str| {
            line.trim_start_matches([' ', '-'])
                .split_once(':')
                .is_some_and(|(key, _)| !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || c == '_'))
        };
        assert_eq!(all.len(), text.lines().filter(is_key).count(), "{name}: {all:?}");
    }
}

#[test]
fn an_import_is_a_plan_that_says_what_it_assumes() {
    let made = planned(&read("axolotl-qlora.yml"), "job");
    let value = |id| field(id).and_then(|field| (field.get)(&made.plan));
    assert_eq!(value(id::METHOD_KIND), Some(FieldValue::Id("qlora".to_owned())));
    assert_eq!(value(id::PRECISION_LOAD_FORMAT), Some(FieldValue::Id("nf4".to_owned())));
    assert_eq!(value(id::METHOD_TRAIN_HEAD), Some(FieldValue::Toggle(true)));
    assert_eq!(value(id::RUN_MAX_STEPS), Some(FieldValue::Integer(400)));
    assert_eq!(value(id::RUNTIME_PROFILE), Some(FieldValue::Id("axolotl-0.21".to_owned())));
    let orpo = planned(&read("llama-factory-qlora-zero3.yaml"), "job").plan;
    let loss = field(id::OBJECTIVE_PREFERENCE).and_then(|field| (field.get)(&orpo));
    assert_eq!(loss, Some(FieldValue::Id("orpo".to_owned())));
    let assumed: Vec<&str> = made.assumed.iter().map(|assumed| assumed.field.as_str()).collect();
    assert!(assumed.contains(&id::HARDWARE_ACCELERATOR), "{assumed:?}");
    assert!(!assumed.contains(&id::BATCH_MICRO_BATCH), "{assumed:?}");
}

/// What a file leaves unsaid is what its stack does: TRL loads a model given by name in FP32 from 0.27 on, LLaMA-Factory
/// trains in FP32 unless `pure_bf16` is on, and both recompute activations (engines read at the versions of their profiles).
#[test]
fn what_a_file_leaves_unsaid_is_what_its_stack_does() {
    let read_text = |text: &str| planned(&import::read(text, "job.yaml").unwrap(), "job");
    let trl = read_text(
        "model_name_or_path: Qwen/Qwen2.5-7B\nuse_peft: true\nlora_r: 16\nbf16: true\nlearning_rate: 0.0001\n",
    );
    let value = |plan, id: &'static str| field(id).and_then(|field| (field.get)(plan));
    let word = |word: &str| Some(FieldValue::Id(word.to_owned()));
    assert_eq!(value(&trl.plan, id::RUNTIME_PROFILE), word("trl-1.16"));
    assert_eq!(value(&trl.plan, id::PRECISION_LOAD_FORMAT), word("fp32"));
    assert_eq!(value(&trl.plan, id::RUNTIME_CHECKPOINTING), word("full"));
    assert_eq!(value(&trl.plan, id::BATCH_SEQUENCE_LENGTH), Some(FieldValue::Integer(1024)));
    for id in [id::PRECISION_LOAD_FORMAT, id::RUNTIME_CHECKPOINTING, id::BATCH_SEQUENCE_LENGTH] {
        assert!(trl.assumed.iter().any(|assumed| assumed.field == id), "{id}: {:?}", trl.assumed);
    }
    assert_eq!(trl.plan.optimizer.learning_rate, Some(0.0001));
    let stated = read_text("model_name_or_path: Qwen/Qwen2.5-7B\ndtype: bfloat16\ngradient_checkpointing: false\n");
    assert_eq!(value(&stated.plan, id::PRECISION_LOAD_FORMAT), word("bf16"));
    assert!(!stated.assumed.iter().any(|assumed| assumed.field == id::RUNTIME_CHECKPOINTING), "{:?}", stated.assumed);
    let full = "model_name_or_path: Qwen/Qwen2.5-7B\nstage: sft\nfinetuning_type: full\ntemplate: qwen\nbf16: true\n";
    assert_eq!(value(&read_text(full).plan, id::PRECISION_LOAD_FORMAT), word("fp32"));
    // No assumption is about a setting twice.
    let mut ids: Vec<&str> = trl.assumed.iter().map(|assumed| assumed.field.as_str()).collect();
    ids.sort_unstable();
    let all = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), all, "{:?}", trl.assumed);
}

/// A file that goes beside a training configuration is no job: no figure rests on it.
#[test]
fn a_file_beside_a_job_gives_no_figure() {
    for name in ["accelerate-fsdp2.yaml", "deepspeed-zero2.json", "adapter_config.json"] {
        let imported = read(name);
        let made = planned(&imported, "job");
        assert!(made.no_job.is_some(), "{name}");
        assert_eq!(account::sections(&imported, &made)[0].title, "No job by itself", "{name}");
    }
    assert_eq!(planned(&read("axolotl-qlora.yml"), "job").no_job, None);
}

#[test]
fn what_is_no_configuration_is_refused_with_a_place() {
    let said = |text: &str| import::read(text, "x.yaml").unwrap_err().to_string();
    assert!(said("a: [1, 2").starts_with(|c: char| c.is_ascii_digit()), "{}", said("a: [1, 2"));
    assert!(said("").contains("empty"));
    assert!(said("- 1\n- 2\n").contains("no table"));
    assert!(said("colour: red\nshape: round\n").contains("no keys of an engine"));
    assert!(said("{\"model_type\": \"llama\", \"hidden_size\": 64}").contains("model's config.json"));
    // An alias of an alias of an alias: a few lines that would be millions of values.
    let mut bomb = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n".to_owned();
    for level in 1..9 {
        let below = format!("*a{}, ", level - 1).repeat(9);
        let _ = writeln!(bomb, "a{level}: &a{level} [{}]", below.trim_end_matches(", "));
    }
    assert!(said(&bomb).contains("more than"), "{}", said(&bomb));
    let deep = "a: ".to_owned() + &"[".repeat(500) + &"]".repeat(500);
    assert!(!said(&deep).is_empty());
}

/// A file of thousands of unknown keys would be held against hundreds of names each; near ones are looked for a hundred times.
#[test]
fn a_flood_of_unknown_keys_is_no_flood_of_work() {
    let keys: String = (0..3000).fold(String::new(), |text, index| format!("{text}sequence_lem{index}: 1\n"));
    let imported = import::read(&format!("base_model: m\n{keys}"), "x.yml").unwrap();
    assert_eq!(imported.keys.unknown.len(), 3000);
    let near = imported.keys.unknown.iter().filter(|key| key.message.contains("did you mean")).count();
    assert_eq!(near, 100, "{:?}", imported.keys.unknown[0]);
}

/// PyYAML's own answers (6.0.2, `yaml.safe_load`), typed over.
#[test]
fn words_are_what_pyyaml_takes_them_for() {
    let of = |word: &str| {
        let text = format!("base_model: m\nlearning_rate: {word}\n");
        let imported = import::read(&text, "x.yml").unwrap();
        let is_text = imported.remarks.iter().any(|remark| remark.message.contains("is text to PyYAML"));
        (imported.fields.learning_rate, is_text)
    };
    for (word, number, is_text) in [
        ("0.0002", Some(2e-4), false),
        ("2e-4", Some(2e-4), true),
        ("2.0e-4", Some(2e-4), false),
        ("2.0e4", Some(2e4), true),
        ("1_000", Some(1000.0), false),
        ("0o17", None, false),
        ("010", Some(8.0), false),
        ("0x10", Some(16.0), false),
        ("auto", None, false),
        ("~", None, false),
        ("'3'", Some(3.0), true),
    ] {
        assert_eq!(of(word), (number, is_text), "{word}");
    }
}
